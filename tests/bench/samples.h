/* samples.h - what was measured many times, and four figures of it. */
#ifndef POPINJAY_TESTS_BENCH_SAMPLES_H
#define POPINJAY_TESTS_BENCH_SAMPLES_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct samples {
    uint64_t *ns;
    size_t count;
    size_t capacity;
};

/* All zero is an empty one. Ends the process where there is no memory. */
void samples_add(struct samples *s, uint64_t ns);
void samples_fini(struct samples *s);

/* {"min": , "median": , "p95": , "max": } in milliseconds; null where nothing
 * was measured. Sorts them.
 */
json_t *samples_to_json(struct samples *s);

#endif
