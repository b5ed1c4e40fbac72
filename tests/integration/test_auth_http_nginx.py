"""The same authentication service before nginx's own mail proxy and before ours:
the same questions, and the same comes of the answers."""

import base64
import contextlib
import hmac

import pytest

from support.auth_service import AuthService, Nginx
from support.fake_imap import FakeImap
from support.pop3client import Pop3Client
from test_auth_http import (GIVEN, KEY, MAPPED, NO, attempt, digest, ok,
                            settings)
from test_auth_http import two  # pylint: disable=unused-import


class Pop3Judge:
    """The same for POP3, behind nginx."""

    def __init__(self):
        self.came = []

    def __call__(self, peer):
        peer.send(b"+OK ready\r\n")
        user = ""
        while True:
            verb, _, rest = peer.line().decode().partition(" ")
            if verb == "USER":
                user = rest
            elif verb == "PASS":
                self.came.append((user, rest))
            peer.send(b"+OK done\r\n")


# Of a user: what the service says of him, and whether he is let in.
USERS = {
    "rose": (lambda a, b: ok(a), True),
    "fern": (lambda a, b: ok(b), True),
    "ivy": (lambda a, b: ok(a, user="ivy@a.example"), True),
    "moss": (lambda a, b: ok(b, user="moss b", **{"pass": MAPPED}), True),
    "a b%20c": (lambda a, b: ok(a), True),
    "zoë": (lambda a, b: ok(a, user="zoé"), True),
    "nettle": (lambda a, b: NO, False),
    "thistle": (lambda a, b: {**NO, "Auth-Wait": "1"}, False),
    "burdock": (lambda a, b: {"Auth-Status": "try again later",
                              "Auth-Error-Code": "451 4.3.0"}, False),
    "thorn": (lambda a, b: {**ok(a), "Auth-Status": "ok"}, False),
    "briar": (lambda a, b: {**ok(a), "Auth-Server": "a.b.c"}, False),
    "gorse": (lambda a, b: {**ok(a), "Auth-Port": "0"}, False),
    "reed": (lambda a, b: {**ok(a), "Auth-Port": "99999"}, False),
    "clover": (lambda a, b: {"Content-Type": "text/html"}, False),
}


def outcome(connect, servers, user):
    """(let in or not, [who came with what] of each server)"""
    before = [len(server.judge.came) for server in servers]
    with connect() as c:
        reply, seconds = attempt(c, user, GIVEN)
    return (reply[:3] == b"+OK", user != "thistle" or seconds >= 1,
            [server.judge.came[n:] for server, n in zip(servers, before)])


class Beside:
    """nginx and our own, each before two servers of its own, and both asking one
    service, which answers what |rule|(servers, fields) says."""

    def __init__(self, stack, start, rule):
        judges = Pop3Judge(), Pop3Judge()
        two, folder, pair, start_proxy = start
        self.behind = tuple(stack.enter_context(FakeImap(j)) for j in judges)
        for server, judge in zip(self.behind, judges):
            server.judge = judge
        servers = {"nginx": self.behind, KEY: two}
        self.service = stack.enter_context(AuthService(
            lambda asked: rule(servers[asked["X-Auth-Key"]], asked)))
        self.nginx = stack.enter_context(
            Nginx(folder, self.service, "nginx", pair))
        self.proxy = start_proxy(
            two[0].upstream_config(),
            settings(self.service, two, folder, apop="yes", cram_md5="yes"))

    def asked(self):
        """What each has asked: nginx, and ours."""
        questions = {"nginx": [], KEY: []}
        for asked in self.service.seen:
            questions[asked["X-Auth-Key"]].append(
                {name: value for name, value in asked.items()
                 if name.startswith(("Auth-", "Client-"))})
        return questions["nginx"], questions[KEY]


@pytest.fixture
def beside(two, tmp_path, authority, start_proxy):
    with contextlib.ExitStack() as stack:
        yield lambda rule: Beside(
            stack, (two, tmp_path, authority.pair("nginx"), start_proxy), rule)


def test_nginx_and_popinjay_agree(beside, two):
    """Of users of all kinds."""
    def rule(servers, asked):
        user = {"a%20b%2520c": "a b%20c"}.get(
            asked["Auth-User"],
            asked["Auth-User"].encode("latin-1").decode())
        return USERS[user][0](*servers)

    both = beside(rule)
    for user, (_, is_let_in) in USERS.items():
        by_nginx = outcome(lambda: Pop3Client(both.nginx.port), both.behind,
                           user)
        by_popinjay = outcome(both.proxy.plain, two, user)
        assert by_nginx == by_popinjay, user
        assert by_nginx[0] == is_let_in, user
    theirs, ours = both.asked()
    assert ours == theirs
    assert len(ours) == len(USERS)


def test_under_tls(beside, authority):
    """What was negotiated is told in the same fields; no name of the client's
    machine is, although nginx is given a resolver: that is of SMTP only."""
    both = beside(lambda servers, asked: ok(servers[0]))
    for port in both.nginx.tls_port, both.proxy.port_tls:
        with Pop3Client(port, authority.ca_file, tls=True) as c:
            reply, _ = attempt(c, "rose", GIVEN)
            assert reply.startswith(b"+OK"), reply
    theirs, ours = both.asked()
    assert ours == theirs
    assert "Auth-SSL-Cipher" in ours[0] and "Client-Host" not in ours[0]


def test_wait(beside, two):
    """The same question again, after so many seconds."""
    def rule(servers, asked):
        n = sum(a["X-Auth-Key"] == asked["X-Auth-Key"]
                for a in both.service.seen)
        if n == 1:
            return {"Auth-Status": "WAIT", "Auth-Wait": "1"}
        return ok(servers[0], user="rose@a.example")

    both = beside(rule)
    for connect in lambda: Pop3Client(both.nginx.port), both.proxy.plain:
        with connect() as c:
            reply, seconds = attempt(c, "rose", GIVEN)
            assert reply.startswith(b"+OK"), reply
            assert seconds >= 1
    theirs, ours = both.asked()
    assert ours == theirs
    assert ours[0] == ours[1] and len(ours) == 2
    assert both.behind[0].judge.came == two[0].judge.came == [
        ("rose@a.example", GIVEN)]


def by_apop(c, user, password):
    stamp = c.greeting.decode().split()[-1]
    return c.command(f"APOP {user} {digest(stamp, password)}")


def by_cram_md5(c, user, password):
    """RFC 2195 §2."""
    stamp = base64.b64decode(c.command("AUTH CRAM-MD5").split()[1])
    said = hmac.new(password.encode(), stamp, "md5").hexdigest()
    return c.command(base64.b64encode(f"{user} {said}".encode()).decode())


def is_right(asked):
    said, salt = asked["Auth-Pass"], asked["Auth-Salt"]
    if asked["Auth-Method"] == "apop":
        return digest(salt, GIVEN) == said
    return hmac.new(GIVEN.encode(), salt.encode(), "md5").hexdigest() == said


@pytest.mark.parametrize("prove, method", [(by_apop, "apop"),
                                           (by_cram_md5, "cram-md5")])
def test_digests(beside, two, prove, method):
    """The digest, and what it was made with, are handed on; who is let in needs
    a password for the server."""
    def rule(servers, asked):
        if not is_right(asked):
            return {**ok(servers[0]), "Auth-Status": "no"}
        return ok(servers[0], **({"pass": MAPPED}
                                 if asked["Auth-User"] == "rose" else {}))

    both = beside(rule)
    for connect in (lambda: Pop3Client(both.nginx.port), both.proxy.plain,
                    both.proxy.pop3s):
        for user, password, let_in in (
                ("rose", GIVEN, True), ("rose", MAPPED, False),
                ("fern", GIVEN, False)):   # no Auth-Pass: of no use
            with connect() as c:
                reply = prove(c, user, password)
                assert reply.startswith(b"+OK") == let_in, user
    theirs, ours = both.asked()
    assert [list(a) for a in ours[:3]] == [list(a) for a in theirs]
    assert {a["Auth-Method"] for a in ours + theirs} == {method}
    assert both.behind[0].judge.came == [("rose", MAPPED)]
    assert two[0].judge.came == [("rose", MAPPED)] * 2
    assert len(ours) == 6


def test_a_digest_while_it_waits(beside, two):
    """nginx forgets it; ours is asked about again, with what it was made with,
    though the client has gone on to be silent."""
    def rule(servers, asked):
        if len(both.service.seen) == 1:
            return {"Auth-Status": "WAIT", "Auth-Wait": "1"}
        return ok(servers[0], **({"pass": MAPPED} if is_right(asked) else {}))

    both = beside(rule)
    with both.proxy.plain() as c:
        reply = by_cram_md5(c, "rose", GIVEN)
        assert reply.startswith(b"+OK"), reply
    assert two[0].judge.came == [("rose", MAPPED)]


def test_cram_md5_that_is_none(beside):
    """Nobody is asked about what is no response."""
    both = beside(lambda servers, asked: ok(servers[0]))
    with both.proxy.plain() as c:
        for said in b"rose", b"ros\xe9 " + b"0" * 32, b"rose " + b"\r" * 32:
            c.command("AUTH CRAM-MD5")
            reply = c.command(base64.b64encode(said).decode())
            assert reply.startswith(b"-ERR [AUTH]"), said
    assert both.service.seen == []
