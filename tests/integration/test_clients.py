"""Real POP3 clients empty a maildrop through popinjay.

The clients and how each is configured: tests/clients/README.md.
"""

import hashlib
import imaplib
import os
import shutil
import tempfile

import pytest

from support import clients, mail
from support.certificates import Authority

SAMPLE = mail.sample(attachment_size=400_000)
RUNS = [pytest.param(client, tls, id=f"{client.name}-{tls}")
        for client in clients.CLIENTS for tls in client.modes]


@pytest.fixture
def folder():
    """A place that also a client which drops its rights can reach, as
    pytest's tmp_path is not."""
    path = tempfile.mkdtemp(prefix="pjclient.")
    os.chmod(path, 0o755)
    yield path
    shutil.rmtree(path)


def fill(server, user, client):
    """All of the sample that the client can stand and the server takes."""
    for name, octets in SAMPLE.items():
        if name not in client.spared:
            try:
                server.deliver(user, [octets])
            except imaplib.IMAP4.error:
                assert name in ("bare-lf", "mixed-ends", "bare-cr"), name
    return server.held(user)


def run(client, folder, proxy, server, user, tls, ca_file):
    return clients.run(
        client, os.path.join(folder, "home"), tls=tls, user=user,
        port=proxy.port_tls if tls == "implicit" else proxy.port_stls,
        password=server.password(user), ca_file=ca_file)


def digests(messages):
    return sorted(hashlib.sha256(m).hexdigest() for m in messages)


@pytest.mark.parametrize("client, tls", RUNS)
def test_client_empties_maildrop(server, proxy, user, folder, client, tls):
    """POP-8, POP-15, POP-20: what the client keeps is what the server held,
    but for what the client itself does to it; nothing is left behind."""
    held = fill(server, user, client)
    done = run(client, folder, proxy, server, user, tls, proxy.ca_file)
    assert done.returncode == 0, done.stdout
    kept = clients.stored(os.path.join(folder, "home"))
    assert digests(kept) == digests(
        client.stores(mail.as_retrieved(octets)) for octets in held.values())
    assert server.uids(user) == []


@pytest.mark.parametrize("client, tls", RUNS)
def test_client_refuses_a_stranger(server, proxy, user, folder, client, tls):
    """The clients do verify: trusting another authority, they take nothing
    and remove nothing. It shows that the test above runs over verified TLS."""
    server.deliver(user, [SAMPLE["plain"]])
    other = Authority(os.path.join(folder, "other"), "a stranger")
    os.chmod(os.path.join(folder, "other"), 0o755)
    done = run(client, folder, proxy, server, user, tls, other.ca_file)
    assert done.returncode != 0, done.stdout
    assert clients.stored(os.path.join(folder, "home")) == []
    assert len(server.uids(user)) == 1
