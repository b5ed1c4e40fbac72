/* snapshot_cache.h - what is known of the mailboxes of this process's users,
 * from one session to the next.
 *
 * What is found is shared, never copied, and whether it still holds is
 * for known_mailbox.h to prove: the cache only remembers.
 *
 * Shared by all workers; each call holds the mutex for a few lookups. The
 * memory of all that it holds stays within a budget: what was not used for
 * longest goes first. It goes back to the allocator when the last session that
 * shows it ends.
 * Source: CONFORMANCE DEC-1.
 */
#ifndef POPINJAY_SERVER_SNAPSHOT_CACHE_H
#define POPINJAY_SERVER_SNAPSHOT_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/span.h"
#include "session/known_mailbox.h"

struct snapshot_cache; /* opaque */

/* Holds |budget_octets| at most; 0: nothing. NULL where there is no memory. */
MUST_CHECK struct snapshot_cache *snapshot_cache_new(uint64_t budget_octets);

/* Another budget: what is beyond it goes at once. */
void snapshot_cache_set_budget(struct snapshot_cache *c,
                               uint64_t budget_octets);

/* NULL is fine. */
void snapshot_cache_free(struct snapshot_cache *c);

/* A mailbox, by its name; none of these holds a NUL. */
struct snapshot_key {
    struct span upstream;
    struct span user;
    struct span mailbox;
};

/* What is known, or an empty one; to be cleared by the caller. */
struct known_mailbox snapshot_cache_find(struct snapshot_cache *c,
                                         const struct snapshot_key *key);

/* Shares |known| in place of what was known before. Where it is greater than
 * the budget nothing is known from here on; where there is no memory, nothing
 * or what was known before, which has to be proven anyway.
 */
void snapshot_cache_put(struct snapshot_cache *c,
                        const struct snapshot_key *key,
                        const struct known_mailbox *known);

/* For figures. */
struct snapshot_cache_fill {
    uint64_t octets;
    size_t mailboxes;
};
struct snapshot_cache_fill snapshot_cache_fill(struct snapshot_cache *c);

#endif
