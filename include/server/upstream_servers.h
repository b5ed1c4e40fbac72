/* upstream_servers.h - the servers that one upstream is made of, which of them a
 * login goes to, and which are put aside for a while.
 *
 * Spreading: a user stays on one server, so that what it has cached for him is of
 * use, and all machines of a fleet choose the same: rendezvous hashing over the
 * name that he has there. Where a server is put aside its users spread over
 * the others, and nobody else's server changes. By SRV records those of the
 * lowest priority come first, and have their share by weight (RFC 2782); the
 * addresses of a configuration are all alike.
 *
 * Health: a server that was not reached (as in upstream_health.h) is put aside
 * for SERVER_ASIDE_MIN_MS, twice as long each further time, SERVER_ASIDE_MAX_MS
 * at most; one success ends that. One that is aside comes last, so it is still
 * tried where all the others fail.
 *
 * Memory: counted. Times are monotonic. Thread: any; a mutex for the states.
 */
#ifndef POPINJAY_SERVER_UPSTREAM_SERVERS_H
#define POPINJAY_SERVER_UPSTREAM_SERVERS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/limits.h"
#include "base/span.h"
#include "config.h"
#include "server/upstream_health.h"
#include "session/server_name.h"

struct upstream_server {
    char *host;
    uint16_t port;
    char *name; /* that its certificate must carry; sent as SNI */
    char *text; /* HOST:PORT, for people */
    uint16_t priority;
    uint16_t weight;
};

/* As it is asked for; borrows from |server|. */
struct server_name upstream_server_name(const struct upstream_server *server);

struct upstream_servers {
    atomic_uint holders;
    enum tls_mode tls; /* of all */
    size_t count;      /* 1 at least */
    struct upstream_server at[UPSTREAM_SERVERS_MAX];
    pthread_mutex_t mutex;
    struct upstream_server_state {
        uint64_t aside_until_ms; /* 0: it is not */
        uint64_t aside_ms;       /* for how long, the last time */
        uint64_t successes;
        uint64_t failures;
        char failure[UPSTREAM_HEALTH_TEXT_MAX]; /* the last */
        int64_t certificate_end_s; /* Unix time; 0: it has shown none */
    } states[UPSTREAM_SERVERS_MAX];
};

/* Those of |config|, which has addresses. NULL where there is no memory. */
MUST_CHECK struct upstream_servers *upstream_servers_new(
    const struct config_upstream *config);

/* None yet, for the next function to add to: false where there is no memory, or
 * UPSTREAM_SERVERS_MAX are there.
 */
MUST_CHECK struct upstream_servers *upstream_servers_new_empty(
    enum tls_mode tls);
MUST_CHECK bool upstream_servers_add(struct upstream_servers *s,
                                     const struct upstream_server *server);

void upstream_servers_hold(struct upstream_servers *s);

/* The last holder frees it. NULL is fine. */
void upstream_servers_release(struct upstream_servers *s);

/* The same ones, in the same order. */
bool upstream_servers_equal(const struct upstream_servers *a,
                            const struct upstream_servers *b);

/* Of a user, by the name that he has there. */
uint64_t upstream_servers_hash(struct span user);

/* Writes the indices of all into |order|, the one to try first before the
 * others.
 */
void upstream_servers_rank(struct upstream_servers *s, uint64_t hash,
                           uint64_t now_ms,
                           uint8_t order[UPSTREAM_SERVERS_MAX]);

/* |failure| of |server|, or NULL: it was reached. True: it is put aside now, or
 * is no longer.
 */
bool upstream_servers_note(struct upstream_servers *s,
                           const struct upstream_server *server,
                           const char *failure, uint64_t now_ms);

/* Of the certificate that |server| shows: Unix time. */
void upstream_servers_note_certificate(struct upstream_servers *s,
                                       const struct upstream_server *server,
                                       int64_t end_s);

bool upstream_servers_all_aside(struct upstream_servers *s, uint64_t now_ms);

/* For figures, and for the log. */
struct upstream_server_view {
    const char *text;
    uint64_t aside_ms; /* yet to go; 0: it is not aside */
    uint64_t successes;
    uint64_t failures;
    char failure[UPSTREAM_HEALTH_TEXT_MAX]; /* the last; "": none */
    int64_t certificate_end_s; /* Unix time; 0: it has shown none yet */
};
struct upstream_server_view upstream_servers_view(struct upstream_servers *s,
                                                  size_t server,
                                                  uint64_t now_ms);

#endif
