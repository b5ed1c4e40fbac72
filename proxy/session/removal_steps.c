/* removal_steps.c - which messages a step is about, and what it sends. */
#include "imap/command.h"
#include "session/removal_parts.h"

/* Delivered whole, and not going away. */
static bool is_to_be_seen(const struct removal *r, uint32_t index)
{
    return maildrop_is_delivered(r->maildrop, index) &&
           (!maildrop_is_deleted(r->maildrop, index) ||
            r->terms.policy->on_delete == ON_DELETE_KEEP);
}

bool removal_concerns(const struct removal *r, uint32_t index)
{
    const struct maildrop *m = r->maildrop;

    if (r->below_uid != 0 && maildrop_uid(m, index) >= r->below_uid)
        return false;
    switch (r->step) {
    case REMOVAL_LOOK_UP:
        return maildrop_is_deleted(m, index);
    case REMOVAL_MOVE:
    case REMOVAL_NOTE:
        return maildrop_is_to_be_removed(m, index);
    case REMOVAL_COPY:
        return maildrop_is_to_be_removed(m, index) &&
               !maildrop_is_copied(m, index);
    case REMOVAL_STORE:
    case REMOVAL_EXPUNGE_CHUNK:
        return maildrop_is_to_be_removed(m, index) &&
               removal_may_expunge(r, index);
    case REMOVAL_SEE:
        return is_to_be_seen(r, index);
    case REMOVAL_LOOK_AT_ALL:
    case REMOVAL_SEARCH:
    case REMOVAL_EXPUNGE_ALL:
        break;
    }
    return false;
}

static void init_set(const struct removal *r, struct imap_uid_set *set)
{
    if (r->step == REMOVAL_MOVE || r->step == REMOVAL_COPY)
        imap_uid_set_init_beside(set, imap_mailbox_length(r->terms.trash));
    else
        imap_uid_set_init(set);
}

uint32_t removal_gather(const struct removal *r, uint32_t end,
                        struct imap_uid_set *set)
{
    uint32_t count = 0;
    uint32_t i;

    init_set(r, set);
    for (i = r->chunk; i < end && count < r->chunk_max; i++) {
        if (!removal_concerns(r, i))
            continue;
        if (!imap_uid_set_add(set, maildrop_uid(r->maildrop, i)))
            break;
        count++;
    }
    return i;
}

void removal_gather_chunk(const struct removal *r, struct imap_uid_set *set)
{
    (void)removal_gather(r, r->chunk_end, set);
}

/* The server will name what is flagged, or what it copied. */
static void expect_names(struct removal *r)
{
    maildrop_begin_search(r->maildrop);
    r->named = 0;
    r->copies_named = false;
}

void removal_send_set(struct removal *r, const struct imap_uid_set *set)
{
    uint32_t tag = imap_session_begin(r->imap);
    struct imap_capabilities caps = r->imap->capabilities;
    struct buf *out = &r->imap->out;

    switch (r->step) {
    case REMOVAL_LOOK_UP:
        imap_write_fetch_flags(out, tag, set);
        break;
    case REMOVAL_LOOK_AT_ALL:
        imap_write_fetch_listing(out, tag, 1, 0);
        break;
    case REMOVAL_MOVE:
        imap_write_move(out, tag, set, r->terms.trash, caps);
        break;
    case REMOVAL_COPY:
        expect_names(r);
        imap_write_copy(out, tag, set, r->terms.trash, caps);
        break;
    case REMOVAL_STORE:
        imap_write_store(out, tag, set, "\\Deleted");
        break;
    case REMOVAL_EXPUNGE_CHUNK:
        imap_write_uid_expunge(out, tag, set);
        break;
    case REMOVAL_NOTE:
        imap_write_store(out, tag, set, removal_noted_flag(r));
        break;
    case REMOVAL_SEE:
        imap_write_store(out, tag, set, "\\Seen");
        break;
    case REMOVAL_SEARCH:
        expect_names(r);
        imap_write_search_deleted(out, tag);
        break;
    case REMOVAL_EXPUNGE_ALL:
        imap_write_simple(out, tag, "EXPUNGE");
        break;
    }
}
