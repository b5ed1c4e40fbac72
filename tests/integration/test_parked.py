"""Upstream connections that rest between two sessions of a user (DEC-20)."""

import re
import threading
import time

import pytest

from support.parking import connections, metric, parked, poll, reused
from support.ports import wait_until


def refused(proxy, user, password):
    with proxy.pop3s() as c:
        c.ok(f"USER {user}")
        assert c.err(f"PASS {password}").startswith(b"-ERR [AUTH]")


@pytest.fixture
def resting(server, start_proxy):
    """A proxy of the test's own, with several workers."""
    return start_proxy(server.upstream_config(), {"server": {"workers": "4"}})


# --- one login for many sessions --------------------------------------------------

def test_many_polls_cost_one_login(server, resting, user):
    """Sessions come to any worker, and go on with the same connection."""
    server.deliver(user, [b"Subject: one\r\n\r\n1\r\n"])
    first = poll(resting, user, server.password(user))
    assert len(first) == 1
    for _ in range(29):
        assert poll(resting, user, server.password(user)) == first
    assert connections(resting) == 1
    assert reused(resting) == 29
    assert parked(resting) == 1
    assert len(re.findall(r"reused=yes", resting.log())) == 29


def test_each_session_sees_what_is_there(server, resting, user):
    """DEC-1: new mail, and mail that another client removed, in between; and
    what this one deletes is gone."""
    password = server.password(user)
    server.deliver(user, [b"Subject: %d\r\n\r\n" % n for n in range(3)])
    ids = poll(resting, user, password)
    assert len(ids) == 3
    m = server.imap(user)
    m.select()
    m.store("2", "+FLAGS", r"(\Deleted)")
    m.expunge()
    m.logout()
    assert [i.split()[1] for i in poll(resting, user, password)] == \
        [ids[0].split()[1], ids[2].split()[1]]
    server.deliver(user, [b"Subject: new\r\n\r\n"])
    with resting.pop3s() as c:
        c.login(user, password)
        assert c.ok("STAT").startswith(b"+OK 3 ")
        c.ok("DELE 1")
        c.ok("DELE 2")
        c.quit()
    assert len(poll(resting, user, password)) == 1
    assert len(server.uids(user)) == 1
    assert connections(resting) == 1


def test_users_do_not_share(server, resting):
    """Each has a connection of its own, and the mail of its own."""
    users = [server.new_user() for _ in range(4)]
    for n, user in enumerate(users):
        server.deliver(user, [b"Subject: x\r\n\r\n"] * (n + 1))
    for _ in range(3):
        for n, user in enumerate(users):
            assert len(poll(resting, user, server.password(user))) == n + 1
    assert connections(resting) == len(users)
    assert parked(resting) == len(users)


# --- passwords ---------------------------------------------------------------------

@pytest.mark.proxys_own
def test_a_wrong_password_is_wrong(server, resting, user):
    """Whatever is parked; and the one that is rests on."""
    password = server.password(user)
    poll(resting, user, password)
    for wrong in ("wrong", password + "x", password[:-1], password.upper()):
        refused(resting, user, wrong)
    assert parked(resting) == 1
    poll(resting, user, password)
    assert reused(resting) == 1


def change_password(server, user, password):
    """And waits until the server knows."""
    server.create_user(user, password)

    def is_known():
        try:
            server.imap(user).logout()
        except Exception:               # each product has its own words
            return False
        return True

    wait_until(is_known, 20, "the new password")


def test_a_changed_password(server, resting, user):
    """The stated cost: the old one works while its connection is kept. The new
    one works at once, and then the old one does not any more."""
    old = server.password(user)
    poll(resting, user, old)
    change_password(server, user, "another1")
    poll(resting, user, old)
    assert reused(resting) == 1
    poll(resting, user, "another1")
    assert connections(resting) == 2
    refused(resting, user, old)
    poll(resting, user, "another1")
    assert reused(resting) == 2


@pytest.mark.proxys_own
def test_a_changed_password_has_its_time(server, start_proxy, user):
    """Polls do not prolong it beyond upstream_login_age."""
    proxy = start_proxy(server.upstream_config(),
                        {"limits": {"upstream_login_age": "8 s"}})
    old = server.password(user)
    began = time.monotonic()
    poll(proxy, user, old)
    logged_in = time.monotonic()        # at the latest
    change_password(server, user, "another1")
    if time.monotonic() - began < 6:
        poll(proxy, user, old)
        assert reused(proxy) == 1
    time.sleep(max(0, logged_in + 8.2 - time.monotonic()))
    refused(proxy, user, old)
    poll(proxy, user, "another1")


# --- what becomes of those that rest --------------------------------------------------

def test_a_server_that_restarts(server, resting, user):
    """What it closed costs the next session nothing but a new connection."""
    password = server.password(user)
    poll(resting, user, password)
    server.halt()
    server.resume()
    assert server.uids(user) == []      # it does serve again
    poll(resting, user, password)
    assert connections(resting) == 2
    assert reused(resting) == 0
    assert metric(resting, "upstream_failures_total") == 0


@pytest.mark.proxys_own
def test_its_rest_is_over(server, start_proxy, user):
    """Nobody need come for it to end."""
    proxy = start_proxy(server.upstream_config(),
                        {"limits": {"upstream_reuse": "3 s"}})
    poll(proxy, user, server.password(user))
    assert parked(proxy) == 1
    wait_until(lambda: parked(proxy) == 0, 15, "the end of its rest")


def test_the_budget(server, start_proxy):
    """max_connections: one that only rests makes room for a login."""
    proxy = start_proxy({**server.upstream_config(), "max_connections": "1"})
    users = [server.new_user() for _ in range(3)]
    for user in users + users:
        poll(proxy, user, server.password(user))
    assert parked(proxy) == 1
    assert connections(proxy) == 6
    with proxy.login(users[0], server.password(users[0])):
        with proxy.pop3s() as c:
            c.ok(f"USER {users[1]}")
            assert b"[SYS/TEMP]" in c.err(f"PASS {server.password(users[1])}")
    assert reused(proxy) == 0


def test_a_busy_maildrop(server, resting, user):
    """What is parked is there for the session that comes when it is free."""
    password = server.password(user)
    with resting.login(user, password) as c:
        with resting.pop3s() as other:
            other.ok(f"USER {user}")
            assert b"[IN-USE]" in other.err(f"PASS {password}")
        c.quit()
    poll(resting, user, password)
    assert reused(resting) == 1


# --- many at a time -------------------------------------------------------------------

def test_many_at_a_time(server, resting):
    """Sessions of few users on all workers, at once: each sees its own mail,
    and no connection serves two."""
    users = [server.new_user() for _ in range(3)]
    for n, user in enumerate(users):
        server.deliver(user, [b"Subject: x\r\n\r\n"] * (n + 1))
    trouble = []

    def visit(n):
        try:
            for _ in range(15):
                with resting.login_when_free(
                        users[n], server.password(users[n]), 30) as c:
                    assert len(c.listing("UIDL")) == n + 1
                    c.quit()
        except Exception as e:
            trouble.append(repr(e))

    threads = [threading.Thread(target=visit, args=(i % 3,))
               for i in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(120)
    assert not trouble
    assert reused(resting) > 0
    assert parked(resting) == len(users)
