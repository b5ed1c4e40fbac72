"""Several servers of one upstream: who is at which, and what becomes of a login
where one of them fails."""

import base64
import os

import pytest

from support.certificates import Authority
from support.fake_imap import FakeImap, Mailbox
from support.metrics import samples
from support.oauth import INITIAL
from support.ports import LOOPBACK, wait_until
from support.several import home, poll, several, users_of


def test_users_are_spread_and_stay(start_proxy):
    with FakeImap(Mailbox([])) as one, FakeImap(Mailbox([])) as two:
        users = users_of([one, two])
        proxy = start_proxy(several(one, two),
                            {"limits": {"upstream_reuse": "0 s"}})
        for count, server in enumerate([one, two, two, one], 1):
            before = server.connections
            for user in users[server]:
                poll(proxy, user)
            assert server.connections == before + 3
            assert one.connections + two.connections == 3 * count


def test_failover(start_proxy):
    """The one that ends loses its users to the other, within the login; a probe
    brings it back, and them."""
    with FakeImap(Mailbox([])) as one:
        two = FakeImap(Mailbox([]))
        port = two.port
        users = users_of([one, two])
        with two:
            proxy = start_proxy(several(one, two), {
                "limits": {"upstream_reuse": "0 s"},
                "status": {"probe_interval": "100 ms"}})
            for user in users[two]:
                poll(proxy, user)
            assert two.connections >= 3  # and one of the first probe
        before = one.connections
        for user in users[two]:
            poll(proxy, user)
        assert one.connections == before + 3
        assert proxy.log().count("upstream_server_aside") == 1
        (upstream,) = proxy.status()["upstreams"]
        assert upstream["health"]["verdict"] == "reached"
        gone = upstream["servers"][1]
        assert gone["address"] == f"{LOOPBACK}:{port}"
        assert gone["aside_ms"] > 0 and gone["last_error"]
        assert gone["failures"] >= 1
        figures = samples(proxy.http("/metrics"))
        assert figures['popinjay_upstream_server_up{upstream="default",'
                       f'address="{gone["address"]}"}}'] == 0
        assert figures["popinjay_ready"] == 1
        assert "aside for" in proxy.http("/")
        with FakeImap(Mailbox([]), address=(LOOPBACK, port)) as back:
            wait_until(lambda: "upstream_server_back" in proxy.log(), 10,
                       "the probe")
            known = back.connections
            for user in users[two]:
                poll(proxy, user)
            assert back.connections == known + 3
        assert one.connections == before + 3


class Bearer(Mailbox):
    """Takes any token by OAUTHBEARER, and keeps the places it was meant for."""

    def __init__(self):
        super().__init__([])
        self.places = []

    def __call__(self, peer):
        peer.send(b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=OAUTHBEARER]\r\n")
        self.serve(peer)

    def answer(self, peer, verb, command):
        if verb != b"AUTHENTICATE":
            super().answer(peer, verb, command)
            return
        said = base64.b64decode(command.split(b" ")[2]).split(b"\1")
        self.places.append(f"{said[1][5:].decode()}:{said[2][5:].decode()}")


def test_a_token_names_the_server_that_is_asked(start_proxy):
    """IAUTH-10: each of several, and the other one where one has ended."""
    judges = Bearer(), Bearer()
    with FakeImap(judges[0]) as one:
        with FakeImap(judges[1]) as two:
            places = [f"{LOOPBACK}:{one.port}", f"localhost:{two.port}"]
            proxy = start_proxy(
                {"address": "\naddress = ".join(places), "tls": "none"},
                {"limits": {"upstream_reuse": "0 s"},
                 "listen pop3s": {"token_login": "yes"}})
            for place, judge in zip(places, judges):
                user = next(name for name in map("user{}".format, range(1000))
                            if home(name, places) == place)
                with_token(proxy, user)
                assert judge.places == [place]
        with_token(proxy, user)     # at the second, which has ended
        assert judges[0].places == places[:1] * 2


def with_token(proxy, user):
    message = INITIAL["OAUTHBEARER"](user, "a-token")
    with proxy.pop3s() as c:
        c.ok("AUTH OAUTHBEARER " + base64.b64encode(message).decode())
        c.quit()


def test_all_servers_fail(start_proxy):
    with FakeImap(Mailbox([])) as one, FakeImap(Mailbox([])) as two:
        keys = several(one, two)
    proxy = start_proxy(keys)
    with proxy.plain() as c:
        c.ok("USER a")
        assert b"[SYS/TEMP]" in c.err("PASS x")
    assert proxy.log().count("warning upstream_unreachable") == 2
    (upstream,) = proxy.status()["upstreams"]
    assert upstream["health"]["failures"] == 1
    assert all(s["failures"] == 1 for s in upstream["servers"])
    # They are tried all the same.
    with proxy.plain() as c:
        c.ok("USER a")
        assert b"[SYS/TEMP]" in c.err("PASS x")
    (upstream,) = proxy.status()["upstreams"]
    assert all(s["failures"] == 2 for s in upstream["servers"])


def says(*words):
    """A server that says that, and then nothing until it is left."""
    def script(peer):
        for octets in words:
            peer.send(octets)
        while True:
            peer.line()
    return script


def ends(peer):
    """One that has nothing to say."""


@pytest.mark.parametrize("greets, patience", [
    (says(b"* BYE too busy\r\n"), "60 s"), (says(b"* NO not now\r\n"), "60 s"),
    (says(b"220 mail.example ESMTP\r\n"), "60 s"),
    (says(b"* PREAUTH hello\r\n"), "60 s"), (says(b"\0\377 * OK\r\n"), "60 s"),
    (says(b"* OK [CAPABILITY POP4] hello\r\n"), "60 s"), (ends, "60 s"),
    (says(), "2 s")], ids=["bye", "no", "smtp", "preauth", "garbage", "no-imap",
                           "ends", "silent"])
def test_one_that_greets_badly_is_left_within_the_login(start_proxy, greets,
                                                        patience):
    """It is put aside, with what was wrong, and hears no password; the upstream
    is well, and its places are given back."""
    with FakeImap(Mailbox([])) as one, FakeImap(greets) as two:
        user, *_ = users_of([one, two])[two]
        proxy = start_proxy(several(one, two), {
            "limits": {"upstream_reuse": "0 s", "upstream_timeout": patience}})
        poll(proxy, user)
        assert (one.connections, two.connections) == (1, 1)
        assert not any(b"LOGIN" in line or b"AUTH" in line
                       for line in two.seen)
        (upstream,) = proxy.status()["upstreams"]
        assert upstream["health"]["verdict"] == "reached"
        assert upstream["servers"][1]["last_error"]
        assert proxy.log().count("upstream_server_aside") == 1
        wait_until(lambda: proxy.status()["upstreams"][0]["open"] == 0,
                   10, "the connections' end")


def test_all_greet_badly(start_proxy):
    """Each is tried, once."""
    with FakeImap(says(b"* BYE too busy\r\n")) as one, \
            FakeImap(ends) as two:
        proxy = start_proxy(several(one, two))
        with proxy.plain() as c:
            c.ok("USER a")
            assert b"[SYS/TEMP]" in c.err("PASS x")
        assert (one.connections, two.connections) == (1, 1)
        (upstream,) = proxy.status()["upstreams"]
        assert [s["failures"] for s in upstream["servers"]] == [1, 1]
        assert upstream["health"]["failures"] == 1
        wait_until(lambda: proxy.status()["upstreams"][0]["open"] == 0,
                   10, "the connections' end")


def test_starttls_fails_at_one(start_proxy, authority):
    """Behind STARTTLS as well: the other one's certificate is good."""
    pair = authority.pair("upstream")
    forged = Authority(os.path.join(authority.folder, "forged"))
    with FakeImap(Mailbox([], pair)) as one, \
            FakeImap(Mailbox([], forged.pair("upstream"))) as two:
        user, *_ = users_of([one, two])[two]
        proxy = start_proxy(several(one, two, tls="starttls",
                                    server_name="localhost",
                                    ca_file=authority.ca_file))
        poll(proxy, user)
        assert (one.connections, two.connections) == (1, 1)
        assert "upstream_untrusted" in proxy.log()
