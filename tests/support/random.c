#include "support/random.h"

/* SplitMix64: a counter in odd steps, its bits then stirred. */
#define STEP UINT64_C(0x9E3779B97F4A7C15)

void random_init(struct random_source *r, uint64_t seed)
{
    r->state = seed;
}

uint64_t random_next(struct random_source *r)
{
    uint64_t x;

    r->state += STEP;
    x = r->state;
    x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
    return x ^ (x >> 31);
}

uint64_t random_below(struct random_source *r, uint64_t bound)
{
    return random_next(r) % bound;
}
