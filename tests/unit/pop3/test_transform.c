/* test_transform.c - what the server holds, as the client must get it.
 *
 * Each example is cut at every octet. A model that goes octet by octet, and
 * says nothing of how the transform works, is compared with it over many
 * inputs of the five octets that matter.
 */
#include "pop3/transform.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "support/cut.h"
#include "support/octets.h"
#include "support/random.h"

#define WHOLE (-1)

struct context {
    struct pop3_transform transform;
    int64_t lines; /* of TOP, or WHOLE */
};

static void start(void *context)
{
    struct context *c = context;

    if (c->lines == WHOLE)
        pop3_transform_init(&c->transform);
    else
        pop3_transform_init_top(&c->transform, (uint32_t)c->lines);
}

static void feed(void *context, struct span *in, struct buf *trace)
{
    struct context *c = context;

    pop3_transform_feed(&c->transform, span_take(in, in->len), trace);
}

static void finish(void *context, struct span rest, struct buf *trace)
{
    struct context *c = context;

    (void)rest;
    pop3_transform_end(&c->transform, trace);
}

static struct context context;
static const struct cut_subject transform = { start, feed, finish, &context };

static void check(const char *input, const char *expected)
{
    context.lines = WHOLE;
    cut_check(&transform, span_from_string(input), span_from_string(expected));
    assert_false(pop3_transform_is_complete(&context.transform));
}

static void check_top(uint32_t lines, const char *input, const char *expected,
                      bool complete)
{
    context.lines = lines;
    cut_check(&transform, span_from_string(input), span_from_string(expected));
    assert_int_equal(pop3_transform_is_complete(&context.transform), complete);
}

/* Ordinary mail passes as it is. */
static void test_ordinary(void **state)
{
    (void)state;
    check("", ".\r\n");
    check("\r\n", "\r\n.\r\n");
    check("A: b\r\n\r\nc.d\r\ne.\r\n", "A: b\r\n\r\nc.d\r\ne.\r\n.\r\n");
    check("\xC3\xA4\xFF\r\n", "\xC3\xA4\xFF\r\n.\r\n");
}

/* POP-8: leading dots are doubled. */
static void test_dots(void **state)
{
    (void)state;
    check(".\r\n", "..\r\n.\r\n");
    check(".", "..\r\n.\r\n");
    check("..\r\n", "...\r\n.\r\n");
    check(".x\r\n", "..x\r\n.\r\n");
    check("a\r\n.\r\n..\r\n.x\r\nb\r\n", "a\r\n..\r\n...\r\n..x\r\nb\r\n.\r\n");
    check("a\r\n\r\n.\r\n", "a\r\n\r\n..\r\n.\r\n");
}

/* DEC-9: a bare LF becomes CRLF, and a line starts behind it. */
static void test_bare_lf(void **state)
{
    (void)state;
    check("\n", "\r\n.\r\n");
    check("\n\n", "\r\n\r\n.\r\n");
    check("a\nb\n", "a\r\nb\r\n.\r\n");
    check("a\n.\r\nb", "a\r\n..\r\nb\r\n.\r\n");
    check("a\n.\nb\r\n", "a\r\n..\r\nb\r\n.\r\n");
    check("a\r\nb\nc\r\n", "a\r\nb\r\nc\r\n.\r\n");
}

/* DEC-9: a bare CR passes and starts no line. */
static void test_bare_cr(void **state)
{
    (void)state;
    check("a\rb\r\n", "a\rb\r\n.\r\n");
    check("a\r.\r\nb\r\n", "a\r.\r\nb\r\n.\r\n");
    check("\r.\r\n", "\r.\r\n.\r\n");
    check("\r\r\n.\r\n", "\r\r\n..\r\n.\r\n");
    check("\r\r\r", "\r\r\r\r\n.\r\n");
}

/* DEC-9: a missing last CRLF is added. */
static void test_open_end(void **state)
{
    (void)state;
    check("a", "a\r\n.\r\n");
    check("a\r\nb", "a\r\nb\r\n.\r\n");
    check("a\r", "a\r\r\n.\r\n");
    check("\r", "\r\r\n.\r\n");
}

/* DEC-9: NUL passes. */
static void test_nul(void **state)
{
    (void)state;
    context.lines = WHOLE;
    cut_check_literal(&transform, "\0a\r\n.\0\n\0",
                      "\0a\r\n..\0\r\n\0\r\n.\r\n");
}

/* POP-26, DEC-11: the header, the blank line and so many lines. */
static void test_top(void **state)
{
    static const char mail[] = "A: b\r\nC: d\r\n\r\none\r\n.two\r\n\r\nfour";

    (void)state;
    check_top(0, mail, "A: b\r\nC: d\r\n\r\n.\r\n", true);
    check_top(1, mail, "A: b\r\nC: d\r\n\r\none\r\n.\r\n", true);
    check_top(2, mail, "A: b\r\nC: d\r\n\r\none\r\n..two\r\n.\r\n", true);
    check_top(3, mail, "A: b\r\nC: d\r\n\r\none\r\n..two\r\n\r\n.\r\n", true);
    check_top(4, mail, "A: b\r\nC: d\r\n\r\none\r\n..two\r\n\r\nfour\r\n.\r\n",
              false);
    check_top(UINT32_MAX, mail,
              "A: b\r\nC: d\r\n\r\none\r\n..two\r\n\r\nfour\r\n.\r\n", false);
}

static void test_top_without_body(void **state)
{
    (void)state;
    check_top(0, "", ".\r\n", false);
    check_top(1, "A: b", "A: b\r\n.\r\n", false);
    check_top(1, "A: b\r\n", "A: b\r\n.\r\n", false);
    check_top(1, "A: b\r\n\r\n", "A: b\r\n\r\n.\r\n", false);
    check_top(0, "A: b\r\n\r\n", "A: b\r\n\r\n.\r\n", true);
}

/* What is a blank line, and what only looks like one. */
static void test_top_blank_line(void **state)
{
    (void)state;
    check_top(0, "\r\na\r\n", "\r\n.\r\n", true);
    check_top(0, "\na\r\n", "\r\n.\r\n", true);
    check_top(0, "A: b\n\nc\n", "A: b\r\n\r\n.\r\n", true);
    check_top(1, "A: b\n\nc\nd\n", "A: b\r\n\r\nc\r\n.\r\n", true);
    check_top(0, "A: b\r\n\nc", "A: b\r\n\r\n.\r\n", true);
    check_top(0, "A: b\n\r\nc", "A: b\r\n\r\n.\r\n", true);
    check_top(0, "A: b\r\r\n\r\nc", "A: b\r\r\n\r\n.\r\n", true);
    check_top(0, "A\r\n\r\r\nB\r\n", "A\r\n\r\r\nB\r\n.\r\n", false);
    check_top(0, "A\r\n \r\nB\r\n", "A\r\n \r\nB\r\n.\r\n", false);
    check_top(0, "A\r\n.\r\nB\r\n", "A\r\n..\r\nB\r\n.\r\n", false);
}

/* --- the model --- */

/* The input line by line: where one ends is where its LF is. */
static void model(struct span in, int64_t lines, struct buf *out)
{
    bool in_header = true;
    size_t i = 0;

    while (i < in.len && (lines == WHOLE || in_header || lines > 0)) {
        size_t line = i;

        if (in.data[i] == '.')
            buf_append_octet(out, '.');
        while (i < in.len && in.data[i] != '\n')
            buf_append_octet(out, in.data[i++]);
        if (i == in.len || i == line || in.data[i - 1] != '\r')
            buf_append_octet(out, '\r');
        buf_append_octet(out, '\n');
        if (lines != WHOLE && !in_header)
            lines--;
        if (i == line || (i == line + 1 && in.data[line] == '\r'))
            in_header = i == in.len;
        i++;
    }
    buf_append_string(out, ".\r\n");
}

static size_t random_input(struct random_source *r, unsigned char *in,
                           size_t max)
{
    static const unsigned char alphabet[] = { '\r', '\n', '.', 'a', '\0' };
    size_t len = random_below(r, max + 1);

    for (size_t i = 0; i < len; i++)
        in[i] = alphabet[random_below(r, sizeof(alphabet))];
    return len;
}

/* In up to four pieces, cut anywhere. */
static void run_in_pieces(struct random_source *r, struct span in,
                          struct buf *out)
{
    struct span empty = { NULL, 0 };

    start(&context);
    for (int piece = 0; piece < 3; piece++) {
        struct span front = span_take(&in, random_below(r, in.len + 1));

        feed(&context, &front, out);
    }
    feed(&context, &in, out);
    finish(&context, empty, out);
}

/* DEC-9, DEC-11, POP-8: 300,000 inputs, as the model says. */
static void test_like_the_model(void **state)
{
    struct random_source r;
    struct buf expected;
    struct buf actual;
    unsigned char octets[40];

    (void)state;
    random_init(&r, 3);
    for (int i = 0; i < 300000; i++) {
        struct span in = span_make(octets, random_input(&r, octets, 40));

        context.lines = (int64_t)random_below(&r, 6) - 1;
        buf_init(&expected, 200);
        buf_init(&actual, POP3_TRANSFORM_MAX(in.len));
        model(in, context.lines, &expected);
        run_in_pieces(&r, in, &actual);
        assert_false(buf_failed(&actual));
        assert_octets(buf_span(&actual), buf_span(&expected));
        buf_fini(&expected);
        buf_fini(&actual);
    }
}

static void compare_with_model(struct span in, int64_t lines)
{
    struct buf expected;
    struct buf actual;

    context.lines = lines;
    buf_init(&expected, 100);
    buf_init(&actual, POP3_TRANSFORM_MAX(in.len));
    model(in, lines, &expected);
    start(&context);
    feed(&context, &in, &actual);
    finish(&context, in, &actual);
    assert_octets(buf_span(&actual), buf_span(&expected));
    buf_fini(&expected);
    buf_fini(&actual);
}

/* Every input of up to seven octets of the alphabet but NUL, whole. */
static void test_all_short_inputs(void **state)
{
    static const unsigned char alphabet[] = { '\r', '\n', '.', 'a' };
    unsigned char octets[7];

    (void)state;
    for (size_t len = 0; len <= sizeof(octets); len++) {
        for (unsigned number = 0; number < 1U << 2 * len; number++) {
            for (size_t i = 0; i < len; i++)
                octets[i] = alphabet[number >> 2 * i & 3];
            for (int64_t lines = WHOLE; lines <= 2; lines++)
                compare_with_model(span_make(octets, len), lines);
        }
    }
}

/* The bound of the header is the right one: reached, never passed. */
static void test_bound(void **state)
{
    static unsigned char octets[READ_CHUNK];
    struct pop3_transform t;
    struct buf out;

    (void)state;
    memset(octets, '\n', sizeof(octets));
    octets[sizeof(octets) - 1] = '.';
    buf_init(&out, POP3_TRANSFORM_MAX(sizeof(octets)));
    pop3_transform_init(&t);
    pop3_transform_feed(&t, span_make(octets, sizeof(octets)), &out);
    pop3_transform_end(&t, &out);
    assert_false(buf_failed(&out));
    assert_int_equal(buf_room(&out), 0);
    buf_fini(&out);
    assert_true(POP3_TRANSFORM_MAX(READ_CHUNK) <=
                CLIENT_OUTPUT_MAX - CLIENT_OUTPUT_HIGH);
}

/* Nothing of the input is written behind what TOP wants. */
static void test_nothing_after_complete(void **state)
{
    struct pop3_transform t;
    struct buf out;

    (void)state;
    buf_init(&out, 100);
    pop3_transform_init_top(&t, 0);
    pop3_transform_feed(&t, SPAN_LITERAL("A: b\r\n\r\nbody"), &out);
    assert_true(pop3_transform_is_complete(&t));
    pop3_transform_feed(&t, SPAN_LITERAL("more\r\n"), &out);
    pop3_transform_end(&t, &out);
    assert_buf_string(&out, "A: b\r\n\r\n.\r\n");
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest pop3_transform[] = {
        cmocka_unit_test(test_ordinary),
        cmocka_unit_test(test_dots),
        cmocka_unit_test(test_bare_lf),
        cmocka_unit_test(test_bare_cr),
        cmocka_unit_test(test_open_end),
        cmocka_unit_test(test_nul),
        cmocka_unit_test(test_top),
        cmocka_unit_test(test_top_without_body),
        cmocka_unit_test(test_top_blank_line),
        cmocka_unit_test(test_like_the_model),
        cmocka_unit_test(test_all_short_inputs),
        cmocka_unit_test(test_bound),
        cmocka_unit_test(test_nothing_after_complete),
    };

    return cmocka_run_group_tests(pop3_transform, NULL, NULL);
}
