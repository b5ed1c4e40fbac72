"""Free TCP ports on the loopback interface, and waiting for one to answer."""

import collections
import contextlib
import random
import socket
import time

LOOPBACK = "127.0.0.1"

# Below those from which the kernel takes the near end of a connection: such
# a one would be in the way of the server that is about to listen.
PORTS = range(20000, 32768)
# Of the latest ports that were given out, UDP's of the same number are held:
# nothing uses them, and no other process can hold them at the same time.
_HELD = collections.deque()
HELD_MAX = 64
# How much longer than a quiet machine a busy one may take: only a test that
# fails waits for that long.
BUSY = 3


def free_port():
    """A port that nobody listens on, and that neither this process nor
    another one that asks here is given meanwhile."""
    while True:
        port = random.choice(PORTS)
        with contextlib.ExitStack() as claim, contextlib.suppress(OSError):
            held = claim.enter_context(
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            held.bind((LOOPBACK, port))
            with socket.socket() as s:
                s.bind((LOOPBACK, port))
            claim.pop_all()
            _HELD.append(held)
            if len(_HELD) > HELD_MAX:
                _HELD.popleft().close()
            return port


def answers(port, host=LOOPBACK):
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def wait_until(true, seconds, what):
    """Polls |true| until it holds; a TimeoutError names |what| never came.

    seconds: plenty on a quiet machine. Whoever has to show that it comes in
    time takes the time."""
    end = time.monotonic() + BUSY * seconds
    while not true():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {BUSY * seconds} s")
        time.sleep(0.02)


def wait_for_port(port, seconds=10, host=LOOPBACK):
    wait_until(lambda: answers(port, host), seconds, f"port {port} to answer")
