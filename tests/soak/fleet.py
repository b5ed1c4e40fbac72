"""The popinjay of the soak: one process, and at a handover another one."""

import asyncio
import os
import signal
import time

from support.certificates import Authority
from support.popinjay import Popinjay, replacing, successor

SETTINGS = {
    "server": {"log_level": "info"},
    # What is cut off is to be noticed within a storm's aftermath.
    "limits": {"upstream_timeout": "10 s", "login_timeout": "60 s",
               "upstream_reuse": "30 s", "drain_timeout": "60 s"},
}
RELOAD_SECONDS = 10
REST_SECONDS = 90
# Descriptors that a process at rest may have beside those of its beginning:
# what the status server and the resolver keep.
FILES_ASIDE = 4


class Fleet:
    def __init__(self, build, folder, server, upstream_port):
        os.environ["POPINJAY"] = os.path.join(build, "popinjay")
        self._authority = Authority(os.path.join(folder, "tls"))
        upstream = {**server.upstream_config(),
                    "address": f"{server.host}:{upstream_port}"}
        self._folder = folder
        self._upstream = upstream
        self._now = Popinjay(folder, self._authority, upstream, SETTINGS)
        self._former = []
        self._born = None
        self._files_at_birth = None
        self._cpu_of_former = 0.0

    @property
    def ca_file(self):
        return self._authority.ca_file

    @property
    def port(self):
        return self._now.port_tls

    async def start(self):
        await asyncio.to_thread(self._now.start)
        self._remember_birth()

    def _remember_birth(self):
        self._born = time.monotonic()
        self._files_at_birth = self._now.open_files()

    async def reload(self):
        """A certificate is replaced, as a renewal does, and SIGHUP sent."""
        before = self._reloads()
        await asyncio.to_thread(self._authority.issue, "proxy")
        self._now.signal(signal.SIGHUP)
        async with asyncio.timeout(RELOAD_SECONDS):
            while self._reloads() == before:
                await asyncio.sleep(0.1)

    def _reloads(self):
        return self._now.log().count(" reloaded ")

    async def succeed(self):
        """Another process takes over; the former ends when it has drained."""
        former = self._now
        self._cpu_of_former += former.cpu_seconds()
        self._now = successor(former, self._folder, self._authority,
                              self._upstream)
        self._former.append(former)
        await asyncio.to_thread(self._now.start, replacing(former))
        self._remember_birth()

    def sample(self):
        """What the process that serves holds now."""
        return {"pid": self._now.pid, "age": time.monotonic() - self._born,
                "rss_kb": self._now.rss_kb(),
                "files": self._now.open_files()}

    def cpu_seconds(self):
        return self._cpu_of_former + self._now.cpu_seconds()

    async def rest(self):
        """Once nobody comes any more it must hold nothing; what is wrong."""
        wrong = []
        last = time.monotonic() + REST_SECONDS
        while time.monotonic() < last:
            status = await asyncio.to_thread(self._now.status)
            if status["sessions"]["active"] == 0 and \
                    self._now.open_files() <= self._files_at_birth + FILES_ASIDE:
                return wrong
            await asyncio.sleep(1)
        if status["sessions"]["active"]:
            wrong.append(f"{status['sessions']['active']} sessions do not end")
        files = self._now.open_files()
        if files > self._files_at_birth + FILES_ASIDE:
            wrong.append(f"{files} descriptors are open at rest, "
                         f"{self._files_at_birth} were at the beginning")
        return wrong

    async def stop(self):
        """Each must have ended well."""
        for process in (*self._former, self._now):
            await asyncio.to_thread(process.stop)

    def kill(self):
        for process in (*self._former, self._now):
            process.kill()
