"""Reads a scenario file: see README.md for the format."""

import re
from dataclasses import dataclass, field

from upstream.model import Mailbox
from upstream.script import Override, Script, Step, octets

ON = re.compile(r"(?:(\d+)(?:st|nd|rd|th) )?(literal )?(.+)")
STEPS_ON = {"S", "raw", "model", "data", "quietly", "close", "reset",
            "silence", "wait", "hold", "read", "tls", "garbage", "accept", "deliver",
            "expunge", "flag", "unflag", "uidvalidity"}
STEPS_POP3 = {"C", "S", "login", "connect", "closed", "drop", "wait",
              "meanwhile", "delete", "undelivered"}
CHECKS = {"exists", "trash", "flags", "wire", "never", "count", "connections", "log",
          "metric"}


class ScenarioError(Exception):
    pass


@dataclass
class Scenario:
    name: str
    title: str = ""
    shows: list = field(default_factory=list)   # row ids and rules
    script: Script = field(default_factory=Script)
    mailbox: Mailbox = field(default_factory=Mailbox)
    declared: dict = field(default_factory=dict)    # all messages ever, by UID
    tls: str = "none"
    user: str = "device"
    password: str = "secret"
    by_token: bool = False  # it is a bearer's token; the client has TLS
    config: dict = field(default_factory=dict)  # section -> key -> value
    pop3: list = field(default_factory=list)    # steps
    after: list = field(default_factory=list)   # checks


def read(path):
    """The Scenario in a file; ScenarioError names the line that is wrong."""
    with open(path, encoding="utf-8") as f:
        lines = f.read().split("\n")
    reader = _Reader(Scenario(path.stem))
    for number, head, block in _paragraphs(lines):
        try:
            reader.take(number, head, block)
        except (ScenarioError, ValueError, AttributeError) as e:
            raise ScenarioError(f"{path}:{number}: {head!r}: {e}") from e
    return reader.finished(path, lines)


def _paragraphs(lines):
    """(line number, unindented line, its indented block) one by one."""
    at = 0
    while at < len(lines):
        number, head = at + 1, lines[at]
        at += 1
        if not head.strip() or head.startswith("#"):
            continue
        if head[0] == " ":
            raise ScenarioError(f"line {number}: indented, but under nothing")
        block = []
        while at < len(lines) and (lines[at][:1] in ("", " ")):
            block.append(lines[at])
            at += 1
        while block and not block[-1].strip():
            block.pop()
        yield number, head.rstrip(), block


def _message(block):
    r"""The octets of a message; a line that ends with \ has no CRLF."""
    body = b""
    for line in block:
        line = line[2:]
        body += octets(line[:-1]) if line.endswith("\\") \
            else octets(line) + b"\r\n"
    return body


def _steps(number, block, known):
    steps = []
    for offset, line in enumerate(block, number + 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        verb, _, text = line.partition(" ")
        verb = verb.rstrip(":") if verb in ("S:", "C:") else verb
        if verb not in known:
            raise ScenarioError(f"line {offset}: unknown step {verb!r}")
        steps.append(Step(verb, text, offset))
    return steps


class _Reader:
    def __init__(self, scenario):
        self.scenario = scenario
        self.script = scenario.script

    def take(self, number, head, block):
        word, _, rest = head.partition(" ")
        method = getattr(self, "do_" + word.replace("-", "_"), None)
        if method is None:
            raise ScenarioError("unknown directive")
        method(number, rest, block)

    def finished(self, path, lines):
        s = self.scenario
        head = []
        for line in lines:
            if not line.startswith("#"):
                break
            head.append(line.lstrip("# "))
        text = " ".join(head)
        s.title, _, shows = text.partition("Shows:")
        s.shows = [w.strip() for w in shows.strip().rstrip(".").split(",")]
        s.declared = {**s.mailbox.messages, **s.mailbox.later}
        if not s.title or not shows:
            raise ScenarioError(f"{path}: starts with no `# what it shows` "
                                "and `# Shows: rows`")
        if not s.pop3 or not s.after:
            raise ScenarioError(f"{path}: needs `pop3` and `after`")
        return s

    # The server

    def do_capability(self, number, rest, block):
        self.script.capability_clear = rest

    def do_capability_tls(self, number, rest, block):
        self.script.capability_tls = rest

    def do_capability_login(self, number, rest, block):
        self.script.capability_login = rest

    def do_announce(self, number, rest, block):
        places = set(rest.split()) - {"nowhere"}
        if places - {"greeting", "login"}:
            raise ScenarioError("announce: greeting, login or nowhere")
        self.script.announce = frozenset(places)

    def do_messagelimit(self, number, rest, block):
        self.script.messagelimit = int(rest)

    def do_octet_by_octet(self, number, rest, block):
        self.script.octet_by_octet = True

    def do_cut_after(self, number, rest, block):
        self.script.cut_after = int(rest)

    def do_tls(self, number, rest, block):
        if rest not in ("none", "implicit", "starttls"):
            raise ScenarioError("tls: none, implicit or starttls")
        self.scenario.tls = rest

    def do_on(self, number, rest, block):
        m = ON.fullmatch(rest)
        self.script.overrides.append(Override(
            pattern=m[3], steps=_steps(number, block, STEPS_ON),
            nth=int(m[1] or 0), at_literal=bool(m[2])))

    # The account

    def do_user(self, number, rest, block):
        self.scenario.user = octets(rest).decode()

    def do_password(self, number, rest, block):
        self.scenario.password = octets(rest).decode()

    def do_token(self, number, rest, block):
        self.do_password(number, rest, block)
        self.scenario.by_token = True

    # The mailbox

    def do_uidvalidity(self, number, rest, block):
        self.scenario.mailbox.uidvalidity = int(rest)

    def do_trash(self, number, rest, block):
        self.scenario.mailbox.trash = octets(rest).decode()

    def do_permanentflags(self, number, rest, block):
        self.scenario.mailbox.permanent = rest

    def do_message(self, number, rest, block):
        uid, size, flags = self._about(rest)
        self.scenario.mailbox.add(_message(block), uid, flags, size)

    def do_later(self, number, rest, block):
        uid, _, _ = self._about(rest)
        self.do_message(number, rest, block)
        box = self.scenario.mailbox
        box.later[uid] = box.messages.pop(uid)
        box.uidnext = max(box.messages, default=0) + 1

    def do_messages(self, number, rest, block):
        low, _, high = rest.partition(":")
        for uid in range(int(low), int(high) + 1):
            self.scenario.mailbox.add(
                b"Subject: %d\r\n\r\nmessage %d\r\n" % (uid, uid), uid)

    @staticmethod
    def _about(rest):
        uid, *words = rest.split()
        size = None
        if words and words[0].startswith("size="):
            size = words.pop(0).removeprefix("size=")
        return int(uid), size, words

    # popinjay, its client, and what must hold at the end

    def do_config(self, number, rest, block):
        m = re.fullmatch(r"(\w+)\.(\w+) = (.*)", rest)
        self.scenario.config.setdefault(m[1], {})[m[2]] = m[3]

    def do_pop3(self, number, rest, block):
        self.scenario.pop3 = _steps(number, block, STEPS_POP3)

    def do_after(self, number, rest, block):
        self.scenario.after = _steps(number, block, CHECKS)
