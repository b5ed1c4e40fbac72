"""The Containerfile, as far as it can be judged without a registry: what it
copies is there, what the program needs is installed, and the rights it has.
tests/deploy/image.py builds it and runs it."""

import os
import re
import shlex
import subprocess

import pytest

from support.popinjay import TOP, binary

PATH = f"{TOP}/deploy/container/Containerfile"
KNOWN = {"FROM", "WORKDIR", "COPY", "RUN", "ARG", "USER", "EXPOSE",
         "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT", "CMD"}


@pytest.fixture(scope="module")
def stages():
    """Of each stage, its instructions: [(word, rest)]."""
    with open(PATH, encoding="utf-8") as f:
        text = re.sub(r"(?m)^\s*#.*\n", "", f.read())
    found = []
    for line in re.sub(r"\\\n", " ", text).splitlines():
        word, _, rest = line.strip().partition(" ")
        if not word:
            continue
        assert word in KNOWN, line
        if word == "FROM":
            found.append([])
        found[-1].append((word, rest.strip()))
    return found


def values(stage, word):
    return [rest for w, rest in stage if w == word]


def test_it_has_two_stages_on_one_base(stages):
    """The compiler stays behind."""
    build, final = stages
    assert build[0][1].split()[1:] == ["AS", "build"]
    assert build[0][1].split()[0] == final[0][1]
    assert "slim" in final[0][1]
    assert "install-packages" in str(build)
    assert "install-packages" not in str(final)


def test_what_it_copies_is_there(stages):
    build, final = stages
    for rest in values(build, "COPY"):
        *sources, _ = rest.split()
        for source in sources:
            assert os.path.exists(f"{TOP}/{source}"), source
    assert all(rest.startswith("--from=build ")
               for rest in values(final, "COPY"))


def test_it_installs_what_the_program_is_linked_with(stages):
    linked = subprocess.run(["ldd", binary()], check=True, text=True,
                            stdout=subprocess.PIPE).stdout
    names = set(re.findall(r"^\s*(lib(?:uv|ssl|crypto|inih|jansson|seccomp)\b)",
                           linked, re.M))
    assert len(names) == 6, linked
    words = " ".join(values(stages[1], "RUN")).split()
    packages = {re.sub(r"[0-9]*$", "", w) for w in words}
    assert {n.replace("crypto", "ssl") for n in names} <= packages
    assert "ca-certificates" in words


def test_it_is_nobody_with_any_rights(stages):
    """By number, which an orchestrator can tell from root's."""
    final = stages[1]
    (user,) = values(final, "USER")
    assert all(int(number) > 0 for number in user.split(":"))
    words = [w for w, _ in final]
    assert words.index("USER") > max(i for i, w in enumerate(words)
                                     if w in ("RUN", "COPY"))
    ports = [int(p) for p in " ".join(values(final, "EXPOSE")).split()]
    assert ports and min(ports) >= 1024


def test_its_health_is_asked_of_the_program(stages):
    (check,) = values(stages[1], "HEALTHCHECK")
    command = shlex.split(check.partition("CMD ")[2].strip("[]")
                          .replace(",", " "))
    assert command[0] == "/usr/sbin/popinjay"
    (stop,) = values(stages[1], "STOPSIGNAL")
    assert stop == "SIGTERM"
