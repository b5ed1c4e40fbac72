"""PROXY headers, as balancers send them before a client's own octets."""

import ipaddress
import socket
import struct

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
LOCAL, PROXY = 0x20, 0x21
UNSPEC, TCP4, UDP4, TCP6, UNIX = 0x00, 0x11, 0x12, 0x21, 0x31


def v1(host, port, server="198.51.100.1", server_port=995):
    """The line of version 1 for a client of IPv4, or of IPv6 (with a server
    of the same)."""
    kind = "TCP6" if ":" in host else "TCP4"
    return f"PROXY {kind} {host} {server} {port} {server_port}\r\n".encode()


def block(host, port, server="198.51.100.1", server_port=995):
    """(family, addresses) for v2()."""
    ends = [ipaddress.ip_address(a).packed for a in (host, server)]
    return (TCP6 if ":" in host else TCP4,
            b"".join(ends) + struct.pack(">HH", port, server_port))


def v2(command=PROXY, family=UNSPEC, octets=b""):
    return (SIGNATURE + bytes([command, family])
            + struct.pack(">H", len(octets)) + octets)


def v2_client(host, port, tlvs=b""):
    family, ends = block(host, port, "::1" if ":" in host else "198.51.100.1")
    return v2(PROXY, family, ends + tlvs)


def tlv(kind, octets):
    return struct.pack(">BH", kind, len(octets)) + octets


def connect_from(source, port, timeout=30):
    """A connection to |port| of loopback from the address |source|."""
    return socket.create_connection(("127.0.0.1", port), timeout, (source, 0))
