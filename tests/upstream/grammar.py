"""What a careful client may put on the wire, and when.

The model server answers as many commands as it can; this file is the strict
half. complaints() names everything that popinjay must not do, whether or not
a lenient server would let it pass. Sources: RFC 9051 section 9 and 6,
RFC 2683 section 3.2.1.5 (line length), the IMAP rows of the conformance list.
"""

import re

from upstream.model import SetError, parse_set

LINE_MAX = 1000             # octets, literals not counted (IMAP-29)
RANGES_MAX = 200
LITERAL_MINUS_MAX = 4096    # IEXT-4

QUOTED = r'"(?:[^"\\\r\n\0\x80-\xff]|\\["\\])*"'
STRING = rf"(?:{QUOTED}|\{{\d+\+?\}})"
BASE64 = r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"
SET = r"(?P<set>[0-9:*,]+)"
KEYWORD = r"[^\x00-\x20(){%*\"\\\]\x7f-\xff]{1,50}"
ITEM = r"(?:UID|FLAGS|RFC822\.SIZE|BODY\.PEEK\[\](?:<\d+\.[1-9]\d*>)?)"

ANY, CLEAR, LOGGED_IN, SELECTED = "any", "clear", "login", "selected"
# Name -> (states in which it may be sent, what the whole command looks like).
COMMANDS = {
    "CAPABILITY": (ANY, r"CAPABILITY"),
    "NOOP": (ANY, r"NOOP"),
    "LOGOUT": (ANY, r"LOGOUT"),
    "STARTTLS": (CLEAR, r"STARTTLS"),
    "AUTHENTICATE": (CLEAR,
                     rf"AUTHENTICATE (?P<mech>[A-Z0-9-]+)"
                     rf"(?P<ir> (?:=|{BASE64}))?"),
    "LOGIN": (CLEAR, rf"LOGIN {STRING} {STRING}"),
    "ID": (LOGGED_IN, rf"ID \({STRING} (?:{STRING}|NIL)"
                      rf"(?: {STRING} (?:{STRING}|NIL))*\)"),
    "SELECT": (LOGGED_IN, r'SELECT (?:INBOX|"INBOX")(?P<mod> \(CONDSTORE\))?'),
    "UID FETCH": (SELECTED,
                  rf"UID FETCH {SET} (?:{ITEM}|\({ITEM}(?: {ITEM})*\))"
                  r"(?P<since> \(CHANGEDSINCE [1-9]\d*\))?"),
    "UID STORE": (SELECTED, rf"UID STORE {SET} \+FLAGS\.SILENT "
                            r"\((?:\\(?:Deleted|Seen)|"
                            rf"{KEYWORD})\)"),
    "UID COPY": (SELECTED, rf"UID COPY {SET} {STRING}"),
    "UID MOVE": (SELECTED, rf"UID MOVE {SET} {STRING}"),
    "LIST": (SELECTED,
             rf'LIST (?P<special>\(SPECIAL-USE\) )?"" {STRING}'),
    "UID EXPUNGE": (SELECTED, rf"UID EXPUNGE {SET}"),
    "UID SEARCH": (SELECTED,
                   r"UID SEARCH (?:RETURN \(ALL\) )?"
                   rf"(?:(?:(?:UN)?KEYWORD {KEYWORD}|UID [0-9:,]+|"
                   r"SINCE [1-9]\d?-[A-Z][a-z]{2}-\d{4}|[A-Z]+)(?: |$))+"),
    "EXPUNGE": (SELECTED, r"EXPUNGE"),
}


def name_of(text):
    """The command's name: `UID FETCH` counts as one."""
    words = text.upper().split(" ")
    return " ".join(words[:2]) if words[0] == "UID" else words[0]


def may_overlap(text):
    """Only fetching bodies without side effects (IMAP-24)."""
    return name_of(text) == "UID FETCH" and "BODY.PEEK[" in text


def may_be_unheard(text):
    """Nobody need wait for the answer to ID: it is informational."""
    return name_of(text) == "ID"


def line_complaints(line):
    """About one line as it came, without its CRLF."""
    out = []
    if len(line) > LINE_MAX:
        out.append(f"line of {len(line)} octets")
    if re.search(rb"[^\x20-\x7e]", line):
        out.append("an octet outside printable ASCII")
    if line.endswith(b" "):
        out.append("white space at the end of the line")
    if b"  " in re.sub(rb'"(?:[^"\\]|\\.)*"', b'""', line):
        out.append("two spaces in a row")
    return out


def tag_complaints(tag, used):
    out = []
    if not re.fullmatch(r"[A-Za-z0-9]+", tag):
        out.append(f"odd tag {tag!r}")
    if tag in used:
        out.append(f"tag {tag} used twice")
    return out


def set_complaints(text, name):
    try:
        ranges = parse_set(text)
    except SetError as e:
        return [str(e)]
    out = []
    if len(ranges) > RANGES_MAX:
        out.append(f"{len(ranges)} ranges in one set")
    if name != "UID FETCH" and "*" in text:
        out.append("`*` in a set that changes something")
    before = 0
    for low, high in ranges:
        if low is None or (high is not None and low > high):
            out.append(f"descending or open range in {text!r}")
            break
        if low <= before:
            out.append(f"set {text!r} is not ascending")
            break
        if before and low == before + 1:
            out.append(f"neighbours in {text!r} are not one range")
            break
        before = high if high is not None else 2**32
    return out


def complaints(conn, text):
    """About a whole command; |conn| tells state, capabilities and TLS."""
    name = name_of(text)
    if name not in COMMANDS:
        return [f"{name} is no command popinjay has a use for"]
    states, pattern = COMMANDS[name]
    if states not in (ANY, conn.state) and \
            not (states == LOGGED_IN and conn.state == SELECTED):
        return [f"{name} in state {conn.state}"]
    m = re.fullmatch(pattern, text)
    if not m:
        return [f"{name}: bad syntax"]
    out = _capability_complaints(conn, name, m)
    if "set" in m.groupdict():
        out += set_complaints(m["set"], name)
        if conn.state == SELECTED and not conn.view and "*" in m["set"]:
            out.append("`*` although the mailbox is empty")      # IMAP-17
    return out


def _capability_complaints(conn, name, m):
    caps, out = conn.capabilities(), []
    rev2 = "IMAP4REV2" in caps
    if name in ("LOGIN", "AUTHENTICATE") and conn.wants_tls and not conn.tls:
        out.append("a password before TLS")
    if name == "LOGIN" and "LOGINDISABLED" in caps:
        out.append("LOGIN although LOGINDISABLED")
    if name == "AUTHENTICATE":
        if f"AUTH={m['mech']}" not in caps:
            out.append(f"{m['mech']} is not offered")
        if m["ir"] and not rev2 and "SASL-IR" not in caps:
            out.append("an initial response without SASL-IR")
    if name == "ID" and "ID" not in caps:
        out.append("ID is not offered")
    if name == "UID EXPUNGE" and not rev2 and "UIDPLUS" not in caps:
        out.append("UID EXPUNGE without UIDPLUS")
    if name == "UID MOVE" and not rev2 and "MOVE" not in caps:
        out.append("MOVE is not offered")
    if name == "LIST" and m["special"] and \
            not {"SPECIAL-USE", "LIST-EXTENDED"} <= caps:
        out.append("SPECIAL-USE is not offered")
    if name == "SELECT" and m["mod"] and not caps & {"CONDSTORE", "QRESYNC"}:
        out.append("CONDSTORE is not offered")
    if name == "UID FETCH" and m["since"] and not conn.condstore:
        out.append("CHANGEDSINCE without SELECT (CONDSTORE)")
    return out


def literal_complaints(conn, size, synchronizing):
    if synchronizing:
        return []
    caps = conn.capabilities()
    if "LITERAL+" in caps:
        return []
    if not caps & {"LITERAL-", "IMAP4REV2"}:
        return ["a non-synchronizing literal that is not offered"]
    if size > LITERAL_MINUS_MAX:
        return [f"a non-synchronizing literal of {size} octets"]
    return []
