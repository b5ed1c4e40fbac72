#include "server/watcher.h"

#include <stdlib.h>
#include <time.h>

#include "base/limits.h"
#include "server/log.h"
#include "server/upstream_probe.h"

#define TICK_MS 1000
#define TICKS_A_SAMPLE 5

/* Where nobody asks, not even we, an upstream that was last seen to fail is
 * worth another attempt after this.
 */
#define UPSTREAM_FAILING_MS 60000

struct watcher {
    struct watcher_source source;
    uv_loop_t *loop;
    uv_timer_t timer;
    unsigned ticks;
    struct history history;
    struct connection_space space; /* of the probe */
    struct upstream_probe *probe;
    unsigned probed_upstream; /* its number in the settings */
    uint64_t probed_ms;
    bool is_resting;
    bool is_failing; /* as the log knows it */
};

static uint64_t probe_interval_ms(const struct watcher *w)
{
    const struct config *config = (*w->source.settings)->config;

    return config->has_status ? config->probe_interval_ms : 0;
}

/* --- the upstream --- */

struct upstream_health_view watcher_health(const struct watcher *w)
{
    return upstream_health_view(&w->source.service->health, uv_now(w->loop));
}

bool watcher_is_upstream_ready(const struct watcher *w)
{
    struct upstream_health_view v = watcher_health(w);

    switch (v.verdict) {
    case UPSTREAM_REACHED:
    case UPSTREAM_DOUBTFUL:
        return true;
    case UPSTREAM_UNKNOWN:
        return probe_interval_ms(w) == 0;
    case UPSTREAM_FAILING:
    case UPSTREAM_VERDICT_COUNT:
        break;
    }
    return probe_interval_ms(w) == 0 &&
           uv_now(w->loop) >= v.failure_ms + UPSTREAM_FAILING_MS;
}

static void on_probed(void *owner, const char *failure)
{
    struct watcher *w = owner;

    w->probe = NULL;
    upstream_health_note(&w->source.service->health, w->probed_upstream,
                         failure, uv_now(w->loop), (uint64_t)time(NULL));
}

/* Which of them answers is no longer of interest after a reload. */
static void forget_another(struct watcher *w, unsigned upstream)
{
    if (w->probe == NULL || w->probed_upstream == upstream)
        return;
    upstream_probe_cancel(w->probe);
    w->probe = NULL;
}

static void probe(struct watcher *w, enum upstream_verdict verdict)
{
    uint64_t interval_ms = probe_interval_ms(w);
    struct settings *settings = *w->source.settings;

    forget_another(w, settings->upstream_number);
    if (w->is_resting || w->probe != NULL || interval_ms == 0 ||
        verdict == UPSTREAM_REACHED)
        return;
    if (verdict != UPSTREAM_UNKNOWN &&
        uv_now(w->loop) < w->probed_ms + interval_ms)
        return;
    w->probed_ms = uv_now(w->loop);
    w->probed_upstream = settings->upstream_number;
    w->probe = upstream_probe_start(&w->space, settings, on_probed, w);
}

static void log_change(struct watcher *w, const struct upstream_health_view *v)
{
    bool is_failing = v->verdict == UPSTREAM_FAILING;

    if (is_failing && !w->is_failing)
        log_event(LOG_LEVEL_ERROR, "upstream_failing", v->failure);
    else if (w->is_failing && v->verdict == UPSTREAM_REACHED)
        log_event(LOG_LEVEL_INFO, "upstream_recovered", NULL);
    if (is_failing || v->verdict == UPSTREAM_REACHED)
        w->is_failing = is_failing;
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
    struct upstream_health_view v = watcher_health(w);

    if (w->ticks++ % TICKS_A_SAMPLE == 0)
        sample(w);
    log_change(w, &v);
    probe(w, v.verdict);
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
    upstream_probe_cancel(w->probe);
    w->probe = NULL;
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
