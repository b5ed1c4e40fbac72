"""TLS towards clients and towards the server, and injections on both sides."""

import socket
import ssl

import pytest

from support.certificates import Authority
from support.fake_imap import (CAPABILITY, FakeImap, Mailbox,
                               clear_until_starttls)
from support.pop3client import Pop3Client
from support.ports import LOOPBACK


def login_reply(proxy):
    with proxy.pop3s() as c:
        c.ok("USER someone")
        return c.command("PASS something")


# --- Towards clients ------------------------------------------------------------

def test_stls_once(server, proxy, user):
    """TLS-2: no second greeting; STLS twice or after login is -ERR."""
    with proxy.pop3() as c:
        c.stls()
        c.err("STLS")
        c.login(user, server.password(user))
        c.err("STLS")
        c.quit()
    with proxy.pop3s() as c:
        c.err("STLS")


@pytest.mark.parametrize("injected", [
    b"USER x\r\n", b"CAPA\r\n", b"Q", b"USER x\r\nPASS y\r\nLIST\r\n"])
def test_stls_injection(proxy, injected):
    """TLS-3: what came in clear behind STLS is never answered; the connection
    ends."""
    with proxy.pop3() as c:
        c.send(b"STLS\r\n" + injected)
        heard = c.rest()
    assert heard in (b"", heard.split(b"\r\n")[0] + b"\r\n")
    assert not heard or heard.startswith((b"+OK", b"-ERR"))


def test_user_before_stls_is_forgotten(server, start_proxy, user):
    """TLS-3: a USER given in clear does not count inside TLS."""
    proxy = start_proxy(server.upstream_config(), {
        "listen pop3": {"allow_plaintext_login": "yes"}})
    with proxy.pop3() as c:
        c.ok(f"USER {user}")
        c.stls()
        c.err(f"PASS {server.password(user)}")
        c.login(user, server.password(user))


def test_plain_text_on_the_tls_port(proxy):
    """TLS-1: no greeting in clear; garbage ends the connection."""
    with Pop3Client(proxy.port_tls, greeting=False) as c:
        c.socket.settimeout(0.3)
        with pytest.raises(TimeoutError):
            c.line()
        c.socket.settimeout(10)
        c.send(b"USER x\r\n" * 10)
        assert b"OK" not in c.rest()


def test_garbage_after_stls(proxy):
    """A handshake that is none ends the connection; others go on."""
    with proxy.pop3() as c:
        c.ok("STLS")
        c.send(b"\xff" * 500)
        assert b"OK" not in c.rest()
    with proxy.pop3() as c:
        c.stls()


@pytest.mark.parametrize("version, admitted", [
    (ssl.TLSVersion.TLSv1, False), (ssl.TLSVersion.TLSv1_1, False),
    (ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_3, True)])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_versions(proxy, version, admitted):
    """TLS-6: 1.2 and newer."""
    context = ssl.create_default_context(cafile=proxy.ca_file)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    with socket.create_connection((LOOPBACK, proxy.port_tls), 10) as s:
        if admitted:
            with context.wrap_socket(s, server_hostname="localhost") as t:
                assert t.recv(100).startswith(b"+OK")
        else:
            with pytest.raises(ssl.SSLError, match="ALERT"):
                context.wrap_socket(s, server_hostname="localhost")


@pytest.mark.parametrize("offered, chosen", [
    (["pop3"], "pop3"), (["imap", "pop3"], "pop3"), ([], None),
    (["http/1.1"], False), (["imap"], False)])
def test_alpn(proxy, offered, chosen):
    """TLS-11: pop3 is chosen, a list without it is refused, none is fine."""
    context = ssl.create_default_context(cafile=proxy.ca_file)
    if offered:
        context.set_alpn_protocols(offered)
    with socket.create_connection((LOOPBACK, proxy.port_tls), 10) as s:
        if chosen is False:
            with pytest.raises(ssl.SSLError, match="(?i)alpn|protocol"):
                context.wrap_socket(s, server_hostname="localhost")
        else:
            with context.wrap_socket(s, server_hostname="localhost") as t:
                assert t.selected_alpn_protocol() == chosen
                assert t.recv(100).startswith(b"+OK")


def test_close_notify(proxy):
    """TLS-8: QUIT ends with close_notify, not with a bare end."""
    with proxy.pop3s() as c:
        c.ok("QUIT")
        # suppress_ragged_eofs hides the difference, a raw read does not.
        c.socket.suppress_ragged_eofs = False
        assert c.socket.recv(1) == b""


def test_vanishing_in_the_handshake(proxy):
    """A client that leaves at any octet of its hello harms nobody."""
    out, into = ssl.MemoryBIO(), ssl.MemoryBIO()
    hello = ssl.create_default_context().wrap_bio(
        into, out, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        hello.do_handshake()
    octets = out.read()
    for cut in range(0, len(octets) + 1, 16):
        with Pop3Client(proxy.port_tls, greeting=False) as c:
            c.send(octets[:cut])
    with proxy.pop3s() as c:
        c.quit()


# --- Towards the server ------------------------------------------------------------

@pytest.mark.parametrize("tls", ["implicit", "starttls", "none"])
def test_upstream_kinds(server, start_proxy, user, tls):
    """TLS-18: each kind of upstream connection, to the real server. In clear
    a server may refuse to hear a password; then it never leaves."""
    if tls == "starttls" and "STARTTLS" not in server.features:
        pytest.skip("the server has no STARTTLS")
    proxy = start_proxy(server.upstream_config(tls))
    with proxy.pop3s() as c:
        c.ok(f"USER {user}")
        reply = c.command(f"PASS {server.password(user)}")
    # The real server is local, and what it says of clear text is its own
    # affair: it takes the password or forbids it.
    assert reply.startswith((b"+OK", b"-ERR [SYS/PERM]") if tls == "none"
                            else b"+OK"), reply


def certificate(authority, tmp_path, kind):
    """(pair, ca_file): a certificate with one thing wrong, or nothing."""
    if kind == "unknown authority":
        other = Authority(tmp_path / "other", "another CA")
        return other.issue("localhost"), authority.ca_file
    sans = {"wrong name": ("DNS:example.org",),
            "deep wildcard": ("DNS:*.local.localhost",),
            "name in CN only": ()}.get(kind, ("DNS:localhost",))
    days = -1 if kind == "expired" else 30
    name = kind.replace(" ", "-")
    return (authority.issue(name, sans, days, subject="localhost"),
            authority.ca_file)


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
@pytest.mark.parametrize("kind", [
    "good", "wrong name", "deep wildcard", "name in CN only", "expired",
    "unknown authority"])
def test_server_certificate(start_proxy, authority, tmp_path, kind, tls):
    """TLS-14, TLS-16, MAP-10: only a certificate that is right in all ways
    gets to hear a password."""
    pair, ca_file = certificate(authority, tmp_path, kind)
    implicit = tls == "implicit"
    with FakeImap(Mailbox([], starttls=None if implicit else pair),
                  pair if implicit else None) as fake:
        proxy = start_proxy(fake.upstream_config(tls, ca_file))
        reply = login_reply(proxy)
        if kind == "good":
            assert reply.startswith(b"+OK"), reply
        else:
            assert reply.startswith(b"-ERR [SYS/PERM]"), reply
            assert not secret_seen(fake)


def secret_seen(fake):
    return [line for line in fake.seen
            if b"AUTHENTICATE" in line or b"LOGIN" in line]


def test_starttls_injection(start_proxy, authority):
    """IMAP-7: octets in clear behind the OK to STARTTLS abort the connection;
    no password is sent, and the client is told."""
    pair = authority.pair("upstream")

    def script(peer):
        clear_until_starttls(
            peer, b"* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR\r\n")
        peer.wrap(pair)
        Mailbox([]).serve(peer)

    with FakeImap(script) as fake:
        proxy = start_proxy(fake.upstream_config("starttls",
                                                 authority.ca_file))
        assert login_reply(proxy).startswith(b"-ERR [SYS/")
        assert not secret_seen(fake)


@pytest.mark.parametrize("how", ["not offered", "refused"])
def test_starttls_stripped(start_proxy, authority, how):
    """TLS-18: without the protection that was asked for nothing is sent."""
    def refuse(peer):
        peer.send(b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n")
        while True:
            tag, command = peer.command()
            peer.send(tag + (b" NO not now\r\n" if command == b"STARTTLS"
                             else b" OK done\r\n"))

    script = refuse if how == "refused" else Mailbox([])
    with FakeImap(script) as fake:
        proxy = start_proxy(fake.upstream_config("starttls",
                                                 authority.ca_file))
        assert login_reply(proxy).startswith(b"-ERR [SYS/")
        assert not secret_seen(fake)


@pytest.mark.parametrize("pair_too", [False, True])
def test_preauth(start_proxy, authority, pair_too):
    """DEC-20, IMAP-4, IMAP-5, MAP-10: PREAUTH is refused, in clear and in
    TLS; no command is sent."""
    def script(peer):
        peer.send(b"* PREAUTH [" + CAPABILITY + b"] welcome\r\n")
        while True:
            peer.line()

    pair = authority.pair("upstream") if pair_too else None
    with FakeImap(script, pair) as fake:
        proxy = start_proxy(fake.upstream_config(
            "implicit" if pair_too else "none", authority.ca_file
            if pair_too else None))
        assert login_reply(proxy).startswith(b"-ERR [SYS/PERM]")
        assert [line for line in fake.seen if b"LOGOUT" not in line] == []


def test_login_disabled(start_proxy):
    """IMAP-9, MAP-4: LOGINDISABLED and no mechanism: no password on the wire."""
    def script(peer):
        capability = b"CAPABILITY IMAP4rev1 LOGINDISABLED"
        peer.send(b"* OK [" + capability + b"] ready\r\n")
        while True:
            tag, _ = peer.command()
            peer.send(b"* " + capability + b"\r\n" + tag + b" OK done\r\n")

    with FakeImap(script) as fake:
        proxy = start_proxy(fake.upstream_config())
        assert login_reply(proxy).startswith(b"-ERR [SYS/PERM]")
        assert not [line for line in fake.seen
                    if b"AUTHENTICATE" in line or b" LOGIN" in line]


def test_upstream_alpn(start_proxy, authority):
    """The protocol id imap is offered to the server."""
    pair = authority.pair("upstream")

    def script(peer):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*pair)
        context.set_alpn_protocols(["imap"])
        peer.sock = context.wrap_socket(peer.sock, server_side=True)
        chosen.append(peer.sock.selected_alpn_protocol())
        Mailbox([])(peer)

    chosen = []
    with FakeImap(script) as fake:
        proxy = start_proxy(fake.upstream_config("implicit",
                                                 authority.ca_file))
        assert login_reply(proxy).startswith(b"+OK")
    assert chosen == ["imap"]
