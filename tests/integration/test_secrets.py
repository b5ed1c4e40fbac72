"""What of a password is left when its session is over: nothing in the memory of
the process, nor in what a run of tests leaves behind. Root's tests: nobody else
may look into the process."""

import base64
import os
import re
import resource
import signal
import subprocess
import threading

import pytest

from support.auth_service import AuthService
from support.exchanges import apop, cram_md5, scram
from support.fake_imap import CAPABILITY, FakeImap
from support.oauth import xoauth2
from support.popinjay import Popinjay, binary
from support.ports import wait_until
from support.secrets import all_forms, forms, keep, leaks_below, plant

SECRET = plant("Parrot7Feather9Quill5", "a right password")
WRONG = plant("Magpie3Feather8Quill6", "a wrong password")


def honest(peer):
    """Takes one password only, by any way in."""
    peer.send(b"* OK [" + CAPABILITY + peer.ways + b"] ready\r\n")
    while True:
        tag, command = peer.command()
        if command.startswith((b"AUTHENTICATE", b"LOGIN")):
            right = any(f in command for f in forms(SECRET))
            peer.send(tag + (b" OK [" + CAPABILITY + b"] in\r\n" if right else
                             b" NO [AUTHENTICATIONFAILED] no\r\n"))
            continue
        if command.startswith(b"SELECT"):
            peer.send(b"* 0 EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n")
        peer.send(tag + b" OK done\r\n")


def by_plain(peer):
    peer.ways = b" AUTH=PLAIN"
    honest(peer)


def by_login(peer):
    peer.ways = b""
    honest(peer)


def memory(pid):
    """(address, octets) of all that the process can write to."""
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps, \
            open(f"/proc/{pid}/mem", "rb", buffering=0) as mem:
        for line in maps:
            start, end, rights, name = re.match(
                r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ *(.*)",
                line).groups()
            start, end = int(start, 16), int(end, 16)
            if not rights.startswith("rw") or name == "[vvar]":
                continue
            mem.seek(start)
            try:
                octets = mem.read(end - start)
            except OSError:             # it is not mapped any more
                continue
            yield start, name, octets


def found(pid, secret):
    """Where it stands: the region, and some octets before and behind."""
    return [(f"{start + m.start():x}", name,
             octets[max(m.start() - 64, 0):m.end() + 32])
            for start, name, octets in memory(pid) for form in forms(secret)
            for m in re.finditer(re.escape(form), octets)]


def log_in(c, user, password):
    """The reply to PASS; the password goes by the other way as well."""
    c.ok(f"USER {user}")
    return c.command(f"PASS {password}")


def log_in_by_sasl(c, user, password):
    plain = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
    return c.command(f"AUTH PLAIN {plain}")


@pytest.mark.parametrize("reuse", ["0 s", "90 s"])
@pytest.mark.parametrize("script", [by_plain, by_login])
def test_nothing_is_left_of_a_password(start_proxy, authority, script, reuse):
    """Right and wrong ones, in clear and under TLS, by both commands; a
    connection that rests does not know the one that it is found by."""
    with FakeImap(script, authority.pair("upstream")) as fake:
        proxy = start_proxy(fake.upstream_config("implicit", authority.ca_file),
                            {"limits": {"upstream_reuse": reuse}})
        for connect in (proxy.pop3s, proxy.plain):
            for way in (log_in, log_in_by_sasl):
                with connect() as c:
                    assert way(c, "device", WRONG).startswith(b"-ERR [AUTH]")
                    assert way(c, "device", SECRET).startswith(b"+OK")
                    c.quit()
        wait_until(lambda: not proxy.status()["sessions"]["active"], 10, "the end")
        assert not found(proxy.pid, SECRET)
        assert not found(proxy.pid, WRONG)


def by_token(peer):
    peer.ways = b" AUTH=XOAUTH2 SASL-IR"
    honest(peer)


@pytest.mark.parametrize("reuse", ["0 s", "90 s"])
def test_nothing_is_left_of_a_token(start_proxy, authority, reuse):
    """That the client brings."""
    with FakeImap(by_token, authority.pair("upstream")) as fake:
        proxy = start_proxy(
            fake.upstream_config("implicit", authority.ca_file),
            {"listen pop3s": {"token_login": "yes"},
             "limits": {"upstream_reuse": reuse}})
        with proxy.pop3s() as c:
            for token, answers in (WRONG, [b"+ ", b"-ERR [AUTH]"]), \
                    (SECRET, [b"+OK"]):
                coded = base64.b64encode(xoauth2("device", token)).decode()
                for line, answer in zip((f"AUTH XOAUTH2 {coded}", "*"),
                                        answers):
                    assert c.command(line).startswith(answer)
            c.quit()
        wait_until(lambda: not proxy.status()["sessions"]["active"], 10, "the end")
        assert not found(proxy.pid, SECRET)
        assert not found(proxy.pid, WRONG)


def test_nothing_is_left_of_what_a_service_is_told(start_proxy, tmp_path):
    """Nor of what it answers: the device's password, and the server's."""
    given = plant("Linnet4Thistle6Seed", "a device's password")

    def rule(asked):
        right = asked["Auth-Pass"] == given
        return {"Auth-Status": "OK", "Auth-Pass": SECRET} if right else \
            {"Auth-Status": "no"}

    with FakeImap(by_plain) as fake, AuthService(rule) as service:
        proxy = start_proxy(fake.upstream_config(), {
            "auth_http": {"url": service.url},
            "limits": {"upstream_reuse": "0 s"}})
        for way in (log_in, log_in_by_sasl):
            with proxy.pop3s() as c:
                assert way(c, "device", WRONG).startswith(b"-ERR [AUTH]")
                assert way(c, "device", given).startswith(b"+OK")
                c.quit()
        wait_until(lambda: not proxy.status()["sessions"]["active"], 10, "the end")
        for secret in (given, SECRET, WRONG):
            assert not found(proxy.pid, secret)


@pytest.mark.parametrize("options, ways", [
    ([], [log_in, log_in_by_sasl]),
    (["--seal-by-password"], [log_in, log_in_by_sasl]),
    (["--recoverable", "--scram"], [apop, cram_md5, scram])])
def test_nothing_is_left_of_an_account(authority, start_proxy, tmp_path,
                                       options, ways):
    """The device's own password, also where it is kept recoverable, and the
    secret that is opened for it."""
    # The allocator writes over the beginning of what it is given back, and over
    # all that is small.
    given = plant("Siskin5Alder8Cone", "a device's password")
    password = "Perch" * 30 + given
    key = keep(tmp_path / "key")
    key.write_bytes(os.urandom(32))
    key.chmod(0o600)
    accounts = keep(tmp_path / "accounts.conf")
    with FakeImap(by_plain) as fake:
        settings = {"accounts": {"file": accounts, "key_file": key},
                    "limits": {"upstream_reuse": "0 s"}}
        unstarted = Popinjay(tmp_path, authority, fake.upstream_config(),
                             settings)
        subprocess.run([binary(), "account", "add", "device", *options, "-c",
                        unstarted.config_path],
                       input=f"{password}\n{SECRET}\n", text=True, check=True,
                       capture_output=True)
        proxy = start_proxy(fake.upstream_config(), settings)
        for way in ways:
            with proxy.pop3s() as c:
                assert way(c, "device", WRONG).startswith(b"-ERR [AUTH]")
                assert way(c, "device", password).startswith(b"+OK")
                c.quit()
        wait_until(lambda: not proxy.status()["sessions"]["active"], 10, "the end")
        for secret in (given, SECRET, WRONG):
            assert not found(proxy.pid, secret)


def test_the_search_finds_one_that_is_needed(start_proxy):
    """While the server has not yet greeted, the password waits for it."""
    greet = threading.Event()

    def late(peer):
        greet.wait(20)
        by_plain(peer)

    with FakeImap(late) as fake:
        proxy = start_proxy(fake.upstream_config(),
                            {"limits": {"upstream_reuse": "0 s"}})
        with proxy.pop3s() as c:
            c.ok("USER device")
            c.send(f"PASS {SECRET}\r\n".encode())
            wait_until(lambda: found(proxy.pid, SECRET), 10, "the password")
            greet.set()
            assert c.line().startswith(b"+OK")
            c.quit()


# --- what else the run produced ------------------------------------------------------

def test_the_search_of_files_finds_what_was_planted(tmp_path):
    """In each form, at any depth; but not where a secret belongs."""
    secret = plant("Magpie/8+Quill", "a test's own")
    below = tmp_path / "deep" / "down"
    below.mkdir(parents=True)
    for n, form in enumerate(all_forms(secret)):
        (below / f"log{n}").write_bytes(b"\0\xffx" + form + b"y")
    (below / "innocent").write_bytes(secret[:-1].encode())
    held = below / "proxy.conf"
    held.write_bytes(secret.encode())
    keep(held)
    found = leaks_below(tmp_path)
    for n, _ in enumerate(all_forms(secret)):
        assert f"{below}/log{n}: a test's own" in found
        (below / f"log{n}").unlink()
    assert leaks_below(tmp_path) == []


def test_what_others_can_see_is_searched(start_proxy):
    """How the process was called and surrounded, and what it answers."""
    with FakeImap(by_plain) as fake:
        proxy = start_proxy(fake.upstream_config())
        proxy.http("/status")
        shown = {name: (proxy.folder / f"shown.{name}").read_bytes()
                 for name in ("http", "processes")}
    assert b"proxy.conf" in shown["processes"]      # its argument
    assert b"PATH=" in shown["processes"]           # its environment
    assert b'"sessions"' in shown["http"]


def test_no_core_of_one_that_dies(authority, tmp_path):
    """Not even where whoever started it permits cores."""
    def launch(command, **kw):
        return subprocess.Popen(
            command, cwd=tmp_path, **kw, preexec_fn=lambda: resource.setrlimit(
                resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2))

    with FakeImap(by_plain) as fake:
        proxy = Popinjay(tmp_path, authority, fake.upstream_config())
        proxy.start(launch)
        try:
            proxy.signal(signal.SIGSEGV)
            _, status = os.waitpid(proxy.pid, 0)
        finally:
            proxy.kill()
    assert os.WTERMSIG(status) == signal.SIGSEGV
    assert not os.WCOREDUMP(status)
    assert not list(tmp_path.glob("core*"))
