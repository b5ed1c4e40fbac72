/* test_secret_box.c - what is sealed opens with the same key for the same use,
 * and with nothing else.
 */
#include "access/secret_box.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/base64.h"
#include "base/limits.h"
#include "support/alloc_fail.h"
#include "support/octets.h"

#define SECRET "a secret of the upstream"
#define TEXT_MAX (2 * SECRET_MAX)

static const struct secret_lock by_key = {
    .kind = SECRET_BOX_BY_KEY,
    .octets = { (const unsigned char *)"0123456789abcdef0123456789abcdef", 32 },
    .purpose = "account-secret",
    .name = { (const unsigned char *)"scanner", 7 },
};

static const struct secret_lock by_password = {
    .kind = SECRET_BOX_BY_PASSWORD,
    .octets = { (const unsigned char *)"Kestrel-7", 9 },
    .purpose = "account-secret",
    .name = { (const unsigned char *)"scanner", 7 },
};

static void seal(const struct secret_lock *lock, struct span secret,
                 struct buf *sealed)
{
    buf_init(sealed, TEXT_MAX);
    assert_int_equal(secret_box_seal(lock, secret, sealed), SECRET_BOX_OK);
}

/* What comes of opening; the secret is compared where one comes. */
static enum secret_box_status try_open(const struct secret_lock *lock,
                                       struct span sealed, struct span secret)
{
    struct buf opened;
    enum secret_box_status status;

    buf_init(&opened, SECRET_MAX);
    status = secret_box_open(lock, sealed, &opened);
    if (status == SECRET_BOX_OK)
        assert_true(span_equals(buf_span(&opened), secret));
    else
        assert_int_equal(buf_length(&opened), 0);
    buf_fini(&opened);
    return status;
}

static void test_round_trip(void **state)
{
    static const struct secret_lock *const locks[] = { &by_key, &by_password };
    static unsigned char longest[SECRET_MAX];
    enum secret_box_kind kind;
    struct buf sealed;

    (void)state;
    memset(longest, 0xff, sizeof(longest));
    for (size_t i = 0; i < ARRAY_LENGTH(locks); i++) {
        seal(locks[i], SPAN_LITERAL(SECRET), &sealed);
        assert_true(secret_box_kind_of(buf_span(&sealed), &kind));
        assert_int_equal(kind, locks[i]->kind);
        assert_int_equal(
            try_open(locks[i], buf_span(&sealed), SPAN_LITERAL(SECRET)),
            SECRET_BOX_OK);
        buf_fini(&sealed);
    }
    seal(&by_key, span_make(longest, sizeof(longest)), &sealed);
    assert_int_equal(try_open(&by_key, buf_span(&sealed),
                              span_make(longest, sizeof(longest))),
                     SECRET_BOX_OK);
    buf_fini(&sealed);
    seal(&by_key, span_make(NULL, 0), &sealed);
    assert_int_equal(try_open(&by_key, buf_span(&sealed), span_make(NULL, 0)),
                     SECRET_BOX_OK);
    buf_fini(&sealed);
}

/* Twice the same secret is not twice the same text. */
static void test_salted(void **state)
{
    struct buf one, other;

    (void)state;
    seal(&by_key, SPAN_LITERAL(SECRET), &one);
    seal(&by_key, SPAN_LITERAL(SECRET), &other);
    assert_false(span_equals(buf_span(&one), buf_span(&other)));
    buf_fini(&one);
    buf_fini(&other);
}

static void test_other_lock(void **state)
{
    struct secret_lock other;
    struct buf sealed;

    (void)state;
    seal(&by_key, SPAN_LITERAL(SECRET), &sealed);
    other = by_key;
    other.octets = SPAN_LITERAL("0123456789abcdef0123456789abcdeg");
    assert_int_equal(try_open(&other, buf_span(&sealed), SPAN_LITERAL(SECRET)),
                     SECRET_BOX_EWRONG);
    other = by_key;
    other.name = SPAN_LITERAL("scanner2");
    assert_int_equal(try_open(&other, buf_span(&sealed), SPAN_LITERAL(SECRET)),
                     SECRET_BOX_EWRONG);
    other = by_key;
    other.purpose = "account-password";
    assert_int_equal(try_open(&other, buf_span(&sealed), SPAN_LITERAL(SECRET)),
                     SECRET_BOX_EWRONG);
    assert_int_equal(
        try_open(&by_password, buf_span(&sealed), SPAN_LITERAL(SECRET)),
        SECRET_BOX_EWRONG);
    buf_fini(&sealed);
    seal(&by_password, SPAN_LITERAL(SECRET), &sealed);
    other = by_password;
    other.octets = SPAN_LITERAL("kestrel-7");
    assert_int_equal(try_open(&other, buf_span(&sealed), SPAN_LITERAL(SECRET)),
                     SECRET_BOX_EWRONG);
    buf_fini(&sealed);
}

/* Every octet counts: salt, nonce, secret and tag. */
static void test_damaged(void **state)
{
    struct buf sealed, packed, text;
    struct span body;

    (void)state;
    seal(&by_key, SPAN_LITERAL(SECRET), &sealed);
    body = buf_span(&sealed);
    (void)span_take(&body, 3);
    buf_init(&packed, TEXT_MAX);
    assert_true(base64_decode(body, &packed));
    for (size_t i = 0; i < buf_length(&packed); i++) {
        packed.data[packed.start + i] ^= 1;
        buf_init(&text, TEXT_MAX);
        buf_append_string(&text, "1k.");
        assert_true(base64_encode(buf_span(&packed), &text));
        assert_int_equal(
            try_open(&by_key, buf_span(&text), SPAN_LITERAL(SECRET)),
            SECRET_BOX_EWRONG);
        buf_fini(&text);
        packed.data[packed.start + i] ^= 1;
    }
    buf_fini(&packed);
    buf_fini(&sealed);
}

static void test_no_sealed_secret(void **state)
{
    static const char *const texts[] = {
        "",        "1k",   "1k.",  "2k.AAAA",     "1x.AAAA",
        "1k.AAAA", "1k.A", "1k.=", "plain words",
    };
    struct buf sealed;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++)
        assert_int_equal(
            try_open(&by_key, span_from_string(texts[i]), SPAN_LITERAL("")),
            SECRET_BOX_EFORM);
    /* Cut anywhere: either no base64, or too little of it, or wrong. */
    seal(&by_key, SPAN_LITERAL(SECRET), &sealed);
    for (size_t n = 0; n < buf_length(&sealed); n++)
        assert_int_not_equal(try_open(&by_key,
                                      span_make(buf_span(&sealed).data, n),
                                      SPAN_LITERAL(SECRET)),
                             SECRET_BOX_OK);
    buf_fini(&sealed);
}

static void test_too_long(void **state)
{
    static unsigned char octets[3 * SECRET_MAX];
    struct buf sealed;

    (void)state;
    buf_init(&sealed, 2 * TEXT_MAX);
    assert_int_equal(
        secret_box_seal(&by_key, span_make(octets, SECRET_MAX + 1), &sealed),
        SECRET_BOX_EFAILED);
    assert_int_equal(buf_length(&sealed), 0);
    memset(octets, 'A', sizeof(octets));
    memcpy(octets, "1k.", 3);
    assert_int_equal(
        try_open(&by_key, span_make(octets, sizeof(octets)), SPAN_LITERAL("")),
        SECRET_BOX_EFORM);
    buf_fini(&sealed);
}

/* Every allocation of ours fails once. */
static void test_no_memory(void **state)
{
    struct buf sealed;
    unsigned long n = 0;
    enum secret_box_status status;

    (void)state;
    do {
        buf_init(&sealed, TEXT_MAX);
        alloc_fail_at(++n);
        status = secret_box_seal(&by_key, SPAN_LITERAL(SECRET), &sealed);
        alloc_fail_at(0);
        if (status != SECRET_BOX_OK) {
            assert_int_equal(status, SECRET_BOX_EFAILED);
            buf_fini(&sealed);
        }
    } while (status != SECRET_BOX_OK);
    assert_true(n > 1);
    n = 0;
    do {
        alloc_fail_at(++n);
        status = try_open(&by_key, buf_span(&sealed), SPAN_LITERAL(SECRET));
        alloc_fail_at(0);
    } while (status == SECRET_BOX_EFAILED);
    assert_int_equal(status, SECRET_BOX_OK);
    assert_true(n > 1);
    buf_fini(&sealed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_salted),
        cmocka_unit_test(test_other_lock),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_no_sealed_secret),
        cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
