/* octet_budget.c - see octet_budget.h. */
#include "base/octet_budget.h"

#include <assert.h>

void octet_budget_init(struct octet_budget *b, uint64_t max)
{
    atomic_init(&b->max, max);
    atomic_init(&b->taken, 0);
}

void octet_budget_set_max(struct octet_budget *b, uint64_t max)
{
    atomic_store_explicit(&b->max, max, memory_order_relaxed);
}

bool octet_budget_take(struct octet_budget *b, uint64_t octets)
{
    uint64_t max = atomic_load_explicit(&b->max, memory_order_relaxed);
    uint64_t taken = atomic_load_explicit(&b->taken, memory_order_relaxed);

    do
        if (octets > max || taken > max - octets)
            return false;
    while (!atomic_compare_exchange_weak_explicit(
        &b->taken, &taken, taken + octets, memory_order_relaxed,
        memory_order_relaxed));
    return true;
}

void octet_budget_give(struct octet_budget *b, uint64_t octets)
{
    uint64_t before =
        atomic_fetch_sub_explicit(&b->taken, octets, memory_order_relaxed);

    assert(before >= octets);
    (void)before;
}

uint64_t octet_budget_taken(const struct octet_budget *b)
{
    return atomic_load_explicit(&b->taken, memory_order_relaxed);
}
