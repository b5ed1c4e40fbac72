/* worker_parts.h - the inside of a worker, shared by its source files only:
 * worker.c (its life, commands), worker_sockets.c (what it accepts from).
 */
#ifndef POPINJAY_SERVER_WORKER_PARTS_H
#define POPINJAY_SERVER_WORKER_PARTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "net/listener.h"
#include "server/proxy_gate.h"
#include "server/relay.h"
#include "server/worker.h"

/* One of its sockets. */
struct worker_listener {
    struct worker_listener *next; /* utlist */
    struct worker_listener *prev;
    struct worker *worker;
    const struct settings_listener *settings; /* held */
    struct listener *listener;
    bool inherited; /* the socket: others have it too, and outlive us */
};

struct worker_orders {
    struct worker_orders *next; /* utlist: given later */
    struct settings *settings;
    size_t count;
    struct socket_of sockets[]; /* one for each listener */
};

struct worker {
    struct relay_host host;
    struct proxy_gate gate;
    struct settings *settings; /* held; NULL: no orders were given yet */
    uv_loop_t loop;
    uv_async_t commands;   /* wakes the loop to look at the three below */
    pthread_mutex_t mutex; /* of |orders| */
    struct worker_orders *orders; /* not yet looked at, the oldest first */
    atomic_uint unsettled;        /* orders, and sockets that close */
    atomic_bool asked;            /* for a sign of life */
    atomic_uint hand_over_wished; /* sockets before the successor's; or 0 */
    atomic_bool take_over_wished;
    uv_timer_t handover;                     /* until it is over */
    _Atomic(struct session_gather *) gather; /* as of the first round */
    atomic_uint_least64_t list_wished;       /* a round; 0: none */
    atomic_bool stop_wished;
    atomic_bool abort_wished;
    bool stopped;
    bool aborted;
    struct worker_listener *listeners;
    uv_thread_t thread;
    bool started;
    uv_async_t *ended; /* the main thread's */
};

/* --- worker_sockets.c; all by the worker's own thread --- */

/* Where it is known who comes: a session begins, or |tcp| is closed. */
void worker_admit(void *worker, const struct settings_listener *listener,
                  uv_tcp_t *tcp, const struct origin *origin);

/* Carries out what worker_obey has brought. */
void worker_obey_all(struct worker *w);

/* From here on the loop ends with the last session. */
void worker_close_sockets(struct worker *w);

/* See worker_hand_over and worker_take_over. */
void worker_divert(struct worker *w, unsigned before);
void worker_undivert(struct worker *w);

#endif
