"""The command line: probe, status, help, and what their exit codes say."""

import os
import pty
import re
import select
import signal
import subprocess
import threading
import time

import pytest

from support import mail
from support.fake_imap import FakeImap
from support.popinjay import Popinjay, binary, write_config
from support.ports import LOOPBACK, free_port, wait_until

SECONDS = 30
NOBODY = {"address": f"{LOOPBACK}:1", "tls": "none"}


def run(*arguments, given=""):
    return subprocess.run([binary(), *map(str, arguments)], timeout=SECONDS,
                          input=given, capture_output=True, text=True,
                          check=False)


@pytest.fixture
def configured(tmp_path, authority):
    """configured(upstream, settings): the path of a configuration."""
    def make(upstream, settings=None):
        return Popinjay(tmp_path, authority, upstream, settings).config_path
    return make


# --- help ----------------------------------------------------------------------

def test_help_fits_one_screen():
    text = run("--help").stdout
    assert len(text.splitlines()) <= 24
    assert max(map(len, text.splitlines())) < 80
    for word in ("probe", "status", "--user", "exit: 0"):
        assert word in text


@pytest.mark.parametrize("arguments, word", [
    (["prob"], "prob"), (["probe", "x"], "x"), (["status", "u", "v"], "v"),
    (["-c", "/x", "-u", "a"], "--user"), (["status", "-c", "/x", "u"], "URL"),
    (["probe", "-c"], "usage")])
def test_mistakes(arguments, word):
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert word in done.stderr
    assert len(done.stderr.splitlines()) < 10, "what is wrong is lost in it"


@pytest.mark.parametrize("command", [["--check"], ["probe"], ["status"]])
def test_usual_place(command):
    """Without -c the configuration is where the package has it."""
    path = "/etc/popinjay/proxy.conf"
    assert not os.path.exists(path), "this machine serves in earnest"
    done = run(*command)
    assert done.returncode == 2
    assert done.stderr == f"{path}: No such file or directory\n"


# --- probe -------------------------------------------------------------------------

def test_probe(server, configured):
    """Without a user: address, TLS, certificate, what the server can do."""
    done = run("probe", "-c", configured(server.upstream_config()))
    assert done.returncode == 0, done.stderr
    said = done.stdout
    assert f"Server localhost:{server.port_tls}" in said
    assert re.search(r"^  tls +TLSv1\.[23], \S+$", said, re.M)
    assert re.search(r"^  address +\S+ port \d+$", said, re.M)
    assert re.search(r"^  names +.*localhost", said, re.M)
    assert re.search(r"^  subject +\S", said, re.M)
    assert re.search(r"^  issuer +\S", said, re.M)
    assert re.search(r"^  expires +\d{4}-\d\d-\d\dT.* in \d+ days$", said, re.M)
    assert re.search(r"^  can +.*IMAP4rev1", said, re.M)
    assert re.search(r"^  RETR +UID FETCH", said, re.M)


def test_probe_starttls(server, configured):
    done = run("probe", "-c", configured(server.upstream_config("starttls")))
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^  tls +TLSv1\.[23]", done.stdout, re.M)


def test_probe_of_a_user(server, configured, user):
    """A login and a listing that change nothing: not even \\Recent."""
    body = b"x" * 100 + b"\r\n"
    server.deliver(user, [mail.message("x", body)] * 3)
    path = configured(server.upstream_config())
    for _ in range(2):
        done = run("probe", "-c", path, "--user", user,
                   given=server.password(user) + "\n")
        assert done.returncode == 0, done.stdout + done.stderr
        assert server.password(user) not in done.stdout + done.stderr
        found = re.search(r"^  messages +3, (\d+) octets$", done.stdout, re.M)
        assert found and int(found[1]) > 300
        assert re.search(r"^  uidvalidity +[1-9]\d*$", done.stdout, re.M)
        assert re.search(r"^  unique-ids +last$", done.stdout, re.M)
        assert re.search(r"^  id +.*name", done.stdout, re.M)
        assert "UID EXPUNGE" in done.stdout
        # Dovecot no longer names AUTH=PLAIN once that has been used.
        assert re.search(r"^  USER, PASS  AUTHENTICATE PLAIN", done.stdout, re.M)
        assert done.stdout.index("\n  id ") < done.stdout.index("\nPOP3 becomes")
        assert "Nothing was changed." in done.stdout
    with server.imap(user) as m:
        m.select("INBOX")
        assert m.recent()[1] == [b"3"], "a session had them before us"


def test_probe_of_several(server, configured, user):
    """Each mailbox that the policy shows, and which one is not there."""
    server.deliver(user, [mail.message("x", b"x\r\n")] * 2)
    m = server.imap(user)
    m.create("Reports")
    m.logout()
    for mailboxes, code in (("Reports, INBOX", 0), ("INBOX, Nowhere", 1)):
        path = configured(server.upstream_config(),
                          {"policy": {"mailboxes": mailboxes}})
        done = run("probe", "-c", path, "--user", user,
                   given=server.password(user) + "\n")
        assert done.returncode == code, done.stdout + done.stderr
        assert re.search(r"^INBOX\n  messages +2, ", done.stdout, re.M)
        assert bool(re.search(r"^Reports\n  messages +0, ", done.stdout,
                              re.M)) == (code == 0)
        assert bool(re.search(r"^  mailbox +Nowhere$", done.stdout,
                              re.M)) == (code == 1)
        assert done.stdout.count("Nothing was changed.") == (code == 0)


def test_probe_by_a_policy(server, configured, user):
    """What the policy shows of the mailbox, by a search."""
    server.deliver(user, [mail.message("x", b"x\r\n")] * 4)
    m = server.imap(user)
    m.select()
    m.store("1", "+FLAGS", "(\\Seen)")
    m.store("2", "+FLAGS", "(\\Deleted)")
    m.logout()
    path = configured(server.upstream_config(), {
        "policy": {"unread_only": "yes", "newest": "1"}})
    done = run("probe", "-c", path, "--user", user,
               given=server.password(user) + "\n")
    assert done.returncode == 0, done.stdout + done.stderr
    for line in (r"messages +1, \d+ octets", "hidden +3, by the policy",
                 "marked +1, by another client, as deleted"):
        assert re.search(rf"^  {line}$", done.stdout, re.M), done.stdout


def test_probe_wrong_password(server, configured, user):
    done = run("probe", "-c", configured(server.upstream_config()),
               "-u", user, given="wrong\n")
    assert done.returncode == 1
    assert "Name or password are wrong" in done.stdout


@pytest.mark.parametrize("given", ["", "\n", "x" * 256 + "\n"])
def test_probe_without_a_password(server, configured, given):
    done = run("probe", "-c", configured(server.upstream_config()),
               "-u", "a", given=given)
    assert done.returncode == 2
    assert "a password is" in done.stderr


def test_probe_at_a_terminal(server, configured, user):
    """The password is asked for, and does not appear on the screen."""
    master, slave = pty.openpty()
    path = configured(server.upstream_config())
    process = subprocess.Popen([binary(), "probe", "-c", path, "-u", user],
                               stdin=slave, stdout=slave, stderr=slave,
                               start_new_session=True)
    os.close(slave)
    screen = read_until(master, b"Password of ")
    os.write(master, server.password(user).encode() + b"\n")
    screen += read_until(master, b"Nothing was changed.")
    assert process.wait(SECONDS) == 0
    os.close(master)
    assert server.password(user).encode() not in screen, screen


def test_terminal_gets_its_echo_back(server, configured):
    """Whoever ends it at the prompt can see what he types afterwards."""
    import termios
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    process = subprocess.Popen(
        [binary(), "probe", "-c", configured(server.upstream_config()),
         "-u", "a"], stdin=slave, stdout=slave, stderr=slave,
        start_new_session=True)
    read_until(master, b"Password of ")
    assert not termios.tcgetattr(slave)[3] & termios.ECHO
    process.send_signal(signal.SIGINT)
    assert process.wait(SECONDS) == -signal.SIGINT
    assert termios.tcgetattr(slave) == before
    os.close(slave)
    os.close(master)


def read_until(fd, wanted):
    seen, end = b"", time.monotonic() + SECONDS
    while wanted not in seen:
        assert time.monotonic() < end, seen
        if select.select([fd], [], [], 1)[0]:
            seen += os.read(fd, 4096)
    return seen


def bare(peer):
    """A server that can do as little as there is."""
    peer.send(b"* OK [CAPABILITY IMAP4rev1] \x1b[31mready\r\n")
    while True:
        tag, command = peer.command()
        if command.startswith(b"CAPABILITY"):
            peer.send(b"* CAPABILITY IMAP4rev1\r\n")
        elif command.startswith(b"EXAMINE"):
            peer.send(b"* 0 EXISTS\r\n* OK [UIDNOTSTICKY] x\r\n"
                      b"* OK [ALERT] \x1b[31mquota\r\n")
        elif not command.startswith((b"LOGIN", b"LOGOUT")):
            peer.send(tag + b" BAD not here\r\n")
            continue
        peer.send(tag + b" OK done\r\n")


@pytest.mark.parametrize("policy, quit_becomes", [
    ({}, "UID STORE, and EXPUNGE if nobody else"),
    ({"without_uidplus": "refuse"}, "no message is ever"),
    ({"on_delete": "trash"}, "UID COPY to the trash, then UID STORE, and EXP"),
    ({"on_delete": "trash", "without_uidplus": "refuse"}, "no message is eve"),
    ({"on_delete": "seen", "without_uidplus": "refuse"}, r"SILENT (\Seen)"),
    ({"on_delete": "keep"}, "SILENT of the user's keyword")])
def test_probe_of_a_bare_server(configured, policy, quit_becomes):
    """What is missing is said, and what QUIT does without it; its words do not
    reach the terminal as they are; nothing but looking is asked of it."""
    with FakeImap(bare) as fake:
        path = configured(fake.upstream_config(),
                          {"policy": policy})
        done = run("probe", "-c", path, "--user", "anna", given="secret\n")
        assert done.returncode == 0, done.stdout
        asked = [line.split()[1] for line in fake.seen]
    missing = done.stdout.split("\nMissing\n")[1]
    for word in ("UIDPLUS", "CONDSTORE", "SASL-IR"):
        assert word in missing
    assert quit_becomes in done.stdout
    assert "LOGIN; names" in done.stdout
    assert "do not last" in done.stdout
    assert "quota" in done.stdout and "\x1b" not in done.stdout
    assert set(asked) <= {b"CAPABILITY", b"LOGIN", b"EXAMINE", b"LOGOUT"}


@pytest.mark.parametrize("words", [b"NO %s", b"OK [ALERT] in with %s"])
def test_probe_of_a_server_that_repeats_the_password(configured, words):
    secret = b"Parrot7Feather9"

    def parrot(peer):
        peer.send(b"* OK [CAPABILITY IMAP4rev1] ready\r\n")
        tag, _ = peer.command()
        peer.send(tag + b" " + words.replace(b"%s", secret) + b"\r\n")
        peer.line()

    with FakeImap(parrot) as fake:
        done = run("probe", "-c", configured(fake.upstream_config()),
                   "--user", "anna", given=secret.decode() + "\n")
    assert done.returncode == 1
    assert secret.decode() not in done.stdout + done.stderr
    assert "it repeats the secret" in done.stdout


def test_probe_untrusted(server, configured, authority):
    """A certificate of another authority: why, and how to look at it."""
    upstream = {**server.upstream_config(), "ca_file": authority.ca_file}
    done = run("probe", "-c", configured(upstream), "-u", "a", given="x\n")
    assert done.returncode == 1
    assert "openssl s_client -connect" in done.stdout
    assert re.search(r"^  names +.*localhost", done.stdout, re.M)
    assert re.search(r"^  issuer +\S", done.stdout, re.M)
    assert "server_name" in done.stdout


def test_probe_unreachable(configured):
    done = run("probe", "-c", configured(
        {"address": f"{LOOPBACK}:{free_port()}", "tls": "none"}))
    assert done.returncode == 1
    assert "refused" in done.stdout


def test_probe_silent(configured):
    def silent(peer):
        peer.line()

    with FakeImap(silent) as fake:
        done = run("probe", "-c", configured(
            fake.upstream_config(), {"limits": {"upstream_timeout": "1 s"}}))
    assert done.returncode == 1
    assert "tls = implicit" in done.stdout


# --- status --------------------------------------------------------------------------

def test_status(server, start_proxy, user):
    proxy = start_proxy(server.upstream_config())
    with proxy.login(user, server.password(user)) as c:
        by_url = run("status", f"http://{LOOPBACK}:{proxy.port_status}/")
        by_config = run("status", "-c", proxy.config_path)
        bare_url = run("status", f"{LOOPBACK}:{proxy.port_status}")
        c.quit()
    for done in (by_url, by_config, bare_url):
        assert done.returncode == 0, done.stderr
        assert re.search(r"^state +serving$", done.stdout, re.M)
        assert re.search(r"^sessions +1 of \d+; \d+ since", done.stdout, re.M)
        assert re.search(r"^logins +1 good, 0 failed", done.stdout, re.M)
        assert re.search(r"^upstream +default, localhost:\d+: \w", done.stdout, re.M)
        assert re.search(r"^certificate +\S+ \(pop3s\): ends in \d+ days$",
                         done.stdout, re.M)


def test_status_not_serving(start_proxy):
    """Exit 1 where it is there and does not serve."""
    proxy = start_proxy(NOBODY)
    with proxy.plain() as c:
        c.command("USER anna")
        c.command("PASS secret")
    done = run("status", "-c", proxy.config_path)
    assert done.returncode == 1
    assert not re.search(r"^state +serving$", done.stdout, re.M)
    assert "upstream_unreachable" in done.stdout


def test_status_of_nobody(configured):
    port = free_port()
    done = run("status", f"{LOOPBACK}:{port}")
    assert done.returncode == 1
    assert f"port {port}" in done.stderr
    done = run("status", "-c", configured(NOBODY))
    assert done.returncode == 1


def test_status_of_something_else():
    def other(peer):
        peer.line()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")

    with FakeImap(other) as fake:
        done = run("status", f"{LOOPBACK}:{fake.port}")
    assert done.returncode == 1
    assert "no popinjay" in done.stderr

    def garbled(peer):
        peer.line()
        peer.send(b"* OK IMAP4rev1\r\n")

    with FakeImap(garbled) as fake:
        done = run("status", f"{LOOPBACK}:{fake.port}")
    assert done.returncode == 1
    assert "no answer in HTTP" in done.stderr


def test_status_of_one_that_stands_still():
    def mute(peer):
        while True:
            peer.line()

    with FakeImap(mute) as fake:
        done = run("status", f"{LOOPBACK}:{fake.port}")
    assert done.returncode == 1
    assert "no answer in 5 s" in done.stderr


def test_status_goes_on_after_a_stop():
    """As by Ctrl-Z and `fg` at a terminal, while it waits."""
    may_answer = threading.Event()

    def slow(peer):
        while peer.line():
            pass
        may_answer.wait(SECONDS)
        peer.send(b"HTTP/1.1 500 no\r\nContent-Length: 0\r\n\r\n")

    with FakeImap(slow) as fake:
        process = subprocess.Popen(
            [binary(), "status", f"{LOOPBACK}:{fake.port}"], text=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        wait_until(lambda: b"" in fake.seen, SECONDS, "the request")
        wait_until(lambda: state_of(process) == "S", SECONDS, "it to wait")
        process.send_signal(signal.SIGSTOP)
        wait_until(lambda: state_of(process) == "T", SECONDS, "it to stop")
        process.send_signal(signal.SIGCONT)
        wait_until(lambda: state_of(process) != "T", SECONDS, "it to go on")
        may_answer.set()
        _, error = process.communicate(timeout=SECONDS)
    assert process.returncode == 1
    assert "it answers 500" in error


def state_of(process):
    """One letter, as ps(1) has it."""
    with open(f"/proc/{process.pid}/stat", encoding="ascii") as f:
        return f.read().rpartition(") ")[2][0]


@pytest.mark.parametrize("url", ["https://x:1", "x", "http://", ":1"])
def test_status_url(url):
    done = run("status", url)
    assert done.returncode == 2
    assert "http://" in done.stderr and f'"{url}"' in done.stderr
