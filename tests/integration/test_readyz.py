"""/readyz says what is true of the upstream, and finds out by itself."""

import signal
import socket

from support.fake_imap import FakeImap, Mailbox
from support.popinjay import write_config
from support.ports import LOOPBACK, free_port, wait_until
from test_http import FakeImapAt, get

PROBE_SECONDS = 10              # that it waits for an answer
PROBING = {"status": {"probe_interval": "1 s"}}


def ready(proxy):
    return get(proxy, "/readyz")[0] == 200


def test_found_without_a_session(start_proxy):
    """Not ready before the upstream is there, ready once it is, not ready when
    it has gone and a session found that out, and ready again: nobody logs in.
    """
    port = free_port()
    proxy = start_proxy({"address": f"{LOOPBACK}:{port}", "tls": "none"},
                        PROBING)
    wait_until(lambda: not ready(proxy), 5, "not to be ready")
    wait_until(lambda: "upstream_failing" in proxy.log(), 5,
               "the log to say so")
    with FakeImapAt(port, Mailbox([])):
        wait_until(lambda: ready(proxy), 10, "to be ready")
        wait_until(lambda: "upstream_recovered" in proxy.log(), 5,
                   "the log to say so")
    with proxy.pop3s() as c:
        c.ok("USER x")
        c.err("PASS y")
    wait_until(lambda: not ready(proxy), 10, "not to be ready")
    with FakeImapAt(port, Mailbox([])):
        wait_until(lambda: ready(proxy), 10, "to be ready again")


def test_greeting_is_awaited(start_proxy):
    """A port that takes connections is no server yet."""
    with socket.create_server((LOOPBACK, 0)) as mute:
        proxy = start_proxy(
            {"address": f"{LOOPBACK}:{mute.getsockname()[1]}", "tls": "none"},
            PROBING)
        assert get(proxy, "/readyz")[2] == b"not ready: starting\n"
        peer, _ = mute.accept()
        peer.sendall(b"* BYE no room\r\n")
        wait_until(lambda: get(proxy, "/readyz")[2] ==
                   b"not ready: upstream failing\n", 5, "the failure to count")
        peer.close()


def test_another_upstream(start_proxy):
    """After a reload it is the new upstream that counts: what is still heard
    of the one before says nothing, and is not waited for."""
    with socket.create_server((LOOPBACK, 0)) as mute, \
            FakeImap(Mailbox([])) as fake:
        proxy = start_proxy(
            {"address": f"{LOOPBACK}:{mute.getsockname()[1]}", "tls": "none"},
            PROBING)
        probe, _ = mute.accept()
        with probe, proxy.pop3s() as c:
            c.ok("USER x")
            session, _ = mute.accept()
            proxy.config["upstream"].update(fake.upstream_config())
            write_config(proxy.config_path, proxy.config)
            proxy.signal(signal.SIGHUP)
            wait_until(lambda: ready(proxy), PROBE_SECONDS / 2, "to be ready")
            session.close()
            mute.close()
            c.err("PASS y")
            assert '"failures": 0' in get(proxy, "/status")[2].decode()


def test_over_tls(start_proxy, server):
    """A probe verifies as sessions do, and leaves with LOGOUT."""
    proxy = start_proxy(server.upstream_config(), PROBING)
    wait_until(lambda: ready(proxy), 10, "to be ready")
    wrong = start_proxy(
        server.upstream_config() | {"server_name": "wrong.example"}, PROBING)
    wait_until(lambda: "upstream_failing" in wrong.log(), 10,
               "the wrong name to be noticed")
    assert not ready(wrong)


def test_refused_logins_are_no_failure(start_proxy, server, user):
    """One user's trouble is not the upstream's."""
    proxy = start_proxy(server.upstream_config(), PROBING)
    wait_until(lambda: ready(proxy), 10, "to be ready")
    for _ in range(3):
        with proxy.pop3s() as c:
            c.ok(f"USER {user}")
            c.err("PASS wrong")
    assert ready(proxy)


def test_one_lost_connection_is_no_failure(start_proxy):
    """Where it was reached before, one failure is asked about first."""
    port = free_port()
    proxy = start_proxy({"address": f"{LOOPBACK}:{port}", "tls": "none"})
    with FakeImapAt(port, Mailbox([])):
        with proxy.login("a", "b") as c:
            c.quit()
    for expected in (200, 503):
        with proxy.pop3s() as c:
            c.ok("USER c")
            c.err("PASS d")
        assert get(proxy, "/readyz")[0] == expected
