#!/usr/bin/python3
"""popinjay in the foreground, before a Dovecot of its own with sample mail.

    deploy/demo.py PROGRAM

Everything it makes lies in one temporary folder, listens on loopback, and is
gone after Ctrl-C: certificates, the IMAP server, its mail, the configuration.
From the environment: POP3_PORT, POP3S_PORT, STATUS_PORT, and UPSTREAM, the
host:port of a real IMAP server to stand before instead (no Dovecot then).

Run it by `make run`, from a checkout: servers and sample mail are those of
the tests.
"""

import os
import secrets
import signal
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(TOP, "tests"))

# pylint: disable=wrong-import-position
from support import mail                                    # noqa: E402
from support.certificates import Authority                  # noqa: E402
from support.dovecot import Dovecot                         # noqa: E402
from support.popinjay import write_config                   # noqa: E402
from support.ports import LOOPBACK, answers, wait_until     # noqa: E402

USER = "demo"


class Stopped(Exception):
    """A signal asked for the end."""


def on_signal(_number, _frame):
    # Only the first one; what follows must not disturb the tidying up.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    raise Stopped


def local_upstream():
    """A running Dovecot with the sample in the INBOX of USER."""
    dovecot = Dovecot()
    try:
        dovecot.start()
        dovecot.create_user(USER, secrets.token_urlsafe(9))
        dovecot.deliver(USER, mail.sample().values())
    except BaseException:
        dovecot.stop()
        raise
    return dovecot


def real_upstream(address):
    """[upstream] for host:port; the system's CA store judges it."""
    host, colon, port = address.rpartition(":")
    if not (host and colon and port.isdigit()):
        sys.exit(f"UPSTREAM={address}: host:port is wanted, "
                 "such as imap.example.com:993")
    return {"address": address, "tls": "starttls" if port == "143"
            else "implicit"}


def configuration(folder, upstream, ports):
    """Writes proxy.conf and certificates; returns (path, CA file)."""
    authority = Authority(os.path.join(folder, "tls"), "popinjay demo CA")
    cert, key = authority.issue("localhost")
    pair = {"certificate": cert, "private_key": key}
    path = os.path.join(folder, "proxy.conf")
    write_config(path, {
        "server": {"log_level": "info"},
        "listen pop3": {"address": f"{LOOPBACK}:{ports['POP3_PORT']}",
                        "tls": "starttls", **pair},
        "listen pop3s": {"address": f"{LOOPBACK}:{ports['POP3S_PORT']}",
                         "tls": "implicit", **pair},
        "upstream": upstream,
        "status": {"address": f"{LOOPBACK}:{ports['STATUS_PORT']}"},
    })
    return path, authority.ca_file


def explain(ports, ca_file, login):
    print(f"""
popinjay is ready. Try, from another terminal:

  curl --cacert {ca_file} -u '{login}' pop3s://localhost:{ports['POP3S_PORT']}/
  curl --cacert {ca_file} -u '{login}' --ssl-reqd pop3://localhost:{ports['POP3_PORT']}/3
  curl http://localhost:{ports['STATUS_PORT']}/status

Ctrl-C ends it all.
""", flush=True)


def serve(program, folder, upstream, login, ports):
    """Runs popinjay until it ends or a signal comes; its exit code."""
    path, ca_file = configuration(folder, upstream, ports)
    # A session of its own: Ctrl-C in the terminal reaches only this program,
    # which then ends popinjay first and the server behind it after that.
    proxy = subprocess.Popen([program, "-c", path], start_new_session=True,
                             stdin=subprocess.DEVNULL)
    try:
        wait_until(lambda: proxy.poll() is not None or all(
            answers(port) for port in ports.values()), 15, "popinjay")
        if proxy.poll() is None:
            explain(ports, ca_file, login)
        return proxy.wait()
    finally:
        if proxy.poll() is None:
            # Twice: the second signal does not wait for sessions to end.
            for seconds in (2, 10):
                proxy.send_signal(signal.SIGTERM)
                try:
                    proxy.wait(seconds)
                    break
                except subprocess.TimeoutExpired:
                    pass
            else:
                proxy.kill()
                proxy.wait()


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    ports = {name: int(os.environ.get(name) or default) for name, default in
             (("POP3_PORT", 1110), ("POP3S_PORT", 1995),
              ("STATUS_PORT", 8110))}
    for name, port in ports.items():
        if answers(port):
            sys.exit(f"port {port} is taken: choose another by {name}=")
    address = os.environ.get("UPSTREAM")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, on_signal)
    dovecot = None
    try:
        with tempfile.TemporaryDirectory(prefix="popinjay.") as folder:
            if address:
                upstream, login = real_upstream(address), "USER:PASSWORD"
            else:
                dovecot = local_upstream()
                upstream = dovecot.upstream_config()
                login = f"{USER}:{dovecot.password(USER)}"
            return serve(sys.argv[1], folder, upstream, login, ports)
    except Stopped:
        return 0
    finally:
        if dovecot:
            dovecot.stop()


if __name__ == "__main__":
    sys.exit(main())
