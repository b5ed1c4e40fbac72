/* removal_meaning.c - what DELE means: the policies, and where they differ. */
#include "session/removal_parts.h"

#include "imap/command.h"

/* --- may DELE be promised? --- */

static enum fault judge_expunge(const struct imap_session *imap,
                                const struct mailbox_policy *policy)
{
    if (!imap->mailbox.keeps_deleted)
        return FAULT_MAILBOX_READ_ONLY;
    if (policy->without_uidplus == REMOVAL_REFUSE &&
        !imap_session_has_uidplus(imap))
        return FAULT_NO_SAFE_REMOVAL;
    return FAULT_NONE;
}

static enum fault judge_trash(const struct imap_session *imap,
                              const struct removal_terms *terms, bool may_move)
{
    /* On another connection it may not be one that can be named. */
    if (!imap_mailbox_is_writable(terms->trash, imap->capabilities))
        return FAULT_NO_TRASH;
    /* What lies in the trash is not moved there once more. */
    if (span_equals(terms->trash, imap->mailbox_name))
        return FAULT_NO_TRASH;
    if (may_move && imap_session_can_move(imap))
        return FAULT_NONE;
    return judge_expunge(imap, terms->policy);
}

static enum fault judge(const struct imap_session *imap,
                        const struct removal_terms *terms, bool may_move)
{
    if (imap->mailbox.read_only)
        return FAULT_MAILBOX_READ_ONLY;
    switch (terms->policy->on_delete) {
    case ON_DELETE_EXPUNGE:
        return judge_expunge(imap, terms->policy);
    case ON_DELETE_TRASH:
        return judge_trash(imap, terms, may_move);
    case ON_DELETE_SEEN:
        return imap->mailbox.keeps_seen ? FAULT_NONE : FAULT_MAILBOX_READ_ONLY;
    case ON_DELETE_KEEP:
        return imap->mailbox.keeps_keyword ? FAULT_NONE : FAULT_NO_KEYWORD;
    case ON_DELETE_COUNT:
        break;
    }
    return FAULT_NO_SAFE_REMOVAL;
}

enum fault removal_judge(const struct imap_session *imap,
                         const struct removal_terms *terms)
{
    return judge(imap, terms, true);
}

enum fault removal_judge_without_move(const struct removal *r)
{
    return judge(r->imap, &r->terms, false);
}

/* --- how it is carried out --- */

enum removal_step removal_first_step(const struct removal *r)
{
    switch (r->terms.policy->on_delete) {
    case ON_DELETE_TRASH:
        return r->may_move ? REMOVAL_MOVE : REMOVAL_COPY;
    case ON_DELETE_SEEN:
    case ON_DELETE_KEEP:
        return REMOVAL_NOTE;
    case ON_DELETE_EXPUNGE:
    case ON_DELETE_COUNT:
        break;
    }
    return REMOVAL_STORE;
}

bool removal_may_expunge(const struct removal *r, uint32_t index)
{
    switch (r->terms.policy->on_delete) {
    case ON_DELETE_EXPUNGE:
        return maildrop_is_deleted(r->maildrop, index);
    case ON_DELETE_TRASH: /* never what no copy is known of */
        return maildrop_is_deleted(r->maildrop, index) &&
               maildrop_is_copied(r->maildrop, index);
    case ON_DELETE_SEEN:
    case ON_DELETE_KEEP:
    case ON_DELETE_COUNT:
        break;
    }
    return false;
}

uint32_t removal_expunge_count(const struct removal *r)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < maildrop_count(r->maildrop); i++)
        count += removal_may_expunge(r, i) &&
                 maildrop_is_to_be_removed(r->maildrop, i);
    return count;
}

bool removal_leaves_messages(const struct mailbox_policy *policy)
{
    return policy->on_delete == ON_DELETE_SEEN ||
           policy->on_delete == ON_DELETE_KEEP;
}

const char *removal_noted_flag(const struct removal *r)
{
    return r->terms.policy->on_delete == ON_DELETE_KEEP ? r->terms.keyword
                                                        : "\\Seen";
}

uint32_t removal_noted_bit(const struct removal *r)
{
    return r->terms.policy->on_delete == ON_DELETE_KEEP ? BIT(IMAP_FLAG_WATCHED)
                                                        : BIT(IMAP_FLAG_SEEN);
}

/* Where the server names those that it copied, only these are; where it does
 * not, its OK is for all (RFC 9051 §6.4.7).
 */
void removal_note_copies(struct removal *r, uint32_t lowest_uid)
{
    for (uint32_t i = r->chunk; i < r->chunk_end; i++)
        if (removal_concerns(r, i) &&
            maildrop_uid(r->maildrop, i) >= lowest_uid &&
            (!r->copies_named || maildrop_is_named(r->maildrop, i)))
            maildrop_note_copied(r->maildrop, i);
}

enum fault removal_stuck_fault(const struct removal *r)
{
    if (r->unclear)
        return FAULT_REMOVAL_GUARDED;
    /* It said that the keyword would stay, and it does not. */
    return r->terms.policy->on_delete == ON_DELETE_KEEP ? FAULT_NO_KEYWORD
                                                        : FAULT_NOT_REMOVED;
}

bool removal_is_needed(const struct maildrop *maildrop,
                       const struct mailbox_policy *policy)
{
    if (maildrop_deleted_count(maildrop) > 0)
        return true;
    for (uint32_t i = 0; policy->mark_seen && i < maildrop_count(maildrop); i++)
        if (maildrop_is_delivered(maildrop, i))
            return true;
    return false;
}
