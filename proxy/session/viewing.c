/* viewing.c - see viewing.h. */
#include "session/viewing.h"

static enum task_status fail(struct viewing *v, enum fault fault)
{
    v->fault = fault;
    return TASK_FAILED;
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

    *v = (struct viewing){ .imap = imap, .window = window };
    v->whole = policy->hide_deleted ? snapshot_ref(messages->listed)
                                    : snapshot_halves_join(messages);
    if (v->whole == NULL)
        return fail(v, FAULT_NO_MEMORY);
    if (!searching_is_needed(window, hidden_keyword) ||
        snapshot_count(v->whole) == 0)
        return finish(v);
    if (!view_names_init(&v->names, v->whole))
        return fail(v, FAULT_NO_MEMORY);
    searching_start(&v->search, imap, window, hidden_keyword, now_s);
    return TASK_RUNNING;
}

static enum task_status on_item(struct viewing *v, const struct imap_event *ev)
{
    enum view_status status;

    searching_on_item(&v->search, ev);
    if (ev->kind != IMAP_SEARCH_UIDS)
        return TASK_RUNNING;
    status = view_names_add(&v->names, ev->first, ev->last);
    if (status == VIEW_EREPEATED)
        return fail(v, FAULT_UPSTREAM_GARBLED);
    if (status == VIEW_NEW)
        imap_session_note_progress(v->imap);
    return TASK_RUNNING;
}

enum task_status viewing_on_event(struct viewing *v,
                                  const struct imap_session_event *ev)
{
    enum task_status status;

    if (ev->kind == IMAP_SESSION_ITEM)
        return on_item(v, &ev->item);
    status = searching_on_completed(&v->search, ev);
    if (status == TASK_FAILED)
        return fail(v, v->search.fault);
    return status == TASK_DONE ? finish(v) : status;
}

void viewing_resume(struct viewing *v)
{
    searching_resume(&v->search);
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
