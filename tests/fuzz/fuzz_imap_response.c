/* fuzz_imap_response.c - octets from an IMAP server that means no good.
 *
 * Property: read whole, octet by octet, and in pieces whose lengths the input
 * itself gives, it brings forth the same events and the same error; what is
 * not consumed was not asked for; numbers keep the ranges that response.h
 * promises; and data of a body are as many octets as were announced.
 */
#include "base/limits.h"
#include "fuzz.h"
#include "imap/response.h"

struct reading {
    struct imap_parser *parser;
    struct buf trace;
    enum imap_status status;
    enum imap_event_kind last;
    uint64_t body_left;
};

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

/* All that an event says; the parts of a body as one. */
static void record(struct reading *r, const struct imap_event *ev)
{
    struct buf *t = &r->trace;

    check_ranges(r, ev);
    if (ev->kind != IMAP_BODY_DATA || r->last != IMAP_BODY_DATA) {
        buf_append_octet(t, '\n');
        fuzz_trace_number(t, ev->kind);
        fuzz_trace_number(t, ev->tag);
        fuzz_trace_number(t, ev->condition);
        fuzz_trace_number(t, ev->code);
        fuzz_trace_number(t, ev->number);
        fuzz_trace_number(t, ev->second_number);
        fuzz_trace_number(t, ev->flags);
        fuzz_trace_number(t, ev->capabilities.bits);
        fuzz_trace_number(t, (uint64_t)ev->whole << 2 | (uint64_t)ev->nil << 1 |
                                 ev->has_origin);
        fuzz_trace_number(t, ev->origin);
        fuzz_trace_number(t, ev->first);
        fuzz_trace_number(t, ev->last);
    }
    buf_append(t, ev->text);
    r->last = ev->kind;
}

/* |piece| lies in memory of its own, so that what is read beyond it or kept
 * of it is seen.
 */
static void feed(struct reading *r, struct span piece)
{
    struct span copy = fuzz_copy(piece);
    struct span in = copy;
    struct imap_event ev;

    while ((r->status = imap_parser_next(r->parser, &in, &ev)) == IMAP_EVENT)
        record(r, &ev);
    if (r->status == IMAP_MORE)
        REQUIRE(in.len == 0);
    fuzz_drop(copy);
}

/* |lengths|: of the pieces, in turn; none: all at once. */
static void read_in_pieces(struct reading *r, struct span wire,
                           struct span lengths)
{
    size_t turn = 0;

    *r = (struct reading){ .parser = imap_parser_new(),
                           .last = IMAP_EVENT_KIND_COUNT };
    REQUIRE(r->parser != NULL);
    buf_init(&r->trace, FUZZ_TRACE_MAX);
    while (wire.len > 0 && r->status >= 0)
        feed(r, fuzz_take_piece(&wire, lengths, &turn));
    fuzz_trace_number(&r->trace, imap_parser_is_idle(r->parser));
}

static void end(struct reading *r)
{
    buf_fini(&r->trace);
    imap_parser_free(r->parser);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span wire = span_make(data, size);
    struct span ways[] = { span_make("\1", 1), wire };
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
