/* wire.h - one TCP connection, with TLS or without, at the least cost.
 *
 * The manner of net/connection.h: the wire stirs its owner, who then asks what
 * there is. Less is promised here: no timeouts, no bound but the owner's own
 * moderation, and the owner reads all that it is given.
 *
 *     stir ->  state?  read, read ... until not OK   write, write   flush
 *
 * One recv a turn of the loop, of LOOP_RECEIVE_MAX octets, into the loop's
 * buffer, however many records that is; one send of all that was written.
 */
#ifndef POPINJAY_TESTS_BENCH_WIRE_H
#define POPINJAY_TESTS_BENCH_WIRE_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"
#include "base/buf.h"
#include "base/span.h"
#include "bench/endpoint.h"
#include "bench/loop.h"

enum wire_state {
    WIRE_CONNECTING,
    WIRE_HANDSHAKING,
    WIRE_OPEN,
    WIRE_BROKEN, /* failure says why */
};

enum wire_status {
    WIRE_OK,
    WIRE_MORE, /* nothing now */
    WIRE_END,  /* nothing ever: the peer ended it, or it broke */
};

/* The wire is open or broken, can be read, or has sent some of what was unsent.
 * Nothing of the wire is touched after it: the owner may close it.
 */
typedef void wire_stir(void *owner);

struct wire {
    struct source source; /* fd -1: not in use */
    struct loop *loop;
    wire_stir *stir;
    void *owner;
    SSL *ssl; /* NULL: in clear */
    enum wire_state state;
    const char *failure; /* a constant text, or NULL */
    struct span in;      /* received, not opened */
    bool readable;       /* there may be more; one recv clears it */
    bool ended;          /* the peer sends no more */
    bool paused;
    struct buf out; /* sealed, not sent */
};

/* Takes |fd| and |ssl| (NULL: in clear). The wire stays where it is until
 * closed.
 */
void wire_accept(struct wire *w, struct loop *loop, int fd, SSL *ssl,
                 wire_stir *stir, void *owner);

/* False, with a failure: there is no way there, and |ssl| is freed. */
MUST_CHECK bool wire_connect(struct wire *w, struct loop *loop,
                             const struct endpoint *to, SSL *ssl,
                             wire_stir *stir, void *owner);

/* As much as there is, |cap| octets at most. To be repeated until it is not
 * OK, or what is left is lost.
 */
MUST_CHECK enum wire_status wire_read(struct wire *w, unsigned char *to,
                                      size_t cap, size_t *got);

/* No more is received while paused. */
void wire_pause(struct wire *w, bool paused);

/* Seals |octets|; what is not open yet or broken must not be written. */
void wire_write(struct wire *w, struct span octets);

/* Sends; the owner is stirred when what is left over has gone. */
void wire_flush(struct wire *w);

/* Octets that the socket has not taken. */
size_t wire_unsent(const struct wire *w);

/* With close_notify where TLS is up and the peer still listens. Twice is fine,
 * and so is a wire that is all zero.
 */
void wire_close(struct wire *w);

bool wire_is_resumed(const struct wire *w);

#endif
