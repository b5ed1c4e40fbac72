"""One work of the benchmark: what is asked of each peer, and how it is paired.

Runs are interleaved: in each run every peer has its turn, and the order is
another one in the next. Ratios are those of one run; the machine's mood falls
out of them.
"""

import time

import measure
from loads import Failed

# What a peer that cannot do a work may raise, besides Failed.
TROUBLE = (Failed, RuntimeError, OSError, KeyError)


class Work:
    """Subclasses say what is done in measure(), and what it needs before."""

    name = None                   # as in BENCH_WORKS
    title = None
    subject = "popinjay"          # whose figures are compared to all others'
    peers = ()
    figures = ()                  # keys of FIGURES, in the order of the table
    targets = ()
    # Whether each run has a new process: for its memory, which would keep what
    # an earlier run had it take.
    anew = False
    notes = ()                    # what a reader of the table must know
    # {peer: runs at most}, for those that would take all evening.
    runs_max = {}

    def prepare(self, lab, runs):
        """Mail, and what several peers share."""

    def start(self, lab, name):
        """Starts one peer; returns it."""
        return lab.peer(name)

    def warm(self, lab, peer):
        """What the peer is to have done before it is measured."""

    def measure(self, lab, peer, run):
        """{figure: value}, or a Failed."""
        raise NotImplementedError


def _guarded(call):
    """What |call| returns, or {"failed": reason}."""
    try:
        return call()
    except TROUBLE as error:
        return {"failed": f"{error}" or type(error).__name__}


class Session:
    """Does one work with the peers that were asked for.

    cells: {peer: [one dict a run]}: figures, or the reason of a failure
    """

    def __init__(self, lab, work, peers, runs, say):
        self._lab = lab
        self._work = work
        self._runs = runs
        self._say = say
        self._peers = {}
        self.cells = {name: [] for name in work.peers if name in peers}

    def run(self):
        """Measures all; the peers are gone afterwards, whatever happens."""
        start = time.monotonic()
        try:
            trouble = _guarded(
                lambda: self._work.prepare(self._lab, self._runs))
            for name in self.cells:
                self._peers[name] = trouble or (
                    None if self._work.anew else self._start(name))
            for run in range(self._runs):
                self._one_run(run)
        finally:
            self._lab.end_work()
        self._say(f"{self._work.name}: {time.monotonic() - start:.0f} s")
        return self.cells

    def _start(self, name):
        """The Peer, or why there is none."""
        def started():
            peer = self._work.start(self._lab, name)
            self._work.warm(self._lab, peer)
            return peer
        return _guarded(started)

    def _one_run(self, run):
        for name in measure.rotated(list(self.cells), run):
            if run >= self._work.runs_max.get(name, self._runs):
                continue
            cell = self._cell(name, run)
            self.cells[name].append(cell)
            if "failed" in cell:
                self._say(f"{self._work.name}: {name}: FAILED: "
                          f"{cell['failed']}")

    def _cell(self, name, run):
        peer = self._peers[name] or self._start(name)
        if isinstance(peer, dict):
            return peer
        cell = _guarded(lambda: self._work.measure(self._lab, peer, run))
        if self._work.anew:
            peer.stop()
        return cell
