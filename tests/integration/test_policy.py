"""Policies of the operator: the delay between logins, EXPIRE, whom a client
may act as, the budget of upstream connections, what the server is told."""

import base64
import contextlib
import re
import time

import pytest

from support.fake_imap import CAPABILITY, FakeImap, Mailbox
from support.ports import wait_until


def capabilities(client):
    return client.listing("CAPA")


def plain(user, password, identity=""):
    text = f"{identity}\0{user}\0{password}"
    return "AUTH PLAIN " + base64.b64encode(text.encode()).decode()


# --- CAPA -------------------------------------------------------------------------

def test_no_policy_is_announced(server, proxy, user):
    """DEC-22: by default neither EXPIRE nor LOGIN-DELAY, in no state."""
    with proxy.pop3s() as c:
        before = capabilities(c)
        c.login(user, server.password(user))
        for line in before + capabilities(c):
            assert not line.startswith(("EXPIRE", "LOGIN-DELAY"))


@pytest.mark.parametrize("policy, lines", [
    ({"login_delay": "90 s"}, ["LOGIN-DELAY 90"]),
    ({"login_delay": "5 min", "expire": "never"},
     ["EXPIRE NEVER", "LOGIN-DELAY 300"]),
    ({"login_delay": "1500 ms"}, ["LOGIN-DELAY 2"]),
    ({"expire": "30"}, ["EXPIRE 30"]),
    ({"expire": "0"}, ["EXPIRE 0"]),
    ({"login_delay": "0 s", "expire": ""}, [])])
def test_announced_policy(start_proxy, policy, lines):
    """CAP-12, DEC-22: what is configured is told, before and after login."""
    with FakeImap(Mailbox([])) as fake:
        proxy = start_proxy(fake.upstream_config(), {"policy": policy})
        with proxy.pop3s() as c:
            for logged_in in (False, True):
                if logged_in:
                    c.login("someone", "x")
                assert sorted(line for line in capabilities(c) if
                              line.startswith(("EXPIRE", "LOGIN-D"))) == lines


# --- the delay between logins -------------------------------------------------------

def test_login_delay(server, start_proxy):
    """CAP-12, MAP-5: the second login within the delay gets [LOGIN-DELAY], a
    wrong password gets [AUTH] all the same; others are not concerned."""
    user, other = server.new_user(), server.new_user()
    password = server.password(user)
    proxy = start_proxy(server.upstream_config(),
                        {"policy": {"login_delay": "5 min"}})
    proxy.login(user, password).quit()
    with proxy.pop3s() as c:
        c.ok(f"USER {user}")
        assert c.err(f"PASS {password}").startswith(b"-ERR [LOGIN-DELAY]")
        c.ok(f"USER {user}")
        assert c.err("PASS wrong").startswith(b"-ERR [AUTH]")
        assert c.err(plain(user, password)).startswith(b"-ERR [LOGIN-DELAY]")
    proxy.login(other, server.password(other)).quit()


def test_login_delay_counts_from_the_login(server, start_proxy, user):
    """CAP-12: not from the end of the session; one that is held is IN-USE.
    After the delay the maildrop is open again."""
    password = server.password(user)
    proxy = start_proxy(server.upstream_config(),
                        {"policy": {"login_delay": "1 s"}})
    with proxy.login(user, password) as c:
        with proxy.pop3s() as second:
            second.ok(f"USER {user}")
            assert b"[IN-USE]" in second.err(f"PASS {password}")
        time.sleep(1.2)
        c.quit()
    proxy.login(user, password).quit()


# --- who is under which policy -------------------------------------------------------

def test_policy_of_an_upstream(start_proxy):
    """CAP-12: before login the worst case of all policies, USER where they
    differ; after it what holds for this user."""
    with FakeImap(Mailbox([])) as fake:
        proxy = start_proxy(fake.upstream_config(), {
            "upstream": {"policy": "scanner"},
            "policy": {"expire": "7", "login_delay": "5 min"},
            "policy archive": {"expire": "3", "login_delay": "10 min"},
            "policy scanner": {"expire": "never", "login_delay": "0 s"}})
        with proxy.pop3s() as c:
            before = capabilities(c)
            c.login("someone", "x")
            after = capabilities(c)
        assert {"EXPIRE 3 USER", "LOGIN-DELAY 600 USER"} <= set(before)
        assert {"EXPIRE NEVER", "LOGIN-DELAY 0"} <= set(after)
        proxy.login("someone", "x").quit()


def test_login_delay_of_a_policy(server, start_proxy, user):
    """CAP-12, MAP-5: where a policy has none, nobody waits; and that lets
    nobody in elsewhere."""
    password = server.password(user)
    proxy = start_proxy(server.upstream_config(), {
        "policy slow": {"login_delay": "5 min"},
        "upstream slow": {**server.upstream_config(), "listeners": "plain",
                          "policy": "slow"}})

    def is_let_in(client):
        with client as c:
            c.ok(f"USER {user}")
            answer = c.command(f"PASS {password}")
            assert answer.startswith((b"+OK", b"-ERR [LOGIN-DELAY]"))
            if answer.startswith(b"+OK"):
                c.quit()
            return answer.startswith(b"+OK")

    assert is_let_in(proxy.pop3s()) and is_let_in(proxy.pop3s())
    assert is_let_in(proxy.plain()) and not is_let_in(proxy.plain())
    assert is_let_in(proxy.pop3s())
    assert not is_let_in(proxy.plain())


# --- SASL-10: whom to act as ----------------------------------------------------------

def takes_plain(peer):
    peer.send(b"* OK [" + CAPABILITY + b" AUTH=PLAIN] ready\r\n")
    Mailbox([]).serve(peer)


def messages_seen(fake):
    """The PLAIN messages that the server got."""
    return [base64.b64decode(line.rpartition(b" ")[2]) for line in fake.seen
            if b"AUTHENTICATE PLAIN" in line]


@pytest.mark.parametrize("allowed, identity, passed", [
    ("no", "", b"\0rose\0x"), ("no", "rose", b"\0rose\0x"),
    ("no", "boss", None), ("no", "ROSE", None),
    ("yes", "", b"\0rose\0x"), ("yes", "rose", b"\0rose\0x"),
    ("yes", "boss", b"boss\0rose\0x")])
def test_authorization_identity(start_proxy, allowed, identity, passed):
    """SASL-10: empty or equal means oneself; another is refused with [AUTH]
    and without asking the server, unless it is configured to be asked."""
    with FakeImap(takes_plain) as fake:
        proxy = start_proxy({**fake.upstream_config(),
                             "pass_identity": allowed})
        with proxy.pop3s() as c:
            reply = c.command(plain("rose", "x", identity))
        if passed is None:
            assert reply.startswith(b"-ERR [AUTH]"), reply
            assert messages_seen(fake) == []
        else:
            assert reply.startswith(b"+OK"), reply
            assert messages_seen(fake) == [passed]


def test_lock_of_the_identity(start_proxy):
    """SASL-10, DEC-13: the maildrop is that of whom one acts as."""
    with FakeImap(takes_plain) as fake:
        proxy = start_proxy({**fake.upstream_config(),
                             "pass_identity": "yes"})
        with proxy.pop3s() as c, proxy.pop3s() as d, proxy.pop3s() as e:
            c.ok(plain("rose", "x", "boss"))
            d.ok("USER boss")
            assert b"[IN-USE]" in d.err("PASS x")
            e.ok(plain("rose", "x"))


# --- the budget of upstream connections ------------------------------------------------

def test_connection_budget(start_proxy):
    """Courier admits 4 connections an address: beyond the budget a login gets
    [SYS/TEMP], and the server hears nothing of it; what ends makes room."""
    with FakeImap(Mailbox([])) as fake, contextlib.ExitStack() as held:
        proxy = start_proxy({**fake.upstream_config(), "max_connections": "2",
                             "queue_timeout": "100 ms"})
        clients = [held.enter_context(proxy.login(f"user{n}", "x"))
                   for n in range(2)]
        assert fake.connections == 2
        with proxy.pop3s() as c:
            c.ok("USER late")
            assert c.err("PASS x").startswith(b"-ERR [SYS/TEMP]")
        assert fake.connections == 2
        assert "max_connections are in use, and queue_timeout" in proxy.log()
        clients[0].quit()
        proxy.login("late", "x").quit()
        clients[1].abort()
        wait_until(lambda: proxy.status()["sessions"]["active"] == 0, 10,
                   "the end of the sessions")
        for n in range(5):              # none of them is lost on the way
            proxy.login(f"again{n}", "x").quit()
        assert fake.connections == 8


def test_login_budget(start_proxy):
    """Where it was the logins a second, the log does not blame connections."""
    with FakeImap(Mailbox([])) as fake:
        proxy = start_proxy({**fake.upstream_config(), "login_burst": "1",
                             "logins_per_second": "1", "queue_timeout": "0 s"})
        with contextlib.ExitStack() as held:
            clients = [held.enter_context(proxy.plain()) for _ in range(5)]
            for n, client in enumerate(clients):
                client.send(f"USER u{n}\r\nPASS x\r\n".encode())
            replies = [client.line() + client.line() for client in clients]
        assert 1 <= sum(b"[SYS/TEMP]" in reply for reply in replies) <= 4
        assert "logins_per_second are spent, and the queue" in proxy.log()
        assert "max_connections" not in proxy.log()


def test_failed_connections_leave_the_budget(start_proxy):
    """Those that never came up, too, make room for the next."""
    def refuse(peer):
        peer.send(b"* BYE not today\r\n")

    with FakeImap(refuse) as fake:
        proxy = start_proxy({**fake.upstream_config(), "max_connections": "1"})
        for _ in range(4):
            with proxy.pop3s() as c:
                c.ok("USER someone")
                assert c.err("PASS x").startswith(b"-ERR [SYS/TEMP]")
        assert fake.connections >= 4


# --- what the server is told ------------------------------------------------------------

@pytest.mark.parametrize("setting, told", [
    (None, False), ("no", False), ("yes", True)])
def test_client_address(start_proxy, setting, told):
    """IEXT-5: the client's address stands in our ID only when it is to."""
    with FakeImap(Mailbox([])) as fake:
        proxy = start_proxy({**fake.upstream_config(),
                             "forward_client_address": setting})
        proxy.login("someone", "x").quit()
        (ours,) = [line for line in fake.seen if b" ID " in line]
    assert b'"popinjay"' in ours
    found = re.search(rb'"x-originating-ip" "([^"]*)"', ours)
    assert (found[1] if found else None) == (b"127.0.0.1" if told else None)
