"""Works that log in and list: polls, cold and warm maildrops, and 100,000."""

import json
import os
import statistics

from figures import Target
from loads import Failed, costed_load, load
from work import Work

USERS = 200
SMALL = {"count": 10, "size": 2000}
MIDDLE = {"count": 1000, "size": 20_000}
HUGE = {"count": 100_000, "size": 20_000}


def median(said, key):
    return said[key]["median"]


class Poll(Work):
    """Short sessions, many at once: what a device that polls costs."""

    figures = ("cpu_session",)
    concurrency = 50
    sessions = 1000

    def __init__(self, name, title, peers, resume, target):
        self.name = name
        self.title = title
        self.peers = peers
        self.subject = peers[0]
        self.targets = (target,)
        self._resume = resume

    def prepare(self, lab, runs):
        lab.fill([f"poll{n}" for n in range(USERS)], **SMALL)

    def start(self, lab, name):
        return lab.peer(name, "near" if self._resume else "full")

    def _options(self, peer, sessions):
        # The floor makes full handshakes: it is the same one for all works.
        return {"user": "poll%u", "users": USERS, "sessions": sessions,
                "concurrency": self.concurrency,
                "resume": self._resume and not peer.script}

    def warm(self, lab, peer):
        load(lab, peer, "poll", **self._options(peer, USERS))

    def measure(self, lab, peer, run):
        said, cpu = costed_load(lab, peer, "poll",
                                **self._options(peer, self.sessions))
        if self._resume and not peer.script and not said["resumed"]:
            raise Failed("no TLS session was resumed")
        return {"cpu_session": cpu * 1000 / self.sessions}


class FarListing(Work):
    """One client, the upstream 50 ms away: how many round trips it takes."""

    figures = ("list_time",)
    sessions = 3

    def __init__(self, kind, subject, limit_ms, runs_max=None):
        self.name = f"{kind}1000-50ms"
        self.title = (f"login, STAT, UIDL of 1,000 messages, {kind}, "
                      "over 50 ms")
        self.subject = subject
        self.peers = (subject, "imapc")
        self.targets = (Target("list_time", "at most", limit_ms),)
        self.runs_max = runs_max or {}
        self._kind = kind

    def _user(self, run):
        """Each run of a cold one has users that no proxy has seen."""
        return f"cold{run}x%u" if self._kind == "cold" else "warm%u"

    def prepare(self, lab, runs):
        for run in range(runs if self._kind == "cold" else 1):
            user = self._user(run).replace("%u", "{}")
            lab.fill([user.format(n) for n in range(self.sessions)], **MIDDLE)

    def start(self, lab, name):
        if name != "imapc":
            return lab.peer(name, "far")
        # Its first listing takes a round trip a message: it is made near by,
        # by another one that leaves it the indexes.
        home = os.path.join(lab.new_folder(), "home")
        if self._kind != "cold":
            self._list(lab, lab.peer(name, "near", home=home), 0)
        return lab.peer(name, "far", home=home)

    def warm(self, lab, peer):
        if self._kind != "cold":
            self._list(lab, peer, 0)

    def _list(self, lab, peer, run):
        # One session is enough of what takes a minute.
        slow = self._kind == "cold" and peer.name == "imapc"
        return load(lab, peer, "list", user=self._user(run),
                    users=self.sessions, sessions=1 if slow else self.sessions)

    def measure(self, lab, peer, run):
        return {"list_time": median(self._list(lab, peer, run), "list_ms")}


class Cold100k(Work):
    name = "cold100k"
    title = "cold login, STAT, UIDL of 100,000 messages"
    peers = ("popinjay", "bare-imap", "imapc", "direct")
    figures = ("list_time", "cpu")
    targets = (Target("cpu", "at most", 0.2),
               Target("list_time", "at most", 1.2, "bare-imap"))
    runs_max = {"imapc": 1}

    def prepare(self, lab, runs):
        lab.fill([f"huge{run}" for run in range(runs)], **HUGE)

    def start(self, lab, name):
        if name == "imapc":
            # Kept for warm100k: to make the indexes takes a minute.
            return lab.peer(name, home=os.path.join(lab.folder, "imapc.huge"))
        return lab.peer(name)

    def measure(self, lab, peer, run):
        if peer.name == "bare-imap":
            return {"list_time": lab.bare_listing(f"huge{run}")["fetch"]
                    * 1000}
        said, cpu = costed_load(lab, peer, "list", user=f"huge{run}", users=1,
                                sessions=1, timeout=240)
        return {"list_time": median(said, "list_ms"), "cpu": cpu}


class Warm100k(Work):
    """Nothing has changed: the size of the maildrop must not matter.

    It matters to Dovecot, so that there are two ratios: before Dovecot, and
    before the upstream that costs nearly nothing, which also counts FETCHes.
    """

    name = "warm100k"
    title = "warm, unchanged 100,000 messages: login, STAT, QUIT"
    peers = ("popinjay", "popinjay-parked", "bare-imap", "imapc", "direct")
    figures = ("session_time", "size_ratio", "free_ratio", "fetches")
    targets = (Target("size_ratio", "at most", 1.3),
               Target("free_ratio", "at most", 1.3),
               Target("fetches", "at most", 0))
    sessions = 20

    def prepare(self, lab, runs):
        lab.fill(["huge0"], **HUGE)
        lab.fill(["poll0"], **SMALL)

    def start(self, lab, name):
        if name == "imapc":
            return lab.peer(name, home=os.path.join(lab.folder, "imapc.huge"))
        return lab.peer(name)

    def warm(self, lab, peer):
        if peer.name != "bare-imap":
            for user in ("huge0", "poll0"):
                self._list(lab, peer, user)

    def _list(self, lab, peer, user):
        load(lab, peer, "list", user=user, users=1, sessions=1, timeout=240)

    def _time(self, lab, peer, user):
        """The median of a session of |user|, in ms."""
        if peer.name == "bare-imap":
            return statistics.median(
                sum(lab.bare_listing(user, fetch=False).values())
                for _ in range(self.sessions)) * 1000
        said = load(lab, peer, "stat", user=user, users=1,
                    sessions=self.sessions)
        return median(said, "session_ms")

    def measure(self, lab, peer, run):
        huge, small = (self._time(lab, peer, user)
                       for user in ("huge0", "poll0"))
        cell = {"session_time": huge, "size_ratio": huge / small}
        if peer.name == self.subject:
            huge, cell["fetches"] = self._free(lab, HUGE["count"])
            small, _ = self._free(lab, SMALL["count"])
            cell["free_ratio"] = huge / small
        return cell

    def _free(self, lab, messages):
        """(ms of a warm session, listings asked for in such sessions) before
        an upstream that costs nearly nothing."""
        count = os.path.join(lab.new_folder(), "count.json")
        upstream, port = lab.free_upstream(messages, 1000, "--count", count)
        peer = lab.peer(self.subject, port)
        self._list(lab, peer, "free")
        taken = self._time(lab, peer, "free")
        upstream.stop()
        with open(count, encoding="ascii") as f:
            said = json.load(f)
        if said["selects"] != 1 + self.sessions:
            raise Failed(f"{1 + self.sessions} sessions made "
                         f"{said['selects']} SELECTs")
        return taken, said["listings"] - 1


WORKS = (
    Poll("poll10", "login, STAT, UIDL, QUIT; 10 messages; full handshakes",
         ("popinjay", "floor-handshakes", "imapc", "nginx", "direct"), False,
         Target("cpu_session", "at most", 1.35, "floor-handshakes")),
    # 0.5 ms where 1.35 times the floor are 1.0 ms.
    Poll("poll10-parked", "the same, parked and resumed",
         ("popinjay-parked", "floor-handshakes", "imapc", "nginx", "direct"),
         True, Target("cpu_session", "at most", 0.68, "floor-handshakes")),
    FarListing("cold", "popinjay", 450, {"imapc": 1}),
    FarListing("warm", "popinjay", 280),
    FarListing("parked", "popinjay-parked", 120),
    Cold100k(),
    Warm100k(),
)
