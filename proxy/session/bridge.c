/* bridge.c - octets, outcomes and time in; octets, wishes and deadlines out.
 */
#include "session/bridge.h"

#include <assert.h>
#include <stdlib.h>

#include "session/bridge_state.h"

static const char *const phase_names[BRIDGE_PHASE_COUNT] = {
    [BRIDGE_AUTHORIZATION] = "authorization",
    [BRIDGE_LOGGING_IN] = "logging_in",
    [BRIDGE_TRANSACTION] = "transaction",
    [BRIDGE_UPDATE] = "update",
    [BRIDGE_CLOSING] = "closing",
};

struct bridge *bridge_new(const struct session_policy *policy,
                          struct span timestamp, bool overloaded,
                          uint64_t now_ms)
{
    struct bridge *b = calloc(1, sizeof(*b));

    if (b == NULL)
        return NULL;
    b->policy = policy;
    b->overloaded = overloaded;
    b->now_ms = now_ms;
    b->client_seen_ms = now_ms;
    b->login_deadline_ms = now_ms + policy->login_timeout_ms;
    b->resume_at_ms = UINT64_MAX;
    b->refuse_at_ms = UINT64_MAX;
    b->stage_began_ms = UINT64_MAX;
    b->selected = BRIDGE_NO_MAILBOX;
    credentials_init(&b->upstream);
    buf_init(&b->login_name, SASL_PART_MAX);
    buf_init(&b->client_address, CLIENT_ADDRESS_MAX);
    buf_init(&b->trash, IMAP_MAILBOX_MAX);
    buf_init(&b->early, READ_CHUNK);
    readahead_init(&b->ahead, policy->readahead_octets,
                   policy->readahead_budget);
    pop3_session_init(&b->pop3, policy, timestamp);
    if (buf_failed(&b->pop3.out)) {
        bridge_free(b);
        return NULL;
    }
    b->shown = buf_length(&b->pop3.out);
    return b;
}

void bridge_free(struct bridge *b)
{
    if (b == NULL)
        return;
    bridge_forget_task(b);
    if (b->link != BRIDGE_LINK_NONE && b->link != BRIDGE_LINK_CONNECTING)
        imap_session_fini(&b->imap);
    readahead_forget(&b->ahead);
    buf_fini(&b->early);
    pop3_session_fini(&b->pop3);
    credentials_wipe(&b->upstream);
    bridge_forget_mailboxes(b);
    buf_fini(&b->login_name);
    buf_fini(&b->client_address);
    buf_fini(&b->trash);
    wipe(b->text, sizeof(b->text));
    wipe(&b->channel, sizeof(b->channel));
    free(b);
}

void bridge_set_client_address(struct bridge *b, struct span address)
{
    buf_clear(&b->client_address);
    (void)buf_append(&b->client_address, address);
}

void bridge_set_counters(struct bridge *b, struct counters *counters)
{
    b->counters = counters;
    b->pop3.counters = counters;
}

void bridge_begin_stage(struct bridge *b)
{
    b->stage_began_ms = b->now_ms;
}

void bridge_end_stage(struct bridge *b, enum counter_stage stage)
{
    if (b->stage_began_ms != UINT64_MAX)
        counters_add_upstream_time(b->counters, b->upstream_policy->index,
                                   stage, b->now_ms - b->stage_began_ms);
    b->stage_began_ms = UINT64_MAX;
}

/* --- the end --- */

static void end(struct bridge *b, enum fault fault)
{
    b->client = BRIDGE_CLIENT_ENDED;
    b->sasl_asked = false;
    b->report.end = fault;
    b->request.kind = POP3_REQUEST_NONE;
    b->refuse_at_ms = UINT64_MAX;
    /* What QUIT began is still carried out. */
    if (b->phase == BRIDGE_UPDATE)
        return;
    b->login_asked = false;
    b->phase = BRIDGE_CLOSING;
    bridge_leave_upstream(b);
}

void bridge_end_client(struct bridge *b, enum fault fault)
{
    if (b->client == BRIDGE_CLIENT_ENDED)
        return;
    end(b, fault);
    bridge_wish(b, BRIDGE_CLOSE_CLIENT);
}

void bridge_abort_client(struct bridge *b, enum fault fault)
{
    if (b->client == BRIDGE_CLIENT_ENDED)
        return;
    end(b, fault);
    buf_clear(&b->pop3.out);
    bridge_wish(b, BRIDGE_ABORT_CLIENT);
}

/* The server has the password, and has not said what it thinks of it. */
static bool is_being_judged(const struct bridge *b)
{
    return b->phase == BRIDGE_LOGGING_IN && b->link == BRIDGE_LINK_UP &&
           (b->imap.state == IMAP_AUTHENTICATE || b->imap.state == IMAP_LOGIN);
}

static void on_client_closed(struct bridge *b, enum fault fault)
{
    if (b->client != BRIDGE_CLIENT_ENDED) {
        b->report.left_unjudged = is_being_judged(b);
        end(b, fault);
    }
    buf_clear(&b->pop3.out);
}

bool bridge_client_is_served(const struct bridge *b)
{
    /* Whole lines are read at once unless one of these holds them up. */
    return b->client == BRIDGE_CLIENT_OPEN && b->pop3.pending == POP3_UNKNOWN &&
           b->pop3.listing == POP3_LISTING_NONE &&
           buf_length(&b->pop3.out) == 0;
}

bool bridge_is_over(const struct bridge *b)
{
    return b->client == BRIDGE_CLIENT_ENDED && b->link == BRIDGE_LINK_NONE &&
           !b->login_asked && b->wish_count == 0 &&
           buf_length(&b->pop3.out) == 0;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* What came early, now that it may be wanted. */
static bool take_early(struct bridge *b)
{
    struct span in = buf_span(&b->early);
    size_t before = in.len;

    if (in.len == 0 || bridge_waits_for_client(b))
        return false;
    bridge_take_upstream(b, &in);
    buf_consume(&b->early,
                b->link == BRIDGE_LINK_UP ? before - in.len : before);
    buf_release(&b->early);
    return true;
}

/* The end of a message follows its body at once, unless something is wrong: so
 * the last of the body waits for it. It saves a TLS record and a packet a
 * message, and there are clients that only know the end where it comes in one
 * piece (node-pop3). What was shown is not hidden again, and what is before that
 * message is not hidden.
 */
static void show_output(struct bridge *b)
{
    size_t length = buf_length(&b->pop3.out);
    size_t begin = larger(b->shown, b->pop3.message_start);
    size_t tail = length > begin ? length - begin : 0;

    if (b->task != BRIDGE_TASK_RETRIEVAL ||
        !retrieval_is_ending(&b->work.retrieval))
        tail = 0;
    b->shown = length - smaller(tail, MESSAGE_TAIL_MAX);
}

/* After each call: what comes of what came in? */
static void settle(struct bridge *b)
{
    do
        bridge_serve_client(b);
    while (take_early(b));
    /* An output without memory cannot be trusted to be whole. */
    if (buf_failed(&b->pop3.out))
        bridge_abort_client(b, FAULT_NO_MEMORY);
    if (b->link == BRIDGE_LINK_UP && buf_failed(&b->imap.out)) {
        bridge_upstream_lost(b, FAULT_NO_MEMORY, true);
        bridge_serve_client(b);
    }
    show_output(b);
    b->report.readahead_used = b->ahead.useful;
    b->report.readahead_wasted = b->ahead.wasted;
}

/* --- in --- */

size_t bridge_client_room(const struct bridge *b)
{
    if (b->client != BRIDGE_CLIENT_OPEN || b->pop3.state == POP3_CLOSING)
        return 0;
    return smaller(buf_room(&b->pop3.in), READ_CHUNK);
}

size_t bridge_upstream_room(const struct bridge *b)
{
    const struct buf *out = &b->pop3.out;

    if (b->link != BRIDGE_LINK_UP && b->link != BRIDGE_LINK_LEAVING)
        return 0;
    if (bridge_waits_for_client(b))
        return 0;
    if (b->task != BRIDGE_TASK_RETRIEVAL)
        return READ_CHUNK;
    /* At HIGH or more the client is behind: stop. Below, what is read fits
     * even where each octet becomes two.
     */
    if (buf_length(out) >= CLIENT_OUTPUT_HIGH)
        return 0;
    return READ_CHUNK;
}

void bridge_client_input(struct bridge *b, struct span in, uint64_t now_ms)
{
    b->now_ms = now_ms;
    if (b->client != BRIDGE_CLIENT_OPEN)
        return;
    b->client_seen_ms = now_ms;
    if (!buf_append(&b->pop3.in, in))
        bridge_abort_client(b, FAULT_NO_MEMORY);
    settle(b);
}

void bridge_upstream_input(struct bridge *b, struct span in, uint64_t now_ms)
{
    b->now_ms = now_ms;
    if (b->link != BRIDGE_LINK_LEAVING)
        b->upstream_seen_ms = now_ms;
    bridge_take_upstream(b, &in);
    if (bridge_waits_for_client(b) && !buf_append(&b->early, in))
        bridge_upstream_lost(b, FAULT_NO_MEMORY, true);
    settle(b);
}

static void on_client_tls_up(struct bridge *b)
{
    if (b->client != BRIDGE_CLIENT_HANDSHAKE)
        return;
    b->client = BRIDGE_CLIENT_OPEN;
    pop3_session_tls_up(&b->pop3);
}

void bridge_outcome(struct bridge *b, enum bridge_outcome outcome,
                    uint64_t now_ms)
{
    b->now_ms = now_ms;
    switch (outcome) {
    case BRIDGE_CLIENT_TLS_UP:
        on_client_tls_up(b);
        break;
    case BRIDGE_CLIENT_TLS_FAILED:
        on_client_closed(b, FAULT_CLIENT_TLS);
        break;
    case BRIDGE_CLIENT_CLOSED:
        on_client_closed(b, FAULT_CLIENT_GONE);
        break;
    case BRIDGE_UPSTREAM_UP:
    case BRIDGE_UPSTREAM_TLS_UP:
        b->upstream_seen_ms = now_ms;
        bridge_upstream_up(b);
        break;
    case BRIDGE_UPSTREAM_UNREACHABLE:
        bridge_upstream_lost(b, FAULT_UPSTREAM_UNREACHABLE, false);
        break;
    case BRIDGE_UPSTREAM_QUEUED:
        b->queued = b->link == BRIDGE_LINK_CONNECTING;
        break;
    case BRIDGE_UPSTREAM_BEGUN:
        b->queued = false;
        bridge_await_upstream(b);
        break;
    case BRIDGE_UPSTREAM_FULL:
        bridge_upstream_lost(b, FAULT_UPSTREAM_FULL, false);
        break;
    case BRIDGE_UPSTREAM_UNTRUSTED:
        bridge_upstream_lost(b, FAULT_UPSTREAM_UNTRUSTED, false);
        break;
    case BRIDGE_UPSTREAM_CLOSED:
        bridge_upstream_lost(b, FAULT_UPSTREAM_GONE, false);
        break;
    case BRIDGE_LOCKED:
    case BRIDGE_LOCK_BUSY:
    case BRIDGE_LOCK_TOO_SOON:
        bridge_lock_answered(b, outcome);
        break;
    case BRIDGE_SHUT_DOWN:
        bridge_shut_down(b);
        break;
    case BRIDGE_SHED:
        bridge_abort_client(b, FAULT_SHED);
        break;
    case BRIDGE_OUTCOME_COUNT:
        break;
    }
    settle(b);
}

void bridge_name_server(struct bridge *b, struct server_name server,
                        bool another)
{
    b->server = server;
    b->another = another;
}

void bridge_offer_scram(struct bridge *b, const struct scram_channel *channel)
{
    b->channel = *channel;
}

void bridge_prove(struct bridge *b, const struct scram_proof *proof,
                  uint64_t now_ms)
{
    b->now_ms = now_ms;
    if (bridge_is_proving(b)) {
        bridge_await_upstream(b);
        imap_session_prove(&b->imap, proof);
    }
    settle(b);
}

void bridge_grant_login(struct bridge *b, const struct login_grant *grant,
                        uint64_t now_ms)
{
    b->now_ms = now_ms;
    if (b->login_asked && b->phase == BRIDGE_UPDATE)
        bridge_update_granted(b, grant);
    else if (b->login_asked)
        bridge_login_granted(b, grant);
    settle(b);
}

void bridge_deny_login(struct bridge *b, enum fault fault, uint64_t wait_ms,
                       uint64_t now_ms)
{
    assert(fault != FAULT_NONE);
    b->now_ms = now_ms;
    if (b->login_asked && b->phase == BRIDGE_UPDATE)
        bridge_finish_quit(b, fault);
    else if (b->login_asked)
        bridge_login_denied(b, fault, wait_ms);
    settle(b);
}

void bridge_sasl(struct bridge *b, const struct sasl_step *step,
                 uint64_t now_ms)
{
    b->now_ms = now_ms;
    if (b->sasl_asked)
        bridge_take_sasl_step(b, step);
    settle(b);
}

void bridge_reuse(struct bridge *b, const struct imap_parked *parked,
                  uint64_t now_ms)
{
    assert(b->link == BRIDGE_LINK_CONNECTING && b->phase == BRIDGE_LOGGING_IN);
    b->now_ms = now_ms;
    if (parked != NULL)
        bridge_take_up(b, parked);
    else
        bridge_wish(b, BRIDGE_CONNECT);
    settle(b);
}

void bridge_time(struct bridge *b, uint64_t now_ms)
{
    b->now_ms = now_ms;
    bridge_meet_deadlines(b);
    settle(b);
}

/* --- out --- */

struct span bridge_client_output(const struct bridge *b)
{
    struct span all = buf_span(&b->pop3.out);

    return span_take(&all, b->shown);
}

struct span bridge_upstream_output(const struct bridge *b)
{
    if (b->link != BRIDGE_LINK_UP && b->link != BRIDGE_LINK_LEAVING &&
        b->link != BRIDGE_LINK_HANDSHAKE)
        return (struct span){ NULL, 0 };
    return buf_span(&b->imap.out);
}

void bridge_client_taken(struct bridge *b, size_t n, uint64_t now_ms)
{
    const struct buf *out = &b->pop3.out;
    bool was_full = buf_length(out) >= CLIENT_OUTPUT_HIGH;

    b->now_ms = now_ms;
    b->client_seen_ms = now_ms;
    pop3_session_taken(&b->pop3, n);
    b->shown -= n;
    /* The upstream was kept waiting by us: its time starts anew. */
    if (was_full && buf_length(out) < CLIENT_OUTPUT_HIGH)
        bridge_await_upstream(b);
    settle(b);
}

void bridge_upstream_taken(struct bridge *b, size_t n, uint64_t now_ms)
{
    b->now_ms = now_ms;
    buf_consume(&b->imap.out, n);
    buf_release(&b->imap.out);
}

enum bridge_phase bridge_phase(const struct bridge *b)
{
    return b->phase;
}

const char *bridge_phase_name(enum bridge_phase phase)
{
    assert(phase < BRIDGE_PHASE_COUNT);
    return phase_names[phase];
}

const struct bridge_report *bridge_report(const struct bridge *b)
{
    return &b->report;
}
