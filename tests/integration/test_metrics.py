"""What /metrics counts, before a real server, and what promtool says of it."""

import os
import re
import signal
import subprocess

import pytest

from support import mail
from support.fake_imap import FakeImap, Mailbox
from support.metrics import families, samples
from support.popinjay import Popinjay, write_config
from support.ports import wait_until

BODY = mail.message("x", b"hello\r\n")
STAGES = ("connect", "tls", "greeting", "login", "select", "listing",
          "first_octet", "removal")


@pytest.fixture(scope="module")
def watched(server, authority, tmp_path_factory):
    """A proxy whose figures nobody else moves."""
    with Popinjay(tmp_path_factory.mktemp("watched"), authority,
                  server.upstream_config(), server.settings) as running:
        yield running


def figures(proxy):
    return samples(proxy.http("/metrics"))


class Rise:
    """rise(series): by how much it rose since."""

    def __init__(self, proxy):
        self._proxy = proxy
        self._before = figures(proxy)

    def __call__(self, series):
        return figures(self._proxy)[series] - self._before[series]

    def comes_to(self, series, by):
        wait_until(lambda: self(series) == by, 5, f"{series} to rise by {by}")


def test_promtool(watched):
    """MET-1 to MET-7, as Prometheus's own tool sees them."""
    done = subprocess.run(["promtool", "check", "metrics"],
                          input=watched.http("/metrics"), text=True,
                          capture_output=True, timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""


def test_promtool_is_not_blind():
    done = subprocess.run(["promtool", "check", "metrics"],
                          input="# HELP a b\n# TYPE a counter\na 1\n",
                          text=True, capture_output=True, timeout=30)
    assert done.returncode != 0


def test_commands(server, watched, user):
    """By verb and result, each once, when its answer is out."""
    server.deliver(user, [BODY])
    rise = Rise(watched)

    def counted(verb, result):
        return rise(f'popinjay_commands_total{{command="{verb}",'
                    f'result="{result}"}}')

    with watched.pop3s() as c:
        c.ok(f"USER {user}")
        c.err("PASS wrong")
        assert counted("PASS", "err") == 1
        c.login(user, server.password(user))
        assert counted("USER", "ok") == 2
        assert counted("PASS", "ok") == 1
        c.retr(1)
        c.err("RETR 9")
        c.err("FROB")
        c.err("AUTH NONESUCH")
        c.multi("UIDL")
        c.ok("DELE 1")
        c.quit()
    assert {(v, r): counted(v, r)
            for v in ("RETR", "UNKNOWN", "AUTH", "UIDL", "DELE", "QUIT")
            for r in ("ok", "err")} == {
        ("RETR", "ok"): 1, ("RETR", "err"): 1,
        ("UNKNOWN", "ok"): 0, ("UNKNOWN", "err"): 1,
        ("AUTH", "ok"): 0, ("AUTH", "err"): 1,
        ("UIDL", "ok"): 1, ("UIDL", "err"): 0,
        ("DELE", "ok"): 1, ("DELE", "err"): 0,
        ("QUIT", "ok"): 1, ("QUIT", "err"): 0}


def test_sasl_is_one_command(server, watched, user):
    import base64
    rise = Rise(watched)
    plain = base64.b64encode(
        f"\0{user}\0{server.password(user)}".encode()).decode()
    with watched.pop3s() as c:
        c.send(b"AUTH PLAIN\r\n")
        assert c.line().startswith(b"+ ")
        c.ok(plain)
        c.quit()
    assert rise('popinjay_commands_total{command="AUTH",result="ok"}') == 1
    assert rise('popinjay_commands_total{command="AUTH",result="err"}') == 0


def test_stages(server, start_proxy, user):
    """Each stage of a session is timed once."""
    server.deliver(user, [BODY])
    proxy = start_proxy(server.upstream_config(),
                        {"limits": {"upstream_reuse": "0 s"}})
    rise = Rise(proxy)
    with proxy.login(user, server.password(user)) as c:
        c.retr(1)
        c.ok("DELE 1")
        c.quit()
    for stage in STAGES:
        assert rise("popinjay_upstream_duration_seconds_count"
                    f'{{upstream="default",stage="{stage}"}}') == 1, stage
    assert rise('popinjay_login_duration_seconds_count'
                '{upstream="default"}') == 1
    assert rise('popinjay_login_duration_seconds_sum'
                '{upstream="default"}') < 20


def timed(proxy):
    """{upstream: logins that were timed}, of /metrics; of /status the same,
    and of all together."""
    logins = {match[1]: int(value) for series, value in figures(proxy).items()
              if (match := re.fullmatch(r"popinjay_login_duration_seconds_count"
                                        r'\{upstream="(\w+)"\}', series))}
    page = proxy.status()
    assert logins == {u["name"]: u["latency_ms"]["client_login"]["count"]
                      for u in page["upstreams"]}
    return logins, page["latency_ms"]["client_login"]["count"]


def reload(proxy, renamed):
    proxy.config = {renamed.get(section, section): keys
                    for section, keys in proxy.config.items()}
    write_config(proxy.config_path, proxy.config)
    before = proxy.log().count(" reloaded ")
    proxy.signal(signal.SIGHUP)
    wait_until(lambda: proxy.log().count(" reloaded ") > before, 10,
               "the reload")


def test_times_by_upstream(start_proxy):
    """Each has its own, by its name: one that comes anew begins at nothing, one
    that goes is no longer shown, one that comes back goes on where it was; and
    of all together nothing is ever lost."""
    with FakeImap(Mailbox([b"x"])) as one, FakeImap(Mailbox([b"x"])) as two:
        proxy = start_proxy(one.upstream_config(), {
            "upstream two": {**two.upstream_config(), "domains": "two.example"}})

        def log_in(*users):
            for user in users:
                with proxy.login(user, "p") as c:
                    c.quit()

        log_in("a", "a@two.example", "b@two.example")
        assert timed(proxy) == ({"default": 1, "two": 2}, 3)
        reload(proxy, {"upstream two": "upstream three"})
        log_in("a@two.example")
        assert timed(proxy) == ({"default": 1, "three": 1}, 4)
        reload(proxy, {"upstream three": "upstream two"})
        log_in("a@two.example")
        assert timed(proxy) == ({"default": 1, "two": 3}, 5)


def test_octets(server, watched, user):
    """Both sides, both ways, without TLS's own."""
    server.deliver(user, [BODY * 200])
    rise = Rise(watched)
    with watched.login(user, server.password(user)) as c:
        message = c.retr(1)
        c.quit()
    size = len(message)
    assert rise("popinjay_retrieved_bytes_total") == size
    for series in ('popinjay_sent_bytes_total{side="client"}',
                   'popinjay_received_bytes_total{side="upstream"}'):
        assert size < rise(series) < size + 3000, series
    for series in ('popinjay_received_bytes_total{side="client"}',
                   'popinjay_sent_bytes_total{side="upstream"}'):
        assert 10 < rise(series) < 3000, series


def test_by_listener_and_version(server, watched, user):
    rise = Rise(watched)
    with watched.plain() as c:
        assert rise('popinjay_sessions_total{listener="plain"}') == 1
        assert rise('popinjay_sessions_total{listener="pop3s"}') == 0
        assert rise('popinjay_active_sessions{listener="plain",'
                    'state="authorization"}') == 1
        c.quit()
    with watched.login(user, server.password(user)) as c:
        c.quit()
    assert rise('popinjay_client_tls_versions_total{version="1.3"}') == 1
    assert rise('popinjay_client_tls_versions_total{version="1.2"}') == 0


def test_read_ahead(server, start_proxy, user):
    """What was fetched before it was asked for."""
    server.deliver(user, [BODY] * 20)
    proxy = start_proxy(server.upstream_config(),
                        {"limits": {"readahead": "1 MB"}})
    with proxy.login(user, server.password(user)) as c:
        for n in range(1, 21):
            c.retr(n)
        c.quit()
    found = figures(proxy)
    assert found['popinjay_readahead_messages_total{result="used"}'] > 10
    assert found["popinjay_readahead_bytes"] == 0


def test_limits(server, start_proxy, user):
    """A login refused because of max_sessions is a limit that was hit."""
    proxy = start_proxy(server.upstream_config(),
                        {"limits": {"max_sessions": "1"}})
    with proxy.login(user, server.password(user)) as first:
        with proxy.pop3s() as second:
            second.ok(f"USER {user}")
            second.err(f"PASS {server.password(user)}")
        first.quit()
    assert figures(proxy)['popinjay_limit_hits_total{limit="sessions"}'] == 1


def test_process(watched):
    """As the kernel says."""
    found = figures(watched)
    assert abs(found["process_resident_memory_bytes"] / 1024 -
               watched.rss_kb()) < 4096
    assert found["process_open_fds"] > 5
    assert abs(watched.cpu_seconds() - found["process_cpu_seconds_total"]) < 1
    assert families(watched.http("/metrics"))["process_cpu_seconds_total"] == \
        "counter"


def test_process_that_became_somebody(server, start_proxy):
    """Whoever gave up being root still knows what it costs."""
    user = "nobody" if os.geteuid() == 0 else None
    proxy = start_proxy(server.upstream_config(), {"server": {"user": user}})
    found = figures(proxy)
    assert found["process_open_fds"] > 5
    assert found["process_resident_memory_bytes"] > 1_000_000
