"""DEC-1: what one session knows of a mailbox, the next does not ask for again.

Before servers with CONDSTORE a login says how it came to its list of messages
(popinjay_listings_total): `full`, `updated` or `fresh`. Before others it is
always full. What the list shows is the truth in any case.
"""

import pytest

from support import mail


class Polls:
    """Logins of one user, each judged by what it lists and what it asked."""

    def __init__(self, proxy, server, user):
        self._proxy = proxy
        self._server = server
        self._user = user
        self._reuses = "CONDSTORE" in server.features

    def login(self, *kinds):
        """A session in TRANSACTION; its listing was one of |kinds|."""
        before = self._proxy.status()["listings"]
        client = self._proxy.login(self._user,
                                   self._server.password(self._user))
        after = self._proxy.status()["listings"]
        added = [kind for kind in after
                 for _ in range(after[kind] - before[kind])]
        assert len(added) == 1, (before, after)
        assert added[0] in (kinds if self._reuses else ["full"]), added
        self._check(client)
        return client

    def _check(self, client):
        """The list is what is there, but for what is flagged \\Deleted."""
        m = self._server.imap(self._user)
        m.select(readonly=True)
        uids = m.uid("SEARCH", "UNDELETED")[1][0].decode().split()
        m.logout()
        rows = [row.split() for row in client.listing("UIDL")]
        assert [number for number, _ in rows] == [
            str(n) for n in range(1, len(uids) + 1)]
        assert [uid.rpartition(".")[2] for _, uid in rows] == uids

    def poll(self, *kinds):
        with self.login(*kinds) as client:
            client.quit()

    def settle(self):
        """Until nothing has changed since: a server that counts its own
        housekeeping as a change does so once."""
        self.poll("full", "updated", "fresh")
        self.poll("updated", "fresh")


@pytest.fixture
def polls(proxy, server, user):
    server.deliver(user, messages(1, 4))
    return Polls(proxy, server, user)


def messages(first, last):
    return [mail.message(f"m{n}", b"body %d\r\n" % n)
            for n in range(first, last + 1)]


@pytest.fixture
def elsewhere(server, user):
    """Another client that has the mailbox selected."""
    m = server.imap(user)
    m.select()
    yield m
    m.logout()


def uids_of(m):
    return m.uid("SEARCH", "ALL")[1][0].split()


def test_nothing_changed(polls):
    """The second login lists nothing, nor do those after it."""
    polls.settle()
    for _ in range(3):
        polls.poll("fresh")


def test_an_empty_mailbox(proxy, server, user):
    polls = Polls(proxy, server, user)
    polls.settle()
    polls.poll("fresh")


def test_new_mail(polls, server, user):
    """Only what is new is asked for."""
    polls.settle()
    server.deliver(user, messages(5, 7))
    polls.poll("updated")
    polls.poll("fresh")
    server.deliver(user, messages(8, 8))
    with polls.login("updated") as c:
        assert b"Subject: m8" in c.retr(8)
        c.quit()


def test_read_mail(polls):
    """\\Seen is a change, though it changes nothing that is listed."""
    polls.settle()
    with polls.login("fresh") as c:
        c.retr(2)
        c.quit()
    polls.poll("updated")
    polls.poll("fresh")


def test_flags_changed(polls, elsewhere):
    """What another client flags \\Deleted is hidden, and shown once it takes
    the flag back."""
    polls.settle()
    second = uids_of(elsewhere)[1]
    elsewhere.uid("STORE", second, "+FLAGS", r"(\Deleted)")
    polls.poll("updated")
    polls.poll("fresh")
    elsewhere.uid("STORE", second, "-FLAGS", r"(\Deleted)")
    polls.poll("updated")


def expunge(m, *uids):
    m.uid("STORE", b",".join(uids), "+FLAGS", r"(\Deleted)")
    m.expunge()


def test_expunged_elsewhere(polls, elsewhere):
    """No change would name it, so all is listed anew."""
    polls.settle()
    expunge(elsewhere, uids_of(elsewhere)[0])
    polls.poll("full")
    polls.settle()
    polls.poll("fresh")


def test_expunged_elsewhere_and_new_mail(polls, server, user, elsewhere):
    """As many messages as before, but others."""
    polls.settle()
    expunge(elsewhere, *uids_of(elsewhere)[1:3])
    server.deliver(user, messages(5, 6))
    polls.poll("full")
    polls.settle()


def test_new_mail_expunged_again(polls, server, user, elsewhere):
    """New UIDs were given, and the messages are as before."""
    polls.settle()
    server.deliver(user, messages(5, 5))
    elsewhere.noop()
    expunge(elsewhere, uids_of(elsewhere)[-1])
    polls.poll("updated", "full")
    polls.settle()


def test_removed_by_ourselves(polls):
    """What QUIT removed is not asked for again."""
    polls.settle()
    with polls.login("fresh") as c:
        c.ok("DELE 1")
        c.ok("DELE 3")
        c.quit()
    polls.poll("updated", "fresh")
    polls.poll("fresh")


def test_removed_with_new_mail_meanwhile(polls, server, user):
    polls.settle()
    with polls.login("fresh") as c:
        c.retr(1)
        c.ok("DELE 1")
        server.deliver(user, messages(5, 6))
        c.quit()
    polls.poll("updated")
    polls.poll("fresh")


def test_a_session_that_was_dropped(polls, proxy, server, user):
    """Marks without a QUIT change nothing, nor what is known."""
    polls.settle()
    with polls.login("fresh") as c:
        c.ok("DELE 1")
        c.abort()
    with proxy.login_when_free(user, server.password(user)) as c:
        c.quit()
    polls.poll("fresh")


def test_never_anothers(polls, proxy, server):
    """Another user's mailbox with as many messages is another mailbox."""
    polls.settle()
    other = server.new_user()
    server.deliver(other, messages(11, 14))
    second = Polls(proxy, server, other)
    second.poll("full")
    second.settle()
    polls.poll("fresh")


def test_no_cache(server, start_proxy, user):
    """snapshot_cache = 0: each login lists all."""
    server.deliver(user, messages(1, 2))
    proxy = start_proxy(server.upstream_config(),
                        {"limits": {"snapshot_cache": "0"}})
    for _ in range(3):
        Polls(proxy, server, user).poll("full")
