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

void counters_init(struct counters *c)
{
    for (size_t i = 0; i < COUNTER_COUNT; i++)
        atomic_init(&c->value[i], 0);
    for (size_t i = 0; i < COUNTERS_PHASES; i++)
        atomic_init(&c->sessions_in_phase[i], 0);
    for (size_t i = 0; i < COUNTERS_FAULTS; i++) {
        atomic_init(&c->login_failures[i], 0);
        atomic_init(&c->session_ends[i], 0);
    }
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

void counters_session_begin(struct counters *c, unsigned phase)
{
    assert(phase < COUNTERS_PHASES);
    bump(&c->value[COUNTER_SESSIONS], 1);
    bump(&c->sessions_in_phase[phase], 1);
}

void counters_session_move(struct counters *c, unsigned from, unsigned to)
{
    assert(from < COUNTERS_PHASES && to < COUNTERS_PHASES);
    drop(&c->sessions_in_phase[from]);
    bump(&c->sessions_in_phase[to], 1);
}

void counters_session_end(struct counters *c, unsigned phase, unsigned fault)
{
    assert(phase < COUNTERS_PHASES && fault < COUNTERS_FAULTS);
    drop(&c->sessions_in_phase[phase]);
    bump(&c->session_ends[fault], 1);
}

static void sum(const _Atomic uint64_t *from, uint64_t *to, size_t count)
{
    for (size_t i = 0; i < count; i++)
        to[i] += atomic_load_explicit(&from[i], memory_order_relaxed);
}

void counters_sum(const struct counters *c, struct counters_total *total)
{
    sum(c->value, total->value, COUNTER_COUNT);
    sum(c->sessions_in_phase, total->sessions_in_phase, COUNTERS_PHASES);
    sum(c->login_failures, total->login_failures, COUNTERS_FAULTS);
    sum(c->session_ends, total->session_ends, COUNTERS_FAULTS);
}
