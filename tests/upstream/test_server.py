"""The scripted server itself: the model answers well, the strict half is
strict, and a scenario's steps do what the README says.

A server that overlooks a client's mistakes would make every scenario pass;
so each complaint is provoked here once.
"""

import base64
import imaplib
import pathlib
import socket
import ssl
import time

import pytest

from support.certificates import Authority
from upstream import honest, scenario
from upstream.model import Mailbox, SetError, members, parse_set
from upstream.script import Override, Script, Step, expand, matches, octets
from upstream.server import ScriptedServer
from upstream.transcript import as_sent, check_status_line, line_matches

SCENARIOS = pathlib.Path(__file__).parent / "scenarios"
BODY = b"Subject: x\r\n\r\n.body\r\n"
LOGIN = b'A1 LOGIN "device" "secret"\r\n'
SELECT = LOGIN + b"A2 SELECT INBOX\r\n"


@pytest.fixture
def server():
    with ScriptedServer() as s:
        s.add_account("device").add(BODY, uid=7)
        yield s


def talk(server, octets_, lockstep=True):
    """Sends lines as a client would, each after the answer to the last."""
    with socket.create_connection(("127.0.0.1", server.port), 5) as sock:
        got = sock.recv(4096)
        if not lockstep:
            sock.sendall(octets_)
            octets_ = b""
        for line in octets_.splitlines(keepends=True):
            sock.sendall(line)
            tag = line.split(b" ")[0] + b" "
            while not any(answer.startswith((tag, b"+ "))
                          for answer in got.splitlines()):
                more = sock.recv(65536)
                if not more:
                    break
                got += more
        sock.shutdown(socket.SHUT_WR)
        while more := sock.recv(65536):
            got += more
    assert server.wait_idle()
    return got


def script(*overrides, **kw):
    return Script(overrides=list(overrides), **kw)


def steps(*lines):
    out = []
    for line in lines:
        verb, _, text = line.partition(" ")
        out.append(Step(verb.rstrip(":"), text))
    return out


# The model

def test_imaplib_runs_a_whole_session(server):
    m = imaplib.IMAP4("127.0.0.1", server.port)
    m.login("device", "secret")
    assert m.append("INBOX", r"(\Seen)", None, b"Subject: y\r\n")[0] == "OK"
    assert m.select() == ("OK", [b"2"])
    assert m.response("UIDVALIDITY")[1] == [b"1700000000"]
    data = m.uid("FETCH", "1:*", "(UID FLAGS RFC822.SIZE)")[1]
    assert data == [b"1 (UID 7 FLAGS () RFC822.SIZE 21)",
                    rb"2 (UID 8 FLAGS (\Seen) RFC822.SIZE 12)"]
    assert m.uid("FETCH", "7", "(BODY.PEEK[])")[1][0][1] == BODY
    assert m.uid("FETCH", "7", "(BODY.PEEK[]<9.3>)")[1][0][1] == b"x\r\n"
    assert b'BODY[]<50> ""' in m.uid("FETCH", "7", "(BODY.PEEK[]<50.3>)")[1][0]
    m.uid("STORE", "7", "+FLAGS.SILENT", r"(\Deleted)")
    assert m.uid("SEARCH", "DELETED")[1] == [b"7"]
    assert m.uid("SEARCH", "NOT", "DELETED")[1] == [b"8"]
    m.uid("EXPUNGE", "7:8")
    assert m.response("EXPUNGE")[1] == [b"1"]
    m.logout()
    assert server.accounts["device"].mailbox.uids() == [8]


def test_changes_by_condstore(server):
    """RFC 7162: what was flagged or added since a mod-sequence."""
    server.script.capability_clear = "IMAP4rev1 AUTH=PLAIN CONDSTORE"
    box = server.accounts["device"].mailbox
    before = box.modseq
    talk(server, LOGIN + b"A2 SELECT INBOX (CONDSTORE)\r\n")
    box.add(b"x", 9)
    box.flag(7, ["\\Seen"])
    got = talk(server, LOGIN + b"A2 SELECT INBOX (CONDSTORE)\r\n"
               b"A3 UID FETCH 1:9 (UID FLAGS) (CHANGEDSINCE %d)\r\n"
               b"A4 UID FETCH 1:9 (UID FLAGS) (CHANGEDSINCE %d)\r\n"
               % (before, box.modseq))
    assert b"[HIGHESTMODSEQ %d]" % box.modseq in got
    assert got.count(b" FETCH (UID") == 2
    assert b"* 1 FETCH (UID 7 FLAGS (\\Seen) MODSEQ (%d))" % box.modseq in got
    assert not server.violations


def test_wrong_password_is_refused(server):
    m = imaplib.IMAP4("127.0.0.1", server.port)
    with pytest.raises(imaplib.IMAP4.error):
        m.login("device", "other")
    m.shutdown()


def test_authenticate_with_and_without_initial_response(server):
    secret = base64.b64encode(b"\0device\0secret")
    assert b"A1 OK" in talk(server, b"A1 AUTHENTICATE PLAIN " + secret
                            + b"\r\n")
    server.script.capability_clear = "IMAP4rev1 AUTH=PLAIN"
    # talk() takes the challenge for the answer and sends the next line.
    got = talk(server, b"A1 AUTHENTICATE PLAIN\r\n" + secret + b"\r\n")
    assert b"+ \r\nA1 OK" in got
    assert server.violations == []


def test_starttls_and_implicit_tls(tmp_path):
    ca = Authority(tmp_path)
    for mode in ("starttls", "implicit"):
        with ScriptedServer(
                script(capability_clear="IMAP4rev1 STARTTLS AUTH=PLAIN"),
                mode, ca.issue("scripted")) as s:
            s.add_account("device")
            context = ssl.create_default_context(cafile=ca.ca_file)
            if mode == "starttls":
                m = imaplib.IMAP4("localhost", s.port)
                m.starttls(context)
            else:
                m = imaplib.IMAP4_SSL("localhost", s.port,
                                      ssl_context=context)
            m.login("device", "secret")
            m.logout()


def test_another_client_is_heard_of(server):
    box = server.accounts["device"].mailbox
    with socket.create_connection(("127.0.0.1", server.port), 5) as sock:
        stream = sock.makefile("rwb", buffering=0)
        stream.readline()

        def command(line):
            stream.write(line)
            got = []
            while not got or not got[-1].startswith(line[:2]):
                got.append(stream.readline())
            return got
        command(LOGIN)
        command(b"A2 SELECT INBOX\r\n")
        box.add(b"new", uid=9)
        assert b"* 2 EXISTS\r\n" in command(b"A3 NOOP\r\n")
        box.remove([7])
        assert b"* 1 EXPUNGE\r\n" in command(b"A4 NOOP\r\n")
        assert command(b"A5 UID FETCH 7 (UID)\r\n") == [b"A5 OK fetched\r\n"]


def test_messagelimit_names_the_lowest_done(server):
    server.script.messagelimit = 2
    box = server.accounts["device"].mailbox
    for uid in (8, 9):
        box.add(b"x", uid=uid)
    got = talk(server, SELECT + b"A3 UID FETCH 1:* (UID)\r\n"
                                b"A4 UID FETCH 1:7 (UID)\r\n")
    assert b"UID 8)\r\n* 3 FETCH (UID 9)\r\nA3 OK [MESSAGELIMIT 2 8]" in got
    assert b"* 1 FETCH (UID 7)\r\nA4 OK fetched" in got


def test_sets():
    assert parse_set("1:4,7,9:*") == [(1, 4), (7, 7), (9, None)]
    assert members("2:3,9", [1, 2, 3, 9]) == [2, 3, 9]
    assert members("12:*", [1, 9]) == [9]       # IMAP-27
    for bad in ("", "0", "1,", "01", "1:2:3", "4294967296", "a"):
        with pytest.raises(SetError):
            parse_set(bad)


# The strict half

COMPLAINTS = {
    "a bare LF": b"A1 NOOP\n",
    "two spaces in a row": SELECT + b"A3 UID  FETCH 7 (UID)\r\n",
    "white space at the end": b"A1 NOOP \r\n",
    "outside printable ASCII": b"A1 NOOP\x01\r\n",
    "line of 1": b"A1 ID " + b"x" * 1000 + b"\r\n",
    "odd tag": b"A+1 NOOP\r\n",
    "tag A1 used twice": b"A1 NOOP\r\nA1 NOOP\r\n",
    "CLOSE is no command": SELECT + b"A3 CLOSE\r\n",
    "STATUS is no command": SELECT + b"A3 STATUS INBOX (MESSAGES)\r\n",
    "FETCH is no command": SELECT + b"A3 FETCH 1 (UID)\r\n",
    "STORE is no command": SELECT + rb"A3 STORE 1 +FLAGS (\Seen)" + b"\r\n",
    "ENABLE is no command": LOGIN + b"A3 ENABLE UTF8=ACCEPT\r\n",
    "COMPRESS is no command": LOGIN + b"A3 COMPRESS DEFLATE\r\n",
    "UID FETCH: bad syntax": SELECT + b"A3 UID FETCH 7 (BODY[])\r\n",
    "UID STORE: bad syntax": SELECT + b"A3 UID STORE 7 FLAGS ()\r\n",
    "SELECT in state clear": b"A1 SELECT INBOX\r\n",
    "UID FETCH in state login": LOGIN + b"A2 UID FETCH 7 (UID)\r\n",
    "SELECT: bad syntax": LOGIN + b"A2 SELECT Other\r\n",
    "descending": SELECT + b"A3 UID FETCH 9:7 (UID)\r\n",
    "not ascending": SELECT + b"A3 UID FETCH 9,7 (UID)\r\n",
    "are not one range": SELECT + b"A3 UID FETCH 7,8 (UID)\r\n",
    "201 ranges": SELECT + b"A3 UID FETCH " + b",".join(
        b"%d" % n for n in range(1, 402, 2)) + b" (UID)\r\n",
    "`*` in a set that changes": SELECT + b"A3 UID EXPUNGE 7:*\r\n",
    "LOGIN: bad syntax": b"A1 LOGIN device secret\r\n",
    "an initial response without": b"A1 AUTHENTICATE PLAIN AAAA\r\n",
    "AUTHENTICATE: bad syntax": b"A1 AUTHENTICATE PLAIN A\r\n",
    "GSSAPI is not offered": b"A1 AUTHENTICATE GSSAPI\r\n",
    "ID is not offered": LOGIN + b'A2 ID ("name" "x")\r\n',
    "ID: bad syntax": LOGIN + b"A2 ID NIL\r\n",
    "UID EXPUNGE without UIDPLUS": SELECT + b"A3 UID EXPUNGE 7\r\n",
    "CONDSTORE is not offered": LOGIN + b"A2 SELECT INBOX (CONDSTORE)\r\n",
    "CHANGEDSINCE without SELECT": SELECT + b"A3 UID FETCH 7 (UID) "
                                            b"(CHANGEDSINCE 1)\r\n",
    "literal that is not offered": b'A1 LOGIN "device" {6+}\r\nsecret\r\n',
}


@pytest.mark.parametrize("what", COMPLAINTS)
def test_complaint(server, what):
    server.script.capability_clear = "IMAP4rev1 AUTH=PLAIN"
    talk(server, COMPLAINTS[what], lockstep="literal" not in what)
    found = [v for v in server.violations if what in v]
    assert len(found) == 1, server.violations


def test_complaint_about_an_empty_mailbox(server):
    server.accounts["device"].mailbox.remove([7])
    talk(server, SELECT + b"A3 UID FETCH 1:* (UID)\r\n")
    assert "mailbox is empty" in server.violations[0]


def test_complaint_about_login_where_it_is_disabled(server):
    server.script.capability_clear = "IMAP4rev1 LOGINDISABLED"
    talk(server, LOGIN)
    assert "LOGINDISABLED" in server.violations[0]


def test_complaint_about_a_password_before_tls(tmp_path):
    pair = Authority(tmp_path).issue("scripted")
    with ScriptedServer(tls="starttls", certificate=pair) as s:
        s.add_account("device")
        talk(s, LOGIN)
        assert "a password before TLS" in s.violations[0]


def test_complaint_about_long_literal_minus(server):
    server.script.capability_clear = "IMAP4rev1 LITERAL-"
    talk(server, b'A1 LOGIN "device" {4097+}\r\n' + b"x" * 4097 + b"\r\n",
         lockstep=False)
    assert "literal of 4097" in server.violations[0]


def test_complaint_about_octets_before_the_plus(server):
    talk(server, b'A1 LOGIN "device" {6}\r\nsecret\r\n', lockstep=False)
    assert "before the `+`" in server.violations[0]


def test_complaint_about_overlap(server):
    talk(server, LOGIN + b"A2 NOOP\r\nA3 NOOP\r\n", lockstep=False)
    assert "before the answer" in server.violations[0]


def test_read_ahead_may_overlap(server):
    def fetch(tag):
        return tag + b" UID FETCH 7 (UID BODY.PEEK[])\r\n"
    with socket.create_connection(("127.0.0.1", server.port), 5) as sock:
        sock.recv(4096)
        for line in (LOGIN, b"A2 SELECT INBOX\r\n"):
            sock.sendall(line)
            while b" OK [" not in sock.recv(4096):
                pass
        sock.sendall(fetch(b"A3") + fetch(b"A4") + fetch(b"A5"))
        got = b""
        while b"A5 OK" not in got:
            got += sock.recv(4096)
        assert server.violations == []
        sock.sendall(fetch(b"A6") + b"A7 NOOP\r\n")
        while b"A7 OK" not in got:
            got += sock.recv(4096)
    assert "sent during" in server.violations[0]


def test_answers_in_another_order(server):
    server.script.overrides.append(
        Override("UID FETCH 7", [Step("model"), Step("hold")], nth=1))
    fetch = b" UID FETCH 7 (UID BODY.PEEK[])\r\n"
    with socket.create_connection(("127.0.0.1", server.port), 5) as sock:
        sock.recv(4096)
        for line in (LOGIN, b"A2 SELECT INBOX\r\n"):
            sock.sendall(line)
            while b" OK [" not in sock.recv(4096):
                pass
        sock.sendall(b"A3" + fetch + b"A4" + fetch)
        got = b""
        while b"A3 OK" not in got:
            got += sock.recv(4096)
        assert b"A4 OK" in got
        assert server.violations == []
        server.script.overrides[0].seen = 0
        sock.sendall(b"A5" + fetch + b"A6 NOOP\r\n")
        while b"A5 OK" not in got:
            got += sock.recv(4096)
    assert "sent during" in server.violations[0]


def test_complaint_about_octets_behind_logout(server):
    talk(server, b"A1 LOGOUT\r\nA2 NOOP\r\n", lockstep=False)
    assert server.violations


def test_a_fault_of_a_scenario_is_reported(server):
    server.script = script(Override("NOOP", steps("deliver 99")))
    talk(server, b"A1 NOOP\r\n")
    assert "KeyError" in server.violations[0]


# Steps

def test_steps_that_say(server):
    server.script = script(
        Override("NOOP", steps("S: * OK {literal 7} {size 7}<ESC>",
                               "raw * X<CR><LF>", "S: {tag} OK {3 times ab}"),
                 nth=2),
        Override("UID FETCH 7", steps("data twice", "S: {tag} NO but")),
        Override("SELECT", steps("model without UIDNEXT")))
    got = talk(server, b"A1 NOOP\r\nA2 NOOP\r\n" + LOGIN.replace(
        b"A1", b"A3") + b"A4 SELECT INBOX\r\nA5 UID FETCH 7 (UID)\r\n")
    assert b"A1 OK done\r\n" in got
    assert b"* OK {21}\r\n" + BODY + b" 21\x1b\r\n* X\r\n" in got
    assert b"A2 OK ababab\r\n" in got
    assert b"UIDNEXT" not in got and b"UIDVALIDITY" in got
    assert b"* 1 FETCH (UID 7)\r\n" * 2 + b"A5 NO but\r\n" in got


def test_each_override_counts_for_itself(server):
    server.script = script(
        Override("NOOP", steps("S: {tag} OK one"), nth=1),
        Override("NOOP", steps("S: {tag} OK two"), nth=2),
        Override("NOOP", steps("S: {tag} OK more")))
    got = talk(server, b"A1 NOOP\r\nA2 NOOP\r\nA3 NOOP\r\n")
    assert got.splitlines()[1:] == [b"A1 OK one", b"A2 OK two", b"A3 OK more"]


def test_steps_that_end(server):
    for verb in ("close", "reset"):
        server.script = script(Override("NOOP", steps("S: * BYE", verb)))
        with socket.create_connection(("127.0.0.1", server.port), 5) as sock:
            sock.recv(4096)
            sock.sendall(b"A1 NOOP\r\n")
            try:
                got = sock.recv(100)
                assert got == b"* BYE\r\n" and sock.recv(100) == b""
                assert verb == "close"
            except ConnectionResetError:
                assert verb == "reset"


def test_silence(server):
    server.script = script(Override("NOOP", steps("silence")))
    with socket.create_connection(("127.0.0.1", server.port), 0.3) as sock:
        sock.recv(4096)
        sock.sendall(b"A1 NOOP\r\n")
        with pytest.raises(TimeoutError):
            sock.recv(100)
        sock.sendall(b"A2 CAPABILITY\r\n")
        with pytest.raises(TimeoutError):
            sock.recv(100)


def test_steps_that_change(server):
    box = server.accounts["device"].mailbox
    box.add(b"later", uid=9)
    box.later[9] = box.messages.pop(9)
    server.script = script(Override("NOOP", steps(
        "deliver 9", r"flag 9 \Deleted \Seen", r"unflag 9 \Seen",
        "uidvalidity 5", "expunge 7", "model")))
    talk(server, b"A1 NOOP\r\n")
    assert box.uids() == [9] and box.uidvalidity == 5
    assert box.messages[9].flags == {"\\Deleted"}


def test_cut_after(server):
    for cut in (0, 1, 12, 13, 50):
        server.script = script(cut_after=cut)
        with socket.create_connection(("127.0.0.1", server.port), 5) as sock:
            got = b""
            sock.sendall(b"A1 CAPABILITY\r\n")
            try:
                while more := sock.recv(100):
                    got += more
            except ConnectionResetError:
                pass
        assert len(got) <= cut
        assert server.octets_sent[server.opened] == cut


def test_plan_gives_scripts_to_connections_in_order(server):
    server.plan.append(script(Override("connect", steps("S: * BYE"))))
    for wanted in (b"* BYE", b"* OK ready"):
        with socket.create_connection(("127.0.0.1", server.port), 5) as sock:
            assert sock.recv(100).startswith(wanted)


def test_text_of_scenarios():
    assert octets("a<CR><LF><00>{2 times <FF>}<x@y>") == \
        b"a\r\n\0\xff\xff<x@y>"
    assert matches("UID FETCH 7 (*BODY", "uid fetch 7 (UID BODY.PEEK[])")
    assert not matches("UID FETCH 7 ", "UID FETCH 77 (UID)")
    assert matches(r"\*", "*", whole=True)
    assert not matches(r"\*", "x", whole=True)
    box = ScriptedServer().add_account("x")
    box.add(b'a "b"', uid=1)
    assert expand("{quoted 1} {literal 1<2.3>} {tag}", "A1", box) == \
        b'"a \\"b\\"" {3}\r\n"b" A1'


def test_replies_are_judged():
    assert line_matches("+OK", "+OK") and line_matches("+OK", "+OK hello")
    assert not line_matches("+OK", "+OKAY")
    assert line_matches("+OK 2 50", "+OK 2 50")
    assert not line_matches("+OK 2 5", "+OK 2 50")
    assert line_matches("-ERR", "-ERR gone")
    assert not line_matches("-ERR", "-ERR [SYS/TEMP] no")
    assert line_matches("-ERR*", "-ERR [SYS/TEMP] no")
    assert not line_matches("-ERR [AUTH]", "-ERR [SYS/TEMP] no")
    for bad in ("-ERR [X] no", "-ERR no \x1b", "ERR", "+OK" + "x" * 600,
                "-ERR not [AUTH]"):
        with pytest.raises(AssertionError):
            check_status_line(bad)
    assert as_sent(b"a\n.\n..b") == b"a\r\n..\r\n...b\r\n.\r\n"
    assert as_sent(b"") == b".\r\n"


# The judge of hostile sessions

class Puppet:
    """A POP3 server in the place of a client: |replies| by command."""

    def __init__(self, box, replies=None, at_quit=()):
        self.box = box
        self.at_quit = at_quit
        self.replies = replies or {}
        self._n = 0

    def command(self, line):
        if line.startswith(("RETR", "TOP")):
            self._n = int(line.split()[1])
        if line == "QUIT":
            self.box.remove(self.at_quit)
        reply = self.replies.get(line, b"+OK")
        if reply is None:
            raise EOFError
        return reply + b"\r\n"

    def lines(self):
        body = list(BODIES.values())[self._n - 1] if self._n else b""
        return as_sent(body)

    def close(self):
        pass


BODIES = {3: b"one\r\n", 5: b"two\r\n", 8: b"three\r\n"}


def judged(replies=None, at_quit=(3, 5), change=None):
    box = Mailbox()
    for uid, body in BODIES.items():
        box.add(body, uid)
    puppet = Puppet(box, replies, at_quit)
    session = honest.Session(puppet, "u", box)
    if change:
        change(box, puppet)
    return session.run()


def test_an_honest_session_passes():
    assert judged().finished()
    assert not judged({"QUIT": b"-ERR [SYS/TEMP] x"}, at_quit=[3]).finished()
    judged({"RETR 2": b"-ERR gone", "DELE 2": b"-ERR no"}, at_quit=[3])
    judged({"PASS secret": b"-ERR [SYS/TEMP] x", "QUIT": None}, at_quit=())


@pytest.mark.parametrize("replies, at_quit, complaint", [
    ({}, [3], "remain"),
    ({}, [3, 5, 8], "gone"),
    ({"DELE 2": b"-ERR no"}, [3, 5], "gone"),
    ({"RETR 1": None}, [], "no answer"),
    ({"QUIT": None}, [3, 5], "no answer"),
    ({"RETR 1": b"+OK [X] y"}, [3, 5], "code"),
])
def test_a_lie_is_found(replies, at_quit, complaint):
    with pytest.raises(AssertionError, match=complaint):
        judged(replies, at_quit)


def test_another_message_is_found():
    def swap(box, puppet):
        puppet.lines = lambda: as_sent(b"two\r\n")
    with pytest.raises(honest.Lie, match="RETR 1"):
        judged(change=swap)


def test_a_foreign_flag_is_found():
    with pytest.raises(honest.Lie, match="flagged"):
        judged(change=lambda box, _: box.flag(8, ["\\Deleted"]))


# Scenario files

@pytest.mark.parametrize("path", sorted(SCENARIOS.rglob("*.scn")),
                         ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_scenario_file_reads(path):
    scn = scenario.read(path)
    assert scn.pop3 and scn.after and all(scn.shows)


@pytest.mark.parametrize("text, complaint", [
    ("on NOOP\n  sing\n", "unknown step 'sing'"),
    ("frobnicate\n", "unknown directive"),
    ("  indented\n", "under nothing"),
    ("messages 1:2\n", "Shows"),
    ("# a\n# Shows: X.\n", "needs `pop3`"),
])
def test_mistakes_in_a_scenario_are_named(tmp_path, text, complaint):
    path = tmp_path / "x.scn"
    path.write_text(text)
    with pytest.raises(scenario.ScenarioError, match=complaint):
        scenario.read(path)


def test_a_session_is_quick(server):
    start = time.monotonic()
    for _ in range(50):
        talk(server, SELECT)
    assert time.monotonic() - start < 5
