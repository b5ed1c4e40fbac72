"""Unique-ids in the formats of other servers: what UIDL says through popinjay is
what the server's own POP3 says of the same store, message by message."""

import os
import poplib
import re
import runpy
import signal
import ssl
import subprocess

import pytest

from support import mail
from support.courier import Courier
from support.cyrus import CYRUS_CONF, IMAPD_CONF, Cyrus
from support.dovecot import Dovecot
from support.ports import LOOPBACK, answers, free_port, wait_until
from support.popinjay import TOP, binary

GUIDE = os.path.join(TOP, "deploy", "docs", "moving.md")


def rows_of_guide(key):
    """What the guide's table below |key| says: (that server's, ours)."""
    with open(GUIDE, encoding="utf-8") as f:
        table = re.search(rf"^\| `{key}` \| `unique_ids` \|\n\|[-|]+\n"
                          r"((?:\|.*\n)+)", f.read(), re.M)[1]
    return re.findall(r"^\| `(.*)` \| `(.*)` \|$", table, re.M)


def command_of_guide():
    with open(GUIDE, encoding="utf-8") as f:
        return re.search(r"^ *(deploy/unique_ids.py .*)$", f.read(), re.M)[1]


class DovecotPop3(Dovecot):
    """With pop3d, whose unique-ids are of this form."""

    def __init__(self, form):
        self.port_pop3 = free_port()
        line = f"pop3_uidl_format = {form}" if form else ""
        super().__init__(f"""
protocols = imap pop3
disable_plaintext_auth = no
protocol pop3 {{
  {line}
}}
service pop3-login {{
  chroot =
  inet_listener pop3 {{
    port = {self.port_pop3}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
""")


class CyrusPop3(Cyrus):
    """With a pop3d for each of |forms|, on the port of that."""

    forms = [form for form, _ in rows_of_guide("uidl_format")]

    def _configure(self):
        super()._configure()
        self.ports_pop3 = {form: free_port() for form in self.forms}
        services = ""
        for form, port in self.ports_pop3.items():
            path = f"/etc/imapd-{form}.conf"
            self._instance.write(path, IMAPD_CONF.format(admin="cyrusadmin")
                                 + f"uidl_format: {form}\n")
            services += (f'pop3{form} cmd="/usr/lib/cyrus/bin/pop3d -C {path}"'
                         f' listen="{LOOPBACK}:{port}" prefork=0\n')
        text = CYRUS_CONF.format(
            imapd="/usr/lib/cyrus/bin/imapd", host=LOOPBACK,
            clear=self.port_starttls, tls=self.port_tls)
        self._instance.write("/etc/cyrus.conf", text.replace(
            "SERVICES {\n", "SERVICES {\n" + services))


def ids_of(pop3):
    """[(subject, unique-id)] by subject; the order is each server's own."""
    ids = [line.decode().split(" ")[1] for line in pop3.uidl()[1]]
    headers = [b"\n".join(pop3.top(n + 1, 0)[1]) for n in range(len(ids))]
    pop3.quit()
    return sorted((re.search(rb"Subject: (\S+)", header)[1].decode(), one)
                  for header, one in zip(headers, ids))


def ids_of_pop3(port, user, password):
    """What a server's own POP3 says, in clear."""
    wait_until(lambda: answers(port), 10, "POP3")
    pop3 = poplib.POP3(LOOPBACK, port, timeout=30)
    pop3.user(user)
    pop3.pass_(password)
    return ids_of(pop3)


def ids_through(proxy, user, password):
    with proxy.login_when_free(user, password) as c:
        c.quit()
    pop3 = poplib.POP3_SSL("localhost", proxy.port_tls, timeout=30,
                           context=ssl.create_default_context(
                               cafile=proxy.ca_file))
    pop3.user(user)
    pop3.pass_(password)
    return ids_of(pop3)


def store(server, user):
    """Four messages, with a gap in their UIDs."""
    server.deliver(user, [mail.message(f"m{n}", b"body %d\r\n" % n)
                          for n in range(1, 6)])
    m = server.imap(user)
    m.select()
    m.uid("STORE", "2", "+FLAGS", "(\\Deleted)")
    m.expunge()
    m.logout()


def check_same(start_proxy, server, port, unique_ids):
    user = server.new_user()
    store(server, user)
    theirs = ids_of_pop3(port, user, server.password(user))
    proxy = start_proxy(server.upstream_config(),
                        {"policy": {"unique_ids": unique_ids}})
    assert len(theirs) == 4
    assert ids_through(proxy, user, server.password(user)) == theirs


@pytest.mark.parametrize("form, unique_ids", [
    ("", "dovecot"), *rows_of_guide("pop3_uidl_format")])
def test_dovecot(start_proxy, form, unique_ids):
    """DEC-12: by default, and each that the guide has: what Dovecot's manual
    recommends for the servers that its users come from."""
    with DovecotPop3(form) as server:
        check_same(start_proxy, server, server.port_pop3, unique_ids)


@pytest.fixture(scope="module")
def cyrus():
    with CyrusPop3() as server:
        yield server


@pytest.mark.parametrize("form, unique_ids", rows_of_guide("uidl_format"))
def test_cyrus(start_proxy, cyrus, form, unique_ids):
    """DEC-12: each that the guide has."""
    check_same(start_proxy, cyrus, cyrus.ports_pop3[form], unique_ids)


@pytest.fixture(scope="module")
def courier():
    with Courier() as server:
        yield server


def reload(proxy, event):
    before = proxy.log().count(f" {event} ")
    proxy.signal(signal.SIGHUP)
    wait_until(lambda: proxy.log().count(f" {event} ") > before, 10, event)


def make_map(tmp_path, server, line, port=None):
    """The guide's own command, of stand-ins: |server| is both, the old POP3 and
    the new IMAP."""
    users = tmp_path / "users.txt"
    users.write_text(f"# old and new\n{line}\n", encoding="utf-8")
    command = command_of_guide()
    for theirs, ours in (
            ("deploy/", f"{TOP}/deploy/"),
            ("pop.old.example",
             f"{LOOPBACK}:{port or server.port_pop3} --pop3-tls none"),
            ("imap.new.example",
             f"localhost:{server.port_tls} --ca-file {server.ca_file}")):
        assert theirs in command
        command = command.replace(theirs, ours)
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=60)
    users.unlink()
    return done, tmp_path / "unique-ids.map"


def test_courier(start_proxy, courier, tmp_path):
    """Its pop3d counts messages and dates them by itself, apart from its imapd:
    the form is the same, the numbers are not, and only a list knows them."""
    user = courier.new_user()
    store(courier, user)
    password = courier.password(user)
    theirs = ids_of_pop3(courier.port_pop3, user, password)
    done, path = make_map(tmp_path, courier, f"{user} {password}")
    assert done.returncode == 0, done.stderr
    assert f"{user}: 4 of 4 messages" in done.stderr
    assert password not in path.read_text(encoding="utf-8") + done.stderr
    proxy = start_proxy(courier.upstream_config(),
                        {"policy": {"unique_ids": "courier",
                                    "unique_id_map": str(path)}})
    assert ids_through(proxy, user, password) == theirs
    # New mail has the form, and none of the names that are taken.
    courier.deliver(user, [mail.message("new", b"x\r\n")])
    ours = dict(ids_through(proxy, user, password))
    new = ours.pop("new")
    assert sorted(ours.items()) == theirs
    assert new.startswith("UID6-") and new not in ours.values()


def test_a_map(start_proxy, courier, tmp_path):
    """Twins are told apart by their order. The map is read again on a reload; one
    that is none is a mistake of the configuration, and changes nothing."""
    user = courier.new_user()
    twin = mail.message("twin", b"x\r\n")
    courier.deliver(user, [twin, mail.message("one", b"x\r\n"), twin])
    password = courier.password(user)
    theirs = ids_of_pop3(courier.port_pop3, user, password)
    done, path = make_map(tmp_path, courier, f"{user} {password}")
    assert done.returncode == 0, done.stderr
    proxy = start_proxy(courier.upstream_config(),
                        {"policy": {"unique_id_map": str(path)}})
    assert ids_through(proxy, user, password) == theirs
    text = path.read_text(encoding="utf-8")
    other = re.sub(r"(?m)^(\d+) UID", r"\1 id", text)
    path.write_text(other, encoding="utf-8")
    reload(proxy, "reloaded")
    ours = [(subject, one.replace("UID", "id")) for subject, one in theirs]
    assert ids_through(proxy, user, password) == ours
    # Made for a mailbox that is not this one any more.
    path.write_text(re.sub(r"mailbox \d+", "mailbox 1", other),
                    encoding="utf-8")
    reload(proxy, "reloaded")
    assert not set(ids_through(proxy, user, password)) & set(ours)
    assert " unique_id_map_stale " in proxy.log()
    path.write_text("12 without a user\n", encoding="utf-8")
    reload(proxy, "reload_refused")
    assert f"{path}:1: stands before the first" in proxy.log()
    check = subprocess.run([binary(), "--check", "-c", proxy.config_path],
                           capture_output=True, text=True)
    assert check.returncode == 2
    assert f"{path}:1: stands before the first" in check.stderr


def test_no_wrong_pairs():
    """Of twins, or of what lacks a header, one that is missing could be any: then
    all of them are loaded once more rather than one never. Nor is a unique-id
    used that two messages share."""
    tool = runpy.run_path(os.path.join(TOP, "deploy", "unique_ids.py"))
    old = [(b"a", "A"), (b"b", "B1"), (b"c", "C1"), (b"b", "B2"), (b"d", "D"),
           (b"e", "same"), (b"f", "same")]
    new = [(b"c", 1), (b"b", 2), (b"a", 4), (b"b", 5), (b"c", 6), (b"x", 7),
           (b"e", 8), (b"f", 9)]
    assert tool["pairs"](old, new) == [(2, "B1"), (4, "A"), (5, "B2")]
    assert tool["words_of"]("anna\ther password\n") == \
        ["anna", "her password"]


def test_who_cannot_be_asked(courier, tmp_path):
    """The tool says who is not in the map, and ends with 1."""
    done, path = make_map(tmp_path, courier, "nobody there", free_port())
    assert done.returncode == 1
    assert done.stderr.startswith("nobody: ") and "refused" in done.stderr
    assert path.read_text(encoding="utf-8") == ""
