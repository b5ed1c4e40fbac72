/* admission.h - how many sessions there may be: in all, of one listener, of one
 * client.
 *
 * Source: CONFORMANCE MAP-12. Up to each limit a session is welcome. Beyond it
 * one is greeted and its login refused with [SYS/TEMP], so that the device
 * learns why; beyond SESSIONS_HARD_FACTOR times the limit it is closed unheard.
 *
 * Shared by all workers; each call holds the mutex for two lookups. Memory: an
 * entry for each listener and each client that has a session, so no more than
 * there are sessions.
 */
#ifndef POPINJAY_SERVER_ADMISSION_H
#define POPINJAY_SERVER_ADMISSION_H

#include <stdint.h>

#include "base/attributes.h"
#include "net/network.h"

struct admission;       /* opaque */
struct admission_count; /* opaque: the sessions of one listener or client */

/* 0: no limit. */
struct admission_limits {
    uint32_t sessions;
    uint32_t listener;
    uint32_t client;
};

enum admission_verdict {
    ADMISSION_WELCOME,
    ADMISSION_OVERLOADED, /* its login is to be refused */
    ADMISSION_CLOSED,     /* far too many; or there is no memory */
};

/* Which limit it was. */
enum admission_limit {
    ADMISSION_LIMIT_NONE,
    ADMISSION_LIMIT_SESSIONS,
    ADMISSION_LIMIT_LISTENER,
    ADMISSION_LIMIT_CLIENT,
};

/* A place that is taken. A value; `= { 0 }` is none. */
struct admission_ticket {
    struct admission_count *listener;
    struct admission_count *client; /* NULL: it is not counted by client */
    enum admission_verdict verdict;
    enum admission_limit limit;
};

/* NULL where there is no memory. */
MUST_CHECK struct admission *admission_new(void);

/* All tickets must have been given back. NULL is fine. */
void admission_free(struct admission *a);

/* |client| NULL: a client without a limit of its own. Unless the verdict in
 * |ticket| is ADMISSION_CLOSED, it is to be given back with admission_leave.
 */
void admission_enter(struct admission *a, const struct admission_limits *limits,
                     const char *listener, const struct network_key *client,
                     struct admission_ticket *ticket);

/* Twice is harmless. */
void admission_leave(struct admission *a, struct admission_ticket *ticket);

/* Sessions that have a ticket. */
uint32_t admission_sessions(struct admission *a);

#endif
