"""The guides of deploy/docs/oauth.md, followed word for word before stand-ins of
the provider and of its mail server: their sections of proxy.conf, their
commands. Only addresses, files and the owner of the mailbox are others."""

import configparser
import http.server
import json
import os
import re
import secrets
import ssl
import subprocess
import threading
import urllib.parse

import pytest

from support.popinjay import TOP, Popinjay, binary
from support.secrets import keep, plant

MESSAGE = b"Subject: a scan\r\n\r\nof something\r\n"
SECONDS = 30
OWNER = "anna@example.com"


def guide(heading):
    """(its configuration, its commands)"""
    with open(os.path.join(TOP, "deploy", "docs", "oauth.md"),
              encoding="utf-8") as f:
        text = f.read().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    config = configparser.ConfigParser(interpolation=None)
    config.read_string(re.search(r"^```ini\n(.*?)^```$", text,
                                 re.M | re.S)[1])
    commands = re.findall(r"^    popinjay (.*)$", text, re.M)
    assert commands[0].startswith("account add ")
    return {name: dict(config[name]) for name in config.sections()}, commands


class Provider(http.server.BaseHTTPRequestHandler):
    """Gives tokens to whoever asks as the RFCs have it."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        asked = dict(urllib.parse.parse_qsl(body))
        self.server.asked.append((self.path, asked))
        if self.path == "/device":
            self._say(200, {"device_code": "device", "user_code": "WDJB-MJHT",
                            "verification_uri": "https://example.com/device",
                            "expires_in": 900, "interval": 1})
        elif asked["grant_type"].endswith("device_code") and \
                not self.server.agreed.is_set():
            self.server.agreed.set()    # right after it was first asked
            self._say(400, {"error": "authorization_pending"})
        else:
            self._say(200, {"access_token": self.server.token(),
                            "refresh_token": secrets.token_hex(16),
                            "expires_in": 3600})

    def _say(self, status, what):
        body = json.dumps(what).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def provider(authority, oauth, oauth_dovecot):
    user = oauth_dovecot.new_user()
    oauth_dovecot.deliver(user, [MESSAGE])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.pair("provider"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Provider) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.asked, server.agreed = [], threading.Event()
        server.user, server.token = user, lambda: oauth.access_token(user)
        server.url = f"https://localhost:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def follow(tmp_path, authority, provider, oauth_dovecot):
    """follow(heading): a proxy by that guide, its commands, their password."""
    started = []

    def secret(name, octets):
        path = tmp_path / name
        path.write_bytes(octets)
        path.chmod(0o600)
        return keep(str(path))

    def make(heading):
        config, commands = guide(heading)
        source = next(v for k, v in config.items() if k.startswith("oauth "))
        # The presets name the endpoints of the real ones.
        source.update({"ca_file": authority.ca_file,
                       "token_endpoint": f"{provider.url}/token"})
        if source["provider"] == "microsoft" and "grant" not in source:
            source["device_endpoint"] = f"{provider.url}/device"
        if "client_secret_file" in source:
            source["client_secret_file"] = secret(
                "client", plant(f"Client-{secrets.token_hex(8)}",
                                "the client's secret").encode())
        config["accounts"].update({"file": secret("accounts.conf", b""),
                                   "key_file": secret("key", os.urandom(32))})
        assert config.pop("upstream")["address"].endswith(":993")
        (tmp_path / "state").mkdir(mode=0o700)
        config["server"] = {"state_directory": str(tmp_path / "state")}
        proxy = Popinjay(tmp_path, authority, oauth_dovecot.upstream_config(),
                         config)
        started.append(proxy)
        return proxy, commands

    yield make
    try:
        for proxy in started:
            proxy.stop()
    finally:
        for proxy in started:
            proxy.kill()


def command(proxy, words, provider):
    return [binary(), *words.replace(OWNER, provider.user).split(), "-c",
            proxy.config_path]


def add_account(proxy, words, provider):
    """Its password, which was made up."""
    done = subprocess.run(command(proxy, words, provider), text=True,
                          capture_output=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    return plant(done.stdout.strip(), "the scanner's password")


def check_mail(proxy, words, password):
    """The device of that account."""
    with proxy.login(words.split()[2], password) as c:
        assert c.retr(1) == MESSAGE
        c.quit()


def test_gmail(follow, provider):
    proxy, commands = follow("Gmail")
    password = add_account(proxy, commands[0], provider)
    proxy.start()
    with subprocess.Popen(command(proxy, commands[1], provider), text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as login:
        said = ""
        while "Copy that address" not in said:
            said += login.stdout.readline()
        url = re.search(r"https://accounts\.google\.com\S+", said)[0]
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
        assert query["redirect_uri"].startswith("http://127.0.0.1:8111")
        assert query["scope"] == "https://mail.google.com/"
        out, err = login.communicate(
            f"{query['redirect_uri']}/?state={query['state']}&code=4%2F0abc"
            "&scope=x\n", timeout=SECONDS)
    assert login.returncode == 0 and "Kept." in out, err
    assert provider.asked[0][1]["code"] == "4/0abc"
    check_mail(proxy, commands[0], password)


def test_microsoft_by_mailbox(follow, provider):
    proxy, commands = follow("Microsoft 365, mailbox by mailbox")
    password = add_account(proxy, commands[0], provider)
    proxy.start()
    done = subprocess.run(command(proxy, commands[1], provider), text=True,
                          capture_output=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    assert "type the code WDJB-MJHT" in done.stdout
    assert "IMAP.AccessAsUser.All" in provider.asked[0][1]["scope"]
    assert "client_secret" not in provider.asked[0][1]
    check_mail(proxy, commands[0], password)


def test_microsoft_by_application(follow, provider):
    proxy, commands = follow("Microsoft 365, one application for all mailboxes")
    password = add_account(proxy, commands[0], provider)
    proxy.start()
    check_mail(proxy, commands[0], password)
    _, asked = provider.asked[0]
    assert asked["grant_type"] == "client_credentials"
    assert asked["scope"] == "https://outlook.office365.com/.default"
