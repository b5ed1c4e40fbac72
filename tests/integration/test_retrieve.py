"""What the server holds is what the device gets, octet for octet."""

import imaplib

import pytest

from support import mail
from support.fake_imap import FakeImap, Mailbox
from support.pop3client import unstuff

SAMPLE = mail.sample(attachment_size=400_000)


@pytest.fixture(scope="module")
def awkward(server):
    """An account with all of the sample that the server agrees to hold."""
    account = server.new_user()
    refused = []
    for name, octets in SAMPLE.items():
        try:
            server.deliver(account, [octets])
        except imaplib.IMAP4.error:
            refused.append(name)
    # Some servers take no bare LF or no lone CR; none may refuse the rest.
    assert len(SAMPLE) - len(refused) >= 12, refused
    return account


def test_retr_is_exact(server, proxy, awkward):
    """POP-8, POP-15, UTF-7, DEC-3: every awkward message as IMAP shows it."""
    held = server.held(awkward)
    with proxy.login(awkward, server.password(awkward)) as c:
        for n, uid in enumerate(sorted(held), 1):
            assert c.retr(n) == mail.as_retrieved(held[uid]), (n, held[uid][:80])
        c.quit()


def test_list_is_what_comes(server, proxy, awkward):
    """POP-31, DEC-8: LIST gives the server's sizes, dots counted once."""
    held = server.held(awkward)
    with proxy.login(awkward, server.password(awkward)) as c:
        listed = [int(row.split()[1]) for row in c.listing("LIST")]
        assert listed == [len(held[uid]) for uid in sorted(held)]
        for n, uid in enumerate(sorted(held), 1):
            if held[uid] == mail.as_retrieved(held[uid]):
                assert len(c.retr(n)) == listed[n - 1]


@pytest.mark.parametrize("lines", [0, 1, 3, 1_000_000])
def test_top(server, proxy, awkward, lines):
    """POP-26, DEC-11: header, blank line and so many lines of each."""
    held = server.held(awkward)
    with proxy.login(awkward, server.password(awkward)) as c:
        for n, uid in enumerate(sorted(held), 1):
            got = unstuff(c.multi(f"TOP {n} {lines}"))
            assert got == mail.top_of(held[uid], lines), (n, held[uid][:80])


def test_top_counts(proxy, server, awkward):
    """POP-26: the count may not be missing, negative or a word."""
    with proxy.login(awkward, server.password(awkward)) as c:
        for line in ("TOP 1", "TOP 1 -1", "TOP 1 x", "TOP 0 1", "TOP 999 1"):
            c.err(line)
        c.multi("TOP 1 0")


def test_seen_only_after_quit(server, proxy, user):
    """DEC-3: a dropped session leaves \\Seen alone; QUIT sets it for what was
    delivered whole, and only that."""
    server.deliver(user, [mail.message(f"m{n}", b"x\r\n") for n in range(3)])

    def seen():
        m = server.imap(user)
        m.select(readonly=True)
        _, answer = m.search(None, "SEEN")
        m.logout()
        return answer[0].split()

    with proxy.login(user, server.password(user)) as c:
        c.retr(1)
        assert seen() == []
        c.abort()
    assert seen() == []
    c = proxy.login_when_free(user, server.password(user))
    c.retr(2)
    c.multi("TOP 3 0")
    c.quit()
    assert seen() == [b"2"]


def test_seen_setting(server, start_proxy, user):
    """DEC-3: mark_seen = no leaves the flags alone."""
    server.deliver(user, [mail.message("m", b"x\r\n")])
    proxy = start_proxy(server.upstream_config(),
                        {"policy": {"mark_seen": "no"}})
    with proxy.login(user, server.password(user)) as c:
        c.retr(1)
        c.quit()
    m = server.imap(user)
    m.select(readonly=True)
    assert m.search(None, "SEEN")[1] == [b""]
    m.logout()


# Servers mend line ends when they store a message; a scripted one does not.
RAW = {
    "bare LF": b"Subject: a\n\none\n.\n..\nlast",
    "false end by LF": b"Subject: a\r\n\r\nx\n.\r\ny\r\n",
    "false end by CR": b"Subject: a\r\n\r\nx\r.\r\ny\r\n",
    "CR CR LF": b"Subject: a\r\n\r\nx\r\r\n.\r\r\n",
    "NUL": b"Subject: a\r\n\r\n\0.\0\r\n.\0\r\n",
    "ends with CR": b"Subject: a\r\n\r\nx\r",
    "ends with LF": b"Subject: a\r\n\r\nx\n",
    "ends with a dot": b"Subject: a\r\n\r\n.",
    "one octet": b"x",
    "one LF": b"\n",
    "one dot": b".",
    "every octet": b"Subject: a\r\n\r\n" + bytes(range(256)) * 300,
    "no line end": b"Subject: a\r\n\r\n" + b"." * 300_000,
    "only line ends": b"\n" * 100_000,
    "only dots": b".\n" * 100_000,
}


@pytest.fixture(scope="module")
def raw_upstream():
    with FakeImap(Mailbox(RAW.values())) as fake:
        yield fake


def test_raw_octets(start_proxy, raw_upstream):
    """DEC-9, POP-8, POP-15: bare LF becomes CRLF, dots are stuffed at every
    line start, a missing last CRLF is added, all else passes unchanged."""
    proxy = start_proxy(raw_upstream.upstream_config())
    with proxy.login("anyone", "anything") as c:
        for n, (name, octets) in enumerate(RAW.items(), 1):
            assert c.retr(n) == mail.as_retrieved(octets), name
        c.quit()


def test_raw_top(start_proxy, raw_upstream):
    """DEC-11: TOP over the same octets, in windows."""
    proxy = start_proxy(raw_upstream.upstream_config())
    with proxy.login("anyone", "anything") as c:
        for n, (name, octets) in enumerate(RAW.items(), 1):
            for lines in (0, 2, 100_000):
                assert unstuff(c.multi(f"TOP {n} {lines}")) == \
                    mail.top_of(octets, lines), (name, lines)
        c.quit()


def test_top_leaves_the_rest(start_proxy):
    """DEC-11: a few lines of a large message never fetch all of it."""
    large = mail.message("large", b"a line of the body\r\n" * 1_000_000)
    box = Mailbox([large])
    sent = []
    fetch = box._fetch

    def counting(peer, command):
        send = peer.send
        peer.send = lambda octets: (sent.append(len(octets)), send(octets))
        fetch(peer, command)
        peer.send = send

    box._fetch = counting
    with FakeImap(box) as fake:
        proxy = start_proxy(fake.upstream_config())
        with proxy.login("anyone", "anything") as c:
            assert unstuff(c.multi("TOP 1 3")) == mail.top_of(large, 3)
            c.quit()
    assert sum(sent) < 500_000


def test_cut_in_a_message(start_proxy):
    """DEC-10: the upstream lost inside a message: the end of the connection,
    never a final dot."""
    class Cut(Mailbox):
        def _fetch(self, peer, command):
            if b"BODY" not in command:
                return super()._fetch(peer, command)
            peer.send(b"* 1 FETCH (UID 1 BODY[] {100000}\r\nSubject: x\r\n"
                      + b"y" * 50_000)
            peer.sock.close()
            raise EOFError

    with FakeImap(Cut([b"x" * 100_000])) as fake:
        proxy = start_proxy(fake.upstream_config())
        with proxy.login("anyone", "anything") as c:
            c.send(b"RETR 1\r\n")
            heard = c.rest()
    assert heard.startswith(b"+OK")
    assert not heard.endswith(b"\r\n.\r\n")


def test_cut_before_a_message(start_proxy):
    """DEC-10, MAP-9: the upstream lost before the body opens is -ERR."""
    class Cut(Mailbox):
        def _fetch(self, peer, command):
            if b"BODY" not in command:
                return super()._fetch(peer, command)
            peer.sock.close()
            raise EOFError

    with FakeImap(Cut([b"x" * 100])) as fake:
        proxy = start_proxy(fake.upstream_config())
        with proxy.login("anyone", "anything") as c:
            assert b"[SYS/TEMP]" in c.err("RETR 1")
