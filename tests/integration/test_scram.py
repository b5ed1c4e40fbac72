"""Logins at the server by SCRAM-SHA-256: Dovecot, which keeps its keys or the
password; servers that lie; and the channel that a login is bound to, as OpenSSL
itself sees it from the other end."""

import os
import re
import subprocess

import pytest

from support import mail
from support.dovecot import Dovecot
from support.fake_imap import FakeImap, Mailbox
from support.popinjay import binary
from support.ports import LOOPBACK, free_port, wait_until
from support.scram import Exchange
from support.secrets import PASSWORD
from test_logs import found_by_fail2ban

KEPT_AS = ("PLAIN", "SCRAM-SHA-256", "SHA512-CRYPT")


@pytest.fixture(scope="module")
def dovecot():
    with Dovecot("auth_mechanisms = plain scram-sha-256\n") as running:
        yield running


def create_user(server, user, scheme):
    """Whose password the server keeps in that form."""
    kept = subprocess.run(["/usr/bin/doveadm", "pw", "-s", scheme, "-p", PASSWORD],
                          capture_output=True, text=True, check=True).stdout
    path = os.path.join(server._folder, "users", user)
    with open(path, "w", encoding="utf-8") as f:
        f.write(f"{user}:{kept.strip()}\n")
    server._passwords[user] = PASSWORD
    server.deliver(user, [mail.message("one", b"x")])


def last_line(proxy, event):
    return [line for line in proxy.log().splitlines() if f" {event} " in line][-1]


# --- Dovecot ----------------------------------------------------------------

@pytest.mark.parametrize("tls", ["implicit", "starttls"])
@pytest.mark.parametrize("scheme", KEPT_AS[:2])
def test_dovecot(dovecot, start_proxy, scheme, tls):
    """DEC-19: SCRAM is used where it is offered, and mail comes and goes; a wrong
    password is [AUTH]."""
    user = f"{scheme}.{tls}".lower()
    create_user(dovecot, user, scheme)
    proxy = start_proxy(dovecot.upstream_config(tls))
    with proxy.pop3s() as c:
        c.ok(f"USER {user}")
        assert c.err("PASS wrong").startswith(b"-ERR [AUTH]")
    line = last_line(proxy, "login_refused")
    assert "mechanism=SCRAM-SHA-256" in line and "sasl_mechanisms" in line
    with proxy.pop3s() as c:
        c.login(user, PASSWORD)
        c.retr(1)
        c.ok("DELE 1")
        c.quit()
    assert "mechanism=SCRAM-SHA-256" in last_line(proxy, "logged_in")
    wait_until(lambda: f"Login: user=<{user}>, method=SCRAM-SHA-256,"
               in dovecot.log(), 10, "Dovecot's line")


def test_server_that_keeps_a_hash(dovecot, start_proxy, tmp_path):
    """DEC-19: its SCRAM refuses everybody, PLAIN is not tried by itself; the log
    says what to set, and that helps."""
    create_user(dovecot, "hashed", KEPT_AS[2])
    upstream = dovecot.upstream_config()
    proxy = start_proxy(upstream)
    before = dovecot.log().count("Login: user=<hashed>")
    with proxy.pop3s() as c:
        c.ok("USER hashed")
        assert c.err(f"PASS {PASSWORD}").startswith(b"-ERR [AUTH]")
    line = last_line(proxy, "login_refused")
    assert "sasl_mechanisms = PLAIN, LOGIN" in line
    assert found_by_fail2ban(tmp_path, [line]) == {LOOPBACK: 1}
    assert dovecot.log().count("Login: user=<hashed>") == before
    proxy = start_proxy({**upstream, "sasl_mechanisms": "PLAIN, LOGIN"})
    with proxy.pop3s() as c:
        c.login("hashed", PASSWORD)
        c.quit()
    assert "mechanism=PLAIN" in last_line(proxy, "logged_in")


def test_probe(dovecot, start_proxy):
    """The command logs in by it too, and says so; with a wrong password it says
    what else it may be."""
    create_user(dovecot, "probed", KEPT_AS[1])
    proxy = start_proxy(dovecot.upstream_config())

    def probe(*arguments, given=""):
        return subprocess.run(
            [binary(), "probe", "-c", proxy.config_path, *arguments],
            input=given, capture_output=True, text=True, timeout=30)

    words = "  USER, PASS  AUTHENTICATE SCRAM-SHA-256, in three round trips\n"
    assert words in probe().stdout
    done = probe("--user", "probed", given=PASSWORD + "\n")
    assert done.returncode == 0, done.stdout + done.stderr
    assert words in done.stdout
    assert re.search(r"^  messages +1, ", done.stdout, re.M)
    done = probe("--user", "probed", given="wrong\n")
    assert done.returncode == 1 and "sasl_mechanisms" in done.stdout


# --- servers that do not play it by the rules -------------------------------

class Liar:
    """An IMAP server in clear, on loopback, that has SCRAM as |how| says."""

    capability = b"IMAP4rev1 SASL-IR UIDPLUS AUTH=PLAIN AUTH=SCRAM-SHA-256"

    def __init__(self, **how):
        self.how = how
        self.said = []

    def __call__(self, peer):
        peer.send(b"* OK [CAPABILITY " + self.capability + b"] ready\r\n")
        tag, command = peer.command()
        self.exchange = Exchange(peer, tag, command, PASSWORD, **self.how)
        if self.exchange.run():
            Mailbox([b"Subject: one\r\n\r\nx\r\n"]).serve(peer)
        while True:
            tag, command = peer.command()
            self.said.append(command)
            peer.send(tag + b" OK\r\n")


def log_in(proxy, password=PASSWORD):
    with proxy.pop3s() as c:
        c.ok("USER anna")
        return c.command(f"PASS {password}")


def test_honest(start_proxy):
    """IAUTH-6, IAUTH-8: the server of these tests lets in whom it should; without
    TLS the flag is n, and the nonce is new each time."""
    honest = Liar()
    nonces = set()
    with FakeImap(honest) as fake:
        proxy = start_proxy(fake.upstream_config(),
                            {"limits": {"upstream_reuse": "0 s"}})
        for _ in range(3):
            assert log_in(proxy).startswith(b"+OK")
            assert honest.exchange.flag == b"n"
            assert honest.exchange.user == "anna"
            nonces.add(honest.exchange.client_nonce)
        assert log_in(proxy, "wrong").startswith(b"-ERR [AUTH]")
        assert not honest.exchange.proven
    assert len(nonces) == 3


def test_most_rounds(start_proxy):
    """IAUTH-7: a million of them is a lot of work, and still done."""
    slow = Liar(iterations=1_000_000)
    with FakeImap(slow) as fake:
        assert log_in(start_proxy(fake.upstream_config())).startswith(b"+OK")
    assert slow.exchange.proven


@pytest.mark.parametrize("signature", [False, None])
def test_signature(start_proxy, signature):
    """IAUTH-5, MAP-10: OK or not, without the server's proof nobody is in."""
    liar = Liar(signature=signature)
    with FakeImap(liar) as fake:
        proxy = start_proxy(fake.upstream_config())
        assert log_in(proxy).startswith(b"-ERR [SYS/PERM]")
        wait_until(lambda: any(b"LOGOUT" in line for line in fake.seen), 10,
                   "LOGOUT")
    line = last_line(proxy, "login_refused")
    assert " error " in line and "reason=upstream_unproven" in line
    assert ('popinjay_login_failures_total{reason="upstream_unproven"} 1'
            in proxy.http("/metrics"))


@pytest.mark.parametrize("how, reason", [
    ({"altered_nonce": True}, "upstream_unproven"),
    ({"prefix": b"m=must,"}, "upstream_misfit"),
    ({"iterations": 1}, "upstream_misfit"),
    ({"iterations": 10**9}, "upstream_misfit"),
])
def test_given_up(start_proxy, how, reason):
    """IAUTH-3, IAUTH-4, IAUTH-6, IAUTH-7: `*`, and no proof; 10^9 rounds are not
    made, which would take minutes."""
    liar = Liar(**how)
    with FakeImap(liar) as fake:
        proxy = start_proxy(fake.upstream_config())
        assert log_in(proxy).startswith(b"-ERR [SYS/PERM]")
    assert liar.exchange.gave_up
    assert f"reason={reason}" in last_line(proxy, "login_refused")
    assert "upstream_text" in proxy.log() and "SCRAM: the server" in proxy.log()
    assert proxy.cpu_seconds() < 2


# --- the channel ------------------------------------------------------------

class SslServer:
    """openssl s_server, for one connection: what OpenSSL exports at the other
    end is printed by it; then its input and output are those of a Peer."""

    def __init__(self, pair, *options):
        self.port = free_port()
        self._process = subprocess.Popen(
            ["openssl", "s_server", "-accept", f"{LOOPBACK}:{self.port}",
             "-cert", pair[0], "-key", pair[1], "-naccept", "1",
             "-keymatexport", "EXPORTER-Channel-Binding",
             "-keymatexportlen", "32", *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL)
        self.binding = None
        while b"ACCEPT" not in (line := self._process.stdout.readline()):
            assert line, "openssl s_server has ended"

    def send(self, octets):
        self._process.stdin.write(octets)
        self._process.stdin.flush()

    def line(self):
        """The client's next; what s_server says itself is not it."""
        while True:
            line = self._process.stdout.readline()
            if not line:
                raise EOFError
            exported = re.search(rb"Keying material: ([0-9A-F]{64})", line)
            if exported:
                self.binding = bytes.fromhex(exported[1].decode())
            if line.endswith(b"\r\n"):
                return line[:-2]

    def command(self):
        tag, _, rest = self.line().partition(b" ")
        return tag, rest

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()


BOTH = b"IMAP4rev1 SASL-IR AUTH=SCRAM-SHA-256 AUTH=SCRAM-SHA-256-PLUS"
ONE = b"IMAP4rev1 SASL-IR AUTH=SCRAM-SHA-256"


def exchange_over_tls(authority, start_proxy, capability, *options,
                      binding=None, **keys):
    """(how it went as the server sees it, what the device heard, the proxy)"""
    with SslServer(authority.pair("localhost"), *options) as server:
        proxy = start_proxy({"address": f"localhost:{server.port}",
                             "tls": "implicit", "ca_file": authority.ca_file,
                             **keys})
        with proxy.pop3s() as c:
            c.ok("USER anna")
            c.send(f"PASS {PASSWORD}\r\n".encode())
            server.send(b"* OK [CAPABILITY " + capability + b"] ready\r\n")
            tag, command = server.command()
            exchange = Exchange(server, tag, command, PASSWORD,
                                (binding or server.binding)
                                if b"-PLUS" in command else None)
            if exchange.run():
                server.send(b"* BYE that was all\r\n")
            return exchange, c.line(), proxy


def test_bound(authority, start_proxy):
    """IAUTH-8: -PLUS on TLS 1.3: the flag is p, and what the proof is bound to is
    what the server's OpenSSL exports."""
    exchange, _, proxy = exchange_over_tls(authority, start_proxy, BOTH,
                                           "-tls1_3")
    assert exchange.mechanism == "SCRAM-SHA-256-PLUS"
    assert exchange.flag == b"p=tls-exporter"
    assert exchange.proven and len(exchange.bound_by) == 32
    assert "mechanism=SCRAM-SHA-256-PLUS" in last_line(proxy, "login_refused")


def test_other_channel(authority, start_proxy):
    """IAUTH-8: somebody between us and the server has two channels: it is no wrong
    password, and a person is called."""
    exchange, reply, proxy = exchange_over_tls(
        authority, start_proxy, BOTH, "-tls1_3", binding=bytes(32))
    assert exchange.proven
    assert reply.startswith(b"-ERR [SYS/PERM]")
    assert "text=channel-bindings-dont-match" in proxy.log()
    assert "reason=upstream_unproven" in last_line(proxy, "login_refused")


@pytest.mark.parametrize("capability, option, keys, flag", [
    (ONE, "-tls1_3", {}, b"y"),
    (BOTH, "-tls1_2", {}, b"n"),
    (ONE, "-tls1_2", {}, b"n"),
    (BOTH, "-tls1_3", {"sasl_mechanisms": "scram-sha-256"}, b"n"),
])
def test_not_bound(authority, start_proxy, capability, option, keys, flag):
    """IAUTH-8: y where it could be and the server does not offer it, n where it
    cannot be, or is not to be."""
    exchange, _, _ = exchange_over_tls(authority, start_proxy, capability,
                                       option, **keys)
    assert exchange.mechanism == "SCRAM-SHA-256"
    assert exchange.flag == flag
    assert exchange.proven and exchange.bound_by == b""
