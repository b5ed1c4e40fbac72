#include "server/session_gather.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

struct session_gather {
    uv_async_t arrived;
    uv_timer_t timer;
    session_gather_done *done;
    void *owner;

    pthread_mutex_t mutex; /* of what follows */
    uint64_t round;
    unsigned awaited; /* lists; 0: no round is under way */
    bool incomplete;
    struct session_facts *facts;
    size_t count;
};

static int by_number(const void *a, const void *b)
{
    const struct session_facts *left = a;
    const struct session_facts *right = b;

    return (left->number > right->number) - (left->number < right->number);
}

/* Ends the round, if one is under way. */
static void finish(struct session_gather *g)
{
    struct session_facts *facts;
    size_t count;
    bool complete;

    (void)pthread_mutex_lock(&g->mutex);
    facts = g->facts;
    count = g->count;
    complete = g->awaited == 0 && !g->incomplete;
    g->facts = NULL;
    g->count = 0;
    g->awaited = 0;
    g->round++; /* what still comes is of no use */
    (void)pthread_mutex_unlock(&g->mutex);
    (void)uv_timer_stop(&g->timer);
    if (count > 0)
        qsort(facts, count, sizeof(*facts), by_number);
    if (count > SESSIONS_LISTED_MAX) {
        count = SESSIONS_LISTED_MAX;
        complete = false;
    }
    g->done(g->owner, facts, count, complete);
    free(facts);
}

static void on_time(uv_timer_t *timer)
{
    finish(timer->data);
}

static void on_arrived(uv_async_t *arrived)
{
    struct session_gather *g = arrived->data;
    bool is_last;

    (void)pthread_mutex_lock(&g->mutex);
    is_last = g->awaited == 0;
    (void)pthread_mutex_unlock(&g->mutex);
    if (is_last && uv_is_active((uv_handle_t *)&g->timer))
        finish(g);
}

struct session_gather *session_gather_new(uv_loop_t *loop,
                                          session_gather_done *done,
                                          void *owner)
{
    struct session_gather *g = calloc(1, sizeof(*g));

    if (g == NULL || uv_async_init(loop, &g->arrived, on_arrived) != 0) {
        free(g);
        return NULL;
    }
    (void)uv_timer_init(loop, &g->timer);
    (void)pthread_mutex_init(&g->mutex, NULL);
    g->arrived.data = g;
    g->timer.data = g;
    g->done = done;
    g->owner = owner;
    g->round = 1;
    return g;
}

void session_gather_close(struct session_gather *g)
{
    if (g == NULL || uv_is_closing((uv_handle_t *)&g->timer))
        return;
    uv_close((uv_handle_t *)&g->timer, NULL);
    uv_close((uv_handle_t *)&g->arrived, NULL);
}

void session_gather_free(struct session_gather *g)
{
    if (g == NULL)
        return;
    (void)pthread_mutex_destroy(&g->mutex);
    free(g->facts);
    free(g);
}

uint64_t session_gather_begin(struct session_gather *g, unsigned workers)
{
    uint64_t round;

    if (uv_is_active((uv_handle_t *)&g->timer))
        return 0;
    (void)pthread_mutex_lock(&g->mutex);
    g->awaited = workers;
    g->incomplete = false;
    round = g->round;
    (void)pthread_mutex_unlock(&g->mutex);
    (void)uv_timer_start(&g->timer, on_time,
                         workers > 0 ? SESSIONS_GATHER_MS : 0, 0);
    return round;
}

/* False: no memory. */
static bool append(struct session_gather *g, const struct session_facts *facts,
                   size_t count)
{
    struct session_facts *all =
        realloc(g->facts, (g->count + count) * sizeof(*all));

    if (all == NULL)
        return false;
    memcpy(all + g->count, facts, count * sizeof(*all));
    g->facts = all;
    g->count += count;
    return true;
}

void session_gather_put(struct session_gather *g, uint64_t round,
                        struct session_facts *facts, size_t count, bool more)
{
    (void)pthread_mutex_lock(&g->mutex);
    if (round == g->round && g->awaited > 0) {
        if (count > 0 && !append(g, facts, count))
            more = true;
        g->incomplete = g->incomplete || more;
        g->awaited--;
    }
    (void)pthread_mutex_unlock(&g->mutex);
    (void)uv_async_send(&g->arrived);
    free(facts);
}
