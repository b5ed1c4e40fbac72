/* sockets.h - the listening sockets of all workers, bound and not yet served:
 * one for each worker at each address, shared by SO_REUSEPORT; or duplicates of
 * one that was inherited.
 */
#ifndef POPINJAY_SERVER_SOCKETS_H
#define POPINJAY_SERVER_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"
#include "server/inherited.h"
#include "server/settings.h"

struct sockets; /* opaque */

/* Binds the address of each listener of |settings| for so many |workers|, but
 * for those that |before|, if not NULL, has too: these are served already. What
 * was |inherited| is not bound.
 *
 * |alone| sees to it that nobody else listens there: with SO_REUSEPORT a second
 * process of the same user would silently share the connections.
 *
 * On failure nothing is bound, the result is NULL and one line stands in
 * |error|: `FILE:LINE: [listen NAME] address: ADDRESS: what is wrong`.
 */
MUST_CHECK struct sockets *sockets_open(const struct settings *settings,
                                        const struct settings *before,
                                        struct inherited *inherited,
                                        unsigned workers, bool alone,
                                        char *error, size_t error_size);

/* Closes those that nobody has taken. NULL is fine. */
void sockets_free(struct sockets *s);

struct socket_of {
    int fd;         /* to be closed by the caller; -1: the worker has one */
    bool inherited; /* others have it too, and it outlives us */
};

/* That of |worker| at the address of the settings' |listener|. */
MUST_CHECK struct socket_of sockets_take(struct sockets *s, unsigned worker,
                                         size_t listener);

#endif
