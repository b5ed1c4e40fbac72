"""Works that retrieve: many messages, large ones, and one very large one."""

import bare_imap
from figures import Target
from loads import costed_load, load
from measure import PeakPss
from work import Work
from works_login import median

GB = 1e9
MB = 1e6


class Retrieve(Work):
    """One client fetches a whole maildrop; every octet is verified."""

    def __init__(self, name, title, peers, mail, pipeline=1, rounds=1,
                 targets=(), route="near", runs_max=None):
        """mail: (messages, octets each); rounds: times within a session"""
        self.name = name
        self.title = title
        self.peers = peers
        self.targets = targets
        self.runs_max = runs_max or {}
        self.figures = (("cpu_gb", "throughput") if route == "near"
                        else ("retrieve_time", "throughput"))
        self._count, self._size = mail
        self._pipeline = pipeline
        self._rounds = rounds
        self._route = route

    @property
    def _user(self):
        return f"mail{self._count}x{self._size}"

    def prepare(self, lab, runs):
        lab.fill([self._user], self._count, self._size)
        self._manifest = lab.manifest(self._count, self._size)

    def start(self, lab, name):
        return lab.peer(name, self._route)

    def _options(self, peer):
        options = {"user": self._user, "users": 1, "sessions": 1,
                   "pipeline": self._pipeline, "repeat": self._rounds,
                   "manifest": self._manifest}
        if peer.name == "nginx" and self._pipeline == 1:
            # 44 ms a message: it leaves Nagle's algorithm on.
            options.update(messages=100, repeat=1)
        return options

    def warm(self, lab, peer):
        load(lab, peer, "retr", user=self._user, users=1, sessions=1,
             messages=1)

    def measure(self, lab, peer, run):
        said, cpu = costed_load(lab, peer, "retr", **self._options(peer))
        return {"cpu_gb": cpu / (said["octets"] / GB),
                "throughput": said["octets"] / MB / said["retr_s"],
                "retrieve_time": said["retr_s"]}


class OneMessage(Work):
    """200 MB at once: who stores it, and who passes it on."""

    name = "one-200M"
    title = "RETR of one message of 200 MB"
    peers = ("popinjay", "bare-imap", "floor-relay", "imapc", "nginx",
             "direct")
    figures = ("growth", "first_octet", "cpu_gb", "throughput")
    targets = (Target("growth", "at most", 1),
               Target("first_octet", "at most", 2, "bare-imap"))
    anew = True
    size = 200_000_000

    def prepare(self, lab, runs):
        lab.fill(["one"], 1, self.size)
        lab.fill(["small"], 10, 2000)
        self._manifest = lab.manifest(1, self.size)

    def warm(self, lab, peer):
        if peer.name != "bare-imap":
            load(lab, peer, "retr", user="small", users=1, sessions=1)

    def measure(self, lab, peer, run):
        if peer.name == "bare-imap":
            return {"first_octet": self._bare_first_octet(lab, peer)}
        with PeakPss(peer.pid) as memory:
            said, cpu = costed_load(lab, peer, "retr", user="one", users=1,
                                    sessions=1, manifest=self._manifest)
        cell = {"first_octet": median(said, "first_octet_ms"),
                "cpu_gb": cpu / (said["octets"] / GB),
                "throughput": said["octets"] / MB / said["retr_s"]}
        if not peer.shared:           # else not new: it may have grown before
            cell["growth"] = (memory.peak_kb - memory.before_kb) / 1024
        return cell

    @staticmethod
    def _bare_first_octet(lab, peer):
        """Milliseconds until the upstream's own first octets are there."""
        with bare_imap.BareImap(peer.port, lab.ca_file) as imap:
            imap.command(f"LOGIN one {lab.password}")
            imap.command("SELECT INBOX")
            return imap.first_octet("FETCH 1 (UID BODY.PEEK[])") * 1000


WORKS = (
    Retrieve("retr-1000x20k-50ms",
             "RETR of 1,000 x 20 KB, lockstep, over 50 ms",
             ("popinjay", "imapc"), (1000, 20_000), route="far",
             targets=(Target("retrieve_time", "at most", 2.5),),
             runs_max={"imapc": 1}),
    Retrieve("retr-50x5M", "RETR of 50 x 5 MB, 8 in flight",
             ("popinjay", "floor-relay", "imapc", "nginx", "direct"),
             (50, 5_000_000), pipeline=8, rounds=2,
             targets=(Target("cpu_gb", "at most", 1.25, "floor-relay"),
                      Target("throughput", "at least", 1, "direct"))),
    Retrieve("retr-1000x20k", "RETR of 1,000 x 20 KB, 8 in flight",
             ("popinjay", "floor-relay", "imapc", "nginx", "direct"),
             (1000, 20_000), pipeline=8, rounds=10,
             targets=(Target("cpu_gb", "at most", 2.5),)),
    Retrieve("retr-1000x20k-lockstep", "RETR of 1,000 x 20 KB, lockstep",
             ("popinjay", "floor-relay", "imapc", "nginx", "direct"),
             (1000, 20_000), rounds=5,
             targets=(Target("cpu_gb", "at most", 2.5),)),
    OneMessage(),
)
