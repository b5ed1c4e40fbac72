/* sockets.h - the listening sockets of all workers, bound and not yet served:
 * one for each worker at each address, shared by SO_REUSEPORT.
 */
#ifndef POPINJAY_SERVER_SOCKETS_H
#define POPINJAY_SERVER_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"
#include "server/settings.h"

struct sockets; /* opaque */

/* Binds the address of each listener of |settings| for so many |workers|, but
 * for those that |before|, if not NULL, has too: these are served already.
 *
 * |alone| sees to it that nobody else listens there: with SO_REUSEPORT a second
 * process of the same user would silently share the connections.
 *
 * On failure nothing is bound, the result is NULL and one line stands in
 * |error|: `FILE:LINE: [listen NAME] address: ADDRESS: what is wrong`.
 */
MUST_CHECK struct sockets *sockets_open(const struct settings *settings,
                                        const struct settings *before,
                                        unsigned workers, bool alone,
                                        char *error, size_t error_size);

/* Closes those that nobody has taken. NULL is fine. */
void sockets_free(struct sockets *s);

/* That of |worker| at the address of the settings' |listener|, to be closed by
 * the caller; -1 where the worker has one already.
 */
MUST_CHECK int sockets_take(struct sockets *s, unsigned worker,
                            size_t listener);

#endif
