#include "server/watcher.h"

#include <stdlib.h>
#include <time.h>

#include "base/limits.h"
#include "server/log.h"
#include "server/upstream_notes.h"
#include "server/upstream_probe.h"

#define TICK_MS 1000
#define TICKS_A_SAMPLE 5

/* Where nobody asks, not even we, an upstream that was last seen to fail is
 * worth another attempt after this.
 */
#define UPSTREAM_FAILING_MS 60000

/* What it knows of an upstream. */
struct watch {
    struct watcher *watcher;
    struct upstream *upstream; /* NULL: it was not yet there */
    struct upstream_probe *probe;
    const struct settings_upstream *probed; /* while there is a probe */
    const struct upstream_server *server;   /* of its servers; the same */
    unsigned number; /* of what is probed, in the settings */
    size_t turn;     /* whose it is, of the servers */
    uint64_t probed_ms;
    bool is_failing; /* as the log knows it */
};

struct watcher {
    struct watcher_source source;
    uv_loop_t *loop;
    uv_timer_t timer;
    unsigned ticks;
    struct history history;
    struct connection_space space;            /* of the probes */
    struct watch watches[UPSTREAM_NAMES_MAX]; /* by upstream->index */
    bool is_resting;
};

static uint64_t probe_interval_ms(const struct watcher *w)
{
    const struct config *config = (*w->source.settings)->config;

    return config->has_status ? config->probe_interval_ms : 0;
}

/* --- upstreams --- */

static enum watcher_readiness readiness_of(const struct watcher *w,
                                           struct upstream *upstream)
{
    uint64_t now_ms = uv_now(w->loop);
    struct upstream_health_view v =
        upstream_health_view(&upstream->health, now_ms);
    bool nobody_asks = probe_interval_ms(w) == 0;

    switch (v.verdict) {
    case UPSTREAM_REACHED:
    case UPSTREAM_DOUBTFUL:
        return WATCHER_READY;
    case UPSTREAM_UNKNOWN:
        return nobody_asks ? WATCHER_READY : WATCHER_UNKNOWN;
    case UPSTREAM_FAILING:
    case UPSTREAM_VERDICT_COUNT:
        break;
    }
    return nobody_asks && now_ms >= v.failure_ms + UPSTREAM_FAILING_MS
               ? WATCHER_READY
               : WATCHER_FAILING;
}

enum watcher_readiness watcher_readiness(const struct watcher *w)
{
    const struct settings *settings = *w->source.settings;
    enum watcher_readiness best = WATCHER_FAILING;

    for (size_t i = 0; i < settings->upstream_count; i++) {
        enum watcher_readiness one =
            readiness_of(w, settings->upstreams[i].lasting);

        if (one < best)
            best = one;
    }
    return best;
}

/* Where others answer, one of several servers that fails is its own matter. */
static void on_probed(void *owner, const char *failure)
{
    struct watch *watch = owner;
    uint64_t now_ms = uv_now(watch->watcher->loop);

    watch->probe = NULL;
    upstream_note_server(watch->probed, watch->server, failure, now_ms);
    if (failure == NULL ||
        upstream_servers_all_aside(watch->probed->servers, now_ms))
        upstream_health_note(&watch->upstream->health, watch->number, failure,
                             now_ms, (uint64_t)time(NULL));
}

/* Of an upstream that is not known to answer each server in turn; else those
 * that are put aside. NULL: nobody needs to be asked.
 */
static const struct upstream_server *next_server(struct watch *watch,
                                                 struct upstream_servers *all,
                                                 enum upstream_verdict verdict)
{
    uint64_t now_ms = uv_now(watch->watcher->loop);

    for (size_t i = 0; i < all->count; i++) {
        size_t server = watch->turn++ % all->count;

        if (verdict != UPSTREAM_REACHED ||
            upstream_servers_view(all, server, now_ms).aside_ms > 0)
            return &all->at[server];
    }
    return NULL;
}

static void cancel(struct watch *watch)
{
    upstream_probe_cancel(watch->probe);
    watch->probe = NULL;
}

static void probe(struct watch *watch, const struct settings_upstream *u,
                  enum upstream_verdict verdict)
{
    struct watcher *w = watch->watcher;
    uint64_t interval_ms = probe_interval_ms(w);

    if (w->is_resting || watch->probe != NULL || interval_ms == 0)
        return;
    if (verdict != UPSTREAM_UNKNOWN &&
        uv_now(w->loop) < watch->probed_ms + interval_ms)
        return;
    watch->server = next_server(watch, u->servers, verdict);
    if (watch->server == NULL)
        return;
    watch->probed_ms = uv_now(w->loop);
    watch->probed = u;
    watch->number = u->number;
    watch->probe = upstream_probe_start(&w->space, *w->source.settings, u,
                                        watch->server, on_probed, watch);
}

static void log_event_of(const struct watch *watch, enum log_level level,
                         const char *event, const char *failure)
{
    struct log_record r;

    if (!log_wants(level))
        return;
    log_begin(&r, level, event);
    log_record_add_string(&r, "upstream", watch->upstream->name);
    if (failure != NULL)
        log_record_add_string(&r, "text", failure);
    log_write(&r);
}

static void log_change(struct watch *watch,
                       const struct upstream_health_view *v)
{
    bool is_failing = v->verdict == UPSTREAM_FAILING;

    if (is_failing && !watch->is_failing)
        log_event_of(watch, LOG_LEVEL_ERROR, "upstream_failing", v->failure);
    else if (watch->is_failing && v->verdict == UPSTREAM_REACHED)
        log_event_of(watch, LOG_LEVEL_INFO, "upstream_recovered", NULL);
    if (is_failing || v->verdict == UPSTREAM_REACHED)
        watch->is_failing = is_failing;
}

static void look_at(struct watcher *w, const struct settings_upstream *u)
{
    struct watch *watch = &w->watches[u->lasting->index];
    struct upstream_health_view v =
        upstream_health_view(&u->lasting->health, uv_now(w->loop));

    watch->watcher = w;
    watch->upstream = u->lasting;
    log_change(watch, &v);
    probe(watch, u, v.verdict);
}

/* After a reload it is no longer of interest which of those before answer. */
static void cancel_old(struct watcher *w)
{
    const struct settings *settings = *w->source.settings;

    for (size_t i = 0; i < UPSTREAM_NAMES_MAX; i++) {
        struct watch *watch = &w->watches[i];
        const struct settings_upstream *u =
            watch->probe != NULL
                ? settings_find_upstream(settings, watch->upstream->name)
                : NULL;

        if (watch->probe != NULL && (u == NULL || u->number != watch->number))
            cancel(watch);
    }
}

/* --- time --- */

static void sample(struct watcher *w)
{
    struct counters_total totals = { .value = { 0 } };

    w->source.sum(w->source.data, &totals);
    history_sample(&w->history, uv_now(w->loop),
                   admission_sessions(w->source.service->admission), &totals);
}

static void on_tick(uv_timer_t *timer)
{
    struct watcher *w = timer->data;
    const struct settings *settings = *w->source.settings;

    if (w->ticks++ % TICKS_A_SAMPLE == 0)
        sample(w);
    cancel_old(w);
    for (size_t i = 0; i < settings->upstream_count; i++)
        look_at(w, &settings->upstreams[i]);
}

const struct history *watcher_history(const struct watcher *w)
{
    return &w->history;
}

/* --- its life --- */

struct watcher *watcher_new(uv_loop_t *loop,
                            const struct watcher_source *source)
{
    struct watcher *w = calloc(1, sizeof(*w));

    if (w == NULL)
        return NULL;
    if (!connection_space_init(&w->space, loop)) {
        free(w);
        return NULL;
    }
    w->source = *source;
    w->loop = loop;
    (void)uv_timer_init(loop, &w->timer);
    w->timer.data = w;
    return w;
}

void watcher_start(struct watcher *w)
{
    (void)uv_timer_start(&w->timer, on_tick, 0, TICK_MS);
}

void watcher_rest(struct watcher *w)
{
    w->is_resting = true;
    for (size_t i = 0; i < UPSTREAM_NAMES_MAX; i++)
        cancel(&w->watches[i]);
}

void watcher_close(struct watcher *w)
{
    if (w == NULL || uv_is_closing((uv_handle_t *)&w->timer))
        return;
    watcher_rest(w);
    uv_close((uv_handle_t *)&w->timer, NULL);
}

void watcher_free(struct watcher *w)
{
    if (w == NULL)
        return;
    connection_space_fini(&w->space);
    free(w);
}
