"""What Cyrus, Courier and Mailutils have in common: servers in roots."""

import os
import shutil
import socket
import tempfile
import threading

from support.certificates import Authority
from support.ports import answers, wait_until
from support.roots import Instance, root_of
from support.server_base import ImapServer

# Debian's own numbers for `mail`; the accounts live inside the root.
MAIL = (8, 8)


class SystemLog:
    """Takes what the programs of an instance tell syslog(3)."""

    def __init__(self, instance, path):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        # Names of sockets are limited to 107 octets, the cache's path is not.
        folder = os.open(instance.path("/dev"), os.O_PATH)
        self._socket.bind(f"/proc/self/fd/{folder}/log")
        os.close(folder)
        os.chmod(instance.path("/dev/log"), 0o666)
        self._out = open(path, "ab", buffering=0)
        self._thread = threading.Thread(target=self._copy, daemon=True)
        self._thread.start()

    def _copy(self):
        while line := self._socket.recv(65536):
            self._out.write(line.rstrip(b"\0\n") + b"\n")

    def close(self):
        self._socket.shutdown(socket.SHUT_RD)     # ends recv() with b""
        self._thread.join()
        self._socket.close()
        self._out.close()


class ChrootedServer(ImapServer):
    """start() prepares the copy of the root, then asks the subclass.

    A subclass names its packages, writes its configuration in _configure()
    and starts its processes in _launch().
    """

    packages = ()

    def __init__(self):
        self._instance = self._folder = self._syslog = None

    def start(self):
        self._instance = Instance(root_of(self.name, self.packages))
        self._folder = tempfile.mkdtemp(prefix=f"pj{self.name}.")
        self._log = os.path.join(self._folder, "log")
        self._syslog = SystemLog(self._instance, self._log)
        authority = Authority(os.path.join(self._folder, "tls"))
        self.ca_file = authority.ca_file
        self._install_certificate(*authority.issue("localhost"))
        try:
            self._configure()
            self._launch()
            wait_until(self._is_up, 20, self.name)
        except BaseException as e:
            e.add_note(self.log())
            self.stop()
            raise

    def _install_certificate(self, certificate, key):
        with open(certificate, encoding="ascii") as c, \
                open(key, encoding="ascii") as k:
            cert_text, key_text = c.read(), k.read()
        self._instance.write("/etc/tls/cert.pem", cert_text)
        self._instance.write("/etc/tls/key.pem", key_text, 0o600, MAIL)
        self._instance.write("/etc/tls/both.pem", key_text + cert_text, 0o600,
                             MAIL)

    def _configure(self):
        raise NotImplementedError

    def _launch(self):
        raise NotImplementedError

    def _is_up(self):
        for process in self._instance.processes:
            if process.poll() is not None:
                raise RuntimeError(f"{process.args[2]} ended at its start")
        return all(answers(port)
                   for port in (self.port_tls, self.port_starttls) if port)

    def log(self):
        """What the server said; a failing test wants to show it."""
        try:
            with open(self._log, encoding="utf-8", errors="replace") as f:
                return f.read()
        except (FileNotFoundError, AttributeError):
            return ""

    def halt(self):
        """Stops serving; the mail stays, and resume() brings it back."""
        self._instance.end_processes()

    def resume(self):
        self._launch()
        wait_until(self._is_up, 20, self.name)

    def stop(self):
        if self._instance:
            self._instance.close()
        if self._syslog:
            self._syslog.close()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._instance = self._folder = self._syslog = None
