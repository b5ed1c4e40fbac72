#include "support/imap_events.h"
#include "support/imap_names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/cut.h"
#include "support/octets.h"

struct recorder {
    struct imap_parser *parser;
    bool in_data; /* a line of body data is open */
};

static void append_word(struct buf *trace, const char *word)
{
    buf_append_octet(trace, ' ');
    buf_append_string(trace, word);
}

static void append_number(struct buf *trace, uint64_t number)
{
    buf_append_octet(trace, ' ');
    buf_append_number(trace, number);
}

static void append_quoted(struct buf *trace, struct span text)
{
    buf_append_string(trace, " \"");
    octets_escape(text, trace);
    buf_append_octet(trace, '"');
}

static void append_flags(struct buf *trace, uint32_t flags)
{
    if (flags & BIT(IMAP_FLAG_SEEN))
        append_word(trace, "seen");
    if (flags & BIT(IMAP_FLAG_DELETED))
        append_word(trace, "deleted");
    if (flags & BIT(IMAP_FLAG_WATCHED))
        append_word(trace, "watched");
    if (flags & BIT(IMAP_FLAG_ANY))
        append_word(trace, "any");
}

static void append_attributes(struct buf *trace, uint32_t attributes)
{
    if (attributes & BIT(IMAP_ATTRIBUTE_CLOSED))
        append_word(trace, "closed");
    if (attributes & BIT(IMAP_ATTRIBUTE_TRASH))
        append_word(trace, "trash");
}

static void append_capabilities(struct buf *trace, struct imap_capabilities set)
{
    static const char *const names[IMAP_CAP_COUNT] = {
        "rev1",    "rev2",    "starttls",   "logindisabled",
        "plain",   "scram",   "scram-plus", "oauthbearer",
        "xoauth2", "sasl-ir", "literal+",   "literal-",
        "uidplus", "id",      "utf8-only",  "condstore",
        "qresync", "move",    "list-ext",   "special-use",
    };

    for (unsigned i = 0; i < IMAP_CAP_COUNT; i++) {
        if (set.bits & BIT(i))
            append_word(trace, names[i]);
    }
}

static void append_code(struct buf *trace, const struct imap_event *ev)
{
    if (ev->code == IMAP_CODE_NONE)
        return;
    append_word(trace, imap_code_name(ev->code));
    if (ev->number)
        append_number(trace, ev->number);
    if (ev->second_number)
        append_number(trace, ev->second_number);
    append_flags(trace, ev->flags);
    append_capabilities(trace, ev->capabilities);
}

static void append_status(struct buf *trace, const struct imap_event *ev)
{
    static const char *const names[IMAP_CONDITION_COUNT] = {
        "OK", "NO", "BAD", "PREAUTH", "BYE",
    };

    if (ev->kind == IMAP_TAGGED)
        append_number(trace, ev->tag);
    append_word(trace, names[ev->condition]);
    append_code(trace, ev);
    append_quoted(trace, ev->text);
}

static void append_body(struct buf *trace, const struct imap_event *ev)
{
    if (ev->whole)
        append_word(trace, "whole");
    if (ev->has_origin) {
        buf_append_string(trace, " <");
        buf_append_number(trace, ev->origin);
        buf_append_octet(trace, '>');
    }
    if (ev->nil)
        append_word(trace, "nil");
    else
        append_number(trace, ev->number);
}

static void append_details(struct buf *trace, const struct imap_event *ev)
{
    switch (ev->kind) {
    case IMAP_TAGGED:
    case IMAP_UNTAGGED:
        append_status(trace, ev);
        break;
    case IMAP_CONTINUE:
    case IMAP_ID:
    case IMAP_NOISE:
        append_quoted(trace, ev->text);
        break;
    case IMAP_CAPABILITY:
        append_capabilities(trace, ev->capabilities);
        break;
    case IMAP_EXISTS:
    case IMAP_EXPUNGE:
    case IMAP_FETCH:
    case IMAP_FETCH_UID:
    case IMAP_FETCH_SIZE:
    case IMAP_FETCH_GMAIL_ID:
        append_number(trace, ev->number);
        break;
    case IMAP_FETCH_FLAGS:
    case IMAP_FLAGS:
        append_flags(trace, ev->flags);
        break;
    case IMAP_BODY:
        append_body(trace, ev);
        break;
    case IMAP_LIST:
        append_attributes(trace, ev->flags);
        append_quoted(trace, ev->text);
        break;
    case IMAP_SEARCH_UIDS:
    case IMAP_COPIED_UIDS:
        append_number(trace, ev->first);
        append_number(trace, ev->last);
        break;
    case IMAP_OTHER:
        append_code(trace, ev);
        break;
    case IMAP_BODY_DATA:
    case IMAP_BODY_END:
    case IMAP_FETCH_END:
    case IMAP_SEARCH_END:
    case IMAP_EVENT_KIND_COUNT:
        break;
    }
}

/* The data of one body are one line, however they were cut. */
static void append_data(struct recorder *r, struct buf *trace, struct span data)
{
    assert_true(data.len > 0);
    if (!r->in_data)
        buf_append_string(trace, "body data \"");
    r->in_data = true;
    octets_escape(data, trace);
}

static void append_event(struct recorder *r, struct buf *trace,
                         const struct imap_event *ev)
{
    if (ev->kind == IMAP_BODY_DATA) {
        append_data(r, trace, ev->text);
        return;
    }
    if (r->in_data)
        buf_append_string(trace, "\"\n");
    r->in_data = false;
    buf_append_string(trace, imap_event_kind_name(ev->kind));
    append_details(trace, ev);
    buf_append_octet(trace, '\n');
}

static const char *error_name(enum imap_status status)
{
    switch (status) {
    case IMAP_ESYNTAX:
        return "error syntax\n";
    case IMAP_ETOOBIG:
        return "error toobig\n";
    case IMAP_ENOMEM:
        return "error nomem\n";
    case IMAP_EVENT:
    case IMAP_MORE:
        break;
    }
    return "error unknown\n";
}

static void start(void *context)
{
    struct recorder *r = context;

    imap_parser_free(r->parser);
    r->parser = imap_parser_new();
    r->in_data = false;
    assert_non_null(r->parser);
    imap_parser_watch(r->parser, SPAN_LITERAL(IMAP_EVENTS_WATCHED));
}

static void feed(void *context, struct span *in, struct buf *trace)
{
    struct recorder *r = context;
    struct imap_event ev;
    enum imap_status status;

    if (!r->parser)
        return;
    while ((status = imap_parser_next(r->parser, in, &ev)) == IMAP_EVENT)
        append_event(r, trace, &ev);
    if (status == IMAP_MORE) {
        assert_int_equal(in->len, 0);
        /* Nothing comes of asking again. */
        assert_int_equal(imap_parser_next(r->parser, in, &ev), IMAP_MORE);
        return;
    }
    if (r->in_data)
        buf_append_string(trace, "\"\n");
    buf_append_string(trace, error_name(status));
    /* Errors stick, and nothing is read any more. */
    struct span more = SPAN_LITERAL("* 1 EXISTS\r\n");
    assert_int_equal(imap_parser_next(r->parser, &more, &ev), status);
    assert_int_equal(more.len, 12);
    imap_parser_free(r->parser);
    r->parser = NULL;
}

static void finish(void *context, struct span rest, struct buf *trace)
{
    struct recorder *r = context;

    if (!r->parser)
        return;
    assert_int_equal(rest.len, 0);
    if (r->in_data)
        buf_append_string(trace, "\"\n");
    if (!imap_parser_is_idle(r->parser))
        buf_append_string(trace, "unfinished\n");
    imap_parser_free(r->parser);
    r->parser = NULL;
}

void imap_events_check_at(struct span wire, struct span expected,
                          const char *file, int line)
{
    struct recorder r = { 0 };
    struct cut_subject subject = { start, feed, finish, &r };

    cut_check_at(&subject, wire, expected, file, line);
    imap_parser_free(r.parser);
}

void imap_events_record(struct span wire, size_t step, struct buf *trace)
{
    struct recorder r = { 0 };

    start(&r);
    while (wire.len > 0 && r.parser) {
        struct span piece =
            span_take(&wire, step > 0 && step < wire.len ? step : wire.len);

        feed(&r, &piece, trace);
    }
    finish(&r, wire, trace);
}
