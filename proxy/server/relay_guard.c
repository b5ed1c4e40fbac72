/* A relay's logins before the guard: may they be tried, and what came of it. */
#include "base/limits.h"
#include "server/relay_parts.h"
#include "session/mailbox_list.h"

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

/* Each folder in the name would be another name to guess a password for. */
static struct span without_folder(const struct relay *r, struct span user,
                                  struct buf *name)
{
    const struct config *config = r->settings->config;
    struct plus_name parts = plus_name_split(user);
    bool any = false;

    for (size_t i = 0; i < config->policy_count; i++)
        any = any || config->policies[i].plus_folder;
    if (!any || parts.folder.len == 0 || !buf_append(name, parts.before) ||
        !buf_append(name, parts.after))
        return user;
    return buf_span(name);
}

static bool admits(struct relay *r, struct span user)
{
    struct login_guard *guard = r->host->service->guard;
    const struct login_limits limits = limits_of(r);

    return !login_attempt_make(guard, SPAN_LITERAL(""), user, &r->network,
                               r->is_exempt, &r->attempt) ||
           login_guard_begin(guard, &limits, &r->attempt, relay_now(r)) ==
               LOGIN_ADMITTED;
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

/* By the name that the client gives, whoever that is upstream. Without memory
 * for it, the login is tried as if there were no guard.
 */
enum fault relay_guard_begin(struct relay *r, struct span user)
{
    struct buf name;
    bool admitted;

    settle(r, LOGIN_UNDECIDED); /* an exchange that was proven, and cancelled */
    buf_init(&name, SASL_PART_MAX);
    admitted = admits(r, without_folder(r, user, &name));
    buf_fini(&name);
    if (admitted)
        return FAULT_NONE;
    relay_reach_limit(r, LIMIT_LOGIN_FAILURES);
    return FAULT_LOGIN_BLOCKED;
}

enum fault relay_guard_begin_upstream(struct relay *r, const char *place,
                                      struct span user)
{
    struct login_guard *guard = r->host->service->guard;

    if (!login_attempt_make(guard, span_from_string(place), user, &r->network,
                            r->is_exempt, &r->upstream_attempt) ||
        !login_guard_is_backing_off(guard, &r->upstream_attempt, relay_now(r)))
        return FAULT_NONE;
    relay_reach_limit(r, LIMIT_THROTTLE_BACKOFF);
    return FAULT_UPSTREAM_BACKOFF;
}

/* Only what the server says of the credentials counts (CONFORMANCE MAP-1), or
 * what we say of a device's: not that either is busy, nor that somebody else has
 * the maildrop.
 */
static enum login_result result_of(enum fault fault)
{
    return fault_is_wrong_login(fault) || fault == FAULT_SECRET_REFUSED
               ? LOGIN_WRONG
               : LOGIN_UNDECIDED;
}

void relay_guard_note(struct relay *r, const struct bridge_wish *wish)
{
    if (wish->note == BRIDGE_NOTE_LOGGED_IN)
        settle(r, LOGIN_RIGHT);
    else if (wish->note == BRIDGE_NOTE_LOGIN_REFUSED)
        settle(r, result_of(wish->fault));
}

void relay_guard_leave(struct relay *r)
{
    bool unjudged =
        r->access != NULL ||
        (r->bridge != NULL && bridge_report(r->bridge)->left_unjudged);

    settle(r, unjudged ? LOGIN_ABANDONED : LOGIN_UNDECIDED);
}

void relay_guard_throttled(struct relay *r, const struct bridge_report *report)
{
    uint64_t pause_ms = report->throttle_ms;

    if (pause_ms == 0)
        pause_ms = r->settings->config->throttle_backoff_ms;
    if (pause_ms > THROTTLE_BACKOFF_MAX_MS)
        pause_ms = THROTTLE_BACKOFF_MAX_MS;
    login_guard_back_off(r->host->service->guard, &r->upstream_attempt,
                         report->throttle_proven, pause_ms, relay_now(r));
    relay_log_throttled(r, pause_ms);
}
