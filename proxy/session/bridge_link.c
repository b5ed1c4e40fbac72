/* bridge_link.c - the connection to the server: how it comes, how it rests or is
 * left, and what its loss is to the session.
 */
#include <assert.h>

#include "session/bridge_state.h"

/* --- connecting and leaving --- */

void bridge_await_upstream(struct bridge *b)
{
    b->upstream_seen_ms = b->now_ms;
    b->progress_ms = b->now_ms;
}

static void begin_connecting(struct bridge *b)
{
    assert(b->link == BRIDGE_LINK_NONE);
    b->link = BRIDGE_LINK_CONNECTING;
    b->queued = false;
    b->elsewhere = false;
    bridge_await_upstream(b);
}

void bridge_connect(struct bridge *b)
{
    if (b->link == BRIDGE_LINK_LEAVING)
        bridge_upstream_lost(b, FAULT_NONE, true);
    if (b->link != BRIDGE_LINK_NONE)
        return;
    begin_connecting(b);
    bridge_wish(b, BRIDGE_CONNECT);
}

void bridge_ask_for_parked(struct bridge *b)
{
    if (b->link == BRIDGE_LINK_LEAVING)
        bridge_upstream_lost(b, FAULT_NONE, true);
    begin_connecting(b);
    bridge_wish(b, BRIDGE_REUSE);
}

void bridge_reconnect(struct bridge *b)
{
    b->reconnected = true;
    bridge_connect(b);
}

/* The connection is none of ours any more; |still_open|: it has to be closed.
 */
void bridge_forget_upstream(struct bridge *b, bool still_open)
{
    bridge_forget_task(b);
    b->reused = false;
    if (b->link == BRIDGE_LINK_NONE)
        return;
    readahead_forget(&b->ahead);
    wipe(&b->channel, sizeof(b->channel));
    if (b->link != BRIDGE_LINK_CONNECTING) {
        b->report.upstream_rejects += b->imap.rejects;
        imap_session_fini(&b->imap);
    }
    b->link = BRIDGE_LINK_NONE;
    if (still_open)
        bridge_wish(b, BRIDGE_CLOSE_UPSTREAM);
}

void bridge_unlock(struct bridge *b)
{
    if (!b->locked)
        return;
    b->locked = false;
    bridge_wish(b, BRIDGE_UNLOCK);
}

void bridge_wish_lock(struct bridge *b)
{
    if (b->lock_wished)
        return;
    b->lock_wished = true;
    bridge_wish(b, BRIDGE_LOCK);
}

void bridge_leave_upstream(struct bridge *b)
{
    if (b->link == BRIDGE_LINK_UP && imap_session_log_out(&b->imap)) {
        bridge_forget_task(b);
        b->reused = false;
        b->link = BRIDGE_LINK_LEAVING;
        b->upstream_seen_ms = b->now_ms;
    } else if (b->link != BRIDGE_LINK_LEAVING) {
        bridge_forget_upstream(b, true);
    }
    bridge_unlock(b);
}

/* One that took too long to select the mailbox would not be waited for the next
 * time either: that session would wait in vain, and then log in anyway. Nor may
 * one rest that was opened by another token than BRIDGE_REUSE has named.
 */
static bool may_rest(const struct bridge *b)
{
    return b->upstream_policy->upstream_reuse_ms > 0 &&
           b->link == BRIDGE_LINK_UP && !b->selects_slowly && !b->asked_again &&
           buf_length(&b->early) == 0 && imap_session_is_at_rest(&b->imap);
}

void bridge_park_upstream(struct bridge *b)
{
    if (may_rest(b)) {
        b->parked = imap_session_park(&b->imap);
        bridge_forget_upstream(b, false);
        bridge_wish(b, BRIDGE_PARK);
    }
    bridge_leave_upstream(b);
}

void bridge_take_up(struct bridge *b, const struct imap_parked *parked)
{
    b->link = BRIDGE_LINK_UP;
    b->greeted = true;
    b->reused = true;
    b->selects_slowly = false;
    bridge_await_upstream(b);
    if (!imap_session_take_up(&b->imap, b->upstream_policy,
                              buf_span(&b->client_address), parked))
        bridge_upstream_lost(b, FAULT_NO_MEMORY, true);
    else
        bridge_wish_lock(b);
}

static const struct scram_channel *channel_of(const struct bridge *b)
{
    return b->channel.nonce[0] != '\0' ? &b->channel : NULL;
}

void bridge_upstream_up(struct bridge *b)
{
    if (b->link == BRIDGE_LINK_HANDSHAKE) {
        b->link = BRIDGE_LINK_UP;
        b->imap.channel = channel_of(b);
        imap_session_tls_up(&b->imap);
        return;
    }
    if (b->link != BRIDGE_LINK_CONNECTING)
        return;
    b->link = BRIDGE_LINK_UP;
    b->greeted = false;
    b->selects_slowly = false;
    bridge_begin_stage(b);
    assert(b->server.host != NULL);
    if (!imap_session_init(&b->imap, b->upstream_policy, b->server,
                           buf_span(&b->client_address)))
        bridge_upstream_lost(b, FAULT_NO_MEMORY, true);
    b->imap.channel = channel_of(b);
    b->server = (struct server_name){ NULL, 0 }; /* the next is told anew */
}

bool bridge_is_proving(const struct bridge *b)
{
    return b->link == BRIDGE_LINK_UP && imap_session_is_proving(&b->imap);
}

bool bridge_upstream_is_awaited(const struct bridge *b)
{
    /* While the client is behind, it is we who keep the server waiting. */
    if (bridge_upstream_room(b) == 0 && b->link == BRIDGE_LINK_UP)
        return false;
    if (bridge_is_proving(b))
        return false; /* the same */
    return (b->link == BRIDGE_LINK_CONNECTING && !b->queued) ||
           b->link == BRIDGE_LINK_HANDSHAKE ||
           (b->link == BRIDGE_LINK_UP && (b->imap.state == IMAP_GREETING ||
                                          imap_session_is_awaiting(&b->imap)));
}

/* --- loss --- */

static void lose_retrieval(struct bridge *b, enum fault fault)
{
    const struct retrieval *r = &b->work.retrieval;

    maildrop_note_failed(r->maildrop, r->index, !r->top);
    if (retrieval_has_left(r)) {
        bridge_abort_client(b, fault);
        return;
    }
    pop3_session_refuse_message(&b->pop3, fault);
    pop3_session_close(&b->pop3, fault);
}

/* One that has rested: it may have ended while nobody looked, so its loss is no
 * failure, and the login goes on as if there had been none.
 */
static void do_without_parked(struct bridge *b, enum fault fault)
{
    bridge_note(b, BRIDGE_NOTE_NOT_REUSED, fault);
    bridge_connect(b);
}

/* Not of a connection that could not be made: whoever tried knows why. */
static void note_greeting(struct bridge *b, enum fault fault, bool still_open)
{
    bool was_made = b->link == BRIDGE_LINK_UP ||
                    (still_open && (b->link == BRIDGE_LINK_CONNECTING ||
                                    b->link == BRIDGE_LINK_HANDSHAKE));

    if (!was_made || (b->link == BRIDGE_LINK_UP && b->greeted) ||
        fault == FAULT_NO_MEMORY)
        return;
    b->report.greetings_failed++;
    b->report.last_greeting_fault = fault;
}

/* Whether the server at hand failed before it was told anything that it could
 * misuse, and somebody still waits for one.
 */
static bool may_go_elsewhere(const struct bridge *b, enum fault fault)
{
    if (!b->another || fault == FAULT_NO_MEMORY)
        return false;
    if (b->link != BRIDGE_LINK_HANDSHAKE &&
        (b->link != BRIDGE_LINK_UP || b->greeted))
        return false;
    return b->phase != BRIDGE_CLOSING && b->refuse_at_ms == UINT64_MAX;
}

static void go_elsewhere(struct bridge *b, enum fault fault)
{
    bridge_forget_upstream(b, false);
    begin_connecting(b);
    b->elsewhere = true;
    bridge_wish_next(b, fault);
}

bool bridge_goes_elsewhere(const struct bridge *b)
{
    return b->link == BRIDGE_LINK_CONNECTING && b->elsewhere;
}

void bridge_upstream_lost(struct bridge *b, enum fault fault, bool still_open)
{
    enum bridge_link link = b->link;
    enum bridge_task task = b->task;
    bool reused = b->reused;
    bool settled = b->phase == BRIDGE_UPDATE && bridge_is_settled(b);

    if (link == BRIDGE_LINK_NONE)
        return;
    if (may_go_elsewhere(b, fault)) {
        go_elsewhere(b, fault);
        return;
    }
    note_greeting(b, fault, still_open);
    bridge_forget_upstream(b, still_open);
    if (link == BRIDGE_LINK_LEAVING)
        return;
    if (reused) {
        do_without_parked(b, fault);
        return;
    }
    b->report.upstream_failures++;
    switch (b->phase) {
    case BRIDGE_AUTHORIZATION: /* the next login makes a new one */
        bridge_note(b, BRIDGE_NOTE_UPSTREAM_LOST, fault);
        break;
    case BRIDGE_LOGGING_IN:
        if (b->login_asked) /* where it goes is not known: made anew there */
            bridge_note(b, BRIDGE_NOTE_UPSTREAM_LOST, fault);
        else if (b->refuse_at_ms == UINT64_MAX)
            bridge_refuse_login(b, fault);
        break;
    case BRIDGE_TRANSACTION:
        bridge_note(b, BRIDGE_NOTE_UPSTREAM_LOST, fault);
        if (task == BRIDGE_TASK_RETRIEVAL)
            lose_retrieval(b, fault);
        else
            pop3_session_break(&b->pop3, fault, true);
        break;
    case BRIDGE_UPDATE:
        if (b->login_asked) /* made anew for the token that is waited for */
            bridge_note(b, BRIDGE_NOTE_UPSTREAM_LOST, fault);
        else
            bridge_lose_update(b, fault, settled);
        break;
    case BRIDGE_CLOSING:
    case BRIDGE_PHASE_COUNT:
        break;
    }
}
