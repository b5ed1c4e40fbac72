"""Behind a balancer: who a client is, the balancer says, and nothing begins
before it has."""

import re
import socket
import ssl
import time

import pytest

from support import proxy_header
from support.dovecot import Dovecot
from support.fake_imap import FakeImap, Mailbox
from support.pop3client import Pop3Client
from support.ports import LOOPBACK, free_port, wait_until

STRANGER = "127.0.0.9"   # does not stand in proxy_from
CLIENT = proxy_header.v2_client("192.0.2.7", 40000)


class Door:
    """A listener that takes PROXY headers, of a proxy that runs."""

    def __init__(self, start_proxy, authority, upstream, settings=None,
                 **keys):
        cert, key = authority.pair("proxy")
        self.port = free_port()
        self.port_tls = free_port()
        common = {"certificate": cert, "private_key": key,
                  "proxy_protocol": "any", "proxy_from": LOOPBACK, **keys}
        self.proxy = start_proxy(upstream, {
            "listen door": {"address": f"[::]:{self.port}", "tls": "starttls",
                            "allow_plaintext_login": "yes", **common},
            "listen doors": {"address": f"{LOOPBACK}:{self.port_tls}",
                             "tls": "implicit", **common},
            **(settings or {})})

    def sessions(self):
        return sum(metric(self.proxy, "popinjay_sessions_total"
                          f'{{listener="{name}"}}')
                   for name in ("door", "doors"))

    def active(self):
        return sum(metric(self.proxy, "popinjay_active_sessions"
                          f'{{listener="{name}",state="{state}"}}')
                   for name in ("door", "doors")
                   for state in ("authorization", "transaction"))

    def enter(self, octets, tls=False):
        """A connection that begins with |octets|."""
        sock = socket.create_connection(
            (LOOPBACK, self.port_tls if tls else self.port), 20)
        sock.sendall(octets)
        return sock

    def headers(self, result):
        return metric(self.proxy,
                      f'popinjay_proxy_headers_total{{result="{result}"}}')

    def await_headers(self, **results):
        """Until the figures are these, and the others none."""
        names = ("client", "unnamed", "local", "untrusted", "invalid", "late",
                 "closed")
        wanted = {name: results.get(name, 0) for name in names}
        wait_until(
            lambda: {n: self.headers(n) for n in names} == wanted, 10,
            f"the figures {wanted}")

    def await_line(self, *words):
        def lines():
            return [line for line in self.proxy.log().splitlines()
                    if all(word in line for word in words)]
        wait_until(lines, 10, f"a line of log with {words}")
        return lines()[0]


def metric(proxy, sample):
    return int(re.search(rf"^{re.escape(sample)} (\d+)$",
                         proxy.http("/metrics"), re.M)[1])


@pytest.fixture
def fake():
    with FakeImap(Mailbox([])) as server:
        yield server


@pytest.fixture
def door(start_proxy, authority, fake):
    return Door(start_proxy, authority, fake.upstream_config())


def line_of(sock):
    return sock.makefile("rb").readline()


def is_closed(sock):
    """Was nothing said before the end?"""
    try:
        return sock.recv(100) == b""
    except ConnectionResetError:
        return True


def wrap(sock, ca_file):
    context = ssl.create_default_context(cafile=ca_file)
    return context.wrap_socket(sock, server_hostname="localhost")


# --- PP-1: on or off, and from whom -------------------------------------------------

def test_only_where_it_is_configured(door):
    """PP-1: a header on a plain listener is a bad command, and a client
    without one is closed on a listener that takes them, heard or unheard."""
    with Pop3Client(door.proxy.port_plain) as c:
        assert c.command("PROXY TCP4 192.0.2.7 198.51.100.1 1 995") \
            .startswith(b"-ERR")
        c.ok("QUIT")
    with door.enter(b"USER u\r\n") as sock:
        assert is_closed(sock)
    with door.enter(b"", tls=True) as sock:
        with pytest.raises(OSError):
            wrap(sock, door.proxy.ca_file)
    door.await_headers(invalid=2)
    line = door.await_line("proxy_refused", "listener=doors")
    assert "warning" in line and f"via={LOOPBACK}" in line
    assert "no PROXY header" in line


def test_only_from_trusted_senders(door):
    """PP-1: whoever is not trusted is closed, whatever it says."""
    with proxy_header.connect_from(STRANGER, door.port) as sock:
        assert is_closed(sock)
    door.await_headers(untrusted=1)
    line = door.await_line("proxy_refused", "proxy_from")
    assert f"via={STRANGER}" in line and "info" in line


@pytest.mark.parametrize("taken, good, bad", [
    ("v1", proxy_header.v1("192.0.2.7", 1), CLIENT),
    ("v2", CLIENT, proxy_header.v1("192.0.2.7", 1))], ids=["v1", "v2"])
def test_the_version_configured(start_proxy, authority, fake, taken, good,
                                bad):
    """PP-1: of versions, those that are configured."""
    door = Door(start_proxy, authority, fake.upstream_config(),
                proxy_protocol=taken)
    with door.enter(good) as sock:
        assert line_of(sock).startswith(b"+OK")
    with door.enter(bad) as sock:
        assert is_closed(sock)
    door.await_headers(client=1, invalid=1)
    assert "version" in door.await_line("proxy_refused")


# --- PP-2: nothing starts before it -------------------------------------------------

@pytest.mark.parametrize("header, client, port", [
    (proxy_header.v1("192.0.2.7", 40000), "192.0.2.7", 40000),
    (proxy_header.v1("2001:db8::7", 1, "::1"), "2001:db8::7", 1),
    (CLIENT, "192.0.2.7", 40000),
    (proxy_header.v2_client("2001:db8::7", 1), "2001:db8::7", 1),
    (proxy_header.v2_client("192.0.2.7", 1, proxy_header.tlv(
        0x20, b"\x01\0\0\0\0" + proxy_header.tlv(0x21, b"TLSv1.3"))
        + proxy_header.tlv(4, bytes(3000))), "192.0.2.7", 1),
], ids=["v1", "v1 of IPv6", "v2", "v2 of IPv6", "v2 with TLVs"])
def test_octet_by_octet(door, header, client, port):
    """PP-2, PP-6: nothing is said before the last octet of the header, and
    then all is, to the client that it announces."""
    with socket.create_connection((LOOPBACK, door.port), 20) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for n in range(min(len(header), 60) - 1):
            sock.sendall(header[n:n + 1])
        sock.sendall(header[min(len(header), 60) - 1:-1])
        sock.setblocking(False)
        with pytest.raises(BlockingIOError):
            sock.recv(1)
        assert door.sessions() == 0
        sock.settimeout(20)
        sock.sendall(header[-1:])
        assert line_of(sock).startswith(b"+OK")
        sock.sendall(b"USER u\r\nPASS p\r\nQUIT\r\n")
        assert sock.makefile("rb").read().count(b"+OK") == 3
    line = door.await_line(" end ", "listener=door ")
    assert f"client={client} port={port} via={LOOPBACK} " in line


def test_all_at_once(door):
    """PP-2: a header, and what the client says behind it, in one segment: a
    TLS hello on one listener, commands on the other."""
    with door.enter(CLIENT + b"CAPA\r\nQUIT\r\n") as sock:
        said = sock.makefile("rb").read()
    assert said.startswith(b"+OK") and said.count(b"\r\n+OK") == 2
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context(cafile=door.proxy.ca_file)
    tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    header = proxy_header.v1("192.0.2.8", 2)
    with door.enter(b"", tls=True) as sock:
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                sock.sendall(header + outgoing.read())
                header = b""
                incoming.write(sock.recv(65536))
        sock.sendall(outgoing.read())
        while True:
            try:
                assert tls.read(3) == b"+OK"
                break
            except ssl.SSLWantReadError:
                incoming.write(sock.recv(65536))
    assert "client=192.0.2.8 port=2 " in door.await_line(
        " end ", "listener=doors")


def test_silence(door):
    """PP-2: a header has some seconds and no more; TLS and the client's login
    have their own."""
    began = time.monotonic()
    silent = [door.enter(octets) for octets in
              (b"", b"PROXY", b"PROXY TCP4 192.0.2.7 1", CLIENT[:-1])]
    with door.enter(CLIENT) as served:
        assert line_of(served).startswith(b"+OK")
        wait_until(lambda: metric(
            door.proxy, "popinjay_proxy_headers_awaited") == 4, 3, "the gauge")
        for sock in silent:
            with sock:
                assert is_closed(sock)
        assert 3 < time.monotonic() - began < 25
        served.sendall(b"CAPA\r\n")
        assert line_of(served).startswith(b"+OK")
    door.await_headers(client=1, late=4)
    assert "too long" in door.await_line("proxy_refused")


@pytest.mark.parametrize("octets", [
    b"PROXY TCP4 192.0.2.7 198.51.100.1 1 995\nUSER u\r\n",
    b"PROXY TCP4 192.0.2.07 198.51.100.1 1 995\r\n",
    b"PROXY UNKNOWN " + b"x" * 100,
    proxy_header.v2(0x31, *proxy_header.block("192.0.2.7", 1)),
    proxy_header.v2_client("192.0.2.7", 1, b"\x04\xff\xff"),
    proxy_header.v2_client("192.0.2.7", 1, proxy_header.tlv(3, b"\0\0\0\1")),
    proxy_header.SIGNATURE + b"\x21\x11\xff\xff"],
    ids=["lone LF", "leading zero", "v1 too long", "version 3", "TLV overrun",
         "checksum", "v2 too long"])
def test_malformed(door, octets):
    """PP-3, PP-5, PP-6, PP-8: what breaks the rules is closed at once."""
    with door.enter(octets) as sock:
        assert is_closed(sock)
    door.await_headers(invalid=1)


# --- PP-4, PP-7: where no client is announced ---------------------------------------

@pytest.mark.parametrize("header", [
    b"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN ::1 ::2 1 2\r\n",
    proxy_header.v2(), proxy_header.v2(family=proxy_header.UNIX,
                                       octets=bytes(216)),
    proxy_header.v2(proxy_header.PROXY, proxy_header.UDP4, bytes(12))],
    ids=["UNKNOWN", "UNKNOWN with more", "UNSPEC", "unix", "UDP"])
def test_unnamed_clients(door, header):
    """PP-4, PP-7: the real ends count."""
    with door.enter(header + b"QUIT\r\n") as sock:
        near = sock.getsockname()[1]
        assert line_of(sock).startswith(b"+OK")
    line = door.await_line(" end ", "listener=door ")
    assert f"client={LOOPBACK} port={near} " in line and "via=" not in line
    door.await_headers(unnamed=1)


@pytest.mark.parametrize("tls", [False, True])
def test_checks_are_no_sessions(door, tls):
    """PP-7: a balancer's own connections are served, and no more: they are
    none of the sessions, and the log is silent about them."""
    for _ in range(3):
        with door.enter(proxy_header.v2(proxy_header.LOCAL, 0xff, b"xyz"),
                        tls) as sock:
            if not tls:
                assert line_of(sock).startswith(b"+OK")
    for _ in range(3):   # one that does without a header
        door.enter(b"", tls).close()
    door.await_headers(local=3, closed=3)
    assert door.sessions() == 0 and not door.active()
    loud = [line for line in door.proxy.log().splitlines()
            if "listener=door" in line and "debug" not in line]
    assert not loud


# --- what follows from the client's address -----------------------------------------

def test_allow_from_is_the_client_s(start_proxy, authority, fake):
    """PP-1: the balancer is trusted, its clients are not for that."""
    door = Door(start_proxy, authority, fake.upstream_config(),
                allow_from="192.0.2.0/24, 2001:db8::/32")
    for host, is_allowed in (("192.0.2.7", True), ("198.51.100.7", False),
                             ("2001:db8::1", True), ("::1", False),
                             ("127.0.0.1", False)):
        with door.enter(proxy_header.v2_client(host, 1)) as sock:
            assert is_closed(sock) != is_allowed, host
    with door.enter(proxy_header.v2(proxy_header.LOCAL)) as sock:
        assert is_closed(sock)
    assert metric(door.proxy, "popinjay_clients_not_allowed_total") == 4


def test_limits_are_the_client_s(start_proxy, authority, fake):
    """PP-1, MAP-12: sessions of one client, of those that the balancer
    announces, not of the balancer."""
    door = Door(start_proxy, authority, fake.upstream_config(),
                {"limits": {"max_sessions_per_client": "1"}})

    def login(host, user):
        client = Pop3Client(door.port, greeting=False)
        client.send(proxy_header.v2_client(host, 1))
        assert client.line().startswith(b"+OK")
        client.ok(f"USER {user}")
        return client, client.command("PASS x")

    one, first = login("192.0.2.7", "one")
    two, second = login("192.0.2.7", "two")
    three, third = login("192.0.2.8", "three")
    for client in (one, two, three):
        client.close()
    assert first.startswith(b"+OK") and third.startswith(b"+OK")
    assert second.startswith(b"-ERR [SYS/TEMP]")


def test_the_server_is_told(start_proxy, authority):
    """PP-7: Dovecot, where it trusts the proxy, has the client's address in
    its own log and limits; the balancer's where the client has none."""
    with Dovecot("login_trusted_networks = 127.0.0.0/8\n") as dovecot:
        dovecot.create_user("told", "secret")
        upstream = {**dovecot.upstream_config(),
                    "forward_client_address": "yes"}
        door = Door(start_proxy, authority, upstream)
        for header, rip in ((proxy_header.v2_client("192.0.2.7", 40000),
                             "192.0.2.7"),
                            (proxy_header.v1("2001:db8::7", 1, "::1"),
                             "2001:db8::7"),
                            (proxy_header.v2(), LOOPBACK)):
            with door.enter(header) as sock:
                replies = sock.makefile("rb")
                sock.sendall(b"USER told\r\nPASS secret\r\n")
                for _ in range(3):
                    assert replies.readline().startswith(b"+OK")
                sock.sendall(b"QUIT\r\n")
                assert replies.readline().startswith(b"+OK")
            wait_until(lambda: f"rip={rip}," in dovecot.log(), 10,
                       f"rip={rip} in Dovecot's log")
