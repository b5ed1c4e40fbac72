"""Every POP3 command against a real mailbox, and the state machine."""

import poplib
import re
import ssl
import subprocess
import time

import pytest

from support import mail

THREE = [mail.message(f"number {n}", mail.text(b"line %d" % n) * n)
         for n in (1, 2, 3)]


@pytest.fixture
def filled(server, user):
    """An account with three messages."""
    server.deliver(user, THREE)
    return user


@pytest.fixture
def client(server, proxy, filled):
    """Logged in over implicit TLS before three messages."""
    with proxy.login(filled, server.password(filled)) as c:
        yield c


def sizes(server, user):
    return [len(body) for _, body in sorted(server.held(user).items())]


def test_greeting(proxy):
    """POP-1: one positive line without angle brackets, `POP3` behind +OK."""
    with proxy.pop3s() as c:
        assert c.greeting == b"+OK POP3 server ready\r\n"


def test_keyword_case(client):
    """POP-2: keywords in any case, indicators in upper case."""
    for keyword in ("NOOP", "noop", "nOoP"):
        assert client.command(keyword).startswith(b"+OK")
    assert client.command("dele 9").startswith(b"-ERR")


def test_spaces(client):
    """POP-3: repeated and trailing spaces are read, wrong counts are not."""
    assert client.ok("LIST  1") == client.ok("LIST 1")
    assert client.ok("STAT ") == client.ok("STAT")
    for line in ("DELE", "RETR", "RETR 1 2", "STAT 1", "NOOP 1", "TOP 1",
                 "TOP 1 2 3", "LIST x", "LIST -1", "RETR 1x", "DELE 1 1"):
        client.err(line)
        client.ok("NOOP")


def test_line_limit(proxy, server, filled):
    """POP-4: 255 octets are a command, 256 are one -ERR."""
    with proxy.pop3s() as c:
        c.ok("USER " + "u" * (255 - 7))
        c.err("USER " + "u" * (256 - 7))
        c.err("X" * 100_000)
        c.login(filled, server.password(filled))


def test_unknown(client):
    """POP-6: what is unknown or malformed gets -ERR; the session goes on."""
    for line in ("XYZ", "", " ", "APOP x y", "UTF8", "LANG", "LANG *"):
        client.err(line)
        client.ok("NOOP")


def test_wrong_state(proxy, server, filled):
    """POP-7, POP-17, SASL-8: each command where its state is not."""
    with proxy.pop3s() as c:
        for line in ("STAT", "LIST", "LIST 1", "RETR 1", "DELE 1", "NOOP",
                     "RSET", "TOP 1 0", "UIDL", "UIDL 1", "PASS early"):
            c.err(line)
            c.multi("CAPA")      # ten errors in a row would be the end
        c.login(filled, server.password(filled))
        for line in ("USER x", "PASS x", "AUTH PLAIN", "AUTH PLAIN AHgAeA==",
                     "STLS"):
            c.err(line)
        c.ok("STAT")


def test_malformed_lines(server, proxy, filled):
    """DEC-24: lone LF ends a line; other control octets are refused."""
    with proxy.login(filled, server.password(filled)) as c:
        c.send(b"NOOP\n")
        assert c.line().startswith(b"+OK")
        for octets in (b"NO\rOP\r\n", b"NOOP\0\r\n", b"NOOP\x07\r\n",
                       b"LIST \x80\r\n"):
            c.send(octets)
            assert c.line().startswith(b"-ERR"), octets
            c.ok("NOOP")


def test_ten_errors(proxy):
    """DEC-24: ten errors in a row close the connection."""
    with proxy.pop3s() as c:
        for _ in range(10):
            assert c.command("BOGUS").startswith(b"-ERR")
        assert c.at_end()


def test_stat_and_list(server, client, filled):
    """POP-12, POP-13, POP-14: counts, octets and messages, exactly."""
    held = sizes(server, filled)
    assert re.fullmatch(rb"\+OK 3 %d\r\n" % sum(held), client.ok("STAT"))
    assert client.listing("LIST") == [
        f"{n} {size}" for n, size in enumerate(held, 1)]
    assert client.ok("LIST 2").split()[1:3] == [b"2", b"%d" % held[1]]
    for line in ("LIST 0", "LIST 4", "LIST 4294967297"):
        client.err(line)


def test_empty_mailbox(server, proxy, user):
    """POP-13, IMAP-17: an empty maildrop is +OK and a lone dot."""
    with proxy.login(user, server.password(user)) as c:
        assert c.ok("STAT") == b"+OK 0 0\r\n"
        assert c.multi("LIST") == b".\r\n"
        assert c.multi("UIDL") == b".\r\n"
        c.err("RETR 1")
        c.quit()


def test_order(server, client, filled):
    """POP-11: numbers go up with the UIDs."""
    expected = [mail.as_retrieved(body)
                for _, body in sorted(server.held(filled).items())]
    assert [client.retr(n) for n in (1, 2, 3)] == expected


def test_uidl(server, client, filled):
    """POP-27, DEC-12: number, space, UIDVALIDITY.UID, and no more."""
    m = server.imap(filled)
    m.select(readonly=True)
    validity = m.untagged_responses["UIDVALIDITY"][0].decode()
    m.logout()
    expected = [f"{n} {validity}.{uid}"
                for n, uid in enumerate(server.uids(filled), 1)]
    assert client.listing("UIDL") == expected
    assert client.ok("UIDL 3").decode() == f"+OK {expected[2]}\r\n"
    client.err("UIDL 4")


def test_uidl_persists(server, proxy, filled):
    """POP-28: the same unique-ids after a session without QUIT."""
    password = server.password(filled)
    with proxy.login(filled, password) as c:
        first = c.listing("UIDL")
        c.ok("DELE 1")
        c.abort()
    c = proxy.login_when_free(filled, password)
    assert c.listing("UIDL") == first
    c.quit()


def test_dele_and_rset(client):
    """POP-12, POP-13, POP-14, POP-16, POP-18, POP-27: marks come and go."""
    stat, listing, uidl = (client.ok("STAT"), client.listing("LIST"),
                           client.listing("UIDL"))
    client.ok("DELE 2")
    for line in ("DELE 2", "RETR 2", "LIST 2", "UIDL 2", "TOP 2 0"):
        client.err(line)
    assert client.listing("LIST") == [listing[0], listing[2]]
    assert client.listing("UIDL") == [uidl[0], uidl[2]]
    count, octets = client.ok("STAT").split()[1:]
    assert int(count) == 2
    assert int(octets) == sum(int(row.split()[1])
                              for row in client.listing("LIST"))
    client.ok("RSET")
    assert (client.ok("STAT"), client.listing("LIST"),
            client.listing("UIDL")) == (stat, listing, uidl)


def test_quit_before_login(proxy):
    """POP-19: +OK and the end."""
    with proxy.pop3s() as c:
        c.quit()
    with proxy.pop3s() as c:
        c.ok("USER somebody")
        c.quit()


@pytest.mark.parametrize("stage", ["clear", "tls", "login"])
def test_capa(server, proxy, filled, stage):
    """CAP-1, CAP-3, CAP-4, CAP-5, CAP-6, CAP-7, CAP-8, CAP-11, DEC-18, DEC-22,
    DEC-23: what is announced at each stage, and nothing else."""
    with proxy.pop3() as c:
        if stage != "clear":
            c.stls()
        if stage == "login":
            c.login(filled, server.password(filled))
        tags = {row.split()[0]: row.split()[1:] for row in c.listing("CAPA")}
    always = {"TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING"}
    assert always <= tags.keys()
    assert ("STLS" in tags) == (stage == "clear")
    assert ("USER" in tags) == (stage != "clear")
    assert ("SASL" in tags) == (stage != "clear")
    if stage != "clear":
        assert set(tags["SASL"]) == {"PLAIN", "LOGIN"}
    assert tags.keys() - always <= {"STLS", "USER", "SASL", "IMPLEMENTATION"}


def test_capa_stays(server, proxy, filled):
    """CAP-2: what is announced before login is announced after it."""
    with proxy.pop3s() as c:
        before = set(c.listing("CAPA"))
        c.login(filled, server.password(filled))
        assert before - {"STLS"} <= set(c.listing("CAPA"))


def test_poplib(server, proxy, filled):
    """A whole session of Python's own POP3 client, over TLS and over STLS."""
    held = server.held(filled)
    context = ssl.create_default_context(cafile=proxy.ca_file)
    password = server.password(filled)

    def session(pop):
        pop.user(filled)
        pop.pass_(password)
        assert pop.stat() == (3, sum(map(len, held.values())))
        assert len(pop.uidl()[1]) == 3
        for n, uid in enumerate(sorted(held), 1):
            assert b"\r\n".join(pop.retr(n)[1]) + b"\r\n" == \
                mail.as_retrieved(held[uid])
        assert pop.top(1, 0)[1][-1] == b""
        pop.dele(3)
        pop.rset()
        pop.noop()
        assert pop.quit().startswith(b"+OK")

    session(poplib.POP3_SSL("localhost", proxy.port_tls, context=context,
                            timeout=30))
    pop = poplib.POP3("localhost", proxy.port_stls, timeout=30)
    pop.stls(context)
    session(pop)
    assert server.held(filled) == held


def curl(proxy, login, *arguments):
    return subprocess.run(
        ["curl", "-sS", "--cacert", proxy.ca_file, "-u", login, *arguments],
        capture_output=True, timeout=60, check=True).stdout


@pytest.mark.parametrize("kind", ["pop3s", "stls"])
def test_curl(server, proxy, filled, kind):
    """curl lists, retrieves and deletes, over TLS and over STLS."""
    held = server.held(filled)
    login = f"{filled}:{server.password(filled)}"
    url = f"pop3s://localhost:{proxy.port_tls}/" if kind == "pop3s" \
        else f"pop3://localhost:{proxy.port_stls}/"
    rows = curl(proxy, login, "--ssl-reqd", url).decode().split("\r\n")[:-1]
    assert rows == [f"{n} {len(held[uid])}"
                    for n, uid in enumerate(sorted(held), 1)]
    for n, uid in enumerate(sorted(held), 1):
        assert curl(proxy, login, "--ssl-reqd", f"{url}{n}") == \
            mail.as_retrieved(held[uid])
    curl(proxy, login, "--ssl-reqd", "--head", "-X", "DELE 2", url)
    assert server.uids(filled) == [uid for n, uid in
                                   enumerate(sorted(held), 1) if n != 2]


# --- Pipelining ---------------------------------------------------------------

BEHIND_LOGIN = (b"CAPA\r\nSTAT\r\nLIST\r\nUIDL\r\nRETR 1\r\nTOP 2 1\r\n"
                b"RETR 9\r\nDELE 3\r\nDELE 3\r\nRSET\r\nBOGUS\r\nRETR 3\r\n"
                b"RETR 2\r\nNOOP\r\nQUIT\r\n")


def whole_session(server, user):
    return (f"USER {user}\r\nPASS {server.password(user)}\r\n".encode()
            + BEHIND_LOGIN)


def lockstep(c, octets):
    """The replies to a session whose client waits for each of them."""
    heard = c.greeting
    for line in octets.split(b"\r\n")[:-1]:
        c.send(line + b"\r\n")
        reply = c.line()
        heard += reply
        verb = line.split(b" ")[0]
        if reply.startswith(b"+OK") and (
                verb in (b"CAPA", b"RETR", b"TOP")
                or line in (b"LIST", b"UIDL")):
            heard += c.lines()
    assert c.at_end()
    return heard


@pytest.mark.parametrize("listener", ["pop3s", "plain"])
def test_one_segment(server, proxy, filled, listener):
    """CAP-11: a session in one write gives what a patient client gets, and
    so does one octet at a time."""
    octets = whole_session(server, filled)
    with getattr(proxy, listener)() as c:
        expected = lockstep(c, octets)
    with getattr(proxy, listener)() as c:
        c.send(octets)
        assert c.greeting + c.rest() == expected
    with getattr(proxy, listener)() as c:
        c.drip(octets)
        assert c.greeting + c.rest() == expected


def test_pipelined_slow_reader(server, proxy, user, sanitized):
    """CAP-11, DEC-17: hundreds of RETR in one write, read late: all come, in
    turn, and the proxy does not pile them up. (A sanitizer keeps what was
    freed, so its memory says nothing.)"""
    server.deliver(user, [mail.attachment(200_000)])
    (held,) = server.held(user).values()
    count = 200
    with proxy.login(user, server.password(user)) as c:
        c.retr(1)
        before = proxy.rss_kb()
        proxy.reset_peak()
        c.send(b"RETR 1\r\n" * count + b"NOOP\r\n")
        time.sleep(1)
        for n in range(count):
            assert c.line().startswith(b"+OK"), n
            assert len(c.lines()) > len(held)
        assert c.line().startswith(b"+OK")
        c.quit()
    if not sanitized:
        assert proxy.peak_rss_kb() - before < 1024
