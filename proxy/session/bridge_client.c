/* bridge_client.c - what the POP3 session asks for, and how it is answered. */
#include <assert.h>
#include <stdlib.h>

#include "imap/keyword.h"
#include "session/bridge_state.h"

static void close_client(struct bridge *b, enum fault fault)
{
    /* Nothing is answered to clear text behind STLS. */
    if (fault == FAULT_CLEAR_BEFORE_TLS)
        bridge_abort_client(b, fault);
    else
        bridge_end_client(b, fault);
}

/* --- login --- */

/* A wrong password is answered later each time (CONFORMANCE POP-10). What judging
 * it has taken counts for that, so that it does not tell who has judged, and
 * whether there is such a name.
 */
static uint64_t time_of_refusal(const struct bridge *b, uint64_t failures)
{
    uint64_t held_until_ms =
        b->login_began_ms + failures * b->policy->auth_failure_delay_ms;

    return held_until_ms > b->now_ms ? held_until_ms : b->now_ms;
}

/* Always answered by the timer: the next login of a pipelining client must not
 * begin before the notes of this one are taken.
 */
static void hold_refusal(struct bridge *b, enum fault fault)
{
    uint64_t failures = b->pop3.logins_failed + 1;

    b->login_asked = false;
    credentials_wipe(&b->upstream);
    maildrops_fini(&b->maildrops);
    b->report.logins_failed++;
    b->report.last_login_fault = fault;
    bridge_note(b, BRIDGE_NOTE_LOGIN_REFUSED, fault);
    b->refusal = fault;
    b->refuse_at_ms = b->now_ms;
    if (fault_is_wrong_login(fault) || fault == FAULT_LOGIN_BLOCKED)
        b->refuse_at_ms = time_of_refusal(b, failures);
}

void bridge_refuse_login(struct bridge *b, enum fault fault)
{
    assert(b->phase == BRIDGE_LOGGING_IN);
    bridge_leave_upstream(b);
    hold_refusal(b, fault);
}

static void ask_upstream(struct bridge *b)
{
    /* Where a token was refused there is a connection already. */
    if (b->upstream_policy->upstream_reuse_ms > 0 &&
        b->link != BRIDGE_LINK_UP) {
        bridge_ask_for_parked(b);
        return;
    }
    bridge_connect(b);
    bridge_try_login(b);
}

/* By which what DELE marks is hidden from this user alone. */
static void name_keyword(struct bridge *b, const struct login_grant *grant)
{
    struct span name = grant->account;

    b->keyword[0] = '\0';
    if (name.len == 0)
        name = buf_span(&grant->credentials->user);
    if (grant->mailbox->on_delete == ON_DELETE_KEEP)
        imap_keyword_expand(grant->mailbox->keep_keyword, name, b->keyword);
}

void bridge_login_granted(struct bridge *b, const struct login_grant *grant)
{
    enum fault fault;

    b->login_asked = false;
    bridge_forget_mailboxes(b); /* of a grant whose token was refused */
    fault = bridge_name_mailboxes(b, grant);
    if (fault == FAULT_NONE &&
        !credentials_copy(&b->upstream, grant->credentials))
        fault = FAULT_NO_MEMORY;
    if (fault != FAULT_NONE) {
        bridge_refuse_login(b, fault);
        return;
    }
    /* The connection made at USER is to another one. */
    if (b->upstream_policy != grant->upstream)
        bridge_leave_upstream(b);
    b->upstream_policy = grant->upstream;
    b->mailbox_policy = grant->mailbox;
    name_keyword(b, grant);
    b->granted_s = grant->unix_s;
    b->secret_is_kept = grant->secret_is_kept;
    ask_upstream(b);
}

void bridge_login_denied(struct bridge *b, enum fault fault, uint64_t wait_ms)
{
    uint64_t wait_until_ms = b->now_ms + wait_ms;

    bridge_refuse_login(b, fault);
    if (b->refuse_at_ms < wait_until_ms)
        b->refuse_at_ms = wait_until_ms;
}

static void ask_owner(struct bridge *b)
{
    b->login_asked = true;
    bridge_wish(b, BRIDGE_ASK_LOGIN);
}

static void start_login(struct bridge *b, enum fault fault)
{
    bridge_forget_mailboxes(b); /* perhaps of another user */
    buf_clear(&b->login_name);
    (void)buf_append(&b->login_name, buf_span(&b->pop3.given.user));
    b->phase = BRIDGE_LOGGING_IN;
    b->login_began_ms = b->now_ms;
    b->report.mechanism = NULL;
    bridge_note(b, BRIDGE_NOTE_LOGIN, FAULT_NONE);
    if (fault == FAULT_NONE && b->overloaded)
        fault = FAULT_OVERLOAD;
    if (fault != FAULT_NONE) {
        hold_refusal(b, fault); /* the upstream has not heard of it */
        return;
    }
    if (buf_failed(&b->login_name)) {
        bridge_refuse_login(b, FAULT_NO_MEMORY);
        return;
    }
    b->asked_again = false;
    ask_owner(b);
}

/* The token that was granted has been revoked, or expired on a clock other than
 * ours: there may be a fresh one.
 */
void bridge_ask_login_again(struct bridge *b)
{
    b->asked_again = true;
    ask_owner(b);
}

void bridge_tell_refusal(struct bridge *b)
{
    b->refuse_at_ms = UINT64_MAX;
    b->phase = BRIDGE_AUTHORIZATION;
    pop3_session_refuse_login(&b->pop3, b->refusal);
}

void bridge_accept_login(struct bridge *b)
{
    b->phase = BRIDGE_TRANSACTION;
    b->report.logins_ok++;
    counters_add_upstream_time(b->counters, b->upstream_policy->index,
                               COUNTER_STAGE_CLIENT_LOGIN,
                               b->now_ms - b->login_began_ms);
    b->report.messages = maildrops_count(&b->maildrops);
    b->client_seen_ms = b->now_ms;
    credentials_wipe(&b->pop3.given);
    bridge_note(b, BRIDGE_NOTE_LOGGED_IN, FAULT_NONE);
    if (b->ids_are_stale)
        bridge_note(b, BRIDGE_NOTE_STALE_UNIQUE_IDS, FAULT_NONE);
    if (!maildrops_have_unique_ids(&b->maildrops))
        bridge_note(b, BRIDGE_NOTE_NO_UNIQUE_IDS, FAULT_NO_UNIQUE_IDS);
    if (maildrops_removal_fault(&b->maildrops) != FAULT_NONE)
        bridge_note(b, BRIDGE_NOTE_NO_REMOVAL,
                    maildrops_removal_fault(&b->maildrops));
    pop3_session_accept_login(&b->pop3, &b->maildrops,
                              &b->mailbox_policy->announced);
}

/* --- the end of it all --- */

/* What the client waits for gets an answer, if it can still have one. */
static void answer_shutdown(struct bridge *b)
{
    if (b->phase == BRIDGE_LOGGING_IN) {
        if (b->refuse_at_ms == UINT64_MAX)
            bridge_refuse_login(b, FAULT_SHUTDOWN);
        bridge_tell_refusal(b);
    } else if (b->phase == BRIDGE_UPDATE && bridge_is_settled(b)) {
        bridge_finish_quit(b, FAULT_NONE);
    } else if (b->pop3.pending == POP3_QUIT) {
        pop3_session_finish(&b->pop3, FAULT_SHUTDOWN);
    } else if (b->sasl_asked) {
        pop3_session_refuse_login(&b->pop3, FAULT_SHUTDOWN);
    } else if (b->pop3.pending != POP3_UNKNOWN) {
        pop3_session_refuse_message(&b->pop3, FAULT_SHUTDOWN);
    }
}

void bridge_shut_down(struct bridge *b)
{
    bool half_told = b->task == BRIDGE_TASK_RETRIEVAL &&
                     retrieval_has_left(&b->work.retrieval);

    if (!half_told && b->client == BRIDGE_CLIENT_OPEN)
        answer_shutdown(b);
    b->phase = BRIDGE_CLOSING; /* nothing is changed any more */
    b->login_asked = false;
    bridge_leave_upstream(b);
    if (half_told)
        bridge_abort_client(b, FAULT_SHUTDOWN);
    else
        bridge_end_client(b, FAULT_SHUTDOWN);
}

/* --- requests --- */

static void start_tls(struct bridge *b)
{
    b->client = BRIDGE_CLIENT_HANDSHAKE;
    bridge_wish(b, BRIDGE_START_CLIENT_TLS);
}

static void start_message(struct bridge *b)
{
    struct maildrop_place place =
        maildrops_place(&b->pop3.maildrops, b->request.index);

    if (place.part == b->selected)
        bridge_start_message(b);
    else if (bridge_waits_for_client(b))
        bridge_start_drain(b);
    else
        bridge_start_select(b);
}

/* A request that needs the mailbox waits for a keep-alive to be answered, and
 * QUIT also for the replies before it to leave.
 */
static void start_deferred(struct bridge *b)
{
    struct pop3_request request = b->request;

    /* A reply that found no memory: the client will never have it. */
    if (b->task != BRIDGE_TASK_NONE || buf_failed(&b->pop3.out))
        return;
    if (request.kind == POP3_REQUEST_MESSAGE && b->link == BRIDGE_LINK_UP) {
        start_message(b);
    } else if (request.kind == POP3_REQUEST_MESSAGE) {
        /* Lost while the request waited for the keep-alive. */
        b->request.kind = POP3_REQUEST_NONE;
        pop3_session_refuse_message(&b->pop3, b->pop3.broken);
        pop3_session_close(&b->pop3, b->pop3.broken);
    } else if (request.kind == POP3_REQUEST_QUIT &&
               bridge_waits_for_client(b)) {
        bridge_start_drain(b);
    } else if (request.kind == POP3_REQUEST_QUIT &&
               buf_length(&b->pop3.out) == 0) {
        /* Not before what was asked for has left: a message that is still here
         * when the client's connection breaks must not be removed.
         */
        b->request.kind = POP3_REQUEST_NONE;
        bridge_start_quit(b);
    }
}

/* Connects before the password is there. Where connections are parked only the
 * password shows whether one is needed; and were one made for those alone that
 * have none parked, the time of a refusal would tell who has.
 */
static void warm_up(struct bridge *b)
{
    const struct upstream_policy *early = b->policy->early_upstream;

    if (early == NULL || early->upstream_reuse_ms > 0 || b->overloaded)
        return;
    /* Not again and again for a client that only says USER. */
    if (b->report.upstream_failures > 0)
        return;
    b->upstream_policy = early;
    bridge_connect(b);
}

static void serve(struct bridge *b, const struct pop3_request *request)
{
    switch (request->kind) {
    case POP3_REQUEST_WARM_UP:
        warm_up(b);
        break;
    case POP3_REQUEST_STLS:
        start_tls(b);
        break;
    case POP3_REQUEST_CLOSE:
        close_client(b, request->fault);
        break;
    case POP3_REQUEST_SASL:
        b->sasl_asked = true;
        b->sasl_begins = request->begins;
        bridge_wish(b, BRIDGE_SASL);
        break;
    case POP3_REQUEST_LOGIN:
        start_login(b, request->fault);
        break;
    case POP3_REQUEST_MESSAGE:
    case POP3_REQUEST_QUIT:
        b->request = *request;
        b->client_seen_ms = b->now_ms;
        if (request->kind == POP3_REQUEST_MESSAGE)
            bridge_begin_stage(b);
        start_deferred(b);
        break;
    case POP3_REQUEST_NONE:
        break;
    }
}

void bridge_take_sasl_step(struct bridge *b, const struct sasl_step *step)
{
    struct pop3_request request;

    b->sasl_asked = false;
    request = pop3_session_take_step(&b->pop3, step);
    serve(b, &request);
}

void bridge_serve_client(struct bridge *b)
{
    struct pop3_request request;

    start_deferred(b);
    while (b->client == BRIDGE_CLIENT_OPEN) {
        request = pop3_session_next(&b->pop3);
        if (request.kind == POP3_REQUEST_NONE)
            break;
        serve(b, &request);
    }
}
