"""The log in a real journal: fields, levels, and who it says wrote them."""

import json
import os
import subprocess
import sys

from support import journald
from support.popinjay import binary, write_config
from support.ports import LOOPBACK, free_port


def test_journal(tmp_path):
    """As an unprivileged user, behind the system call filter: each line is an
    entry with its level and its fields, found by any of them."""
    port = free_port()
    config = tmp_path / "proxy.conf"
    write_config(config, {
        "server": {"workers": "1", "user": "nobody", "log_to": "journal",
                   "log_facility": "local2"},
        "listen plain": {"address": f"{LOOPBACK}:{port}", "tls": "none",
                         "allow_plaintext_login": "yes"},
        "upstream": {"address": f"{LOOPBACK}:1", "tls": "none"},
        "limits": {"auth_failure_delay": "0"}})
    done = subprocess.run(
        ["unshare", "-m", sys.executable, journald.__file__, binary(),
         str(config), str(port)], capture_output=True, text=True, timeout=60,
        check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    entries = {one["POPINJAY_EVENT"]: one
               for one in map(json.loads, done.stdout.splitlines())}
    refused = entries["login_refused"]
    assert refused["POPINJAY_USER"] == "anna b"
    assert refused["POPINJAY_CLIENT"] == LOOPBACK
    assert refused["POPINJAY_REASON"] == "upstream_unreachable"
    assert refused["PRIORITY"] == "4"
    assert refused["SYSLOG_FACILITY"] == "18"
    assert refused["MESSAGE"].startswith("warning login_refused session=")
    assert refused["_UID"] != str(os.geteuid()), "root's rights are gone"
    assert entries["ready"]["PRIORITY"] == "6"
    assert "secret" not in done.stdout
