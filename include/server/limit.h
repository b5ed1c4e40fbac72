/* limit.h - the limits that may be reached: what each is called, and where it is
 * counted.
 */
#ifndef POPINJAY_SERVER_LIMIT_H
#define POPINJAY_SERVER_LIMIT_H

#include "base/counters.h"

enum limit {
    LIMIT_SESSIONS,
    LIMIT_LISTENER_SESSIONS,
    LIMIT_CLIENT_SESSIONS,
    LIMIT_UNAUTHENTICATED,
    LIMIT_LOGIN_FAILURES,
    LIMIT_THROTTLE_BACKOFF,
    LIMIT_UPSTREAM_QUEUE,
    LIMIT_VERIFICATIONS,
    LIMIT_COUNT,
};

/* For the log, and as in the metrics: "sessions". */
const char *limit_name(enum limit limit);

/* The times that it was reached. */
enum counter limit_counter(enum limit limit);

#endif
