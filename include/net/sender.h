/* sender.h - octets to a socket: at once, and what it does not take later.
 *
 * At most two buffers wait: the one that libuv is writing, which must not
 * change meanwhile, and the one that follows it.
 */
#ifndef POPINJAY_NET_SENDER_H
#define POPINJAY_NET_SENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "base/buf.h"
#include "base/span.h"

/* Nothing waits any more, or sending has failed. Also called, once, when the
 * stream is closed while something waits.
 */
typedef void sender_drained(void *owner);

struct sender {
    uv_stream_t *stream;
    sender_drained *drained;
    void *owner;
    uv_write_t request;
    struct buf flying;  /* libuv's until the request is done */
    struct buf waiting; /* goes when |flying| is gone */
    bool in_flight;
    const char *failure; /* the first one, a constant text; NULL: none */
};

/* |max| octets at most wait in each buffer. */
void sender_init(struct sender *s, uv_stream_t *stream, size_t max,
                 sender_drained *drained, void *owner);

/* After the stream has closed. */
void sender_fini(struct sender *s);

/* Sends all of |octets| or keeps the rest of them; more than |max| is a
 * failure. A failure sticks, and a failed sender throws octets away.
 */
void sender_send(struct sender *s, struct span octets);

/* True while something waits; more should not be sent then if it can be held
 * back.
 */
bool sender_is_busy(const struct sender *s);

/* Octets that wait. */
size_t sender_unsent(const struct sender *s);

#endif
