/* lock_table.h - the maildrops that a session of this process has locked, and
 * those whose last login was a moment ago.
 *
 * Source: RFC 1939 §4 (exclusive access), CONFORMANCE DEC-13; RFC 2449 §6.5
 * (LOGIN-DELAY), CONFORMANCE MAP-5. A maildrop is an upstream and the name of
 * a user there; INBOX is the only mailbox.
 *
 * The table is shared by all workers; each call holds its mutex for a few
 * lookups. Memory: an entry for each lock that is held and, where there is a
 * login delay, for each that was released within that time.
 */
#ifndef POPINJAY_SERVER_LOCK_TABLE_H
#define POPINJAY_SERVER_LOCK_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/span.h"

struct lock_table;    /* opaque */
struct maildrop_lock; /* opaque: one maildrop, held */

enum lock_status {
    LOCK_TAKEN,
    LOCK_BUSY,     /* another session has it */
    LOCK_TOO_SOON, /* it is free, but the last login was too lately */
    LOCK_ENOMEMORY,
};

/* NULL where there is no memory. */
MUST_CHECK struct lock_table *lock_table_new(void);

/* All locks must have been released. NULL is fine. */
void lock_table_free(struct lock_table *t);

/* |now_ms| is by a monotonic clock that the workers share; that theirs differ
 * a little does no harm.
 *
 * |delay_ms| is the taker's login delay. Those who share a maildrop may have
 * others: it is too soon within the delay of both, of who took it last and of
 * who wants it now, so that nobody waits for longer than he was told.
 *
 * LOCK_TAKEN   |lock| is set, to be given back with lock_table_release. Only
 *              this begins a new delay.
 */
MUST_CHECK enum lock_status lock_table_take(struct lock_table *t,
                                            struct span upstream,
                                            struct span user, uint64_t delay_ms,
                                            uint64_t now_ms,
                                            struct maildrop_lock **lock);

/* NULL is fine. */
void lock_table_release(struct lock_table *t, struct maildrop_lock *lock,
                        uint64_t now_ms);

/* Entries, held or not: for tests. */
size_t lock_table_size(struct lock_table *t);

#endif
