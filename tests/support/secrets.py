"""Secrets that tests plant, how they may be written, and the search for them
where they should not be."""

import base64
import os
import secrets
import subprocess
import urllib.parse

# {secret: what it is}; whoever makes one plants it.
_PLANTED = {}
# Files that hold secrets because a test, or another program, put them there.
_KEPT = set()


def plant(secret, what):
    """From now on |secret| is looked for; returns it."""
    assert len(secret) >= 8, f"{what}: would be found by chance"
    _PLANTED[secret] = what
    return secret


def keep(path):
    """The file is where its secrets belong; returns the path."""
    _KEPT.add(os.path.realpath(path))
    return path


# Of accounts that a test says nothing about.
PASSWORD = plant(f"Parrot-{secrets.token_hex(6)}", "the usual password")


def forms(secret):
    """|secret| as it may be written: as it is, and what base64 has of it at
    each of the three places where it may begin in a longer message."""
    yield secret.encode()
    for before in range(3):
        coded = base64.b64encode(b"\0" * before + secret.encode())
        # Only what all octets around it leave the same.
        yield coded[(8 * before + 5) // 6:][:-4]


def all_forms(secret):
    """Further ones, that other protocols have."""
    yield from forms(secret)
    quoted = urllib.parse.quote(secret, safe="").encode()
    if quoted != secret.encode():
        yield quoted
    yield secret.encode().hex().encode()


def planted_in(octets):
    """What of all that was planted stands in |octets|."""
    return [what for secret, what in _PLANTED.items()
            if any(form in octets for form in all_forms(secret))]


def _suspects(folder):
    """Those of its files that hold anything that was planted: found at one go,
    however much that is."""
    patterns = b"\n".join({form for secret in _PLANTED
                           for form in all_forms(secret)})
    found = subprocess.run(["grep", "-rlaZF", "-f", "-", "--", folder],
                           input=patterns, capture_output=True, check=False,
                           env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"})
    assert found.returncode in (0, 1), found.stderr.decode()
    return sorted(map(os.fsdecode, found.stdout.split(b"\0")[:-1]))


def leaks_below(folder):
    """["PATH: what", ...] of all files below |folder| but those that were
    kept."""
    found = []
    for path in _suspects(folder):
        if os.path.realpath(path) in _KEPT:
            continue
        with open(path, "rb") as f:
            found += [f"{path}: {what}" for what in planted_in(f.read())]
    return found
