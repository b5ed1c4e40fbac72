/* gmail_ids.c - see gmail_ids.h. */
#include "session/gmail_ids.h"

#include <stdlib.h>

#include "imap/command.h"

static enum task_status fail(struct gmail_ids *g, enum fault fault)
{
    g->fault = fault;
    return TASK_FAILED;
}

static void send_fetch(struct gmail_ids *g)
{
    struct imap_uid_range picked[IMAP_UID_RANGES_PICKED_MAX];
    size_t count =
        imap_uid_ranges_pick(&g->asked, g->below, UINT32_MAX, picked);
    uint32_t tag = imap_session_begin(g->imap);

    g->first = picked[0].first;
    imap_write_fetch_gmail_ids(&g->imap->out, tag, picked, count);
}

/* Of most of a mailbox one command from end to end is less than many are. */
static bool is_small_part(const struct gmail_ids *g)
{
    return maildrop_count(g->maildrop) <= g->imap->mailbox.exists / 2;
}

/* False where there is no memory. */
static bool ask_for_each(struct gmail_ids *g)
{
    if (!imap_uid_ranges_init(&g->asked))
        return false;
    for (uint32_t i = 0; i < maildrop_count(g->maildrop); i++) {
        uint32_t uid = maildrop_uid(g->maildrop, i);

        imap_uid_ranges_add(&g->asked, uid, uid);
    }
    return true;
}

/* The same. */
static bool ask_for_all(struct gmail_ids *g)
{
    imap_uid_ranges_fini(&g->asked);
    if (!imap_uid_ranges_init(&g->asked))
        return false;
    imap_uid_ranges_add(
        &g->asked, maildrop_uid(g->maildrop, 0),
        maildrop_uid(g->maildrop, maildrop_count(g->maildrop) - 1));
    return true;
}

static bool choose(struct gmail_ids *g)
{
    if (!is_small_part(g))
        return ask_for_all(g);
    if (!ask_for_each(g))
        return false;
    return g->asked.forgotten == 0 || ask_for_all(g);
}

enum task_status gmail_ids_start(struct gmail_ids *g, struct imap_session *imap,
                                 const struct maildrop *maildrop)
{
    uint32_t count = maildrop_count(maildrop);

    *g = (struct gmail_ids){ .imap = imap, .maildrop = maildrop };
    if (!imap_capabilities_have(imap->capabilities, IMAP_CAP_GMAIL))
        return fail(g, FAULT_NO_GMAIL_IDS);
    if (count == 0)
        return TASK_DONE;
    g->ids = calloc(count, sizeof(*g->ids));
    if (g->ids == NULL || !choose(g))
        return fail(g, FAULT_NO_MEMORY);
    g->below = (uint64_t)maildrop_uid(maildrop, count - 1) + 1;
    send_fetch(g);
    return TASK_RUNNING;
}

static void end_answer(struct gmail_ids *g)
{
    uint32_t index = maildrop_find(g->maildrop, g->uid);

    if (g->uid == 0 || g->id == 0 || index == maildrop_count(g->maildrop))
        return;
    g->ids[index] = g->id;
    imap_session_note_progress(g->imap);
}

static void on_item(struct gmail_ids *g, const struct imap_event *ev)
{
    if (ev->kind == IMAP_FETCH) {
        g->uid = 0;
        g->id = 0;
    } else if (ev->kind == IMAP_FETCH_UID) {
        g->uid = (uint32_t)ev->number;
    } else if (ev->kind == IMAP_FETCH_GMAIL_ID) {
        g->id = ev->number;
    } else if (ev->kind == IMAP_FETCH_END) {
        end_answer(g);
    }
}

/* A server with a limit did only the highest UIDs, down to one it names. */
static uint64_t lowest_done(const struct gmail_ids *g,
                            const struct imap_event *answer)
{
    bool is_limited = answer->code == IMAP_CODE_MESSAGELIMIT &&
                      answer->second_number > g->first;

    return is_limited ? answer->second_number : g->first;
}

static bool goes_on_below(struct gmail_ids *g, const struct imap_event *answer)
{
    uint64_t done = lowest_done(g, answer);

    if (done >= g->below || done <= maildrop_uid(g->maildrop, 0))
        return false;
    g->below = done;
    send_fetch(g);
    return true;
}

enum task_status gmail_ids_on_event(struct gmail_ids *g,
                                    const struct imap_session_event *ev)
{
    if (ev->kind == IMAP_SESSION_ITEM) {
        on_item(g, &ev->item);
        return TASK_RUNNING;
    }
    if (g->imap->mailbox.changed)
        return fail(g, FAULT_MAILBOX_CHANGED);
    if (ev->fault != FAULT_NONE)
        return fail(g, ev->fault);
    if (goes_on_below(g, &ev->item))
        return TASK_RUNNING;
    for (uint32_t i = 0; i < maildrop_count(g->maildrop); i++)
        if (g->ids[i] == 0)
            return fail(g, FAULT_MAILBOX_INCOMPLETE);
    return TASK_DONE;
}

void gmail_ids_resume(struct gmail_ids *g)
{
    send_fetch(g);
}

uint64_t *gmail_ids_take(struct gmail_ids *g)
{
    uint64_t *ids = g->ids;

    g->ids = NULL;
    return ids;
}

void gmail_ids_fini(struct gmail_ids *g)
{
    imap_uid_ranges_fini(&g->asked);
    free(g->ids);
    g->ids = NULL;
}
