/* bridge_mailboxes.c - which mailboxes the maildrop is made of, what is known of
 * each, and how each becomes a part of it at login: where the trash is, the
 * listing, the view, and then the next one.
 */
#include <assert.h>
#include <stdlib.h>

#include "imap/mailbox_name.h"
#include "session/bridge_state.h"

/* --- which --- */

void bridge_forget_mailboxes(struct bridge *b)
{
    for (uint32_t i = 0; i < b->mailbox_count; i++)
        known_mailbox_clear(&b->mailboxes[i].known);
    free(b->mailboxes);
    mailbox_list_fini(&b->own);
    b->mailboxes = NULL;
    b->mailbox_count = 0;
    b->ids_are_stale = false;
    b->selected = BRIDGE_NO_MAILBOX;
    maildrops_fini(&b->maildrops);
}

enum fault bridge_name_mailboxes(struct bridge *b,
                                 const struct login_grant *grant)
{
    const struct mailbox_list *list = &grant->mailbox->mailboxes;

    if (grant->mailboxes != NULL) {
        if (!mailbox_list_copy(&b->own, grant->mailboxes))
            return FAULT_NO_MEMORY;
        list = &b->own;
    }
    b->mailboxes = calloc(mailbox_list_count(list), sizeof(*b->mailboxes));
    if (b->mailboxes == NULL)
        return FAULT_NO_MEMORY;
    b->mailbox_count = mailbox_list_count(list);
    for (uint32_t i = 0; i < b->mailbox_count; i++)
        b->mailboxes[i].name = mailbox_list_name(list, i);
    return FAULT_NONE;
}

bool bridge_take_kept(struct bridge *b, uint32_t *mailbox)
{
    uint32_t i = 0;

    assert(b->keep != 0);
    while ((b->keep & BIT(i)) == 0)
        i++;
    b->keep &= ~BIT(i);
    *mailbox = i;
    return b->keep == 0;
}

void bridge_keep_mailbox(struct bridge *b, uint32_t mailbox)
{
    bool is_queued = b->keep != 0;

    if (known_mailbox_is_empty(&b->mailboxes[mailbox].known))
        return;
    b->keep |= BIT(mailbox);
    if (!is_queued)
        bridge_wish(b, BRIDGE_KEEP_MAILBOX);
}

uint32_t bridge_mailbox_count(const struct bridge *b)
{
    return b->mailbox_count;
}

struct span bridge_mailbox_name(const struct bridge *b, uint32_t mailbox)
{
    assert(mailbox < b->mailbox_count);
    return span_from_string(b->mailboxes[mailbox].name->text);
}

struct span bridge_troubled_mailbox(const struct bridge *b)
{
    if (b->mailbox_count == 0 || b->selected == BRIDGE_NO_MAILBOX ||
        (b->mailbox_count == 1 &&
         imap_mailbox_name_is_inbox(bridge_mailbox_name(b, 0))))
        return (struct span){ NULL, 0 };
    return bridge_mailbox_name(b, b->selected);
}

void bridge_offer_mailbox(struct bridge *b, uint32_t mailbox,
                          const struct known_mailbox *known)
{
    assert(mailbox < b->mailbox_count);
    known_mailbox_clear(&b->mailboxes[mailbox].known);
    known_mailbox_share(&b->mailboxes[mailbox].known, known);
}

const struct known_mailbox *bridge_known_mailbox(const struct bridge *b,
                                                 uint32_t mailbox)
{
    assert(mailbox < b->mailbox_count);
    return &b->mailboxes[mailbox].known;
}

/* --- at login --- */

static void learn_mailbox(struct bridge *b,
                          const struct snapshot_halves *messages)
{
    enum known_verdict verdict = b->work.listing.verdict;

    b->report.listings[verdict]++;
    if (verdict == KNOWN_FRESH)
        return;
    known_mailbox_learn(&b->mailboxes[b->selected].known, &b->imap.mailbox,
                        messages);
    bridge_keep_mailbox(b, b->selected);
}

/* What its messages are called, as far as it is known with the mailbox. */
static struct unique_id_rule unique_id_rule(struct bridge *b)
{
    const struct mailbox_policy *policy = b->mailbox_policy;
    struct span name = bridge_mailbox_name(b, b->selected);
    struct unique_id_rule rule = {
        .format = policy->unique_ids,
        .mailbox_mark = unique_id_mailbox_mark(name),
        .user = unique_id_map_find(policy->unique_id_map,
                                   credentials_name(&b->upstream)),
    };

    if (rule.user == NULL)
        return rule;
    rule.list = unique_id_user_list(rule.user, name);
    if (rule.list != NULL &&
        unique_id_list_uidvalidity(rule.list) != b->imap.mailbox.uidvalidity) {
        rule.list = NULL;
        b->ids_are_stale = true;
    }
    return rule;
}

/* The maildrop of the mailbox that is selected joins those before it. */
static enum fault add_maildrop(struct bridge *b, struct snapshot *view)
{
    const struct imap_mailbox *mailbox = &b->imap.mailbox;
    struct maildrop_traits traits = {
        .uidvalidity = mailbox->uidvalidity,
        .has_unique_ids = mailbox->uidvalidity != 0 && mailbox->uids_last,
        .removal_fault = bridge_removal_fault(b),
    };
    struct maildrop_part part = { .unique_ids = unique_id_rule(b) };

    /* When it is selected again nobody could tell whether it is the same. */
    if (b->mailbox_count > 1 && !traits.has_unique_ids)
        return FAULT_NO_UNIQUE_IDS;
    part.maildrop = maildrop_new(view, &traits);
    if (part.maildrop == NULL)
        return FAULT_NO_MEMORY;
    if (!maildrops_add(&b->maildrops, &part)) {
        maildrop_part_fini(&part);
        return FAULT_NO_MEMORY;
    }
    if (maildrops_count(&b->maildrops) > MAILDROP_MESSAGES_MAX)
        return FAULT_MAILBOX_TOO_LARGE;
    return FAULT_NONE;
}

/* The mailbox that is selected is all known: the next one's turn. */
static void finish_mailbox(struct bridge *b)
{
    if (b->selected + 1 < b->mailbox_count)
        bridge_select(b, b->selected + 1);
    else
        bridge_accept_login(b);
}

static void end_gmail_ids(struct bridge *b, enum task_status status)
{
    struct gmail_ids *g = &b->work.gmail_ids;
    enum fault fault = g->fault;

    if (status == TASK_RUNNING)
        return;
    if (status == TASK_DONE)
        b->maildrops.parts[b->selected].unique_ids.gmail_ids =
            gmail_ids_take(g);
    bridge_forget_task(b);
    if (status == TASK_DONE)
        finish_mailbox(b);
    else
        bridge_refuse_login(b, fault);
}

static void finish_view(struct bridge *b, struct snapshot *view)
{
    enum fault fault = add_maildrop(b, view);

    if (fault != FAULT_NONE) {
        bridge_refuse_login(b, fault);
    } else if (b->mailbox_policy->unique_ids == UNIQUE_ID_GMAIL) {
        bridge_begin_task(b, BRIDGE_TASK_GMAIL_IDS);
        end_gmail_ids(
            b, gmail_ids_start(&b->work.gmail_ids, &b->imap,
                               b->maildrops.parts[b->selected].maildrop));
    } else {
        finish_mailbox(b);
    }
}

static void count_hidden(struct bridge *b, uint32_t hidden)
{
    if (b->selected == 0)
        b->report.messages_hidden = 0;
    b->report.messages_hidden += hidden;
}

static void end_viewing(struct bridge *b, enum task_status status)
{
    struct viewing *v = &b->work.viewing;
    enum fault fault = v->fault;
    struct snapshot *view;

    if (status == TASK_RUNNING)
        return;
    if (status == TASK_FAILED) {
        bridge_forget_task(b);
        bridge_refuse_login(b, fault);
        return;
    }
    view = viewing_take(v);
    count_hidden(b, snapshot_count(v->whole) - snapshot_count(view));
    bridge_forget_task(b);
    bridge_end_stage(b, COUNTER_STAGE_LISTING);
    finish_view(b, view);
    snapshot_unref(view);
}

/* Where the server has no such keyword, none of its messages is hidden by it.
 * There is one that aborts when it is asked (GNU Mailutils 3.15).
 */
static struct span hidden_keyword(const struct bridge *b)
{
    const struct imap_mailbox *mailbox = &b->imap.mailbox;

    if (!mailbox->keeps_keyword && !mailbox->knows_keyword)
        return (struct span){ NULL, 0 };
    return span_from_string(b->keyword);
}

static void finish_listing(struct bridge *b)
{
    struct snapshot_halves messages = listing_take(&b->work.listing);

    learn_mailbox(b, &messages);
    bridge_forget_task(b);
    bridge_begin_task(b, BRIDGE_TASK_VIEWING);
    end_viewing(b, viewing_start(&b->work.viewing, &b->imap, &messages,
                                 b->mailbox_policy, hidden_keyword(b),
                                 b->granted_s));
    snapshot_halves_drop(&messages);
}

static void end_listing(struct bridge *b, enum task_status status)
{
    enum fault fault = b->work.listing.fault;

    if (status == TASK_DONE) {
        finish_listing(b);
    } else if (status == TASK_FAILED) {
        bridge_forget_task(b);
        bridge_refuse_login(b, fault);
    }
}

static void list_whole(struct bridge *b)
{
    bridge_begin_task(b, BRIDGE_TASK_LISTING);
    end_listing(b, listing_start(&b->work.listing, &b->imap,
                                 &b->mailboxes[b->selected].known));
}

static void learn_excerpt(struct bridge *b)
{
    const struct excerpt *e = &b->work.excerpt;

    excerpt_teach(e, &b->mailboxes[b->selected].known);
    if (e->is_known) {
        b->report.listings[KNOWN_FRESH]++;
        return;
    }
    b->report.excerpts++;
    bridge_keep_mailbox(b, b->selected);
}

static void finish_excerpt(struct bridge *b, struct snapshot *view)
{
    uint32_t exists = b->imap.mailbox.exists;
    uint32_t shown = snapshot_count(view);

    count_hidden(b, exists > shown ? exists - shown : 0);
    bridge_end_stage(b, COUNTER_STAGE_LISTING);
    finish_view(b, view);
}

static void end_excerpt(struct bridge *b, enum task_status status)
{
    struct excerpt *e = &b->work.excerpt;
    enum fault fault = e->fault;
    struct snapshot *view;

    if (status == TASK_RUNNING)
        return;
    if (status == TASK_DONE && e->result != NULL)
        learn_excerpt(b);
    view = status == TASK_DONE ? excerpt_take(e) : NULL;
    bridge_forget_task(b);
    if (status == TASK_FAILED)
        bridge_refuse_login(b, fault);
    else if (view == NULL)
        list_whole(b);
    else
        finish_excerpt(b, view);
    snapshot_unref(view);
}

/* It is known, and still the same: no command is less than few are. */
static bool is_whole_known(const struct bridge *b)
{
    return known_mailbox_judge(&b->mailboxes[b->selected].known,
                               &b->imap.mailbox) == KNOWN_FRESH;
}

static void start_listing(struct bridge *b)
{
    bridge_begin_stage(b);
    if (is_whole_known(b) ||
        !excerpt_is_wanted(&b->imap.mailbox, b->mailbox_policy,
                           hidden_keyword(b))) {
        list_whole(b);
        return;
    }
    bridge_begin_task(b, BRIDGE_TASK_EXCERPT);
    end_excerpt(b, excerpt_start(&b->work.excerpt, &b->imap,
                                 &b->mailboxes[b->selected].known,
                                 b->mailbox_policy, hidden_keyword(b),
                                 b->granted_s));
}

static void end_trash(struct bridge *b, enum task_status status)
{
    if (status == TASK_RUNNING)
        return;
    bridge_forget_task(b);
    start_listing(b);
}

void bridge_start_listing(struct bridge *b)
{
    if (b->selected > 0) { /* it was looked for before the first one */
        start_listing(b);
        return;
    }
    bridge_begin_task(b, BRIDGE_TASK_TRASH);
    end_trash(
        b, trash_start(&b->work.trash, &b->imap, b->mailbox_policy, &b->trash));
}

void bridge_resume_listing(struct bridge *b)
{
    switch (b->task) {
    case BRIDGE_TASK_TRASH:
        trash_resume(&b->work.trash);
        break;
    case BRIDGE_TASK_LISTING:
        listing_resume(&b->work.listing);
        break;
    case BRIDGE_TASK_VIEWING:
        viewing_resume(&b->work.viewing);
        break;
    case BRIDGE_TASK_EXCERPT:
        excerpt_resume(&b->work.excerpt);
        break;
    case BRIDGE_TASK_GMAIL_IDS:
        gmail_ids_resume(&b->work.gmail_ids);
        break;
    case BRIDGE_TASK_NONE:
    case BRIDGE_TASK_SELECT:
    case BRIDGE_TASK_RETRIEVAL:
    case BRIDGE_TASK_REMOVAL:
    case BRIDGE_TASK_KEEPALIVE:
    case BRIDGE_TASK_DRAIN:
        break;
    }
}

void bridge_run_listing(struct bridge *b, const struct imap_session_event *ev)
{
    switch (b->task) {
    case BRIDGE_TASK_TRASH:
        end_trash(b, trash_on_event(&b->work.trash, ev));
        break;
    case BRIDGE_TASK_LISTING:
        end_listing(b, listing_on_event(&b->work.listing, ev));
        break;
    case BRIDGE_TASK_VIEWING:
        end_viewing(b, viewing_on_event(&b->work.viewing, ev));
        break;
    case BRIDGE_TASK_EXCERPT:
        end_excerpt(b, excerpt_on_event(&b->work.excerpt, ev));
        break;
    case BRIDGE_TASK_GMAIL_IDS:
        end_gmail_ids(b, gmail_ids_on_event(&b->work.gmail_ids, ev));
        break;
    case BRIDGE_TASK_NONE:
    case BRIDGE_TASK_SELECT:
    case BRIDGE_TASK_RETRIEVAL:
    case BRIDGE_TASK_REMOVAL:
    case BRIDGE_TASK_KEEPALIVE:
    case BRIDGE_TASK_DRAIN:
        break;
    }
}
