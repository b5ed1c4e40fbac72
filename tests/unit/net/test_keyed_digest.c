/* test_keyed_digest.c - the same parts and key, and only these, have the same
 * digest.
 */
#include "net/keyed_digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/alloc_fail.h"

struct digest {
    unsigned char octets[KEYED_DIGEST_SIZE];
};

static struct digest of(const struct keyed_digest *k, const char *a,
                        const char *b)
{
    const struct span parts[] = { span_from_string(a), span_from_string(b) };
    struct digest d;

    memset(&d, 0, sizeof(d));
    assert_true(keyed_digest_make(k, parts, 2, d.octets));
    return d;
}

static bool same(struct digest a, struct digest b)
{
    return keyed_digest_equals(a.octets, b.octets);
}

static void test_the_same_parts(void **state)
{
    struct keyed_digest *k = keyed_digest_new();

    (void)state;
    assert_non_null(k);
    assert_true(same(of(k, "user", "password"), of(k, "user", "password")));
    assert_true(same(of(k, "", ""), of(k, "", "")));
    keyed_digest_free(k);
}

/* Where one part ends and the next begins counts. */
static void test_other_parts(void **state)
{
    struct keyed_digest *k = keyed_digest_new();
    struct digest d = of(k, "user", "password");

    (void)state;
    assert_false(same(d, of(k, "user", "passwore")));
    assert_false(same(d, of(k, "vser", "password")));
    assert_false(same(d, of(k, "user", "passwor")));
    assert_false(same(d, of(k, "use", "rpassword")));
    assert_false(same(d, of(k, "userpassword", "")));
    assert_false(same(d, of(k, "", "userpassword")));
    assert_false(same(d, of(k, "password", "user")));
    keyed_digest_free(k);
}

/* One difference anywhere is one. */
static void test_equality(void **state)
{
    struct keyed_digest *k = keyed_digest_new();
    struct digest d = of(k, "user", "password");

    (void)state;
    for (size_t bit = 0; bit < 8 * sizeof(d.octets); bit++) {
        struct digest other = d;

        other.octets[bit / 8] ^= (unsigned char)(1U << bit % 8);
        assert_false(same(d, other));
    }
    keyed_digest_free(k);
}

/* What one process makes tells another nothing. */
static void test_other_keys(void **state)
{
    struct keyed_digest *k = keyed_digest_new();
    struct keyed_digest *other = keyed_digest_new();

    (void)state;
    assert_false(
        same(of(k, "user", "password"), of(other, "user", "password")));
    keyed_digest_free(k);
    keyed_digest_free(other);
    keyed_digest_free(NULL);
}

/* The same secret and label give the same digests in any process, and in any
 * version: this one was computed by other means, by RFC 5869 and RFC 2104.
 */
static void test_derived(void **state)
{
    static const struct digest expected = {
        { 0x54, 0x55, 0x75, 0x30, 0x27, 0x04, 0x05, 0x90, 0xe3, 0x71, 0x5e,
          0x0d, 0xea, 0xaa, 0xfc, 0xe6, 0x74, 0xbf, 0x8c, 0x2c, 0x03, 0x96,
          0x62, 0xb3, 0xff, 0x46, 0x73, 0x39, 0xc6, 0xbd, 0xba, 0x55 }
    };
    const struct span secret = SPAN_LITERAL("sixteen octets..");
    struct keyed_digest *k = keyed_digest_derive(secret, "label");
    struct keyed_digest *again = keyed_digest_derive(secret, "label");
    struct keyed_digest *others[] = {
        keyed_digest_derive(secret, "labels"),
        keyed_digest_derive(SPAN_LITERAL("sixteen octets.,"), "label"),
        keyed_digest_new(),
    };

    (void)state;
    assert_non_null(k);
    assert_non_null(again);
    assert_true(same(of(k, "a", "b"), expected));
    assert_true(same(of(again, "a", "b"), expected));
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++) {
        assert_non_null(others[i]);
        assert_false(same(of(k, "a", "b"), of(others[i], "a", "b")));
        keyed_digest_free(others[i]);
    }
    keyed_digest_free(k);
    keyed_digest_free(again);
}

static void test_no_memory(void **state)
{
    (void)state;
    alloc_fail_at(1);
    assert_null(keyed_digest_new());
    alloc_fail_at(1);
    assert_null(keyed_digest_derive(SPAN_LITERAL("x"), "label"));
    alloc_fail_at(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_parts),
        cmocka_unit_test(test_other_parts),
        cmocka_unit_test(test_equality),
        cmocka_unit_test(test_other_keys),
        cmocka_unit_test(test_derived),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests_name("net/keyed_digest", tests, NULL, NULL);
}
