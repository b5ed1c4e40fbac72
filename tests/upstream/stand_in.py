"""The model server as one of the servers that the integration suite runs
before: a stand-in for those that have neither UIDPLUS nor SASL-IR, CONDSTORE
or LITERAL+."""

import shutil
import tempfile

from support.certificates import Authority
from support.server_base import ImapServer
from upstream.script import Script
from upstream.server import ScriptedServer

CAPABILITY = "IMAP4rev1 AUTH=PLAIN"


class Bare(ImapServer):
    """Only what RFC 3501 asks for, on a TLS port and on one with STARTTLS."""

    name = "bare"
    features = frozenset({"STARTTLS", "AUTH=PLAIN", "KEYWORDS"})

    def start(self):
        self._folder = tempfile.mkdtemp(prefix="popinjay-bare.")
        ca = Authority(self._folder)
        self.ca_file = ca.ca_file
        pair = ca.issue("bare")
        nowhere = frozenset()
        self._implicit = ScriptedServer(
            Script(CAPABILITY, announce=nowhere), "implicit", pair)
        self._starttls = ScriptedServer(
            Script("IMAP4rev1 STARTTLS LOGINDISABLED", CAPABILITY,
                   announce=nowhere), "starttls", pair)
        self._starttls.accounts = self._implicit.accounts
        self.port_tls = self._implicit.start().port
        self.port_starttls = self._starttls.start().port

    def stop(self):
        self.halt()
        shutil.rmtree(self._folder, ignore_errors=True)

    def halt(self):
        self._implicit.stop()
        self._starttls.stop()

    def resume(self):
        self._implicit.start(self.port_tls)
        self._starttls.start(self.port_starttls)

    def create_user(self, user, password):
        account = self._implicit.accounts.get(user)
        if account:
            account.password = password
        else:
            self._implicit.add_account(user, password)
        self._passwords[user] = password

    def log(self):
        """What clients sent, one command a line."""
        return "".join(f"{number}: {text}\n"
                       for server in (self._implicit, self._starttls)
                       for number, text in server.wire)
