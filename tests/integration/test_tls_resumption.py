"""TLS sessions that are resumed: those of clients, by tickets, at any worker and
at any machine that has the keys; and those with the server."""

import concurrent.futures
import os
import shutil
import signal
import socket
import ssl
import subprocess
import threading

import pytest

from support.certificates import Authority
from support.fake_imap import FakeImap, Mailbox
from support.parking import metric
from support.popinjay import Popinjay, binary
from support.ports import LOOPBACK, free_port, wait_until

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


class Client:
    """A client that offers the newest session that it was given."""

    def __init__(self, ca_file, version=None, name="localhost"):
        self.context = ssl.create_default_context(cafile=ca_file)
        self.context.check_hostname = False
        if version:
            self.context.minimum_version = version
            self.context.maximum_version = version
        self.name = name
        self.session = None

    def connect(self, port, stls=False):
        """Whether the session was resumed; ends it with QUIT."""
        with socket.create_connection((LOOPBACK, port), 10) as raw:
            if stls:
                assert raw.recv(500).startswith(b"+OK")
                raw.sendall(b"STLS\r\n")
                assert raw.recv(500).startswith(b"+OK")
            with self.context.wrap_socket(raw, server_hostname=self.name,
                                          session=self.session) as sock:
                # TLS 1.3 brings the ticket in front of the first answer.
                sock.sendall(b"QUIT\r\n")
                lines = sock.makefile("rb").read()
                assert lines.count(b"+OK") == (1 if stls else 2)
                self.session = sock.session
                return sock.session_reused


def keys(path, *names):
    """A file of keys, each known by its letter."""
    with open(path, "wb") as f:
        for name in names:
            f.write(name.encode() * 80)
    os.chmod(path, 0o640)
    return str(path)


def machine(start_proxy, upstream, key_file):
    return start_proxy(upstream, {"server": {"tls_ticket_key_file": key_file}})


# --- Towards clients ---------------------------------------------------------------

@pytest.mark.parametrize("version", VERSIONS)
def test_every_worker_resumes(proxy, version):
    """Whichever worker made it, and on the listener with STLS too, which shows
    the same certificate."""
    client = Client(proxy.ca_file, version)
    before = proxy.status()["client_tls_handshakes"]
    assert not client.connect(proxy.port_tls)
    for _ in range(10):
        assert client.connect(proxy.port_tls)
        assert client.connect(proxy.port_stls, stls=True)
    after = proxy.status()["client_tls_handshakes"]
    assert after["new"] - before["new"] == 1
    assert after["resumed"] - before["resumed"] == 20


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_openssl_resumes(proxy, tmp_path, version):
    session = str(tmp_path / "session")

    def s_client(*options):
        return subprocess.run(
            ["openssl", "s_client", "-connect", f"{LOOPBACK}:{proxy.port_tls}",
             "-servername", "localhost", "-CAfile", proxy.ca_file, "-crlf",
             "-ign_eof", version, *options], input="QUIT\n", text=True,
            capture_output=True, timeout=20, check=True).stdout

    first = s_client("-sess_out", session)
    assert "New, TLSv1" in first and "Reused" not in first
    again = s_client("-sess_in", session)
    assert "Reused, TLSv1" in again
    assert "+OK" in again


@pytest.mark.parametrize("version", VERSIONS)
def test_another_name_is_a_whole_handshake(start_proxy, authority, version):
    """TLS-13, RFC 6066 §3: a ticket of one name is not good for another, and
    the other gets its own certificate."""
    red = authority.issue("red", ("DNS:red.example",))
    blue = authority.issue("blue", ("DNS:blue.example",))
    both = {"certificate": [red[0], blue[0]], "private_key": [red[1], blue[1]]}
    with FakeImap(Mailbox([])) as fake:
        proxy = start_proxy(fake.upstream_config(), {"listen pop3s": both})
        client = Client(proxy.ca_file, version, "red.example")
        assert not client.connect(proxy.port_tls)
        assert client.connect(proxy.port_tls)
        client.name = "blue.example"
        assert not client.connect(proxy.port_tls)
        assert client.connect(proxy.port_tls)


def test_a_lowered_listener_resumes_its_own_only(start_proxy, authority):
    """What a listener for old devices gave does not count at the others."""
    port = free_port()
    cert, key = authority.pair("proxy")
    old = {"address": f"{LOOPBACK}:{port}", "tls": "implicit",
           "certificate": cert, "private_key": key, "tls_min_version": "1.0",
           "allow_from": "127.0.0.0/8"}
    with FakeImap(Mailbox([])) as fake:
        proxy = start_proxy(fake.upstream_config(), {"listen old": old})
        client = Client(proxy.ca_file)
        assert not client.connect(port)
        assert client.connect(port)
        assert not client.connect(proxy.port_tls)
        assert client.connect(proxy.port_tls)


@pytest.mark.parametrize("version", VERSIONS)
def test_machines_with_the_same_keys(start_proxy, tmp_path, version):
    """What one gave, the other takes, also while a new key is on its way."""
    with FakeImap(Mailbox([])) as fake:
        upstream = fake.upstream_config()
        one = machine(start_proxy, upstream, keys(tmp_path / "one", "a"))
        other = machine(start_proxy, upstream,
                        keys(tmp_path / "other", "b", "a"))
        stranger = machine(start_proxy, upstream,
                           keys(tmp_path / "stranger", "c"))
        client = Client(one.ca_file, version)
        assert not client.connect(one.port_tls)
        assert client.connect(other.port_tls)
        assert client.connect(other.port_tls)
        assert not client.connect(stranger.port_tls)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_restart_keeps_the_keys_of_the_file(start_proxy, tmp_path, version):
    with FakeImap(Mailbox([])) as fake:
        proxy = machine(start_proxy, fake.upstream_config(),
                        keys(tmp_path / "keys", "a"))
        client = Client(proxy.ca_file, version)
        assert not client.connect(proxy.port_tls)
        proxy.stop()
        proxy.start()
        assert client.connect(proxy.port_tls)


@pytest.mark.parametrize("version", VERSIONS)
def test_machines_without_a_file(start_proxy, version):
    """Each has a key of its own: a whole handshake, and all is well."""
    with FakeImap(Mailbox([])) as fake:
        upstream = fake.upstream_config()
        one, other = start_proxy(upstream), start_proxy(upstream)
        client = Client(one.ca_file, version)
        assert not client.connect(one.port_tls)
        assert client.connect(one.port_tls)
        assert not client.connect(other.port_tls)
        assert client.connect(other.port_tls)


@pytest.mark.parametrize("size, mode, why", [
    (80, 0o644, "holds a secret and is open to all users"),
    (0, 0o600, "is empty"),
    (81, 0o600, "must be keys of 80 octets each"),
    (17 * 80, 0o600, "is too long: 1280 octets at most")])
def test_bad_key_file(tmp_path, authority, size, mode, why):
    """It is named with its line, at --check and at start."""
    path = tmp_path / "keys"
    path.write_bytes(b"k" * size)
    path.chmod(mode)
    proxy = Popinjay(tmp_path, authority, {"address": "127.0.0.1:1"},
                     {"server": {"tls_ticket_key_file": str(path)}})
    with open(proxy.config_path, encoding="utf-8") as f:
        (line,) = [n for n, text in enumerate(f, 1)
                   if text.startswith("tls_ticket_key_file")]
    for check in (["--check"], []):
        ended = subprocess.run([binary(), "-c", proxy.config_path, *check],
                               timeout=20, capture_output=True, text=True,
                               check=False)
        assert ended.returncode == 2
        assert ended.stderr.startswith(
            f"{proxy.config_path}:{line}: [server] tls_ticket_key_file: "
            f"{path}: {why}")


# --- Towards the server ------------------------------------------------------------

class TlsServer:
    """A script for FakeImap that notes which handshakes were resumed."""

    def __init__(self, pair, version=None):
        self.pair = pair
        self.version = version
        self.resumed = []
        self.lose_keys()

    def lose_keys(self):
        """As a restart does: tickets given until now are worth nothing."""
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*self.pair)
        if self.version:
            self.context.maximum_version = self.version

    def __call__(self, peer):
        peer.sock = self.context.wrap_socket(peer.sock, server_side=True)
        self.resumed.append(peer.sock.session_reused)
        Mailbox([])(peer)


def poll(proxy, user="someone"):
    with proxy.pop3s() as c:
        c.ok(f"USER {user}")
        c.ok("PASS something")
        c.quit()


@pytest.mark.parametrize("version", VERSIONS)
def test_the_session_with_the_server_is_resumed(start_proxy, authority,
                                                version):
    """All but the first of each worker; and a server that has forgotten is
    met anew, once, but its certificates are known by then."""
    server = TlsServer(authority.pair("upstream"), version)
    with FakeImap(server) as fake:
        upstream = fake.upstream_config("implicit", authority.ca_file)
        proxy = start_proxy(upstream, {"server": {"workers": "1"},
                                       "limits": {"upstream_reuse": "0"}})
        for _ in range(5):
            poll(proxy)
        assert server.resumed == [False] + 4 * [True]
        server.lose_keys()
        del server.resumed[:]
        for _ in range(5):
            poll(proxy)
        assert server.resumed == [False] + 4 * [True]
        assert proxy.status()["upstream_tls_handshakes"] == {"new": 2,
                                                             "resumed": 8}
        assert metric(proxy, "upstream_tls_proven_total") == 1


def test_authorities_are_replaced(start_proxy, authority, tmp_path):
    """What the old ones vouched for counts no more: neither the sessions that
    came of it, nor that the certificates are known."""
    server = TlsServer(authority.pair("upstream"))
    trusted = str(tmp_path / "trusted.pem")
    shutil.copy(authority.ca_file, trusted)
    with FakeImap(server) as fake:
        proxy = start_proxy(fake.upstream_config("implicit", trusted),
                            {"server": {"workers": "1"},
                             "limits": {"upstream_reuse": "0"}})
        poll(proxy)
        server.lose_keys()
        poll(proxy)
        poll(proxy)
        assert server.resumed == [False, False, True]
        assert metric(proxy, "upstream_tls_proven_total") == 1
        shutil.copy(Authority(tmp_path / "others").ca_file, trusted)
        proxy.signal(signal.SIGHUP)
        wait_until(lambda: " reloaded" in proxy.log(), 10, "the reload")
        for _ in range(2):
            with proxy.pop3s() as c:
                c.ok("USER someone")
                assert c.err("PASS something").startswith(b"-ERR [SYS/PERM]")


@pytest.mark.parametrize("version", VERSIONS)
def test_many_at_once_are_resumed(start_proxy, authority, version):
    """More connections at one time than sessions are kept: all the same."""
    server = TlsServer(authority.pair("upstream"), version)
    with FakeImap(server) as fake:
        upstream = fake.upstream_config("implicit", authority.ca_file)
        proxy = start_proxy(upstream, {"server": {"workers": "1"},
                                       "limits": {"upstream_reuse": "0"}})
        poll(proxy)
        gate = threading.Barrier(30)

        def one(number):
            with proxy.pop3s() as c:
                gate.wait(60)
                c.ok(f"USER user{number}")
                c.ok("PASS something")
                gate.wait(60)
                c.quit()

        with concurrent.futures.ThreadPoolExecutor(30) as pool:
            list(pool.map(one, range(30)))
        assert server.resumed == [False] + 30 * [True]
