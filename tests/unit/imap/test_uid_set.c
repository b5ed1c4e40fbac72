/* test_uid_set.c - what a command may name, and nothing beside it. */
#include "imap/uid_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/aborts.h"
#include "support/octets.h"
#include "support/random.h"

static void check(const uint32_t *uids, size_t n, const char *expected)
{
    struct imap_uid_set set;

    imap_uid_set_init(&set);
    assert_true(imap_uid_set_is_empty(&set));
    for (size_t i = 0; i < n; i++) {
        assert_true(imap_uid_set_add(&set, uids[i]));
        assert_false(imap_uid_set_is_empty(&set));
    }
    assert_octets_string(imap_uid_set_text(&set), expected);
}

#define CHECK(expected, ...)                 \
    check((const uint32_t[]){ __VA_ARGS__ }, \
          ARRAY_LENGTH(((const uint32_t[]){ __VA_ARGS__ })), expected)

/* IMAP-27, IMAP-28, POP-21: only UIDs without a gap are joined; no `*`. */
static void test_ranges(void **state)
{
    (void)state;
    check(NULL, 0, "");
    CHECK("1", 1);
    CHECK("5,9,20:21", 5, 9, 20, 21);
    CHECK("1:3,5:6,8", 1, 2, 3, 5, 6, 8);
    CHECK("9:11", 9, 10, 11);
    CHECK("99:100", 99, 100);
    CHECK("4294967294:4294967295", 4294967294U, 4294967295U);
    CHECK("1,4294967295", 1, 4294967295U);
}

/* IMAP-29: at most 200 ranges and 900 octets; a full set stays as it was, and
 * its last range may still grow while there is room.
 */
static void test_full_by_ranges(void **state)
{
    struct imap_uid_set set;
    struct imap_uid_set before;

    (void)state;
    imap_uid_set_init(&set);
    for (uint32_t i = 1; i <= IMAP_UID_RANGES_MAX; i++)
        assert_true(imap_uid_set_add(&set, 2 * i));
    before = set;
    assert_false(imap_uid_set_add(&set, 2 * IMAP_UID_RANGES_MAX + 2));
    assert_memory_equal(&set, &before, sizeof(set));
    assert_true(imap_uid_set_add(&set, 2 * IMAP_UID_RANGES_MAX + 1));
    assert_int_equal(set.ranges, IMAP_UID_RANGES_MAX);
}

/* IMAP-29 */
static void test_full_by_octets(void **state)
{
    struct imap_uid_set set;
    uint32_t uid = 4000000000U;

    (void)state;
    imap_uid_set_init(&set);
    while (imap_uid_set_add(&set, uid))
        uid += 2;
    /* 81 numbers of ten digits and 80 commas: 890. */
    assert_int_equal(set.len, 890);
    assert_int_equal(set.last, uid - 2);
    /* A colon and ten digits do not fit either. */
    assert_false(imap_uid_set_add(&set, uid - 1));
    assert_int_equal(set.len, 890);
    assert_int_equal(set.last, uid - 2);
}

/* Reads the text back: what it names must be what was added, in order. */
static size_t expand(struct span text, uint32_t *out, size_t max)
{
    size_t n = 0;

    while (text.len > 0) {
        struct span range = span_take(&text, span_find(text, ','));
        struct span first = span_take(&range, span_find(range, ':'));
        uint64_t a = 0;
        uint64_t b = 0;

        assert_true(span_to_number(first, UINT32_MAX, &a));
        b = a;
        if (range.len > 0) {
            (void)span_take(&range, 1);
            assert_true(span_to_number(range, UINT32_MAX, &b));
        }
        assert_true(a <= b);
        for (uint64_t uid = a; uid <= b; uid++) {
            assert_true(n < max);
            out[n++] = (uint32_t)uid;
        }
        if (text.len > 0)
            (void)span_take(&text, 1);
    }
    return n;
}

#define MODEL_MAX 20000

/* IMAP-28, IMAP-29, POP-21: against a list of what was added. */
static void test_against_model(void **state)
{
    static uint32_t model[MODEL_MAX];
    static uint32_t named[MODEL_MAX];
    struct random_source random;

    (void)state;
    random_init(&random, 1);
    for (unsigned round = 0; round < 3000; round++) {
        struct imap_uid_set set;
        size_t n = 0;
        uint32_t uid = (uint32_t)random_below(&random, UINT32_MAX - 40000000);
        uint64_t sparse = random_below(&random, 4);

        if (round % 2)
            uid %= 1000;
        imap_uid_set_init(&set);
        while (n < MODEL_MAX) {
            uid += 1;
            if (sparse > 0 && random_below(&random, 4) < sparse)
                uid += (uint32_t)random_below(&random, 1000);
            if (!imap_uid_set_add(&set, uid))
                break;
            model[n++] = uid;
        }
        assert_true(set.len <= IMAP_UID_SET_MAX);
        assert_true(set.ranges <= IMAP_UID_RANGES_MAX);
        assert_true(n == MODEL_MAX || set.ranges == IMAP_UID_RANGES_MAX ||
                    set.len > IMAP_UID_SET_MAX - 11);
        assert_int_equal(expand(imap_uid_set_text(&set), named, MODEL_MAX), n);
        assert_memory_equal(named, model, n * sizeof(model[0]));
    }
}

static void add_zero(void)
{
    struct imap_uid_set set;

    imap_uid_set_init(&set);
    (void)!imap_uid_set_add(&set, 0);
}

static void add_descending(void)
{
    struct imap_uid_set set;

    imap_uid_set_init(&set);
    (void)!imap_uid_set_add(&set, 5);
    (void)!imap_uid_set_add(&set, 4);
}

static void add_twice(void)
{
    struct imap_uid_set set;

    imap_uid_set_init(&set);
    (void)!imap_uid_set_add(&set, 5);
    (void)!imap_uid_set_add(&set, 5);
}

static void test_mistakes_of_ours(void **state)
{
    (void)state;
    assert_aborts(add_zero);
    assert_aborts(add_descending);
    assert_aborts(add_twice);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_full_by_ranges),
        cmocka_unit_test(test_full_by_octets),
        cmocka_unit_test(test_against_model),
        cmocka_unit_test(test_mistakes_of_ours),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
