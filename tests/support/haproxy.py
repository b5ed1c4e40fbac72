"""HAProxy on loopback: a configuration, a process, what it thinks of its
servers."""

import csv
import io
import os
import signal
import socket
import subprocess

from support.ports import wait_until

PROGRAM = "/usr/sbin/haproxy"


class Haproxy:
    """|config| is the text of haproxy.cfg, but for a socket that answers."""

    def __init__(self, folder, config):
        self._socket = os.path.join(str(folder), "haproxy.sock")
        self._path = os.path.join(str(folder), "haproxy.cfg")
        self._process = None
        with open(self._path, "w", encoding="utf-8") as f:
            f.write(config)
            f.write(f"\nglobal\n    stats socket {self._socket}\n")

    def __enter__(self):
        with open(self._path + ".log", "wb") as log:
            self._process = subprocess.Popen(
                [PROGRAM, "-db", "-f", self._path], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True)
        try:
            wait_until(self._is_up, 20, "haproxy")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def log(self):
        with open(self._path + ".log", encoding="utf-8") as f:
            return f.read()

    def _is_up(self):
        if self._process.poll() is not None:
            raise RuntimeError(f"haproxy ended: {self.log()}")
        try:
            self.servers()
        except OSError:         # it is not there, or nobody listens yet
            return False
        return True

    def _ask(self, command):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10)
            s.connect(self._socket)
            s.sendall(command.encode() + b"\n")
            return s.makefile(encoding="ascii").read()

    def servers(self):
        """{"BACKEND/SERVER": {column of `show stat`: text}}"""
        table = self._ask("show stat").removeprefix("# ")
        return {f"{row['pxname']}/{row['svname']}": row
                for row in csv.DictReader(io.StringIO(table))
                if row["svname"] not in ("FRONTEND", "BACKEND")}

    def is_up(self, server):
        # "UP 1/2" has failed a check, and still is sent clients.
        return self.servers()[server]["status"].startswith("UP")
