"""What a scenario changes about the model server.

A Script is the deviation of one upstream. Its overrides replace the model's
answer to the commands that they match by a list of Steps; the README lists
the steps.
"""

import re
from dataclasses import dataclass, field

CAPABILITIES = "IMAP4rev1 SASL-IR AUTH=PLAIN UIDPLUS ID"


@dataclass
class Step:
    verb: str                   # "S", "model", "close", ...
    text: str = ""
    line: int = 0               # in the scenario file, for messages


@dataclass
class Override:
    pattern: str                # `*` stands for anything; a prefix is enough
    steps: list
    nth: int = 0                # 0: each time; else only the nth time
    at_literal: bool = False    # in place of the `+` for a literal
    seen: int = 0

    def fits(self, text):
        """Counts the commands that match; true for the one that is meant."""
        if not matches(self.pattern, text):
            return False
        self.seen += 1
        return self.nth in (0, self.seen)


def matches(pattern, text, whole=False):
    r"""Compares without case; `*` stands for anything, `\*` for itself."""
    parts = re.split(r"(?<!\\)\*", pattern)
    regex = ".*".join(re.escape(p.replace(r"\*", "*")) for p in parts)
    compare = re.fullmatch if whole else re.match
    return compare(regex, text, re.I | re.S) is not None


@dataclass
class Script:
    # What CAPABILITY says in clear, inside STARTTLS, and once logged in.
    capability_clear: str = CAPABILITIES
    capability_tls: str = None              # None: as in clear
    capability_login: str = None            # None: as before login
    announce: frozenset = frozenset({"login"})  # where a code carries it
    overrides: list = field(default_factory=list)
    messagelimit: int = 0
    octet_by_octet: bool = False
    # Pause once so many octets have been sent, in the middle of a write.
    split_at: int = None
    # Close the connection once so many octets have been sent.
    cut_after: int = None

    def capability(self, stage):
        tls = self.capability_tls or self.capability_clear
        return {"clear": self.capability_clear, "tls": tls,
                "login": self.capability_login or tls}[stage]

    def find(self, text, at_literal=False):
        """The override for a command, or None. All of them count it."""
        fits = [o for o in self.overrides
                if o.at_literal == at_literal and o.fits(text)]
        return fits[0] if fits else None


ESCAPES = {"CR": b"\r", "LF": b"\n", "NUL": b"\0", "ESC": b"\x1b",
           "TAB": b"\t"}


def octets(text):
    """A line of a scenario file as octets: <CR>, <LF>, <NUL>, <FF>, and
    {3 times A} for AAA."""
    def escape(m):
        name = m[1].decode()
        return ESCAPES.get(name) or bytes.fromhex(name)

    line = re.sub(rb"<(CR|LF|NUL|ESC|TAB|[0-9A-F]{2})>", escape,
                  text.encode())
    return re.sub(rb"(?s)\{(\d+) times (.+?)\}",
                  lambda m: m[2] * int(m[1]), line)


def expand(text, tag, mailbox):
    """Fills {tag}, {literal 7}, {literal 7<0.10>}, {quoted 7}, {size 7}."""
    def fill(m):
        kind, uid = m[1].decode(), int(m[2])
        body = mailbox.body(uid)
        if m[3]:
            start, length = int(m[3]), int(m[4])
            body = body[start:start + length]
        if kind == "size":
            return b"%d" % len(body)
        if kind == "body":
            return body
        if kind == "quoted":
            return b'"' + re.sub(rb'(["\\])', rb"\\\1", body) + b'"'
        return b"{%d}\r\n%s" % (len(body), body)

    line = octets(text).replace(b"{tag}", tag.encode())
    return re.sub(
        rb"\{(literal|quoted|size|body) (\d+)(?:<(\d+)\.(\d+)>)?\}",
        fill, line)
