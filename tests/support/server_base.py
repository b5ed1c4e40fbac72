"""What the tests ask of an IMAP server, whichever it is.

A test never names a product: it takes an `ImapServer`, asks for a user, fills
the mailbox through IMAP, and points popinjay at `upstream_config()`. A server
is added by a subclass that fills in the attributes in __init__ and start(),
and overrides the methods that raise NotImplementedError.
"""

import functools
import imaplib
import itertools
import re
import ssl

from support.ports import LOOPBACK
from support.secrets import PASSWORD

# imaplib refuses long lines by default; large FETCH answers have them.
imaplib._MAXLINE = 100_000_000


def append(m, size, pieces, mailbox="INBOX"):
    """APPEND over the imaplib connection |m|, with the octets unchanged.

    imaplib's own append() turns each bare LF into CRLF and wants the whole
    message at once; here |pieces| yields |size| octets in all.
    """
    tag = m._new_tag()
    m.send(b"%s APPEND %s {%d}\r\n" % (tag, mailbox.encode(), size))
    while m._get_response():   # None at the continuation
        if m.tagged_commands.get(tag):
            raise m.error(m.tagged_commands[tag])
    for piece in pieces:
        m.send(piece)
    m.send(b"\r\n")
    kind, text = m._command_complete("APPEND", tag)
    if kind != "OK":
        raise m.error(text)


def _literals(answer):
    """(head, literal, tail) of each FETCH answer with one literal."""
    for item, after in zip(answer, answer[1:] + [b""]):
        if isinstance(item, tuple):
            yield (*item, after if isinstance(after, bytes) else b"")


class ImapServer:
    name = "?"                 # for test ids: "dovecot", "cyrus", ...
    host = "localhost"         # the name in the certificate
    port_tls = None            # implicit TLS; None: not offered
    port_starttls = None       # clear text, with STARTTLS if in features
    ca_file = None             # path of the CA of its certificate
    # What it can do, in capability names; tests pick on it:
    # UIDPLUS, SASL-IR, LITERAL+, CONDSTORE, MOVE, ID, STARTTLS, ...; and
    # KEYWORDS, where clients may make up flags.
    features = frozenset()
    # An open session can still read what another expunged: RFC 2180 §4.1.1.
    keeps_expunged = False
    # What a proxy before it is to be told: {section: {key: value}}.
    settings = {}
    # How user names look ("{}" is the local part).
    user_form = "{}"

    _serial = itertools.count(1)

    def start(self):
        """Starts the server and returns once it answers."""
        raise NotImplementedError

    def stop(self):
        """Ends what start() started, by process id; harmless when repeated."""
        raise NotImplementedError

    def halt(self):
        """Stops serving; mail and accounts stay for resume()."""
        raise NotImplementedError

    def resume(self):
        """Serves again, on the same ports, after halt()."""
        raise NotImplementedError

    def create_user(self, user, password):
        """Makes an account with an empty INBOX, or gives it a password."""
        raise NotImplementedError

    def new_user(self, password=PASSWORD):
        """Makes an account nobody used yet; returns its name."""
        user = self.user_form.format(f"user{next(self._serial)}")
        self.create_user(user, password)
        self._passwords[user] = password
        return user

    @functools.cached_property
    def _passwords(self):
        """{user: password}; create_user() adds those that it makes."""
        return {}

    def password(self, user):
        return self._passwords[user]

    def imap(self, user):
        """A logged-in imaplib connection that nobody has selected with."""
        context = ssl.create_default_context(cafile=self.ca_file)
        if self.port_tls:
            m = imaplib.IMAP4_SSL(self.host, self.port_tls,
                                  ssl_context=context, timeout=60)
        else:
            m = imaplib.IMAP4(self.host, self.port_starttls, timeout=60)
            if "STARTTLS" in self.features:
                m.starttls(context)
        m.login(user, self.password(user))
        return m

    def deliver(self, user, messages):
        """Appends each of |messages| (octets) to INBOX just as it is."""
        m = self.imap(user)
        for message in messages:
            append(m, len(message), [message])
        m.logout()

    def held(self, user):
        """{uid: octets} of INBOX as FETCH BODY.PEEK[] shows them."""
        m = self.imap(user)
        m.select(readonly=True)
        _, answer = m.uid("FETCH", "1:*", "(UID BODY.PEEK[])")
        m.logout()
        return {int(re.search(rb"UID (\d+)", head + tail)[1]): body
                for head, body, tail in _literals(answer)}

    def uids(self, user):
        """The UIDs in INBOX now, ascending."""
        m = self.imap(user)
        m.select(readonly=True)
        _, answer = m.uid("SEARCH", "ALL")
        m.logout()
        return sorted(int(n) for n in answer[0].split())

    def upstream_config(self, tls=None):
        """The [upstream] section of proxy.conf that reaches this server.

        tls: implicit, starttls or none; default: the best one it has.
        """
        if tls is None:
            tls = "implicit" if self.port_tls else (
                "starttls" if "STARTTLS" in self.features else "none")
        port = self.port_tls if tls == "implicit" else self.port_starttls
        section = {"address": f"{self.host}:{port}", "tls": tls}
        if tls == "none":
            section["address"] = f"{LOOPBACK}:{port}"
        else:
            section["ca_file"] = self.ca_file
            section["server_name"] = self.host
        return section

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exc):
        self.stop()
