/* Reads the replies and what happened to the mailbox. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "sim/cover.h"
#include "sim/session.h"

#define REPLY_MAX (16 * 1024 * 1024)

void judge_init(struct judge *j)
{
    struct shown *shown = j->shown;
    size_t capacity = j->shown_capacity;

    *j = (struct judge){ .shown = shown, .shown_capacity = capacity };
    buf_init(&j->reply, REPLY_MAX);
}

void judge_fini(struct judge *j)
{
    buf_fini(&j->reply);
    free(j->shown);
    j->shown = NULL;
}

void judge_expect(struct session *s, const struct op *op)
{
    struct judge *j = &s->judge;

    assert(j->count < OPS_MAX);
    j->ops[(j->head + j->count++) % OPS_MAX] = *op;
}

static const struct op *oldest(const struct judge *j)
{
    return j->count == 0 ? NULL : &j->ops[j->head];
}

static bool starts_with(struct span s, const char *prefix)
{
    size_t len = strlen(prefix);

    return s.len >= len && memcmp(s.data, prefix, len) == 0;
}

static struct span first_line(struct span reply)
{
    size_t end = span_find(reply, '\n');

    assert(end < reply.len);
    return span_make(reply.data, end + 1);
}

static void check_first_line(struct session *s, struct span line)
{
    if (line.len > POP3_REPLY_MAX)
        session_fail(s, "a first line of %zu octets", line.len);
    if (line.len < 2 || line.data[line.len - 2] != '\r')
        session_fail(s, "a reply line that does not end with CRLF");
    if (!starts_with(line, "+OK") && !starts_with(line, "-ERR") &&
        !starts_with(line, "+ "))
        session_fail(s, "a reply that is none");
}

static void reply_is_complete(struct session *s)
{
    struct judge *j = &s->judge;
    const struct op op = *oldest(j);
    struct span whole = buf_span(&j->reply);
    struct span first = first_line(whole);
    struct span rest = whole;

    (void)span_take(&rest, first.len);
    j->head = (j->head + 1) % OPS_MAX;
    j->count--;
    judge_reply(s, &op, first, rest);
    j->in_message = false;
    j->line_at = 0;
    buf_consume(&j->reply, buf_length(&j->reply));
}

/* One more line is in |reply|. */
static void line_is_complete(struct session *s, struct span line)
{
    struct judge *j = &s->judge;

    if (!j->in_message) {
        check_first_line(s, line);
        if (s->failed)
            return;
        j->in_message =
            starts_with(line, "+OK") && judge_is_multiline(s, oldest(j));
        if (!j->in_message)
            reply_is_complete(s);
        return;
    }
    if (span_equals(line, SPAN_LITERAL(".\r\n")))
        reply_is_complete(s);
}

void judge_read(struct session *s, struct span octets)
{
    struct judge *j = &s->judge;

    while (octets.len > 0 && !s->failed) {
        size_t end = span_find(octets, '\n');
        struct span piece;
        struct span line;

        if (j->count == 0 || j->over) {
            session_fail(s, "a reply that nobody asked for");
            return;
        }
        piece = span_take(&octets, end < octets.len ? end + 1 : octets.len);
        buf_append(&j->reply, piece);
        if (piece.data[piece.len - 1] != '\n')
            return;
        line = buf_span(&j->reply);
        (void)span_take(&line, j->line_at);
        j->line_at = buf_length(&j->reply);
        line_is_complete(s, line);
    }
}

bool judge_is_in_message(const struct judge *j)
{
    const struct op *op = oldest(j);

    return j->in_message && op != NULL &&
           (op->kind == OP_RETR || op->kind == OP_TOP);
}

size_t judge_take_back(struct session *s, struct span out)
{
    struct judge *j = &s->judge;
    size_t len = buf_length(&j->reply);
    size_t start;

    if (!judge_is_in_message(j) || len > s->client_seen)
        return s->client_seen;
    start = s->client_seen - len;
    if (out.len < start)
        return s->client_seen;
    (void)span_take(&out, start);
    if (!span_starts_with_nocase(out, SPAN_LITERAL("-ERR")))
        return s->client_seen;
    buf_consume(&j->reply, len);
    j->in_message = false;
    j->line_at = 0;
    cover(COVER_RETR_TAKEN_BACK);
    return start;
}

/* --- What the server did --- */

static struct shown *find_shown(struct judge *j,
                                const struct model_event *event)
{
    for (size_t i = 0; i < j->shown_count; i++) {
        if (j->shown[i].box == event->box &&
            j->shown[i].message == event->message)
            return &j->shown[i];
    }
    return NULL;
}

/* The client's QUIT has reached the bridge, and it is its turn. */
static bool quit_is_reached(const struct session *s)
{
    const struct op *op = oldest(&s->judge);

    return s->judge.logged_in && op != NULL && op->kind == OP_QUIT &&
           op->ends_at <= s->client_given;
}

/* The policy lets DELE remove this one from the mailbox: never what has no copy
 * in the trash, where it should have one.
 */
static bool may_go(const struct session *s, const struct model_event *event)
{
    switch (s->world->mailbox_policy.on_delete) {
    case ON_DELETE_EXPUNGE:
        return true;
    case ON_DELETE_TRASH:
        return event->box->messages[event->message].in_trash;
    case ON_DELETE_SEEN:
    case ON_DELETE_KEEP:
    case ON_DELETE_COUNT:
        break;
    }
    return false;
}

static void judge_seen(struct session *s, const struct shown *shown)
{
    const struct mailbox_policy *policy = &s->world->mailbox_policy;

    if (shown != NULL && shown->marked && policy->on_delete == ON_DELETE_SEEN)
        return;
    if (shown == NULL || !shown->read || !policy->mark_seen)
        session_fail(s, "\\Seen on a message that was not delivered");
    cover(COVER_SEEN);
}

/* One copy each, but where the answer to the first may have been lost. */
static void judge_copy(struct session *s, struct shown *shown)
{
    if (shown == NULL || !shown->marked ||
        s->world->mailbox_policy.on_delete != ON_DELETE_TRASH) {
        session_fail(s, "a message was copied that was not marked");
        return;
    }
    if (shown->copied && !s->excused && s->world->server.faults == 0)
        session_fail(s, "a message was copied twice");
    cover(COVER_COPIED);
    shown->copied = true;
}

static void judge_expunge(struct session *s, const struct model_event *event,
                          bool marked)
{
    if (!s->world->traits.uidplus)
        cover(COVER_QUIT_PLAIN_EXPUNGE);
    /* DEC-5: without UIDPLUS a flag that is set behind the SEARCH is beyond
     * anybody's help.
     */
    if (event->was_foreign && event->unseen_flag && !s->world->traits.uidplus)
        return;
    if (!marked)
        session_fail(s, "a message was removed that was not marked");
    else if (!may_go(s, event))
        session_fail(s, "a message was removed that was to stay");
}

void judge_event(struct session *s, const struct model_event *event)
{
    struct shown *shown = find_shown(&s->judge, event);
    bool marked = shown != NULL && shown->marked;

    /* After the answer all that was to happen has happened. */
    if (!quit_is_reached(s) && !s->judge.over)
        session_fail(s, "a change before QUIT was reached");
    switch (event->kind) {
    case MODEL_STORED_DELETED:
        if (!marked || !may_go(s, event))
            session_fail(s, "a message was flagged that was not marked");
        break;
    case MODEL_STORED_SEEN:
        judge_seen(s, shown);
        break;
    case MODEL_STORED_KEYWORD:
        if (!marked || s->world->mailbox_policy.on_delete != ON_DELETE_KEEP)
            session_fail(s, "a message was hidden that was not marked");
        break;
    case MODEL_COPIED:
        judge_copy(s, shown);
        break;
    case MODEL_EXPUNGED:
        judge_expunge(s, event, marked);
        break;
    }
}

/* --- The end --- */

static bool timed_out(const struct session *s)
{
    const struct session_policy *policy = &s->world->policy;

    if (!s->judge.logged_in)
        return s->now - s->started >= policy->login_timeout_ms;
    return s->now - s->last_client_event >= policy->session_timeout_ms;
}

static bool is_gone(const struct shown *shown)
{
    return shown->box->messages[shown->message].gone;
}

/* A message was removed by others while it was being read in windows. */
static bool is_message_gone(const struct session *s)
{
    const struct op *op = oldest(&s->judge);

    return judge_is_in_message(&s->judge) && op->number > 0 &&
           op->number <= s->judge.shown_count &&
           is_gone(&s->judge.shown[op->number - 1]);
}

void judge_close(struct session *s)
{
    const struct judge *j = &s->judge;

    if (is_message_gone(s))
        s->excused = true;
    if (s->excused || j->over || s->client_lost || s->shut_down ||
        s->injected || timed_out(s) || j->logins_failed >= POP3_LOGIN_TRIES_MAX)
        return;
    if (j->errors_in_row >= POP3_ERRORS_MAX) {
        cover(COVER_ERRORS_CLOSE);
        return;
    }
    session_fail(s, "closed without a reason");
}
