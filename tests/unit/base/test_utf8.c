/* test_utf8.c - every lead, every bound, every cut. */
#include "base/utf8.h"

#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* In memory of its own, so that reading past its end is seen. */
static bool is_valid(struct span s)
{
    unsigned char *copy = malloc(s.len);
    bool valid;

    assert_non_null(copy);
    if (s.len > 0)
        memcpy(copy, s.data, s.len);
    valid = utf8_is_valid(span_make(copy, s.len));
    free(copy);
    return valid;
}

static size_t put_tail(unsigned char *out, uint32_t c, unsigned shift)
{
    size_t n = 0;

    for (; shift > 0; n++) {
        shift -= 6;
        out[n] = (unsigned char)(0x80 | (c >> shift & 0x3F));
    }
    return n;
}

/* As the table of RFC 3629 §3 says, in |length| octets, overlong or not. */
static void put_character(unsigned char *out, uint32_t c, size_t length)
{
    static const unsigned char mark[] = { 0, 0, 0xC0, 0xE0, 0xF0 };
    unsigned shift = (unsigned)(length - 1) * 6;

    out[0] = (unsigned char)(mark[length] | c >> shift);
    put_tail(out + 1, c, shift);
}

static size_t shortest(uint32_t c)
{
    if (c < 0x80)
        return 1;
    if (c < 0x800)
        return 2;
    return c < 0x10000 ? 3 : 4;
}

/* All of 21 bits, in each number of octets that can hold them:
 * only the shortest is UTF-8, and surrogates and what lies above U+10FFFF are
 * not.
 */
static void test_every_character(void **state)
{
    unsigned char octets[4];

    (void)state;
    for (uint32_t c = 0; c < 1U << 21; c++) {
        bool exists = c <= 0x10FFFF && !(c >= 0xD800 && c <= 0xDFFF);

        for (size_t length = shortest(c); length <= 4; length++) {
            bool expected = exists && length == shortest(c);

            put_character(octets, c, length);
            if (utf8_is_valid(span_make(octets, length)) != expected)
                fail_msg("U+%04X in %zu octets", c, length);
        }
    }
}

/* The first two octets, whatever they are, with good ones behind. */
static void test_every_pair(void **state)
{
    unsigned valid = 0;

    (void)state;
    for (unsigned pair = 0; pair < 0x10000; pair++) {
        unsigned char octets[2] = { (unsigned char)(pair >> 8),
                                    (unsigned char)pair };

        valid += utf8_is_valid(span_make(octets, 2));
    }
    /* Two of ASCII, or one of the 1920 characters of two octets. */
    assert_int_equal(valid, 128 * 128 + 1920);
}

static void test_cut_short(void **state)
{
    struct span text = SPAN_LITERAL("z\xC3\xA4\xE2\x82\xAC\xF0\x9F\xA6\x9C");
    static const size_t whole[] = { 0, 1, 3, 6, 10 };

    (void)state;
    for (size_t len = 0, next = 0; len <= text.len; len++) {
        bool expected = len == whole[next];

        assert_int_equal(is_valid(span_make(text.data, len)), expected);
        next += expected;
    }
}

static void test_bad_tails(void **state)
{
    static const char *const bad[] = {
        "\x80",
        "a\xBF",
        "\xC3(",
        "\xE2\x82(",
        "\xE2(\xAC",
        "\xF0\x9F\xA6(",
        "\xF0\x9F(\x9C",
        "\xF8\x88\x80\x80\x80",
        "\xFE",
        "\xFF",
        "\xE2\x82\xC3",
        "\xF4\x90\x80\x80",
        "\xED\xA0\x80",
        "M\xFCller",
        "\xE2\x82\xAC\x80",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
        assert_false(is_valid(span_from_string(bad[i])));
}

static void test_ascii(void **state)
{
    (void)state;
    assert_true(utf8_is_ascii((struct span){ NULL, 0 }));
    assert_true(utf8_is_ascii(SPAN_LITERAL("a\0~\x7F")));
    assert_false(utf8_is_ascii(SPAN_LITERAL("a\x80")));
    assert_true(utf8_is_valid((struct span){ NULL, 0 }));
    assert_true(utf8_is_valid(SPAN_LITERAL("a\0~\x7F")));
}

int main(void)
{
    const struct CMUnitTest utf8[] = {
        cmocka_unit_test(test_every_character),
        cmocka_unit_test(test_every_pair),
        cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_bad_tails),
        cmocka_unit_test(test_ascii),
    };

    return cmocka_run_group_tests(utf8, NULL, NULL);
}
