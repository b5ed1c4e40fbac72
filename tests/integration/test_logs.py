"""The log: where it goes, what it is called, what it leaves out, and whom
fail2ban finds in it."""

import base64
import glob
import json
import os
import re
import shutil
import signal
import subprocess

import pytest

from support import mail
from support.fake_imap import FakeImap
from support.log_daemons import JournalSocket, Rsyslog
from support.popinjay import TOP, Popinjay, binary, write_config
from support.ports import LOOPBACK, wait_until
from support.secrets import forms

NOBODY = {"address": f"{LOOPBACK}:1", "tls": "none"}
FILTER = os.path.join(TOP, "deploy", "fail2ban", "filter.d", "popinjay.conf")


# --- deploy/docs/logs.md -------------------------------------------------------

def sources():
    for pattern in ("proxy/*.c", "proxy/*/*.c"):
        for path in glob.glob(os.path.join(TOP, pattern)):
            with open(path, encoding="utf-8") as f:
                yield path, re.sub(r"/\*.*?\*/", "", f.read(), flags=re.S)


def headers():
    for path in glob.glob(os.path.join(TOP, "include", "*", "*.h")):
        with open(path, encoding="utf-8") as f:
            yield re.sub(r"/\*.*?\*/", "", f.read(), flags=re.S)


def arguments(text, at):
    """Those of the call whose parenthesis opens at |at|."""
    depth, quoted, begin, found = 0, False, at + 1, []
    for i in range(at, len(text)):
        c = text[i]
        if c == '"' and text[i - 1] != "\\":
            quoted = not quoted
        elif quoted:
            continue
        elif c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
            if depth == 0:
                return found + [text[begin:i]]
        elif c == "," and depth == 1:
            found.append(text[begin:i])
            begin = i + 1
    raise AssertionError(text[at:at + 80])


def takers(texts, name):
    """{function: index} of those with a parameter of that name."""
    found = {}
    for text in texts:
        for match in re.finditer(r"\b(\w+)\(([^(){};]*)\)", text):
            for i, parameter in enumerate(match[2].split(",")):
                if re.search(rf"const char \*{name}$", parameter.strip()):
                    found.setdefault(match[1], set()).add(i)
    return found


def literals(parameter, own):
    """The words that our sources give to parameters of that name."""
    words = set()
    shared = takers(headers(), parameter)
    for _, text in sources():
        functions = {**shared, **takers([text], parameter)} if own else shared
        for function, places in functions.items():
            for match in re.finditer(rf"\b{function}(?=\()", text):
                given = arguments(text, match.end())
                for i in places:
                    if i < len(given):
                        words.update(re.findall(r'"([a-z][a-z0-9_]*)"',
                                                given[i]))
    return words


def table(heading):
    """Rows of the table below that heading of logs.md: lists of cells."""
    with open(os.path.join(TOP, "deploy", "docs", "logs.md"),
              encoding="utf-8") as f:
        section = f.read().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")]
            for line in section.splitlines() if line.startswith("|")][2:]


def names(cell):
    return re.findall(r"`(\w+)`", cell)


def documented(heading):
    return {name for row in table(heading) for name in names(row[0])}


def test_events_are_documented():
    """Each event of the code has its row, and each row its event."""
    assert literals("event", True) == documented("Events")


def test_fields_are_documented():
    """Each field of the code has its row, and each row its field. `time`,
    `level` and `event` are of every line."""
    fields = literals("key", False) | literals(r"\w+_key", True)
    assert fields - {"listener"} | {"listener", "cut"} == documented("Fields")
    for row in table("Events"):
        assert set(names(row[2])) <= documented("Fields"), row


def test_reasons_are_documented():
    with open(os.path.join(TOP, "proxy", "session", "fault.c"),
              encoding="utf-8") as f:
        faults = re.findall(r'= \{ "(\w+)",', f.read())
    assert len(faults) > 30
    assert set(faults) == documented("Reasons")


COMMON = {"session", "listener", "client", "port", "via"}
SUMMARY = {"repeated", "seconds", "client", "upstream", "listener", "via",
           "reason"}


def check_fields(lines):
    """Lines of JSON: their fields are those of the table."""
    rows = {name: set(names(row[2])) | COMMON
            for row in table("Events") for name in names(row[0])}
    for line in lines:
        one = json.loads(line)
        fields = set(one) - {"time", "level", "event"}
        allowed = SUMMARY if "repeated" in one else rows[one["event"]]
        assert fields <= allowed, line


# --- fail2ban ------------------------------------------------------------------

def failing(peer):
    """Refuses every password: some as wrong, some for reasons of its own."""
    peer.send(b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready\r\n")
    while True:
        tag, command = peer.command()
        if command.startswith(b"AUTHENTICATE"):
            busy = base64.b64decode(command.split()[-1]).endswith(b"busy")
            code = b"[UNAVAILABLE] " if busy else b""
            peer.send(tag + b" NO " + code + b"no\r\n")
        else:
            peer.send(tag + b" OK done\r\n")


NAMES = ['anna', 'reason=credentials', '" client=192.0.2.66 port=1',
         '","client":"192.0.2.66","port":1,"reason":"credentials"}']


def fail_logins(proxy):
    """Four wrong passwords, and two logins that fail through no fault of the
    client's."""
    for name in NAMES:
        with proxy.plain() as c:
            c.command(f"USER {name}")
            assert b"[AUTH]" in c.command("PASS wrong")
    for _ in range(2):
        with proxy.plain() as c:
            c.command("USER u")
            assert b"[SYS/TEMP]" in c.command("PASS busy")
    wait_until(lambda: proxy.log().count("login_refused") >= 6, 10, "lines")


def found_by_fail2ban(tmp_path, lines):
    """{address: times} that the filter makes of |lines|."""
    path = tmp_path / "lines"
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    said = subprocess.run(
        ["/usr/bin/fail2ban-regex", "--out", "ip", str(path), FILTER],
        capture_output=True, text=True, check=True, timeout=60).stdout
    found = {}
    for address in said.split():
        found[address] = found.get(address, 0) + 1
    return found


@pytest.mark.parametrize("form", ["text", "json"])
def test_fail2ban(start_proxy, tmp_path, form):
    """On the lines of real failures: the client that guessed is found as often
    as it did, an outage finds nobody, and a name that looks like a line of
    log finds nobody else."""
    with FakeImap(failing) as fake:
        proxy = start_proxy(fake.upstream_config(),
                            {"server": {"log_format": form}})
        fail_logins(proxy)
        lines = [line for line in proxy.log().splitlines()
                 if "login_refused" in line]
        assert len(lines) == len(NAMES) + 2
        assert found_by_fail2ban(tmp_path, lines) == {LOOPBACK: len(NAMES)}
        six = [line.replace(LOOPBACK, "2001:db8::7") for line in lines]
        assert found_by_fail2ban(tmp_path, six) == {"2001:db8::7": len(NAMES)}
        if form == "json":
            check_fields(line for line in proxy.log().splitlines())
        journal = [f"Nov 22 04:10:20 mx popinjay[7]: {line}" for line in lines]
        assert found_by_fail2ban(tmp_path, journal) == {LOOPBACK: len(NAMES)}


@pytest.mark.parametrize("form", ["text", "json"])
def test_fail2ban_of_names_without_account(start_proxy, tmp_path, form):
    """Whoever guesses names where only accounts may log in is found too."""
    empty = tmp_path / "accounts.conf"
    empty.touch()
    with FakeImap(failing) as fake:
        proxy = start_proxy(fake.upstream_config(), {
            "server": {"log_format": form},
            "accounts": {"file": str(empty), "only": "yes"}})
        with proxy.plain() as c:
            c.command("USER anna")
            assert b"[AUTH]" in c.command("PASS wrong")
        lines = [line for line in proxy.log().splitlines()
                 if "login_refused" in line]
        assert "no_account" in lines[0]
        assert found_by_fail2ban(tmp_path, lines) == {LOOPBACK: 1}


# --- where it goes -----------------------------------------------------------------

@pytest.mark.parametrize("form", ["text", "json"])
def test_syslog(start_proxy, tmp_path, form):
    """Through a real rsyslogd: facility, level and tag are right, fail2ban finds
    what it should, and a daemon that was away is found again."""
    with Rsyslog() as rsyslog, FakeImap(failing) as fake:
        proxy = start_proxy(fake.upstream_config(), {"server": {
            "log_to": "syslog", "log_facility": "local3",
            "log_socket": rsyslog.socket, "log_format": form}})
        with proxy.plain() as c:
            c.command("USER anna")
            assert b"[AUTH]" in c.command("PASS wrong")
        wait_until(lambda: any("login_refused" in line
                               for line in rsyslog.lines()), 10, "the line")
        (line,) = [line for line in rsyslog.lines() if "login_refused" in line]
        head, message = line.split("|", 1)
        priority, tag, when = head.split()
        assert priority == str(19 * 8 + 6)
        assert tag == f"popinjay[{proxy.pid}]:"
        message = message.lstrip()
        assert message.startswith("info login_refused session="
                                  if form == "text" else '{"time":"')
        as_file = f"{when} mx {tag} {message}"
        assert found_by_fail2ban(tmp_path, [as_file]) == {LOOPBACK: 1}
        # Lost lines are counted, and told when there is somebody again.
        rsyslog.stop()
        with proxy.plain() as c:
            c.ok("QUIT")
        wait_until(lambda: proxy.status()["sessions"]["active"] == 0, 10,
                   "the end of the session")
        os.unlink(rsyslog.socket)
        rsyslog.start()
        with proxy.plain() as c:
            c.ok("QUIT")
        wait_until(lambda: any("log_lost" in line for line in rsyslog.lines()),
                   10, "log_lost")
        assert proxy.log() == ""


def test_journal(start_proxy):
    """Each field is one of the journal's, beside the line as a person reads
    it."""
    with JournalSocket() as journal, FakeImap(failing) as fake:
        proxy = start_proxy(fake.upstream_config(), {"server": {
            "log_to": "journal", "log_socket": journal.path}})
        ready = journal.entry_of("ready")
        assert ready["PRIORITY"] == "6"
        assert ready["SYSLOG_IDENTIFIER"] == "popinjay"
        assert ready["SYSLOG_FACILITY"] == "2"
        assert f"pop3s={LOOPBACK}:{proxy.port_tls}" in \
            ready["POPINJAY_LISTENERS"]
        with proxy.plain() as c:
            c.command("USER anna")
            c.command("PASS wrong")
        entry = journal.entry_of("login_refused")
        assert entry["POPINJAY_USER"] == "anna"
        assert entry["POPINJAY_REASON"] == "credentials"
        assert entry["POPINJAY_CLIENT"] == LOOPBACK
        assert entry["MESSAGE"].startswith("info login_refused session=")
        assert entry["MESSAGE"].endswith(" reason=credentials")


def test_nobody_listens(tmp_path, authority):
    """Where there is no log, there is no service; and the reason is said."""
    proxy = Popinjay(tmp_path, authority, NOBODY, {"server": {
        "log_to": "syslog", "log_socket": str(tmp_path / "none")}})
    done = subprocess.run([binary(), "-c", proxy.config_path],
                          capture_output=True, text=True, timeout=20,
                          check=False)
    assert done.returncode == 1
    assert f"{tmp_path}/none: No such file" in done.stderr
    assert "log_to" in done.stderr


def test_levels_for_the_journal(tmp_path, authority):
    """On a standard error that systemd has connected, each line says its level;
    on any other it does not, though the variable is inherited."""
    proxy = Popinjay(tmp_path, authority, NOBODY)
    with open(tmp_path / "error", "wb") as error:
        st = os.fstat(error.fileno())
        for stream, prefix in ((f"{st.st_dev}:{st.st_ino}", "<6>"),
                               (f"{st.st_dev}:1", "")):
            before = os.path.getsize(error.name)
            process = subprocess.Popen(
                [binary(), "-c", proxy.config_path], stderr=error,
                env={**os.environ, "JOURNAL_STREAM": stream})
            try:
                wait_until(lambda: b" ready " in said(error.name, before), 20,
                           "ready")
            finally:
                process.send_signal(signal.SIGTERM)
                assert process.wait(20) == 0
            lines = said(error.name, before).decode().splitlines()
            (ready,) = [line for line in lines if " ready " in line]
            assert re.match(rf"{prefix}\d{{4}}-\d\d-\d\dT", ready), ready


def said(path, before):
    with open(path, "rb") as f:
        f.seek(before)
        return f.read()


# --- repeats -------------------------------------------------------------------------

def test_repeats(start_proxy):
    """Before a server that is away: the first failures are written, the others
    told in one line, and none of them is forgotten."""
    tries = 8
    proxy = start_proxy(NOBODY, {"server": {
        "log_repeat_limit": "2", "log_repeat_window": "2 s",
        "log_format": "json"}})
    for _ in range(tries):
        with proxy.plain() as c:
            c.command("USER anna")
            assert b"[SYS/TEMP]" in c.command("PASS secret")

    def lines(event):
        return [one for one in map(json.loads, proxy.log().splitlines())
                if one["event"] == event]

    def told(event):
        return sum(one.get("repeated", 1) for one in lines(event))

    events = ("login_refused", "upstream_unreachable", "end")
    wait_until(lambda: all(told(event) >= tries for event in events), 10,
               "all to be told")
    for event in events:
        assert told(event) == tries
        assert len(lines(event)) < tries
        (summary, *_) = [one for one in lines(event) if "repeated" in one]
        assert summary["seconds"] == 2
    (summary, *_) = [one for one in lines("upstream_unreachable")
                     if "repeated" in one]
    assert summary["upstream"] == "default"
    check_fields(proxy.log().splitlines())


def test_fail2ban_files_are_whole():
    """The jail names the filter."""
    jail = os.path.join(TOP, "deploy", "fail2ban", "jail.d", "popinjay.conf")
    with open(jail, encoding="utf-8") as f:
        text = f.read()
    assert re.search(r"^filter +=\s*popinjay$", text, re.M)
    assert shutil.which("fail2ban-regex")


# --- trace ---------------------------------------------------------------------------

def traced(proxy):
    """(session, dir, line) of each line of the trace."""
    return [(one["session"], one["dir"], one["line"])
            for one in map(json.loads, proxy.log().splitlines())
            if one["event"] == "trace"]


TRACE = {"log_format": "json", "log_level": "info"}
BODY_SECRET = "Parrot7Feather9-in-a-body"
PASS_SECRET = "Parrot7Feather9"


@pytest.fixture
def secret_mail(server):
    """A user whose password and mail must not be seen in a trace."""
    user = server.new_user(password=PASS_SECRET)
    body = f"{BODY_SECRET}\r\n+OK {BODY_SECRET}\r\n.\r\n" \
           f"* OK {BODY_SECRET}\r\nA5 OK {BODY_SECRET}\r\n".encode()
    server.deliver(user, [mail.message("x", body)] * 3)
    return user


def log_in_each_way(proxy, user, password):
    """Sessions that say the password in all ways there are, rightly or not."""
    def encoded(text):
        return base64.b64encode(text.encode()).decode()

    plain = encoded(f"\0{user}\0{password}")
    ways = ([f"USER {user}", f"PASS {password}"],
            ["AUTH PLAIN " + plain],
            ["AUTH PLAIN", plain],
            ["AUTH LOGIN", encoded(user), encoded(password)],
            [password, f"NOOP {password}", f"AUTH {password}",
             f"APOP {user} {password}", f"USER {user}",
             f"PASS {password}-wrong", f"USER {user}", f"PASS {password}"])
    for lines in ways:
        with proxy.pop3s() as c:
            for line in lines:
                reply = c.command(line)
            assert reply.startswith(b"+OK"), (lines, reply)
            c.retr(1)
            c.multi("TOP 2 5")
            c.listing("UIDL")
            c.quit()


def test_trace_shows_no_secrets(server, start_proxy, secret_mail):
    """By the client's address, whatever the level: both sides of each session,
    and of passwords and mail only how long they are."""
    proxy = start_proxy(server.upstream_config(), {
        "server": {**TRACE, "trace_client": "192.0.2.0/24, 127.0.0.0/8"},
        "limits": {"upstream_reuse": "0"}})
    log_in_each_way(proxy, secret_mail, PASS_SECRET)
    wait_until(lambda: proxy.status()["sessions"]["active"] == 0, 10, "ends")
    log = proxy.log()
    assert "tracing" in log
    check_fields(log.splitlines())
    for octets in {*forms(PASS_SECRET), *forms(BODY_SECRET)}:
        assert octets.decode() not in log, octets
    shown = "\n".join(f"{way} {line}" for _, way, line in traced(proxy))
    for wanted in (rf"C USER {secret_mail}",
                   rf"C PASS \({len(PASS_SECRET)} octets\)",
                   r"C AUTH PLAIN \(\d+ octets\)", r"C AUTH LOGIN",
                   r"C NOOP \(\d+ octets\)", r"C RETR 1",
                   r"S \+OK logged in", r"S \+OK message follows",
                   r"S \(\d+ octets\)",
                   r">U A\d+ AUTHENTICATE PLAIN \(\d+ octets\)",
                   r">U A\d+ SELECT INBOX.*",
                   r"<U \* 1 FETCH .*BODY\[\] \{\d+\}\(\d+ octets\).*"):
        assert re.search(f"^{wanted}$", shown, re.M), (wanted, shown)


def test_trace_of_a_user(server, start_proxy, user):
    """By name, and switched on while it runs: that user's next sessions from
    their login on, and nobody else's."""
    other = server.new_user()
    proxy = start_proxy(server.upstream_config(), {"server": TRACE})
    with proxy.login(user, server.password(user)) as c:
        c.quit()
    assert traced(proxy) == []
    proxy.config["server"]["trace_user"] = user.upper()
    write_config(proxy.config_path, proxy.config)
    proxy.signal(signal.SIGHUP)
    wait_until(lambda: '"reloaded"' in proxy.log(), 10, "the reload")
    for name in (other, user):
        with proxy.login(name, server.password(name)) as c:
            c.quit()
    wait_until(lambda: any(line == "QUIT" for _, _, line in traced(proxy)), 10,
               "the trace")
    lines = traced(proxy)
    assert len({session for session, _, _ in lines}) == 1
    assert {way for _, way, _ in lines} == {"C", "S", ">U", "<U"}
    assert other not in str(lines)


def test_id_of_the_server(server, start_proxy, user):
    """IEXT-5: what the server says it is stands in the log, once for each
    connection."""
    proxy = start_proxy(server.upstream_config(),
                        {"server": {"log_format": "json"}})
    for _ in range(2):
        with proxy.login(user, server.password(user)) as c:
            c.quit()
    told = [one for one in map(json.loads, proxy.log().splitlines())
            if one["event"] == "upstream_id"]
    assert len(told) == 1, "the second session goes on with the connection"
    assert told[0]["user"] == user
    assert '"name"' in told[0]["text"]


def test_log_moves_on_reload(start_proxy, tmp_path):
    """A reload may send the log elsewhere; where nobody listens it stays, and
    says so."""
    proxy = start_proxy(NOBODY)

    def reload(settings):
        proxy.config["server"].update(settings)
        write_config(proxy.config_path, proxy.config)
        proxy.signal(signal.SIGHUP)

    reload({"log_to": "syslog", "log_socket": str(tmp_path / "none")})
    wait_until(lambda: "reload_refused" in proxy.log(), 10, "the refusal")
    assert f"{tmp_path}/none: No such file" in proxy.log()
    with Rsyslog() as rsyslog:
        reload({"log_socket": rsyslog.socket})
        wait_until(lambda: any("reloaded" in line for line in rsyslog.lines()),
                   10, "the log")
        before = proxy.log()
        with proxy.plain() as c:
            c.ok("QUIT")
        wait_until(lambda: any(" end " in line for line in rsyslog.lines()),
                   10, "the end")
        assert proxy.log() == before
        reload({"log_to": "stderr"})
        wait_until(lambda: "reloaded" in proxy.log()[len(before):], 10,
                   "the log to come back")


def test_server_repeats_the_password(start_proxy):
    """A server that says what it was sent is not quoted, nor shown in a trace,
    also where it says it behind its answer."""
    secret = "Parrot7Feather9"

    def parrot(peer):
        peer.send(b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready\r\n")
        while True:
            tag, command = peer.command()
            if not command.startswith(b"AUTHENTICATE"):
                return
            plain = base64.b64decode(command.split()[-1]).split(b"\0")[-1]
            peer.send(tag + b" BAD " + command + b" is " + plain + b"\r\n"
                      b"* NO " + plain + b"\r\n* BYE " + command + b"\r\n")

    with FakeImap(parrot) as fake:
        proxy = start_proxy(fake.upstream_config(),
                            {"server": {"trace_user": "anna"}})
        with proxy.plain() as c:
            c.command("USER anna")
            c.err(f"PASS {secret}")
        wait_until(lambda: "upstream_text" in proxy.log(), 10, "the text")
        wait_until(lambda: "* BYE (" in proxy.log(), 10, "the trace")
    for octets in forms(secret):
        assert octets.decode() not in proxy.log()
    assert "it repeats the secret" in proxy.log()
