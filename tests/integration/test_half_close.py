"""A client that says that it will send no more, and waits for its answers."""

import contextlib
import signal
import socket
import threading
import time

import pytest

from support import mail
from support.fake_imap import FakeImap, Mailbox
from support.metrics import samples
from support.ports import wait_until

MB = 1 << 20


def half_close(client):
    """FIN behind what was sent; TLS sends no close_notify before it, as few
    clients do."""
    client.socket.shutdown(socket.SHUT_WR)


def by_state(proxy):
    return proxy.status()["sessions"]["by_state"]


@pytest.mark.parametrize("size", [100, 5 * MB])
def test_retr_and_quit(server, proxy, user, size):
    """POP-15, POP-20: all that was asked for before the end is served whole,
    and the removal is carried out."""
    server.deliver(user, [mail.message("x", (b"y" * 70 + b"\r\n")
                                       * (size // 72))])
    (held,) = server.held(user).values()
    with proxy.plain() as c:
        c.ok(f"USER {user}")
        reply = c.command(f"PASS {server.password(user)}")
        if not reply.startswith(b"+OK"):    # it forbids passwords in clear
            pytest.fail(reply.decode())
        c.send(b"RETR 1\r\nDELE 1\r\nQUIT\r\n")
        half_close(c)
        assert c.line().startswith(b"+OK")
        assert c.lines() == held + b".\r\n"
        assert c.line().startswith(b"+OK")
        assert c.line().startswith(b"+OK")
        assert c.at_end()
    assert server.held(user) == {}


def test_login_and_all(start_proxy):
    """The whole session in one write, then the end."""
    with FakeImap(Mailbox([b"one\r\n", b"two\r\n"])) as fake:
        proxy = start_proxy(fake.upstream_config())
        with proxy.plain() as c:
            c.send(b"USER a\r\nPASS b\r\nSTAT\r\nRETR 1\r\nRETR 2\r\nQUIT\r\n")
            half_close(c)
            heard = c.rest()
    assert heard.count(b"+OK") == 6, heard
    assert b"one\r\n.\r\n" in heard and b"two\r\n.\r\n" in heard


@pytest.mark.parametrize("sent", [b"", b"QUI", b"RETR 1\r\nQUI"])
def test_without_quit(start_proxy, sent):
    """An end without QUIT ends the session as soon as its commands are
    served; a line that was never finished is no command."""
    with FakeImap(Mailbox([b"one\r\n"])) as fake:
        proxy = start_proxy(fake.upstream_config())
        with proxy.plain() as c:
            c.login("a", "b")
            c.send(sent)
            began = time.monotonic()
            half_close(c)
            assert c.at_end() or sent.startswith(b"RETR")
            # And not after CLOSE_TIMEOUT_MS.
            assert time.monotonic() - began < 4.5
        wait_until(lambda: by_state(proxy)["transaction"] == 0, 3,
                   "the end of the session")
        assert not [line for line in fake.seen if b"STORE" in line]


def test_who_reads_nothing_holds_up_nobody(start_proxy):
    """DEC-17: clients that half-close and take nothing are let go of when the
    sessions are ended: each has 5 s (CLOSE_TIMEOUT_MS) to take what is left.
    """
    sizes = [3000, 5000, 8000]
    line = b"z" * 78 + b"\r\n"
    with FakeImap(Mailbox([line * (n // len(line)) for n in sizes])) as fake, \
            contextlib.ExitStack() as clients:
        proxy = start_proxy(fake.upstream_config(),
                            {"limits": {"drain_timeout": "1 s"}})
        for n in range(len(sizes)):
            c = clients.enter_context(proxy.plain())
            c.login(f"user{n}", "x")
            # More than the kernel holds, in commands that we read at once.
            c.send(b"RETR %d\r\n" % (n + 1) * 1500)
            half_close(c)
        wait_until(lambda: is_still(fake), 30, "a standstill")
        assert by_state(proxy)["transaction"] == len(sizes)
        proxy.signal(signal.SIGTERM)
        wait_until(lambda: by_state(proxy)["closing"] > 0, 5,
                   "sessions that wait for their clients")
        assert proxy.wait(14) == 0


def is_still(fake):
    """Whether the server hears nothing for a while."""
    before = len(fake.seen)
    time.sleep(0.5)
    return len(fake.seen) == before


class Halting(Mailbox):
    """A message comes in two halves, when it is told so: the first half is
    answered by a reset, the second finds the connection broken."""

    def __init__(self, messages):
        super().__init__(messages)
        self.may_go_on = [threading.Event(), threading.Event()]

    def answer(self, peer, verb, command):
        if verb != b"UID FETCH" or b"BODY" not in command:
            super().answer(peer, verb, command)
            return
        (body,) = self.messages.values()
        whole = b"* 1 FETCH (UID 1 BODY[] {%d}\r\n" % len(body) + body + b")\r\n"
        for told, half in zip(self.may_go_on, (whole[:15000], whole[15000:])):
            told.wait(60)
            peer.send(half)


def was_sent(proxy):
    return samples(proxy.http("/metrics"))[
        'popinjay_sent_bytes_total{side="client"}']


@pytest.mark.parametrize("listener", ["plain", "pop3s"])
def test_who_died_loses_nothing(start_proxy, listener):
    """DEC-14, POP-22: RETR, DELE and QUIT in one write, and then the client is
    no more: its connection ends like a half-closed one, but the message that it
    could not take must stay."""
    mailbox = Halting([b"Subject: x\r\n\r\n" + b"y" * 30000 + b"\r\n"])
    with FakeImap(mailbox) as fake:
        proxy = start_proxy(fake.upstream_config())
        c = getattr(proxy, listener)()
        c.login("a", "b")
        c.send(b"RETR 1\r\nDELE 1\r\nQUIT\r\n")
        wait_until(lambda: any(b"BODY" in line for line in fake.seen), 10,
                   "RETR")
        c.socket.close()
        mailbox.may_go_on[0].set()
        wait_until(lambda: was_sent(proxy) > 10000, 10, "the first half")
        mailbox.may_go_on[1].set()
        wait_until(lambda: proxy.status()["sessions"]["active"] == 0, 20,
                   "the end of the session")
        assert not [line for line in fake.seen if b"STORE" in line], fake.seen
    assert len(mailbox.messages) == 1
