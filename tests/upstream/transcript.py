"""Plays the `pop3` part of a scenario against popinjay, and its `after`."""

import base64
import re
import time

from support.mail import as_retrieved, top_of
from upstream.script import expand, matches, octets

# What an extended response code may be (RFC 2449, 3206): CAP-7.
CODES = {"SYS/TEMP", "SYS/PERM", "AUTH", "IN-USE", "LOGIN-DELAY"}
FIRST_LINE_MAX = 512


class Mismatch(AssertionError):
    pass


class Transcript:
    """|connect| opens a POP3 client; it is called at the first step."""

    def __init__(self, scenario, server, connect):
        self.scenario = scenario
        self.server = server
        self.said = []              # both directions, for a failure's report
        self._connect = connect
        self._client = None

    def run(self):
        for step in self.scenario.pop3:
            if self._client is None:
                self._open()
            try:
                getattr(self, "_do_" + step.verb)(step.text)
            except (OSError, EOFError, AssertionError) as e:
                raise Mismatch(
                    f"line {step.line}: {step.verb} {step.text}: "
                    f"{type(e).__name__} {e}\n" + "\n".join(self.said)) from e
        if self._client:
            self._client.close()

    def _open(self):
        self._client = self._connect()
        self.said.append(f"S: {self._client.greeting!r}")
        assert self._client.greeting.startswith(b"+OK")

    # Steps

    def _do_connect(self, text):
        """One more session."""
        self._client.close()
        self._open()

    def _do_C(self, text):
        line = re.sub(
            rb"\{base64 ([^}]*)\}",
            lambda m: base64.b64encode(m[1]), octets(text))
        self._send(line)

    def _do_S(self, text):
        kind, *args = text.split(" ")
        if kind == "message":
            self._body(as_sent(self._message(int(args[0]))))
        elif kind == "top":
            body = self._message(int(args[0]))
            self._body(as_sent(top_of(body, int(args[1]))))
        elif kind == "...":
            self._client.lines()
        else:
            self._expect(text)

    def _do_login(self, text):
        if text in ("xoauth2", "oauthbearer"):
            user, token = self.scenario.user, self.scenario.password
            first = f"user={user}" if text == "xoauth2" else f"n,a={user},"
            message = f"{first}\1auth=Bearer {token}\1\1".encode()
            self._send(f"AUTH {text} ".encode() + base64.b64encode(message))
        elif text == "plain":
            secret = f"\0{self.scenario.user}\0{self.scenario.password}"
            self._send(b"AUTH PLAIN " + base64.b64encode(secret.encode()))
        else:
            self._send(b"USER " + self.scenario.user.encode())
            self._expect("+OK")
            self._send(b"PASS " + self.scenario.password.encode())
        self._expect("+OK")

    def _do_closed(self, text):
        assert self._client.at_end(), "octets instead of the end"

    def _do_delete(self, text):
        """`delete 1:9` or, each second one, `delete 1:9/2`."""
        for n in uids(text):
            self._send(b"DELE %d" % n)
            self._expect("+OK")

    def _do_undelivered(self, text):
        """-ERR, or the end of the connection and no final dot (DEC-10)."""
        line = self._client.line()
        self.said.append(f"S: {line!r}")
        if not line.startswith(b"-ERR"):
            assert line.startswith(b"+OK")
            rest = b"\r\n" + self._client.rest()
            assert not rest.endswith(b"\r\n.\r\n"), shortened(rest)

    def _do_drop(self, text):
        self._client.abort()

    def _do_wait(self, text):
        time.sleep(float(text))

    def _do_meanwhile(self, text):
        verb, _, rest = text.partition(" ")
        box = self.scenario.mailbox
        if verb == "S:":
            self.server.broadcast(expand(rest, "*", box) + b"\r\n")
            time.sleep(0.2)         # so that it is there before what follows
        elif verb == "close":
            self.server.hang_up()
            time.sleep(0.2)
        else:
            with box.lock:
                self.server.change(box, verb, rest)

    # Halves of a step

    def _send(self, line):
        self.said.append(f"C: {line!r}")
        self._client.send(line + b"\r\n")

    def _expect(self, wanted):
        line = self._client.line()
        self.said.append(f"S: {line!r}")
        assert line.endswith(b"\r\n"), "a line without CRLF"
        text = line[:-2].decode("latin-1")
        if wanted[:1] in "+-":
            check_status_line(text)
        assert line_matches(wanted, text), f"got {text!r}"

    def _body(self, wanted):
        got = self._client.lines()
        assert got == wanted, f"got {shortened(got)}"

    def _message(self, uid):
        return self.scenario.declared[uid].body


def line_matches(wanted, text):
    """`+OK`, `-ERR [AUTH]`: the start decides; -ERR alone has no code."""
    if wanted == "-ERR":
        return text.startswith("-ERR") and not text.startswith("-ERR [")
    if wanted[:1] in "+-":
        return matches(wanted, text, whole=True) or \
            text.startswith(wanted + " ")
    return matches(wanted, text, whole=True)


def check_status_line(text):
    """What holds for each first line of a reply, whatever happened."""
    assert len(text) + 2 <= FIRST_LINE_MAX
    assert re.fullmatch(r"[\x20-\x7e]*", text), "not plain ASCII"
    m = re.fullmatch(r"(?:\+OK|-ERR)(?: \[([^\]]*)\])?(?: [^\[]*)?", text)
    if text.startswith("+ "):
        return
    assert m, "not the form of a reply"
    assert m[1] is None or m[1] in CODES, f"code [{m[1]}]"


def as_sent(body):
    """A whole message on the wire: CRLF, dots stuffed, the final dot."""
    lines = as_retrieved(body) if body else b""
    return re.sub(rb"(?m)^\.", b"..", lines) + b".\r\n"


def shortened(got):
    return repr(got) if len(got) < 400 else \
        f"{len(got)} octets, {got[:200]!r} ... {got[-100:]!r}"


class Checks:
    """The `after` part: each method takes a step's text and asserts."""

    def __init__(self, scenario, server, proxy):
        self.scenario = scenario
        self.server = server
        self.proxy = proxy
        self._wire_at = 0

    def run(self):
        for step in self.scenario.after:
            try:
                getattr(self, "_is_" + step.verb)(step.text)
            except AssertionError as e:
                raise Mismatch(f"line {step.line}: {step.verb} {step.text}: "
                               f"{e}") from e
        assert not self.server.violations, "\n".join(self.server.violations)

    def _is_exists(self, text):
        wanted = [] if text == "none" else uids(text)
        assert self.scenario.mailbox.uids() == wanted, \
            f"there are {self.scenario.mailbox.uids()}"

    def _is_trash(self, text):
        wanted = [] if text == "none" else uids(text)
        assert self.scenario.mailbox.trashed == wanted, \
            f"there are {self.scenario.mailbox.trashed}"

    def _is_flags(self, text):
        uid, *flags = text.split()
        got = self.scenario.mailbox.messages[int(uid)].flags
        assert got == set(flags), f"they are {sorted(got)}"

    def _is_wire(self, text):
        """In the order of the file: each is looked for behind the last."""
        for at in range(self._wire_at, len(self.server.wire)):
            if matches(text, self.server.wire[at][1]):
                self._wire_at = at + 1
                return
        raise AssertionError(f"not in {self._commands()[self._wire_at:]}")

    def _is_never(self, text):
        sent = [c for c in self._commands() if matches(text, c)]
        assert not sent, f"{sent}"

    def _is_count(self, text):
        wanted, _, pattern = text.partition(" ")
        sent = [c for c in self._commands() if matches(pattern, c)]
        assert len(sent) == int(wanted), f"{len(sent)}: {sent}"

    def _is_connections(self, text):
        assert self.server.opened == int(text), f"{self.server.opened}"

    def _is_log(self, text):
        verb, _, wanted = text.partition(" ")
        log = self.proxy.log()
        found = octets(wanted).decode().lower() in log.lower()
        assert found == (verb == "has"), log

    def _is_metric(self, text):
        """The sum over all series of a name."""
        name, _, wanted = text.partition(" ")
        page = self.proxy.http("/metrics")
        series = re.findall(rf"(?m)^{name}(?:\{{.*\}})? (\S+)$", page)
        assert series, "no such metric"
        assert sum(map(float, series)) == float(wanted), f"{series}"

    def _commands(self):
        return [text for _, text in self.server.wire]


def uids(text):
    """`7 9 11:14 20:30/2` as a list; the last is each second one."""
    out = []
    for word in text.split():
        numbers, _, step = word.partition("/")
        low, _, high = numbers.partition(":")
        out += range(int(low), int(high or low) + 1, int(step or 1))
    return out
