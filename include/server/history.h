/* history.h - the figures of the last hour, minute by minute.
 *
 * Counters only grow, so a minute is a difference of two samples. Pure: whoever
 * samples says when; times are monotonic.
 */
#ifndef POPINJAY_SERVER_HISTORY_H
#define POPINJAY_SERVER_HISTORY_H

#include <stdint.h>

#include "base/counters.h"

#define HISTORY_MINUTES 60

struct history_minute {
    uint64_t sessions; /* the most at one time, as far as was seen */
    uint64_t value[COUNTER_COUNT];
    uint64_t login_failures[COUNTERS_FAULTS];
};

/* Empty where it is all zero. */
struct history {
    struct history_minute at[HISTORY_MINUTES]; /* a ring, by minute */
    uint64_t first;                            /* minute with a sample */
    uint64_t last;
    uint64_t then_value[COUNTER_COUNT]; /* at the last sample */
    uint64_t then_failures[COUNTERS_FAULTS];
};

/* To be called a few times a minute. */
void history_sample(struct history *h, uint64_t now_ms, uint64_t sessions,
                    const struct counters_total *totals);

/* The minute that was |ago| minutes before the last sample's, below
 * HISTORY_MINUTES. NULL: it was before the first.
 */
const struct history_minute *history_minute(const struct history *h,
                                            unsigned ago);

/* All of them added up; |sessions| is the most of them. */
struct history_minute history_hour(const struct history *h);

#endif
