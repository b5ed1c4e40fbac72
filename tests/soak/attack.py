#!/usr/bin/python3
"""What attacks cost, while real sessions go on beside them.

    tests/soak/attack.py [--seconds N] [ATTACK...]

Real sessions (log in over TLS, list, retrieve, leave, before a real Dovecot) run
one after the other; each attack runs beside them for N seconds (10) from other
addresses, in processes of its own. Of each are printed: how many connections it
made, the memory and the processor's time of the proxy, and of the real sessions
how many there were, how long they took, and how many failed. It ends with 1 where
one failed, where the memory grew over MEMORY_MB, or where the proxy holds on to
descriptors once the attack is over.
"""

import argparse
import contextlib
import itertools
import multiprocessing
import os
import resource
import select
import socket
import ssl
import statistics
import sys
import tempfile
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests"))

from support import mail                                        # noqa: E402
from support.certificates import Authority                      # noqa: E402
from support.dovecot import Dovecot                             # noqa: E402
from support.ports import LOOPBACK, wait_until                  # noqa: E402
from support.popinjay import Popinjay                           # noqa: E402

MEMORY_MB = 128
FILES = 16384
TCP_REPAIR = 19                      # linux/tcp.h
IP_BIND_ADDRESS_NO_PORT = 24         # linux/in.h
SETTINGS = {
    "server": {"workers": "2", "log_level": "warning", "user": None},
    # Short, so that what an attack left behind is gone before the next.
    "limits": {"max_unauthenticated": "1000", "max_sessions_per_client": "2000",
               "login_timeout": "20 s", "auth_failure_delay": "1 s"},
}


# --- what an attacker is made of --------------------------------------------------------

def address(number):
    """One of very many on the loopback, none of them the real sessions'."""
    return f"127.{1 + number // 62500}.{number // 250 % 250}.{1 + number % 250}"


def connect(port, source="127.0.0.2"):
    sock = socket.socket()
    sock.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
    sock.bind((source, 0))
    sock.settimeout(2)
    sock.connect((LOOPBACK, port))
    return sock


def is_gone(sock):
    """Ended by the proxy; what it says is read and thrown away."""
    try:
        return sock.recv(65536) == b""
    except (BlockingIOError, ssl.SSLWantReadError):
        return False
    except OSError:
        return True


class Crowd:
    """|size| connections, each made anew when the proxy has ended it."""

    def __init__(self, size, make):
        self.size = size
        self.made = 0
        self._make = make
        self.members = []

    def fill(self):
        for sock in [s for s in self.members if is_gone(s)]:
            self.members.remove(sock)
            sock.close()
        for _ in range(min(200, self.size - len(self.members))):
            try:
                sock = self._make(self.made)
            except OSError:
                time.sleep(0.001)
                continue
            sock.setblocking(False)
            self.members.append(sock)
            self.made += 1

    def say(self, octets):
        for sock in self.members:
            with contextlib.suppress(OSError):
                sock.send(octets)


def secured(port, source="127.0.0.2"):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(connect(port, source))


# --- attacks: each is called with the ports, its end, and returns a count -----------------

def connect_flood(ports, end):
    """Connections that close at once, from one address."""
    made = 0
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            connect(ports["tls"]).close()
            made += 1
    return made


def wide_flood(ports, end):
    """The same from a new address each time, and none of them closes."""
    crowd = Crowd(4000, lambda n: connect(ports["tls"], address(n)))
    while time.monotonic() < end:
        crowd.fill()
    return crowd.made


def idle_knockers(ports, end):
    """2,000 from one address that say nothing at all."""
    crowd = Crowd(2000, lambda n: connect(ports["tls"], "127.0.0.3"))
    while time.monotonic() < end:
        crowd.fill()
        time.sleep(0.1)
    return crowd.made


def idle_behind_tls(ports, end):
    """400 that end their handshake and say nothing then."""
    crowd = Crowd(400, lambda n: secured(ports["tls"], address(n % 40)))
    while time.monotonic() < end:
        crowd.fill()
        time.sleep(0.1)
    return crowd.made


def slow_loris(ports, end):
    """1,000 that send one octet at a time, five a second."""
    crowd = Crowd(1000, lambda n: connect(ports["plain"], address(n % 40)))
    while time.monotonic() < end:
        crowd.fill()
        crowd.say(b"U")
        time.sleep(0.2)
    return crowd.made


def endless_pipelines(ports, end):
    """Twenty that ask without end and read all that comes."""
    crowd = Crowd(20, lambda n: connect(ports["plain"], address(n)))
    while time.monotonic() < end:
        crowd.fill()
        crowd.say(b"CAPA\r\n" * 1000)
        select.select(crowd.members, [], [], 0.01)
    return crowd.made


def deaf_pipelines(ports, end):
    """Two hundred that ask without end and read nothing."""
    socks = [connect(ports["plain"], address(n)) for n in range(200)]
    for sock in socks:
        sock.setblocking(False)
    while time.monotonic() < end:
        for sock in socks:
            with contextlib.suppress(OSError):
                sock.send(b"CAPA\r\n" * 1000)
        time.sleep(0.01)
    return len(socks)


def garbage(ports, end):
    """Octets that are no TLS and no POP3, up to the proxy's last word."""
    made = 0
    octets = bytes(range(256)) * 64
    while time.monotonic() < end:
        for name in ("tls", "plain"):
            with contextlib.suppress(OSError), connect(ports[name]) as sock:
                sock.send(octets)
                while sock.recv(65536):
                    pass
            made += 1
    return made


def wrong_passwords(ports, end):
    """One password after the other, from ten addresses at once."""
    made = itertools.count()

    def guess(n):
        while time.monotonic() < end:
            with contextlib.suppress(OSError), \
                    connect(ports["plain"], address(n)) as sock:
                sock.send(f"USER u{n}\r\nPASS no\r\n".encode() * 3)
                while sock.recv(65536):
                    pass
            next(made)

    threads = [threading.Thread(target=guess, args=(n,)) for n in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return next(made)


def half_open(ports, end):
    """Peers that vanish without a word, as behind a router that was switched
    off: the proxy is told nothing."""
    made = 0
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            sock = connect(ports["plain"], address(made))
            sock.send(b"CAPA\r\n")
            sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
            sock.close()
            made += 1
        time.sleep(0.001)
    return made


ATTACKS = [connect_flood, wide_flood, idle_knockers, idle_behind_tls, slow_loris,
           endless_pipelines, deaf_pipelines, garbage, wrong_passwords,
           half_open]


def run_attack(attack, ports, seconds, made):
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))
    made.put(attack(ports, time.monotonic() + seconds))


# --- real sessions, and what the proxy costs meanwhile -----------------------------------

def real_sessions(proxy, server, user, until):
    """(seconds that each took, failures)"""
    took, failures = [], []
    while not until():
        start = time.monotonic()
        try:
            with proxy.login(user, server.password(user)) as c:
                c.ok("UIDL")
                c.lines()
                c.ok("RETR 1")
                c.lines()
                c.quit()
            took.append(time.monotonic() - start)
        except Exception as error:      # each is told, whatever it is
            failures.append(repr(error))
            time.sleep(0.1)
    return took, failures


def files_of(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def measure(proxy, server, user, attack, seconds):
    ports = {"tls": proxy.port_tls, "plain": proxy.port_plain}
    made = multiprocessing.Queue()
    before = files_of(proxy.pid)
    proxy.reset_peak()
    rss, cpu = proxy.rss_kb(), proxy.cpu_seconds()
    worker = multiprocessing.Process(target=run_attack,
                                     args=(attack, ports, seconds, made))
    start = time.monotonic()
    if attack:
        worker.start()
    took, failures = real_sessions(
        proxy, server, user, lambda: time.monotonic() - start > seconds)
    spent = (proxy.cpu_seconds() - cpu) / (time.monotonic() - start)
    count = 0
    if attack:
        count = made.get(timeout=60)
        worker.join()
    peak = proxy.peak_rss_kb()
    with contextlib.suppress(TimeoutError):
        wait_until(lambda: files_of(proxy.pid) <= before + 2, 60, "files")
    return {"attack": attack.__name__ if attack else "none", "made": count,
            "rss": rss / 1024, "peak": peak / 1024, "cpu": spent, "took": took,
            "failures": failures, "left": files_of(proxy.pid) - before}


def show(row):
    took = sorted(row["took"]) or [float("nan")]
    print(f"{row['attack']:18} {row['made']:8} {row['rss']:8.1f} "
          f"{row['peak']:8.1f} {100 * row['cpu']:6.0f} {len(row['took']):8} "
          f"{1000 * statistics.median(took):8.1f} "
          f"{1000 * took[int(len(took) * 0.99)]:8.1f} "
          f"{len(row['failures']):6} {row['left']:6}", flush=True)
    for failure in row["failures"][:3]:
        print(f"    {failure}")


def is_good(row):
    return (row["took"] and not row["failures"] and
            row["peak"] - row["rss"] < MEMORY_MB and row["left"] <= 8)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("attack", nargs="*",
                        choices=[[]] + [a.__name__ for a in ATTACKS])
    wanted = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))
    attacks = [None] + [a for a in ATTACKS if not wanted.attack or
                        a.__name__ in wanted.attack]
    print(f"{'attack':18} {'made':>8} {'MB':>8} {'peak MB':>8} {'CPU %':>6} "
          f"{'sessions':>8} {'median':>8} {'99 % ms':>8} {'failed':>6} "
          f"{'files':>6}")
    good = True
    with tempfile.TemporaryDirectory(prefix="pja.") as folder, \
            Dovecot() as server:
        proxy = Popinjay(folder, Authority(os.path.join(folder, "ca")),
                         server.upstream_config(), SETTINGS)
        user = server.new_user()
        server.deliver(user, [mail.message("one", b"text\r\n" * 500)])
        proxy.start()
        try:
            for attack in attacks:
                row = measure(proxy, server, user, attack, wanted.seconds)
                show(row)
                good = good and is_good(row)
            proxy.stop()
        finally:
            proxy.kill()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
