/* random.h - numbers that look random and are the same in every run. */
#ifndef POPINJAY_TESTS_RANDOM_H
#define POPINJAY_TESTS_RANDOM_H

#include <stdint.h>

struct random_source {
    uint64_t state;
};

/* |seed| alone decides all that follows. */
void random_init(struct random_source *r, uint64_t seed);

uint64_t random_next(struct random_source *r);

/* From 0 to |bound| - 1; |bound| is at least 1. The slight favour that the
 * remainder gives to small numbers does not matter here.
 */
uint64_t random_below(struct random_source *r, uint64_t bound);

#endif
