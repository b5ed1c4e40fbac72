#include "server/history.h"

#include <assert.h>
#include <stddef.h>

#define MINUTE_MS 60000

/* Minutes without a sample are minutes in which nothing is known to have
 * happened.
 */
static void turn(struct history *h, uint64_t minute)
{
    uint64_t from = h->last + 1;

    if (minute >= from + HISTORY_MINUTES)
        from = minute - HISTORY_MINUTES + 1;
    for (; from <= minute; from++)
        h->at[from % HISTORY_MINUTES] =
            (struct history_minute){ .sessions = 0 };
    h->last = minute;
}

static void add_rise(uint64_t *sum, uint64_t *then, const uint64_t *now,
                     size_t count)
{
    for (size_t i = 0; i < count; i++) {
        sum[i] += now[i] - then[i];
        then[i] = now[i];
    }
}

void history_sample(struct history *h, uint64_t now_ms, uint64_t sessions,
                    const struct counters_total *totals)
{
    uint64_t minute = now_ms / MINUTE_MS + 1; /* 0: no sample yet */
    struct history_minute *m = &h->at[minute % HISTORY_MINUTES];

    if (h->last == 0)
        h->first = h->last = minute;
    if (minute > h->last)
        turn(h, minute);
    if (sessions > m->sessions)
        m->sessions = sessions;
    add_rise(m->value, h->then_value, totals->value, COUNTER_COUNT);
    add_rise(m->login_failures, h->then_failures, totals->login_failures,
             COUNTERS_FAULTS);
}

const struct history_minute *history_minute(const struct history *h,
                                            unsigned ago)
{
    assert(ago < HISTORY_MINUTES);
    if (h->last == 0 || h->first + ago > h->last)
        return NULL;
    return &h->at[(h->last - ago) % HISTORY_MINUTES];
}

struct history_minute history_hour(const struct history *h)
{
    struct history_minute hour = { .sessions = 0 };

    for (unsigned ago = 0; ago < HISTORY_MINUTES; ago++) {
        const struct history_minute *m = history_minute(h, ago);

        if (m == NULL)
            break;
        if (m->sessions > hour.sessions)
            hour.sessions = m->sessions;
        for (size_t i = 0; i < COUNTER_COUNT; i++)
            hour.value[i] += m->value[i];
        for (size_t i = 0; i < COUNTERS_FAULTS; i++)
            hour.login_failures[i] += m->login_failures[i];
    }
    return hour;
}
