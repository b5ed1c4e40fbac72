/* connection_space.h - buffers that all connections of a loop use in turn.
 *
 * Octets lie here only within one callback, so that a connection that waits
 * holds none: what outlives the callback is copied to its connection.
 */
#ifndef POPINJAY_NET_CONNECTION_SPACE_H
#define POPINJAY_NET_CONNECTION_SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "base/attributes.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/span.h"

struct connection_space {
    uv_loop_t *loop;
    unsigned char *received; /* RECEIVE_MAX, as the socket gave it */
    unsigned char *plain;    /* READ_CHUNK, opened */
    struct buf sealed;       /* to be sent */
    size_t connections;      /* alive */
};

/* False: no memory. */
MUST_CHECK bool connection_space_init(struct connection_space *space,
                                      uv_loop_t *loop);

/* |octets| are what connection_read gave last, and held a secret: no need to wait
 * until others take their place.
 */
void connection_space_forget(struct connection_space *space,
                             struct span octets);

/* When its connections are all gone. Wipes. Twice is fine, and so is one that
 * could not be made.
 */
void connection_space_fini(struct connection_space *space);

#endif
