"""When the certificates of the upstreams' servers expire, wherever that is
told; held against what openssl says of them."""

import re
import subprocess

import pytest

from support.fake_imap import FakeImap, Mailbox
from support.metrics import samples
from support.popinjay import binary
from support.ports import LOOPBACK, free_port, wait_until

NAMES = ("DNS:localhost", "IP:127.0.0.1")
METRIC = "popinjay_upstream_certificate_expiry_timestamp_seconds"


def end_of(pair):
    """Unix time."""
    said = subprocess.run(["openssl", "x509", "-enddate", "-noout", "-in",
                           pair[0]], capture_output=True, text=True,
                          check=True, timeout=20).stdout
    return int(subprocess.run(["date", "-d", said.partition("=")[2].strip(),
                               "+%s"], capture_output=True, text=True,
                              check=True, timeout=20).stdout)


def told(proxy):
    """{(upstream, address): end}, the same by /metrics and by /status."""
    metrics = {}
    for series, value in samples(proxy.http("/metrics")).items():
        if series.startswith(METRIC):
            metrics[tuple(re.findall(r'"([^"]*)"', series))] = int(value)
    status = {(u["name"], s["address"]): s["certificate_expires"]
              for u in proxy.status()["upstreams"] for s in u["servers"]}
    assert metrics == {key: end for key, end in status.items() if end}
    return status


def upstream(authority, *ports, tls="implicit"):
    return {"address": [f"{LOOPBACK}:{port}" for port in ports], "tls": tls,
            "ca_file": authority.ca_file}


def visit(proxy, user="a"):
    with proxy.login(user, "p") as c:
        c.quit()


@pytest.fixture
def pairs(authority):
    return (authority.issue("expiring", NAMES, days=9),
            authority.issue("renewed", NAMES, days=29))


def test_sessions_see_it(start_proxy, authority, pairs):
    """Of the server that was there, and none of the one that nobody went to,
    or that speaks no TLS; a renewed one takes its place."""
    with FakeImap(Mailbox([]), pair=pairs[0]) as fake, \
            FakeImap(Mailbox([])) as clear:
        unused = free_port()
        proxy = start_proxy(upstream(authority, fake.port), {
            "limits": {"upstream_reuse": "0 s"},
            "upstream two": {**clear.upstream_config(),
                             "domains": "two.example"},
            "upstream three": {**upstream(authority, unused),
                               "domains": "three.example"}})
        places = [("default", f"{LOOPBACK}:{fake.port}"),
                  ("two", f"{LOOPBACK}:{clear.port}"),
                  ("three", f"{LOOPBACK}:{unused}")]
        assert told(proxy) == dict.fromkeys(places)
        visit(proxy)
        visit(proxy, "a@two.example")
        assert told(proxy) == {places[0]: end_of(pairs[0]), places[1]: None,
                               places[2]: None}
        # The ninth day ends while this runs.
        assert re.search(f"the certificate of the server {places[0][1]} of the "
                         "upstream default expires in [89] days",
                         proxy.http("/"))
        shown = subprocess.run(
            [binary(), "status", "-c", proxy.config_path],
            capture_output=True, text=True, timeout=20).stdout
        assert re.search(rf"{places[0][1]} \(default\): ends in [89] days",
                         shown)
        fake._pair = pairs[1]
        visit(proxy)
        assert told(proxy)[places[0]] == end_of(pairs[1])
        assert "whoever runs it has to renew it" not in proxy.http("/")


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_probes_see_it(start_proxy, authority, pairs, tls):
    """Before anybody has logged in."""
    script = Mailbox([], starttls=pairs[1] if tls == "starttls" else None)
    with FakeImap(script, pair=pairs[1] if tls == "implicit" else None) as fake:
        proxy = start_proxy(upstream(authority, fake.port, tls=tls),
                            {"status": {"probe_interval": "1 s"}})
        wait_until(lambda: proxy.status()["state"] == "serving", 20,
                   "the probe")
        assert set(told(proxy).values()) == {end_of(pairs[1])}
