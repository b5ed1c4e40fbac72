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

static void init(_Atomic uint64_t *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        atomic_init(&values[i], 0);
}

void counters_init(struct counters *c)
{
    init(c->value, COUNTER_COUNT);
    init(c->sessions, COUNTERS_LISTENERS);
    for (unsigned i = 0; i < COUNTERS_LISTENERS; i++)
        init(c->sessions_in_phase[i], COUNTERS_PHASES);
    init(c->login_failures, COUNTERS_FAULTS);
    init(c->session_ends, COUNTERS_FAULTS);
    init(c->commands_ok, COUNTERS_VERBS);
    init(c->commands_failed, COUNTERS_VERBS);
    for (unsigned i = 0; i < COUNTER_STAGE_COUNT; i++)
        histogram_init(&c->stage[i]);
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
    assert(stage < COUNTER_STAGE_COUNT);
    if (c != NULL)
        histogram_observe(&c->stage[stage], ms);
}

static void sum(const _Atomic uint64_t *from, uint64_t *to, size_t count)
{
    for (size_t i = 0; i < count; i++)
        to[i] += atomic_load_explicit(&from[i], memory_order_relaxed);
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
    for (unsigned i = 0; i < COUNTER_STAGE_COUNT; i++)
        histogram_sum(&c->stage[i], &total->stage[i]);
}

uint64_t counters_in_phase(const struct counters_total *total, unsigned phase)
{
    uint64_t sessions = 0;

    assert(phase < COUNTERS_PHASES);
    for (unsigned i = 0; i < COUNTERS_LISTENERS; i++)
        sessions += total->sessions_in_phase[i][phase];
    return sessions;
}
