"""What was measured, as a table, as Markdown, and as JSON."""

import json

from figures import FIGURES
from measure import spread

HEAD = ("work", "figure", "peer", "runs", "min", "median", "max",
        "popinjay / peer", "to reach", "reached")
FLAWED = "FAILED"


def _values(cells, figure):
    """{run: value} of the runs that have the figure."""
    return {run: cell[figure] for run, cell in enumerate(cells)
            if figure in cell}


def _failure(cells):
    """Why a peer has no figures: of one run that failed, no other is shown."""
    return next((cell["failed"] for cell in cells if "failed" in cell), None)


def ratios(cells, figure, subject, peer):
    """(min, median, max) of subject over peer, of the runs that both did."""
    if _failure(cells.get(subject, [])):
        return None
    ours = _values(cells.get(subject, []), figure)
    theirs = _values(cells.get(peer, []), figure)
    return spread([ours[run] / theirs[run] for run in ours
                   if theirs.get(run)])


def _number(value, digits):
    return f"{value:,.{digits}f}"


def _judged(work, figure, peer):
    """The target that belongs into the row of |peer|, or None."""
    for target in work.targets:
        if target.figure == figure and (target.versus or
                                        work.subject) == peer:
            return target
    return None


def _row(work, cells, figure, peer):
    """One row without the work's name, or None where there is nothing."""
    values = _values(cells[peer], figure)
    failure = _failure(cells[peer])
    kind = FIGURES[figure]
    if failure:
        return (f"{kind.label}, {kind.unit}", peer, str(len(cells[peer])),
                FLAWED, failure, "", "", "", "")
    if not values:
        return None
    numbers = [_number(v, kind.digits) for v in spread(values.values())]
    ratio = None
    if peer != work.subject and kind.compared:
        ratio = ratios(cells, figure, work.subject, peer)
    target = _judged(work, figure, peer)
    verdict = ""
    if target:
        of = ratio if target.versus else spread(values.values())
        verdict = "-" if of is None else \
            "yes" if target.reached(of[1]) else "NO"
    return (f"{kind.label}, {kind.unit}", peer, str(len(values)), *numbers,
            " ".join(_number(r, 2) for r in ratio) if ratio else "",
            str(target) if target else "", verdict)


def rows(results):
    """All rows of the table; the work's name stands in its first row."""
    for work, cells in results:
        name = work.name
        for figure in work.figures:
            for peer in cells:
                row = _row(work, cells, figure, peer)
                if row:
                    yield (name, *row)
                    name = ""


def notes(results):
    """Remarks on single works, below the table."""
    for work, cells in results:
        for note in work.notes:
            yield f"{work.name}: {note}"
        for peer, most in work.runs_max.items():
            if len(cells.get(peer, ())) == most:
                yield f"{work.name}: {peer}: only {most} run(s): it is slow"


def as_text(results):
    """The table in columns, for a terminal."""
    table = [HEAD, *rows(results)]
    # The reason of a failure is as long as it is, and widens no column.
    widths = [max(len(row[i]) for row in table
                  if FLAWED not in row or i <= row.index(FLAWED))
              for i in range(len(HEAD))]
    lines = ["  ".join(cell.ljust(width) for cell, width
                       in zip(row, widths)).rstrip() for row in table]
    return "\n".join([*lines, "", *notes(results)])


def as_markdown(results, facts):
    lines = ["# make bench", "",
             "Medians of paired, interleaved runs; popinjay / peer is the "
             "ratio of one run: minimum, median, maximum.", ""]
    lines += [f"- {key}: {value}" for key, value in facts.items()]
    lines += ["", "| " + " | ".join(HEAD) + " |", "|---" * len(HEAD) + "|"]
    lines += ["| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ")
                                for cell in row) + " |"
              for row in rows(results)]
    lines += ["", *(f"- {note}" for note in notes(results)), "",
              "Works:", ""]
    lines += [f"- {work.name}: {work.title}" for work, _ in results]
    return "\n".join(lines) + "\n"


def as_json(results, facts):
    """Every run, so that others can reckon on their own."""
    return json.dumps({
        "facts": facts,
        "figures": {key: {"label": f.label, "unit": f.unit}
                    for key, f in FIGURES.items()},
        "works": [{"name": work.name, "title": work.title,
                   "subject": work.subject, "figures": list(work.figures),
                   "targets": [str(t) for t in work.targets],
                   "notes": list(work.notes),
                   "cells": cells} for work, cells in results],
    }, indent=1) + "\n"
