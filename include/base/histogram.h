/* histogram.h - how long things took, in fixed classes.
 *
 * As counters.h: one writer, any reader, each number atomic and relaxed. The
 * classes are the same for all, from a millisecond to half a minute, so that
 * histograms can be added up and compared. CONFORMANCE MET-7.
 */
#ifndef POPINJAY_BASE_HISTOGRAM_H
#define POPINJAY_BASE_HISTOGRAM_H

#include <stdint.h>

/* The last class has no bound. */
#define HISTOGRAM_CLASSES 15

/* The bounds, inclusive, of all classes but the last. */
extern const uint32_t histogram_bounds_ms[HISTOGRAM_CLASSES - 1];

/* Begins as all zero. */
struct histogram {
    _Atomic uint64_t count[HISTOGRAM_CLASSES]; /* of this class alone */
    _Atomic uint64_t sum_ms;
};

struct histogram_total {
    uint64_t count[HISTOGRAM_CLASSES];
    uint64_t sum_ms;
};

void histogram_observe(struct histogram *h, uint64_t ms);

/* Adds |h| to |total|. */
void histogram_sum(const struct histogram *h, struct histogram_total *total);

uint64_t histogram_count(const struct histogram_total *total);

/* The bound below which |percent| of all lie, or that of the last but one
 * class where they lie beyond; 0: there are none.
 */
uint32_t histogram_percentile_ms(const struct histogram_total *total,
                                 unsigned percent);

#endif
