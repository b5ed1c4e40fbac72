"""A name server that knows SRV records, on loopback, by UDP."""

import socket
import struct
import threading

from support.ports import LOOPBACK

IN, SRV = 1, 33
SERVFAIL, NXDOMAIN = 2, 3


def _name(text):
    labels = [label for label in text.split(".") if label]
    return b"".join(bytes([len(label)]) + label.encode()
                    for label in labels) + b"\0"


def _read_name(octets, at):
    labels = []
    while octets[at]:
        labels.append(octets[at + 1:at + 1 + octets[at]].decode())
        at += 1 + octets[at]
    return ".".join(labels), at + 1


class NameServer:
    """zone: {name: [(priority, weight, port, target), ...]}; no name:
    NXDOMAIN; None in place of a list: SERVFAIL; an empty string: no answer.
    It may be changed."""

    def __init__(self, zone):
        self.zone = zone
        self.asked = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((LOOPBACK, 0))
        self.address = "%s:%d" % self._socket.getsockname()

    def _answer(self, question):
        name, end = _read_name(question, 12)
        self.asked.append(name.lower())
        records = self.zone.get(name.lower(), ())
        if records == "":
            return b""
        code = SERVFAIL if records is None else 0 if records else NXDOMAIN
        body = b""
        for priority, weight, port, target in records or ():
            data = struct.pack(">HHH", priority, weight, port) + _name(target)
            body += struct.pack(">HHHIH", 0xc00c, SRV, IN, 60, len(data))
            body += data
        head = question[:2] + struct.pack(">HHHHH", 0x8580 | code, 1,
                                          len(records or ()), 0, 0)
        return head + question[12:end + 4] + body

    def _serve(self):
        while True:
            try:
                question, peer = self._socket.recvfrom(4096)
                if not question:
                    return
                answer = self._answer(question)
                if answer:
                    self._socket.sendto(answer, peer)
            except OSError:
                return

    def __enter__(self):
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exc):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(b"", self._socket.getsockname())  # wakes it, to end
        self._thread.join()
        self._socket.close()
