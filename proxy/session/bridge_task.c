/* bridge_task.c - who has the selected mailbox: the listing and the view of it,
 * a message, the removal at QUIT, a NOOP that keeps the connection alive, or
 * nobody until what was read ahead in vain has come and gone.
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
    else if (b->task == BRIDGE_TASK_GMAIL_IDS)
        gmail_ids_fini(&b->work.gmail_ids);
    b->task = BRIDGE_TASK_NONE;
    b->resume_at_ms = UINT64_MAX;
}

static void begin(struct bridge *b, enum bridge_task task)
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

/* --- the listing --- */

static struct removal_terms removal_terms(const struct bridge *b)
{
    return (struct removal_terms){ b->mailbox_policy, buf_span(&b->trash),
                                   b->keyword };
}

enum fault bridge_removal_fault(const struct bridge *b)
{
    struct removal_terms terms = removal_terms(b);

    return removal_judge(&b->imap, &terms);
}

static void learn_mailbox(struct bridge *b,
                          const struct snapshot_halves *messages)
{
    enum known_verdict verdict = b->work.listing.verdict;

    b->report.listings[verdict]++;
    if (verdict == KNOWN_FRESH)
        return;
    known_mailbox_learn(&b->mailboxes[b->selected].known, &b->imap.mailbox,
                        messages);
    bridge_keep_mailbox(b, b->selected);
}

/* What its messages are called, as far as it is known with the mailbox. */
static struct unique_id_rule unique_id_rule(const struct bridge *b)
{
    const struct mailbox_policy *policy = b->mailbox_policy;
    struct span name = bridge_mailbox_name(b, b->selected);
    struct unique_id_rule rule = {
        .format = policy->unique_ids,
        .mailbox_mark = unique_id_mailbox_mark(name),
        .user = unique_id_map_find(policy->unique_id_map,
                                   credentials_name(&b->upstream)),
    };

    if (rule.user == NULL)
        return rule;
    rule.list = unique_id_user_list(rule.user, name);
    if (rule.list != NULL &&
        unique_id_list_uidvalidity(rule.list) != b->imap.mailbox.uidvalidity)
        rule.list = NULL;
    return rule;
}

/* The maildrop of the mailbox that is selected joins those before it. */
static enum fault add_maildrop(struct bridge *b, struct snapshot *view)
{
    const struct imap_mailbox *mailbox = &b->imap.mailbox;
    struct maildrop_traits traits = {
        .uidvalidity = mailbox->uidvalidity,
        .has_unique_ids = mailbox->uidvalidity != 0 && mailbox->uids_last,
        .removal_fault = bridge_removal_fault(b),
    };
    struct maildrop_part part = { .unique_ids = unique_id_rule(b) };

    /* When it is selected again nobody could tell whether it is the same. */
    if (b->mailbox_count > 1 && !traits.has_unique_ids)
        return FAULT_NO_UNIQUE_IDS;
    part.maildrop = maildrop_new(view, &traits);
    if (part.maildrop == NULL)
        return FAULT_NO_MEMORY;
    if (!maildrops_add(&b->maildrops, &part)) {
        maildrop_part_fini(&part);
        return FAULT_NO_MEMORY;
    }
    if (maildrops_count(&b->maildrops) > MAILDROP_MESSAGES_MAX)
        return FAULT_MAILBOX_TOO_LARGE;
    return FAULT_NONE;
}

/* The mailbox that is selected is all known: the next one's turn. */
static void finish_mailbox(struct bridge *b)
{
    if (b->selected + 1 < b->mailbox_count)
        bridge_select(b, b->selected + 1);
    else
        bridge_accept_login(b);
}

static void end_gmail_ids(struct bridge *b, enum task_status status)
{
    struct gmail_ids *g = &b->work.gmail_ids;
    enum fault fault = g->fault;

    if (status == TASK_RUNNING)
        return;
    if (status == TASK_DONE)
        b->maildrops.parts[b->selected].unique_ids.gmail_ids =
            gmail_ids_take(g);
    bridge_forget_task(b);
    if (status == TASK_DONE)
        finish_mailbox(b);
    else
        bridge_refuse_login(b, fault);
}

static void finish_view(struct bridge *b, struct snapshot *view)
{
    enum fault fault = add_maildrop(b, view);

    if (fault != FAULT_NONE) {
        bridge_refuse_login(b, fault);
    } else if (b->mailbox_policy->unique_ids == UNIQUE_ID_GMAIL) {
        begin(b, BRIDGE_TASK_GMAIL_IDS);
        end_gmail_ids(
            b, gmail_ids_start(&b->work.gmail_ids, &b->imap,
                               b->maildrops.parts[b->selected].maildrop));
    } else {
        finish_mailbox(b);
    }
}

static void end_viewing(struct bridge *b, enum task_status status)
{
    struct viewing *v = &b->work.viewing;
    enum fault fault = v->fault;
    struct snapshot *view;

    if (status == TASK_RUNNING)
        return;
    if (status == TASK_FAILED) {
        bridge_forget_task(b);
        bridge_refuse_login(b, fault);
        return;
    }
    view = viewing_take(v);
    if (b->selected == 0)
        b->report.messages_hidden = 0;
    b->report.messages_hidden +=
        snapshot_count(v->whole) - snapshot_count(view);
    bridge_forget_task(b);
    bridge_end_stage(b, COUNTER_STAGE_LISTING);
    finish_view(b, view);
    snapshot_unref(view);
}

/* Where the server has no such keyword, none of its messages is hidden by it.
 * There is one that aborts when it is asked (GNU Mailutils 3.15).
 */
static struct span hidden_keyword(const struct bridge *b)
{
    const struct imap_mailbox *mailbox = &b->imap.mailbox;

    if (!mailbox->keeps_keyword && !mailbox->knows_keyword)
        return (struct span){ NULL, 0 };
    return span_from_string(b->keyword);
}

static void finish_listing(struct bridge *b)
{
    struct snapshot_halves messages = listing_take(&b->work.listing);

    learn_mailbox(b, &messages);
    bridge_forget_task(b);
    begin(b, BRIDGE_TASK_VIEWING);
    end_viewing(b, viewing_start(&b->work.viewing, &b->imap, &messages,
                                 b->mailbox_policy, hidden_keyword(b),
                                 b->granted_s));
    snapshot_halves_drop(&messages);
}

static void end_listing(struct bridge *b, enum task_status status)
{
    enum fault fault = b->work.listing.fault;

    if (status == TASK_DONE) {
        finish_listing(b);
    } else if (status == TASK_FAILED) {
        bridge_forget_task(b);
        bridge_refuse_login(b, fault);
    }
}

static void start_listing(struct bridge *b)
{
    begin(b, BRIDGE_TASK_LISTING);
    bridge_begin_stage(b);
    end_listing(b, listing_start(&b->work.listing, &b->imap,
                                 &b->mailboxes[b->selected].known));
}

static void end_trash(struct bridge *b, enum task_status status)
{
    if (status == TASK_RUNNING)
        return;
    bridge_forget_task(b);
    start_listing(b);
}

void bridge_start_listing(struct bridge *b)
{
    if (b->selected > 0) { /* it was looked for before the first one */
        start_listing(b);
        return;
    }
    begin(b, BRIDGE_TASK_TRASH);
    end_trash(
        b, trash_start(&b->work.trash, &b->imap, b->mailbox_policy, &b->trash));
}

/* --- a message --- */

void bridge_start_select(struct bridge *b)
{
    struct maildrop_place place =
        maildrops_place(&b->pop3.maildrops, b->request.index);

    readahead_change_mailbox(&b->ahead);
    begin(b, BRIDGE_TASK_SELECT);
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
    begin(b, BRIDGE_TASK_RETRIEVAL);
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
    begin(b, BRIDGE_TASK_DRAIN);
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

/* --- QUIT --- */

static void end_removal(struct bridge *b, enum task_status status)
{
    enum fault fault = b->work.removal.fault;

    if (status == TASK_RUNNING)
        return;
    bridge_forget_task(b);
    if (status == TASK_FAILED) {
        bridge_finish_quit(b, fault);
        return;
    }
    bridge_end_stage(b, COUNTER_STAGE_REMOVAL);
    bridge_update_next(b);
}

void bridge_start_removal(struct bridge *b)
{
    struct removal_terms terms = removal_terms(b);

    begin(b, BRIDGE_TASK_REMOVAL);
    bridge_begin_stage(b);
    end_removal(b, removal_start(&b->work.removal, &b->imap, bridge_maildrop(b),
                                 &terms, b->reconnected));
}

/* --- all of them --- */

void bridge_start_keepalive(struct bridge *b)
{
    uint32_t tag = imap_session_begin(&b->imap);

    begin(b, BRIDGE_TASK_KEEPALIVE);
    imap_write_simple(&b->imap.out, tag, "NOOP");
}

void bridge_resume_task(struct bridge *b)
{
    b->resume_at_ms = UINT64_MAX;
    bridge_await_upstream(b);
    switch (b->task) {
    case BRIDGE_TASK_TRASH:
        trash_resume(&b->work.trash);
        break;
    case BRIDGE_TASK_LISTING:
        listing_resume(&b->work.listing);
        break;
    case BRIDGE_TASK_VIEWING:
        viewing_resume(&b->work.viewing);
        break;
    case BRIDGE_TASK_GMAIL_IDS:
        gmail_ids_resume(&b->work.gmail_ids);
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
        end_trash(b, trash_on_event(&b->work.trash, ev));
        break;
    case BRIDGE_TASK_LISTING:
        end_listing(b, listing_on_event(&b->work.listing, ev));
        break;
    case BRIDGE_TASK_VIEWING:
        end_viewing(b, viewing_on_event(&b->work.viewing, ev));
        break;
    case BRIDGE_TASK_GMAIL_IDS:
        end_gmail_ids(b, gmail_ids_on_event(&b->work.gmail_ids, ev));
        break;
    case BRIDGE_TASK_RETRIEVAL:
        end_retrieval(b, retrieval_on_event(&b->work.retrieval, ev));
        if (ev->kind == IMAP_SESSION_ITEM && ev->item.kind == IMAP_BODY &&
            b->work.retrieval.has_body)
            read_ahead(b);
        break;
    case BRIDGE_TASK_REMOVAL:
        end_removal(b, removal_on_event(&b->work.removal, ev));
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
