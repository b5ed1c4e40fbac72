/* parked.h - upstream connections that rest between two sessions.
 *
 * Source: CONFORMANCE DEC-20, IMAP-31. One rests for a while after QUIT, logged
 * in; the next session takes it up if its login is the very same: server,
 * names and password. These are kept as keyed digests only, and compared in a
 * time that says nothing about where they differ.
 *
 * A connection rests for `upstream_reuse` at most, and is not used beyond
 * `upstream_login_age` after it was made: as long does a password work that
 * the server would not take any more.
 *
 * The table is shared by all workers; each call holds its mutex for a few
 * lookups, and for a system call a connection when it sweeps. What it holds
 * counts in its upstream's budget of connections.
 */
#ifndef POPINJAY_SERVER_PARKED_H
#define POPINJAY_SERVER_PARKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/span.h"
#include "net/detached.h"
#include "net/keyed_digest.h"
#include "server/upstream_gate.h"
#include "session/credentials.h"
#include "session/imap_parked.h"

struct parked_table; /* opaque */

/* Who may have a connection. A value, and no secret. */
struct parked_claim {
    unsigned char owner[KEYED_DIGEST_SIZE]; /* server and names */
    unsigned char proof[KEYED_DIGEST_SIZE]; /* the password too */
};

struct parked_connection {
    struct detached link;
    struct imap_parked imap;
    uint64_t made_ms; /* before its login */
    /* That it is counted at, which outlives the table: it is taken off where the
     * connection ends here.
     */
    struct upstream_gate *gate;
};

struct parked_limits {
    uint32_t count;   /* at one time; the one that rests longest makes room */
    uint64_t rest_ms; /* 0: none rests */
    uint64_t age_ms;
};

/* NULL where there is no memory. */
MUST_CHECK struct parked_table *parked_table_new(
    const struct parked_limits *limits);

/* Other limits: those that are too many end, the rest may rest as long as they
 * might before, or no longer at all where rest_ms is 0.
 */
void parked_set_limits(struct parked_table *t,
                       const struct parked_limits *limits);

/* Ends what rests. NULL is fine. */
void parked_table_free(struct parked_table *t);

/* The proof is the secret and its kind: a token is no password. |told| is what
 * else the server knows of the client, such as its address; it must be the same
 * too. False where there is no memory.
 */
MUST_CHECK bool parked_claim_make(const struct parked_table *t,
                                  struct span upstream,
                                  const struct credentials *credentials,
                                  struct span told, struct parked_claim *claim);

/* Takes |c| in any case: it rests, or ends with LOGOUT. One owner has one at
 * most; the newer stays. |now_ms| is by a monotonic clock that the workers
 * share; that theirs differ a little does no harm.
 */
void parked_put(struct parked_table *t, const struct parked_claim *claim,
                struct parked_connection *c, uint64_t now_ms);

/* False: there is none, for this claim, that is alive. A claim with another
 * proof changes nothing.
 */
MUST_CHECK bool parked_take(struct parked_table *t,
                            const struct parked_claim *claim, uint64_t now_ms,
                            struct parked_connection *c);

/* Ends the one of |gate| that rests longest, because its place is needed.
 * False: none rests.
 */
MUST_CHECK bool parked_evict(struct parked_table *t,
                             const struct upstream_gate *gate);

/* Ends those whose time is over or whose server has closed. To be called every
 * PARKED_SWEEP_MS.
 */
void parked_sweep(struct parked_table *t, uint64_t now_ms);

/* Ends all of |gate| that rest now. */
void parked_clear(struct parked_table *t, const struct upstream_gate *gate);

/* Ends all; from here on none rests any more. */
void parked_close(struct parked_table *t);

/* How many rest, all in all and of one gate. */
uint32_t parked_count(struct parked_table *t);
uint32_t parked_count_of(struct parked_table *t,
                         const struct upstream_gate *gate);

#endif
