/* searching.h - one `UID SEARCH` for all that a window asks of flags and dates.
 *
 * With `RETURN (ALL)` where the server offers ESEARCH, whose answer is short;
 * without, where that is refused or brings no answer. By age to the second with
 * YOUNGER where it offers WITHIN; else, or where that is refused, by SINCE, which
 * knows calendar dates alone. On below the UID that a MESSAGELIMIT names. An
 * answer without any SEARCH response is one that names nothing. What is named,
 * IMAP_SEARCH_UIDS, is for whoever searches: he takes items, and hands them on.
 *
 * Where the server refuses the search the login fails: to show everything would
 * be against the policy, and to show nothing would look like an empty mailbox.
 * Source: RFC 9051 §6.4.4, §7.3.4; RFC 4731 §3.1; RFC 5032 §2; RFC 9738 §3;
 * CONFORMANCE IEXT-3, IEXT-13.
 */
#ifndef POPINJAY_SESSION_SEARCHING_H
#define POPINJAY_SESSION_SEARCHING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/datetime.h"
#include "base/span.h"
#include "session/fault.h"
#include "session/imap_session.h"
#include "session/task.h"
#include "session/window.h"

struct searching {
    struct imap_session *imap;
    const struct mailbox_window *window; /* borrowed */
    struct span hidden_keyword;          /* borrowed; empty: none */
    char since[DATETIME_IMAP_DATE_MAX + 1];
    bool asks_for_set;   /* RETURN (ALL) */
    bool asks_by_second; /* YOUNGER */
    bool answered;       /* by a SEARCH response */
    uint32_t last_uid;   /* asked for up to here; 0: all */
    enum fault fault;
};

/* Flags or dates matter, or messages with |hidden_keyword| are to be left out:
 * the server must be asked.
 */
bool searching_is_needed(const struct mailbox_window *window,
                         struct span hidden_keyword);

/* Sends the search. |window| and |hidden_keyword| must hold still until its end.
 * |now_s| is Unix time.
 */
void searching_start(struct searching *s, struct imap_session *imap,
                     const struct mailbox_window *window,
                     struct span hidden_keyword, uint64_t now_s);

/* An item; the tagged response. */
void searching_on_item(struct searching *s, const struct imap_event *ev);
MUST_CHECK enum task_status searching_on_completed(
    struct searching *s, const struct imap_session_event *ev);
void searching_resume(struct searching *s);

#endif
