/* dialer.h - a TCP connection to a host of many addresses.
 *
 * Source: RFC 8305 §4, §5, CONFORMANCE MAP-9. The name is looked up in libuv's
 * thread pool; the addresses are tried in turn, the two families alternating.
 * The next attempt starts when the one before has failed, or after 250 ms; the
 * first that succeeds wins and the others are dropped. Each has
 * CONNECT_TIMEOUT_MS.
 *
 * Thread: that of its loop. Memory: it frees itself, after |done| or after
 * dialer_cancel.
 */
#ifndef POPINJAY_NET_DIALER_H
#define POPINJAY_NET_DIALER_H

#include <stdint.h>
#include <uv.h>

#include "base/attributes.h"

struct dialer; /* opaque */

/* Called once, and never from within dialer_start.
 *
 * tcp      connected, allocated with malloc, and the owner's from here on;
 *          NULL: there is no way there
 * failure  why, a constant text; NULL where it is connected
 */
typedef void dialer_done(void *owner, uv_tcp_t *tcp, const char *failure);

/* |host| is a name or an address without brackets, needed during the call
 * only. NULL where there is no memory.
 */
MUST_CHECK struct dialer *dialer_start(uv_loop_t *loop, const char *host,
                                       uint16_t port, dialer_done *done,
                                       void *owner);

/* Before it is done: it will not call. NULL is fine. */
void dialer_cancel(struct dialer *d);

#endif
