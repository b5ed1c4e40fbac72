"""Accounts that log in upstream with tokens of OAuth 2.0, end to end: a real
authorization server, and a Dovecot that asks it what a token is worth."""

import json
import re
import time

import pytest

from support.metrics import samples
from support.oauth import Accounts
from support.popinjay import Popinjay
from support.ports import wait_until

MESSAGE = b"Subject: a scan\r\n\r\nof something\r\n"


@pytest.fixture
def accounts(tmp_path, oauth):
    return Accounts(tmp_path, oauth)


@pytest.fixture
def prepare(tmp_path, authority, oauth_dovecot, accounts):
    """prepare(names, ...): a proxy before Dovecot, not yet started, with
    accounts of those names; further arguments are of Accounts.settings()."""
    made = []

    def make(names, **settings):
        proxy = Popinjay(tmp_path, authority, oauth_dovecot.upstream_config(),
                         accounts.settings(**settings))
        made.append(proxy)
        for name in names:
            accounts.add(proxy, name)
        return proxy

    yield make
    try:
        for proxy in made:
            proxy.stop()
    finally:
        for proxy in made:
            proxy.kill()


@pytest.fixture
def robot(oauth_dovecot):
    """The application that may read its own mail, emptied."""
    oauth_dovecot.create_user("robot", "a password of no use here")
    return "robot"


def log_in(proxy, accounts, name):
    """The reply to PASS."""
    with proxy.pop3s() as c:
        c.ok(f"USER {name}")
        return c.command(f"PASS {accounts.passwords[name]}")


def log_in_when_free(proxy, accounts, name):
    reply = log_in(proxy, accounts, name)
    while b"[IN-USE]" in reply:
        time.sleep(0.02)
        reply = log_in(proxy, accounts, name)
    return reply


# --- an application by itself --------------------------------------------------------

def test_client_credentials(oauth, oauth_dovecot, accounts, prepare, robot):
    """One token for as many logins as it is good for."""
    oauth_dovecot.deliver(robot, [MESSAGE])
    proxy = prepare([robot], client="robot", grant="client_credentials",
                    scope="mail").start()
    for _ in range(3):
        with proxy.pop3s() as c:
            c.login(robot, accounts.passwords[robot])
            assert c.retr(c.listing("LIST")[-1].split()[0]) == MESSAGE
            c.quit()
    assert [e["status"] for e in oauth.seen()] == [200]


def test_one_question_for_many(oauth, oauth_dovecot, accounts, prepare, robot):
    """While the first is being answered, the others wait for the same token."""
    users = [oauth_dovecot.new_user() for _ in range(8)]
    proxy = prepare(users, client="robot", grant="client_credentials",
                    scope="mail").start()
    oauth.behave(hold="before")
    clients = [proxy.pop3s() for _ in users]
    for c, user in zip(clients, users):
        c.send(f"USER {user}\r\nPASS {accounts.passwords[user]}\r\n".encode())
    wait_until(lambda: figure(proxy, "popinjay_verification_duration_seconds"
                              "_count") == len(users), 10, "the passwords")
    oauth.behave()
    for c in clients:
        c.line()
        # The token is the application's, which is none of these users.
        assert c.line().startswith(b"-ERR [AUTH]")
        c.close()
    # And one more, since it was refused: also only once.
    assert len(oauth.seen()) <= 2


def figure(proxy, series):
    return samples(proxy.http("/metrics"))[series]


# --- the server's doing ---------------------------------------------------------------

def test_a_token_that_the_server_refuses(oauth, accounts, prepare, robot):
    """It ended early: another one is got within the same login."""
    proxy = prepare([robot], client="robot", grant="client_credentials",
                    scope="mail").start()
    assert log_in(proxy, accounts, robot).startswith(b"+OK")
    oauth.forget(robot)
    assert log_in_when_free(proxy, accounts, robot).startswith(b"+OK")
    assert len(oauth.seen()) == 2


def test_clocks_that_do_not_agree(oauth, accounts, prepare, robot):
    """The token is said to be good for an hour, and is not for a second."""
    oauth.behave(access_ttl=1, claimed_ttl=3600)
    proxy = prepare([robot], client="robot", grant="client_credentials",
                    scope="mail").start()
    assert log_in(proxy, accounts, robot).startswith(b"+OK")
    wait_until(lambda: not good(oauth), 10, "the end of the token")
    assert log_in_when_free(proxy, accounts, robot).startswith(b"+OK")


def good(oauth):
    """Whether the last token that was issued is still worth something."""
    return oauth.worth(oauth.issued()[-1])


def test_tokens_end(oauth, accounts, prepare, robot):
    """Ahead of its end another is got, before anybody asks for it."""
    oauth.behave(access_ttl=2)
    before = len(oauth.issued())
    proxy = prepare([robot], client="robot", grant="client_credentials",
                    scope="mail").start()
    assert log_in(proxy, accounts, robot).startswith(b"+OK")
    wait_until(lambda: len(oauth.issued()) >= before + 2, 15, "another token")
    assert good(oauth)
    oauth.behave(reset=True)       # nobody can be asked now
    assert log_in_when_free(proxy, accounts, robot).startswith(b"+OK")


# --- a token endpoint in trouble ------------------------------------------------------

@pytest.mark.parametrize("trouble", [
    {"reset": True},
    {"answer": {"status": 503, "body": "no"}},
    {"answer": {"status": 200, "body": "<html>", "type": "text/html"}},
    {"answer": {"status": 200, "body": json.dumps({"access_token": 1})}}])
def test_trouble(oauth, accounts, prepare, robot, trouble):
    """[SYS/TEMP], and it passes by itself."""
    proxy = prepare([robot], client="robot", grant="client_credentials",
                    scope="mail").start()
    oauth.behave(**trouble)
    assert log_in(proxy, accounts, robot).startswith(b"-ERR [SYS/TEMP]")
    oauth.behave()
    wait_until(lambda: log_in_when_free(proxy, accounts, robot)
               .startswith(b"+OK"), 10, "the end of the trouble")


def test_slow(oauth, accounts, prepare, robot):
    """Who waits is served; who leaves leaves nothing behind."""
    proxy = prepare([robot], client="robot", grant="client_credentials",
                    scope="mail").start()
    oauth.behave(hold="before")
    with proxy.pop3s() as c, proxy.pop3s() as left:
        for one in left, c:
            one.send(f"USER {robot}\r\nPASS {accounts.passwords[robot]}\r\n"
                     .encode())
        wait_until(lambda: figure(
            proxy, "popinjay_verification_duration_seconds_count") == 2, 10,
            "the passwords")
        left.abort()
        wait_until(lambda: proxy.status()["sessions"]["active"] == 1, 10,
                   "the end of the session")
        oauth.behave()
        c.line()
        assert c.line().startswith(b"+OK")
        c.quit()


def test_a_secret_that_is_wrong(oauth, accounts, prepare, robot):
    """It is the operator's to mend, not the device's."""
    proxy = prepare([robot], client="robot", grant="client_credentials",
                    scope="mail",
                    client_secret_file=accounts._file("wrong", b"nonsense\n"))
    proxy.start()
    reply = log_in(proxy, accounts, robot)
    assert reply.startswith((b"-ERR [AUTH]", b"-ERR [SYS/")), reply
    assert "invalid_client" in proxy.log()


# --- a program ------------------------------------------------------------------------

@pytest.mark.parametrize("form", ["{token}", '{{"access_token": "{token}", '
                                  '"expires_in": 3600}}'])
def test_command(oauth, oauth_dovecot, accounts, prepare, tmp_path, form):
    """What it prints, alone or as RFC 6749 has it."""
    user = oauth_dovecot.new_user()
    program = tmp_path / "token"
    held = accounts._file("held", form.format(
        token=oauth.access_token(user)).encode())
    program.write_text(f"#!/bin/sh\nexec cat {held}\n", "ascii")
    program.chmod(0o755)
    proxy = prepare([user], provider=None, issuer=None, client_id=None,
                    scope=None, client_secret_file=None, grant="command",
                    command=str(program)).start()
    assert log_in(proxy, accounts, user).startswith(b"+OK")
    # Whoever runs it has seen the token, and leaves no core either.
    assert proxy.children()
    for pid in proxy.children():
        with open(f"/proc/{pid}/limits", encoding="ascii") as f:
            assert re.search(r"^Max core file size +0 +0 ", f.read(), re.M)
