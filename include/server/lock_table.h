/* lock_table.h - the maildrops that a session of this process has locked, and
 * the logins of a moment ago.
 *
 * Source: RFC 1939 §4 (exclusive access), CONFORMANCE DEC-13; RFC 2449 §6.5
 * (LOGIN-DELAY), CONFORMANCE CAP-12, MAP-5. A maildrop is an upstream and the
 * name of a user there. A login is that of a name as a client gives it: several
 * of these may share a maildrop, and each has a delay of its own.
 *
 * The table is shared by all workers; each call holds its mutex for a few
 * lookups. Memory: an entry for each lock that is held and for each login within
 * its delay.
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
    LOCK_TOO_SOON, /* the last login was too lately */
    LOCK_ENOMEMORY,
};

/* NULL where there is no memory. */
MUST_CHECK struct lock_table *lock_table_new(void);

/* All locks must have been released. NULL is fine. */
void lock_table_free(struct lock_table *t);

/* LOCK_TAKEN   |lock| is set, to be given back with lock_table_release. */
MUST_CHECK enum lock_status lock_table_take(struct lock_table *t,
                                            struct span upstream,
                                            struct span user,
                                            struct maildrop_lock **lock);

/* NULL is fine. */
void lock_table_release(struct lock_table *t, struct maildrop_lock *lock);

/* |name| logs in, whose maildrop is held. |delay_ms| lies between two logins of
 * his at least; 0: they may follow each other at once. |now_ms| is by a
 * monotonic clock that the workers share; that theirs differ a little does no
 * harm.
 *
 * LOCK_TAKEN   he may. Only this begins a new delay.
 * LOCK_TOO_SOON, LOCK_ENOMEMORY   he may not.
 */
MUST_CHECK enum lock_status lock_table_note_login(struct lock_table *t,
                                                  struct span upstream,
                                                  struct span name,
                                                  uint64_t delay_ms,
                                                  uint64_t now_ms);

/* Locks and logins: for tests. */
size_t lock_table_size(struct lock_table *t);

#endif
