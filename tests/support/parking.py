"""Polls, and what the proxy says of the connections that rest between them."""

from support.metrics import total


def metric(proxy, name):
    return total(proxy.http("/metrics"), f"popinjay_{name}")


def connections(proxy):
    return metric(proxy, "upstream_connections_total")


def reused(proxy):
    return metric(proxy, "upstream_reused_total")


def parked(proxy):
    return metric(proxy, "parked_connections")


def poll(proxy, user, password):
    """A session as a device has it; what UIDL said."""
    with proxy.pop3s() as c:
        c.login(user, password)
        c.ok("STAT")
        ids = c.listing("UIDL")
        c.quit()
    return ids
