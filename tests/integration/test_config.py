"""Mistakes in proxy.conf: one line that says where and what, exit 2."""

import re
import subprocess

import pytest

from support.popinjay import TOP, Popinjay, binary

UPSTREAM = {"address": "imap.example.com:993", "tls": "implicit"}


def run(*arguments):
    return subprocess.run([binary(), *map(str, arguments)], timeout=20,
                          stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, check=False)


@pytest.fixture
def good(tmp_path, authority):
    """The path of a configuration without mistakes."""
    return Popinjay(tmp_path, authority, UPSTREAM).config_path


def edit(path, old, new):
    """Puts |new| in place of the line that begins with |old|; its number."""
    with open(path, encoding="utf-8") as f:
        lines = f.read().split("\n")
    at = next(n for n, line in enumerate(lines) if line.startswith(old))
    lines[at] = new
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join(lines))
    return at + 1


def test_check_accepts(good):
    """--check of a good file says nothing bad, exits with 0 and serves
    nothing."""
    done = run("-c", good, "--check")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize("old, new", [
    ("workers", "wokers = 2"),
    ("workers", "workers = none"),
    ("workers", "workers = 0"),
    ("workers", "workers = -1"),
    ("workers", "workers = 99999999999999999999"),
    ("workers", "workers"),
    ("log_level", "log_level = loud"),
    ("[status]", "[statues]"),
    ("[listen plain]", "[listen]"),
    ("tls = implicit", "tls = sometimes"),
    ("allow_plaintext_login", "allow_plaintext_login = perhaps"),
    ("address = 127", "address = 127.0.0.1:99999"),
    ("address = 127", "address = 127.0.0.1"),
    ("address = imap", "address ="),
    ("drain_timeout", "drain_timeout = 10 parsecs"),
    ("drain_timeout", "session_timeout = 599 s"),
    ("certificate", "certificate = /nowhere/cert.pem"),
    ("private_key", "private_key = /nowhere/key.pem")])
def test_mistakes(good, old, new, check):
    """POP-24: each mistake is FILE:LINE: what, on one line, and exit 2, with
    --check and at start."""
    line = edit(good, old, new)
    done = run("-c", good, *(["--check"] if check else []))
    assert done.returncode == 2, done.stderr
    said = [row for row in done.stderr.splitlines()
            if re.match(re.escape(good) + r":\d+: .", row)]
    assert len(said) == 1, done.stderr
    assert said[0].startswith(f"{good}:{line}: "), said


def test_missing_file(tmp_path):
    done = run("-c", tmp_path / "absent.conf")
    assert done.returncode == 2
    assert str(tmp_path / "absent.conf") in done.stderr


def test_the_sample_file_is_right(tmp_path, good):
    """proxy.conf.sample as it stands, but for what this machine lacks: the
    certificates and the user."""
    with open(good, encoding="utf-8") as f:
        pair = dict(re.findall(r"^(certificate|private_key) = (.*)$",
                               f.read(), re.M))
    with open(f"{TOP}/proxy.conf.sample", encoding="utf-8") as f:
        text = f.read()
    for key, path in pair.items():
        text = re.sub(rf"(?m)^{key} = \S+", f"{key} = {path}", text)
    text = re.sub(r"(?m)^user = \S+", "user = nobody", text)
    sample = tmp_path / "sample.conf"
    sample.write_text(text, encoding="utf-8")
    done = run("-c", sample, "--check")
    assert done.returncode == 0, done.stderr


def test_version():
    done = run("--version")
    assert done.returncode == 0
    assert re.match(r"popinjay \S+", done.stdout)


@pytest.mark.parametrize("arguments", [["--bogus"], ["-c"], ["extra"]])
def test_usage(arguments):
    assert run(*arguments).returncode == 2
