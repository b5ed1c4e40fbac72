"""popinjay account in rough hands: odd names, files edited by other means, others
who edit at once, disks and terminals that go away."""

import concurrent.futures
import os
import pty
import resource
import secrets
import select
import signal
import subprocess
import termios
import time

import pytest

from support.accounts import Accounts
from support.popinjay import binary
from support.secrets import plant


@pytest.fixture
def accounts(tmp_path):
    return Accounts(tmp_path)


@pytest.mark.parametrize("words, given, problem", [
    (["add"], "", "a name has 1 to 150 octets"),
    (["add", "a b"], "", "a name has 1 to 150 octets"),
    (["frobnicate"], "", "there is no command account frobnicate"),
    (["list", "x"], "", "one word too many: x"),
    (["remove", "nobody"], "", "there is no account of that name: nobody"),
    (["add", "a", "--networks", "hall"], "p\ns\n", "must be networks"),
    (["add", "a", "--upstream", "x"], "p\ns\n", "there is no [upstream x]"),
    (["add", "a", "--user", "x\ny"], "p\ns\n", "--user"),
    (["add", "a", "--pass-through", "--scram"], "", "--pass-through has no"),
    (["add", "a", "--seal-by-password", "--scram"], "", "needs a password"),
    (["passwd", "a", "--user", "x"], "", "these options belong to add"),
    (["add", "a"], "", "a password is one line"),
    (["add", "a"], "p\n", "a password is one line"),
])
def test_mistakes(accounts, words, given, problem):
    """What cannot be is said, and no file is made of it."""
    done = accounts.run(*words, given=given)
    assert done.returncode in (1, 2)
    assert problem in done.stderr
    assert not os.path.exists(accounts.path)


def test_edited_at_once(accounts):
    """Of many who add accounts at the same time nobody's is lost."""
    names = [f"device{n}" for n in range(12)]
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        codes = list(pool.map(
            lambda n: accounts.run("add", n, "--pass-through").returncode,
            names))
    assert codes == [0] * len(names)
    listed = accounts.must("list").splitlines()[1:]
    assert [l.split()[0] for l in listed] == sorted(names)
    assert set(os.listdir(os.path.dirname(accounts.path))) == {
        "accounts.conf", "accounts.key", "edit.conf"}


def asked(fd, question):
    """Waits for |question| at a terminal; what the screen showed till then."""
    screen, end = b"", time.monotonic() + 30
    while question not in screen:
        assert time.monotonic() < end, screen
        if select.select([fd], [], [], 1)[0]:
            screen += os.read(fd, 4096)
    return screen


def answer(fd, question, words):
    screen = asked(fd, question)
    os.write(fd, words.encode() + b"\n")
    return screen


@pytest.mark.parametrize("again", ["the same", "another"])
def test_at_a_terminal(accounts, again):
    """Each password is asked for twice, and shown not once."""
    password = plant(f"Typed-{secrets.token_hex(6)}", "a typed password")
    secret = plant(f"Typed-{secrets.token_hex(6)}", "a typed secret")
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [binary(), "account", "add", "device", "-c", accounts.conf],
        stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
    os.close(slave)
    screen = answer(master, b"Password of the device", password)
    screen += answer(master, b"Once more",
                     password if again == "the same" else "something else")
    if again == "the same":
        screen += answer(master, b"Password at the upstream", secret)
        screen += answer(master, b"Once more", secret)
        screen += answer(master, b"done; ", "")
        assert process.wait(30) == 0
        assert "[account device]" in accounts.text()
    else:
        screen += answer(master, b"not the same", "")
        assert process.wait(30) == 1
        assert not os.path.exists(accounts.path)
    os.close(master)
    assert password.encode() not in screen and secret.encode() not in screen


def test_interrupted_at_a_terminal(accounts):
    """The terminal shows again what is typed, and nothing has changed."""
    accounts.must("add", "device", given="a-password\na-secret\n")
    before = accounts.text()
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [binary(), "account", "passwd", "device", "-c", accounts.conf],
        stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
    answer(master, b"Password of the device", "half-of-it")
    asked(master, b"Once more")
    assert not termios.tcgetattr(slave)[3] & termios.ECHO
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == -signal.SIGINT
    assert termios.tcgetattr(slave)[3] & termios.ECHO
    os.close(slave)
    os.close(master)
    assert accounts.text() == before


# --- names and values ----------------------------------------------------------------

@pytest.mark.parametrize("name", [
    "a=b", "=", ":", "a:b", "%s%n", "..", "a/b", "DEFAULT", "account",
    "Grüße@example.com", "'q'", "\\", "x" * 150])
def test_odd_names(accounts, name):
    """What is a name is found again by it, octet for octet, beside others."""
    accounts.must("add", "other", "--pass-through")
    accounts.must("add", name, "--pass-through", "--user", "who")
    assert accounts.run("add", name, "--pass-through").returncode == 1
    rows = [l.split() for l in accounts.must("list").splitlines()]
    assert [r[0] for r in rows[1:] if r[4] == "who"] == [name]
    accounts.must("remove", name)
    assert accounts.text() == "[account other]\n\n"


@pytest.mark.parametrize("name", [
    "", "a b", " a", "a\tb", "[x]", "a]", "a;b", "#x", 'a"b', "a\nb",
    "a\n[account b", "a\x7f", "x" * 151, "x" * 300])
def test_no_names(accounts, name):
    """What an INI file would read as another one, or as none, is refused."""
    done = accounts.run("add", name, "--pass-through")
    assert done.returncode == 2
    assert "a name has 1 to 150 octets" in done.stderr
    assert not os.path.exists(accounts.path)


@pytest.mark.parametrize("value", [
    "a #b", '"q"', "=x", ":x", "a = b", "#x", "[account z]", "a\\", "ü",
    "y" * 160])
def test_odd_values(accounts, value):
    """What is given is what is read."""
    accounts.must("add", "device", "--pass-through", "--user", value)
    row = accounts.must("list").splitlines()[1]
    assert row.endswith(" " + value)
    assert row.split(None, 4)[4] == value


@pytest.mark.parametrize("value", [
    "", " ", " x", "x ", "a;b", "a ; b", "a\tb", "a\nb", "y" * 161])
def test_no_values(accounts, value):
    """What would be read as something else is refused, not changed."""
    done = accounts.run("add", "device", "--pass-through", "--user", value)
    assert done.returncode == 2
    assert "it has 1 to 160 octets" in done.stderr
    assert "--user" in done.stderr
    assert not os.path.exists(accounts.path)


# --- files -------------------------------------------------------------------------------

def written(accounts, octets):
    with open(accounts.path, "wb") as f:
        f.write(octets)


def octets_of(accounts):
    with open(accounts.path, "rb") as f:
        return f.read()


def test_lines_of_another_system(accounts):
    """Edited with CRLF and a byte order mark: what was there stays as it is."""
    head = b"\xef\xbb\xbf[account one]\r\nuser = x\r\n"
    written(accounts, head + b"\r\n[account two]\r\nuser = y\r\n")
    accounts.must("add", "three", "--user", "z",
                  given="a-password\na-secret\n")
    accounts.must("passwd", "three", given="b-password\n")
    accounts.must("remove", "two")
    rows = [l.split() for l in accounts.must("list").splitlines()]
    assert [(r[0], r[4]) for r in rows[1:]] == [("one", "x"), ("three", "z")]
    assert octets_of(accounts).startswith(head)


def test_last_line_without_end(accounts):
    written(accounts, b"[account one]\nuser = x")
    accounts.must("add", "two", "--pass-through")
    assert octets_of(accounts) == b"[account one]\nuser = x\n\n[account two]\n"


@pytest.mark.parametrize("octets, line, why", [
    (b"[account a]\n[account b]\n[account a]\n", 3,
     "[account a] stands at line 1 already"),
    (b"[account a]\nuser = x\nuser = y\n", 3, "stands at line 2 already"),
    (b"[account a]\ruser = x\r", 1, "a control octet"),
    (b"[account a]\nuser = x\0y\n", 2, "a control octet"),
    (b"user = x\n", 1, "stands before the first"),
    (b"[account a\n", 1, "lacks its closing bracket"),
    (b"[account a] b\n", 1, "something stands behind"),
    (b"[accounts]\n", 1, "there is no section [accounts]")])
def test_mistakes_in_the_file(accounts, octets, line, why):
    """Whatever is to be done, the line is named, and the file stays."""
    written(accounts, octets)
    for words in (["list"], ["remove", "a"], ["add", "c", "--pass-through"]):
        done = accounts.run(*words)
        assert done.returncode == 2
        assert done.stderr.startswith(f"{accounts.path}:{line}: ")
        assert why in done.stderr
    assert octets_of(accounts) == octets


def test_links(accounts, tmp_path):
    """A link stays one, and the file that it leads to is what changes."""
    (tmp_path / "real").mkdir()
    real = tmp_path / "real" / "accounts"
    real.write_text("[account one]\n", encoding="utf-8")
    os.symlink("real/accounts", accounts.path)
    accounts.must("add", "two", "--pass-through")
    assert os.readlink(accounts.path) == "real/accounts"
    assert "[account two]" in real.read_text(encoding="utf-8")
    assert real.stat().st_mode & 0o777 == 0o600
    real.unlink()
    done = accounts.run("add", "three", "--pass-through")
    assert done.returncode == 1
    assert "a link that does not lead to a file" in done.stderr
    assert os.readlink(accounts.path) == "real/accounts"
    assert os.listdir(tmp_path / "real") == []


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_no_files(accounts, make):
    """Nor is anybody waited for who would write to a pipe."""
    make(accounts.path)
    for words in (["account", "list"], ["account", "add", "a"], ["--check"]):
        done = subprocess.run([binary(), *words, "-c", accounts.conf],
                              stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=30, check=False)
        assert done.returncode == 2, words
        assert "accounts.conf: not a file\n" in done.stderr


def limited(octets):
    """No file that is written may be longer, as on a disk that is full."""
    def prepare():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (octets, octets))
    return prepare


def test_full_disk(accounts):
    """Of a file that cannot be written nothing is left, and the old one stays."""
    accounts.must("add", "one", "--pass-through")
    before = accounts.text()
    done = subprocess.run(
        [binary(), "account", "add", "two", "--pass-through", "-c",
         accounts.conf], preexec_fn=limited(len(before) + 5),
        capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert done.stderr == f"{accounts.path}: File too large\n"
    assert accounts.text() == before
    assert set(os.listdir(os.path.dirname(accounts.path))) == {
        "accounts.conf", "accounts.key", "edit.conf"}


@pytest.mark.parametrize("closed", [">/dev/full", ">&-"])
def test_a_password_that_nobody_saw(accounts, closed):
    """It is said, and how to make another one."""
    done = subprocess.run(
        ["sh", "-c", f'"$0" account add device --generate -c "$1" {closed}',
         binary(), accounts.conf], input="a-secret\n", capture_output=True,
        text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert "the password could not be printed: " in done.stderr
    assert "popinjay account passwd device --generate\n" in done.stderr
    again = accounts.must("passwd", "device", "--generate")
    assert len(plant(again.strip(), "a password made up again")) == 16


def test_one_name_at_once(accounts):
    """Of many who add the same account one does."""
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        done = list(pool.map(
            lambda n: accounts.run("add", "device", "--pass-through",
                                   "--user", f"user{n}"), range(8)))
    codes = sorted(d.returncode for d in done)
    assert codes == [0] + 7 * [1]
    assert accounts.text().count("[account device]") == 1
