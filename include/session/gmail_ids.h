/* gmail_ids.h - the task at login that asks Gmail what it calls each message.
 *
 * `UID FETCH n:m (UID X-GM-MSGID)`, from the first message of a maildrop to its
 * last; on below the UID that a MESSAGELIMIT names. Of a maildrop that is a small
 * part of its mailbox only what is in it, in as many commands as its UIDs take.
 * Where the server does not
 * know X-GM-EXT-1, or leaves a message out, the login fails: an unique-id of
 * another form would make the device load its mail once more.
 * Source: Gmail IMAP Extensions, X-GM-MSGID; CONFORMANCE DEC-12.
 */
#ifndef POPINJAY_SESSION_GMAIL_IDS_H
#define POPINJAY_SESSION_GMAIL_IDS_H

#include <stdint.h>

#include "base/attributes.h"
#include "imap/uid_ranges.h"
#include "session/fault.h"
#include "session/imap_session.h"
#include "session/maildrop.h"
#include "session/task.h"

struct gmail_ids {
    struct imap_session *imap;
    const struct maildrop *maildrop;
    struct imap_uid_ranges asked; /* all in all */
    uint64_t *ids;                /* by index; 0: not told yet */
    uint32_t uid;   /* of the FETCH answer being read; 0: not said yet */
    uint64_t id;    /* of that answer; the same */
    uint64_t below; /* from this UID on all is told */
    uint32_t first; /* the lowest UID of the command at hand */
    enum fault fault;
};

/* TASK_DONE at once where there are no messages. */
MUST_CHECK enum task_status gmail_ids_start(struct gmail_ids *g,
                                            struct imap_session *imap,
                                            const struct maildrop *maildrop);
MUST_CHECK enum task_status gmail_ids_on_event(
    struct gmail_ids *g, const struct imap_session_event *ev);
void gmail_ids_resume(struct gmail_ids *g);

/* After TASK_DONE: as many as messages, to be freed by the caller; or NULL. */
uint64_t *gmail_ids_take(struct gmail_ids *g);
void gmail_ids_fini(struct gmail_ids *g);

#endif
