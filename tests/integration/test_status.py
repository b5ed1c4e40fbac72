"""The HTTP status endpoint, with curl and over raw sockets."""

import html.parser
import json
import re
import signal
import socket
import subprocess
import time

import pytest

from support import mail
from support.fake_imap import FakeImap, Mailbox
from support.metrics import samples, total
from support.popinjay import binary
from support.ports import LOOPBACK, free_port, wait_until

PATHS = ["/", "/status", "/metrics", "/healthz", "/readyz"]


class Http:
    """A connection whose replies are read by their Content-Length."""

    def __init__(self, proxy):
        self._sock = socket.create_connection((LOOPBACK, proxy.port_status),
                                              timeout=10)
        self._file = self._sock.makefile("rb")

    def send(self, octets):
        self._sock.sendall(octets)

    def get(self, path, method="GET"):
        self.send(f"{method} {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        return self.reply(head_only=method == "HEAD")

    def reply(self, head_only=False):
        """(status code, {field: value}, body)"""
        line = self._file.readline()
        if not line:
            raise EOFError
        assert re.fullmatch(rb"HTTP/1\.[01] \d{3} [ -~]*\r\n", line), line
        fields = {}
        while (row := self._file.readline()) not in (b"\r\n", b""):
            name, value = row.decode("ascii").rstrip("\r\n").split(":", 1)
            assert name.lower() not in fields, row
            fields[name.lower()] = value.strip()
        size = 0 if head_only else int(fields["content-length"])
        return int(line.split()[1]), fields, self._file.read(size)

    def at_end(self):
        try:
            return self._file.read() == b""
        except ConnectionResetError:
            return True

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self._file.close()
        self._sock.close()


def one(proxy, octets):
    """The code of the reply to |octets|."""
    with Http(proxy) as http:
        http.send(octets)
        return http.reply()[0]


@pytest.mark.parametrize("path", PATHS)
def test_get_and_head(proxy, path):
    """HTTP-1, HTTP-2, HTTP-14, HTTP-15: HEAD is GET without the body, and the
    connection is in step behind it."""
    with Http(proxy) as http:
        code, fields, body = http.get(path)
        assert code == 200
        assert body and "date" in fields and "content-type" in fields
        head_code, head_fields, _ = http.get(path, "HEAD")
        assert head_code == 200
        assert head_fields.keys() == fields.keys()
        assert head_fields["content-type"] == fields["content-type"]
        assert http.get("/healthz")[0] == 200


def test_curl(proxy):
    done = subprocess.run(
        ["curl", "-sS", "--fail", f"http://localhost:{proxy.port_status}/status"],
        capture_output=True, timeout=20, check=True)
    assert isinstance(json.loads(done.stdout), dict)


@pytest.mark.parametrize("octets, code", [
    (b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n", 404),
    (b"GET /statusx HTTP/1.1\r\nHost: a\r\n\r\n", 404),
    (b"GET /%73tatus HTTP/1.1\r\nHost: a\r\n\r\n", 404),
    (b"GET /metrics?x=1 HTTP/1.1\r\nHost: a\r\n\r\n", 200),
    (b"BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
    (b"get / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
    (b"GET / HTTP/1.1\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a\r\nX: b\rc\r\n\r\n", 400),
    (b"GET http://h/healthz HTTP/1.1\r\nHost: a\r\n\r\n", 200),
    (b"\r\nGET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", 200),
    (b"garbage\r\n\r\n", 400),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 99, 400),
    (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 6\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5,5\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: " + b"9" * 30 +
     b"\r\n\r\n", 400),
    (b"GET /" + b"x" * 7970 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 404),
    (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 17_000 + b"\r\n\r\n", 431),
    (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 65 + b"\r\n", 431)],
    ids=lambda value: repr(value)[2:50] if isinstance(value, bytes) else None)
def test_requests(proxy, octets, code):
    """HTTP-1, HTTP-4, HTTP-5, HTTP-6, HTTP-7, HTTP-8, HTTP-9, HTTP-10,
    HTTP-12, HTTP-15, HTTP-16: one answer each, the right one, readable."""
    assert one(proxy, octets) == code


@pytest.mark.parametrize("method", [
    "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"])
def test_methods(proxy, method):
    """HTTP-3: 405 names what is allowed."""
    with Http(proxy) as http:
        code, fields, _ = http.get("/", method)
    assert code == 405
    assert {v.strip() for v in fields["allow"].split(",")} == {"GET", "HEAD"}


@pytest.mark.parametrize("head", [
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
    b"GET / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"0\r\n\r\n"])
def test_smuggling(proxy, head):
    """HTTP-11: a request hidden behind an unclear body is never answered."""
    with Http(proxy) as http:
        http.send(head + b"GET /status HTTP/1.1\r\nHost: a\r\n\r\n")
        assert http.reply()[0] == 400
        assert http.at_end()


def test_body_is_not_a_request(proxy):
    """HTTP-13: a body is answered once and the connection ends; an empty one
    keeps it."""
    hidden = b"GET /status HTTP/1.1\r\nHost: a\r\n\r\n"
    with Http(proxy) as http:
        http.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: %d"
                  b"\r\n\r\n" % len(hidden) + hidden)
        http.reply()
        assert http.at_end()
    with Http(proxy) as http:
        http.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\n"
                  b"Content-Length: 0\r\n\r\n")
        assert http.reply()[0] == 200
        assert http.get("/healthz")[0] == 200


def test_persistence(proxy):
    """HTTP-14: in order when pipelined; `close` and 1.0 end it."""
    with Http(proxy) as http:
        http.send(b"".join(b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % p.encode()
                           for p in PATHS * 3))
        assert [http.reply()[0] for _ in PATHS * 3] == [200] * len(PATHS * 3)
        http.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
                  b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        code, fields, _ = http.reply()
        assert code == 200
        assert fields["connection"].lower() == "close"
        assert http.at_end()
    with Http(proxy) as http:
        http.send(b"GET / HTTP/1.0\r\n\r\n")
        assert http.reply()[0] == 200
        assert http.at_end()


def test_one_octet_at_a_time(proxy):
    with Http(proxy) as http:
        for octet in b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n":
            http.send(bytes([octet]))
        assert http.reply()[0] == 200


def test_mail_is_not_delayed(server, proxy, user):
    """Idle and half-sent requests hold no mail session up."""
    https = [Http(proxy) for _ in range(30)]
    try:
        for http in https:
            http.send(b"GET /status HTTP/1.1\r\nHost")
        start = time.monotonic()
        with proxy.login(user, server.password(user)) as c:
            c.quit()
        assert time.monotonic() - start < 9     # HTTP_HEAD_TIMEOUT_MS is 10 s
    finally:
        for http in https:
            http.__exit__()


# --- What is told ------------------------------------------------------------------

def test_metrics_form(proxy):
    """MET-1, MET-2, MET-3, MET-5, MET-6: the page a scraper accepts."""
    with Http(proxy) as http:
        _, fields, body = http.get("/metrics")
    assert fields["content-type"] == \
        "text/plain; version=0.0.4; charset=utf-8"
    assert len(samples(body.decode())) > 5
    assert 'popinjay_build_info{version="' in body.decode()


def test_histograms(proxy):
    """MET-7: cumulative buckets; +Inf equals the count."""
    found = samples(proxy.http("/metrics"))
    histograms = {}
    for series, value in found.items():
        if match := re.fullmatch(r"(\w+)_bucket\{(.*?),?le=\"(.*)\"\}", series):
            name = match[1] + "_count"
            name += "{" + match[2] + "}" if match[2] else ""
            histograms.setdefault(name, []).append((match[3], value))
    assert len(histograms) > 5
    for name, buckets in histograms.items():
        values = [v for _, v in buckets]
        assert values == sorted(values)
        bounds = [float(le) for le, _ in buckets[:-1]]
        assert bounds == sorted(set(bounds))
        assert buckets[-1] == ("+Inf", found[name])


def test_no_series_a_user(server, proxy):
    """MET-8: further users and failures add no series."""
    before = samples(proxy.http("/metrics")).keys()
    for _ in range(5):
        user = server.new_user()
        server.deliver(user, [mail.message("x", b"x\r\n")])
        with proxy.pop3s() as c:
            c.ok(f"USER {user}")
            c.err("PASS wrong")
            c.login(user, server.password(user))
            c.retr(1)
            c.ok("DELE 1")
            c.quit()
    assert samples(proxy.http("/metrics")).keys() == before


def test_openmetrics_not_offered(proxy):
    """MET-9: the classic page whatever is asked for."""
    with Http(proxy) as http:
        http.send(b"GET /metrics HTTP/1.1\r\nHost: a\r\n"
                  b"Accept: application/openmetrics-text\r\n\r\n")
        _, fields, _ = http.reply()
    assert fields["content-type"].startswith("text/plain; version=0.0.4")


def flat(value, path=""):
    """{"a.b": number} of nested JSON."""
    if isinstance(value, dict):
        return {k: v for key, inner in value.items()
                for k, v in flat(inner, f"{path}.{key}".strip(".")).items()}
    return {path: value} if isinstance(value, (int, float)) else {}


def test_figures_move(server, start_proxy, user):
    """/status and /metrics agree on what a session did."""
    body = mail.message("x", b"hello\r\n")
    server.deliver(user, [body] * 3)
    proxy = start_proxy(server.upstream_config())
    before = flat(proxy.status())
    with proxy.pop3s() as c:
        c.ok(f"USER {user}")
        c.err("PASS wrong")
        c.login(user, server.password(user))
        during = flat(proxy.status())
        assert [k for k in during if "active" in k
                and during[k] == before[k] + 1], during
        c.retr(1)
        c.retr(2)
        c.ok("DELE 1")
        c.quit()

    def risen(by):
        now = flat(proxy.status())
        return {k for k in now if now[k] - before.get(k, 0) == by}

    wait_until(lambda: any("deleted" in k for k in risen(1)), 5,
               "the message deleted to be counted")
    assert any("retrieved" in k for k in risen(2)), flat(proxy.status())
    assert any("ok" in k for k in risen(1))
    assert any("fail" in k for k in risen(1))
    found = samples(proxy.http("/metrics"))
    assert [s for s, v in found.items() if "retrieved" in s and v == 2]
    assert [s for s, v in found.items() if "deleted" in s and v == 1]


def test_ready(start_proxy):
    """HTTP-16: alive and ready; not ready once stopping."""
    with FakeImap(Mailbox([b"x"])) as fake:
        proxy = start_proxy(fake.upstream_config())
        with proxy.login("a", "b") as c:
            assert one(proxy, b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n") == 200
            proxy.signal(signal.SIGTERM)
            wait_until(lambda: one(proxy, b"GET /readyz HTTP/1.1\r\n"
                                   b"Host: a\r\n\r\n") == 503, 5, "503")
            assert one(proxy, b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n") == 200
            c.quit()
        assert proxy.wait() == 0


def test_not_ready_without_upstream(start_proxy):
    """/readyz is 503 while the upstream has not answered lately."""
    proxy = start_proxy({"address": f"{LOOPBACK}:{free_port()}",
                         "tls": "none"})
    with proxy.pop3s() as c:
        c.ok("USER x")
        c.err("PASS y")
    assert one(proxy, b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n") == 503
    assert one(proxy, b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n") == 200


def metric(proxy, name):
    return total(proxy.http("/metrics"), name)


def test_figures_are_ahead_of_replies(start_proxy):
    """MET-1: whoever has seen a reply sees it counted."""
    with FakeImap(Mailbox([b"one\r\n"])) as fake:
        proxy = start_proxy(fake.upstream_config())
        for n in range(1, 11):
            with proxy.login("a", "b") as c:
                assert metric(proxy, "popinjay_logins_total") == n
                c.quit()


def test_a_connection_counts_once(start_proxy, authority):
    """STARTTLS: in clear and then over TLS it is one that came up."""
    script = Mailbox([], starttls=authority.issue("upstream",
                                                  ("DNS:localhost",)))
    with FakeImap(script) as fake:
        proxy = start_proxy({"address": f"localhost:{fake.port}",
                             "tls": "starttls",
                             "ca_file": authority.ca_file})
        with proxy.login("a", "b") as c:
            c.quit()
        assert metric(proxy, "popinjay_upstream_connections_total") == 1


class Page(html.parser.HTMLParser):
    """Its ids, where its links within it lead, its text; that what is opened is
    closed, in turn."""

    VOID = {"meta", "path", "rect"}

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.text, self._open = [], [], "", []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self._open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value)
            if name == "href" and value.startswith("#"):
                self.links.append(value[1:])

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.text += data + "\n"


def test_twenty_upstreams(start_proxy):
    """With names of all that a name may be of, one of them as long as it may
    be: on each page, for each reader, and no one is taken for another."""
    names = ["default", "a", "A", "a.b", "a-b", "a_b", "-", "_", ".", "0",
             "x" * 40, "xn--bcher-kva.example"]
    names += [f"number{n}.of-twenty_" for n in range(len(names), 20)]
    ports = [free_port() for _ in names]
    proxy = start_proxy({"address": f"{LOOPBACK}:{ports[0]}", "tls": "none"}, {
        f"upstream {name}": {"address": f"{LOOPBACK}:{port}", "tls": "none",
                             "domains": f"d{port}.example"}
        for name, port in list(zip(names, ports))[1:]})
    with proxy.pop3s() as c:
        c.ok(f"USER a@d{ports[2]}.example")
        c.err("PASS b")
    page = Page(proxy.http("/"))
    assert len(page.ids) == len(set(page.ids))
    assert len(page.links) == 20 and set(page.links) <= set(page.ids)
    for name in names:
        assert f"\n{name}\n" in page.text and \
            f"Upstream {name}\n" in page.text
    upstreams = proxy.status()["upstreams"]
    assert [u["name"] for u in upstreams] == names
    assert [u["logins_failed"] for u in upstreams] == [0, 0, 1] + [0] * 17
    reason = upstreams[2]["logins_failed_by_reason"]
    assert reason["upstream_unreachable"] == sum(reason.values()) == 1
    metrics = proxy.http("/metrics")
    done = subprocess.run(["promtool", "check", "metrics"], input=metrics,
                          text=True, capture_output=True, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    found = samples(metrics)
    for name in names:
        assert found["popinjay_upstream_login_failures_total"
                     f'{{upstream="{name}",reason="upstream_unreachable"}}'] \
            == (name == "A")
    told = subprocess.run([binary(), "status", "-c", proxy.config_path],
                          text=True, capture_output=True, timeout=20).stdout
    for name, port in zip(names, ports):
        assert re.search(rf"^upstream +{re.escape(name)}, {LOOPBACK}:{port}: ",
                         told, re.M)
