/* bridge_wishes.c - what the bridge has to say to its owner, in order. */
#include <assert.h>
#include <string.h>

#include "session/bridge_state.h"

static struct bridge_queued_wish *queue_wish(struct bridge *b)
{
    unsigned at = (b->wish_first + b->wish_count) % BRIDGE_WISHES_MAX;

    assert(b->wish_count < BRIDGE_WISHES_MAX);
    b->wish_count++;
    b->wishes[at] = (struct bridge_queued_wish){ .fault = FAULT_NONE };
    return &b->wishes[at];
}

void bridge_wish(struct bridge *b, enum bridge_wish_kind kind)
{
    queue_wish(b)->kind = kind;
}

void bridge_wish_next(struct bridge *b, enum fault fault)
{
    struct bridge_queued_wish *wish = queue_wish(b);

    wish->kind = BRIDGE_CONNECT_NEXT;
    wish->fault = fault;
}

void bridge_note(struct bridge *b, enum bridge_note note, enum fault fault)
{
    struct bridge_queued_wish *wish = queue_wish(b);

    wish->kind = BRIDGE_NOTE;
    wish->note = note;
    wish->fault = fault;
}

/* A server that talks much is quoted once a call: the rest has no place. What
 * it says it is gives way to all else.
 */
static struct bridge_queued_wish *text_place(struct bridge *b,
                                             enum bridge_note note)
{
    struct bridge_queued_wish *taken = &b->wishes[b->text_wish];

    if (!b->text_queued) {
        b->text_queued = true;
        b->text_wish = (b->wish_first + b->wish_count) % BRIDGE_WISHES_MAX;
        return queue_wish(b);
    }
    if (note == BRIDGE_NOTE_UPSTREAM_ID ||
        taken->note != BRIDGE_NOTE_UPSTREAM_ID)
        return NULL;
    return taken;
}

void bridge_note_text(struct bridge *b, enum bridge_note note, struct span text,
                      enum fault fault)
{
    struct bridge_queued_wish *wish = text.len > 0 ? text_place(b, note) : NULL;

    if (wish == NULL)
        return;
    text = credentials_hide_in(&b->upstream, text);
    b->text_length = text.len < sizeof(b->text) ? text.len : sizeof(b->text);
    memcpy(b->text, text.data, b->text_length);
    wish->kind = BRIDGE_NOTE;
    wish->note = note;
    wish->fault = fault;
}

static bool has_text(const struct bridge_wish *wish)
{
    return wish->kind == BRIDGE_NOTE &&
           (wish->note == BRIDGE_NOTE_UPSTREAM_TEXT ||
            wish->note == BRIDGE_NOTE_UPSTREAM_ID);
}

static void drop_wish(struct bridge *b)
{
    b->wish_first = (b->wish_first + 1) % BRIDGE_WISHES_MAX;
    b->wish_count--;
}

/* The next one; NULL: there is none. An exchange that the server has ended at
 * once needs no proof any more.
 */
static const struct bridge_queued_wish *front_of(struct bridge *b)
{
    const struct bridge_queued_wish *front = &b->wishes[b->wish_first];

    while (b->wish_count > 0 && front->kind == BRIDGE_PROVE &&
           !bridge_is_proving(b)) {
        drop_wish(b);
        front = &b->wishes[b->wish_first];
    }
    return b->wish_count > 0 ? front : NULL;
}

bool bridge_next_wish(struct bridge *b, struct bridge_wish *wish)
{
    const struct bridge_queued_wish *queued = front_of(b);

    if (queued == NULL) {
        b->text_queued = false;
        return false;
    }
    *wish = (struct bridge_wish){ .kind = queued->kind,
                                  .note = queued->note,
                                  .fault = queued->fault };
    if (has_text(wish))
        wish->text = span_make(b->text, b->text_length);
    wish->user = wish->kind == BRIDGE_LOCK || wish->kind == BRIDGE_KEEP_MAILBOX
                     ? credentials_name(&b->upstream)
                     : buf_span(&b->login_name);
    wish->credentials =
        wish->kind == BRIDGE_ASK_LOGIN ? &b->pop3.given : &b->upstream;
    wish->upstream = b->upstream_policy;
    if (wish->kind == BRIDGE_LOCK) {
        wish->login = buf_span(&b->login_name);
        wish->login_delay_ms = b->mailbox_policy->announced.login_delay_ms;
    }
    wish->again = b->asked_again;
    if (wish->kind == BRIDGE_ASK_LOGIN && wish->again)
        wish->refused = buf_span(&b->upstream.secret);
    wish->timestamp = buf_span(&b->pop3.timestamp);
    wish->mechanism = b->pop3.mechanism;
    wish->response = buf_span(&b->pop3.response);
    wish->begins = b->sasl_begins;
    wish->has_response = b->pop3.has_response;
    wish->parked = &b->parked;
    if (wish->kind == BRIDGE_PROVE)
        wish->scram = imap_session_scram_work(&b->imap);
    if (wish->kind == BRIDGE_KEEP_MAILBOX &&
        !bridge_take_kept(b, &wish->mailbox))
        return true;
    drop_wish(b);
    return true;
}
