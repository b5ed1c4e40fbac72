/* test_sasl.c - the PLAIN message and what may be a name or a password. */
#include "pop3/sasl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "support/octets.h"

static bool parses(struct span message)
{
    struct sasl_plain plain;

    return sasl_plain_parse(message, &plain);
}

/* SASL-9, SASL-11: octets pass as they are. */
static void test_good(void **state)
{
    struct sasl_plain plain;

    (void)state;
    assert_true(sasl_plain_parse(SPAN_LITERAL("\0joe\0 p w "), &plain));
    assert_octets_string(plain.authzid, "");
    assert_octets_string(plain.authcid, "joe");
    assert_octets_string(plain.password, " p w ");

    assert_true(sasl_plain_parse(SPAN_LITERAL("ann\0joe\0pw"), &plain));
    assert_octets_string(plain.authzid, "ann");
    assert_octets_string(plain.authcid, "joe");
    assert_octets_string(plain.password, "pw");

    /* NFC and NFD of one name. */
    assert_true(
        sasl_plain_parse(SPAN_LITERAL("\0z\xC3\xA4\0\xE2\x82\xAC"), &plain));
    assert_octets_string(plain.authcid, "z\xC3\xA4");
    assert_octets_string(plain.password, "\xE2\x82\xAC");
    assert_true(sasl_plain_parse(SPAN_LITERAL("\0za\xCC\x88\0p"), &plain));
    assert_octets_string(plain.authcid, "za\xCC\x88");
}

/* SASL-9: exactly two NULs; name and password are not empty. */
static void test_malformed(void **state)
{
    (void)state;
    assert_false(parses((struct span){ NULL, 0 }));
    assert_false(parses(SPAN_LITERAL("joe")));
    assert_false(parses(SPAN_LITERAL("\0")));
    assert_false(parses(SPAN_LITERAL("\0\0")));
    assert_false(parses(SPAN_LITERAL("\0joe")));
    assert_false(parses(SPAN_LITERAL("joe\0pw")));
    assert_false(parses(SPAN_LITERAL("\0joe\0")));
    assert_false(parses(SPAN_LITERAL("\0\0pw")));
    assert_false(parses(SPAN_LITERAL("\0joe\0pw\0")));
    assert_false(parses(SPAN_LITERAL("\0joe\0p\0w")));
    assert_false(parses(SPAN_LITERAL("\0joe\0pw\n")));
    assert_false(parses(SPAN_LITERAL("\0joe\r\na LOGOUT\0pw")));
    assert_false(parses(SPAN_LITERAL("a\rb\0joe\0pw")));
    assert_false(parses(SPAN_LITERAL("\0M\xFCller\0pw")));
    assert_false(parses(SPAN_LITERAL("\0joe\0p\xC3")));
    assert_false(parses(SPAN_LITERAL("\xC0\xAF\0joe\0pw")));
}

/* The same for a name or password that came by USER or PASS. */
static void test_part(void **state)
{
    (void)state;
    assert_true(sasl_part_is_valid(SPAN_LITERAL("a")));
    assert_true(sasl_part_is_valid(SPAN_LITERAL(" \"\\{5}%*\t\x7F")));
    assert_true(sasl_part_is_valid(SPAN_LITERAL("z\xC3\xA4")));
    assert_false(sasl_part_is_valid(SPAN_LITERAL("")));
    assert_false(sasl_part_is_valid((struct span){ NULL, 0 }));
    assert_false(sasl_part_is_valid(SPAN_LITERAL("a\0")));
    assert_false(sasl_part_is_valid(SPAN_LITERAL("\ra")));
    assert_false(sasl_part_is_valid(SPAN_LITERAL("a\nb")));
    assert_false(sasl_part_is_valid(SPAN_LITERAL("z\xE4")));
}

/* SASL-9: each part up to 255 octets. */
static void test_longest_parts(void **state)
{
    unsigned char octets[3 * 256 + 2];

    (void)state;
    assert_int_equal(SASL_PART_MAX, 255);
    for (size_t part = 0; part < 4; part++) {
        /* Part 3 is none of them: all have 255. */
        size_t a = part == 0 ? 256 : 255;
        size_t b = part == 1 ? 256 : 255;
        size_t c = part == 2 ? 256 : 255;

        memset(octets, 'x', sizeof(octets));
        octets[a] = '\0';
        octets[a + 1 + b] = '\0';
        assert_int_equal(parses(span_make(octets, a + 1 + b + 1 + c)),
                         part == 3);
    }
}

/* Every prefix of a good message: good itself only when it is. */
static void test_cut_short(void **state)
{
    struct span message = SPAN_LITERAL("a\0joe\0pw");

    (void)state;
    for (size_t len = 0; len <= message.len; len++) {
        bool expected = len > strlen("a.joe.");

        assert_int_equal(parses(span_make(message.data, len)), expected);
    }
}

int main(void)
{
    const struct CMUnitTest pop3_sasl[] = {
        cmocka_unit_test(test_good),      cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_part),      cmocka_unit_test(test_longest_parts),
        cmocka_unit_test(test_cut_short),
    };

    return cmocka_run_group_tests(pop3_sasl, NULL, NULL);
}
