"""An authorization server (tests/oauth/server.mjs: npm's oidc-provider) and a
Dovecot that asks it what a token is worth (RFC 7662)."""

import json
import os
import secrets
import shutil
import ssl
import subprocess
import urllib.error
import urllib.parse
import urllib.request

from support.dovecot import Dovecot
from support.node import PROGRAM, packages_of
from support.popinjay import binary
from support.ports import LOOPBACK
from support.secrets import keep, plant

FOLDER = os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), "oauth")
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"


class AuthorizationServer:
    """The clients that it knows, by what they may do:

    proxy   for people, by device code and refresh token; it has a secret
    public  the same without a secret
    robot   client credentials: an application that acts for itself
    mail    a server that asks what a token is worth
    """

    grants = {"proxy": [DEVICE_CODE, "refresh_token"],
              "public": [DEVICE_CODE, "refresh_token"],
              "robot": ["client_credentials"],
              "mail": []}

    def __init__(self, authority):
        self.ca_file = authority.ca_file
        self._pair = authority.pair("oauth")
        self._process = None
        # Fit for an address and for a line of a configuration as they are.
        self.secrets = {name: plant(secrets.token_urlsafe(24),
                                    f"the secret of client {name}")
                        for name in self.grants if name != "public"}

    def __enter__(self):
        self._process = subprocess.Popen(
            [PROGRAM, os.path.join(FOLDER, "server.mjs")],
            env={"PATH": "/usr/bin:/bin", "NODE_ENV": "production",
                 "OAUTH_NODE_MODULES": packages_of(FOLDER)},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            start_new_session=True)
        json.dump(self._told(), self._process.stdin)
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"node ended: {self._process.wait()}")
        answer = json.loads(line)
        self.issuer, self._control = answer["issuer"], answer["control"]
        return self

    def __exit__(self, *_):
        # Of tokens that others came by, too.
        for token in self.issued():
            plant(token, "a token that was issued")
        self._process.stdin.close()
        self._process.stdout.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _told(self):
        with open(self._pair[0], encoding="ascii") as cert, \
                open(self._pair[1], encoding="ascii") as key:
            return {"certificate": cert.read(), "private_key": key.read(),
                    "clients": [self._client(name) for name in self.grants]}

    def _client(self, name):
        secret = self.secrets.get(name)
        return {"client_id": name, "grant_types": self.grants[name],
                "redirect_uris": [], "response_types": [],
                "token_endpoint_auth_method":
                    "client_secret_post" if secret else "none",
                **({"client_secret": secret} if secret else {})}

    # --- What the test says; tests/oauth/server.mjs has the meaning ------------

    def _say(self, action, **what):
        request = urllib.request.Request(
            f"{self._control}/{action}", json.dumps(what).encode())
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def approve(self, user_code, account):
        self._say("approve", user_code=user_code, account=account)

    def deny(self, user_code):
        self._say("deny", user_code=user_code)

    def refresh_token(self, account, client="proxy"):
        return plant(self._say("refresh_token", client_id=client,
                               account=account)["token"], "a refresh token")

    def access_token(self, account, client="proxy"):
        return plant(self._say("access_token", client_id=client,
                               account=account)["token"], "an access token")

    def revoke(self, account):
        self._say("revoke", account=account)

    def forget(self, account):
        self._say("forget", account=account)

    def behave(self, **how):
        self._say("behave", **how)

    def holds(self):
        """Whether it keeps somebody waiting, as behave(hold=...) says."""
        return self._say("holds")["waiting"] > 0

    def seen(self, path="/token"):
        """What was asked there since this was last asked (of any path)."""
        return [entry for entry in self._say("seen") if entry["path"] == path]

    def issued(self):
        """All tokens that the token endpoint gave, the oldest first."""
        return self._say("issued")["tokens"]

    def worth(self, token):
        """Whether it is active, as the mail server would be told."""
        _, answer = self.post("/token/introspection", "mail", token=token)
        return answer["active"]

    # --- What a client says -----------------------------------------------------

    def post(self, path, client, **parameters):
        """(status, answer)"""
        parameters["client_id"] = client
        if client in self.secrets:
            parameters["client_secret"] = self.secrets[client]
        request = urllib.request.Request(
            self.issuer + path, urllib.parse.urlencode(parameters).encode())
        context = ssl.create_default_context(cafile=self.ca_file)
        try:
            with urllib.request.urlopen(request, timeout=10,
                                        context=context) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)


def xoauth2(user, token):
    """Google's and Microsoft's initial response."""
    return f"user={user}\1auth=Bearer {token}\1\1".encode()


def oauthbearer(user, token, host="localhost", port=993):
    """RFC 7628 section 3.1."""
    return (f"n,a={user},\1host={host}\1port={port}\1"
            f"auth=Bearer {token}\1\1").encode()


INITIAL = {"XOAUTH2": xoauth2, "OAUTHBEARER": oauthbearer}

# auth_mechanisms stands anew, behind Dovecot's own: the last one counts.
PASSDB = """\
auth_mechanisms = plain login xoauth2 oauthbearer
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {conf}
}}
"""
TOKENS = """\
introspection_mode = post
introspection_url = {issuer}/token/introspection
client_id = mail
client_secret = {secret}
tls_ca_cert_file = {ca_file}
username_attribute = sub
active_attribute = active
active_value = true
"""


class OauthDovecot(Dovecot):
    """Takes passwords and, of the users of the same names, tokens."""

    def __init__(self, tokens_of, extra=""):
        """tokens_of: an AuthorizationServer that serves already"""
        super().__init__()
        self._tokens_of = tokens_of
        self._own_extra = extra

    def _write_config(self, owner, cert, key):
        # Beside Dovecot's own files, where the user that it is can read them.
        conf = os.path.join(self._folder, "tokens.conf.ext")
        ca_file = shutil.copy(self._tokens_of.ca_file,
                              os.path.join(self._folder, "tokens.pem"))
        with open(conf, "w", encoding="utf-8") as f:
            f.write(TOKENS.format(
                secret=self._tokens_of.secrets["mail"], ca_file=ca_file,
                # Of the addresses of a name, Dovecot tries ::1 first, and the
                # next one after half a second.
                issuer=self._tokens_of.issuer.replace("localhost", LOOPBACK)))
        self._extra = PASSDB.format(conf=conf) + self._own_extra
        super()._write_config(owner, cert, key)


class Accounts:
    """What a proxy needs whose accounts have tokens of |server|, made in
    |folder|; settings(...) is for the proxy, add(...) makes accounts then."""

    def __init__(self, folder, server):
        self._folder = str(folder)
        self._server = server
        self.passwords = {}
        os.mkdir(os.path.join(self._folder, "state"), 0o700)

    def hold(self, name, octets):
        """The path of a file with a secret in it."""
        path = keep(os.path.join(self._folder, name))
        with open(path, "wb") as f:
            os.fchmod(f.fileno(), 0o600)
            f.write(octets)
        return path

    def settings(self, client="proxy", **keys):
        """By |client|; |keys| of [oauth tokens] come on top."""
        secret = self._server.secrets.get(client)
        return {
            "server": {"state_directory": os.path.join(self._folder, "state")},
            "accounts": {
                "file": os.path.join(self._folder, "accounts.conf"),
                "key_file": self.hold("key", os.urandom(32))},
            # So that each login needs a token; and that as many as are tried
            # at one time are not taken for guesses.
            "limits": {"upstream_reuse": "0 s", "login_failures": "0"},
            "oauth tokens": {
                "provider": "generic", "issuer": self._server.issuer,
                "ca_file": self._server.ca_file, "client_id": client,
                "scope": "mail offline_access",
                **({"client_secret_file":
                    self.hold(client, secret.encode() + b"\n")}
                   if secret else {}), **keys}}

    def add(self, proxy, name, **options):
        """An account of that name at |proxy|, which does not run yet or is told
        to look by a reload; returns its password."""
        done = self.run(proxy, "account", "add", name, "--generate",
                        "--oauth", "tokens",
                        *(f"--{key}={value}" for key, value in
                          options.items()))
        assert done.returncode == 0, done.stderr
        self.passwords[name] = plant(done.stdout.strip(),
                                     f"the password of {name}")
        return self.passwords[name]

    def agree(self, proxy, name, user=None):
        """|user|, or who is called as the account is, lets |name| read the
        mail; what comes of that is brought as a refresh token."""
        done = self.run(proxy, "oauth", "import", name, given=self._server
                        .refresh_token(user or name) + "\n")
        assert done.returncode == 0, done.stderr

    def run(self, proxy, *command, given=""):
        return subprocess.run(
            [binary(), *command, "-c", proxy.config_path], input=given,
            capture_output=True, text=True, timeout=60, check=False)
