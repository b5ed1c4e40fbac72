"""Accounts of devices: who a device is here, and who it is upstream."""

import os
import pwd
import re
import secrets
import signal
import subprocess

import pytest

from support import mail
from support.accounts import Accounts
from support.auth_service import AuthService
from support.exchanges import apop, cram_md5, scram
from support.metrics import samples
from support.pop3client import Pop3Error
from support.popinjay import TOP, binary, write_config
from support.ports import wait_until
from support.secrets import all_forms, keep, plant

class Figures:
    """The series of /metrics, and by how much each has risen since."""

    def __init__(self, proxy):
        self._proxy = proxy
        self._before = self._now()

    def _now(self):
        return samples(self._proxy.http("/metrics"))

    def rise(self, name):
        return self._now().get(name, 0) - self._before.get(name, 0)


MESSAGE = mail.message("x", b"a scan\r\n")


@pytest.fixture
def accounts(tmp_path):
    return Accounts(tmp_path)


@pytest.fixture
def begin(accounts, server, start_proxy):
    """begin(settings): a proxy that knows the accounts made so far."""
    def start(settings=None):
        if not os.path.exists(accounts.path):
            with open(accounts.path, "w", encoding="utf-8"):
                pass
        merged = {**server.settings, **accounts.settings}
        for section, keys in (settings or {}).items():
            merged[section] = {**merged.get(section, {}), **keys}
        return start_proxy(server.upstream_config(), merged)
    return start


def refused(c, user, password):
    with pytest.raises(Pop3Error) as e:
        c.login(user, password)
    return str(e.value)


# --- passwords -----------------------------------------------------------------

def test_password(server, begin, accounts, user):
    """A device reads the mail of a user whose password it does not know; the
    log has both names, and neither password works in the place of the other."""
    server.deliver(user, [MESSAGE])
    password = accounts.add("scanner@hall.example", server, user)
    proxy = begin()
    assert "\npopinjay_accounts 1\n" in proxy.http("/metrics")
    figures = Figures(proxy)
    with proxy.pop3s() as c:
        c.login("scanner@hall.example", password)
        assert c.ok("STAT").startswith(b"+OK 1 ")
        c.quit()
    assert re.search(r' logged_in .*user=scanner@hall.example '
                     r'account=scanner@hall.example', proxy.log())
    assert figures.rise('popinjay_account_logins_total{proof="password"}') == 1
    assert figures.rise("popinjay_verification_duration_seconds_count") == 1
    with proxy.pop3s() as c:
        text = refused(c, "scanner@hall.example", server.password(user))
        assert text.startswith("-ERR [AUTH] ")
    assert figures.rise('popinjay_login_failures_total{reason="credentials"}')
    assert server.password(user) not in proxy.log() + accounts.text()
    assert password not in proxy.log() + accounts.text()


def test_others_pass_through(server, begin, accounts, user):
    """Whoever is no account gives what is the upstream's; unless only accounts
    may log in."""
    accounts.add("device", server, user)
    proxy = begin()
    figures = Figures(proxy)
    with proxy.pop3s() as c:
        c.login(user, server.password(user))
        c.quit()
    assert figures.rise('popinjay_account_logins_total{proof="passed_on"}') == 1


def test_only_accounts(server, begin, accounts, user):
    """A name that nobody has costs as much work as one that somebody has, and
    is answered the same."""
    password = accounts.add("device", server, user)
    proxy = begin({"accounts": {"only": "yes"}})
    figures = Figures(proxy)
    count = "popinjay_verification_duration_seconds_count"
    answers = []
    for n, name in enumerate(["device", user, "nobody"]):
        with proxy.pop3s() as c:
            answers.append(refused(c, name, "wrong"))
        assert figures.rise(count) == n + 1
    assert len(set(answers)) == 1
    with proxy.pop3s() as c:
        c.login("device", password)
    assert re.search(r"login_refused .*user=nobody .*reason=no_account",
                     proxy.log())


def test_warnings(server, begin, accounts, user):
    """What should not be, and is, is said at each start."""
    accounts.add("device", server, user, "--scram")
    careful = begin()
    accounts.add("old", server, user, "--recoverable")
    os.chmod(accounts.path, 0o640)
    careless = begin()
    for event in ("recoverable_passwords accounts=1 ",
                  f"file_open_to_others text={accounts.path}"):
        assert event not in careful.log()
        assert event in careless.log()


def test_places(server, begin, accounts, user):
    """Where an account may not be used it is as if the password were wrong, and
    as much work."""
    inside = accounts.add("inside", server, user, "--networks", "127.0.0.0/8")
    outside = accounts.add("outside", server, user, "--networks",
                           "192.0.2.0/24, 2001:db8::/32")
    door = accounts.add("door", server, user, "--listeners", "pop3, plain")
    proxy = begin()
    figures = Figures(proxy)
    with proxy.pop3s() as c:
        c.login("inside", inside)
        c.quit()
    with proxy.pop3s() as c:
        assert refused(c, "outside", outside) == refused(c, "inside", "wrong")
        assert refused(c, "door", door).startswith("-ERR [AUTH] ")
    with proxy.plain() as c:
        c.login("door", door)
        c.quit()
    assert figures.rise("popinjay_verification_duration_seconds_count") == 5
    assert figures.rise(
        'popinjay_login_failures_total{reason="account_place"}') == 2


def test_passed_through_by_its_rules(server, begin, accounts, user):
    """An account without a password of its own has its rules all the same."""
    accounts.must("add", "alias", "--pass-through", "--user", user,
                  "--listeners", "pop3s")
    proxy = begin()
    with proxy.pop3s() as c:
        c.login("alias", server.password(user))
        c.quit()
    with proxy.plain() as c:
        refused(c, "alias", server.password(user))
    assert "account=alias" in proxy.log()


def test_sealed_by_the_password(server, begin, accounts, user):
    """Without a key file: only the device's own password opens the secret."""
    os.remove(accounts.key)
    with open(accounts.conf, encoding="utf-8") as f:
        text = f.read().replace(f"key_file = {accounts.key}\n", "")
    with open(accounts.conf, "w", encoding="utf-8") as f:
        f.write(text)
    del accounts.settings["accounts"]["key_file"]
    accounts.add("device", server, user, "--seal-by-password")
    assert "secret = 1p." in accounts.text()
    # Sealed anew: by another password of the device, or another secret.
    password = plant(f"Newer-{secrets.token_hex(6)}", "a newer password")
    accounts.must("passwd", "device", given=f"{password}\nnot-the-secret\n")
    assert accounts.run("passwd", "device", "--secret",
                        given="wrong\nx\n").returncode == 1
    accounts.must("passwd", "device", "--secret",
                  given=f"{password}\n{server.password(user)}\n")
    proxy = begin()
    with proxy.pop3s() as c:
        refused(c, "device", "wrong")
        c.login("device", password)
        c.quit()


def test_many_at_once(server, begin, accounts, user):
    """Beyond what is judged at a time devices are told to come back: nobody is
    told that the password is wrong."""
    password = accounts.add("device", server, user)
    proxy = begin({"limits": {"login_failures": "0",
                              "login_failures_per_client": "0"}})
    clients = [proxy.plain() for _ in range(90)]
    for c in clients:
        c.ok("USER device")
    for c in clients:
        c.send(b"PASS wrong-password\r\n")
    answers = [c.line() for c in clients]
    for c in clients:
        c.close()
    assert any(a.startswith(b"-ERR [SYS/TEMP] ") for a in answers)
    assert any(a.startswith(b"-ERR [AUTH] ") for a in answers)
    assert "limit=verifications" in proxy.log()
    with proxy.pop3s() as c:
        c.login("device", password)
        c.quit()


def test_guessers_are_stopped(server, begin, accounts, user):
    """Wrong passwords of an account count as those of the upstream do; a
    blocked login is not judged."""
    password = accounts.add("device", server, user, "--scram")
    proxy = begin({"limits": {"login_failures": "3"}})
    figures = Figures(proxy)
    with proxy.pop3s() as c:
        refused(c, "device", "wrong")
        refused(c, "device", "wrong")
    with proxy.pop3s() as c:
        assert scram(c, "device", "wrong").startswith(b"-ERR [AUTH] ")
        assert refused(c, "device", password).startswith("-ERR [SYS/TEMP] ")
    assert figures.rise("popinjay_verification_duration_seconds_count") == 2
    assert " login_blocked " in proxy.log()
    said = {}
    for guess in ("wrong", password):    # one like the other, to the last word
        with proxy.pop3s() as c:
            scram(c, "device", guess, said)
        assert said["verdict"].startswith(b"-ERR [SYS/TEMP] ")


def test_the_log_names_the_account_of_this_login(server, begin, accounts,
                                                 user):
    """Not that of the login before, which another name has tried."""
    accounts.add("device", server, user, "--scram")
    proxy = begin()
    with proxy.pop3s() as c:
        refused(c, "device", "wrong")
        assert scram(c, "nobody", "wrong").startswith(b"-ERR [AUTH] ")
    lines = [l for l in proxy.log().splitlines() if " login_refused " in l]
    assert ["account=device" in l for l in lines] == [True, False]


def test_proven_and_cancelled(server, begin, accounts, user):
    """Who is proven, and does not go on, has not been wrong, nor is he
    counted as one who still tries."""
    password = accounts.add("device", server, user, "--scram")
    proxy = begin({"limits": {"login_failures": "2"}})
    with proxy.pop3s() as c:
        for _ in range(4):
            assert scram(c, "device", password, last="*").startswith(b"-ERR")
    with proxy.pop3s() as c:
        assert scram(c, "device", password).startswith(b"+OK")
        c.quit()


def test_mailboxes(server, begin, accounts, user):
    """An account may read other mailboxes than the policy has."""
    with server.imap(user) as m:
        m.create("Scans")
        m.append("Scans", None, None, MESSAGE)
    password = accounts.add("device", server, user, "--mailboxes", "Scans")
    proxy = begin()
    with proxy.pop3s() as c:
        c.login("device", password)
        assert c.ok("STAT").startswith(b"+OK 1 ")
        c.quit()
    with proxy.pop3s() as c:
        c.login(user, server.password(user))
        assert c.ok("STAT").startswith(b"+OK 0 ")
        c.quit()


# --- proofs --------------------------------------------------------------------

PROOFS = {"apop": (apop, "--recoverable"),
          "cram_md5": (cram_md5, "--recoverable"),
          "scram_sha_256": (scram, "--scram")}


@pytest.mark.parametrize("proof", PROOFS)
def test_proofs(server, begin, accounts, user, proof):
    """SASL-14: a device that does not say its password, over TLS and in clear;
    a wrong one, and a name that nobody has, are refused alike."""
    way, option = PROOFS[proof]
    server.deliver(user, [MESSAGE])
    password = accounts.add("device", server, user, option)
    proxy = begin()
    figures = Figures(proxy)
    for connect in (proxy.pop3s, proxy.plain):
        with connect() as c:
            assert way(c, "device", password).startswith(b"+OK")
            assert c.ok("STAT").startswith(b"+OK 1 ")
            c.quit()
    name = f'popinjay_account_logins_total{{proof="{proof}"}}'
    assert figures.rise(name) == 2
    with proxy.pop3s() as c:
        wrong = way(c, "device", "wrong")
        assert wrong.startswith(b"-ERR [AUTH] ")
        assert way(c, "nobody", password) == wrong
    assert "reason=credentials" in proxy.log()
    with proxy.pop3s() as c:        # the password may still be said
        c.login("device", password)
        c.quit()


@pytest.mark.parametrize("apop_too", ["no", "yes"])
def test_apop_of_others(server, begin, accounts, user, apop_too):
    """It is offered for the sake of an account. A service (auth_http) is asked
    about others who come so only where it is to be; they are refused as a
    wrong password is."""
    password = accounts.add("device", server, user, "--recoverable")
    with AuthService(lambda asked: {"Auth-Status": "no"}) as service:
        proxy = begin({"auth_http": {"url": service.url, "apop": apop_too}})
        with proxy.pop3s() as c:
            wrong = apop(c, "device", "wrong")
            assert wrong.startswith(b"-ERR [AUTH] ")
            assert apop(c, "nobody", password) == wrong
            assert apop(c, "device", password).startswith(b"+OK")
            c.quit()
    assert [asked["Auth-Method"] for asked in service.seen] == \
        {"no": [], "yes": ["apop"]}[apop_too]


def test_proofs_are_offered_where_they_are_of_use(server, begin, accounts,
                                                  user):
    """CAPA and the greeting tell of them only where an account can use them."""
    accounts.add("s", server, user, "--scram", "--listeners", "pop3s")
    accounts.add("r", server, user, "--recoverable", "--listeners", "plain")
    proxy = begin()

    def offered(c):
        sasl = [l for l in c.listing("CAPA") if l.startswith("SASL ")]
        return b"@" in c.greeting, set(sasl[0].split()[1:])
    with proxy.pop3s() as c:
        assert offered(c) == (False, {"PLAIN", "LOGIN", "SCRAM-SHA-256"})
    with proxy.plain() as c:
        assert offered(c) == (True, {"PLAIN", "LOGIN", "CRAM-MD5"})
    with proxy.pop3() as c:
        c.stls()
        assert offered(c) == (False, {"PLAIN", "LOGIN"})


def test_made_up_salts_stay(server, begin, accounts, user):
    """A name that nobody has shows the same salt each time, of each process with
    that key, as one that somebody has does."""
    accounts.add("device", server, user, "--scram")
    first = begin()
    salts = {}
    for proxy in (first, first, begin()):
        for name in ("device", "nobody", "other"):
            seen = {}
            with proxy.pop3s() as c:
                scram(c, name, "wrong", seen)
            salts.setdefault(name, set()).add((seen["s"], seen["i"]))
    assert all(len(s) == 1 for s in salts.values()), salts
    assert len({s for each in salts.values() for s in each}) == 3
    assert len({len(s) for each in salts.values() for s, _ in each}) == 1


def test_made_up_salts_without_a_key(server, begin, accounts, user):
    """They would tell names apart after a restart: it is said."""
    source = {"oauth tool": {"grant": "command", "command": "/bin/echo x"}}
    with open(accounts.conf, "a", encoding="utf-8") as f:
        f.write("[oauth tool]\ngrant = command\ncommand = /bin/echo x\n")
    accounts.must("add", "device", "--oauth", "tool", "--user", user,
                  "--scram", given="a-password\n")
    proxy = begin(source)
    assert " scram_without_key " not in proxy.log()
    del accounts.settings["accounts"]["key_file"]
    proxy = begin(source)
    assert " warning scram_without_key " in proxy.log()


def by_curl(proxy, folder, mechanism, password):
    config = os.path.join(folder, "curlrc")
    with open(keep(config), "w", encoding="utf-8") as f:
        f.write(f'user = "device:{password}"\n')
    return ["curl", "-sS", "-K", config, "--cacert", proxy.ca_file,
            "--login-options", f"AUTH={mechanism}",
            f"pop3s://localhost:{proxy.port_tls}/1"]


def by_mpop(proxy, folder, mechanism, password):
    config = os.path.join(folder, "mpoprc")
    with open(keep(config), "w", encoding="utf-8") as f:
        f.write(f"account a\nhost localhost\nport {proxy.port_tls}\ntls on\n"
                f"tls_starttls off\ntls_trust_file {proxy.ca_file}\n"
                f"auth {mechanism.lower()}\nuser device\n"
                f"password {password}\nkeep on\nuidls_file {folder}/uidls\n"
                f"delivery mbox {folder}/mbox\n")
    os.chmod(config, 0o600)
    return ["mpop", "-C", config, "a"]


def by_fetchmail(proxy, folder, mechanism, password):
    config = os.path.join(folder, "fetchmailrc")
    with open(keep(config), "w", encoding="utf-8") as f:
        auth = ("protocol apop" if mechanism == "APOP"
                else "protocol pop3 auth cram-md5")
        f.write(f"poll localhost service {proxy.port_tls} {auth}\n"
                f"user device password {password} ssl sslcertck\n"
                f"sslcertfile {proxy.ca_file}\nkeep\nmda \"cat >{folder}/mail\"\n")
    os.chmod(config, 0o600)
    return ["fetchmail", "--nodetach", "--nosyslog", "-f", config,
            "--idfile", os.path.join(folder, "ids"),
            "--pidfile", os.path.join(folder, "pid")]


def by_getmail(proxy, folder, mechanism, password):
    config = os.path.join(folder, "getmailrc")
    with open(keep(config), "w", encoding="utf-8") as f:
        f.write("[retriever]\ntype = SimplePOP3SSLRetriever\n"
                f"server = localhost\nport = {proxy.port_tls}\n"
                f"ca_certs = {proxy.ca_file}\nusername = device\n"
                f"password = {password}\nuse_apop = {mechanism == 'APOP'}\n"
                "[destination]\ntype = MDA_external\npath = /bin/sh\n"
                "arguments = ('-c', 'cat >/dev/null')\n"
                "allow_root_commands = true\n"
                "[options]\ndelete = false\n")
    return ["getmail", "--getmaildir", folder, "--rcfile", config]


CLIENTS = [(by_curl, "+APOP", "apop"),
           (by_curl, "CRAM-MD5", "cram_md5"),
           (by_mpop, "APOP", "apop"),
           (by_mpop, "CRAM-MD5", "cram_md5"),
           (by_mpop, "SCRAM-SHA-256", "scram_sha_256"),
           (by_fetchmail, "APOP", "apop"),
           (by_fetchmail, "CRAM-MD5", "cram_md5"),
           (by_getmail, "APOP", "apop")]


def test_clients(server, begin, accounts, user, tmp_path):
    """Real programs prove themselves by each of these ways."""
    server.deliver(user, [MESSAGE])
    password = accounts.add("device", server, user, "--scram", "--recoverable")
    proxy = begin()
    figures = Figures(proxy)
    for client, mechanism, proof in CLIENTS:
        folder = tmp_path / f"{client.__name__}.{proof}"
        folder.mkdir()
        done = subprocess.run(
            client(proxy, str(folder), mechanism, password), timeout=60,
            capture_output=True, check=False,
            env={**os.environ, "HOME": str(folder)})
        assert done.returncode == 0, (client, mechanism, done)
        name = f'popinjay_account_logins_total{{proof="{proof}"}}'
        assert figures.rise(name) >= 1, (client, mechanism)
        figures = Figures(proxy)


def test_nothing_leaks_into_a_trace(server, begin, accounts, user):
    """A trace shows that a device proves itself, and neither with what, nor
    what is said for it upstream."""
    password = accounts.add("device", server, user, "--scram", "--recoverable")
    proxy = begin({"server": {"trace_client": "127.0.0.1",
                              "log_repeat_limit": "0"}})
    for way in (apop, cram_md5, scram):
        with proxy.pop3s() as c:
            assert way(c, "device", password).startswith(b"+OK")
            c.quit()
    with proxy.pop3s() as c:
        c.login("device", password)
        c.quit()
    log = proxy.log().encode()
    assert b" trace " in log
    for secret in (password, server.password(user)):
        assert not any(form in log for form in all_forms(secret))


# --- the file ------------------------------------------------------------------

def reloaded(proxy, event):
    before = proxy.log().count(f" {event} ")
    proxy.signal(signal.SIGHUP)
    wait_until(lambda: proxy.log().count(f" {event} ") > before, 10, event)


def test_reload(server, begin, accounts, user):
    """SIGHUP takes accounts up and away; a damaged file changes nothing."""
    proxy = begin()
    password = accounts.add("device", server, user)
    with proxy.pop3s() as c:
        refused(c, "device", password)
    reloaded(proxy, "reloaded")
    assert re.search(r" ready .* accounts=0\b", proxy.log())
    assert re.search(r" reloaded .* accounts=1\b", proxy.log())
    with proxy.pop3s() as c:
        c.login("device", password)
        c.quit()
    good = accounts.text()
    with open(accounts.path, "w", encoding="utf-8") as f:
        f.write(good.replace("secret = 1k.", "secret = 1k.A"))
    reloaded(proxy, "reload_refused")
    assert f"{accounts.path}:1: [account device] secret: " in proxy.log()
    with proxy.pop3s() as c:
        c.login("device", password)
        c.quit()
    with open(accounts.path, "w", encoding="utf-8") as f:
        f.write(good)
    accounts.must("remove", "device")
    reloaded(proxy, "reloaded")
    with proxy.pop3s() as c:
        refused(c, "device", password)


def test_changed_file_is_noticed(server, begin, accounts, user):
    """certificate_check looks at it as at certificates."""
    proxy = begin({"server": {"certificate_check": "100 ms"}})
    password = accounts.add("device", server, user)
    wait_until(lambda: " certificates_reloaded" in proxy.log(), 10, "a look")
    with proxy.pop3s() as c:
        c.login("device", password)
        c.quit()


def test_another_key(server, accounts, user, start_proxy):
    """What does not open is named at --check, before anybody logs in."""
    accounts.add("device", server, user)
    with open(accounts.key, "wb") as f:
        f.write(secrets.token_bytes(32))
    done = subprocess.run([binary(), "--check", "-c", accounts.conf],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(
        f"{accounts.path}:1: [account device] secret: does not open: ")


def test_open_key_file(server, begin, accounts, user):
    """A key that everybody may read is refused wherever it is read, with what
    closes it; a process that has read it before goes on."""
    password = accounts.add("device", server, user)
    proxy = begin()
    os.chmod(accounts.key, 0o604)
    why = (f"{accounts.key}: holds a secret and is open to all users; close "
           f"it: chmod o= {accounts.key}\n")
    for words in (["--check"], [], ["account", "list"]):
        done = subprocess.run([binary(), *words, "-c", accounts.conf],
                              capture_output=True, text=True, check=False,
                              timeout=20)
        assert done.returncode == 2, words
        assert done.stderr.endswith(why), words
    reloaded(proxy, "reload_refused")
    assert why.strip() in proxy.log()
    with proxy.pop3s() as c:
        c.login("device", password)
        c.quit()
    subprocess.run(["sh", "-ec", why.rpartition(": ")[2]], check=True)
    reloaded(proxy, "reloaded")


# --- popinjay account ----------------------------------------------------------

def test_generated(server, begin, accounts, user):
    """A password of 16 characters, printed alone, works."""
    printed = accounts.must("add", "device", "--generate", "--user", user,
                            given=server.password(user) + "\n")
    assert re.fullmatch(r"[a-km-np-z2-9]{16}\n", printed)
    password = plant(printed.strip(), "a password that was made up")
    with begin().pop3s() as c:
        c.login("device", password)
        c.quit()


def test_passwd(server, begin, accounts, user):
    """A new password for the device, and a new secret; what was kept of the
    password before is kept of the new one."""
    accounts.add("device", server, user, "--scram", "--recoverable")
    password = plant(f"New-{secrets.token_hex(6)}", "a new password")
    done = accounts.run("passwd", "device", given=password + "\n")
    assert done.returncode == 0
    assert "whoever has both accounts.conf and the key file has it" in \
        done.stderr
    proxy = begin()
    for way in (apop, cram_md5, scram):
        with proxy.pop3s() as c:
            assert way(c, "device", password).startswith(b"+OK"), way
            c.quit()
    wrong = plant(f"Wrong-{secrets.token_hex(6)}", "a wrong secret")
    for secret, good in ((wrong, False), (server.password(user), True)):
        accounts.must("passwd", "device", "--secret", given=secret + "\n")
        reloaded(proxy, "reloaded")
        with proxy.pop3s() as c:
            if good:
                c.login("device", password)
            else:
                assert "[AUTH] mail server refuses" in \
                    refused(c, "device", password)
    assert re.search(r" error login_refused .*reason=secret_refused",
                     proxy.log())


def test_list_and_remove(server, accounts, user):
    """No secret is listed; a comment stays, and the mode is what it must be."""
    accounts.add("one", server, user, "--scram")
    accounts.must("add", "two", "--pass-through", "--networks", "192.0.2.7")
    with open(accounts.path, "a", encoding="utf-8") as f:
        f.write("; the last line\n")
    lines = [l.split() for l in accounts.must("list").splitlines()]
    assert lines[1:] == [["one", "password,scram", "by-key", "-", user],
                         ["two", "none", "passed-on", "-", "two"]]
    accounts.must("remove", "one")
    assert accounts.text() == ("[account two]\nnetworks = 192.0.2.7\n"
                               "; the last line\n")
    assert os.stat(accounts.path).st_mode & 0o777 == 0o600
    assert accounts.run("remove", "one").returncode == 1


def test_owner(accounts):
    """A new file belongs to the user who is to read it, an old one to whom it
    belonged."""
    with open(accounts.conf, encoding="utf-8") as f:
        text = f.read()
    with open(accounts.conf, "w", encoding="utf-8") as f:
        f.write(f"[server]\nuser = nobody\n{text}")
    root = os.geteuid() == 0        # others can give nothing away
    accounts.must("add", "one", "--pass-through")
    wanted = pwd.getpwnam("nobody").pw_uid if root else os.geteuid()
    assert os.stat(accounts.path).st_uid == wanted
    if root:
        os.chown(accounts.path, 1, 1)
        wanted = 1
    accounts.must("add", "two", "--pass-through")
    held = os.stat(accounts.path)
    assert (held.st_uid, held.st_mode & 0o777) == (wanted, 0o600)


def test_credential(server, accounts, user, tmp_path):
    """Without key_file the key is a credential of the service manager's, who
    says who may read it."""
    accounts.add("device", server, user)
    folder = tmp_path / "credentials"
    folder.mkdir()
    os.rename(accounts.key, keep(str(folder / "accounts.key")))
    (folder / "accounts.key").chmod(0o444)
    with open(accounts.conf, encoding="utf-8") as f:
        text = f.read().replace(f"key_file = {accounts.key}\n", "")
    with open(accounts.conf, "w", encoding="utf-8") as f:
        f.write(text)
    for given, code in ((str(folder), 0), (str(tmp_path), 2)):
        done = subprocess.run(
            [binary(), "--check", "-c", accounts.conf], capture_output=True,
            text=True, env={**os.environ, "CREDENTIALS_DIRECTORY": given},
            timeout=60, check=False)
        assert done.returncode == code, done
    assert "is sealed with a key file, and there is none" in done.stderr


# --- the guide -----------------------------------------------------------------

def script(folder, name, text):
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)


def test_guide(server, user, start_proxy, tmp_path):
    """`A scanner with a 16-character password`, word for word. Only addresses,
    folders, and the user who owns the mail and the one who serves are others."""
    with open(os.path.join(TOP, "deploy", "docs", "accounts.md"),
              encoding="utf-8") as f:
        text = f.read()
    settings = dict(re.findall(r"^    (\w+) = (/etc/popinjay/.*)$", text, re.M))
    assert set(settings) == {"file", "key_file"}
    guide = text.split("\n## A scanner with a 16-character password\n")[1]
    commands = re.findall(r"^    (.*)$", guide.split("\n## ")[0], re.M)
    assert len(commands) == 6
    later = [" ".join(words.split()) for words in re.findall(
        r"`(popinjay account \w+\s[^`]*)`", guide.split("\n## ")[0])]
    assert len(later) == 3

    etc = tmp_path / "etc"
    etc.mkdir()
    keep(str(etc / "accounts.key"))

    def here(words):
        for word, other in (("/etc/popinjay", str(etc)),
                            ("scans@example.com", user),
                            ("192.0.2.0/24", "127.0.0.0/8"),
                            ("chown popinjay:", "chown $(id -un):")):
            words = words.replace(word, other)
        return words

    def run(command, given=""):
        done = subprocess.run(
            ["sh", "-ec", here(command)], input=given, text=True, timeout=60,
            env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
            capture_output=True, check=False)
        assert done.returncode == 0, (command, done)
        return done.stdout

    for command in commands[:3]:
        run(command)
    proxy = start_proxy(server.upstream_config(), server.settings)
    proxy.config["accounts"] = {k: here(v) for k, v in settings.items()}
    write_config(proxy.config_path, proxy.config)
    script(tmp_path, "popinjay", f"exec {binary()} \"$@\" "
                                 f"-c {proxy.config_path}")
    script(tmp_path, "systemctl", f"[ \"$*\" = 'reload popinjay' ] && "
                                  f"kill -HUP {proxy.pid}")
    made = plant(run(commands[3], server.password(user) + "\n").strip(),
                 "the password of the scanner")
    assert len(made) == 16
    assert "no mistakes found" in run(commands[4])
    run(commands[5])
    wait_until(lambda: " reloaded " in proxy.log(), 10, "the reload")
    with proxy.pop3s() as c:
        c.login("scanner-hall3", made)
        c.quit()

    removed, renewed, changed = later
    fresh = plant(run(renewed).strip(), "another password of the scanner")
    run(changed, server.password(user) + "\n")
    reloaded(proxy, "reloaded")
    with proxy.pop3s() as c:
        refused(c, "scanner-hall3", made)
        c.login("scanner-hall3", fresh)
        c.quit()
    run(removed)
    reloaded(proxy, "reloaded")
    with proxy.pop3s() as c:
        refused(c, "scanner-hall3", fresh)


def test_two_devices_of_one_mailbox(accounts, server, user, begin):
    """on_delete = keep: what one device has deleted the other still sees, and
    the policy of an account is its own."""
    server.deliver(user, [MESSAGE, mail.message("y", b"another\r\n")])
    with open(accounts.conf, "a", encoding="utf-8") as f:
        f.write("[policy kept]\non_delete = keep\n")
    devices = {}
    for name in ("scanner", "robot"):
        devices[name] = accounts.add(name, server, user, "--policy", "kept")
    devices["reader"] = accounts.add("reader", server, user)
    proxy = begin({"policy kept": {"on_delete": "keep"}})

    def listed(name):
        with proxy.login(name, devices[name]) as c:
            rows = c.listing("UIDL")
            c.quit()
        return len(rows)

    with proxy.login("scanner", devices["scanner"]) as c:
        c.ok("DELE 1")
        c.quit()
    assert (listed("scanner"), listed("robot"), listed("reader")) == (1, 2, 2)
    with proxy.login("robot", devices["robot"]) as c:
        c.ok("DELE 2")
        c.quit()
    assert (listed("scanner"), listed("robot"), listed("reader")) == (1, 1, 2)
    with proxy.login("reader", devices["reader"]) as c:
        c.ok("DELE 1")
        c.quit()
    assert (listed("scanner"), listed("robot"), listed("reader")) == (1, 0, 1)
