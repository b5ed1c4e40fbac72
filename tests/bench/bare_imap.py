"""The least that an IMAP client can do: what the upstream itself takes.

Answers are read and thrown away in large pieces, so that the time is that of
the server and not of Python.
"""

import socket
import ssl
import time

from support.ports import LOOPBACK

PIECE = 1 << 20


class BareImap:
    """A session with the IMAP server on |port|: TLS from the start."""

    def __init__(self, port, ca_file):
        context = ssl.create_default_context(cafile=ca_file)
        plain = socket.create_connection((LOOPBACK, port), timeout=120)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = context.wrap_socket(plain, server_hostname="localhost")
        self._tags = 0
        self._until(b"* OK")

    def _until(self, end, seen=b"\r\n"):
        """Reads on, behind |seen|, to the end of a line that has |end|."""
        while end not in seen or not seen.endswith(b"\r\n"):
            piece = self._socket.recv(PIECE)
            if not piece:
                raise OSError("the IMAP server closed the connection")
            # Enough to find the tagged answer, which is short.
            seen = (seen + piece)[-1000:]
        return seen

    def _send(self, command):
        self._tags += 1
        tag = b"b%d" % self._tags
        self._socket.sendall(tag + b" " + command.encode() + b"\r\n")
        return tag

    def command(self, command):
        """Seconds from the command to its tagged OK."""
        start = time.monotonic()
        tag = self._send(command)
        answer = self._until(b"\r\n" + tag + b" ")
        if b"\r\n" + tag + b" OK" not in answer:
            raise OSError(f"{command.split()[0]}: {answer[-200:]!r}")
        return time.monotonic() - start

    def first_octet(self, command):
        """Seconds from the command to its first octets; the rest is read."""
        start = time.monotonic()
        tag = self._send(command)
        first = self._socket.recv(PIECE)
        seconds = time.monotonic() - start
        self._until(b"\r\n" + tag + b" ", first[-1000:])
        return seconds

    def close(self):
        self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


def listing(port, ca_file, user, password, fetch=True):
    """Seconds of each step of listing the INBOX of |user|; without |fetch|,
    to the end of SELECT only."""
    with BareImap(port, ca_file) as imap:
        steps = {"login": imap.command(f"LOGIN {user} {password}"),
                 "select": imap.command("SELECT INBOX")}
        if fetch:
            steps["fetch"] = imap.command(
                "UID FETCH 1:* (UID FLAGS RFC822.SIZE)")
        return steps
