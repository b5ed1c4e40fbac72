"""The proxy under test: a configuration, a process, its log, its figures."""

import contextlib
import http.client
import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time
import urllib.request

from support.pop3client import Pop3Client
from support.ports import LOOPBACK, answers, free_port, wait_until
from support.secrets import keep

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
SANITIZER = re.compile(r"(Sanitizer|runtime error):?")


def binary():
    """The program under test: the one of POPINJAY, or build/popinjay."""
    return os.environ.get("POPINJAY") or os.path.join(TOP, "build",
                                                      "popinjay")


def is_sanitized():
    """Whether the program under test carries a sanitizer of memory or of
    threads, and so takes memory of its own."""
    with open(binary(), "rb") as f:
        return re.search(b"__[at]san_init", f.read()) is not None


class Popinjay:
    """Three listeners before |upstream|: pop3s, pop3 (STLS) and plain.

    upstream: the keys of [upstream], see ImapServer.upstream_config()
    settings: further keys, {section: {key: value}}; a value of None removes

    `with Popinjay(...) as proxy`: it runs, and is judged by stop() in the end.
    """

    def __init__(self, folder, authority, upstream, settings=None):
        self.ca_file = authority.ca_file
        self.port_tls = free_port()
        self.port_stls = free_port()
        self.port_plain = free_port()
        self.port_status = free_port()
        self._folder = tempfile.mkdtemp(prefix="proxy.", dir=str(folder))
        self._log_path = os.path.join(self._folder, "log")
        self._process = None
        cert, key = authority.pair("proxy")
        self.config = self._config(upstream, settings or {}, cert, key)
        self.config_path = keep(os.path.join(self._folder, "proxy.conf"))
        write_config(self.config_path, self.config)

    def _config(self, upstream, settings, cert, key):
        pair = {"certificate": cert, "private_key": key}
        config = {
            # Each line is there to be found.
            "server": {"workers": "2", "log_level": "debug",
                       "log_repeat_limit": "0"},
            "listen pop3s": {"address": f"{LOOPBACK}:{self.port_tls}",
                             "tls": "implicit", **pair},
            "listen pop3": {"address": f"{LOOPBACK}:{self.port_stls}",
                            "tls": "starttls", **pair},
            "listen plain": {"address": f"{LOOPBACK}:{self.port_plain}",
                             "tls": "none", "allow_plaintext_login": "yes"},
            "upstream": dict(upstream),
            # Servers that count their connections get none but sessions'.
            "status": {"address": f"{LOOPBACK}:{self.port_status}",
                       "probe_interval": "0 s"},
            "limits": {"auth_failure_delay": "0 s", "drain_timeout": "10 s"},
            "policy": {},
        }
        for section, keys in settings.items():
            config.setdefault(section, {}).update(keys)
        return config

    def start(self, launch=None):
        """launch: another way to begin it, called with the command and the
        keywords of Popen"""
        self._log = open(self._log_path, "ab")
        # The program drops to another user when it is started as root and
        # told to; the tests do not tell it.
        self._process = (launch or subprocess.Popen)(
            [binary(), "-c", self.config_path], stdin=subprocess.DEVNULL,
            stdout=self._log, stderr=self._log, start_new_session=True)
        wait_until(self._is_up, 20, "popinjay")
        self._show_processes()
        return self

    def _is_up(self):
        if self._process.poll() is not None:
            raise AssertionError(f"popinjay ended with "
                                 f"{self._process.returncode}:\n{self.log()}")
        # It listens there last. A knock at a port of POP3 would be a session,
        # in the figures and before the limits of what is tested.
        return answers(self.port_status) and self._catches(signal.SIGUSR2)

    def _catches(self, number):
        """It listens before it does so: who signals too early kills it. Of all
        signals, SIGUSR2 is the last that it takes up."""
        with open(f"/proc/{self.pid}/status", encoding="ascii") as f:
            caught = re.search(r"^SigCgt:\s*([0-9a-f]+)", f.read(), re.M)
        return bool(int(caught[1], 16) >> (number - 1) & 1)

    @property
    def folder(self):
        """Where its log is, and what it has shown."""
        return pathlib.Path(self._folder)

    @property
    def pid(self):
        return self._process.pid

    def signal(self, number):
        self._process.send_signal(number)

    def wait(self, seconds=15):
        """The exit code; a time-out is a subprocess.TimeoutExpired."""
        return self._process.wait(seconds)

    def running(self):
        return self._process.poll() is None

    def stop(self):
        """Ends it with SIGTERM and judges what it left in its log."""
        if self._process is None:
            return
        early = self._process.poll()
        if early is None:
            self._show_processes()
            self._show_answers()
            self.signal(signal.SIGTERM)
            try:
                code = self.wait(5)
            except subprocess.TimeoutExpired:
                self.signal(signal.SIGTERM)
                code = self.wait(10)
        else:
            code = early
        self._process = None
        self._log.close()
        assert not SANITIZER.search(self.log()), self.log()
        assert code == 0, f"popinjay ended with {code}:\n{self.log()}"

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.kill()
            raise

    def __exit__(self, kind, *rest):
        try:
            if kind is None:
                self.stop()
        finally:
            self.kill()

    def kill(self):
        """For the wreck of a failed test."""
        if self._process and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def log(self):
        with open(self._log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    # --- What it shows to others, kept for the search for secrets -----------

    def _show(self, name, octets):
        with open(os.path.join(self._folder, f"shown.{name}"), "ab") as f:
            f.write(octets + b"\n")

    def children(self):
        """Process ids of those that it started, and so on."""
        pids = [self.pid]
        for pid in pids:
            with contextlib.suppress(OSError):
                for task in os.listdir(f"/proc/{pid}/task"):
                    with open(f"/proc/{pid}/task/{task}/children",
                              encoding="ascii") as f:
                        pids += map(int, f.read().split())
        return pids[1:]

    def _show_processes(self):
        """How it, and its children, were called and surrounded."""
        for pid in [self.pid, *self.children()]:
            for name in ("cmdline", "environ", "comm"):
                with contextlib.suppress(OSError):
                    with open(f"/proc/{pid}/{name}", "rb") as f:
                        self._show("processes", f.read())

    def _show_answers(self):
        """What the status server says in the end; it may be too busy with what
        a test has done to it."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            for path in ("/", "/status", "/metrics"):
                self.http(path, timeout=2)

    # --- What it costs ------------------------------------------------------

    def _status_kb(self, key):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as f:
            return int(re.search(rf"^{key}:\s+(\d+) kB", f.read(), re.M)[1])

    def rss_kb(self):
        return self._status_kb("VmRSS")

    def peak_rss_kb(self):
        """The highest RSS since reset_peak()."""
        return self._status_kb("VmHWM")

    def reset_peak(self):
        """It is root's to ask for: the process lets nobody else look in."""
        path = f"/proc/{self.pid}/clear_refs"
        root = [] if os.geteuid() == 0 else ["sudo", "-n"]
        subprocess.run([*root, "tee", path], input=b"5", check=True,
                       stdout=subprocess.DEVNULL)

    def open_files(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def cpu_seconds(self):
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as f:
            fields = f.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    # --- Talking to it ------------------------------------------------------

    def http(self, path, timeout=10):
        url = f"http://{LOOPBACK}:{self.port_status}{path}"
        with urllib.request.urlopen(url, timeout=timeout) as answer:
            body = answer.read()
        self._show("http", body)
        return body.decode()

    def status(self):
        return json.loads(self.http("/status"))

    def pop3s(self, **kw):
        return Pop3Client(self.port_tls, self.ca_file, tls=True, **kw)

    def pop3(self, **kw):
        """On the listener with STLS, still in clear."""
        return Pop3Client(self.port_stls, self.ca_file, **kw)

    def plain(self, **kw):
        return Pop3Client(self.port_plain, self.ca_file, **kw)

    def login(self, user, password, **kw):
        client = self.pop3s(**kw)
        client.login(user, password)
        return client

    def login_when_free(self, user, password, seconds=10):
        """login() where a lost session may hold the maildrop a moment yet."""
        end = time.monotonic() + seconds
        while True:
            client = self.pop3s()
            client.ok(f"USER {user}")
            reply = client.command(f"PASS {password}")
            if reply.startswith(b"+OK"):
                return client
            client.close()
            assert b"[IN-USE]" in reply, reply
            assert time.monotonic() < end, "the maildrop stays in use"
            time.sleep(0.05)


def write_config(path, config):
    """{section: {key: value}} as INI; a key whose value is None is left out,
    and one whose value is a list stands once for each. At no time is there half
    a file: a reload may be under way."""
    fresh = f"{path}.fresh"
    with open(fresh, "w", encoding="utf-8") as f:
        for section, keys in config.items():
            f.write(f"[{section}]\n")
            for key, value in keys.items():
                for one in value if isinstance(value, list) else [value]:
                    if one is not None:
                        f.write(f"{key} = {one}\n")
    os.replace(fresh, path)


def successor(proxy, folder, authority, upstream, settings=None):
    """With the configuration of |proxy|, but for |settings|; not started."""
    after = Popinjay(folder, authority, upstream)
    after.config = {section: {**keys, **(settings or {}).get(section, {})}
                    for section, keys in proxy.config.items()}
    write_config(after.config_path, after.config)
    for name in ("port_tls", "port_stls", "port_plain", "port_status"):
        setattr(after, name, getattr(proxy, name))
    return after


def replacing(proxy):
    """How start() has a process take the place of |proxy|."""
    def launch(command, **kw):
        return subprocess.Popen([*command, "--replace", str(proxy.pid)], **kw)
    return launch
