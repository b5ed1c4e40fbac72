"""Rows HTTP-1 to HTTP-16 and what of MET is seen from outside, octet by octet
over real sockets; test_status.py has the plain cases and the figures."""

import concurrent.futures
import html.parser
import re
import socket
import struct
import subprocess
import time

import pytest

from support.fake_imap import FakeImap, Mailbox
from support.popinjay import Popinjay, binary
from support.ports import LOOPBACK, free_port, wait_until

HEAD_SECONDS = 10        # include/base/limits.h, HTTP_HEAD_TIMEOUT_MS
IDLE_SECONDS = 15        # HTTP_IDLE_TIMEOUT_MS
REQUESTS_MAX = 100       # HTTP_REQUESTS_MAX
CONNECTIONS_MAX = 64     # HTTP_CONNECTIONS_MAX

GET = b"GET /healthz HTTP/1.1\r\nHost: a\r\n"
NEXT = GET + b"\r\n"


@pytest.fixture(scope="module")
def web(authority, tmp_path_factory):
    """A proxy whose upstream is not there: HTTP does not need it."""
    with Popinjay(tmp_path_factory.mktemp("web"), authority,
                  {"address": f"{LOOPBACK}:{free_port()}",
                   "tls": "none"}) as running:
        yield running


def dial(proxy, timeout=10):
    return socket.create_connection((LOOPBACK, proxy.port_status), timeout)


def to_the_end(sock):
    """All octets until the other side closes; a reset is an error."""
    parts = []
    while part := sock.recv(65536):
        parts.append(part)
    return b"".join(parts)


def exchange(proxy, octets):
    """What comes back for |octets| on a connection of its own; the proxy has
    to close it."""
    with dial(proxy) as sock:
        sock.sendall(octets)
        return to_the_end(sock)


def replies(octets):
    """[(code, {field: value}, body)] of a stream of replies to GET."""
    found = []
    while octets:
        head, mark, rest = octets.partition(b"\r\n\r\n")
        assert mark, octets
        line, *rows = head.decode("ascii").split("\r\n")
        code = re.fullmatch(r"HTTP/1\.1 (\d{3}) [A-Za-z ]+", line)
        assert code, line
        fields = {}
        for row in rows:
            name, value = re.fullmatch(r"([A-Za-z-]+): (.*\S)", row).groups()
            assert name.lower() not in fields, row
            fields[name.lower()] = value
        size = int(fields["content-length"])
        assert len(rest) >= size, "a reply was cut short"
        found.append((int(code[1]), fields, rest[:size]))
        octets = rest[size:]
    return found


def ask(proxy, octets):
    """The replies to |octets|, after which the proxy closes."""
    return replies(exchange(proxy, octets))


def get(proxy, path):
    (reply,) = ask(proxy, b"GET %s HTTP/1.1\r\nHost: a\r\n"
                   b"Connection: close\r\n\r\n" % path.encode())
    return reply


def drip(proxy, octets):
    """The same as exchange, one octet a segment."""
    with dial(proxy) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for n in range(len(octets)):
            try:
                sock.sendall(octets[n:n + 1])
            except (BrokenPipeError, ConnectionResetError):
                break
        return to_the_end(sock)


# --- Requests -----------------------------------------------------------------

@pytest.mark.parametrize("path", ["/", "/status", "/metrics", "/healthz",
                                  "/readyz", "/nowhere"])
def test_head_is_the_head_of_get(web, path):
    """HTTP-2: the same octets but for the body, and the reply behind it is in
    step; the time may pass between the two."""
    def once():
        request = f"{{}} {path} HTTP/1.1\r\nHost: a\r\n"
        got = exchange(web, (request.format("GET") +
                             "Connection: close\r\n\r\n").encode())
        head = exchange(web, (request.format("HEAD") +
                              "Connection: close\r\n\r\n").encode())
        return got.partition(b"\r\n\r\n")[0] == head[:-4] and \
            head.endswith(b"\r\n\r\n")

    wait_until(once, 5, "GET and HEAD within one second")
    stream = exchange(web, f"HEAD {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
                      + GET + b"Connection: close\r\n\r\n")
    head, _, rest = stream.partition(b"\r\n\r\n")
    assert re.match(rb"HTTP/1\.1 \d{3} ", head)
    ((code, _, body),) = replies(rest)
    assert (code, body) == (200, b"ok\n")


@pytest.mark.parametrize("request_line", [
    b"POST /status", b"PUT /x", b"DELETE /", b"OPTIONS *", b"OPTIONS /",
    b"TRACE /", b"PATCH /", b"CONNECT a:443"])
def test_refused_methods(web, request_line):
    """HTTP-3: 405 with Allow; behind CONNECT anything may follow, so the
    connection ends there."""
    found = ask(web, request_line + b" HTTP/1.1\r\nHost: a\r\n\r\n" + GET +
                b"Connection: close\r\n\r\n")
    assert found[0][0] == 405
    assert found[0][1]["allow"] == "GET, HEAD"
    if request_line.startswith(b"CONNECT"):
        assert found[0][1]["connection"] == "close"
        assert len(found) == 1
    else:
        assert [code for code, _, _ in found] == [405, 200]


BAD = [
    # HTTP-1, HTTP-4
    (501, b"get / HTTP/1.1\r\nHost: a\r\n\r\n"),
    (501, b"BREW / HTTP/1.1\r\nHost: a\r\n\r\n"),
    (501, b"PROPFIND / HTTP/1.1\r\nHost: a\r\n\r\n"),
    # HTTP-5
    (400, b"GET / HTTP/1.1\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\nHost:\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
    (400, b"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"),
    # HTTP-6
    (400, b"GET http:///healthz HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, b"GET http://h/healthz HTTP/1.1\r\n\r\n"),
    # HTTP-7, HTTP-8
    (414, b"GET /" + b"x" * (8192 - 15) + b" HTTP/1.1\r\nHost: a\r\n\r\n"),
    (414, b"x" * 9000),
    (431, b"GET / HTTP/1.1\r\nHost: a\r\n" + b"x: y\r\n" * 64 + b"\r\n"),
    (431, b"GET / HTTP/1.1\r\nHost: a\r\nx: " + b"y" * 16384),
    # HTTP-9, HTTP-10
    (400, b"GET / HTTP/1.1\r\nHost : a\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\nHost\t: a\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\nHost: a\r\nx: y\r\n z\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\nHost: a\r\nx: y\r\n\tz\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\n \r\nHost: a\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\nHost: a\r\nx: y\rz\r\n\r\n"),
    (400, b"GET / HTTP/1.1\rHost: a\r\n\r\n"),
    (400, b"GET / HTTP/1.1\nHost: a\n\n"),
    (400, b"GET / HTTP/1.1\r\nHost: a\r\nx: \0\r\n\r\n"),
    # HTTP-11
    (400, GET + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
    (400, GET + b"Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n"),
    (400, GET + b"Transfer-Encoding: chunked, gzip\r\n\r\n"),
    (400, GET + b"Transfer-Encoding: gzip\r\n\r\n"),
    (400, GET + b"Transfer-Encoding: chunked\r\n"
     b"Transfer-Encoding: chunked\r\n\r\n"),
    (400, GET + b"Transfer-Encoding:\r\n\r\n"),
    (400, GET + b"Transfer-Encoding: \x0bchunked\r\n\r\n"),
    (400, b"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    # HTTP-12
    (400, GET + b"Content-Length: +5\r\n\r\n"),
    (400, GET + b"Content-Length: -0\r\n\r\n"),
    (400, GET + b"Content-Length: 5, 6\r\n\r\n"),
    (400, GET + b"Content-Length: 5,5\r\n\r\n"),
    (400, GET + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\n"),
    (400, GET + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n"),
    (400, GET + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n"),
    (400, GET + b"Content-Length: 18446744073709551616\r\n\r\n"),
    (400, GET + b"Content-Length:\r\n\r\n"),
    # HTTP-15
    (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 500),
    (400, b"garbage\r\n\r\n"),
    (400, b"GET /\r\n"),
    (400, b"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, b" GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    (505, b"GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
    (505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
]


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "dripped"])
@pytest.mark.parametrize("code, octets", BAD,
                         ids=lambda v: repr(v)[2:40] if isinstance(v, bytes)
                         else None)
def test_refused(web, code, octets, whole):
    """HTTP-1, HTTP-4 to HTTP-12, HTTP-15: one answer, then the end, with
    whatever is hidden behind it never answered."""
    stream = exchange(web, octets + NEXT) if whole else drip(web, octets)
    ((found, fields, body),) = replies(stream)
    assert found == code
    assert fields["connection"] == "close"
    assert body.startswith(b"%d " % code)
    assert "date" in fields and "content-type" in fields


def test_long_but_allowed(web):
    """HTTP-7, HTTP-8: at the limits it still works."""
    end = b"Connection: close\r\n\r\n"
    path = b"/healthz?" + b"x" * (8192 - len("GET /healthz? HTTP/1.1\r\n"))
    assert ask(web, b"GET %s HTTP/1.1\r\nHost: a\r\n" % path + end)[0][0] == 200
    assert ask(web, GET + b"x: y\r\n" * 62 + end)[0][0] == 200
    pad = 16384 - len(GET + b"x: \r\n" + end)
    assert ask(web, GET + b"x: " + b"y" * pad + b"\r\n" + end)[0][0] == 200


def test_absolute_form(web):
    """HTTP-6: its authority stands for the Host, its path is taken."""
    for target in (b"http://h/healthz", b"HTTP://[::1]:80/healthz?x",
                   b"http://other.example:8110/healthz"):
        ((code, _, body),) = ask(
            web, b"GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
            % target)
        assert (code, body) == (200, b"ok\n")


def test_bodies(web):
    """HTTP-13: a body is never taken for a request, of either kind."""
    for body in (b"Content-Length: %d\r\n\r\n" % len(NEXT) + NEXT,
                 b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(NEXT) +
                 NEXT + b"\r\n0\r\n\r\n"):
        ((code, fields, _),) = ask(web, GET + body + NEXT)
        assert code == 200
        assert fields["connection"] == "close"
    found = ask(web, GET + b"Content-Length: 0\r\n\r\n" + GET +
                b"Connection: close\r\n\r\n")
    assert [code for code, _, _ in found] == [200, 200]


# --- Connections --------------------------------------------------------------

def test_persistence(web):
    """HTTP-14: 1.1 stays by default, 1.0 on request; close wins."""
    keep = b"GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
    close = b"GET /healthz HTTP/1.0\r\n\r\n"
    found = ask(web, keep + keep + close + keep)
    assert [f["connection"] for _, f, _ in found] == \
        ["keep-alive", "keep-alive", "close"]
    found = ask(web, NEXT + GET + b"Connection: x, Close\r\n\r\n" + NEXT)
    assert [f["connection"] for _, f, _ in found] == ["keep-alive", "close"]
    found = ask(web, b"GET /healthz HTTP/1.0\r\nConnection: close\r\n"
                b"Connection: keep-alive\r\n\r\n" + NEXT)
    assert [f["connection"] for _, f, _ in found] == ["close"]


def test_requests_on_a_connection(web):
    """HTTP-14: the hundredth answer says close, and is the last."""
    found = ask(web, NEXT * (REQUESTS_MAX + 20))
    assert len(found) == REQUESTS_MAX
    assert {f["connection"] for _, f, _ in found[:-1]} == {"keep-alive"}
    assert found[-1][1]["connection"] == "close"


def test_pipelined_to_one_who_does_not_read(web):
    """HTTP-14: a client that reads nothing holds nobody up, and gets all
    answers in order once it does."""
    paths = [b"/metrics", b"/status", b"/", b"/healthz"] * (REQUESTS_MAX // 4)
    with dial(web) as sock:
        for path in paths:
            sock.sendall(b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % path)
        assert get(web, "/healthz")[0] == 200
        found = replies(to_the_end(sock))
    types = {b"/metrics": "text/plain; version=0.0.4; charset=utf-8",
             b"/status": "application/json", b"/": "text/html; charset=utf-8",
             b"/healthz": "text/plain; charset=utf-8"}
    assert [f["content-type"] for _, f, _ in found] == \
        [types[path] for path in paths]


def silence(proxy, octets):
    """(seconds until the proxy closed, what it said before)"""
    start = time.monotonic()
    with dial(proxy, timeout=IDLE_SECONDS + 10) as sock:
        sock.sendall(octets)
        said = to_the_end(sock)
    return time.monotonic() - start, said


def trickle(proxy, octets):
    """The same for one that sends an octet a second."""
    start = time.monotonic()
    with dial(proxy, timeout=1) as sock:
        for n in range(len(octets)):
            sock.sendall(octets[n:n + 1])
            try:
                said = to_the_end(sock)
                break
            except TimeoutError:
                continue
    return time.monotonic() - start, said


def test_time_limits(web):
    """HTTP-14: 15 s for the next request to begin, and 10 s from its first
    octet to the end of its head, however it comes."""
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        idle = pool.submit(silence, web, b"")
        after_one = pool.submit(silence, web, NEXT)
        half = pool.submit(silence, web, GET)
        slow = pool.submit(trickle, web, GET + b"x: y\r\n" * 9)
        seconds, said = idle.result()
        assert IDLE_SECONDS - 1 < seconds < IDLE_SECONDS + 9
        assert said == b""
        seconds, said = after_one.result()
        assert IDLE_SECONDS - 1 < seconds < IDLE_SECONDS + 9
        assert [code for code, _, _ in replies(said)] == [200]
        for job in (half, slow):
            seconds, said = job.result()
            assert HEAD_SECONDS - 1 < seconds < IDLE_SECONDS - 0.5
            ((code, fields, _),) = replies(said)
            assert code == 408
            assert fields["connection"] == "close"


def test_last_answer_is_not_lost(web):
    """HTTP-16: the answer is readable though much was sent behind it that
    nobody reads: no reset takes it away."""
    rest = b"x" * 200_000
    for octets in (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000"
                   b"\r\n\r\n", b"garbage\r\n\r\n"):
        with dial(web) as sock:
            sock.sendall(octets + rest)
            time.sleep(0.2)
            ((code, _, _),) = replies(to_the_end(sock))
        assert code == (405 if octets.startswith(b"POST") else 400)


def test_more_connections_than_allowed(web):
    """The one too many waits until another has gone, and mail does not."""
    held = [dial(web) for _ in range(CONNECTIONS_MAX)]
    try:
        for sock in held:
            sock.sendall(NEXT)
            assert sock.recv(4096)
        with dial(web) as late:
            late.sendall(GET + b"Connection: close\r\n\r\n")
            late.settimeout(0.5)
            with pytest.raises(TimeoutError):
                late.recv(1)
            with web.pop3s() as c:
                c.send(b"QUIT\r\n")
                assert c.line().startswith(b"+OK")
            held.pop().close()
            late.settimeout(10)
            assert replies(to_the_end(late))[0][0] == 200
    finally:
        for sock in held:
            sock.close()


def test_peers_that_vanish(web):
    """A reset at every octet of a request, before and behind its answer."""
    for n in range(len(NEXT) + 1):
        sock = dial(web)
        sock.sendall(NEXT[:n])
        if n % 2:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                            struct.pack("ii", 1, 0))
        sock.close()
    assert get(web, "/healthz")[0] == 200


# --- Pages --------------------------------------------------------------------

class Page(html.parser.HTMLParser):
    """The tags of a page, which have to be nested well."""

    VOID = {"meta", "br", "link", "img"}

    def __init__(self, text):
        super().__init__()
        self.tags, self._open = [], []
        self.feed(text)
        self.close()
        assert not self._open, self._open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag


def test_page_for_people(web):
    """A page that loads nothing and runs nothing, and says so."""
    code, fields, body = get(web, "/")
    assert code == 200
    assert fields["content-type"] == "text/html; charset=utf-8"
    policy = fields["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert fields["x-content-type-options"] == "nosniff"
    assert fields["cache-control"] == "no-store"
    page = Page(body.decode())
    names = {tag for tag, _ in page.tags}
    assert {"table", "style", "title"} <= names
    assert not names & {"script", "img", "link", "iframe", "form"}
    links = {attrs["href"] for tag, attrs in page.tags if tag == "a"}
    assert {get(web, path)[0] for path in links} == {200}


def test_version_is_told(web):
    """MET-6: popinjay_build_info and /status agree with --version."""
    said = subprocess.run([binary(), "--version"], capture_output=True,
                          text=True, timeout=20, check=True).stdout
    version = said.split()[1]
    assert web.status()["version"] == version
    assert f'popinjay_build_info{{version="{version}"}} 1\n' in \
        web.http("/metrics")


def test_status_keys(web):
    """What tools may rely on in /status."""
    status = web.status()
    assert isinstance(status["uptime_seconds"], int)
    assert status["workers"] == 2
    (upstream,) = status["upstreams"]
    assert upstream["name"] == "default"
    assert upstream["address"] == web.config["upstream"]["address"]
    for path in ("sessions.active", "sessions.total", "sessions.limit",
                 "sessions.by_state.authorization",
                 "sessions.by_state.transaction", "sessions.ended.quit",
                 "logins.ok", "logins.failed",
                 "logins.failed_by_reason.credentials", "messages.retrieved",
                 "messages.deleted", "octets_retrieved", "upstream_failures",
                 "upstream_connections", "upstream_rejects",
                 "upstream_reused", "parked_connections",
                 "size_mismatches"):
        value = status
        for name in path.split("."):
            value = value[name]
        assert isinstance(value, int), path


def test_sessions_by_state(web):
    """MET-6, MET-8: a session moves the gauge of its state, and back."""
    def waiting():
        return web.status()["sessions"]["by_state"]["authorization"]

    wait_until(lambda: waiting() == 0, 5, "those before to have gone")
    before = 0
    ended = web.status()["sessions"]["ended"]["quit"]
    with web.pop3s() as c:
        wait_until(lambda: waiting() == before + 1, 5, "the gauge to rise")
        found = re.search(
            r'^popinjay_active_sessions\{listener="pop3s",'
            r'state="authorization"\} (\d+)$',
            web.http("/metrics"), re.M)
        assert int(found[1]) == before + 1
        c.send(b"QUIT\r\n")
        c.line()
    wait_until(lambda: waiting() == before, 5, "the gauge to fall")
    wait_until(lambda: web.status()["sessions"]["ended"]["quit"] == ended + 1,
               5, "the end to be counted")


class FakeImapAt(FakeImap):
    def __init__(self, port, script):
        super().__init__(script)
        self._listener.close()
        self._listener = socket.create_server((LOOPBACK, port))
        self.port = port


@pytest.mark.parametrize("workers", [1, 4])
def test_readiness_follows_the_upstream(start_proxy, workers):
    """HTTP-16: ready, not ready once the upstream fails, ready once it answers
    again, by whichever worker; Retry-After says that it is worth asking again.
    """
    port = free_port()
    proxy = start_proxy({"address": f"{LOOPBACK}:{port}", "tls": "none"},
                        {"server": {"workers": str(workers)}})
    assert get(proxy, "/readyz")[0] == 200
    with proxy.pop3s() as c:
        c.ok("USER x")
        c.err("PASS y")
    code, fields, body = get(proxy, "/readyz")
    assert code == 503
    assert fields["retry-after"].isdigit()
    assert body == b"not ready: upstream failing\n"
    assert "\npopinjay_ready 0\n" in proxy.http("/metrics")
    with FakeImapAt(port, Mailbox([b"x"])):
        with proxy.login("a", "b") as c:
            assert get(proxy, "/readyz")[0] == 200
            c.quit()
    assert "\npopinjay_ready 1\n" in proxy.http("/metrics")
