/* test_maildrop.c - marks on messages, and the sums that follow from them. */
#include "session/maildrop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attributes.h"
#include "support/alloc_fail.h"

static const struct maildrop_traits plain = {
    .uidvalidity = 77,
    .has_unique_ids = true,
    .removal_fault = FAULT_NONE,
};

/* UIDs 10, 20, 30 with 5, 2^33 and 300 octets. */
static struct snapshot *three_messages(void)
{
    static const uint64_t sizes[] = { 5, (uint64_t)1 << 33, 300 };
    struct snapshot *s = snapshot_new(ARRAY_LENGTH(sizes), 1);

    assert_non_null(s);
    for (uint32_t i = 0; i < ARRAY_LENGTH(sizes); i++)
        snapshot_append(s, 10 * (i + 1), sizes[i]);
    return s;
}

static struct maildrop *make(const struct maildrop_traits *traits)
{
    struct snapshot *s = three_messages();
    struct maildrop *m = maildrop_new(s, traits);

    assert_non_null(m);
    snapshot_unref(s); /* the maildrop's is enough */
    return m;
}

static void mark(struct maildrop *m, uint32_t index)
{
    assert_int_equal(maildrop_mark_deleted(m, index), FAULT_NONE);
}

static void test_what_it_shows(void **state)
{
    struct maildrop *m = make(&plain);

    (void)state;
    assert_int_equal(maildrop_uidvalidity(m), 77);
    assert_true(maildrop_has_unique_ids(m));
    assert_int_equal(maildrop_count(m), 3);
    assert_int_equal(maildrop_uid(m, 2), 30);
    assert_int_equal(maildrop_size_octets(m, 0), 5);
    assert_int_equal(maildrop_find(m, 20), 1);
    assert_int_equal(maildrop_find(m, 21), 3);
    maildrop_free(m);
    maildrop_free(NULL);
}

/* POP-12: marked messages do not count; the sum has 64 bits. POP-18: RSET. */
static void test_marks(void **state)
{
    const uint64_t all = 305 + ((uint64_t)1 << 33);
    struct maildrop *m = make(&plain);

    (void)state;
    assert_true(maildrop_listed_octets(m) == all);
    mark(m, 1);
    assert_true(maildrop_is_deleted(m, 1));
    assert_int_equal(maildrop_deleted_count(m), 1);
    assert_int_equal(maildrop_listed_octets(m), 305);
    mark(m, 2);
    mark(m, 0);
    assert_int_equal(maildrop_deleted_count(m), 3);
    assert_int_equal(maildrop_listed_octets(m), 0);
    maildrop_unmark_all(m);
    assert_false(maildrop_is_deleted(m, 1));
    assert_int_equal(maildrop_deleted_count(m), 0);
    assert_int_equal(maildrop_count(m), 3);
    assert_true(maildrop_listed_octets(m) == all);
    maildrop_unmark_all(m);
    assert_int_equal(maildrop_deleted_count(m), 0);
    mark(m, 1);
    maildrop_free(m);
}

/* DEC-6: a mailbox that takes no removal; nothing is marked then. */
static void test_no_removal(void **state)
{
    struct maildrop_traits traits = plain;
    struct maildrop *m;

    (void)state;
    traits.removal_fault = FAULT_MAILBOX_READ_ONLY;
    m = make(&traits);
    assert_int_equal(maildrop_mark_deleted(m, 0), FAULT_MAILBOX_READ_ONLY);
    assert_false(maildrop_is_deleted(m, 0));
    assert_int_equal(maildrop_deleted_count(m), 0);
    maildrop_free(m);
}

/* DEC-14: behind a failure DELE is refused until the same succeeds; TOP does
 * not make good what RETR failed to deliver, RETR makes good both.
 */
static void test_failures(void **state)
{
    struct maildrop *m = make(&plain);

    (void)state;
    maildrop_note_failed(m, 0, true);
    assert_int_equal(maildrop_mark_deleted(m, 0), FAULT_MESSAGE_NOT_READ);
    maildrop_note_read(m, 0, false);
    assert_int_equal(maildrop_mark_deleted(m, 0), FAULT_MESSAGE_NOT_READ);
    maildrop_note_read(m, 0, true);
    mark(m, 0);

    maildrop_note_failed(m, 1, false);
    assert_int_equal(maildrop_mark_deleted(m, 1), FAULT_MESSAGE_NOT_READ);
    maildrop_note_read(m, 1, false);
    mark(m, 1);

    maildrop_note_failed(m, 2, false);
    maildrop_note_read(m, 2, true);
    mark(m, 2);
    maildrop_free(m);
}

/* A mark for good reaches over the failure behind it: RSET, DELE is refused. */
static void test_failure_behind_a_read(void **state)
{
    struct maildrop *m = make(&plain);

    (void)state;
    maildrop_note_read(m, 0, true);
    maildrop_note_failed(m, 0, true);
    assert_int_equal(maildrop_mark_deleted(m, 0), FAULT_MESSAGE_NOT_READ);
    maildrop_free(m);
}

/* DEC-7: what a look-up does not find is gone, and what it finds is not. */
static void test_removal(void **state)
{
    struct maildrop *m = make(&plain);

    (void)state;
    mark(m, 0);
    mark(m, 2);
    assert_int_equal(maildrop_to_be_removed_count(m), 2);
    assert_false(maildrop_is_to_be_removed(m, 1));
    maildrop_note_all_removed(m);
    assert_int_equal(maildrop_to_be_removed_count(m), 0);
    maildrop_note_found(m, 1);
    maildrop_note_found(m, 2);
    assert_int_equal(maildrop_to_be_removed_count(m), 1);
    assert_true(maildrop_is_to_be_removed(m, 2));
    assert_int_equal(maildrop_deleted_count(m), 2);
    maildrop_free(m);
}

/* DEC-5: a search counts each message once, and each search anew. */
static void test_named(void **state)
{
    struct maildrop *m = make(&plain);

    (void)state;
    for (unsigned search = 0; search < 2; search++) {
        maildrop_begin_search(m);
        assert_true(maildrop_note_named(m, 2));
        assert_true(maildrop_note_named(m, 0));
        assert_false(maildrop_note_named(m, 2));
    }
    maildrop_free(m);
}

/* DEC-3: \Seen is for what RETR delivered. */
static void test_delivered(void **state)
{
    struct maildrop *m = make(&plain);

    (void)state;
    maildrop_note_read(m, 0, true);
    maildrop_note_read(m, 1, false);
    maildrop_note_read(m, 2, true);
    mark(m, 2);
    assert_true(maildrop_is_delivered(m, 0));
    assert_false(maildrop_is_delivered(m, 1));
    assert_true(maildrop_is_delivered(m, 2));
    maildrop_free(m);
}

/* DEC-25: a copy that is confirmed stays so; what is done, and what is not. */
static void test_copied_and_removed(void **state)
{
    struct maildrop *m = make(&plain);

    (void)state;
    mark(m, 0);
    mark(m, 2);
    assert_false(maildrop_is_copied(m, 0));
    maildrop_note_copied(m, 0);
    maildrop_begin_search(m);
    maildrop_note_all_removed(m);
    maildrop_note_found(m, 0);
    maildrop_note_found(m, 2);
    assert_true(maildrop_is_copied(m, 0));
    assert_false(maildrop_is_copied(m, 2));
    assert_int_equal(maildrop_to_be_removed_count(m), 2);
    maildrop_note_removed(m, 2);
    assert_true(maildrop_is_to_be_removed(m, 0));
    assert_false(maildrop_is_to_be_removed(m, 2));
    maildrop_free(m);
}

static unsigned freed;

static void count_free(const unsigned char *memory, size_t size)
{
    (void)memory;
    (void)size;
    freed++;
}

/* The snapshot is shared where there is a maildrop, and only then. */
static void test_no_memory(void **state)
{
    struct snapshot *s = three_messages();
    struct maildrop *m;

    (void)state;
    alloc_fail_at(1);
    m = maildrop_new(s, &plain);
    alloc_fail_at(0);
    assert_null(m);
    m = maildrop_new(s, &plain);
    assert_non_null(m);
    freed = 0;
    alloc_watch_free(count_free);
    maildrop_free(m);
    assert_int_equal(freed, 1);
    assert_int_equal(snapshot_count(s), 3);
    snapshot_unref(s);
    alloc_watch_free(NULL);
    assert_int_equal(freed, 3); /* it, and its table of large sizes */
}

/* What the next session knows of the mailbox: all but what was removed. */
static void test_what_is_left(void **state)
{
    struct maildrop *m = make(&plain);
    struct snapshot *s = three_messages();
    struct snapshot *left;

    (void)state;
    left = maildrop_copy_left(m, s);
    assert_int_equal(snapshot_count(left), 3);
    assert_true(snapshot_size_octets(left, 1) == (uint64_t)1 << 33);
    snapshot_unref(left);
    mark(m, 0);
    left = maildrop_copy_left(m, s);
    assert_int_equal(snapshot_count(left), 2);
    assert_int_equal(snapshot_uid(left, 0), 20);
    assert_true(snapshot_size_octets(left, 0) == (uint64_t)1 << 33);
    assert_int_equal(snapshot_uid(left, 1), 30);
    snapshot_unref(left);
    mark(m, 1);
    mark(m, 2);
    left = maildrop_copy_left(m, s);
    assert_int_equal(snapshot_count(left), 0);
    snapshot_unref(left);
    alloc_fail_at(1);
    left = maildrop_copy_left(m, s);
    alloc_fail_at(0);
    assert_null(left);
    maildrop_free(m);
    snapshot_unref(s);
}

/* What a view does not show stays, wherever it lies. */
static void test_what_is_left_of_a_view(void **state)
{
    struct snapshot *whole = snapshot_new(5, 0);
    struct snapshot *view = snapshot_new(2, 0);
    struct snapshot *left;
    struct maildrop *m;

    (void)state;
    assert_non_null(whole);
    assert_non_null(view);
    for (uint32_t uid = 1; uid <= 5; uid++)
        snapshot_append(whole, uid, 100 + uid);
    snapshot_append(view, 2, 102);
    snapshot_append(view, 4, 104);
    m = maildrop_new(view, &plain);
    assert_non_null(m);
    mark(m, 1);
    left = maildrop_copy_left(m, whole);
    assert_int_equal(snapshot_count(left), 4);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(snapshot_uid(left, i), i < 3 ? i + 1 : 5);
    assert_int_equal(snapshot_size_octets(left, 3), 105);
    snapshot_unref(left);
    maildrop_free(m);
    snapshot_unref(view);
    snapshot_unref(whole);
}

int main(void)
{
    const struct CMUnitTest session_maildrop[] = {
        cmocka_unit_test(test_what_it_shows),
        cmocka_unit_test(test_marks),
        cmocka_unit_test(test_no_removal),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_failure_behind_a_read),
        cmocka_unit_test(test_removal),
        cmocka_unit_test(test_named),
        cmocka_unit_test(test_delivered),
        cmocka_unit_test(test_copied_and_removed),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_what_is_left),
        cmocka_unit_test(test_what_is_left_of_a_view),
    };

    return cmocka_run_group_tests(session_maildrop, NULL, NULL);
}
