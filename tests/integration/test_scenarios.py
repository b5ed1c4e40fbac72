"""Each quirk of a provider, each rule about upstream servers: one scenario
file each, see tests/upstream/README.md.

The rows that a scenario shows stand at the head of its file.
"""

import pathlib

import pytest

from support.certificates import Authority
from support.popinjay import Popinjay
from upstream import scenario
from upstream.server import Account, ScriptedServer
from upstream.transcript import Checks, Transcript

FOLDER = pathlib.Path(__file__).parent.parent / "upstream" / "scenarios"
FILES = sorted(FOLDER.rglob("*.scn"))

# Scenarios in which the upstream falls silent must not last long; what pauses
# is shorter than that, and longer in all; the others have all the time, also
# on a machine that is slow.
SILENT, PAUSING, USUAL = "2 s", "3400 ms", "60 s"


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("scenario-ca"))


@pytest.fixture(scope="module")
def upstream_certificate(ca):
    return ca.issue("scripted")


def start_server(scn, certificate):
    server = ScriptedServer(scn.script, scn.tls, certificate)
    server.accounts[scn.user] = Account(scn.password, scn.mailbox)
    return server.start()


def upstream_keys(server, ca):
    keys = {"address": f"127.0.0.1:{server.port}", "tls": server.tls}
    if server.tls != "none":
        keys.update(ca_file=ca.ca_file, server_name="localhost")
    return keys


def upstream_timeout(path):
    text = path.read_text("utf-8")
    return SILENT if "\n  silence\n" in text else \
        PAUSING if "\n  wait 1.2\n" in text else USUAL


@pytest.mark.parametrize("path", FILES,
                         ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_scenario(path, ca, upstream_certificate, tmp_path):
    scn = scenario.read(path)
    # A connection is one session's, unless the scenario is about that.
    settings = {"limits": {"upstream_timeout": upstream_timeout(path),
                           "upstream_reuse": "0"},
                "server": {"workers": "1"}}
    if scn.by_token:
        settings["listen pop3s"] = {"token_login": "yes"}
    for section, keys in scn.config.items():
        settings.setdefault(section, {}).update(keys)
    certificate = None if scn.tls == "none" else upstream_certificate
    server = start_server(scn, certificate)
    proxy = Popinjay(tmp_path, ca, upstream_keys(server, ca), settings)
    try:
        proxy.start()
        connect = proxy.pop3s if scn.by_token else proxy.plain
        Transcript(scn, server, lambda: connect(timeout=15)).run()
        server.wait_idle(
            resting=lambda: proxy.status()["parked_connections"])
        Checks(scn, server, proxy).run()
        proxy.stop()
    finally:
        proxy.kill()
        server.stop()
