"""The process: whose rights it has, its command line, its signals, and what
it never writes down."""

import base64
import contextlib
import os
import pwd
import random
import re
import signal
import socket
import subprocess
import time

import pytest

from support.fake_imap import CAPABILITY, FakeImap
from support.popinjay import Popinjay, binary, write_config
from support.ports import LOOPBACK, answers, wait_until
from support.secrets import forms

UPSTREAM = {"address": "imap.example.com:993", "tls": "implicit"}
OTHER = "nobody"
SECONDS = 20


def run(*arguments):
    return subprocess.run([binary(), *map(str, arguments)], timeout=SECONDS,
                          stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, check=False)


def status(pid):
    """{name: fields} of /proc/PID/status."""
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return {name: rest.split() for name, _, rest in
                (line.partition(":") for line in f)}


def privileged_port():
    """A free port below 1024."""
    while True:
        port = random.randrange(512, 1024)
        with contextlib.suppress(OSError), socket.socket() as s:
            s.bind((LOOPBACK, port))
            return port


def honest(peer):
    """Takes any password but those that end in `-wrong`; an empty INBOX."""
    peer.send(b"* OK [" + CAPABILITY + b" AUTH=PLAIN] ready\r\n")
    while True:
        tag, command = peer.command()
        if command.startswith(b"AUTHENTICATE PLAIN "):
            given = base64.b64decode(command.split()[2])
            if given.endswith(b"-wrong"):
                peer.send(tag + b" NO [AUTHENTICATIONFAILED] no\r\n")
                continue
            peer.send(tag + b" OK [" + CAPABILITY + b"] in\r\n")
            continue
        if command.startswith(b"SELECT"):
            peer.send(b"* 0 EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n")
        peer.send(tag + b" OK done\r\n")


# --- Rights -------------------------------------------------------------------

def test_drops_to_its_user(tmp_path, authority):
    """Started as root, with files that only root can read and ports that only
    root can bind: it serves them as another user, with none of root's groups
    and capabilities. Started by another, it stays who it is."""
    root = os.geteuid() == 0
    with FakeImap(honest) as fake:
        proxy = Popinjay(tmp_path, authority, fake.upstream_config(),
                         {"server": {"user": OTHER}})
        if root:
            for name in ("port_tls", "port_plain"):
                port = privileged_port()
                text = f"{LOOPBACK}:{getattr(proxy, name)}"
                for section in proxy.config.values():
                    if section.get("address") == text:
                        section["address"] = f"{LOOPBACK}:{port}"
                setattr(proxy, name, port)
            write_config(proxy.config_path, proxy.config)
        proxy.start()
        try:
            told = status(proxy.pid)
            entry = pwd.getpwnam(OTHER)
            uid = entry.pw_uid if root else os.geteuid()
            gid = entry.pw_gid if root else os.getegid()
            groups = (os.getgrouplist(OTHER, gid) if root
                      else os.getgroups())
            assert told["Uid"] == [str(uid)] * 4
            assert told["Gid"] == [str(gid)] * 4
            assert sorted(map(int, told["Groups"])) == sorted(groups)
            if root:
                for kind in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
                    assert int(told[kind][0], 16) == 0, kind
                assert told["NoNewPrivs"] == ["1"]
            for client in (proxy.pop3s(), proxy.plain()):
                with client as c:
                    c.login("u", "p")
                    assert c.ok("STAT") == b"+OK 0 0\r\n"
                    c.quit()
            proxy.stop()
        finally:
            proxy.kill()


@pytest.mark.parametrize("check", [[], ["--check"]])
def test_unknown_user(tmp_path, authority, check):
    """Root is told of a user that does not exist where the file names it;
    for others the key has no meaning, and --check finds no mistake."""
    proxy = Popinjay(tmp_path, authority, UPSTREAM,
                     {"server": {"user": "no-such-user"}})
    if os.geteuid() != 0:
        assert run("-c", proxy.config_path, "--check").returncode == 0
        return
    with open(proxy.config_path, encoding="utf-8") as f:
        line = 1 + f.read().split("\n").index("user = no-such-user")
    done = run("-c", proxy.config_path, *check)
    assert done.returncode == 2, done.stderr
    (said,) = done.stderr.splitlines()
    assert said.startswith(f"{proxy.config_path}:{line}: "), said
    assert "no-such-user" in said


def test_is_contained(start_proxy, sanitized):
    """Once it serves, and in each of its threads: no privileges to win
    through other programs, no debugger of its own user's, and the filter of
    system calls, which sanitizers could not live with."""
    for seccomp, filters in ((None, 2), ("log", 2), ("no", 0)):
        proxy = start_proxy(UPSTREAM, {"server": {"seccomp": seccomp}})
        assert owner_of_maps(proxy.pid) == 0
        for thread in os.listdir(f"/proc/{proxy.pid}/task"):
            told = status(f"{proxy.pid}/task/{thread}")
            assert told["NoNewPrivs"] == ["1"]
            assert told["Seccomp"] == [str(0 if sanitized else filters)]


def owner_of_maps(pid):
    """What describes a process that may not be dumped belongs to root."""
    return os.stat(f"/proc/{pid}/maps").st_uid


def test_leaves_no_core(start_proxy):
    """A core file would hold passwords and mail: its limit is 0, for good."""
    proxy = start_proxy(UPSTREAM)
    with open(f"/proc/{proxy.pid}/limits", encoding="ascii") as f:
        (limit,) = re.findall(r"^Max core file size +(\S+) +(\S+)", f.read(),
                              re.M)
    assert limit == ("0", "0")


def test_closed_standard_files(tmp_path, authority):
    """Whoever closes them does not get what is written to them into a socket or
    a file that took their place."""
    def launch(command, **kw):
        return subprocess.Popen(["sh", "-c", 'exec "$@" <&- >&-', "sh",
                                 *command], **kw)

    proxy = Popinjay(tmp_path, authority, UPSTREAM)
    proxy.start(launch)
    try:
        # Nobody else may look into a process that leaves no core.
        root = [] if os.geteuid() == 0 else ["sudo", "-n"]
        for number in (0, 1):
            assert subprocess.run(
                [*root, "readlink", f"/proc/{proxy.pid}/fd/{number}"],
                capture_output=True, text=True, check=True).stdout == \
                "/dev/null\n"
        proxy.stop()
    finally:
        proxy.kill()


# --- The command line ---------------------------------------------------------

def test_version_and_help():
    """Asked for, they go to standard output, and are no mistake."""
    for option in ("--help", "-h"):
        done = run(option)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("usage: popinjay ")
        for word in ("--config", "--check", "--version", "--help"):
            assert word in done.stdout
    done = run("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"popinjay \S+\n", done.stdout)


@pytest.mark.parametrize("arguments", [
    ["--bogus"], ["-x"], [], ["-c"], ["-c", "/x", "behind"]])
def test_wrong_arguments(arguments):
    """Exit 2, and how it is used, on standard error."""
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "usage: popinjay " in done.stderr


# --- Ports --------------------------------------------------------------------

@pytest.mark.parametrize("section", ["listen plain", "status"])
def test_port_in_use(tmp_path, authority, section):
    """One line that names the port and the trouble, and exit 1."""
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        proxy = Popinjay(tmp_path, authority, UPSTREAM,
                         {section: {"address": f"{LOOPBACK}:{port}"}})
        done = run("-c", proxy.config_path)
    assert done.returncode == 1, done.stderr
    errors = [line for line in done.stderr.splitlines()
              if " warning " not in line]
    assert len(errors) == 1, done.stderr
    for word in (LOOPBACK, str(port), "in use"):
        assert word in errors[0]


def test_started_twice(start_proxy):
    """A second one with the same configuration ends, and the first goes on,
    although workers share their ports among each other."""
    proxy = start_proxy(UPSTREAM)
    done = run("-c", proxy.config_path)
    assert done.returncode == 1, done.stderr
    assert "in use" in done.stderr
    with proxy.pop3s() as c:
        c.ok("QUIT")


# --- Signals ------------------------------------------------------------------

def test_hangup_is_harmless(start_proxy):
    """SIGHUP, once and many times over: sessions and listeners go on."""
    with FakeImap(honest) as fake:
        proxy = start_proxy(fake.upstream_config())
        with proxy.login("u", "p") as c:
            for _ in range(20):
                proxy.signal(signal.SIGHUP)
            time.sleep(0.2)
            assert c.ok("STAT") == b"+OK 0 0\r\n"
            c.quit()
        assert proxy.running()
        assert answers(proxy.port_stls)
        with proxy.login("u", "p") as c:
            c.quit()


# --- Secrets ------------------------------------------------------------------

def plain(user, password):
    return base64.b64encode(f"\0{user}\0{password}".encode()).decode()


def by_pass(c, password):
    c.command("USER device")
    return c.command(f"PASS {password}")


def by_auth(c, password):
    return c.command(f"AUTH PLAIN {plain('device', password)}")


def by_challenge(c, password):
    assert c.command("AUTH PLAIN") == b"+ \r\n"
    return c.command(plain("device", password))


def by_login(c, password):
    c.command("AUTH LOGIN")
    c.command(base64.b64encode(b"device").decode())
    return c.command(base64.b64encode(password.encode()).decode())


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_password_is_logged(start_proxy, form):
    """At debug level, by every way to log in, right, wrong and misplaced; nor
    what a client typed where no password was expected."""
    tried = []
    with FakeImap(honest) as fake:
        proxy = start_proxy(fake.upstream_config(), {
            "server": {"log_level": "debug", "log_format": form}})
        for way in (by_pass, by_auth, by_challenge, by_login):
            secret = f"{way.__name__}-Parrot7Feather9"
            tried += [secret, secret + "-wrong"]
            with proxy.pop3s() as c:
                assert way(c, secret + "-wrong").startswith(b"-ERR [AUTH]")
                assert way(c, secret).startswith(b"+OK")
                c.quit()
        misplaced = "Misplaced7Feather9"
        tried.append(misplaced)
        with proxy.pop3s() as c:
            c.err(f"PASS {misplaced}")
            c.err(misplaced)
            c.err(f"AUTH PLAIN {misplaced}!")
            c.ok("QUIT")
        wait_until(lambda: proxy.log().count("device") >= 4, 10, "the log")
        proxy.signal(signal.SIGTERM)
        assert proxy.wait() == 0
    log = proxy.log().encode()
    assert log.count(b"device") >= 8, log
    for secret in tried:
        for octets in forms(secret):
            assert len(octets) > 12 and octets not in log, (secret, octets)


def test_forms_find_what_they_should():
    """The search above is worth something: it finds a password wherever it
    stands in a base64 text."""
    for user in ("u", "us", "usr"):
        text = plain(user, "Parrot7Feather9").encode()
        assert any(octets in text for octets in forms("Parrot7Feather9"))
