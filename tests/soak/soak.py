#!/usr/bin/python3
"""Hundreds of devices before a real Dovecot, for an hour, with faults.

    soak.py --minutes N --devices N --build DIR [--seed N]

The devices are of all kinds (kinds.py): by the server's password, by accounts
with every proof, by tokens; at several upstreams, under all policies. Calm and
storm take turns. In a storm the relays on both sides of popinjay do what
networks do (faults.py), servers are gone for a while, and those who are asked
about logins and tokens fail: sessions may fail then, mail may not. In the calm
between them no session may fail, although accounts, policies and the
certificate are replaced and reloaded, a new process takes over from the old
one, one server of a pair is still missing, and strangers knock. It ends with an
audit of each Maildir, of what the process holds, and of its logs; exit 1 where
a promise was not kept. Writes soak.md and soak.json into DIR/soak.
"""

import argparse
import asyncio
import collections
import os
import random
import signal
import ssl
import sys
import tempfile
import time

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, TESTS)

# pylint: disable=wrong-import-position
from backends import Backends                       # noqa: E402
from devices import Device, Session, Refused        # noqa: E402
from faults import Relay                            # noqa: E402
from fleet import Fleet                             # noqa: E402
from kinds import BEARER_DOMAIN, of_devices         # noqa: E402
from ledger import Ledger, Violation                # noqa: E402
from report import write_report                     # noqa: E402
from support.ports import free_port                 # noqa: E402
from support.secrets import plant                   # noqa: E402

CALM_SECONDS = 60
HANDOVER_EVERY = 7              # calms: a process lives a quarter of an hour
STORM_SECONDS = 40
OUTAGE_SECONDS = 10
# After a storm, for what it struck to end; sessions that begin later count.
SETTLING_SECONDS = 15
POLL_SECONDS = (8, 25)          # between two visits of a device
DELIVERY_SECONDS = 0.15         # between two messages to somebody
SAMPLE_SECONDS = 5
STRANGER = "127.0.0.66"
REVOKED_SECONDS = 3             # between two tries of what was revoked


class Soak:
    def __init__(self, options, folder, backends):
        self.options = options
        self.backends = backends
        self.random = random.Random(options.seed)
        owner = backends.mail_owner
        self.ledger = Ledger(backends.mail, (owner.pw_uid, owner.pw_gid),
                             options.seed)
        self.fleet = Fleet(options.build, folder, backends, options.seed)
        self.clients = Relay(free_port(), self.fleet.port, options.seed + 2)
        self.context = ssl.create_default_context(cafile=self.fleet.ca_file)
        self.devices = [
            Device(f"device{n}", kind, self.ledger,
                   (self.clients.port, self.context), options.seed + n)
            for n, kind in enumerate(of_devices(options.devices))]
        self.outcomes = []
        self.violations = []
        self.samples = []
        self.events = []
        self.calms = []          # (from, to) in which no session may fail
        self.strangers = collections.Counter()
        self.ends = None         # an Event, set when no more visits begin
        self.began = None
        self.cpu_seconds = None
        self.tokens_issued = None

    def note(self, what):
        self.events.append((time.monotonic() - self.began, what))
        print(f"{self.events[-1][0]:7.1f} s  {what}", flush=True)

    # --- those who take part ------------------------------------------------

    async def device(self, device):
        await asyncio.sleep(self.random.uniform(0, POLL_SECONDS[1]))
        while not self.ends.is_set():
            async with device.at_rest:
                await self.visit(device)
            await self.pause(self.random.uniform(*POLL_SECONDS))

    async def visit(self, device):
        if device.kind.domain == BEARER_DOMAIN:
            device.password = await asyncio.to_thread(
                self.backends.oauth.access_token, device.user)
        if device.password is None:
            return
        try:
            self.outcomes.append(await device.visit())
        except Violation as violation:
            self.complain([violation])

    def complain(self, wrong):
        for each in map(str, wrong):
            self.violations.append(each)
            self.note(f"VIOLATION {each}")

    async def deliveries(self):
        while not self.ends.is_set():
            self.ledger.deliver(self.random.choice(self.devices).user)
            await self.pause(DELIVERY_SECONDS)

    async def revoked(self):
        """Whoever had an account or an older password comes again."""
        while not self.ends.is_set():
            self.complain(await self.fleet.changes.wrong_later(self.way_in))
            await self.pause(REVOKED_SECONDS)

    @property
    def way_in(self):
        """Past the relay."""
        return self.fleet.port, self.context

    async def stranger(self):
        """Knocks, leaves, guesses a password; from an address of its own."""
        while not self.ends.is_set():
            try:
                async with asyncio.timeout(10):
                    session = await Session.open(*self.way_in, STRANGER)
                    if self.random.random() < 0.5:
                        name = self.random.choice(self.devices).name
                        await session.command(f"USER {name}")
                        await session.command("PASS a-guess")
                        self.complain([f"a guess at {name} was let in"])
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
        self.note("reload: certificate, accounts, policies")
        self.complain(await self.fleet.reload(self.way_in))
        await self.pause(seconds / 4)
        if len(self.calms) % HANDOVER_EVERY == 0:
            self.note("handover to another process")
            await self.fleet.succeed()
        await self.pause(seconds / 4)
        await self.backends.regain_pair()
        await self.pause(seconds / 4)
        self.calms.append((began, time.monotonic()))

    async def storm(self):
        self.note("storm")
        self.clients.storm()
        self.backends.storm()
        await self.pause(STORM_SECONDS / 2)
        self.note("servers are gone; who is asked about logins answers again")
        self.backends.get_over_it()
        await self.backends.lose_servers()
        await self.pause(OUTAGE_SECONDS)
        await self.backends.regain_main()
        self.note("the main server is back")
        await self.pause(STORM_SECONDS / 2)
        self.clients.calm()
        self.backends.calm()
        self.note("calm")
        await self.pause(SETTLING_SECONDS)

    async def run(self):
        self.began = time.monotonic()
        self.ends = asyncio.Event()
        for device in self.devices:
            self.backends.create_user(device.user)
            self.ledger.open_mailbox(device.user, device.kind)
        await self.backends.open()
        await self.fleet.start(self.devices)
        await self.clients.open()
        self.note("begins")
        tasks = [asyncio.ensure_future(c) for c in (
            self.deliveries(), self.stranger(), self.revoked(), self.sampler(),
            *map(self.device, self.devices))]
        last = time.monotonic() + self.options.minutes * 60
        while time.monotonic() < last:
            await self.calm(min(CALM_SECONDS, last - time.monotonic()))
            if time.monotonic() < last:
                await self.storm()
        self.note("the end: no new visits")
        self.ends.set()
        for done in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(done, Exception):
                self.violations.append(f"the soak itself: {done!r}")
        await self.rest()

    async def rest(self):
        """What is left when nobody comes any more."""
        await self.clients.close()
        await self.backends.regain_pair()
        self.complain(await self.fleet.rest())
        self.cpu_seconds = self.fleet.cpu_seconds()
        await self.fleet.stop()
        await self.backends.close()
        tokens = self.backends.oauth.issued()
        self.tokens_issued = len(tokens)
        for token in tokens:
            plant(token, "a token that was issued")
        self.complain(self.fleet.leaks())
        self.complain(self.ledger.audit())

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
    # Told to end, it still stops the servers that it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.chdir(os.path.dirname(TESTS))
    with tempfile.TemporaryDirectory(prefix="pjsoak.") as folder:
        os.chmod(folder, 0o755)
        with Backends(folder, options.seed + 1) as backends:
            soak = Soak(options, folder, backends)
            try:
                asyncio.run(soak.run())
            finally:
                soak.fleet.kill()
        return write_report(soak, os.path.join(options.build, "soak"))


if __name__ == "__main__":
    sys.exit(main())
