/* listing.c - see listing.h. */
#include "session/listing.h"

#include "imap/command.h"

/* The command of the step at hand. */
static void send_step(struct listing *l)
{
    uint32_t tag = imap_session_begin(l->imap);

    if (l->settling)
        imap_write_simple(&l->imap->out, tag, "NOOP");
    else
        imap_write_fetch_listing(&l->imap->out, tag, 1, l->last_uid);
}

enum task_status listing_start(struct listing *l, struct imap_session *imap,
                               bool hide_deleted)
{
    *l = (struct listing){ .imap = imap, .hide_deleted = hide_deleted };
    snapshot_builder_init(&l->builder);
    /* `1:*` would name a message that is not there (RFC 9051 §6.4.9). */
    if (imap->mailbox.exists_told && imap->mailbox.exists == 0)
        return TASK_DONE;
    send_step(l);
    return TASK_RUNNING;
}

void listing_fini(struct listing *l)
{
    snapshot_builder_fini(&l->builder);
}

static enum task_status fail(struct listing *l, enum fault fault)
{
    l->fault = fault;
    return TASK_FAILED;
}

static enum fault fault_of_status(enum snapshot_status status)
{
    switch (status) {
    case SNAPSHOT_ETOOBIG:
        return FAULT_MAILBOX_TOO_LARGE;
    case SNAPSHOT_ENOMEM:
        return FAULT_NO_MEMORY;
    case SNAPSHOT_OK:
    case SNAPSHOT_EINCOMPLETE:
        break;
    }
    return FAULT_MAILBOX_INCOMPLETE;
}

static enum task_status end_row(struct listing *l)
{
    enum snapshot_status status;

    if (l->uid == 0) {
        l->uid_missing = l->uid_missing || l->facts.has_size;
        return TASK_RUNNING;
    }
    status = snapshot_builder_add(&l->builder, l->uid, &l->facts);
    if (status != SNAPSHOT_OK)
        return fail(l, fault_of_status(status));
    imap_session_note_progress(l->imap);
    return TASK_RUNNING;
}

static enum task_status on_item(struct listing *l, const struct imap_event *ev)
{
    if (ev->kind == IMAP_FETCH) {
        l->uid = 0;
        l->facts = (struct snapshot_facts){ .has_size = false };
    } else if (ev->kind == IMAP_FETCH_UID) {
        l->uid = (uint32_t)ev->number;
    } else if (ev->kind == IMAP_FETCH_SIZE) {
        l->facts.has_size = true;
        l->facts.size_octets = ev->number;
    } else if (ev->kind == IMAP_FETCH_FLAGS) {
        l->facts.has_flags = true;
        l->facts.deleted = ev->flags & BIT(IMAP_FLAG_DELETED);
    } else if (ev->kind == IMAP_FETCH_END) {
        return end_row(l);
    }
    return TASK_RUNNING;
}

/* Once more from the start, behind a NOOP that lets the server say what has
 * changed (CONFORMANCE IMAP-18).
 */
static enum task_status ask_again(struct listing *l)
{
    if (l->asked_again)
        return fail(l, FAULT_MAILBOX_INCOMPLETE);
    l->asked_again = true;
    l->settling = true;
    l->uid_missing = false;
    l->last_uid = 0;
    snapshot_builder_fini(&l->builder);
    send_step(l);
    return TASK_RUNNING;
}

/* A server with a limit did only the highest UIDs, down to one it names. */
static enum task_status go_on_below(struct listing *l, uint64_t lowest_done)
{
    if (lowest_done == 0 || lowest_done > UINT32_MAX ||
        (l->last_uid != 0 && lowest_done > l->last_uid))
        return ask_again(l);
    l->last_uid = (uint32_t)lowest_done - 1;
    send_step(l);
    return TASK_RUNNING;
}

static enum task_status on_completed(struct listing *l,
                                     const struct imap_session_event *ev)
{
    if (l->settling) {
        l->settling = false;
        if (l->imap->mailbox.exists_told && l->imap->mailbox.exists == 0)
            return TASK_DONE;
        send_step(l);
        return TASK_RUNNING;
    }
    if (ev->fault != FAULT_NONE)
        return fail(l, ev->fault);
    if (l->imap->mailbox.changed)
        return fail(l, FAULT_MAILBOX_CHANGED);
    if (ev->item.code == IMAP_CODE_MESSAGELIMIT && ev->item.second_number != 1)
        return go_on_below(l, ev->item.second_number);
    if (l->uid_missing ||
        (l->builder.count == 0 && l->imap->mailbox.exists > 0) ||
        !snapshot_builder_is_complete(&l->builder))
        return ask_again(l);
    return TASK_DONE;
}

enum task_status listing_on_event(struct listing *l,
                                  const struct imap_session_event *ev)
{
    if (ev->kind == IMAP_SESSION_ITEM)
        return on_item(l, &ev->item);
    return on_completed(l, ev);
}

void listing_resume(struct listing *l)
{
    send_step(l);
}

struct snapshot *listing_take(struct listing *l)
{
    struct snapshot *snapshot = NULL;
    enum snapshot_status status =
        snapshot_builder_finish(&l->builder, l->hide_deleted, &snapshot);

    if (status != SNAPSHOT_OK)
        l->fault = fault_of_status(status);
    return snapshot;
}
