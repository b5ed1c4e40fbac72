"""Logging in: every way, every kind of failure, and no password in the log."""

import base64
import time

import pytest

from support import mail
from support.fake_imap import CAPABILITY, FakeImap, Mailbox
from support.ports import free_port


def plain(user, password, authzid=""):
    return base64.b64encode(f"{authzid}\0{user}\0{password}".encode()).decode()


def coded(text):
    return base64.b64encode(text.encode()).decode()


def auth_plain(c, user, password):
    return c.command("AUTH PLAIN " + plain(user, password))


def auth_plain_asked(c, user, password):
    assert c.command("AUTH PLAIN") == b"+ \r\n"
    return c.command(plain(user, password))


def auth_login(c, user, password):
    for answer in (None, coded(user)):
        reply = c.command("AUTH LOGIN" if answer is None else answer)
        assert reply.startswith(b"+ ")
        base64.b64decode(reply[2:-2], validate=True)
    return c.command(coded(password))


def user_pass(c, user, password):
    c.ok(f"USER {user}")
    return c.command(f"PASS {password}")


WAYS = [user_pass, auth_plain, auth_plain_asked, auth_login]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("tls", ["pop3s", "stls"])
def test_ways(server, proxy, user, way, tls):
    """SASL-1, SASL-3, SASL-4, TLS-2: every mechanism, over both kinds of TLS."""
    with proxy.pop3s() if tls == "pop3s" else proxy.pop3() as c:
        if tls == "stls":
            c.stls()
        assert way(c, user, server.password(user)).startswith(b"+OK")
        c.quit()


# To the server one way is as the other.
@pytest.mark.parametrize(
    "way", WAYS[:1] + [pytest.param(way, marks=pytest.mark.proxys_own)
                       for way in WAYS[1:]])
def test_wrong_password(server, proxy, user, way):
    """MAP-1, CAP-8, POP-10: a wrong password is [AUTH], and a second try with
    the right one works."""
    with proxy.pop3s() as c:
        assert way(c, user, "wrong").startswith(b"-ERR [AUTH]")
        assert way(c, user, server.password(user)).startswith(b"+OK")


def test_unknown_user(server, proxy):
    """POP-29, CAP-10: USER is +OK for anyone; the password is what is wrong."""
    with proxy.pop3s() as c:
        assert b"[" not in c.ok("USER nobody-at-all")
        assert c.err("PASS x").startswith(b"-ERR [AUTH]")


@pytest.mark.proxys_own
def test_three_tries(proxy, user):
    """POP-10: three tries, then the end."""
    with proxy.pop3s() as c:
        for _ in range(3):
            c.ok(f"USER {user}")
            c.err("PASS wrong")
        assert c.at_end()


def test_pass_needs_user(server, proxy, user):
    """POP-30: PASS is for right behind an accepted USER."""
    with proxy.pop3s() as c:
        c.err("PASS x")
        c.ok(f"USER {user}")
        c.command("NOOP")
        c.err(f"PASS {server.password(user)}")
        c.login(user, server.password(user))


@pytest.mark.parametrize("password", [
    " lead and trail ", "two  spaces", 'quo"te', "back\\slash", "{5}", "{5+}",
    "%d%s%n", "*", "(list)", "NIL", "~", "x" * 200])
def test_odd_passwords(server, proxy, password):
    """POP-30, IMAP-14, IAUTH-1, IAUTH-2: the rest of the line is the
    password, and reaches the server as it is."""
    user = server.new_user(password)
    for way in WAYS:
        if way is not user_pass and len(password) > 100:
            continue         # base64 of it is over the limit of a line
        with proxy.pop3s() as c:
            assert way(c, user, password).startswith(b"+OK"), way
            c.quit()


@pytest.mark.parametrize("capability, mechanism", [
    (CAPABILITY + b" AUTH=PLAIN", b"AUTHENTICATE"),
    (b"CAPABILITY IMAP4rev1 AUTH=PLAIN", b"AUTHENTICATE"),
    (b"CAPABILITY IMAP4rev1 LITERAL+", b"LOGIN"),
    (b"CAPABILITY IMAP4rev1 LITERAL-", b"LOGIN"),
    (b"CAPABILITY IMAP4rev1", b"LOGIN")])
@pytest.mark.parametrize("password", ["easy", 'q"\\ {3}', "pärrot"])
def test_mechanisms(start_proxy, capability, mechanism, password):
    """DEC-19, IAUTH-1, IAUTH-2, IMAP-13, IEXT-4, UTF-3: how the password
    travels for each set of capabilities."""
    heard = []

    class Judge(Mailbox):
        def __call__(self, peer):
            peer.send(b"* OK [" + capability + b"] ready\r\n")
            tag, command = peer.command()
            while command.startswith((b"CAPABILITY", b"ID")):
                peer.send(b"* " + capability + b"\r\n" + tag + b" OK x\r\n")
                tag, command = peer.command()
            if command == b"LOGOUT":
                return
            heard.append(read_credentials(peer, command))
            peer.send(tag + b" OK in\r\n")
            tag, command = peer.command()
            while not command.startswith(b"LOGOUT"):
                verb = command.split(b" ")[0]
                self.answer(peer, b"UID FETCH" if verb == b"UID" else verb,
                            command)
                peer.send(tag + b" OK done\r\n")
                tag, command = peer.command()

    with FakeImap(Judge([b"Subject: x\r\n\r\nx\r\n"])) as fake:
        proxy = start_proxy(fake.upstream_config())
        with proxy.pop3s() as c:
            reply = user_pass(c, "someone", password)
            if mechanism == b"LOGIN" and not password.isascii():
                # 8-bit never travels by LOGIN.
                assert reply.startswith(b"-ERR [SYS/PERM]")
                assert heard == []
                return
            assert reply.startswith(b"+OK"), reply
            c.retr(1)
    assert heard == [(mechanism, b"someone", password.encode())]


def read_credentials(peer, command):
    """(verb, user, password) of a strict server's reading of |command|."""
    verb, _, rest = command.partition(b" ")
    if verb == b"AUTHENTICATE":
        mechanism, _, initial = rest.partition(b" ")
        assert mechanism == b"PLAIN"
        if not initial:
            peer.send(b"+ \r\n")
            initial = peer.line()
        _, user, password = base64.b64decode(initial, validate=True).split(
            b"\0")
        return verb, user, password
    user, rest = read_astring(peer, rest)
    assert rest.startswith(b" ")
    password, rest = read_astring(peer, rest[1:])
    assert rest == b""
    return verb, user, password


def read_astring(peer, octets):
    """An astring off the front of |octets|: (value, what follows)."""
    if octets.startswith(b'"'):
        value, at = b"", 1
        while octets[at:at + 1] != b'"':
            if octets[at:at + 1] == b"\\":
                at += 1
                assert octets[at:at + 1] in (b'"', b"\\")
            value += octets[at:at + 1]
            at += 1
        return value, octets[at + 1:]
    if octets.startswith(b"{"):
        head = octets[1:octets.index(b"}")]
        assert octets.endswith(b"}")
        if not head.endswith(b"+"):
            peer.send(b"+ go on\r\n")
        size = int(head.rstrip(b"+"))
        rest = peer.line()
        while len(rest) < size:
            rest += b"\r\n" + peer.line()
        return rest[:size], rest[size:]
    atom, space, rest = octets.partition(b" ")
    assert not set(atom) & set(b'(){%*"\\]')
    return atom, space + rest


def test_sasl_errors(server, proxy, user):
    """SASL-2, SASL-5, SASL-7, SASL-14: bad exchanges leave the state as it
    was, and a good login follows."""
    with proxy.pop3s() as c:
        assert c.command("AUTH PLAIN =").startswith(b"-ERR [AUTH]")
    for bad in ("*", "=AAA", "AAA=BBB", "A A A A", "AAA", "!!!!", "AA=="):
        with proxy.pop3s() as c:
            assert c.command("AUTH PLAIN") == b"+ \r\n"
            c.err(bad)
            c.login(user, server.password(user))
    with proxy.pop3s() as c:
        for line in ("AUTH FOO", "AUTH", "AUTH CRAM-MD5", "APOP x y"):
            c.err(line)
        c.login(user, server.password(user))


@pytest.mark.parametrize("message", [
    "", "a", "a\0b", "\0a\0b\0c", "\0\0pw", "\0user\0", "\0us\r\ner\0pw",
    "\0user\0p\nw", "\0user\0" + "x" * 256])
def test_sasl_plain_message(proxy, message):
    """SASL-9: what is no PLAIN message is refused."""
    with proxy.pop3s() as c:
        assert c.command("AUTH PLAIN") == b"+ \r\n"
        c.err(coded(message))
        c.ok("CAPA")


def test_authorization_identity(server, proxy, user):
    """SASL-10: empty or one's own; another's is [AUTH]."""
    password = server.password(user)
    with proxy.pop3s() as c:
        assert c.command("AUTH PLAIN " + plain(user, password, "other")) \
            .startswith(b"-ERR [AUTH]")
        c.ok("AUTH PLAIN " + plain(user, password, user))


def test_long_sasl_line(proxy):
    """SASL-6: 8 KB of a continuation are read, 20 KB are refused."""
    with proxy.pop3s() as c:
        c.command("AUTH PLAIN")
        c.err("A" * 8192)
        c.command("AUTH PLAIN")
        c.err("A" * 20_000)
        c.ok("CAPA")


def test_no_login_in_clear(server, proxy, user):
    """TLS-4, TLS-5, CAP-4, CAP-5: on the clear port each login is refused
    with the same octets, whether or not the password is right."""
    replies = set()
    for password in (server.password(user), "wrong"):
        with proxy.pop3() as c:
            replies.add((c.err(f"USER {user}"), c.err(f"PASS {password}"),
                         c.err("AUTH PLAIN " + plain(user, password)),
                         c.err("AUTH LOGIN")))
    assert len(replies) == 1


def test_clear_port_stays_clear_of_upstream(start_proxy):
    """TLS-5, POP-19: no upstream connection for a knock, for QUIT, or for a
    password in clear."""
    with FakeImap(Mailbox([])) as fake:
        proxy = start_proxy(fake.upstream_config())
        with proxy.pop3() as c:
            c.err("USER x")
            c.err("PASS y")
            c.quit()
        proxy.pop3s().close()
        with proxy.pop3s() as c:
            c.quit()
        time.sleep(0.2)
        assert fake.connections == 0


def test_upstream_down(start_proxy):
    """MAP-9: nobody listens: [SYS/TEMP], soon, and the proxy goes on."""
    proxy = start_proxy({"address": f"localhost:{free_port()}",
                         "tls": "implicit"})
    with proxy.pop3s() as c:
        c.ok("USER x")
        start = time.monotonic()
        assert c.err("PASS y").startswith(b"-ERR [SYS/TEMP]")
        assert time.monotonic() - start < 9     # CONNECT_TIMEOUT_MS is 10 s


@pytest.mark.parametrize("says", [
    b"", b"* OK ready\r\n", b"* BYE busy\r\n", b"* OK", b"HTTP/1.1 400 Bad\r\n"])
@pytest.mark.parametrize("then", ["closes", "is silent"])
def test_upstream_stops(start_proxy, says, then):
    """MAP-9, IMAP-4: an upstream that closes or falls silent early on."""
    def script(peer):
        peer.send(says)
        if then == "is silent":
            while True:
                peer.line()

    with FakeImap(script) as fake:
        proxy = start_proxy(fake.upstream_config(),
                            {"limits": {"upstream_timeout": "1 s"}})
        with proxy.pop3s() as c:
            c.ok("USER x")
            assert c.err("PASS y").startswith(b"-ERR [SYS/TEMP]")


@pytest.mark.parametrize("code, expected", [
    (b"", b"[AUTH]"), (b"[XYZ 1 (2)]", b"[AUTH]"),
    (b"[AUTHENTICATIONFAILED]", b"[AUTH]"), (b"[EXPIRED]", b"[AUTH]"),
    (b"[AUTHORIZATIONFAILED]", b"[AUTH]"),
    (b"[UNAVAILABLE]", b"[SYS/TEMP]"), (b"[LIMIT]", b"[SYS/TEMP]"),
    (b"[INUSE]", b"[SYS/TEMP]"), (b"[SERVERBUG]", b"[SYS/TEMP]"),
    (b"[CONTACTADMIN]", b"[SYS/PERM]"), (b"[PRIVACYREQUIRED]", b"[SYS/PERM]")])
def test_login_codes(start_proxy, code, expected):
    """MAP-1, MAP-2, MAP-3, MAP-4, DEC-21: the code of a refused login."""
    class Refusing(Mailbox):
        def verdict(self, verb):
            if verb in (b"AUTHENTICATE", b"LOGIN"):
                return b"NO " + code + b" \x1b[X] told\xc3\xa4"
            return b"OK"

    with FakeImap(Refusing([])) as fake:
        proxy = start_proxy(fake.upstream_config())
        with proxy.pop3s() as c:
            c.ok("USER x")
            reply = c.err("PASS y")
        assert reply.startswith(b"-ERR " + expected)
        assert b"told" not in reply
        assert "\x1b" not in proxy.log()


@pytest.mark.parametrize("code, expected", [
    (b"", b"[SYS/TEMP]"), (b"[SERVERBUG]", b"[SYS/TEMP]"),
    (b"[UNAVAILABLE]", b"[SYS/TEMP]"), (b"[INUSE]", b"[IN-USE]"),
    (b"[NONEXISTENT]", b"[SYS/PERM]"), (b"[NOPERM]", b"[SYS/PERM]"),
    (b"[CANNOT]", b"[SYS/PERM]"), (b"[CORRUPTION]", b"[SYS/PERM]")])
def test_select_codes(start_proxy, code, expected):
    """MAP-6, MAP-7, POP-9, IMAP-16: the code of a refused SELECT; the lock is
    free again."""
    class Refusing(Mailbox):
        def verdict(self, verb):
            return b"NO " + code if verb == b"SELECT" else b"OK"

    with FakeImap(Refusing([])) as fake:
        proxy = start_proxy(fake.upstream_config())
        for _ in range(2):
            with proxy.pop3s() as c:
                c.ok("USER x")
                assert c.err("PASS y").startswith(b"-ERR " + expected)


@pytest.mark.proxys_own
def test_no_password_in_the_log(server, start_proxy):
    """No password reaches the log at any level, in no form; the session
    lines do."""
    settings = {"server": {"log_level": "debug"}}
    proxy = start_proxy(server.upstream_config(), settings)
    secrets = []
    for n, way in enumerate(WAYS):
        password = f"hunter-{n}-parrot"
        user = server.new_user(password)
        server.deliver(user, [mail.message("x", b"confidential matter\r\n")])
        for tried in (password + "-wrong", password):
            with proxy.pop3s() as c:
                way(c, user, tried)
                if tried == password:
                    c.retr(1)
                    c.quit()
            secrets += [tried, coded(tried), plain(user, tried)]
        assert user in proxy.log()
    log = proxy.log()
    assert not [s for s in secrets if s.rstrip("=") in log]
    assert "confidential" not in log
    assert "TLSv1.3" in log
