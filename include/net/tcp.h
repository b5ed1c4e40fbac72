/* tcp.h - what is done to a connected uv_tcp_t.
 *
 * Handles pass from the listener and the dialer to their owner by pointer:
 * libuv's lists hold on to them where they are, so they cannot be copied.
 */
#ifndef POPINJAY_NET_TCP_H
#define POPINJAY_NET_TCP_H

#include <uv.h>

/* Closes |tcp| and frees it when that is done; it was allocated with malloc.
 */
void tcp_discard(uv_tcp_t *tcp);

/* No Nagle, since replies are small and waited for and it would cost 40 ms
 * each; probes, so that a peer that is gone without a word is noticed. Best
 * effort.
 */
void tcp_tune(uv_tcp_t *tcp);

#endif
