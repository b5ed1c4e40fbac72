/* connection.h - a TCP connection, with TLS or without, that its owner pulls
 * octets from and pushes octets into.
 *
 * The connection calls its owner for one thing only: to say that something
 * has stirred. The owner then asks what there is: connection_state,
 * connection_read until CONNECTION_MORE, connection_write. No function below
 * stirs the owner from within.
 *
 *     stir ->  state?  read, read, read ...  write  want(room)
 *
 * Back-pressure: octets are received only while the owner wants some, in clear
 * never more than it wants. Under TLS what is left of the ciphertext is kept
 * (RECEIVE_MAX at most) and nothing more is received until it is read. Written
 * octets go to the socket at once; what that does not take is kept
 * (CONNECTION_UNSENT_MAX at most), and nothing more is taken until it is gone.
 *
 * Memory: besides this struct and TLS, none while no octets wait. It frees
 * itself some time after connection_close or connection_abort.
 * Thread: that of its loop.
 */
#ifndef POPINJAY_NET_CONNECTION_H
#define POPINJAY_NET_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/attributes.h"
#include "base/buf.h"
#include "base/span.h"
#include "net/address.h"
#include "net/connection_space.h"
#include "net/tls.h"

struct connection; /* opaque */

typedef void connection_stir(void *owner);

enum connection_state {
    CONNECTION_HANDSHAKING, /* TLS is on its way; nothing else passes */
    CONNECTION_OPEN,
    CONNECTION_UNTRUSTED, /* handshake failed: certificate or name */
    CONNECTION_BROKEN,    /* what can be read still can; nothing is sent */
};

enum connection_status {
    CONNECTION_OK,
    CONNECTION_MORE, /* nothing now */
    CONNECTION_END,  /* nothing ever: the peer ended it, or it broke */
};

/* Takes |tcp|, which is connected and was allocated with malloc, in any case;
 * NULL where there is no memory. Nothing is received before connection_want.
 */
MUST_CHECK struct connection *connection_new(struct connection_space *space,
                                             uv_tcp_t *tcp,
                                             connection_stir *stir,
                                             void *owner);

/* Takes |tls| and begins the handshake, which has TLS_HANDSHAKE_TIMEOUT_MS.
 * Octets received in clear and not read until now break the connection: they
 * are somebody's attempt to have them taken for what comes over TLS.
 */
void connection_start_tls(struct connection *c, struct tls *tls);

enum connection_state connection_state(const struct connection *c);

/* The next |cap| octets at most, never 0 with CONNECTION_OK; valid until the
 * next read of any connection of this loop.
 */
MUST_CHECK enum connection_status connection_read(struct connection *c,
                                                  size_t cap,
                                                  struct span *octets);

/* How much the owner would read now; 0 stops receiving. To be called when the
 * owner has read all that it can.
 */
void connection_want(struct connection *c, size_t room);

/* Sends the front of |octets|; returns how many it took. Fewer than all: the
 * owner is stirred when there is room again. A broken connection takes them
 * all.
 */
size_t connection_write(struct connection *c, struct span octets);

/* Octets written that the socket has not taken yet. */
size_t connection_unsent(const struct connection *c);

/* Lets go of it: no more stirring. What is unsent is sent as long as the peer
 * goes on taking it (CLOSE_TIMEOUT_MS without any progress), then close_notify
 * and FIN; what the peer still sends is thrown away. NULL is fine.
 */
void connection_close(struct connection *c);

/* The same without delay, close_notify and what is unsent. NULL is fine. */
void connection_abort(struct connection *c);

/* The other end. */
struct address_text connection_peer(const struct connection *c);

/* NULL while in clear. */
const struct tls *connection_tls(const struct connection *c);

/* Why it is UNTRUSTED or BROKEN: a constant text; NULL: it is not. */
const char *connection_failure(const struct connection *c);

#endif
