/* trash.h - the task that finds the mailbox for trash: the one that the policy
 * names, or else the one that the server marks as such.
 *
 * One LIST, while the first mailbox is selected; none where the policy needs no trash.
 * Source: RFC 9051 §6.3.9, §7.3.1; RFC 6154 §2; CONFORMANCE DEC-25.
 */
#ifndef POPINJAY_SESSION_TRASH_H
#define POPINJAY_SESSION_TRASH_H

#include <stdbool.h>

#include "base/attributes.h"
#include "base/buf.h"
#include "session/imap_session.h"
#include "session/policy.h"
#include "session/task.h"

struct trash {
    struct imap_session *imap;
    const char *wanted; /* in UTF-8; NULL: whichever is marked */
    struct buf *name;
    bool found;
    bool asked_plainly; /* without the option that the server did not take */
};

/* |name|, which can hold IMAP_MAILBOX_MAX octets, is what the server calls the
 * mailbox once the task is done, and empty where there is none: that is no
 * failure, for mail can be read all the same. TASK_DONE at once where nothing
 * is to be found.
 */
MUST_CHECK enum task_status trash_start(struct trash *t,
                                        struct imap_session *imap,
                                        const struct mailbox_policy *policy,
                                        struct buf *name);
MUST_CHECK enum task_status trash_on_event(struct trash *t,
                                           const struct imap_session_event *ev);
void trash_resume(struct trash *t);

#endif
