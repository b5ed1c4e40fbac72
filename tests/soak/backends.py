"""All that stands behind popinjay in the soak, and what befalls it in storms.

Two Dovecots on one store of mail, one of which takes tokens; the authorization
server that grants these; a service that is asked about logins (auth_http). Each
server of mail is reached through a relay, the pair through two.
"""

import contextlib
import os
import random
import secrets
import urllib.parse

from faults import Relay
from kinds import BEARER_DOMAIN, MAPPED_DOMAIN, PAIR_DOMAIN
from support.auth_service import AuthService
from support.certificates import Authority
from support.dovecot import Dovecot
from support.oauth import AuthorizationServer, OauthDovecot
from support.ports import free_port
from support.secrets import plant

# Access tokens are renewed several times within each calm.
TOKEN_SECONDS = 40
# Fewer than would rest there, more than work at one time.
PAIR_CONNECTIONS = 60
STORE = """
mail_location = maildir:{mail}/%u
mail_max_userip_connections = 10000
namespace inbox {{
  mailbox Trash {{
    special_use = \\Trash
  }}
}}
"""
SCRAM = "auth_mechanisms = plain login scram-sha-256\n"
# What may ail the authorization server. None of it loses an answer: a refresh
# token that was replaced by one that nobody has heard of is lost for good.
AILMENTS = ({"reset": True}, {"hold": "before"},
            {"answer": {"status": 503, "body": "out of order"}},
            {"answer": {"status": 200, "body": "<html>", "type": "text/html"}},
            {"answer": {"status": 429, "body": "{}"}})


class Backends:
    """A context: they run in it. |folder| gets the mail."""

    def __init__(self, folder, seed):
        self.mail = os.path.join(folder, "mail")
        self._random = random.Random(seed)
        self._behind = contextlib.ExitStack()
        self._passwords = {}
        # {what a device gives as its name: (password, user)}
        self._mapped = {}
        self._service_ails = False
        authority = Authority(os.path.join(folder, "oauth-tls"))
        store = STORE.format(mail=self.mail)
        self.oauth = AuthorizationServer(authority)
        self._plain = Dovecot(store + SCRAM)
        self._tokens = OauthDovecot(self.oauth, store)
        self._service = AuthService(self._judge)
        self.relays = {}

    def __enter__(self):
        with contextlib.ExitStack() as begun:
            for each in (self.oauth, self._plain, self._tokens, self._service):
                begun.enter_context(each)
            self._behind = begun.pop_all()
        self.oauth.behave(access_ttl=TOKEN_SECONDS)
        behind = {"main": self._plain, "one": self._plain,
                  "other": self._plain, "tokens": self._tokens}
        self.relays = {name: Relay(free_port(), server.port_tls,
                                   self._random.randrange(1 << 30))
                       for name, server in behind.items()}
        return self

    def __exit__(self, *_):
        self._behind.close()

    @property
    def mail_owner(self):
        return self._plain.mail_owner

    # --- users ----------------------------------------------------------------

    def create_user(self, user):
        self._passwords[user] = plant(f"Upstream-{secrets.token_hex(8)}",
                                      f"the password of {user} upstream")
        for server in (self._plain, self._tokens):
            server.create_user(user, self._passwords[user])

    def password(self, user):
        return self._passwords[user]

    def map(self, name, user):
        """From now on the service lets |name| in by the password that this
        returns, as |user|; every other one at a machine that it names."""
        password = plant(f"Mapped-{secrets.token_hex(8)}",
                         f"the password of {name}")
        self._mapped[name] = (password, user)
        return password

    def _judge(self, question):
        """What the service says of a login."""
        if self._service_ails:
            raise ConnectionError("out of order")
        name = urllib.parse.unquote(question["Auth-User"])
        given = urllib.parse.unquote(question["Auth-Pass"])
        if not name.endswith(f"@{MAPPED_DOMAIN}"):
            return {"Auth-Status": "OK"}
        password, user = self._mapped.get(name, (None, None))
        if given != password:
            return {"Auth-Status": "Invalid login or password"}
        where = {"Auth-Server": "default"}
        if list(self._mapped).index(name) % 2:
            where = {"Auth-Server": self._plain.host,
                     "Auth-Port": self.relays["one"].port}
        return {"Auth-Status": "OK", **where,
                "Auth-User": user, "Auth-Pass": self._passwords[user]}

    # --- what popinjay is told of them ----------------------------------------

    def _upstream(self, server, *names):
        return {**server.upstream_config(), "address": [
            f"{server.host}:{self.relays[name].port}" for name in names]}

    def main_upstream(self):
        return {**self._upstream(self._plain, "main"),
                "sasl_mechanisms": "PLAIN, LOGIN"}

    def settings(self, turn):
        """What a reload makes those of the next turn: the pair changes places,
        and has a limit every other time."""
        pair = ("one", "other") if turn % 2 else ("other", "one")
        return {
            "upstream pair": {
                **self._upstream(self._plain, *pair),
                "max_connections": PAIR_CONNECTIONS if turn % 2 else 0,
                "domains": PAIR_DOMAIN, "user_template": "%n"},
            "upstream tokens": {
                **self._upstream(self._tokens, "tokens"),
                "domains": BEARER_DOMAIN, "user_template": "%n"},
            "auth_http": {"url": self._service.url},
        }

    # --- what befalls them ----------------------------------------------------

    async def open(self):
        for relay in self.relays.values():
            await relay.open()

    async def close(self):
        for relay in self.relays.values():
            await relay.close()

    def storm(self):
        """The networks before them fail, and whoever gives tokens; at times
        whoever is asked about logins, without whom nobody new gets far."""
        for relay in self.relays.values():
            relay.storm()
        self._service_ails = self._random.random() < 0.5
        self.oauth.behave(access_ttl=TOKEN_SECONDS,
                          **self._random.choice(AILMENTS))

    def get_over_it(self):
        """Those who are asked answer again; the networks go on as they do."""
        self._service_ails = False
        self.oauth.behave(access_ttl=TOKEN_SECONDS)

    def calm(self):
        for relay in self.relays.values():
            relay.calm()

    async def lose_servers(self):
        """One is gone for a moment, and one of the pair for longer."""
        await self.relays["main"].close()
        await self.relays["other"].close()

    async def regain_main(self):
        await self.relays["main"].open()

    async def regain_pair(self):
        if not self.relays["other"].is_open:
            await self.relays["other"].open()
