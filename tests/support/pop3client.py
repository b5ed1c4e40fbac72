"""A POP3 client that shows each octet: nothing is stripped or unstuffed
unless asked, and anything may be sent."""

import re
import socket
import ssl

from support.ports import LOOPBACK


class Pop3Error(Exception):
    """A -ERR; the text is the whole reply line."""


class Pop3Client:
    def __init__(self, port, ca_file=None, tls=False, timeout=30,
                 greeting=True, server_name="localhost", source=None):
        self._ca_file = ca_file
        self._server_name = server_name
        self._sock = socket.create_connection((LOOPBACK, port), timeout,
                                              source and (source, 0))
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._in = b""
        if tls:
            self.wrap()
        self.greeting = self.line() if greeting else None

    def wrap(self, alpn=None):
        """The TLS handshake; what was read in clear before must be nothing."""
        assert self._in == b"", f"octets before TLS: {self._in!r}"
        context = ssl.create_default_context(cafile=self._ca_file)
        # Python hides by default how a connection ended.
        context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
        if alpn:
            context.set_alpn_protocols(alpn)
        self._sock = context.wrap_socket(self._sock,
                                         server_hostname=self._server_name)

    @property
    def socket(self):
        return self._sock

    def send(self, octets):
        self._sock.sendall(octets)

    def drip(self, octets):
        """One octet a segment, as far as the kernel lets us decide it."""
        for n in range(len(octets)):
            self._sock.sendall(octets[n:n + 1])

    def _fill(self):
        more = self._sock.recv(262144)
        if not more:
            raise EOFError("the proxy closed the connection")
        self._in += more

    def line(self):
        """One line, with its end."""
        while b"\n" not in self._in:
            self._fill()
        line, end, self._in = self._in.partition(b"\n")
        return line + end

    def read(self, count):
        """|count| octets, just as they came."""
        while len(self._in) < count:
            self._fill()
        octets, self._in = self._in[:count], self._in[count:]
        return octets

    def read_some(self, most):
        """One octet to |most|: what is there, without a copy of its own."""
        if not self._in:
            self._fill()
        octets, self._in = self._in[:most], self._in[most:]
        return octets

    def rest(self):
        """All octets to the end of the connection."""
        try:
            while True:
                self._fill()
        except (EOFError, ConnectionError, ssl.SSLError):
            octets, self._in = self._in, b""
            return octets

    def at_end(self, seconds=10):
        """Is nothing to be read any more but the end of the connection?"""
        self._sock.settimeout(seconds)
        return self.rest() == b""

    def lines(self):
        """The octets of a multi-line reply up to and with the final dot."""
        got = bytearray(b"\r\n")       # the reply may be the dot alone
        while True:
            searched = max(0, len(got) - 4)
            got += self._in
            self._in = b""
            end = got.find(b"\r\n.\r\n", searched)
            if end >= 0:
                self._in = bytes(got[end + 5:])
                return bytes(got[2:end + 5])
            self._fill()

    def command(self, line):
        """Sends a command, returns the first line of the reply."""
        self.send(line.encode("utf-8") + b"\r\n")
        return self.line()

    def ok(self, line):
        """As command(); a Pop3Error unless the reply is +OK."""
        reply = self.command(line)
        if not reply.startswith(b"+OK"):
            raise Pop3Error(reply.decode())
        return reply

    def err(self, line):
        """As command(), where -ERR is what has to come."""
        reply = self.command(line)
        assert reply.startswith(b"-ERR"), f"{line}: {reply!r}"
        return reply

    def multi(self, line):
        """Sends a command; the octets of its reply's lines, still stuffed."""
        self.ok(line)
        return self.lines()

    def listing(self, line):
        """The lines of a multi-line reply as text, without their ends."""
        return [row.decode() for row in
                self.multi(line).split(b"\r\n")[:-2]]

    def retr(self, number):
        """A message as a mail program sees it: dots unstuffed."""
        return unstuff(self.multi(f"RETR {number}"))

    def stls(self):
        self.ok("STLS")
        self.wrap()

    def login(self, user, password):
        self.ok(f"USER {user}")
        return self.ok(f"PASS {password}")

    def quit(self):
        """QUIT and the end of the connection; returns the reply."""
        reply = self.ok("QUIT")
        assert self.at_end()
        self.close()
        return reply

    def close(self):
        self._sock.close()

    def abort(self):
        """Vanishes: a reset instead of an orderly end."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                              b"\1\0\0\0\0\0\0\0")
        self._sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


def unstuff(reply):
    """The message in the octets of lines(): a check of the framing too."""
    assert reply.endswith(b".\r\n"), reply[-20:]
    body = reply[:-3]
    assert body == b"" or body.endswith(b"\r\n")
    # Whoever splits lines at a lone LF must not see a false end either.
    assert not re.search(rb"\n\.\r?\n", b"\n" + body)
    return re.sub(rb"(?m)^\.", b"", body)
