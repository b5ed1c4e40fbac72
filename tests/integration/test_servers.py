"""The promises, kept before every IMAP server that Debian has.

The rest of the suite runs before one server (see conftest.py); this file
always runs before all of them, each in a root of its own (support/roots.py).
"""

import contextlib
import datetime
import imaplib
import importlib
import re

import pytest

from support import mail
from support.certificates import Authority
from support.pop3client import Pop3Client, unstuff
from support.popinjay import Popinjay
from support.ports import LOOPBACK, free_port

SERVERS = {"dovecot": ("support.dovecot", "Dovecot"),
           "cyrus": ("support.cyrus", "Cyrus"),
           "courier": ("support.courier", "Courier"),
           "mailutils": ("support.mailutils", "Mailutils"),
           "bare": ("upstream.stand_in", "Bare")}
SAMPLE = mail.sample(attachment_size=300_000)
# What a server may refuse to store, since RFC 3501 lets it: a lone CR or LF.
REFUSABLE = {"bare-lf", "mixed-ends", "bare-cr"}


@pytest.fixture(scope="module", params=SERVERS)
def upstream(request):
    module, name = SERVERS[request.param]
    with getattr(importlib.import_module(module), name)() as running:
        yield running


@pytest.fixture(scope="module")
def front(upstream, tmp_path_factory):
    """popinjay before |upstream|."""
    folder = tmp_path_factory.mktemp(upstream.name)
    proxy = Popinjay(folder, Authority(folder / "ca"),
                     upstream.upstream_config(), upstream.settings)
    try:
        proxy.start()
        yield proxy
        proxy.stop()
    finally:
        proxy.kill()


@pytest.fixture(autouse=True)
def logs(upstream, front):
    """What both said during a test; pytest shows it when the test failed."""
    before = len(upstream.log()), len(front.log())
    yield
    print(upstream.log()[before[0]:], front.log()[before[1]:], sep="\n")


@pytest.fixture
def account(upstream):
    return upstream.new_user()


@pytest.fixture(scope="module")
def awkward(upstream):
    """An account with all of the sample that the server agrees to hold."""
    account = upstream.new_user()
    for name, octets in SAMPLE.items():
        try:
            upstream.deliver(account, [octets])
        except imaplib.IMAP4.error:
            assert name in REFUSABLE, name
    return account


def messages(count):
    return [mail.message(f"m{n}", b"body %d\r\n" % n)
            for n in range(1, count + 1)]


def change(upstream, account, *commands):
    """What another client does meanwhile: ("STORE", ...) or ("EXPUNGE",)."""
    m = upstream.imap(account)
    m.select()
    for verb, *arguments in commands:
        if verb == "STORE":
            m.uid("STORE", *arguments)
        else:
            m.expunge()
    m.logout()         # not CLOSE, which would expunge


def flagged(upstream, account):
    m = upstream.imap(account)
    m.select(readonly=True)
    _, answer = m.uid("SEARCH", "DELETED")
    m.logout()
    return [int(n) for n in answer[0].split()]


def login(front, upstream, account):
    return front.login(account, upstream.password(account))


def test_login(front, upstream, account):
    """MAP-1: the right password is let in, over POP3S and over STLS."""
    for tls in ("implicit", "stls"):
        with front.pop3s() if tls == "implicit" else front.pop3() as c:
            if tls == "stls":
                c.stls()
            c.login(account, upstream.password(account))
            assert c.ok("STAT").startswith(b"+OK 0 0")
            c.quit()


def test_wrong_password(front, account):
    """MAP-1: a wrong password is [AUTH], whatever words the server has."""
    with front.pop3s() as c:
        c.ok(f"USER {account}")
        assert b"[AUTH]" in c.err("PASS not the one")


@pytest.mark.parametrize("password", ['quo"te', "back\\slash", "sp ace {5}",
                                      "päßwörd", "%&*()"])
def test_awkward_passwords(front, upstream, password):
    """IMAP-14, UTF-8 passwords: they reach the server whole."""
    account = upstream.new_user(password)
    with front.login(account, password) as c:
        c.quit()


def test_starttls(upstream, account, tmp_path):
    """TLS: the upstream reached by STARTTLS instead of its TLS port."""
    proxy = Popinjay(tmp_path, Authority(tmp_path / "ca"),
                     upstream.upstream_config("starttls"))
    try:
        proxy.start()
        upstream.deliver(account, messages(1))
        with login(proxy, upstream, account) as c:
            assert b"Subject: m1" in c.retr(1)
            c.quit()
        proxy.stop()
    finally:
        proxy.kill()


def test_retr_is_exact(front, upstream, awkward):
    """DEC-9, POP-8, POP-15: RETR equals BODY.PEEK[] after the transform."""
    held = upstream.held(awkward)
    assert len(held) >= len(SAMPLE) - len(REFUSABLE)
    with login(front, upstream, awkward) as c:
        for n, uid in enumerate(sorted(held), 1):
            assert c.retr(n) == mail.as_retrieved(held[uid]), held[uid][:80]
        c.quit()


def test_listings(front, upstream, awkward):
    """POP-31, DEC-8: STAT and LIST give what the server says of sizes, UIDL
    an id for each."""
    m = upstream.imap(awkward)
    m.select(readonly=True)
    _, answer = m.uid("FETCH", "1:*", "(RFC822.SIZE)")
    m.logout()
    sizes = [int(line.split(b"RFC822.SIZE ")[1].split(b")")[0].split()[0])
             for line in answer]
    with login(front, upstream, awkward) as c:
        assert c.ok("STAT").split()[1:3] == [b"%d" % len(sizes),
                                             b"%d" % sum(sizes)]
        assert [int(row.split()[1]) for row in c.listing("LIST")] == sizes
        ids = [row.split()[1] for row in c.listing("UIDL")]
        assert len(set(ids)) == len(sizes)
        c.quit()


@pytest.mark.parametrize("lines", [0, 2, 1_000_000])
def test_top(front, upstream, awkward, lines):
    """DEC-11: the header, the blank line and so many lines."""
    held = upstream.held(awkward)
    with login(front, upstream, awkward) as c:
        for n, uid in enumerate(sorted(held), 1):
            got = unstuff(c.multi(f"TOP {n} {lines}"))
            assert got == mail.top_of(held[uid], lines), held[uid][:80]
        c.quit()


def test_quit_removes_the_marked(front, upstream, account):
    """POP-20, POP-21: those, and no others."""
    upstream.deliver(account, messages(9))
    uids = upstream.uids(account)
    with login(front, upstream, account) as c:
        for n in (2, 3, 7):
            c.ok(f"DELE {n}")
        c.ok("NOOP")
        assert upstream.uids(account) == uids
        c.quit()
    assert upstream.uids(account) == [
        uid for n, uid in enumerate(uids, 1) if n not in (2, 3, 7)]


def test_foreign_flag_is_left_alone(front, upstream, account):
    """DEC-2, DEC-6, POP-21: what another client had flagged \\Deleted is not
    listed, and survives. Without UIDPLUS EXPUNGE would take it along: nothing
    is removed then, ours stays flagged, and QUIT says so."""
    upstream.deliver(account, messages(4))
    uids = upstream.uids(account)
    change(upstream, account,
           ("STORE", str(uids[1]), "+FLAGS", "(\\Deleted)"))
    with login(front, upstream, account) as c:
        assert len(c.listing("LIST")) == 3
        assert b"Subject: m3" in c.retr(2)
        c.ok("DELE 1")
        if "UIDPLUS" in upstream.features:
            c.quit()
            assert upstream.uids(account) == uids[1:]
            assert flagged(upstream, account) == [uids[1]]
        else:
            assert b"[SYS/PERM]" in c.err("QUIT")
            assert upstream.uids(account) == uids
            assert flagged(upstream, account) == uids[:2]


def test_flagged_meanwhile(front, upstream, account):
    """POP-21: flagged by another during the session, it survives as well, and
    the reply to QUIT tells the truth about ours."""
    upstream.deliver(account, messages(4))
    uids = upstream.uids(account)
    with login(front, upstream, account) as c:
        c.ok("DELE 1")
        change(upstream, account,
               ("STORE", str(uids[2]), "+FLAGS", "(\\Deleted)"))
        removed = c.command("QUIT").startswith(b"+OK")
    assert upstream.uids(account) == uids[1 if removed else 0:]
    assert uids[2] in flagged(upstream, account)
    assert removed or "UIDPLUS" not in upstream.features


@pytest.mark.parametrize("end", ["close", "reset"])
def test_dropped_connection(front, upstream, account, end):
    """POP-22: a client that vanishes after DELE has removed nothing."""
    upstream.deliver(account, messages(3))
    held = upstream.held(account)
    c = login(front, upstream, account)
    c.ok("DELE 1")
    c.ok("DELE 3")
    c.retr(2)
    c.close() if end == "close" else c.abort()
    front.login_when_free(account, upstream.password(account)).close()
    assert upstream.held(account) == held
    assert flagged(upstream, account) == []


def test_expunged_meanwhile(front, upstream, account):
    """DEC-14, IMAP-25: -ERR for that message, or all of it where the server
    keeps it for open sessions (RFC 2180 §4.1.1); the session goes on."""
    upstream.deliver(account, messages(3))
    held = upstream.held(account)
    uids = sorted(held)
    with login(front, upstream, account) as c:
        change(upstream, account,
               ("STORE", str(uids[1]), "+FLAGS", "(\\Deleted)"), ("EXPUNGE",))
        if c.command("RETR 2").startswith(b"+OK"):
            assert unstuff(c.lines()) == mail.as_retrieved(held[uids[1]])
        assert b"Subject: m3" in c.retr(3)
        c.ok("DELE 3")
        c.quit()
    assert upstream.uids(account) == [uids[0]]


def test_unique_ids_hold_still(front, upstream, account, tmp_path):
    """Promise 3: over sessions, deletions, new mail and another proxy."""
    upstream.deliver(account, messages(4))
    with login(front, upstream, account) as c:
        first = dict(row.split()[::-1] for row in c.listing("UIDL"))
        c.ok("DELE 2")
        c.quit()
    upstream.deliver(account, messages(1))
    gone = next(i for i, n in first.items() if n == "2")
    with login(front, upstream, account) as c:
        second = [row.split()[1] for row in c.listing("UIDL")]
        c.quit()
    assert second[:3] == [i for i in first if i != gone]
    assert len(second) == 4 and second[3] not in first
    other = Popinjay(tmp_path, Authority(tmp_path / "ca"),
                     upstream.upstream_config())
    try:
        other.start()
        with login(other, upstream, account) as c:
            assert [r.split()[1] for r in c.listing("UIDL")] == second
            c.quit()
        other.stop()
    finally:
        other.kill()


def test_seen_is_noted(front, upstream, account):
    """DEC-3: \\Seen for what was delivered whole, once QUIT is reached."""
    upstream.deliver(account, messages(2))
    uids = upstream.uids(account)
    with login(front, upstream, account) as c:
        c.retr(2)
        c.quit()
    m = upstream.imap(account)
    m.select(readonly=True)
    _, answer = m.uid("SEARCH", "SEEN")
    m.logout()
    assert answer[0].split() == [b"%d" % uids[1]]


def with_policy(upstream, tmp_path, **policy):
    """A proxy of the test's own, which must be stopped."""
    return Popinjay(tmp_path, Authority(tmp_path / "ca"),
                    upstream.upstream_config(), {"policy": policy})


def create_mailbox(upstream, account, leaf):
    """Its name: some servers have all mailboxes below INBOX."""
    m = upstream.imap(account)
    try:
        for name in (leaf, f"INBOX.{leaf}", f"INBOX/{leaf}"):
            if m.create(name)[0] == "OK":
                return name
    finally:
        m.logout()
    raise AssertionError("the server makes no mailbox")


def bodies(upstream, account, mailbox):
    m = upstream.imap(account)
    assert m.select(mailbox, readonly=True)[0] == "OK"
    _, answer = m.uid("FETCH", "1:*", "(BODY.PEEK[])")
    m.logout()
    return [part[1] for part in answer if isinstance(part, tuple)]


@pytest.mark.parametrize("upstream", [s for s in SERVERS if s != "bare"], indirect=True)
def test_delete_to_trash(upstream, account, tmp_path):
    """DEC-25, IEXT-8: what is marked is in the trash, octet for octet, and in
    INBOX no more; by MOVE or by COPY, as the server has it."""
    sent = messages(4)
    upstream.deliver(account, sent)
    trash = create_mailbox(upstream, account, "Bin")
    proxy = with_policy(upstream, tmp_path, on_delete="trash",
                        trash_mailbox=trash)
    try:
        proxy.start()
        with login(proxy, upstream, account) as c:
            c.ok("DELE 2")
            c.ok("DELE 4")
            c.quit()
        proxy.stop()
    finally:
        proxy.kill()
    assert bodies(upstream, account, trash) == [sent[1], sent[3]]
    assert bodies(upstream, account, "INBOX") == [sent[0], sent[2]]


def test_delete_as_seen(upstream, account, tmp_path):
    """Flagged, and nothing else: all is there the next time."""
    upstream.deliver(account, messages(2))
    uids = upstream.uids(account)
    proxy = with_policy(upstream, tmp_path, on_delete="seen")
    try:
        proxy.start()
        with login(proxy, upstream, account) as c:
            c.ok("DELE 1")
            c.quit()
        with login(proxy, upstream, account) as c:
            assert len(c.listing("LIST")) == 2
            c.quit()
        proxy.stop()
    finally:
        proxy.kill()
    m = upstream.imap(account)
    m.select(readonly=True)
    _, answer = m.uid("SEARCH", "SEEN")
    m.logout()
    assert [int(n) for n in answer[0].split()] == uids[:1]
    assert flagged(upstream, account) == []


def test_delete_and_keep(upstream, account, tmp_path):
    """Hidden from this user, there for all others; or, where the server takes
    no keywords, DELE is refused."""
    sent = messages(3)
    upstream.deliver(account, sent)
    proxy = with_policy(upstream, tmp_path, on_delete="keep")
    try:
        proxy.start()
        with login(proxy, upstream, account) as c:
            kept = c.command("DELE 2").startswith(b"+OK")
            c.quit()
        with login(proxy, upstream, account) as c:
            left = [sent[0], sent[2]] if kept else sent
            assert [c.retr(n + 1) for n in range(len(left))] == [
                mail.as_retrieved(body) for body in left]
            c.quit()
        proxy.stop()
    finally:
        proxy.kill()
    assert bodies(upstream, account, "INBOX") == sent
    assert kept == ("KEYWORDS" in upstream.features)


def test_server_gone(upstream, tmp_path):
    """MAP-9: a server that is away is [SYS/TEMP], never [AUTH]; and all is
    well when it is back."""
    account = upstream.new_user()
    upstream.deliver(account, messages(1))
    proxy = Popinjay(tmp_path, Authority(tmp_path / "ca"),
                     upstream.upstream_config(),
                     {"limits": {"upstream_timeout": "5 s"}})
    try:
        proxy.start()
        upstream.halt()
        try:
            with proxy.pop3s() as c:
                c.ok(f"USER {account}")
                assert b"[SYS/TEMP]" in c.err("PASS secret")
        finally:
            upstream.resume()
        with login(proxy, upstream, account) as c:
            assert b"Subject: m1" in c.retr(1)
            c.quit()
        proxy.stop()
    finally:
        proxy.kill()


# --- the window: what a policy shows -------------------------------------------------

WINDOWS = {
    "newest": {"newest": "2"},
    "small": {"max_message_size": "2 KB"},
    "recent": {"newer_than": "30"},
    "unread": {"unread_only": "yes"},
    "chosen": {"only_keyword": "PjScan"},
    "several": {"newest": "2", "max_message_size": "2 KB", "newer_than": "30",
                "unread_only": "yes"},
}
# The same of a mailbox that is not listed for it.
WINDOWS.update({f"{name}-alone": {**policy, "list_whole": "0"}
                for name, policy in WINDOWS.items()
                if set(policy) != {"max_message_size"}})
# Octets of the body, days of age, flags.
VARIOUS = [(100, 400, ""), (5000, 1, "PjScan"), (100, 2, "\\Seen"),
           (100, 3, "PjScan"), (100, 100, "\\Seen PjScan"), (100, 1, ""),
           (100, 0, "")]


# The stand-in knows no dates.
DATED = pytest.mark.parametrize(
    "upstream", [name for name in SERVERS if name != "bare"], indirect=True)


@pytest.fixture(scope="module")
def windows(upstream, tmp_path_factory):
    """popinjay, with a listener for each of WINDOWS: {name: its port}."""
    folder = tmp_path_factory.mktemp(f"{upstream.name}.windows")
    ports = {name: free_port() for name in WINDOWS}
    settings = {section: dict(keys)
                for section, keys in upstream.settings.items()}
    for name, policy in WINDOWS.items():
        settings[f"listen {name}"] = {
            "address": f"{LOOPBACK}:{ports[name]}", "tls": "none",
            "allow_plaintext_login": "yes"}
        settings[f"upstream {name}"] = {
            **upstream.upstream_config(), "listeners": name, "policy": name}
        settings[f"policy {name}"] = policy
    proxy = Popinjay(folder, Authority(folder / "ca"),
                     upstream.upstream_config(), settings)
    try:
        proxy.start()
        yield ports
        proxy.stop()
    finally:
        proxy.kill()


def facts(upstream, account):
    """{uid: (size, age in days, flags)} as the server tells them."""
    m = upstream.imap(account)
    m.select(readonly=True)
    _, answer = m.uid("FETCH", "1:*", "(UID FLAGS INTERNALDATE RFC822.SIZE)")
    m.logout()
    today = datetime.datetime.now(datetime.timezone.utc)
    found = {}
    for line in answer:
        if b"UID" not in line:
            continue
        date = re.search(rb'INTERNALDATE "([^"]*)"', line)[1].decode().strip()
        came = datetime.datetime.strptime(date, "%d-%b-%Y %H:%M:%S %z")
        found[int(re.search(rb"UID (\d+)", line)[1])] = (
            int(re.search(rb"RFC822.SIZE (\d+)", line)[1]), (today - came).days,
            set(re.search(rb"FLAGS \(([^)]*)\)", line)[1].decode().split())
            - {"\\Recent"})
    return found


def shown(policy, held):
    """The UIDs that |policy| shows of what facts() found."""
    limit = 2048 if "max_message_size" in policy else 1 << 40
    days = int(policy.get("newer_than", 100_000))
    left = [uid for uid, (size, age, flags) in sorted(held.items())
            if size <= limit and age < days
            and ("unread_only" not in policy or "\\Seen" not in flags)
            and ("only_keyword" not in policy or "PjScan" in flags)]
    return left[-int(policy.get("newest", len(left) or 1)):]


@pytest.fixture(scope="module")
def various(upstream):
    """An account that holds VARIOUS, as far as the server can."""
    account = upstream.new_user()
    m = upstream.imap(account)
    now = datetime.datetime.now(datetime.timezone.utc)
    for n, (size, age, flags) in enumerate(VARIOUS, 1):
        m.append("INBOX", None, now - datetime.timedelta(days=age),
                 mail.message(f"m{n}", b"x" * 70 + b"\r\n" + b"y" * size))
        m.select()
        for flag in flags.split():
            # Mailutils holds no keywords, and has none to show then.
            with contextlib.suppress(imaplib.IMAP4.error):
                m.store(str(n), "+FLAGS", f"({flag})")
    m.logout()
    return account


@DATED
@pytest.mark.parametrize("name", WINDOWS)
def test_window(upstream, windows, various, name):
    """DEC-1, POP-27: a session shows what the server's own words of its
    messages make of the policy."""
    held = facts(upstream, various)
    expected = shown(WINDOWS[name], held)
    assert len(held) == len(VARIOUS) > len(expected)
    with Pop3Client(windows[name]) as c:
        c.login(various, upstream.password(various))
        rows = [row.split() for row in c.listing("UIDL")]
        assert [int(unique.split(".")[1]) for _, unique in rows] == expected
        assert [row.split() for row in c.listing("LIST")] == [
            [number, str(held[uid][0])]
            for (number, _), uid in zip(rows, expected)]
        assert c.command(f"RETR {len(rows) + 1}").startswith(b"-ERR")
        c.quit()


@DATED
def test_window_hides_for_good(upstream, windows, various):
    """POP-21, DEC-3: what is hidden is as it was after a session that has
    retrieved and removed what is shown, and has the same unique-id."""
    before = facts(upstream, various)
    expected = shown(WINDOWS["unread"], before)
    with Pop3Client(windows["unread"]) as c:
        c.login(various, upstream.password(various))
        c.ok("DELE 1")
        for n in range(2, len(expected) + 1):
            c.retr(n)
        c.quit()
    after = facts(upstream, various)
    hidden = set(before) - set(expected)
    assert set(after) == hidden | set(expected[1:])
    assert {uid: after[uid][::2] for uid in hidden} == {
        uid: before[uid][::2] for uid in hidden}
    assert all("\\Seen" in after[uid][2] for uid in expected[1:])
    with Pop3Client(windows["unread"]) as c:
        c.login(various, upstream.password(various))
        assert c.ok("STAT").startswith(b"+OK 0 0")
        c.quit()
