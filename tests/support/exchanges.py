"""Devices at the proxy that prove a password without saying it: whole exchanges
of a Pop3Client, by what support/proofs.py computes."""

import base64

from support import proofs


def _said(line):
    """What the server has said in base64."""
    return base64.b64decode(line[2:]).decode()


def apop(c, user, password):
    return c.command(f"APOP {user} {proofs.apop(password, c.greeting.decode())}")


def cram_md5(c, user, password):
    challenge = _said(c.command("AUTH CRAM-MD5"))
    return c.command(proofs.coded(proofs.cram_md5(user, password, challenge)))


def scram(c, user, password, seen=None, last=""):
    """|seen| gets the parts of what the server says first, and its verdict; the
    server's own proof is judged as well."""
    device = proofs.Scram(user, password)
    first = _said(c.command(f"AUTH SCRAM-SHA-256 {proofs.coded(device.first)}"))
    seen = {} if seen is None else seen
    seen.update(p.split("=", 1) for p in first.split(","))
    seen["verdict"] = c.command(proofs.coded(device.final(first)))
    if not seen["verdict"].startswith(b"+ "):
        return seen["verdict"]
    assert device.is_server(_said(seen["verdict"]))
    return c.command(last)
