#!/usr/bin/python3
"""Lists the rows of the conformance checklist that no test names.

    tests/rows.py [-v]

A test names a row by its id: `POP-8`, or several: `POP-8, DEC-9`. Ranges do
not count. Exits with 1 where a row has no test, is listed as not begun
although a test names it, or where a test names a row that does not exist.
With -v it also says which files name each row.
"""

import collections
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROWS = HERE / "rows.txt"

# What belongs to work that has not begun, and why.
NOT_BEGUN = {}

# Sources of tests; what is built or recorded beside them is none.
SUFFIXES = {".c", ".h", ".py", ".sh", ".scn"}
FOLDERS_LEFT_OUT = {"__pycache__", "corpus", "node_modules", "support"}
# Looks like a row and is none.
CHARSETS = {"UTF-8"}


def read_rows():
    """{id: title} in the order of the file."""
    rows = {}
    for number, line in enumerate(ROWS.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = re.fullmatch(r"([A-Z]+-[1-9][0-9]*) (.+)", line)
        if not match or match[1] in rows:
            sys.exit(f"{ROWS.name}:{number}: not `ID title`, or there twice")
        rows[match[1]] = match[2]
    return rows


def sources():
    for path in sorted(HERE.rglob("*")):
        if (path.suffix in SUFFIXES and path.is_file()
                and path != pathlib.Path(__file__).resolve()
                and not FOLDERS_LEFT_OUT & set(path.relative_to(HERE).parts)):
            yield path


def find_ids(groups):
    """{id: [file]}: the ids in all sources, of the groups that there are."""
    # Neither a part of a longer word nor one end of a range.
    pattern = re.compile(r"(?<![\w-])((?:%s)-[1-9][0-9]*)(?![\w-])"
                         % "|".join(sorted(groups)))
    named = collections.defaultdict(list)
    for path in sources():
        text = path.read_text(encoding="utf-8", errors="replace")
        for row in sorted(set(pattern.findall(text)) - CHARSETS):
            named[row].append(str(path.relative_to(HERE)))
    return named


def main(arguments):
    rows = read_rows()
    named = find_ids({row.split("-")[0] for row in rows})
    missing = [r for r in rows if r not in named and r not in NOT_BEGUN]
    begun = [r for r in NOT_BEGUN if r in named]
    strangers = [r for r in [*named, *NOT_BEGUN] if r not in rows]

    if "-v" in arguments:
        for row, title in rows.items():
            print(f"{row}: {title}: {' '.join(named.get(row, ['-']))}")
    for row in missing:
        print(f"no test: {row} {rows[row]}")
    for row in begun:
        print(f"listed as not begun, but there is a test: {row} "
              f"({named[row][0]})")
    for row in strangers:
        print(f"no such row: {row} ({' '.join(named.get(row, ['rows.py']))})")
    print("not begun: " + "; ".join(
        f"{row} ({why})" for row, why in NOT_BEGUN.items()))
    print(f"rows: {len(rows)}, with a test {len(set(rows) & set(named))}, "
          f"not begun {len(NOT_BEGUN)}, without a test {len(missing)}")
    return 1 if missing or begun or strangers else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
