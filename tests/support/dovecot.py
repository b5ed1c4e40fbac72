"""Dovecot as a private IMAP server: own folder, loopback, free ports.

Nothing of the system's Dovecot is read or written: configuration, sockets,
state and mail live in one temporary folder that stop() removes.
"""

import base64
import contextlib
import grp
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile

from support.certificates import Authority
from support.ports import LOOPBACK, answers, free_port, wait_until
from support.server_base import ImapServer

CONFIG = """\
protocols = imap
listen = {host}
base_dir = {folder}/run
state_dir = {folder}/state
instance_name = {folder}
log_path = {folder}/dovecot.log
ssl = yes
ssl_cert = <{cert}
ssl_key = <{key}
ssl_min_protocol = TLSv1.2
disable_plaintext_auth = yes
auth_mechanisms = plain login
auth_failure_delay = 0
auth_cache_size = 0
mail_location = maildir:{folder}/mail/%u
mail_uid = {mail_uid}
mail_gid = {mail_gid}
first_valid_uid = 1
first_valid_gid = 0
mail_max_userip_connections = 1000
mail_fsync = never
default_internal_user = {internal_user}
default_internal_group = {internal_group}
default_login_user = {login_user}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {folder}/users/%u
}}
userdb {{
  driver = static
  args = uid={mail_uid} gid={mail_gid} home={folder}/mail/%u
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
service imap-login {{
  chroot = {chroot}
  service_count = 0
  client_limit = 1000
  vsz_limit = 256M
  inet_listener imap {{
    port = {port_starttls}
  }}
  inet_listener imaps {{
    port = {port_tls}
    ssl = yes
  }}
}}
service imap {{
  process_limit = 1024
  vsz_limit = 4G
}}
service anvil {{
  chroot = {chroot_empty}
  client_limit = 2100
  # No delay for an address from which passwords were wrong before.
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot = {chroot_empty}
}}
service auth {{
  client_limit = 4096
}}
{extra}
"""


class Dovecot(ImapServer):
    name = "dovecot"
    features = frozenset({
        "UIDPLUS", "SASL-IR", "LITERAL+", "CONDSTORE", "MOVE", "ID",
        "STARTTLS", "KEYWORDS"})

    def __init__(self, extra=""):
        """extra: lines of dovecot.conf that go behind ours."""
        self._extra = extra
        self._folder = None
        self._process = None

    def start(self):
        # Short, since the names of sockets below it are limited to 107 octets,
        # and open to the unprivileged users that the services run as.
        self._folder = tempfile.mkdtemp(prefix="pjdc.")
        os.chmod(self._folder, 0o755)
        authority = Authority(os.path.join(self._folder, "tls"))
        self.ca_file = authority.ca_file
        cert, key = authority.issue("localhost")
        self.port_tls = free_port()
        self.port_starttls = free_port()
        os.mkdir(os.path.join(self._folder, "users"))
        owner = self.mail_owner
        mail = os.path.join(self._folder, "mail")
        os.mkdir(mail, 0o700)
        os.chown(mail, owner.pw_uid, owner.pw_gid)
        self._write_config(owner, cert, key)
        self._run()

    def _run(self):
        conf = os.path.join(self._folder, "dovecot.conf")
        self._process = subprocess.Popen(
            ["/usr/sbin/dovecot", "-F", "-c", conf], start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE)
        wait_until(self._is_up, 15, "dovecot")

    def _is_up(self):
        if self._process.poll() is not None:
            raise RuntimeError("dovecot ended: "
                               + self._process.stderr.read().decode()
                               + self.log())
        return answers(self.port_tls) and answers(self.port_starttls)

    @property
    def mail_owner(self):
        """Whom all files of mail belong to."""
        if os.geteuid() == 0:
            return pwd.getpwnam("mail")
        return pwd.getpwuid(os.geteuid())

    def _write_config(self, owner, cert, key):
        me = pwd.getpwuid(os.geteuid()).pw_name
        root = os.geteuid() == 0
        text = CONFIG.format(
            folder=self._folder, host=LOOPBACK, cert=cert, key=key,
            mail_uid=owner.pw_uid, mail_gid=owner.pw_gid,
            internal_user="dovecot" if root else me,
            internal_group="dovecot" if root else
            grp.getgrgid(os.getegid()).gr_name,
            login_user="dovenull" if root else me,
            chroot="login" if root else "",
            chroot_empty="empty" if root else "",
            port_tls=self.port_tls, port_starttls=self.port_starttls,
            extra=self._extra)
        with open(os.path.join(self._folder, "dovecot.conf"), "w",
                  encoding="utf-8") as f:
            f.write(text)

    def create_user(self, user, password):
        # A file for each: Dovecot looks at a file it knows once a second.
        self._passwords[user] = password
        coded = base64.b64encode(password.encode()).decode()
        path = os.path.join(self._folder, "users", user)
        with open(path, "w", encoding="utf-8") as f:
            f.write(f"{user}:{{PLAIN.b64}}{coded}\n")

    def log(self):
        try:
            with open(os.path.join(self._folder, "dovecot.log"),
                      encoding="utf-8", errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def sessions(self, user):
        """The processes that serve IMAP sessions of the user, by their ids."""
        who = subprocess.run(
            ["/usr/bin/doveadm", "-f", "tab", "-c",
             os.path.join(self._folder, "dovecot.conf"), "who", user],
            capture_output=True, text=True, check=True).stdout
        return [int(pid) for line in who.splitlines()[1:]
                for pid in re.findall(r"\d+", line.split("\t")[3])]

    def session_process(self, user):
        """Of the user's one session. Dovecot lists a session soon after it has
        begun, and for a moment after it has ended."""
        found = []

        def is_alone():
            found[:] = [pid for pid in self.sessions(user)
                        if os.path.exists(f"/proc/{pid}")]
            return len(found) == 1

        wait_until(is_alone, 5, f"one session of {user}")
        return found[0]

    def halt(self):
        # SIGTERM takes a second; nothing here is worth a tidy end.
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process.stderr.close()
        self._process = None
        # Those that it started hold its ports until they have ended as well.
        wait_until(lambda: not (answers(self.port_tls)
                                or answers(self.port_starttls)), 10,
                   "the end of dovecot")

    def resume(self):
        self._run()

    def stop(self):
        self.halt()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._folder = None
