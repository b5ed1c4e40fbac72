"""Messages that tell something: each has broken some mail program once.

`sample()` gives them by name, in an order that suits a demonstration; what a
POP3 client must receive for the octets a server holds is `as_retrieved()`.
"""

import base64
import random
import re

DATE = "Thu, 01 Oct 2026 10:00:00 +0000"


def message(subject, body, *headers, end="\r\n"):
    """A message as octets, with |end| behind each line of the header.

    body: octets, taken as they are. headers: further header lines.
    """
    lines = ["From: Parrot <parrot@example.org>",
             "To: Demo <demo@example.org>",
             f"Subject: {subject}",
             f"Date: {DATE}",
             "Message-ID: <%s@example.org>" % re.sub(r"\W+", ".", subject),
             *headers, "", ""]
    return end.join(lines).encode("utf-8") + body


def text(*lines, end=b"\r\n"):
    return b"".join(line + end for line in lines)


def octets(count, seed=1):
    """The same noise for the same seed."""
    return random.Random(seed).randbytes(count)


def attachment(size, name="noise.bin"):
    """A multipart message whose attachment decodes to |size| octets."""
    coded = base64.encodebytes(octets(size)).replace(b"\n", b"\r\n")
    return message(
        "with an attachment",
        b"A message in several parts.\r\n"
        b"--=_part\r\nContent-Type: text/plain\r\n\r\nSee the file.\r\n"
        b"--=_part\r\nContent-Type: application/octet-stream\r\n"
        b"Content-Disposition: attachment; filename=" + name.encode() +
        b"\r\nContent-Transfer-Encoding: base64\r\n\r\n" + coded +
        b"--=_part--\r\n",
        "MIME-Version: 1.0",
        'Content-Type: multipart/mixed; boundary="=_part"')


def sample(attachment_size=3_000_000):
    """{name: octets}; names say what is odd about each."""
    return {
        "plain": message("plain", text(b"Hello,", b"", b"this is a parrot.")),
        "attachment": attachment(attachment_size),
        "dots": message("dots", text(
            b".", b"..", b"...", b".x", b"x.", b"", b".", b". ", b"..")),
        "only-dot": message("only a dot", b".\r\n"),
        "bare-lf": message("bare LF", b"one\ntwo\n.\n..three\n\nfour\n",
                           end="\n"),
        "mixed-ends": message("mixed line ends",
                              b"crlf\r\nlf\n.after lf\r\nlf lf\n\n.\r\n"),
        "bare-cr": message("bare CR", b"a\rb\r\r\n.c\r.d\r\n\r\r\n"),
        "8-bit": message("8 bit", bytes(b for b in range(1, 256)
                                        if b not in (10, 13)) + b"\r\n"),
        "utf-8-header": message("Grüße aus Köln \u2709",
                                "Ärger mit Ümläuten\r\n".encode()),
        "html": message("html", text(
            b"<!doctype html>", b"<p style=\"color:red\">.</p>"),
            "MIME-Version: 1.0", "Content-Type: text/html; charset=utf-8"),
        "empty-body": message("empty body", b""),
        "header-only": b"Subject: header only\r\nFrom: parrot@example.org\r\n",
        "no-final-newline": message("no final newline", b"the end"),
        "no-final-newline-dot": message("dot at the end", b"x\r\n."),
        "long-lines": message("long lines", text(
            b"x" * 998, b"y" * 70_000, b"." * 5_000, b"z" * 16_384)),
        "many-lines": message("many lines", text(
            *(b"line %d" % n for n in range(5_000)))),
        "long-header": message("long header", b"below it\r\n", *(
            f"X-Filler-{n}: " + "f" * 900 for n in range(100))),
        "blank-lines": message("blank lines", b"\r\n" * 50 + b"." * 3),
    }


def as_retrieved(held):
    """What RETR gives, dots unstuffed, for the octets that the server holds.

    Each bare LF is CRLF then, and the last line has an end; all else stays.
    """
    sent = re.sub(rb"(?<!\r)\n", b"\r\n", held)
    return sent if sent.endswith(b"\r\n") else sent + b"\r\n"


def top_of(held, lines):
    """What TOP gives: the header, the blank line, |lines| of the body."""
    rows = re.findall(rb"(?s).*?\r\n", as_retrieved(held))
    blank = rows.index(b"\r\n") if b"\r\n" in rows else len(rows)
    return b"".join(rows[:blank + 1 + lines])
