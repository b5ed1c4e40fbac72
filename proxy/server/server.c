#include "server/server.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "base/limits.h"
#include "server/log.h"
#include "server/status_server.h"
#include "server/worker.h"

enum server_state {
    SERVER_STARTING,
    SERVER_SERVING,
    SERVER_DRAINING, /* no new sessions */
    SERVER_ABORTING, /* drain_timeout is over */
};

/* An upstream that was last seen to fail is worth another attempt after this;
 * where nobody asks us while we are not ready, nothing else would show that it
 * has come back.
 */
#define UPSTREAM_FAILING_MS 60000

static const int signal_numbers[] = { SIGTERM, SIGINT, SIGHUP };

/* A worker and how its thread says that it has ended. */
struct member {
    struct server *server;
    struct worker *worker;
    uv_async_t ended;
    bool is_running;
};

struct server {
    struct settings *settings;
    struct service *service;
    unsigned workers;
    const char *version;
    char *upstream; /* HOST:PORT, for people */
    enum server_state state;
    uint64_t started_ms;      /* by the loop's clock */
    uint64_t started_seconds; /* Unix time */

    uv_loop_t loop;
    uv_signal_t signals[ARRAY_LENGTH(signal_numbers)];
    uv_timer_t drain_timer;
    uv_timer_t sweep_timer;       /* of parked connections */
    uv_timer_t log_timer;         /* failures that were counted are told */
    struct status_server *status; /* NULL: none */
    struct member *members;       /* |workers| */
    unsigned running;
};

/* --- figures --- */

/* The last attempt, of whichever worker, failed, and that was lately. */
static bool upstream_is_failing(const struct server *s)
{
    uint64_t failed_ms = atomic_load_explicit(&s->service->upstream_failed_ms,
                                              memory_order_relaxed);

    return failed_ms != 0 && uv_now(&s->loop) < failed_ms + UPSTREAM_FAILING_MS;
}

static enum status_state state_for_status(const struct server *s)
{
    switch (s->state) {
    case SERVER_STARTING:
        return STATUS_STARTING;
    case SERVER_DRAINING:
    case SERVER_ABORTING:
        return STATUS_DRAINING;
    case SERVER_SERVING:
        break;
    }
    return upstream_is_failing(s) ? STATUS_UPSTREAM_FAILING : STATUS_SERVING;
}

static void figures(void *data, struct status_figures *out)
{
    const struct server *s = data;
    struct snapshot_cache_fill cache;

    *out = (struct status_figures){
        .version = s->version,
        .upstream = s->upstream,
        .started_seconds = s->started_seconds,
        .uptime_seconds = (uv_now(&s->loop) - s->started_ms) / 1000,
        .workers = s->workers,
        .max_sessions = s->settings->config->max_sessions,
        .state = state_for_status(s),
        .upstreams = atomic_load(&s->service->upstreams),
        .max_upstreams = s->settings->config->upstream.max_connections,
        .parked = parked_count(s->service->parked),
        .readahead_octets = octet_budget_taken(&s->service->readahead),
        .process = process_figures_read(),
        .listener_names = &s->service->listener_names,
    };
    cache = snapshot_cache_fill(s->service->snapshots);
    out->cache_octets = cache.octets;
    out->cache_mailboxes = cache.mailboxes;
    for (unsigned i = 0; i < s->workers; i++) {
        const struct worker *w = s->members[i].worker;

        out->sessions += worker_sessions(w);
        counters_sum(worker_counters(w), &out->totals);
    }
}

static uint32_t sessions_now(const struct server *s)
{
    uint32_t sessions = 0;

    for (unsigned i = 0; i < s->workers; i++)
        sessions += worker_sessions(s->members[i].worker);
    return sessions;
}

/* --- the end --- */

static void log_with_sessions(const struct server *s, const char *event)
{
    struct log_record r;

    log_begin(&r, LOG_LEVEL_INFO, event);
    log_record_add_number(&r, "sessions", sessions_now(s));
    log_write(&r);
}

static void close_handle(uv_handle_t *handle)
{
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void close_all(struct server *s)
{
    for (size_t i = 0; i < ARRAY_LENGTH(signal_numbers); i++)
        close_handle((uv_handle_t *)&s->signals[i]);
    close_handle((uv_handle_t *)&s->drain_timer);
    close_handle((uv_handle_t *)&s->sweep_timer);
    close_handle((uv_handle_t *)&s->log_timer);
    for (unsigned i = 0; i < s->workers; i++)
        close_handle((uv_handle_t *)&s->members[i].ended);
    status_server_close(s->status);
    s->status = NULL;
}

static void on_drain_over(uv_timer_t *timer)
{
    struct server *s = timer->data;

    s->state = SERVER_ABORTING;
    log_with_sessions(s, "drain_over");
    for (unsigned i = 0; i < s->workers; i++)
        if (s->members[i].is_running)
            worker_abort(s->members[i].worker);
}

static void drain(struct server *s)
{
    s->state = SERVER_DRAINING;
    log_with_sessions(s, "draining");
    parked_close(s->service->parked);
    for (unsigned i = 0; i < s->workers; i++)
        if (s->members[i].is_running)
            worker_stop_listening(s->members[i].worker);
    (void)uv_timer_start(&s->drain_timer, on_drain_over,
                         s->settings->config->drain_timeout_ms, 0);
}

static void on_sweep(uv_timer_t *timer)
{
    struct server *s = timer->data;

    parked_sweep(s->service->parked, uv_now(&s->loop));
}

static void on_log_time(uv_timer_t *timer)
{
    (void)timer;
    log_summarize(false);
}

static void on_worker_ended(uv_async_t *async)
{
    struct member *m = async->data;
    struct server *s = m->server;

    assert(s->running > 0);
    m->is_running = false;
    worker_join(m->worker);
    close_handle((uv_handle_t *)async);
    if (--s->running == 0)
        close_all(s);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct server *s = handle->data;

    if (number == SIGHUP) {
        log_event(LOG_LEVEL_WARNING, "reload",
                  "not supported; restart to use a new configuration");
        return;
    }
    if (s->state == SERVER_SERVING) {
        drain(s);
        return;
    }
    /* Nothing is half done that the next start would have to mend, so there
     * is no reason to wait for threads to notice.
     */
    log_with_sessions(s, "stopped_at_once");
    log_summarize(true);
    _exit(EXIT_SUCCESS);
}

/* --- the beginning --- */

static char *address_text(const struct config_address *a)
{
    bool v6 = false;
    char *text = NULL;

    for (const char *c = a->host; *c != '\0'; c++)
        v6 = v6 || *c == ':';
    if (asprintf(&text, v6 ? "[%s]:%u" : "%s:%u", a->host, (unsigned)a->port) <
        0)
        return NULL;
    return text;
}

static bool init_handles(struct server *s)
{
    if (uv_loop_init(&s->loop) != 0)
        return false;
    s->started_ms = uv_now(&s->loop);
    s->started_seconds = (uint64_t)time(NULL);
    for (size_t i = 0; i < ARRAY_LENGTH(signal_numbers); i++) {
        (void)uv_signal_init(&s->loop, &s->signals[i]);
        s->signals[i].data = s;
    }
    (void)uv_timer_init(&s->loop, &s->drain_timer);
    s->drain_timer.data = s;
    (void)uv_timer_init(&s->loop, &s->sweep_timer);
    s->sweep_timer.data = s;
    (void)uv_timer_init(&s->loop, &s->log_timer);
    for (unsigned i = 0; i < s->workers; i++) {
        struct member *m = &s->members[i];

        m->server = s;
        m->ended.data = m;
        (void)uv_async_init(&s->loop, &m->ended, on_worker_ended);
    }
    return true;
}

static bool bind_all(struct server *s, char *error, size_t error_size)
{
    const struct config *config = s->settings->config;
    struct status_source source = { figures, s };

    for (unsigned i = 0; i < s->workers; i++) {
        s->members[i].worker =
            worker_new(s->service, s->settings, i, error, error_size);
        if (s->members[i].worker == NULL)
            return false;
    }
    if (!config->has_status)
        return true;
    s->status =
        status_server_new(&s->loop, &config->status, source, error, error_size);
    return s->status != NULL;
}

struct server *server_new(struct settings *settings, struct service *service,
                          const char *version, char *error, size_t error_size)
{
    struct server *s = calloc(1, sizeof(*s));

    (void)snprintf(error, error_size, "out of memory");
    if (s == NULL)
        return NULL;
    s->settings = settings;
    s->service = service;
    s->workers = settings->config->workers;
    s->version = version;
    s->upstream = address_text(&settings->config->upstream.address);
    s->members = calloc(s->workers, sizeof(*s->members));
    if (s->upstream == NULL || s->members == NULL || !init_handles(s)) {
        free(s->upstream);
        free(s->members);
        free(s);
        return NULL;
    }
    settings_hold(settings);
    if (bind_all(s, error, error_size))
        return s;
    server_free(s);
    return NULL;
}

static bool start_workers(struct server *s)
{
    for (unsigned i = 0; i < s->workers; i++) {
        struct member *m = &s->members[i];

        if (!worker_start(m->worker, &m->ended))
            return false;
        m->is_running = true;
        s->running++;
    }
    return true;
}

/* `pop3s=[::]:995 pop3=[::]:110` */
static void add_listeners(struct log_record *r, const struct config *config)
{
    struct buf listeners;

    buf_init(&listeners, LOG_VALUE_MAX);
    for (size_t i = 0; i < config->listener_count; i++) {
        char *at = address_text(&config->listeners[i].address);

        (void)buf_append_string(&listeners, i == 0 ? "" : " ");
        (void)buf_append_string(&listeners, config->listeners[i].name);
        (void)buf_append_octet(&listeners, '=');
        (void)buf_append_string(&listeners, at != NULL ? at : "");
        free(at);
    }
    log_record_add_text(r, "listeners", buf_span(&listeners));
    buf_fini(&listeners);
}

static void log_ready(const struct server *s)
{
    const struct config *config = s->settings->config;
    struct log_record r;

    if (!log_wants(LOG_LEVEL_INFO))
        return;
    log_begin(&r, LOG_LEVEL_INFO, "ready");
    log_record_add_string(&r, "version", s->version);
    log_record_add_number(&r, "workers", s->workers);
    add_listeners(&r, config);
    log_record_add_string(&r, "upstream", s->upstream);
    log_write(&r);
}

bool server_run(struct server *s, char *error, size_t error_size)
{
    bool started;

    for (size_t i = 0; i < ARRAY_LENGTH(signal_numbers); i++)
        (void)uv_signal_start(&s->signals[i], on_signal, signal_numbers[i]);
    (void)uv_timer_start(&s->sweep_timer, on_sweep, PARKED_SWEEP_MS,
                         PARKED_SWEEP_MS);
    (void)uv_timer_start(&s->log_timer, on_log_time, LOG_SUMMARY_PERIOD_MS,
                         LOG_SUMMARY_PERIOD_MS);
    started = start_workers(s);
    if (started) {
        s->state = SERVER_SERVING;
        log_ready(s);
    } else {
        (void)snprintf(error, error_size, "a thread could not be started");
        if (s->running == 0)
            close_all(s);
        else
            drain(s);
    }
    (void)uv_run(&s->loop, UV_RUN_DEFAULT);
    return started;
}

void server_free(struct server *s)
{
    if (s == NULL)
        return;
    close_all(s);
    (void)uv_run(&s->loop, UV_RUN_DEFAULT);
    for (unsigned i = 0; i < s->workers; i++)
        worker_free(s->members[i].worker);
    (void)uv_loop_close(&s->loop);
    settings_release(s->settings);
    free(s->members);
    free(s->upstream);
    free(s);
}
