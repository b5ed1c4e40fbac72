/* test_span.c - borrowed runs of octets. */
#include "base/span.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/aborts.h"
#include "support/octets.h"

static const struct span empty = { NULL, 0 };

static void test_equality(void **state)
{
    (void)state;
    assert_true(span_equals(empty, SPAN_LITERAL("")));
    assert_true(span_equals(SPAN_LITERAL("a\0b"), SPAN_LITERAL("a\0b")));
    assert_false(span_equals(SPAN_LITERAL("a\0b"), SPAN_LITERAL("a\0c")));
    assert_false(span_equals(SPAN_LITERAL("a"), SPAN_LITERAL("ab")));
    assert_false(span_equals(SPAN_LITERAL("a"), SPAN_LITERAL("A")));
}

/* POP-2: case is folded for A-Z alone. */
static void test_equality_without_case(void **state)
{
    (void)state;
    assert_true(span_equals_nocase(empty, empty));
    assert_true(
        span_equals_nocase(SPAN_LITERAL("uIdL09"), SPAN_LITERAL("UiDl09")));
    assert_true(span_equals_nocase(SPAN_LITERAL("aAzZ"), SPAN_LITERAL("AaZz")));
    assert_false(
        span_equals_nocase(SPAN_LITERAL("UIDL"), SPAN_LITERAL("UIDLX")));
    assert_false(
        span_equals_nocase(SPAN_LITERAL("UIDLX"), SPAN_LITERAL("UIDL")));
    /* The neighbours of the letters, and letters of other alphabets. */
    assert_false(span_equals_nocase(SPAN_LITERAL("@["), SPAN_LITERAL("`{")));
    assert_false(
        span_equals_nocase(SPAN_LITERAL("\xC4"), SPAN_LITERAL("\xE4")));
}

static void test_prefix(void **state)
{
    struct span line = SPAN_LITERAL("Auth= plain");

    (void)state;
    assert_true(span_starts_with_nocase(line, SPAN_LITERAL("AUTH=")));
    assert_true(span_starts_with_nocase(line, line));
    assert_true(span_starts_with_nocase(line, empty));
    assert_false(span_starts_with_nocase(line, SPAN_LITERAL("AUTH-")));
    assert_false(span_starts_with_nocase(empty, SPAN_LITERAL("A")));
}

static void test_take(void **state)
{
    struct span s = SPAN_LITERAL("abc");
    struct span none = empty;

    (void)state;
    assert_octets_string(span_take(&s, 0), "");
    assert_octets_string(span_take(&s, 2), "ab");
    assert_octets_string(s, "c");
    assert_octets_string(span_take(&s, 1), "c");
    assert_int_equal(s.len, 0);
    assert_int_equal(span_take(&none, 0).len, 0);
}

static void take_too_much(void)
{
    struct span s = SPAN_LITERAL("abc");

    span_take(&s, 4);
}

static void make_of_nothing(void)
{
    span_make(NULL, 1);
}

static void test_mistakes_abort(void **state)
{
    (void)state;
    assert_aborts(take_too_much);
    assert_aborts(make_of_nothing);
}

static void test_find(void **state)
{
    struct span s = SPAN_LITERAL("a\0b\xFF");

    (void)state;
    assert_int_equal(span_find(s, 'a'), 0);
    assert_int_equal(span_find(s, '\0'), 1);
    assert_int_equal(span_find(s, 0xFF), 3);
    assert_int_equal(span_find(s, 'x'), 4);
    assert_int_equal(span_find(empty, 'x'), 0);
    assert_true(span_contains(s, 'b'));
    assert_false(span_contains(s, 'B'));
    assert_false(span_contains(empty, '\0'));
}

static void assert_number(const char *text, uint64_t max, uint64_t expected)
{
    uint64_t value = 0;

    assert_true(span_to_number(span_from_string(text), max, &value));
    assert_true(value == expected);
}

static void assert_no_number(struct span s, uint64_t max)
{
    uint64_t value = 77;

    assert_false(span_to_number(s, max, &value));
    assert_true(value == 77);
}

static void test_numbers(void **state)
{
    (void)state;
    assert_number("0", 0, 0);
    assert_number("0000000000000000000000007", 7, 7);
    assert_number("4294967295", UINT32_MAX, UINT32_MAX);
    assert_number("18446744073709551615", UINT64_MAX, UINT64_MAX);
    assert_no_number(empty, 10);
    assert_no_number(SPAN_LITERAL("1"), 0);
    assert_no_number(SPAN_LITERAL("8"), 7);
    assert_no_number(SPAN_LITERAL("4294967296"), UINT32_MAX);
    assert_no_number(SPAN_LITERAL("18446744073709551616"), UINT64_MAX);
    assert_no_number(SPAN_LITERAL("99999999999999999999999"), UINT64_MAX);
    assert_no_number(SPAN_LITERAL("-1"), 10);
    assert_no_number(SPAN_LITERAL("+1"), 10);
    assert_no_number(SPAN_LITERAL(" 1"), 10);
    assert_no_number(SPAN_LITERAL("1 "), 10);
    assert_no_number(SPAN_LITERAL("1\0"), 10);
    assert_no_number(SPAN_LITERAL("1:"), 100);
    assert_no_number(SPAN_LITERAL("0x1"), 100);
}

int main(void)
{
    const struct CMUnitTest span[] = {
        cmocka_unit_test(test_equality),
        cmocka_unit_test(test_equality_without_case),
        cmocka_unit_test(test_prefix),
        cmocka_unit_test(test_take),
        cmocka_unit_test(test_mistakes_abort),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_numbers),
    };

    return cmocka_run_group_tests(span, NULL, NULL);
}
