/* removal_items.c - what the server names: messages that are there, flagged,
 * copied.
 */
#include "session/removal_parts.h"

/* Each UID named is ours, or foreign: the first stranger ends the walk. */
static void on_searched(struct removal *r, uint32_t first, uint32_t last)
{
    for (uint64_t uid = first; uid <= last && !r->foreign; uid++) {
        uint32_t index = maildrop_find(r->maildrop, (uint32_t)uid);

        if (index == maildrop_count(r->maildrop) ||
            !removal_may_expunge(r, index))
            r->foreign = true;
        else if (maildrop_is_to_be_removed(r->maildrop, index) &&
                 maildrop_note_named(r->maildrop, index))
            r->named++;
    }
}

/* COPYUID: whatever else it may name is no concern of ours. */
static void on_copied(struct removal *r, uint32_t first, uint32_t last)
{
    for (uint32_t i = r->chunk; i < r->chunk_end; i++) {
        uint32_t uid = maildrop_uid(r->maildrop, i);

        if (uid >= first && uid <= last)
            (void)maildrop_note_named(r->maildrop, i);
    }
    r->copies_named = true;
}

/* A message is still there. Where DELE means a flag, one that has it is done;
 * an answer without flags takes nothing back of what another has said.
 */
static void on_found(struct removal *r, uint32_t index)
{
    struct maildrop *m = r->maildrop;

    if (!removal_leaves_messages(r->terms.policy)) {
        maildrop_note_found(m, index);
    } else if (r->answer_has_flags &&
               (r->answer_flags & removal_noted_bit(r)) != 0) {
        (void)maildrop_note_named(m, index);
        maildrop_note_removed(m, index);
    } else if (r->answer_has_flags || !maildrop_is_named(m, index)) {
        maildrop_note_found(m, index);
    }
}

static void on_answer_end(struct removal *r)
{
    uint32_t index;

    if (r->answer_uid == 0)
        return;
    r->seen_any = true;
    index = maildrop_find(r->maildrop, r->answer_uid);
    if (index < maildrop_count(r->maildrop))
        on_found(r, index);
    imap_session_note_progress(r->imap);
}

static void on_looked_at(struct removal *r, const struct imap_event *ev)
{
    switch (ev->kind) {
    case IMAP_FETCH:
        r->answer_uid = 0;
        r->answer_has_flags = false;
        break;
    case IMAP_FETCH_UID:
        r->answer_uid = (uint32_t)ev->number;
        break;
    case IMAP_FETCH_FLAGS:
        r->answer_flags = ev->flags;
        r->answer_has_flags = true;
        break;
    case IMAP_FETCH_END:
        on_answer_end(r);
        break;
    default:
        /* Of the many kinds there are, no other is part of the answer. */
        break;
    }
}

void removal_on_item(struct removal *r, const struct imap_event *ev)
{
    if (r->step == REMOVAL_LOOK_UP || r->step == REMOVAL_LOOK_AT_ALL) {
        on_looked_at(r, ev);
    } else if (r->step == REMOVAL_SEARCH && ev->kind == IMAP_SEARCH_UIDS) {
        on_searched(r, ev->first, ev->last);
        imap_session_note_progress(r->imap);
    } else if (r->step == REMOVAL_COPY && ev->kind == IMAP_COPIED_UIDS) {
        on_copied(r, ev->first, ev->last);
    }
}
