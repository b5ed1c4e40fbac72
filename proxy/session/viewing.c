/* viewing.c - see viewing.h. */
#include "session/viewing.h"

#include "imap/command.h"

static enum task_status fail(struct viewing *v, enum fault fault)
{
    v->fault = fault;
    return TASK_FAILED;
}

static void send_search(struct viewing *v)
{
    const struct mailbox_window *w = v->window;
    const struct imap_search search = {
        .wants_set = v->asks_for_set,
        .since = w->newer_than_days > 0 ? v->since : NULL,
        .unseen = w->unread_only,
        .keyword = w->only_keyword != NULL ? span_from_string(w->only_keyword)
                                           : SPAN_LITERAL(""),
        .not_keyword = v->hidden_keyword,
        .last_uid = v->last_uid,
    };
    uint32_t tag = imap_session_begin(v->imap);

    v->answered = false;
    imap_write_search(&v->imap->out, tag, &search);
}

static enum task_status finish(struct viewing *v)
{
    const struct view_names *names = v->names.named != NULL ? &v->names : NULL;

    v->result = view_of(v->whole, v->window, names);
    return v->result != NULL ? TASK_DONE : fail(v, FAULT_NO_MEMORY);
}

enum task_status viewing_start(struct viewing *v, struct imap_session *imap,
                               const struct snapshot_halves *messages,
                               const struct mailbox_policy *policy,
                               struct span hidden_keyword, uint64_t now_s)
{
    const struct mailbox_window *window = &policy->window;
    bool searches = view_needs_search(window) || hidden_keyword.len > 0;

    *v = (struct viewing){ .imap = imap,
                           .window = window,
                           .hidden_keyword = hidden_keyword };
    v->whole = policy->hide_deleted ? snapshot_ref(messages->listed)
                                    : snapshot_halves_join(messages);
    if (v->whole == NULL)
        return fail(v, FAULT_NO_MEMORY);
    if (!searches || snapshot_count(v->whole) == 0)
        return finish(v);
    if (!view_names_init(&v->names, v->whole))
        return fail(v, FAULT_NO_MEMORY);
    v->asks_for_set =
        imap_capabilities_have(imap->capabilities, IMAP_CAP_ESEARCH);
    view_since(window->newer_than_days, now_s, v->since);
    send_search(v);
    return TASK_RUNNING;
}

/* --- what the server says --- */

static enum task_status on_item(struct viewing *v, const struct imap_event *ev)
{
    enum view_status status;

    if (ev->kind == IMAP_SEARCH_END)
        v->answered = true;
    if (ev->kind != IMAP_SEARCH_UIDS)
        return TASK_RUNNING;
    status = view_names_add(&v->names, ev->first, ev->last);
    if (status == VIEW_EREPEATED)
        return fail(v, FAULT_UPSTREAM_GARBLED);
    if (status == VIEW_NEW)
        imap_session_note_progress(v->imap);
    return TASK_RUNNING;
}

/* As if the server had never offered it. */
static enum task_status ask_plainly(struct viewing *v)
{
    v->asks_for_set = false;
    send_search(v);
    return TASK_RUNNING;
}

static enum task_status on_refused(struct viewing *v,
                                   const struct imap_session_event *ev)
{
    bool passing = ev->item.code == IMAP_CODE_THROTTLED ||
                   ev->item.code == IMAP_CODE_UNAVAILABLE;

    return v->asks_for_set && !passing ? ask_plainly(v) : fail(v, ev->fault);
}

/* A server with a limit did only the highest UIDs, down to one it names. */
static enum task_status go_on_below(struct viewing *v, uint64_t lowest_done)
{
    if (lowest_done == 0 || lowest_done > UINT32_MAX ||
        (v->last_uid != 0 && lowest_done > v->last_uid))
        return fail(v, FAULT_MAILBOX_INCOMPLETE);
    v->last_uid = (uint32_t)lowest_done - 1;
    send_search(v);
    return TASK_RUNNING;
}

static enum task_status on_completed(struct viewing *v,
                                     const struct imap_session_event *ev)
{
    const struct imap_event *answer = &ev->item;

    /* The UIDs may mean other messages by now (DEC-15). */
    if (v->imap->mailbox.changed)
        return fail(v, FAULT_MAILBOX_CHANGED);
    if (ev->fault != FAULT_NONE)
        return on_refused(v, ev);
    if (answer->code == IMAP_CODE_MESSAGELIMIT && answer->second_number != 1)
        return go_on_below(v, answer->second_number);
    if (v->asks_for_set && !v->answered)
        return ask_plainly(v);
    return finish(v);
}

enum task_status viewing_on_event(struct viewing *v,
                                  const struct imap_session_event *ev)
{
    if (ev->kind == IMAP_SESSION_ITEM)
        return on_item(v, &ev->item);
    return on_completed(v, ev);
}

void viewing_resume(struct viewing *v)
{
    send_search(v);
}

struct snapshot *viewing_take(struct viewing *v)
{
    struct snapshot *result = v->result;

    v->result = NULL;
    return result;
}

void viewing_fini(struct viewing *v)
{
    view_names_fini(&v->names);
    snapshot_unref(v->result);
    v->result = NULL;
    snapshot_unref(v->whole);
    v->whole = NULL;
}
