/* service.h - what all workers share, for as long as the process lives: built
 * once, before any thread starts.
 *
 * The table of locked maildrops, what is known of their mailboxes, the
 * connections that are parked (a mutex each), budgets and figures (which are
 * atomic). How much each may hold is a matter of the settings, which may change
 * while it serves.
 */
#ifndef POPINJAY_SERVER_SERVICE_H
#define POPINJAY_SERVER_SERVICE_H

#include <stdatomic.h>
#include <stdint.h>

#include "access/crypt_job.h"
#include "access/token_desk.h"
#include "base/attributes.h"
#include "base/octet_budget.h"
#include "server/admission.h"
#include "server/listener_names.h"
#include "server/lock_table.h"
#include "server/login_guard.h"
#include "server/parked.h"
#include "server/settings.h"
#include "server/snapshot_cache.h"
#include "server/upstream.h"

struct service {
    struct lock_table *locks;
    struct snapshot_cache *snapshots;
    struct parked_table *parked;
    struct admission *admission; /* of sessions */
    struct login_guard *guard;
    atomic_uint_least64_t next_session; /* the number in the log */
    struct octet_budget readahead;
    struct crypt_queue crypt;
    struct token_desk *tokens; /* the server's, from its beginning to its end */
    struct keyed_digest *decoys; /* what is made up for names without account */
    struct listener_names listener_names;
    struct upstreams upstreams;
};

/* Every limit is 0 until service_adopt. NULL where there is no memory. */
MUST_CHECK struct service *service_new(void);

/* Holds everything within the limits of |now| from here on: at the start, where
 * |before| is NULL, and whenever they are read anew. An upstream that |before|
 * did not have, or that is another server now, is begun with anew: what rests at
 * the one before ends, and whether that could be reached says nothing any more.
 * Thread: the main one.
 */
void service_adopt(struct service *s, const struct settings *now,
                   const struct settings *before);

/* After the last worker is freed. NULL is fine. */
void service_free(struct service *s);

#endif
