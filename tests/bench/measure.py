"""What the operating system says a peer costs, and the statistics of runs.

A peer is a tree of processes: its first process, and all that descend from it.
"""

import contextlib
import os
import statistics
import threading

TICK = os.sysconf("SC_CLK_TCK")
KB = 1024
# Between two looks at a peer's memory while it works.
SAMPLE_SECONDS = 0.02


def _read(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read()


def _stat(pid):
    """The fields of /proc/PID/stat from the third one (state) on."""
    return _read(f"/proc/{pid}/stat").rpartition(")")[2].split()


def tree(root):
    """The process ids of |root| and all that descend from it."""
    children = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            children.setdefault(int(_stat(name)[1]), []).append(int(name))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def _cpu_of(pid):
    """Seconds of one process, and of those of its children that ended.

    utime and stime are cut off at the tick, 10 ms, which is much for a process
    that serves a few sessions; the scheduler's own count is in nanoseconds.
    It knows only threads that live, but the peers' threads do not end.
    """
    fields = _stat(pid)
    ended = (int(fields[13]) + int(fields[14])) / TICK
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
        own = sum(int(_read(f"/proc/{pid}/task/{task}/schedstat").split()[0])
                  for task in tasks) / 1e9
    except FileNotFoundError:         # a kernel without it, or a thread's end
        own = (int(fields[11]) + int(fields[12])) / TICK
    return own + ended


def cpu_seconds(root):
    """CPU that the tree of |root| has used, user and system."""
    total = 0.0
    for pid in tree(root):
        with contextlib.suppress(OSError):
            total += _cpu_of(pid)
    return total


def pss_kb(root):
    """Proportional set size of the tree: shared pages count by their share."""
    total = 0
    for pid in tree(root):
        with contextlib.suppress(OSError, IndexError):
            rollup = _read(f"/proc/{pid}/smaps_rollup")
            total += int(rollup.split("\nPss:")[1].split()[0])
    return total


class PeakPss:
    """Watches a peer's memory within a `with` block.

    before_kb, peak_kb: PSS at its beginning, and the highest one seen.
    """

    def __init__(self, root):
        self._root = root
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.before_kb = self.peak_kb = 0

    def _watch(self):
        while not self._done.wait(SAMPLE_SECONDS):
            self.peak_kb = max(self.peak_kb, pss_kb(self._root))

    def __enter__(self):
        self.before_kb = self.peak_kb = pss_kb(self._root)
        self._thread.start()
        return self

    def __exit__(self, *exc):
        self._done.set()
        self._thread.join()


def spread(values):
    """(minimum, median, maximum) of the numbers in |values|, None of none."""
    if not values:
        return None
    return min(values), statistics.median(values), max(values)


def rotated(peers, run):
    """|peers| in the order of run |run|: each comes first in its turn."""
    shift = run % len(peers)
    return peers[shift:] + peers[:shift]
