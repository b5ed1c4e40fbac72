/* removal.c - one step after another, by what the server says. */
#include "session/removal.h"

#include "session/removal_parts.h"

/* Rounds that got nowhere: another client may have got in the way of one. */
#define IDLE_ROUNDS_MAX 2

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
    switch (step) {
    case REMOVAL_LOOK_UP:
    case REMOVAL_MOVE:
    case REMOVAL_COPY:
    case REMOVAL_STORE:
    case REMOVAL_NOTE:
    case REMOVAL_SEE:
        return true;
    case REMOVAL_LOOK_AT_ALL:
    case REMOVAL_EXPUNGE_CHUNK: /* the one that was stored */
    case REMOVAL_SEARCH:
    case REMOVAL_EXPUNGE_ALL:
        break;
    }
    return false;
}

static enum task_status settle(struct removal *r)
{
    const struct imap_mailbox *mailbox = &r->imap->mailbox;

    r->settled = true;
    r->chunk_end = 0;
    if (!r->terms.policy->mark_seen || mailbox->read_only ||
        !mailbox->keeps_seen)
        return TASK_DONE;
    return enter(r, REMOVAL_SEE);
}

static enum task_status begin_round(struct removal *r)
{
    r->chunk_end = 0;
    return enter(r, removal_first_step(r));
}

/* What is still to be done the server will say. */
static void begin_look(struct removal *r)
{
    maildrop_note_all_removed(r->maildrop);
    maildrop_begin_search(r->maildrop);
}

static enum task_status look_up(struct removal *r)
{
    begin_look(r);
    r->chunk_end = 0;
    return enter(r, REMOVAL_LOOK_UP);
}

/* Mailutils answers BAD where a set names only UIDs that are gone. */
static enum task_status look_at_all(struct removal *r)
{
    begin_look(r);
    r->seen_any = false;
    if (!r->imap->mailbox.exists_told)
        return fail(r, FAULT_NOT_REMOVED);
    if (r->imap->mailbox.exists == 0)
        return after_look_up(r);
    return enter(r, REMOVAL_LOOK_AT_ALL);
}

/* What is still to be done is tried again, for as long as that gets anywhere.
 */
static enum task_status after_look_up(struct removal *r)
{
    uint32_t left = maildrop_to_be_removed_count(r->maildrop);

    if (left == 0)
        return settle(r);
    if (left >= r->left && ++r->idle_rounds >= IDLE_ROUNDS_MAX)
        return fail(r, removal_stuck_fault(r));
    r->left = left;
    return begin_round(r);
}

/* The last chunk of all that were stored. */
static enum task_status after_stores(struct removal *r, bool stored)
{
    if (!stored) /* nothing was marked, or of nothing is a copy known */
        return r->left == 0 ? settle(r) : look_up(r);
    if (imap_session_has_uidplus(r->imap))
        return look_up(r);
    return enter(r, REMOVAL_SEARCH);
}

/* No message is left for the step: which one follows? */
static enum task_status after_last_chunk(struct removal *r)
{
    bool any = r->chunk > 0;

    switch (r->step) {
    case REMOVAL_LOOK_UP:
        return after_look_up(r);
    case REMOVAL_COPY:
        r->chunk_end = 0;
        return enter(r, REMOVAL_STORE);
    case REMOVAL_STORE:
        return after_stores(r, any);
    case REMOVAL_MOVE:
    case REMOVAL_NOTE:
        return any ? look_up(r) : settle(r); /* nothing was marked */
    case REMOVAL_SEE:
    case REMOVAL_LOOK_AT_ALL:
    case REMOVAL_EXPUNGE_CHUNK:
    case REMOVAL_SEARCH:
    case REMOVAL_EXPUNGE_ALL:
        break;
    }
    return TASK_DONE;
}

static void send_step(struct removal *r)
{
    struct imap_uid_set set;

    removal_gather_chunk(r, &set);
    removal_send_set(r, &set);
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
    end = removal_gather(r, maildrop_count(r->maildrop), &set);
    if (imap_uid_set_is_empty(&set))
        return after_last_chunk(r);
    r->chunk_end = end;
    removal_send_set(r, &set);
    return TASK_RUNNING;
}

/* On a new connection mail is copied where that is safe: it may have been the
 * MOVE that the server could not bear (PROVIDER_QUIRKS, Gmail).
 */
static bool may_move(const struct imap_session *imap, bool look_up_first)
{
    return imap_session_can_move(imap) &&
           !(look_up_first && imap_session_has_uidplus(imap));
}

enum task_status removal_start(struct removal *r, struct imap_session *imap,
                               struct maildrop *maildrop,
                               const struct removal_terms *terms,
                               bool look_up_first)
{
    *r = (struct removal){ .imap = imap,
                           .maildrop = maildrop,
                           .terms = *terms,
                           .may_move = may_move(imap, look_up_first),
                           .chunk_max = UINT32_MAX,
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

/* --- what the server says --- */

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
    case IMAP_CODE_TRYCREATE: /* it was there at login */
        return FAULT_NO_TRASH;
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

/* The server knows the word, and does not do it. */
static enum task_status copy_instead(struct removal *r)
{
    enum fault fault = removal_judge_without_move(r);

    if (fault != FAULT_NONE)
        return fail(r, fault);
    r->may_move = false;
    return begin_round(r);
}

/* RFC 9738 §3: so many at a time. */
static bool make_chunk_smaller(struct removal *r, uint64_t limit)
{
    struct imap_uid_set set;

    if (limit == 0 || limit >= r->chunk_max)
        return false;
    r->chunk_max = (uint32_t)limit;
    r->chunk_end = removal_gather(r, r->chunk_end, &set);
    removal_send_set(r, &set);
    return true;
}

/* Some are gone already: which? (RFC 2180 §4.2) */
static enum task_status on_change_refused(struct removal *r,
                                          const struct imap_session_event *ev)
{
    if (ev->item.code == IMAP_CODE_EXPUNGEISSUED)
        return look_up(r);
    return fail(r, fault_of_no(ev));
}

static enum task_status on_transfer_refused(struct removal *r,
                                            const struct imap_session_event *ev)
{
    if (r->step == REMOVAL_MOVE && ev->fault == FAULT_UPSTREAM_REJECTED)
        return copy_instead(r);
    if (ev->item.code == IMAP_CODE_MESSAGELIMIT &&
        make_chunk_smaller(r, ev->item.number))
        return TASK_RUNNING;
    return on_change_refused(r, ev);
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
    case REMOVAL_MOVE:
    case REMOVAL_COPY:
        return on_transfer_refused(r, ev);
    case REMOVAL_STORE:
    case REMOVAL_NOTE:
        return on_change_refused(r, ev);
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
    removal_gather_chunk(r, &set);
    if (imap_uid_set_is_empty(&set))
        return REST_NONE;
    removal_send_set(r, &set);
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
    r->unclear = r->named < removal_expunge_count(r);
    return r->unclear ? look_up(r) : enter(r, REMOVAL_EXPUNGE_ALL);
}

/* One that names no UID has done nobody knows what. */
static void on_copy_done(struct removal *r, const struct imap_event *ev)
{
    if (ev->code != IMAP_CODE_MESSAGELIMIT)
        removal_note_copies(r, 0);
    else if (ev->second_number > 0 && ev->second_number <= UINT32_MAX)
        removal_note_copies(r, (uint32_t)ev->second_number);
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
    if (r->step == REMOVAL_COPY)
        on_copy_done(r, &ev->item);
    rest = ask_for_rest(r, &ev->item);
    if (rest == REST_ASKED)
        return TASK_RUNNING;
    if (rest == REST_STUCK && r->step == REMOVAL_SEARCH)
        return fail(r, FAULT_REMOVAL_GUARDED);
    if (rest == REST_STUCK && r->step != REMOVAL_SEE)
        return fail(r, FAULT_NOT_REMOVED);
    switch (r->step) {
    case REMOVAL_LOOK_UP:
    case REMOVAL_MOVE:
    case REMOVAL_COPY:
    case REMOVAL_NOTE:
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
    if (ev->kind != IMAP_SESSION_ITEM)
        return on_completed(r, ev);
    removal_on_item(r, &ev->item);
    return TASK_RUNNING;
}
