/* bridge_deadlines.c - how long each side is waited for, and what comes then. */
#include "session/bridge_state.h"

/* A long listing that gets on may get on: the upstream's time counts, also from
 * one mailbox to the next.
 */
static bool is_listing(const struct bridge *b)
{
    return b->task == BRIDGE_TASK_LISTING || b->task == BRIDGE_TASK_VIEWING ||
           b->task == BRIDGE_TASK_EXCERPT || b->task == BRIDGE_TASK_GMAIL_IDS ||
           (b->phase == BRIDGE_LOGGING_IN && b->maildrops.count > 0);
}

/* The client's patience with us and ours with it. */
static uint64_t client_deadline(const struct bridge *b)
{
    if (b->client == BRIDGE_CLIENT_ENDED)
        return UINT64_MAX;
    if (is_listing(b))
        return UINT64_MAX;
    if (!pop3_session_is_logged_in(&b->pop3))
        return b->login_deadline_ms;
    /* While it waits for us it need not say anything. */
    if (b->pop3.pending != POP3_UNKNOWN && b->shown == 0)
        return UINT64_MAX;
    return b->client_seen_ms + b->policy->session_timeout_ms;
}

/* A connection that has rested may be dead without a sign; a new one costs
 * little beside the time that the client would wait for it.
 */
uint64_t bridge_reuse_patience(const struct bridge *b)
{
    uint64_t patience_ms = b->upstream_policy->upstream_timeout_ms / 4;

    return patience_ms < REUSE_TIMEOUT_MS ? patience_ms : REUSE_TIMEOUT_MS;
}

/* Silence, or much talk that brings nothing. */
static uint64_t answer_deadline(const struct bridge *b)
{
    uint64_t silence = b->upstream_policy->upstream_timeout_ms;
    uint64_t patience = silence * UPSTREAM_PATIENCE;

    if (b->reused)
        return b->progress_ms + bridge_reuse_patience(b);
    if (b->progress_ms + patience < b->upstream_seen_ms + silence)
        return b->progress_ms + patience;
    return b->upstream_seen_ms + silence;
}

/* Of the client, with what was read ahead: since it was last heard of, and
 * since the last message came. While it has not taken that, it cannot ask for
 * the next one.
 */
static uint64_t waiting_deadline(const struct bridge *b)
{
    uint64_t silence_ms = b->client_seen_ms + READAHEAD_PATIENCE_MS +
                          b->message_octets / READAHEAD_CLIENT_RATE;
    uint64_t all_ms = b->progress_ms + READAHEAD_WAIT_MAX_MS;

    return silence_ms < all_ms && b->shown == 0 ? silence_ms : all_ms;
}

/* Of the owner, for a token: the client waits, and so do its marks. */
static bool waits_for_token(const struct bridge *b)
{
    return b->phase == BRIDGE_UPDATE && b->login_asked;
}

static uint64_t upstream_deadline(const struct bridge *b)
{
    if (waits_for_token(b))
        return b->progress_ms + b->upstream_policy->upstream_timeout_ms;
    if (b->link == BRIDGE_LINK_NONE)
        return UINT64_MAX;
    if (b->link == BRIDGE_LINK_LEAVING)
        return b->upstream_seen_ms + LOGOUT_TIMEOUT_MS;
    if (b->resume_at_ms != UINT64_MAX)
        return b->resume_at_ms;
    if (bridge_waits_for_client(b))
        return waiting_deadline(b);
    if (bridge_upstream_is_awaited(b))
        return answer_deadline(b);
    if (b->phase == BRIDGE_TRANSACTION && b->task == BRIDGE_TASK_NONE &&
        b->imap.state == IMAP_SELECTED)
        return b->upstream_seen_ms + UPSTREAM_KEEPALIVE_MS;
    return UINT64_MAX;
}

uint64_t bridge_deadline(const struct bridge *b)
{
    uint64_t client = client_deadline(b);
    uint64_t upstream = upstream_deadline(b);
    uint64_t earlier = client < upstream ? client : upstream;

    return b->refuse_at_ms < earlier ? b->refuse_at_ms : earlier;
}

static void on_client_deadline(struct bridge *b)
{
    if (b->phase == BRIDGE_LOGGING_IN) {
        /* It waits for our word. */
        if (b->refuse_at_ms == UINT64_MAX)
            bridge_refuse_login(b, FAULT_LOGIN_TIMEOUT);
        bridge_tell_refusal(b);
        bridge_end_client(b, FAULT_LOGIN_TIMEOUT);
        return;
    }
    /* Silently, and without UPDATE: RFC 1939 §3. */
    buf_clear(&b->pop3.in);
    bridge_abort_client(b, pop3_session_is_logged_in(&b->pop3)
                               ? FAULT_CLIENT_IDLE
                               : FAULT_LOGIN_TIMEOUT);
}

static void on_upstream_deadline(struct bridge *b)
{
    if (waits_for_token(b))
        bridge_finish_quit(b, FAULT_TOKEN_UNAVAILABLE);
    else if (b->link == BRIDGE_LINK_LEAVING)
        bridge_upstream_lost(b, FAULT_NONE, true);
    else if (b->resume_at_ms != UINT64_MAX)
        bridge_resume_task(b);
    else if (bridge_waits_for_client(b))
        bridge_start_drain(b);
    else if (bridge_upstream_is_awaited(b))
        bridge_upstream_lost(b, FAULT_UPSTREAM_SILENT, true);
    else
        bridge_start_keepalive(b);
}

void bridge_meet_deadlines(struct bridge *b)
{
    if (b->refuse_at_ms <= b->now_ms)
        bridge_tell_refusal(b);
    if (client_deadline(b) <= b->now_ms)
        on_client_deadline(b);
    if (upstream_deadline(b) <= b->now_ms)
        on_upstream_deadline(b);
}
