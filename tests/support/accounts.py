"""Accounts of devices."""

import os
import secrets
import subprocess

from support.popinjay import binary
from support.secrets import keep, plant


class Accounts:
    """accounts.conf with its key, edited as an operator does."""

    def __init__(self, folder):
        self.path = str(folder / "accounts.conf")
        self.key = keep(str(folder / "accounts.key"))
        self.conf = str(folder / "edit.conf")
        with open(self.key, "wb") as f:
            f.write(secrets.token_bytes(32))
        os.chmod(self.key, 0o640)       # as where root owns it
        self.settings = {"accounts": {"file": self.path, "key_file": self.key}}
        with open(self.conf, "w", encoding="utf-8") as f:
            f.write("[listen pop3s]\naddress = 127.0.0.1:1\ntls = none\n"
                    "allow_plaintext_login = yes\n"
                    "[listen pop3]\naddress = 127.0.0.1:2\ntls = none\n"
                    "allow_plaintext_login = yes\n"
                    "[listen plain]\naddress = 127.0.0.1:3\ntls = none\n"
                    "allow_plaintext_login = yes\n"
                    "[upstream]\naddress = 127.0.0.1:4\ntls = none\n"
                    f"[accounts]\nfile = {self.path}\nkey_file = {self.key}\n")

    def run(self, *words, given=""):
        return subprocess.run(
            [binary(), "account", *words, "-c", self.conf], input=given,
            capture_output=True, text=True, timeout=60, check=False)

    def must(self, *words, given=""):
        done = self.run(*words, given=given)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def add(self, name, server, user, *options, password=None):
        """The device's password; that of |user| is the secret."""
        password = password or plant(f"Device-{secrets.token_hex(6)}",
                                     f"the password of {name}")
        self.must("add", name, "--user", user, *options,
                  given=f"{password}\n{server.password(user)}\n")
        return password

    def text(self):
        with open(self.path, encoding="utf-8") as f:
            return f.read()
