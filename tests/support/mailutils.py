"""GNU Mailutils imap4d in a root of its own: accounts in /etc/passwd there.

LITERAL+, but neither UIDPLUS nor SASL-IR nor CONDSTORE; what real servers are
said to do, this one does: the tagged OK of AUTHENTICATE ends in a lone LF, a
FETCH of a UID that is not there gives the last message instead, EXPUNGE is
answered by `* 1 EXPUNGED`. A session does not hear of what others do while it
lasts; a message that another has expunged reads as "". Maildir, since with
mbox it adds a header to each message and, with two sessions at once, brings
back what one of them had removed.
"""

import subprocess

from support.chrooted import MAIL, ChrootedServer
from support.ports import LOOPBACK, free_port

CONF = """\
mode daemon;
foreground yes;
max-children 300;
timeout 1800;
auth {{
    authentication "generic:system";
    authorization "system";
}}
mailbox {{
    mailbox-pattern "maildir:/var/mail/${{user}}";
    mailbox-type maildir;
}}
tls-file-checks {{
    key-file none;
    cert-file none;
    ca-file none;
}}
logging {{
    syslog yes;
    facility mail;
}}
server {host}:{tls} {{
    tls-mode connection;
    tls {{
        ssl-certificate-file /etc/tls/cert.pem;
        ssl-key-file /etc/tls/key.pem;
    }}
}}
server {host}:{clear} {{
    tls-mode ondemand;
    tls {{
        ssl-certificate-file /etc/tls/cert.pem;
        ssl-key-file /etc/tls/key.pem;
    }}
}}
"""


class Mailutils(ChrootedServer):
    name = "mailutils"
    packages = ("mailutils-imap4d",)
    keeps_expunged = True
    features = frozenset({"LITERAL+", "ID", "STARTTLS"})
    # It writes flags when a session ends: one that rests would keep \Seen
    # from the eyes of others.
    settings = {"limits": {"upstream_reuse": "0"}}

    def upstream_config(self, tls=None):
        """It announces SCRAM, for which it would need more than the hashes that
        it has of passwords."""
        return {**super().upstream_config(tls),
                "sasl_mechanisms": "PLAIN, LOGIN"}

    def _configure(self):
        root = self._instance
        self.port_tls = free_port()
        self.port_starttls = free_port()
        self.users = {}
        self._write_users()
        root.write("/etc/imap4d.conf", CONF.format(
            host=LOOPBACK, clear=self.port_starttls, tls=self.port_tls))
        root.make_folder("/var/mail", 0o755)

    def _launch(self):
        self._instance.start(
            "/usr/sbin/imap4d", "--no-config", "--config-file",
            "/etc/imap4d.conf", log=self._log)

    def create_user(self, user, password):
        self.users[user] = subprocess.run(
            ["openssl", "passwd", "-6", "-stdin"], input=password, text=True,
            check=True, stdout=subprocess.PIPE).stdout.strip()
        self._write_users()
        home = f"/home/{user}"
        self._instance.make_folder(home, 0o700, MAIL)
        for folder in ("", "/cur", "/new", "/tmp"):
            self._instance.make_folder(f"/var/mail/{user}{folder}", 0o700,
                                       MAIL)
        self._passwords[user] = password

    def deliver(self, user, messages):
        """As of ImapServer. A message that only EXAMINE has seen is given
        another UID each time; a SELECT settles it."""
        super().deliver(user, messages)
        m = self.imap(user)
        m.select()
        m.logout()

    def _write_users(self):
        root = self._instance
        accounts = {user: (*MAIL, f"/home/{user}") for user in self.users}
        root.write_accounts({"mail": (*MAIL, "/var/mail"), **accounts})
        root.write("/etc/shadow", "".join(
            f"{user}:{hashed}:19000:0:99999:7:::\n"
            for user, hashed in self.users.items()), 0o600)
