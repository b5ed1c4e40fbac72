#include "base/counters.h"

#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>

/* One writer: a load and a store do, without a locked instruction. */
static void bump(_Atomic uint64_t *value, uint64_t n)
{
    atomic_store_explicit(value,
                          atomic_load_explicit(value, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

static void drop(_Atomic uint64_t *gauge)
{
    uint64_t value = atomic_load_explicit(gauge, memory_order_relaxed);

    assert(value > 0);
    atomic_store_explicit(gauge, value - 1, memory_order_relaxed);
}

void counters_add(struct counters *c, enum counter which, uint64_t n)
{
    assert(which < COUNTER_COUNT);
    bump(&c->value[which], n);
}

void counters_add_login_failure(struct counters *c, unsigned fault)
{
    assert(fault < COUNTERS_FAULTS);
    bump(&c->login_failures[fault], 1);
    bump(&c->value[COUNTER_LOGINS_FAILED], 1);
}

void counters_session_begin(struct counters *c, unsigned listener,
                            unsigned phase)
{
    assert(listener < COUNTERS_LISTENERS && phase < COUNTERS_PHASES);
    bump(&c->value[COUNTER_SESSIONS], 1);
    bump(&c->sessions[listener], 1);
    bump(&c->sessions_in_phase[listener][phase], 1);
}

void counters_session_move(struct counters *c, unsigned listener, unsigned from,
                           unsigned to)
{
    assert(listener < COUNTERS_LISTENERS);
    assert(from < COUNTERS_PHASES && to < COUNTERS_PHASES);
    drop(&c->sessions_in_phase[listener][from]);
    bump(&c->sessions_in_phase[listener][to], 1);
}

void counters_session_end(struct counters *c, unsigned listener, unsigned phase,
                          unsigned fault)
{
    assert(listener < COUNTERS_LISTENERS);
    assert(phase < COUNTERS_PHASES && fault < COUNTERS_FAULTS);
    drop(&c->sessions_in_phase[listener][phase]);
    bump(&c->session_ends[fault], 1);
}

void counters_add_command(struct counters *c, unsigned verb, bool ok)
{
    assert(verb < COUNTERS_VERBS);
    if (c != NULL)
        bump(ok ? &c->commands_ok[verb] : &c->commands_failed[verb], 1);
}

void counters_add_time(struct counters *c, enum counter_stage stage,
                       uint64_t ms)
{
    assert(stage >= COUNTER_UPSTREAM_STAGES && stage < COUNTER_STAGE_COUNT);
    if (c != NULL)
        histogram_observe(&c->stage[stage - COUNTER_UPSTREAM_STAGES], ms);
}

static unsigned upstreams_of(const struct counters *c)
{
    return atomic_load_explicit(&c->upstreams, memory_order_relaxed);
}

void counters_add_upstream_time(struct counters *c, unsigned upstream,
                                enum counter_stage stage, uint64_t ms)
{
    assert(upstream < COUNTERS_UPSTREAMS && stage < COUNTER_UPSTREAM_STAGES);
    if (c == NULL)
        return;
    histogram_observe(&c->upstream_stage[upstream][stage], ms);
    if (upstreams_of(c) <= upstream)
        atomic_store_explicit(&c->upstreams, upstream + 1,
                              memory_order_relaxed);
}

static void sum(const _Atomic uint64_t *from, uint64_t *to, size_t count)
{
    for (size_t i = 0; i < count; i++)
        to[i] += atomic_load_explicit(&from[i], memory_order_relaxed);
}

void counters_sum_upstream(
    const struct counters *c, unsigned upstream,
    struct histogram_total total[COUNTER_UPSTREAM_STAGES])
{
    if (upstream >= upstreams_of(c))
        return;
    for (unsigned i = 0; i < COUNTER_UPSTREAM_STAGES; i++)
        histogram_sum(&c->upstream_stage[upstream][i], &total[i]);
}

void counters_sum(const struct counters *c, struct counters_total *total)
{
    sum(c->value, total->value, COUNTER_COUNT);
    sum(c->sessions, total->sessions, COUNTERS_LISTENERS);
    for (unsigned i = 0; i < COUNTERS_LISTENERS; i++)
        sum(c->sessions_in_phase[i], total->sessions_in_phase[i],
            COUNTERS_PHASES);
    sum(c->login_failures, total->login_failures, COUNTERS_FAULTS);
    sum(c->session_ends, total->session_ends, COUNTERS_FAULTS);
    sum(c->commands_ok, total->commands_ok, COUNTERS_VERBS);
    sum(c->commands_failed, total->commands_failed, COUNTERS_VERBS);
    for (unsigned i = COUNTER_UPSTREAM_STAGES; i < COUNTER_STAGE_COUNT; i++)
        histogram_sum(&c->stage[i - COUNTER_UPSTREAM_STAGES], &total->stage[i]);
    for (unsigned i = 0; i < upstreams_of(c); i++)
        counters_sum_upstream(c, i, total->stage);
}

uint64_t counters_in_phase(const struct counters_total *total, unsigned phase)
{
    uint64_t sessions = 0;

    assert(phase < COUNTERS_PHASES);
    for (unsigned i = 0; i < COUNTERS_LISTENERS; i++)
        sessions += total->sessions_in_phase[i][phase];
    return sessions;
}
