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

/* --- tokens --- */

static void check_bearer(enum sasl_mechanism mechanism, struct span message,
                         const char *user, const char *token)
{
    struct sasl_bearer bearer;

    assert_true(sasl_bearer_parse(mechanism, message, &bearer));
    assert_octets_string(span_make(bearer.user, bearer.user_length), user);
    assert_octets_string(bearer.token, token);
}

static bool bearer_parses(enum sasl_mechanism mechanism, struct span message)
{
    struct sasl_bearer bearer;

    return sasl_bearer_parse(mechanism, message, &bearer);
}

/* SASL-12: RFC 7628 §3.1, and the vendors' own. */
static void test_bearer(void **state)
{
    (void)state;
    check_bearer(SASL_OAUTHBEARER,
                 SPAN_LITERAL("n,a=user@example.com,\1host=server.example.com"
                              "\1port=143\1auth=Bearer vF9dft4qmTc2Nvb3RlckBh"
                              "bHRhdmlzdGEuY29tCg==\1\1"),
                 "user@example.com",
                 "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==");
    check_bearer(SASL_OAUTHBEARER,
                 SPAN_LITERAL("y,a=a=3Db=2Cc,\1auth=bearer  t\1\1"), "a=b,c",
                 "t");
    check_bearer(SASL_XOAUTH2,
                 SPAN_LITERAL("user=some=user,x\1auth=Bearer ya29.vF\1\1"),
                 "some=user,x", "ya29.vF");
}

static void test_bearer_malformed(void **state)
{
    static const char *const oauthbearer[] = {
        "",
        "n",
        "n,a=u",
        "n,a=u,",
        "n,a=u,\1",
        "n,a=u,\1\1",
        "n,a=u,\1auth=Bearer t",
        "n,a=u,\1auth=Bearer t\1",
        "n,a=u,\1auth=Bearer t\1\1x",
        "n,a=u,x\1auth=Bearer t\1\1",
        "n,a=u,\1auth=Basic t\1\1",
        "n,a=u,\1auth=Bearer \1\1",
        "n,a=u,\1auth=Bearer t t\1\1",
        "n,a=u,\1auth=Bearer t\x7f\1\1",
        "n,a=u,\1auth=Bearer t\r\1\1",
        "n,a=u,\1host=h\1\1",
        "n,a=u,\1auth=Bearer t\1auth=Bearer u\1\1",
        "n,a=u,\1auth=Bearer t\1auth=Bearer \xff\1\1",
        "n,a=u,\1auth=Basic t\1auth=Bearer u\1\1",
        "n,,\1auth=Bearer t\1\1", /* whose token? */
        "n,a=,\1auth=Bearer t\1\1",
        "n,a=u=,\1auth=Bearer t\1\1",
        "n,a=u=41,\1auth=Bearer t\1\1",
        "n,a=u\nv,\1auth=Bearer t\1\1",
        "n,a=\xff,\1auth=Bearer t\1\1",
        "p=tls-unique,a=u,\1auth=Bearer t\1\1", /* bound to no channel */
        "x,a=u,\1auth=Bearer t\1\1",
        "user=u\1auth=Bearer t\1\1",
    };
    static const char *const xoauth2[] = {
        "",
        "user=u",
        "user=u\1",
        "user=\1auth=Bearer t\1\1",
        "name=u\1auth=Bearer t\1\1",
        "user=u\1auth=Bearer t\1",
        "user=u\1auth=Bearer t",
        "user=u\rv\1auth=Bearer t\1\1",
        "n,a=u,\1auth=Bearer t\1\1",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(oauthbearer); i++)
        if (bearer_parses(SASL_OAUTHBEARER, span_from_string(oauthbearer[i])))
            fail_msg("taken: %zu", i);
    for (size_t i = 0; i < ARRAY_LENGTH(xoauth2); i++)
        if (bearer_parses(SASL_XOAUTH2, span_from_string(xoauth2[i])))
            fail_msg("taken: %zu", i);
}

/* A name and a token of these lengths. */
static bool takes_lengths(size_t name, size_t token)
{
    static char message[SASL_PART_MAX + TOKEN_MAX + 100];
    size_t at = 0;

    memcpy(message, "user=", 5);
    at += 5;
    memset(message + at, 'u', name);
    at += name;
    memcpy(message + at, "\1auth=Bearer ", 13);
    at += 13;
    memset(message + at, 't', token);
    at += token;
    memcpy(message + at, "\1\1", 2);
    return bearer_parses(SASL_XOAUTH2, span_make(message, at + 2));
}

static void test_bearer_lengths(void **state)
{
    (void)state;
    assert_true(takes_lengths(SASL_PART_MAX, TOKEN_MAX));
    assert_false(takes_lengths(SASL_PART_MAX + 1, 1));
    assert_false(takes_lengths(1, TOKEN_MAX + 1));
}

static void test_mechanisms(void **state)
{
    (void)state;
    for (unsigned m = 0; m < SASL_MECHANISM_COUNT; m++) {
        const char *name = sasl_mechanism_name((enum sasl_mechanism)m);

        assert_int_equal(sasl_mechanism_find(span_from_string(name)), m);
    }
    assert_int_equal(sasl_mechanism_find(SPAN_LITERAL("scram-sha-256")),
                     SASL_SCRAM_SHA_256);
    assert_int_equal(sasl_mechanism_find(SPAN_LITERAL("SCRAM-SHA-256-PLUS")),
                     SASL_MECHANISM_COUNT);
    assert_int_equal(sasl_mechanism_find(SPAN_LITERAL("")),
                     SASL_MECHANISM_COUNT);
}

int main(void)
{
    const struct CMUnitTest pop3_sasl[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_part),
        cmocka_unit_test(test_longest_parts),
        cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_bearer),
        cmocka_unit_test(test_bearer_malformed),
        cmocka_unit_test(test_bearer_lengths),
        cmocka_unit_test(test_mechanisms),
    };

    return cmocka_run_group_tests(pop3_sasl, NULL, NULL);
}
