/* listing.h - the task that takes the snapshot at login.
 *
 * One `UID FETCH 1:* (UID FLAGS RFC822.SIZE)`, none for an empty mailbox; once
 * more after a NOOP where the answer lacks a UID or a size; on below the UID
 * that a MESSAGELIMIT names.
 * Source: RFC 9051 §6.4.9; RFC 9738 §3; CONFORMANCE DEC-1, IMAP-17, IMAP-18,
 * IEXT-13.
 */
#ifndef POPINJAY_SESSION_LISTING_H
#define POPINJAY_SESSION_LISTING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "session/fault.h"
#include "session/imap_session.h"
#include "session/snapshot.h"
#include "session/task.h"

struct listing {
    struct imap_session *imap;
    struct snapshot_builder builder;
    struct snapshot_facts facts; /* of the FETCH answer being read */
    uint32_t uid;                /* of that answer; 0: not said yet */
    uint32_t last_uid;           /* asked for up to here; 0: `*` */
    bool hide_deleted;
    bool uid_missing;
    bool settling; /* a NOOP is under way */
    bool asked_again;
    enum fault fault;
};

/* TASK_DONE at once where the mailbox is empty. */
MUST_CHECK enum task_status listing_start(struct listing *l,
                                          struct imap_session *imap,
                                          bool hide_deleted);
MUST_CHECK enum task_status listing_on_event(
    struct listing *l, const struct imap_session_event *ev);
void listing_resume(struct listing *l);

/* After TASK_DONE: the result, the caller's from here on; NULL where there is
 * no memory or it is not complete after all: |fault| says which.
 */
MUST_CHECK struct snapshot *listing_take(struct listing *l);
void listing_fini(struct listing *l);

#endif
