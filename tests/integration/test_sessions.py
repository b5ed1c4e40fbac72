"""/status/sessions: who is there, for those who may know."""

import json
import signal

import pytest

from support import mail
from support.fake_imap import FakeImap, Mailbox
from support.ports import wait_until
from test_http import get
from test_watching import keys, table

PATH = "/status/sessions"
OPEN = {"status": {"sessions_from": ["192.0.2.0/24", "127.0.0.1"]},
        "server": {"workers": "3"}}


def listed(proxy):
    code, fields, body = get(proxy, PATH)
    assert code == 200 and fields["content-type"] == "application/json"
    assert fields["cache-control"] == "no-store"
    return json.loads(body)


@pytest.mark.parametrize("settings", [
    {}, {"status": {"sessions_from": "192.0.2.0/24"}},
    {"status": {"sessions_from": "::1"}}])
def test_nobody_else(start_proxy, server, user, settings):
    """Without the key, and from elsewhere: 403, and no name of anybody."""
    proxy = start_proxy(server.upstream_config(), settings)
    with proxy.login(user, server.password(user)) as c:
        code, _, body = get(proxy, PATH)
        assert code == 403 and user.encode() not in body
        for path in ("/", "/status", "/metrics", "/readyz"):
            assert user not in proxy.http(path)
        c.quit()


def test_sessions(start_proxy, server, user):
    """Of all workers, in the order in which they began."""
    server.deliver(user, [mail.message("x", b"hello\r\n")])
    proxy = start_proxy(server.upstream_config(), OPEN)
    waiting = [proxy.plain() for _ in range(12)]
    with proxy.login(user, server.password(user)) as c:
        c.retr(1)
        page = listed(proxy)
        assert page["complete"] is True
        mine = page["sessions"][-1]
        assert mine["user"] == user and mine["state"] == "transaction"
        assert mine["listener"] == "pop3s" and mine["tls"] == "TLSv1.3"
        assert mine["client"] == "127.0.0.1" and mine["messages"] == 1
        assert mine["octets"] > 0 and mine["upstream"] == "default"
        others = [s for s in page["sessions"] if s["listener"] == "plain"]
        assert len(others) == 12
        assert all(s["user"] is None and s["tls"] is None and
                   s["upstream"] is None and
                   s["state"] == "authorization" for s in others)
        numbers = [int(s["session"], 16) for s in page["sessions"]]
        assert numbers == sorted(set(numbers))
        assert f"session={mine['session']} " in proxy.log()
        c.quit()
    for client in waiting:
        client.quit()
    wait_until(lambda: not listed(proxy)["sessions"], 5, "none to be left")


@pytest.mark.parametrize("name", ['"<b>\\', "zo\u00eb", "a b", "\u2028" * 80])
def test_names_as_they_are(start_proxy, name):
    """What a client calls itself is no JSON, and no mark-up."""
    with FakeImap(Mailbox([])) as fake:
        proxy = start_proxy(fake.upstream_config(), OPEN)
        with proxy.plain() as c:
            c.ok(f"USER {name}")
            c.command("PASS x")
            (session,) = listed(proxy)["sessions"]
            assert session["user"] == name


def test_head_and_in_step(start_proxy, server):
    """HTTP-2 and HTTP-14 hold for an answer that takes a turn of the loop."""
    from test_status import Http
    proxy = start_proxy(server.upstream_config(), OPEN)
    with Http(proxy) as http:
        http.send(b"".join(
            f"{method} {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
            for method, path in (("GET", PATH), ("HEAD", PATH),
                                 ("GET", "/healthz"))))
        first = http.reply()
        second = http.reply(head_only=True)
        assert first[0] == second[0] == 200
        assert http.reply()[2] == b"ok\n"
        assert http.get(PATH, "POST")[0] == 405


def test_while_draining(start_proxy, server, user):
    """Who is it waiting for?"""
    proxy = start_proxy(server.upstream_config(), OPEN)
    with proxy.login(user, server.password(user)) as c:
        proxy.signal(signal.SIGTERM)
        wait_until(lambda: get(proxy, "/readyz")[0] == 503, 5, "to drain")
        assert [s["user"] for s in listed(proxy)["sessions"]] == [user]
        c.quit()
    assert proxy.wait() == 0


def test_documented(start_proxy, server, user):
    proxy = start_proxy(server.upstream_config(), OPEN)
    with proxy.login(user, server.password(user)) as c:
        found = set(keys(listed(proxy)))
        c.quit()
    assert found == {row[0].strip("`") for row in table("Sessions")}
