/* excerpt.h - the task that lists what the window shows of a great mailbox, and
 * not the rest of it.
 *
 * Where flags or dates matter a search (searching.h) names the messages; else
 * they may be any, and where they end is said by UIDNEXT, or where the server has
 * told none by the UID that `UID FETCH 4294967295:*` finds. From the end down they
 * are then asked for by `UID FETCH set (UID FLAGS RFC822.SIZE)`, in as many commands as it
 * takes until |newest| of them pass the window, each over four times as many
 * UIDs as the one before: what others have flagged \Deleted, or is too large, or
 * a UID that no message has, does not count towards |newest|.
 *
 * It is no listing, and of no use where the whole mailbox is known and still the
 * same. What it finds without a search is a known_part, and is asked for again only
 * where something has changed. Where it would be no shorter than the listing, or
 * does not add up, TASK_DONE has no result, and the mailbox is to be listed.
 * Source: RFC 9051 §2.3.1.1, §6.4.9; RFC 9738 §3; CONFORMANCE IMAP-17, IEXT-13.
 */
#ifndef POPINJAY_SESSION_EXCERPT_H
#define POPINJAY_SESSION_EXCERPT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/span.h"
#include "imap/uid_ranges.h"
#include "session/fault.h"
#include "session/imap_session.h"
#include "session/known_mailbox.h"
#include "session/policy.h"
#include "session/searching.h"
#include "session/snapshot_builder.h"
#include "session/task.h"

enum excerpt_step {
    EXCERPT_SEARCH,
    EXCERPT_LAST, /* which is the highest UID? */
    EXCERPT_END,  /* from a UID to the end of the mailbox */
    EXCERPT_LIST,
};

struct excerpt {
    struct imap_session *imap;
    const struct mailbox_policy *policy; /* borrowed */
    struct searching search;
    struct imap_uid_ranges named; /* may be shown, by flags and dates */
    uint64_t names_taken;
    uint32_t last;  /* EXCERPT_END: the highest UID, as far as it is known */
    uint64_t below; /* from this UID on all is listed */
    uint64_t width; /* UIDs of the command at hand, at most */
    uint32_t first; /* the lowest of them */
    struct snapshot_builder builder;
    struct snapshot_facts facts;   /* of the FETCH answer being read */
    uint32_t uid;                  /* of that answer; 0: not said yet */
    struct snapshot_halves listed; /* so far; NULL: nothing */
    enum excerpt_step step;
    bool uid_missing;
    bool is_known;   /* the result: nothing was asked for */
    bool is_limited; /* the last command was not all done: MESSAGELIMIT */
    struct snapshot *result; /* after TASK_DONE */
    enum fault fault;
};

/* The window leaves something out of this mailbox, which holds more messages
 * than the policy lets be listed for that.
 */
bool excerpt_is_wanted(const struct imap_mailbox *mailbox,
                       const struct mailbox_policy *policy,
                       struct span hidden_keyword);

/* The same is asked for. |policy| and |hidden_keyword| must hold still until
 * excerpt_fini; messages with the latter are left out. |now_s| is Unix time.
 * TASK_DONE at once where |known| holds.
 */
MUST_CHECK enum task_status excerpt_start(struct excerpt *e,
                                          struct imap_session *imap,
                                          const struct known_mailbox *known,
                                          const struct mailbox_policy *policy,
                                          struct span hidden_keyword,
                                          uint64_t now_s);
MUST_CHECK enum task_status excerpt_on_event(
    struct excerpt *e, const struct imap_session_event *ev);
void excerpt_resume(struct excerpt *e);

/* After TASK_DONE with a result, before it is taken: |known| is that, or nothing.
 */
void excerpt_teach(const struct excerpt *e, struct known_mailbox *known);

/* After TASK_DONE: the view, the caller's from here on; or NULL. */
struct snapshot *excerpt_take(struct excerpt *e);
void excerpt_fini(struct excerpt *e);

#endif
