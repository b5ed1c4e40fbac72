"""SIGHUP: what is read anew, what goes on as it was, and what is refused."""

import contextlib
import os
import re
import shutil
import signal
import socket
import ssl
import tempfile

from support import mail
from support.certificates import Authority
from support.fake_imap import FakeImap, Mailbox
from support.popinjay import Popinjay, write_config
from support.ports import LOOPBACK, answers, free_port, wait_until

SECONDS = 10


def lines(proxy, event):
    return [line for line in proxy.log().splitlines() if f" {event}" in line]


def reload(proxy, event="reloaded"):
    """Has it read its file; returns the line in which it says how it went."""
    before = len(lines(proxy, event))
    proxy.signal(signal.SIGHUP)
    wait_until(lambda: len(lines(proxy, event)) > before, SECONDS, event)
    return lines(proxy, event)[-1]


def change(proxy, settings):
    """{section: {key: value}}; a section or value of None goes."""
    for section, keys in settings.items():
        if keys is None:
            proxy.config.pop(section)
        else:
            proxy.config.setdefault(section, {}).update(keys)
    write_config(proxy.config_path, proxy.config)


def metric(proxy, name):
    return float(re.search(rf"^{name} (\S+)$", proxy.http("/metrics"),
                           re.M)[1])


def shown(proxy, name="localhost"):
    """The certificate that a client is shown, DER."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection((LOOPBACK, proxy.port_tls), SECONDS) as s, \
            context.wrap_socket(s, server_hostname=name) as tls:
        return tls.getpeercert(True)


def certificate(path):
    with open(path, encoding="ascii") as f:
        return ssl.PEM_cert_to_DER_cert(f.read())


# --- What changes -----------------------------------------------------------------

def test_sessions_keep_their_settings(server, start_proxy, user):
    """A session that began before the reload goes on by the old policy, on the
    socket of a listener that is gone; one that begins after it goes by the new
    one."""
    server.deliver(user, [mail.message("one", b"1\r\n")])
    password = server.password(user)
    proxy = start_proxy(server.upstream_config(),
                        {"limits": {"upstream_reuse": "0 s"}})
    old = proxy.pop3s()
    plain = proxy.plain()
    before = metric(proxy,
                    "popinjay_config_last_reload_success_timestamp_seconds")
    change(proxy, {"policy": {"expire": "7"}, "listen plain": None})
    assert "plain=" not in reload(proxy)
    assert b"EXPIRE" not in capabilities(old)
    old.login(user, password)
    assert old.retr(1).endswith(b"1\r\n")
    old.quit()
    wait_until(lambda: not answers(proxy.port_plain), SECONDS, "the port's end")
    assert b"EXPIRE" not in capabilities(plain)
    plain.login(user, password)
    plain.quit()
    with proxy.login_when_free(user, password) as new:
        assert b"EXPIRE 7\r\n" in capabilities(new)
        new.quit()
    assert metric(proxy, "popinjay_config_last_reload_successful") == 1
    assert metric(
        proxy,
        "popinjay_config_last_reload_success_timestamp_seconds") >= before


def capabilities(client):
    client.ok("CAPA")
    return client.lines()


def test_listeners_come_and_go(server, start_proxy, user):
    """Another address, another name, one that is new: each is served by all
    workers, and the ones that were are not any more."""
    proxy = start_proxy(server.upstream_config(), {"server": {"workers": "3"}})
    old_tls, old_plain = proxy.port_tls, proxy.port_plain
    new_tls, new_plain = free_port(), free_port()
    plain = {"tls": "none", "allow_plaintext_login": "yes"}
    change(proxy, {
        "listen pop3s": {"address": f"{LOOPBACK}:{new_tls}"},
        "listen plain": None,
        "listen renamed": {"address": f"{LOOPBACK}:{old_plain}", **plain},
        "listen another": {"address": f"{LOOPBACK}:{new_plain}", **plain}})
    reload(proxy)
    wait_until(lambda: not answers(old_tls), SECONDS, "the old port's end")
    proxy.port_tls = new_tls
    for port in (old_plain, new_plain):
        proxy.port_plain = port
        for _ in range(6):
            with proxy.plain() as c:
                c.quit()
    with proxy.login(user, server.password(user)) as c:
        c.quit()
    for name in ("renamed", "another"):
        assert f"listener={name}" in proxy.log()
    # And back, where they were.
    change(proxy, {"listen pop3s": {"address": f"{LOOPBACK}:{old_tls}"}})
    reload(proxy)
    proxy.port_tls = old_tls
    with proxy.login(user, server.password(user)) as c:
        c.quit()


def test_certificates(start_proxy, tmp_path):
    """The same files with other certificates, and one more for a name (SNI).
    What clients resume does not depend on it."""
    authority = Authority(tmp_path / "ca")
    first, second, other = (authority.issue(name) for name in
                            ("first", "second", "other"))
    named = authority.issue("named", sans=("DNS:named.example",))
    at = tuple(str(tmp_path / name) for name in ("cert.pem", "key.pem"))
    with FakeImap(Mailbox([])) as fake:
        place(first, at)
        proxy = start_proxy(fake.upstream_config(), {
            "listen pop3s": {"certificate": [at[0]], "private_key": [at[1]]}})
        assert shown(proxy) == certificate(first[0])
        place(second, at)
        assert shown(proxy) == certificate(first[0])
        reload(proxy)
        assert shown(proxy) == certificate(second[0])
        change(proxy, {"listen pop3s": {
            "certificate": [other[0], named[0]],
            "private_key": [other[1], named[1]]}})
        reload(proxy)
        assert shown(proxy) == certificate(other[0])
        assert shown(proxy, "named.example") == certificate(named[0])


def test_certificates_without_a_signal(start_proxy, tmp_path):
    """certificate_check: what was replaced on disk is shown; while only one of
    two files is there, what was goes on, and is complained of once."""
    authority = Authority(tmp_path / "ca")
    pairs = [authority.issue(name) for name in ("first", "second", "third")]
    at = tuple(str(tmp_path / name) for name in ("cert.pem", "key.pem"))
    with FakeImap(Mailbox([])) as fake:
        place(pairs[0], at)
        proxy = start_proxy(fake.upstream_config(), {
            "server": {"certificate_check": "50 ms"},
            "listen pop3s": {"certificate": at[0], "private_key": at[1]}})
        proxy.ca_file = authority.ca_file
        # What stands in the file meanwhile is not for this to take up.
        change(proxy, {"policy": {"expire": "7"}})
        with proxy.pop3s() as old:
            place(pairs[1], at)
            wait_until(lambda: shown(proxy) == certificate(pairs[1][0]),
                       SECONDS, "the second certificate")
            old.quit()
        place(pairs[2][:1], at)
        wait_until(lambda: lines(proxy, "certificates_kept"), SECONDS,
                   "a complaint")
        assert "does not belong" in lines(proxy, "certificates_kept")[0]
        assert metric(proxy, "popinjay_config_last_reload_successful") == 0
        assert shown(proxy) == certificate(pairs[1][0])
        place(pairs[2], at)
        wait_until(lambda: shown(proxy) == certificate(pairs[2][0]), SECONDS,
                   "the third certificate")
        assert metric(proxy, "popinjay_config_last_reload_successful") == 1
        assert len(lines(proxy, "certificates_kept")) == 1
        with proxy.pop3s() as c:
            assert b"EXPIRE" not in capabilities(c)


def place(pair, at):
    for source, target in zip(pair, at):
        shutil.copy(source, target + ".new")
        os.replace(target + ".new", target)


def test_limits_and_log(server, start_proxy, user):
    """max_sessions and the log's level and form change under way."""
    proxy = start_proxy(server.upstream_config(),
                        {"limits": {"max_sessions": "2"}})
    with proxy.pop3s(), proxy.pop3s():
        with proxy.pop3s() as c:
            c.ok(f"USER {user}")
            assert b"[SYS/TEMP]" in c.err(f"PASS {server.password(user)}")
        change(proxy, {"limits": {"max_sessions": "10"},
                       "server": {"log_format": "json", "log_level": "info"}})
        proxy.signal(signal.SIGHUP)
        wait_until(lambda: '"event":"reloaded"' in proxy.log(), SECONDS,
                   "a line of JSON")
        with proxy.login(user, server.password(user)) as c:
            c.quit()
    assert metric(proxy, "popinjay_sessions_limit") == 10
    change(proxy, {"server": {"log_format": "text", "log_level": "error"}})
    proxy.signal(signal.SIGHUP)
    wait_until(lambda: logs_nothing(proxy, server, user), SECONDS, "silence")


def logs_nothing(proxy, server, user):
    before = proxy.log()
    with proxy.login_when_free(user, server.password(user)) as c:
        c.quit()
    return proxy.log() == before


def test_status_moves(server, start_proxy):
    """The status server's address may change, or go."""
    proxy = start_proxy(server.upstream_config())
    old, proxy.port_status = proxy.port_status, free_port()
    change(proxy, {"status": {"address": f"{LOOPBACK}:{proxy.port_status}"}})
    reload(proxy)
    assert "ok" in proxy.http("/healthz")
    wait_until(lambda: not answers(old), SECONDS, "the old port's end")
    change(proxy, {"status": None})
    reload(proxy)
    wait_until(lambda: not answers(proxy.port_status), SECONDS, "its end")


def test_another_upstream(start_proxy):
    """Nothing that rests, or is known, at one server is taken for another's:
    not even where it has the same name."""
    here = Mailbox([mail.message("here", b"1\r\n")])
    there = Mailbox([mail.message("there", b"12\r\n")])
    port = free_port()
    with FakeImap(here, address=(LOOPBACK, port)) as first, \
            FakeImap(there, address=("127.0.0.2", port)) as second:
        upstream = {"tls": "none", "server_name": "imap.example"}
        proxy = start_proxy({**upstream, "address": f"{LOOPBACK}:{first.port}"})
        for _ in range(2):
            with proxy.login("mrose", "secret") as c:
                assert c.retr(1) == here.messages[1]
                c.quit()
        assert first.connections == 1
        change(proxy, {"upstream": {"address": f"127.0.0.2:{first.port}"}})
        reload(proxy)
        wait_until(lambda: any(line.endswith(b" LOGOUT") for line in first.seen),
                   SECONDS, "the end of what was parked")
        with proxy.login("mrose", "secret") as c:
            assert c.retr(1) == there.messages[1]
            c.quit()
        assert (first.connections, second.connections) == (1, 1)
        # What rests there is none of the first one's either.
        change(proxy, {"upstream": {"address": f"{LOOPBACK}:{first.port}"}})
        reload(proxy)
        with proxy.login("mrose", "secret") as c:
            assert c.retr(1) == here.messages[1]
            c.quit()
        assert (first.connections, second.connections) == (2, 1)


def test_what_needs_a_restart(server, start_proxy):
    """It is taken note of, and said each time until it is so."""
    proxy = start_proxy(server.upstream_config())
    change(proxy, {"server": {"workers": "5"}})
    for _ in range(2):
        assert "needs_restart=workers" in reload(proxy)
    assert metric(proxy, "popinjay_workers") == 2
    change(proxy, {"server": {"seccomp": "log"}})
    assert 'needs_restart="workers seccomp"' in reload(proxy)
    change(proxy, {"server": {"workers": "2", "seccomp": "yes"}})
    assert "needs_restart" not in reload(proxy)


def test_workers_that_run_share_a_limit(start_proxy):
    """And not those that are to run after the next start."""
    with FakeImap(Mailbox([])) as fake, contextlib.ExitStack() as held:
        proxy = start_proxy(fake.upstream_config(),
                            {"server": {"workers": "1"},
                             "limits": {"max_unauthenticated": "4"}})
        change(proxy, {"server": {"workers": "4"}})
        reload(proxy)
        clients = [held.enter_context(proxy.plain()) for _ in range(4)]
        for client in clients:
            client.ok("CAPA")


# --- What is refused --------------------------------------------------------------

def test_bad_files_change_nothing(start_proxy, tmp_path, authority):
    """Each is told with its place in the file; what was goes on, also the parts
    of the file that were no mistake."""
    cert, key = authority.pair("proxy")
    _, wrong_key = authority.pair("another")
    half = tmp_path / "half.pem"
    with open(cert, "rb") as f:
        half.write_bytes(f.read()[:200])
    ticket_keys = tmp_path / "keys"
    ticket_keys.write_bytes(b"x" * 79)
    ticket_keys.chmod(0o600)
    taken = socket.create_server((LOOPBACK, 0))
    port = taken.getsockname()[1]
    wrong = [
        ({"server": {"log_levle": "info"}}, r"proxy\.conf:\d+: .*log_levle"),
        ({"limits": {"max_sessions": "none"}}, r"proxy\.conf:\d+: .*max_ses"),
        ({"listen pop3s": {"certificate": str(half)}},
         r"proxy\.conf:\d+: \[listen pop3s\] certificate: \S*half\.pem: "),
        ({"listen pop3s": {"private_key": wrong_key}},
         r"proxy\.conf:\d+: \[listen pop3s\] private_key: .*does not belong"),
        ({"upstream": {"tls": "starttls", "ca_file": str(half)}},
         r"proxy\.conf:\d+: \[upstream\] ca_file: "),
        ({"server": {"tls_ticket_key_file": str(ticket_keys)}},
         r"proxy\.conf:\d+: \[server\] tls_ticket_key_file: .*80 octets"),
        ({"listen new": {"address": f"{LOOPBACK}:{port}", "certificate": cert,
                         "private_key": key}},
         rf"proxy\.conf:\d+: \[listen new\] address: .*:{port}: .*in use"),
        ({"status": {"address": f"{LOOPBACK}:{port}"}}, r"\[status\].*in use"),
    ]
    with taken, FakeImap(Mailbox([])) as fake:
        proxy = start_proxy(fake.upstream_config())
        good = {section: dict(keys) for section, keys in proxy.config.items()}
        for settings, complaint in wrong:
            change(proxy, {"policy": {"expire": "7"}, **settings})
            line = reload(proxy, "reload_refused")
            assert re.search(complaint, line), line
            assert metric(proxy, "popinjay_config_last_reload_successful") == 0
            with proxy.pop3s() as c:
                assert b"EXPIRE" not in capabilities(c)
            proxy.config = {s: dict(keys) for s, keys in good.items()}
        os.unlink(proxy.config_path)
        assert "proxy.conf: " in reload(proxy, "reload_refused")
        change(proxy, {})
        reload(proxy)
        assert metric(proxy, "popinjay_config_last_reload_successful") == 1
        with proxy.pop3s() as c:
            c.quit()


def test_rights_are_those_of_the_user(authority):
    """A reload reads and binds as the user that the process has become: what
    that one may not, it says, and stays as it was."""
    pair = authority.issue("private")
    # Not pytest's folder, which is for nobody else.
    with tempfile.TemporaryDirectory() as folder, \
            FakeImap(Mailbox([])) as fake:
        cert, key = files = tuple(os.path.join(folder, name)
                                  for name in ("cert.pem", "key.pem"))
        place(pair, files)
        tls = {"certificate": cert, "private_key": key}
        proxy = Popinjay(folder, authority, fake.upstream_config(), {
            "server": {"user": "nobody", "certificate_check": "0 s"},
            "listen pop3s": tls, "listen pop3": tls})
        for path in (folder, os.path.dirname(proxy.config_path)):
            os.chmod(path, 0o755)
        os.chmod(cert, 0o644)
        os.chmod(proxy.config_path, 0o644)
        try:
            proxy.start()
            judge_rights(proxy, key)
            assert shown(proxy) == certificate(pair[0])
            proxy.stop()
        finally:
            proxy.kill()


def judge_rights(proxy, key):
    os.chmod(key, 0)
    assert re.search(r"proxy\.conf:\d+: \[listen pop3s\] private_key: "
                     r".*[Pp]ermission denied", reload(proxy, "reload_refused"))
    os.chmod(key, 0o644)
    reload(proxy)
    change(proxy, {"listen low": {
        "address": f"{LOOPBACK}:{privileged_port()}", "tls": "none",
        "allow_plaintext_login": "yes"}})
    line = reload(proxy, "reload_refused")
    assert re.search(r"\[listen low\] address: .*permission denied; a port "
                     r"below 1024 takes CAP_NET_BIND_SERVICE", line), line


def privileged_port():
    """One that is free for those who may."""
    return next(port for port in range(1023, 512, -1)
                if not answers(port))


def test_many_reloads_under_load(server, start_proxy, user):
    """Sessions come and go while it reads its file again and again: none is
    lost, and no descriptor and no memory stays behind."""
    server.deliver(user, [mail.message("one", b"1\r\n")])
    proxy = start_proxy(server.upstream_config())
    extra = {"address": f"{LOOPBACK}:{free_port()}", "tls": "none",
             "allow_plaintext_login": "yes"}
    files = None
    for turn in range(30):
        change(proxy, {"listen extra": extra if turn % 2 == 0 else None})
        if turn % 2 == 0:
            wait_until(lambda: "extra=" in reload(proxy), SECONDS, "it")
        else:
            proxy.signal(signal.SIGHUP)
            proxy.signal(signal.SIGHUP)
        with proxy.login_when_free(user, server.password(user)) as c:
            assert c.retr(1).endswith(b"1\r\n")
            c.quit()
        if turn == 3:
            files = open_files(proxy)
    wait_until(lambda: open_files(proxy) <= files + 2, SECONDS,
               "descriptors to be closed")
    assert not lines(proxy, "reload_refused")


def open_files(proxy):
    return metric(proxy, "process_open_fds")
