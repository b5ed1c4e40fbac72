"""Several upstreams: who goes to which, by which name, and what is seen of
each. The servers are two real Dovecots; of several servers of one upstream:
test_several_servers.py."""

import os
import re
import signal
import subprocess

import pytest

from support import mail
from support.dovecot import Dovecot
from support.fake_imap import FakeImap, Mailbox
from support.metrics import samples
from support.pop3client import Pop3Client
from support.popinjay import TOP, binary, write_config
from support.ports import LOOPBACK, answers, free_port, wait_until
from support.several import several, users_of
from test_http import get

PASSWORD = "a password of one of two"


@pytest.fixture(scope="module")
def servers():
    with Dovecot() as one, Dovecot() as other:
        yield one, other


def plant(server, user, subject):
    server.create_user(user, PASSWORD)
    server._passwords[user] = PASSWORD
    server.deliver(user, [mail.message(subject, b"x")])


def subject(proxy, user, connect=None):
    """Of the one message that |user| has, wherever it lies."""
    with (connect or proxy.pop3s)() as c:
        c.login(user, PASSWORD)
        text = c.retr(1)
        c.quit()
    return next(line for line in text.split(b"\r\n")
                if line.startswith(b"Subject: "))[9:].decode()


def settle(proxy, settings):
    """A reload; a section of None goes."""
    for section, keys in settings.items():
        if keys is None:
            proxy.config.pop(section)
        else:
            proxy.config.setdefault(section, {}).update(keys)
    write_config(proxy.config_path, proxy.config)
    before = proxy.log().count(" reloaded ")
    proxy.signal(signal.SIGHUP)
    wait_until(lambda: proxy.log().count(" reloaded ") > before, 10,
               "the reload")


def test_by_domain(start_proxy, servers):
    first, second = servers
    plant(first, "anna@one.example", "at the first")
    plant(first, "anna", "of no domain")
    plant(second, "anna@two.example", "at the second")
    proxy = start_proxy(first.upstream_config(), {
        "upstream two": {**second.upstream_config(),
                         "domains": "three.example, two.example"}})
    assert subject(proxy, "anna@one.example") == "at the first"
    assert subject(proxy, "anna@two.example") == "at the second"
    assert subject(proxy, "anna") == "of no domain"
    assert subject(proxy, "anna@two.example") == "at the second"
    figures = samples(proxy.http("/metrics"))
    assert figures['popinjay_upstream_logins_total{upstream="default",'
                   'result="ok"}'] == 2
    assert figures['popinjay_upstream_logins_total{upstream="two",'
                   'result="ok"}'] == 2
    assert figures['popinjay_parked_connections{upstream="two"}'] == 1
    assert figures['popinjay_upstream_reused_total{upstream="two"}'] == 1
    one, two = proxy.status()["upstreams"]
    assert (one["name"], two["name"]) == ("default", "two")
    assert two["logins_ok"] == 2 and two["parked"] == 1
    assert "upstream=two" in next(line for line in proxy.log().splitlines()
                                  if "logged_in" in line and "two.ex" in line)


def test_by_listener(start_proxy, servers):
    first, second = servers
    plant(first, "bert", "at the first")
    plant(second, "bert", "at the second")
    proxy = start_proxy(first.upstream_config(), {
        "upstream two": {**second.upstream_config(),
                         "listeners": "pop3 plain"}})
    assert subject(proxy, "bert") == "at the first"
    assert subject(proxy, "bert", proxy.plain) == "at the second"


def test_names(start_proxy, servers):
    """SRV-5, DEC-19: a name for each upstream, and no second try."""
    first, second = servers
    plant(first, "carl", "cut")
    plant(second, "carl@two.example", "added")
    proxy = start_proxy({**first.upstream_config(), "user_template": "%n",
                         "user_case": "lower"}, {
        "upstream two": {**second.upstream_config(), "domains": "b.example",
                         "user_template": "%n@two.example"}})
    assert subject(proxy, "Carl@a.example") == "cut"
    assert subject(proxy, "carl@b.example") == "added"
    with proxy.pop3s() as c:
        c.ok("USER @a.example")
        assert b"[AUTH]" in c.err(f"PASS {PASSWORD}")


def test_the_same_maildrop_is_locked_under_each_name(start_proxy, servers):
    first, _ = servers
    plant(first, "dora", "once")
    proxy = start_proxy({**first.upstream_config(), "user_template": "%n"})
    with proxy.login("dora@a.example", PASSWORD) as c:
        with proxy.pop3s() as other:
            other.ok("USER dora@b.example")
            assert b"[IN-USE]" in other.err(f"PASS {PASSWORD}")
        c.quit()


def test_reload_adds_and_removes_an_upstream(start_proxy, servers):
    first, second = servers
    plant(first, "emil@two.example", "at the first")
    plant(second, "emil@two.example", "at the second")
    proxy = start_proxy(first.upstream_config())
    assert subject(proxy, "emil@two.example") == "at the first"
    settle(proxy, {"upstream two": {**second.upstream_config(),
                                    "domains": "two.example"}})
    with proxy.login("emil@two.example", PASSWORD) as c:
        settle(proxy, {"upstream two": None})
        assert len(proxy.status()["upstreams"]) == 1
        assert b"at the second" in c.retr(1)
        c.quit()
    assert subject(proxy, "emil@two.example") == "at the first"
    settle(proxy, {"upstream two": {**second.upstream_config(),
                                    "domains": "two.example"}})
    assert subject(proxy, "emil@two.example") == "at the second"
    assert proxy.status()["upstreams"][1]["logins_ok"] == 2


def test_one_of_two_fails(start_proxy, servers):
    """Those of the other are served, /readyz says so, and each is told of."""
    first, second = servers
    plant(first, "fred", "at the first")
    gone = {**second.upstream_config(), "address": f"localhost:{free_port()}"}
    proxy = start_proxy(first.upstream_config(), {
        "upstream gone": {**gone, "domains": "two.example"},
        "status": {"probe_interval": "100 ms"}})
    wait_until(lambda: "upstream_failing upstream=gone" in proxy.log(), 10,
               "the failure")
    wait_until(lambda: get(proxy, "/readyz")[0] == 200, 10, "the first")
    assert subject(proxy, "fred") == "at the first"
    with proxy.pop3s() as c:
        c.ok("USER fred@two.example")
        assert b"[SYS/TEMP]" in c.err(f"PASS {PASSWORD}")
    figures = samples(proxy.http("/metrics"))
    assert figures["popinjay_ready"] == 1
    assert figures['popinjay_upstream_up{upstream="default"}'] == 1
    assert figures['popinjay_upstream_up{upstream="gone"}'] == 0
    assert "the upstream gone is not reached" in proxy.http("/")
    settle(proxy, {"upstream gone": second.upstream_config()})
    wait_until(lambda: "upstream_recovered upstream=gone" in proxy.log(), 10,
               "the recovery")


@pytest.mark.parametrize("key, early", [
    ("domains = two.example", False), ("listeners = pop3", True)])
def test_when_the_connection_is_made(start_proxy, key, early):
    """At USER where no name can change where it goes; else at PASS."""
    name, _, value = key.partition(" = ")
    with FakeImap(Mailbox([])) as fake, FakeImap(Mailbox([])) as other:
        proxy = start_proxy(fake.upstream_config(), {
            "upstream two": {**other.upstream_config(), name: value},
            "limits": {"upstream_reuse": "0 s"}})
        with proxy.plain() as c:
            c.ok("USER anna")
            (one, two) = proxy.status()["upstreams"]
            assert (one["open"], two["open"]) == (early, 0)
            c.ok("PASS x")
            c.quit()
        assert fake.connections == 1 and other.connections == 0


def test_each_has_its_own_budget(start_proxy):
    """The queue of one is no queue of the other."""
    with FakeImap(Mailbox([])) as fake, FakeImap(Mailbox([])) as other:
        proxy = start_proxy(
            {**fake.upstream_config(), "max_connections": "1",
             "queue_timeout": "0 s"},
            {"upstream two": {**other.upstream_config(),
                              "domains": "two.example"},
             "limits": {"upstream_reuse": "0 s"}})
        with proxy.login("a", "x"):
            with proxy.pop3s() as c:
                c.ok("USER b")
                assert b"[SYS/TEMP]" in c.err("PASS x")
            with proxy.login("b@two.example", "x") as c:
                figures = samples(proxy.http("/metrics"))
                c.quit()
    for name in "default", "two":
        assert figures["popinjay_upstream_open_connections"
                       f'{{upstream="{name}"}}'] == 1


def test_connection_refused_names_the_upstream(start_proxy):
    proxy = start_proxy({"address": f"{LOOPBACK}:{free_port()}",
                         "tls": "none"})
    with proxy.plain() as c:
        c.ok("USER a")
        assert b"[SYS/TEMP]" in c.err("PASS x")
    assert "upstream_unreachable" in proxy.log()
    assert "upstream=default upstream_address=127.0.0.1:" in proxy.log()


def test_failover_before_real_servers(start_proxy, servers):
    """Over TLS: a server that shows the certificate of somebody else, and one
    that is stopped by its pid."""
    first, _ = servers
    with Dovecot() as third:
        users = users_of([first, third], 1)
        for user in users[first] + users[third]:
            plant(first, user, "at the first")
            plant(third, user, "at the third")
        proxy = start_proxy(several(first, third),
                            {"limits": {"upstream_reuse": "0 s"}})
        # Nothing is sent to the one that is not trusted.
        (theirs,) = users[third]
        assert subject(proxy, theirs) == "at the first"
        assert "upstream_untrusted" in proxy.log()
        both = os.path.join(proxy.folder, "both.pem")
        with open(both, "w", encoding="ascii") as f:
            f.writelines(open(s.ca_file).read() for s in (first, third))
        settle(proxy, {"upstream": {"ca_file": both}})
        assert subject(proxy, theirs) == "at the third"
        assert subject(proxy, *users[first]) == "at the first"
    assert subject(proxy, theirs) == "at the first"


# --- deploy/docs/routing.md, followed ---

def guide():
    with open(os.path.join(TOP, "deploy", "docs", "routing.md"),
              encoding="utf-8") as f:
        return re.search(r"^## Guide.*?(?=^## )", f.read(), re.M | re.S)[0]


def names(server):
    """Who has logged in there, by LOGIN."""
    words = [line.split() for line in server.seen]
    return [w[2].strip(b'"').decode() for w in words if w[1] == b"LOGIN"]


def test_the_guide_several_domains(tmp_path, authority):
    """Its configuration before stand-ins, its commands, and who is where."""
    pair = authority.pair("upstream")
    with FakeImap(Mailbox([]), pair) as alpha, \
            FakeImap(Mailbox([]), pair) as beta1, \
            FakeImap(Mailbox([]), pair) as beta2:
        text = re.search(r"^```ini\n(.*?)^```$", guide(), re.M | re.S)[1]
        status = f"{LOOPBACK}:{free_port()}"
        door = free_port()
        for there, here in (
                ("user = popinjay\n", ""), ("[::]:995", f"{LOOPBACK}:{door}"),
                ("127.0.0.1:8110", status),
                ("/etc/popinjay/tls/fullchain.pem",
                 authority.pair("proxy")[0]),
                ("/etc/popinjay/tls/privkey.pem", authority.pair("proxy")[1]),
                ("imap.provider.example:993", f"{LOOPBACK}:{alpha.port}"),
                ("imap1.beta.example:993", f"{LOOPBACK}:{beta1.port}"),
                ("imap2.beta.example:993", f"{LOOPBACK}:{beta2.port}"),
                ("domains =", f"ca_file = {authority.ca_file}\ndomains =")):
            assert there in text
            text = text.replace(there, here)
        path = tmp_path / "proxy.conf"
        path.write_text(text, "utf-8")
        commands = re.findall(r"^ +popinjay (.*)$", guide(), re.M)
        assert len(commands) == 3
        for command in commands:
            words = command.replace("/etc/popinjay/proxy.conf", str(path))
            done = subprocess.run([binary(), *words.split()], input="secret\n",
                                  capture_output=True, text=True, timeout=30)
            assert done.returncode == 0, done.stdout + done.stderr
        assert names(alpha) == ["anna@alpha.example"]
        assert names(beta1) == names(beta2) == ["bert"]
        with subprocess.Popen([binary(), "-c", str(path)],
                              stderr=subprocess.DEVNULL) as running:
            try:
                wait_until(lambda: answers(door), 20, "popinjay")
                for user in ("anna@alpha.example", "Bert@beta.example",
                             "bert@old-beta.example", "carl"):
                    with Pop3Client(door, authority.ca_file, tls=True) as c:
                        c.login(user, "secret")
                        c.quit()
            finally:
                running.terminate()
        assert names(alpha) == ["anna@alpha.example"] * 2 + ["carl"]
        # One login at one of the two, and the connection that rested after it.
        assert sorted(names(beta1) + names(beta2)) == ["bert"] * 3
