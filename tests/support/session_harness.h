/* session_harness.h - a whole session in memory, written as a transcript.
 *
 *   client_says(h, "USER u\r\n");
 *   expect_ok(h);
 *   expect_wish(h, BRIDGE_CONNECT);
 *   outcome(h, BRIDGE_UPSTREAM_UP);
 *   upstream_says(h, "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n");
 *
 * What is put out must be expected, in its order on each side, before the test
 * ends: nothing is passed over. The clock stands unless time_passes is called.
 *
 * Each test runs twice, see SESSION_TEST: with input as it was said, and with
 * both sides' input cut octet by octet.
 *
 * In text for and from the upstream a `#` at the begin of a line stands for a
 * tag: in expect_upstream for any new one, in upstream_says for that of the
 * oldest command without an answer.
 */
#ifndef POPINJAY_TESTS_SESSION_HARNESS_H
#define POPINJAY_TESTS_SESSION_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/octet_budget.h"
#include "session/bridge.h"
#include "session/policy.h"

#define HARNESS_WISHES_MAX 64
#define HARNESS_TAGS_MAX 64
#define HARNESS_START_MS 1000000
#define HARNESS_DATE_S 1772409600 /* 2026-03-02T00:00:00Z */

/* What a server says of itself and its mailbox while log_in plays it. */
struct harness_server {
    const char *capabilities;        /* in the greeting */
    const char *capabilities_inside; /* in the tagged OK of the login */
    const char *select;              /* untagged answers to SELECT */
    const char *selected;            /* its tagged answer */
    const char *list;    /* the LIST that is asked for; NULL: none */
    const char *listed;  /* its answers */
    const char *listing; /* untagged answers to the listing; NULL:
                                        none is asked for */
    const char *search;  /* the command of a view; NULL: none */
    const char *found;   /* untagged answers to that */
};

struct harness {
    bool octet_by_octet;
    struct session_policy policy; /* reads nothing ahead */
    struct upstream_policy upstream_policy;
    struct server_name reached;   /* by each connection */
    bool another;                 /* server is there to go to */
    struct scram_channel channel; /* of each connection; no nonce: no SCRAM */
    struct mailbox_policy mailbox_policy;
    struct octet_budget budget; /* of the policy; given back at the end */
    struct harness_server server;
    const char *timestamp; /* of the greeting; NULL: without */
    bool overloaded;
    bool passes_identities; /* of a login that it grants */
    bool decides_late;      /* the test grants logins, or denies them */
    /* What is used upstream; NULL: what the client gave. */
    const struct credentials *granted;
    bool secret_is_kept;                            /* of what is granted */
    const struct upstream_policy *upstream_granted; /* NULL: upstream_policy */
    /* The client takes nothing by itself: client_takes. */
    bool client_is_slow;
    struct bridge *bridge;
    uint64_t now_ms;
    struct buf to_bridge; /* said, and no room for it yet */
    struct buf from_upstream;
    struct buf client; /* put out, not yet expected */
    struct buf upstream;
    size_t most_client_output; /* that ever waited */
    unsigned wish_count;
    struct bridge_wish wishes[HARNESS_WISHES_MAX]; /* not yet expected */
    unsigned note_count;
    struct bridge_wish notes[HARNESS_WISHES_MAX];
    struct known_mailbox known; /* kept, and offered to the next bridge */
    unsigned tag_count;
    uint64_t tags[HARNESS_TAGS_MAX]; /* commands without an answer */
};

#define SESSION_TEST(f)                                                   \
    { #f ", whole", f, harness_setup, harness_teardown, &harness_whole }, \
    {                                                                     \
#f ", octet by octet", f, harness_setup, harness_teardown,        \
            &harness_octets                                               \
    }

extern bool harness_whole, harness_octets;
int harness_setup(void **state);
int harness_teardown(void **state);

/* Makes the bridge, with the policy as it is now, and reads the greeting. */
void begin(struct harness *h);

/* --- in --- */

void client_says(struct harness *h, const char *text);
void client_says_octets(struct harness *h, struct span octets);
void upstream_says(struct harness *h, const char *text);
void upstream_says_octets(struct harness *h, struct span octets);
void outcome(struct harness *h, enum bridge_outcome outcome);

/* The answers to BRIDGE_ASK_LOGIN; the first with what the client gave, for the
 * one upstream. Where the test does not decide, they are given at once.
 */
void grant_login(struct harness *h);
void deny_login(struct harness *h, enum fault fault, uint64_t wait_ms);

/* The answer to BRIDGE_PROVE. */
void prove(struct harness *h, const struct scram_proof *proof);

/* The clock goes on, and stops at each deadline on its way. */
void time_passes(struct harness *h, uint64_t ms);

/* A slow client takes up to |n| octets. */
void client_takes(struct harness *h, size_t n);

/* --- out --- */

#define expect_client(h, text) \
    harness_expect_client(h, text, __FILE__, __LINE__)
/* One reply line: `+OK`, or `-ERR` with |code| ("AUTH"; NULL: none). */
#define expect_ok(h) harness_expect_reply(h, true, NULL, __FILE__, __LINE__)
#define expect_error(h, code) \
    harness_expect_reply(h, false, code, __FILE__, __LINE__)
#define expect_upstream(h, text) \
    harness_expect_upstream(h, text, __FILE__, __LINE__)
#define expect_wish(h, kind) harness_expect_wish(h, kind, __FILE__, __LINE__)
#define expect_note(h, note, fault) \
    harness_expect_note(h, note, fault, __FILE__, __LINE__)
/* Neither octets nor wishes wait to be expected. */
#define expect_silence(h) harness_expect_silence(h, __FILE__, __LINE__)
/* The session has ended, with that fault. */
#define expect_over(h, fault) harness_expect_over(h, fault, __FILE__, __LINE__)

void harness_expect_client(struct harness *h, const char *text,
                           const char *file, int line);
void harness_expect_reply(struct harness *h, bool ok, const char *code,
                          const char *file, int line);
void harness_expect_upstream(struct harness *h, const char *text,
                             const char *file, int line);
void harness_expect_wish(struct harness *h, enum bridge_wish_kind kind,
                         const char *file, int line);
void harness_expect_note(struct harness *h, enum bridge_note note,
                         enum fault fault, const char *file, int line);
void harness_expect_silence(struct harness *h, const char *file, int line);
void harness_expect_over(struct harness *h, enum fault fault, const char *file,
                         int line);

/* --- plays --- */

/* USER, and the connection with its greeting. */
void connect_upstream(struct harness *h);

/* The whole login of `u` with the password `p`, up to `+OK`. */
void log_in(struct harness *h);

/* The same up to the listing, which is asked for and not yet answered. */
void log_in_to_listing(struct harness *h);

/* LOGOUT is said and answered, the connection and the lock given up. */
void expect_logout(struct harness *h);

/* QUIT with nothing to remove, to the end. */
void quit(struct harness *h);

#endif
