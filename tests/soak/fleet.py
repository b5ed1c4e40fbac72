"""The popinjay of the soak: one process, and at a handover another one."""

import asyncio
import itertools
import os
import signal
import time

from changes import Changes
from kinds import policies
from support.certificates import Authority
from support.oauth import Accounts
from support.popinjay import Popinjay, replacing, successor, write_config
from support.secrets import leaks_below

# On top of what else there is of these sections.
SETTINGS = {
    "server": {"log_level": "info"},
    "listen pop3s": {"token_login": "yes"},
    "status": {"probe_interval": "5 s"},
    # What is cut off is to be noticed within a storm's aftermath.
    "limits": {"upstream_timeout": "10 s", "login_timeout": "60 s",
               "upstream_reuse": "30 s", "drain_timeout": "60 s",
               "login_failures": "20"},
}
RELOAD_SECONDS = 10
REST_SECONDS = 90
# Descriptors that a process at rest may have beside those of its beginning:
# what the status server and the resolver keep; and of each of its three loops,
# where it has asked by HTTP, what libcurl keeps for itself (two) and a
# connection that may be of use again.
FILES_ASIDE = 4 + 3 * (2 + 1)


class Fleet:
    def __init__(self, build, folder, backends, seed):
        os.environ["POPINJAY"] = os.path.join(build, "popinjay")
        self._folder = os.path.join(folder, "popinjay")
        os.mkdir(self._folder)
        self._authority = Authority(os.path.join(folder, "tls"))
        self._upstream = backends.main_upstream()
        accounts = Accounts(self._folder, backends.oauth)
        self._backends = backends
        self._turns = itertools.count()
        self._now = Popinjay(self._folder, self._authority, self._upstream, {
            **accounts.settings(), **self._next_turn()})
        for section, keys in SETTINGS.items():
            self._now.config[section].update(keys)
        # It must be there before there is an account in it.
        with open(self._now.config["accounts"]["file"], "x", encoding="ascii"):
            pass
        write_config(self._now.config_path, self._now.config)
        self.changes = Changes(accounts, backends, seed)
        self._former = []
        self._born = None
        self._files_at_birth = None
        self._cpu_of_former = 0.0
        # Of the last process; kB when it was young and when all had gone.
        self.pid = None
        self.rss_kb_at_birth = None
        self.rss_kb_at_rest = None

    def _next_turn(self):
        turn = next(self._turns)
        return {**self._backends.settings(turn), **policies(turn)}

    @property
    def ca_file(self):
        return self._authority.ca_file

    @property
    def port(self):
        return self._now.port_tls

    async def start(self, devices):
        await asyncio.to_thread(self.changes.make_all, self._now, devices)
        await asyncio.to_thread(self._now.start)
        self._remember_birth()

    def _remember_birth(self):
        self.pid = self._now.pid
        self._born = time.monotonic()
        self._files_at_birth = self._now.open_files()
        self.rss_kb_at_birth = self._now.rss_kb()

    async def reload(self, way_in):
        """A certificate is replaced, as a renewal does, accounts, policies
        and upstreams are changed, and SIGHUP is sent; what is wrong then."""
        self._now.config.update(self._next_turn())
        async with self.changes.some(self._now):
            before = self._reloads()
            await asyncio.to_thread(self._authority.issue, "proxy")
            write_config(self._now.config_path, self._now.config)
            self._now.signal(signal.SIGHUP)
            async with asyncio.timeout(RELOAD_SECONDS):
                while self._reloads() == before:
                    await asyncio.sleep(0.1)
            return await self.changes.wrong_now(way_in)

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
                    not self._aside(status) and \
                    self._now.open_files() <= self._files_at_birth + FILES_ASIDE:
                break
            await asyncio.sleep(1)
        self.rss_kb_at_rest = self._now.rss_kb()
        if status["sessions"]["active"]:
            wrong.append(f"{status['sessions']['active']} sessions do not end")
        files = self._now.open_files()
        if files > self._files_at_birth + FILES_ASIDE:
            wrong.append(f"{files} descriptors are open at rest, "
                         f"{self._files_at_birth} were at the beginning")
        wrong += [f"{server} is still put aside"
                  for server in self._aside(status)]
        return wrong

    @staticmethod
    def _aside(status):
        return [server["address"] for upstream in status["upstreams"]
                for server in upstream["servers"] if server["aside_ms"]]

    def leaks(self):
        """Secrets in what popinjay has left: logs, what it has shown, state,
        accounts."""
        return leaks_below(self._folder)

    async def stop(self):
        """Each must have ended well."""
        for process in (*self._former, self._now):
            await asyncio.to_thread(process.stop)

    def kill(self):
        for process in (*self._former, self._now):
            process.kill()
