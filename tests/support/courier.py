"""Courier in a root of its own: Maildir, accounts in a userdb; its POP3 too.

UIDPLUS, but neither SASL-IR nor LITERAL+ nor CONDSTORE; no UIDNEXT in the
answer to SELECT.
"""

import os
import subprocess

from support.chrooted import MAIL, ChrootedServer
from support.ports import LOOPBACK, free_port

AUTHDAEMONRC = """\
authmodulelist="authuserdb"
authmodulelistorig="authuserdb"
daemons=2
authdaemonvar=/run/courier/authdaemon
DEBUG_LOGIN=0
DEFAULTOPTIONS=""
LOGGEROPTS=""
"""
CAPABILITY = ("IMAP4rev1 UIDPLUS CHILDREN NAMESPACE THREAD=ORDEREDSUBJECT "
              "THREAD=REFERENCES SORT QUOTA IDLE")
# What /etc/courier/imapd and imapd-ssl would set.
ENVIRONMENT = {
    "IMAP_CAPABILITY": CAPABILITY,
    "IMAP_CAPABILITY_ORIG": CAPABILITY,
    "IMAP_CAPABILITY_TLS": CAPABILITY + " AUTH=PLAIN",
    "IMAP_CAPABILITY_TLS_ORIG": CAPABILITY + " AUTH=PLAIN",
    "IMAP_STARTTLS": "YES",
    "IMAP_TLS_REQUIRED": "0",
    "IMAP_IDLE_TIMEOUT": "60",
    "IMAP_MAILBOX_SANITY_CHECK": "1",
    "IMAP_USELOCKS": "1",
    "IMAP_KEYWORDS": "1",
    "IMAP_TRASHFOLDERNAME": "Trash",
    "COURIERTLS": "/usr/bin/couriertls",
    "TLS_CERTFILE": "/etc/tls/both.pem",
    "TLS_VERIFYPEER": "NONE",
    "MAILDIRPATH": "Maildir",
}
IMAPD = ("/usr/lib/courier/courier/imaplogin", "/usr/bin/imapd", "Maildir")
POP3D = ("/usr/lib/courier/courier/courierpop3login",
         "/usr/lib/courier/courier/courierpop3d", "Maildir")


class Courier(ChrootedServer):
    name = "courier"
    packages = ("courier-imap", "courier-pop", "courier-authlib-userdb")
    features = frozenset({"UIDPLUS", "STARTTLS", "KEYWORDS"})

    def _configure(self):
        root = self._instance
        self.port_tls = free_port()
        self.port_starttls = free_port()
        self.port_pop3 = free_port()    # in clear
        self.users = {}
        root.write_accounts({"courier": (*MAIL, "/var/lib/courier")})
        root.write("/etc/courier/authdaemonrc", AUTHDAEMONRC)
        root.make_folder("/run/courier/authdaemon", 0o755, MAIL)
        root.make_folder("/home", 0o755)
        self._write_userdb()

    def _launch(self):
        root = self._instance
        root.start("/usr/lib/courier/courier-authlib/authdaemond",
                   log=self._log)
        tcpd = ("/usr/sbin/couriertcpd", f"-address={LOOPBACK}",
                "-maxprocs=300", "-maxperip=300", "-nodnslookup",
                "-noidentlookup")
        root.start(*tcpd, str(self.port_starttls), *IMAPD, log=self._log,
                   env=ENVIRONMENT)
        root.start(*tcpd, str(self.port_pop3), *POP3D, log=self._log,
                   env=ENVIRONMENT)
        root.start(*tcpd, str(self.port_tls), "/usr/bin/couriertls",
                   "-server", "-tcpd", "-user=courier", *IMAPD,
                   log=self._log, env={**ENVIRONMENT, "IMAP_TLS": "1"})

    def create_user(self, user, password):
        hashed = subprocess.run(["openssl", "passwd", "-6", "-stdin"],
                                input=password, text=True, check=True,
                                stdout=subprocess.PIPE).stdout.strip()
        home = f"/home/{user}"
        self._instance.make_folder(home, 0o700, MAIL)
        for folder in ("", "/cur", "/new", "/tmp"):
            self._instance.make_folder(f"{home}/Maildir{folder}", 0o700, MAIL)
        self.users[user] = hashed
        self._write_userdb()
        self._passwords[user] = password

    def _write_userdb(self):
        """The two databases that makeuserdb(8) makes: facts and secrets."""
        public = {user: f"home=/home/{user}|uid={MAIL[0]}|gid={MAIL[1]}"
                  for user in self.users}
        secret = {user: f"systempw={hashed}"
                  for user, hashed in self.users.items()}
        for name, entries in (("userdb", public), ("userdbshadow", secret)):
            text = "".join(f"{k}\t{v}\n" for k, v in entries.items())
            self._instance.run(
                "/usr/lib/courier/courier-authlib/makedatprog", "-",
                f"/etc/courier/{name}.tmp", f"/etc/courier/{name}.dat",
                feed=text + ".\n")
            os.chmod(self._instance.path(f"/etc/courier/{name}.dat"), 0o600)
