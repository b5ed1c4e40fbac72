"""What DELE means: removed, moved to the trash, flagged, kept out of sight."""

import signal

import pytest

from support import mail
from support.dovecot import Dovecot
from support.popinjay import write_config
from support.ports import wait_until

TRASH = "Gel&APY-scht"      # "Gelöscht", as IMAP has names
SPECIAL_USE = """
namespace inbox {
  mailbox "Gelöscht" {
    special_use = \\Trash
  }
}
"""


@pytest.fixture(scope="module")
def dovecot():
    with Dovecot(SPECIAL_USE) as running:
        yield running


@pytest.fixture
def account(dovecot):
    return dovecot.new_user()


@pytest.fixture
def start(dovecot, start_proxy):
    """start(on_delete, ...): a proxy with that policy."""
    def started(on_delete, **policy):
        return start_proxy(dovecot.upstream_config(),
                           {"policy": {"on_delete": on_delete, **policy}})
    return started


def messages(count):
    return [mail.message(f"m{n}", b"body %d\r\n" % n)
            for n in range(1, count + 1)]


def create_trash(dovecot, account, name=TRASH):
    m = dovecot.imap(account)
    assert m.create(name)[0] == "OK"
    m.logout()


def bodies(dovecot, account, mailbox):
    """The messages of a mailbox, in the order in which they came."""
    m = dovecot.imap(account)
    assert m.select(f'"{mailbox}"', readonly=True)[0] == "OK"
    _, answer = m.uid("FETCH", "1:*", "(BODY.PEEK[])")
    m.logout()
    return [part[1] for part in answer if isinstance(part, tuple)]


def flags(dovecot, account):
    """{uid: its flags} of INBOX."""
    m = dovecot.imap(account)
    m.select(readonly=True)
    _, answer = m.uid("FETCH", "1:*", "(UID FLAGS)")
    m.logout()
    found = {}
    for line in answer:
        text = line.decode()
        uid = int(text.split("UID ")[1].split(" ")[0].rstrip(")"))
        inside = text.split("FLAGS (")[1].split(")")[0]
        found[uid] = set(inside.split()) - {"\\Recent"}
    return found


def delete(proxy, dovecot, account, *numbers):
    with proxy.login(account, dovecot.password(account)) as c:
        for n in numbers:
            c.ok(f"DELE {n}")
        c.quit()


def expect_count(proxy, word, policy, count):
    """In the log, on the status page's JSON, and as a metric."""
    wait_until(lambda: f"{word}={count}" in proxy.log(), 10, word)
    assert proxy.status()["messages"][word] == count
    assert (f'popinjay_messages_spared_total{{on_delete="{policy}"}} {count}\n'
            in proxy.http("/metrics"))


@pytest.mark.parametrize("policy", [{}, {"trash_mailbox": "Gelöscht"},
                                    {"trash_mailbox": "Old & new"}])
def test_trash(start, dovecot, account, policy):
    """DEC-25: moved, octet for octet, to the mailbox that the server marks or
    the policy names; INBOX keeps the others; the next session sees no more."""
    sent = messages(4)
    dovecot.deliver(account, sent)
    name = TRASH if policy != {"trash_mailbox": "Old & new"} else "Old &- new"
    create_trash(dovecot, account, f'"{name}"')
    proxy = start("trash", **policy)
    delete(proxy, dovecot, account, 2, 3)
    assert bodies(dovecot, account, name) == sent[1:3]
    assert bodies(dovecot, account, "INBOX") == [sent[0], sent[3]]
    with proxy.login(account, dovecot.password(account)) as c:
        assert len(c.listing("LIST")) == 2
        c.quit()
    expect_count(proxy, "moved", "trash", 2)


@pytest.mark.parametrize("policy", [{}, {"trash_mailbox": "Nowhere"}])
def test_no_trash(start, dovecot, account, policy):
    """DEC-25: without such a mailbox DELE is refused, and the log says so."""
    dovecot.deliver(account, messages(1))
    proxy = start("trash", **policy)
    with proxy.login(account, dovecot.password(account)) as c:
        assert c.err("DELE 1").startswith(b"-ERR [SYS/PERM]")
        c.quit()
    assert len(dovecot.uids(account)) == 1
    assert " warning no_removal " in proxy.log()
    assert "reason=no_trash" in proxy.log()


def test_trash_is_gone_meanwhile(start, dovecot, account):
    """MAP-12: NO [TRYCREATE] at QUIT is -ERR, and nothing is removed."""
    dovecot.deliver(account, messages(2))
    create_trash(dovecot, account)
    proxy = start("trash")
    with proxy.login(account, dovecot.password(account)) as c:
        c.ok("DELE 1")
        m = dovecot.imap(account)
        assert m.delete(TRASH)[0] == "OK"
        m.logout()
        assert c.err("QUIT").startswith(b"-ERR [SYS/PERM]")
    assert len(dovecot.uids(account)) == 2
    assert not any(flags(dovecot, account).values())


def test_seen(start, dovecot, account):
    """Flagged \\Seen, and no more: never \\Deleted, and listed again."""
    dovecot.deliver(account, messages(3))
    uids = dovecot.uids(account)
    proxy = start("seen", mark_seen="no")
    with proxy.login(account, dovecot.password(account)) as c:
        c.retr(1)
        c.ok("DELE 2")
        c.quit()
    assert flags(dovecot, account) == {uids[0]: set(), uids[1]: {"\\Seen"},
                                       uids[2]: set()}
    with proxy.login(account, dovecot.password(account)) as c:
        assert len(c.listing("LIST")) == 3
        c.quit()
    expect_count(proxy, "flagged", "seen", 1)


def test_keep(start, dovecot, account):
    """Hidden from this user for good, by nothing but a keyword on the server;
    all is there for others; a proxy with another keyword lists it."""
    sent = messages(4)
    dovecot.deliver(account, sent)
    uids = dovecot.uids(account)
    keyword = f"$PopinjayKept-{account}"
    proxy = start("keep")
    with proxy.login(account, dovecot.password(account)) as c:
        first = [row.split()[1] for row in c.listing("UIDL")]
        c.retr(1)
        c.ok("DELE 1")
        c.ok("DELE 3")
        c.quit()
    assert flags(dovecot, account) == {
        uids[0]: {"\\Seen", keyword}, uids[1]: set(), uids[2]: {keyword},
        uids[3]: set()}
    dovecot.deliver(account, messages(1))
    for _ in range(2):                  # also from what is known by then
        with proxy.login(account, dovecot.password(account)) as c:
            left = [row.split()[1] for row in c.listing("UIDL")]
            assert left[:2] == [first[1], first[3]] and len(left) == 3
            assert c.retr(2) == mail.as_retrieved(sent[3])
            c.quit()
    expect_count(proxy, "kept", "keep", 2)
    proxy.stop()
    other = start("keep", keep_keyword="$Other")
    with other.login(account, dovecot.password(account)) as c:
        assert len(c.listing("UIDL")) == 5
        c.ok("DELE 5")
        c.quit()
    assert bodies(dovecot, account, "INBOX") == sent + messages(1)


def append(dovecot, account, mailbox, sent):
    m = dovecot.imap(account)
    for body in sent:
        assert m.append(mailbox, None, None, body)[0] == "OK"
    m.logout()


def test_trash_of_several_mailboxes(start, dovecot, account):
    """DEC-25: what is marked moves out of each; what lies in the trash itself
    is shown, and not moved there."""
    sent = messages(4)
    dovecot.deliver(account, sent[:2])
    create_trash(dovecot, account, "Reports")
    create_trash(dovecot, account)
    append(dovecot, account, "Reports", sent[2:])
    append(dovecot, account, TRASH, sent[:1])
    proxy = start("trash", mailboxes="INBOX, Reports, Gelöscht")
    with proxy.login(account, dovecot.password(account)) as c:
        assert len(c.listing("LIST")) == 5
        c.ok("DELE 2")
        c.ok("DELE 3")
        assert c.err("DELE 5").startswith(b"-ERR [SYS/PERM]")
        c.quit()
    assert bodies(dovecot, account, "INBOX") == sent[:1]
    assert bodies(dovecot, account, "Reports") == sent[3:]
    assert bodies(dovecot, account, TRASH) == [sent[0], sent[1], sent[2]]


def test_keep_in_a_folder(start, dovecot, account):
    """The keyword is the user's, whichever mailbox the login has named."""
    create_trash(dovecot, account, "Reports")
    append(dovecot, account, "Reports", messages(2))
    dovecot.deliver(account, messages(1))
    proxy = start("keep", plus_folder="yes", mailboxes="INBOX, Reports")
    with proxy.login(f"{account}+Reports", dovecot.password(account)) as c:
        c.ok("DELE 2")
        c.quit()
    with proxy.login(account, dovecot.password(account)) as c:
        assert len(c.listing("LIST")) == 2
        c.quit()


@pytest.mark.parametrize("first, then", [("keep", "expunge"),
                                         ("expunge", "keep")])
def test_it_means_what_it_meant_at_login(start, dovecot, account, first, then):
    """A reload between DELE and QUIT, to another meaning, other mailboxes and
    another window, is for the sessions that come."""
    dovecot.deliver(account, messages(3))
    password = dovecot.password(account)
    proxy = start(first, plus_folder="yes", newest="2")
    with proxy.login(f"{account}+INBOX", password) as c:
        c.ok("DELE 1")
        proxy.config["policy"] = {"on_delete": then, "plus_folder": "no",
                                  "mailboxes": "INBOX", "mark_seen": "no"}
        write_config(proxy.config_path, proxy.config)
        proxy.signal(signal.SIGHUP)
        wait_until(lambda: " reloaded " in proxy.log(), 10, "the reload")
        c.retr(2)
        c.quit()
    left = flags(dovecot, account)
    assert left.pop(3) == {"\\Seen"}
    if first == "keep":
        assert left.keys() == {1, 2} and any("Kept" in f for f in left[2])
        assert "\\Deleted" not in left[2]
    else:
        assert left == {1: set()}
