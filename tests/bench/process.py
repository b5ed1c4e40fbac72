"""Processes of the benchmark: started, waited for, and ended by their id."""

import contextlib
import os
import resource
import signal
import subprocess

from support.ports import answers, wait_until

STOP_SECONDS = 10


def raise_file_limit(wanted=70_000):
    """Lets this process and its children open |wanted| files, or as many as
    it may; returns how many. A session of a proxy takes two."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for limits in ((wanted, max(wanted, hard)), (min(wanted, hard), hard)):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
            return limits[0]
    return soft


class Process:
    """A program that runs in a session of its own, so that its group is its
    tree; what it says goes to |log|."""

    def __init__(self, name, argv, log):
        self.name = name
        self._log = log
        with open(log, "ab") as out:
            self._popen = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=out, start_new_session=True, text=True)

    @property
    def pid(self):
        return self._popen.pid

    def said(self):
        """The end of the log, for a message."""
        with open(self._log, encoding="utf-8", errors="replace") as f:
            return f.read()[-1500:].strip()

    def _check(self):
        if self._popen.poll() is not None:
            raise RuntimeError(f"{self.name} ended with "
                               f"{self._popen.returncode}: {self.said()}")

    def port(self):
        """Of the line `port N`, which our own programs begin with."""
        line = self._popen.stdout.readline()
        if not line.startswith("port "):
            self._popen.wait(STOP_SECONDS)
            self._check()
            raise RuntimeError(f"{self.name} says {line!r}, not its port")
        return int(line.split()[1])

    def wait_for(self, *ports):
        """Returns once all |ports| answer."""
        def up():
            self._check()
            return all(map(answers, ports))
        wait_until(up, 30, self.name)

    def stop(self):
        """SIGTERM, and SIGKILL to what is left of the group; harmless when
        repeated."""
        if self._popen.stdout.closed:
            return
        if self._popen.poll() is None:
            self._popen.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(STOP_SECONDS)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._popen.wait()
        self._popen.stdout.close()
