"""What was delivered to whom, and what may have become of it since.

A message is held until a device says QUIT behind its DELE. From then on it may
be removed, and once QUIT was answered with +OK it must be, in the way of its
user's policy: gone for good, or still there in some other place or state.
Whatever contradicts that is a violation, and so is an octet that is not as it
was delivered.
"""

import base64
import collections
import enum
import hashlib
import os
import random

import store
from store import TRASH

# Mostly small, as a device's mail is; some do not fit into any buffer.
SIZES = ((0.70, 1_000, 20_000), (0.97, 20_000, 300_000),
         (1.00, 1_000_000, 4_000_000))
LINE = 76


class State(enum.Enum):
    HELD = "held"       # nobody has asked for its removal
    MAYBE = "maybe"     # QUIT was said, and not answered with +OK
    REMOVED = "removed"  # +OK


def is_removed(removal, place):
    """Whether a message that lies there is what |removal| makes of one."""
    return {"expunge": False, "trash": place.box == TRASH,
            "seen": place.box != TRASH and "S" in place.flags,
            "keep": place.box != TRASH and place.is_kept,
            "any": True}[removal]


def judge_held(removal, found):
    if not found:
        return "is lost"
    if any("T" in p.flags for p in found):
        return "is flagged for removal, and nobody asked for that"
    if removal != "any" and any(is_removed(removal, p) for p in found):
        return f"is removed ({removal}), and nobody asked for that"
    return None


def judge_maybe(removal, found):
    if removal != "expunge" and not found:
        return f"is gone for good under {removal}"
    return None


def judge_removed(removal, found):
    if removal != "expunge" and not found:
        return f"is gone for good under {removal}"
    if not all(is_removed(removal, p) for p in found):
        return f"was not removed ({removal}), and QUIT said so"
    return None


JUDGES = {State.HELD: judge_held, State.MAYBE: judge_maybe,
          State.REMOVED: judge_removed}


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
        self._kinds = {}                                # user: Kind
        self._unique_ids = collections.defaultdict(dict)  # user: {id: ident}
        self.octets_received = 0
        self.trashed_twice = None       # as the audit has found

    def open_mailbox(self, user, kind):
        self._kinds[user] = kind
        for box in (*kind.boxes, TRASH):
            for part in ("", "cur", "new", "tmp"):
                path = os.path.join(self._box(user, box), part)
                os.makedirs(path, mode=0o700, exist_ok=True)
                os.chown(path, *self._owner)

    def _box(self, user, box):
        """Maildir++: INBOX is the folder, the others are below it."""
        return os.path.join(self.folder, user,
                            "" if box == "INBOX" else f".{box}")

    def deliver(self, user):
        """As a mail transport does: written aside, then moved to new/."""
        ident = len(self._messages) + 1
        draw = self._random.random()
        low, high = next((a, b) for p, a, b in SIZES if draw <= p)
        octets = compose(ident, self._random.randrange(low, high))
        name = f"{ident}.soak.example"
        box = self._box(user, self._random.choice(self._kinds[user].boxes))
        aside = os.path.join(box, "tmp", name)
        with open(aside, "wb") as f:
            f.write(octets)
        os.chown(aside, *self._owner)
        self._messages[ident] = Message(ident, user, octets)
        os.rename(aside, os.path.join(box, "new", name))

    def receive(self, user, unique_id, octets):
        """Judges a message that came whole; the one it is."""
        m = self._messages.get(store.ident_of(octets))
        if m is None:
            raise Violation(f"{user}: a message that nobody sent")
        if m.user != user:
            raise Violation(f"{user}: has the mail of {m.user}")
        if hashlib.sha256(octets).digest() != m.digest:
            raise Violation(f"{user}: message {m.ident} was changed")
        if m.state is State.REMOVED and self._kinds[user].removal != "any":
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
            m.state = State.REMOVED

    def counts(self):
        by_state = collections.Counter(
            m.state.value for m in self._messages.values())
        return {"delivered": len(self._messages),
                "received": sum(m.received for m in self._messages.values()),
                **by_state}

    def audit(self):
        """Compares with what lies on the disk; a list of violations."""
        places = store.places(self.folder)
        self.trashed_twice = sum(
            [p.box for p in found].count(TRASH) > 1
            for found in places.values())
        wrong = []
        for m in self._messages.values():
            found = places.get(m.ident, [])
            fault = JUDGES[m.state](self._kinds[m.user].removal, found)
            if fault:
                wrong.append(f"{m.user}: message {m.ident} {fault}")
        return wrong
