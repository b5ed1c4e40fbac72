"""What operators are told of the figures, held against the program: the guide,
the alert rules, the dashboard."""

import json
import os
import re
import shutil
import subprocess

import pytest

from support.metrics import families
from support.popinjay import TOP
from support.ports import wait_until

RULES = os.path.join(TOP, "deploy", "prometheus")


def read(*path):
    with open(os.path.join(TOP, *path), encoding="utf-8") as f:
        return f.read()


def table(heading):
    """Rows of the table below that heading of watching.md: lists of cells."""
    section = read("deploy", "docs", "watching.md") \
        .split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")]
            for line in section.splitlines() if line.startswith("|")][2:]


@pytest.fixture
def full_proxy(server, start_proxy):
    """One that has something of all that is shown: its probe has seen the
    server's certificate."""
    proxy = start_proxy(server.upstream_config(), {
        "status": {"probe_interval": "1 s"},
        "oauth people": {"provider": "gmail", "client_id": "popinjay"}})
    wait_until(lambda: proxy.status()["state"] == "serving", 20, "the probe")
    return proxy


def test_metrics_are_documented(full_proxy):
    """Each family has its row, with its type and the words of its HELP, and
    each row its family."""
    page = full_proxy.http("/metrics")
    helps = dict(re.findall(r"^# HELP (\S+) (.*)$", page, re.M))
    rows = {row[0].strip("`"): row[1:] for row in table("Metrics")}
    assert {name: [kind, helps[name]]
            for name, kind in families(page).items()} == \
        {name: [row[0], row[2]] for name, row in rows.items()}
    for name, row in rows.items():
        labels = set()
        for series in re.findall(rf"^{name}(?:_bucket)?\{{(.*)\}} ", page,
                                 re.M):
            labels.update(re.findall(r'(\w+)="', series))
        assert labels - {"le"} == set(re.findall(r"`(\w+)`", row[1])), name


def keys(value, path=""):
    """{"a.b", "c[].d"} of nested JSON, with the type of each."""
    if isinstance(value, dict):
        return {k: v for key, inner in value.items()
                for k, v in keys(inner, f"{path}.{key}".strip(".")).items()}
    if isinstance(value, list):
        return {k: v for inner in value
                for k, v in keys(inner, f"{path}[]").items()}
    kind = {str: "text", int: "number", bool: "boolean",
            type(None): "number, null"}[type(value)]
    return {path: kind}


def test_json_is_documented(full_proxy):
    """Each key of /status has its row and type, and each row its keys."""
    rows = {row[0].strip("`"): row[1] for row in table("JSON")}
    # A name may have a dot in it: a version of TLS.
    patterns = {row: re.compile(".+".join(map(re.escape, row.split("*"))))
                for row in rows}
    used = set()
    for key, kind in keys(full_proxy.status()).items():
        row = [r for r, pattern in patterns.items() if pattern.fullmatch(key)]
        assert len(row) == 1, f"{key}: {row}"
        assert kind in (rows[row[0]], rows[row[0]].split(",")[0]), key
        used.add(row[0])
    assert used == set(rows)


def promtool(*arguments):
    return subprocess.run(["promtool", *arguments], capture_output=True,
                          text=True, timeout=60, check=False)


def test_rules():
    """As Prometheus's own tool sees them."""
    rules = os.path.join(RULES, "popinjay.rules.yml")
    for done in (promtool("check", "rules", "--lint=all", "--lint-fatal", rules),
                 promtool("test", "rules",
                          os.path.join(RULES, "popinjay.rules.test.yml"))):
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("good, bad", [
    ('up{job="popinjay"} == 0', 'up{job="popinjay"} == 2'),
    ("< 3 * 86400", "< 1 * 86400"),
    ("> 0.2", "> 0.001"),
    ("popinjay_sessions_limit)", "popinjay_sessions_limit) * 9")])
def test_rules_are_tested(tmp_path, good, bad):
    """A rule that is not what it was fails its test."""
    for name in ("popinjay.rules.yml", "popinjay.rules.test.yml"):
        shutil.copy(os.path.join(RULES, name), tmp_path)
    path = tmp_path / "popinjay.rules.yml"
    text = path.read_text(encoding="utf-8")
    assert good in text
    path.write_text(text.replace(good, bad), encoding="utf-8")
    done = promtool("test", "rules", str(tmp_path / "popinjay.rules.test.yml"))
    assert done.returncode != 0


def test_each_alert_is_documented_and_tested():
    alerts = re.findall(r"- alert: (\w+)", read("deploy", "prometheus",
                                                "popinjay.rules.yml"))
    tested = re.findall(r"alertname: (\w+)", read("deploy", "prometheus",
                                                  "popinjay.rules.test.yml"))
    assert len(alerts) > 10
    assert alerts == [row[0].strip("`") for row in table("Alerts")]
    assert set(alerts) == set(tested)
    severities = re.findall(r"severity: (\w+) \}",
                            read("deploy", "prometheus", "popinjay.rules.yml"))
    assert severities == [row[1] for row in table("Alerts")]


def known(page):
    """Every name that a query may use."""
    found = set()
    for name, kind in families(page).items():
        found |= {f"{name}_{part}" for part in ("bucket", "sum", "count")} \
            if kind == "histogram" else {name}
    return found


def used(text):
    return set(re.findall(r"\b((?:popinjay|process)_[a-z0-9_]+)", text))


def test_queries_ask_for_what_there_is(full_proxy):
    """Rules and dashboard name no metric and no label value that is not."""
    page = full_proxy.http("/metrics")
    board = json.loads(read("deploy", "grafana", "popinjay.json"))
    queries = [target["expr"] for panel in board["panels"]
               for target in panel.get("targets", [])]
    assert len(queries) > 20
    rules = read("deploy", "prometheus", "popinjay.rules.yml")
    assert used(" ".join(queries) + rules) <= known(page)
    for label, value in re.findall(r'\b(reason|result|limit)!?="(\w+)"',
                                   " ".join(queries) + rules):
        assert f'{label}="{value}"' in page


def test_dashboard_is_laid_out():
    """Panels stand in the grid and not on one another."""
    board = json.loads(read("deploy", "grafana", "popinjay.json"))
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))
    taken = set()
    for panel in board["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"])
                 for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells
