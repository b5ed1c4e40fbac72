/* bridge_upstream.c - the upstream connection, from the wish to connect to its
 * end, and the tasks that have the mailbox meanwhile.
 */
#include <assert.h>

#include "imap/command.h"
#include "session/bridge_state.h"

/* --- connecting and leaving --- */

void bridge_connect(struct bridge *b)
{
    if (b->link == BRIDGE_LINK_LEAVING)
        bridge_upstream_lost(b, FAULT_NONE, true);
    if (b->link != BRIDGE_LINK_NONE)
        return;
    b->link = BRIDGE_LINK_CONNECTING;
    b->upstream_seen_ms = b->now_ms;
    bridge_wish(b, BRIDGE_CONNECT);
}

void bridge_reconnect(struct bridge *b)
{
    b->reconnected = true;
    bridge_connect(b);
}

static void forget_task(struct bridge *b)
{
    if (b->task == BRIDGE_TASK_LISTING)
        listing_fini(&b->work.listing);
    b->task = BRIDGE_TASK_NONE;
    b->resume_at_ms = UINT64_MAX;
}

/* The connection is none of ours any more; |still_open|: it has to be closed.
 */
static void forget_upstream(struct bridge *b, bool still_open)
{
    forget_task(b);
    if (b->link == BRIDGE_LINK_NONE)
        return;
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

void bridge_leave_upstream(struct bridge *b)
{
    if (b->link == BRIDGE_LINK_UP && imap_session_log_out(&b->imap)) {
        forget_task(b);
        b->link = BRIDGE_LINK_LEAVING;
        b->upstream_seen_ms = b->now_ms;
    } else if (b->link != BRIDGE_LINK_LEAVING) {
        forget_upstream(b, true);
    }
    unlock(b);
}

void bridge_upstream_up(struct bridge *b)
{
    if (b->link == BRIDGE_LINK_HANDSHAKE) {
        b->link = BRIDGE_LINK_UP;
        imap_session_tls_up(&b->imap);
        return;
    }
    if (b->link != BRIDGE_LINK_CONNECTING)
        return;
    b->link = BRIDGE_LINK_UP;
    if (!imap_session_init(&b->imap, b->policy))
        bridge_upstream_lost(b, FAULT_NO_MEMORY, true);
}

bool bridge_upstream_is_awaited(const struct bridge *b)
{
    /* While the client is behind, it is we who keep the server waiting. */
    if (bridge_upstream_room(b) == 0 && b->link == BRIDGE_LINK_UP)
        return false;
    return b->link == BRIDGE_LINK_CONNECTING ||
           b->link == BRIDGE_LINK_HANDSHAKE ||
           (b->link == BRIDGE_LINK_UP &&
            (b->imap.state == IMAP_GREETING || b->imap.awaiting));
}

/* --- loss --- */

static void lose_retrieval(struct bridge *b, enum fault fault)
{
    const struct retrieval *r = &b->work.retrieval;

    maildrop_note_failed(b->pop3.maildrop, r->index);
    if (retrieval_is_open(r)) {
        bridge_abort_client(b, fault);
        return;
    }
    pop3_session_refuse_message(&b->pop3, fault);
    pop3_session_close(&b->pop3, fault);
}

static void lose_update(struct bridge *b, enum fault fault,
                        enum bridge_task task)
{
    bool is_loss = fault == FAULT_UPSTREAM_GONE || fault == FAULT_UPSTREAM_BYE;

    if (task == BRIDGE_TASK_REMOVAL && removal_is_settled(&b->work.removal)) {
        bridge_finish_quit(b, FAULT_NONE);
    } else if (is_loss && !b->reconnected) {
        bridge_reconnect(b);
    } else {
        bridge_finish_quit(b, fault);
    }
}

void bridge_upstream_lost(struct bridge *b, enum fault fault, bool still_open)
{
    enum bridge_link link = b->link;
    enum bridge_task task = b->task;

    if (link == BRIDGE_LINK_NONE)
        return;
    forget_upstream(b, still_open);
    if (link == BRIDGE_LINK_LEAVING)
        return;
    b->report.upstream_failures++;
    switch (b->phase) {
    case BRIDGE_AUTHORIZATION: /* the next login makes a new one */
        bridge_note(b, BRIDGE_NOTE_UPSTREAM_LOST, fault);
        break;
    case BRIDGE_LOGGING_IN:
        if (b->refuse_at_ms == UINT64_MAX)
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
        lose_update(b, fault, task);
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
    b->upstream_seen_ms = b->now_ms;
    fault = imap_session_log_in(&b->imap, &b->upstream);
    if (fault == FAULT_NONE)
        return;
    if (b->phase == BRIDGE_LOGGING_IN)
        bridge_refuse_login(b, fault);
    else
        bridge_finish_quit(b, fault);
}

void bridge_lock_answered(struct bridge *b, bool locked)
{
    if (b->phase != BRIDGE_LOGGING_IN || b->link != BRIDGE_LINK_UP ||
        b->imap.state != IMAP_AUTHENTICATED) {
        /* Asked for, and not needed any more. */
        b->locked = locked;
        unlock(b);
        return;
    }
    b->locked = locked;
    if (locked)
        imap_session_select(&b->imap);
    else
        bridge_refuse_login(b, FAULT_IN_USE);
}

static void on_logged_in(struct bridge *b)
{
    /* At QUIT the lock is still held. */
    if (b->phase == BRIDGE_UPDATE)
        imap_session_select(&b->imap);
    else
        bridge_wish(b, BRIDGE_LOCK);
}

static enum fault removal_fault(const struct bridge *b)
{
    const struct imap_mailbox *mailbox = &b->imap.mailbox;

    if (mailbox->read_only || !mailbox->keeps_deleted)
        return FAULT_MAILBOX_READ_ONLY;
    if (b->policy->without_uidplus == REMOVAL_REFUSE &&
        !imap_session_has_uidplus(&b->imap))
        return FAULT_NO_SAFE_REMOVAL;
    return FAULT_NONE;
}

static void finish_listing(struct bridge *b)
{
    const struct imap_mailbox *mailbox = &b->imap.mailbox;
    struct maildrop_traits traits = {
        .uidvalidity = mailbox->uidvalidity,
        .has_unique_ids = mailbox->uidvalidity != 0 && mailbox->uids_last,
        .removal_fault = removal_fault(b),
    };
    struct snapshot *snapshot = listing_take(&b->work.listing);
    enum fault fault = b->work.listing.fault;
    struct maildrop *maildrop;

    forget_task(b);
    if (snapshot == NULL) {
        bridge_refuse_login(b, fault);
        return;
    }
    maildrop = maildrop_new(snapshot, &traits);
    if (maildrop == NULL)
        bridge_refuse_login(b, FAULT_NO_MEMORY);
    else
        bridge_accept_login(b, maildrop);
}

static void end_listing(struct bridge *b, enum task_status status)
{
    enum fault fault = b->work.listing.fault;

    if (status == TASK_DONE) {
        finish_listing(b);
    } else if (status == TASK_FAILED) {
        forget_task(b);
        bridge_refuse_login(b, fault);
    }
}

static void on_selected(struct bridge *b)
{
    if (b->phase == BRIDGE_LOGGING_IN) {
        b->task = BRIDGE_TASK_LISTING;
        end_listing(b, listing_start(&b->work.listing, &b->imap,
                                     b->policy->hide_deleted));
    } else if (b->imap.mailbox.uidvalidity !=
               maildrop_uidvalidity(b->pop3.maildrop)) {
        bridge_finish_quit(b, FAULT_MAILBOX_CHANGED);
    } else {
        bridge_start_removal(b);
    }
}

/* --- the tasks --- */

void bridge_start_message(struct bridge *b)
{
    struct pop3_request request = b->request;

    b->request.kind = POP3_REQUEST_NONE;
    b->backoffs = 0;
    b->upstream_seen_ms = b->now_ms;
    b->task = BRIDGE_TASK_RETRIEVAL;
    retrieval_start(&b->work.retrieval, &b->imap, &b->pop3, &request);
}

static void finish_message(struct bridge *b)
{
    const struct retrieval *r = &b->work.retrieval;

    maildrop_note_read(b->pop3.maildrop, r->index, !r->top);
    if (!r->top) {
        b->report.messages_retrieved++;
        b->report.octets_retrieved += r->octets;
    }
    if (retrieval_size_differs(r)) {
        b->report.size_mismatches++;
        if (!b->size_differed)
            bridge_note(b, BRIDGE_NOTE_SIZE_MISMATCH, FAULT_NONE);
        b->size_differed = true;
    }
    pop3_session_close_message(&b->pop3);
}

static void end_retrieval(struct bridge *b, enum task_status status)
{
    struct retrieval *r = &b->work.retrieval;
    enum fault fault = r->fault;

    if (status == TASK_RUNNING)
        return;
    b->client_seen_ms = b->now_ms;
    if (status == TASK_DONE) {
        forget_task(b);
        finish_message(b);
    } else if (b->imap.awaiting) {
        /* What else this command brings is not to be trusted. */
        bridge_upstream_lost(b, fault, true);
    } else if (retrieval_is_open(r)) {
        maildrop_note_failed(b->pop3.maildrop, r->index);
        bridge_abort_client(b, fault);
    } else {
        maildrop_note_failed(b->pop3.maildrop, r->index);
        forget_task(b);
        pop3_session_refuse_message(&b->pop3, fault);
    }
}

static void end_removal(struct bridge *b, enum task_status status)
{
    enum fault fault = b->work.removal.fault;

    if (status == TASK_RUNNING)
        return;
    forget_task(b);
    bridge_finish_quit(b, status == TASK_DONE ? FAULT_NONE : fault);
}

void bridge_start_removal(struct bridge *b)
{
    b->backoffs = 0;
    b->upstream_seen_ms = b->now_ms;
    b->task = BRIDGE_TASK_REMOVAL;
    end_removal(b, removal_start(&b->work.removal, &b->imap, b->pop3.maildrop,
                                 b->policy->mark_seen, b->reconnected));
}

void bridge_start_keepalive(struct bridge *b)
{
    uint32_t tag = imap_session_begin(&b->imap);

    b->task = BRIDGE_TASK_KEEPALIVE;
    b->upstream_seen_ms = b->now_ms;
    imap_write_simple(&b->imap.out, tag, "NOOP");
}

void bridge_resume_task(struct bridge *b)
{
    b->resume_at_ms = UINT64_MAX;
    b->upstream_seen_ms = b->now_ms;
    switch (b->task) {
    case BRIDGE_TASK_LISTING:
        listing_resume(&b->work.listing);
        break;
    case BRIDGE_TASK_RETRIEVAL:
        retrieval_resume(&b->work.retrieval);
        break;
    case BRIDGE_TASK_REMOVAL:
        removal_resume(&b->work.removal);
        break;
    case BRIDGE_TASK_NONE:
    case BRIDGE_TASK_KEEPALIVE:
        break;
    }
}

/* The server names a pause that the client will bear: once a command, the
 * same is then asked again.
 */
static bool pause_for(struct bridge *b, const struct imap_session_event *ev)
{
    bool opened = b->task == BRIDGE_TASK_RETRIEVAL &&
                  retrieval_is_open(&b->work.retrieval);

    if (ev->kind != IMAP_SESSION_COMPLETED || ev->backoff_ms == 0 ||
        ev->backoff_ms > BACKOFF_PATIENCE_MS || opened || b->backoffs > 0 ||
        b->task == BRIDGE_TASK_KEEPALIVE)
        return false;
    b->backoffs++;
    b->resume_at_ms = b->now_ms + ev->backoff_ms;
    return true;
}

static void run_task(struct bridge *b, const struct imap_session_event *ev)
{
    if (pause_for(b, ev))
        return;
    switch (b->task) {
    case BRIDGE_TASK_LISTING:
        end_listing(b, listing_on_event(&b->work.listing, ev));
        break;
    case BRIDGE_TASK_RETRIEVAL:
        end_retrieval(b, retrieval_on_event(&b->work.retrieval, ev));
        break;
    case BRIDGE_TASK_REMOVAL:
        end_removal(b, removal_on_event(&b->work.removal, ev));
        break;
    case BRIDGE_TASK_KEEPALIVE:
        if (ev->kind == IMAP_SESSION_COMPLETED)
            forget_task(b);
        break;
    case BRIDGE_TASK_NONE:
        break;
    }
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
        forget_task(b);
        bridge_finish_quit(b, FAULT_MAILBOX_CHANGED);
    }
}

static void on_event(struct bridge *b, const struct imap_session_event *ev)
{
    switch (ev->kind) {
    case IMAP_SESSION_START_TLS:
        b->link = BRIDGE_LINK_HANDSHAKE;
        bridge_wish(b, BRIDGE_START_UPSTREAM_TLS);
        break;
    case IMAP_SESSION_READY:
        bridge_try_login(b);
        break;
    case IMAP_SESSION_LOGGED_IN:
        on_logged_in(b);
        break;
    case IMAP_SESSION_SELECTED:
        on_selected(b);
        break;
    case IMAP_SESSION_ITEM:
        run_task(b, ev);
        break;
    case IMAP_SESSION_COMPLETED:
        if (ev->fault != FAULT_NONE)
            bridge_note_text(b, ev->item.text, ev->fault);
        run_task(b, ev);
        break;
    case IMAP_SESSION_TEXT:
        bridge_note_text(b, ev->item.text, FAULT_NONE);
        break;
    case IMAP_SESSION_LOGGED_OUT:
        forget_upstream(b, true);
        break;
    case IMAP_SESSION_FAILED:
        bridge_note_text(b, ev->item.text, ev->fault);
        break;
    case IMAP_SESSION_MORE:
        break;
    }
    check_mailbox(b);
}

/* The server refused this login or this mailbox, or is of no use at all. */
static void on_failed(struct bridge *b, enum fault fault)
{
    if (b->imap.state == IMAP_DEAD)
        bridge_upstream_lost(b, fault, true);
    else if (b->phase == BRIDGE_LOGGING_IN)
        bridge_refuse_login(b, fault);
    else if (b->phase == BRIDGE_UPDATE)
        bridge_finish_quit(b, fault);
}

void bridge_take_upstream(struct bridge *b, struct span in)
{
    struct imap_session_event ev;

    while (b->link == BRIDGE_LINK_UP || b->link == BRIDGE_LINK_LEAVING) {
        ev = imap_session_next(&b->imap, &in);
        on_event(b, &ev);
        if (ev.kind == IMAP_SESSION_FAILED)
            on_failed(b, ev.fault);
        check_mailbox(b);
        if (ev.kind == IMAP_SESSION_MORE)
            return;
    }
}
