#!/usr/bin/python3
"""Writes the map that popinjay's unique_id_map reads: what an old POP3 server
calls the messages that an IMAP server holds now.

    unique_ids.py --pop3 pop.old.example --imap imap.new.example \\
        users.txt >unique-ids.map

users.txt has a line for each user, with tabs between its parts (or blanks, where
no part holds one), and should be open to nobody else:

    NAME PASSWORD                                the same at both servers
    OLD-NAME OLD-PASSWORD NEW-NAME NEW-PASSWORD

A message is the same where Message-ID, Date, From, To and Subject are. Several
that are the same are taken in their order, and only where both servers have as
many of them: a device that was told of the wrong one would not load the other.
What has no counterpart is counted on standard error: a device will load it once
more. Exit status 1: somebody
could not be asked, and is not in the map.
"""

import argparse
import collections
import email.parser
import email.policy
import hashlib
import imaplib
import poplib
import re
import ssl
import sys

FIELDS = ("Message-ID", "Date", "From", "To", "Subject")
# More than poplib and imaplib believe that a line can have.
poplib._MAXLINE = imaplib._MAXLINE = 10_000_000
BATCH = 500


def fingerprint(header):
    """The same for the header of a message wherever it is."""
    message = email.parser.BytesHeaderParser(
        policy=email.policy.compat32).parsebytes(header)
    digest = hashlib.sha256()
    for field in FIELDS:
        value = " ".join(str(message.get(field, "")).split())
        digest.update(value.encode("utf-8", "surrogateescape") + b"\0")
    return digest.digest()


def host_and_port(text, port):
    """HOST, HOST:PORT or [ADDRESS]:PORT."""
    found = re.fullmatch(r"\[?(.+?)\]?(?::(\d+))?", text)
    return found[1], int(found[2] or port)


def context(options):
    return ssl.create_default_context(cafile=options.ca_file)


def old_messages(options, user, password):
    """[(fingerprint, unique-id)] in the order of the POP3 server."""
    port = 995 if options.pop3_tls == "implicit" else 110
    host, port = host_and_port(options.pop3, port)
    if options.pop3_tls == "implicit":
        pop3 = poplib.POP3_SSL(host, port, context=context(options),
                               timeout=options.timeout)
    else:
        pop3 = poplib.POP3(host, port, timeout=options.timeout)
    try:
        if options.pop3_tls == "starttls":
            pop3.stls(context(options))
        pop3.user(user)
        pop3.pass_(password)
        messages = []
        for line in pop3.uidl()[1]:
            number, unique_id = line.decode("ascii").split(" ", 1)
            header = b"\r\n".join(pop3.top(int(number), 0)[1])
            messages.append((fingerprint(header), unique_id))
        return messages
    finally:
        pop3.quit()


def new_messages(options, user, password):
    """UIDVALIDITY and [(fingerprint, UID)], by UID."""
    port = 993 if options.imap_tls == "implicit" else 143
    host, port = host_and_port(options.imap, port)
    if options.imap_tls == "implicit":
        imap = imaplib.IMAP4_SSL(host, port, ssl_context=context(options),
                                 timeout=options.timeout)
    else:
        imap = imaplib.IMAP4(host, port, timeout=options.timeout)
    try:
        if options.imap_tls == "starttls":
            imap.starttls(context(options))
        imap.login(user, password)
        wanted(imap.select('"INBOX"', readonly=True))
        validity = int(imap.response("UIDVALIDITY")[1][0])
        uids = wanted(imap.uid("SEARCH", "ALL"))[0].split()
        messages = []
        for at in range(0, len(uids), BATCH):
            messages += headers(imap, uids[at:at + BATCH])
        return validity, sorted(messages, key=lambda m: m[1])
    finally:
        imap.logout()


def wanted(answer):
    if answer[0] != "OK":
        raise imaplib.IMAP4.error(str(answer[1]))
    return answer[1]


def headers(imap, uids):
    section = f"BODY.PEEK[HEADER.FIELDS ({' '.join(FIELDS).upper()})]"
    answer = wanted(imap.uid("FETCH", b",".join(uids).decode(),
                             f"(UID {section})"))
    for item, after in zip(answer, answer[1:] + [b""]):
        if isinstance(item, tuple):
            tail = after if isinstance(after, bytes) else b""
            uid = re.search(rb"UID (\d+)", item[0] + tail)[1]
            yield fingerprint(item[1]), int(uid)


def grouped(messages):
    """{fingerprint: [what else is known of each that is the same]}"""
    groups = collections.defaultdict(list)
    for print_, known in messages:
        groups[print_].append(known)
    return groups


def pairs(old, new):
    """[(UID, unique-id)], by UID; no unique-id twice."""
    ids, uids = grouped(old), grouped(new)
    often = collections.Counter(unique_id for _, unique_id in old)
    found = [pair for print_ in uids if len(uids[print_]) == len(ids[print_])
             for pair in zip(uids[print_], ids[print_])]
    return sorted(pair for pair in found if often[pair[1]] == 1)


def words_of(line):
    return line.rstrip("\n").split("\t") if "\t" in line else line.split()


def write_user(options, words):
    name, password = words[:2]
    new_name, new_password = words[2:] or (name, password)
    old = old_messages(options, name, password)
    validity, new = new_messages(options, new_name, new_password)
    known = pairs(old, new)
    print(f"user {new_name}\nmailbox {validity} INBOX")
    for uid, unique_id in known:
        print(uid, unique_id)
    print(f"{new_name}: {len(known)} of {len(old)} messages of the old server "
          f"found among {len(new)}", file=sys.stderr)


def main():
    tls = ("implicit", "starttls", "none")
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pop3", required=True, metavar="HOST[:PORT]")
    parser.add_argument("--imap", required=True, metavar="HOST[:PORT]")
    parser.add_argument("--pop3-tls", choices=tls, default="implicit")
    parser.add_argument("--imap-tls", choices=tls, default="implicit")
    parser.add_argument("--ca-file", help="default: the system's")
    parser.add_argument("--timeout", type=float, default=60)
    parser.add_argument("users", type=argparse.FileType(encoding="utf-8"))
    options = parser.parse_args()
    failed = 0
    for line in options.users:
        words = words_of(line)
        if not words or words[0].startswith("#"):
            continue
        if len(words) not in (2, 4):
            parser.error(f"{options.users.name}: {words[0]}: NAME PASSWORD, or "
                         "OLD-NAME OLD-PASSWORD NEW-NAME NEW-PASSWORD")
        try:
            write_user(options, words)
        except (OSError, EOFError, poplib.error_proto,
                imaplib.IMAP4.error) as e:
            failed += 1
            print(f"{words[0]}: {e}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
