/* proxy_gate.h - the way in for connections that a balancer makes: each waits
 * here for its PROXY header, and nothing of its session begins before that.
 *
 * Source: proxy-protocol.txt of haproxy, §2; CONFORMANCE PP-1, PP-2, PP-7.
 * Bounds: PROXY_HEADER_TIMEOUT_MS each, PROXY_HEADERS_AWAITED_MAX at one time,
 *         of which the oldest makes room. What is turned away is logged and
 *         counted here.
 * Thread: that of its loop.
 */
#ifndef POPINJAY_SERVER_PROXY_GATE_H
#define POPINJAY_SERVER_PROXY_GATE_H

#include <stdatomic.h>
#include <uv.h>

#include "base/counters.h"
#include "net/address.h"
#include "server/settings.h"

/* It is known who comes. |tcp| is the owner's from here on; |listener| is held
 * until this returns.
 */
typedef void proxy_gate_passed(void *owner,
                               const struct settings_listener *listener,
                               uv_tcp_t *tcp, const struct origin *origin);

struct arrival; /* opaque */

struct proxy_gate {
    uv_loop_t *loop;
    struct counters *counters;
    proxy_gate_passed *passed;
    void *owner;
    struct arrival *waiting;             /* the oldest first */
    atomic_uint_least32_t waiting_count; /* the status server reads it too */
};

void proxy_gate_init(struct proxy_gate *gate, uv_loop_t *loop,
                     struct counters *counters, proxy_gate_passed *passed,
                     void *owner);

/* |tcp| has come in at |listener|, which takes PROXY headers; it was allocated
 * with malloc and is the gate's from here on.
 */
void proxy_gate_enter(struct proxy_gate *gate,
                      const struct settings_listener *listener, uv_tcp_t *tcp);

/* Closes all that wait. */
void proxy_gate_clear(struct proxy_gate *gate);

#endif
