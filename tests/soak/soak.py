#!/usr/bin/python3
"""Hundreds of devices before a real Dovecot, for an hour, with faults.

    soak.py --minutes N --devices N --build DIR [--seed N]

Calm and storm take turns. In a storm the relays on both sides of popinjay do
what networks do (faults.py), and the server is gone for a while: sessions may
fail then, mail may not. In the calm between them no session may fail, although
the configuration and the certificate are replaced and reloaded, a new process
takes over from the old one, and strangers knock. It ends with an audit of each
Maildir and of what the process holds; exit 1 where a promise was not kept.
Writes soak.md and soak.json into DIR/soak.
"""

import argparse
import asyncio
import collections
import os
import random
import ssl
import sys
import tempfile
import time

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, TESTS)

# pylint: disable=wrong-import-position
from devices import Device, Session, Refused        # noqa: E402
from faults import Relay                            # noqa: E402
from fleet import Fleet                             # noqa: E402
from ledger import Ledger, Violation                # noqa: E402
from report import write_report                     # noqa: E402
from support.dovecot import Dovecot                 # noqa: E402
from support.ports import free_port                 # noqa: E402

CALM_SECONDS = 100
HANDOVER_EVERY = 5              # calms: a process lives a quarter of an hour
STORM_SECONDS = 60
OUTAGE_SECONDS = 10
# After a storm, for what it struck to end; sessions that begin later count.
SETTLING_SECONDS = 20
POLL_SECONDS = (8, 25)          # between two visits of a device
DELIVERY_SECONDS = 0.15         # between two messages to somebody
SAMPLE_SECONDS = 5
STRANGER = "127.0.0.66"
PASSWORD = "a-password-of-a-device"


class Soak:
    def __init__(self, options, folder, server):
        self.options = options
        self.server = server
        self.random = random.Random(options.seed)
        owner = server.mail_owner
        self.ledger = Ledger(os.path.join(folder, "mail"),
                             (owner.pw_uid, owner.pw_gid), options.seed)
        ports = [free_port(), free_port()]
        self.fleet = Fleet(options.build, folder, server, upstream_port=ports[0])
        self.upstream = Relay(ports[0], server.port_tls, options.seed + 1)
        self.clients = Relay(ports[1], self.fleet.port, options.seed + 2)
        self.users = [f"device{n}" for n in range(options.devices)]
        self.outcomes = []
        self.violations = []
        self.samples = []
        self.events = []
        self.calms = []          # (from, to) in which no session may fail
        self.strangers = collections.Counter()
        self.ends = None         # an Event, set when no more visits begin
        self.began = None
        self.cpu_seconds = None

    def note(self, what):
        self.events.append((time.monotonic() - self.began, what))
        print(f"{self.events[-1][0]:7.1f} s  {what}", flush=True)

    # --- those who take part ------------------------------------------------

    async def device(self, number, context):
        user = self.users[number]
        device = Device(user, PASSWORD, self.ledger, self.clients.port,
                        context, self.options.seed + number)
        await asyncio.sleep(self.random.uniform(0, POLL_SECONDS[1]))
        while not self.ends.is_set():
            try:
                self.outcomes.append(await device.visit())
            except Violation as violation:
                self.violations.append(str(violation))
                self.note(f"VIOLATION {violation}")
            await self.pause(self.random.uniform(*POLL_SECONDS))

    async def deliveries(self):
        while not self.ends.is_set():
            self.ledger.deliver(self.random.choice(self.users))
            await self.pause(DELIVERY_SECONDS)

    async def stranger(self, context):
        """Knocks, leaves, guesses a password; from an address of its own."""
        while not self.ends.is_set():
            try:
                async with asyncio.timeout(10):
                    reader, writer = await asyncio.open_connection(
                        "127.0.0.1", self.fleet.port, ssl=context,
                        server_hostname="localhost",
                        local_addr=(STRANGER, 0))
                    session = Session(reader, writer)
                    await session.reply()
                    if self.random.random() < 0.5:
                        await session.command(f"USER {self.users[0]}")
                        await session.command("PASS a-guess")
                        self.violations.append("a guess was let in")
                    session.drop()
            except Refused:
                self.strangers["refused"] += 1
            except (OSError, TimeoutError):
                self.strangers["cut off"] += 1
            else:
                self.strangers["left"] += 1
            await self.pause(1)

    async def sampler(self):
        while not self.ends.is_set():
            self.samples.append((time.monotonic() - self.began,
                                 self.fleet.sample()))
            await self.pause(SAMPLE_SECONDS)

    async def pause(self, seconds):
        """Less where the soak ends."""
        try:
            async with asyncio.timeout(seconds):
                await self.ends.wait()
        except TimeoutError:
            pass

    # --- the course of it ---------------------------------------------------

    async def calm(self, seconds):
        began = time.monotonic()
        await self.pause(seconds / 4)
        self.note("reload, with another certificate")
        await self.fleet.reload()
        await self.pause(seconds / 4)
        if len(self.calms) % HANDOVER_EVERY == 0:
            self.note("handover to another process")
            await self.fleet.succeed()
        await self.pause(seconds / 2)
        self.calms.append((began, time.monotonic()))

    async def storm(self):
        self.note("storm")
        self.clients.storm()
        self.upstream.storm()
        await self.pause(STORM_SECONDS / 2)
        self.note("the server is gone")
        await self.upstream.close()
        await self.pause(OUTAGE_SECONDS)
        await self.upstream.open()
        self.note("the server is back")
        await self.pause(STORM_SECONDS / 2)
        self.clients.calm()
        self.upstream.calm()
        self.note("calm")
        await self.pause(SETTLING_SECONDS)

    async def run(self):
        self.began = time.monotonic()
        self.ends = asyncio.Event()
        for user in self.users:
            self.server.create_user(user, PASSWORD)
            self.ledger.open_mailbox(user)
        await self.upstream.open()
        await self.fleet.start()
        await self.clients.open()
        context = ssl.create_default_context(cafile=self.fleet.ca_file)
        tasks = [asyncio.ensure_future(c) for c in (
            self.deliveries(), self.stranger(context), self.sampler(),
            *(self.device(n, context) for n in range(len(self.users))))]
        last = self.began + self.options.minutes * 60
        while time.monotonic() < last:
            await self.calm(min(CALM_SECONDS, last - time.monotonic()))
            if time.monotonic() < last:
                await self.storm()
        self.note("the end: no new visits")
        self.ends.set()
        for done in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(done, Exception):
                self.violations.append(f"the soak itself: {done!r}")
        await self.clients.close()
        self.violations += await self.fleet.rest()
        self.cpu_seconds = self.fleet.cpu_seconds()
        await self.fleet.stop()
        await self.upstream.close()
        self.violations += self.ledger.audit()

    def unexcused(self):
        """Visits that failed although they began and ended in a calm."""
        return [o for o in self.outcomes if o.error and any(
            a <= o.began and o.ended <= b for a, b in self.calms)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--devices", type=int, default=300)
    parser.add_argument("--build", default="build")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    os.chdir(os.path.dirname(TESTS))
    with tempfile.TemporaryDirectory(prefix="pjsoak.") as folder:
        os.chmod(folder, 0o755)
        location = f"mail_location = maildir:{folder}/mail/%u\n" \
                   "mail_max_userip_connections = 10000\n"
        with Dovecot(location) as server:
            soak = Soak(options, folder, server)
            try:
                asyncio.run(soak.run())
            finally:
                soak.fleet.kill()
        return write_report(soak, os.path.join(options.build, "soak"))


if __name__ == "__main__":
    sys.exit(main())
