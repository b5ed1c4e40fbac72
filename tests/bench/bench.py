#!/usr/bin/python3
"""Measures popinjay beside its peers, and says what it reached.

    tests/bench/bench.py [--runs N] [--works "NAME ..."] [--peers "NAME ..."]

Run it by `make bench`, which builds what it needs. See tests/bench/README.md.
"""

import argparse
import os
import platform
import signal
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(TOP, "tests"))

# pylint: disable=wrong-import-position
import peers                                                # noqa: E402
import report                                               # noqa: E402
import works_load                                           # noqa: E402
import works_login                                          # noqa: E402
import works_mail                                           # noqa: E402
from lab import DELAY_MS, Lab                               # noqa: E402
from work import Session                                    # noqa: E402

WORKS = works_login.WORKS + works_mail.WORKS + works_load.WORKS
RUNS = 5
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def say(text):
    print(text, file=sys.stderr, flush=True)


def arguments():
    names = [work.name for work in WORKS]
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0],
        epilog="works: " + " ".join(names) + "; peers: "
        + " ".join(peers.START))
    parser.add_argument("--build", default=os.path.join(TOP, "build"),
                        help="folder of the built programs")
    parser.add_argument("--runs", type=int, default=RUNS,
                        help=f"paired runs of each work ({RUNS})")
    parser.add_argument("--works", type=str.split, default=names,
                        help="which works (all)")
    parser.add_argument("--peers", type=str.split, default=list(peers.START),
                        help="which peers (all)")
    args = parser.parse_args()
    args.works = args.works or names
    args.peers = args.peers or list(peers.START)
    for given, known in ((args.works, names), (args.peers, peers.START)):
        for name in given:
            if name not in known:
                parser.error(f"{name}: one of {' '.join(known)}")
    return args


def _said(*argv):
    """The first line of what a program says of itself."""
    done = subprocess.run(argv, check=False, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.stdout.strip().partition("\n")[0]


def facts(build, runs):
    """What somebody needs to know who compares these figures with others."""
    with open("/proc/cpuinfo", encoding="ascii") as f:
        models = [line.partition(":")[2].strip() for line in f
                  if line.startswith("model name")]
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "processors": f"{len(os.sched_getaffinity(0))} "
                      f"({models[0] if models else platform.machine()})",
        "kernel": platform.release(),
        "popinjay": _said(os.path.join(build, "popinjay"), "--version"),
        "dovecot": _said("/usr/sbin/dovecot", "--version"),
        "nginx": _said("/usr/sbin/nginx", "-v").partition("nginx/")[2],
        "openssl": _said("openssl", "version"),
        "runs": runs,
        "distance": f"a relay, {DELAY_MS} ms each way, where a work is "
                    "over 50 ms",
        "load at the start": "%.2f %.2f %.2f" % os.getloadavg(),
    }


def end(_number, _frame):
    """As an exception, so that all that was started is ended; only once, so
    that nothing disturbs the ending."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    sys.exit(130)


def write(folder, results, known):
    os.makedirs(folder, exist_ok=True)
    for name, text in (("bench.md", report.as_markdown(results, known)),
                       ("bench.json", report.as_json(results, known))):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
            f.write(text)


def main():
    args = arguments()
    for number in SIGNALS:
        signal.signal(number, end)
    folder = os.path.join(args.build, "bench")
    known = facts(args.build, args.runs)
    results = []
    with Lab(args.build) as lab:
        for work in WORKS:
            if work.name not in args.works:
                continue
            say(f"{work.name}: {work.title}")
            cells = Session(lab, work, args.peers, args.runs, say).run()
            results.append((work, cells))
            # After each work: what was measured outlives an interruption.
            write(folder, results, known)
    print(report.as_text(results))
    say(f"written: {folder}/bench.md, {folder}/bench.json")
    failed = any("failed" in cell for _, cells in results
                 for runs in cells.values() for cell in runs)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
