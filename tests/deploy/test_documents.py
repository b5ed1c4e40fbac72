"""What the documents say of the program is so: their links lead somewhere,
their configurations are no mistakes, and the events, reasons and metrics that
they name exist."""

import glob
import os
import re
import subprocess

import pytest

from support.certificates import Authority
from support.popinjay import TOP, binary

DOCUMENTS = sorted(
    os.path.relpath(path, TOP) for pattern in
    ("*.md", "deploy/*.md", "deploy/docs/*.md", "tests/*/*.md")
    for path in glob.glob(os.path.join(TOP, pattern)))
OF_OPERATORS = [d for d in DOCUMENTS if not d.startswith("tests/")]


def read(name):
    with open(os.path.join(TOP, name), encoding="utf-8") as f:
        return f.read()


@pytest.fixture(scope="module")
def sources():
    return "".join(read(os.path.relpath(path, TOP)) for path in
                   glob.glob(f"{TOP}/proxy/**/*.c", recursive=True))


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority")).pair("proxy")


def test_there_are_documents():
    assert {"README.md", "SECURITY.md", "CONTRIBUTING.md", "deploy/README.md",
            "deploy/docs/operating.md"} <= set(DOCUMENTS)


def anchors(name):
    """Of its headings, as GitHub makes them."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
            for heading in re.findall(r"^#+ (.*)$", read(name), re.M)}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name):
    """Those within the sources, to a heading too."""
    for target, _, anchor in re.findall(r"\]\(([^)#\s]*)(#([^)]*))?\)",
                                        read(name)):
        if re.match(r"[a-z]+:", target):
            continue
        page = os.path.normpath(os.path.join(os.path.dirname(name), target)) \
            if target else name
        assert os.path.exists(os.path.join(TOP, page)), target
        assert not anchor or anchor in anchors(page), f"{target}#{anchor}"


def test_each_guide_is_in_the_index():
    index = read("deploy/README.md")
    for path in glob.glob(f"{TOP}/deploy/docs/*.md"):
        assert f"(docs/{os.path.basename(path)})" in index, path


def configurations(name):
    return re.findall(r"^```ini\n(.*?)^```$", read(name), re.M | re.S)


@pytest.mark.parametrize("name", [d for d in OF_OPERATORS
                                  if configurations(d)])
def test_configurations_are_no_mistakes(name, pair, tmp_path):
    """A piece of one is completed with what is missing."""
    for text in configurations(name):
        # A [server] for whom no user needs to exist here, and files that do.
        text = re.sub(r"(?m)^user = .*\n", "", text)
        text = re.sub(r"(?m)^(tls_ticket_key_file|ca_file|unique_id_map) = .*\n", "", text)
        for key, path in zip(("certificate", "private_key"), pair):
            text = re.sub(rf"(?m)^{key} = .*$", f"{key} = {path}", text)
        for key in ("file", "key_file", "client_secret_file"):
            path = tmp_path / key
            path.write_bytes(b"" if key == "file" else b"k" * 32)
            path.chmod(0o600)
            text = re.sub(rf"(?m)^{key} = .*$", f"{key} = {path}", text)
        # It is somebody's own program that is named.
        text = re.sub(r"(?m)^command = \S+", "command = /bin/true", text)
        if "[upstream]" not in text:
            text += "[upstream]\naddress = imap.example.com:993\n"
        if "[listen " not in text:
            text += (f"[listen pop3s]\naddress = [::]:995\ncertificate = "
                     f"{pair[0]}\nprivate_key = {pair[1]}\n")
        path = tmp_path / "proxy.conf"
        path.write_text(text, "utf-8")
        done = subprocess.run([binary(), "--check", "-c", path], text=True,
                              stdout=subprocess.PIPE, timeout=60,
                              stderr=subprocess.STDOUT, check=False)
        assert done.returncode == 0, f"{done.stdout}\n{text}"


@pytest.mark.parametrize("name", OF_OPERATORS)
def test_metrics_exist(name, sources):
    """Their names are put together from parts, so each is looked for without
    what all have in common."""
    for metric in re.findall(r"\bpopinjay_([a-z0-9_]+)\b", read(name)):
        if metric.endswith("_"):        # a whole family of them
            continue
        stem = re.sub(r"_(total|bucket|sum|count|bytes|seconds)$", "", metric)
        assert f'"{metric}"' in sources or stem in sources, metric


def first_column(text, heading):
    """The words in `` of the first column of the table whose heading's first
    cell is |heading|."""
    table = re.search(rf"^\| `?{heading}`? \|.*\n\|[-| ]+\|\n((?:\|.*\n)+)",
                      text, re.M)
    return [word for row in table[1].splitlines()
            for word in re.findall(r"`([a-z0-9_]+)`", row.split("|")[1])]


@pytest.mark.parametrize("heading", ["reason", "event"])
def test_log_lines_of_the_troubleshooting_exist(heading, sources):
    words = first_column(read("deploy/docs/operating.md"), heading)
    assert len(words) > 5
    for word in words:
        assert f'"{word}"' in sources, word
