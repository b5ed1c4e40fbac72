"""`make run`: what it prints works, and it leaves nothing behind."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile

import pytest

from support.fake_imap import FakeImap, Mailbox
from support.popinjay import TOP, binary
from support.ports import answers, free_port, wait_until


@pytest.fixture
def demo():
    """demo(UPSTREAM=...): a running demonstration and what it printed."""
    started = []

    def start(**settings):
        ports = {name: free_port() for name in
                 ("POP3_PORT", "POP3S_PORT", "STATUS_PORT")}
        # Not tmp_path: the unprivileged users that Dovecot's services run as
        # have to get in, and names of sockets below it must be short.
        folder = pathlib.Path(tempfile.mkdtemp(prefix="pjdemo."))
        folder.chmod(0o755)
        process = subprocess.Popen(
            ["/usr/bin/python3", f"{TOP}/deploy/demo.py", binary()],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env={**os.environ, "TMPDIR": str(folder), **settings,
                 **{k: str(v) for k, v in ports.items()}})
        started.append((process, folder))
        printed = ""
        while "Ctrl-C" not in printed:
            line = process.stdout.readline()
            assert line, f"it ended: {printed}"
            printed += line
        return process, printed, ports, folder

    yield start
    for process, folder in started:
        if process.poll() is None:
            process.terminate()
        process.wait(20)
        process.stdout.close()
        shutil.rmtree(folder)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_demo(demo, number):
    """The three lines work as printed; a signal ends all that was started
    and removes the folder."""
    process, printed, ports, folder = demo()
    lines = re.findall(r"^  (curl .*)$", printed, re.M)
    assert len(lines) == 3
    said = [subprocess.run(line, shell=True, capture_output=True, timeout=60,
                           check=True).stdout for line in lines]
    assert len(said[0].splitlines()) >= 12
    assert b"\nSubject: " in said[1]
    assert said[2].startswith(b"{")
    process.send_signal(number)
    assert process.wait(20) == 0
    assert not any(answers(port) for port in ports.values())
    assert list(folder.iterdir()) == []
    wait_until(lambda: not any(str(folder) in line for line in
                               command_lines()), 5, "the end of all of them")


def command_lines():
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                yield f.read().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            pass


def test_demo_before_another_server(demo, authority):
    """UPSTREAM= stands before that server; the system's CAs judge it, so one
    of our own is refused, and no password reaches it."""
    with FakeImap(Mailbox([]), authority.pair("upstream")) as fake:
        _, printed, ports, _ = demo(UPSTREAM=f"localhost:{fake.port}")
        ca_file = re.search(r"--cacert (\S+)", printed)[1]
        done = subprocess.run(
            ["curl", "-v", "--cacert", ca_file, "-u", "x:y",
             f"pop3s://localhost:{ports['POP3S_PORT']}/"],
            capture_output=True, timeout=60, check=False)
        assert done.returncode != 0
        assert b"[SYS/PERM]" in done.stderr
        assert fake.connections > 0
        assert fake.seen == []
