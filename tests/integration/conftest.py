"""Fixtures: a real IMAP server, popinjay before it, and fresh mailboxes.

    pytest --server dovecot --server cyrus     (default: dovecot)

Where a server is named, the tests that ask for none are left out: they would
say the same again. `-m "not proxys_own"` leaves out those, too, that could
hardly say anything else.

POPINJAY names the program under test; without it build/popinjay is taken.
"""

import importlib
import signal

import pytest

from support.certificates import Authority
from support.oauth import AuthorizationServer, OauthDovecot
from support.popinjay import SANITIZER, Popinjay, is_sanitized
from support.secrets import leaks_below

SERVERS = {
    "dovecot": ("support.dovecot", "Dovecot"),
    "cyrus": ("support.cyrus", "Cyrus"),
    "courier": ("support.courier", "Courier"),
    "mailutils": ("support.mailutils", "Mailutils"),
}


def pytest_configure():
    # A run that is told to end still stops the servers that it started.
    signal.signal(signal.SIGTERM,
                  lambda *_: pytest.exit("SIGTERM", returncode=143))


def pytest_addoption(parser):
    parser.addoption("--server", action="append", choices=SERVERS,
                     help="the IMAP server behind the proxy; may be repeated")


def pytest_generate_tests(metafunc):
    if "server" in metafunc.fixturenames:
        names = metafunc.config.getoption("server") or ["dovecot"]
        metafunc.parametrize("server", names, indirect=True, scope="session")


def pytest_collection_modifyitems(config, items):
    if not config.getoption("server"):
        return
    kept = [i for i in items if "server" in i.fixturenames]
    config.hook.pytest_deselected(
        items=[i for i in items if "server" not in i.fixturenames])
    items[:] = kept


@pytest.fixture(scope="session", autouse=True)
def nothing_leaks(tmp_path_factory):
    """No secret that a test planted stands in what the run produced: logs,
    answers of the status server, how processes were called, state. Made first,
    it ends last, when all others have stopped."""
    yield
    leaks = leaks_below(tmp_path_factory.getbasetemp())
    assert not leaks, "\n".join(leaks)


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    """The CA that signs what popinjay and fake upstreams show."""
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="session")
def server(request):
    """The IMAP server of the run, shared by all tests."""
    module, name = SERVERS[request.param]
    with getattr(importlib.import_module(module), name)() as running:
        yield running


@pytest.fixture
def user(server):
    """An account of the test's own, with an empty INBOX."""
    return server.new_user()


@pytest.fixture(scope="session")
def shared_oauth(authority):
    with AuthorizationServer(authority) as running:
        yield running


@pytest.fixture
def oauth(shared_oauth):
    """The authorization server, which behaves well at first."""
    shared_oauth.behave()
    shared_oauth.seen()
    return shared_oauth


@pytest.fixture(scope="session")
def oauth_dovecot(shared_oauth):
    """A Dovecot that lets users in by their password and by its tokens."""
    with OauthDovecot(shared_oauth) as running:
        yield running


@pytest.fixture(scope="session")
def shared_proxy(server, authority, tmp_path_factory):
    """One proxy before the server, with default policies, for all tests."""
    with Popinjay(tmp_path_factory.mktemp("shared"), authority,
                  server.upstream_config(), server.settings) as running:
        yield running


@pytest.fixture
def proxy(shared_proxy):
    """The shared proxy; a test under which it ends or misbehaves fails."""
    if not shared_proxy.running():
        shared_proxy.start()
    before = len(shared_proxy.log())
    yield shared_proxy
    log = shared_proxy.log()[before:]
    assert shared_proxy.running(), log
    assert not SANITIZER.search(log), log


@pytest.fixture
def start_proxy(tmp_path, authority):
    """start_proxy(upstream, {section: {key: value}}): one of the test's own.

    It is stopped at the end, and the test fails unless it ends well then.
    """
    started = []

    def start(upstream, settings=None):
        proxy = Popinjay(tmp_path, authority, upstream, settings)
        started.append(proxy)
        return proxy.start()

    yield start
    try:
        for proxy in started:
            proxy.stop()
    finally:
        for proxy in started:
            proxy.kill()


@pytest.fixture(scope="session")
def sanitized():
    """Whether the program under test is a sanitizer build."""
    return is_sanitized()
