"""Packages of npm's for what node runs in tests."""

import fcntl
import os
import shutil
import subprocess

from support.roots import cache_folder

PROGRAM = "/usr/bin/node"


def packages_of(folder):
    """Where `npm ci` put what |folder|/package-lock.json names; a cached
    folder, with a slash at its end as createRequire() wants it."""
    with open(os.path.join(folder, "package-lock.json"), "rb") as f:
        lock_text = f.read()
    target = os.path.join(cache_folder(), os.path.basename(folder))
    os.makedirs(cache_folder(), exist_ok=True)
    with open(target + ".lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _holds(target, lock_text):
            shutil.rmtree(target, ignore_errors=True)
            os.mkdir(target)
            shutil.copy(os.path.join(folder, "package.json"), target)
            shutil.copy(os.path.join(folder, "package-lock.json"), target)
            done = subprocess.run(
                ["npm", "ci", "--omit=dev", "--no-audit", "--no-fund"],
                cwd=target, stdin=subprocess.DEVNULL, text=True,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            if done.returncode:
                shutil.rmtree(target)
                raise RuntimeError(f"npm ci: {done.stdout}")
    return target + "/"


def _holds(target, lock_text):
    try:
        with open(os.path.join(target, "package-lock.json"), "rb") as f:
            return f.read() == lock_text and os.path.isdir(
                os.path.join(target, "node_modules"))
    except FileNotFoundError:
        return False
