/* removal.c - see removal.h. */
#include "session/removal.h"

#include "imap/command.h"

/* Rounds of STORE and EXPUNGE that removed nothing: another client may have got
 * in the way of one.
 */
#define IDLE_ROUNDS_MAX 2

/* --- which messages a step is about --- */

static bool concerns(const struct removal *r, uint32_t index)
{
    if (r->below_uid != 0 && maildrop_uid(r->maildrop, index) >= r->below_uid)
        return false;
    switch (r->step) {
    case REMOVAL_LOOK_UP:
        return maildrop_is_deleted(r->maildrop, index);
    case REMOVAL_STORE:
    case REMOVAL_EXPUNGE_CHUNK:
        return maildrop_is_to_be_removed(r->maildrop, index);
    case REMOVAL_SEE:
        return maildrop_is_to_be_seen(r->maildrop, index);
    case REMOVAL_LOOK_AT_ALL:
    case REMOVAL_SEARCH:
    case REMOVAL_EXPUNGE_ALL:
        break;
    }
    return false;
}

/* The messages from r->chunk on, up to |end| or until the set is full;
 * returns the index behind the last that was looked at.
 */
static uint32_t gather(const struct removal *r, uint32_t end,
                       struct imap_uid_set *set)
{
    uint32_t i;

    imap_uid_set_init(set);
    for (i = r->chunk; i < end; i++)
        if (concerns(r, i) &&
            !imap_uid_set_add(set, maildrop_uid(r->maildrop, i)))
            break;
    return i;
}

/* --- what each step sends --- */

static void send_set(struct removal *r, const struct imap_uid_set *set)
{
    uint32_t tag = imap_session_begin(r->imap);
    struct buf *out = &r->imap->out;

    switch (r->step) {
    case REMOVAL_LOOK_UP:
        imap_write_fetch_flags(out, tag, set);
        break;
    case REMOVAL_LOOK_AT_ALL:
        imap_write_fetch_listing(out, tag, 1, 0);
        break;
    case REMOVAL_STORE:
        imap_write_store(out, tag, set, "\\Deleted");
        break;
    case REMOVAL_EXPUNGE_CHUNK:
        imap_write_uid_expunge(out, tag, set);
        break;
    case REMOVAL_SEE:
        imap_write_store(out, tag, set, "\\Seen");
        break;
    case REMOVAL_SEARCH:
        maildrop_begin_search(r->maildrop);
        r->named = 0;
        imap_write_search_deleted(out, tag);
        break;
    case REMOVAL_EXPUNGE_ALL:
        imap_write_simple(out, tag, "EXPUNGE");
        break;
    }
}

static void send_step(struct removal *r)
{
    struct imap_uid_set set;

    (void)gather(r, r->chunk_end, &set);
    send_set(r, &set);
}

static enum task_status enter(struct removal *r, enum removal_step step);
static enum task_status after_look_up(struct removal *r);

/* --- from one step to the next --- */

static enum task_status fail(struct removal *r, enum fault fault)
{
    r->fault = fault;
    return TASK_FAILED;
}

static bool is_chunked(enum removal_step step)
{
    return step == REMOVAL_LOOK_UP || step == REMOVAL_STORE ||
           step == REMOVAL_SEE;
}

static enum task_status settle(struct removal *r)
{
    const struct imap_mailbox *mailbox = &r->imap->mailbox;

    r->settled = true;
    r->chunk_end = 0;
    if (!r->mark_seen || mailbox->read_only || !mailbox->keeps_seen)
        return TASK_DONE;
    return enter(r, REMOVAL_SEE);
}

static enum task_status begin_round(struct removal *r)
{
    r->chunk_end = 0;
    return enter(r, REMOVAL_STORE);
}

static enum task_status look_up(struct removal *r)
{
    maildrop_note_all_removed(r->maildrop);
    r->chunk_end = 0;
    return enter(r, REMOVAL_LOOK_UP);
}

/* Mailutils answers BAD where a set names only UIDs that are gone. */
static enum task_status look_at_all(struct removal *r)
{
    maildrop_note_all_removed(r->maildrop);
    r->seen_any = false;
    if (!r->imap->mailbox.exists_told)
        return fail(r, FAULT_NOT_REMOVED);
    if (r->imap->mailbox.exists == 0)
        return after_look_up(r);
    return enter(r, REMOVAL_LOOK_AT_ALL);
}

/* What is still there is stored and expunged again, for as long as that gets
 * anywhere.
 */
static enum task_status after_look_up(struct removal *r)
{
    uint32_t left = maildrop_to_be_removed_count(r->maildrop);

    if (left == 0)
        return settle(r);
    if (left >= r->left && ++r->idle_rounds >= IDLE_ROUNDS_MAX)
        return fail(r, r->unclear ? FAULT_REMOVAL_GUARDED : FAULT_NOT_REMOVED);
    r->left = left;
    return begin_round(r);
}

/* No message is left for the step: which one follows? */
static enum task_status after_last_chunk(struct removal *r)
{
    bool stored = r->chunk > 0;

    switch (r->step) {
    case REMOVAL_LOOK_UP:
        return after_look_up(r);
    case REMOVAL_STORE:
        if (!stored)
            return settle(r); /* nothing was marked */
        if (imap_session_has_uidplus(r->imap))
            return look_up(r);
        return enter(r, REMOVAL_SEARCH);
    case REMOVAL_SEE:
    case REMOVAL_LOOK_AT_ALL:
    case REMOVAL_EXPUNGE_CHUNK:
    case REMOVAL_SEARCH:
    case REMOVAL_EXPUNGE_ALL:
        break;
    }
    return TASK_DONE;
}

static enum task_status enter(struct removal *r, enum removal_step step)
{
    struct imap_uid_set set;
    uint32_t end;

    r->step = step;
    r->below_uid = 0;
    if (!is_chunked(step)) {
        send_step(r);
        return TASK_RUNNING;
    }
    r->chunk = r->chunk_end;
    end = gather(r, maildrop_count(r->maildrop), &set);
    if (imap_uid_set_is_empty(&set))
        return after_last_chunk(r);
    r->chunk_end = end;
    send_set(r, &set);
    return TASK_RUNNING;
}

enum task_status removal_start(struct removal *r, struct imap_session *imap,
                               struct maildrop *maildrop, bool mark_seen,
                               bool look_up_first)
{
    *r = (struct removal){ .imap = imap,
                           .maildrop = maildrop,
                           .mark_seen = mark_seen,
                           .left = maildrop_deleted_count(maildrop) };
    if (!look_up_first)
        return begin_round(r);
    r->left = UINT32_MAX; /* what comes of the look-up is no idle round */
    return look_up(r);
}

void removal_resume(struct removal *r)
{
    /* The search must stand right before the EXPUNGE. */
    if (r->step == REMOVAL_EXPUNGE_ALL)
        r->step = REMOVAL_SEARCH;
    send_step(r);
}

bool removal_is_settled(const struct removal *r)
{
    return r->settled;
}

bool removal_is_needed(const struct maildrop *maildrop, bool mark_seen)
{
    if (maildrop_deleted_count(maildrop) > 0)
        return true;
    for (uint32_t i = 0; mark_seen && i < maildrop_count(maildrop); i++)
        if (maildrop_is_to_be_seen(maildrop, i))
            return true;
    return false;
}

/* --- what the server says --- */

/* Each UID named is ours, or foreign: the first stranger ends the walk. */
static void on_searched(struct removal *r, uint32_t first, uint32_t last)
{
    for (uint64_t uid = first; uid <= last && !r->foreign; uid++) {
        uint32_t index = maildrop_find(r->maildrop, (uint32_t)uid);

        if (index == maildrop_count(r->maildrop) ||
            !maildrop_is_deleted(r->maildrop, index))
            r->foreign = true;
        else if (maildrop_is_to_be_removed(r->maildrop, index) &&
                 maildrop_note_named(r->maildrop, index))
            r->named++;
    }
}

static void on_found(struct removal *r, uint32_t uid)
{
    uint32_t index = maildrop_find(r->maildrop, uid);

    r->seen_any = true;
    if (index < maildrop_count(r->maildrop))
        maildrop_note_found(r->maildrop, index);
}

static enum task_status on_item(struct removal *r, const struct imap_event *ev)
{
    bool looks = r->step == REMOVAL_LOOK_UP || r->step == REMOVAL_LOOK_AT_ALL;

    if (r->step == REMOVAL_SEARCH && ev->kind == IMAP_SEARCH_UIDS)
        on_searched(r, ev->first, ev->last);
    else if (looks && ev->kind == IMAP_FETCH_UID)
        on_found(r, (uint32_t)ev->number);
    else
        return TASK_RUNNING;
    imap_session_note_progress(r->imap);
    return TASK_RUNNING;
}

/* CONFORMANCE MAP-12. */
static enum fault fault_of_no(const struct imap_session_event *ev)
{
    /* BAD and known words have a name already. */
    if (ev->item.condition != IMAP_NO || ev->item.code == IMAP_CODE_THROTTLED)
        return ev->fault;
    switch (ev->item.code) {
    case IMAP_CODE_NOPERM:
    case IMAP_CODE_CANNOT:
    case IMAP_CODE_NONEXISTENT:
        return FAULT_REMOVAL_REFUSED;
    default:
        return FAULT_NOT_REMOVED;
    }
}

static bool is_passing(enum imap_code code)
{
    return code == IMAP_CODE_THROTTLED || code == IMAP_CODE_UNAVAILABLE ||
           code == IMAP_CODE_LIMIT || code == IMAP_CODE_INUSE ||
           code == IMAP_CODE_SERVERBUG;
}

static enum task_status on_refused(struct removal *r,
                                   const struct imap_session_event *ev)
{
    switch (r->step) {
    case REMOVAL_SEE: /* best effort */
        return TASK_DONE;
    case REMOVAL_SEARCH: /* nobody knows: as if others' flags were there */
        return fail(r, is_passing(ev->item.code) ? FAULT_NOT_REMOVED
                                                 : FAULT_REMOVAL_GUARDED);
    case REMOVAL_STORE:
        /* Some are gone already: which? (RFC 2180 §4.2) */
        if (ev->item.code == IMAP_CODE_EXPUNGEISSUED)
            return look_up(r);
        break;
    case REMOVAL_LOOK_UP:
        if (ev->fault == FAULT_UPSTREAM_REJECTED)
            return look_at_all(r);
        break;
    case REMOVAL_LOOK_AT_ALL:
    case REMOVAL_EXPUNGE_CHUNK:
    case REMOVAL_EXPUNGE_ALL:
        break;
    }
    return fail(r, fault_of_no(ev));
}

enum rest {
    REST_NONE,  /* the tagged OK was for all */
    REST_ASKED, /* it was for the highest UIDs: the others are asked for */
    REST_STUCK, /* it was not for all, and no progress is to be had */
};

static enum rest ask_for_rest_of_set(struct removal *r, uint64_t lowest_done)
{
    struct imap_uid_set set;

    if (lowest_done == 0 || lowest_done > UINT32_MAX ||
        (r->below_uid != 0 && lowest_done >= r->below_uid))
        return REST_STUCK;
    r->below_uid = (uint32_t)lowest_done;
    (void)gather(r, r->chunk_end, &set);
    if (imap_uid_set_is_empty(&set))
        return REST_NONE;
    send_set(r, &set);
    return REST_ASKED;
}

/* A server with a limit did only a part (CONFORMANCE IEXT-13). What an EXPUNGE
 * left is found by the look-up behind it.
 */
static enum rest ask_for_rest(struct removal *r, const struct imap_event *ev)
{
    if (ev->code != IMAP_CODE_MESSAGELIMIT || r->step == REMOVAL_EXPUNGE_ALL)
        return REST_NONE;
    if (r->step == REMOVAL_SEARCH || r->step == REMOVAL_LOOK_AT_ALL)
        return REST_STUCK;
    return ask_for_rest_of_set(r, ev->second_number);
}

/* Every message that we flagged is named, and no other: only then does EXPUNGE
 * take what is ours and nothing else. An answer that lacks one of ours may lack
 * others' as well, or another client got in between: see what is there.
 */
static enum task_status on_search_end(struct removal *r)
{
    if (r->foreign)
        return fail(r, FAULT_REMOVAL_GUARDED);
    r->unclear = r->named < maildrop_to_be_removed_count(r->maildrop);
    return r->unclear ? look_up(r) : enter(r, REMOVAL_EXPUNGE_ALL);
}

static enum task_status on_completed(struct removal *r,
                                     const struct imap_session_event *ev)
{
    enum rest rest;

    /* The UIDs may mean other messages by now (DEC-15). */
    if (r->imap->mailbox.changed)
        return r->settled ? TASK_DONE : fail(r, FAULT_MAILBOX_CHANGED);
    if (ev->fault != FAULT_NONE)
        return on_refused(r, ev);
    rest = ask_for_rest(r, &ev->item);
    if (rest == REST_ASKED)
        return TASK_RUNNING;
    if (rest == REST_STUCK && r->step == REMOVAL_SEARCH)
        return fail(r, FAULT_REMOVAL_GUARDED);
    if (rest == REST_STUCK && r->step != REMOVAL_SEE)
        return fail(r, FAULT_NOT_REMOVED);
    switch (r->step) {
    case REMOVAL_LOOK_UP:
    case REMOVAL_SEE:
        return enter(r, r->step);
    case REMOVAL_LOOK_AT_ALL:
        if (!r->seen_any) /* though EXISTS says that there are some */
            return fail(r, FAULT_NOT_REMOVED);
        return after_look_up(r);
    case REMOVAL_STORE:
        return enter(r, imap_session_has_uidplus(r->imap)
                            ? REMOVAL_EXPUNGE_CHUNK
                            : REMOVAL_STORE);
    case REMOVAL_EXPUNGE_CHUNK:
        return enter(r, REMOVAL_STORE);
    case REMOVAL_SEARCH:
        return on_search_end(r);
    case REMOVAL_EXPUNGE_ALL:
        return look_up(r);
    }
    return TASK_DONE;
}

enum task_status removal_on_event(struct removal *r,
                                  const struct imap_session_event *ev)
{
    if (ev->kind == IMAP_SESSION_ITEM)
        return on_item(r, &ev->item);
    return on_completed(r, ev);
}
