"""SCRAM-SHA-256 as a server plays it (RFC 5802, RFC 7677), and as it should not.

    tag, command = peer.command()      # AUTHENTICATE SCRAM-SHA-256 ...
    exchange = Exchange(peer, tag, command, "secret")
    exchange.run()
    exchange.flag                      # b"n", b"y", b"p=tls-exporter"

The peer is that of fake_imap.py, or has its send() and line().
"""

import base64
import hashlib
import hmac
import os


def _hmac(key, message):
    return hmac.digest(key, message, "sha256")


def _xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


class Exchange:
    """first(), final() and finish() are the server's three turns; what a test
    sets before them is how they are played.

    binding: what the channel is bound by, for -PLUS
    """

    iterations = 4096
    prefix = b""          # before the server's first message: m=...
    signature = True      # v= is right; False: wrong; None: is not sent
    altered_nonce = False

    def __init__(self, peer, tag, command, password, binding=None, **how):
        self._peer = peer
        self._tag = tag
        self._password = password.encode()
        self._binding = binding
        for name, value in how.items():
            setattr(self, name, value)
        words = command.split(b" ")
        assert words[0] == b"AUTHENTICATE"
        self.mechanism = words[1].decode()
        self.proven = False    # the client knows the password
        self._initial = words[2] if len(words) > 2 else None
        self.gave_up = False

    def run(self):
        """Whether the client is in, as an honest server sees it."""
        return (self.first() and self.final() and self.finish())

    def _answer(self, message):
        """The client's answer to |message|; None: it has given up."""
        self._peer.send(b"+ " + base64.b64encode(message) + b"\r\n")
        line = self._peer.line()
        if line == b"*":
            self.gave_up = True
            self._peer.send(self._tag + b" BAD given up\r\n")
            return None
        return base64.b64decode(line, validate=True)

    def first(self):
        initial = self._initial
        if initial is None:
            self._peer.send(b"+ \r\n")
            initial = self._peer.line()
        initial = base64.b64decode(initial, validate=True)
        self.flag, self.identity, self._bare = initial.split(b",", 2)
        self._header = initial[:-len(self._bare)]
        name, nonce = self._bare.split(b",")
        assert name[:2] == b"n=" and nonce[:2] == b"r="
        self.user = name[2:].decode()
        self.client_nonce = nonce[2:]
        if self.altered_nonce:
            nonce = b"r=" + self.client_nonce.swapcase()
        self._nonce = nonce[2:] + base64.b64encode(os.urandom(12))
        self._salt = os.urandom(16)
        self._first = self.prefix + b"r=%s,s=%s,i=%d" % (
            self._nonce, base64.b64encode(self._salt), self.iterations)
        self._final = self._answer(self._first)
        return self._final is not None

    def final(self):
        without, _, proof = self._final.rpartition(b",p=")
        salted = hashlib.pbkdf2_hmac("sha256", self._password, self._salt,
                                     self.iterations)
        client_key = _hmac(salted, b"Client Key")
        stored = hashlib.sha256(client_key).digest()
        message = b",".join((self._bare, self._first, without))
        self._signature = _hmac(_hmac(salted, b"Server Key"), message)
        key = _xor(base64.b64decode(proof), _hmac(stored, message))
        self.proven = hashlib.sha256(key).digest() == stored
        channel, nonce = without.split(b",")
        assert nonce == b"r=" + self._nonce
        assert channel[:2] == b"c="
        bound = base64.b64decode(channel[2:])
        assert bound.startswith(self._header)
        self.bound_by = bound[len(self._header):]
        if self.bound_by != (self._binding or b""):
            return self.fail(b"e=channel-bindings-dont-match")
        return self.proven or self.fail(b"e=invalid-proof")

    def fail(self, error):
        self._answer(error)
        self._peer.send(self._tag + b" NO [AUTHENTICATIONFAILED] no\r\n")
        return False

    def finish(self):
        if self.signature is not None:
            sent = self._signature if self.signature else bytes(32)
            if self._answer(b"v=" + base64.b64encode(sent)) is None:
                return False
        self._peer.send(self._tag + b" OK in\r\n")
        return True
