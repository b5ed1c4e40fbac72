"""Clients that come and go all the time, while servers do."""

import concurrent.futures
import contextlib
import socket
import threading

from support.ports import LOOPBACK

SECONDS = 10


class Knocks:
    """count: how many were greeted; failures: what the others met"""

    def __init__(self, port):
        self._port = port
        self._over = threading.Event()
        self.count = 0
        self.failures = []

    def run(self):
        while not self._over.is_set():
            try:
                with socket.create_connection((LOOPBACK, self._port),
                                              SECONDS) as s:
                    s.settimeout(SECONDS)
                    assert s.recv(4) == b"+OK "
                    s.sendall(b"QUIT\r\n")
                    while s.recv(4096):
                        pass
                    self.count += 1
            except (OSError, AssertionError) as failure:
                self.failures.append(repr(failure))

    def stop(self):
        self._over.set()


@contextlib.contextmanager
def knocking(port, clients=4):
    """Clients that connect in clear, are greeted and leave, one after the
    other."""
    knocks = Knocks(port)
    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        for _ in range(clients):
            pool.submit(knocks.run)
        try:
            yield knocks
        finally:
            knocks.stop()
