/* bridge_upstream.c - what is said over the connection to the server: from the
 * greeting to the mailbox, and what its answers are to the session.
 */
#include "session/bridge_state.h"

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
        bridge_unlock(b); /* asked for, and not needed any more */
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
        bridge_wish_lock(b);
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
        bridge_forget_upstream(b, true);
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
