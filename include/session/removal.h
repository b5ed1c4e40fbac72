/* removal.h - the task behind QUIT: what DELE marked is carried out, what was
 * delivered is noted as read.
 *
 * What DELE means is the policy's word:
 *
 * expunge  With UIDPLUS, in chunks: `UID STORE set +FLAGS.SILENT (\Deleted)`,
 *          then `UID EXPUNGE set`. Without it (guarded): all STOREs, then `UID
 *          SEARCH DELETED`, and `EXPUNGE` only where it names all of ours and no
 *          other; the search stands right before the EXPUNGE so that the time
 *          in which another client's flag would be lost to it is as short as can
 *          be.
 * trash    `UID MOVE set trash`, else `UID COPY set trash`, and then the same as
 *          for expunge with those whose copy the server has confirmed. One that
 *          was copied is not copied again, on another connection neither; but a
 *          COPY whose answer was lost is, for nobody knows whether it was done.
 * seen     `UID STORE set +FLAGS.SILENT (\Seen)`.
 * keep     the same with a keyword, by which the view leaves them out from the
 *          next session on.
 *
 * The OK of an EXPUNGE does not prove that a message is gone: another client
 * may have taken \Deleted off it in between; nor that of a STORE that a flag
 * stays. So the marked messages are looked up, `UID FETCH set (UID FLAGS)`, and
 * what is not as it should be is tried again. A server that calls UIDs wrong
 * which are gone is asked for all it has. On a new connection after a loss the
 * look-up comes first. At last `UID STORE set +FLAGS.SILENT (\Seen)`, whose
 * failure does not count.
 *
 *   removal.c          one step after another
 *   removal_steps.c    which messages a step is about, and what it sends
 *   removal_items.c    what the server names in its answers
 *   removal_meaning.c  what the policies differ in
 *
 * Source: RFC 1939 §6; RFC 4315 §2.1, §3; RFC 6851 §3.3; RFC 9738 §3;
 * CONFORMANCE DEC-3, DEC-4, DEC-5, DEC-7, DEC-25, IEXT-8, MAP-12.
 */
#ifndef POPINJAY_SESSION_REMOVAL_H
#define POPINJAY_SESSION_REMOVAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/span.h"
#include "imap/uid_set.h"
#include "session/fault.h"
#include "session/imap_session.h"
#include "session/maildrop.h"
#include "session/policy.h"
#include "session/task.h"

enum removal_step {
    REMOVAL_LOOK_UP,     /* which of the marked are still to be done? */
    REMOVAL_LOOK_AT_ALL, /* the same, asked in another way */
    REMOVAL_MOVE,
    REMOVAL_COPY,
    REMOVAL_STORE,         /* \Deleted */
    REMOVAL_EXPUNGE_CHUNK, /* UID EXPUNGE */
    REMOVAL_SEARCH,
    REMOVAL_EXPUNGE_ALL, /* EXPUNGE, guarded by the search */
    REMOVAL_NOTE,        /* the flag that DELE stands for */
    REMOVAL_SEE,
};

/* What is to be done with the marked, and by which names. */
struct removal_terms {
    const struct mailbox_policy *policy;
    struct span trash;   /* where they move to; empty: there is none */
    const char *keyword; /* that hides them: on_delete = keep */
};

struct removal {
    struct imap_session *imap;
    struct maildrop *maildrop;
    struct removal_terms terms; /* what it borrows must outlive the task */
    enum removal_step step;
    bool may_move;
    unsigned idle_rounds;  /* of them that got nowhere */
    uint32_t left;         /* to be done before this round */
    uint32_t named;        /* of ours, by the search */
    bool copies_named;     /* by COPYUID: those alone are copied */
    bool foreign;          /* the search named one that is not ours */
    bool unclear;          /* it did not name all of ours */
    bool seen_any;         /* while looking at all */
    bool settled;          /* all that was marked is done */
    uint32_t chunk;        /* index of the chunk's first message */
    uint32_t chunk_end;    /* index behind its last */
    uint32_t chunk_max;    /* messages in a chunk; MESSAGELIMIT */
    uint32_t below_uid;    /* MESSAGELIMIT: the rest of it; 0: all */
    uint32_t answer_uid;   /* FETCH: 0: it has not said */
    uint32_t answer_flags; /* BIT(enum imap_flag) each */
    bool answer_has_flags;
    enum fault fault;
};

/* |look_up_first|: another connection may have done a part of the work.
 * TASK_DONE at once where there is nothing to do.
 */
MUST_CHECK enum task_status removal_start(struct removal *r,
                                          struct imap_session *imap,
                                          struct maildrop *maildrop,
                                          const struct removal_terms *terms,
                                          bool look_up_first);
MUST_CHECK enum task_status removal_on_event(
    struct removal *r, const struct imap_session_event *ev);
void removal_resume(struct removal *r);

/* All that was marked is done, whatever comes of the rest. */
bool removal_is_settled(const struct removal *r);

/* Is there anything for QUIT to do on the server? */
bool removal_is_needed(const struct maildrop *maildrop,
                       const struct mailbox_policy *policy);

/* DELE means a flag: what is marked stays in the mailbox. */
bool removal_leaves_messages(const struct mailbox_policy *policy);

/* Why DELE cannot be carried out in the mailbox that is selected; FAULT_NONE: it
 * can.
 */
enum fault removal_judge(const struct imap_session *imap,
                         const struct removal_terms *terms);

#endif
