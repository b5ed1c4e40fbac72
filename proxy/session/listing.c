/* listing.c - see listing.h. */
#include "session/listing.h"

#include "imap/command.h"

/* The command of the step at hand. */
static void send_step(struct listing *l)
{
    uint32_t tag = imap_session_begin(l->imap);
    struct buf *out = &l->imap->out;

    switch (l->step) {
    case LISTING_NEW:
        imap_write_fetch_listing(out, tag, l->known->uidnext,
                                 l->imap->mailbox.uidnext - 1);
        break;
    case LISTING_CHANGES:
        imap_write_fetch_changes(out, tag, l->known->uidnext - 1,
                                 l->known->highestmodseq);
        break;
    case LISTING_ALL:
        imap_write_fetch_listing(out, tag, 1, l->last_uid);
        break;
    case LISTING_SETTLE:
        imap_write_simple(out, tag, "NOOP");
        break;
    }
}

static enum task_status enter(struct listing *l, enum listing_step step)
{
    l->step = step;
    l->uid_missing = false;
    l->last_uid = 0;
    snapshot_builder_fini(&l->builder);
    send_step(l);
    return TASK_RUNNING;
}

void listing_fini(struct listing *l)
{
    snapshot_builder_fini(&l->builder);
    snapshot_halves_drop(&l->result);
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

/* --- the end, and the begin --- */

/* Once more from the start, behind a NOOP that lets the server say what has
 * changed (CONFORMANCE IMAP-18).
 */
static enum task_status ask_again(struct listing *l)
{
    if (l->asked_again)
        return fail(l, FAULT_MAILBOX_INCOMPLETE);
    l->asked_again = true;
    return enter(l, LISTING_SETTLE);
}

/* All rows are there: is it all of each? */
static enum task_status finish(struct listing *l)
{
    enum snapshot_status status =
        snapshot_builder_finish(&l->builder, NULL, &l->result);

    if (status == SNAPSHOT_OK)
        return TASK_DONE;
    if (status == SNAPSHOT_EINCOMPLETE)
        return ask_again(l);
    return fail(l, fault_of_status(status));
}

static enum task_status list_all(struct listing *l)
{
    const struct imap_mailbox *mailbox = &l->imap->mailbox;

    snapshot_builder_fini(&l->builder);
    /* `1:*` would name a message that is not there (RFC 9051 §6.4.9). */
    if (mailbox->exists_told && mailbox->exists == 0)
        return finish(l);
    return enter(l, LISTING_ALL);
}

static enum task_status complete_known(struct listing *l)
{
    if (l->imap->mailbox.uidnext > l->known->uidnext)
        return enter(l, LISTING_NEW);
    return enter(l, LISTING_CHANGES);
}

enum task_status listing_start(struct listing *l, struct imap_session *imap,
                               const struct known_mailbox *known)
{
    *l = (struct listing){ .imap = imap, .known = known };
    snapshot_builder_init(&l->builder);
    switch (known_mailbox_judge(known, &imap->mailbox)) {
    case KNOWN_FRESH:
        l->verdict = KNOWN_FRESH;
        l->result = snapshot_halves_share(&known->messages);
        return TASK_DONE;
    case KNOWN_OLDER:
        if (imap->mailbox.exists > 0)
            return complete_known(l);
        break;
    case KNOWN_UNPROVEN:
    case KNOWN_VERDICT_COUNT:
        break;
    }
    return list_all(l);
}

/* --- what the server says --- */

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
    } else {
        snapshot_facts_take(&l->facts, ev);
    }
    return ev->kind == IMAP_FETCH_END ? end_row(l) : TASK_RUNNING;
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

/* The changes, laid over what is known, are the whole mailbox. What came under
 * a UID that should be known, or was expunged meanwhile, shows that they are
 * not.
 */
static bool changes_complete(struct listing *l)
{
    const struct known_mailbox *known = l->known;

    if (l->uid_missing || l->imap->mailbox.expunged ||
        !snapshot_builder_stays_within(&l->builder, &known->messages,
                                       known->uidnext))
        return false;
    if (snapshot_builder_finish(&l->builder, &known->messages, &l->result) !=
        SNAPSHOT_OK)
        return false;
    if (known_mailbox_is_covered(&l->imap->mailbox, &l->result))
        return true;
    snapshot_halves_drop(&l->result);
    return false;
}

/* Refused or not enough: all of it is asked for as if nothing were known. */
static enum task_status on_changes_told(struct listing *l,
                                        const struct imap_session_event *ev)
{
    if (ev->fault != FAULT_NONE || ev->item.code == IMAP_CODE_MESSAGELIMIT)
        return list_all(l);
    if (l->step == LISTING_NEW && known_mailbox_count(l->known) > 0) {
        l->step = LISTING_CHANGES;
        send_step(l);
        return TASK_RUNNING;
    }
    if (!changes_complete(l))
        return list_all(l);
    l->verdict = KNOWN_OLDER;
    return TASK_DONE;
}

static enum task_status on_all_told(struct listing *l,
                                    const struct imap_session_event *ev)
{
    const struct imap_event *answer = &ev->item;

    if (ev->fault != FAULT_NONE)
        return fail(l, ev->fault);
    if (l->imap->mailbox.changed)
        return fail(l, FAULT_MAILBOX_CHANGED);
    if (answer->code == IMAP_CODE_MESSAGELIMIT && answer->second_number != 1)
        return go_on_below(l, answer->second_number);
    if (l->uid_missing ||
        (l->builder.count == 0 && l->imap->mailbox.exists > 0))
        return ask_again(l);
    return finish(l);
}

static enum task_status on_completed(struct listing *l,
                                     const struct imap_session_event *ev)
{
    switch (l->step) {
    case LISTING_NEW:
    case LISTING_CHANGES:
        if (l->imap->mailbox.changed)
            return fail(l, FAULT_MAILBOX_CHANGED);
        return on_changes_told(l, ev);
    case LISTING_ALL:
        return on_all_told(l, ev);
    case LISTING_SETTLE:
        break;
    }
    return list_all(l);
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

struct snapshot_halves listing_take(struct listing *l)
{
    struct snapshot_halves result = l->result;

    l->result = (struct snapshot_halves){ NULL, NULL };
    return result;
}
