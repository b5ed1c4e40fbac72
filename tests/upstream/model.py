"""The mailbox behind the scripted server: messages, UIDs, flags, changes.

Several connections and the test itself work on one mailbox at the same time;
whoever reads or changes it holds mailbox.lock.
"""

import threading

UID_MAX = 2**32 - 1


class Message:
    def __init__(self, uid, body, flags=(), size=None):
        self.uid = uid
        self.body = body
        self.flags = set(flags)
        self.modseq = 0             # of its last change
        # What RFC822.SIZE claims, as text: servers are wrong about it.
        self.size = str(len(body)) if size is None else str(size)


class Mailbox:
    def __init__(self, uidvalidity=1700000000):
        self.lock = threading.RLock()
        self.uidvalidity = uidvalidity
        self.uidnext = 1
        self.modseq = 1
        self.messages = {}          # by UID, ascending
        self.later = {}             # known to the scenario, not yet delivered
        self.permanent = None       # PERMANENTFLAGS; None: any
        self.trash = None           # another mailbox: its name on the wire
        self.trashed = []           # UIDs that its messages had here

    def body(self, uid):
        """Of a message that is there, or still to come."""
        return (self.messages.get(uid) or self.later[uid]).body

    def add(self, body, uid=None, flags=(), size=None):
        with self.lock:
            uid = self.uidnext if uid is None else uid
            highest = next(reversed(self.messages), 0)
            self.messages[uid] = Message(uid, body, flags, size)
            if uid < highest:
                self.messages = dict(sorted(self.messages.items()))
            self.uidnext = min(max(self.uidnext, uid + 1), UID_MAX)
            self._changed(self.messages[uid])
            return uid

    def _changed(self, message):
        self.modseq += 1
        message.modseq = self.modseq

    def deliver(self, uid):
        """Lets a message declared as `later` arrive."""
        with self.lock:
            m = self.later.pop(uid)
            self.add(m.body, uid, m.flags, m.size)

    def remove(self, uids):
        with self.lock:
            for uid in uids:
                if self.messages.pop(uid, None):
                    self.modseq += 1

    def copy_to_trash(self, uids):
        """Those that are there; returns them."""
        with self.lock:
            copied = [uid for uid in uids if uid in self.messages]
            self.trashed += copied
            return copied

    def flag(self, uid, flags, mode="+"):
        """mode: + adds, - takes away, = replaces."""
        with self.lock:
            m = self.messages[uid]
            flags = set(flags)
            m.flags = (m.flags | flags if mode == "+" else
                       m.flags - flags if mode == "-" else flags)
            self._changed(m)

    def uids(self):
        with self.lock:
            return list(self.messages)

    def deleted(self):
        """UIDs flagged \\Deleted."""
        with self.lock:
            return [u for u, m in self.messages.items()
                    if "\\Deleted" in m.flags]


class SetError(ValueError):
    pass


def parse_set(text):
    """`1:4,7,9:*` as a list of (low, high); `*` is None."""
    ranges = []
    for part in text.split(","):
        ends = [None if e == "*" else _number(e) for e in part.split(":")]
        if len(ends) > 2:
            raise SetError(f"bad set {text!r}")
        ranges.append((ends[0], ends[-1]))
    return ranges


def _number(text):
    if not (text.isascii() and text.isdigit()) or text[0] == "0" \
            or int(text) > UID_MAX:
        raise SetError(f"bad number {text!r} in a set")
    return int(text)


def members(text, present):
    """Those of |present| (ascending) which the set names."""
    highest = present[-1] if present else 0
    found = set()
    for low, high in parse_set(text):
        low = highest if low is None else low
        high = highest if high is None else high
        if low > high:
            low, high = high, low
        found.update(n for n in present if low <= n <= high)
    return sorted(found)
