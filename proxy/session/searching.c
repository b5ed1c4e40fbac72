/* searching.c - see searching.h. */
#include "session/searching.h"

#include "imap/command.h"
#include "session/view.h"

#define SECONDS_A_DAY 86400U

static void send_search(struct searching *s)
{
    const struct mailbox_window *w = s->window;
    const struct imap_search search = {
        .wants_set = s->asks_for_set,
        .since = w->newer_than_days > 0 && !s->asks_by_second ? s->since : NULL,
        .younger_s = s->asks_by_second ? w->newer_than_days * SECONDS_A_DAY : 0,
        .unseen = w->unread_only,
        .keyword = w->only_keyword != NULL ? span_from_string(w->only_keyword)
                                           : SPAN_LITERAL(""),
        .not_keyword = s->hidden_keyword,
        .last_uid = s->last_uid,
    };
    uint32_t tag = imap_session_begin(s->imap);

    s->answered = false;
    imap_write_search(&s->imap->out, tag, &search);
}

bool searching_is_needed(const struct mailbox_window *window,
                         struct span hidden_keyword)
{
    return view_needs_search(window) || hidden_keyword.len > 0;
}

void searching_start(struct searching *s, struct imap_session *imap,
                     const struct mailbox_window *window,
                     struct span hidden_keyword, uint64_t now_s)
{
    *s = (struct searching){
        .imap = imap,
        .window = window,
        .hidden_keyword = hidden_keyword,
        .asks_for_set =
            imap_capabilities_have(imap->capabilities, IMAP_CAP_ESEARCH),
        .asks_by_second =
            imap_capabilities_have(imap->capabilities, IMAP_CAP_WITHIN) &&
            window->newer_than_days <= UINT32_MAX / SECONDS_A_DAY,
    };
    view_since(window->newer_than_days, now_s, s->since);
    send_search(s);
}

void searching_resume(struct searching *s)
{
    send_search(s);
}

/* --- what the server says --- */

void searching_on_item(struct searching *s, const struct imap_event *ev)
{
    if (ev->kind == IMAP_SEARCH_END)
        s->answered = true;
}

static enum task_status fail(struct searching *s, enum fault fault)
{
    s->fault = fault;
    return TASK_FAILED;
}

/* As if the server had never offered it. */
static enum task_status ask_plainly(struct searching *s)
{
    s->asks_for_set = false;
    send_search(s);
    return TASK_RUNNING;
}

static enum task_status on_refused(struct searching *s,
                                   const struct imap_session_event *ev)
{
    bool passing = ev->item.code == IMAP_CODE_THROTTLED ||
                   ev->item.code == IMAP_CODE_UNAVAILABLE;

    if (passing || (!s->asks_for_set && !s->asks_by_second))
        return fail(s, ev->fault);
    s->asks_by_second = false;
    return ask_plainly(s);
}

/* A server with a limit did only the highest UIDs, down to one it names. */
static enum task_status go_on_below(struct searching *s, uint64_t lowest_done)
{
    if (lowest_done == 0 || lowest_done > UINT32_MAX ||
        (s->last_uid != 0 && lowest_done > s->last_uid))
        return fail(s, FAULT_MAILBOX_INCOMPLETE);
    s->last_uid = (uint32_t)lowest_done - 1;
    send_search(s);
    return TASK_RUNNING;
}

enum task_status searching_on_completed(struct searching *s,
                                        const struct imap_session_event *ev)
{
    const struct imap_event *answer = &ev->item;

    /* The UIDs may mean other messages by now (DEC-15). */
    if (s->imap->mailbox.changed)
        return fail(s, FAULT_MAILBOX_CHANGED);
    if (ev->fault != FAULT_NONE)
        return on_refused(s, ev);
    if (answer->code == IMAP_CODE_MESSAGELIMIT && answer->second_number != 1)
        return go_on_below(s, answer->second_number);
    if (s->asks_for_set && !s->answered)
        return ask_plainly(s);
    return TASK_DONE;
}
