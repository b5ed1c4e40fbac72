/* excerpt.c - see excerpt.h. */
#include "session/excerpt.h"

#include "imap/command.h"
#include "session/view.h"

/* UIDs of the first command, for each message that is wanted; and of each after
 * it, for each of the one before.
 */
#define WIDTH_FIRST 2
#define WIDTH_GROWTH 4

/* A search names each message once; twice that is borne. */
#define NAMES_A_MESSAGE 2

static enum task_status fail(struct excerpt *e, enum fault fault)
{
    e->fault = fault;
    return TASK_FAILED;
}

/* No result: the mailbox is listed. */
static enum task_status give_up(struct excerpt *e)
{
    snapshot_unref(e->result);
    e->result = NULL;
    return TASK_DONE;
}

bool excerpt_is_wanted(const struct imap_mailbox *mailbox,
                       const struct mailbox_policy *policy,
                       struct span hidden_keyword)
{
    const struct mailbox_window *w = &policy->window;

    return mailbox->exists_told && mailbox->exists > policy->list_whole_max &&
           ((w->newest > 0 && w->newest < mailbox->exists) ||
            searching_is_needed(w, hidden_keyword));
}

/* --- what is asked for --- */

/* To the very end, whatever UIDNEXT was told: the newest must not be missed. */
static void send_end(struct excerpt *e)
{
    uint32_t tag = imap_session_begin(e->imap);

    e->first = (uint32_t)(e->last - e->width + 1);
    e->uid_missing = false;
    imap_write_fetch_listing(&e->imap->out, tag, e->first, 0);
}

static void send_list(struct excerpt *e)
{
    struct imap_uid_range picked[IMAP_UID_RANGES_PICKED_MAX];
    size_t count = imap_uid_ranges_pick(&e->named, e->below, e->width, picked);
    uint32_t tag = imap_session_begin(e->imap);

    e->first = picked[0].first;
    e->uid_missing = false;
    imap_write_fetch_ranges(&e->imap->out, tag, picked, count);
}

static void send_last(struct excerpt *e)
{
    uint32_t tag = imap_session_begin(e->imap);

    imap_write_fetch_listing(&e->imap->out, tag, UINT32_MAX, 0);
}

/* What is listed so far, as it is shown; NULL where there is no memory. */
static struct snapshot *view_listed(const struct excerpt *e)
{
    struct snapshot *whole;
    struct snapshot *view;

    if (e->listed.listed == NULL)
        return snapshot_new(0, 0);
    whole = e->policy->hide_deleted ? snapshot_ref(e->listed.listed)
                                    : snapshot_halves_join(&e->listed);
    if (whole == NULL)
        return NULL;
    view = view_of(whole, &e->policy->window, NULL);
    snapshot_unref(whole);
    return view;
}

static bool is_exhausted(const struct excerpt *e)
{
    return e->named.count == 0 || e->below <= e->named.ranges[0].first;
}

/* All that was kept of the names is listed: it was not all of them, or the server
 * knows nothing of what it has named.
 */
static bool is_doubtful(const struct excerpt *e)
{
    return e->named.forgotten > 0 ||
           (e->named.count > 0 && snapshot_count(e->listed.listed) +
                                          snapshot_count(e->listed.hidden) ==
                                      0);
}

/* Once more, unless what is listed is enough. */
static enum task_status go_on(struct excerpt *e)
{
    uint32_t newest = e->policy->window.newest;

    snapshot_unref(e->result);
    e->result = view_listed(e);
    if (e->result == NULL)
        return fail(e, FAULT_NO_MEMORY);
    if (newest > 0 && snapshot_count(e->result) == newest)
        return TASK_DONE;
    if (!is_exhausted(e)) {
        e->step = EXCERPT_LIST;
        send_list(e);
        return TASK_RUNNING;
    }
    return is_doubtful(e) ? give_up(e) : TASK_DONE;
}

/* Of the UIDs that are named. */
static enum task_status list_named(struct excerpt *e)
{
    const struct imap_uid_ranges *named = &e->named;
    uint32_t newest = e->policy->window.newest;

    e->step = EXCERPT_LIST;
    e->width = newest > 0 ? (uint64_t)newest * WIDTH_FIRST : UINT32_MAX;
    if (named->count > 0)
        e->below = (uint64_t)named->ranges[named->count - 1].last + 1;
    return go_on(e);
}

/* From |last_uid|, or near it, down. */
static enum task_status list_newest(struct excerpt *e, uint32_t last_uid)
{
    e->width = (uint64_t)e->policy->window.newest * WIDTH_FIRST;
    if (last_uid <= e->width) /* all there are: no shorter than a listing */
        return give_up(e);
    e->step = EXCERPT_END;
    e->last = last_uid;
    e->below = (uint64_t)UINT32_MAX + 1;
    imap_uid_ranges_add(&e->named, 1, UINT32_MAX);
    send_end(e);
    return TASK_RUNNING;
}

static struct known_part part_of(const struct excerpt *e)
{
    return (struct known_part){
        .newest = e->policy->window.newest,
        .max_message_octets = e->policy->window.max_message_octets,
        .hide_deleted = e->policy->hide_deleted,
    };
}

void excerpt_teach(const struct excerpt *e, struct known_mailbox *known)
{
    struct known_part part = part_of(e);

    if (e->search.imap != NULL) /* dates pass */
        known_mailbox_clear(known);
    else if (!e->is_known)
        known_mailbox_learn_part(known, &e->imap->mailbox, &part, e->result);
}

static enum task_status start_unsearched(struct excerpt *e,
                                         const struct known_mailbox *known)
{
    const struct imap_mailbox *mailbox = &e->imap->mailbox;
    struct known_part part = part_of(e);

    e->result = known_mailbox_find_part(known, mailbox, &part);
    e->is_known = e->result != NULL;
    if (e->is_known)
        return TASK_DONE;
    if (mailbox->uidnext != 0)
        return list_newest(e, mailbox->uidnext - 1);
    e->step = EXCERPT_LAST;
    send_last(e);
    return TASK_RUNNING;
}

enum task_status excerpt_start(struct excerpt *e, struct imap_session *imap,
                               const struct known_mailbox *known,
                               const struct mailbox_policy *policy,
                               struct span hidden_keyword, uint64_t now_s)
{
    *e = (struct excerpt){ .imap = imap, .policy = policy };
    snapshot_builder_init(&e->builder);
    if (!imap_uid_ranges_init(&e->named))
        return fail(e, FAULT_NO_MEMORY);
    if (!searching_is_needed(&policy->window, hidden_keyword))
        return start_unsearched(e, known);
    e->step = EXCERPT_SEARCH;
    searching_start(&e->search, imap, &policy->window, hidden_keyword, now_s);
    return TASK_RUNNING;
}

void excerpt_resume(struct excerpt *e)
{
    switch (e->step) {
    case EXCERPT_SEARCH:
        searching_resume(&e->search);
        break;
    case EXCERPT_LAST:
        send_last(e);
        break;
    case EXCERPT_END:
        send_end(e);
        break;
    case EXCERPT_LIST:
        send_list(e);
        break;
    }
}

/* --- what the server says --- */

static void on_name(struct excerpt *e, const struct imap_event *ev)
{
    uint64_t bearable = (uint64_t)e->imap->mailbox.exists * NAMES_A_MESSAGE;

    searching_on_item(&e->search, ev);
    if (ev->kind != IMAP_SEARCH_UIDS)
        return;
    imap_uid_ranges_add(&e->named, ev->first, ev->last);
    if (e->names_taken++ < bearable)
        imap_session_note_progress(e->imap);
}

static enum fault fault_of_status(enum snapshot_status status)
{
    return status == SNAPSHOT_ETOOBIG ? FAULT_MAILBOX_TOO_LARGE
                                      : FAULT_NO_MEMORY;
}

/* What was not asked for may be a message that is hidden. */
static enum task_status end_row(struct excerpt *e)
{
    enum snapshot_status status;

    if (e->step == EXCERPT_LAST) {
        if (e->uid > e->first)
            e->first = e->uid;
        return TASK_RUNNING;
    }
    if (e->uid == 0) {
        e->uid_missing = e->uid_missing || e->facts.has_size;
        return TASK_RUNNING;
    }
    if (e->uid < e->first || !imap_uid_ranges_have(&e->named, e->uid))
        return TASK_RUNNING;
    status = snapshot_builder_add(&e->builder, e->uid, &e->facts);
    if (status != SNAPSHOT_OK)
        return fail(e, fault_of_status(status));
    imap_session_note_progress(e->imap);
    return TASK_RUNNING;
}

static enum task_status on_row(struct excerpt *e, const struct imap_event *ev)
{
    if (ev->kind == IMAP_FETCH) {
        e->uid = 0;
        e->facts = (struct snapshot_facts){ .has_size = false };
    } else if (ev->kind == IMAP_FETCH_UID) {
        e->uid = (uint32_t)ev->number;
    } else {
        snapshot_facts_take(&e->facts, ev);
    }
    return ev->kind == IMAP_FETCH_END ? end_row(e) : TASK_RUNNING;
}

/* --- the end of a command --- */

/* Most of the mailbox, or more than could be kept of its names: a listing is one
 * command, and may be kept.
 */
static bool is_no_shorter(const struct excerpt *e)
{
    return e->policy->window.newest == 0 &&
           (e->named.forgotten > 0 ||
            imap_uid_ranges_width(&e->named) > e->imap->mailbox.exists / 2);
}

static enum task_status on_searched(struct excerpt *e,
                                    const struct imap_session_event *ev)
{
    enum task_status status = searching_on_completed(&e->search, ev);

    if (status == TASK_FAILED)
        return fail(e, e->search.fault);
    if (status == TASK_RUNNING)
        return status;
    imap_uid_ranges_settle(&e->named);
    if (is_no_shorter(e))
        return give_up(e);
    return list_named(e);
}

/* A server with a limit did only the highest UIDs, down to one it names. */
static bool note_done(struct excerpt *e, const struct imap_event *answer)
{
    uint64_t lowest_done = e->first;

    e->is_limited =
        answer->code == IMAP_CODE_MESSAGELIMIT && answer->second_number != 1;
    if (e->is_limited)
        lowest_done = answer->second_number;
    if (lowest_done < e->first || lowest_done >= e->below)
        return false;
    e->below = lowest_done;
    if (e->width < UINT32_MAX)
        e->width *= WIDTH_GROWTH;
    return true;
}

/* The rows join those before. */
static enum snapshot_status join_rows(struct excerpt *e)
{
    const struct snapshot_halves *before =
        e->listed.listed != NULL ? &e->listed : NULL;
    struct snapshot_halves joined;
    enum snapshot_status status =
        snapshot_builder_finish(&e->builder, before, &joined);

    if (status != SNAPSHOT_OK)
        return status;
    snapshot_halves_drop(&e->listed);
    e->listed = joined;
    return SNAPSHOT_OK;
}

static enum task_status on_listed(struct excerpt *e,
                                  const struct imap_event *answer)
{
    enum snapshot_status status;

    if (e->uid_missing || !note_done(e, answer))
        return give_up(e);
    status = join_rows(e);
    if (status == SNAPSHOT_EINCOMPLETE && e->is_limited && !is_exhausted(e)) {
        e->step = EXCERPT_LIST;
        send_list(e); /* one that comes next was told of, but for its size */
        return TASK_RUNNING;
    }
    if (status == SNAPSHOT_EINCOMPLETE)
        return give_up(e);
    return status == SNAPSHOT_OK ? go_on(e) : fail(e, fault_of_status(status));
}

static enum task_status on_completed(struct excerpt *e,
                                     const struct imap_session_event *ev)
{
    if (e->step == EXCERPT_SEARCH)
        return on_searched(e, ev);
    if (ev->fault != FAULT_NONE)
        return fail(e, ev->fault);
    if (e->imap->mailbox.changed)
        return fail(e, FAULT_MAILBOX_CHANGED);
    return e->step == EXCERPT_LAST ? list_newest(e, e->first)
                                   : on_listed(e, &ev->item);
}

enum task_status excerpt_on_event(struct excerpt *e,
                                  const struct imap_session_event *ev)
{
    if (ev->kind != IMAP_SESSION_ITEM)
        return on_completed(e, ev);
    if (e->step != EXCERPT_SEARCH)
        return on_row(e, &ev->item);
    on_name(e, &ev->item);
    return TASK_RUNNING;
}

struct snapshot *excerpt_take(struct excerpt *e)
{
    struct snapshot *result = e->result;

    e->result = NULL;
    return result;
}

void excerpt_fini(struct excerpt *e)
{
    imap_uid_ranges_fini(&e->named);
    snapshot_builder_fini(&e->builder);
    snapshot_halves_drop(&e->listed);
    snapshot_unref(e->result);
    e->result = NULL;
}
