/* view.h - the messages of a mailbox that a session shows: a pure function of
 * its snapshot, the window and, where flags or dates matter, what a search has
 * named.
 *
 * What a view leaves out is in no maildrop: it is not listed, never retrieved
 * and never changed. A view is taken once, at login, and is a snapshot like any
 * other, so numbers and unique-ids hold still in it.
 * Source: RFC 9051 §6.4.4 (SINCE looks at the date alone, in whatever zone the
 * server keeps).
 */
#ifndef POPINJAY_SESSION_VIEW_H
#define POPINJAY_SESSION_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/datetime.h"
#include "session/snapshot.h"
#include "session/window.h"

/* Flags or dates matter: the server must be asked. */
bool view_needs_search(const struct mailbox_window *w);

/* The date for SINCE, early enough that nothing younger than |days| is left
 * out whatever the server's time zone: up to two days older ones may be shown.
 * |now_s| is Unix time.
 */
void view_since(uint32_t days, uint64_t now_s,
                char date[DATETIME_IMAP_DATE_MAX + 1]);

/* --- what a search names --- */

/* A bit for each message of |whole|, which is borrowed. */
struct view_names {
    const struct snapshot *whole;
    unsigned char *named;
    uint64_t steps; /* messages walked over so far */
};

enum view_status {
    VIEW_NEW = 1, /* names a message that had not been named */
    VIEW_OK = 0,
    VIEW_EREPEATED = -1, /* the same again and again: no honest answer */
};

/* False where there is no memory. */
MUST_CHECK bool view_names_init(struct view_names *n,
                                const struct snapshot *whole);
void view_names_fini(struct view_names *n);

/* The messages with UIDs from |first| to |last|, those that there are. */
MUST_CHECK enum view_status view_names_add(struct view_names *n, uint32_t first,
                                           uint32_t last);

/* --- the view --- */

/* |names| NULL: there was no search. |whole| itself where all of it is shown,
 * with one more reference. NULL where there is no memory.
 */
MUST_CHECK struct snapshot *view_of(struct snapshot *whole,
                                    const struct mailbox_window *w,
                                    const struct view_names *names);

#endif
