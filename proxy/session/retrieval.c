/* retrieval.c - see retrieval.h. */
#include "session/retrieval.h"

#include "base/limits.h"
#include "imap/command.h"

static void send_fetch_body(struct retrieval *r)
{
    struct imap_uid_set set;

    imap_uid_set_init(&set);
    if (imap_uid_set_add(&set, r->uid))
        imap_write_fetch_bodies(&r->imap->out, r->tag, &set);
}

static void send_fetch(struct retrieval *r)
{
    if (r->together)
        readahead_note_missed(r->ahead);
    r->together = false;
    r->has_body = false;
    r->window_octets = 0;
    r->tag = imap_session_begin_fetch(r->imap);
    if (r->top)
        imap_write_fetch_window(&r->imap->out, r->tag, r->uid, r->octets,
                                TOP_WINDOW);
    else
        send_fetch_body(r);
}

static void send_lookup(struct retrieval *r)
{
    struct imap_uid_set set;

    r->found = false;
    r->tag = imap_session_begin(r->imap);
    imap_uid_set_init(&set);
    if (imap_uid_set_add(&set, r->uid))
        imap_write_fetch_flags(&r->imap->out, r->tag, &set);
}

/* What is not a fetch of a body runs alone. */
static void send_step(struct retrieval *r)
{
    r->waiting = r->step == RETRIEVAL_FETCH
                     ? !imap_session_may_begin_fetch(r->imap, 0)
                     : imap_session_is_awaiting(r->imap);
    if (r->waiting) {
        readahead_lose_order(r->ahead);
        return;
    }
    switch (r->step) {
    case RETRIEVAL_FETCH:
        send_fetch(r);
        break;
    case RETRIEVAL_NOOP:
        r->tag = imap_session_begin(r->imap);
        imap_write_simple(&r->imap->out, r->tag, "NOOP");
        break;
    case RETRIEVAL_LOOKUP:
        send_lookup(r);
        break;
    }
}

static void enter(struct retrieval *r, enum retrieval_step step)
{
    r->step = step;
    send_step(r);
}

void retrieval_start(struct retrieval *r, struct imap_session *imap,
                     struct pop3_session *pop3, struct maildrop *maildrop,
                     struct readahead *ahead,
                     const struct pop3_request *request)
{
    *r = (struct retrieval){
        .imap = imap,
        .pop3 = pop3,
        .maildrop = maildrop,
        .ahead = ahead,
        .index = request->index,
        .uid = maildrop_uid(maildrop, request->index),
        .top = request->top,
        .answer_uid = ahead->answer_uid,
    };
    ahead->answer_uid = 0;
    if (r->top) {
        pop3_transform_init_top(&r->transform, request->lines);
        readahead_lose_order(ahead);
    } else {
        pop3_transform_init(&r->transform);
        r->tag = readahead_take(ahead, maildrop, r->index);
        r->together = r->tag != 0;
    }
    if (r->tag == 0)
        enter(r, RETRIEVAL_FETCH);
}

void retrieval_on_other_end(struct retrieval *r)
{
    if (r->waiting)
        send_step(r);
}

void retrieval_resume(struct retrieval *r)
{
    send_step(r);
}

bool retrieval_may_be_followed(const struct retrieval *r)
{
    return r->step == RETRIEVAL_FETCH && !r->top && !r->waiting;
}

bool retrieval_has_left(const struct retrieval *r)
{
    return r->opened && r->pop3->message_left;
}

bool retrieval_is_ending(const struct retrieval *r)
{
    return r->step == RETRIEVAL_FETCH && r->has_body && !r->in_body;
}

static uint64_t listed_size(const struct retrieval *r)
{
    return maildrop_size_octets(r->maildrop, r->index);
}

bool retrieval_size_differs(const struct retrieval *r)
{
    return !r->top && r->octets != listed_size(r);
}

static enum task_status fail(struct retrieval *r, enum fault fault)
{
    r->fault = fault;
    return TASK_FAILED;
}

/* Is this about the message that was asked for? Where its UID has not been said
 * yet, it is taken to answer the oldest command, and checked at the end of the
 * answer (IMAP-20); if that is a batch, nobody knows which of them is here.
 */
static bool is_about_ours(const struct retrieval *r)
{
    if (r->answer_uid != 0)
        return r->answer_uid == r->uid;
    return imap_session_oldest_tag(r->imap) == r->tag && !r->together;
}

/* Is this the body that was asked for? */
static bool is_wanted(const struct retrieval *r, const struct imap_event *ev)
{
    if (r->step != RETRIEVAL_FETCH || r->waiting || r->has_body || ev->nil ||
        !ev->whole || r->imap->mailbox.changed || !is_about_ours(r))
        return false;
    if (r->top &&
        (!ev->has_origin || ev->origin != r->octets || ev->number > TOP_WINDOW))
        return false;
    if (!r->top && ev->has_origin)
        return false;
    /* Empty, where the listing promised octets: a failure (DEC-14). */
    return ev->number > 0 || r->opened || listed_size(r) == 0;
}

/* A body that nobody takes: was it one that is to be asked for yet? */
static void pass_over(struct retrieval *r)
{
    const struct maildrop *maildrop = r->maildrop;

    if (r->answer_uid == 0)
        readahead_lose_all(r->ahead);
    else if (r->answer_uid != r->uid)
        readahead_pass(r->ahead, maildrop_find(maildrop, r->answer_uid));
}

static bool is_suspect(const struct retrieval *r, const struct imap_event *ev)
{
    return !r->opened && !r->vouched && ev->number <= SUSPECT_MESSAGE_MAX &&
           ev->number != listed_size(r);
}

static void open_body(struct retrieval *r, const struct imap_event *ev)
{
    size_t length = CLIENT_OUTPUT_HIGH + POP3_TRANSFORM_MAX(READ_CHUNK);

    if (ev->number < READ_CHUNK)
        length = POP3_TRANSFORM_MAX((size_t)ev->number);
    if (!r->opened)
        pop3_session_open_message(r->pop3);
    r->opened = true;
    r->has_body = true;
    r->in_body = true;
    r->answer_has_body = true;
    /* One allocation now instead of many on the way; failure sticks. */
    buf_prepare(&r->pop3->out, length);
}

static enum task_status on_body_data(struct retrieval *r, struct span data)
{
    if (!r->in_body)
        return TASK_RUNNING;
    pop3_transform_feed(&r->transform, data, &r->pop3->out);
    r->octets += data.len;
    r->window_octets += data.len;
    imap_session_note_progress(r->imap);
    return TASK_RUNNING;
}

static enum task_status finish(struct retrieval *r)
{
    pop3_transform_end(&r->transform, &r->pop3->out);
    return TASK_DONE;
}

/* The server goes on to the next message before it says that this one, which is
 * here, was all: so it is, and the next one must not pass by.
 */
static bool is_overtaken(const struct retrieval *r)
{
    const struct maildrop *maildrop = r->maildrop;

    return retrieval_is_ending(r) && !r->top && !r->imap->mailbox.changed &&
           readahead_has(r->ahead, maildrop_find(maildrop, r->answer_uid));
}

static enum task_status on_uid(struct retrieval *r, uint32_t uid)
{
    r->answer_uid = uid;
    if (!r->answer_has_body && is_overtaken(r)) {
        readahead_note_delivered(r->ahead, r->tag, uid);
        return finish(r);
    }
    if (r->step == RETRIEVAL_LOOKUP && uid == r->uid)
        r->found = true;
    if (r->answer_has_body && uid != r->uid)
        return fail(r, FAULT_UPSTREAM_GARBLED);
    return TASK_RUNNING;
}

static enum task_status on_answer_end(struct retrieval *r)
{
    if (r->answer_passes_by)
        pass_over(r);
    if (!r->answer_has_body)
        return TASK_RUNNING;
    if (r->answer_uid == 0)
        return fail(r, FAULT_UPSTREAM_GARBLED); /* whose was it? */
    if (r->imap->mailbox.changed || !readahead_has_others(r->ahead, r->tag))
        return TASK_RUNNING;
    readahead_note_delivered(r->ahead, r->tag, 0);
    return finish(r);
}

static enum task_status on_item(struct retrieval *r,
                                const struct imap_event *ev)
{
    if (ev->kind == IMAP_BODY_DATA)
        return on_body_data(r, ev->text);
    if (ev->kind == IMAP_FETCH) {
        r->answer_uid = 0;
        r->answer_has_body = false;
        r->answer_passes_by = false;
        r->in_body = false;
    } else if (ev->kind == IMAP_FETCH_UID) {
        return on_uid(r, (uint32_t)ev->number);
    } else if (ev->kind == IMAP_BODY && !is_wanted(r, ev)) {
        r->answer_passes_by = true;
    } else if (ev->kind == IMAP_BODY) {
        if (is_suspect(r, ev))
            r->suspect = true;
        else
            open_body(r, ev);
    } else if (ev->kind == IMAP_BODY_END) {
        r->in_body = false;
    } else if (ev->kind == IMAP_FETCH_END) {
        return on_answer_end(r);
    }
    return TASK_RUNNING;
}

static enum task_status on_fetched(struct retrieval *r,
                                   const struct imap_session_event *ev)
{
    if (ev->fault != FAULT_NONE && r->opened)
        return fail(r, FAULT_MESSAGE_UNREADABLE);
    if (ev->fault == FAULT_NONE && r->has_body) {
        if (!r->top || r->window_octets < TOP_WINDOW ||
            pop3_transform_is_complete(&r->transform))
            return finish(r);
        send_step(r);
        return TASK_RUNNING;
    }
    /* Behind the end of the message some answer with NIL, or not at all. */
    if (ev->fault == FAULT_NONE && r->opened && r->octets >= listed_size(r))
        return finish(r);
    if (r->opened)
        return fail(r, FAULT_MESSAGE_UNREADABLE);
    /* Words that are known, or BAD: what it means is clear (MAP-8). */
    if (ev->fault != FAULT_NONE && ev->item.code == IMAP_CODE_THROTTLED)
        return fail(r, ev->fault);
    if (r->together && !r->suspect) {
        send_step(r); /* alone, since it may be the fault of another */
        return TASK_RUNNING;
    }
    if (ev->fault != FAULT_NONE && ev->item.condition == IMAP_BAD)
        return fail(r, ev->fault);
    enter(r, RETRIEVAL_NOOP);
    return TASK_RUNNING;
}

static enum task_status on_completed(struct retrieval *r,
                                     const struct imap_session_event *ev)
{
    /* The UID may mean another message by now (DEC-15). */
    if (r->imap->mailbox.changed)
        return fail(r, FAULT_MAILBOX_CHANGED);
    switch (r->step) {
    case RETRIEVAL_FETCH:
        return on_fetched(r, ev);
    case RETRIEVAL_NOOP:
        enter(r, RETRIEVAL_LOOKUP);
        return TASK_RUNNING;
    case RETRIEVAL_LOOKUP:
        break;
    }
    if (ev->fault == FAULT_NONE && !r->found)
        return fail(r, FAULT_MESSAGE_GONE);
    if (ev->fault == FAULT_NONE && r->suspect && !r->vouched) {
        r->vouched = true;
        enter(r, RETRIEVAL_FETCH);
        return TASK_RUNNING;
    }
    return fail(r, FAULT_MESSAGE_UNREADABLE);
}

enum task_status retrieval_on_event(struct retrieval *r,
                                    const struct imap_session_event *ev)
{
    if (ev->kind == IMAP_SESSION_ITEM)
        return on_item(r, &ev->item);
    return on_completed(r, ev);
}
