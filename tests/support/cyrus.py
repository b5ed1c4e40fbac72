"""Cyrus IMAP in a root of its own: passwords in a sasldb, no unix accounts.

CONDSTORE, UIDPLUS, SASL-IR and LITERAL+, like Dovecot, but other habits: the
UID comes behind the flags in a FETCH answer, a bare LF becomes CRLF when a
message is stored, LOGINDISABLED stays in the capabilities after the login.
"""

import imaplib
import ssl

from support.chrooted import MAIL, ChrootedServer
from support.ports import LOOPBACK, free_port

ADMIN = ("cyrusadmin", "admin-secret")
IMAPD_CONF = """\
cyrus_user: cyrus
configdirectory: /var/lib/cyrus
defaultpartition: default
partition-default: /var/spool/cyrus
proc_path: /run/cyrus/proc
mboxname_lockpath: /run/cyrus/lock
idlesocket: /run/cyrus/idle
servername: localhost
admins: {admin}
unixhierarchysep: yes
altnamespace: yes
allowplaintext: yes
sasl_mech_list: PLAIN LOGIN
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: /var/lib/cyrus/sasldb2
tls_server_cert: /etc/tls/cert.pem
tls_server_key: /etc/tls/key.pem
tls_versions: tls1_2 tls1_3
"""
CYRUS_CONF = """\
START {{
    recover cmd="/usr/lib/cyrus/bin/ctl_cyrusdb -r"
}}
SERVICES {{
    imap  cmd="{imapd}" listen="{host}:{clear}" prefork=1 maxchild=300
    imaps cmd="{imapd} -s" listen="{host}:{tls}" prefork=1 maxchild=300
}}
EVENTS {{
}}
"""
# As the package's makedirs would.
FOLDERS = ("/var/spool/cyrus", "/run/cyrus", "/run/cyrus/proc",
           "/run/cyrus/lock", "/var/lib/cyrus", "/var/lib/cyrus/db",
           "/var/lib/cyrus/socket", "/var/lib/cyrus/log",
           "/var/lib/cyrus/msg", "/var/lib/cyrus/user",
           "/var/lib/cyrus/quota")


class Cyrus(ChrootedServer):
    name = "cyrus"
    packages = ("cyrus-imapd", "cyrus-pop3d", "sasl2-bin", "libsasl2-modules",
                "libsasl2-modules-db")
    keeps_expunged = True
    features = frozenset({
        "UIDPLUS", "SASL-IR", "LITERAL+", "CONDSTORE", "MOVE", "ID",
        "STARTTLS", "KEYWORDS"})

    def _configure(self):
        root = self._instance
        self.port_tls = free_port()
        self.port_starttls = free_port()
        root.write_accounts({"cyrus": (*MAIL, "/var/spool/cyrus")})
        root.write("/etc/imapd.conf", IMAPD_CONF.format(admin=ADMIN[0]))
        root.write("/etc/cyrus.conf", CYRUS_CONF.format(
            imapd="/usr/lib/cyrus/bin/imapd", host=LOOPBACK,
            clear=self.port_starttls, tls=self.port_tls))
        for folder in FOLDERS:
            root.make_folder(folder, 0o750, MAIL)
        self._set_password(*ADMIN)

    def _launch(self):
        self._instance.start(
            "/usr/lib/cyrus/bin/master", "-D", "-p", "/run/cyrus/master.pid",
            log=self._log)

    def _set_password(self, user, password):
        database = "/var/lib/cyrus/sasldb2"
        self._instance.run("/usr/sbin/saslpasswd2", "-p", "-c", "-f",
                           database, "-u", "localhost", user, feed=password)
        self._instance.set_owner(database, 0o600, MAIL)

    def create_user(self, user, password):
        self._set_password(user, password)
        if user in self._passwords:
            self._passwords[user] = password
            return
        context = ssl.create_default_context(cafile=self.ca_file)
        with imaplib.IMAP4_SSL(self.host, self.port_tls,
                               ssl_context=context, timeout=60) as admin:
            admin.login(*ADMIN)
            answer, text = admin.create(f"user/{user}")
            if answer != "OK":
                raise RuntimeError(f"CREATE user/{user}: {text}")
        self._passwords[user] = password
