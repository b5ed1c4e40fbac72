/* fault.h - all that can go wrong in a session, and what each is called.
 *
 * One fault, mapped once: to the POP3 code and text that the client reads, to
 * a class for metrics and the log level, and to a reason in the log.
 * Source: RFC 2449 §6.4, §8; RFC 3206 §4, §5; RFC 5530 §3; CONFORMANCE MAP-1
 * to MAP-12.
 */
#ifndef POPINJAY_SESSION_FAULT_H
#define POPINJAY_SESSION_FAULT_H

#include "pop3/reply.h"

enum fault {
    FAULT_NONE,
    /* the client's doing */
    FAULT_CLIENT_GONE,      /* its connection ended without QUIT */
    FAULT_CLIENT_IDLE,      /* session_timeout */
    FAULT_LOGIN_TIMEOUT,    /* login_timeout */
    FAULT_TOO_MANY_ERRORS,  /* POP3_ERRORS_MAX */
    FAULT_TOO_MANY_LOGINS,  /* POP3_LOGIN_TRIES_MAX */
    FAULT_CLEAR_BEFORE_TLS, /* octets behind STLS: an injection */
    FAULT_CLIENT_TLS,       /* its handshake failed */
    /* refused */
    FAULT_CREDENTIALS,       /* the upstream said no: MAP-1 */
    FAULT_TOKEN_REFUSED,     /* the same of an OAuth token of ours */
    FAULT_SECRET_REFUSED,    /* the same of one the client does not know */
    FAULT_TOKEN_WITHHELD,    /* there is none until somebody agrees anew */
    FAULT_TOKEN_UNAVAILABLE, /* none for now: who gives them is in trouble */
    FAULT_IDENTITY,          /* may not act as somebody else: SASL-10 */
    FAULT_NO_ACCOUNT,        /* there is none, and only accounts may */
    FAULT_ACCOUNT_PLACE,     /* not from this network, or listener */
    FAULT_VERIFY_BUSY,       /* too many passwords are being judged */
    FAULT_AUTH_SERVICE,      /* [auth_http] cannot tell, or makes no sense */
    FAULT_SECRET_SEALED,     /* an account's secret does not open */
    FAULT_IN_USE,            /* another session has the maildrop: MAP-6 */
    FAULT_LOGIN_DELAY,       /* login_delay: MAP-5 */
    FAULT_ACCOUNT,           /* CONTACTADMIN: MAP-3 */
    FAULT_OVERLOAD,          /* max_sessions: MAP-12 */
    FAULT_SHUTDOWN,          /* drain_timeout is over */
    FAULT_SHED,              /* not logged in, and its place is needed */
    FAULT_TOO_MANY_COMMANDS, /* POP3_EARLY_COMMANDS_MAX */
    FAULT_LOGIN_BLOCKED,     /* too many wrong passwords before */
    FAULT_UPSTREAM_BACKOFF,  /* the server has asked for a pause */
    /* the upstream's doing, passing */
    FAULT_UPSTREAM_UNREACHABLE, /* name, connect: MAP-9 */
    FAULT_UPSTREAM_FULL,        /* our budget of connections, or logins */
    FAULT_UPSTREAM_GONE,        /* connection lost */
    FAULT_UPSTREAM_BYE,
    FAULT_UPSTREAM_SILENT,        /* upstream_timeout */
    FAULT_UPSTREAM_BUSY,          /* throttled, limits, outage: MAP-2 */
    FAULT_UPSTREAM_NOT_CONNECTED, /* Exchange: authenticated, not connected */
    FAULT_UPSTREAM_GARBLED,       /* unreadable data: MAP-9 */
    FAULT_MAILBOX_BUSY,           /* SELECT NO, passing: MAP-7 */
    FAULT_MAILBOX_INCOMPLETE,     /* the listing lacks UIDs or sizes: IMAP-18 */
    FAULT_MAILBOX_CHANGED,        /* UIDVALIDITY changed: DEC-15 */
    FAULT_MESSAGE_UNREADABLE,     /* still there, not to be had: MAP-11 */
    FAULT_NOT_REMOVED,            /* NO at QUIT, passing: MAP-12 */
    /* the upstream's doing, lasting */
    FAULT_UPSTREAM_UNTRUSTED, /* certificate or name: MAP-10 */
    FAULT_UPSTREAM_UNPROVEN,  /* SCRAM's signature: MAP-10 */
    FAULT_UPSTREAM_MISFIT,    /* not IMAP4, PREAUTH, no STARTTLS: MAP-10 */
    FAULT_UPSTREAM_NO_LOGIN,  /* LOGINDISABLED, no mechanism: MAP-4 */
    FAULT_UPSTREAM_REJECTED,  /* BAD: MAP-8, counted as our defect */
    FAULT_MAILBOX_REFUSED,    /* SELECT NO, lasting: MAP-7 */
    FAULT_MAILBOX_TOO_LARGE,  /* MAILDROP_MESSAGES_MAX */
    FAULT_MAILBOX_READ_ONLY,  /* no \Deleted here: DEC-6 */
    FAULT_NO_SAFE_REMOVAL,    /* without_uidplus = refuse: DEC-5 */
    FAULT_NO_UNIQUE_IDS,      /* UIDNOTSTICKY, no UIDVALIDITY: DEC-12 */
    FAULT_NO_GMAIL_IDS,       /* unique_ids = gmail, and no X-GM-EXT-1 */
    FAULT_NO_TRASH,           /* nowhere to move what DELE marks: DEC-25 */
    FAULT_NO_KEYWORD,         /* on_delete = keep, and it takes no keyword */
    FAULT_REMOVAL_REFUSED,    /* NO at QUIT, lasting: MAP-12 */
    FAULT_REMOVAL_GUARDED,    /* others' flags: not expunged: DEC-5 */
    /* no code: it is simply not there */
    FAULT_MESSAGE_GONE,     /* expunged meanwhile: DEC-14 */
    FAULT_MESSAGE_NOT_READ, /* DELE behind a failed RETR: DEC-14 */
    /* ours */
    FAULT_NO_MEMORY,
    FAULT_COUNT,
};

enum fault_class {
    FAULT_CLASS_NONE,
    FAULT_CLASS_CLIENT,
    FAULT_CLASS_REFUSED,
    FAULT_CLASS_UPSTREAM,
    FAULT_CLASS_TIMEOUT,
    FAULT_CLASS_RESOURCES,
    FAULT_CLASS_COUNT,
};

/* FAULT_NONE has a text too: the reason of a session that ended with QUIT. */
enum pop3_code fault_pop3_code(enum fault fault);
const char *fault_pop3_text(enum fault fault);
enum fault_class fault_class(enum fault fault);

/* A short word for the log and for metric labels: "credentials". */
const char *fault_name(enum fault fault);

/* An alarm wants a person: the operator's configuration or the upstream's
 * certificate is wrong, or the upstream did not understand us.
 */
bool fault_is_alarm(enum fault fault);

/* A login that was judged, and is wrong: it counts as a guess, and is answered
 * as late as any other, whatever it is that is wrong with it.
 */
bool fault_is_wrong_login(enum fault fault);

#endif
