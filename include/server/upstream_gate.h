/* upstream_gate.h - how many connections the upstream bears, and how many new
 * ones a second.
 *
 * Some servers count connections by address (Courier admits 4), some count
 * logins; and after an outage thousands of devices come back at once. Whoever
 * finds the budget spent waits in one queue, first come, first served, for as
 * long as queue_timeout_ms; beyond queue_length nobody waits. A new connection
 * carries one login, so connections a second are logins a second.
 *
 * The rate is the generic cell rate algorithm (ITU-T I.371): so many a second in
 * the long run, |burst| of them at once.
 *
 * Shared by all workers. Whoever waits asks again (upstream_gate_poll), and each
 * question also grants what has become due to those before: so no thread has
 * to wake another. Memory: none of its own, a pass is its owner's.
 */
#ifndef POPINJAY_SERVER_UPSTREAM_GATE_H
#define POPINJAY_SERVER_UPSTREAM_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"

struct upstream_gate; /* opaque */

struct upstream_gate_limits {
    uint32_t connections;       /* at one time; 0: no limit */
    uint32_t logins_per_second; /* 0: no limit */
    uint32_t burst;             /* at once; 1 at least */
    uint32_t queue_length;
    uint64_t queue_timeout_ms; /* 0: nobody waits */
};

enum upstream_budget {
    UPSTREAM_BUDGET_CONNECTIONS,
    UPSTREAM_BUDGET_LOGINS, /* a second */
    UPSTREAM_BUDGET_COUNT,
};

/* A place in the queue. Zeroed: none. It must stay where it is until it is
 * GRANTED and taken, or withdrawn.
 */
struct upstream_pass {
    struct upstream_pass *next; /* utlist */
    struct upstream_pass *prev;
    enum {
        UPSTREAM_PASS_NONE,
        UPSTREAM_PASS_WAITS,
        UPSTREAM_PASS_GRANTED, /* counted, and its owner knows not yet */
    } state;
    uint64_t due_ms;            /* waits until then */
    enum upstream_budget spent; /* why it was not OPEN, the last time */
};

enum upstream_gate_status {
    UPSTREAM_GATE_OPEN, /* counted: upstream_gate_leave when it ends */
    UPSTREAM_GATE_WAIT,
    UPSTREAM_GATE_FULL, /* of upstream_gate_enter: the queue is */
    UPSTREAM_GATE_LATE, /* of upstream_gate_poll: queue_timeout is over */
};

/* NULL where there is no memory. Without limits until they are set. */
MUST_CHECK struct upstream_gate *upstream_gate_new(void);

/* NULL is fine. Nobody may wait any more. */
void upstream_gate_free(struct upstream_gate *g);

/* From now on, for those who wait too. */
void upstream_gate_set_limits(struct upstream_gate *g,
                              const struct upstream_gate_limits *limits);

/* |now_ms| is by a monotonic clock that the workers share; that theirs differ
 * a little does no harm.
 */
MUST_CHECK enum upstream_gate_status upstream_gate_enter(
    struct upstream_gate *g, struct upstream_pass *pass, uint64_t now_ms);

/* For one that waits. */
MUST_CHECK enum upstream_gate_status upstream_gate_poll(
    struct upstream_gate *g, struct upstream_pass *pass, uint64_t now_ms);

/* Waits no more, and goes nowhere. Harmless where it does not wait. */
void upstream_gate_withdraw(struct upstream_gate *g,
                            struct upstream_pass *pass);

/* A connection has ended. */
void upstream_gate_leave(struct upstream_gate *g);

/* The connections are all taken: ending one that only rests would help. */
bool upstream_gate_lacks_room(struct upstream_gate *g);

/* For figures. */
uint32_t upstream_gate_connections(struct upstream_gate *g);
uint32_t upstream_gate_queue_length(struct upstream_gate *g);

#endif
