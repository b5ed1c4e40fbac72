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
#include "server/server_parts.h"

static const int signal_numbers[SERVER_SIGNALS] = { SIGTERM, SIGINT, SIGHUP,
                                                    SIGUSR2 };

/* --- figures --- */

static enum status_state state_for_status(const struct server *s)
{
    switch (s->state) {
    case SERVER_STARTING:
        return STATUS_STARTING;
    case SERVER_LEAVING:
    case SERVER_DRAINING:
    case SERVER_ABORTING:
        return STATUS_DRAINING;
    case SERVER_SERVING:
        break;
    }
    switch (watcher_readiness(s->watcher)) {
    case WATCHER_READY:
        return STATUS_SERVING;
    case WATCHER_UNKNOWN:
        return STATUS_STARTING;
    case WATCHER_FAILING:
        break;
    }
    return STATUS_UPSTREAM_FAILING;
}

static void sum(const void *data, struct counters_total *totals)
{
    const struct server *s = data;

    for (unsigned i = 0; i < s->workers; i++)
        counters_sum(worker_counters(s->members[i].worker), totals);
}

static struct status_upstream figures_of(const struct server *s,
                                         const struct settings_upstream *u)
{
    struct upstream *lasting = u->lasting;
    struct status_upstream out = {
        .name = u->config->name,
        .address = u->address,
        .health = upstream_health_view(&lasting->health, uv_now(&s->loop)),
        .open = upstream_gate_connections(lasting->gate),
        .limit = u->config->max_connections,
        .queue = upstream_gate_queue_length(lasting->gate),
        .parked = parked_count_of(s->service->parked, lasting->gate),
        .server_count = u->servers->count,
    };

    for (size_t i = 0; i < out.server_count; i++)
        out.servers[i] = upstream_servers_view(u->servers, i, uv_now(&s->loop));
    for (unsigned i = 0; i < UPSTREAM_COUNT_COUNT; i++)
        out.counts[i] = atomic_load(&lasting->counts[i]);
    for (unsigned i = 0; i < FAULT_COUNT; i++)
        out.login_failures[i] = atomic_load(&lasting->login_failures[i]);
    for (unsigned i = 0; i < s->workers; i++)
        counters_sum_upstream(worker_counters(s->members[i].worker),
                              lasting->index, out.stage);
    return out;
}

static void add_upstreams(const struct server *s, struct status_figures *out)
{
    out->upstreams = s->upstreams;
    out->upstream_count = s->settings->upstream_count;
    for (size_t i = 0; i < out->upstream_count; i++) {
        s->upstreams[i] = figures_of(s, &s->settings->upstreams[i]);
        out->upstream_open += s->upstreams[i].open;
        out->upstream_queue += s->upstreams[i].queue;
    }
}

static void figures(void *data, struct status_figures *out)
{
    const struct server *s = data;
    const struct config *config = s->settings->config;
    struct service *service = s->service;
    struct snapshot_cache_fill cache = snapshot_cache_fill(service->snapshots);
    struct login_guard_figures guard =
        login_guard_figures(service->guard, uv_now(&s->loop));

    *out = (struct status_figures){
        .version = s->version,
        .started_seconds = s->started_seconds,
        .uptime_seconds = (uv_now(&s->loop) - s->started_ms) / 1000,
        .adopted_seconds = s->adopted_seconds,
        .reload_good = !s->reload_failed,
        .workers = s->workers,
        .max_sessions = config->max_sessions,
        .state = state_for_status(s),
        .sessions = admission_sessions(service->admission),
        .blocked_clients = guard.blocked[LOGIN_KEY_CLIENT],
        .blocked_logins =
            guard.blocked[LOGIN_KEY_LOGIN] + guard.blocked[LOGIN_KEY_USER],
        .throttled_logins = guard.backing_off,
        .parked = parked_count(service->parked),
        .cache_octets = cache.octets,
        .cache_mailboxes = cache.mailboxes,
        .readahead_octets = octet_budget_taken(&service->readahead),
        .verifications = atomic_load(&service->crypt.jobs) +
                         atomic_load(&service->crypt.proofs),
        .accounts = accounts_count(s->settings->access->accounts),
        .process = process_figures_read(),
        .history = watcher_history(s->watcher),
        .listener_names = &service->listener_names,
        .listeners = config->listeners,
        .listener_count = config->listener_count,
        .certificates = s->settings->certificates,
        .certificate_count = s->settings->certificate_count,
        .tokens = service->tokens,
        .now_seconds = (uint64_t)time(NULL),
    };
    add_upstreams(s, out);
    for (unsigned i = 0; i < s->workers; i++)
        out->headers_awaited += worker_headers_awaited(s->members[i].worker);
    sum(s, &out->totals);
}

/* --- the end --- */

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
    close_handle((uv_handle_t *)&s->watchdog_timer);
    close_handle((uv_handle_t *)&s->take_over_timer);
    close_handle((uv_handle_t *)&s->certificate_timer);
    close_handle((uv_handle_t *)&s->sweep_timer);
    close_handle((uv_handle_t *)&s->log_timer);
    for (unsigned i = 0; i < s->workers; i++)
        close_handle((uv_handle_t *)&s->members[i].ended);
    status_server_close(s->status);
    s->status = NULL;
    watcher_close(s->watcher);
    session_gather_close(s->gather);
    token_desk_close(s->service->tokens);
    s->service->tokens = NULL;
}

static void on_drain_over(uv_timer_t *timer)
{
    struct server *s = timer->data;

    s->state = SERVER_ABORTING;
    server_log_sessions(s, "drain_over");
    for (unsigned i = 0; i < s->workers; i++)
        if (s->members[i].is_running)
            worker_abort(s->members[i].worker);
}

void server_limit_drain(struct server *s)
{
    (void)uv_timer_start(&s->drain_timer, on_drain_over,
                         s->settings->config->drain_timeout_ms, 0);
}

static void drain(struct server *s)
{
    s->state = SERVER_DRAINING;
    server_log_sessions(s, "draining");
    notify_send(&s->notify, "STOPPING=1\nSTATUS=draining");
    parked_close(s->service->parked);
    watcher_rest(s->watcher);
    for (unsigned i = 0; i < s->workers; i++)
        if (s->members[i].is_running)
            worker_stop_listening(s->members[i].worker);
    server_limit_drain(s);
}

static void on_delay_over(uv_timer_t *timer)
{
    drain(timer->data);
}

/* A balancer that asks /readyz is to send no more when the listeners close. */
static void leave(struct server *s)
{
    uint64_t delay_ms = s->settings->config->drain_delay_ms;

    if (delay_ms == 0) {
        drain(s);
        return;
    }
    s->state = SERVER_LEAVING;
    server_log_sessions(s, "leaving");
    (void)uv_timer_start(&s->drain_timer, on_delay_over, delay_ms, 0);
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
        server_reload(s);
        return;
    }
    if (number == SIGUSR2) {
        if (s->state == SERVER_SERVING)
            server_hand_over(s);
        return;
    }
    if (s->state == SERVER_SERVING) {
        leave(s);
        return;
    }
    if (s->state == SERVER_LEAVING) {
        drain(s);
        return;
    }
    if (s->handed_over) { /* the first one, and it drains already */
        s->handed_over = false;
        server_log_sessions(s, "draining");
        return;
    }
    /* Nothing is half done that the next start would have to mend, so there
     * is no reason to wait for threads to notice.
     */
    server_log_sessions(s, "stopped_at_once");
    log_summarize(true);
    _exit(EXIT_SUCCESS);
}

/* --- the beginning --- */

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
    (void)uv_timer_init(&s->loop, &s->take_over_timer);
    s->take_over_timer.data = s;
    (void)uv_timer_init(&s->loop, &s->watchdog_timer);
    s->watchdog_timer.data = s;
    (void)uv_timer_init(&s->loop, &s->certificate_timer);
    s->certificate_timer.data = s;
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

static bool make_workers(struct server *s, char *error, size_t error_size)
{
    for (unsigned i = 0; i < s->workers; i++) {
        s->members[i].worker = worker_new(s->service, s->workers);
        if (s->members[i].worker == NULL) {
            (void)snprintf(error, error_size, "no memory");
            return false;
        }
    }
    return true;
}

struct server *server_new(struct settings *settings, struct service *service,
                          const char *version, pid_t replaces, char *error,
                          size_t error_size)
{
    struct server *s = calloc(1, sizeof(*s));

    (void)snprintf(error, error_size, "out of memory");
    if (s == NULL)
        return NULL;
    s->service = service;
    s->version = version;
    s->replaces = replaces;
    s->source = (struct status_source){ figures, server_may_list,
                                        server_ask_sessions, s };
    s->workers = settings->config->workers;
    s->members = calloc(s->workers, sizeof(*s->members));
    s->upstreams = calloc(UPSTREAMS_MAX, sizeof(*s->upstreams));
    if (s->members == NULL || s->upstreams == NULL || !init_handles(s)) {
        free(s->upstreams);
        free(s->members);
        free(s);
        return NULL;
    }
    s->watcher = watcher_new(
        &s->loop, &(struct watcher_source){ service, &s->settings, sum, s });
    s->gather = session_gather_new(&s->loop, server_tell_sessions, s);
    notify_init(&s->notify);
    s->begun_by = settings->config;
    config_hold(s->begun_by);
    if (s->watcher != NULL && s->gather != NULL && server_set_up_tokens(s) &&
        inherited_init(&s->inherited, error, error_size) &&
        make_workers(s, error, error_size) &&
        server_adopt(s, settings, error, error_size) &&
        inherited_all_used(&s->inherited, error, error_size))
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

static void be_ready(struct server *s)
{
    s->state = SERVER_SERVING;
    watcher_start(s->watcher);
    server_log_ready(s);
    notify_send(&s->notify, "READY=1\nSTATUS=serving");
    server_start_watchdog(s);
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
    (void)snprintf(error, error_size, "a thread could not be started");
    started = start_workers(s) && server_take_over(s, error, error_size);
    if (started)
        be_ready(s);
    else if (s->running == 0)
        close_all(s);
    else
        drain(s);
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
    watcher_free(s->watcher);
    session_gather_free(s->gather);
    notify_fini(&s->notify);
    inherited_fini(&s->inherited);
    settings_release(s->settings);
    config_free(s->begun_by);
    free(s->members);
    free(s->upstreams);
    free(s);
}
