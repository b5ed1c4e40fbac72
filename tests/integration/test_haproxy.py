"""Behind HAProxy: with the configuration that comes along, instances are
restarted one after the other and nobody notices."""

import os
import re
import signal
import socket
import ssl
import subprocess
import threading
import time
import traceback

import pytest

from support import mail
from support.fake_imap import FakeImap, Mailbox
from support.haproxy import PROGRAM, Haproxy
from support.pop3client import Pop3Client
from support.popinjay import TOP
from support.ports import LOOPBACK, answers, free_port, wait_until

DEPLOYED = os.path.join(TOP, "deploy", "haproxy", "haproxy.cfg")
SOURCES = [f"127.0.0.{n}" for n in range(20, 26)]


# --- the configuration that comes along ---------------------------------------------

def test_deployed_configuration():
    done = subprocess.run([PROGRAM, "-c", "-f", DEPLOYED], text=True,
                          capture_output=True, timeout=20, check=False)
    assert done.returncode == 0, done.stderr
    assert "warning" not in (done.stdout + done.stderr).lower()


class Instance:
    """One popinjay of several: its listeners take PROXY headers."""

    def __init__(self, start_proxy, authority, upstream, **limits):
        cert, key = authority.pair("proxy")
        self.port_tls, self.port_stls = free_port(), free_port()
        common = {"certificate": cert, "private_key": key,
                  "proxy_protocol": "v2", "proxy_from": LOOPBACK}
        self.proxy = start_proxy(upstream, {
            "listen behind": {"address": f"{LOOPBACK}:{self.port_tls}",
                              "tls": "implicit", **common},
            "listen behind-stls": {"address": f"{LOOPBACK}:{self.port_stls}",
                                   "tls": "starttls", **common},
            "limits": {"drain_delay": "60 s", **limits}})

    def end(self):
        """SIGTERM, and what cuts the delay short."""
        self.proxy.signal(signal.SIGTERM)
        wait_until(lambda: readyz(self.proxy) == 503, 10, "/readyz")
        self.proxy.signal(signal.SIGTERM)
        assert self.proxy.wait(20) == 0

    def figure(self, sample):
        return int(re.search(rf"^{re.escape(sample)} (\d+)$",
                             self.proxy.http("/metrics"), re.M)[1])

    def sessions(self):
        return self.figure('popinjay_sessions_total{listener="behind"}')


def deployed_config(a, b, port_tls, port_stls):
    """haproxy.cfg with the ports of this place, and quicker checks."""
    with open(DEPLOYED, encoding="utf-8") as f:
        text = f.read()
    for old, new, count in (
            ("bind :::995 v4v6", f"bind {LOOPBACK}:{port_tls}", 1),
            ("bind :::110 v4v6", f"bind {LOOPBACK}:{port_stls}", 1),
            ("inter 1s", "inter 50ms", 2), ("maxconn 20000", "maxconn 500", 1)):
        assert text.count(old) == count
        text = text.replace(old, new)
    for address, instance in (("192.0.2.11", a), ("192.0.2.12", b)):
        for port, here in ((995, instance.port_tls),
                           (110, instance.port_stls)):
            assert text.count(f"{address}:{port}\n") == 1
            text = re.sub(rf"{address}:{port}\b( backup|)",
                          rf"{LOOPBACK}:{here} "
                          rf"port {instance.proxy.port_status}\1", text)
    return text


@pytest.fixture
def pair(server, start_proxy, authority, tmp_path):
    """Two instances, HAProxy in front, and its port for TLS."""
    a, b = (Instance(start_proxy, authority, server.upstream_config())
            for _ in range(2))
    port, port_stls = free_port(), free_port()
    config = deployed_config(a, b, port, port_stls)
    with Haproxy(tmp_path, config) as haproxy:
        wait_until(lambda: answers(port), 10, "HAProxy")
        yield {"a": a, "b": b}, haproxy, port
    a.end()
    b.end()


# --- a rolling restart --------------------------------------------------------------

class Poller(threading.Thread):
    """A device that polls without a pause, until it is told to end."""

    def __init__(self, port, ca_file, source, account, messages):
        super().__init__()
        self._port = port
        self._ca_file = ca_file
        self._source = source
        self._account = account
        self._messages = messages
        self.over = threading.Event()
        self.sessions = 0
        self.failure = None

    def run(self):
        try:
            while not self.over.is_set():
                self._session()
                self.sessions += 1
        except Exception:
            self.failure = traceback.format_exc()

    def _session(self):
        with Pop3Client(self._port, self._ca_file, tls=True,
                        source=self._source) as c:
            c.login(*self._account)
            for number, message in enumerate(self._messages, 1):
                assert c.retr(number) == message
            c.quit()


def restart(instance, name, haproxy):
    """As the recipe has it, but that the delay ends as soon as HAProxy has
    seen what it is there for."""
    def both(up):
        return all(haproxy.is_up(f"{backend}/{name}") == up
                   for backend in ("pop3s", "pop3"))

    instance.proxy.signal(signal.SIGTERM)
    wait_until(lambda: both(False), 10, f"HAProxy to take {name} out")
    assert answers(instance.port_tls)     # for whoever is on the way
    instance.proxy.signal(signal.SIGTERM)
    wait_until(lambda: not answers(instance.port_tls), 10, "the drain")


def come_back(instance, name, haproxy):
    assert instance.proxy.wait(20) == 0
    instance.proxy.start()
    wait_until(lambda: haproxy.is_up(f"pop3s/{name}"), 10,
               f"HAProxy to take {name} in")


def test_rolling_restart(server, authority, pair):
    """Each instance is restarted in turn, while devices poll: not one session
    is refused or cut, and those that were open go on to their QUIT."""
    instances, haproxy, port = pair
    messages = [mail.message(str(n), b"x" * 2000 + b"\r\n") for n in range(3)]
    pollers, held = [], {}
    for source in SOURCES:
        user = server.new_user()
        server.deliver(user, messages)
        account = (user, server.password(user))
        pollers.append(Poller(port, authority.ca_file, source, account,
                              messages))
    for source in SOURCES:
        user = server.new_user()
        server.deliver(user, messages)
        held[user] = Pop3Client(port, authority.ca_file, tls=True,
                                source=source)
        held[user].login(user, server.password(user))
        held[user].ok("DELE 1")
    # By their addresses they are spread over both.
    assert all(i.figure('popinjay_active_sessions{listener="behind",'
                        'state="transaction"}') for i in instances.values())
    for poller in pollers:
        poller.start()
    try:
        for name, instance in instances.items():
            restart(instance, name, haproxy)
            for user, client in held.items():   # half of them there
                assert client.retr(2) == messages[1]
                client.quit()
                assert len(server.uids(user)) == 2
            held.clear()
            seen = [poller.sessions for poller in pollers]
            come_back(instance, name, haproxy)
            wait_until(lambda: instance.sessions() > 0
                       and all(p.failure or p.sessions > n
                               for p, n in zip(pollers, seen)), 20,
                       f"sessions at {name}")
    finally:
        for poller in pollers:
            poller.over.set()
        for poller in pollers:
            poller.join()
        for client in held.values():
            client.close()
    assert [p.failure for p in pollers if p.failure] == []
    # Nor did HAProxy have to try again elsewhere.
    for name, state in haproxy.servers().items():
        for trouble in ("econ", "eresp", "wretr", "wredis"):
            assert state[trouble] in ("", "0"), f"{name}: {trouble}"


def test_delay_of_the_drain(start_proxy):
    """drain_delay: new sessions go on while /readyz says 503, and then it is
    over by itself."""
    with FakeImap(Mailbox([])) as fake:
        proxy = start_proxy(fake.upstream_config(),
                            {"limits": {"drain_delay": "1 s"}})
        began = time.monotonic()
        proxy.signal(signal.SIGTERM)
        wait_until(lambda: readyz(proxy) == 503, 5, "/readyz")
        with proxy.pop3s() as c:
            c.login("u", "p")
            c.quit()
        assert proxy.wait(20) == 0
        assert 0.9 < time.monotonic() - began < 10
        log = proxy.log()
        assert log.index(" leaving ") < log.index(" draining ")


def readyz(proxy):
    with socket.create_connection((LOOPBACK, proxy.port_status), 10) as s:
        s.sendall(b"GET /readyz HTTP/1.1\r\nHost: x\r\n"
                  b"Connection: close\r\n\r\n")
        return int(s.makefile("rb").readline().split()[1])


def test_none_is_ready(start_proxy, authority, tmp_path):
    """Where the mail server is away, a client hears that from popinjay."""
    with FakeImap(Mailbox([])) as fake:
        upstream = fake.upstream_config()
        a, b = (Instance(start_proxy, authority, upstream) for _ in range(2))
    port, port_stls = free_port(), free_port()
    with Haproxy(tmp_path, deployed_config(a, b, port, port_stls)) as haproxy:
        for instance in (a, b):
            with instance.proxy.pop3s() as c:
                c.ok("USER u")
                assert b"[SYS/TEMP]" in c.err("PASS p")
        wait_until(lambda: not haproxy.is_up("pop3s/a")
                   and not haproxy.is_up("pop3s/b"), 10, "both to be out")
        with Pop3Client(port, authority.ca_file, tls=True) as c:
            c.ok("USER u")
            assert b"[SYS/TEMP]" in c.err("PASS p")
    a.end()
    b.end()


# --- headers that HAProxy makes -----------------------------------------------------

HEADERS = """
defaults
    mode tcp
    timeout client 10s
    timeout server 10s
    timeout connect 5s
frontend in
    bind {host}:{port}
    default_backend out
frontend sealed
    bind {host}:{port_sealed} ssl crt {pem}
    default_backend out
backend out
    {check}
    server popinjay {host}:{door} {options} check inter 100ms
"""


@pytest.mark.parametrize("options, is_told_apart", [
    ("send-proxy", False), ("send-proxy-v2", True),
    ("send-proxy-v2 proxy-v2-options crc32c,unique-id,ssl,cert-cn", True)],
    ids=["v1", "v2", "v2 with a checksum"])
def test_headers(start_proxy, authority, tmp_path, options, is_told_apart):
    """PP-3, PP-5, PP-7, PP-8: what HAProxy sends is read, its checksum too;
    by version 2 its checks, with a word of POP3 or without, are none of the
    sessions."""
    door, port, sealed = (free_port() for _ in range(3))
    cert, key = authority.pair("proxy")
    pem = tmp_path / "pair.pem"
    pem.write_bytes(b"".join(open(f, "rb").read() for f in (cert, key)))
    with FakeImap(Mailbox([])) as fake:
        proxy = start_proxy(fake.upstream_config(), {
            "listen door": {"address": f"{LOOPBACK}:{door}", "tls": "none",
                            "allow_plaintext_login": "yes",
                            "proxy_protocol": "any",
                            "proxy_from": LOOPBACK}})
        config = HEADERS.format(
            host=LOOPBACK, port=port, port_sealed=sealed, pem=pem, door=door,
            options=options, check="option tcp-check\n    tcp-check expect "
                                   "rstring ^\\+OK")
        with Haproxy(tmp_path, config) as haproxy:
            result = "local" if is_told_apart else "client"
            wait_until(lambda: haproxy.is_up("out/popinjay")
                       and headers(proxy, result) > 3, 10, "checks")
            with Pop3Client(port, source="127.0.0.30") as c:
                c.login("u", "p")
                c.quit()
            with socket.create_connection((LOOPBACK, sealed), 10,
                                          ("127.0.0.31", 0)) as raw, \
                    ssl.create_default_context(
                        cafile=authority.ca_file).wrap_socket(
                        raw, server_hostname="localhost") as c:
                c.sendall(b"QUIT\r\n")
                assert c.makefile("rb").read().count(b"+OK") == 2
        wait_until(lambda: "client=127.0.0.31" in proxy.log(), 10, "the log")
    for bad in ("invalid", "late", "untrusted"):
        assert headers(proxy, bad) == 0
    at_door = [line for line in proxy.log().splitlines()
               if "listener=door " in line and " debug " not in line]
    clients = [line for line in at_door
               if re.search(rf"client=127.0.0.3[01] .*via={LOOPBACK} ", line)]
    assert len([line for line in clients if " end " in line]) == 2
    if is_told_apart:
        assert headers(proxy, "client") == 2
        assert at_door == clients
        assert int(re.search(
            r'^popinjay_sessions_total\{listener="door"\} (\d+)$',
            proxy.http("/metrics"), re.M)[1]) == 2


def headers(proxy, result):
    return int(re.search(
        rf'^popinjay_proxy_headers_total{{result="{result}"}} (\d+)$',
        proxy.http("/metrics"), re.M)[1])
