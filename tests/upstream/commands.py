"""How the well-behaved model server answers each command.

Each function takes the connection and the Command and returns an Answer: the
untagged lines, and the tagged line without its tag. Nothing is written here,
so that a scenario can drop, change or add to an answer before it goes out.
Sources: RFC 9051 section 6 and 7; RFC 4315 (UIDPLUS), 4731 (ESEARCH), 7162
(CONDSTORE), 9738 (MESSAGELIMIT).
"""

import base64
import binascii
import re
from dataclasses import dataclass, field

from upstream import grammar
from upstream.model import SetError, members

FLAGS = r"\Answered \Flagged \Deleted \Seen \Draft"


@dataclass
class Command:
    tag: str
    text: str                   # literals appear as {n}
    literals: list = field(default_factory=list)


@dataclass
class Answer:
    untagged: list = field(default_factory=list)    # bytes, without CRLF
    tagged: bytes = b"OK done"      # None: untagged lines only

    def octets(self, tag):
        lines = [b"* " + line for line in self.untagged]
        if self.tagged is not None:
            lines.append(tag.encode() + b" " + self.tagged)
        return b"".join(line + b"\r\n" for line in lines)


def answer(conn, command):
    handler = HANDLERS.get(grammar.name_of(command.text))
    if handler is None:
        return Answer(tagged=b"BAD unknown command")
    try:
        result = handler(conn, command)
    except (SetError, Refused) as e:
        result = Answer(tagged=f"BAD {e}".encode())
    if conn.state == grammar.SELECTED:
        result.untagged += conn.news()
    return result


class Refused(Exception):
    pass


def match(pattern, command):
    m = re.fullmatch(pattern, command.text, re.I)
    if not m:
        raise Refused("syntax")
    return m


# Any state

def capability(conn, command):
    return Answer([b"CAPABILITY " + conn.capability_line()])


def noop(conn, command):
    return Answer()


def logout(conn, command):
    conn.leaving = True
    return Answer([b"BYE see you"])


# Before login

def starttls(conn, command):
    if conn.tls or not conn.server.certificate:
        return Answer(tagged=b"BAD no TLS now")
    conn.start_tls_next = True
    return Answer(tagged=b"OK begin")


def login(conn, command):
    literals = iter(command.literals)
    args = [next(literals) if arg.startswith("{") else unquote(arg)
            for arg in re.findall(r'"(?:[^"\\]|\\.)*"|\S+', command.text[6:])]
    if len(args) != 2:
        raise Refused("two arguments")
    return checked(conn, *args)


def unquote(text):
    if text.startswith('"'):
        text = re.sub(r"\\(.)", r"\1", text[1:-1])
    return text.encode("latin-1")


def authenticate(conn, command):
    m = match(r"AUTHENTICATE (\S+)(?: (\S+))?", command)
    mechanism, first = m[1].upper(), m[2]
    try:
        if mechanism == "PLAIN":
            reply = first if first else conn.ask(b"")
            _, name, password = decoded(reply).split(b"\0")
        elif mechanism == "LOGIN":
            name = decoded(first if first else conn.ask(b"VXNlcm5hbWU6"))
            password = decoded(conn.ask(b"UGFzc3dvcmQ6"))
        elif mechanism in BEARERS:
            return bearer(conn, mechanism, first)
        else:
            return Answer(tagged=b"NO no such mechanism")
    except ValueError:
        return Answer(tagged=b"BAD not the base64 of a reply")
    return checked(conn, name, password)


# What names the user and brings the token, and what is said to an error.
BEARERS = {
    "XOAUTH2": (rb"user=(?P<user>[^\x01]+)\x01auth=Bearer (?P<token>[!-~]+)\x01\x01",
                ""),
    "OAUTHBEARER": (rb"n,a=(?P<user>[^,\x01]+),\x01host=(?P<host>[^\x01]+)"
                    rb"\x01port=(?P<port>\d+)"
                    rb"\x01auth=Bearer (?P<token>[!-~]+)\x01\x01", "AQ=="),
}


def bearer(conn, mechanism, first):
    """RFC 7628 §3: who is refused hears why, says so, and then it fails."""
    form, heard = BEARERS[mechanism]
    m = re.fullmatch(form, decoded(first if first else conn.ask(b"")))
    if not m:
        conn.complain("AUTHENTICATE", f"no message of {mechanism}")
        return Answer(tagged=b"BAD what")
    if "host" in m.groupdict():
        place = m["host"].decode(), int(m["port"])
        if place not in (("127.0.0.1", conn.server.port),
                         ("localhost", conn.server.port)):
            conn.complain("AUTHENTICATE", f"a token for {place}")
    answer = checked(conn, m["user"].replace(b"=2C", b",").replace(
        b"=3D", b"="), m["token"])
    if answer.tagged.startswith(b"NO") and \
            conn.ask(base64.b64encode(b'{"status":"401"}')) != heard:
        conn.complain("AUTHENTICATE", "an error that was not heard")
    return answer


def decoded(text):
    if text == "*":
        raise Refused("cancelled")
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as e:
        raise ValueError from e


def checked(conn, name, password):
    account = conn.server.account(name.decode("utf-8", "replace"))
    conn.tried(name)
    if account is None or account.password.encode() != password:
        return Answer(tagged=b"NO [AUTHENTICATIONFAILED] wrong")
    conn.log_in(account)
    code = b""
    if "login" in conn.script.announce:
        code = b"[CAPABILITY " + conn.capability_line() + b"] "
    return Answer(tagged=b"OK " + code + b"welcome")


# Logged in

def id_(conn, command):
    return Answer([b'ID ("name" "scripted")'])


def select(conn, command):
    box = conn.mailbox
    conn.select(box.uids(), "(CONDSTORE)" in command.text.upper())
    lines = [f"FLAGS ({FLAGS})", f"{len(conn.view)} EXISTS", "0 RECENT",
             f"OK [UIDVALIDITY {box.uidvalidity}] as ever",
             f"OK [UIDNEXT {box.uidnext}] next",
             f"OK [PERMANENTFLAGS ({permanent(box)})] lasting"]
    if "CONDSTORE" in conn.capabilities():
        lines.append(f"OK [HIGHESTMODSEQ {box.modseq}] highest")
    return Answer([line.encode() for line in lines],
                  b"OK [READ-WRITE] selected")


def permanent(box):
    return rf"{FLAGS} \*" if box.permanent is None else box.permanent


def list_(conn, command):
    m = match(r'LIST (\(SPECIAL-USE\) )?"" (?:"((?:[^"\\]|\\.)*)"|\{\d+\+?\})',
              command)
    name = command.literals[0].decode() if m[2] is None else \
        re.sub(r"\\(.)", r"\1", m[2])
    trash, lines = conn.mailbox.trash, []
    if not m[1] and name in ("*", "INBOX"):
        lines.append(rb'LIST (\HasNoChildren) "/" INBOX')
    if trash is not None and name in ("*", trash):
        quoted = re.sub(r'(["\\])', r"\\\1", trash)
        lines.append(rf'LIST (\HasNoChildren \Trash) "/" "{quoted}"'.encode())
    return Answer(lines, b"OK listed")


def close(conn, command):
    """Expunges without a word; popinjay never sends it, other clients do."""
    conn.mailbox.remove(conn.mailbox.deleted())
    conn.state = grammar.LOGGED_IN
    return Answer()


def append(conn, command):
    m = match(r"APPEND \S+(?: \(([^)]*)\))?(?: \"[^\"]*\")? \{\d+\+?\}",
              command)
    uid = conn.mailbox.add(command.literals[-1], flags=(m[1] or "").split())
    return Answer(tagged=f"OK [APPENDUID {conn.mailbox.uidvalidity} {uid}]"
                         " kept".encode())


# Selected

def chosen(conn, set_text, by_uid):
    """The UIDs that a set names, present or already gone, in |view|."""
    if by_uid:
        return members(set_text, conn.view)
    numbers = members(set_text, list(range(1, len(conn.view) + 1)))
    return [conn.view[n - 1] for n in numbers]


def limited(conn, uids):
    """RFC 9738: only the highest UIDs are done, the lowest one is named."""
    limit = conn.script.messagelimit
    if not limit or len(uids) <= limit:
        return uids, b""
    uids = uids[-limit:]
    return uids, f"[MESSAGELIMIT {limit} {uids[0]}] ".encode()


def fetch(conn, command):
    m = match(r"(UID )?FETCH (\S+) (.*?)(?: \(CHANGEDSINCE (\d+)\))?", command)
    if m[4] and "CONDSTORE" not in conn.capabilities():
        raise Refused("no CONDSTORE")
    items = m[3].strip("()").upper().split(" ")
    if m[1] and "UID" not in items:
        items.insert(0, "UID")
    uids = chosen(conn, m[2], bool(m[1]))
    if m[4]:
        items.append("MODSEQ")
        uids = [uid for uid in uids if changed_since(conn, uid, int(m[4]))]
    uids, code = limited(conn, uids)
    lines = []
    for uid in uids:
        message = conn.mailbox.messages.get(uid)
        if message is None:
            continue                        # expunged elsewhere: IMAP-25
        data = b" ".join(fetch_item(conn, message, i) for i in items)
        lines.append(fetch_line(conn, uid, data))
    return Answer(lines, b"OK " + code + b"fetched")


def changed_since(conn, uid, modseq):
    message = conn.mailbox.messages.get(uid)
    return message is not None and message.modseq > modseq


def fetch_line(conn, uid, data):
    return b"%d FETCH (%s)" % (conn.sequence_number(uid), data)


def fetch_item(conn, message, item):
    if item == "UID":
        return b"UID %d" % message.uid
    if item == "FLAGS":
        return b"FLAGS (%s)" % " ".join(sorted(message.flags)).encode()
    if item == "MODSEQ":
        return b"MODSEQ (%d)" % message.modseq
    if item == "RFC822.SIZE":
        return b"RFC822.SIZE " + message.size.encode()
    m = re.fullmatch(r"(?:BODY(\.PEEK)?\[\](?:<(\d+)\.(\d+)>)?|RFC822)", item)
    if not m:
        raise Refused(f"cannot fetch {item}")
    if not m[1]:
        message.flags.add("\\Seen")
    if m[2] is None:
        name = b"RFC822" if item == "RFC822" else b"BODY[]"
        return name + b" " + literal(message.body)
    start, length = int(m[2]), int(m[3])
    part = message.body[start:start + length]
    return b"BODY[]<%d> %s" % (start, literal(part) if part else b'""')


def literal(octets):
    return b"{%d}\r\n%s" % (len(octets), octets)


def store(conn, command):
    m = match(r"(UID )?STORE (\S+) ([+-]?)FLAGS(\.SILENT)? \(?([^()]*)\)?",
              command)
    uids, code = limited(conn, chosen(conn, m[2], bool(m[1])))
    lines = []
    for uid in uids:
        if uid not in conn.mailbox.messages:
            continue
        conn.mailbox.flag(uid, m[5].split(), m[3] or "=")
        if not m[4]:
            data = fetch_item(conn, conn.mailbox.messages[uid], "FLAGS")
            uid_data = b"UID %d " % uid if m[1] else b""
            lines.append(fetch_line(conn, uid, uid_data + data))
    return Answer(lines, b"OK " + code + b"stored")


def copied(conn, command, verb):
    """The UIDs to copy, or why not."""
    m = match(rf'UID {verb} (\S+) (?:"((?:[^"\\]|\\.)*)"|\{{\d+\+?\}})', command)
    name = command.literals[0].decode() if m[2] is None else \
        re.sub(r"\\(.)", r"\1", m[2])
    if name != conn.mailbox.trash:
        return [], Answer(tagged=b"NO [TRYCREATE] no such mailbox")
    return members(m[1], conn.view), None


def copyuid(uids):
    if not uids:
        return b""
    return b"[COPYUID 5 %s 1:%d] " % (",".join(map(str, uids)).encode(),
                                     len(uids))


def uid_copy(conn, command):
    uids, refusal = copied(conn, command, "COPY")
    if refusal:
        return refusal
    done = conn.mailbox.copy_to_trash(uids)
    code = copyuid(done) if "UIDPLUS" in conn.capabilities() else b""
    return Answer(tagged=b"OK " + code + b"copied")


def uid_move(conn, command):
    uids, refusal = copied(conn, command, "MOVE")
    if refusal:
        return refusal
    uids, code = limited(conn, uids)
    done = conn.mailbox.copy_to_trash(uids)
    conn.mailbox.remove(done)
    return Answer([b"OK " + copyuid(done) + b"moved"],
                  b"OK " + code + b"done")


def expunge(conn, command):
    conn.mailbox.remove(conn.mailbox.deleted())
    return Answer(tagged=b"OK expunged")


def uid_expunge(conn, command):
    if not conn.capabilities() & {"UIDPLUS", "IMAP4REV2"}:
        return Answer(tagged=b"BAD no UIDPLUS")
    m = match(r"UID EXPUNGE (\S+)", command)
    flagged = set(conn.mailbox.deleted())
    uids, code = limited(conn, [u for u in members(m[1], conn.view)
                                if u in flagged])
    conn.mailbox.remove(uids)
    return Answer(tagged=b"OK " + code + b"expunged")


def search(conn, command):
    m = match(r"(UID )?SEARCH (RETURN \(ALL\) )?(.*)", command)
    found = set(conn.view) & set(conn.mailbox.uids())
    words = m[3].upper().split(" ")
    while words:
        word = words.pop(0)
        negate = word == "NOT"
        word = words.pop(0) if negate else word
        hits = search_key(conn, word, words)
        found = found - hits if negate else found & hits
    uids = sorted(found)
    numbers = uids if m[1] else [conn.sequence_number(u) for u in uids]
    rev2_only = "IMAP4REV2" in conn.capabilities() and \
        "IMAP4REV1" not in conn.capabilities()
    if m[2] or rev2_only:
        return Answer([esearch(command.tag, bool(m[1]), numbers)])
    return Answer([" ".join(["SEARCH", *map(str, numbers)]).encode()])


def search_key(conn, word, words):
    box = conn.mailbox.messages
    if word == "ALL":
        return set(box)
    if word == "UID":
        return set(members(words.pop(0), conn.view))
    if word in ("DELETED", "UNDELETED", "SEEN", "UNSEEN"):
        flag = "\\" + word.removeprefix("UN").capitalize()
        wanted = not word.startswith("UN")
        return {u for u, m in box.items() if (flag in m.flags) == wanted}
    if word in ("KEYWORD", "UNKEYWORD"):
        keyword = words.pop(0)
        return {u for u, m in box.items()
                if (keyword in {f.upper() for f in m.flags})
                == (word == "KEYWORD")}
    raise Refused(f"cannot search {word}")


def esearch(tag, by_uid, numbers):
    text = f'ESEARCH (TAG "{tag}")' + (" UID" if by_uid else "")
    if numbers:
        text += " ALL " + ",".join(map(str, numbers))
    return text.encode()


HANDLERS = {
    "CAPABILITY": capability, "NOOP": noop, "LOGOUT": logout,
    "STARTTLS": starttls, "LOGIN": login, "AUTHENTICATE": authenticate,
    "ID": id_, "SELECT": select, "EXAMINE": select, "CLOSE": close,
    "APPEND": append,
    "FETCH": fetch, "UID FETCH": fetch, "STORE": store, "UID STORE": store,
    "SEARCH": search, "UID SEARCH": search,
    "EXPUNGE": expunge, "UID EXPUNGE": uid_expunge,
    "LIST": list_, "UID COPY": uid_copy, "UID MOVE": uid_move,
}
