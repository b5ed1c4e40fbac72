"""Where a log goes beside standard error: a real rsyslogd, and a socket that
takes what the journal would."""

import os
import socket
import subprocess
import tempfile

from support.ports import wait_until

RSYSLOG = """\
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{folder}/log" IgnoreTimestamp="off")
template(name="all" type="string"
         string="%pri% %syslogtag% %timegenerated:::date-rfc3339%|%msg%\\n")
*.* action(type="omfile" file="{folder}/out" template="all")
"""


class Rsyslog:
    """rsyslogd with a socket of its own; lines() are `PRI TAG TIME|MESSAGE`."""

    def __enter__(self):
        # The names of sockets are limited to 107 octets.
        self._folder = tempfile.mkdtemp(prefix="pjsl.")
        os.chmod(self._folder, 0o755)
        self.socket = os.path.join(self._folder, "log")
        self._process = None
        self.start()
        return self

    def start(self):
        conf = os.path.join(self._folder, "conf")
        with open(conf, "w", encoding="ascii") as f:
            f.write(RSYSLOG.format(folder=self._folder))
        self._process = subprocess.Popen(
            ["/usr/sbin/rsyslogd", "-n", "-f", conf,
             "-i", os.path.join(self._folder, "pid")],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        wait_until(self._listens, 15, "rsyslogd")

    def _listens(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            return s.connect_ex(self.socket) == 0

    def stop(self):
        self._process.kill()
        self._process.wait()

    def lines(self):
        try:
            with open(os.path.join(self._folder, "out"),
                      encoding="utf-8") as f:
                return f.read().splitlines()
        except FileNotFoundError:
            return []

    def __exit__(self, *exc):
        self.stop()
        for name in os.listdir(self._folder):
            os.unlink(os.path.join(self._folder, name))
        os.rmdir(self._folder)


class JournalSocket:
    """Takes the datagrams of the journal's native protocol."""

    def __enter__(self):
        self._folder = tempfile.mkdtemp(prefix="pjjl.")
        os.chmod(self._folder, 0o755)
        self.path = os.path.join(self._folder, "socket")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.path)
        os.chmod(self.path, 0o666)
        self._socket.settimeout(10)
        return self

    def entry(self):
        """The fields of the next entry, each of them in one line."""
        octets = self._socket.recv(65536)
        assert octets.endswith(b"\n"), octets
        fields = [line.split("=", 1)
                  for line in octets.decode().splitlines()]
        assert len({name for name, _ in fields}) == len(fields), fields
        return dict(fields)

    def entry_of(self, event):
        while True:
            entry = self.entry()
            if entry["POPINJAY_EVENT"] == event:
                return entry

    def __exit__(self, *exc):
        self._socket.close()
        os.unlink(self.path)
        os.rmdir(self._folder)
