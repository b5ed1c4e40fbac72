"""Dovecot three times: the IMAP upstream, POP3 on the same Maildirs (direct),
and POP3 on imapc storage, the peer that does the same job as popinjay.

The settings are the fastest that were found for each; none throttles.
"""

import grp
import os
import pwd

from support.ports import LOOPBACK, free_port

import process

COMMON = """\
listen = {host}
base_dir = {folder}/run
state_dir = {folder}/state
instance_name = {folder}
log_path = {folder}/dovecot.log
ssl = yes
ssl_cert = <{cert}
ssl_key = <{key}
ssl_min_protocol = TLSv1.2
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
auth_cache_size = 1 M
first_valid_uid = 1
first_valid_gid = 0
mail_max_userip_connections = 100000
mail_fsync = never
maildir_very_dirty_syncs = yes
default_internal_user = {internal_user}
default_internal_group = {internal_group}
default_login_user = {login_user}
default_vsz_limit = 4 G
default_process_limit = 4096
default_client_limit = 20000
namespace inbox {{
  inbox = yes
  separator = /
}}
service anvil {{
  chroot = {chroot_empty}
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot = {chroot_empty}
}}
"""

LOGIN = """\
service {protocol}-login {{
  chroot = {chroot}
  service_count = 0
  process_min_avail = 2
  inet_listener {protocol} {{
    port = {port}
  }}
  inet_listener {protocol}s {{
    port = {port_tls}
    ssl = yes
  }}
}}
service {protocol} {{
  service_count = 256
  process_limit = 4096
  process_min_avail = 8
}}
"""

UPSTREAM = """\
protocols = imap pop3
mail_location = {location}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={mail_uid} gid={mail_gid} home={folder}/home/%u
}}
"""

# Dovecot has no setting for it; its TLS library reads this file.
NO_TICKETS = """\
openssl_conf = all
[all]
ssl_conf = modules
[modules]
system_default = tls
[tls]
NumTickets = 0
"""

# The password goes to the upstream, which alone judges it: one login.
IMAPC = """\
protocols = pop3
mail_location = imapc:{home}/%u
mail_uid = {mail_uid}
mail_gid = {mail_gid}
imapc_host = localhost
imapc_port = {upstream_port}
imapc_ssl = {imapc_ssl}
imapc_ssl_verify = yes
ssl_client_ca_file = {ca_file}
imapc_features = rfc822.size
imapc_max_idle_time = 600 s
pop3_fast_size_lookups = yes
passdb {{
  driver = static
  args = nopassword=y userdb_imapc_user=%u userdb_imapc_password=%w \
userdb_uid={mail_uid} userdb_gid={mail_gid} userdb_home={home}/%u
}}
userdb {{
  driver = prefetch
}}
"""


def mail_owner():
    """Whom the mail belongs to: Dovecot refuses to serve root's."""
    return pwd.getpwnam("mail") if os.geteuid() == 0 else \
        pwd.getpwuid(os.geteuid())


def _users():
    """The accounts that the services run as; without root, all are ours."""
    if os.geteuid() == 0:
        return {"internal_user": "dovecot", "internal_group": "dovecot",
                "login_user": "dovenull", "chroot": "login",
                "chroot_empty": "empty"}
    me = pwd.getpwuid(os.geteuid()).pw_name
    return {"internal_user": me, "login_user": me, "chroot": "",
            "internal_group": grp.getgrgid(os.getegid()).gr_name,
            "chroot_empty": ""}


def _start(name, folder, text, protocols, pair, values):
    """Runs Dovecot with |text|; returns (Process, {protocol: its ports})."""
    owner = mail_owner()
    ports = {p: (free_port(), free_port()) for p in protocols}
    values = {"host": LOOPBACK, "folder": folder, "cert": pair[0],
              "key": pair[1], "mail_uid": owner.pw_uid,
              "mail_gid": owner.pw_gid, **_users(), **values}
    text = (COMMON + text).format(**values) + "".join(
        LOGIN.format(protocol=protocol, port=plain, port_tls=tls, **values)
        for protocol, (plain, tls) in ports.items())
    conf = os.path.join(folder, "dovecot.conf")
    with open(conf, "w", encoding="utf-8") as f:
        f.write(text)
    running = process.Process(name, ["/usr/sbin/dovecot", "-F", "-c", conf],
                              os.path.join(folder, "stderr.log"))
    try:
        running.wait_for(*(p for pair in ports.values() for p in pair))
    except BaseException:
        running.stop()
        raise
    return running, ports


def start_upstream(folder, pair, location, password, tickets=True):
    """The server that holds the mail: (Process, {"imap": .., "pop3": ..}).

    Several may serve the same mail. One without tickets is for works with full
    handshakes: whoever connects has nothing to resume.
    """
    text = UPSTREAM
    if not tickets:
        conf = os.path.join(folder, "openssl.cnf")
        with open(conf, "w", encoding="ascii") as f:
            f.write(NO_TICKETS)
        text += f"import_environment = $import_environment OPENSSL_CONF={conf}"
        text += "\n"
    return _start("dovecot", folder, text, ("imap", "pop3"), pair,
                  {"location": location, "password": password})


def start_imapc(folder, pair, home, upstream_port, ca_file, tls=True):
    """POP3 on imapc storage before |upstream_port|; indexes below |home|."""
    os.makedirs(home, exist_ok=True)
    owner = mail_owner()
    os.chown(home, owner.pw_uid, owner.pw_gid)
    return _start("imapc", folder, IMAPC, ("pop3",), pair,
                  {"home": home, "upstream_port": upstream_port,
                   "imapc_ssl": "imaps" if tls else "no",
                   "ca_file": ca_file})
