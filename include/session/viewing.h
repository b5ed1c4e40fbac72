/* viewing.h - the task behind the listing at login: which of the messages does
 * the window show?
 *
 * What other clients have flagged \Deleted is left out first, if the policy says
 * so. Then no command where sizes and UIDs decide; else a search: searching.h.
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
#include "session/searching.h"
#include "session/task.h"
#include "session/view.h"

struct viewing {
    struct imap_session *imap;
    struct snapshot *whole;
    const struct mailbox_window *window; /* borrowed */
    struct searching search;
    struct view_names names;
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
