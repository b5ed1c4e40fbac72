"""Runs `load`, and judges what it says before anything is made of it."""

import contextlib
import json
import subprocess
import time

import measure

# For what a peer does once its client has gone.
SETTLE_SECONDS = 0.3


class Failed(Exception):
    """A cell has no figure; the text says why."""


def _argv(lab, peer, script, options):
    argv = [lab.tool("load"), "--connect", f"127.0.0.1:{peer.port}",
            "--tls", "implicit", "--ca", lab.ca_file,
            "--server-name", "localhost", "--password", lab.password,
            "--script", peer.script or script]
    for key, value in options.items():
        if value is True:
            argv.append(f"--{key}")
        elif value not in (None, False):
            argv += [f"--{key}", str(value)]
    return argv


def _judge(code, out, err, verified):
    """The JSON of a load that did all it was to do; else Failed."""
    try:
        said = json.loads(out)
    except ValueError:
        raise Failed(f"load ended with {code}: {err.strip()[-200:]}") from None
    if said["failed"] or said["mismatches"] or code:
        raise Failed(f"{said['failed']} of {said['sessions']} sessions failed"
                     f", {said['mismatches']} messages differ: "
                     + ("; ".join(said["errors"]) or f"exit code {code}"))
    if verified and not said["messages"]:
        raise Failed("no message was retrieved")
    return said


def load(lab, peer, script, timeout=120, **options):
    """What `load` says; options as on its command line."""
    options["timeout"] = timeout
    argv = _argv(lab, peer, script, options)
    try:
        done = subprocess.run(argv, capture_output=True, text=True,
                              check=False, timeout=timeout + 30)
    except subprocess.TimeoutExpired:
        raise Failed(f"load did not end within {timeout} s") from None
    return _judge(done.returncode, done.stdout, done.stderr,
                  "manifest" in options)


def costed_load(lab, peer, script, **options):
    """(what `load` says, CPU seconds that the peer used for it)."""
    before = measure.cpu_seconds(peer.pid)
    said = load(lab, peer, script, **options)
    time.sleep(SETTLE_SECONDS)
    return said, measure.cpu_seconds(peer.pid) - before


@contextlib.contextmanager
def held(lab, peer, sessions, timeout, **options):
    """Sessions that are logged in and say nothing, within the block."""
    options.update(sessions=sessions, timeout=timeout)
    argv = _argv(lab, peer, "hold", options)
    with subprocess.Popen(argv, stdin=subprocess.PIPE, text=True,
                          stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as running:
        try:
            line = running.stdout.readline()
            if not line.startswith("holding"):
                out, err = running.communicate(timeout=timeout)
                _judge(running.wait(), line + out, err, False)
                raise Failed(f"load says {line!r}")
            yield
            out, err = running.communicate("\n", timeout=timeout)
            _judge(running.wait(), out, err, False)
        except subprocess.TimeoutExpired:
            raise Failed(f"load did not end within {timeout} s") from None
        finally:
            running.kill()
