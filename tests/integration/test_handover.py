"""--replace: a process takes the place of another, and no client notices."""

import contextlib
import http.client
import signal
import subprocess

import pytest

from support import mail
from support.knocks import knocking
from support.popinjay import Popinjay, binary, replacing, successor
from support.ports import answers, wait_until

SECONDS = 15


def has_workers(proxy, count):
    """By its status; the process before it hangs up on whoever asks that one in
    the very moment."""
    try:
        return f'"workers": {count}' in proxy.http("/status")
    except (OSError, http.client.HTTPException):
        return False


def test_nobody_is_refused(server, tmp_path, authority, user):
    """2 workers, then 2, then 3: while clients come all the time, and a session
    of each process is under way. The status is the newest one's at once, and
    the older ones end when their sessions have."""
    server.deliver(user, [mail.message("one", b"1\r\n")])
    upstream = server.upstream_config()
    with contextlib.ExitStack() as cleaning:
        proxy = Popinjay(tmp_path, authority, upstream)
        cleaning.callback(proxy.kill)
        proxy.start()
        with knocking(proxy.port_plain) as knocks:
            for workers in ("2", "3"):
                wait_until(lambda: knocks.count > 50, SECONDS, "clients")
                session = proxy.login_when_free(user, server.password(user))
                after = successor(proxy, tmp_path, authority, upstream,
                                  {"server": {"workers": workers}})
                cleaning.callback(after.kill)
                after.start(replacing(proxy))
                wait_until(lambda: has_workers(after, workers), SECONDS,
                           "its status")
                now = knocks.count
                wait_until(lambda: knocks.count > now + 50, SECONDS, "clients")
                assert proxy.running()
                assert session.retr(1).endswith(b"1\r\n")
                session.quit()
                assert proxy.wait() == 0
                assert "handing_over" in proxy.log()
                proxy.stop()
                proxy = after
            now = knocks.count
            wait_until(lambda: knocks.count > now + 50, SECONDS, "clients")
        assert not knocks.failures, knocks.failures[:5]
        proxy.stop()


def test_stopped_while_it_drains(server, tmp_path, authority, user):
    """A supervisor that stops the one before cuts off no session: that is what
    a second SIGTERM is for."""
    server.deliver(user, [mail.message("one", b"1\r\n")])
    upstream = server.upstream_config()
    with contextlib.ExitStack() as cleaning:
        proxy = Popinjay(tmp_path, authority, upstream)
        cleaning.callback(proxy.kill)
        proxy.start()
        session = proxy.login_when_free(user, server.password(user))
        after = successor(proxy, tmp_path, authority, upstream)
        cleaning.callback(after.kill)
        after.start(replacing(proxy))
        wait_until(lambda: "handing_over" in proxy.log(), SECONDS, "it to know")
        proxy.signal(signal.SIGTERM)
        wait_until(lambda: " draining " in proxy.log(), SECONDS, "the signal")
        assert session.retr(1).endswith(b"1\r\n")
        session.quit()
        assert proxy.wait() == 0
        assert "stopped_at_once" not in proxy.log()
        after.stop()


def test_who_is_no_popinjay(proxy, tmp_path, authority):
    """A signal that another program does not know would end it."""
    with subprocess.Popen(["sleep", "60"]) as other:
        for text in (str(other.pid), "0", "-1", "99999999999", "x", ""):
            done = subprocess.run([binary(), "-c", proxy.config_path,
                                   "--replace", text], capture_output=True,
                                  text=True, timeout=SECONDS, check=False)
            assert done.returncode == 2
            assert f"no process of popinjay: --replace {text}" in done.stderr
        assert other.poll() is None
        other.kill()


def test_a_second_process_without_it(proxy):
    """It does not share the connections by mistake."""
    done = subprocess.run([binary(), "-c", proxy.config_path],
                          capture_output=True, text=True, timeout=SECONDS,
                          check=False)
    assert done.returncode == 1
    assert "in use" in done.stderr
