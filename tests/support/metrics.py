"""A page of metrics as a scraper reads it, its form checked on the way."""

import re

SAMPLE = re.compile(
    r"([a-zA-Z_][a-zA-Z0-9_]*)(\{[^{}]*\})? ([0-9.eE+-]+|\+Inf|NaN)")


def families(page):
    """{name: type}"""
    return dict(re.findall(r"^# TYPE (\S+) (\S+)$", page, re.M))


def samples(page):
    """{series: value}"""
    assert "\r" not in page and page.endswith("\n")
    found, family, typed, seen = {}, None, {}, set()
    for line in page.splitlines():
        if line.startswith("# "):
            _, keyword, name, rest = line.split(" ", 3)
            assert keyword in ("HELP", "TYPE")
            assert (keyword, name) not in seen, line
            seen.add((keyword, name))
            if keyword == "TYPE":
                typed[name] = rest
            family = name
            continue
        match = SAMPLE.fullmatch(line)
        assert match, line
        name = match[1]
        base = re.sub(r"_(bucket|sum|count)$", "", name) \
            if typed.get(family) == "histogram" else name
        assert base == family, f"{line}: not below its TYPE"
        assert name.startswith(("popinjay_", "process_")), name
        assert (typed[family] == "counter") == name.endswith("_total"), name
        series = name + (match[2] or "")
        assert series not in found, series
        found[series] = float(match[3])
    assert {("TYPE", f) for f in typed} == {s for s in seen if s[0] == "TYPE"}
    return found


def total(page, name):
    """The sum over all series of a name."""
    series = re.findall(rf"^{name}(?:\{{.*\}})? (\S+)$", page, re.M)
    assert series, f"no {name}"
    return sum(map(float, series))
