/* viewing.h - the task behind the listing at login: which of the messages does
 * the window show?
 *
 * What other clients have flagged \Deleted is left out first, if the policy says
 * so. Then no command where sizes and UIDs decide. Else one `UID SEARCH` for all that
 * the window asks of flags and dates: with `RETURN (ALL)` where the server
 * offers ESEARCH, whose answer is short; without, where that is refused or
 * brings no answer. On below the UID that a MESSAGELIMIT names. An answer
 * without any SEARCH response is one that names nothing.
 *
 * Where the server refuses the search the login fails: to show everything would
 * be against the policy, and to show nothing would look like an empty mailbox.
 * Source: RFC 9051 §6.4.4, §7.3.4; RFC 4731 §3.1; RFC 9738 §3; CONFORMANCE
 * IEXT-3, IEXT-13.
 */
#ifndef POPINJAY_SESSION_VIEWING_H
#define POPINJAY_SESSION_VIEWING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/span.h"
#include "session/fault.h"
#include "session/imap_session.h"
#include "session/policy.h"
#include "session/task.h"
#include "session/view.h"

struct viewing {
    struct imap_session *imap;
    struct snapshot *whole;
    const struct mailbox_window *window; /* borrowed */
    struct span hidden_keyword;          /* borrowed; empty: none */
    char since[DATETIME_IMAP_DATE_MAX + 1];
    struct view_names names;
    bool asks_for_set;       /* RETURN (ALL) */
    bool answered;           /* by a SEARCH response */
    uint32_t last_uid;       /* asked for up to here; 0: all */
    struct snapshot *result; /* after TASK_DONE */
    enum fault fault;
};

/* Shares |messages|. |policy| and |hidden_keyword| must hold still until
 * viewing_fini; messages with the latter are left out. |now_s| is Unix time.
 * TASK_DONE at once where nothing is to be asked.
 */
MUST_CHECK enum task_status viewing_start(
    struct viewing *v, struct imap_session *imap,
    const struct snapshot_halves *messages, const struct mailbox_policy *policy,
    struct span hidden_keyword, uint64_t now_s);
MUST_CHECK enum task_status viewing_on_event(
    struct viewing *v, const struct imap_session_event *ev);
void viewing_resume(struct viewing *v);

/* After TASK_DONE: the result, the caller's from here on. */
struct snapshot *viewing_take(struct viewing *v);
void viewing_fini(struct viewing *v);

#endif
