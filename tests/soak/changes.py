"""What an administrator does to the accounts while they are in use: adds and
removes them, gives new passwords, and has a consent given anew."""

import asyncio
import contextlib
import itertools
import random

from devices import Refused, Session
from kinds import BEARER_DOMAIN, MAPPED_DOMAIN
from logins import WAYS
from support.secrets import plant

# Per reload: accounts with new passwords, without any any more, and those whose
# owner withdraws the consent and gives it anew.
NEW_PASSWORDS = 2
REMOVALS = 1
CONSENTS = 1
# Whoever tries what was good once comes from here, each time another one: so
# that the guard against guesses does not answer in place of the account.
SOURCES = itertools.cycle(f"127.0.1.{n}" for n in range(1, 255))
TRY_SECONDS = 30


class Changes:
    """
    accounts  support.oauth.Accounts of the proxy
    revoked   [(device, password)] that must never be let in again
    tried     how often that was looked at
    made      how many changes of each sort
    """

    def __init__(self, accounts, backends, seed):
        self._accounts = accounts
        self._backends = backends
        self._random = random.Random(seed)
        self._devices = []
        self._removed = []
        self._ending = []
        self.revoked = []
        self.tried = 0
        self.made = {"added": 0, "passwords": 0, "removed": 0, "consents": 0}

    def _run(self, proxy, *words, given=""):
        done = self._accounts.run(proxy, *words, given=given)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def _secret(self, device):
        return "" if device.kind.has_tokens \
            else self._backends.password(device.user) + "\n"

    # --- one account ----------------------------------------------------------

    def add(self, proxy, device):
        """The device has an account, and the consent of its user."""
        device.password = plant(self._run(
            proxy, "account", "add", device.name, "--generate", "--user",
            device.user, *device.kind.account, given=self._secret(device)),
            f"the password of {device.name}")
        if device.kind.has_tokens:
            self._accounts.agree(proxy, device.name, device.user)
        self.made["added"] += 1

    def _renew(self, proxy, device):
        self._ending.append((device, device.password))
        # What is sealed by the old password is wanted once more.
        secret = self._secret(device) \
            if "--seal-by-password" in device.kind.account else ""
        device.password = plant(self._run(
            proxy, "account", "passwd", device.name, "--generate",
            given=secret), f"a later password of {device.name}")
        self.made["passwords"] += 1

    def _remove(self, proxy, device):
        self._ending.append((device, device.password))
        self._run(proxy, "account", "remove", device.name)
        device.password = None
        self._removed.append(device)
        self.made["removed"] += 1

    def _agree_anew(self, proxy, device):
        self._backends.oauth.revoke(device.user)
        self._backends.oauth.forget(device.user)
        self._accounts.agree(proxy, device.name, device.user)
        self.made["consents"] += 1

    # --- all of them ----------------------------------------------------------

    def make_all(self, proxy, devices):
        """Each device has what it logs in with."""
        self._devices = [d for d in devices if d.kind.account is not None]
        for device in devices:
            if device.kind.account is not None:
                self.add(proxy, device)
            elif device.kind.domain == MAPPED_DOMAIN:
                device.password = self._backends.map(device.name, device.user)
            elif device.kind.domain != BEARER_DOMAIN:
                device.password = self._backends.password(device.user)

    def _choose(self):
        """[(what is done, device)]"""
        back, self._removed = self._removed, []
        staying = [d for d in self._devices if d not in back]
        self._random.shuffle(staying)
        ways = [self._renew] * NEW_PASSWORDS + [self._remove] * REMOVALS
        chosen = [(self.add, d) for d in back] + list(zip(ways, staying))
        others = [d for d in staying[len(ways):] if d.kind.has_tokens]
        return chosen + [(self._agree_anew, d) for d in others[:CONSENTS]]

    @contextlib.asynccontextmanager
    async def some(self, proxy):
        """Some accounts are changed; popinjay is to be told within. The devices
        rest meanwhile."""
        async with contextlib.AsyncExitStack() as resting:
            chosen = self._choose()
            for _, device in chosen:
                await resting.enter_async_context(device.at_rest)
            for change, device in chosen:
                await asyncio.to_thread(change, proxy, device)
            yield

    # --- who must not get in --------------------------------------------------

    async def _answer(self, way_in, device, password):
        """What is said to somebody who comes with a password that was good;
        None: let in."""
        session = None
        try:
            async with asyncio.timeout(TRY_SECONDS):
                session = await Session.open(*way_in, next(SOURCES))
                await WAYS[device.kind.proof](session, device.name, password)
            return None
        except (OSError, EOFError, Refused, TimeoutError) as refusal:
            return f"{type(refusal).__name__}: {refusal}"
        finally:
            if session:
                session.drop()

    async def wrong_now(self, way_in):
        """popinjay has been told, in a calm: what was good until then, and is
        not refused for what it is."""
        wrong = []
        ended, self._ending = self._ending, []
        self.revoked += ended
        for device, password in ended:
            said = await self._answer(way_in, device, password)
            self.tried += 1
            if said is None or "[AUTH]" not in said:
                wrong.append(f"{device.name} has come with what was revoked: "
                             f"{said or 'let in'}")
        return wrong

    async def wrong_later(self, way_in):
        """The same of anything revoked, whatever the weather."""
        if not self.revoked:
            return []
        device, password = self._random.choice(self.revoked)
        self.tried += 1
        if await self._answer(way_in, device, password) is None:
            return [f"{device.name} was let in by what was revoked before"]
        return []
