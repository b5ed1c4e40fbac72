"""Plays the steps of an override in place of the model's answer."""

import os
import socket
import struct

from upstream.script import expand, matches


class Closed(Exception):
    """The connection ended, from either side."""


def play(conn, override, model, command=None):
    """Runs the steps of |override|; |model|() is what they replace.

    What the steps say goes out in one write, up to a step that does something
    else than say.
    """
    tag, text = (command.tag, command.text) if command else ("*", "")
    out = b""
    for step in override.steps:
        said = _said(conn, step, tag, model)
        if said is not None:
            out += said
            continue
        if step.verb == "hold":
            conn.hold(text, out)
            return
        conn.finish(text, out)
        out = b""
        _act(conn, step)
    conn.finish(text, out)


def _said(conn, step, tag, model):
    """What a step puts on the wire; None when it is none that speaks."""
    if step.verb in ("S", "raw"):
        with conn.mailbox.lock:
            said = expand(step.text, tag, conn.mailbox)
        return said + (b"\r\n" if step.verb == "S" else b"")
    if step.verb == "quietly":
        model()
        return b""
    if step.verb in ("model", "data"):
        answer = model()
        _adapt(answer, step.text)
        if step.verb == "data":
            answer.tagged = None
        return answer.octets(tag)
    return None


def _adapt(answer, words):
    """`reversed`, `twice`, `without TEXT`."""
    if words == "reversed":
        answer.untagged.reverse()
    elif words == "twice":
        answer.untagged *= 2
    elif words.startswith("without "):
        text = words.removeprefix("without ").encode()
        answer.untagged = [u for u in answer.untagged if text not in u]


def _act(conn, step):
    if step.verb == "close":
        raise Closed
    if step.verb == "reset":
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack("ii", 1, 0))
        raise Closed
    if step.verb == "silence":
        conn.silent = True
    elif step.verb == "wait":
        conn.server.sleep(float(step.text))
    elif step.verb == "read":
        _read(conn, step.text)
    elif step.verb == "tls":
        conn.start_tls()
    elif step.verb == "accept":
        conn.log_in(conn.server.any_account())
    elif step.verb == "garbage":
        conn.write(os.urandom(int(step.text)))
    else:
        conn.server.change(conn.mailbox, step.verb, step.text)


def _read(conn, pattern):
    line = conn.line().decode("latin-1")
    conn.server.log(conn.number, line)
    if not matches(pattern, line, whole=True):
        conn.complain(line, f"expected {pattern!r}")
