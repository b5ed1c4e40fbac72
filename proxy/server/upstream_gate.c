#include "server/upstream_gate.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <utlist.h>

#define SECOND_US UINT64_C(1000000)

struct upstream_gate {
    pthread_mutex_t mutex;
    struct upstream_gate_limits limits;
    struct upstream_pass *queue; /* longest first */
    uint32_t waiting;
    uint32_t connections;
    /* When the next login would be due, were they spread evenly. */
    uint64_t even_us;
    enum upstream_budget spent; /* what the last one was refused for */
};

struct upstream_gate *upstream_gate_new(void)
{
    struct upstream_gate *g = calloc(1, sizeof(*g));

    if (g == NULL)
        return NULL;
    if (pthread_mutex_init(&g->mutex, NULL) != 0) {
        free(g);
        return NULL;
    }
    return g;
}

void upstream_gate_free(struct upstream_gate *g)
{
    if (g == NULL)
        return;
    assert(g->queue == NULL);
    pthread_mutex_destroy(&g->mutex);
    free(g);
}

/* --- with the mutex held --- */

static bool has_room(const struct upstream_gate *g)
{
    return g->limits.connections == 0 || g->connections < g->limits.connections;
}

/* Clocks of several workers: what was granted a moment ahead is not late. */
static bool take_turn(struct upstream_gate *g, uint64_t now_ms)
{
    uint64_t now_us = now_ms * 1000;
    uint64_t step_us;
    uint64_t next_us;

    if (g->limits.logins_per_second == 0)
        return true;
    step_us = SECOND_US / g->limits.logins_per_second;
    next_us = (g->even_us > now_us ? g->even_us : now_us) + step_us;
    if (next_us > now_us + g->limits.burst * step_us)
        return false;
    g->even_us = next_us;
    return true;
}

static bool grant_one(struct upstream_gate *g, uint64_t now_ms)
{
    if (!has_room(g)) {
        g->spent = UPSTREAM_BUDGET_CONNECTIONS;
        return false;
    }
    if (!take_turn(g, now_ms)) {
        g->spent = UPSTREAM_BUDGET_LOGINS;
        return false;
    }
    g->connections++;
    return true;
}

static void dequeue(struct upstream_gate *g, struct upstream_pass *pass)
{
    DL_DELETE(g->queue, pass);
    g->waiting--;
    pass->state = UPSTREAM_PASS_NONE;
}

/* Nobody whose time is over takes the turn of those behind. */
static void grant_due(struct upstream_gate *g, uint64_t now_ms)
{
    struct upstream_pass *pass;
    struct upstream_pass *next;

    DL_FOREACH_SAFE (g->queue, pass, next) {
        if (pass->due_ms <= now_ms)
            continue;
        if (!grant_one(g, now_ms))
            return;
        dequeue(g, pass);
        pass->state = UPSTREAM_PASS_GRANTED;
    }
}

static enum upstream_gate_status enter(struct upstream_gate *g,
                                       struct upstream_pass *pass,
                                       uint64_t now_ms)
{
    grant_due(g, now_ms);
    if (g->queue == NULL && grant_one(g, now_ms))
        return UPSTREAM_GATE_OPEN;
    pass->spent = g->spent;
    if (g->limits.queue_timeout_ms == 0 || g->waiting >= g->limits.queue_length)
        return UPSTREAM_GATE_FULL;
    pass->state = UPSTREAM_PASS_WAITS;
    pass->due_ms = now_ms + g->limits.queue_timeout_ms;
    DL_APPEND(g->queue, pass);
    g->waiting++;
    return UPSTREAM_GATE_WAIT;
}

static enum upstream_gate_status poll(struct upstream_gate *g,
                                      struct upstream_pass *pass,
                                      uint64_t now_ms)
{
    grant_due(g, now_ms);
    if (pass->state == UPSTREAM_PASS_GRANTED) {
        pass->state = UPSTREAM_PASS_NONE;
        return UPSTREAM_GATE_OPEN;
    }
    pass->spent = g->spent;
    if (now_ms < pass->due_ms)
        return UPSTREAM_GATE_WAIT;
    dequeue(g, pass);
    return UPSTREAM_GATE_LATE;
}

/* --- */

void upstream_gate_set_limits(struct upstream_gate *g,
                              const struct upstream_gate_limits *limits)
{
    assert(limits->burst > 0);
    pthread_mutex_lock(&g->mutex);
    g->limits = *limits;
    pthread_mutex_unlock(&g->mutex);
}

enum upstream_gate_status upstream_gate_enter(struct upstream_gate *g,
                                              struct upstream_pass *pass,
                                              uint64_t now_ms)
{
    enum upstream_gate_status status;

    assert(pass->state == UPSTREAM_PASS_NONE);
    pthread_mutex_lock(&g->mutex);
    status = enter(g, pass, now_ms);
    pthread_mutex_unlock(&g->mutex);
    return status;
}

enum upstream_gate_status upstream_gate_poll(struct upstream_gate *g,
                                             struct upstream_pass *pass,
                                             uint64_t now_ms)
{
    enum upstream_gate_status status;

    pthread_mutex_lock(&g->mutex);
    assert(pass->state != UPSTREAM_PASS_NONE);
    status = poll(g, pass, now_ms);
    pthread_mutex_unlock(&g->mutex);
    return status;
}

void upstream_gate_withdraw(struct upstream_gate *g, struct upstream_pass *pass)
{
    pthread_mutex_lock(&g->mutex);
    if (pass->state == UPSTREAM_PASS_GRANTED)
        g->connections--;
    else if (pass->state == UPSTREAM_PASS_WAITS)
        dequeue(g, pass);
    pass->state = UPSTREAM_PASS_NONE;
    pthread_mutex_unlock(&g->mutex);
}

void upstream_gate_leave(struct upstream_gate *g)
{
    pthread_mutex_lock(&g->mutex);
    assert(g->connections > 0);
    g->connections--;
    pthread_mutex_unlock(&g->mutex);
}

bool upstream_gate_lacks_room(struct upstream_gate *g)
{
    bool lacks;

    pthread_mutex_lock(&g->mutex);
    lacks = !has_room(g);
    pthread_mutex_unlock(&g->mutex);
    return lacks;
}

uint32_t upstream_gate_connections(struct upstream_gate *g)
{
    uint32_t connections;

    pthread_mutex_lock(&g->mutex);
    connections = g->connections;
    pthread_mutex_unlock(&g->mutex);
    return connections;
}

uint32_t upstream_gate_queue_length(struct upstream_gate *g)
{
    uint32_t waiting;

    pthread_mutex_lock(&g->mutex);
    waiting = g->waiting;
    pthread_mutex_unlock(&g->mutex);
    return waiting;
}
