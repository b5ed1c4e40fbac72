"""Hostile and broken upstreams: whatever they do, no mail is lost, no +OK is
a lie, memory stays bounded, and the session beside notices nothing.

One popinjay and one scripted upstream for all. The upstream takes what it
does from the user's name once it knows it, or from the order of connections.
Shows: DEC-7, DEC-10, DEC-14, POP-20, POP-21, POP-22, MAP-9, IMAP-10, IMAP-30.
"""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.certificates import Authority
from support.popinjay import Popinjay, is_sanitized
from upstream.honest import Session
from upstream.model import Mailbox
from upstream.script import CAPABILITIES, Override, Script, Step
from upstream.server import Account, ScriptedServer

UPSTREAM_TIMEOUT = 1            # seconds, for a server that falls silent
PATIENCE = 30                   # the same where it does not: no test waits for it
SLACK = 8                       # what a busy machine may add
MESSAGES = {
    4: b"Subject: four\r\n\r\n.one\r\n..\r\n\r\n.\r\nend",
    7: b"Subject: seven\n\nbare\n.\nline ends\n",
    4294967290: b"From: a\r\nSubject: high\r\n\r\none\r\ntwo\r\n",
}
WITHOUT_UIDPLUS = CAPABILITIES.replace(" UIDPLUS", "")


class Upstream(ScriptedServer):
    """Makes an account for each name; |scripts| says what befalls it."""

    def __init__(self):
        super().__init__(Script(announce=frozenset({"greeting", "login"})))
        self.scripts = {}
        self._making = threading.Lock()

    def account(self, name):
        with self._making:
            if name not in self.accounts:
                box = Mailbox()
                for uid, body in MESSAGES.items():
                    box.add(body, uid)
                self.accounts[name] = Account("secret", box,
                                              self.scripts.get(name))
            return self.accounts[name]


class Healthy(threading.Thread):
    """The session beside: reads its mail over and over."""

    def __init__(self, proxy):
        super().__init__(daemon=True)
        self.client = proxy.plain(timeout=10)
        self.client.login("good", "secret")
        self.rounds = 0
        self.slowest = 0.0
        self.trouble = []
        self._stop_now = threading.Event()

    def run(self):
        first = self.client.retr(1)
        while not self._stop_now.wait(0.01):
            start = time.monotonic()
            try:
                if self.client.retr(1) != first:
                    self.trouble.append("another message")
            except Exception as e:
                self.trouble.append(repr(e))
                return
            self.slowest = max(self.slowest, time.monotonic() - start)
            self.rounds += 1

    def stop(self):
        """Ends it, after one more round at least."""
        end, rounds = time.monotonic() + 10, self.rounds
        while self.is_alive() and self.rounds == rounds and \
                time.monotonic() < end:
            time.sleep(0.005)
        assert self.rounds > rounds, f"it has stopped: {self.trouble}"
        self._stop_now.set()
        self.join(10)
        self.client.close()


@pytest.fixture(scope="module")
def upstream():
    with Upstream() as server:
        yield server


@pytest.fixture(scope="module")
def proxies(upstream, tmp_path_factory):
    """{upstream_timeout in seconds: a proxy}"""
    folder = tmp_path_factory.mktemp("hostile")
    made = {seconds: Popinjay(
        folder, Authority(folder),
        {"address": f"127.0.0.1:{upstream.port}", "tls": "none"},
        {"server": {"workers": "1", "log_level": "info"},
         "limits": {"upstream_timeout": f"{seconds} s",
                    # What befalls a session is planned for its connection.
                    "upstream_reuse": "0"}})
        for seconds in (UPSTREAM_TIMEOUT, PATIENCE)}
    try:
        for p in made.values():
            p.start()
        yield made
        for p in made.values():
            p.stop()
    finally:
        for p in made.values():
            p.kill()


@pytest.fixture
def proxy(proxies, request):
    """The one that waits for long, where nothing is to be waited for."""
    params = getattr(request.node, "callspec", None)
    is_silent = params and any("silence" in str(value)
                               for value in params.params.values())
    return proxies[UPSTREAM_TIMEOUT if is_silent else PATIENCE]


@pytest.fixture
def beside(proxy):
    """A healthy session on the same worker, and the proxy's memory."""
    healthy = Healthy(proxy)
    healthy.start()
    proxy.reset_peak()
    before = proxy.rss_kb()
    yield healthy
    healthy.stop()
    assert proxy.running()
    assert not healthy.trouble
    assert healthy.slowest < SLACK
    # AddressSanitizer keeps freed memory for a while.
    allowed = 300_000 if is_sanitized() else 6_000
    assert proxy.peak_rss_kb() - before < allowed


def session(proxy, upstream, user):
    box = upstream.account(user).mailbox
    return Session(proxy.plain(timeout=15), user, box).run()


def overrides(*pairs):
    """(pattern, steps...) as Overrides; a step is `verb text`."""
    out = []
    for pattern, *lines in pairs:
        steps = []
        for line in lines:
            verb, _, text = line.partition(" ")
            steps.append(Step(verb.rstrip(":"), text))
        nth = 1 if pattern.startswith("1st ") else 0
        out.append(Override(pattern.removeprefix("1st "), steps, nth))
    return out


def script(*pairs, **kw):
    return Script(overrides=overrides(*pairs),
                  announce=frozenset({"greeting", "login"}), **kw)


# --- The connection ends after every single octet ---------------------------

def count_octets(proxy, upstream, user, capabilities):
    """How many octets the upstream sends in a whole session, and by QUIT."""
    at_store = []

    class Counting(Script):
        def find(self, text, at_literal=False):
            if text.startswith(("UID STORE", "UID SEARCH")) and not at_store:
                at_store.append(upstream.octets_sent[upstream.opened])
            return None
    upstream.plan.append(Counting(capability_clear=capabilities,
                                  announce=upstream.script.announce))
    assert session(proxy, upstream, user).finished()
    upstream.wait_idle(resting=lambda: 1)       # the one beside
    return at_store[0], upstream.octets_sent[upstream.opened]


@pytest.mark.parametrize("kind, capabilities", [
    ("uidplus", CAPABILITIES), ("guarded", WITHOUT_UIDPLUS)])
def test_cut_after_every_octet(proxy, upstream, beside, kind, capabilities):
    def cut_after(n):
        return Script(capability_clear=capabilities, cut_after=n,
                      announce=upstream.script.announce)

    at_quit, whole = count_octets(proxy, upstream, f"{kind}-whole",
                                  capabilities)
    assert 400 < at_quit < whole < 3000
    finished = 0
    for n in range(whole + 1):
        upstream.plan.append(cut_after(n))
        finished += session(proxy, upstream, f"{kind}-{n}").finished()
        upstream.plan.clear()
    # Cut inside QUIT the work is finished over a new connection.
    assert finished > (whole - at_quit) // 2
    # And now the second connection breaks as well.
    for n in range(at_quit, whole + 1, 3):
        for m in range(0, whole, 97):
            upstream.plan.extend([cut_after(n), cut_after(m)])
            session(proxy, upstream, f"{kind}-{n}-{m}")
            upstream.plan.clear()


# --- BYE, a reset, garbage, silence at each step ----------------------------

BEFORE_LOGIN = ["connect", "CAPABILITY", "AUTHENTICATE"]
AFTER_LOGIN = ["ID", "SELECT", "UID FETCH 1:*", "UID FETCH 4 (*[])",
               "UID FETCH 7 (*<", "UID FETCH 4294967290 (*[])",
               "UID STORE 4", "UID STORE *\\Deleted", "UID EXPUNGE",
               "LOGOUT"]
MISCHIEF = {
    "bye": ["S: * BYE enough", "close"],
    "bye-and-silence": ["S: * BYE enough", "silence"],
    "reset": ["reset"],
    "end": ["close"],
    "garbage": ["garbage 3000", "close"],
    "tagged-no": ["S: {tag} NO no"],
    "tagged-bad": ["S: {tag} BAD no"],
    "wrong-tag": ["S: Z99 OK done", "close"],
    "silence": ["silence"],
}


@pytest.mark.parametrize("kind", MISCHIEF)
def test_mischief_at_each_step(proxy, upstream, beside, kind):
    steps = MISCHIEF[kind]
    for where in BEFORE_LOGIN:
        # No code in the greeting, so that CAPABILITY is asked. A connection
        # that fails before the password is there may be made once more.
        upstream.plan.extend([Script(overrides=overrides((where, *steps)),
                                     announce=frozenset())] * 5)
        result = session(proxy, upstream, f"{kind}-{where}")
        upstream.plan.clear()
        judge(kind, where, result)
    users = {f"{kind}-{where}": where for where in AFTER_LOGIN}
    for user, where in users.items():
        upstream.scripts[user] = script((where, *steps))
    with ThreadPoolExecutor(len(users)) as pool:
        results = pool.map(lambda u: session(proxy, upstream, u), users)
        for user, result in zip(users, results):
            judge(kind, users[user], result)


def judge(kind, where, result):
    waits = 2 if "silence" in kind else 1       # DEC-7: one more connection
    assert result.slowest < waits * UPSTREAM_TIMEOUT + SLACK, \
        (where, result.said)
    if kind in ("tagged-no", "tagged-bad"):
        return
    if where in BEFORE_LOGIN or where in ("SELECT", "UID FETCH 1:*"):
        assert result.reply("PASS secret").startswith("-ERR [SYS/TEMP]"), \
            (where, result.said)
    if where == "LOGOUT":
        assert result.finished()


# --- What a server may say that is not so -----------------------------------

BODY_4 = "UID FETCH 4 (*[])"
LIES = {
    # Literals
    "literal-short": (BODY_4, "raw * 1 FETCH (UID 4 BODY[] {500}<CR><LF>few",
                      "close"),
    "literal-longer": (BODY_4,
                       "S: * 1 FETCH (UID 4 BODY[] {5}<CR><LF>{body 4})",
                       "S: {tag} OK done"),
    **{f"literal-{n}": (BODY_4, f"raw * 1 FETCH (UID 4 BODY[] {{{n}}}<CR><LF>"
                        "Subject: x<CR><LF>", "close")
       for n in (2**32, 2**63 - 1, 2**63, 2**64, 10**40, -1, "5x", "")},
    "literal-unknown-4-gb": (BODY_4, f"raw * XFOO ({{{2**32}}}<CR><LF>"
                             "{20000000 times x}", "close"),
    "literal-unknown-2-63": (BODY_4, f"raw * XFOO {{{2**63}}}<CR><LF>",
                             "close"),
    "literal-in-select": ("SELECT", f"raw * XFOO {{{2**32}}}<CR><LF>"
                          "{20000000 times x}", "close"),
    "literal-in-listing": ("UID FETCH 1:*", "raw * 1 FETCH (UID 4 X {99999999}"
                           "<CR><LF>{20000000 times x}", "close"),
    # No end
    "line-without-end": (BODY_4, "raw * OK {20000000 times x}", "close"),
    "line-without-end-and-silence": (BODY_4, "raw * OK {200000 times x}",
                                     "silence"),
    "quoted-without-end": (BODY_4, 'raw * 1 FETCH (UID 4 BODY[] "'
                           "{20000000 times x}", "close"),
    "number-without-end": (BODY_4, "raw * {1000000 times 1}", "close"),
    "code-without-end": (BODY_4, "raw * OK [{1000000 times x}", "close"),
    "tag-without-end": (BODY_4, "raw {1000000 times A}", "close"),
    "many-lines": (BODY_4, "raw {200000 times * OK still here<CR><LF>}",
                   "model"),
    # Nesting
    "nesting": (BODY_4, "raw * XFOO {100000 times (}", "close"),
    "nesting-closed": (BODY_4, "S: * XFOO {100000 times (}{100000 times )}",
                       "model"),
    "nesting-in-fetch": (BODY_4, "S: * 1 FETCH (X {100000 times (}"
                         "{100000 times )} UID 4 BODY[] {literal 4})",
                         "S: {tag} OK done"),
    "nesting-in-code": (BODY_4, "S: * OK [X {100000 times (}] deep", "model"),
    # Numbers
    "uid-0": ("UID FETCH 1:*", "S: * 1 FETCH (UID 0 FLAGS () RFC822.SIZE 9)",
              "model"),
    "uid-2-32": ("UID FETCH 1:*",
                 "S: * 1 FETCH (UID 4294967296 FLAGS () RFC822.SIZE 9)",
                 "model"),
    "uid-huge": ("UID FETCH 1:*", "S: * 1 FETCH (UID {99 times 9} FLAGS () "
                 "RFC822.SIZE 9)", "model"),
    "uid-negative": ("UID FETCH 1:*",
                     "S: * 1 FETCH (UID -4 FLAGS () RFC822.SIZE 9)", "model"),
    "size-2-64": ("UID FETCH 1:*", "S: * 1 FETCH (UID 4 FLAGS () RFC822.SIZE "
                  f"{2**64})", "model"),
    "exists-huge": ("SELECT", f"S: * {2**40} EXISTS", "model"),
    "exists-4294967295": ("SELECT", "model without EXISTS",
                          "S: * 4294967295 EXISTS"),
    "uidvalidity-huge": ("SELECT", f"S: * OK [UIDVALIDITY {2**70}] x",
                         "model without UIDVALIDITY"),
    "expunge-huge": (BODY_4, "S: * 4294967295 EXPUNGE", "S: * 0 EXPUNGE",
                     "model"),
    # FETCH answers
    "duplicate": (BODY_4, "model twice"),
    "duplicate-listing": ("UID FETCH 1:*", "model twice"),
    "swapped": (BODY_4, "S: * 2 FETCH (BODY[] {literal 7} UID 7)",
                "S: {tag} OK done"),
    "swapped-then-right": (BODY_4, "S: * 2 FETCH (UID 7 BODY[] {literal 7})",
                           "model"),
    "missing": (BODY_4, "S: {tag} OK done"),
    "missing-in-listing": (
        "UID FETCH 1:*", "S: * 1 FETCH (UID 4 FLAGS () RFC822.SIZE 40)",
        "S: {tag} OK done"),
    "unasked": ("SELECT", "S: * 1 FETCH (UID 4 BODY[] {literal 4})", "model"),
    "unasked-at-store": (
        "1st UID STORE", "S: * 1 FETCH (UID 4 BODY[] {literal 4})", "model"),
    "two-bodies": (BODY_4, "S: * 1 FETCH (UID 4 BODY[] {literal 4} "
                   "BODY[] {literal 4})", "S: {tag} OK done"),
    "two-uids": (BODY_4, "S: * 1 FETCH (UID 4 BODY[] {literal 4} UID 7)",
                 "S: {tag} OK done"),
    "body-without-uid": (BODY_4, "S: * 1 FETCH (BODY[] {literal 4})",
                         "S: {tag} OK done"),
    "nil": (BODY_4, "S: * 1 FETCH (UID 4 BODY[] NIL)", "S: {tag} OK done"),
    "empty": (BODY_4, "S: * 1 FETCH (UID 4 BODY[] {0}<CR><LF>)",
              "S: {tag} OK done"),
    "empty-quoted": (BODY_4, 'S: * 1 FETCH (UID 4 BODY[] "")',
                     "S: {tag} OK done"),
    "body-is-a-list": (BODY_4, "S: * 1 FETCH (UID 4 BODY[] (1 2))",
                       "S: {tag} OK done"),
    "body-is-a-number": (BODY_4, "S: * 1 FETCH (UID 4 BODY[] 12)",
                         "S: {tag} OK done"),
    "other-section": (BODY_4, "S: * 1 FETCH (UID 4 BODY[HEADER] {literal 7})",
                      "S: {tag} OK done"),
    "partial-instead-of-whole": (
        BODY_4, "S: * 1 FETCH (UID 4 BODY[]<3> {literal 4<3.9>})",
        "S: {tag} OK done"),
    "window-too-long": ("UID FETCH 7 (*<", "S: * 1 FETCH (UID 7 BODY[]<0> "
                        "{70000}<CR><LF>{70000 times x})", "S: {tag} OK done"),
    "window-elsewhere": ("UID FETCH 7 (*<", "S: * 1 FETCH (UID 7 BODY[]<9> "
                         "{literal 7<9.5>})", "S: {tag} OK done"),
    # Sizes and UIDVALIDITY
    "size-too-small": ("UID FETCH 1:*", "S: * 1 FETCH (UID 4 RFC822.SIZE 1)",
                       "model"),
    "size-too-large": ("UID FETCH 1:*",
                       "S: * 1 FETCH (UID 4 RFC822.SIZE 900000000)", "model"),
    "uidvalidity-in-listing": ("UID FETCH 1:*",
                               "S: * OK [UIDVALIDITY 5] new", "model"),
    "uidvalidity-in-body": (BODY_4, "S: * OK [UIDVALIDITY 5] new", "model"),
    "uidvalidity-at-store": ("UID STORE 4", "S: * OK [UIDVALIDITY 5] new",
                             "S: {tag} OK done"),
    # Answers out of place
    "tagged-too-early": ("SELECT", "model", "S: A5 OK done", "S: A6 OK done",
                         "S: A7 OK done", "S: A8 OK done"),
    "tagged-twice": ("ID", "model", "S: {tag} OK done"),
    "plus-out-of-place": (BODY_4, "S: + go ahead", "model"),
    "capability-late": (BODY_4, "S: * CAPABILITY IMAP4rev1", "model"),
    "preauth-late": (BODY_4, "S: * PREAUTH hello", "model"),
    "nul-octets": (BODY_4, "raw {5000 times <NUL>}", "model"),
    "empty-lines": (BODY_4, "raw {5000 times <CR><LF>}", "model"),
    "bare-lf": (BODY_4, "raw * OK one<LF>* OK two<LF>", "model"),
    "search-flood": (BODY_4, "S: * SEARCH {200000 times 7 }", "model"),
}


@pytest.mark.parametrize("name", LIES)
def test_lies(proxy, upstream, beside, name):
    pattern, *steps = LIES[name]
    upstream.scripts[name] = script((pattern, *steps))
    result = session(proxy, upstream, name)
    assert result.slowest < 3 * UPSTREAM_TIMEOUT + SLACK, result.said


def test_lies_at_the_greeting(proxy, upstream, beside):
    for n, raw in enumerate((
            "{20000000 times x}", "* OK {20000000 times x}",
            f"* OK {{{2**63}}}<CR><LF>", "* OK [{100000 times (}",
            "{1000000 times <NUL>}", "+ {100000 times <CR><LF>}",
            "* OK [CAPABILITY {1000000 times X }] hello<CR><LF>")):
        upstream.plan.extend([script(("connect", f"raw {raw}", "close"))] * 5)
        result = session(proxy, upstream, f"greeting-{n}")
        upstream.plan.clear()
        assert result.reply("PASS secret").startswith("-ERR [SYS/"), \
            (raw, result.said)


def test_answers_cut_in_two_at_every_octet(proxy, upstream, beside):
    _, whole = count_octets(proxy, upstream, "split-whole", CAPABILITIES)
    for n in range(1, whole):
        upstream.plan.append(script(split_at=n))
        assert session(proxy, upstream, f"split-{n}").finished()
        upstream.plan.clear()


def test_answers_one_octet_at_a_time(proxy, upstream, beside):
    upstream.plan.append(script(octet_by_octet=True))
    assert session(proxy, upstream, "octets").finished()


def test_nothing_was_said_out_of_order(upstream):
    """The strict half of the server looked on all the time; runs last."""
    assert upstream.violations == []
