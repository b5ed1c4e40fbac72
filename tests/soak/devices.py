"""Devices that poll, each in its own way, and judge what they are given."""

import asyncio
import contextlib
import dataclasses
import random
import re
import time

from logins import WAYS

VISIT_SECONDS = 120
# How a visit goes, and how often of 100 times.
VISITS = {"keep": 35, "remove": 35, "pipelined": 15, "leave": 10, "look": 5}
# A pipelining device has at most so many commands on their way.
PIPELINE = 10


class Refused(Exception):
    """-ERR; the text is the reply."""


class Session:
    """One POP3 session, as simple devices hold it."""

    def __init__(self, reader, writer):
        self._reader = reader
        self._writer = writer
        self._in = bytearray()
        self.greeting = None

    @classmethod
    async def open(cls, port, context, source="127.0.0.1"):
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=context, server_hostname="localhost",
            local_addr=(source, 0))
        session = cls(reader, writer)
        try:
            session.greeting = await session.reply()
        except BaseException:
            session.drop()
            raise
        return session

    async def _fill(self):
        octets = await self._reader.read(262144)
        if not octets:
            raise ConnectionError("the connection ended")
        self._in += octets

    def send(self, *lines):
        self._writer.write("".join(f"{line}\r\n" for line in lines).encode())

    async def _line(self, good):
        """One line, which begins with |good|."""
        while (end := self._in.find(b"\r\n")) < 0:
            await self._fill()
        line = self._in[:end].decode()
        del self._in[:end + 2]
        if not line.startswith(good):
            raise Refused(line)
        return line

    async def reply(self):
        return await self._line("+OK")

    async def command(self, line):
        self.send(line)
        return await self.reply()

    async def challenge(self, line):
        """What SASL asks in answer to |line|."""
        self.send(line)
        return (await self._line("+ "))[2:]

    async def lines(self):
        """The rest of a multi-line reply, dots unstuffed."""
        self._in[:0] = b"\r\n"         # the reply may be the dot alone
        searched = 0
        while (end := self._in.find(b"\r\n.\r\n", searched)) < 0:
            searched = max(0, len(self._in) - 4)
            await self._fill()
        text = bytes(self._in[2:end + 2])
        del self._in[:end + 5]
        return re.sub(rb"(?m)^\.", b"", text)

    async def unique_ids(self):
        """{message-number: unique-id}"""
        await self.command("UIDL")
        rows = (await self.lines()).decode().split("\r\n")
        return dict(row.split() for row in rows if row)

    def drop(self):
        self._writer.transport.abort()

    async def close(self):
        self._writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(5):
                await self._writer.wait_closed()


@dataclasses.dataclass
class Outcome:
    """How one visit ended; |error| is None where all went well."""
    user: str
    kind: str
    way: str
    began: float
    ended: float
    error: str | None


class Device:
    """
    user      whose mail it reads: the name upstream, and of the ledger
    name      what it gives as its own; and its password, None while it has no
              account
    at_rest   held during a visit, and by whoever changes its account
    """

    def __init__(self, user, kind, ledger, way_in, seed):
        """way_in: (port, TLS context)"""
        self.user = user
        self.kind = kind
        self.name = f"{user}@{kind.domain}" if kind.domain else user
        self.password = None
        self.at_rest = asyncio.Lock()
        self._ledger = ledger
        self._way_in = way_in
        self._random = random.Random(seed)

    async def visit(self):
        """One session; a Violation passes through."""
        way = self._random.choices(list(VISITS), list(VISITS.values()))[0]
        began = time.monotonic()
        error = None
        session = None
        try:
            async with asyncio.timeout(VISIT_SECONDS):
                session = await Session.open(*self._way_in)
                await WAYS[self.kind.proof](session, self.name, self.password)
                await getattr(self, way)(session)
        except (OSError, EOFError, Refused, TimeoutError) as failure:
            error = f"{type(failure).__name__}: {failure}"
        finally:
            if session:
                await session.close()
        return Outcome(self.user, self.kind.name, way, began,
                       time.monotonic(), error)

    async def _retrieve(self, session, number, unique_id):
        await session.command(f"RETR {number}")
        return self._ledger.receive(self.user, unique_id,
                                    await session.lines())

    def _is_new(self, unique_id):
        m = self._ledger.known(self.user, unique_id)
        return m is None or not m.received

    async def _quit(self, session, marked=()):
        self._ledger.removing(marked)
        await session.command("QUIT")
        self._ledger.removed(marked)

    async def keep(self, session):
        """Leaves mail on the server, and fetches only what is new."""
        for number, unique_id in (await session.unique_ids()).items():
            if self._is_new(unique_id):
                await self._retrieve(session, number, unique_id)
        await self._quit(session)

    async def remove(self, session):
        """The classic: all messages, one after the other, then gone."""
        marked = []
        for number, unique_id in (await session.unique_ids()).items():
            marked.append(await self._retrieve(session, number, unique_id))
            await session.command(f"DELE {number}")
        await self._quit(session, marked)

    async def pipelined(self, session):
        marked = []
        waiting = list((await session.unique_ids()).items())
        while waiting:
            batch, waiting = waiting[:PIPELINE], waiting[PIPELINE:]
            session.send(*(f"RETR {number}" for number, _ in batch))
            for _, unique_id in batch:
                await session.reply()
                marked.append(self._ledger.receive(
                    self.user, unique_id, await session.lines()))
            session.send(*(f"DELE {number}" for number, _ in batch))
            for _ in batch:
                await session.reply()
        await self._quit(session, marked)

    async def leave(self, session):
        """Marks and vanishes without QUIT: nothing may be gone."""
        for number, unique_id in (await session.unique_ids()).items():
            await self._retrieve(session, number, unique_id)
            await session.command(f"DELE {number}")
            if self._random.random() < 0.3:
                break
        session.drop()

    async def look(self, session):
        count = int((await session.command("STAT")).split()[1])
        if count > 0:
            await session.command(f"TOP {self._random.randint(1, count)} 5")
            await session.lines()
        await self._quit(session)

