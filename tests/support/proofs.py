"""How a client proves that it knows a password without saying it: what is to be
computed, whichever way it is sent."""

import base64
import hashlib
import hmac
import re
import secrets


def coded(text):
    return base64.b64encode(text.encode()).decode()


def decoded(text):
    return base64.b64decode(text).decode()


def apop(password, greeting):
    """The digest; the timestamp stands somewhere in |greeting|."""
    stamp = re.search(r"<[!-~]+@[!-~]+>", greeting)[0]
    return hashlib.md5((stamp + password).encode()).hexdigest()


def cram_md5(user, password, challenge):
    digest = hmac.new(password.encode(), challenge.encode(), "md5")
    return f"{user} {digest.hexdigest()}"


class Scram:
    """SCRAM-SHA-256 without channel binding: RFC 5802, RFC 7677."""

    def __init__(self, user, password):
        self._password = password.encode()
        self._nonce = secrets.token_hex(12)
        self._bare = f"n={user},r={self._nonce}"
        self._signature = None

    @property
    def first(self):
        return f"n,,{self._bare}"

    def final(self, server_first):
        parts = dict(p.split("=", 1) for p in server_first.split(","))
        assert parts["r"].startswith(self._nonce)
        assert len(parts["r"]) > len(self._nonce)
        salted = hashlib.pbkdf2_hmac("sha256", self._password,
                                     base64.b64decode(parts["s"]),
                                     int(parts["i"]))
        final = f"c={coded('n,,')},r={parts['r']}"
        words = f"{self._bare},{server_first},{final}".encode()

        def digest(key, what):
            return hmac.new(key, what, "sha256").digest()
        client_key = digest(salted, b"Client Key")
        stored = hashlib.sha256(client_key).digest()
        proof = bytes(a ^ b for a, b in zip(client_key, digest(stored, words)))
        self._signature = digest(digest(salted, b"Server Key"), words)
        return f"{final},p={base64.b64encode(proof).decode()}"

    def is_server(self, server_final):
        """Whether who says so knows the password too."""
        return server_final == \
            f"v={base64.b64encode(self._signature).decode()}"
