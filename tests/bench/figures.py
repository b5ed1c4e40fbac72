"""What is measured: names, units, and the figures that are to be reached."""

import dataclasses
import operator


@dataclasses.dataclass(frozen=True)
class Figure:
    """A kind of number.

    digits: behind the point, in tables
    compared: whether one peer's over another's says anything
    """

    label: str
    unit: str
    digits: int = 2
    compared: bool = True


FIGURES = {
    "cpu_session": Figure("CPU a session", "ms"),
    "cpu": Figure("CPU", "s", 3),
    "cpu_gb": Figure("CPU", "s/GB"),
    "rate": Figure("rate", "sessions/s", 0),
    "throughput": Figure("throughput", "MB/s", 1),
    "list_time": Figure("to the end of UIDL", "ms", 1),
    "session_time": Figure("login, STAT, QUIT", "ms", 1),
    "size_ratio": Figure("100,000 over 10 messages", "times", 2, False),
    "free_ratio": Figure("the same, upstream nearly free", "times", 2, False),
    "fetches": Figure("listings on the wire", "FETCHes", 0, False),
    "retrieve_time": Figure("all messages", "s"),
    "first_octet": Figure("first octet", "ms", 1),
    "growth": Figure("memory grows by", "MB", 2, False),
    "pss_session": Figure("PSS a session", "KB", 1),
    "load_cpu": Figure("CPU of the load generator", "ms", 2, False),
}

COMPARE = {"at most": operator.le, "at least": operator.ge}


@dataclasses.dataclass(frozen=True)
class Target:
    """A figure to reach, by the median of the runs.

    versus: None: the subject's own figure is judged; else the ratio of the
            subject's figure to that peer's of the same run
    """

    figure: str
    compare: str
    limit: float
    versus: str = None

    def reached(self, value):
        return COMPARE[self.compare](value, self.limit)

    def __str__(self):
        unit = f" x {self.versus}" if self.versus else \
            f" {FIGURES[self.figure].unit}"
        return f"{self.compare} {self.limit:g}{unit}"
