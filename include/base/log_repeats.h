/* log_repeats.h - failures that come again and again are counted, not repeated.
 *
 * Failures are equal where event, reason and peer are. The first ones of a
 * window are written; the others are counted, and told in one line when the
 * window is over. A table that is full counts those of further peers together.
 *
 * Pure: the time is given, any clock that never goes back. Memory: its own.
 */
#ifndef POPINJAY_BASE_LOG_REPEATS_H
#define POPINJAY_BASE_LOG_REPEATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/limits.h"
#include "base/log_record.h"

/* What stands for all peers that the table has no room for. */
#define LOG_REPEATS_OTHERS "others"

struct log_failure {
    const char *event;       /* these three are constants */
    const char *reason;      /* "" where there is none */
    const char *peer_key;    /* what |peer| is: "client", "upstream" */
    char peer[LOG_PEER_MAX]; /* one address, or a network of them */
};

struct log_summary {
    struct log_failure failure;
    enum log_level level;
    uint64_t repeated; /* beyond those that were written */
};

struct log_repeats {
    struct log_repeats_entry {
        struct log_failure failure;
        enum log_level level;
        uint64_t seen;
        uint64_t ends_ms;
    } at[LOG_REPEATS_MAX];
    size_t count;
    uint32_t shown; /* of a window; 0: all of them */
    uint64_t window_ms;
};

/* Empty. */
void log_repeats_init(struct log_repeats *t, uint32_t shown,
                      uint64_t window_ms);

/* Whether this one is to be written. */
MUST_CHECK bool log_repeats_admit(struct log_repeats *t,
                                  const struct log_failure *failure,
                                  enum log_level level, uint64_t now_ms);

/* Takes one summary of a window that is over; false: there is none. At
 * UINT64_MAX all windows are over.
 */
MUST_CHECK bool log_repeats_take(struct log_repeats *t, uint64_t now_ms,
                                 struct log_summary *summary);

#endif
