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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_parts),
        cmocka_unit_test(test_other_parts),
        cmocka_unit_test(test_equality),
        cmocka_unit_test(test_other_keys),
    };

    return cmocka_run_group_tests_name("net/keyed_digest", tests, NULL, NULL);
}
