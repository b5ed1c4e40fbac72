/* A relay's logins before the guard: may they be tried, and what came of it. */
#include "base/limits.h"
#include "server/relay_parts.h"

static struct login_limits limits_of(const struct relay *r)
{
    const struct config *config = r->settings->config;

    return (struct login_limits){
        .failures = config->login_failures,
        .client_failures = config->login_failures_per_client,
        .window_ms = config->login_failure_window_ms,
        .block_ms = config->login_block_ms,
        .block_user_everywhere = config->block_user_everywhere,
    };
}

/* Without memory for it, the login is tried as if there were no guard. */
static enum login_verdict begin(struct relay *r, struct span user)
{
    struct login_guard *guard = r->host->service->guard;
    const struct login_limits limits = limits_of(r);

    if (!login_attempt_make(guard,
                            span_from_string(r->settings->upstreams->place),
                            user, &r->network, r->is_exempt, &r->attempt))
        return LOGIN_ADMITTED;
    return login_guard_begin(guard, &limits, &r->attempt, relay_now(r));
}

static void deny(struct relay *r, enum fault fault)
{
    bridge_deny_login(r->bridge, fault, 0, relay_now(r));
}

/* What is used upstream is what the client gave. */
static void grant(struct relay *r, const struct credentials *given)
{
    const struct settings_upstream *to = r->settings->upstreams;
    const struct login_grant grant = {
        .upstream = &to->policy,
        .mailbox = settings_mailbox_policy(r->settings, to->config->policy),
        .credentials = given,
    };

    bridge_grant_login(r->bridge, &grant, relay_now(r));
}

void relay_guard_ask(struct relay *r, const struct credentials *given)
{
    /* CONFORMANCE SASL-10. */
    if (buf_length(&given->identity) > 0 &&
        !r->settings->config->upstreams->pass_identity) {
        deny(r, FAULT_IDENTITY);
        return;
    }
    switch (begin(r, buf_span(&given->user))) {
    case LOGIN_ADMITTED:
        grant(r, given);
        break;
    case LOGIN_BLOCKED:
        relay_reach_limit(r, LIMIT_LOGIN_FAILURES);
        deny(r, FAULT_LOGIN_BLOCKED);
        break;
    case LOGIN_BACKING_OFF:
        relay_reach_limit(r, LIMIT_THROTTLE_BACKOFF);
        deny(r, FAULT_UPSTREAM_BACKOFF);
        break;
    }
}

static void settle(struct relay *r, enum login_result result)
{
    const struct login_limits limits = limits_of(r);
    bool blocked[LOGIN_KEY_COUNT];

    login_guard_end(r->host->service->guard, &limits, &r->attempt, result,
                    relay_now(r), blocked);
    if (blocked[LOGIN_KEY_CLIENT])
        relay_log_blocked(r, "client_blocked");
    if (blocked[LOGIN_KEY_LOGIN] || blocked[LOGIN_KEY_USER])
        relay_log_blocked(r, "login_blocked");
}

/* Only what the server says of the credentials counts (CONFORMANCE MAP-1): not
 * that it is busy, nor that somebody else has the maildrop.
 */
void relay_guard_note(struct relay *r, const struct bridge_wish *wish)
{
    if (wish->note == BRIDGE_NOTE_LOGGED_IN)
        settle(r, LOGIN_RIGHT);
    else if (wish->note == BRIDGE_NOTE_LOGIN_REFUSED)
        settle(r, wish->fault == FAULT_CREDENTIALS ? LOGIN_WRONG
                                                   : LOGIN_UNDECIDED);
}

void relay_guard_leave(struct relay *r)
{
    bool unjudged =
        r->bridge != NULL && bridge_report(r->bridge)->left_unjudged;

    settle(r, unjudged ? LOGIN_ABANDONED : LOGIN_UNDECIDED);
}

void relay_guard_throttled(struct relay *r, const struct bridge_report *report)
{
    uint64_t pause_ms = report->throttle_ms;

    if (pause_ms == 0)
        pause_ms = r->settings->config->throttle_backoff_ms;
    if (pause_ms > THROTTLE_BACKOFF_MAX_MS)
        pause_ms = THROTTLE_BACKOFF_MAX_MS;
    login_guard_back_off(r->host->service->guard, &r->attempt,
                         report->throttle_proven, pause_ms, relay_now(r));
    relay_log_throttled(r, pause_ms);
}
