"""Starting, stopping and the load in between."""

import concurrent.futures
import hashlib
import json
import signal
import subprocess
import threading
import time

import pytest

from support import mail
from support.fake_imap import FakeImap, Mailbox
from support.ports import LOOPBACK, answers, wait_until
from support.server_base import append

pytestmark = pytest.mark.proxys_own
MB = 1 << 20


# --- Stopping ---------------------------------------------------------------------

@pytest.fixture
def large(server, user):
    """An account with one message of 30 MB."""
    line = b"." * 70 + b"\r\n"
    server.deliver(user, [mail.message("large", line * (30 * MB // len(line)))])
    return user


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_drain_in_a_retr(server, start_proxy, large, number):
    """SIGTERM in the middle of a RETR: no new clients, but this one gets its
    message whole and its QUIT; then the program ends with 0."""
    (held,) = server.held(large).values()
    proxy = start_proxy(server.upstream_config(),
                        {"limits": {"drain_timeout": "60 s"}})
    with proxy.login(large, server.password(large)) as c:
        c.send(b"RETR 1\r\n")
        begun = c.line() + c.read(100_000)
        proxy.signal(number)
        wait_until(lambda: not answers(proxy.port_tls), 5, "listeners to close")
        assert proxy.running()
        body = begun.partition(b"\r\n")[2] + c.lines()
        assert body == stuffed(held)
        c.quit()
    assert proxy.wait() == 0


def stuffed(held):
    """The octets of a RETR behind its +OK line."""
    lines = mail.as_retrieved(held).split(b"\r\n")[:-1]
    return b"".join((b"." if line.startswith(b".") else b"") + line + b"\r\n"
                    for line in lines) + b".\r\n"


def test_drain_has_an_end(server, start_proxy, large):
    """drain_timeout over: a client that does not read is closed."""
    proxy = start_proxy(server.upstream_config(),
                        {"limits": {"drain_timeout": "1 s"}})
    with proxy.login(large, server.password(large)) as c:
        c.send(b"DELE 1\r\nRSET\r\nRETR 1\r\n")
        c.line()
        began = time.monotonic()
        proxy.signal(signal.SIGTERM)
        assert proxy.wait(30) == 0
        assert time.monotonic() - began > 0.9
    assert len(server.uids(large)) == 1


def test_second_signal(server, start_proxy, large):
    """A second signal ends at once what the first one lets go on."""
    proxy = start_proxy(server.upstream_config(),
                        {"limits": {"drain_timeout": "300 s"}})
    with proxy.login(large, server.password(large)) as c:
        c.ok("DELE 1")
        c.ok("RSET")
        c.send(b"RETR 1\r\n")
        c.line()
        proxy.signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            proxy.wait(1)
        proxy.signal(signal.SIGTERM)
        proxy.wait(60)
    assert len(server.uids(large)) == 1


def test_stop_with_nobody_there(server, start_proxy):
    """Without sessions the end comes at once, whatever drain_timeout says."""
    proxy = start_proxy(server.upstream_config(),
                        {"limits": {"drain_timeout": "300 s"}})
    proxy.signal(signal.SIGTERM)
    assert proxy.wait(60) == 0


def test_ready_is_logged(server, start_proxy):
    proxy = start_proxy(server.upstream_config(),
                        {"server": {"log_level": "info"}})
    # The listeners answer a moment before the line is written.
    wait_until(lambda: " ready" in proxy.log(), 5, "the line `ready`")


@pytest.mark.parametrize("form", ["text", "json"])
def test_session_lines(server, start_proxy, user, form):
    """TLS-9: a session leaves its listener, client, user, TLS version and
    figures in the log; with json each line is an object."""
    proxy = start_proxy(server.upstream_config(), {
        "server": {"log_level": "info", "log_format": form}})
    server.deliver(user, [mail.message("x", b"x\r\n")] * 2)
    with proxy.login(user, server.password(user)) as c:
        c.retr(1)
        c.ok("DELE 2")
        c.quit()
    proxy.signal(signal.SIGTERM)
    assert proxy.wait() == 0
    if form == "json":
        for line in proxy.log().splitlines():
            assert isinstance(json.loads(line), dict)
    told = "\n".join(line for line in proxy.log().splitlines()
                     if user in line)
    for word in ("pop3s", LOOPBACK, "TLSv1.3"):
        assert word in told, told


# --- Limits -------------------------------------------------------------------------

def test_login_timeout(server, start_proxy):
    """DEC-16: who never logs in is closed; a scanner's knock holds nothing."""
    proxy = start_proxy(server.upstream_config(),
                        {"limits": {"login_timeout": "1 s"}})
    with proxy.pop3s() as c:
        start = time.monotonic()
        assert c.at_end()
        assert time.monotonic() - start > 0.5
    with proxy.pop3s() as c:
        # Commands that log nobody in buy no time.
        start = time.monotonic()
        with pytest.raises((EOFError, OSError)):
            while time.monotonic() - start < 20:
                c.command("CAPA")
                c.lines()
                time.sleep(0.2)


def test_max_sessions(server, start_proxy, user):
    """MAP-12: over max_sessions: the greeting, then [SYS/TEMP] to the login;
    served again when one has left."""
    proxy = start_proxy(server.upstream_config(),
                        {"limits": {"max_sessions": "3"}})
    held = [proxy.pop3s() for _ in range(3)]
    with proxy.pop3s() as c:
        c.ok(f"USER {user}")
        assert b"[SYS/TEMP]" in c.err(f"PASS {server.password(user)}")
    for c in held:
        c.quit()
    wait_until(lambda: admitted(proxy, server, user), 5, "room again")


def admitted(proxy, server, user):
    with proxy.pop3s() as c:
        c.ok(f"USER {user}")
        if not c.command(f"PASS {server.password(user)}").startswith(b"+OK"):
            return False
        c.quit()
        return True


# --- Load ---------------------------------------------------------------------------

def test_many_sessions(server, proxy):
    """200 sessions at once, each on a mailbox of its own; each retrieves and
    deletes just its own mail. Servers that start a process of their own for
    each, slowly, get 40."""
    count = 200 if server.name == "dovecot" else 40
    users = [server.new_user() for _ in range(count)]
    bodies = {u: mail.message(f"for {u}", f"only {u}\r\n".encode() * 50)
              for u in users}
    other = mail.message("another", b"x\r\n")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda u: server.deliver(u, [bodies[u], other]), users))
    everyone = threading.Barrier(count, timeout=120)

    def session(user):
        with proxy.login(user, server.password(user), timeout=120) as c:
            everyone.wait()
            assert c.ok("STAT").split()[1] == b"2"
            assert c.retr(1) == bodies[user]
            c.ok("DELE 1")
            everyone.wait()
            c.quit()

    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        for done in [pool.submit(session, u) for u in users]:
            done.result()
    for user in users[::count // 10]:
        assert list(server.held(user).values()) == [other]


def blocks(size):
    """A message of |size| octets in pieces of 1 MB, dots among the lines."""
    head = mail.message("very large", b"")
    yield head
    lines = b"".join(b"%s line %d of many, so that it is long enough\r\n"
                     % (b"." if n % 3 == 0 else b"x", n) for n in range(20_000))
    block = lines[:MB]
    # Each block ends its last line, and begins one.
    block = block[:block.rindex(b"\r\n") + 2]
    left = size - len(head)
    while left >= len(block):
        yield block
        left -= len(block)
    yield b"z" * max(left - 2, 0) + b"\r\n"


def test_very_large_message(server, proxy, user, sanitized):
    """DEC-17, POP-15: 500 MB pass through whole, with less than 1 MB more of
    resident memory. Under a sanitizer, whose own memory grows, 60 MB pass."""
    size = (60 if sanitized else 500) * MB
    m = server.imap(user)
    append(m, sum(map(len, blocks(size))), blocks(size))
    m.logout()
    # The small one first: TLS and the session have their buffers then.
    server.deliver(user, [mail.attachment(300_000)])
    wanted, expected = hashlib.sha256(), 0
    for block in blocks(size):
        sent = (b"\r\n" + block).replace(b"\r\n.", b"\r\n..")[2:]
        wanted.update(sent)
        expected += len(sent)
    with proxy.login(user, server.password(user), timeout=120) as c:
        c.retr(2)
        before = proxy.rss_kb()
        proxy.reset_peak()
        got = hashlib.sha256()
        assert c.command("RETR 1").startswith(b"+OK")
        left = expected
        while left:
            piece = c.read_some(left)
            got.update(piece)
            left -= len(piece)
        peak = proxy.peak_rss_kb()
        assert c.read(3) == b".\r\n"
        assert got.hexdigest() == wanted.hexdigest()
        assert server_size(c, 1) == sum(map(len, blocks(size)))
        c.ok("DELE 1")
        c.quit()
    if not sanitized:
        assert peak - before < 1024, f"{peak - before} KB more"
    assert len(server.uids(user)) == 1


def server_size(c, number):
    return int(c.ok(f"LIST {number}").split()[2])


class Reader(threading.Thread):
    """Reads as fast as can be, which for a thread is as fast as a client."""

    def __init__(self, sock):
        super().__init__()
        self._sock = sock
        self.over = threading.Event()
        self.octets = 0

    def run(self):
        space = bytearray(8 << 20)
        while not self.over.is_set() and (got := self._sock.recv_into(space)):
            self.octets += got


LISTS = 2000


def test_one_client_does_not_keep_the_others_waiting(start_proxy):
    """Long lists, asked for in one go and taken as fast as they come: a worker
    still serves whoever else is there."""
    with FakeImap(Mailbox([b"x"] * 20000)) as fake:
        proxy = start_proxy(fake.upstream_config(),
                            {"server": {"workers": "1"}})
        with proxy.plain() as greedy:
            greedy.ok("USER a")
            greedy.ok("PASS b")
            greedy.ok("UIDL")
            size = len(greedy.lines())
            greedy.send(b"UIDL\r\n" * LISTS)
            reader = Reader(greedy.socket)
            reader.start()
            try:
                for _ in range(10):
                    with proxy.plain():         # is greeted
                        pass
                taken = reader.octets
            finally:
                reader.over.set()
                reader.join()
    assert taken < LISTS * size // 2
