"""One POP3 session against any upstream, and the judgement: did it lie?

Whatever the upstream does, these hold: a RETR or TOP that ends with its final
dot is the message, octet for octet; +OK to QUIT means that the marked messages
are gone; nothing is gone or flagged that was not marked, or before QUIT; each
command gets an answer, unless the proxy has already said why it hangs up.
"""

import time

from support.mail import top_of
from upstream.transcript import as_sent, check_status_line


class Lie(AssertionError):
    pass


class Session:
    """|messages|: {uid: octets}, ascending; message n is the n-th of them."""

    def __init__(self, client, user, mailbox):
        self.mailbox = mailbox
        self.messages = {u: m.body for u, m in mailbox.messages.items()}
        self.said = []              # (command, status line or None)
        self.marked = set()
        self.slowest = 0.0          # seconds for one reply
        self._client = client
        self._user = user
        self._ended = False
        self._may_end = False
        self._quit_sent = False

    def run(self):
        """Login, LIST, each message, TOP, DELE of all but one, QUIT."""
        last = len(self.messages)
        logged_in = self._say(f"USER {self._user}") and \
            self._say("PASS secret")
        if logged_in:
            self._listing("LIST")
            for n, body in enumerate(self.messages.values(), 1):
                self._content(f"RETR {n}", as_sent(body))
            body = list(self.messages.values())[1]
            self._content("TOP 2 1", as_sent(top_of(body, 1)))
            for n in range(1, last):
                if self._say(f"DELE {n}"):
                    self.marked.add(list(self.messages)[n - 1])
        self._quit()
        self._client.close()
        return self

    # The parts

    def _say(self, line):
        """Sends a command; True if it was answered +OK."""
        if self._ended:
            return False
        start = time.monotonic()
        self._quit_sent = self._quit_sent or line == "QUIT"
        try:
            reply = self._client.command(line)
        except (EOFError, ConnectionError) as e:
            self._ended = True
            self.said.append((line, None))
            if not self._may_end:
                raise Lie(f"{line}: no answer: {self.said}") from e
            return False
        self.slowest = max(self.slowest, time.monotonic() - start)
        text = reply.decode("ascii").removesuffix("\r\n")
        check_status_line(text)
        self.said.append((line, text))
        # A code that says: not your fault. The proxy may hang up after it.
        self._may_end = text.startswith("-ERR [SYS/")
        return text.startswith("+OK")

    def _lines(self):
        try:
            return self._client.lines()
        except (EOFError, ConnectionError):
            self._ended = self._may_end = True
            return None

    def _listing(self, line):
        if self._say(line):
            lines = self._lines()
            if lines is None:
                raise Lie(f"{line} broke off: {self.said}")

    def _content(self, line, wanted):
        if self._say(line):
            got = self._lines()
            if got is not None and got != wanted:
                raise Lie(f"{line}: {got!r} is not {wanted!r}")

    def _quit(self):
        all_gone = self._say("QUIT")
        box = self.mailbox
        with box.lock:
            left, flagged = set(box.uids()), set(box.deleted())
        allowed = self.marked if self._quit_sent else set()
        lost = set(self.messages) - left - allowed
        if lost:
            raise Lie(f"{lost} are gone: {self.said}")
        if flagged - allowed:
            raise Lie(f"{flagged - allowed} are flagged: {self.said}")
        if all_gone and self.marked & left:
            raise Lie(f"+OK, but {self.marked & left} remain: {self.said}")

    def reply(self, line):
        """The answer to a command; None if there was none."""
        return dict(self.said).get(line)

    def finished(self):
        return (self.reply("QUIT") or "").startswith("+OK")
