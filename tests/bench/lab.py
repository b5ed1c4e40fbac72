"""The laboratory: a folder, certificates, the upstream with its mail, and the
peers that are started before it. All of it is gone when it is left."""

import contextlib
import itertools
import os
import shutil
import tempfile

from support.certificates import Authority

import bare_imap
import dovecot_peers
import mailstore
import peers
import process

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
PASSWORD = "secret"
DELAY_MS = 25                        # each way: a round trip of 50 ms


class Lab:
    """Owns every process of the benchmark. Use it in a `with` block.

    Peers live until end_work(); the upstream and its mail live on.
    """

    password = PASSWORD

    def __init__(self, build):
        self.build = os.path.abspath(build)
        self.file_limit = process.raise_file_limit()
        self._serial = itertools.count(1)
        self._owned = contextlib.ExitStack()
        self._work = contextlib.ExitStack()
        self._full_port = None

    def __enter__(self):
        # Short, for the names of Dovecot's sockets, and open to the users that
        # its services run as.
        self.folder = tempfile.mkdtemp(prefix="pjb.")
        self._owned.callback(shutil.rmtree, self.folder, ignore_errors=True)
        os.chmod(self.folder, 0o755)
        try:
            self._build_up()
        except BaseException:
            self._owned.close()
            raise
        return self

    def _build_up(self):
        authority = Authority(os.path.join(self.folder, "tls"),
                              "popinjay bench CA")
        self.ca_file = authority.ca_file
        self.pair = authority.issue("localhost")
        owner = dovecot_peers.mail_owner()
        self.mail = mailstore.MailStore(self.folder,
                                        (owner.pw_uid, owner.pw_gid))
        self.dovecot, self.dovecot_ports = dovecot_peers.start_upstream(
            self.new_folder(), self.pair, self.mail.location, PASSWORD)
        self._owned.callback(self.dovecot.stop)
        self._users = set()

    def __exit__(self, *exc):
        self.end_work()
        self._owned.close()

    def end_work(self):
        """Stops the peers, the last one first."""
        self._work.close()
        self._full_port = None

    # --- What peers are made of ---------------------------------------------

    def new_folder(self):
        path = os.path.join(self.folder, str(next(self._serial)))
        os.mkdir(path, 0o755)
        return path

    def tool(self, name):
        """The path of one of the programs of tests/bench."""
        return os.path.join(self.build, "tests", "bench", name)

    def run(self, name, argv):
        """Starts a program that ends with the work."""
        log = os.path.join(self.new_folder(), "log")
        return self.own(process.Process(name, argv, log))

    def own(self, running):
        """Has |running| stopped when the work ends."""
        self._work.callback(running.stop)
        return running

    def imap_port(self, route):
        """Where a proxy finds IMAP over TLS.

        route: near (Dovecot), far (the same, 50 ms away), full (near, but
        no TLS session is resumed), or the port of a server that the work has
        started.
        """
        if isinstance(route, int):
            return route
        near = self.dovecot_ports["imap"][1]
        if route == "near":
            return near
        if route == "full":
            return self._without_tickets()
        assert route == "far"
        return self.run("delay", [
            self.tool("delay"), "--connect", f"127.0.0.1:{near}",
            "--delay-ms", str(DELAY_MS)]).port()

    def _without_tickets(self):
        """A second Dovecot for the same mail; one for all peers of a work."""
        if not self._full_port:
            running, ports = dovecot_peers.start_upstream(
                self.new_folder(), self.pair, self.mail.location, PASSWORD,
                tickets=False)
            self.own(running)
            self._full_port = ports["imap"][1]
        return self._full_port

    def free_upstream(self, messages, size, *options):
        """The IMAP server that costs nearly nothing: (Process, port)."""
        running = self.run("upstream", [
            self.tool("upstream"), "--tls", "implicit",
            "--certificate", self.pair[0], "--private-key", self.pair[1],
            "--messages", str(messages), "--size", str(size), "--condstore",
            *options])
        return running, running.port()

    def peer(self, name, route="near", *options, **more):
        """Starts the peer called |name|; see peers.START."""
        return peers.START[name](self, name, route, *options, **more)

    # --- Mail ---------------------------------------------------------------

    def fill(self, users, count, size):
        """Gives each of |users| that has none yet an INBOX, and has the
        upstream list it, twice: its caches are not what is measured."""
        for user in users:
            if user in self._users:
                continue
            self._users.add(user)
            self.mail.fill(user, count, size)
            self.bare_listing(user)
            self.bare_listing(user)

    def bare_listing(self, user, fetch=True):
        """What the upstream alone takes; see bare_imap.listing()."""
        return bare_imap.listing(self.dovecot_ports["imap"][1], self.ca_file,
                                 user, PASSWORD, fetch)

    def manifest(self, count, size):
        path = os.path.join(self.folder, f"manifest.{count}x{size}")
        return self.mail.manifest(path, count, size)
