"""Which mailboxes of a user are the maildrop: another than INBOX, several merged,
one that the login names. And that nothing is done in the wrong one."""

import re

import pytest

from support import mail
from support.fake_imap import FakeImap, Mailbox

BOTH = ["alpha", "beta"]


def folder(server, name):
    """The name of a mailbox as that server has it."""
    return f"INBOX.{name}" if server.name == "courier" else name


def quoted(name):
    return f'"{name}"'


def fill(server, user, mailbox, subjects):
    """Messages with these subjects in |mailbox|, which is made unless it is
    INBOX."""
    m = server.imap(user)
    if mailbox != "INBOX":
        assert m.create(quoted(mailbox))[0] == "OK"
        m.subscribe(quoted(mailbox))
    for subject in subjects:
        octets = mail.message(subject, f"this is {subject}\r\n".encode())
        assert m.append(quoted(mailbox), None, None, octets)[0] == "OK"
    m.logout()


def subjects(server, user, mailbox):
    """What is in |mailbox| now."""
    m = server.imap(user)
    m.select(quoted(mailbox), readonly=True)
    _, answer = m.uid("FETCH", "1:*", "(BODY.PEEK[])")
    m.logout()
    return [re.search(rb"Subject: (\S+)", part[1])[1].decode()
            for part in answer if isinstance(part, tuple)]


def flags(server, user, mailbox):
    m = server.imap(user)
    m.select(quoted(mailbox), readonly=True)
    _, answer = m.uid("FETCH", "1:*", "(FLAGS)")
    m.logout()
    return [b"\\Seen" in line for line in answer if line]


def subject(octets):
    return re.search(rb"Subject: (\S+)", octets)[1].decode()


def unique_ids(client):
    return [line.split(" ")[1] for line in client.listing("UIDL")]


@pytest.fixture
def reports(server):
    return folder(server, "Reports")


@pytest.fixture
def merged(server, user, reports, start_proxy):
    """A proxy that shows INBOX and Reports, with two messages in each."""
    fill(server, user, "INBOX", ["i1", "i2"])
    fill(server, user, reports, ["r1", "r2"])
    return start_proxy(server.upstream_config(),
                       {"policy": {"mailboxes": f"INBOX, {reports}"},
                        **server.settings})


def test_another(server, user, reports, start_proxy):
    """mailboxes = Reports: that one is read and changed, INBOX is not."""
    fill(server, user, "INBOX", ["i1"])
    fill(server, user, reports, ["r1", "r2"])
    proxy = start_proxy(server.upstream_config(),
                        {"policy": {"mailboxes": reports}, **server.settings})
    with proxy.login(user, server.password(user)) as c:
        assert c.ok("STAT").startswith(b"+OK 2 ")
        assert subject(c.retr(1)) == "r1"
        c.ok("DELE 1")
        c.quit()
    assert subjects(server, user, "INBOX") == ["i1"]
    assert subjects(server, user, reports) == ["r2"]


def test_merged(server, user, reports, merged):
    """Numbers go through all mailboxes; each message is read and removed where
    it is, and the others stay."""
    with merged.login(user, server.password(user)) as c:
        assert c.ok("STAT").startswith(b"+OK 4 ")
        # To and fro, pipelined, and a part of one.
        assert [subject(c.retr(n)) for n in (4, 1, 3, 2)] == [
            "r2", "i1", "r1", "i2"]
        c.send(b"RETR 1\r\nRETR 2\r\nRETR 3\r\nRETR 4\r\n")
        for expected in ("i1", "i2", "r1", "r2"):
            assert c.line().startswith(b"+OK")
            assert subject(c.lines()) == expected
        c.ok("TOP 3 0")
        assert subject(c.lines()) == "r1"
        for n in (2, 3):
            c.ok(f"DELE {n}")
        c.quit()
    assert subjects(server, user, "INBOX") == ["i1"]
    assert subjects(server, user, reports) == ["r2"]
    assert flags(server, user, "INBOX") == [True]
    assert flags(server, user, reports) == [True]


def test_unique_ids(server, user, reports, merged):
    """POP-28: they are unique over all mailboxes, and last; the mark is the
    mailbox's, so INBOX alone has the same as before."""
    seen = []
    for _ in range(2):
        with merged.login_when_free(user, server.password(user)) as c:
            seen.append(unique_ids(c))
            c.ok("DELE 2")
            c.ok("RSET")
            c.quit()
    assert seen[0] == seen[1]
    assert len(set(seen[0])) == 4
    assert ["+" in one for one in seen[0]] == [False, False, True, True]
    with merged.login_when_free(user, server.password(user)) as c:
        c.ok("DELE 1")
        c.ok("DELE 4")
        c.quit()
    with merged.login_when_free(user, server.password(user)) as c:
        assert unique_ids(c) == seen[0][1:3]
        c.quit()


def test_dropped(server, user, reports, merged):
    """POP-22: a session that breaks off removes nothing in any of them."""
    with merged.login(user, server.password(user)) as c:
        c.retr(1)
        c.retr(4)
        c.ok("DELE 1")
        c.ok("DELE 4")
    assert subjects(server, user, "INBOX") == ["i1", "i2"]
    assert subjects(server, user, reports) == ["r1", "r2"]


def test_missing(server, user, start_proxy):
    """A mailbox that is not there refuses the login, and the log names it."""
    fill(server, user, "INBOX", ["i1"])
    nowhere = folder(server, "Nowhere")
    proxy = start_proxy(server.upstream_config(),
                        {"policy": {"mailboxes": f"INBOX, {nowhere}"},
                         **server.settings})
    with proxy.pop3s() as c:
        c.ok(f"USER {user}")
        answer = c.err(f"PASS {server.password(user)}")
    assert b"[SYS/PERM]" in answer
    assert f"mailbox={nowhere}" in proxy.log()
    assert proxy.log().count("login_refused") == 1


def test_not_ascii(server, user, start_proxy):
    """Names are UTF-8 here, and modified UTF-7 on the wire."""
    name = folder(server, "Entwürfe & mehr")
    encoded = folder(server, "Entw&APw-rfe &- mehr")
    fill(server, user, encoded, ["d1"])
    proxy = start_proxy(server.upstream_config(),
                        {"policy": {"mailboxes": name}, **server.settings})
    with proxy.login(user, server.password(user)) as c:
        assert subject(c.retr(1)) == "d1"
        c.quit()


def test_plus_folder(server, user, reports, start_proxy):
    """user+Folder: that mailbox, where folders_allowed has it; the name without
    it goes to the server, and without it the maildrop is the policy's."""
    fill(server, user, "INBOX", ["i1"])
    fill(server, user, reports, ["r1"])
    fill(server, user, folder(server, "Secret"), ["s1"])
    proxy = start_proxy(server.upstream_config(),
                        {"policy": {"plus_folder": "yes",
                                    "folders_allowed": f"{reports[:-2]}*"},
                         **server.settings})
    password = server.password(user)
    with proxy.login(f"{user}+{reports}", password) as c:
        assert subject(c.retr(1)) == "r1"
        c.ok("DELE 1")
        c.quit()
    assert subjects(server, user, reports) == []
    with proxy.login_when_free(user, password) as c:
        assert subject(c.retr(1)) == "i1"
        c.quit()
    with proxy.pop3s() as c:
        c.ok(f"USER {user}+{folder(server, 'Secret')}")
        assert b"[SYS/PERM]" in c.err(f"PASS {password}")
        c.ok(f"USER {user}+{reports}")
        assert b"[AUTH]" in c.err("PASS wrong")
    assert "folders_allowed" in proxy.log()


@pytest.mark.proxys_own
def test_plus_folder_is_no_way_round(server, user, start_proxy):
    """A password cannot be guessed under one folder after the other."""
    proxy = start_proxy(server.upstream_config(),
                        {**server.settings, "policy": {"plus_folder": "yes"},
                         "limits": {**server.settings.get("limits", {}),
                                    "login_failures": "3",
                                    "auth_failure_delay": "0 s"}})
    for name in ("a", "b", "c"):
        with proxy.pop3s() as c:
            c.ok(f"USER {user}+{name}")
            assert b"[AUTH]" in c.err("PASS wrong")
    assert " login_blocked " in proxy.log()


@pytest.mark.parametrize("plus_folder, said", [
    ("no", [b'LOGIN "anna+Work@example.com"', b"SELECT INBOX"]),
    ("yes", [b'LOGIN "anna@example.com"', b'SELECT "Work"'])])
def test_plus_is_a_name(start_proxy, plus_folder, said):
    """Without plus_folder it is a part of the name, as any other character."""
    with FakeImap(Mailbox([])) as fake:
        proxy = start_proxy(fake.upstream_config(),
                            {"policy": {"plus_folder": plus_folder}})
        with proxy.login("anna+Work@example.com", "x") as c:
            c.quit()
        commands = [line.partition(b" ")[2] for line in fake.seen]
    for wanted in said:
        assert any(c.startswith(wanted) for c in commands), commands
