/* test_uid_ranges.c - what is named in any order, and the highest of it. */
#include "imap/uid_ranges.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limits.h"
#include "support/aborts.h"
#include "support/alloc_fail.h"
#include "support/random.h"

static struct imap_uid_ranges make(void)
{
    struct imap_uid_ranges r;

    assert_true(imap_uid_ranges_init(&r));
    return r;
}

/* |expected| is of pairs, and ends with 0. */
static void check_pick(const struct imap_uid_ranges *r, uint64_t below,
                       uint64_t width, const uint32_t *expected)
{
    struct imap_uid_range picked[IMAP_UID_RANGES_PICKED_MAX];
    size_t count = imap_uid_ranges_pick(r, below, width, picked);
    size_t i = 0;

    for (; expected[2 * i] != 0; i++) {
        assert_true(i < count);
        assert_int_equal(picked[i].first, expected[2 * i]);
        assert_int_equal(picked[i].last, expected[2 * i + 1]);
    }
    assert_int_equal(count, i);
}

#define PAIRS(...) ((const uint32_t[]){ __VA_ARGS__, 0 })
#define NO_PAIRS ((const uint32_t[]){ 0 })
#define ALL ((uint64_t)UINT32_MAX + 1)

static void test_any_order(void **state)
{
    struct imap_uid_ranges r = make();

    (void)state;
    assert_int_equal(imap_uid_ranges_width(&r), 0);
    assert_false(imap_uid_ranges_have(&r, 1));
    check_pick(&r, ALL, ALL, NO_PAIRS);
    imap_uid_ranges_add(&r, 30, 30);
    imap_uid_ranges_add(&r, 31, 40); /* next to it */
    imap_uid_ranges_add(&r, 35, 36); /* within it */
    imap_uid_ranges_add(&r, 1, 1);
    imap_uid_ranges_add(&r, 5, 29); /* next to it as well */
    imap_uid_ranges_add(&r, UINT32_MAX, UINT32_MAX);
    imap_uid_ranges_settle(&r);
    assert_int_equal(r.count, 3);
    assert_int_equal(imap_uid_ranges_width(&r), 1 + 36 + 1);
    assert_true(imap_uid_ranges_have(&r, 1));
    assert_false(imap_uid_ranges_have(&r, 2));
    assert_false(imap_uid_ranges_have(&r, 4));
    assert_true(imap_uid_ranges_have(&r, 5));
    assert_true(imap_uid_ranges_have(&r, 40));
    assert_false(imap_uid_ranges_have(&r, 41));
    assert_true(imap_uid_ranges_have(&r, UINT32_MAX));
    imap_uid_ranges_fini(&r);
}

static void test_highest(void **state)
{
    struct imap_uid_ranges r = make();

    (void)state;
    imap_uid_ranges_add(&r, 10, 19);
    imap_uid_ranges_add(&r, 30, 30);
    imap_uid_ranges_add(&r, 40, 49);
    check_pick(&r, ALL, ALL, PAIRS(10, 19, 30, 30, 40, 49));
    check_pick(&r, ALL, 3, PAIRS(47, 49));
    check_pick(&r, ALL, 12, PAIRS(19, 19, 30, 30, 40, 49));
    check_pick(&r, 47, 3, PAIRS(44, 46));
    check_pick(&r, 40, 1, PAIRS(30, 30));
    check_pick(&r, 11, ALL, PAIRS(10, 10));
    check_pick(&r, 10, ALL, NO_PAIRS);
    imap_uid_ranges_fini(&r);
}

/* One command takes so many: the highest. */
static void test_many(void **state)
{
    struct imap_uid_range picked[IMAP_UID_RANGES_PICKED_MAX];
    struct imap_uid_ranges r = make();

    (void)state;
    for (uint32_t i = 1; i <= 100; i++)
        imap_uid_ranges_add(&r, 2 * i, 2 * i);
    assert_int_equal(imap_uid_ranges_pick(&r, ALL, ALL, picked),
                     IMAP_UID_RANGES_PICKED_MAX);
    assert_int_equal(picked[0].first,
                     2 * (100 - IMAP_UID_RANGES_PICKED_MAX + 1));
    assert_int_equal(picked[IMAP_UID_RANGES_PICKED_MAX - 1].last, 200);
    imap_uid_ranges_fini(&r);
}

/* Where they are too many the lowest are forgotten, and it is known. */
static void test_too_many(void **state)
{
    const uint32_t last = 2 * (3 * IMAP_UID_SPANS_MAX - 5);
    struct imap_uid_ranges r = make();
    uint32_t above;

    (void)state;
    for (uint32_t uid = 2; uid <= last; uid += 2)
        imap_uid_ranges_add(&r, uid, uid);
    imap_uid_ranges_settle(&r);
    above = r.forgotten;
    assert_true(above > 0 && above < last - IMAP_UID_SPANS_MAX / 2);
    for (uint32_t uid = above + 2; uid <= last; uid += 2)
        assert_true(imap_uid_ranges_have(&r, uid));
    imap_uid_ranges_add(&r, 1, above); /* named later, and forgotten again */
    imap_uid_ranges_add(&r, above, above + 1);
    imap_uid_ranges_settle(&r);
    assert_false(imap_uid_ranges_have(&r, above));
    assert_true(imap_uid_ranges_have(&r, above + 1));
    assert_int_equal(r.forgotten, above);
    imap_uid_ranges_fini(&r);
}

/* Named downwards, as by a server with a limit: none is forgotten in vain. */
static void test_downwards(void **state)
{
    struct imap_uid_ranges r = make();

    (void)state;
    for (uint32_t uid = 4 * IMAP_UID_SPANS_MAX; uid > 0; uid--)
        imap_uid_ranges_add(&r, uid, uid);
    imap_uid_ranges_settle(&r);
    assert_int_equal(r.forgotten, 0);
    assert_int_equal(r.count, 1);
    assert_int_equal(imap_uid_ranges_width(&r), 4 * IMAP_UID_SPANS_MAX);
    imap_uid_ranges_fini(&r);
}

/* The same as a bit a UID. */
static void test_any(void **state)
{
    struct random_source random;

    (void)state;
    random_init(&random, 1);
    for (unsigned round = 0; round < 200; round++) {
        struct imap_uid_ranges r = make();
        bool named[65] = { false };

        for (uint64_t n = random_below(&random, 20); n > 0; n--) {
            uint32_t first = 1 + (uint32_t)random_below(&random, 60);
            uint32_t last = first + (uint32_t)random_below(&random, 4);

            imap_uid_ranges_add(&r, first, last);
            for (uint32_t uid = first; uid <= last; uid++)
                named[uid] = true;
        }
        imap_uid_ranges_settle(&r);
        for (uint32_t uid = 1; uid < ARRAY_LENGTH(named); uid++)
            assert_int_equal(imap_uid_ranges_have(&r, uid), named[uid]);
        imap_uid_ranges_fini(&r);
    }
}

static void test_no_memory(void **state)
{
    struct imap_uid_ranges r;

    (void)state;
    alloc_fail_at(1);
    assert_false(imap_uid_ranges_init(&r));
    alloc_fail_at(0);
    imap_uid_ranges_fini(&r);
}

static void add_none(void)
{
    struct imap_uid_ranges r = make();

    imap_uid_ranges_add(&r, 0, 1);
}

static void add_backwards(void)
{
    struct imap_uid_ranges r = make();

    imap_uid_ranges_add(&r, 2, 1);
}

static void ask_unsettled(void)
{
    struct imap_uid_ranges r = make();

    imap_uid_ranges_add(&r, 9, 9);
    imap_uid_ranges_add(&r, 2, 2);
    (void)imap_uid_ranges_have(&r, 2);
}

static void test_misuse(void **state)
{
    (void)state;
    assert_aborts(add_none);
    assert_aborts(add_backwards);
    assert_aborts(ask_unsettled);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_order), cmocka_unit_test(test_highest),
        cmocka_unit_test(test_many),      cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_downwards), cmocka_unit_test(test_any),
        cmocka_unit_test(test_no_memory), cmocka_unit_test(test_misuse),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
