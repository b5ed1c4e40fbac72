"""Accounts that read their mail by OAuth 2.0: tokens of people and of
applications, of a real authorization server, that a real Dovecot believes."""

import http.server
import json
import os
import pwd
import re
import secrets
import ssl
import subprocess
import tempfile
import threading
import urllib.parse

import pytest

from support.metrics import samples
from support.popinjay import Popinjay, binary, write_config
from support.ports import LOOPBACK, wait_until
from support.secrets import keep, plant

MESSAGE = b"Subject: a scan\r\n\r\nof something\r\n"
SECONDS = 30


def planted(what):
    return plant(f"Planted-{secrets.token_hex(8)}", what)


class Office:
    """A proxy whose accounts have tokens, and the folder of what it keeps."""

    def __init__(self, folder, authority, oauth, upstream):
        self.folder = folder
        self.oauth = oauth
        self.state = folder / "state"
        self.state.mkdir(mode=0o700)
        self.password = planted("the office's device")
        key = self._secret("key", os.urandom(32))
        self.accounts = self._secret("accounts.conf", b"")
        people = {"provider": "generic", "issuer": oauth.issuer,
                  "client_id": "proxy", "ca_file": oauth.ca_file,
                  "scope": "mail offline_access",
                  "client_secret_file": self._secret(
                      "people", oauth.secrets["proxy"].encode())}
        self.proxy = Popinjay(folder, authority, upstream, {
            "server": {"state_directory": str(self.state)},
            "accounts": {"file": self.accounts, "key_file": key},
            "oauth people": people,
            "oauth robots": {**people, "grant": "client_credentials",
                             "client_id": "robot", "scope": "mail",
                             "client_secret_file": self._secret(
                                 "robots", oauth.secrets["robot"].encode())},
            "oauth scripts": {"grant": "command", "command":
                              f"{self._program()} one two"},
            "limits": {"upstream_reuse": "0 s", "auth_failure_delay": "0 s",
                       "drain_timeout": "10 s"}})

    def _secret(self, name, octets):
        path = self.folder / name
        path.write_bytes(octets)
        path.chmod(0o600)
        return keep(str(path))

    def _program(self):
        path = self.folder / "program"
        path.write_text("#!/bin/sh\n[ \"$*\" = 'one two' ] && "
                        f"cat {self.folder}/token.$POPINJAY_ACCOUNT\n")
        path.chmod(0o700)
        return path

    def rewrite(self):
        write_config(self.proxy.config_path, self.proxy.config)

    def run(self, *arguments, given=""):
        return subprocess.run(
            [binary(), *arguments, "-c", self.proxy.config_path],
            input=given, capture_output=True, text=True, timeout=SECONDS,
            check=False)

    def add(self, account, source, user=None):
        done = self.run("account", "add", account, "--oauth", source,
                        *(["--user", user] if user else []),
                        given=f"{self.password}\n")
        assert done.returncode == 0, done.stderr

    def grant(self, account, user):
        """As somebody who brings a refresh token."""
        done = self.run("oauth", "import", account,
                        given=self.oauth.refresh_token(user) + "\n")
        assert done.returncode == 0, done.stderr

    def login(self, account):
        return self.proxy.login(account, self.password)

    def refusal(self, account):
        with self.proxy.pop3s() as c:
            c.ok(f"USER {account}")
            return c.err(f"PASS {self.password}").decode()

    def lines(self, event):
        return [line for line in self.proxy.log().splitlines()
                if f" {event} " in line]


@pytest.fixture
def office(tmp_path, authority, oauth, oauth_dovecot):
    made = Office(tmp_path, authority, oauth, oauth_dovecot.upstream_config())
    yield made
    try:
        made.proxy.stop()
    finally:
        made.proxy.kill()


@pytest.fixture
def rose(office, oauth_dovecot):
    """Somebody with a message and an account, who has agreed."""
    user = oauth_dovecot.new_user()
    oauth_dovecot.deliver(user, [MESSAGE])
    office.add("scanner", "people", user)
    office.grant("scanner", user)
    office.proxy.start()
    return user


def check_mail(client):
    assert client.retr(1) == MESSAGE
    client.quit()


def test_code_on_another_device(office, oauth, oauth_dovecot):
    """RFC 8628: `popinjay oauth login` says where and which code, waits, and
    the process that runs takes it up."""
    user = oauth_dovecot.new_user()
    oauth_dovecot.deliver(user, [MESSAGE])
    office.add("scanner", "people", user)
    office.proxy.start()
    assert "[AUTH]" in office.refusal("scanner")
    line = office.lines("token_refused")[0]
    assert 'advice="popinjay oauth login scanner"' in line
    with subprocess.Popen(
            [binary(), "oauth", "login", "scanner", "-c",
             office.proxy.config_path], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as login:
        code = None
        while code is None:
            said = login.stdout.readline()
            assert said, login.stderr.read()
            code = re.search(r"type the code (\S+)", said)
        oauth.approve(code[1], user)
        out, err = login.communicate(timeout=SECONDS)
    assert login.returncode == 0, err
    assert "Kept." in out
    check_mail(office.login("scanner"))
    assert user not in office.run("oauth", "list").stderr
    assert re.search(r"^people +scanner +access for \d+ s$",
                     office.run("oauth", "list").stdout, re.M)
    for name in os.listdir(office.state / "tokens"):
        assert (office.state / "tokens" / name).stat().st_mode & 0o077 == 0


@pytest.mark.usefixtures("rose")
def test_a_section_that_leads_to_another_client(office, oauth):
    """What the one before has granted is not sent there."""
    check_mail(office.login("scanner"))
    assert oauth.seen() != []
    section = office.proxy.config["oauth people"]
    office.proxy.stop()
    before, section["client_id"] = section["client_id"], "robot"
    office.rewrite()
    office.proxy.start()
    assert "[AUTH]" in office.refusal("scanner")
    line = office.lines("token_refused")[-1]
    assert 'text="another provider or client granted it"' in line
    assert 'advice="popinjay oauth login scanner"' in line
    assert oauth.seen() == []
    assert re.search("^people +scanner +granted by another .*oauth login$",
                     office.run("oauth", "list").stdout, re.M)
    section["client_id"] = before
    office.rewrite()
    assert re.search(r"^people +scanner +access for \d+ s$",
                     office.run("oauth", "list").stdout, re.M)


def test_somebody_refuses(office, oauth):
    office.add("scanner", "people")
    with subprocess.Popen(
            [binary(), "oauth", "login", "scanner", "-c",
             office.proxy.config_path], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as login:
        login.stdout.readline()
        oauth.deny(re.search(r"code (\S+)", login.stdout.readline())[1])
        _, err = login.communicate(timeout=SECONDS)
    assert login.returncode == 1
    assert "access_denied" in err
    assert office.run("oauth", "list").stdout == ""


def test_kept_over_a_restart(office, oauth, rose):
    """The refresh token rotates; what is kept is the new one, and the access
    token that came with it is still good after a restart."""
    check_mail(office.login("scanner"))
    assert len(oauth.seen("/token")) == 1
    office.proxy.stop()
    office.proxy.start()
    check_mail(office.login("scanner"))
    assert oauth.seen("/token") == []
    assert office.lines("token_kept")
    assert rose


def test_token_that_the_server_refuses(office, oauth, rose):
    """It claims to be good for an hour and is not: dropped, renewed, once."""
    check_mail(office.login("scanner"))
    oauth.forget(rose)
    oauth.seen()
    office.grant("scanner", rose)
    check_mail(office.login("scanner"))
    assert len(oauth.seen("/token")) == 1


def _shown(office, state):
    """One account of [oauth people] is in that state, wherever it is shown."""
    page = office.proxy.http("/")
    others = {"good", "failing", "refused"} - {state}
    figures = office.proxy.status()["oauth"]["people"]
    series = samples(office.proxy.http("/metrics"))
    row = re.search(r"people</th>(.*?)</tr>",
                    page.split('id="tokens"')[1])[1]
    assert [int(n) for n in re.findall(r"<td>(\d+)</td>", row)] == [
        int(state == s) for s in ("good", "failing", "refused")]
    assert figures[state] == 1 and not any(figures[s] for s in others)
    assert series[f'popinjay_oauth_accounts{{source="people",'
                  f'state="{state}"}}'] == 1
    said = subprocess.run(
        [binary(), "status", f"{LOOPBACK}:{office.proxy.port_status}"],
        capture_output=True, text=True, timeout=SECONDS, check=True).stdout
    assert re.findall(r"^tokens +(.*)$", said, re.M) == {
        "good": [],
        "failing": ["people: 1 account without a token for now "
                    "(token_failed in the log)"],
        "refused": ["people: 1 account to be agreed to anew "
                    "(token_refused in the log)"]}[state]
    return page


def test_revoked(office, oauth, rose):
    oauth.behave(claimed_ttl=1)     # so that another one is asked for soon
    check_mail(office.login("scanner"))
    oauth.revoke(rose)
    wait_until(lambda: "[AUTH]" in office.refusal("scanner"), 10, "the end")
    oauth.behave()
    assert "granted anew" in office.refusal("scanner")
    line = office.lines("token_refused")[-1]
    assert " error " in line and "reason=invalid_grant" in line
    assert 'advice="popinjay oauth login scanner"' in line
    assert "somebody has to agree anew" in _shown(office, "refused")
    office.grant("scanner", rose)
    check_mail(office.login("scanner"))
    assert "agree anew" not in _shown(office, "good")


def test_dead_endpoint(office, oauth, rose):
    oauth.behave(answer={"status": 503, "body": "{}"})
    assert "[SYS/TEMP]" in office.refusal("scanner")
    assert "[SYS/TEMP]" in office.refusal("scanner")
    assert " warning " in office.lines("token_failed")[0]
    assert "no token is had for now" in _shown(office, "failing")
    oauth.behave()
    wait_until(lambda: _lets_in(office), 10, "a login")
    assert rose


def _lets_in(office):
    with office.proxy.pop3s() as c:
        c.ok("USER scanner")
        return c.command(f"PASS {office.password}").startswith(b"+OK")


def test_wrong_password_asks_nobody(office, oauth, rose):
    with office.proxy.pop3s() as c:
        c.ok("USER scanner")
        c.err(f"PASS {planted('a wrong guess')}")
    assert oauth.seen("/token") == []
    assert rose


def test_command(office, oauth, oauth_dovecot):
    user = oauth_dovecot.new_user()
    oauth_dovecot.deliver(user, [MESSAGE])
    office.add("plotter", "scripts", user)
    office.add("absent", "scripts", user)
    token = plant(oauth.access_token(user), "a token of the command")
    with open(keep(office.folder / "token.plotter"), "w",
              encoding="ascii") as f:
        json.dump({"access_token": token, "expires_in": 60}, f)
    office.proxy.start()
    check_mail(office.login("plotter"))
    assert "[SYS/TEMP]" in office.refusal("absent")
    assert "the command failed" in office.lines("token_failed")[0]


class Provider(http.server.BaseHTTPRequestHandler):
    """A token endpoint for codes, which keeps what it was asked."""

    asked = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.asked.append(dict(urllib.parse.parse_qsl(body)))
        answer = json.dumps({"access_token": planted("browser's access"),
                             "refresh_token": planted("browser's refresh"),
                             "expires_in": 3600}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


@pytest.fixture
def provider(authority):
    cert, key = authority.pair("provider")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    Provider.asked = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Provider) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"https://localhost:{server.server_port}"
        server.shutdown()
        thread.join()


def test_browser(office, authority, provider):
    """RFC 6749 section 4.1 with PKCE: the address that the browser ends at is
    brought back by hand. It is Google's way, whose preset is used here."""
    office.proxy.config["oauth gmail"] = {
        "provider": "gmail", "client_id": "desktop",
        "ca_file": authority.ca_file, "token_endpoint": f"{provider}/token"}
    office.rewrite()
    office.add("scanner", "gmail")

    def login(answer):
        with subprocess.Popen(
                [binary(), "oauth", "login", "scanner", "-c",
                 office.proxy.config_path], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                text=True) as run:
            said = ""
            while "Copy that address" not in said:
                said += run.stdout.readline()
            url = re.search(r"https://accounts\.google\.com\S+", said)[0]
            query = dict(urllib.parse.parse_qsl(
                urllib.parse.urlsplit(url).query))
            out, err = run.communicate(
                answer.format(**query) + "\n", timeout=SECONDS)
            return query, run.returncode, out + err

    query, code, said = login(
        "{redirect_uri}/?state={state}&code=4%2F0abc&scope=x")
    assert code == 0 and "Kept." in said, said
    assert query["scope"] == "https://mail.google.com/"
    assert (query["access_type"], query["prompt"]) == ("offline", "consent")
    asked = Provider.asked[0]
    assert asked["code"] == "4/0abc"
    assert asked["redirect_uri"] == query["redirect_uri"]
    assert len(asked["code_verifier"]) >= 43
    assert "scanner" in office.run("oauth", "list").stdout
    for answer, word in [("{redirect_uri}/?code=1&state=other", "another"),
                         ("{redirect_uri}/?error=access_denied", "refused"),
                         ("nonsense", "no code")]:
        _, code, said = login(answer)
        assert code == 1 and word in said, said
    assert len(Provider.asked) == 1
    assert office.run("oauth", "remove", "scanner").returncode == 0
    assert office.run("oauth", "list").stdout == ""


def test_what_an_account_leaves(office, oauth_dovecot):
    """Whoever removes an account is told how what was granted is forgotten."""
    user = oauth_dovecot.new_user()
    office.add("scanner", "people", user)
    office.add("robot", "robots", user)
    office.grant("scanner", user)
    assert "oauth remove" not in office.run("account", "remove",
                                            "robot").stderr
    done = office.run("account", "remove", "scanner")
    words = re.search(r"popinjay\s(oauth remove .*)", done.stderr)[1].split()
    assert done.returncode == 0 and "scanner" in office.run("oauth",
                                                            "list").stdout
    assert office.run(*words).returncode == 0
    assert office.run("oauth", "list").stdout == ""


def test_kept_as_the_owner(office, oauth_dovecot, tmp_path):
    """Root keeps a token as the owner of the state directory: the files are
    his, and a link that he has laid there leads to nothing that he may not
    write himself."""
    root = os.geteuid() == 0        # others have but what is their own
    owner = pwd.getpwnam("nobody").pw_uid if root else os.geteuid()
    user = oauth_dovecot.new_user()
    others = tmp_path / "others"
    others.mkdir(mode=0o700)
    with tempfile.TemporaryDirectory() as folder:
        os.chown(folder, owner, -1)
        office.proxy.config["server"]["state_directory"] = folder
        office.rewrite()
        office.add("scanner", "people", user)
        if root:
            os.symlink(others, f"{folder}/tokens")
            done = office.run("oauth", "import", "scanner",
                              given=planted("a refresh token") + "\n")
            assert done.returncode != 0 and "denied" in done.stderr
            assert os.listdir(others) == []
            os.unlink(f"{folder}/tokens")
        office.grant("scanner", user)
        kept = [f"{folder}/tokens", *(f"{folder}/tokens/{name}" for name in
                                      os.listdir(f"{folder}/tokens"))]
        assert len(kept) == 3
        assert {os.stat(path).st_uid for path in kept} == {owner}


def test_untrusted_provider(office, provider, oauth_dovecot):
    office.proxy.config["oauth people"].update(
        {"token_endpoint": f"{provider}/token", "issuer": None,
         "ca_file": None})
    office.rewrite()
    office.add("scanner", "people", oauth_dovecot.new_user())
    done = office.run("oauth", "import", "scanner",
                      given=planted("a refresh token") + "\n")
    assert done.returncode == 0, done.stderr
    office.proxy.start()
    assert "[SYS/TEMP]" in office.refusal("scanner")
    assert "certificate" in office.lines("token_failed")[0]
    assert Provider.asked == []


@pytest.mark.parametrize("arguments, word", [
    (["oauth"], "login"), (["oauth", "logi", "x"], "logi"),
    (["oauth", "login"], "NAME"), (["oauth", "list", "x"], "too many"),
    (["oauth", "login", "a", "b"], "too many")])
def test_mistakes(arguments, word):
    done = subprocess.run([binary(), *arguments], capture_output=True,
                          text=True, timeout=SECONDS, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert word in done.stderr


def test_no_folder(office):
    """Whose it is to be is said, and by which key."""
    os.rmdir(office.state)
    done = office.run("oauth", "list")
    assert done.returncode == 2
    assert "[server] state_directory: " in done.stderr
    assert "of the user that popinjay runs as" in done.stderr


def test_help():
    done = subprocess.run([binary(), "oauth", "--help"], capture_output=True,
                          text=True, timeout=SECONDS, check=True)
    assert max(map(len, done.stdout.splitlines())) < 80


def test_nobody_to_agree(office):
    """No account of that name, and one that needs nobody's consent."""
    office.add("panel", "robots", "robot")
    assert "nobody has to agree" in \
        office.run("oauth", "login", "panel").stderr
    done = office.run("oauth", "login", "nobody")
    assert done.returncode == 1
    assert "nobody" in done.stderr and "--source" in done.stderr
