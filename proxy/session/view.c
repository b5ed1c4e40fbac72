/* view.c - see view.h. */
#include "session/view.h"

#include <stdlib.h>

/* A search names each message once; twice that is borne. */
#define WALKS_MAX 2

#define SECONDS_A_DAY 86400ULL
/* The server furthest west of UTC has yesterday's date for so long. */
#define ZONE_WEST_S (12 * 3600ULL)

bool view_needs_search(const struct mailbox_window *w)
{
    return w->newer_than_days > 0 || w->unread_only || w->only_keyword != NULL;
}

void view_since(uint32_t days, uint64_t now_s,
                char date[DATETIME_IMAP_DATE_MAX + 1])
{
    uint64_t back_s = days * SECONDS_A_DAY + ZONE_WEST_S;

    datetime_write_imap_date(now_s > back_s ? now_s - back_s : 0, date);
}

/* --- what a search names --- */

bool view_names_init(struct view_names *n, const struct snapshot *whole)
{
    *n = (struct view_names){ .whole = whole };
    n->named = calloc(snapshot_count(whole) / 8 + 1, 1);
    return n->named != NULL;
}

void view_names_fini(struct view_names *n)
{
    free(n->named);
    n->named = NULL;
}

static bool is_named(const struct view_names *n, uint32_t index)
{
    return (n->named[index / 8] & BIT(index % 8)) != 0;
}

enum view_status view_names_add(struct view_names *n, uint32_t first,
                                uint32_t last)
{
    uint32_t count = snapshot_count(n->whole);
    enum view_status status = VIEW_OK;

    for (uint32_t i = snapshot_count_below(n->whole, first);
         i < count && snapshot_uid(n->whole, i) <= last; i++) {
        if (n->steps++ >= (uint64_t)count * WALKS_MAX)
            return VIEW_EREPEATED;
        if (is_named(n, i))
            continue;
        n->named[i / 8] = (unsigned char)(n->named[i / 8] | BIT(i % 8));
        status = VIEW_NEW;
    }
    return status;
}

/* --- the view --- */

static bool passes(const struct snapshot *whole, const struct mailbox_window *w,
                   const struct view_names *names, uint32_t index)
{
    if (names != NULL && !is_named(names, index))
        return false;
    return w->max_message_octets == 0 ||
           snapshot_size_octets(whole, index) <= w->max_message_octets;
}

/* What is shown begins at an index, since the newest are the last. */
struct extent {
    uint32_t first;
    uint32_t count;
    uint32_t large_count;
};

static struct extent measure(const struct snapshot *whole,
                             const struct mailbox_window *w,
                             const struct view_names *names)
{
    struct extent e = { .first = snapshot_count(whole) };

    for (uint32_t i = e.first; i-- > 0;) {
        if (w->newest > 0 && e.count == w->newest)
            break;
        if (!passes(whole, w, names, i))
            continue;
        e.first = i;
        e.count++;
        e.large_count += snapshot_size_is_large(snapshot_size_octets(whole, i));
    }
    return e;
}

struct snapshot *view_of(struct snapshot *whole, const struct mailbox_window *w,
                         const struct view_names *names)
{
    struct extent e = measure(whole, w, names);
    struct snapshot *view;

    if (e.count == snapshot_count(whole))
        return snapshot_ref(whole);
    view = snapshot_new(e.count, e.large_count);
    for (uint32_t i = e.first; view != NULL && i < snapshot_count(whole); i++)
        if (passes(whole, w, names, i))
            snapshot_append(view, snapshot_uid(whole, i),
                            snapshot_size_octets(whole, i));
    return view;
}
