"""Old devices: what one listener is lowered to, for the networks named and
only there."""

import subprocess

import pytest

from support import proxy_header
from support.fake_imap import FakeImap, Mailbox
from support.pop3client import Pop3Client
from support.ports import LOOPBACK, free_port

OLD = "127.0.0.2"        # where the old devices are


@pytest.fixture
def lowered(start_proxy, authority):
    """(proxy, port with TLS from the first octet on, port with STLS)"""
    cert, key = authority.pair("proxy")
    port, port_stls = free_port(), free_port()
    old = {"certificate": cert, "private_key": key, "tls_min_version": "1.0",
           "allow_from": OLD}
    with FakeImap(Mailbox([])) as fake:
        proxy = start_proxy(fake.upstream_config(), {
            "listen old": {"address": f"{LOOPBACK}:{port}",
                           "tls": "implicit", **old},
            "listen old-stls": {"address": f"{LOOPBACK}:{port_stls}",
                                "tls": "starttls", **old}})
        yield proxy, port, port_stls


def s_client(port, source, *options):
    """(what openssl says of the connection, whether a login passed)"""
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"{LOOPBACK}:{port}",
         "-bind", f"{source}:0", "-cipher", "DEFAULT:@SECLEVEL=0", "-crlf",
         "-ign_eof", *options],
        input="USER old\nPASS x\nQUIT\n", capture_output=True, text=True,
        timeout=20, check=False)
    return done.stdout + done.stderr, done.stdout.count("\n+OK") >= 3


@pytest.mark.parametrize("version, shown", [
    ("-tls1", "TLSv1"), ("-tls1_1", "TLSv1.1")])
def test_old_tls_from_its_network(lowered, version, shown):
    """TLS-6: openssl itself, as old as it can be told to be."""
    _, port, port_stls = lowered
    said, passed = s_client(port, OLD, version)
    assert passed and f"Protocol  : {shown}\n" in said, said
    said, passed = s_client(port_stls, OLD, version, "-starttls", "pop3")
    assert passed, said


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_old_tls_from_elsewhere(lowered, version):
    """TLS-6: from any other address, and at any other listener, there is
    none; who is up to date is not let in by the lowered one for that."""
    proxy, port, port_stls = lowered
    for at, options in ((port, ()), (port_stls, ("-starttls", "pop3"))):
        said, passed = s_client(at, LOOPBACK, version, *options)
        assert not passed and "BEGIN CERTIFICATE" not in said, said
    for source in (OLD, LOOPBACK):
        said, passed = s_client(proxy.port_tls, source, version)
        assert not passed and "alert" in said, said
        said, passed = s_client(proxy.port_stls, source, version,
                                "-starttls", "pop3")
        assert not passed and "alert" in said, said


def test_old_suites_only_there(lowered):
    """TLS-6: the suites of that time are of the lowered listener; those that
    are broken outright are of none."""
    proxy, port, _ = lowered
    suite = "ECDHE-ECDSA-AES128-SHA"
    said, passed = s_client(port, OLD, "-tls1_2", "-cipher", suite)
    assert passed and suite in said, said
    said, passed = s_client(proxy.port_tls, OLD, "-tls1_2", "-cipher", suite)
    assert not passed and "alert handshake failure" in said, said
    for broken in ("eNULL", "aNULL"):
        said, passed = s_client(port, OLD, "-tls1_2", "-cipher",
                                f"{broken}:@SECLEVEL=0")
        assert not passed and "alert handshake failure" in said, said


# --- clear text ---------------------------------------------------------------------

@pytest.fixture
def mixed(start_proxy, authority):
    """(proxy, port) of a listener with STLS where old devices need none."""
    cert, key = authority.pair("proxy")
    port = free_port()
    with FakeImap(Mailbox([])) as fake:
        proxy = start_proxy(fake.upstream_config(), {
            "listen mixed": {"address": f"[::]:{port}", "tls": "starttls",
                             "certificate": cert, "private_key": key,
                             "plaintext_from": f"{OLD}, 2001:db8::/32"}})
        yield proxy, port, fake


def test_clear_text_from_its_network(mixed):
    """TLS-4, TLS-6: a login in clear from a network named, and the same
    listener refuses it from elsewhere, before the server hears of it."""
    proxy, port, fake = mixed
    with Pop3Client(port, source=OLD) as c:
        assert "USER" in c.listing("CAPA")
        c.login("old", "x")
        c.quit()
    asked = fake.connections
    with Pop3Client(port, proxy.ca_file) as c:
        assert "USER" not in c.listing("CAPA")
        refused = c.err("USER new")
        c.err("AUTH PLAIN")
        assert fake.connections == asked
        c.stls()
        c.login("new", "x")
        c.quit()
    with proxy.pop3(source=OLD) as c:     # another listener
        assert c.err("USER old") == refused
    warned = [line for line in proxy.log().splitlines()
              if "plaintext_logins" in line]
    assert len(warned) == 1 and " warning " in warned[0]
    assert "listener=mixed" in warned[0]


def test_clear_text_behind_a_balancer(start_proxy):
    """PP-1, TLS-6: it is the client's network that counts."""
    port = free_port()
    with FakeImap(Mailbox([])) as fake:
        start_proxy(fake.upstream_config(), {
            "listen behind": {"address": f"{LOOPBACK}:{port}", "tls": "none",
                              "plaintext_from": "192.0.2.0/24",
                              "proxy_protocol": "v2",
                              "proxy_from": LOOPBACK}})
        for host, passes in (("192.0.2.7", True), (LOOPBACK, False)):
            with Pop3Client(port, greeting=False) as c:
                c.send(proxy_header.v2_client(host, 1))
                assert c.line().startswith(b"+OK")
                assert c.command("USER u").startswith(b"+OK") == passes
