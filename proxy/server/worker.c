#include "server/worker.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

#include "base/limits.h"
#include "net/address.h"
#include "net/listener.h"
#include "net/network.h"
#include "net/tcp.h"
#include "server/log.h"
#include "server/proxy_gate.h"
#include "server/relay.h"

struct worker_listener {
    struct worker *worker;
    const struct settings_listener *settings;
    struct listener *listener;
};

struct worker {
    struct relay_host host;
    struct proxy_gate gate;
    struct settings *settings;
    uv_loop_t loop;
    uv_async_t commands; /* wakes the loop to look at the two below */
    atomic_bool stop_wished;
    atomic_bool abort_wished;
    bool stopped;
    bool aborted;
    struct worker_listener *listeners; /* config->listener_count */
    uv_thread_t thread;
    bool started;
    uv_async_t *ended; /* the main thread's */
};

/* --- accepting --- */

/* Whoever is gone already, and so has no address any more, is not allowed. */
static bool is_allowed(const struct settings_listener *l,
                       const struct origin *origin)
{
    const struct config_networks *allowed = &l->config->allow_from;

    return allowed->count == 0 ||
           network_any_holds(allowed->at, allowed->count, &origin->client.any);
}

static void turn_away(struct worker *w, const struct settings_listener *l,
                      uv_tcp_t *tcp, const struct origin *origin)
{
    enum log_level level = origin->is_check ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;
    struct address_text from = address_describe(&origin->client);
    char group[ADDRESS_GROUP_MAX];
    struct log_record record;

    counters_add(&w->host.counters, COUNTER_CLIENTS_NOT_ALLOWED, 1);
    tcp_discard(tcp);
    if (!log_wants(level))
        return;
    log_begin(&record, level, "client_not_allowed");
    log_record_add_string(&record, "listener", l->config->name);
    log_record_add_string(&record, "client", from.host);
    log_record_add_number(&record, "port", from.port);
    address_group(from.host, group);
    log_write_failure(&record, "", "client", group);
}

/* Where it is known who comes: a session begins, or |tcp| is closed. MAP-12: too
 * many are refused at their login, far too many at the door.
 */
static void admit(void *worker, const struct settings_listener *l,
                  uv_tcp_t *tcp, const struct origin *origin)
{
    struct worker *w = worker;
    uint64_t max = l->settings->config->max_sessions;
    uint64_t now = atomic_load(&w->host.service->sessions);

    if (!is_allowed(l, origin)) {
        turn_away(w, l, tcp, origin);
        return;
    }
    if (now >= SESSIONS_HARD_FACTOR * max) {
        counters_add(&w->host.counters, COUNTER_LIMIT_SESSIONS_HARD, 1);
        tcp_discard(tcp);
        return;
    }
    relay_start(&w->host, l, tcp, origin, now >= max);
}

static void on_accepted(void *owner, uv_tcp_t *tcp)
{
    const struct worker_listener *l = owner;
    struct origin origin = { .is_check = false };

    if (l->settings->config->proxy_protocol != PROXY_PROTOCOL_NO) {
        proxy_gate_enter(&l->worker->gate, l->settings, tcp);
        return;
    }
    origin.client = address_of_peer(tcp);
    admit(l->worker, l->settings, tcp, &origin);
}

static void on_paused(void *owner, const char *reason)
{
    struct worker_listener *l = owner;
    struct log_record record;

    if (!log_wants(LOG_LEVEL_ERROR))
        return;
    log_begin(&record, LOG_LEVEL_ERROR, "accept_paused");
    log_record_add_string(&record, "listener", l->settings->config->name);
    log_record_add_string(&record, "text", reason);
    log_write_failure(&record, "", "listener", l->settings->config->name);
}

/* --- commands of the main thread --- */

/* From here on the loop ends with the last session: what it would still wait
 * for, the handle of the commands, does not count.
 */
static void stop_listening(struct worker *w)
{
    if (w->stopped)
        return;
    w->stopped = true;
    for (size_t i = 0; i < w->settings->config->listener_count; i++) {
        listener_close(w->listeners[i].listener);
        w->listeners[i].listener = NULL;
    }
    uv_unref((uv_handle_t *)&w->commands);
}

static void on_commands(uv_async_t *commands)
{
    struct worker *w = commands->data;

    if (atomic_load(&w->stop_wished))
        stop_listening(w);
    if (atomic_load(&w->abort_wished) && !w->aborted) {
        w->aborted = true;
        proxy_gate_clear(&w->gate);
        relay_shut_down_all(&w->host);
    }
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

static bool bind_all(struct worker *w, bool alone, char *error,
                     size_t error_size)
{
    for (size_t i = 0; i < w->settings->config->listener_count; i++) {
        struct worker_listener *l = &w->listeners[i];
        const struct config_address *at;
        int fd;

        l->worker = w;
        l->settings = &w->settings->listeners[i];
        at = &l->settings->config->address;
        fd = listener_bind(at->host, at->port, alone, error, error_size);
        if (fd < 0)
            return false;
        l->listener = listener_new(&w->loop, fd, on_accepted, on_paused, l);
        if (l->listener == NULL) {
            snprintf(error, error_size, "no memory");
            return false;
        }
    }
    return true;
}

static bool init_loop(struct worker *w)
{
    if (uv_loop_init(&w->loop) != 0)
        return false;
    if (uv_async_init(&w->loop, &w->commands, on_commands) != 0) {
        uv_loop_close(&w->loop);
        return false;
    }
    w->commands.data = w;
    return true;
}

struct worker *worker_new(struct service *service, struct settings *settings,
                          unsigned index, char *error, size_t error_size)
{
    struct worker *w = calloc(1, sizeof(*w));

    snprintf(error, error_size, "no memory");
    if (w == NULL || !init_loop(w)) {
        free(w);
        return NULL;
    }
    w->host.service = service;
    w->settings = settings;
    settings_hold(settings);
    counters_init(&w->host.counters);
    proxy_gate_init(&w->gate, &w->loop, &w->host.counters, admit, w);
    w->listeners =
        calloc(settings->config->listener_count, sizeof(*w->listeners));
    if (w->listeners == NULL ||
        !connection_space_init(&w->host.space, &w->loop) ||
        !bind_all(w, index == 0, error, error_size)) {
        worker_free(w);
        return NULL;
    }
    return w;
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
    assert(!w->started && w->host.relays == NULL);
    if (w->listeners != NULL)
        stop_listening(w);
    uv_close((uv_handle_t *)&w->commands, NULL);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    if (uv_loop_close(&w->loop) != 0)
        abort(); /* a handle was forgotten */
    tls_resumption_fini(&w->host.upstream_session);
    connection_space_fini(&w->host.space);
    settings_release(w->settings);
    free(w->listeners);
    free(w);
}

/* --- facts --- */

const struct counters *worker_counters(const struct worker *w)
{
    return &w->host.counters;
}

uint32_t worker_sessions(const struct worker *w)
{
    return atomic_load_explicit(&w->host.sessions, memory_order_relaxed);
}
