"""Runs a program beside a real systemd-journald of its own, as root:

    unshare -m python3 journald.py PROGRAM CONFIG PORT

Nothing of the system's journal is seen or written: /run and /var/log are empty
ones of this mount namespace. A POP3 session is had on PORT; then what journalctl
finds of popinjay's is printed, one object a line.
"""

import os
import signal
import socket
import subprocess
import sys
import time
import uuid

SECONDS = 20
JOURNALD = "/lib/systemd/systemd-journald"
SOCKET = "/run/systemd/journal/socket"


def wait_for(true, what):
    end = time.monotonic() + SECONDS
    while not true():
        if time.monotonic() > end:
            sys.exit(f"{what}: not within {SECONDS} s")
        time.sleep(0.02)


def answers(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def found(*matches):
    return subprocess.run(
        ["/usr/bin/journalctl", "-D", "/run/log/journal", "-o", "json",
         "--no-pager", *matches], capture_output=True, text=True,
        check=True).stdout


def have_session(port):
    with socket.create_connection(("127.0.0.1", port), SECONDS) as s:
        s.sendall(b"USER anna b\r\nPASS secret\r\nQUIT\r\n")
        while s.recv(4096):
            pass


def name_machine():
    """The journal has to know which machine it is of; one that was never
    booted has no name yet."""
    with open("/run/machine-id", "w", encoding="ascii") as f:
        f.write(uuid.uuid4().hex + "\n")
    subprocess.run(["mount", "--bind", "/run/machine-id", "/etc/machine-id"],
                   check=True)


def main(program, config, port):
    for folder in ("/run", "/var/log"):
        subprocess.run(["mount", "-t", "tmpfs", "none", folder], check=True)
    os.makedirs(os.path.dirname(SOCKET))
    os.makedirs("/run/log/journal")
    name_machine()
    journald = subprocess.Popen([JOURNALD], stderr=subprocess.DEVNULL)
    proxy = None
    try:
        wait_for(lambda: os.path.exists(SOCKET), "systemd-journald")
        proxy = subprocess.Popen([program, "-c", config])
        wait_for(lambda: answers(port), program)
        have_session(port)
        wait_for(lambda: found("POPINJAY_EVENT=end", "POPINJAY_USER=anna b"),
                 "the end of the session")
        sys.stdout.write(found("SYSLOG_IDENTIFIER=popinjay"))
    finally:
        for process in (proxy, journald):
            if process:
                process.send_signal(signal.SIGTERM)
                process.wait(SECONDS)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
