/* The maildrop as it must be: what the answers about it must say. */
#include <stdio.h>

#include "base/limits.h"
#include "sim/cover.h"
#include "sim/judge_reply.h"
#include "sim/plain.h"

#define EXPECTED_MAX (16 * 1024 * 1024)

static void compare(struct session *s, struct span actual, struct buf *expected,
                    const char *what)
{
    if (!span_equals(actual, buf_span(expected)))
        session_fail(s, "%s: not what it should be", what);
    buf_fini(expected);
}

static struct shown *find(struct session *s, const struct op *op)
{
    struct judge *j = &s->judge;

    if (!j->logged_in || op->number == 0 || op->number > j->shown_count ||
        j->shown[op->number - 1].marked)
        return NULL;
    return &j->shown[op->number - 1];
}

void judge_on_stat(struct session *s, const struct op *op,
                   const struct reply *r)
{
    struct judge *j = &s->judge;
    struct buf expected;
    uint64_t count = 0;
    uint64_t octets = 0;

    if (!j->logged_in)
        judge_must(s, op, false, r);
    if (!j->logged_in || !judge_should(s, op, r))
        return;
    for (size_t i = 0; i < j->shown_count; i++) {
        count += !j->shown[i].marked;
        octets += j->shown[i].marked ? 0 : j->shown[i].size;
    }
    buf_init(&expected, EXPECTED_MAX);
    buf_append_string(&expected, "+OK ");
    buf_append_number(&expected, count);
    buf_append_octet(&expected, ' ');
    buf_append_number(&expected, octets);
    buf_append_string(&expected, "\r\n");
    compare(s, r->first, &expected, "STAT");
}

static const char *const id_formats[UNIQUE_ID_FORMAT_COUNT] = {
    [UNIQUE_ID_POPINJAY] = "%1$u.%2$u",   [UNIQUE_ID_CYRUS] = "%1$u.%2$u",
    [UNIQUE_ID_DOVECOT] = "%2$08x%1$08x", [UNIQUE_ID_COURIER] = "UID%2$u-%1$u",
    [UNIQUE_ID_UW] = "%1$08x%2$08x",
};

/* The mark of MODEL_SECOND is what devices have stored: a constant. */
static void write_id(const struct session *s, const struct shown *shown,
                     struct buf *out)
{
    char text[UNIQUE_ID_MAX + 1];
    enum unique_id_format format = s->world->mailbox_policy.unique_ids;

    if (format == UNIQUE_ID_UID)
        snprintf(text, sizeof(text), "%u", shown->uid);
    else
        snprintf(text, sizeof(text), id_formats[format], shown->uidvalidity,
                 shown->uid);
    buf_append_string(out, text);
    if (shown->in_second)
        buf_append_string(out, "+1b117d9e");
}

static void write_line(const struct session *s, size_t index, bool ids,
                       struct buf *out)
{
    const struct shown *shown = &s->judge.shown[index];

    buf_append_number(out, index + 1);
    buf_append_octet(out, ' ');
    if (ids)
        write_id(s, shown, out);
    else
        buf_append_number(out, shown->size);
    buf_append_string(out, "\r\n");
}

void judge_on_listing(struct session *s, const struct op *op,
                      const struct reply *r)
{
    struct judge *j = &s->judge;
    bool ids = op->kind == OP_UIDL;
    struct buf expected;

    if (!j->logged_in || (ids && s->world->traits.uid_not_sticky)) {
        judge_must(s, op, false, r);
        return;
    }
    if (!judge_should(s, op, r))
        return;
    buf_init(&expected, EXPECTED_MAX);
    for (size_t i = 0; i < j->shown_count; i++) {
        if (!j->shown[i].marked)
            write_line(s, i, ids, &expected);
    }
    buf_append_string(&expected, ".\r\n");
    compare(s, r->rest, &expected, ids ? "UIDL" : "LIST");
}

void judge_on_listing_one(struct session *s, const struct op *op,
                          const struct reply *r)
{
    struct shown *shown = find(s, op);
    bool ids = op->kind == OP_UIDL_ONE;
    struct buf expected;

    if (shown == NULL || (ids && s->world->traits.uid_not_sticky)) {
        judge_must(s, op, false, r);
        return;
    }
    if (!judge_should(s, op, r))
        return;
    buf_init(&expected, EXPECTED_MAX);
    buf_append_string(&expected, "+OK ");
    write_line(s, op->number - 1, ids, &expected);
    compare(s, r->first, &expected, ids ? "UIDL n" : "LIST n");
}

static void message_failed(struct session *s, const struct op *op,
                           struct shown *shown, const struct reply *r)
{
    const struct model_message *m = &shown->box->messages[shown->message];

    if (op->kind == OP_RETR)
        shown->retr_failed = true;
    else
        shown->top_failed = true;
    if (!m->gone && !m->unreadable)
        (void)judge_should(s, op, r);
    cover(m->gone ? COVER_RETR_GONE : COVER_RETR_FAILED);
}

void judge_on_message(struct session *s, const struct op *op,
                      const struct reply *r)
{
    struct shown *shown = find(s, op);
    const struct model_message *m;
    struct buf expected;

    s->judge.messages++;
    if (shown == NULL) {
        judge_must(s, op, false, r);
        return;
    }
    if (!r->ok) {
        message_failed(s, op, shown, r);
        return;
    }
    m = &shown->box->messages[shown->message];
    buf_init(&expected, EXPECTED_MAX);
    plain_message(span_make(m->body, m->size), op->kind == OP_TOP, op->lines,
                  &expected);
    compare(s, r->rest, &expected, op->kind == OP_TOP ? "TOP" : "RETR");
    shown->top_failed = false;
    if (op->kind == OP_RETR)
        shown->retr_failed = false;
    shown->read = shown->read || op->kind == OP_RETR;
    cover(op->kind == OP_TOP ? COVER_TOP : COVER_RETR);
    if (op->kind == OP_RETR && r->rest.len > CLIENT_OUTPUT_MAX)
        cover(COVER_RETR_LARGE);
    if (op->kind == OP_TOP && r->rest.len > TOP_WINDOW)
        cover(COVER_TOP_LARGE);
}

static bool may_expunge(const struct world *w)
{
    return !w->traits.no_deleted_flag &&
           (w->traits.uidplus ||
            w->mailbox_policy.without_uidplus == REMOVAL_GUARDED);
}

static bool may_delete(const struct world *w)
{
    if (w->traits.read_only)
        return false;
    switch (w->mailbox_policy.on_delete) {
    case ON_DELETE_EXPUNGE:
        return may_expunge(w);
    case ON_DELETE_TRASH:
        return !w->traits.no_trash && (w->traits.move || may_expunge(w));
    case ON_DELETE_SEEN:
        return true;
    case ON_DELETE_KEEP:
        return !w->traits.no_deleted_flag && !w->traits.no_keywords;
    case ON_DELETE_COUNT:
        break;
    }
    return false;
}

void judge_on_dele(struct session *s, const struct op *op,
                   const struct reply *r)
{
    struct shown *shown = find(s, op);
    bool failed = shown != NULL && (shown->retr_failed || shown->top_failed);

    if (shown == NULL || !may_delete(s->world) || failed) {
        judge_must(s, op, false, r);
        if (shown != NULL)
            cover(failed ? COVER_DELE_UNREAD : COVER_DELE_REFUSED);
        return;
    }
    if (!judge_should(s, op, r))
        return;
    shown->marked = true;
    cover(COVER_DELE);
}

void judge_on_rset(struct session *s, const struct op *op,
                   const struct reply *r)
{
    bool any = false;

    if (!s->judge.logged_in)
        judge_must(s, op, false, r);
    if (!s->judge.logged_in || !judge_should(s, op, r))
        return;
    for (size_t i = 0; i < s->judge.shown_count; i++) {
        any = any || s->judge.shown[i].marked;
        s->judge.shown[i].marked = false;
    }
    if (any)
        cover(COVER_RSET);
}

/* --- QUIT --- */

static bool is_marked(const struct judge *j, const struct model_mailbox *box,
                      size_t message)
{
    for (size_t i = 0; i < j->shown_count; i++) {
        if (j->shown[i].box == box && j->shown[i].message == message)
            return j->shown[i].marked;
    }
    return false;
}

/* Flagged, and not by this session: perhaps by one before it that failed. */
static bool others_have_flagged(const struct session *s)
{
    for (unsigned b = 0; b < MODEL_BOXES_MAX; b++) {
        const struct model_mailbox *box = &s->world->boxes[b];

        for (size_t i = 0; i < box->count; i++)
            if (!box->messages[i].gone && box->messages[i].deleted &&
                !is_marked(&s->judge, box, i))
                return true;
    }
    return false;
}

static bool expunges(const struct world *w)
{
    return w->mailbox_policy.on_delete == ON_DELETE_EXPUNGE ||
           (w->mailbox_policy.on_delete == ON_DELETE_TRASH && !w->traits.move);
}

/* What DELE marked is where the policy wants it, or others have removed it. */
static bool is_done(const struct world *w, const struct model_message *message)
{
    switch (w->mailbox_policy.on_delete) {
    case ON_DELETE_SEEN:
        return message->gone || message->seen;
    case ON_DELETE_KEEP:
        return message->gone || message->has_keyword;
    case ON_DELETE_EXPUNGE:
    case ON_DELETE_TRASH:
    case ON_DELETE_COUNT:
        break;
    }
    return message->gone;
}

static void cover_quit(const struct session *s, uint64_t marked)
{
    static const enum cover what[ON_DELETE_COUNT] = {
        [ON_DELETE_EXPUNGE] = COVER_QUIT_REMOVED,
        [ON_DELETE_TRASH] = COVER_QUIT_MOVED,
        [ON_DELETE_SEEN] = COVER_QUIT_FLAGGED,
        [ON_DELETE_KEEP] = COVER_QUIT_KEPT,
    };

    cover(marked > 0 ? what[s->world->mailbox_policy.on_delete]
                     : COVER_QUIT_OK);
    cover_add(COVER_QUIT_REMOVED_MESSAGES, marked);
    if (marked > 0 && s->reconnected)
        cover(s->asked_at_quit ? COVER_QUIT_RENEWED_OK
                               : COVER_QUIT_RECONNECT_OK);
    if (marked > 0 && others_have_flagged(s))
        cover(COVER_FOREIGN_KEPT);
}

static void quit_failed(struct session *s, const struct op *op,
                        const struct reply *r, uint64_t marked)
{
    bool guarded = !s->world->traits.uidplus && expunges(s->world) &&
                   others_have_flagged(s);

    cover(COVER_QUIT_REFUSED);
    if (guarded)
        cover(COVER_QUIT_GUARDED);
    if (marked == 0)
        (void)judge_should(s, op, r);
    else if (!guarded && !s->disturbed && !s->renumbered)
        (void)judge_should(s, op, r);
}

void judge_on_quit(struct session *s, const struct op *op,
                   const struct reply *r)
{
    struct judge *j = &s->judge;
    uint64_t marked = 0;
    uint64_t left = 0;

    j->over = true;
    if (!j->logged_in) {
        judge_must(s, op, true, r);
        return;
    }
    for (size_t i = 0; i < j->shown_count; i++) {
        marked += j->shown[i].marked;
        left +=
            j->shown[i].marked &&
            !is_done(s->world, &j->shown[i].box->messages[j->shown[i].message]);
    }
    if (!r->ok) {
        quit_failed(s, op, r, marked);
        return;
    }
    if (left > 0)
        session_fail(s, "+OK to QUIT, and a marked message is still there");
    cover_quit(s, marked);
}
