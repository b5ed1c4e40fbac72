/* fuzz_imap_response.c - octets from an IMAP server that means no good.
 *
 * Property: read whole, octet by octet, and in pieces whose lengths the input
 * itself gives, it brings forth the same events and the same error; what is
 * not consumed was not asked for; numbers keep the ranges that response.h
 * promises; and data of a body are as many octets as were announced.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/span.h"
#include "imap/response.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TRACE_MAX (64 * 1024 * 1024)
#define REQUIRE(condition) ((condition) ? (void)0 : fail(#condition, __LINE__))

struct reading {
    struct imap_parser *parser;
    struct buf trace;
    enum imap_status status;
    enum imap_event_kind last;
    uint64_t body_left;
};

static void fail(const char *what, int line)
{
    fprintf(stderr, "fuzz_imap_response.c:%d: %s\n", line, what);
    abort();
}

static void check_ranges(struct reading *r, const struct imap_event *ev)
{
    if (ev->kind == IMAP_FETCH_UID)
        REQUIRE(ev->number >= 1 && ev->number <= UINT32_MAX);
    if (ev->kind == IMAP_FETCH_SIZE || ev->kind == IMAP_BODY)
        REQUIRE(ev->number <= INT64_MAX && ev->origin <= INT64_MAX);
    if (ev->kind == IMAP_SEARCH_UIDS)
        REQUIRE(ev->first >= 1 && ev->first <= ev->last);
    if (ev->kind == IMAP_TAGGED)
        REQUIRE(ev->tag >= 1 && ev->condition <= IMAP_BAD);
    if (ev->kind == IMAP_BODY)
        r->body_left = ev->number;
    if (ev->kind == IMAP_BODY_DATA) {
        REQUIRE(ev->text.len > 0 && ev->text.len <= r->body_left);
        r->body_left -= ev->text.len;
        return;
    }
    if (ev->kind == IMAP_BODY_END)
        REQUIRE(r->body_left == 0);
    REQUIRE(ev->text.len <= IMAP_TEXT_MAX);
}

static void record_number(struct buf *trace, uint64_t number)
{
    buf_append_octet(trace, ' ');
    buf_append_number(trace, number);
}

/* All that an event says; the parts of a body as one. */
static void record(struct reading *r, const struct imap_event *ev)
{
    struct buf *t = &r->trace;

    check_ranges(r, ev);
    if (ev->kind != IMAP_BODY_DATA || r->last != IMAP_BODY_DATA) {
        buf_append_octet(t, '\n');
        buf_append_string(t, imap_event_kind_name(ev->kind));
        record_number(t, ev->tag);
        record_number(t, ev->condition);
        record_number(t, ev->code);
        record_number(t, ev->number);
        record_number(t, ev->second_number);
        record_number(t, ev->flags);
        record_number(t, ev->capabilities.bits);
        record_number(t, (uint64_t)ev->whole << 2 | (uint64_t)ev->nil << 1 |
                             ev->has_origin);
        record_number(t, ev->origin);
        record_number(t, ev->first);
        record_number(t, ev->last);
    }
    buf_append(t, ev->text);
    r->last = ev->kind;
}

/* |piece| lies in memory of its own, so that what is read beyond it or kept
 * of it is seen.
 */
static void feed(struct reading *r, struct span piece)
{
    unsigned char *octets = malloc(piece.len + 1);
    struct span in = span_make(octets, piece.len);
    struct imap_event ev;

    REQUIRE(octets != NULL);
    memcpy(octets, piece.data, piece.len);
    while ((r->status = imap_parser_next(r->parser, &in, &ev)) == IMAP_EVENT)
        record(r, &ev);
    if (r->status == IMAP_MORE)
        REQUIRE(in.len == 0);
    free(octets);
}

/* |lengths|: of the pieces, in turn; none: all at once. */
static void read_in_pieces(struct reading *r, struct span wire,
                           struct span lengths)
{
    size_t i = 0;

    *r = (struct reading){ .parser = imap_parser_new(),
                           .last = IMAP_EVENT_KIND_COUNT };
    REQUIRE(r->parser != NULL);
    buf_init(&r->trace, TRACE_MAX);
    while (wire.len > 0 && r->status >= 0) {
        size_t n = wire.len;

        if (lengths.len > 0 && lengths.data[i % lengths.len] + 1U < n)
            n = lengths.data[i % lengths.len] + 1U;
        i++;
        feed(r, span_take(&wire, n));
    }
    record_number(&r->trace, imap_parser_is_idle(r->parser));
}

static void end(struct reading *r)
{
    buf_fini(&r->trace);
    imap_parser_free(r->parser);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span wire = span_make(data, size);
    struct span ways[] = { span_make("", 1), wire };
    struct reading whole;

    read_in_pieces(&whole, wire, span_make(NULL, 0));
    for (size_t i = 0; i < ARRAY_LENGTH(ways); i++) {
        struct reading cut;

        read_in_pieces(&cut, wire, ways[i]);
        REQUIRE(cut.status == whole.status);
        REQUIRE(span_equals(buf_span(&cut.trace), buf_span(&whole.trace)));
        end(&cut);
    }
    end(&whole);
    return 0;
}
