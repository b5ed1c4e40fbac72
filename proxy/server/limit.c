#include "server/limit.h"

#include <assert.h>

static const struct {
    const char *name;
    enum counter counter;
} limits[LIMIT_COUNT] = {
    [LIMIT_SESSIONS] = { "sessions", COUNTER_LIMIT_SESSIONS },
    [LIMIT_LISTENER_SESSIONS] = { "listener_sessions",
                                  COUNTER_LIMIT_LISTENER_SESSIONS },
    [LIMIT_CLIENT_SESSIONS] = { "client_sessions",
                                COUNTER_LIMIT_CLIENT_SESSIONS },
    [LIMIT_UNAUTHENTICATED] = { "unauthenticated",
                                COUNTER_LIMIT_UNAUTHENTICATED },
    [LIMIT_LOGIN_FAILURES] = { "login_failures", COUNTER_LIMIT_LOGIN_FAILURES },
    [LIMIT_THROTTLE_BACKOFF] = { "throttle_backoff",
                                 COUNTER_LIMIT_THROTTLE_BACKOFF },
    [LIMIT_UPSTREAM_QUEUE] = { "upstream_queue", COUNTER_LIMIT_UPSTREAM_QUEUE },
    [LIMIT_VERIFICATIONS] = { "verifications", COUNTER_LIMIT_VERIFICATIONS },
};

const char *limit_name(enum limit limit)
{
    assert(limit < LIMIT_COUNT);
    return limits[limit].name;
}

enum counter limit_counter(enum limit limit)
{
    assert(limit < LIMIT_COUNT);
    return limits[limit].counter;
}
