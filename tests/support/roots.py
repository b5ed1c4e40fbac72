"""A root of its own for each server whose Debian packages exclude another's.

A root is nothing but the unpacked packages: apt names and fetches what a
server depends on, with the machine's own sources, keys and proxies, for an
imagined machine that has nothing installed; dpkg-deb unpacks it. No script of
a package runs and no service starts: what a server needs beside its files
(accounts, configuration, spool) the class that runs it writes down, so that a
reader sees all of it.

Roots are kept in $POPINJAY_CACHE (default ~/.cache/popinjay/roots) and never
written to. A server runs with chroot in an Instance: a copy made of hard
links, gone when the server stops. Nothing is mounted.
"""

import contextlib
import fcntl
import glob
import hashlib
import os
import shutil
import signal
import stat
import subprocess
import time

# No part in serving mail; without them a root is a third of its size.
LEFT_OUT = ("./usr/share/doc", "./usr/share/info", "./usr/share/locale",
            "./usr/share/man", "./usr/share/perl*", "./usr/lib/*/perl*",
            "./usr/include", "./usr/games", "./usr/sbin/exim*")
# Bookworm's packages still carry /bin, /lib, ... but expect them merged.
MERGED = ("bin", "sbin", "lib", "lib64")
DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7),
           "random": (1, 8), "urandom": (1, 9)}


def cache_folder():
    """Where roots, and other things too dear to fetch twice, are kept."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.realpath(os.environ.get("POPINJAY_CACHE") or os.path.join(
        home, "popinjay", "roots"))


def root_of(name, packages):
    """The path of the root called |name|; built first where it is missing.

    The name of its folder holds a digest of the package list, so that a
    changed list makes a new root. A folder under its final name is complete:
    it is built beside it and renamed at the end, under a lock.
    """
    digest = hashlib.sha256(" ".join((*packages, *LEFT_OUT)).encode())
    path = os.path.join(cache_folder(), f"{name}-{digest.hexdigest()[:12]}")
    os.makedirs(cache_folder(), exist_ok=True)
    with open(path + ".lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.isdir(path):
            _build(path, packages)
    return path


def _build(path, packages):
    if os.geteuid() != 0:
        raise PermissionError("a server's root can only be made by root")
    work = path + ".new"
    shutil.rmtree(work, ignore_errors=True)
    archives = os.path.join(work, "archives")
    os.makedirs(os.path.join(archives, "partial"))
    _fetch(work, archives, packages)
    root = os.path.join(work, "root")
    os.mkdir(root)
    _unpack(sorted(glob.glob(os.path.join(archives, "*.deb"))), root)
    _make_devices(root)
    os.rename(root, path)
    shutil.rmtree(work)


def _fetch(work, archives, packages):
    """Downloads |packages| and all that they depend on."""
    nothing_installed = os.path.join(work, "status")
    open(nothing_installed, "w", encoding="ascii").close()
    options = {
        "Dir::State::status": nothing_installed,
        "Dir::State::extended_states": os.path.join(work, "extended"),
        "Dir::Cache::archives": archives,
        "Dir::Cache::pkgcache": "",       # the machine's own stay untouched
        "Dir::Cache::srcpkgcache": "",
        "APT::Sandbox::User": "root",     # the cache folder may be private
        "APT::Install-Recommends": "false",
    }
    command = ["apt-get", "-qq", "-y", "--download-only"]
    for key, value in options.items():
        command += ["-o", f"{key}={value}"]
    # What apt believes to be there may have been replaced meanwhile.
    for update_first in (False, True):
        if update_first:
            subprocess.run(["apt-get", "-qq", "update"], check=True)
        done = subprocess.run([*command, "install", *packages],
                              stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        if done.returncode == 0:
            return
    raise RuntimeError(f"apt-get could not fetch {' '.join(packages)}:\n"
                       f"{done.stdout}")


def _unpack(archives, root):
    for name in MERGED:
        os.makedirs(os.path.join(root, "usr", name))
        os.symlink(f"usr/{name}", os.path.join(root, name))
    tar = ["tar", "-x", "--keep-directory-symlink", "-C", root]
    tar += [f"--exclude={pattern}" for pattern in LEFT_OUT]
    for archive in archives:
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", archive],
                              stdout=subprocess.PIPE) as unpacked:
            subprocess.run(tar, stdin=unpacked.stdout, check=True)
        if unpacked.returncode:
            raise RuntimeError(f"{archive}: cannot be unpacked")
    for folder in ("tmp", "run", "dev", "etc"):
        os.makedirs(os.path.join(root, folder), exist_ok=True)
    os.chmod(os.path.join(root, "tmp"), 0o1777)


def _make_devices(root):
    for name, (major, minor) in DEVICES.items():
        path = os.path.join(root, "dev", name)
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(major, minor))
        os.chmod(path, 0o666)
    try:
        with open(os.path.join(root, "dev", "null"), "wb"):
            pass
    except OSError as e:
        raise RuntimeError(f"{root} is on a file system without devices; set "
                           "POPINJAY_CACHE to a folder on another") from e


class Instance:
    """A copy of a root to run one server in, and the processes in it.

    Files of the copy are hard links into the root: replace them (write()),
    never write into them.
    """

    def __init__(self, root):
        self._remove_abandoned(root)
        self.folder = f"{root}.run-{os.getpid()}-{time.monotonic_ns()}"
        # Held while the owner lives, so that nobody takes it for abandoned.
        self._lock = open(self.folder + ".lock", "w", encoding="ascii")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        subprocess.run(["cp", "-al", root, self.folder], check=True)
        self.processes = []

    @staticmethod
    def _remove_abandoned(root):
        """Copies whose owner was killed before it could remove them, and
        what still runs there."""
        for path in glob.glob(glob.escape(root) + ".run-*.lock"):
            with contextlib.suppress(OSError), open(path, "rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                folder = path.removesuffix(".lock")
                _end_processes_in(folder)
                shutil.rmtree(folder, ignore_errors=True)
                os.unlink(path)

    def path(self, name):
        """The path outside of what the server calls |name|."""
        return os.path.join(self.folder, name.lstrip("/"))

    def write(self, name, text, mode=0o644, owner=None):
        """owner: (uid, gid)."""
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path + ".new", "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path + ".new", mode)
        if owner:
            os.chown(path + ".new", *owner)
        os.replace(path + ".new", path)

    def make_folder(self, name, mode=0o755, owner=None):
        os.makedirs(self.path(name), exist_ok=True)
        self.set_owner(name, mode, owner)

    def set_owner(self, name, mode, owner=None):
        """Not for files of the packages: they are the root's as well."""
        os.chmod(self.path(name), mode)
        if owner:
            os.chown(self.path(name), *owner)

    def write_accounts(self, accounts):
        """accounts: name: (uid, gid, home); root and nobody are there."""
        users = {"root": (0, 0, "/"), "nobody": (65534, 65534, "/"),
                 **accounts}
        self.write("/etc/passwd", "".join(
            f"{name}:x:{uid}:{gid}::{home}:/bin/false\n"
            for name, (uid, gid, home) in users.items()))
        self.write("/etc/group", "".join(
            f"{name}:x:{gid}:\n" for name, (_, gid, _) in users.items()))
        self.write("/etc/nsswitch.conf", "passwd: files\ngroup: files\n"
                   "hosts: files dns\nservices: files\n")
        self.write("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n")

    def run(self, *command, feed=None):
        """Runs a program of the root to its end; returns its output."""
        done = subprocess.run(
            ["chroot", self.folder, *command], input=feed, text=True,
            env=self._environment({}), stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        if done.returncode:
            raise RuntimeError(f"{command[0]}: {done.stdout}")
        return done.stdout

    def start(self, *command, log, env=()):
        """Starts a server that stays in the foreground; |log| takes what it
        says on standard output and error."""
        with open(log, "ab") as out:
            process = subprocess.Popen(
                ["chroot", self.folder, *command], stdin=subprocess.DEVNULL,
                stdout=out, stderr=out, env=self._environment(env),
                start_new_session=True)
        self.processes.append(process)
        return process

    @staticmethod
    def _environment(more):
        return {"PATH": "/usr/sbin:/usr/bin", "LANG": "C", **dict(more)}

    def end_processes(self):
        """Ends all that was started, the last first."""
        _end_processes_in(self.folder, self.processes[::-1])
        self.processes = []

    def close(self):
        """Ends all that was started and removes the copy."""
        self.end_processes()
        if self._lock:
            shutil.rmtree(self.folder)
            os.unlink(self._lock.name)
            self._lock.close()
            self._lock = None


def _processes_in(folder):
    """The ids of the processes whose root directory is |folder|: whatever a
    server forked, and nothing else. Dead ones have none."""
    for path in glob.glob("/proc/[0-9]*/root"):
        with contextlib.suppress(OSError):
            if os.readlink(path) == folder:
                yield int(path.split("/")[2])


def _end_processes_in(folder, first=()):
    """SIGTERM to the servers |first|, then to all that is left in |folder|,
    and SIGKILL to what does not listen."""
    for process in first:
        process.terminate()
    _wait_until_empty(folder, 1)
    for number, seconds in ((signal.SIGTERM, 3), (signal.SIGKILL, 30)):
        for pid in _processes_in(folder):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        _wait_until_empty(folder, seconds)
    for process in first:
        process.wait()


def _wait_until_empty(folder, seconds):
    end = time.monotonic() + seconds
    while any(_processes_in(folder)) and time.monotonic() < end:
        time.sleep(0.02)
