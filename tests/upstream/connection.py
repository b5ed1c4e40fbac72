"""One connection of the scripted server, served by a thread of its own."""

import bisect
import re
import select
import socket
import ssl
import traceback

from upstream import commands, grammar
from upstream.play import Closed, play

SPLIT_PAUSE = 0.001     # seconds: enough for the peer to read one part alone
READ_TIMEOUT = 60       # seconds; a test is long over by then
LITERAL_AT_END = re.compile(r"\{(\d+)(\+?)\}$")


class Connection:
    def __init__(self, server, sock, number, script):
        self.server = server
        self.sock = sock
        self.number = number
        self.script = script
        self.state = grammar.CLEAR
        self.tls = isinstance(sock, ssl.SSLSocket)
        self.wants_tls = server.tls == "starttls"
        self.mailbox = server.any_account().mailbox
        self.view = []              # UIDs by sequence number
        self.condstore = False      # SELECT asked for it
        self.leaving = False
        self.start_tls_next = False
        self.silent = False
        self.sent = 0
        self._in = bytearray()      # grows in place: messages come this way
        self._tags = set()
        self._overlap = None        # the command during which more came
        self._held = b""            # answers that the next one overtakes
        sock.settimeout(READ_TIMEOUT)

    # The life of the connection

    def serve(self):
        try:
            self._greet()
            while not self.leaving:
                self._serve_one()
            self._drain()
        except (Closed, OSError):
            pass                    # a peer may leave at any octet
        except Exception:           # a fault of the server or the scenario
            self.complain("", traceback.format_exc())
        finally:
            self.close()

    def _greet(self):
        override = self.script.find("connect")
        code = b""
        if "greeting" in self.script.announce:
            code = b"[CAPABILITY " + self.capability_line() + b"] "
        model = commands.Answer([b"OK " + code + b"ready"], None)
        if override:
            play(self, override, lambda: model)
        else:
            self.write(model.octets(""))

    def _serve_one(self):
        command = self._read_command()
        if command is None or self.silent:
            return
        override = self.script.find(command.text)
        if override:
            play(self, override, self._model(command), command)
        else:
            self.finish(command.text,
                        self._model(command)().octets(command.tag))
        if self.start_tls_next:
            self.start_tls()

    def _model(self, command):
        def answer():
            with self.mailbox.lock:
                return commands.answer(self, command)
        return answer

    def finish(self, text, octets):
        """Writes the end of an answer; the client must have waited for it."""
        if self._input_waiting() and not grammar.may_be_unheard(text):
            if grammar.may_overlap(text):
                self._overlap = text
            else:
                self.complain(text, "more was sent before the answer")
        self.write(octets + self._held)
        self._held = b""

    def hold(self, text, octets):
        """Keeps an answer until the next one is out: RFC 9051 section 5.5."""
        self._held += octets
        self._overlap = text

    def _drain(self):
        """After LOGOUT: nothing more may come."""
        self.sock.settimeout(2)
        if self._in or self._says_more():
            self.complain("LOGOUT", "octets after it")

    def _says_more(self):
        """Ends our side; true if the peer sends more than its own end."""
        try:
            if self.tls:
                self.sock.unwrap()
                return False
            self.sock.shutdown(socket.SHUT_WR)
            return bool(self.sock.recv(1))
        except ssl.SSLError as e:
            return "APPLICATION_DATA" in (e.reason or "")
        except OSError:
            return False

    def start_tls(self):
        self.start_tls_next = False
        if self._in:
            self.complain("STARTTLS", "octets in clear after it")
        self.sock = self.server.certificate.wrap_socket(
            self.sock, server_side=True)
        self.tls = True

    def close(self):
        try:
            self.sock.close()
        except OSError:
            pass

    # Reading

    def _read_command(self):
        line = self.line()
        self._complain_all(line, grammar.line_complaints(line))
        text = line.decode("latin-1")
        tag, _, text = text.partition(" ")
        self._complain_all(text, grammar.tag_complaints(tag, self._tags))
        self._tags.add(tag)
        literals = []
        m = LITERAL_AT_END.search(text)
        while m:
            if not self._literal(tag, text, int(m[1]), not m[2], literals):
                return None
            more = self.line()
            self._complain_all(text, grammar.line_complaints(more))
            more = more.decode("latin-1")
            text += more
            m = LITERAL_AT_END.search(more)
        self.server.log(self.number, text)
        if self._overlap and not grammar.may_overlap(text):
            self.complain(text, f"sent during {self._overlap!r}")
        self._overlap = None
        self._complain_all(text, grammar.complaints(self, text))
        return commands.Command(tag, text, literals)

    def _literal(self, tag, text, size, synchronizing, literals):
        """Reads one literal; False when a scenario refuses it instead."""
        self._complain_all(text, grammar.literal_complaints(
            self, size, synchronizing))
        if synchronizing:
            if self._input_waiting():
                self.complain(text, "octets of a literal before the `+`")
            override = self.script.find(text, at_literal=True)
            if override:
                self.server.log(self.number, text)
                play(self, override, commands.Answer,
                     commands.Command(tag, text))
                return False
            self.write(b"+ go on\r\n")
        while len(self._in) < size:
            self._receive()
        literals.append(bytes(self._in[:size]))
        del self._in[:size]
        return True

    def ask(self, challenge):
        """Sends a challenge and reads the line that answers it."""
        if self._input_waiting():
            self.complain("AUTHENTICATE", "octets before the challenge")
        self.write(b"+ " + challenge + b"\r\n")
        line = self.line()
        if not re.fullmatch(rb"\*||" + grammar.BASE64.encode(), line):
            self.complain("AUTHENTICATE", "a reply that is not base64")
        return line.decode("latin-1")

    def line(self):
        while b"\n" not in self._in:
            self._receive()
        end = self._in.index(b"\n")
        line = bytes(self._in[:end])
        del self._in[:end + 1]
        if not line.endswith(b"\r"):
            self.complain(line.decode("latin-1"), "a bare LF")
        return line.removesuffix(b"\r")

    def _receive(self):
        octets = self.sock.recv(65536)
        if not octets:
            raise Closed
        self._in += octets

    def _input_waiting(self):
        if self._in or (self.tls and self.sock.pending()):
            return True
        return bool(select.select([self.sock], [], [], 0)[0]) \
            and self._peek()

    def _peek(self):
        """Tells octets from an end of the connection; reads what is there."""
        if self.tls:
            return False            # may be a TLS record without data
        return bool(self.sock.recv(1, socket.MSG_PEEK))

    # Writing

    def write(self, octets):
        cut = self.script.cut_after
        if cut is not None:
            octets = octets[:max(0, cut - self.sent)]
        for part in self._parts(octets):
            self.sock.sendall(part)
        self.sent += len(octets)
        self.server.count(self.number, len(octets))
        if cut is not None and self.sent >= cut:
            raise Closed

    def _parts(self, octets):
        """One write each: all, or as the script wants it cut."""
        at = (self.script.split_at or 0) - self.sent
        if 0 < at < len(octets):
            yield octets[:at]
            self.server.sleep(SPLIT_PAUSE)
            octets = octets[at:]
        step = 1 if self.script.octet_by_octet else len(octets) or 1
        for i in range(0, len(octets), step):
            yield octets[i:i + step]

    # What the model's answers ask of the connection

    def capability_line(self):
        stage = "clear" if self.state == grammar.CLEAR else "login"
        if stage == "clear" and self.tls and self.wants_tls:
            stage = "tls"
        return self.script.capability(stage).encode()

    def capabilities(self):
        return set(self.capability_line().decode().upper().split())

    def tried(self, name):
        """A login was judged; scripts may depend on the user."""
        self.server.logins.append(name.decode("utf-8", "replace"))

    def log_in(self, account):
        self.state = grammar.LOGGED_IN
        self.mailbox = account.mailbox
        if account.script:
            self.script = account.script

    def select(self, uids, condstore):
        self.state = grammar.SELECTED
        self.condstore = condstore
        self.view = uids

    def sequence_number(self, uid):
        return bisect.bisect_left(self.view, uid) + 1

    def news(self):
        """EXPUNGE and EXISTS lines for what changed since the last look."""
        lines, present = [], set(self.mailbox.messages)
        for uid in [u for u in self.view if u not in present]:
            lines.append(b"%d EXPUNGE" % self.sequence_number(uid))
            self.view.remove(uid)
        new = sorted(present - set(self.view))
        if new:
            self.view = sorted(self.view + new)
            lines.append(b"%d EXISTS" % len(self.view))
        return lines

    # Findings

    def complain(self, text, what):
        self.server.complain(f"connection {self.number}: {text!r}: {what}")

    def _complain_all(self, text, findings):
        if isinstance(text, bytes):
            text = text.decode("latin-1")
        for what in findings:
            self.complain(text, what)
