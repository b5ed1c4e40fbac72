/* inherited.h - listening sockets that a service manager has bound for us, and
 * holds while we are away: so no client is refused during a restart.
 *
 * Source: CONFORMANCE SD-5, SD-6; sd_listen_fds(3): LISTEN_PID, LISTEN_FDS,
 * LISTEN_FDNAMES, and descriptors from 3 on.
 * Thread: one.
 */
#ifndef POPINJAY_SERVER_INHERITED_H
#define POPINJAY_SERVER_INHERITED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"
#include "config.h"

struct inherited_socket {
    int fd;
    char *name; /* FileDescriptorName=, or the name of the unit */
    bool used;
};

/* Empty where it is all zero. */
struct inherited {
    struct inherited_socket *at;
    size_t count;
};

/* Takes what the environment names, if it is for this process, and out of the
 * environment. False: one of them is no TCP socket that listens, or there is no
 * memory; |error| is one line.
 */
MUST_CHECK bool inherited_init(struct inherited *in, char *error,
                               size_t error_size);
void inherited_fini(struct inherited *in);

/* A duplicate of the socket whose name is that of |config|'s |listener| or, with
 * a name of none of its listeners, that is bound to its address; -1: there is
 * none. What it accepts, all duplicates do.
 */
MUST_CHECK int inherited_duplicate(struct inherited *in,
                                   const struct config *config,
                                   size_t listener);

/* False: no call has duplicated one of them, which |error| names. A client that
 * connects there would wait for nothing.
 */
MUST_CHECK bool inherited_all_used(const struct inherited *in, char *error,
                                   size_t error_size);

#endif
