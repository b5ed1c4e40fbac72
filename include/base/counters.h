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
 * Phases and faults are known to session/, which stands below; here they are
 * numbers. Where the numbers come from is asserted in server/status_page.c.
 */
#ifndef POPINJAY_BASE_COUNTERS_H
#define POPINJAY_BASE_COUNTERS_H

#include <stdint.h>

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
    COUNTER_COUNT,
};

#define COUNTERS_PHASES 5  /* BRIDGE_PHASE_COUNT */
#define COUNTERS_FAULTS 48 /* FAULT_COUNT at least */

/* Both forms zeroed by counters_init or `= { 0 }`. */
struct counters {
    _Atomic uint64_t value[COUNTER_COUNT];
    _Atomic uint64_t sessions_in_phase[COUNTERS_PHASES];
    _Atomic uint64_t login_failures[COUNTERS_FAULTS]; /* by enum fault */
    _Atomic uint64_t session_ends[COUNTERS_FAULTS]; /* by enum fault; 0: QUIT */
};

/* The same as plain numbers: a copy, or a sum over workers. */
struct counters_total {
    uint64_t value[COUNTER_COUNT];
    uint64_t sessions_in_phase[COUNTERS_PHASES];
    uint64_t login_failures[COUNTERS_FAULTS];
    uint64_t session_ends[COUNTERS_FAULTS];
};

void counters_init(struct counters *c);

/* --- by the worker that owns |c| --- */

void counters_add(struct counters *c, enum counter which, uint64_t n);

/* Also counts in COUNTER_LOGINS_FAILED. */
void counters_add_login_failure(struct counters *c, unsigned fault);

/* A session begins in a phase, moves to another, and ends in one. Begin counts
 * in COUNTER_SESSIONS, end in session_ends.
 */
void counters_session_begin(struct counters *c, unsigned phase);
void counters_session_move(struct counters *c, unsigned from, unsigned to);
void counters_session_end(struct counters *c, unsigned phase, unsigned fault);

/* --- by anybody --- */

void counters_sum(const struct counters *c, struct counters_total *total);

#endif
