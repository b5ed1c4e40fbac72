/* connection_parts.h - the inside of a connection, shared by its source files
 * only: connection.c (octets and TLS), connection_end.c (closing),
 * detached.c (leaving a loop and coming to another).
 */
#ifndef POPINJAY_NET_CONNECTION_PARTS_H
#define POPINJAY_NET_CONNECTION_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "base/buf.h"
#include "base/span.h"
#include "net/connection.h"
#include "net/sender.h"
#include "net/tls.h"

struct connection {
    struct connection_space *space;
    connection_stir *stir; /* NULL once the owner let go */
    void *owner;

    uv_tcp_t *tcp;
    uv_timer_t timer; /* of the handshake, then of closing */
    uv_shutdown_t shutdown_request;
    unsigned open_handles; /* freed when the last has closed */

    struct tls *tls;
    enum connection_state state;
    const char *failure;

    size_t wanted;   /* octets that the owner would read */
    struct span in;  /* received, not read: in space->received or in |kept| */
    struct buf kept; /* the same, when the callback is over */

    struct sender sender;
    uint64_t burst_ms;    /* when a burst was last sealed; 0: not yet */
    size_t unsent_before; /* at the last look of the closing timer */

    bool receiving; /* uv_read_start is on */
    bool ended;     /* the peer will send no more */
    bool dead;      /* TCP is broken, and not only TLS */
    bool finished;  /* FIN was asked for */
    bool destroyed;
};

/* --- connection.c --- */

/* Receives or not, by what is wanted now. */
void connection_adjust(struct connection *c);

/* What OpenSSL has put into the buffer of the loop. */
void connection_send_sealed(struct connection *c);

/* --- connection_end.c --- */

/* The owner is gone. When all is sent, says so to the peer; when the peer has
 * nothing more to say either, that is the end. To close while it still sends
 * would reset the connection, and our last words could be lost with it.
 */
void connection_finish(struct connection *c);

/* At once; twice is fine. Its memory goes when libuv has let go of it. */
void connection_destroy(struct connection *c);

#endif
