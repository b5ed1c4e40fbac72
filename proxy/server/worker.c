#include "server/worker.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>

#include "server/worker_parts.h"

/* --- commands of the main thread --- */

static void list_sessions(struct worker *w)
{
    uint64_t round = atomic_exchange(&w->list_wished, 0);

    if (round != 0)
        relay_list_all(&w->host, atomic_load(&w->gather), round);
}

static void on_commands(uv_async_t *commands)
{
    struct worker *w = commands->data;
    unsigned before = atomic_exchange(&w->hand_over_wished, 0);

    atomic_store(&w->asked, false);
    worker_obey_all(w);
    if (before > 0 && !w->stopped)
        worker_divert(w, before);
    if (atomic_exchange(&w->take_over_wished, false))
        worker_undivert(w);
    list_sessions(w);
    if (atomic_load(&w->stop_wished))
        worker_close_sockets(w);
    if (atomic_load(&w->abort_wished) && !w->aborted) {
        w->aborted = true;
        proxy_gate_clear(&w->gate);
        relay_shut_down_all(&w->host);
    }
}

void worker_hand_over(struct worker *w, unsigned before)
{
    atomic_store(&w->hand_over_wished, before);
    uv_async_send(&w->commands);
}

void worker_take_over(struct worker *w)
{
    atomic_store(&w->take_over_wished, true);
    uv_async_send(&w->commands);
}

bool worker_is_settled(const struct worker *w)
{
    return atomic_load(&w->unsettled) == 0;
}

void worker_ask(struct worker *w)
{
    atomic_store(&w->asked, true);
    uv_async_send(&w->commands);
}

bool worker_answers(const struct worker *w)
{
    return !atomic_load(&w->asked);
}

void worker_list_sessions(struct worker *w, struct session_gather *g,
                          uint64_t round)
{
    atomic_store(&w->gather, g);
    atomic_store(&w->list_wished, round);
    uv_async_send(&w->commands);
}

void worker_stop_listening(struct worker *w)
{
    atomic_store(&w->stop_wished, true);
    uv_async_send(&w->commands);
}

void worker_abort(struct worker *w)
{
    atomic_store(&w->stop_wished, true);
    atomic_store(&w->abort_wished, true);
    uv_async_send(&w->commands);
}

/* --- its life --- */

static bool init_loop(struct worker *w)
{
    if (uv_loop_init(&w->loop) != 0)
        return false;
    if (uv_async_init(&w->loop, &w->commands, on_commands) != 0) {
        uv_loop_close(&w->loop);
        return false;
    }
    w->commands.data = w;
    (void)uv_timer_init(&w->loop, &w->handover);
    w->handover.data = w;
    return true;
}

struct worker *worker_new(struct service *service, unsigned workers)
{
    const struct access_shared shared = { .crypt = &service->crypt,
                                          .desk = service->tokens,
                                          .decoys = service->decoys };
    struct worker *w = calloc(1, sizeof(*w));

    if (w == NULL || pthread_mutex_init(&w->mutex, NULL) != 0) {
        free(w);
        return NULL;
    }
    if (!init_loop(w)) {
        pthread_mutex_destroy(&w->mutex);
        free(w);
        return NULL;
    }
    w->host.service = service;
    w->host.workers = workers;
    access_init(&w->host.access, &w->loop, &shared, &w->host.counters);
    proxy_gate_init(&w->gate, &w->loop, &w->host.counters, worker_admit, w);
    if (connection_space_init(&w->host.space, &w->loop))
        return w;
    worker_free(w);
    return NULL;
}

static void run(void *arg)
{
    struct worker *w = arg;
    sigset_t all;

    sigfillset(&all); /* signals are the main thread's business */
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    if (w->ended != NULL)
        uv_async_send(w->ended);
}

bool worker_start(struct worker *w, uv_async_t *ended)
{
    w->ended = ended;
    w->started = uv_thread_create(&w->thread, run, w) == 0;
    return w->started;
}

void worker_join(struct worker *w)
{
    if (!w->started)
        return;
    uv_thread_join(&w->thread);
    w->started = false;
}

void worker_free(struct worker *w)
{
    if (w == NULL)
        return;
    assert(!w->started && w->host.relays == NULL && w->listeners == NULL);
    w->stopped = true;
    worker_obey_all(w);
    uv_close((uv_handle_t *)&w->commands, NULL);
    uv_close((uv_handle_t *)&w->handover, NULL);
    access_fini(&w->host.access);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    if (uv_loop_close(&w->loop) != 0)
        abort(); /* a handle was forgotten */
    tls_resumption_fini(&w->host.upstream_session);
    connection_space_fini(&w->host.space);
    settings_release(w->settings);
    pthread_mutex_destroy(&w->mutex);
    free(w);
}

/* --- facts --- */

const struct counters *worker_counters(const struct worker *w)
{
    return &w->host.counters;
}

uint32_t worker_headers_awaited(const struct worker *w)
{
    return atomic_load_explicit(&w->gate.waiting_count, memory_order_relaxed);
}

uint32_t worker_sessions(const struct worker *w)
{
    return atomic_load_explicit(&w->host.sessions, memory_order_relaxed);
}
