"""An upstream that the DNS names: SRV-1 to SRV-4, with a name server of the
test's own, and containment as everywhere."""

import re
import signal
import subprocess
import time

import pytest

from support.dns import NameServer
from support.fake_imap import FakeImap, Mailbox
from support.popinjay import binary, write_config
from support.ports import wait_until

IMAPS, IMAP = "_imaps._tcp.", "_imap._tcp."


@pytest.fixture
def start(start_proxy, authority):
    """A proxy before the servers of a domain, "localhost" or another."""
    def start(dns, domain="localhost", **keys):
        return start_proxy(
            {"srv": domain, "ca_file": authority.ca_file, **keys},
            {"server": {"resolver": dns.address},
             "limits": {"upstream_reuse": "0 s"}})
    return start


def log_in(proxy, user="anna"):
    with proxy.pop3s() as c:
        c.ok(f"USER {user}")
        answer = c.command("PASS x")
        c.command("QUIT")
    return answer


def reload(proxy):
    before = len(re.findall(" (reloaded|reload_refused) ", proxy.log()))
    proxy.signal(signal.SIGHUP)
    wait_until(lambda: len(re.findall(" (reloaded|reload_refused) ",
                                      proxy.log())) > before, 15, "the reload")


def test_implicit_tls_is_preferred(start, authority):
    """SRV-1: both are there, and the one with STARTTLS is not asked."""
    with FakeImap(Mailbox([]), authority.pair("upstream")) as fake, \
            NameServer({
                IMAPS + "localhost": [(0, 1, fake.port, "localhost.")],
                IMAP + "localhost": [(0, 1, 1, "localhost")]}) as dns:
        proxy = start(dns)
        assert log_in(proxy).startswith(b"+OK")
        assert f"default=localhost:{fake.port}" in proxy.log()


def test_starttls_where_there_is_no_other(start, authority):
    """SRV-1: _imap._tcp alone, and never without STARTTLS."""
    pair = authority.pair("upstream")
    with FakeImap(Mailbox([], starttls=pair)) as fake, \
            FakeImap(Mailbox([])) as clear, \
            NameServer({IMAPS + "localhost": [(0, 0, 0, ".")],
                        IMAP + "localhost": [
                            (0, 1, fake.port, "localhost")]}) as dns:
        proxy = start(dns)
        assert log_in(proxy).startswith(b"+OK")
        dns.zone[IMAP + "localhost"] = [(0, 1, clear.port, "localhost")]
        reload(proxy)
        assert log_in(proxy).startswith(b"-ERR")
        assert not any(b"LOGIN" in line or b"AUTHENTICATE" in line
                       for line in clear.seen)


@pytest.mark.parametrize("zone, words, code", [
    ({}, "neither _imaps._tcp.localhost nor _imap._tcp", 2),
    ({IMAPS + "localhost": [(0, 0, 0, ".")]}, "has no IMAP server", 2),
    ({IMAPS + "localhost": None}, "was asked for _imaps._tcp.localhost", 1),
])
def test_no_servers(start_proxy, tmp_path, authority, zone, words,
                    code):
    """SRV-2: `.` and no records are mistakes in the configuration; a name server
    that cannot tell is none, and another start may help."""
    path = tmp_path / "proxy.conf"
    with NameServer(zone) as dns:
        write_config(path, {
            "server": {"resolver": dns.address},
            "listen a": {"address": "127.0.0.1:1", "tls": "none",
                         "allow_plaintext_login": "yes"},
            "upstream": {"srv": "localhost"}})
        done = subprocess.run([binary(), "--check", "-c", str(path)],
                              capture_output=True, text=True, timeout=30)
    assert done.returncode == code
    line = path.read_text().split("\n").index("srv = localhost") + 1
    assert f"{path}:{line}: [upstream] srv: " in done.stderr
    assert words in done.stderr


def test_a_name_server_that_is_silent(start, authority):
    """It is not waited for much longer than 4 s."""
    with FakeImap(Mailbox([]), authority.pair("upstream")) as fake, \
            NameServer({IMAPS + "localhost": [
                (0, 1, fake.port, "localhost")]}) as dns:
        proxy = start(dns)
        dns.zone[IMAPS + "localhost"] = ""
        began = time.monotonic()
        reload(proxy)
        assert 3 < time.monotonic() - began < 12
        assert "srv_kept upstream=default" in proxy.log()
        assert log_in(proxy).startswith(b"+OK")


def test_priority(start, authority):
    """SRV-2: the greater number is for when the others are away."""
    pair = authority.pair("upstream")
    with FakeImap(Mailbox([]), pair) as spare, NameServer({}) as dns:
        first = FakeImap(Mailbox([]), pair)
        dns.zone[IMAPS + "localhost"] = [
            (20, 100, spare.port, "localhost"),
            (10, 1, first.port, "localhost")]
        with first:
            proxy = start(dns)
            for n in range(8):
                assert log_in(proxy, f"user{n}").startswith(b"+OK")
            assert (first.connections, spare.connections) == (8, 0)
        assert log_in(proxy).startswith(b"+OK")
        assert spare.connections == 1


def test_zone_changes_count_from_a_reload_on(start, authority):
    """SRV-3: asked at the start and at a reload, and kept where there is no
    answer then."""
    pair = authority.pair("upstream")
    with FakeImap(Mailbox([]), pair) as old, \
            FakeImap(Mailbox([]), pair) as new, \
            NameServer({IMAPS + "localhost": [
                (0, 1, old.port, "localhost")]}) as dns:
        proxy = start(dns)
        asked = len(dns.asked)
        dns.zone[IMAPS + "localhost"] = [(0, 1, new.port, "localhost")]
        assert log_in(proxy).startswith(b"+OK")
        assert (old.connections, new.connections) == (1, 0)
        assert len(dns.asked) == asked
        dns.zone[IMAPS + "localhost"] = None
        reload(proxy)
        assert "srv_kept upstream=default" in proxy.log()
        assert log_in(proxy).startswith(b"+OK")
        assert (old.connections, new.connections) == (2, 0)
        dns.zone[IMAPS + "localhost"] = [(0, 1, new.port, "localhost")]
        reload(proxy)
        assert log_in(proxy).startswith(b"+OK")
        assert (old.connections, new.connections) == (2, 1)


@pytest.mark.parametrize("name, keys, good", [
    # The certificate is the target's own: anybody could have that.
    ("localhost", {}, False),
    # It is trusted by the configuration.
    ("localhost", {"srv_domains": "elsewhere.example, localhost"}, True),
    # It is that of the domain.
    ("mail.example", {}, True),
    # It is the one that is asked for.
    ("other.example", {"server_name": "other.example"}, True),
    ("localhost", {"server_name": "other.example"}, False),
])
def test_targets_of_another_domain(start, authority, name, keys, good):
    """SRV-4: a foreign target, and each way out."""
    pair = authority.issue(f"srv-{name}", (f"DNS:{name}",))
    with FakeImap(Mailbox([]), pair) as fake, \
            NameServer({IMAPS + "mail.example": [
                (0, 1, fake.port, "localhost")]}) as dns:
        proxy = start(dns, "mail.example", **keys)
        assert log_in(proxy).startswith(b"+OK") == good
        assert ("upstream_untrusted" in proxy.log()) != good
        assert bool(fake.seen) == good


def test_probe_asks_too(start, authority):
    with FakeImap(Mailbox([]), authority.pair("upstream")) as fake, \
            NameServer({IMAPS + "localhost": [
                (0, 1, fake.port, "localhost")]}) as dns:
        proxy = start(dns)
        done = subprocess.run([binary(), "probe", "-c", proxy.config_path],
                              capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Server localhost:{fake.port}" in done.stdout
