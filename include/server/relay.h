/* relay.h - one session's two connections around its bridge.
 *
 * The relay moves octets and says what happened; what they mean is the
 * bridge's business. It stops reading one side while the bridge has no room
 * for more, which is while the other side is full: so a message of any size
 * passes through bounded memory.
 *
 * Thread: that of its host's loop.
 */
#ifndef POPINJAY_SERVER_RELAY_H
#define POPINJAY_SERVER_RELAY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "access/access.h"
#include "base/counters.h"
#include "net/address.h"
#include "net/connection_space.h"
#include "net/tls.h"
#include "server/service.h"
#include "server/session_gather.h"
#include "server/settings.h"

struct relay; /* opaque */

/* What the relays of a worker have in common. */
struct relay_host {
    struct service *service;
    unsigned workers; /* that run: each has its share of what is limited */
    struct connection_space space;
    struct access access;
    struct tls_resumption upstream_session;
    struct relay *relays; /* alive */
    struct relay *early;  /* of those, who has not logged in; oldest first */
    uint32_t early_count;
    struct relay *queue;     /* who waits at the upstream's gate */
    uv_timer_t *queue_timer; /* NULL: nobody does */
    /* Written by the worker only, read by the status server too. */
    struct counters counters;
    atomic_uint_least32_t sessions;
};

/* Somebody comes to |listener|: a session begins, or |tcp| is closed (CONFORMANCE
 * MAP-12). Where max_unauthenticated is reached, or max_sessions, one that has
 * not logged in may have to go instead. |tcp| as for relay_start.
 */
void relay_admit(struct relay_host *host,
                 const struct settings_listener *listener, uv_tcp_t *tcp,
                 const struct origin *origin);

/* Begins a session at |listener|, whose settings it holds, with the client
 * behind |tcp|, which is connected, was allocated with malloc and is the
 * relay's from here on. What the log and the server are told of the client is
 * its |origin|. The |ticket| is the relay's too. Frees itself when the session
 * is over.
 */
void relay_start(struct relay_host *host,
                 const struct settings_listener *listener, uv_tcp_t *tcp,
                 const struct origin *origin,
                 const struct admission_ticket *ticket);

/* Puts what the sessions of the host are doing, for |round|. */
void relay_list_all(const struct relay_host *host, struct session_gather *g,
                    uint64_t round);

/* Ends every session of the host, and changes nothing. */
void relay_shut_down_all(struct relay_host *host);

#endif
