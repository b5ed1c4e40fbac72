"""An IMAP server that does what a function says: for what no honest server
does, and for octets that honest servers never let through.

    def injector(peer):
        peer.send(b"* OK ready\\r\\n")
        tag, command = peer.command()
        ...
    with FakeImap(injector) as fake: ...
"""

import re
import socket
import ssl
import threading

from support.ports import LOOPBACK, free_port


class Peer:
    """One connection of the proxy; |seen| keeps each line it sent."""

    def __init__(self, sock, seen):
        self.sock = sock
        self.seen = seen
        self._in = b""

    def send(self, octets):
        self.sock.sendall(octets)

    def line(self):
        while b"\r\n" not in self._in:
            more = self.sock.recv(65536)
            if not more:
                raise EOFError
            self._in += more
        line, _, self._in = self._in.partition(b"\r\n")
        self.seen.append(line)
        return line

    def command(self):
        """(tag, rest of the line)"""
        tag, _, rest = self.line().partition(b" ")
        return tag, rest

    def wrap(self, pair):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*pair)
        self.sock = context.wrap_socket(self.sock, server_side=True)


class FakeImap:
    """Runs |script|(peer) for each connection, on a thread of its own.

    pair: certificate and key for implicit TLS; None: clear text
    address: where it listens; None: at a port that nobody else is given, also
        when this one has ended
    """

    def __init__(self, script, pair=None, address=None):
        self._script = script
        self._pair = pair
        self._listener = socket.create_server(address or
                                              (LOOPBACK, free_port()))
        self._lock = threading.Lock()
        self._open = []
        self.port = self._listener.getsockname()[1]
        self.connections = 0
        self.seen = []

    def upstream_config(self, tls="none", ca_file=None):
        host = LOOPBACK if tls == "none" else "localhost"
        section = {"address": f"{host}:{self.port}", "tls": tls}
        if ca_file:
            section.update(ca_file=ca_file, server_name="localhost")
        return section

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self.connections += 1
                self._open.append(sock)
            threading.Thread(target=self._serve, args=(sock,),
                             daemon=True).start()

    def _serve(self, sock):
        peer = Peer(sock, self.seen)
        try:
            if self._pair:
                peer.wrap(self._pair)
            self._script(peer)
        except (EOFError, OSError):
            pass
        finally:
            peer.sock.close()

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *exc):
        # Wakes accept() as well; close() alone would not.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for sock in self._open:
                sock.close()


CAPABILITY = b"CAPABILITY IMAP4rev1 UIDPLUS SASL-IR LITERAL+ ID"


def clear_until_starttls(peer, behind=b""):
    """Greets, and comes back once STARTTLS was answered with OK.

    behind: octets in clear right behind that answer, in the same segment
    """
    capability = b"CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED"
    peer.send(b"* OK [" + capability + b"] ready\r\n")
    tag, command = peer.command()
    while command != b"STARTTLS":
        peer.send(b"* " + capability + b"\r\n" + tag + b" OK done\r\n")
        tag, command = peer.command()
    peer.send(tag + b" OK begin\r\n" + behind)


class Mailbox:
    """A script that serves |messages| and admits everyone.

    It keeps no state between connections but which UIDs are gone, and
    returns each message exactly as given: bare LF, NUL, whatever.
    starttls: certificate and key; no login is heard before STARTTLS then
    """

    def __init__(self, messages, starttls=None):
        self.starttls = starttls
        self.messages = {uid: m for uid, m in enumerate(messages, 1)}
        self.flagged = set()

    def __call__(self, peer):
        if self.starttls:
            clear_until_starttls(peer)
            peer.wrap(self.starttls)
        else:
            peer.send(b"* OK [" + CAPABILITY + b"] ready\r\n")
        self.serve(peer)

    def serve(self, peer):
        while True:
            tag, command = peer.command()
            verb = command.split(b" ")[0].upper()
            if verb == b"UID":
                verb = b"UID " + command.split(b" ")[1].upper()
            verdict = self.verdict(verb)
            if verdict == b"OK":
                self.answer(peer, verb, command)
            peer.send(tag + b" " + verdict + b" done\r\n")
            if verb == b"LOGOUT":
                return

    def verdict(self, verb):
        """OK, or what a subclass has against the command."""
        return b"OK"

    def answer(self, peer, verb, command):
        if verb == b"CAPABILITY":
            peer.send(b"* " + CAPABILITY + b"\r\n")
        elif verb == b"ID":
            peer.send(b"* ID NIL\r\n")
        elif verb == b"SELECT":
            peer.send(b"* FLAGS (\\Seen \\Deleted)\r\n* %d EXISTS\r\n"
                      b"* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT %d] ok\r\n"
                      % (len(self.messages), max(self.messages, default=0) + 1))
        elif verb == b"UID FETCH":
            self._fetch(peer, command)
        elif verb == b"UID STORE" and b"\\Deleted" in command:
            self.flagged.update(self._uids(command))
        elif verb == b"UID EXPUNGE":
            for uid in self._uids(command):
                if uid in self.flagged:
                    self.messages.pop(uid, None)
        elif verb == b"LOGOUT":
            peer.send(b"* BYE\r\n")

    def _uids(self, command):
        """The UIDs of a command's set that exist."""
        named = set()
        for part in command.split(b" ")[2].split(b","):
            low, _, high = part.partition(b":")
            top = max(self.messages, default=0)
            high = top if high == b"*" else int(high or low)
            named.update(range(int(low), min(high, top) + 1))
        return [uid for uid in sorted(self.messages) if uid in named]

    def _fetch(self, peer, command):
        partial = re.search(rb"BODY\.PEEK\[\]<(\d+)\.(\d+)>", command)
        named = set(self._uids(command))
        for number, uid in enumerate(sorted(self.messages), 1):
            if uid not in named:
                continue
            body = self.messages[uid]
            if b"BODY" not in command:
                peer.send(b"* %d FETCH (UID %d FLAGS () RFC822.SIZE %d)\r\n"
                          % (number, uid, len(body)))
                continue
            name = b"BODY[]"
            if partial:
                at, size = int(partial[1]), int(partial[2])
                name, body = b"BODY[]<%d>" % at, body[at:at + size]
            peer.send(b"* %d FETCH (UID %d %s {%d}\r\n"
                      % (number, uid, name, len(body)) + body + b")\r\n")
