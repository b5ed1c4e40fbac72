/* fuzz_pop3_transform.c - any message, made into POP3 lines.
 *
 * Property: whole, octet by octet and in pieces the output is the same, and it
 * is what a plain model makes of the whole message; a client that takes the
 * stuffed dots off has the message again, with CRLF where a bare LF was and
 * a line end at its end; and it is never longer than POP3_TRANSFORM_MAX.
 */
#include "fuzz.h"
#include "pop3/transform.h"

struct wanted {
    bool top;
    uint32_t lines;
};

static void transform(struct wanted w, struct span message, struct span lengths,
                      struct buf *out)
{
    struct pop3_transform t;
    size_t turn = 0;

    if (w.top)
        pop3_transform_init_top(&t, w.lines);
    else
        pop3_transform_init(&t);
    while (message.len > 0) {
        struct span piece = fuzz_take_piece(&message, lengths, &turn);
        struct span copy = fuzz_copy(piece);
        size_t before = buf_length(out);
        bool complete = pop3_transform_is_complete(&t);

        pop3_transform_feed(&t, copy, out);
        fuzz_drop(copy);
        REQUIRE(buf_length(out) - before <= POP3_TRANSFORM_MAX(piece.len));
        REQUIRE(!complete || buf_length(out) == before);
    }
    REQUIRE(w.top || !pop3_transform_is_complete(&t));
    pop3_transform_end(&t, out);
}

/* The lines that are wanted, with CRLF each. */
static void model(struct wanted w, struct span message, struct buf *out)
{
    bool in_header = true;
    uint64_t left = w.lines;

    while (message.len > 0 && (!w.top || in_header || left > 0)) {
        struct span line = span_take(&message, span_find(message, '\n'));

        /* The CR of a last line that no LF ends stays a part of it. */
        if (message.len > 0 && line.len > 0 && line.data[line.len - 1] == '\r')
            line.len--;
        (void)fuzz_take(&message, 1);
        buf_append(out, line);
        buf_append_string(out, "\r\n");
        if (!in_header)
            left--;
        else
            in_header = line.len > 0;
    }
}

/* What a client does: a line that begins with a dot loses it, and a lone dot
 * is the end, behind which nothing comes.
 */
static void unstuff(struct span wire, struct buf *out)
{
    for (;;) {
        size_t lf = span_find(wire, '\n');
        struct span line;

        REQUIRE(lf > 0 && lf < wire.len && wire.data[lf - 1] == '\r');
        line = span_take(&wire, lf + 1);
        if (span_equals(line, SPAN_LITERAL(".\r\n"))) {
            REQUIRE(wire.len == 0);
            return;
        }
        if (line.data[0] == '.') {
            (void)span_take(&line, 1);
            REQUIRE(line.data[0] == '.');
        }
        buf_append(out, line);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span message = span_make(data, size);
    unsigned head = fuzz_take_octet(&message);
    struct wanted w = { .top = head % 2, .lines = head / 2 };
    struct span ways[] = { span_make(NULL, 0), span_make("\1", 1),
                           span_make("\1\3\20", 3), message };
    struct buf expected;

    buf_init(&expected, FUZZ_TRACE_MAX);
    model(w, message, &expected);
    for (size_t i = 0; i < ARRAY_LENGTH(ways); i++) {
        struct buf out, back;

        buf_init(&out, FUZZ_TRACE_MAX);
        buf_init(&back, FUZZ_TRACE_MAX);
        transform(w, message, ways[i], &out);
        REQUIRE(buf_length(&out) <= POP3_TRANSFORM_MAX(message.len));
        unstuff(buf_span(&out), &back);
        REQUIRE(span_equals(buf_span(&back), buf_span(&expected)));
        buf_fini(&out);
        buf_fini(&back);
    }
    buf_fini(&expected);
    return 0;
}
