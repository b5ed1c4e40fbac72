/* test_lock_table.c - one session a maildrop, whatever the thread. */
#include "server/lock_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#define UPSTREAM SPAN_LITERAL("imap.example.com:993")
#define THREADS 4
#define ROUNDS 20000

static struct maildrop_lock *must_take(struct lock_table *t,
                                       struct span upstream, struct span user)
{
    struct maildrop_lock *lock = NULL;

    assert_int_equal(lock_table_take(t, upstream, user, 0, 0, &lock),
                     LOCK_TAKEN);
    assert_non_null(lock);
    return lock;
}

static void must_be_busy(struct lock_table *t, struct span upstream,
                         struct span user)
{
    struct maildrop_lock *lock = NULL;

    assert_int_equal(lock_table_take(t, upstream, user, 0, 0, &lock),
                     LOCK_BUSY);
    assert_null(lock);
}

static void test_one_holder_a_maildrop(void **state)
{
    struct lock_table *t = lock_table_new();
    struct maildrop_lock *lock;

    (void)state;
    assert_non_null(t);
    lock = must_take(t, UPSTREAM, SPAN_LITERAL("mrose"));
    must_be_busy(t, UPSTREAM, SPAN_LITERAL("mrose"));
    lock_table_release(t, lock, 0);
    lock = must_take(t, UPSTREAM, SPAN_LITERAL("mrose"));
    must_be_busy(t, UPSTREAM, SPAN_LITERAL("mrose"));
    lock_table_release(t, lock, 0);
    lock_table_release(t, NULL, 0);
    lock_table_free(t);
    lock_table_free(NULL);
}

/* Names are octets: no case, no NUL, no other upstream's name is the same. */
static void test_other_maildrops_are_free(void **state)
{
    static const struct {
        struct span upstream;
        struct span user;
    } others[] = {
        { { (const unsigned char *)"a", 1 },
          { (const unsigned char *)"bc", 2 } },
        { { (const unsigned char *)"ab", 2 },
          { (const unsigned char *)"c", 1 } },
        { { (const unsigned char *)"a", 1 },
          { (const unsigned char *)"BC", 2 } },
        { { (const unsigned char *)"a", 1 },
          { (const unsigned char *)"bc\0", 3 } },
        { { (const unsigned char *)"a", 1 },
          { (const unsigned char *)"bc\0d", 4 } },
        { { (const unsigned char *)"a", 1 }, { NULL, 0 } },
        { { (const unsigned char *)"abc", 3 }, { NULL, 0 } },
    };
    struct maildrop_lock *locks[ARRAY_LENGTH(others)];
    struct lock_table *t = lock_table_new();

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++)
        locks[i] = must_take(t, others[i].upstream, others[i].user);
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++)
        must_be_busy(t, others[i].upstream, others[i].user);
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++)
        lock_table_release(t, locks[i], 0);
    lock_table_free(t);
}

static void test_many(void **state)
{
    static struct maildrop_lock *locks[5000];
    struct lock_table *t = lock_table_new();
    char name[16];

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(locks); i++) {
        snprintf(name, sizeof(name), "user%zu", i);
        locks[i] = must_take(t, UPSTREAM, span_from_string(name));
    }
    for (size_t i = 0; i < ARRAY_LENGTH(locks); i += 2)
        lock_table_release(t, locks[i], 0);
    for (size_t i = 0; i < ARRAY_LENGTH(locks); i++) {
        snprintf(name, sizeof(name), "user%zu", i);
        if (i % 2 == 0)
            locks[i] = must_take(t, UPSTREAM, span_from_string(name));
        else
            must_be_busy(t, UPSTREAM, span_from_string(name));
    }
    for (size_t i = 0; i < ARRAY_LENGTH(locks); i++)
        lock_table_release(t, locks[i], 0);
    lock_table_free(t);
}

/* --- threads --- */

struct crowd {
    struct lock_table *table;
    atomic_int holders;
    atomic_int collisions;
    atomic_int taken;
};

static void *compete(void *arg)
{
    struct crowd *c = arg;

    for (int i = 0; i < ROUNDS; i++) {
        struct maildrop_lock *lock = NULL;

        if (lock_table_take(c->table, UPSTREAM, SPAN_LITERAL("mrose"), 0, 0,
                            &lock) != LOCK_TAKEN)
            continue;
        if (atomic_fetch_add(&c->holders, 1) != 0)
            atomic_fetch_add(&c->collisions, 1);
        atomic_fetch_add(&c->taken, 1);
        atomic_fetch_sub(&c->holders, 1);
        lock_table_release(c->table, lock, 0);
    }
    return NULL;
}

static void test_threads_never_hold_it_together(void **state)
{
    struct crowd crowd = { .table = lock_table_new() };
    pthread_t threads[THREADS];

    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, compete, &crowd), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&crowd.collisions), 0);
    assert_true(atomic_load(&crowd.taken) > 0);
    lock_table_free(crowd.table);
}

/* --- the delay between logins: MAP-5 --- */

#define DELAY_MS 1000

static void login_with(struct lock_table *t, uint64_t delay_ms,
                       const char *user, uint64_t begin_ms, uint64_t end_ms)
{
    struct maildrop_lock *lock = NULL;

    assert_int_equal(lock_table_take(t, UPSTREAM, span_from_string(user),
                                     delay_ms, begin_ms, &lock),
                     LOCK_TAKEN);
    lock_table_release(t, lock, end_ms);
}

static void login(struct lock_table *t, const char *user, uint64_t begin_ms,
                  uint64_t end_ms)
{
    login_with(t, DELAY_MS, user, begin_ms, end_ms);
}

static void must_be_refused(struct lock_table *t, const char *user,
                            uint64_t now_ms, enum lock_status why)
{
    struct maildrop_lock *lock = NULL;

    assert_int_equal(lock_table_take(t, UPSTREAM, span_from_string(user),
                                     DELAY_MS, now_ms, &lock),
                     why);
    assert_null(lock);
}

/* It counts from the login that was granted: not from the end of the session,
 * nor from one that was refused.
 */
static void test_delay(void **state)
{
    struct lock_table *t = lock_table_new();
    struct maildrop_lock *lock = NULL;

    (void)state;
    login(t, "mrose", 5000, 5400);
    must_be_refused(t, "mrose", 5400, LOCK_TOO_SOON);
    must_be_refused(t, "mrose", 4999, LOCK_TOO_SOON); /* another's clock */
    must_be_refused(t, "mrose", 5999, LOCK_TOO_SOON);
    login(t, "another", 5999, 6000);
    assert_int_equal(lock_table_take(t, UPSTREAM, SPAN_LITERAL("mrose"),
                                     DELAY_MS, 6000, &lock),
                     LOCK_TAKEN);
    must_be_refused(t, "mrose", 6001, LOCK_BUSY);
    must_be_refused(t, "mrose", 9999, LOCK_BUSY); /* held is held */
    lock_table_release(t, lock, 10000);
    login(t, "mrose", 10000, 10001);
    lock_table_free(t);
}

/* Two who share a maildrop: it is too soon by the delay of both only. */
static void test_delays_of_two(void **state)
{
    struct lock_table *t = lock_table_new();

    (void)state;
    login_with(t, 0, "mrose", 0, 1);
    login(t, "mrose", 1, 2); /* who has no delay leaves none behind */
    must_be_refused(t, "mrose", 2, LOCK_TOO_SOON);
    login_with(t, 0, "mrose", 3, 4); /* nor is he kept waiting */
    login_with(t, 10 * DELAY_MS, "mrose", 5, 6);
    must_be_refused(t, "mrose", 4 + DELAY_MS, LOCK_TOO_SOON);
    login(t, "mrose", 5 + DELAY_MS, 6 + DELAY_MS);
    login_with(t, 10 * DELAY_MS, "mrose", 5 + 2 * DELAY_MS, 6 + 2 * DELAY_MS);
    lock_table_free(t);
}

static void test_long_sessions_leave_no_entry(void **state)
{
    struct lock_table *t = lock_table_new();

    (void)state;
    login(t, "mrose", 0, DELAY_MS);
    assert_int_equal(lock_table_size(t), 0);
    login(t, "mrose", 5000, 5000 + DELAY_MS - 1);
    assert_int_equal(lock_table_size(t), 1);
    lock_table_free(t);
}

/* Memory: no entry outlives the delay as long as logins go on, also not after
 * a rush, also not where short sessions end behind long ones.
 */
static void test_resting_entries_are_swept(void **state)
{
    struct lock_table *t = lock_table_new();
    uint64_t now_ms = 0;
    char name[16];

    (void)state;
    for (unsigned i = 0; i < 3000; i++) {
        snprintf(name, sizeof(name), "rush%u", i);
        login(t, name, now_ms, now_ms + i % 7 * 100);
    }
    assert_int_equal(lock_table_size(t), 3000);
    now_ms = 2 * DELAY_MS;
    for (unsigned i = 0; i < 3000; i++) {
        snprintf(name, sizeof(name), "calm%u", i);
        login(t, name, now_ms, now_ms);
        now_ms += 100;
    }
    assert_in_range(lock_table_size(t), 1, DELAY_MS / 100 + 1);
    lock_table_free(t);
}

/* Without a delay nothing rests. */
static void test_no_delay(void **state)
{
    struct lock_table *t = lock_table_new();

    (void)state;
    login_with(t, 0, "mrose", 7, 7);
    assert_int_equal(lock_table_size(t), 0);
    login_with(t, 0, "mrose", 7, 7);
    lock_table_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_holder_a_maildrop),
        cmocka_unit_test(test_other_maildrops_are_free),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_threads_never_hold_it_together),
        cmocka_unit_test(test_delay),
        cmocka_unit_test(test_delays_of_two),
        cmocka_unit_test(test_long_sessions_leave_no_entry),
        cmocka_unit_test(test_resting_entries_are_swept),
        cmocka_unit_test(test_no_delay),
    };

    return cmocka_run_group_tests_name("server/lock_table", tests, NULL, NULL);
}
