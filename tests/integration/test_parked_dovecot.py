"""What Dovecot, its log and its processes, sees of connections that rest."""

import os
import signal
import time

from support.parking import connections, metric, parked, poll, reused
from support.ports import wait_until


def logins(server, user):
    return server.log().count(f"Login: user=<{user}>")


def has_logged_out(server, user):
    """Whether the last that the user's session logged is that."""
    return "Logged out" in server.log().rpartition(f"imap({user})")[2]


def test_one_login_for_ten_polls(server, start_proxy, user):
    """DEC-20"""
    proxy = start_proxy(server.upstream_config())
    for _ in range(10):
        poll(proxy, user, server.password(user))
    server.session_process(user)
    assert connections(proxy) == 1
    wait_until(lambda: logins(server, user) == 1, 5, "the line of the login")


def test_a_process_that_is_killed(server, start_proxy, user):
    """A session of the server that dies."""
    proxy = start_proxy(server.upstream_config())
    password = server.password(user)
    poll(proxy, user, password)
    os.kill(server.session_process(user), signal.SIGKILL)
    poll(proxy, user, password)
    assert connections(proxy) == 2
    assert metric(proxy, "upstream_failures_total") == 0


def test_a_process_that_hangs(server, start_proxy, user):
    """It says nothing, and does not close: a quarter of the patience is lost,
    and not the login."""
    proxy = start_proxy(server.upstream_config(),
                        {"limits": {"upstream_timeout": "4 s"}})
    password = server.password(user)
    poll(proxy, user, password)
    pid = server.session_process(user)
    os.kill(pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        poll(proxy, user, password)
        assert 0.9 < time.monotonic() - began < 3.9
    finally:
        os.kill(pid, signal.SIGKILL)
    assert "upstream_not_reused" in proxy.log()
    assert reused(proxy) == 0


def test_its_rest_is_over(server, start_proxy, user):
    """IMAP-31: it says LOGOUT."""
    proxy = start_proxy(server.upstream_config(),
                        {"limits": {"upstream_reuse": "3 s"}})
    poll(proxy, user, server.password(user))
    server.session_process(user)
    wait_until(lambda: parked(proxy) == 0, 15, "the end of its rest")
    wait_until(lambda: has_logged_out(server, user), 5, "LOGOUT")
    wait_until(lambda: not server.sessions(user), 5, "the end of the session")


def test_the_end_of_the_process(server, start_proxy, user):
    """IMAP-31: SIGTERM lets those that rest say LOGOUT."""
    proxy = start_proxy(server.upstream_config())
    poll(proxy, user, server.password(user))
    server.session_process(user)
    proxy.stop()
    wait_until(lambda: not server.sessions(user), 5, "the end of the session")
    wait_until(lambda: has_logged_out(server, user), 5, "LOGOUT")
