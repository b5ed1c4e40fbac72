/* upstream.h - an upstream for as long as the process lives: how many
 * connections it bears, whether it answers, what came of it.
 *
 * What it is stands in the settings of the day. It is known by its name in the
 * configuration, so it is the same one after a reload, wherever it moved to.
 *
 * Memory: once named, it stays: connections that rest, and sessions that began
 * before a reload, may still be its own.
 * Thread: taken by the main one; what it holds is safe for any.
 */
#ifndef POPINJAY_SERVER_UPSTREAM_H
#define POPINJAY_SERVER_UPSTREAM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/limits.h"
#include "server/upstream_gate.h"
#include "server/upstream_health.h"
#include "session/fault.h"

enum upstream_count {
    UPSTREAM_CONNECTS, /* connections that came up */
    UPSTREAM_FAILURES, /* those that did not, or broke */
    UPSTREAM_REUSED,
    UPSTREAM_LOGINS_OK,
    UPSTREAM_LOGINS_FAILED,
    UPSTREAM_COUNT_COUNT,
};

struct upstream {
    char *name;
    unsigned index;             /* among all that there have been */
    struct upstream_gate *gate; /* of connections, those that rest too */
    struct upstream_health health;
    atomic_uint_least64_t counts[UPSTREAM_COUNT_COUNT];
    atomic_uint_least64_t login_failures[FAULT_COUNT]; /* by enum fault */
};

void upstream_count(struct upstream *u, enum upstream_count what, uint64_t n);

/* Also counts in UPSTREAM_LOGINS_FAILED. */
void upstream_count_login_failure(struct upstream *u, enum fault fault);

/* All that there have been. Empty where it is all zero. */
struct upstreams {
    struct upstream *at[UPSTREAM_NAMES_MAX];
    unsigned count;
    unsigned last_number; /* see upstreams_new_number */
    bool unanswered;      /* the last reading failed since the DNS was silent */
};

/* Nobody may use any of them any more. */
void upstreams_fini(struct upstreams *all);

/* The one of that name, a new one where there is none; NULL where there is no
 * place or no memory for it.
 */
MUST_CHECK struct upstream *upstreams_take(struct upstreams *all,
                                           const char *name);

/* For a server that was not yet behind any name: never the same one twice. */
unsigned upstreams_new_number(struct upstreams *all);

#endif
