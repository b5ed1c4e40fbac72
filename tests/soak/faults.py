"""A TCP relay that can be told to fail as networks and servers do.

While it is calm it only passes octets on. In a storm it does to some of the
connections what FAULTS names, each after some octets; when the storm is over,
those that were struck are reset, so that what comes later has no part in it.
"""

import asyncio
import collections
import contextlib
import random
import socket
import struct

CHUNK = 65536
RESET = struct.pack("ii", 1, 0)
# What may happen to a connection in a storm, and how often of 100 times.
FAULTS = {
    "none": 60,
    "slow": 15,      # 10 to 150 ms a piece
    "stall": 8,      # silence of 1 to 20 s, then on
    "vanish": 6,     # silence for good: a cable pulled, a middlebox that forgot
    "reset": 6,      # RST to both sides
    "end": 5,        # FIN to both sides, in the middle
}


class Line:
    """One connection and its other half."""

    def __init__(self, near, far):
        self.near = near        # (reader, writer) of who connected
        self.far = far
        self.fault = "none"
        self.after = 0          # octets until it strikes
        self.tasks = []

    def reset(self):
        for _, writer in (self.near, self.far):
            sock = writer.get_extra_info("socket")
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.transport.abort()
        for task in self.tasks:
            task.cancel()


class Relay:
    def __init__(self, port, to_port, seed, host="127.0.0.1"):
        self._host = host
        self.port = port
        self._to_port = to_port
        self._random = random.Random(seed)
        self._lines = set()
        self._server = None
        self._stormy = False
        self.struck = collections.Counter()

    @property
    def is_open(self):
        return self._server is not None

    async def open(self):
        self._server = await asyncio.start_server(
            self._on_connection, self._host, self.port, backlog=512)

    async def close(self):
        """Nobody listens any more, and all connections are gone."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        for line in list(self._lines):
            line.reset()

    def storm(self):
        self._stormy = True

    def calm(self):
        self._stormy = False
        for line in list(self._lines):
            if line.fault != "none":
                line.reset()

    async def _on_connection(self, reader, writer):
        try:
            far = await asyncio.open_connection(self._host, self._to_port)
        except OSError:
            writer.transport.abort()
            return
        line = Line((reader, writer), far)
        if self._stormy:
            line.fault = self._random.choices(list(FAULTS),
                                              list(FAULTS.values()))[0]
            line.after = self._random.choice((0, 100, 3_000, 30_000, 300_000))
        self._lines.add(line)
        line.tasks = [
            asyncio.ensure_future(self._pass(line, reader, far[1])),
            asyncio.ensure_future(self._pass(line, far[0], writer))]
        await asyncio.gather(*line.tasks, return_exceptions=True)
        self._lines.discard(line)
        for _, end in (line.near, line.far):
            end.close()

    async def _pass(self, line, source, sink):
        with contextlib.suppress(OSError):
            while piece := await source.read(CHUNK):
                line.after -= len(piece)
                if line.fault != "none" and line.after <= 0:
                    await self._strike(line)
                sink.write(piece)
                await sink.drain()
            if sink.can_write_eof():
                sink.write_eof()

    async def _strike(self, line):
        fault = line.fault
        self.struck[fault] += 1
        if fault == "slow":
            await asyncio.sleep(self._random.uniform(0.01, 0.15))
        elif fault == "stall":
            line.fault = "none"
            await asyncio.sleep(self._random.uniform(1, 20))
        elif fault == "vanish":
            await asyncio.sleep(3600)
        elif fault == "reset":
            line.reset()
        elif fault == "end":
            for _, writer in (line.near, line.far):
                writer.close()
