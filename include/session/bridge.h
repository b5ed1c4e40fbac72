/* bridge.h - one session: a POP3 client on one side, an IMAP server on the
 * other, and the translation between them.
 *
 * A bridge is pure. It knows no sockets, no TLS, no clock and no log:
 *
 *   in   octets of either side, outcomes ("connected", "closed"), the time
 *   out  octets for either side, wishes ("connect", "start TLS"), a deadline
 *
 * After each call that takes something in, its owner serves what came out:
 * all wishes in their order, then output as far as each connection takes it,
 * then reading is stopped or resumed by the two rooms, and the timer set to
 * the deadline. Nothing calls back, so the same bridge runs under an event
 * loop, in a test, in a fuzzer and in a simulator.
 *
 * |now_ms| is any monotonic clock, the same in all calls, and never goes back.
 */
#ifndef POPINJAY_SESSION_BRIDGE_H
#define POPINJAY_SESSION_BRIDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/counters.h"
#include "base/span.h"
#include "pop3/sasl.h"
#include "session/credentials.h"
#include "session/fault.h"
#include "session/imap_parked.h"
#include "session/known_mailbox.h"
#include "session/policy.h"
#include "session/sasl_step.h"
#include "session/scram.h"
#include "session/server_name.h"

struct bridge; /* opaque */

/* |policy|, and what it names, must outlive the bridge. The client is connected; where the policy
 * says implicit TLS, its handshake is done. The greeting is in the output.
 * |timestamp| is that of APOP (`<unique@host>`, RFC 1939 §7; it is copied), or
 * empty: APOP is not offered then. |overloaded| is for a session beyond max_sessions: it is greeted as any
 * other and its login refused (CONFORMANCE MAP-12).
 * NULL where there is no memory.
 */
MUST_CHECK struct bridge *bridge_new(const struct session_policy *policy,
                                     struct span timestamp, bool overloaded,
                                     uint64_t now_ms);
void bridge_free(struct bridge *b);

/* Before anything comes in: the client's address in words, told to the
 * upstream where the policy says so.
 */
void bridge_set_client_address(struct bridge *b, struct span address);

/* The same: commands and stages are counted there, which must outlive the
 * bridge. Without, nobody counts them.
 */
void bridge_set_counters(struct bridge *b, struct counters *counters);

/* --- in --- */

/* How many octets of that side the bridge takes now; 0: stop reading. */
size_t bridge_client_room(const struct bridge *b);
size_t bridge_upstream_room(const struct bridge *b);

/* Octets of that side, at most its room; all of them are consumed. */
void bridge_client_input(struct bridge *b, struct span in, uint64_t now_ms);
void bridge_upstream_input(struct bridge *b, struct span in, uint64_t now_ms);

enum bridge_outcome {
    BRIDGE_CLIENT_TLS_UP,        /* of BRIDGE_START_CLIENT_TLS */
    BRIDGE_CLIENT_TLS_FAILED,    /* the connection is closed too */
    BRIDGE_CLIENT_CLOSED,        /* the peer ended it, or it broke */
    BRIDGE_UPSTREAM_UP,          /* of BRIDGE_CONNECT; with implicit TLS the
                                  handshake is done and the name verified */
    BRIDGE_UPSTREAM_UNREACHABLE, /* of BRIDGE_CONNECT */
    BRIDGE_UPSTREAM_QUEUED, /* of BRIDGE_CONNECT: it is not begun yet, by our own
                               budget, and no time of the server's passes */
    BRIDGE_UPSTREAM_BEGUN,  /* then it is, or BRIDGE_UPSTREAM_FULL */
    BRIDGE_UPSTREAM_FULL,   /* of BRIDGE_CONNECT: not now, by our own budget */
    BRIDGE_UPSTREAM_UNTRUSTED, /* of BRIDGE_CONNECT, BRIDGE_START_UPSTREAM_TLS:
                                  certificate or name wrong; closed */
    BRIDGE_UPSTREAM_TLS_UP,    /* of BRIDGE_START_UPSTREAM_TLS */
    BRIDGE_UPSTREAM_CLOSED,    /* the peer ended it, or it broke */
    BRIDGE_LOCKED,             /* of BRIDGE_LOCK */
    BRIDGE_LOCK_BUSY,          /* of BRIDGE_LOCK */
    BRIDGE_LOCK_TOO_SOON,      /* of BRIDGE_LOCK */
    BRIDGE_SHUT_DOWN,          /* end now, change nothing */
    BRIDGE_SHED, /* the same for one that has not logged in; say nothing */
    BRIDGE_OUTCOME_COUNT,
};
void bridge_outcome(struct bridge *b, enum bridge_outcome outcome,
                    uint64_t now_ms);

/* Before BRIDGE_UPSTREAM_UP: the server that was reached, whose name must hold
 * still for as long as the connection lasts; |another|: should it be of no use
 * there is one more to go to, by BRIDGE_CONNECT_NEXT.
 */
void bridge_name_server(struct bridge *b, struct server_name server,
                        bool another);

/* Before BRIDGE_UPSTREAM_UP, and anew before BRIDGE_UPSTREAM_TLS_UP: what a login
 * by SCRAM over that connection needs; it is copied. Without, none is made.
 */
void bridge_offer_scram(struct bridge *b, const struct scram_channel *channel);

/* The answers to BRIDGE_ASK_LOGIN, now or any time later; one that comes when the
 * client has gone, or was refused meanwhile, is passed over. |grant| is copied,
 * but for the policies, which must outlive the bridge.
 */
struct login_grant {
    const struct upstream_policy *upstream;
    const struct mailbox_policy *mailbox;
    const struct credentials *credentials; /* to be used there */
    /* What the device is called here, for its keyword; empty: as upstream. */
    struct span account;
    bool secret_is_kept; /* for a client that does not know it */
    uint64_t unix_s;     /* the date, for windows that go by it */
    const struct mailbox_list *mailboxes; /* copied; NULL: the policy's */
};
void bridge_grant_login(struct bridge *b, const struct login_grant *grant,
                        uint64_t now_ms);

/* |fault| is told to the client after |wait_ms|, or later where auth_failure_delay
 * asks for that.
 */
void bridge_deny_login(struct bridge *b, enum fault fault, uint64_t wait_ms,
                       uint64_t now_ms);

/* The answer to BRIDGE_SASL. |step| is copied. */
void bridge_sasl(struct bridge *b, const struct sasl_step *step,
                 uint64_t now_ms);

/* The answer to BRIDGE_PROVE, now or any time later; one that comes when the
 * server has ended the exchange is passed over.
 */
void bridge_prove(struct bridge *b, const struct scram_proof *proof,
                  uint64_t now_ms);

/* The mailboxes that make the maildrop, 0 to count - 1: from BRIDGE_LOCK on. */
uint32_t bridge_mailbox_count(const struct bridge *b);
struct span bridge_mailbox_name(const struct bridge *b, uint32_t mailbox);

/* What an earlier session came to know of one of the maildrop that is locked:
 * before BRIDGE_LOCKED is told. It is shared, and proven before it is used.
 */
void bridge_offer_mailbox(struct bridge *b, uint32_t mailbox,
                          const struct known_mailbox *known);

/* The answer to BRIDGE_REUSE: a connection that was parked with the very same
 * credentials, and is the bridge's now; NULL: there is none. |parked| is copied.
 */
void bridge_reuse(struct bridge *b, const struct imap_parked *parked,
                  uint64_t now_ms);

/* The deadline may have passed. */
void bridge_time(struct bridge *b, uint64_t now_ms);

/* --- out --- */

/* Octets for that side, valid until the next call; empty: none. */
struct span bridge_client_output(const struct bridge *b);
struct span bridge_upstream_output(const struct bridge *b);

/* The owner took the first |n| of them, and handed them to a connection that
 * was in order: what a broken one swallowed does not count, since QUIT is
 * carried out when all answers before it have left.
 */
void bridge_client_taken(struct bridge *b, size_t n, uint64_t now_ms);
void bridge_upstream_taken(struct bridge *b, size_t n, uint64_t now_ms);

enum bridge_wish_kind {
    /* Write the output so far in clear, then start the handshake. Octets of
     * the client that were read in clear behind STLS were given to the bridge
     * (it ends the session then); none may be kept for the TLS side.
     */
    BRIDGE_START_CLIENT_TLS,
    BRIDGE_ASK_LOGIN, /* may who gives |credentials| log in, and where? To be
                         answered by bridge_grant_login or bridge_deny_login;
                         what comes of it is told by BRIDGE_NOTE_LOGGED_IN or
                         BRIDGE_NOTE_LOGIN_REFUSED */
    BRIDGE_SASL,      /* |response| of the client to an exchange by |mechanism|;
                         |begins|: to a new one, which the server speaks first
                         in where |has_response| is false. To be answered by
                         bridge_sasl, before anything goes in */
    BRIDGE_REUSE,     /* a parked upstream connection of |credentials|; to be
                       answered by bridge_reuse, before anything goes in */
    BRIDGE_CONNECT,   /* a new connection to |upstream| */
    /* The one that there is, or was, has failed before it could be logged in to,
     * so it knows no secret: |fault|. It is forgotten, and to be closed; to be
     * answered as BRIDGE_CONNECT, by the next server of the same upstream.
     */
    BRIDGE_CONNECT_NEXT,
    BRIDGE_START_UPSTREAM_TLS, /* STARTTLS was accepted */
    BRIDGE_PROVE, /* that we know the password, by |scram|, off the loop;
                     to be answered by bridge_prove. Not any more once
                     BRIDGE_CLOSE_UPSTREAM is wished */
    BRIDGE_CLOSE_UPSTREAM, /* the bridge has already forgotten it */
    BRIDGE_PARK,           /* so it has this one, which is logged in as the last
                    BRIDGE_REUSE asked, and may rest as |parked|; where
                    it cannot, LOGOUT is to be said */
    BRIDGE_LOCK,           /* the maildrop of |user| */
    BRIDGE_UNLOCK,
    BRIDGE_KEEP_MAILBOX, /* bridge_known_mailbox |mailbox|, of |user|, for
                            the next session; before BRIDGE_UNLOCK */
    BRIDGE_CLOSE_CLIENT, /* write what is left, then close */
    BRIDGE_ABORT_CLIENT, /* close, and write nothing more: a message that
                                  failed half way must not look finished */
    BRIDGE_NOTE,         /* something for the log: see note */
    BRIDGE_WISH_KIND_COUNT,
};

enum bridge_note {
    BRIDGE_NOTE_LOGIN,         /* a login begins: user */
    BRIDGE_NOTE_LOGGED_IN,     /* user */
    BRIDGE_NOTE_LOGIN_REFUSED, /* user, fault */
    BRIDGE_NOTE_UPSTREAM_TEXT, /* an ALERT or a failure's text, raw: the log
                                  must escape it */
    BRIDGE_NOTE_UPSTREAM_ID,   /* what the server says it is, raw */
    BRIDGE_NOTE_UPSTREAM_LOST, /* fault: not in answer to a command */
    BRIDGE_NOTE_NOT_REUSED,    /* fault: a parked connection was of no use */
    BRIDGE_NOTE_SIZE_MISMATCH, /* DEC-8 */
    BRIDGE_NOTE_NO_REMOVAL,    /* fault: why DELE is refused in this session */
    BRIDGE_NOTE_STALE_UNIQUE_IDS, /* those imported are of another UIDVALIDITY */
    BRIDGE_NOTE_NO_UNIQUE_IDS,    /* no UIDVALIDITY, or UIDNOTSTICKY: DEC-12 */
    BRIDGE_NOTE_COUNT,
};

struct bridge_wish {
    enum bridge_wish_kind kind;
    struct span login;       /* BRIDGE_LOCK: the name that the client gave, */
    uint64_t login_delay_ms; /* and the time since its last login, at least */
    enum bridge_note note;   /* BRIDGE_NOTE */
    enum fault fault;        /* BRIDGE_NOTE, _CONNECT_NEXT; _UPSTREAM_TEXT: or
                              NONE */
    struct span user;        /* BRIDGE_LOCK, BRIDGE_NOTE_LOGIN...: valid until
                              the next call; in LOCK and KEEP_MAILBOX, whose
                              maildrop it is */
    uint32_t mailbox;        /* BRIDGE_KEEP_MAILBOX */
    struct span text;        /* BRIDGE_NOTE_UPSTREAM_TEXT, _ID */
    struct span timestamp;   /* BRIDGE_ASK_LOGIN: of the greeting, for APOP */
    enum sasl_mechanism mechanism; /* BRIDGE_SASL, and the next three */
    struct span response;
    bool begins;
    bool has_response;
    bool again; /* BRIDGE_ASK_LOGIN: the server refused the token that was
                   granted; once a login, and once for the connection that QUIT
                   makes anew: who it is was proven then */
    struct span refused; /* that token; as |user| */
    /* BRIDGE_ASK_LOGIN: what the client gave; BRIDGE_REUSE: what is used
     * upstream; as |user|.
     */
    const struct credentials *credentials;
    const struct upstream_policy *upstream; /* BRIDGE_CONNECT, _REUSE */
    struct scram_work scram;                /* BRIDGE_PROVE: as |user| */
    const struct imap_parked *parked;       /* BRIDGE_PARK: as |user| */
};

/* Takes the next wish; false: none. */
bool bridge_next_wish(struct bridge *b, struct bridge_wish *wish);

/* To be shared while the wish BRIDGE_KEEP_MAILBOX is served. */
const struct known_mailbox *bridge_known_mailbox(const struct bridge *b,
                                                 uint32_t mailbox);

/* Where something is the matter with one mailbox of a maildrop that is not just
 * INBOX: that one's name, when a login is refused or the session ends; else
 * empty.
 */
struct span bridge_troubled_mailbox(const struct bridge *b);

/* When to call bridge_time, or UINT64_MAX. */
uint64_t bridge_deadline(const struct bridge *b);

/* The connection that failed gives way to one by BRIDGE_CONNECT_NEXT, which is
 * wished and has not come up yet.
 */
bool bridge_goes_elsewhere(const struct bridge *b);

/* The client is owed nothing: all whole lines that it sent are answered, and the
 * answers taken. A line that is not finished does not count.
 */
bool bridge_client_is_served(const struct bridge *b);

/* Both sides are done with: free it. */
bool bridge_is_over(const struct bridge *b);

enum bridge_phase {
    BRIDGE_AUTHORIZATION, /* nobody is logged in */
    BRIDGE_LOGGING_IN,    /* credentials are with the upstream */
    BRIDGE_TRANSACTION,
    BRIDGE_UPDATE, /* QUIT is being carried out */
    BRIDGE_CLOSING,
    BRIDGE_PHASE_COUNT,
};

enum bridge_phase bridge_phase(const struct bridge *b);
const char *bridge_phase_name(enum bridge_phase phase);

/* What the session has done so far; the counts only grow. */
struct bridge_report {
    uint64_t logins_ok;
    uint64_t logins_failed;
    enum fault last_login_fault;
    uint64_t messages_retrieved; /* RETR, whole */
    uint64_t octets_retrieved;   /* of those, as the server holds them */
    /* What DELE marked and QUIT said +OK to, by what the policy makes of it. */
    uint64_t messages_deleted;  /* gone */
    uint64_t messages_moved;    /* to the trash */
    uint64_t messages_flagged;  /* \Seen */
    uint64_t messages_kept;     /* under a keyword */
    uint64_t upstream_failures; /* connections that failed or broke */
    uint64_t greetings;         /* connections that got as far as a login */
    uint64_t greetings_failed;  /* that were made, and did not */
    enum fault last_greeting_fault;
    /* Of the last login that was sent upstream; NULL: none was. */
    const char *mechanism;
    uint64_t upstream_reused;  /* parked ones that were of use again */
    uint64_t upstream_rejects; /* BAD and CLIENTBUG: our defects */
    uint64_t size_mismatches;  /* DEC-8 */
    uint64_t readahead_used;   /* messages */
    uint64_t readahead_wasted;
    uint64_t throttled;   /* the server asked for a pause... */
    uint64_t throttle_ms; /* ...last for so long; 0: it did not say */
    bool throttle_proven; /* ...when it knew the password */
    /* Listings by what came of what was known; UNPROVEN: listed anew. */
    uint64_t listings[KNOWN_VERDICT_COUNT];
    uint64_t excerpts;        /* of mailboxes that were not listed */
    uint32_t messages;        /* in the maildrop */
    uint32_t messages_hidden; /* by the policy's window */
    enum fault end;           /* why it ended; FAULT_NONE: QUIT */
    bool left_unjudged; /* the client went while the server had the password,
                          and had not said what it thinks of it */
};
const struct bridge_report *bridge_report(const struct bridge *b);

#endif
