"""Free TCP ports on the loopback interface, and waiting for one to answer."""

import socket
import time

LOOPBACK = "127.0.0.1"


def free_port():
    """A port that nobody listens on now.

    The kernel hands out ephemeral ports in turn, so one that was just closed
    does not come back soon enough to be taken by a stranger.
    """
    with socket.socket() as s:
        s.bind((LOOPBACK, 0))
        return s.getsockname()[1]


def answers(port, host=LOOPBACK):
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def wait_until(true, seconds, what):
    """Polls |true| until it holds; a TimeoutError names |what| never came."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(0.02)


def wait_for_port(port, seconds=10, host=LOOPBACK):
    wait_until(lambda: answers(port, host), seconds, f"port {port} to answer")
