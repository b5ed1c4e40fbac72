"""A service that is asked about each login, as nginx's mail proxy asks it."""

import base64
import contextlib
import hashlib
import os
import secrets
import signal
import ssl
import threading
import time

import pytest

from support.auth_service import AuthService
from support.certificates import Authority
from support.fake_imap import CAPABILITY, FakeImap, Mailbox
from support.metrics import samples, total
from support.pop3client import Pop3Client
from support.popinjay import write_config
from support.ports import LOOPBACK, wait_until
from support.secrets import keep, plant
from support.several import several, users_of

KEY = plant(secrets.token_hex(12), "the service's key")
# What devices know, and what the servers behind know.
GIVEN = plant("Wren 5%Twig&" + secrets.token_hex(4), "a password of a device")
MAPPED = plant("Heron 6%Reed&" + secrets.token_hex(4), "a password upstream")
NO = {"Auth-Status": "Invalid login or password"}


class Judge(Mailbox):
    """Lets everyone in, and keeps by which name and password."""

    def __init__(self):
        super().__init__([])
        self.came = []

    def __call__(self, peer):
        peer.send(b"* OK [" + CAPABILITY + b" AUTH=PLAIN] ready\r\n")
        self.serve(peer)

    def answer(self, peer, verb, command):
        if verb == b"AUTHENTICATE":
            message = base64.b64decode(command.split()[-1]).decode()
            self.came.append(tuple(message.split("\0")[1:]))
        super().answer(peer, verb, command)


def reload(proxy, event="reloaded"):
    """Has it read its configuration, as that is now; waits for its word."""
    write_config(proxy.config_path, proxy.config)
    before = proxy.log().count(f" {event}")
    proxy.signal(signal.SIGHUP)
    wait_until(lambda: proxy.log().count(f" {event}") > before, 10, event)


@pytest.fixture
def two():
    """Two servers, by what judges their logins."""
    judges = Judge(), Judge()
    with FakeImap(judges[0]) as first, FakeImap(judges[1]) as second:
        first.judge, second.judge = judges
        yield first, second


def settings(service, two, folder, **keys):
    key = os.path.join(str(folder), "key")
    with open(keep(key), "w", encoding="ascii") as f:
        f.write(f"X-Auth-Key: {KEY}\n")
    os.chmod(key, 0o600)
    return {"upstream second": two[1].upstream_config(),
            "auth_http": {"url": service.url, "header_file": key, **keys}}


def ok(server, **fields):
    return {"Auth-Status": "OK", "Auth-Server": LOOPBACK,
            "Auth-Port": server.port,
            **{f"Auth-{name.title()}": value for name, value in
               fields.items()}}


def attempt(client, user, password):
    """The reply to PASS, and how long it took."""
    client.ok(f"USER {user}")
    began = time.monotonic()
    reply = client.command(f"PASS {password}")
    return reply, time.monotonic() - began


def digest(timestamp, password):
    return hashlib.md5((timestamp + password).encode()).hexdigest()


def test_no_digests_unless_they_are_asked_for(start_proxy, two, tmp_path):
    with AuthService(lambda asked: ok(two[0])) as service:
        proxy = start_proxy(two[0].upstream_config(),
                            settings(service, two, tmp_path))
        with proxy.pop3s() as c:
            assert b"<" not in c.greeting
            c.err(f"APOP rose {digest('<x@y>', GIVEN)}")
            assert b"CRAM" not in c.multi("CAPA")
            c.err("AUTH CRAM-MD5")
    assert service.seen == []


# --- answers ----------------------------------------------------------------------

def test_what_is_asked_under_tls(start_proxy, two, tmp_path):
    """And the attempts are counted."""
    with AuthService(lambda asked: NO) as service:
        proxy = start_proxy(two[0].upstream_config(),
                            settings(service, two, tmp_path))
        with proxy.pop3s() as c:
            for _ in range(2):
                reply, _ = attempt(c, "rose", GIVEN)
                assert reply.startswith(b"-ERR [AUTH]")
    first, second = service.seen
    assert first["Auth-SSL"] == second["Auth-SSL"] == "on"
    assert first["Auth-Protocol"] == "pop3"
    assert first["X-Auth-Key"] == KEY
    assert [first["Auth-Login-Attempt"], second["Auth-Login-Attempt"]] == \
        ["1", "2"]


def test_wait(start_proxy, two, tmp_path):
    """Asked again without Auth-Wait too, but not in haste; counted; and a client
    that will not wait is not waited for."""
    def rule(asked):
        if len(service.seen) == 2:
            return ok(two[0])
        wait = {"Auth-Wait": "50"} if len(service.seen) > 2 else {}
        return {**ok(two[1], user="nobody"), "Auth-Status": "WAIT", **wait}

    with AuthService(rule) as service:
        proxy = start_proxy(two[0].upstream_config(),
                            settings(service, two, tmp_path))
        with proxy.pop3s() as c:
            reply, seconds = attempt(c, "rose", GIVEN)
            assert reply.startswith(b"+OK") and seconds >= 1
            c.quit()
        assert service.seen[0] == service.seen[1]
        assert two[0].judge.came == [("rose", GIVEN)]
        assert (figure(proxy, "wait"), figure(proxy, "granted")) == (1, 1)
        with proxy.pop3s() as c:
            c.send(f"USER rose\r\nPASS {GIVEN}\r\n".encode())
            wait_until(lambda: figure(proxy, "wait") == 2, 10, "the answer")
            c.abort()
        wait_until(lambda: proxy.status()["sessions"]["active"] == 0, 10,
                   "the end of the session")
    assert two[1].connections == 0


def test_wait_ends_with_the_login(start_proxy, two, tmp_path):
    with AuthService(lambda asked: {"Auth-Status": "WAIT"}) as service:
        proxy = start_proxy(two[0].upstream_config(),
                            {**settings(service, two, tmp_path),
                             "limits": {"login_timeout": "5 s"}})
        with proxy.plain() as c:
            reply, _ = attempt(c, "rose", GIVEN)
            assert reply.startswith(b"-ERR [SYS/TEMP]"), reply
        assert len(service.seen) > 1
    assert "reason=login_timeout" in proxy.log()


def test_server_by_name(start_proxy, two, tmp_path):
    """Of one of the sections; and none: then it is as if nobody was asked."""
    answers = {"one": "default", "two": "second", "none": None}

    def rule(asked):
        server = answers[asked["Auth-User"]]
        return {"Auth-Status": "OK",
                **({"Auth-Server": server} if server else {})}

    with AuthService(rule) as service:
        proxy = start_proxy(two[0].upstream_config(),
                            settings(service, two, tmp_path))
        for user in answers:
            proxy.login(user, GIVEN).quit()
    assert two[0].judge.came == [("one", GIVEN), ("none", GIVEN)]
    assert two[1].judge.came == [("two", GIVEN)]


def test_an_address_is_one_server(start_proxy):
    """Of several, and no other: neither by rank, nor where it has failed, nor by
    a connection that rests at another. By name it is any of them."""
    judges = Judge(), Judge()
    now = []
    with FakeImap(judges[0]) as one, AuthService(lambda asked: now[0]) as service:
        with FakeImap(judges[1]) as two:
            proxy = start_proxy(several(one, two), {
                "upstream spare": one.upstream_config(),
                "auth_http": {"url": service.url}})
            (user,) = users_of([one, two], 1)[one]
            for server, judge in ((two, judges[1]), (one, judges[0])) * 2:
                now[:] = [ok(server)]
                before = len(judge.came)
                proxy.login(user, GIVEN).quit()
                # The second time by the connection that has rested there.
                assert len(judge.came) == max(before, 1), server.port
            now[:] = [{"Auth-Status": "OK", "Auth-Server": "default"}]
            proxy.login(user, GIVEN).quit()
            assert [len(judge.came) for judge in judges] == [2, 1]
            gone = two
        now[:] = [ok(gone)]
        with proxy.pop3s() as c:
            reply, _ = attempt(c, "fern", GIVEN)
            assert reply.startswith(b"-ERR [SYS/TEMP]"), reply
        assert len(judges[0].came) == 2
        (upstream, _) = proxy.status()["upstreams"]
        # The others are well.
        assert upstream["health"]["verdict"] == "reached"
        assert [s["failures"] for s in upstream["servers"]] == [0, 1]
        # A server that was put aside is tried nonetheless: it is the only one.
        with FakeImap(judges[1], address=(LOOPBACK, gone.port)):
            proxy.login("fern", GIVEN).quit()
        assert judges[1].came[1:] == [("fern", GIVEN)]


def test_folder_where_it_is_sent(start_proxy, two, tmp_path):
    """user+Folder: the policy of the server that the service names must allow
    it as well, or its folders would be open by way of another's policy."""
    sent = {"one": "default", "two": "second", "three": "third"}

    with AuthService(lambda asked: {"Auth-Status": "OK", "Auth-Server":
                                    sent[asked["Auth-User"]]}) as service:
        proxy = start_proxy(
            two[0].upstream_config(),
            {**settings(service, two, tmp_path),
             "policy": {"plus_folder": "yes"},
             "policy narrow": {"folders_allowed": "Work"},
             "policy none": {"plus_folder": "no"},
             "upstream second": {**two[1].upstream_config(),
                                 "policy": "narrow"},
             "upstream third": {**two[1].upstream_config(),
                                "policy": "none"}})
        proxy.login("one+Secret", GIVEN).quit()
        proxy.login("two+Work", GIVEN).quit()
        for user in ("two+Secret", "three+Work"):
            with proxy.pop3s() as c:
                reply, _ = attempt(c, user, GIVEN)
                assert reply.startswith(b"-ERR [SYS/PERM]"), reply
        proxy.login("three", GIVEN).quit()
    assert two[0].judge.came == [("one", GIVEN)]
    assert two[1].judge.came == [("two", GIVEN), ("three", GIVEN)]


@pytest.mark.parametrize("told, passes", [
    ({}, True), ({"user": "master"}, True),
    ({"user": "master", "pass": MAPPED}, False)])
def test_no_identity_with_a_told_password(start_proxy, two, tmp_path, told,
                                          passes):
    """SASL-10: whom a client wants to act as goes with its own password only;
    the service's may open every mailbox."""
    message = base64.b64encode(f"boss\0rose\0{GIVEN}".encode()).decode()
    with AuthService(lambda asked: ok(two[0], **told)) as service:
        proxy = start_proxy({**two[0].upstream_config(),
                             "pass_identity": "yes"},
                            settings(service, two, tmp_path))
        with proxy.pop3s() as c:
            reply = c.command(f"AUTH PLAIN {message}")
    assert reply.startswith(b"+OK" if passes else b"-ERR [AUTH]"), reply
    assert len(two[0].judge.came) == passes


def test_unknown_servers_get_nothing(start_proxy, two, tmp_path):
    """Neither by address nor by name, nor a known address at another port: no
    password leaves, least of all in clear."""
    with FakeImap(Judge()) as stranger:
        servers = iter([(LOOPBACK, stranger.port), ("third", ""),
                        ("::1", two[0].port), ("second", two[0].port)])

        def rule(asked):
            server, port = next(servers)
            return {"Auth-Status": "OK", "Auth-Server": server,
                    **({"Auth-Port": port} if port else {})}

        with AuthService(rule) as service:
            proxy = start_proxy(two[0].upstream_config(),
                                settings(service, two, tmp_path))
            for _ in range(4):
                with proxy.pop3s() as c:
                    reply, _ = attempt(c, "rose", GIVEN)
                    assert reply.startswith(b"-ERR [SYS/TEMP]"), reply
            assert len(service.seen) == 4
        assert stranger.connections == 0
    assert two[0].connections == two[1].connections == 0
    assert f"{LOOPBACK}:{stranger.port}" in proxy.log()


def test_unlisted_servers(start_proxy, tmp_path, authority):
    """unlisted_as: an address that no upstream has is reached as that one is,
    and its certificate must be as good; what is known of one server is not
    taken for another."""
    judges = [Judge() for _ in range(4)]
    pair = authority.pair("upstream")
    forged = Authority(tmp_path / "forged").pair("upstream")
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(FakeImap(
            judge, forged if judge is judges[3] else pair))
            for judge in judges]
        now = []
        service = stack.enter_context(
            AuthService(lambda asked: ok(servers[now[0]])))
        proxy = start_proxy(
            servers[0].upstream_config("implicit", authority.ca_file),
            {"auth_http": {"url": service.url, "unlisted_as": "default"}})
        for n in (1, 2, 1, 2):
            now[:] = [n]
            proxy.login("rose", GIVEN).quit()
        assert [judge.came for judge in judges] == [
            [], [("rose", GIVEN)], [("rose", GIVEN)], []]
        assert [s.connections for s in servers] == [0, 1, 1, 0]
        now[:] = [3]
        with proxy.pop3s() as c:
            reply, _ = attempt(c, "rose", GIVEN)
            assert reply.startswith(b"-ERR [SYS/PERM]"), reply
            now[:] = [2]        # another one, in the same session
            reply, _ = attempt(c, "fern", GIVEN)
            assert reply.startswith(b"+OK"), reply
            c.quit()
        assert judges[3].came == []
        # What is unlisted says nothing of what is listed.
        assert total(proxy.http("/metrics"), "popinjay_upstream_up") == 1
        now[:] = [1]
        proxy.login("moss", GIVEN).quit()
        assert f"upstream_port={servers[1].port}" in proxy.log()


def test_a_service_of_no_use(start_proxy, two, tmp_path):
    """Each is a passing trouble, is logged with what is wrong, and counted; and
    none of them counts as a wrong password."""
    def cut(asked):
        raise ConnectionError

    rules = [(lambda asked: (503, ok(two[0])), "later"),
             (cut, "later"),
             (lambda asked: {}, "garbled"),
             (lambda asked: {**ok(two[0]), "Auth-User": "x" * 300}, "garbled")]
    now = []
    with AuthService(lambda asked: now[0](asked)) as service:
        proxy = start_proxy(
            two[0].upstream_config(),
            {**settings(service, two, tmp_path),
             "limits": {"login_failures": "1"}})
        for rule, verdict in rules:
            now[:] = [rule]
            name = ("popinjay_auth_http_answers_total", ("verdict", verdict))
            before = figure(proxy, verdict)
            logged = len(proxy.log())
            with proxy.pop3s() as c:
                reply, _ = attempt(c, "rose", GIVEN)
                assert reply.startswith(b"-ERR [SYS/TEMP]"), name
            assert figure(proxy, verdict) == before + 1
            assert "auth_http" in proxy.log()[logged:]
        now[:] = [lambda asked: ok(two[0])]
        proxy.login("rose", GIVEN).quit()
        assert figure(proxy, "granted") == 1


def figure(proxy, verdict):
    return samples(proxy.http("/metrics"))[
        f'popinjay_auth_http_answers_total{{verdict="{verdict}"}}']


def test_a_silent_service(start_proxy, two, tmp_path):
    """The time is over, or the client is: nothing is left behind."""
    hold = threading.Event()

    def rule(asked):
        hold.wait(20)
        return ok(two[0])

    with AuthService(rule) as service:
        proxy = start_proxy(two[0].upstream_config(),
                            settings(service, two, tmp_path, timeout="1 s"))
        try:
            with proxy.pop3s() as c:
                reply, seconds = attempt(c, "rose", GIVEN)
                assert reply.startswith(b"-ERR [SYS/TEMP]")
                assert seconds >= 1
            with proxy.pop3s() as c:
                c.send(f"USER rose\r\nPASS {GIVEN}\r\n".encode())
                wait_until(lambda: len(service.seen) == 2, 10, "the question")
                c.abort()
            wait_until(lambda: proxy.status()["sessions"]["active"] == 0, 10,
                       "the end of the session")
        finally:
            hold.set()
    assert two[0].connections == 0


def test_no_service_there(start_proxy, two, tmp_path):
    with AuthService(lambda asked: ok(two[0])) as service:
        pass
    proxy = start_proxy(two[0].upstream_config(),
                        settings(service, two, tmp_path))
    with proxy.pop3s() as c:
        reply, _ = attempt(c, "rose", GIVEN)
        assert reply.startswith(b"-ERR [SYS/TEMP]")


def test_https(start_proxy, two, tmp_path, authority):
    """By ca_file; a service that nobody vouches for hears no password."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.pair("service"))
    with AuthService(lambda asked: ok(two[0]), context) as service:
        trusting = start_proxy(
            two[0].upstream_config(),
            settings(service, two, tmp_path, ca_file=authority.ca_file))
        trusting.login("rose", GIVEN).quit()
        assert len(service.seen) == 1
        doubting = start_proxy(two[0].upstream_config(),
                               settings(service, two, tmp_path))
        with doubting.pop3s() as c:
            reply, _ = attempt(c, "rose", GIVEN)
            assert reply.startswith(b"-ERR [SYS/TEMP]")
        assert len(service.seen) == 1
        assert "certificate" in doubting.log()


def test_wrong_passwords_count(start_proxy, two, tmp_path):
    """Before the guard, as if a server had said it; then nobody is asked."""
    with AuthService(lambda asked: NO) as service:
        proxy = start_proxy(two[0].upstream_config(),
                            {**settings(service, two, tmp_path),
                             "limits": {"login_failures": "2"}})
        for n in range(4):
            with proxy.pop3s() as c:
                attempt(c, "rose", GIVEN)
        assert len(service.seen) == 2


class Refusing(Mailbox):
    def verdict(self, verb):
        return (b"NO [AUTHENTICATIONFAILED]"
                if verb in (b"LOGIN", b"AUTHENTICATE") else b"OK")


@pytest.mark.parametrize("told, reason, words", [
    ({}, "credentials", b"wrong user name"),
    ({"pass": GIVEN}, "credentials", b"wrong user name"),
    ({"pass": MAPPED}, "secret_refused", b"mail server refuses the password")])
def test_whose_password_is_refused(start_proxy, two, tmp_path, told, reason,
                                   words):
    """One that the service has told is not the device's to mend; unless it is
    the device's own, said again."""
    with FakeImap(Refusing([])) as server, \
            AuthService(lambda asked: ok(server, **told)) as service:
        proxy = start_proxy(server.upstream_config(),
                            settings(service, two, tmp_path))
        with proxy.pop3s() as c:
            reply, _ = attempt(c, "rose", GIVEN)
        assert reply.startswith(b"-ERR [AUTH] " + words), reply
        line = next(line for line in proxy.log().splitlines()
                    if " login_refused " in line)
    assert f"reason={reason}" in line
    assert (" error login_refused " in line) == (reason == "secret_refused")


def test_many_at_once(start_proxy, two, tmp_path):
    gate = threading.Barrier(20)

    def rule(asked):
        gate.wait(60)             # all of them are asked at the same time
        return ok(two[int(asked["Auth-User"]) % 2])

    with AuthService(rule) as service:
        proxy = start_proxy(two[0].upstream_config(),
                            settings(service, two, tmp_path))
        clients = [proxy.pop3s() for _ in range(20)]
        for n, c in enumerate(clients):
            c.send(f"USER {n}\r\nPASS {GIVEN}\r\n".encode())
        for c in clients:
            assert c.line().startswith(b"+OK") and c.line().startswith(b"+OK")
            c.quit()
    assert sorted(int(user) for user, _ in two[1].judge.came) == \
        list(range(1, 20, 2))


def test_reload(start_proxy, two, tmp_path):
    """Another service from now on; and a header file that was spoilt changes
    nothing."""
    with AuthService(lambda asked: ok(two[0])) as first, \
            AuthService(lambda asked: ok(two[1])) as second:
        proxy = start_proxy(two[0].upstream_config(),
                            settings(first, two, tmp_path))
        proxy.login("rose", GIVEN).quit()
        proxy.config["auth_http"]["url"] = second.url
        reload(proxy)
        proxy.login("rose", GIVEN).quit()
        with open(proxy.config["auth_http"]["header_file"], "w",
                  encoding="ascii") as f:
            f.write("no field\n")
        proxy.config["auth_http"]["url"] = first.url
        reload(proxy, "reload_refused")
        proxy.login("rose", GIVEN).quit()
    assert [len(s.seen) for s in (first, second)] == [1, 2]
    assert "must have a line `Name: value`" in proxy.log()
