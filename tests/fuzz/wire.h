/* wire.h - what passes between a bridge and its two peers, watched by somebody
 * who knows the rules of a session but not how the bridge follows them.
 *
 * Octets are looked at as soon as they are written, before a peer takes them.
 * What is watched:
 *   upstream  only known commands, with tags that count up; one line at most
 *             IMAP_COMMAND_MAX long; no credentials without the TLS that the
 *             policy asks for; nothing that changes the mailbox before the
 *             client's QUIT, and then only of messages that a DELE named;
 *             nothing but further fetches of bodies while one is not answered
 *   client    every LF has its CR; the password that the fuzzer's inputs use
 *             never comes back
 */
#ifndef POPINJAY_TESTS_FUZZ_WIRE_H
#define POPINJAY_TESTS_FUZZ_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "session/bridge.h"

/* The password of the inputs; more of its forms are in wire.c. */
#define WIRE_PASSWORD "Open-Sesame-7"

/* The keyword of ON_DELETE_KEEP. */
#define WIRE_KEYWORD "$Kept"
#define WIRE_SECOND "Work" /* the mailbox beside INBOX */
#define WIRE_LINE_MAX 32768
#define WIRE_TAIL_MAX 64
#define WIRE_MESSAGES_MAX 1024
#define WIRE_FETCHES_MAX IMAP_PIPELINE_MAX

enum wire_command {
    WIRE_NONE,
    WIRE_CAPABILITY,
    WIRE_STARTTLS,
    WIRE_AUTHENTICATE,
    WIRE_LOGIN,
    WIRE_ID,
    WIRE_SELECT,
    WIRE_LISTING,
    WIRE_BODY,
    WIRE_FLAGS,
    WIRE_STORE_DELETED,
    WIRE_STORE_SEEN,
    WIRE_STORE_KEPT,
    WIRE_COPY,
    WIRE_MOVE,
    WIRE_LIST,
    WIRE_UID_EXPUNGE,
    WIRE_EXPUNGE,
    WIRE_SEARCH,
    WIRE_NOOP,
    WIRE_LOGOUT,
};

struct wire_line {
    size_t len; /* without its end; what does not fit is dropped */
    unsigned char octets[WIRE_LINE_MAX];
};

struct wire_tail {
    size_t len;
    unsigned char octets[WIRE_TAIL_MAX];
};

/* Of whole bodies, and not answered. */
struct wire_fetch {
    uint32_t tag;
    size_t len;
    unsigned char set[IMAP_UID_SET_MAX];
};

struct wire {
    const struct upstream_policy *upstream_policy;
    const struct mailbox_policy *mailbox_policy;
    const struct bridge *bridge;

    /* of this upstream connection */
    size_t upstream_seen;  /* octets of the output looked at */
    struct wire_line sent; /* the line being written */
    uint64_t literal_left;
    uint32_t tag;
    enum wire_command command; /* the last one */
    struct wire_line last;     /* its line */
    struct wire_fetch fetches[WIRE_FETCHES_MAX];
    unsigned fetch_count;
    bool challenged; /* `+` has come since */
    bool answered;   /* its tagged response; without a command, the greeting */
    bool upstream_tls;

    /* of the session */
    struct wire_line said; /* the line being read, of the server */
    bool foretold;         /* the server answered what was not yet asked */
    bool expunged;         /* UID EXPUNGE or EXPUNGE was sent */
    bool removal_proved;   /* at QUIT the server was asked what is left */
    size_t client_seen;
    unsigned char last_out; /* the client's last octet */
    struct wire_tail out_tail, server_tail;
    struct wire_line typed; /* the line being read, of the client */
    bool quit_typed;
    bool password_elsewhere; /* not only in PASS: nothing can be said of it */
    bool deleted[WIRE_MESSAGES_MAX]; /* by number: a DELE named it */
};

void wire_init(struct wire *w, const struct upstream_policy *upstream,
               const struct mailbox_policy *mailbox);

/* Octets that a peer is about to send. */
void wire_on_client(struct wire *w, struct span s);
void wire_on_server(struct wire *w, struct span s);

/* Looks at what |b| has written since the last time. */
void wire_look(struct wire *w, const struct bridge *b);

/* |n| octets were taken off the output. */
void wire_upstream_taken(struct wire *w, size_t n);
void wire_client_taken(struct wire *w, size_t n);

/* A new upstream connection. */
void wire_connect(struct wire *w);

/* One that has rested since the command |tag|. */
void wire_take_up(struct wire *w, uint32_t tag);

/* Is |uid| in |set|, which is numbers, ranges and commas? */
bool wire_set_has(struct span set, uint32_t uid);

/* Text that goes to the log. */
void wire_on_note(struct wire *w, struct span s);

#endif
