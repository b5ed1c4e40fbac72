/* listing.h - the task that takes the snapshot at login.
 *
 * No command where what is known of the mailbox is proven to hold, or where it
 * is empty. Where changes complete what is known: `UID FETCH n:m (UID FLAGS
 * RFC822.SIZE)` from the known UIDNEXT on if it has risen, then `UID FETCH 1:n
 * (UID FLAGS RFC822.SIZE) (CHANGEDSINCE modseq)` for the flags of the others.
 * Else, and where that proves not to be all, `UID FETCH 1:* (UID FLAGS
 * RFC822.SIZE)`; once more after a NOOP where the answer lacks a UID or a size;
 * on below the UID that a MESSAGELIMIT names.
 *
 * What is new is asked for by its UIDs, and not by CHANGEDSINCE as well: so no
 * message is missed before a server that gives new mail too low a mod-sequence.
 * Source: RFC 9051 §6.4.9; RFC 7162 §3.1.4.1; RFC 9738 §3; CONFORMANCE DEC-1,
 * IMAP-17, IMAP-18, IEXT-13.
 */
#ifndef POPINJAY_SESSION_LISTING_H
#define POPINJAY_SESSION_LISTING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "session/fault.h"
#include "session/imap_session.h"
#include "session/known_mailbox.h"
#include "session/snapshot_builder.h"
#include "session/task.h"

enum listing_step {
    LISTING_NEW, /* the messages that came since it was known */
    LISTING_CHANGES,
    LISTING_ALL,
    LISTING_SETTLE, /* a NOOP, before all is asked for again */
};

struct listing {
    struct imap_session *imap;
    const struct known_mailbox *known; /* borrowed */
    struct snapshot_builder builder;
    struct snapshot_facts facts; /* of the FETCH answer being read */
    uint32_t uid;                /* of that answer; 0: not said yet */
    uint32_t last_uid;           /* ALL: asked for up to here; 0: `*` */
    enum listing_step step;
    bool uid_missing;
    bool asked_again;
    enum known_verdict verdict;    /* what came of what is known */
    struct snapshot_halves result; /* after TASK_DONE */
    enum fault fault;
};

/* |known| may be empty, and must hold still until listing_fini. TASK_DONE at
 * once where nothing is to be asked.
 */
MUST_CHECK enum task_status listing_start(struct listing *l,
                                          struct imap_session *imap,
                                          const struct known_mailbox *known);
MUST_CHECK enum task_status listing_on_event(
    struct listing *l, const struct imap_session_event *ev);
void listing_resume(struct listing *l);

/* After TASK_DONE: the result, the caller's from here on. */
struct snapshot_halves listing_take(struct listing *l);
void listing_fini(struct listing *l);

#endif
