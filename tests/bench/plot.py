#!/usr/bin/python3
"""Draws the pictures of the README from what `make bench` wrote.

    tests/bench/plot.py FOLDER          reads FOLDER/bench.json, writes *.svg
"""

import json
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
OURS, FLOOR, THEIRS = 0x2A9D5C, 0xA9AEB5, 0x6B8CAE
NAMES = {"popinjay-parked": "popinjay", "floor-handshakes": "bare handshakes",
         "floor-relay": "bare relay", "imapc": "Dovecot on imapc",
         "nginx": "nginx (one TLS side)", "direct": "Dovecot, no proxy",
         "bare-imap": "IMAP, no proxy"}
# More than this between the smallest and the largest: a logarithmic axis.
LINEAR_MAX = 60

# Of each picture: its file, caption, axis, the figure, a factor to the axis'
# unit, and the works with what stands before the peer's name.
PICTURES = (
    ("poll-cpu", "CPU of one poll: TLS handshakes, login, STAT, UIDL, QUIT",
     "ms of CPU in the proxy", "cpu_session", 1,
     (("poll10", ""), ("poll10-parked", "again: "))),
    ("transfer-cpu", "CPU of passing on mail", "CPU seconds a GB", "cpu_gb",
     1, (("retr-50x5M", "5 MB: "), ("retr-1000x20k", "20 KB: "))),
    ("login-time", "1,000 messages over a round trip of 50 ms: login, STAT, "
     "UIDL", "seconds", "list_time", 0.001,
     (("cold1000-50ms", "cold: "), ("warm1000-50ms", "warm: "),
      ("parked1000-50ms", "again: "))),
    ("retrieve-time", "1,000 messages of 20 KB, one by one, over a round trip "
     "of 50 ms", "seconds", "retrieve_time", 1, (("retr-1000x20k-50ms", ""),)),
    ("idle-memory", "Memory of an idle session", "KB (PSS)", "pss_session", 1,
     (("idle-2000", "2,000: "), ("idle-10000", "10,000: "))),
)


def color(peer):
    if peer.startswith("popinjay"):
        return OURS
    return FLOOR if peer.startswith(("floor", "bare")) else THEIRS


def rows_of(works, figure, factor, wanted):
    """(label, minimum, median, maximum, color) of every bar."""
    for name, before in wanted:
        for peer, cells in works.get(name, {}).get("cells", {}).items():
            if name == "poll10-parked" and peer.startswith("floor"):
                continue              # the same floor once more
            values = [cell[figure] * factor for cell in cells
                      if figure in cell]
            if values:
                yield (before + NAMES.get(peer, peer), min(values),
                       statistics.median(values), max(values), color(peer))


def quoted(text):
    """As a string of gnuplot's."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def draw(folder, works, picture):
    """Draws one picture; False where nothing of it was measured."""
    name, caption, axis, figure, factor, wanted = picture
    rows = list(rows_of(works, figure, factor, wanted))
    if not rows:
        return False
    data = os.path.join(folder, f"{name}.dat")
    with open(data, "w", encoding="utf-8") as f:
        for place, (label, least, median, most, tint) in enumerate(rows):
            f.write(f'{place} "{label}" {least:g} {median:g} {most:g} {tint} '
                    f'"{median:{",.0f" if median >= 100 else ".3g"}}"\n')
    smallest = min(row[1] for row in rows)
    largest = max(row[3] for row in rows)
    logarithmic = largest > LINEAR_MAX * smallest > 0
    values = {"datafile": quoted(data), "caption": quoted(caption),
              "outfile": quoted(os.path.join(folder, f"{name}.svg")),
              "axis": quoted(axis), "count": len(rows),
              "low": smallest / 3 if logarithmic else 0,
              "high": largest * (3 if logarithmic else 1.15)}
    subprocess.run(["gnuplot", "-e", "; ".join(
        f"{key} = {value}" for key, value in values.items()),
        os.path.join(HERE, "bars.gp")], check=True)
    return True


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = sys.argv[1]
    with open(os.path.join(folder, "bench.json"), encoding="utf-8") as f:
        works = {work["name"]: work for work in json.load(f)["works"]}
    for picture in PICTURES:
        if draw(folder, works, picture):
            print(os.path.join(folder, f"{picture[0]}.svg"))


if __name__ == "__main__":
    main()
