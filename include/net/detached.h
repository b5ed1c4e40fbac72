/* detached.h - an open connection that rests outside of any loop.
 *
 * libuv's handles belong to one loop for good. So a connection that is to go
 * on in another, at some later time, is taken apart: what is left is the
 * socket and the TLS state, which any one thread may use, one at a time.
 *
 * What the peer sends meanwhile waits in the kernel, and comes to whoever
 * attaches it.
 *
 * Memory: the socket, and OpenSSL's, which has given its buffers back.
 */
#ifndef POPINJAY_NET_DETACHED_H
#define POPINJAY_NET_DETACHED_H

#include <stdbool.h>

#include "base/attributes.h"
#include "base/span.h"
#include "net/connection.h"

/* A value: who has a copy and ends or attaches it is its owner. */
struct detached {
    int fd;
    struct tls *tls; /* NULL: in clear */
};

/* Where |c| is open, and has nothing that is unread or unsent, it is gone like
 * one that was closed, and |d| is set. False: nothing has happened.
 */
MUST_CHECK bool connection_detach(struct connection *c, struct detached *d);

/* Takes |d| in any case. NULL where there is no memory or descriptor; the rest
 * is as for connection_new.
 */
MUST_CHECK struct connection *connection_attach(struct connection_space *space,
                                                struct detached *d,
                                                connection_stir *stir,
                                                void *owner);

/* False: the peer has closed it, or it broke. */
bool detached_is_alive(const struct detached *d);

/* Says |last_words|, which may be empty, and closes; waits for nothing, so
 * what the socket does not take at once is lost.
 */
void detached_end(struct detached *d, struct span last_words);

#endif
