"""What one listener allows that others do not, which certificate it shows, and
how TLS towards the server can be set."""

import re
import socket
import ssl
import subprocess

import pytest

from support.fake_imap import FakeImap, Mailbox
from support.pop3client import Pop3Client
from support.popinjay import Popinjay, binary
from support.ports import LOOPBACK, free_port, wait_until

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def metric(proxy, name):
    return int(re.search(rf"^{name} (\d+)$", proxy.http("/metrics"), re.M)[1])


def connect(port, ca_file, version=None, name="localhost", ciphers=None):
    """A TLS connection by a client that is ready for anything but |version|."""
    context = ssl.create_default_context(cafile=ca_file)
    context.check_hostname = False
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
    context.set_ciphers(ciphers or "DEFAULT:@SECLEVEL=0")
    if version:
        # In this order: the lower bound may not pass the upper one.
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = version
        context.minimum_version = version
    raw = socket.create_connection((LOOPBACK, port), 10)
    try:
        return context.wrap_socket(raw, server_hostname=name,
                                   suppress_ragged_eofs=False)
    except BaseException:
        raw.close()
        raise


def say(sock, *commands):
    """The first lines of the greeting and of the replies."""
    lines = sock.makefile("rb")
    heard = [lines.readline()]
    for command in commands:
        sock.sendall(command.encode() + b"\r\n")
        heard.append(lines.readline())
    return heard


def listener(authority, **keys):
    """(port, keys) of one more listener, with TLS from the first octet on."""
    cert, key = authority.pair("proxy")
    port = free_port()
    return port, {"address": f"{LOOPBACK}:{port}", "tls": "implicit",
                  "certificate": cert, "private_key": key, **keys}


# --- TLS-6: a listener for old devices --------------------------------------------

@pytest.mark.parametrize("version, name", [
    (ssl.TLSVersion.TLSv1, "TLSv1"), (ssl.TLSVersion.TLSv1_1, "TLSv1.1"),
    (ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (None, "TLSv1.3")])
def test_lowered_listener(start_proxy, authority, version, name):
    """TLS-6: it takes TLS 1.0 from an allowed network, is warned of at start,
    and such sessions are counted; the other listeners keep theirs."""
    port, old = listener(authority, tls_min_version="1.0",
                         allow_from="127.0.0.0/8")
    with FakeImap(Mailbox([])) as fake:
        proxy = start_proxy(fake.upstream_config(), {"listen old": old})
        with connect(port, proxy.ca_file, version) as sock:
            assert sock.version() == name
            heard = say(sock, "USER old", "PASS x", "QUIT")
            assert all(line.startswith(b"+OK") for line in heard), heard
        below = name in ("TLSv1", "TLSv1.1")
        assert metric(proxy, "popinjay_sessions_below_tls_1_2_total") == below
        assert metric(proxy, "popinjay_clients_not_allowed_total") == 0
        for other in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
            with pytest.raises(ssl.SSLError, match="ALERT"):
                connect(proxy.port_tls, proxy.ca_file, other)
        warned = [line for line in proxy.log().splitlines()
                  if "old_tls" in line]
        assert len(warned) == 1 and "warning" in warned[0]
        assert "listener=old" in warned[0]


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_lowered_without_networks(tmp_path, authority, version):
    """TLS-6: refused at start without allow_from."""
    _, old = listener(authority, tls_min_version=version)
    proxy = Popinjay(tmp_path, authority, {"address": "127.0.0.1:1"},
                     {"listen old": old})
    ended = subprocess.run([binary(), "-c", proxy.config_path], timeout=20,
                           capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "[listen old] tls_min_version:" in ended.stderr
    assert "allow_from" in ended.stderr


# --- allow_from ---------------------------------------------------------------------

def test_allow_from(start_proxy, authority):
    """TLS-6: a client from another network is closed before anything is said,
    logged and counted; on [::] a network of IPv4 holds IPv4 clients."""
    tls_port, elsewhere = listener(authority, tls_min_version="1.0",
                                   allow_from="192.0.2.0/24, 2001:db8::/32")
    plain = {"tls": "none", "allow_plaintext_login": "yes"}
    dual, closed = free_port(), free_port()
    settings = {
        "listen elsewhere": elsewhere,
        "listen dual": {"address": f"[::]:{dual}", **plain,
                        "allow_from": ["192.0.2.1", "127.0.0.0/8"]},
        "listen closed": {"address": f"[::]:{closed}", **plain,
                          "allow_from": "::/0"},
        "server": {"log_level": "info"},
    }
    with FakeImap(Mailbox([])) as fake:
        proxy = start_proxy(fake.upstream_config(), settings)
        with Pop3Client(dual) as c:
            c.login("someone", "x")
            c.quit()
        for port in (closed, tls_port):
            with Pop3Client(port, greeting=False) as c:
                assert c.at_end()
        with pytest.raises(OSError):
            connect(tls_port, proxy.ca_file)
        assert metric(proxy, "popinjay_clients_not_allowed_total") == 3
        # Counted first, then told.
        wait_until(lambda: proxy.log().count("client_not_allowed") == 3, 5,
                   "the lines of log")
        told = [line for line in proxy.log().splitlines()
                if "client_not_allowed" in line]
        assert all("info" in line for line in told)
        assert all("client=127.0.0.1" in line for line in told)


# --- TLS-13: certificates by name ---------------------------------------------------

def test_certificates_by_name(start_proxy, authority):
    """TLS-13: two names, a stranger, none: all get a handshake, each the
    certificate that covers the name, else the first; strangers are counted."""
    red = authority.issue("red", ("DNS:red.example", "DNS:*.red.example"))
    blue = authority.issue("blue", ("DNS:blue.example",))
    port, both = listener(authority)
    both.update(certificate=[red[0], blue[0]], private_key=[red[1], blue[1]])
    with FakeImap(Mailbox([])) as fake:
        proxy = start_proxy(fake.upstream_config(), {"listen both": both})
        for name, shown, unmatched in (
                ("red.example", "red", 0), ("blue.example", "blue", 0),
                ("pop.red.example", "red", 0), ("stranger.example", "red", 1),
                (None, "red", 1), ("a.b.red.example", "red", 2)):
            with connect(port, proxy.ca_file, name=name) as sock:
                subject = dict(field[0]
                               for field in sock.getpeercert()["subject"])
                assert subject["commonName"] == shown, name
                assert say(sock, "QUIT")[1].startswith(b"+OK")
            assert metric(proxy, "popinjay_sni_unmatched_total") == unmatched


def another_key(path, own):
    with open(own, "rb") as key, open(path, "wb") as copy:
        copy.write(key.read())


def key_of_another_kind(path, _own):
    subprocess.run(["openssl", "genrsa", "-out", path, "2048"], check=True,
                   capture_output=True)


def half_a_key(path, own):
    with open(own, "rb") as key, open(path, "wb") as copy:
        copy.write(key.read()[:100])


@pytest.mark.parametrize("make, why", [
    (another_key, "does not belong to the certificate"),
    (key_of_another_kind, "does not belong to the certificate"),
    (half_a_key, "no private key in PEM that is whole")])
def test_certificate_without_its_key(tmp_path, authority, make, why):
    """TLS-13: the n-th key belongs to the n-th certificate: else the line of
    the key is named, and what is wrong with it."""
    red = authority.issue("red", ("DNS:red.example",))
    blue = authority.issue("blue", ("DNS:blue.example",))
    wrong = str(tmp_path / "wrong.key")
    make(wrong, red[1])
    _, both = listener(authority, certificate=[red[0], blue[0]],
                       private_key=[red[1], wrong])
    proxy = Popinjay(tmp_path, authority, {"address": "127.0.0.1:1"},
                     {"listen both": both})
    ended = subprocess.run([binary(), "--check", "-c", proxy.config_path],
                           timeout=20, capture_output=True, text=True,
                           check=False)
    assert ended.returncode == 2
    assert f"[listen both] private_key: {wrong}: {why}" in ended.stderr


# --- TLS-7: a scan -------------------------------------------------------------------

def taken_up(port, ca_file):
    """Of all suites that OpenSSL knows here, those that the port agrees to."""
    every = subprocess.run(
        ["openssl", "ciphers", "-s", "-tls1_2",
         "ALL:COMPLEMENTOFALL:@SECLEVEL=0"], capture_output=True, text=True,
        check=True).stdout.strip().split(":")
    assert {"ECDHE-ECDSA-AES128-SHA", "AECDH-AES128-SHA",
            "ECDHE-ECDSA-NULL-SHA"} <= set(every)
    taken = set()
    for suite in every:
        try:
            with connect(port, ca_file, ssl.TLSVersion.TLSv1_2,
                         ciphers=suite + ":@SECLEVEL=0"):
                taken.add(suite)
        except ssl.SSLError:
            pass
    return taken


def test_suites(start_proxy, authority):
    """TLS-7: of all that a client may offer, only suites with forward secrecy
    and AEAD are taken up; TLS-6: a lowered listener takes older ones too, but
    none without authentication, without encryption, or broken."""
    port, old = listener(authority, tls_min_version="1.0",
                         allow_from="127.0.0.0/8")
    with FakeImap(Mailbox([])) as fake:
        proxy = start_proxy(fake.upstream_config(), {"listen old": old})
        usual = taken_up(proxy.port_tls, proxy.ca_file)
        lowered = taken_up(port, proxy.ca_file)
    assert "ECDHE-ECDSA-AES256-GCM-SHA384" in usual
    assert all(re.match("(EC)?DHE-.*(GCM|CHACHA20)", suite)
               for suite in usual), usual
    assert usual | {"ECDHE-ECDSA-AES128-SHA"} <= lowered
    assert not [suite for suite in lowered if re.search(
        "NULL|ADH|AECDH|RC4|DES|EXP|PSK|SRP", suite)], lowered


# --- towards the server ---------------------------------------------------------------

def login(proxy, user="someone"):
    with proxy.pop3s() as c:
        c.ok(f"USER {user}")
        reply = c.command("PASS something")
        c.command("QUIT")
        return reply


def tls_server(pair, alpn=None, after=None):
    """(context, script): a server that notes what was chosen in |after|."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair)
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
    if alpn:
        context.set_alpn_protocols(alpn)

    def script(peer):
        peer.sock = context.wrap_socket(peer.sock, server_side=True,
                                        suppress_ragged_eofs=False)
        if after is not None:
            after.append(peer.sock.selected_alpn_protocol())
        Mailbox([])(peer)

    return context, script


@pytest.mark.parametrize("setting, chosen", [
    (None, "imap"), ("yes", "imap"), ("no", None)])
def test_alpn_setting(start_proxy, authority, setting, chosen):
    """TLS-12: imap is offered, unless the setting omits it."""
    seen = []
    _, script = tls_server(authority.pair("upstream"), ["imap"], seen)
    with FakeImap(script) as fake:
        upstream = fake.upstream_config("implicit", authority.ca_file)
        proxy = start_proxy({**upstream, "alpn": setting})
        assert login(proxy).startswith(b"+OK")
    assert seen == [chosen]


def test_old_upstream(start_proxy, authority):
    """TLS-6: the server is never spoken to below 1.2, whatever a listener
    allows."""
    context, script = tls_server(authority.pair("upstream"))
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    _, old = listener(authority, tls_min_version="1.0",
                      allow_from="127.0.0.0/8")
    with FakeImap(script) as fake:
        proxy = start_proxy(fake.upstream_config("implicit",
                                                 authority.ca_file),
                            {"listen old": old})
        assert login(proxy).startswith(b"-ERR [SYS/")
        assert not fake.seen


def test_close_notify_upstream(start_proxy, authority):
    """TLS-8: the server, too, sees the connection end with close_notify."""
    ends = []
    _, serve = tls_server(authority.pair("upstream"))

    def script(peer):
        try:
            serve(peer)             # comes back behind LOGOUT
            ends.append(peer.sock.recv(1))
        except ssl.SSLError as e:
            ends.append(e)

    with FakeImap(script) as fake:
        proxy = start_proxy(fake.upstream_config("implicit",
                                                 authority.ca_file),
                            {"limits": {"upstream_reuse": "0"}})
        assert login(proxy).startswith(b"+OK")
        wait_until(lambda: ends, 10, "the end of the connection")
    assert ends == [b""]


def test_close_notify_client(start_proxy):
    """TLS-8: unwrap() gets the close_notify it waits for."""
    with FakeImap(Mailbox([])) as fake:
        proxy = start_proxy(fake.upstream_config())
        with connect(proxy.port_tls, proxy.ca_file) as sock:
            say(sock, "QUIT")
            assert sock.recv(1) == b""      # else SSLEOFError
            sock.unwrap().close()


@pytest.mark.parametrize("address, name, trusted", [
    ("localhost", None, True), ("127.0.0.1", None, True),
    ("127.1", None, False), ("127.1", "localhost", True),
    ("localhost", "imap.example.com", False)])
def test_name_is_the_configured_one(start_proxy, authority, address, name,
                                    trusted):
    """TLS-15: the certificate must carry the name that the configuration
    says. What resolving makes of it (here: 127.1 is 127.0.0.1, for which the
    certificate is good) counts for nothing."""
    pair = authority.issue("names", ("DNS:localhost", "IP:127.0.0.1"))
    _, script = tls_server(pair)
    with FakeImap(script) as fake:
        proxy = start_proxy({"address": f"{address}:{fake.port}",
                             "ca_file": authority.ca_file,
                             "server_name": name})
        reply = login(proxy)
        if trusted:
            assert reply.startswith(b"+OK"), reply
        else:
            assert reply.startswith(b"-ERR [SYS/PERM]"), reply
            assert not fake.seen


def test_both_legs_are_logged(start_proxy, authority):
    """TLS-9: version and suite of both legs stand in the line of the login."""
    _, script = tls_server(authority.pair("upstream"))
    with FakeImap(script) as fake:
        proxy = start_proxy(fake.upstream_config("implicit",
                                                 authority.ca_file))
        with connect(proxy.port_tls, proxy.ca_file,
                     ssl.TLSVersion.TLSv1_2) as sock:
            say(sock, "USER someone", "PASS x", "QUIT")
            suite = sock.cipher()[0]
        (line,) = [line for line in proxy.log().splitlines()
                   if "logged_in" in line]
        for word in (" tls=TLSv1.2", f" cipher={suite}",
                     " upstream_tls=TLSv1.3", " upstream_cipher=TLS_"):
            assert word in line, line


@pytest.mark.parametrize("octets", [b"", b"USER anna\r\n"])
def test_a_client_without_a_handshake(start_proxy, octets):
    """Scanners knock at the TLS port and leave, or speak in clear there."""
    proxy = start_proxy({"address": f"{LOOPBACK}:1", "tls": "none"})
    with socket.create_connection((LOOPBACK, proxy.port_tls), 10) as s:
        s.sendall(octets)
        s.shutdown(socket.SHUT_WR)
        while s.recv(100):
            pass
    wait_until(lambda: "reason=client_tls" in proxy.log(), 10, "the end")
    assert proxy.running()
