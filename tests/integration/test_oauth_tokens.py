"""Tokens of accounts where things go wrong at the worst moment: processes that
are killed, clocks that do not agree, servers that are slow or refuse. A real
authorization server, and a Dovecot that asks it what a token is worth."""

import fcntl
import os
import re
import signal
import time

import pytest

from support.metrics import samples
from support.oauth import Accounts
from support.popinjay import Popinjay, write_config
from support.ports import wait_until


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


# --- one question for all ---------------------------------------------------------------

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


def test_a_token_that_ends_before_quit(oauth, oauth_dovecot, accounts, prepare,
                                       robot):
    """The connection breaks during the session, and the one that QUIT makes
    anew does not take the token of the login: another one is got, and what was
    marked is gone."""
    proxy = prepare([robot], client="robot", grant="client_credentials",
                    scope="mail").start()
    oauth_dovecot.deliver(robot, [b"Subject: one\r\n\r\n1\r\n",
                                  b"Subject: two\r\n\r\n2\r\n"])
    with proxy.pop3s() as c:
        c.ok(f"USER {robot}")
        c.ok(f"PASS {accounts.passwords[robot]}")
        c.ok("DELE 1")
        oauth.forget(robot)
        os.kill(oauth_dovecot.session_process(robot), signal.SIGKILL)
        assert c.command("QUIT").startswith(b"+OK")
    assert len(oauth.seen()) == 2
    with proxy.pop3s() as c:
        c.ok(f"USER {robot}")
        c.ok(f"PASS {accounts.passwords[robot]}")
        assert c.command("STAT").startswith(b"+OK 1 ")
        c.quit()
    assert len(oauth.seen()) == 0


def test_no_token_for_quit(oauth, oauth_dovecot, accounts, prepare, robot):
    """The same, and whoever gives tokens is in trouble: the device comes again,
    and what it marked is there."""
    proxy = prepare([robot], client="robot", grant="client_credentials",
                    scope="mail").start()
    oauth_dovecot.deliver(robot, [b"Subject: one\r\n\r\n1\r\n"])
    with proxy.pop3s() as c:
        c.ok(f"USER {robot}")
        c.ok(f"PASS {accounts.passwords[robot]}")
        c.ok("DELE 1")
        oauth.forget(robot)
        oauth.behave(answer={"status": 503})
        os.kill(oauth_dovecot.session_process(robot), signal.SIGKILL)
        assert c.command("QUIT").startswith(b"-ERR [SYS/TEMP]")
    oauth.behave()
    assert "reason=token_unavailable" in proxy.log()


def test_clocks_that_do_not_agree(oauth, accounts, prepare, robot):
    """The token is said to be good for an hour, and is not for long."""
    oauth.behave(access_ttl=2, claimed_ttl=3600)
    proxy = prepare([robot], client="robot", grant="client_credentials",
                    scope="mail").start()
    assert log_in(proxy, accounts, robot).startswith(b"+OK")
    wait_until(lambda: not good(oauth), 10, "the end of the token")
    oauth.behave()
    assert log_in_when_free(proxy, accounts, robot).startswith(b"+OK")


def good(oauth):
    """Whether the last token that was issued is still worth something."""
    return oauth.worth(oauth.issued()[-1])


# --- a token endpoint in trouble ------------------------------------------------------

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
                    client_secret_file=accounts.hold("wrong", b"nonsense\n"))
    proxy.start()
    reply = log_in(proxy, accounts, robot)
    assert reply.startswith((b"-ERR [AUTH]", b"-ERR [SYS/")), reply
    assert "invalid_client" in proxy.log()


# --- processes that are killed -----------------------------------------------------------

@pytest.fixture
def person(oauth_dovecot, accounts, prepare):
    """(proxy, name) of somebody who has agreed; it does not run yet."""
    name = oauth_dovecot.new_user()
    proxy = prepare([name])
    accounts.agree(proxy, name)
    return proxy, name


def begin_login(proxy, accounts, name):
    client = proxy.pop3s()
    client.send(f"USER {name}\r\nPASS {accounts.passwords[name]}\r\n".encode())
    return client


def restart(proxy):
    """As after a loss of power: it has no time for anything."""
    proxy.kill()
    proxy.start()


def test_killed_again_and_again(oauth, accounts, person):
    """What is used is safe before it is used: each refresh token is good for
    once, and the server takes all back where one comes twice."""
    proxy, name = person
    oauth.behave(claimed_ttl=1)     # so that new ones come again and again
    proxy.start()
    for _ in range(4):
        assert log_in_when_free(proxy, accounts, name).startswith(b"+OK")
        before = proxy.log().count(" token_renewed ")
        wait_until(lambda: proxy.log().count(" token_renewed ") > before, 10,
                   "another token")
        restart(proxy)
    assert log_in_when_free(proxy, accounts, name).startswith(b"+OK")


def test_killed_before_the_server_has_heard(oauth, accounts, person):
    """The question was on its way: the token that is kept is good still."""
    proxy, name = person
    proxy.start()
    oauth.behave(hold="before")
    with begin_login(proxy, accounts, name):
        wait_until(lambda: oauth.holds(), 10, "the question")
        restart(proxy)
    oauth.behave()
    assert log_in_when_free(proxy, accounts, name).startswith(b"+OK")


def test_killed_before_the_answer_has_come(oauth, accounts, person):
    """The server has replaced the token, and nobody has the new one: it must be
    agreed to anew, and whoever looks is told so."""
    proxy, name = person
    proxy.start()
    oauth.behave(hold="after")
    with begin_login(proxy, accounts, name):
        wait_until(lambda: oauth.holds(), 10, "the question")
        restart(proxy)
    oauth.behave()
    assert log_in_when_free(proxy, accounts, name).startswith(b"-ERR [AUTH]")
    assert f"popinjay oauth login {name}" in proxy.log()
    accounts.agree(proxy, name)
    wait_until(lambda: log_in_when_free(proxy, accounts, name)
               .startswith(b"+OK"), 10, "the new agreement")


def test_killed_with_a_token_that_is_still_good(oauth, accounts, person):
    """The same, and the access token before serves until it is over: the next
    process asks without waiting for a login, and says what has become of it."""
    proxy, name = person
    proxy.start()
    assert log_in(proxy, accounts, name).startswith(b"+OK")
    oauth.behave(hold="after")
    oauth.forget(name)
    with begin_login(proxy, accounts, name):
        wait_until(lambda: oauth.holds(), 10, "the question")
        proxy.kill()
    oauth.behave()
    proxy.start()
    wait_until(lambda: " token_refused " in proxy.log(), 10, "the refusal")
    line = next(line for line in proxy.log().splitlines()
                if " token_refused " in line)
    assert 'text="invalid_grant, after an answer that was lost"' in line
    assert f'advice="popinjay oauth login {name}"' in line


# --- several processes, one store ---------------------------------------------------------

def kept(proxy, name, ending=""):
    return os.path.join(proxy.config["server"]["state_directory"], "tokens",
                        f"tokens:{name}.token{ending}")


@pytest.mark.parametrize("first", ["consent", "proxy"])
def test_consent_while_a_token_cannot_be_written(oauth, accounts, person, first):
    """The proxy has a new token that the disk did not take. Whoever agrees anew
    meanwhile does so in a process of its own, and that counts, whichever of the
    two comes to write first."""
    proxy, name = person
    proxy.start()
    os.mkdir(kept(proxy, name, ".new"))
    assert log_in(proxy, accounts, name).startswith(b"-ERR [SYS/TEMP]")
    assert "the new token cannot be written" in proxy.log()
    os.rmdir(kept(proxy, name, ".new"))
    if first == "proxy":
        wait_until(lambda: log_in_when_free(proxy, accounts, name)
                   .startswith(b"+OK"), 10, "the token that was written")
    oauth.revoke(name)      # all that was agreed to so far
    accounts.agree(proxy, name)
    wait_until(lambda: log_in_when_free(proxy, accounts, name)
               .startswith(b"+OK"), 10, "the new agreement")
    assert "invalid_grant" not in proxy.log()


def test_who_holds_the_lock_holds_up_nobody(oauth, accounts, person):
    """Another process has the account for a while: its login waits, and all else
    goes on."""
    proxy, name = person
    proxy.start()
    with open(os.path.join(os.path.dirname(kept(proxy, name)), "lock"),
              "r+b") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        with begin_login(proxy, accounts, name) as c:
            wait_until(lambda: figure(
                proxy, "popinjay_verification_duration_seconds_count") == 1,
                10, "the password")
            for _ in range(20):
                assert proxy.http("/healthz")
            assert oauth.seen() == []
            fcntl.lockf(lock, fcntl.LOCK_UN)
            c.line()
            assert c.line().startswith(b"+OK")
            c.quit()


def test_one_refresh_for_all_logins(oauth, accounts, person):
    """Fifty at once: one question, one session, and the others are told that it
    is in use."""
    proxy, name = person
    proxy.start()
    oauth.behave(hold="before")
    clients = [begin_login(proxy, accounts, name) for _ in range(50)]
    wait_until(lambda: figure(
        proxy, "popinjay_verification_duration_seconds_count") == 50, 20,
        "the passwords")
    oauth.behave()
    replies = []
    for c in clients:
        c.line()
        replies.append(c.line())
    assert sum(r.startswith(b"+OK") for r in replies) == 1
    assert sum(b"[IN-USE]" in r for r in replies) == 49
    assert [e["status"] for e in oauth.seen()] == [200]
    for c in clients:
        c.close()


# --- what only a restart takes up --------------------------------------------------------

def turn(proxy, **keys):
    """[oauth tokens] is those from now on; returns the line that says so."""
    section = proxy.config["oauth tokens"]
    section.update(keys)
    for key in [key for key, value in section.items() if value is None]:
        del section[key]
    write_config(proxy.config_path, proxy.config)
    before = len(proxy.log())
    proxy.signal(signal.SIGHUP)
    wait_until(lambda: " reloaded " in proxy.log()[before:], 10, "the reload")
    return next(line for line in proxy.log()[before:].splitlines()
                if " reloaded " in line)


def test_the_first_consents_need_a_restart(oauth, oauth_dovecot, accounts,
                                           prepare, robot):
    """The folder was not opened to writing at the start: that is said when
    it is read, and when somebody logs in."""
    name = oauth_dovecot.new_user()
    proxy = prepare([robot, name], client="robot", grant="client_credentials",
                    scope="mail").start()
    assert log_in(proxy, accounts, robot).startswith(b"+OK")
    secret = accounts.hold("proxy", oauth.secrets["proxy"].encode())
    line = turn(proxy, grant=None, client_id="proxy",
                client_secret_file=secret, scope="mail offline_access")
    assert line.endswith("needs_restart=oauth.tokens.grant")
    accounts.agree(proxy, name)
    assert log_in(proxy, accounts, name).startswith(b"-ERR [SYS/TEMP]")
    failed = next(line for line in proxy.log().splitlines()
                  if " token_failed " in line)
    assert "a restart is needed" in failed
    proxy.stop()
    proxy.start()
    assert log_in(proxy, accounts, name).startswith(b"+OK")
    assert "needs_restart" not in turn(proxy)


def test_another_key_needs_a_restart(oauth_dovecot, accounts, prepare):
    """Tokens go on with the key of the start, whether the configuration names
    another file or the file has become another one."""
    name = oauth_dovecot.new_user()
    proxy = prepare([name]).start()
    accounts.agree(proxy, name)
    assert log_in(proxy, accounts, name).startswith(b"+OK")
    assert "needs_restart" not in turn(proxy)
    at_start = proxy.config["accounts"]["key_file"]
    proxy.config["accounts"]["key_file"] = accounts.hold("other",
                                                         os.urandom(32))
    assert turn(proxy).endswith("needs_restart=accounts.key_file")
    assert log_in(proxy, accounts, name).startswith(b"+OK")
    proxy.config["accounts"]["key_file"] = at_start
    assert "needs_restart" not in turn(proxy)
    accounts.hold("key", os.urandom(32))
    assert turn(proxy).endswith("needs_restart=accounts.key_file")


def test_a_command_needs_a_restart(oauth_dovecot, accounts, prepare, tmp_path):
    """One that is new: nobody can run it yet."""
    name = oauth_dovecot.new_user()
    proxy = prepare([name], client="robot", grant="client_credentials",
                    scope="mail").start()
    line = turn(proxy, grant="command", command="/bin/false", provider=None,
                issuer=None, client_id=None, scope=None,
                client_secret_file=None, ca_file=None)
    assert line.endswith("needs_restart=oauth.tokens.command")
    assert log_in(proxy, accounts, name).startswith(b"-ERR [SYS/TEMP]")
    assert "a restart is needed" in proxy.log()


# --- a program ------------------------------------------------------------------------

def test_a_program_that_prints_a_token_alone(oauth, oauth_dovecot, accounts,
                                             prepare, tmp_path):
    user = oauth_dovecot.new_user()
    program = tmp_path / "token"
    held = accounts.hold("held", oauth.access_token(user).encode())
    program.write_text(f"#!/bin/sh\nexec cat {held}\n", "ascii")
    program.chmod(0o755)
    proxy = prepare([user], provider=None, issuer=None, client_id=None,
                    ca_file=None, scope=None, client_secret_file=None, grant="command",
                    command=str(program)).start()
    assert log_in(proxy, accounts, user).startswith(b"+OK")
    # Whoever runs it has seen the token, and leaves no core either.
    assert proxy.children()
    for pid in proxy.children():
        with open(f"/proc/{pid}/limits", encoding="ascii") as f:
            assert re.search(r"^Max core file size +0 +0 ", f.read(), re.M)
    # Another one takes a restart: this one serves until then.
    line = turn(proxy, command=f"{program} quickly")
    assert line.endswith("needs_restart=oauth.tokens.command")
    assert log_in_when_free(proxy, accounts, user).startswith(b"+OK")
    assert "needs_restart" not in turn(proxy, command=str(program))
