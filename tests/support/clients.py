"""Runs the mail programs of tests/clients, and says what to expect of each."""

import os
import re
import subprocess
from dataclasses import dataclass, field

from support.node import PROGRAM, packages_of

FOLDER = os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), "clients")


def unchanged(sent):
    return sent


def with_lf(sent):
    """Line ends as unix files have them; a lone CR stays."""
    return sent.replace(b"\r\n", b"\n")


def with_blank_line(text):
    """The header is always followed by a blank line."""
    return text if b"\n\n" in text else text + b"\n"


def by_fetchmail(sent):
    """Drops a lone CR."""
    return with_blank_line(with_lf(sent).replace(b"\r", b""))


def by_getmail(sent):
    """Takes a lone CR, and CR CR LF, for a line end."""
    text = re.sub(rb"\r*\n|\r", b"\n", sent)
    return b"Return-Path: <unknown>\n" + with_blank_line(text)


def by_s_nail(sent):
    """Takes CR CR LF for a line end, and ends a message with an empty line."""
    text = re.sub(rb"\r*\n", b"\n", sent)
    return text if text.endswith(b"\n\n") else text + b"\n"


@dataclass(frozen=True)
class Client:
    """A script of tests/clients.

    stores:  from what RETR gave (dots unstuffed) to what the client keeps
    modes:   the values of POP3_TLS it can do
    spared:  {name of a sample message: why this client is not given it}
    """

    script: str
    stores: callable = with_lf
    modes: tuple = ("implicit", "stls")
    spared: dict = field(default_factory=dict)

    @property
    def name(self):
        return self.script.partition(".")[0].partition("/")[0]


CLIENTS = (
    Client("curl.sh", unchanged),
    Client("fetchmail.sh", by_fetchmail, spared={
        "long-lines": "it breaks lines of more than 8 KB"}),
    Client("getmail.sh", by_getmail, modes=("implicit",), spared={
        "long-header": "it folds long header lines anew"}),
    Client("mpop.sh"),
    Client("neomutt.sh"),
    Client("s-nail.sh", by_s_nail),
    Client("nmh.sh", spared={
        "long-lines": "it gives up at a line of 32 KB"}),
    Client("poplib_client.py", unchanged),
    Client("net_pop3.pl", unchanged),
    Client("net_pop.rb", unchanged, modes=("implicit",)),
    Client("java.sh", unchanged),
    Client("node/client.mjs", unchanged, modes=("implicit",)),
)


def run(client, folder, *, port, tls, user, password, ca_file):
    """Lets |client| empty a maildrop into |folder|; returns how it ended."""
    os.makedirs(folder)
    environment = {
        "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": str(folder),
        "POP3_HOST": "localhost", "POP3_PORT": str(port), "POP3_TLS": tls,
        "POP3_USER": user, "POP3_PASSWORD": password,
        "POP3_CA": str(ca_file),
    }
    command = [os.path.join(FOLDER, client.script)]
    if client.script.endswith(".mjs"):
        environment["POP3_NODE_MODULES"] = packages_of(
            os.path.dirname(command[0]))
        command.insert(0, PROGRAM)
    return subprocess.run(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120,
        text=True, errors="replace", start_new_session=True)


def stored(folder):
    """The messages a client left in |folder|, in no order."""
    found = []
    for place, _, names in os.walk(os.path.join(folder, "messages")):
        for name in names:
            if not name.startswith("."):
                with open(os.path.join(place, name), "rb") as f:
                    found.append(f.read())
    return found
