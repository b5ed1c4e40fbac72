"""The store of mail as it lies on the disk: Maildirs, read past all servers."""

import collections
import dataclasses
import os
import re

TRASH = "Trash"
# By this, and not by their names, files are told apart: a server that moves a
# message to another mailbox gives it another name.
IDENT = re.compile(rb"(?m)^Message-ID: <(\d+)@soak\.example>\r$")
HEAD_OCTETS = 1000
KEPT = "$popinjaykept-"


@dataclasses.dataclass(frozen=True)
class Place:
    """flags: the letters of Maildir; is_kept: with the keyword of on_delete"""
    box: str
    flags: str
    is_kept: bool


def ident_of(octets):
    """The number that the ledger gave a message; None: it is no such one."""
    found = IDENT.search(octets[:HEAD_OCTETS])
    return int(found[1]) if found else None


def _kept_letters(box):
    """Which of the letters a to z in the flags stand for such a keyword."""
    letters = set()
    try:
        with open(os.path.join(box, "dovecot-keywords"),
                  encoding="ascii") as f:
            for line in f:
                number, word = line.split()
                if word.lower().startswith(KEPT):
                    letters.add(chr(ord("a") + int(number)))
    except FileNotFoundError:
        pass
    return letters


def _places_in(box, name, places):
    kept = _kept_letters(box)
    for part in ("cur", "new"):
        for entry in os.scandir(os.path.join(box, part)):
            with open(entry.path, "rb") as f:
                ident = ident_of(f.read(HEAD_OCTETS))
            flags = entry.name.partition(":2,")[2]
            places[ident].append(Place(name, flags, bool(kept & set(flags))))


def places(folder):
    """{ident: [Place]} of all users' mailboxes below |folder|."""
    found = collections.defaultdict(list)
    for user in os.scandir(folder):
        _places_in(user.path, "INBOX", found)
        for entry in os.scandir(user.path):
            if entry.name.startswith(".") and entry.is_dir() and \
                    os.path.isdir(os.path.join(entry.path, "cur")):
                _places_in(entry.path, entry.name[1:], found)
    return found
