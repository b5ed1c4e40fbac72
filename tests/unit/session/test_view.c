/* test_view.c - what a window leaves out, and that it is taken as a whole. */
#include "session/view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/alloc_fail.h"

/* UIDs 10, 20, 30, 40, 50, of as many octets; the fourth is of 5 GB. */
#define LARGE_OCTETS (5ULL * 1024 * 1024 * 1024)
static struct snapshot *five(void)
{
    struct snapshot *s = snapshot_new(5, 1);

    assert_non_null(s);
    for (uint32_t uid = 10; uid <= 50; uid += 10)
        snapshot_append(s, uid, uid == 40 ? LARGE_OCTETS : uid);
    return s;
}

/* The UIDs of the view are |expected|, which ends with 0. */
static void check(struct snapshot *whole, const struct mailbox_window *w,
                  const struct view_names *names, const uint32_t *expected)
{
    struct snapshot *view = view_of(whole, w, names);
    uint32_t count = 0;

    assert_non_null(view);
    for (; expected[count] != 0; count++) {
        assert_true(count < snapshot_count(view));
        assert_int_equal(snapshot_uid(view, count), expected[count]);
        assert_int_equal(
            snapshot_size_octets(view, count),
            snapshot_size_octets(whole, snapshot_find(whole, expected[count])));
    }
    assert_int_equal(snapshot_count(view), count);
    snapshot_unref(view);
}

#define UIDS(...) ((const uint32_t[]){ __VA_ARGS__, 0 })

static void test_everything(void **state)
{
    const struct mailbox_window open = { .newest = 0 };
    const struct mailbox_window wide = { .newest = 5,
                                         .max_message_octets = LARGE_OCTETS };
    struct snapshot *whole = five();
    struct snapshot *view = view_of(whole, &open, NULL);

    (void)state;
    assert_ptr_equal(view, whole); /* shared, not copied */
    snapshot_unref(view);
    view = view_of(whole, &wide, NULL);
    assert_ptr_equal(view, whole);
    snapshot_unref(view);
    snapshot_unref(whole);
}

static void test_newest(void **state)
{
    struct snapshot *whole = five();

    (void)state;
    check(whole, &(struct mailbox_window){ .newest = 1 }, NULL, UIDS(50));
    check(whole, &(struct mailbox_window){ .newest = 2 }, NULL, UIDS(40, 50));
    check(whole, &(struct mailbox_window){ .newest = 4 }, NULL,
          UIDS(20, 30, 40, 50));
    check(whole, &(struct mailbox_window){ .newest = 6 }, NULL,
          UIDS(10, 20, 30, 40, 50));
    snapshot_unref(whole);
}

/* The largest that is shown is of just that size. */
static void test_max_message_size(void **state)
{
    struct snapshot *whole = five();

    (void)state;
    check(whole, &(struct mailbox_window){ .max_message_octets = 30 }, NULL,
          UIDS(10, 20, 30));
    check(whole, &(struct mailbox_window){ .max_message_octets = 29 }, NULL,
          UIDS(10, 20));
    check(whole, &(struct mailbox_window){ .max_message_octets = 9 }, NULL,
          UIDS(0));
    check(whole,
          &(struct mailbox_window){ .max_message_octets = LARGE_OCTETS - 1 },
          NULL, UIDS(10, 20, 30, 50));
    /* What is too large does not count among the newest. */
    check(whole,
          &(struct mailbox_window){ .max_message_octets = 50, .newest = 2 },
          NULL, UIDS(30, 50));
    snapshot_unref(whole);
}

/* What a search has named, and of that the newest. */
static void test_names(void **state)
{
    const struct mailbox_window all = { .newest = 0 };
    const struct mailbox_window two = { .newest = 2 };
    const struct mailbox_window small = { .newest = 2,
                                          .max_message_octets = 100 };
    struct snapshot *whole = five();
    struct view_names names;

    (void)state;
    assert_true(view_names_init(&names, whole));
    check(whole, &all, &names, UIDS(0));
    assert_int_equal(view_names_add(&names, 10, 10), VIEW_NEW);
    assert_int_equal(view_names_add(&names, 11, 29), VIEW_NEW);
    check(whole, &all, &names, UIDS(10, 20));
    assert_int_equal(view_names_add(&names, 20, 20), VIEW_OK);
    /* Those that came since are in no snapshot. */
    assert_int_equal(view_names_add(&names, 51, UINT32_MAX), VIEW_OK);
    assert_int_equal(view_names_add(&names, 40, UINT32_MAX), VIEW_NEW);
    check(whole, &all, &names, UIDS(10, 20, 40, 50));
    check(whole, &two, &names, UIDS(40, 50));
    check(whole, &small, &names, UIDS(20, 50));
    view_names_fini(&names);
    snapshot_unref(whole);
}

/* A server that names the same for ever is not listened to for ever. */
static void test_repeated_names(void **state)
{
    struct snapshot *whole = five();
    struct view_names names;

    (void)state;
    assert_true(view_names_init(&names, whole));
    assert_int_equal(view_names_add(&names, 1, UINT32_MAX), VIEW_NEW);
    assert_int_equal(view_names_add(&names, 1, UINT32_MAX), VIEW_OK);
    assert_int_equal(view_names_add(&names, 10, 10), VIEW_EREPEATED);
    view_names_fini(&names);
    snapshot_unref(whole);
}

static void test_empty(void **state)
{
    const struct mailbox_window w = { .newest = 3, .max_message_octets = 1 };
    struct snapshot *whole = snapshot_new(0, 0);
    struct view_names names;

    (void)state;
    assert_non_null(whole);
    assert_true(view_names_init(&names, whole));
    assert_int_equal(view_names_add(&names, 1, UINT32_MAX), VIEW_OK);
    check(whole, &w, &names, UIDS(0));
    view_names_fini(&names);
    snapshot_unref(whole);
}

static void test_needs_search(void **state)
{
    (void)state;
    assert_false(view_needs_search(
        &(struct mailbox_window){ .newest = 1, .max_message_octets = 1 }));
    assert_true(
        view_needs_search(&(struct mailbox_window){ .unread_only = true }));
    assert_true(
        view_needs_search(&(struct mailbox_window){ .newer_than_days = 1 }));
    assert_true(
        view_needs_search(&(struct mailbox_window){ .only_keyword = "$Scan" }));
}

/* 2026-03-01T12:00:00Z is midnight in the zone furthest west. */
static void test_since(void **state)
{
    const uint64_t noon_s = 1772366400;
    char date[DATETIME_IMAP_DATE_MAX + 1];

    (void)state;
    view_since(1, noon_s, date);
    assert_string_equal(date, "28-Feb-2026");
    view_since(1, noon_s - 1, date);
    assert_string_equal(date, "27-Feb-2026");
    view_since(30, noon_s, date);
    assert_string_equal(date, "30-Jan-2026");
    view_since(36500, noon_s, date);
    assert_string_equal(date, "1-Jan-1970");
    view_since(UINT32_MAX, noon_s, date);
    assert_string_equal(date, "1-Jan-1970");
}

static void test_no_memory(void **state)
{
    const struct mailbox_window w = { .max_message_octets = LARGE_OCTETS,
                                      .newest = 2 };
    struct snapshot *whole = five();
    struct view_names names;

    (void)state;
    alloc_fail_at(1);
    assert_false(view_names_init(&names, whole));
    view_names_fini(&names);
    for (unsigned long n = 1; n <= 2; n++) {
        alloc_fail_at(n);
        assert_null(view_of(whole, &w, NULL));
    }
    alloc_fail_at(0);
    check(whole, &w, NULL, UIDS(40, 50));
    assert_int_equal(alloc_fail_count(), 2);
    snapshot_unref(whole);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything),       cmocka_unit_test(test_newest),
        cmocka_unit_test(test_max_message_size), cmocka_unit_test(test_names),
        cmocka_unit_test(test_repeated_names),   cmocka_unit_test(test_empty),
        cmocka_unit_test(test_needs_search),     cmocka_unit_test(test_since),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
