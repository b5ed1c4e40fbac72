/* bridge_upstream.c - the upstream connection, from the wish to connect to its
 * end.
 */
#include <assert.h>

#include "session/bridge_state.h"

/* --- connecting and leaving --- */

void bridge_await_upstream(struct bridge *b)
{
    b->upstream_seen_ms = b->now_ms;
    b->progress_ms = b->now_ms;
}

static void begin_connecting(struct bridge *b)
{
    assert(b->link == BRIDGE_LINK_NONE);
    b->link = BRIDGE_LINK_CONNECTING;
    b->queued = false;
    b->elsewhere = false;
    bridge_await_upstream(b);
}

void bridge_connect(struct bridge *b)
{
    if (b->link == BRIDGE_LINK_LEAVING)
        bridge_upstream_lost(b, FAULT_NONE, true);
    if (b->link != BRIDGE_LINK_NONE)
        return;
    begin_connecting(b);
    bridge_wish(b, BRIDGE_CONNECT);
}

void bridge_ask_for_parked(struct bridge *b)
{
    if (b->link == BRIDGE_LINK_LEAVING)
        bridge_upstream_lost(b, FAULT_NONE, true);
    begin_connecting(b);
    bridge_wish(b, BRIDGE_REUSE);
}

void bridge_reconnect(struct bridge *b)
{
    b->reconnected = true;
    bridge_connect(b);
}

/* The connection is none of ours any more; |still_open|: it has to be closed.
 */
static void forget_upstream(struct bridge *b, bool still_open)
{
    bridge_forget_task(b);
    b->reused = false;
    if (b->link == BRIDGE_LINK_NONE)
        return;
    readahead_forget(&b->ahead);
    wipe(&b->channel, sizeof(b->channel));
    if (b->link != BRIDGE_LINK_CONNECTING) {
        b->report.upstream_rejects += b->imap.rejects;
        imap_session_fini(&b->imap);
    }
    b->link = BRIDGE_LINK_NONE;
    if (still_open)
        bridge_wish(b, BRIDGE_CLOSE_UPSTREAM);
}

static void unlock(struct bridge *b)
{
    if (!b->locked)
        return;
    b->locked = false;
    bridge_wish(b, BRIDGE_UNLOCK);
}

static void wish_lock(struct bridge *b)
{
    if (b->lock_wished)
        return;
    b->lock_wished = true;
    bridge_wish(b, BRIDGE_LOCK);
}

void bridge_leave_upstream(struct bridge *b)
{
    if (b->link == BRIDGE_LINK_UP && imap_session_log_out(&b->imap)) {
        bridge_forget_task(b);
        b->reused = false;
        b->link = BRIDGE_LINK_LEAVING;
        b->upstream_seen_ms = b->now_ms;
    } else if (b->link != BRIDGE_LINK_LEAVING) {
        forget_upstream(b, true);
    }
    unlock(b);
}

/* One that took too long to select the mailbox would not be waited for the next
 * time either: that session would wait in vain, and then log in anyway. Nor may
 * one rest that was opened by another token than BRIDGE_REUSE has named.
 */
static bool may_rest(const struct bridge *b)
{
    return b->upstream_policy->upstream_reuse_ms > 0 &&
           b->link == BRIDGE_LINK_UP && !b->selects_slowly && !b->asked_again &&
           buf_length(&b->early) == 0 && imap_session_is_at_rest(&b->imap);
}

void bridge_park_upstream(struct bridge *b)
{
    if (may_rest(b)) {
        b->parked = imap_session_park(&b->imap);
        forget_upstream(b, false);
        bridge_wish(b, BRIDGE_PARK);
    }
    bridge_leave_upstream(b);
}

void bridge_take_up(struct bridge *b, const struct imap_parked *parked)
{
    b->link = BRIDGE_LINK_UP;
    b->greeted = true;
    b->reused = true;
    b->selects_slowly = false;
    bridge_await_upstream(b);
    if (!imap_session_take_up(&b->imap, b->upstream_policy,
                              buf_span(&b->client_address), parked))
        bridge_upstream_lost(b, FAULT_NO_MEMORY, true);
    else
        wish_lock(b);
}

static const struct scram_channel *channel_of(const struct bridge *b)
{
    return b->channel.nonce[0] != '\0' ? &b->channel : NULL;
}

void bridge_upstream_up(struct bridge *b)
{
    if (b->link == BRIDGE_LINK_HANDSHAKE) {
        b->link = BRIDGE_LINK_UP;
        b->imap.channel = channel_of(b);
        imap_session_tls_up(&b->imap);
        return;
    }
    if (b->link != BRIDGE_LINK_CONNECTING)
        return;
    b->link = BRIDGE_LINK_UP;
    b->greeted = false;
    b->selects_slowly = false;
    bridge_begin_stage(b);
    assert(b->server.host != NULL);
    if (!imap_session_init(&b->imap, b->upstream_policy, b->server,
                           buf_span(&b->client_address)))
        bridge_upstream_lost(b, FAULT_NO_MEMORY, true);
    b->imap.channel = channel_of(b);
    b->server = (struct server_name){ NULL, 0 }; /* the next is told anew */
}

bool bridge_is_proving(const struct bridge *b)
{
    return b->link == BRIDGE_LINK_UP && imap_session_is_proving(&b->imap);
}

bool bridge_upstream_is_awaited(const struct bridge *b)
{
    /* While the client is behind, it is we who keep the server waiting. */
    if (bridge_upstream_room(b) == 0 && b->link == BRIDGE_LINK_UP)
        return false;
    if (bridge_is_proving(b))
        return false; /* the same */
    return (b->link == BRIDGE_LINK_CONNECTING && !b->queued) ||
           b->link == BRIDGE_LINK_HANDSHAKE ||
           (b->link == BRIDGE_LINK_UP && (b->imap.state == IMAP_GREETING ||
                                          imap_session_is_awaiting(&b->imap)));
}

/* --- loss --- */

static void lose_retrieval(struct bridge *b, enum fault fault)
{
    const struct retrieval *r = &b->work.retrieval;

    maildrop_note_failed(r->maildrop, r->index, !r->top);
    if (retrieval_has_left(r)) {
        bridge_abort_client(b, fault);
        return;
    }
    pop3_session_refuse_message(&b->pop3, fault);
    pop3_session_close(&b->pop3, fault);
}

/* One that has rested: it may have ended while nobody looked, so its loss is no
 * failure, and the login goes on as if there had been none.
 */
static void do_without_parked(struct bridge *b, enum fault fault)
{
    bridge_note(b, BRIDGE_NOTE_NOT_REUSED, fault);
    bridge_connect(b);
}

/* Not of a connection that could not be made: whoever tried knows why. */
static void note_greeting(struct bridge *b, enum fault fault, bool still_open)
{
    bool was_made = b->link == BRIDGE_LINK_UP ||
                    (still_open && (b->link == BRIDGE_LINK_CONNECTING ||
                                    b->link == BRIDGE_LINK_HANDSHAKE));

    if (!was_made || (b->link == BRIDGE_LINK_UP && b->greeted) ||
        fault == FAULT_NO_MEMORY)
        return;
    b->report.greetings_failed++;
    b->report.last_greeting_fault = fault;
}

/* Whether the server at hand failed before it was told anything that it could
 * misuse, and somebody still waits for one.
 */
static bool may_go_elsewhere(const struct bridge *b, enum fault fault)
{
    if (!b->another || fault == FAULT_NO_MEMORY)
        return false;
    if (b->link != BRIDGE_LINK_HANDSHAKE &&
        (b->link != BRIDGE_LINK_UP || b->greeted))
        return false;
    return b->phase != BRIDGE_CLOSING && b->refuse_at_ms == UINT64_MAX;
}

static void go_elsewhere(struct bridge *b, enum fault fault)
{
    forget_upstream(b, false);
    begin_connecting(b);
    b->elsewhere = true;
    bridge_wish_next(b, fault);
}

bool bridge_goes_elsewhere(const struct bridge *b)
{
    return b->link == BRIDGE_LINK_CONNECTING && b->elsewhere;
}

void bridge_upstream_lost(struct bridge *b, enum fault fault, bool still_open)
{
    enum bridge_link link = b->link;
    enum bridge_task task = b->task;
    bool reused = b->reused;
    bool settled = b->phase == BRIDGE_UPDATE && bridge_is_settled(b);

    if (link == BRIDGE_LINK_NONE)
        return;
    if (may_go_elsewhere(b, fault)) {
        go_elsewhere(b, fault);
        return;
    }
    note_greeting(b, fault, still_open);
    forget_upstream(b, still_open);
    if (link == BRIDGE_LINK_LEAVING)
        return;
    if (reused) {
        do_without_parked(b, fault);
        return;
    }
    b->report.upstream_failures++;
    switch (b->phase) {
    case BRIDGE_AUTHORIZATION: /* the next login makes a new one */
        bridge_note(b, BRIDGE_NOTE_UPSTREAM_LOST, fault);
        break;
    case BRIDGE_LOGGING_IN:
        if (b->login_asked) /* where it goes is not known: made anew there */
            bridge_note(b, BRIDGE_NOTE_UPSTREAM_LOST, fault);
        else if (b->refuse_at_ms == UINT64_MAX)
            bridge_refuse_login(b, fault);
        break;
    case BRIDGE_TRANSACTION:
        bridge_note(b, BRIDGE_NOTE_UPSTREAM_LOST, fault);
        if (task == BRIDGE_TASK_RETRIEVAL)
            lose_retrieval(b, fault);
        else
            pop3_session_break(&b->pop3, fault, true);
        break;
    case BRIDGE_UPDATE:
        if (b->login_asked) /* made anew for the token that is waited for */
            bridge_note(b, BRIDGE_NOTE_UPSTREAM_LOST, fault);
        else
            bridge_lose_update(b, fault, settled);
        break;
    case BRIDGE_CLOSING:
    case BRIDGE_PHASE_COUNT:
        break;
    }
}

/* --- from the greeting to the mailbox --- */

void bridge_try_login(struct bridge *b)
{
    enum fault fault;

    if (b->link != BRIDGE_LINK_UP || b->imap.state != IMAP_NOT_AUTHENTICATED)
        return;
    if (b->phase != BRIDGE_LOGGING_IN && b->phase != BRIDGE_UPDATE)
        return;
    if (b->login_asked || b->refuse_at_ms != UINT64_MAX)
        return; /* not yet allowed; or refused already, not by the server */
    bridge_await_upstream(b);
    bridge_begin_stage(b);
    fault = imap_session_log_in(&b->imap, &b->upstream);
    if (fault == FAULT_NONE)
        b->report.mechanism = imap_mechanism_name(b->imap.mechanism);
    else if (b->phase == BRIDGE_LOGGING_IN)
        bridge_refuse_login(b, fault);
    else
        bridge_finish_quit(b, fault);
}

void bridge_select(struct bridge *b, uint32_t mailbox)
{
    b->selected = mailbox;
    bridge_await_upstream(b);
    b->select_ms = b->now_ms;
    bridge_begin_stage(b);
    imap_session_watch(&b->imap, b->keyword);
    imap_session_select(
        &b->imap,
        mailbox_name_for(b->mailboxes[mailbox].name, b->imap.capabilities),
        b->mailbox_policy->examine_only);
}

/* The first of those that are to be listed, or to be changed at QUIT. */
static void select_first(struct bridge *b)
{
    bridge_select(b, b->phase == BRIDGE_UPDATE ? b->updating : 0);
}

/* What was parked goes back: the password is right, and somebody else has the
 * maildrop for a while.
 */
static void refuse_unlocked(struct bridge *b, enum fault fault)
{
    if (b->reused)
        bridge_park_upstream(b);
    bridge_refuse_login(b, fault);
}

void bridge_lock_answered(struct bridge *b, enum bridge_outcome answer)
{
    b->lock_wished = false;
    b->locked = answer == BRIDGE_LOCKED;
    if (b->phase != BRIDGE_LOGGING_IN || b->link != BRIDGE_LINK_UP ||
        b->imap.state != IMAP_AUTHENTICATED)
        unlock(b); /* asked for, and not needed any more */
    else if (b->locked)
        select_first(b);
    else
        refuse_unlocked(b, answer == BRIDGE_LOCK_BUSY ? FAULT_IN_USE
                                                      : FAULT_LOGIN_DELAY);
}

static void on_logged_in(struct bridge *b)
{
    /* At QUIT the lock is still held, and where a parked connection was lost. */
    if (b->locked)
        select_first(b);
    else
        wish_lock(b);
}

/* For the message that is asked for. */
static void on_selected_again(struct bridge *b)
{
    bridge_forget_task(b);
    if (bridge_is_same_mailbox(b))
        return;
    b->request.kind = POP3_REQUEST_NONE;
    pop3_session_refuse_message(&b->pop3, FAULT_MAILBOX_CHANGED);
    pop3_session_break(&b->pop3, FAULT_MAILBOX_CHANGED, false);
}

static void on_selected(struct bridge *b)
{
    b->report.upstream_reused += b->reused;
    b->reused = false;
    b->selects_slowly = b->selects_slowly ||
                        b->now_ms - b->select_ms > bridge_reuse_patience(b);
    bridge_end_stage(b, COUNTER_STAGE_SELECT);
    if (b->phase == BRIDGE_LOGGING_IN)
        bridge_start_listing(b);
    else if (b->phase == BRIDGE_TRANSACTION)
        on_selected_again(b);
    else
        bridge_update_selected(b);
}

/* --- octets of the server --- */

/* UIDVALIDITY changed: nothing that we know of the mailbox holds (DEC-15). */
static void check_mailbox(struct bridge *b)
{
    if (b->link != BRIDGE_LINK_UP || !b->imap.mailbox.changed)
        return;
    if (b->phase == BRIDGE_TRANSACTION) {
        pop3_session_break(&b->pop3, FAULT_MAILBOX_CHANGED, false);
    } else if (b->phase == BRIDGE_UPDATE) {
        bool settled = bridge_is_settled(b);

        bridge_forget_task(b);
        bridge_finish_quit(b, settled ? FAULT_NONE : FAULT_MAILBOX_CHANGED);
    }
}

/* The one that a message was asked of: others may still be had. */
static void lose_mailbox(struct bridge *b, enum fault fault)
{
    const struct maildrops *m = &b->pop3.maildrops;
    struct maildrop_place place = maildrops_place(m, b->request.index);

    maildrop_note_failed(m->parts[place.part].maildrop, place.index,
                         !b->request.top);
    bridge_forget_task(b);
    b->selected = BRIDGE_NO_MAILBOX;
    b->request.kind = POP3_REQUEST_NONE;
    if (!pop3_code_is_allowed(POP3_RETR, fault_pop3_code(fault)))
        fault = FAULT_MESSAGE_UNREADABLE;
    pop3_session_refuse_message(&b->pop3, fault);
}

/* The server refused this login or this mailbox, or is of no use at all. A
 * password that the client does not know is not the client's to mend.
 */
static void on_failed(struct bridge *b, enum fault fault)
{
    if (fault == FAULT_CREDENTIALS && b->secret_is_kept)
        fault = FAULT_SECRET_REFUSED;
    if (b->imap.state == IMAP_DEAD || b->reused)
        bridge_upstream_lost(b, fault, true);
    else if (fault == FAULT_TOKEN_REFUSED && !b->asked_again &&
             b->phase == BRIDGE_LOGGING_IN)
        bridge_ask_login_again(b);
    else if (fault == FAULT_TOKEN_REFUSED && b->phase == BRIDGE_UPDATE &&
             bridge_ask_update_token(b))
        return;
    else if (b->phase == BRIDGE_LOGGING_IN)
        bridge_refuse_login(b, fault);
    else if (b->phase == BRIDGE_TRANSACTION)
        lose_mailbox(b, fault);
    else if (b->phase == BRIDGE_UPDATE && b->imap.state == IMAP_AUTHENTICATED)
        bridge_give_up_update(b, fault);
    else if (b->phase == BRIDGE_UPDATE)
        bridge_finish_quit(b, fault);
}

static void on_event(struct bridge *b, const struct imap_session_event *ev)
{
    if (ev->noteworthy)
        bridge_note_text(b, BRIDGE_NOTE_UPSTREAM_TEXT, ev->item.text,
                         ev->fault);
    if (ev->kind != IMAP_SESSION_MORE && ev->kind != IMAP_SESSION_TEXT &&
        ev->kind != IMAP_SESSION_ID && ev->kind != IMAP_SESSION_ITEM)
        b->progress_ms = b->now_ms;
    switch (ev->kind) {
    case IMAP_SESSION_START_TLS:
        b->link = BRIDGE_LINK_HANDSHAKE;
        bridge_wish(b, BRIDGE_START_UPSTREAM_TLS);
        break;
    case IMAP_SESSION_READY:
        bridge_end_stage(b, COUNTER_STAGE_GREETING);
        b->greeted = true;
        b->report.greetings++;
        bridge_try_login(b);
        break;
    case IMAP_SESSION_PROVE:
        bridge_wish(b, BRIDGE_PROVE);
        break;
    case IMAP_SESSION_LOGGED_IN:
        bridge_end_stage(b, COUNTER_STAGE_LOGIN);
        on_logged_in(b);
        break;
    case IMAP_SESSION_SELECTED:
        on_selected(b);
        break;
    case IMAP_SESSION_ITEM:
    case IMAP_SESSION_COMPLETED:
        bridge_run_task(b, ev);
        break;
    case IMAP_SESSION_LOGGED_OUT:
        forget_upstream(b, true);
        break;
    case IMAP_SESSION_FAILED:
        on_failed(b, ev->fault);
        break;
    case IMAP_SESSION_ID:
        bridge_note_text(b, BRIDGE_NOTE_UPSTREAM_ID, ev->item.text, FAULT_NONE);
        break;
    case IMAP_SESSION_TEXT:
    case IMAP_SESSION_MORE:
        break;
    }
}

static void note_throttling(struct bridge *b)
{
    struct bridge_report *report = &b->report;

    report->throttled += imap_session_take_throttling(
        &b->imap, &report->throttle_ms, &report->throttle_proven);
}

void bridge_take_upstream(struct bridge *b, struct span *in)
{
    struct imap_session_event ev;

    while ((b->link == BRIDGE_LINK_UP || b->link == BRIDGE_LINK_LEAVING) &&
           !bridge_waits_for_client(b)) {
        ev = imap_session_next(&b->imap, in);
        on_event(b, &ev);
        if (imap_session_take_progress(&b->imap))
            b->progress_ms = b->now_ms;
        note_throttling(b);
        /* Not before: what QUIT ends frees what |ev| borrows from. */
        check_mailbox(b);
        if (ev.kind == IMAP_SESSION_MORE)
            return;
    }
}
