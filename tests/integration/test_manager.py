"""Under a service manager: what it is told, and the sockets that it holds."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import tempfile
import time

import pytest

from support.fake_imap import FakeImap, Mailbox
from support.knocks import knocking
from support.popinjay import Popinjay, binary, write_config
from support.ports import LOOPBACK, answers, wait_until

SECONDS = 10


class Manager:
    """What systemd is to a service: the end of NOTIFY_SOCKET, and listening
    sockets, (name, socket), that outlive the service."""

    def __init__(self, folder, sockets=(), watchdog_ms=0):
        path = os.path.join(tempfile.mkdtemp(dir=folder), "notify")
        self.heard = []
        self._told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._told.bind(path)
        self._told.settimeout(SECONDS)
        self._sockets = sockets
        self._env = {**os.environ, "NOTIFY_SOCKET": path}
        if watchdog_ms:
            self._env["WATCHDOG_USEC"] = str(watchdog_ms * 1000)

    def launch(self, command, **kw):
        """The sockets become descriptors 3 and up, as sd_listen_fds(3) says;
        LISTEN_PID is only known to the process itself."""
        env = self._env
        if self._sockets:
            names = ":".join(name for name, _ in self._sockets)
            env = {**env, "LISTEN_FDS": str(len(self._sockets)),
                   "LISTEN_FDNAMES": names}
        own = [s.fileno() for _, s in self._sockets]

        def place():
            # Out of the way first: one may be where another has to be.
            high = [os.dup2(fd, 100 + n) for n, fd in enumerate(own)]
            for n, fd in enumerate(high):
                os.dup2(fd, 3 + n)

        return subprocess.Popen(
            ["sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh", *command], env=env,
            preexec_fn=place, pass_fds=range(3, 3 + len(own)), **kw)

    def hear(self):
        """The next message, {key: value}."""
        text = self._told.recv(4096).decode()
        self.heard.append(dict(line.split("=", 1)
                               for line in text.split("\n") if line))
        return self.heard[-1]

    def close(self):
        self._told.close()


@contextlib.contextmanager
def managed(tmp_path, authority, settings=None, **kw):
    """(manager, proxy), not started."""
    with FakeImap(Mailbox([])) as fake, \
            contextlib.closing(Manager(tmp_path, **kw)) as manager:
        proxy = Popinjay(tmp_path, authority, fake.upstream_config(), settings)
        try:
            yield manager, proxy
            proxy.stop()
        finally:
            proxy.kill()


# --- What it is told --------------------------------------------------------------

def test_what_is_told(tmp_path, authority):
    """SD-2, SD-3: READY when it serves; RELOADING with its time, then READY, also where the
    reload is refused; STOPPING when it drains."""
    with managed(tmp_path, authority) as (manager, proxy):
        proxy.start(manager.launch)
        assert manager.hear() == {"READY": "1", "STATUS": "serving"}
        with proxy.pop3s() as c:
            c.quit()
        for level, status in (("info", "serving"), ("loud", "reload refused: ")):
            proxy.config["server"]["log_level"] = level
            write_config(proxy.config_path, proxy.config)
            before = time.monotonic_ns() // 1000
            proxy.signal(signal.SIGHUP)
            told = manager.hear()
            assert told["RELOADING"] == "1"
            assert before <= int(told["MONOTONIC_USEC"]) \
                <= time.monotonic_ns() // 1000
            told = manager.hear()
            assert told["READY"] == "1"
            assert told["STATUS"].startswith(status)
        assert re.search(r"proxy\.conf:\d+: .*loud", told["STATUS"])
        proxy.signal(signal.SIGTERM)
        assert manager.hear() == {"STOPPING": "1", "STATUS": "draining"}
        assert proxy.wait() == 0


def test_watchdog(tmp_path, authority):
    """SD-4: a sign of life, twice as often as is asked for."""
    with managed(tmp_path, authority, watchdog_ms=200) as (manager, proxy):
        # From before it starts: it tells nobody when it is that it says so.
        start = time.monotonic()
        proxy.start(manager.launch)
        assert "READY" in manager.hear()
        for _ in range(6):
            assert manager.hear() == {"WATCHDOG": "1"}
        assert time.monotonic() - start > 0.45
        assert "worker_stuck" not in proxy.log()


# --- Its sockets ------------------------------------------------------------------

def listening(port):
    return socket.create_server((LOOPBACK, port), backlog=128)


def test_sockets_by_name_and_by_address(tmp_path, authority):
    """SD-5: one is found by its name, wherever it is bound; one whose name is none of
    a listener's by its address; the third is bound by the proxy. All workers
    accept from them, and they outlive a reload."""
    with managed(tmp_path, authority) as (_, proxy):
        with listening(0) as named, listening(proxy.port_plain) as at:
            manager = Manager(tmp_path, [("popinjay.socket", at),
                                         ("pop3s", named)])
            proxy.config["listen pop3s"]["address"] = "127.0.0.9:1"
            write_config(proxy.config_path, proxy.config)
            proxy.port_tls = named.getsockname()[1]
            proxy.start(manager.launch)
            for _ in range(2):
                for connect in (proxy.pop3s, proxy.pop3, proxy.plain):
                    for _ in range(4):
                        with connect() as c:
                            c.quit()
                proxy.signal(signal.SIGHUP)
                wait_until(lambda: " reloaded" in proxy.log(), SECONDS,
                           "the reload")
            manager.close()


def test_systemd_socket_activate(tmp_path, authority):
    """systemd's own tool starts it at the first connection, which is served."""
    with managed(tmp_path, authority) as (_, proxy):
        where = f"{LOOPBACK}:{proxy.port_tls}"

        def launch(command, **kw):
            process = subprocess.Popen(
                ["systemd-socket-activate", "-l", where, "--fdname=pop3s",
                 *command], **kw)
            # Nothing runs, and nobody else listens, before somebody comes.
            wait_until(lambda: answers(proxy.port_tls), SECONDS, "its socket")
            return process

        proxy.start(launch)
        with proxy.pop3s() as c:
            c.quit()


@pytest.mark.parametrize("name, kind, complaint", [
    ("pop3s", socket.SOCK_DGRAM, "descriptor 3 (pop3s) is no TCP socket"),
    ("pop3s", socket.SOCK_STREAM, "descriptor 3 (pop3s) is no TCP socket"),
    ("stray", None, "the socket (stray) at 127.0.0.1 port "),
])
def test_sockets_that_are_of_no_use(tmp_path, authority, name, kind, complaint):
    """SD-5: it does not start with one of another kind, one that does not
    listen, or one that is no listener's."""
    with managed(tmp_path, authority) as (_, proxy), \
            (listening(0) if kind is None
             else socket.socket(socket.AF_INET, kind)) as given:
        manager = Manager(tmp_path, [(name, given)])
        done = manager.launch([binary(), "-c", proxy.config_path], stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True)
        _, said = done.communicate(timeout=SECONDS)
        manager.close()
        assert done.returncode == 1
        assert "LISTEN_FDS: " in said and complaint in said


def test_sockets_of_another_process(tmp_path, authority):
    """SD-5: what is not meant for it (LISTEN_PID) is left alone."""
    with managed(tmp_path, authority) as (_, proxy):
        def launch(command, **kw):
            return subprocess.Popen(command, env={
                **os.environ, "LISTEN_PID": "1", "LISTEN_FDS": "1",
                "LISTEN_FDNAMES": "pop3s"}, **kw)

        proxy.start(launch)
        with proxy.pop3s() as c:
            c.quit()


def test_restart_refuses_nobody(tmp_path, authority):
    """SD-6: while one process drains and ends, and the next one is not there yet,
    clients wait in the socket that the manager holds."""
    with managed(tmp_path, authority) as (_, one), \
            listening(one.port_plain) as plain, \
            contextlib.closing(
                Manager(tmp_path, [("plain", plain)])) as manager:
        one.start(manager.launch)
        with knocking(one.port_plain) as knocks:
            wait_until(lambda: knocks.count > 20, SECONDS, "clients")
            one.signal(signal.SIGTERM)
            assert one.wait() == 0
            time.sleep(0.2)              # nobody is there at all
            one.start(manager.launch)
            now = knocks.count
            wait_until(lambda: knocks.count > now + 20, SECONDS, "more clients")
        assert not knocks.failures, knocks.failures
