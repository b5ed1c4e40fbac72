#include "base/histogram.h"

#include <stdatomic.h>

#include "base/attributes.h"

const uint32_t histogram_bounds_ms[HISTOGRAM_CLASSES - 1] = {
    1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000,
};

/* One writer: a load and a store do, without a locked instruction. */
static void bump(_Atomic uint64_t *value, uint64_t n)
{
    atomic_store_explicit(value,
                          atomic_load_explicit(value, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

void histogram_observe(struct histogram *h, uint64_t ms)
{
    unsigned i = 0;

    while (i < HISTOGRAM_CLASSES - 1 && ms > histogram_bounds_ms[i])
        i++;
    bump(&h->count[i], 1);
    bump(&h->sum_ms, ms);
}

void histogram_sum(const struct histogram *h, struct histogram_total *total)
{
    for (unsigned i = 0; i < HISTOGRAM_CLASSES; i++)
        total->count[i] +=
            atomic_load_explicit(&h->count[i], memory_order_relaxed);
    total->sum_ms += atomic_load_explicit(&h->sum_ms, memory_order_relaxed);
}

uint64_t histogram_count(const struct histogram_total *total)
{
    uint64_t all = 0;

    for (unsigned i = 0; i < HISTOGRAM_CLASSES; i++)
        all += total->count[i];
    return all;
}

uint32_t histogram_percentile_ms(const struct histogram_total *total,
                                 unsigned percent)
{
    uint64_t all = histogram_count(total);
    uint64_t below = total->count[0];
    unsigned i = 0;

    if (all == 0)
        return 0;
    while (i < HISTOGRAM_CLASSES - 2 && below * 100 < all * percent)
        below += total->count[++i];
    return histogram_bounds_ms[i];
}
