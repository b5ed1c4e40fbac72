/* removal.h - the task behind QUIT: what DELE marked goes, what was delivered
 * is noted as read.
 *
 * With UIDPLUS, in chunks: `UID STORE set +FLAGS.SILENT (\Deleted)`, then
 * `UID EXPUNGE set`. Without it (guarded): all STOREs, then `UID SEARCH
 * DELETED`, and `EXPUNGE` only where it names all of ours and no other;
 * the search stands right before the EXPUNGE so that the time in which another
 * client's flag would be lost to it is as short as can be.
 *
 * The OK of an EXPUNGE does not prove that a message is gone: another client
 * may have taken \Deleted off it in between. So the marked messages are looked
 * up, `UID FETCH set (UID FLAGS)`, and what is still there is tried again.
 * A server that calls UIDs wrong which are gone is asked for all it has.
 * On a new connection after a loss the look-up comes first. At last `UID STORE
 * set +FLAGS.SILENT (\Seen)`, whose failure does not count.
 * Source: RFC 1939 §6; RFC 4315 §2.1; RFC 9738 §3; CONFORMANCE DEC-3, DEC-4,
 * DEC-5, DEC-7, MAP-12.
 */
#ifndef POPINJAY_SESSION_REMOVAL_H
#define POPINJAY_SESSION_REMOVAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "imap/uid_set.h"
#include "session/fault.h"
#include "session/imap_session.h"
#include "session/maildrop.h"
#include "session/task.h"

enum removal_step {
    REMOVAL_LOOK_UP,     /* which of the marked are still there? */
    REMOVAL_LOOK_AT_ALL, /* the same, asked in another way */
    REMOVAL_STORE,
    REMOVAL_EXPUNGE_CHUNK, /* UID EXPUNGE */
    REMOVAL_SEARCH,
    REMOVAL_EXPUNGE_ALL, /* EXPUNGE, guarded by the search */
    REMOVAL_SEE,
};

struct removal {
    struct imap_session *imap;
    struct maildrop *maildrop;
    enum removal_step step;
    bool mark_seen;
    unsigned idle_rounds; /* of STORE and EXPUNGE that removed nothing */
    uint32_t left;        /* to be removed before this round */
    uint32_t named;       /* of ours, by the search */
    bool foreign;         /* it named one that is not ours */
    bool unclear;         /* it did not name all of ours */
    bool seen_any;        /* while looking at all */
    bool settled;         /* all that was marked is gone */
    uint32_t chunk;       /* index of the chunk's first message */
    uint32_t chunk_end;   /* index behind its last */
    uint32_t below_uid;   /* MESSAGELIMIT: the rest of it; 0: all */
    enum fault fault;
};

/* |look_up_first|: another connection may have done a part of the work.
 * TASK_DONE at once where there is nothing to do.
 */
MUST_CHECK enum task_status removal_start(struct removal *r,
                                          struct imap_session *imap,
                                          struct maildrop *maildrop,
                                          bool mark_seen, bool look_up_first);
MUST_CHECK enum task_status removal_on_event(
    struct removal *r, const struct imap_session_event *ev);
void removal_resume(struct removal *r);

/* All that was marked is gone, whatever comes of the rest. */
bool removal_is_settled(const struct removal *r);

/* Is there anything for QUIT to do on the server? */
bool removal_is_needed(const struct maildrop *maildrop, bool mark_seen);

#endif
