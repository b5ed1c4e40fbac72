"""Maildirs made in bulk, by writing files: mail that nobody had to deliver.

All messages of one size are written once; users' mailboxes are hard links to
them, so that a maildrop of 100,000 messages costs names only. Lines end in
CRLF on disk too: the upstream is to send octets, not to convert them.
"""

import base64
import hashlib
import os
import random

# A file system may allow only 65,000 names for one file.
DISTINCT_MAX = 1000
LINE = 76                            # characters of base64 on a line
LONG_AGO = 1_700_000_000
DOT_EVERY = 50                       # lines, to have some dots to stuff


def message(number, size):
    """|size| octets, at least 400, the same for the same arguments."""
    head = (f"From: Parrot <parrot@example.org>\r\n"
            f"To: Bench <bench@example.org>\r\n"
            f"Subject: message {number} of {size} octets\r\n"
            f"Date: Thu, 01 Oct 2026 10:00:00 +0000\r\n"
            f"Message-ID: <{number}.{size}@example.org>\r\n\r\n").encode()
    noise = random.Random(number).randbytes(
        min(size, 1_000_000) * 3 // 4 + LINE)
    text = base64.b64encode(noise)
    block = b"".join(
        (b"." if i % (DOT_EVERY * LINE) == 0 else b"") + text[i:i + LINE]
        + b"\r\n" for i in range(0, len(text) - LINE, LINE))
    body = block * (size // len(block) + 1)
    cut = (head + body)[:size - 2]
    # No CR that stands alone where the cut falls between it and its LF.
    return (cut[:-1] + b"=" if cut.endswith(b"\r") else cut) + b"\r\n"


class MailStore:
    """The folder below which Dovecot finds ~/USER as a Maildir."""

    def __init__(self, folder, owner):
        """owner: (uid, gid) that the files have to belong to."""
        self._folder = os.path.join(folder, "mail")
        self._pool = os.path.join(folder, "pool")
        self._owner = owner
        self._sets = {}               # (count, size): [(path, octets, hash)]
        for path in (self._folder, self._pool):
            os.mkdir(path, 0o700)
            os.chown(path, *owner)

    @property
    def location(self):
        return f"maildir:{self._folder}/%u"

    def _files(self, count, size):
        """The distinct messages that |count| of |size| octets are made of."""
        distinct = min(count, DISTINCT_MAX if size < 1_000_000 else 10)
        if (distinct, size) not in self._sets:
            self._sets[distinct, size] = [
                self._write(number, size) for number in range(distinct)]
        return self._sets[distinct, size]

    def _write(self, number, size):
        octets = message(number, size)
        path = os.path.join(self._pool, f"{size}.{number}")
        with open(path, "wb") as f:
            f.write(octets)
        os.chown(path, *self._owner)
        return path, len(octets), hashlib.sha256(octets).hexdigest()

    def fill(self, user, count, size):
        """Gives |user| an INBOX of |count| messages of |size| octets.

        They are marked as seen, so that nothing changes when they are read,
        and bear their sizes (S, W), so that nothing is read to list them.
        """
        home = os.path.join(self._folder, user)
        for name in ("", "cur", "new", "tmp"):
            os.mkdir(os.path.join(home, name), 0o700)
            os.chown(os.path.join(home, name), *self._owner)
        files = self._files(count, size)
        for n in range(count):
            path, octets, _ = files[n % len(files)]
            os.link(path, f"{home}/cur/{LONG_AGO}.M{n:06d}P1.bench,"
                          f"S={octets},W={octets}:2,S")
        # Folders that have just changed are looked through at each SELECT.
        for name in ("cur", "new"):
            os.utime(os.path.join(home, name), (LONG_AGO, LONG_AGO))

    def manifest(self, path, count, size):
        """Writes what `load` verifies by: `OCTETS SHA256` of each message."""
        files = self._files(count, size)
        with open(path, "w", encoding="ascii") as f:
            for n in range(count):
                _, octets, digest = files[n % len(files)]
                f.write(f"{octets} {digest}\n")
        return path
