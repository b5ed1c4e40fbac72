"""What was delivered to whom, and what may have become of it since.

A message is held until a device says QUIT behind its DELE. From then on it may
be gone, and once QUIT was answered with +OK it must be. Whatever contradicts
that is a violation, and so is an octet that is not as it was delivered.
"""

import base64
import collections
import enum
import hashlib
import os
import random
import re

# Mostly small, as a device's mail is; some do not fit into any buffer.
SIZES = ((0.70, 1_000, 20_000), (0.97, 20_000, 300_000),
         (1.00, 1_000_000, 4_000_000))
LINE = 76
IDENT = re.compile(rb"(?m)^Message-ID: <(\d+)@soak\.example>\r$")


class State(enum.Enum):
    HELD = "held"       # nobody has asked for its removal
    MAYBE = "maybe"     # QUIT was said, and not answered with +OK
    GONE = "gone"       # +OK


class Violation(Exception):
    """A promise that was not kept."""


class Message:
    """One of the ledger's; of what it says there is only a hash."""

    def __init__(self, ident, user, octets):
        self.ident = ident
        self.user = user
        self.size = len(octets)
        self.digest = hashlib.sha256(octets).digest()
        self.state = State.HELD
        self.received = False


def compose(ident, size):
    """|size| octets or some more, with lines that begin with dots."""
    noise = random.Random(ident).randbytes(min(size, 300_000))
    text = base64.b64encode(noise)
    text *= size // len(text) + 1
    rows = [text[i:i + LINE] for i in range(0, size, LINE)]
    rows[::10] = [b"." + row for row in rows[::10]]
    head = (f"From: Parrot <parrot@example.org>\r\n"
            f"Subject: message {ident}\r\n"
            f"Message-ID: <{ident}@soak.example>\r\n\r\n")
    return head.encode() + b"\r\n".join(rows) + b"\r\n"


class Ledger:
    def __init__(self, folder, owner, seed):
        """folder: below it each user's Maildir; owner: (uid, gid) of files."""
        self.folder = folder
        self._owner = owner
        self._random = random.Random(seed)
        self._messages = {}                             # ident: Message
        self._unique_ids = collections.defaultdict(dict)  # user: {id: ident}
        self.octets_received = 0

    def open_mailbox(self, user):
        for name in ("", "cur", "new", "tmp"):
            path = os.path.join(self.folder, user, name)
            os.makedirs(path, mode=0o700, exist_ok=True)
            os.chown(path, *self._owner)

    def deliver(self, user):
        """As a mail transport does: written aside, then moved to new/."""
        ident = len(self._messages) + 1
        draw = self._random.random()
        low, high = next((a, b) for p, a, b in SIZES if draw <= p)
        octets = compose(ident, self._random.randrange(low, high))
        name = f"{ident}.soak.example"
        aside = os.path.join(self.folder, user, "tmp", name)
        with open(aside, "wb") as f:
            f.write(octets)
        os.chown(aside, *self._owner)
        self._messages[ident] = Message(ident, user, octets)
        os.rename(aside, os.path.join(self.folder, user, "new", name))

    def receive(self, user, unique_id, octets):
        """Judges a message that came whole; the one it is."""
        found = IDENT.search(octets)
        if not found or int(found[1]) not in self._messages:
            raise Violation(f"{user}: a message that nobody sent")
        m = self._messages[int(found[1])]
        if m.user != user:
            raise Violation(f"{user}: has the mail of {m.user}")
        if hashlib.sha256(octets).digest() != m.digest:
            raise Violation(f"{user}: message {m.ident} was changed")
        if m.state is State.GONE:
            raise Violation(f"{user}: message {m.ident} came back")
        if self._unique_ids[user].setdefault(unique_id, m.ident) != m.ident:
            raise Violation(f"{user}: unique-id {unique_id} was another's")
        m.received = True
        self.octets_received += m.size
        return m

    def known(self, user, unique_id):
        """The message that had this unique-id before, or None."""
        ident = self._unique_ids[user].get(unique_id)
        return self._messages.get(ident)

    def removing(self, messages):
        """QUIT is about to be said for those that are marked."""
        for m in messages:
            if not m.received:
                raise Violation(f"{m.user}: message {m.ident} was marked by "
                                "a device that never had it")
            m.state = State.MAYBE

    def removed(self, messages):
        """It was answered with +OK."""
        for m in messages:
            m.state = State.GONE

    def counts(self):
        by_state = collections.Counter(
            m.state.value for m in self._messages.values())
        return {"delivered": len(self._messages),
                "received": sum(m.received for m in self._messages.values()),
                **by_state}

    def audit(self):
        """Compares with what lies on the disk; a list of violations."""
        wrong = []
        on_disk = {}
        for user in os.listdir(self.folder):
            for part in ("cur", "new"):
                path = os.path.join(self.folder, user, part)
                for name in os.listdir(path):
                    flags = name.partition(":2,")[2]
                    on_disk[int(name.split(".")[0])] = flags
        for m in self._messages.values():
            if m.state is State.HELD and m.ident not in on_disk:
                wrong.append(f"{m.user}: message {m.ident} is lost")
            if m.state is State.HELD and "T" in on_disk.get(m.ident, ""):
                wrong.append(f"{m.user}: message {m.ident} is flagged for "
                             "removal, and nobody asked for that")
            if m.state is State.GONE and m.ident in on_disk:
                wrong.append(f"{m.user}: message {m.ident} was not removed, "
                             "and QUIT said so")
        return wrong
