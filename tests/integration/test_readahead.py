"""Messages that are on their way before they are asked for: whatever a client
asks for then, in whatever order, it gets that message and no other."""

import hashlib
import random
import socket
import time

import pytest

from support import mail
from support.pop3client import unstuff

COUNT = 200
# More than a session reads ahead, and more than fits between the two servers.
LARGE = {50: 2_500_000, 51: 1_500_000, 120: 3_000_000}
SLOW_OCTETS = 100_000   # of each message, taken slowly
PATIENCE = 10           # seconds: READAHEAD_PATIENCE_MS


def body(n):
    """Lines of which no two messages have one in common; some begin with a
    dot."""
    random_ = random.Random(n)
    octets = LARGE.get(n, random_.choice((0, 50, 3_000, 20_000, 40_000)))
    lines = b"".join(b".%d.%d %s\r\n" % (n, k, random_.randbytes(30).hex()
                                         .encode())
                     for k in range(octets // 70))
    return lines or b"nothing but %d\r\n" % n


def digest(octets):
    return hashlib.sha256(octets).hexdigest()


@pytest.fixture(scope="module")
def many(server):
    """An account with COUNT messages, and [digest of what RETR must give]."""
    account = server.new_user()
    server.deliver(account, [mail.message(f"m{n}", body(n))
                             for n in range(1, COUNT + 1)])
    held = server.held(account)
    assert len(held) == COUNT
    return account, [digest(mail.as_retrieved(held[uid]))
                     for uid in sorted(held)]


@pytest.fixture
def session(server, proxy, many):
    account, _ = many
    with proxy.login(account, server.password(account)) as c:
        yield c
        c.quit()


def orders():
    straight = list(range(1, COUNT + 1))
    mixed = random.Random(7).sample(straight, COUNT)
    # Runs in order, each long enough to be read ahead, and left in the middle.
    runs = [n for start in (90, 1, 45, 150, 110)
            for n in range(start, start + 12)]
    return {"in order": straight, "reversed": straight[::-1], "mixed": mixed,
            "runs": runs, "each twice": [n for n in straight[:60]
                                         for _ in (0, 1)]}


# The two that take longest say little of a server that the others do not.
@pytest.mark.parametrize("order", [
    pytest.param(order, marks=pytest.mark.proxys_own)
    if order in ("mixed", "each twice") else order for order in orders()])
def test_one_at_a_time(session, many, order):
    """IMAP-24: each message is the one that was asked for."""
    _, expected = many
    for n in orders()[order]:
        assert digest(session.retr(n)) == expected[n - 1], n


@pytest.mark.parametrize("order", orders())
def test_pipelined(session, many, order):
    """CAP-11: the same, all of it asked for at once."""
    _, expected = many
    numbers = orders()[order]
    session.send(b"".join(b"RETR %d\r\n" % n for n in numbers))
    for n in numbers:
        assert session.line().startswith(b"+OK"), n
        assert digest(unstuff(session.lines())) == expected[n - 1], n


def test_other_commands_between(session, many):
    """DEC-11: TOP, DELE, RSET and NOOP, of what is on its way and of others."""
    _, expected = many
    choose = random.Random(3)
    for n in range(1, COUNT + 1):
        assert digest(session.retr(n)) == expected[n - 1], n
        between = choose.randrange(8)
        if between == 0:
            there = min(n + choose.randrange(3), COUNT)
            top = unstuff(session.multi(f"TOP {there} 0"))
            assert b"Subject: m%d\r\n" % there in top
        elif between == 1 and n < COUNT:
            session.ok(f"DELE {n + 1}")
            session.err(f"RETR {n + 1}")
            session.ok("RSET")
        elif between == 2:
            session.ok("NOOP")
        elif between == 3:
            there = choose.randrange(1, COUNT + 1)
            assert digest(session.retr(there)) == expected[there - 1], there


def test_halves_pipelined(session, many):
    """CAP-11: a few at a time, as clients with a window do."""
    _, expected = many
    for first in range(1, COUNT, 5):
        numbers = range(first, min(first + 5, COUNT + 1))
        session.send(b"".join(b"RETR %d\r\n" % n for n in numbers))
        for n in numbers:
            assert session.line().startswith(b"+OK"), n
            assert digest(unstuff(session.lines())) == expected[n - 1], n


def flagged(server, account, key):
    m = server.imap(account)
    m.select(readonly=True)
    _, answer = m.uid("SEARCH", key)
    m.logout()
    return [int(uid) for uid in answer[0].split()]


def test_quit_in_the_middle(server, proxy, user):
    """DEC-3, POP-21: of what was read ahead nothing is removed or seen."""
    server.deliver(user, [mail.message(f"m{n}", body(n))
                          for n in range(1, 31)])
    uids = server.uids(user)
    with proxy.login(user, server.password(user)) as c:
        for n in range(1, 13):
            c.retr(n)
            if n % 2:
                c.ok(f"DELE {n}")
        c.quit()
    assert server.uids(user) == [uid for n, uid in enumerate(uids, 1)
                                 if n > 12 or n % 2 == 0]
    assert flagged(server, user, "SEEN") == [uids[n - 1]
                                             for n in range(2, 13, 2)]


def test_dropped_in_the_middle(server, proxy, user):
    """POP-22: nor has anything changed when the client vanishes; and whoever
    comes next gets what is there."""
    server.deliver(user, [mail.message(f"m{n}", body(n))
                          for n in range(1, 31)])
    held = server.held(user)
    c = proxy.login(user, server.password(user))
    for n in range(1, 13):
        c.retr(n)
        c.ok(f"DELE {n}")
    c.abort()
    with proxy.login_when_free(user, server.password(user)) as c:
        for n, uid in enumerate(sorted(held), 1):
            assert c.retr(n) == mail.as_retrieved(held[uid]), n
    assert server.held(user) == held
    assert flagged(server, user, "SEEN") == []


def test_slow_client(server, proxy, many):
    """DEC-17: a client that takes little at a time gets all of it."""
    account, expected = many
    with proxy.login(account, server.password(account)) as c:
        c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        for n in range(44, 52):
            c.ok(f"RETR {n}")
            got = bytearray(b"\r\n")
            while not got.endswith(b"\r\n.\r\n"):
                got += c.read_some(65_536)
                if len(got) < SLOW_OCTETS:
                    time.sleep(0.005)
            assert digest(unstuff(bytes(got[2:]))) == expected[n - 1], n
        c.quit()


@pytest.mark.proxys_own
def test_client_that_pauses(session, many):
    """IMAP-24: what waits too long is thrown away, and fetched anew."""
    _, expected = many
    for n in (46, 47, 48, 49):
        assert digest(session.retr(n)) == expected[n - 1], n
    time.sleep(PATIENCE + 1)
    for n in (50, 51, 52, 53):
        assert digest(session.retr(n)) == expected[n - 1], n
