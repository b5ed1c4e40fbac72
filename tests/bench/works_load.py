"""Works before an upstream that costs nearly nothing: the limit is ours."""

import time

import measure
import peers
from figures import Target
from loads import costed_load, held, load
from work import Work

MESSAGES = 10
SIZE = 2000
USERS = 200


class Idle(Work):
    """Sessions that are logged in and silent: what each of them occupies."""

    figures = ("pss_session",)
    anew = True
    # For connections and buffers to come to rest.
    rest_seconds = 2

    def __init__(self, sessions, peer_names, runs_max):
        self.name = f"idle-{sessions}"
        self.title = f"{sessions:,} idle sessions"
        self.peers = peer_names
        self.targets = (Target("pss_session", "at most", 40),)
        self.runs_max = runs_max
        self._sessions = sessions

    def prepare(self, lab, runs):
        # Two connections a session, and some for everything else.
        most = lab.file_limit // 2 - 100
        if most < self._sessions:
            self.notes = (f"{most:,} sessions instead: no process may open "
                          f"more than {lab.file_limit:,} files",)
            self._sessions = most
        _, self._imap = lab.free_upstream(MESSAGES, SIZE)

    def start(self, lab, name):
        route = peers.start_stub(lab) if name == "nginx" else self._imap
        return lab.peer(name, route)

    def warm(self, lab, peer):
        load(lab, peer, "stat", user="idle%u", users=4, sessions=4)

    def measure(self, lab, peer, run):
        before = measure.pss_kb(peer.pid)
        with held(lab, peer, self._sessions, timeout=180, user="idle%u",
                  users=self._sessions, concurrency=50):
            time.sleep(self.rest_seconds)
            during = measure.pss_kb(peer.pid)
        return {"pss_session": (during - before) / self._sessions}


class Rate(Work):
    """Polls as fast as they go."""

    figures = ("rate", "cpu_session", "load_cpu")
    concurrency = 50
    sessions = 2000

    def __init__(self, name, title, subject, resume):
        self.name = name
        self.title = title
        self.subject = subject
        self.peers = (subject, f"{subject}-1-worker", "floor-handshakes",
                      "imapc")
        self.targets = (Target("rate", "at least", 4, "imapc"),
                        Target("rate", "at least", 1.7,
                               f"{subject}-1-worker"))
        self._resume = resume

    def prepare(self, lab, runs):
        _, self._imap = lab.free_upstream(MESSAGES, SIZE)

    def start(self, lab, name):
        # What every one of ours does here; in poll10 nothing is resumed.
        if name == "floor-handshakes":
            return lab.peer(name, self._imap, "--resume-upstream",
                            *["--resume-client"] * self._resume)
        return lab.peer(name, self._imap)

    def _options(self, sessions):
        return {"user": "rate%u", "users": USERS, "sessions": sessions,
                "concurrency": self.concurrency,
                "resume": self._resume}

    def warm(self, lab, peer):
        load(lab, peer, "poll", **self._options(USERS))

    def measure(self, lab, peer, run):
        said, cpu = costed_load(lab, peer, "poll",
                                **self._options(self.sessions))
        return {"rate": self.sessions / said["wall_s"],
                "cpu_session": cpu * 1000 / self.sessions,
                "load_cpu": said["cpu_s"] * 1000 / self.sessions}


WORKS = (
    Idle(2000, ("popinjay", "imapc", "nginx"), {"imapc": 1}),
    Idle(10_000, ("popinjay", "nginx"), {"popinjay": 3, "nginx": 3}),
    Rate("rate", "polls as fast as they go; clients resume nothing",
         "popinjay", False),
    Rate("rate-resumed", "polls as fast as they go, parked and resumed",
         "popinjay-parked", True),
)
