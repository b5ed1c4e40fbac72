#include "server/upstream_health.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define MINUTE_MS 60000

const char *upstream_verdict_name(enum upstream_verdict verdict)
{
    switch (verdict) {
    case UPSTREAM_UNKNOWN:
        return "unknown";
    case UPSTREAM_REACHED:
        return "reached";
    case UPSTREAM_DOUBTFUL:
        return "doubtful";
    case UPSTREAM_FAILING:
        return "failing";
    case UPSTREAM_VERDICT_COUNT:
        break;
    }
    return "";
}

void upstream_health_init(struct upstream_health *h)
{
    *h = (struct upstream_health){ .failures_in_row = 0 };
    (void)pthread_mutex_init(&h->mutex, NULL);
}

void upstream_health_fini(struct upstream_health *h)
{
    (void)pthread_mutex_destroy(&h->mutex);
}

static void count_in_minute(struct upstream_health *h, bool failed,
                            uint64_t minute)
{
    unsigned at = (unsigned)(minute % UPSTREAM_HEALTH_MINUTES);

    if (h->minutes[at].minute != minute) {
        h->minutes[at].minute = minute;
        h->minutes[at].successes = 0;
        h->minutes[at].failures = 0;
    }
    if (failed)
        h->minutes[at].failures++;
    else
        h->minutes[at].successes++;
}

/* With the mutex held. */
static void note(struct upstream_health *h, const char *failure,
                 uint64_t now_ms, uint64_t unix_s)
{
    struct upstream_health_view *v = &h->view;

    count_in_minute(h, failure != NULL, now_ms / MINUTE_MS);
    if (failure == NULL) {
        v->successes++;
        v->success_unix_s = unix_s;
        h->failures_in_row = 0;
    } else {
        v->failures++;
        v->failure_unix_s = unix_s;
        v->failure_ms = now_ms;
        (void)snprintf(v->failure, sizeof(v->failure), "%s", failure);
        h->failures_in_row++;
    }
}

void upstream_health_note(struct upstream_health *h, unsigned upstream,
                          const char *failure, uint64_t now_ms, uint64_t unix_s)
{
    (void)pthread_mutex_lock(&h->mutex);
    if (upstream == h->upstream)
        note(h, failure, now_ms, unix_s);
    (void)pthread_mutex_unlock(&h->mutex);
}

/* With the mutex held. */
static void forget(struct upstream_health *h)
{
    h->view = (struct upstream_health_view){ .verdict = UPSTREAM_UNKNOWN };
    h->failures_in_row = 0;
    memset(h->minutes, 0, sizeof(h->minutes));
}

void upstream_health_turn_to(struct upstream_health *h, unsigned upstream)
{
    (void)pthread_mutex_lock(&h->mutex);
    if (upstream != h->upstream)
        forget(h);
    h->upstream = upstream;
    (void)pthread_mutex_unlock(&h->mutex);
}

static enum upstream_verdict judge(const struct upstream_health *h)
{
    if (h->failures_in_row == 0)
        return h->view.successes > 0 ? UPSTREAM_REACHED : UPSTREAM_UNKNOWN;
    if (h->failures_in_row == 1 && h->view.successes > 0)
        return UPSTREAM_DOUBTFUL;
    return UPSTREAM_FAILING;
}

struct upstream_health_view upstream_health_view(struct upstream_health *h,
                                                 uint64_t now_ms)
{
    uint64_t minute = now_ms / MINUTE_MS;
    struct upstream_health_view v;

    (void)pthread_mutex_lock(&h->mutex);
    v = h->view;
    v.verdict = judge(h);
    for (unsigned i = 0; i < UPSTREAM_HEALTH_MINUTES; i++) {
        if (h->minutes[i].minute + UPSTREAM_HEALTH_MINUTES <= minute)
            continue;
        v.recent_successes += h->minutes[i].successes;
        v.recent_failures += h->minutes[i].failures;
    }
    (void)pthread_mutex_unlock(&h->mutex);
    return v;
}
