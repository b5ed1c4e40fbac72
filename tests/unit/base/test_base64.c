/* test_base64.c - both ways, and what is not base64. */
#include "base/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/alloc_fail.h"
#include "support/octets.h"
#include "support/random.h"

/* RFC 4648 §10, and octets that need the last two letters. */
static const struct {
    const char *plain;
    size_t plain_len;
    const char *encoded;
} known[] = {
    { "", 0, "" },
    { "f", 1, "Zg==" },
    { "fo", 2, "Zm8=" },
    { "foo", 3, "Zm9v" },
    { "foob", 4, "Zm9vYg==" },
    { "fooba", 5, "Zm9vYmE=" },
    { "foobar", 6, "Zm9vYmFy" },
    { "\0joe\0pw", 7, "AGpvZQBwdw==" },
    { "\xFB\xFF\xBF", 3, "+/+/" },
    { "\xFF\xFF\xFF", 3, "////" },
    { "\0", 1, "AA==" },
};

static void test_known_pairs(void **state)
{
    struct buf b;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(known); i++) {
        struct span plain = span_make(known[i].plain, known[i].plain_len);

        buf_init(&b, 100);
        assert_true(base64_encode(plain, &b));
        assert_buf_string(&b, known[i].encoded);
        buf_clear(&b);
        assert_true(base64_decode(span_from_string(known[i].encoded), &b));
        assert_octets(buf_span(&b), plain);
        buf_fini(&b);
    }
}

static void assert_refused(struct span in)
{
    struct buf b;

    buf_init(&b, 100);
    assert_false(base64_decode(in, &b));
    assert_false(buf_failed(&b));
    buf_fini(&b);
}

/* SASL-5: alien octets, padding inside, a wrong length. */
static void test_malformed(void **state)
{
    static const char *const malformed[] = {
        "Z",        "Zg",           "Zg=",
        "Zm9vY",    "=AAA",         "A=AA",
        "AA=A",     "====",         "A===",
        "AAA=BBB=", "AA==AAAA",     "AAA=BBB",
        "Zm 9v",    "Zm9 ",         " Zm9",
        "Zm9v\r\n", "Zm9v\r\n\r\n", "Zm-_",
        "Zm9v====", "Zm9!",         "\xC3\xA4\xC3\xA4",
        "*",        "AAA\x80",      "@AAA",
        "[AAA",     "`AAA",         "{AAA",
        "/:AA",     "AA.A",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(malformed); i++)
        assert_refused(span_from_string(malformed[i]));
    assert_refused(SPAN_LITERAL("AA\0A"));
}

/* RFC 4648 §3.5: one value has one spelling. */
static void test_unused_bits_are_zero(void **state)
{
    (void)state;
    assert_refused(SPAN_LITERAL("Zh=="));
    assert_refused(SPAN_LITERAL("Zn=="));
    assert_refused(SPAN_LITERAL("Zm9="));
    assert_refused(SPAN_LITERAL("Zm+="));
}

/* Every octet in every place of a group of four that is otherwise good. */
static void test_every_letter(void **state)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    (void)state;
    for (size_t place = 0; place < 4; place++) {
        for (unsigned octet = 0; octet < 256; octet++) {
            unsigned char in[8] = { 'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A' };
            bool good = octet != 0 && strchr(letters, (int)octet) != NULL;
            struct buf b;

            in[place] = (unsigned char)octet;
            buf_init(&b, 100);
            assert_int_equal(base64_decode(span_make(in, 8), &b), good);
            if (good) {
                struct buf again;

                buf_init(&again, 100);
                assert_true(base64_encode(buf_span(&b), &again));
                assert_octets(buf_span(&again), span_make(in, 8));
                buf_fini(&again);
            }
            buf_fini(&b);
        }
    }
}

static void test_there_and_back(void **state)
{
    struct random_source r;
    unsigned char octets[64];
    struct buf encoded;
    struct buf decoded;

    (void)state;
    random_init(&r, 2);
    for (int i = 0; i < 2000; i++) {
        size_t len = random_below(&r, sizeof(octets) + 1);

        for (size_t k = 0; k < len; k++)
            octets[k] = (unsigned char)random_next(&r);
        buf_init(&encoded, 100);
        buf_init(&decoded, 100);
        assert_true(base64_encode(span_make(octets, len), &encoded));
        assert_int_equal(buf_length(&encoded), (len + 2) / 3 * 4);
        assert_true(base64_decode(buf_span(&encoded), &decoded));
        assert_octets(buf_span(&decoded), span_make(octets, len));
        buf_fini(&encoded);
        buf_fini(&decoded);
    }
}

static void test_bound(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 7);
    assert_false(base64_encode(SPAN_LITERAL("foob"), &b));
    assert_true(buf_failed(&b));
    assert_false(base64_encode(SPAN_LITERAL(""), &b));
    assert_false(base64_decode(SPAN_LITERAL(""), &b));
    buf_fini(&b);

    buf_init(&b, 5);
    assert_false(base64_decode(SPAN_LITERAL("Zm9vYmFy"), &b));
    assert_true(buf_failed(&b));
    buf_fini(&b);
}

static void test_out_of_memory(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 100);
    alloc_fail_at(1);
    assert_false(base64_encode(SPAN_LITERAL("foo"), &b));
    assert_true(buf_failed(&b));
    buf_fini(&b);

    buf_init(&b, 100);
    alloc_fail_at(1);
    assert_false(base64_decode(SPAN_LITERAL("Zm9v"), &b));
    assert_true(buf_failed(&b));
    alloc_fail_at(0);
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest base64[] = {
        cmocka_unit_test(test_known_pairs),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_unused_bits_are_zero),
        cmocka_unit_test(test_every_letter),
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_bound),
        cmocka_unit_test(test_out_of_memory),
    };

    return cmocka_run_group_tests(base64, NULL, NULL);
}
