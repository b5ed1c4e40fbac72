/* trash.c - see trash.h. */
#include "session/trash.h"

#include "imap/command.h"
#include "imap/mailbox_name.h"

/* As this server has names: modified UTF-7 where it is of the first revision.
 * False: there can be no such mailbox here.
 */
static bool write_name(struct trash *t)
{
    struct imap_capabilities caps = t->imap->capabilities;
    struct span wanted = span_from_string(t->wanted);
    bool is_written;

    buf_clear(t->name);
    if (imap_capabilities_have(caps, IMAP_CAP_IMAP4REV1))
        is_written = imap_mailbox_name_encode(t->name, wanted);
    else
        is_written = buf_append(t->name, wanted);
    return is_written && imap_mailbox_is_writable(buf_span(t->name), caps);
}

static void send_list(struct trash *t)
{
    struct imap_capabilities caps = t->imap->capabilities;
    uint32_t tag = imap_session_begin(t->imap);

    if (t->wanted != NULL) {
        imap_write_list(&t->imap->out, tag, buf_span(t->name), caps);
        return;
    }
    if (t->asked_plainly)
        caps.bits &= ~BIT(IMAP_CAP_SPECIAL_USE);
    imap_write_list_special(&t->imap->out, tag, caps);
}

enum task_status trash_start(struct trash *t, struct imap_session *imap,
                             const struct mailbox_policy *policy,
                             struct buf *name)
{
    *t = (struct trash){ .imap = imap,
                         .wanted = policy->trash_mailbox,
                         .name = name };
    buf_clear(name);
    if (policy->on_delete != ON_DELETE_TRASH)
        return TASK_DONE;
    if (t->wanted != NULL && !write_name(t)) {
        buf_clear(name);
        return TASK_DONE;
    }
    send_list(t);
    return TASK_RUNNING;
}

void trash_resume(struct trash *t)
{
    send_list(t);
}

/* Asked for by name, whatever is told is it: there are no wildcards in it. */
static void on_listed(struct trash *t, const struct imap_event *ev)
{
    bool is_open = (ev->flags & BIT(IMAP_ATTRIBUTE_CLOSED)) == 0;
    bool is_trash = (ev->flags & BIT(IMAP_ATTRIBUTE_TRASH)) != 0;

    imap_session_note_progress(t->imap);
    if (t->found || !is_open)
        return;
    if (t->wanted != NULL) {
        t->found = true;
    } else if (is_trash &&
               imap_mailbox_is_writable(ev->text, t->imap->capabilities)) {
        buf_clear(t->name);
        t->found = buf_append(t->name, ev->text);
    }
}

enum task_status trash_on_event(struct trash *t,
                                const struct imap_session_event *ev)
{
    if (ev->kind == IMAP_SESSION_ITEM) {
        if (ev->item.kind == IMAP_LIST)
            on_listed(t, &ev->item);
        return TASK_RUNNING;
    }
    if (ev->fault == FAULT_UPSTREAM_REJECTED && t->wanted == NULL &&
        !t->asked_plainly) {
        t->asked_plainly = true;
        send_list(t);
        return TASK_RUNNING;
    }
    if (!t->found)
        buf_clear(t->name);
    return TASK_DONE;
}
