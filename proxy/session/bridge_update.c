/* bridge_update.c - QUIT: what is changed in one mailbox after the other, on the
 * connection that there is or on a new one, and how that is answered.
 */
#include "pop3/reply.h"
#include "session/bridge_state.h"

static struct removal_terms removal_terms(const struct bridge *b)
{
    return (struct removal_terms){ b->mailbox_policy, buf_span(&b->trash),
                                   b->keyword };
}

enum fault bridge_removal_fault(const struct bridge *b)
{
    struct removal_terms terms = removal_terms(b);

    return removal_judge(&b->imap, &terms);
}

/* What the next session need not ask for. */
static void keep_what_is_left(struct bridge *b, uint32_t mailbox)
{
    const struct maildrop *maildrop = b->pop3.maildrops.parts[mailbox].maildrop;
    struct known_mailbox *known = &b->mailboxes[mailbox].known;
    struct snapshot_halves left;

    if (maildrop_deleted_count(maildrop) == 0 ||
        removal_leaves_messages(b->mailbox_policy) ||
        known_mailbox_is_empty(known))
        return;
    left.listed = maildrop_copy_left(maildrop, known->messages.listed);
    left.hidden = maildrop_copy_left(maildrop, known->messages.hidden);
    known_mailbox_shrink(known, &left);
    bridge_keep_mailbox(b, mailbox); /* where anything is known of it still */
}

static void count_deleted(struct bridge *b)
{
    uint64_t count = maildrops_deleted_count(&b->pop3.maildrops);

    switch (b->mailbox_policy->on_delete) {
    case ON_DELETE_EXPUNGE:
        b->report.messages_deleted += count;
        break;
    case ON_DELETE_TRASH:
        b->report.messages_moved += count;
        break;
    case ON_DELETE_SEEN:
        b->report.messages_flagged += count;
        break;
    case ON_DELETE_KEEP:
        b->report.messages_kept += count;
        break;
    case ON_DELETE_COUNT:
        break;
    }
}

void bridge_finish_quit(struct bridge *b, enum fault fault)
{
    /* A login refused on the new connection is no answer to QUIT. */
    if (!pop3_code_is_allowed(POP3_QUIT, fault_pop3_code(fault)))
        fault = FAULT_NOT_REMOVED;
    if (fault == FAULT_NONE) {
        count_deleted(b);
        for (uint32_t i = 0; i < b->mailbox_count; i++)
            keep_what_is_left(b, i);
    }
    b->phase = BRIDGE_CLOSING;
    b->login_asked = false;
    /* The lock is free, and the connection parked, before the client is told:
     * it may come again at once (CONFORMANCE DEC-13).
     */
    if (fault == FAULT_NONE)
        bridge_park_upstream(b);
    else
        bridge_leave_upstream(b);
    pop3_session_finish(&b->pop3, fault);
    if (b->client == BRIDGE_CLIENT_ENDED)
        buf_clear(&b->pop3.out); /* nobody is there to read it */
}

/* Marks in |mailbox|, and those behind it. */
static bool has_marks_from(const struct bridge *b, uint32_t mailbox)
{
    const struct maildrops *m = &b->pop3.maildrops;

    for (; mailbox < m->count; mailbox++)
        if (maildrop_deleted_count(m->parts[mailbox].maildrop) > 0)
            return true;
    return false;
}

bool bridge_is_settled(const struct bridge *b)
{
    bool is_done =
        b->task == BRIDGE_TASK_REMOVAL && removal_is_settled(&b->work.removal);

    return !has_marks_from(b, b->updating + is_done);
}

static void end_removal(struct bridge *b, enum task_status status)
{
    enum fault fault = b->work.removal.fault;

    if (status == TASK_RUNNING)
        return;
    bridge_forget_task(b);
    if (status == TASK_FAILED) {
        bridge_finish_quit(b, fault);
        return;
    }
    bridge_end_stage(b, COUNTER_STAGE_REMOVAL);
    bridge_update_next(b);
}

static void start_removal(struct bridge *b)
{
    struct removal_terms terms = removal_terms(b);

    bridge_begin_task(b, BRIDGE_TASK_REMOVAL);
    bridge_begin_stage(b);
    end_removal(b, removal_start(&b->work.removal, &b->imap, bridge_maildrop(b),
                                 &terms, b->reconnected));
}

/* The next one that something is to be changed in. */
static bool find_work(struct bridge *b)
{
    const struct maildrops *m = &b->pop3.maildrops;

    while (
        b->updating < m->count &&
        !removal_is_needed(m->parts[b->updating].maildrop, b->mailbox_policy))
        b->updating++;
    return b->updating < m->count;
}

void bridge_update(struct bridge *b)
{
    if (!find_work(b))
        bridge_finish_quit(b, FAULT_NONE);
    else if (b->link == BRIDGE_LINK_UP && b->selected == b->updating)
        start_removal(b);
    else if (b->link == BRIDGE_LINK_UP)
        bridge_select(b, b->updating);
    else if (!has_marks_from(b, b->updating))
        bridge_finish_quit(b, FAULT_NONE); /* \Seen is best effort */
    else if (!maildrops_have_unique_ids(&b->pop3.maildrops))
        bridge_finish_quit(b, b->pop3.broken); /* other UIDs by now */
    else if (b->reconnected)
        bridge_finish_quit(b, FAULT_NOT_REMOVED);
    else
        bridge_reconnect(b);
}

void bridge_update_next(struct bridge *b)
{
    b->updating++;
    bridge_update(b);
}

void bridge_start_quit(struct bridge *b)
{
    enum fault broken = b->pop3.broken;

    b->phase = BRIDGE_UPDATE;
    if (broken == FAULT_MAILBOX_CHANGED || broken == FAULT_MESSAGE_UNREADABLE)
        bridge_finish_quit(b, has_marks_from(b, 0) ? broken : FAULT_NONE);
    else
        bridge_update(b);
}

/* It is selected once more: is it the same mailbox? */
bool bridge_is_same_mailbox(const struct bridge *b)
{
    const struct imap_mailbox *mailbox = &b->imap.mailbox;
    const struct maildrop *maildrop = bridge_maildrop(b);

    return maildrop_has_unique_ids(maildrop) && mailbox->uids_last &&
           mailbox->uidvalidity == maildrop_uidvalidity(maildrop);
}

/* QUIT cannot change anything in the mailbox. */
void bridge_give_up_update(struct bridge *b, enum fault fault)
{
    const struct maildrops *m = &b->pop3.maildrops;

    if (maildrop_deleted_count(m->parts[b->updating].maildrop) == 0)
        bridge_update_next(b); /* \Seen is best effort */
    else
        bridge_finish_quit(b, fault);
}

/* Is it the same, and may we remove? */
void bridge_update_selected(struct bridge *b)
{
    enum fault fault = bridge_removal_fault(b);

    if (!bridge_is_same_mailbox(b))
        bridge_give_up_update(b, FAULT_MAILBOX_CHANGED);
    else if (fault != FAULT_NONE &&
             maildrop_deleted_count(bridge_maildrop(b)) > 0)
        bridge_finish_quit(b, fault);
    else
        start_removal(b);
}

void bridge_lose_update(struct bridge *b, enum fault fault, bool settled)
{
    bool is_loss = fault == FAULT_UPSTREAM_GONE || fault == FAULT_UPSTREAM_BYE;

    if (settled) {
        bridge_finish_quit(b, FAULT_NONE);
    } else if (is_loss && !b->reconnected &&
               maildrops_have_unique_ids(&b->pop3.maildrops)) {
        bridge_reconnect(b);
    } else {
        bridge_finish_quit(b, fault);
    }
}

/* --- a fresh token --- */

bool bridge_ask_update_token(struct bridge *b)
{
    struct credentials *proven = &b->pop3.given;

    if (b->asked_at_quit ||
        !credentials_set_user(proven, buf_span(&b->login_name)) ||
        !credentials_set_secret(proven, SECRET_PROVEN, SPAN_LITERAL("")))
        return false;
    b->asked_at_quit = true;
    b->asked_again = true;
    b->login_asked = true;
    bridge_await_upstream(b);
    bridge_wish(b, BRIDGE_ASK_LOGIN);
    return true;
}

/* Nothing but the token is to be another one: what DELE marked is in this
 * user's mailbox there.
 */
static bool is_same_login(const struct bridge *b,
                          const struct login_grant *grant)
{
    return grant->upstream == b->upstream_policy &&
           span_equals(credentials_name(grant->credentials),
                       credentials_name(&b->upstream));
}

void bridge_update_granted(struct bridge *b, const struct login_grant *grant)
{
    b->login_asked = false;
    if (!is_same_login(b, grant)) {
        bridge_finish_quit(b, FAULT_NOT_REMOVED);
    } else if (!credentials_copy(&b->upstream, grant->credentials)) {
        bridge_finish_quit(b, FAULT_NO_MEMORY);
    } else {
        bridge_connect(b);
        bridge_try_login(b);
    }
}

void bridge_run_removal(struct bridge *b, const struct imap_session_event *ev)
{
    end_removal(b, removal_on_event(&b->work.removal, ev));
}
