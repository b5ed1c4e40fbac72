/* bridge_task.c - who has the selected mailbox: what lists it at login
 * (bridge_mailboxes.c), a message, the removal at QUIT (bridge_update.c), a NOOP
 * that keeps the connection alive, or nobody until what was read ahead in vain
 * has come and gone.
 */
#include <assert.h>

#include "imap/command.h"
#include "session/bridge_state.h"

void bridge_forget_task(struct bridge *b)
{
    if (b->task == BRIDGE_TASK_LISTING)
        listing_fini(&b->work.listing);
    else if (b->task == BRIDGE_TASK_VIEWING)
        viewing_fini(&b->work.viewing);
    else if (b->task == BRIDGE_TASK_EXCERPT)
        excerpt_fini(&b->work.excerpt);
    else if (b->task == BRIDGE_TASK_GMAIL_IDS)
        gmail_ids_fini(&b->work.gmail_ids);
    b->task = BRIDGE_TASK_NONE;
    b->resume_at_ms = UINT64_MAX;
}

void bridge_begin_task(struct bridge *b, enum bridge_task task)
{
    b->backoffs = 0;
    b->task = task;
    bridge_await_upstream(b);
}

struct maildrop *bridge_maildrop(const struct bridge *b)
{
    assert(b->selected < b->pop3.maildrops.count);
    return b->pop3.maildrops.parts[b->selected].maildrop;
}

/* --- a message --- */

void bridge_start_select(struct bridge *b)
{
    struct maildrop_place place =
        maildrops_place(&b->pop3.maildrops, b->request.index);

    readahead_change_mailbox(&b->ahead);
    bridge_begin_task(b, BRIDGE_TASK_SELECT);
    bridge_select(b, place.part);
}

/* Those of |asked| that are of the mailbox selected, as indices there. */
static unsigned take_own(const struct bridge *b, uint32_t *asked,
                         unsigned count)
{
    struct maildrop_place place;
    unsigned taken = 0;

    for (; taken < count; taken++) {
        place = maildrops_place(&b->pop3.maildrops, asked[taken]);
        if (place.part != b->selected)
            break;
        asked[taken] = place.index;
    }
    return taken;
}

/* What the client has asked for already, or else what it will: when it asks for
 * a message, and when the body of that begins.
 */
static void read_ahead(struct bridge *b)
{
    uint32_t asked[READAHEAD_MESSAGES_MAX];
    unsigned count;
    unsigned own;
    bool is_all;

    if (b->task != BRIDGE_TASK_RETRIEVAL || !readahead_is_low(&b->ahead) ||
        !retrieval_may_be_followed(&b->work.retrieval))
        return;
    count = pop3_session_waiting_retrievals(&b->pop3, asked,
                                            ARRAY_LENGTH(asked), &is_all);
    own = take_own(b, asked, count);
    readahead_fetch(&b->ahead, &b->imap, bridge_maildrop(b), asked, own,
                    is_all && own == count);
}

void bridge_start_message(struct bridge *b)
{
    struct pop3_request request = b->request;

    request.index = maildrops_place(&b->pop3.maildrops, request.index).index;
    b->request.kind = POP3_REQUEST_NONE;
    bridge_begin_task(b, BRIDGE_TASK_RETRIEVAL);
    retrieval_start(&b->work.retrieval, &b->imap, &b->pop3, bridge_maildrop(b),
                    &b->ahead, &request);
    read_ahead(b);
}

bool bridge_waits_for_client(const struct bridge *b)
{
    return b->link == BRIDGE_LINK_UP && b->task == BRIDGE_TASK_NONE &&
           readahead_is_under_way(&b->ahead);
}

void bridge_start_drain(struct bridge *b)
{
    readahead_lose_order(&b->ahead);
    bridge_begin_task(b, BRIDGE_TASK_DRAIN);
}

/* The client has messages for good, and the server takes them back: nothing is
 * to be removed in this session. Not where one is missing that it may mean.
 */
static void hear_of_delivered(struct bridge *b,
                              const struct imap_session_event *ev,
                              bool is_of_retrieval)
{
    bool all_delivered = readahead_completed(&b->ahead, ev->item.tag);

    if (is_of_retrieval && !b->work.retrieval.has_body)
        all_delivered = false;
    if (all_delivered && ev->fault != FAULT_NONE)
        pop3_session_break(&b->pop3, FAULT_MESSAGE_UNREADABLE, true);
}

/* A tagged response. True: it is not what the task waits for. */
static bool on_other_completed(struct bridge *b,
                               const struct imap_session_event *ev)
{
    struct retrieval *r = &b->work.retrieval;
    bool is_retrieval = b->task == BRIDGE_TASK_RETRIEVAL;
    bool is_of_retrieval = is_retrieval && r->tag == ev->item.tag;

    if (!is_retrieval && b->task != BRIDGE_TASK_DRAIN)
        return false;
    hear_of_delivered(b, ev, is_of_retrieval);
    if (is_of_retrieval)
        return false;
    if (is_retrieval)
        retrieval_on_other_end(r);
    else if (!readahead_is_under_way(&b->ahead))
        bridge_forget_task(b);
    return true;
}

static void finish_message(struct bridge *b)
{
    const struct retrieval *r = &b->work.retrieval;

    b->message_octets = r->octets;
    maildrop_note_read(r->maildrop, r->index, !r->top);
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

    if (b->pop3.message_open || status == TASK_DONE)
        bridge_end_stage(b, COUNTER_STAGE_FIRST_OCTET);
    if (status == TASK_RUNNING)
        return;
    b->client_seen_ms = b->now_ms;
    if (status == TASK_DONE) {
        bridge_forget_task(b);
        finish_message(b);
    } else if (imap_session_awaits(&b->imap, r->tag)) {
        /* What else this command brings is not to be trusted. */
        bridge_upstream_lost(b, fault, true);
    } else if (retrieval_has_left(r)) {
        maildrop_note_failed(r->maildrop, r->index, !r->top);
        bridge_abort_client(b, fault);
    } else {
        maildrop_note_failed(r->maildrop, r->index, !r->top);
        bridge_forget_task(b);
        pop3_session_refuse_message(&b->pop3, fault);
    }
}

/* --- all of them --- */

void bridge_start_keepalive(struct bridge *b)
{
    uint32_t tag = imap_session_begin(&b->imap);

    bridge_begin_task(b, BRIDGE_TASK_KEEPALIVE);
    imap_write_simple(&b->imap.out, tag, "NOOP");
}

void bridge_resume_task(struct bridge *b)
{
    b->resume_at_ms = UINT64_MAX;
    bridge_await_upstream(b);
    switch (b->task) {
    case BRIDGE_TASK_TRASH:
    case BRIDGE_TASK_LISTING:
    case BRIDGE_TASK_VIEWING:
    case BRIDGE_TASK_EXCERPT:
    case BRIDGE_TASK_GMAIL_IDS:
        bridge_resume_listing(b);
        break;
    case BRIDGE_TASK_RETRIEVAL:
        retrieval_resume(&b->work.retrieval);
        break;
    case BRIDGE_TASK_REMOVAL:
        removal_resume(&b->work.removal);
        break;
    case BRIDGE_TASK_NONE:
    case BRIDGE_TASK_SELECT:
    case BRIDGE_TASK_KEEPALIVE:
    case BRIDGE_TASK_DRAIN:
        break;
    }
}

/* The server names a pause that the client will bear: once a command, the
 * same is then asked again.
 */
static bool pause_for(struct bridge *b, const struct imap_session_event *ev)
{
    /* A body that has begun to come must not come again. */
    bool begun = b->task == BRIDGE_TASK_RETRIEVAL && b->work.retrieval.has_body;

    if (ev->kind == IMAP_SESSION_COMPLETED && ev->fault == FAULT_NONE)
        b->backoffs = 0;
    if (ev->kind != IMAP_SESSION_COMPLETED || ev->backoff_ms == 0 ||
        ev->backoff_ms > BACKOFF_PATIENCE_MS || begun || b->backoffs > 0 ||
        b->task == BRIDGE_TASK_KEEPALIVE)
        return false;
    b->backoffs++;
    b->resume_at_ms = b->now_ms + ev->backoff_ms;
    return true;
}

void bridge_run_task(struct bridge *b, const struct imap_session_event *ev)
{
    if (ev->kind == IMAP_SESSION_COMPLETED && on_other_completed(b, ev))
        return;
    if (pause_for(b, ev))
        return;
    switch (b->task) {
    case BRIDGE_TASK_TRASH:
    case BRIDGE_TASK_LISTING:
    case BRIDGE_TASK_VIEWING:
    case BRIDGE_TASK_EXCERPT:
    case BRIDGE_TASK_GMAIL_IDS:
        bridge_run_listing(b, ev);
        break;
    case BRIDGE_TASK_RETRIEVAL:
        end_retrieval(b, retrieval_on_event(&b->work.retrieval, ev));
        if (ev->kind == IMAP_SESSION_ITEM && ev->item.kind == IMAP_BODY &&
            b->work.retrieval.has_body)
            read_ahead(b);
        break;
    case BRIDGE_TASK_REMOVAL:
        bridge_run_removal(b, ev);
        break;
    case BRIDGE_TASK_KEEPALIVE:
        if (ev->kind == IMAP_SESSION_COMPLETED)
            bridge_forget_task(b);
        break;
    case BRIDGE_TASK_NONE:
    case BRIDGE_TASK_SELECT:
    case BRIDGE_TASK_DRAIN:
        break;
    }
}
