"""No mail is lost: only what was marked goes, and only by QUIT."""

import random
import signal

import pytest

from support import mail
from support.dovecot import Dovecot
from support.fake_imap import FakeImap, Mailbox
from support.popinjay import Popinjay


def messages(count):
    return [mail.message(f"m{n}", b"body %d\r\n" % n)
            for n in range(1, count + 1)]


def flag(server, user, uid, flags="\\Deleted"):
    m = server.imap(user)
    m.select()
    m.uid("STORE", str(uid), "+FLAGS", f"({flags})")
    # LOGOUT, not CLOSE: that would expunge.
    m.logout()


def flagged(server, user):
    """The UIDs flagged \\Deleted."""
    m = server.imap(user)
    m.select(readonly=True)
    _, answer = m.uid("SEARCH", "DELETED")
    m.logout()
    return [int(n) for n in answer[0].split()]


def test_quit_removes_exactly(server, proxy, user):
    """POP-16, POP-20, POP-21, DEC-4, IEXT-1: random marks among foreign flags
    and new mail; what survives is what was not marked."""
    server.deliver(user, messages(40))
    uids = server.uids(user)
    chooser = random.Random(7)
    with proxy.login(user, server.password(user)) as c:
        marked = chooser.sample(range(1, 41), 15)
        for n in marked:
            c.ok(f"DELE {n}")
        left = [uid for n, uid in enumerate(uids, 1) if n not in marked]
        foreign = chooser.choice(left)
        flag(server, user, foreign)
        server.deliver(user, messages(1))
        c.quit()
    now = server.uids(user)
    assert now[:-1] == left
    assert len(now) == len(left) + 1
    assert flagged(server, user) == [foreign]


def test_foreign_deleted_is_hidden(server, proxy, start_proxy, user):
    """DEC-2: flagged by another before the session: hidden by default, listed
    with the setting, and left alone either way. Without UIDPLUS it also keeps
    ours from being expunged (DEC-5)."""
    guarded = "UIDPLUS" not in server.features
    server.deliver(user, messages(3))
    uids = server.uids(user)
    flag(server, user, uids[1])
    with proxy.login(user, server.password(user)) as c:
        rows = c.listing("UIDL")
        assert [int(r.split(".")[1]) for r in rows] == [uids[0], uids[2]]
        c.ok("DELE 1")
        if guarded:
            assert c.command("QUIT").startswith(b"-ERR [SYS/PERM]")
        else:
            c.quit()
    left = uids if guarded else uids[1:]
    marked = uids[:2] if guarded else [uids[1]]
    assert server.uids(user) == left
    assert flagged(server, user) == marked
    shown = start_proxy(server.upstream_config(),
                        {"policy": {"hide_deleted": "no"}})
    with shown.login(user, server.password(user)) as c:
        assert len(c.listing("UIDL")) == len(left)
        c.quit()
    assert flagged(server, user) == marked


def test_maildrop_is_a_snapshot(server, proxy, user):
    """DEC-1: mail that comes and goes meanwhile moves no number."""
    server.deliver(user, messages(4))
    with proxy.login(user, server.password(user)) as c:
        before = c.ok("STAT"), c.listing("LIST"), c.listing("UIDL")
        server.deliver(user, messages(2))
        remove(server, user, server.uids(user)[0])
        c.ok("NOOP")
        assert (c.ok("STAT"), c.listing("LIST"), c.listing("UIDL")) == before
        assert b"Subject: m4" in c.retr(4)
        c.quit()


def remove(server, user, uid):
    m = server.imap(user)
    m.select()
    m.uid("STORE", str(uid), "+FLAGS", "(\\Deleted)")
    m.expunge()
    m.logout()


def test_expunged_meanwhile(server, proxy, user):
    """DEC-14, IMAP-25: a message that another client removed gives -ERR, the
    session goes on, and QUIT has nothing to do for it."""
    server.deliver(user, messages(3))
    held = server.held(user)
    uids = sorted(held)
    with proxy.login(user, server.password(user)) as c:
        remove(server, user, uids[1])
        if server.keeps_expunged:
            assert c.retr(2) == mail.as_retrieved(held[uids[1]])
        else:
            c.err("RETR 2")
            c.err("TOP 2 0")
        assert b"Subject: m3" in c.retr(3)
        c.ok("DELE 3")
        c.quit()
    assert server.uids(user) == [uids[0]]


def test_vanished_unread_is_deleted(server, proxy, user):
    """DEC-14: DELE of one that vanished unread is no trouble at QUIT."""
    server.deliver(user, messages(2))
    uids = server.uids(user)
    with proxy.login(user, server.password(user)) as c:
        remove(server, user, uids[0])
        c.ok("DELE 1")
        c.quit()
    assert server.uids(user) == [uids[1]]


@pytest.mark.parametrize("end", ["close", "reset", "in a reply"])
def test_dropped_connection(server, proxy, user, end):
    """POP-22: a client that vanishes after DELE has removed nothing."""
    server.deliver(user, messages(3))
    held = server.held(user)
    c = proxy.login(user, server.password(user))
    c.ok("DELE 1")
    c.ok("DELE 3")
    if end == "in a reply":
        c.send(b"RETR 2\r\nRETR 2\r\n")
    if end == "close":
        c.close()
    else:
        c.abort()
    proxy.login_when_free(user, server.password(user)).close()
    assert server.held(user) == held
    assert flagged(server, user) == []


def test_upstream_lost(tmp_path, authority):
    """POP-22, MAP-9: the upstream gone after DELE: QUIT says -ERR and nothing
    is removed."""
    with Dovecot() as own:
        user = own.new_user()
        own.deliver(user, messages(2))
        proxy = Popinjay(tmp_path, authority, own.upstream_config(),
                         {"limits": {"upstream_timeout": "5 s"}}).start()
        try:
            with proxy.login(user, own.password(user)) as c:
                c.ok("DELE 1")
                own.halt()
                try:
                    assert c.command("QUIT").startswith(b"-ERR")
                except EOFError:
                    pass     # closed as soon as the upstream went
            own.resume()
            assert len(own.uids(user)) == 2
            assert flagged(own, user) == []
            proxy.stop()
        finally:
            proxy.kill()


def test_signal_removes_nothing(server, start_proxy, user):
    """POP-22: sessions ended by a stop of the proxy have changed nothing."""
    server.deliver(user, messages(2))
    proxy = start_proxy(server.upstream_config(),
                        {"limits": {"drain_timeout": "1 s"}})
    with proxy.login(user, server.password(user)) as c:
        c.ok("DELE 1")
        proxy.signal(signal.SIGTERM)
        assert c.at_end()
    assert proxy.wait() == 0
    assert len(server.uids(user)) == 2
    assert flagged(server, user) == []


def test_order_on_the_wire(start_proxy):
    """DEC-4, POP-16, IMAP-28, IMAP-31: STORE then UID EXPUNGE, both at QUIT,
    of the marked UIDs; CLOSE and STATUS never."""
    with FakeImap(Mailbox(messages(9))) as fake:
        proxy = start_proxy(fake.upstream_config())
        with proxy.login("anyone", "anything") as c:
            for n in (1, 2, 3, 7):
                c.ok(f"DELE {n}")
            c.ok("NOOP")
            assert not any(b"STORE" in line for line in fake.seen)
            c.quit()
        wire = [line.split(b" ", 1)[1] for line in fake.seen]
        store = next(n for n, line in enumerate(wire)
                     if line.startswith(b"UID STORE"))
        assert wire[store] == b"UID STORE 1:3,7 +FLAGS.SILENT (\\Deleted)"
        assert wire[store + 1] == b"UID EXPUNGE 1:3,7"
        assert not any(line.startswith((b"CLOSE", b"STATUS", b"EXPUNGE"))
                       for line in wire)


def test_scattered_deletes(start_proxy):
    """IMAP-29: thousands of scattered marks in lines of 1000 octets at most,
    and all of them are gone."""
    box = Mailbox(messages(4000))
    with FakeImap(box) as fake:
        proxy = start_proxy(fake.upstream_config())
        with proxy.login("anyone", "anything") as c:
            c.send(b"".join(b"DELE %d\r\n" % n for n in range(1, 4001, 2)))
            for _ in range(2000):
                assert c.line().startswith(b"+OK")
            c.quit()
        assert sorted(box.messages) == list(range(2, 4001, 2))
        assert max(map(len, fake.seen)) <= 998


def test_lock(server, proxy, user):
    """DEC-13, MAP-6, POP-23: one session a maildrop; a wrong password never
    learns of it; free again at once after QUIT."""
    password = server.password(user)
    with proxy.login(user, password) as first:
        with proxy.pop3s() as second:
            second.ok(f"USER {user}")
            assert b"[IN-USE]" in second.err(f"PASS {password}")
        with proxy.pop3s() as third:
            third.ok(f"USER {user}")
            assert b"[AUTH]" in third.err("PASS not the one")
        first.quit()
    with proxy.login(user, password) as again:
        again.quit()


def test_quit_refused(start_proxy):
    """POP-20, MAP-12: NO to STORE or EXPUNGE is -ERR to QUIT."""
    class Refusing(Mailbox):
        def verdict(self, verb):
            return b"NO " + code if verb == refused else b"OK"

    for refused in (b"UID STORE", b"UID EXPUNGE"):
        for code, expected in ((b"", b"[SYS/TEMP]"),
                               (b"[NOPERM]", b"[SYS/PERM]"),
                               (b"[CANNOT]", b"[SYS/PERM]"),
                               (b"[INUSE]", b"[SYS/TEMP]")):
            with FakeImap(Refusing(messages(2))) as fake:
                proxy = start_proxy(fake.upstream_config())
                with proxy.login("anyone", "anything") as c:
                    c.ok("DELE 1")
                    reply = c.command("QUIT")
                    assert reply.startswith(b"-ERR " + expected), (
                        refused, code)
                    assert c.at_end()
