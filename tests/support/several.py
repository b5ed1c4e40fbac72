"""An upstream of several servers, and which of them each user is at."""

import math


def several(*servers, **keys):
    """[upstream] with the address of each, and one name and authority."""
    first = servers[0].upstream_config()
    addresses = [s.upstream_config()["address"] for s in servers]
    return {**first, "address": "\naddress = ".join(addresses), **keys}


def home(user, addresses):
    """The address that the user is at: rendezvous hashing, done anew."""
    def score(address):
        value = 0xcbf29ce484222325
        for octet in (user + address).encode():
            value = (value ^ octet) * 0x100000001b3 % 2 ** 64
        for factor in (0xff51afd7ed558ccd, 0xc4ceb9fe1a85ec53):
            value = (value ^ value >> 33) * factor % 2 ** 64
        value ^= value >> 33
        return -1 / math.log(((value >> 12) + 0.5) / 2 ** 52)

    return max(addresses, key=score)


def users_of(servers, each=3):
    """{server: names of users that are at it}"""
    at = {s.upstream_config()["address"]: s for s in servers}
    found = {s: [] for s in servers}
    for n in range(1000):
        theirs = found[at[home(f"user{n}", at)]]
        if len(theirs) < each:
            theirs.append(f"user{n}")
    return found


def poll(proxy, user):
    with proxy.plain() as c:
        c.ok(f"USER {user}")
        c.ok("PASS x")
        c.quit()
