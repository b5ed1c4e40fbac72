/* service.h - what all workers share: built once, before any thread starts.
 *
 * It holds what a worker needs beside its loop: the TLS contexts with their
 * certificates (one for all workers, so that a session ticket is good at
 * each), the keys of session tickets, the policy of each listener, the table of
 * locked maildrops, what is known of their mailboxes, and the connections that
 * are parked. All but these keys and the last three (which have a mutex each)
 * and the figures at the end (which are atomic) never changes.
 */
#ifndef POPINJAY_SERVER_SERVICE_H
#define POPINJAY_SERVER_SERVICE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/octet_budget.h"
#include "config.h"
#include "net/tls_context.h"
#include "server/lock_table.h"
#include "server/parked.h"
#include "server/snapshot_cache.h"
#include "session/policy.h"

struct service_listener {
    const struct config_listener *config;
    struct session_policy policy;
    struct tls_context *tls; /* NULL with tls = none */
};

struct service {
    const struct config *config;
    struct service_listener *listeners; /* config->listener_count */
    struct tls_context *upstream_tls;   /* NULL with tls = none */
    struct tls_tickets *tickets;
    struct lock_table *locks;
    struct snapshot_cache *snapshots;
    struct parked_table *parked;        /* NULL: none is parked */
    char *upstream_name;                /* server_name:port, half a maildrop's
                                           name */
    atomic_uint_least64_t next_session; /* the number in the log */
    struct octet_budget readahead;
    atomic_uint_least32_t sessions;  /* alive, over all workers */
    atomic_uint_least32_t upstreams; /* connections, parked ones too */
    /* When the last attempt to reach the upstream failed, by the clock of all
     * loops; 0: it did not, or there was none yet.
     */
    atomic_uint_least64_t upstream_failed_ms;
};

/* Reads certificates and keys, so it must run before privileges are dropped.
 * |config| and |version| must outlive the service. On failure the result is
 * NULL and one line stands in |error|: `FILE: what is wrong`.
 */
MUST_CHECK struct service *service_new(const struct config *config,
                                       const char *version, char *error,
                                       size_t error_size);

/* After the last worker is freed. */
void service_free(struct service *s);

#endif
