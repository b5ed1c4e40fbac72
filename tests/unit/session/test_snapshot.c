/* test_snapshot.c - eight octets a message, shared by a count. */
#include "session/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#include "support/aborts.h"
#include "support/alloc_fail.h"

#define THREADS 4
#define ROUNDS 100000

static struct snapshot *make(uint32_t count, uint32_t large_count)
{
    struct snapshot *s = snapshot_new(count, large_count);

    assert_non_null(s);
    return s;
}

static void test_nothing(void **state)
{
    struct snapshot *s = make(0, 0);

    (void)state;
    assert_int_equal(snapshot_count(s), 0);
    assert_int_equal(snapshot_find(s, 1), 0);
    assert_int_equal(snapshot_count_below(s, UINT32_MAX), 0);
    snapshot_unref(s);
    snapshot_unref(NULL);
    assert_null(snapshot_ref(NULL));
}

/* DEC-1: each UID is found, and none between them. */
static void test_find(void **state)
{
    static const uint32_t uids[] = { 1, 2, 7, 299, 300, UINT32_MAX };
    struct snapshot *s = make(ARRAY_LENGTH(uids), 0);

    (void)state;
    for (uint32_t i = 0; i < ARRAY_LENGTH(uids); i++)
        snapshot_append(s, uids[i], i);
    for (uint32_t i = 0; i < ARRAY_LENGTH(uids); i++) {
        assert_int_equal(snapshot_uid(s, i), uids[i]);
        assert_int_equal(snapshot_size_octets(s, i), i);
        assert_int_equal(snapshot_find(s, uids[i]), i);
        assert_int_equal(snapshot_count_below(s, uids[i]), i);
    }
    assert_int_equal(snapshot_find(s, 3), 6);
    assert_int_equal(snapshot_count_below(s, 3), 2);
    assert_int_equal(snapshot_count_below(s, 301), 5);
    assert_int_equal(snapshot_find(s, UINT32_MAX - 1), 6);
    assert_int_equal(snapshot_total_octets(s), 15);
    snapshot_unref(s);
}

/* The budget of the cache counts these. */
static void test_memory(void **state)
{
    struct snapshot *none = make(0, 0);
    struct snapshot *plain = make(1000, 0);
    struct snapshot *large = make(1000, 10);

    (void)state;
    assert_true(snapshot_memory_octets(none) <= 64);
    assert_int_equal(snapshot_memory_octets(plain),
                     snapshot_memory_octets(none) + 8000);
    assert_int_equal(snapshot_memory_octets(large),
                     snapshot_memory_octets(plain) + 160);
    snapshot_unref(none);
    snapshot_unref(plain);
    snapshot_unref(large);
}

static void test_halves(void **state)
{
    struct snapshot_halves nothing = { NULL, NULL };
    struct snapshot_halves first = { make(1, 0), make(1, 0) };
    struct snapshot_halves second;

    (void)state;
    snapshot_append(first.listed, 8, 80);
    snapshot_append(first.hidden, 9, 90);
    second = snapshot_halves_share(&first);
    snapshot_halves_drop(&first);
    assert_null(first.listed);
    assert_null(first.hidden);
    assert_int_equal(snapshot_find(second.listed, 8), 0);
    assert_int_equal(snapshot_find(second.hidden, 9), 0);
    snapshot_halves_drop(&second);
    second = snapshot_halves_share(&nothing);
    assert_null(second.listed);
    snapshot_halves_drop(&second);
}

static void *share_and_read(void *argument)
{
    struct snapshot *s = argument;

    for (unsigned i = 0; i < ROUNDS; i++) {
        (void)snapshot_ref(s);
        if (snapshot_find(s, 5) != 0)
            return NULL;
        snapshot_unref(s);
    }
    snapshot_unref(s); /* that of this thread; it may be the last */
    return s;
}

/* Shared by the workers: whoever is last frees it, and nobody twice. */
static void test_threads(void **state)
{
    struct snapshot *s = make(1, 0);
    pthread_t threads[THREADS];

    (void)state;
    snapshot_append(s, 5, 50);
    for (size_t i = 1; i < THREADS; i++)
        (void)snapshot_ref(s);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, share_and_read, s),
                         0);
    for (size_t i = 0; i < THREADS; i++) {
        void *result;

        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_non_null(result);
    }
}

static void append_twice(void)
{
    struct snapshot *s = snapshot_new(2, 0);

    snapshot_append(s, 7, 1);
    snapshot_append(s, 7, 1);
}

static void append_too_many(void)
{
    struct snapshot *s = snapshot_new(2, 0);

    for (uint32_t uid = 1; uid <= 3; uid++)
        snapshot_append(s, uid, 1);
}

static void append_too_large(void)
{
    snapshot_append(snapshot_new(2, 0), 1, UINT64_MAX);
}

/* What the order and the count rest upon is asserted. */
static void test_asserts(void **state)
{
    (void)state;
    assert_aborts(append_twice);
    assert_aborts(append_too_many);
    assert_aborts(append_too_large);
}

static void test_no_memory(void **state)
{
    struct snapshot *s;

    (void)state;
    for (unsigned long failing = 1; failing <= 2; failing++) {
        alloc_fail_at(failing);
        s = snapshot_new(10, 10);
        alloc_fail_at(0);
        assert_null(s);
    }
}

/* The halves as one: shared where one of them is empty. */
static void test_join(void **state)
{
    struct snapshot_halves h = { make(3, 1), make(2, 1) };
    struct snapshot_halves none = { make(2, 0), make(0, 0) };
    struct snapshot *s;

    (void)state;
    for (uint32_t uid = 1; uid <= 5; uid++)
        snapshot_append(uid % 2 == 1 ? h.listed : h.hidden, uid,
                        uid == 3 || uid == 4 ? UINT64_MAX : uid);
    s = snapshot_halves_join(&h);
    assert_non_null(s);
    assert_int_equal(snapshot_count(s), 5);
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(snapshot_uid(s, i), i + 1);
        assert_true(snapshot_size_octets(s, i) ==
                    (i == 2 || i == 3 ? UINT64_MAX : i + 1));
    }
    snapshot_unref(s);
    alloc_fail_at(1);
    s = snapshot_halves_join(&h);
    alloc_fail_at(0);
    assert_null(s);
    snapshot_halves_drop(&h);
    s = snapshot_halves_join(&none);
    assert_ptr_equal(s, none.listed);
    snapshot_unref(s);
    snapshot_halves_drop(&none);
}

int main(void)
{
    const struct CMUnitTest session_snapshot[] = {
        cmocka_unit_test(test_nothing),   cmocka_unit_test(test_find),
        cmocka_unit_test(test_memory),    cmocka_unit_test(test_halves),
        cmocka_unit_test(test_threads),   cmocka_unit_test(test_asserts),
        cmocka_unit_test(test_no_memory), cmocka_unit_test(test_join),
    };

    return cmocka_run_group_tests(session_snapshot, NULL, NULL);
}
