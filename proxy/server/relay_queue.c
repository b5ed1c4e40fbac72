/* The relays of a worker that wait at the gate of the upstream. */
#include <stdlib.h>
#include <utlist.h>

#include "base/limits.h"
#include "server/relay_parts.h"

/* There only while somebody waits. */
static void on_timer_closed(uv_handle_t *handle)
{
    free(handle);
}

static void leave_list(struct relay *r)
{
    struct relay_host *host = r->host;

    DL_DELETE2(host->queue, r, queue_prev, queue_next);
    if (host->queue != NULL)
        return;
    uv_close((uv_handle_t *)host->queue_timer, on_timer_closed);
    host->queue_timer = NULL;
}

/* Those that only rest make room. */
static enum upstream_gate_status poll(struct relay *r)
{
    struct upstream_gate *gate = r->to->lasting->gate;
    enum upstream_gate_status status;

    do
        status = upstream_gate_poll(gate, &r->pass, relay_now(r));
    while (status == UPSTREAM_GATE_WAIT && upstream_gate_lacks_room(gate) &&
           parked_evict(r->host->service->parked, gate));
    return status;
}

static void on_tick(uv_timer_t *timer)
{
    struct relay_host *host = timer->data;
    struct relay *r = host->queue;
    struct relay *next;

    for (; r != NULL; r = next) {
        enum upstream_gate_status status = poll(r);

        next = r->queue_next;
        if (status == UPSTREAM_GATE_WAIT)
            continue;
        leave_list(r);
        relay_upstream_admit(r, status);
        relay_pump(r);
    }
}

/* False: no memory. */
static bool join_list(struct relay *r)
{
    struct relay_host *host = r->host;

    if (host->queue_timer == NULL) {
        host->queue_timer = malloc(sizeof(*host->queue_timer));
        if (host->queue_timer == NULL)
            return false;
        uv_timer_init(host->space.loop, host->queue_timer);
        host->queue_timer->data = host;
        uv_timer_start(host->queue_timer, on_tick, UPSTREAM_QUEUE_TICK_MS,
                       UPSTREAM_QUEUE_TICK_MS);
    }
    DL_APPEND2(host->queue, r, queue_prev, queue_next);
    return true;
}

/* A server may admit only so many connections from one address: quirk of
 * Courier. The server's count includes those that it has not yet seen to
 * close, ours does not; the bridge says LOGOUT and waits for the answer first.
 */
enum upstream_gate_status relay_queue_enter(struct relay *r)
{
    struct upstream_gate *gate = r->to->lasting->gate;
    enum upstream_gate_status status;

    do
        status = upstream_gate_enter(gate, &r->pass, relay_now(r));
    while (status == UPSTREAM_GATE_FULL && upstream_gate_lacks_room(gate) &&
           parked_evict(r->host->service->parked, gate));
    if (status == UPSTREAM_GATE_WAIT)
        status = poll(r);
    if (status == UPSTREAM_GATE_WAIT && !join_list(r)) {
        upstream_gate_withdraw(gate, &r->pass);
        return UPSTREAM_GATE_FULL;
    }
    return status;
}

void relay_queue_leave(struct relay *r)
{
    upstream_gate_withdraw(r->to->lasting->gate, &r->pass);
    leave_list(r);
}
