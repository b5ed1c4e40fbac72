/* known_mailbox.h - what an earlier listing of a mailbox has proven, and
 * whether it still holds.
 *
 * Four values of SELECT's answer decide. UIDs are never given twice under one
 * UIDVALIDITY, and new messages lie at UIDNEXT or above it: so the mailbox
 * holds no message below the known UIDNEXT that was not known, and where it
 * holds as many as were known (EXISTS) it holds the same. HIGHESTMODSEQ rises
 * with every flag that is set or cleared.
 *
 * A plain value; the snapshots in it are shared. Empty (all zero) it knows
 * nothing.
 * Source: RFC 9051 §2.3.1.1; RFC 7162 §3.1.1, §3.1.2; CONFORMANCE DEC-1.
 */
#ifndef POPINJAY_SESSION_KNOWN_MAILBOX_H
#define POPINJAY_SESSION_KNOWN_MAILBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "session/snapshot.h"

struct imap_mailbox; /* imap_session.h */

/* What a window without flags and dates shows of a mailbox, listed alone. It
 * holds for this very window, and for as long as nothing has changed.
 */
struct known_part {
    uint32_t newest;
    uint64_t max_message_octets;
    bool hide_deleted;
};

struct known_mailbox {
    uint32_t uidvalidity;
    uint32_t uidnext;
    uint64_t highestmodseq;
    struct snapshot_halves messages; /* NULL: nothing is known */
    struct known_part part;          /* of it; all zero: the whole mailbox */
    uint32_t exists;                 /* with a part: in the whole mailbox */
};

enum known_verdict {
    KNOWN_UNPROVEN, /* it may be anything: list anew */
    KNOWN_OLDER,    /* changes since then complete it, if at the end
                       known_mailbox_is_covered */
    KNOWN_FRESH,    /* nothing has changed */
    KNOWN_VERDICT_COUNT,
};

/* |mailbox| as it was selected, of which all is wanted. */
enum known_verdict known_mailbox_judge(const struct known_mailbox *k,
                                       const struct imap_mailbox *mailbox);

/* |messages| hold as many that were there at SELECT as it had told. */
bool known_mailbox_is_covered(const struct imap_mailbox *mailbox,
                              const struct snapshot_halves *messages);

/* Shares |messages|, which were listed after |mailbox| was selected. Where
 * they cannot be proven another time, nothing is known from here on.
 */
void known_mailbox_learn(struct known_mailbox *k,
                         const struct imap_mailbox *mailbox,
                         const struct snapshot_halves *messages);

/* The messages of |part|, which is not the whole mailbox, where they are known and
 * still those; else NULL. The reference is the caller's.
 */
struct snapshot *known_mailbox_find_part(const struct known_mailbox *k,
                                         const struct imap_mailbox *mailbox,
                                         const struct known_part *part);
/* As known_mailbox_learn. */
void known_mailbox_learn_part(struct known_mailbox *k,
                              const struct imap_mailbox *mailbox,
                              const struct known_part *part,
                              struct snapshot *messages);

/* Messages were removed: |left| is what there is now, and is taken; where a half
 * of it is NULL, or it was a part that was known, nothing is known from here on.
 */
void known_mailbox_shrink(struct known_mailbox *k,
                          struct snapshot_halves *left);

/* Messages, listed or hidden; of one that is not empty. */
uint32_t known_mailbox_count(const struct known_mailbox *k);

bool known_mailbox_is_empty(const struct known_mailbox *k);

/* Another one that shares the snapshots; |to| must not own any. */
void known_mailbox_share(struct known_mailbox *to,
                         const struct known_mailbox *from);

/* Gives its snapshots back; it is then empty. */
void known_mailbox_clear(struct known_mailbox *k);

#endif
