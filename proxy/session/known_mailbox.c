/* known_mailbox.c - see known_mailbox.h. */
#include "session/known_mailbox.h"

#include "session/imap_session.h"

/* All that a proof needs was told, and agrees with itself: as many messages
 * as there are have UIDs below UIDNEXT.
 */
static bool is_provable(const struct imap_mailbox *mailbox)
{
    return mailbox->uidvalidity != 0 && mailbox->uids_last &&
           mailbox->uidnext != 0 && mailbox->highestmodseq != 0 &&
           mailbox->exists_told && mailbox->exists_at_select < mailbox->uidnext;
}

uint32_t known_mailbox_count(const struct known_mailbox *k)
{
    return snapshot_count(k->messages.listed) +
           snapshot_count(k->messages.hidden);
}

/* UIDNEXT, or what follows the last message where that came meanwhile. */
static uint64_t uid_behind(uint64_t uidnext, const struct snapshot *s)
{
    uint32_t count = snapshot_count(s);
    uint64_t behind = count == 0 ? 0 : (uint64_t)snapshot_uid(s, count - 1) + 1;

    return behind > uidnext ? behind : uidnext;
}

static bool is_part(const struct known_part *part)
{
    return part->newest > 0;
}

struct snapshot *known_mailbox_find_part(const struct known_mailbox *k,
                                         const struct imap_mailbox *mailbox,
                                         const struct known_part *part)
{
    bool is_same = !known_mailbox_is_empty(k) && is_part(&k->part) &&
                   k->part.newest == part->newest &&
                   k->part.max_message_octets == part->max_message_octets &&
                   k->part.hide_deleted == part->hide_deleted;

    if (!is_same || !is_provable(mailbox) ||
        mailbox->uidvalidity != k->uidvalidity ||
        mailbox->uidnext != k->uidnext ||
        mailbox->exists_at_select != k->exists ||
        mailbox->highestmodseq != k->highestmodseq)
        return NULL;
    return snapshot_ref(k->messages.listed);
}

void known_mailbox_learn_part(struct known_mailbox *k,
                              const struct imap_mailbox *mailbox,
                              const struct known_part *part,
                              struct snapshot *messages)
{
    struct snapshot *none = snapshot_new(0, 0);

    known_mailbox_clear(k);
    if (!is_provable(mailbox) || none == NULL ||
        uid_behind(mailbox->uidnext, messages) != mailbox->uidnext) {
        snapshot_unref(none);
        return;
    }
    *k = (struct known_mailbox){
        .uidvalidity = mailbox->uidvalidity,
        .uidnext = mailbox->uidnext,
        .highestmodseq = mailbox->highestmodseq,
        .messages = { snapshot_ref(messages), none },
        .part = *part,
        .exists = mailbox->exists_at_select,
    };
}

enum known_verdict known_mailbox_judge(const struct known_mailbox *k,
                                       const struct imap_mailbox *mailbox)
{
    uint32_t exists = mailbox->exists_at_select;
    uint32_t known;

    if (known_mailbox_is_empty(k) || is_part(&k->part) ||
        !is_provable(mailbox) || mailbox->uidvalidity != k->uidvalidity)
        return KNOWN_UNPROVEN;
    known = known_mailbox_count(k);
    if (mailbox->uidnext == k->uidnext && exists == known &&
        mailbox->highestmodseq == k->highestmodseq)
        return KNOWN_FRESH;
    if (mailbox->uidnext < k->uidnext ||
        mailbox->highestmodseq <= k->highestmodseq)
        return KNOWN_UNPROVEN;
    /* Some are gone, and no change would name them; or it cannot be. */
    if (exists < known || exists - known > mailbox->uidnext - k->uidnext)
        return KNOWN_UNPROVEN;
    return KNOWN_OLDER;
}

bool known_mailbox_is_covered(const struct imap_mailbox *mailbox,
                              const struct snapshot_halves *messages)
{
    uint32_t uidnext = mailbox->uidnext;

    return snapshot_count_below(messages->listed, uidnext) +
               snapshot_count_below(messages->hidden, uidnext) ==
           mailbox->exists_at_select;
}

void known_mailbox_learn(struct known_mailbox *k,
                         const struct imap_mailbox *mailbox,
                         const struct snapshot_halves *messages)
{
    uint64_t uidnext = uid_behind(mailbox->uidnext, messages->listed);

    known_mailbox_clear(k);
    uidnext = uid_behind(uidnext, messages->hidden);
    if (!is_provable(mailbox) || uidnext > UINT32_MAX ||
        !known_mailbox_is_covered(mailbox, messages))
        return;
    *k = (struct known_mailbox){
        .uidvalidity = mailbox->uidvalidity,
        .uidnext = (uint32_t)uidnext,
        .highestmodseq = mailbox->highestmodseq,
        .messages = snapshot_halves_share(messages),
    };
}

void known_mailbox_shrink(struct known_mailbox *k, struct snapshot_halves *left)
{
    if (left->listed == NULL || left->hidden == NULL || is_part(&k->part)) {
        snapshot_halves_drop(left);
        known_mailbox_clear(k);
        return;
    }
    snapshot_halves_drop(&k->messages);
    k->messages = *left;
    *left = (struct snapshot_halves){ NULL, NULL };
}

bool known_mailbox_is_empty(const struct known_mailbox *k)
{
    return k->messages.listed == NULL;
}

void known_mailbox_share(struct known_mailbox *to,
                         const struct known_mailbox *from)
{
    *to = *from;
    to->messages = snapshot_halves_share(&from->messages);
}

void known_mailbox_clear(struct known_mailbox *k)
{
    snapshot_halves_drop(&k->messages);
    *k = (struct known_mailbox){ .uidvalidity = 0 };
}
