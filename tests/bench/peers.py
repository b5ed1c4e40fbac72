"""Each peer: how it is configured and started.

A starter takes the laboratory, the peer's name and the route to its upstream,
and returns a Peer that answers POP3 over TLS.
"""

import dataclasses
import os
import sys

from support.popinjay import write_config
from support.ports import LOOPBACK, free_port

import dovecot_peers
import process

HERE = os.path.dirname(os.path.abspath(__file__))
SERVER_NAME = "localhost"

# What differs from popinjay's defaults, by the name of the variant.
# Every login makes its connection anew; or, as by default, takes up the one
# that the user's last session left.
ANEW = {"limits": {"upstream_reuse": "0 s"}}
ONE_WORKER = {"server": {"workers": "1"}}
POPINJAY = {
    "popinjay": ANEW,
    "popinjay-parked": {},
    "popinjay-1-worker": {**ANEW, **ONE_WORKER},
    "popinjay-parked-1-worker": ONE_WORKER,
}
# Of all of them: no cap of ours is to be met.
POPINJAY_COMMON = {"limits": {"max_sessions": "20000"}}


@dataclasses.dataclass
class Peer:
    """Something that `load` can talk to.

    running: the root of its tree of processes
    script: what load has to say instead of a work's own script, if anything
    shared: it is the upstream itself, which stays
    """

    name: str
    running: process.Process
    port: int
    script: str = None
    shared: bool = False

    @property
    def pid(self):
        return self.running.pid

    def stop(self):
        """Ends it before the work does."""
        if not self.shared:
            self.running.stop()


def start_popinjay(lab, name, route):
    folder = lab.new_folder()
    port = free_port()
    config = {
        "server": {},
        "listen pop3s": {"address": f"{LOOPBACK}:{port}", "tls": "implicit",
                         "certificate": lab.pair[0],
                         "private_key": lab.pair[1]},
        "upstream": {"address": f"{LOOPBACK}:{lab.imap_port(route)}",
                     "tls": "implicit", "ca_file": lab.ca_file,
                     "server_name": SERVER_NAME},
    }
    for settings in (POPINJAY_COMMON, POPINJAY[name]):
        for section, keys in settings.items():
            config.setdefault(section, {}).update(keys)
    path = os.path.join(folder, "proxy.conf")
    write_config(path, config)
    running = lab.run(name, [os.path.join(lab.build, "popinjay"), "-c", path])
    running.wait_for(port)
    return Peer(name, running, port)


def start_imapc(lab, name, route, home=None):
    """home: a folder of indexes that another imapc has made, or will use."""
    folder = lab.new_folder()
    running, ports = dovecot_peers.start_imapc(
        folder, lab.pair, home or os.path.join(folder, "home"),
        lab.imap_port(route), lab.ca_file)
    return Peer(name, lab.own(running), ports["pop3"][1])


def start_direct(lab, name, _route):
    return Peer(name, lab.dovecot, lab.dovecot_ports["pop3"][1],
                shared=True)


NGINX = """\
{modules}daemon off;
worker_processes {workers};
pid {folder}/{role}.pid;
error_log {folder}/{role}.log;
worker_rlimit_nofile {files};
events {{
    worker_connections {connections};
}}
"""

NGINX_MAIL = """\
mail {{
    server_name localhost;
    auth_http {host}:{auth_port}/auth;
    proxy_buffer 128k;
    ssl_certificate {cert};
    ssl_certificate_key {key};
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_cache shared:bench:10m;
    server {{
        listen {host}:{port} ssl;
        protocol pop3;
    }}
}}
"""

NGINX_MODULES = "load_module /usr/lib/nginx/modules/ngx_mail_module.so;\n"

# What nginx asks before each login: to be found where it costs least, in
# another nginx, which is not counted.
NGINX_AUTH = """\
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen {host}:{auth_port};
        location /auth {{
            add_header Auth-Status OK;
            add_header Auth-Server {host};
            add_header Auth-Port {upstream_port};
            return 200;
        }}
    }}
}}
"""


def start_nginx(lab, name, route):
    """nginx's mail proxy: POP3 in clear towards Dovecot, or a port given."""
    folder = lab.new_folder()
    os.chmod(folder, 0o777)           # its workers become another user
    values = {
        "folder": folder, "host": LOOPBACK, "port": free_port(),
        "auth_port": free_port(), "cert": lab.pair[0], "key": lab.pair[1],
        "upstream_port": route if isinstance(route, int)
        else lab.dovecot_ports["pop3"][0],
        "files": lab.file_limit, "connections": lab.file_limit - 100,
    }

    def run(role, text, workers, modules, port):
        path = os.path.join(folder, f"{role}.conf")
        with open(path, "w", encoding="ascii") as f:
            f.write((NGINX + text).format(role=role, workers=workers,
                                          modules=modules, **values))
        running = lab.run(f"nginx {role}", [
            "/usr/sbin/nginx", "-p", folder, "-c", path])
        running.wait_for(port)
        return running

    run("auth", NGINX_AUTH, 1, "", values["auth_port"])
    running = run("mail", NGINX_MAIL, "auto", NGINX_MODULES, values["port"])
    return Peer(name, running, values["port"])

def _floor(lab, name, port, script, *options):
    running = lab.run(name, [
        lab.tool(name), "--certificate", lab.pair[0],
        "--private-key", lab.pair[1], "--connect", f"{LOOPBACK}:{port}",
        "--ca", lab.ca_file, "--server-name", SERVER_NAME, *options])
    return Peer(name, running, running.port(), script)


def start_floor_handshakes(lab, name, route, *options):
    """Two TLS handshakes, and nothing else; full ones without |options|."""
    return _floor(lab, name, lab.imap_port(route), "handshake", *options)


def start_floor_relay(lab, name, _route):
    """TLS in, TLS out, before Dovecot's own POP3 server."""
    return _floor(lab, name, lab.dovecot_ports["pop3"][1], None)


def start_stub(lab):
    """The POP3 server for sessions that nginx only holds; its port."""
    return lab.run("stub_pop3", [
        sys.executable, os.path.join(HERE, "stub_pop3.py")]).port()


def start_bare(lab, name, _route):
    """No proxy at all: an IMAP client of ours at the upstream."""
    return Peer(name, lab.dovecot, lab.dovecot_ports["imap"][1],
                shared=True)


START = {
    **dict.fromkeys(POPINJAY, start_popinjay),
    "imapc": start_imapc,
    "nginx": start_nginx,
    "direct": start_direct,
    "bare-imap": start_bare,
    "floor-handshakes": start_floor_handshakes,
    "floor-relay": start_floor_relay,
}
