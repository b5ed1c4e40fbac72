/* counters.h - what one worker has done, counted for the status server.
 *
 * Each worker writes its own counters and nobody else's; the status server
 * reads all of them meanwhile. Every value is atomic and relaxed: a reader
 * sees a whole number that was true a moment ago, and a sum over workers is
 * no moment in time. There is no lock and no line of memory that two workers
 * write to.
 *
 * Counters only grow. The phase gauges say how many sessions are in a phase.
 *
 * Phases, faults and verbs are known to layers that stand below; here they are
 * numbers. Where the numbers come from is asserted in server/status_figures.c. A
 * listener is the number of its name: server/listener_names.h. An upstream is
 * its index among all that there have been: server/upstream.h. So each figure
 * goes on where a reload has moved or renamed others.
 */
#ifndef POPINJAY_BASE_COUNTERS_H
#define POPINJAY_BASE_COUNTERS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/histogram.h"
#include "base/limits.h"

enum counter {
    COUNTER_SESSIONS, /* accepted, all in all */
    COUNTER_LOGINS_OK,
    COUNTER_LOGINS_FAILED,       /* the sum of login_failures */
    COUNTER_MESSAGES_RETRIEVED,  /* RETR, whole */
    COUNTER_OCTETS_RETRIEVED,    /* of those, as the server holds them */
    COUNTER_MESSAGES_DELETED,    /* gone, as +OK to QUIT said */
    COUNTER_UPSTREAM_CONNECTS,   /* connections that came up, TLS and all */
    COUNTER_UPSTREAM_FAILURES,   /* connections that failed or broke */
    COUNTER_UPSTREAM_REJECTS,    /* BAD and CLIENTBUG: our defects, MAP-8 */
    COUNTER_SIZE_MISMATCHES,     /* RFC822.SIZE was wrong: DEC-8 */
    COUNTER_SESSIONS_OLD_TLS,    /* of clients, below TLS 1.2: TLS-6 */
    COUNTER_SNI_UNMATCHED,       /* no certificate for the name: TLS-13 */
    COUNTER_CLIENTS_NOT_ALLOWED, /* closed at accept, by allow_from */
    COUNTER_LISTINGS_FULL,       /* nothing was known that held: DEC-1 */
    COUNTER_LISTINGS_UPDATED,    /* only the changes were asked for */
    COUNTER_LISTINGS_FRESH,      /* nothing was asked for */
    COUNTER_UPSTREAM_REUSED,     /* parked ones that were of use again */
    COUNTER_CLIENT_TLS_NEW,      /* handshakes that came to their end */
    COUNTER_CLIENT_TLS_RESUMED,
    COUNTER_UPSTREAM_TLS_NEW,
    COUNTER_UPSTREAM_TLS_RESUMED,
    COUNTER_CLIENT_TLS_1_0, /* the same of clients, by version */
    COUNTER_CLIENT_TLS_1_1,
    COUNTER_CLIENT_TLS_1_2,
    COUNTER_CLIENT_TLS_1_3,
    COUNTER_UPSTREAM_TLS_1_2,
    COUNTER_UPSTREAM_TLS_1_3,
    COUNTER_CLIENT_OCTETS_IN, /* all of a side, without TLS's own */
    COUNTER_CLIENT_OCTETS_OUT,
    COUNTER_UPSTREAM_OCTETS_IN,
    COUNTER_UPSTREAM_OCTETS_OUT,
    COUNTER_READAHEAD_USED,      /* fetched ahead, and then asked for */
    COUNTER_READAHEAD_WASTED,    /* fetched ahead in vain */
    COUNTER_PROXY_CLIENT,        /* PROXY headers that say where a client is */
    COUNTER_PROXY_UNNAMED,       /* that say there is one */
    COUNTER_PROXY_LOCAL,         /* of the balancer's own connections: checks */
    COUNTER_PROXY_UNTRUSTED,     /* closed at accept, by proxy_from */
    COUNTER_PROXY_INVALID,       /* no header, or one against the rules */
    COUNTER_PROXY_LATE,          /* it took too long */
    COUNTER_PROXY_CLOSED,        /* the balancer left before it was there */
    COUNTER_UPSTREAM_TLS_PROVEN, /* of the new: tls_is_proven_before */
    COUNTER_AUTH_HTTP_GRANTED,   /* by enum auth_http_verdict */
    COUNTER_AUTH_HTTP_REFUSED,
    COUNTER_AUTH_HTTP_WAIT,
    COUNTER_AUTH_HTTP_LATER,
    COUNTER_AUTH_HTTP_GARBLED,
    COUNTER_LIMIT_SESSIONS, /* times that each was reached: server/limit.h */
    COUNTER_LIMIT_LISTENER_SESSIONS,
    COUNTER_LIMIT_CLIENT_SESSIONS,
    COUNTER_LIMIT_UNAUTHENTICATED,
    COUNTER_LIMIT_LOGIN_FAILURES,
    COUNTER_LIMIT_THROTTLE_BACKOFF,
    COUNTER_LIMIT_UPSTREAM_QUEUE,
    COUNTER_LIMIT_VERIFICATIONS,
    COUNTER_MESSAGES_MOVED,     /* marked by DELE, and by +OK in the trash, */
    COUNTER_MESSAGES_FLAGGED,   /* flagged \Seen, */
    COUNTER_MESSAGES_KEPT,      /* hidden by a keyword */
    COUNTER_MESSAGES_HIDDEN,    /* from logins, by the policy's window */
    COUNTER_LOGINS_PASSED_ON,   /* of those that are OK: judged upstream */
    COUNTER_LOGINS_BY_PASSWORD, /* of an account's own, judged here, and so on */
    COUNTER_LOGINS_BY_APOP,
    COUNTER_LOGINS_BY_CRAM_MD5,
    COUNTER_LOGINS_BY_SCRAM,
    COUNTER_LISTINGS_WINDOW, /* what a policy shows, and not the mailbox */
    COUNTER_COUNT,
};

/* What is timed: what is awaited of an upstream, by upstream, and the rest. */
enum counter_stage {
    COUNTER_STAGE_CONNECT,      /* upstream: name looked up, TCP is up */
    COUNTER_STAGE_TLS,          /* upstream: the handshake */
    COUNTER_STAGE_GREETING,     /* until credentials may be sent */
    COUNTER_STAGE_LOGIN,        /* credentials sent until accepted */
    COUNTER_STAGE_SELECT,       /* the mailbox */
    COUNTER_STAGE_LISTING,      /* its messages */
    COUNTER_STAGE_FIRST_OCTET,  /* of a message that was asked for */
    COUNTER_STAGE_REMOVAL,      /* at QUIT */
    COUNTER_STAGE_CLIENT_LOGIN, /* all of it, as the client sees it */
    COUNTER_UPSTREAM_STAGES,
    /* a device's password judged, off the loop */
    COUNTER_STAGE_VERIFY = COUNTER_UPSTREAM_STAGES,
    COUNTER_STAGE_AUTH_HTTP, /* an authentication service was asked */
    COUNTER_STAGE_COUNT,
};

#define COUNTERS_PHASES 5  /* BRIDGE_PHASE_COUNT */
#define COUNTERS_FAULTS 64 /* FAULT_COUNT at least */
#define COUNTERS_VERBS 16  /* POP3_VERB_COUNT */
#define COUNTERS_LISTENERS 32
#define COUNTERS_UPSTREAMS UPSTREAM_NAMES_MAX

/* Both forms begin as all zero. What calloc gives for an upstream that there is
 * not is never touched, and so costs no memory.
 */
struct counters {
    _Atomic uint64_t value[COUNTER_COUNT];
    _Atomic uint64_t sessions[COUNTERS_LISTENERS]; /* as COUNTER_SESSIONS */
    _Atomic uint64_t sessions_in_phase[COUNTERS_LISTENERS][COUNTERS_PHASES];
    _Atomic uint64_t login_failures[COUNTERS_FAULTS]; /* by enum fault */
    _Atomic uint64_t session_ends[COUNTERS_FAULTS]; /* by enum fault; 0: QUIT */
    _Atomic uint64_t commands_ok[COUNTERS_VERBS];
    _Atomic uint64_t commands_failed[COUNTERS_VERBS];
    struct histogram stage[COUNTER_STAGE_COUNT - COUNTER_UPSTREAM_STAGES];
    atomic_uint upstreams; /* those that have times are below */
    struct histogram upstream_stage[COUNTERS_UPSTREAMS]
                                   [COUNTER_UPSTREAM_STAGES];
};

/* The same as plain numbers: a copy, or a sum over workers; of all upstreams
 * together.
 */
struct counters_total {
    uint64_t value[COUNTER_COUNT];
    uint64_t sessions[COUNTERS_LISTENERS];
    uint64_t sessions_in_phase[COUNTERS_LISTENERS][COUNTERS_PHASES];
    uint64_t login_failures[COUNTERS_FAULTS];
    uint64_t session_ends[COUNTERS_FAULTS];
    uint64_t commands_ok[COUNTERS_VERBS];
    uint64_t commands_failed[COUNTERS_VERBS];
    struct histogram_total stage[COUNTER_STAGE_COUNT];
};

/* --- by the worker that owns |c| --- */

void counters_add(struct counters *c, enum counter which, uint64_t n);

/* Also counts in COUNTER_LOGINS_FAILED. */
void counters_add_login_failure(struct counters *c, unsigned fault);

/* A session begins in a phase, moves to another, and ends in one. Begin counts
 * in COUNTER_SESSIONS, end in session_ends.
 */
void counters_session_begin(struct counters *c, unsigned listener,
                            unsigned phase);
void counters_session_move(struct counters *c, unsigned listener, unsigned from,
                           unsigned to);
void counters_session_end(struct counters *c, unsigned listener, unsigned phase,
                          unsigned fault);

/* For all of these, |c| may be NULL: nobody counts. */
void counters_add_command(struct counters *c, unsigned verb, bool ok);
void counters_add_time(struct counters *c, enum counter_stage stage,
                       uint64_t ms);

/* |stage| is below COUNTER_UPSTREAM_STAGES, in the function above it is not. */
void counters_add_upstream_time(struct counters *c, unsigned upstream,
                                enum counter_stage stage, uint64_t ms);

/* --- by anybody --- */

/* Each adds to |total|. */
void counters_sum(const struct counters *c, struct counters_total *total);
void counters_sum_upstream(
    const struct counters *c, unsigned upstream,
    struct histogram_total total[COUNTER_UPSTREAM_STAGES]);

/* Sessions in |phase|, over all listeners. */
uint64_t counters_in_phase(const struct counters_total *total, unsigned phase);

#endif
