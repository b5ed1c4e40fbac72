/* test_line.c - lines out of octets, however they come.
 *
 * In a trace a line stands as <line>, an error as LONG or CONTROL, what is
 * left at the end as +N.
 */
#include "pop3/line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "support/cut.h"
#include "support/octets.h"

struct context {
    struct pop3_line_reader reader;
    size_t limit;
};

static void start(void *context)
{
    struct context *c = context;

    pop3_line_reader_init(&c->reader);
}

static void feed(void *context, struct span *in, struct buf *trace)
{
    struct context *c = context;
    struct span line;

    for (;;) {
        switch (pop3_line_next(&c->reader, in, c->limit, &line)) {
        case POP3_LINE_READY:
            buf_append_octet(trace, '<');
            buf_append(trace, line);
            buf_append_octet(trace, '>');
            break;
        case POP3_LINE_MORE:
            return;
        case POP3_LINE_ETOOLONG:
            buf_append_string(trace, "LONG");
            break;
        case POP3_LINE_ECONTROL:
            buf_append_string(trace, "CONTROL");
            break;
        }
    }
}

static void finish(void *context, struct span rest, struct buf *trace)
{
    (void)context;
    if (rest.len > 0) {
        buf_append_octet(trace, '+');
        buf_append_number(trace, rest.len);
    }
}

static struct context context;
static const struct cut_subject reader = { start, feed, finish, &context };

static void check(size_t limit, const char *input, const char *expected)
{
    context.limit = limit;
    cut_check(&reader, span_from_string(input), span_from_string(expected));
}

/* Many commands in one segment, or each octet alone. */
static void test_lines(void **state)
{
    (void)state;
    check(255, "", "");
    check(255, "\r\n", "<>");
    check(255, "NOOP\r\n", "<NOOP>");
    check(255, "USER a\r\nPASS b \r\nSTAT\r\nQUIT\r\n",
          "<USER a><PASS b ><STAT><QUIT>");
    check(255, "NOOP\r\nQUI", "<NOOP>+3");
    check(255, "NOOP\r", "+5");
    check(255, "PASS \t\xC3\xA4\xFF\r\n", "<PASS \t\xC3\xA4\xFF>");
}

/* DEC-24: a lone LF is a line end. */
static void test_lone_lf(void **state)
{
    (void)state;
    check(255, "\n", "<>");
    check(255, "STAT\nQUIT\r\n\n\r\n", "<STAT><QUIT><><>");
}

/* DEC-24: one error for one line, and the next is read. */
static void test_control_octets(void **state)
{
    (void)state;
    check(255, "ST\rAT\r\nQUIT\r\n", "CONTROL<QUIT>");
    check(255, "STAT\r\r\nQUIT\r\n", "CONTROL<QUIT>");
    check(255, "\rSTAT\r\nQUIT\r\n", "CONTROL<QUIT>");
    check(255, "\x1B[A\r\n\x7F\r\n\x01\nQUIT\n", "CONTROLCONTROLCONTROL<QUIT>");
    context.limit = 255;
    cut_check_literal(&reader, "ST\0AT\r\n\0\nQUIT\r\n",
                      "CONTROLCONTROL<QUIT>");
}

static void test_limit(void **state)
{
    (void)state;
    check(6, "abcd\r\nx\r\n", "<abcd><x>");
    check(6, "abcde\r\nx\r\n", "LONG<x>");
    check(6, "abcde\nx\n", "<abcde><x>");
    check(6, "abcdef\nx\n", "LONG<x>");
    check(6, "abcdefghijklmnopqrstuvwxyz\r\nx\r\nabcdefg\r\ny\r\n",
          "LONG<x>LONG<y>");
    /* One error a line, though it has two mistakes. */
    check(6, "ab\rcdefgh\r\nx\r\n", "LONG<x>");
    check(6, "abcde", "+5");
    check(6, "abcdef", "");
    check(6, "abcdefgh", "");
}

/* POP-4, SASL-6: as long as the RFCs say, and one octet longer. */
static void check_length(size_t limit, size_t length, bool expected)
{
    static unsigned char octets[POP3_SASL_LINE_MAX + 100];
    struct pop3_line_reader r;
    struct span in = span_make(octets, length);
    struct span line;

    memset(octets, 'a', length);
    octets[length - 2] = '\r';
    octets[length - 1] = '\n';
    pop3_line_reader_init(&r);
    if (expected) {
        assert_int_equal(pop3_line_next(&r, &in, limit, &line),
                         POP3_LINE_READY);
        assert_int_equal(line.len, length - 2);
    } else {
        assert_int_equal(pop3_line_next(&r, &in, limit, &line),
                         POP3_LINE_ETOOLONG);
    }
    assert_int_equal(in.len, 0);
}

static void test_limits_of_the_protocol(void **state)
{
    (void)state;
    assert_int_equal(POP3_LINE_MAX, 255);
    check_length(POP3_LINE_MAX, 255, true);
    check_length(POP3_LINE_MAX, 256, false);
    check_length(POP3_SASL_LINE_MAX, 8192, true);
    check_length(POP3_SASL_LINE_MAX, POP3_SASL_LINE_MAX, true);
    check_length(POP3_SASL_LINE_MAX, POP3_SASL_LINE_MAX + 1, false);
}

/* A line that is only too long for now: the limit is the caller's each time. */
static void test_limit_may_change(void **state)
{
    struct pop3_line_reader r;
    struct span in = SPAN_LITERAL("abcdefgh");
    struct span line;

    (void)state;
    pop3_line_reader_init(&r);
    assert_int_equal(pop3_line_next(&r, &in, 100, &line), POP3_LINE_MORE);
    assert_int_equal(in.len, 8);
    assert_int_equal(pop3_line_next(&r, &in, 8, &line), POP3_LINE_MORE);
    assert_int_equal(in.len, 0);
    in = SPAN_LITERAL("i\nQUIT\n");
    assert_int_equal(pop3_line_next(&r, &in, 100, &line), POP3_LINE_ETOOLONG);
    assert_int_equal(pop3_line_next(&r, &in, 100, &line), POP3_LINE_READY);
    assert_octets_string(line, "QUIT");
}

int main(void)
{
    const struct CMUnitTest pop3_line[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_lone_lf),
        cmocka_unit_test(test_control_octets),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_limits_of_the_protocol),
        cmocka_unit_test(test_limit_may_change),
    };

    return cmocka_run_group_tests(pop3_line, NULL, NULL);
}
