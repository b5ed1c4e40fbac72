/* listener.h - a listening socket, and the connections that come in.
 *
 * Binding and listening are apart: the socket is made while the process still
 * has its privileges, and is served later by the loop of a worker.
 */
#ifndef POPINJAY_NET_LISTENER_H
#define POPINJAY_NET_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/attributes.h"

struct listener; /* opaque */

/* |tcp| is connected, allocated with malloc, and the owner's from here on. */
typedef void listener_accepted(void *owner, uv_tcp_t *tcp);

/* Accepting has failed for |reason| and rests for ACCEPT_PAUSE_MS. */
typedef void listener_paused(void *owner, const char *reason);

/* A socket that listens at |host|, a numeric address without brackets; [::]
 * takes IPv4 too. Several such sockets share one address and the kernel spreads
 * connections over them. With |alone|, an address where somebody listens
 * already is a failure.
 *
 * Returns the descriptor, or -1 with `ADDRESS: what is wrong` in |error|.
 */
MUST_CHECK int listener_bind(const char *host, uint16_t port, bool alone,
                             char *error, size_t error_size);

/* Serves |fd| from listener_bind, which it takes in any case. NULL where there
 * is no memory.
 */
MUST_CHECK struct listener *listener_new(uv_loop_t *loop, int fd,
                                         listener_accepted *accepted,
                                         listener_paused *paused, void *owner);

/* Stops accepting; frees itself. Connections that the kernel holds are reset,
 * unless another process, or a duplicate of the descriptor, has the socket too.
 * NULL is fine.
 */
void listener_close(struct listener *l);

/* Of all sockets that share the address of |l|, the one that was the |index|th
 * to listen, from 0, gets the new connections; where there is none, or the
 * kernel cannot do it, all of them go on to. Those that wait in a socket stay
 * there.
 *
 * The kernel puts the last socket in the place of one that closes. So while those
 * before |index| close, in whatever order, the place keeps to those from it on,
 * if these are no fewer; and once they have, there is no such place, or it is
 * one of these.
 */
void listener_divert(struct listener *l, unsigned index);

/* All of them get some again. */
void listener_undivert(struct listener *l);

/* The owner is not called any more from here on. */
typedef void listener_drained(void *owner);

/* The same, but the connections that the kernel holds are accepted first, unless
 * |leaves|: then whoever else has the socket will.
 */
void listener_drain(struct listener *l, bool leaves, listener_drained *drained);

#endif
