"""The scripted IMAP server: a listener on loopback and its connections.

It lives in the test's own process: one thread accepts, one thread serves a
connection. What clients did wrong is in `violations`, what they sent is in
`wire`; both are read by the test at its end.
"""

import socket
import ssl
import threading
import time
from collections import deque
from dataclasses import dataclass

from upstream.connection import Connection
from upstream.model import Mailbox
from upstream.script import Script


@dataclass
class Account:
    password: str
    mailbox: Mailbox
    script: Script = None       # None: the script of the connection


class ScriptedServer:
    """start() it, point popinjay at 127.0.0.1:port, stop() it.

    tls: none, implicit or starttls; the last two need |certificate|, a pair
    of file names (certificate, key).
    """

    def __init__(self, script=None, tls="none", certificate=None):
        self.script = script or Script()
        self.tls = tls
        self.accounts = {}
        self.plan = deque()         # scripts for the next connections
        self.wire = []              # (connection, command text)
        self.violations = []
        self.logins = []            # names that were tried
        self.octets_sent = {}       # by connection number
        self.connections = []       # open now
        self.opened = 0             # connections ever accepted
        self.certificate = None
        if certificate:
            self.certificate = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.certificate.load_cert_chain(*certificate)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = set()

    # Life

    def start(self, port=0):
        self._stop.clear()
        self._listener = socket.create_server(("127.0.0.1", port),
                                              backlog=256)
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()
        return self

    def stop(self):
        """Ends all connections; start(port) serves again."""
        self._stop.set()
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()
        for conn in list(self.connections):
            try:
                conn.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self._thread.join(5)
        for thread in list(self._threads):
            thread.join(5)

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        self.stop()

    def _accept(self):
        while not self._stop.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            thread = threading.Thread(target=self._serve, args=(sock,),
                                      daemon=True)
            with self._lock:
                self.opened += 1
                number = self.opened
                script = self.plan.popleft() if self.plan else self.script
                self._threads.add(thread)
            thread.number, thread.script = number, script
            thread.start()

    def _serve(self, sock):
        thread = threading.current_thread()
        conn = None
        try:
            sock.settimeout(10)
            if self.tls == "implicit":
                sock = self.certificate.wrap_socket(sock, server_side=True)
            conn = Connection(self, sock, thread.number, thread.script)
            self.connections.append(conn)
            conn.serve()
        except OSError:
            sock.close()
        finally:
            if conn:
                self.connections.remove(conn)
            self._threads.discard(thread)

    # What connections ask for

    def account(self, name):
        """Tests that make accounts up as they go override this."""
        return self.accounts.get(name)

    def any_account(self):
        return next(iter(self.accounts.values()), Account("", Mailbox()))

    def add_account(self, name, password="secret", mailbox=None, script=None):
        self.accounts[name] = Account(password, mailbox or Mailbox(), script)
        return self.accounts[name].mailbox

    def log(self, number, text):
        self.wire.append((number, text))

    def count(self, number, octets):
        self.octets_sent[number] = self.octets_sent.get(number, 0) + octets

    def complain(self, what):
        self.violations.append(what)

    def sleep(self, seconds):
        self._stop.wait(seconds)

    # What tests and scenarios do meanwhile

    def change(self, mailbox, verb, text):
        """deliver 9; expunge 7; flag 8 \\Deleted; uidvalidity 5."""
        words = text.split()
        if verb == "uidvalidity":
            mailbox.uidvalidity = int(words[0])
        elif verb == "deliver":
            mailbox.deliver(int(words[0]))
        elif verb == "expunge":
            mailbox.remove(map(int, words))
        elif verb in ("flag", "unflag"):
            mailbox.flag(int(words[0]), words[1:],
                         "+" if verb == "flag" else "-")
        else:
            raise ValueError(f"unknown step {verb!r}")

    def broadcast(self, octets):
        """Says something unasked on every open connection."""
        for conn in list(self.connections):
            conn.write(octets)

    def hang_up(self):
        for conn in list(self.connections):
            conn.sock.shutdown(socket.SHUT_RDWR)

    def wait_idle(self, seconds=10, resting=lambda: 0):
        """True once no client is connected any more, but those |resting|."""
        end = time.monotonic() + seconds
        while len(self.connections) > resting():
            if time.monotonic() > end:
                return False
            time.sleep(0.005)
        return True
