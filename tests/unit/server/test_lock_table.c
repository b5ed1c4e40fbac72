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

#include "support/alloc_fail.h"

#define UPSTREAM SPAN_LITERAL("imap.example.com:993")
#define THREADS 4
#define ROUNDS 20000

static struct maildrop_lock *must_take(struct lock_table *t,
                                       struct span upstream, struct span user)
{
    struct maildrop_lock *lock = NULL;

    assert_int_equal(lock_table_take(t, upstream, user, &lock), LOCK_TAKEN);
    assert_non_null(lock);
    return lock;
}

static void must_be_busy(struct lock_table *t, struct span upstream,
                         struct span user)
{
    struct maildrop_lock *lock = NULL;

    assert_int_equal(lock_table_take(t, upstream, user, &lock), LOCK_BUSY);
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
    lock_table_release(t, lock);
    lock = must_take(t, UPSTREAM, SPAN_LITERAL("mrose"));
    must_be_busy(t, UPSTREAM, SPAN_LITERAL("mrose"));
    lock_table_release(t, lock);
    lock_table_release(t, NULL);
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
        lock_table_release(t, locks[i]);
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
        lock_table_release(t, locks[i]);
    for (size_t i = 0; i < ARRAY_LENGTH(locks); i++) {
        snprintf(name, sizeof(name), "user%zu", i);
        if (i % 2 == 0)
            locks[i] = must_take(t, UPSTREAM, span_from_string(name));
        else
            must_be_busy(t, UPSTREAM, span_from_string(name));
    }
    for (size_t i = 0; i < ARRAY_LENGTH(locks); i++)
        lock_table_release(t, locks[i]);
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

        if (lock_table_take(c->table, UPSTREAM, SPAN_LITERAL("mrose"), &lock) !=
            LOCK_TAKEN)
            continue;
        if (atomic_fetch_add(&c->holders, 1) != 0)
            atomic_fetch_add(&c->collisions, 1);
        atomic_fetch_add(&c->taken, 1);
        atomic_fetch_sub(&c->holders, 1);
        lock_table_release(c->table, lock);
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

/* --- the delay between logins: CAP-12, MAP-5 --- */

#define DELAY_MS 1000

static void expect(struct lock_table *t, const char *name, uint64_t delay_ms,
                   uint64_t now_ms, enum lock_status status)
{
    assert_int_equal(lock_table_note_login(t, UPSTREAM, span_from_string(name),
                                           delay_ms, now_ms),
                     status);
}

/* It counts from the login that was granted, not from one that was refused. */
static void test_delay(void **state)
{
    struct lock_table *t = lock_table_new();

    (void)state;
    expect(t, "mrose", DELAY_MS, 5000, LOCK_TAKEN);
    expect(t, "mrose", DELAY_MS, 5000, LOCK_TOO_SOON);
    expect(t, "mrose", DELAY_MS, 4999, LOCK_TOO_SOON); /* another's clock */
    expect(t, "mrose", DELAY_MS, 5999, LOCK_TOO_SOON);
    expect(t, "another", DELAY_MS, 5999, LOCK_TAKEN);
    expect(t, "mrose", DELAY_MS, 6000, LOCK_TAKEN);
    expect(t, "mrose", DELAY_MS, 6001, LOCK_TOO_SOON);
    assert_int_equal(lock_table_note_login(t, SPAN_LITERAL("elsewhere:993"),
                                           SPAN_LITERAL("mrose"), DELAY_MS,
                                           6001),
                     LOCK_TAKEN);
    lock_table_free(t);
}

/* Another delay holds from the next login on; without one nothing is kept, nor
 * forgotten.
 */
static void test_another_delay(void **state)
{
    struct lock_table *t = lock_table_new();

    (void)state;
    expect(t, "mrose", 0, 0, LOCK_TAKEN);
    assert_int_equal(lock_table_size(t), 0);
    expect(t, "mrose", 10 * DELAY_MS, 0, LOCK_TAKEN);
    expect(t, "mrose", 10 * DELAY_MS, DELAY_MS, LOCK_TOO_SOON);
    expect(t, "mrose", 0, DELAY_MS, LOCK_TAKEN);
    expect(t, "mrose", 10 * DELAY_MS, DELAY_MS, LOCK_TOO_SOON);
    expect(t, "mrose", DELAY_MS, DELAY_MS, LOCK_TAKEN);
    expect(t, "mrose", DELAY_MS, 2 * DELAY_MS - 1, LOCK_TOO_SOON);
    lock_table_free(t);
}

/* Who is held is another matter, even by the same name. */
static void test_logins_are_no_locks(void **state)
{
    struct lock_table *t = lock_table_new();
    struct maildrop_lock *lock;

    (void)state;
    expect(t, "mrose", DELAY_MS, 0, LOCK_TAKEN);
    lock = must_take(t, UPSTREAM, SPAN_LITERAL("mrose"));
    expect(t, "mrose", DELAY_MS, DELAY_MS, LOCK_TAKEN);
    assert_int_equal(lock_table_size(t), 2);
    lock_table_release(t, lock);
    lock = must_take(t, UPSTREAM, SPAN_LITERAL("mrose"));
    lock_table_release(t, lock);
    lock_table_free(t);
}

/* Memory: no login outlives its delay for as long as others come, also not after
 * a rush.
 */
static void test_logins_are_swept(void **state)
{
    struct lock_table *t = lock_table_new();
    uint64_t now_ms = 0;
    char name[16];

    (void)state;
    for (unsigned i = 0; i < 3000; i++) {
        snprintf(name, sizeof(name), "rush%u", i);
        expect(t, name, DELAY_MS, now_ms, LOCK_TAKEN);
    }
    assert_int_equal(lock_table_size(t), 3000);
    now_ms = 2 * DELAY_MS;
    for (unsigned i = 0; i < 3000; i++) {
        snprintf(name, sizeof(name), "calm%u", i);
        expect(t, name, DELAY_MS, now_ms, LOCK_TAKEN);
        now_ms += 100;
    }
    assert_in_range(lock_table_size(t), 1, DELAY_MS / 100 + 1);
    lock_table_free(t);
}

/* Whatever cannot be had: neither a lock nor a login, and nothing is left. */
static void test_no_memory(void **state)
{
    struct lock_table *t = lock_table_new();
    struct maildrop_lock *lock = NULL;
    unsigned long needed;

    (void)state;
    alloc_fail_at(0);
    expect(t, "mrose", DELAY_MS, 0, LOCK_TAKEN);
    needed = alloc_fail_count();
    lock_table_free(t);
    assert_true(needed > 1);
    for (unsigned long n = 1; n <= needed; n++) {
        t = lock_table_new();
        alloc_fail_at(n);
        expect(t, "mrose", DELAY_MS, 0, LOCK_ENOMEMORY);
        alloc_fail_at(n);
        assert_int_equal(
            lock_table_take(t, UPSTREAM, SPAN_LITERAL("mrose"), &lock),
            LOCK_ENOMEMORY);
        alloc_fail_at(0);
        assert_int_equal(lock_table_size(t), 0);
        lock_table_free(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_holder_a_maildrop),
        cmocka_unit_test(test_other_maildrops_are_free),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_threads_never_hold_it_together),
        cmocka_unit_test(test_delay),
        cmocka_unit_test(test_another_delay),
        cmocka_unit_test(test_logins_are_no_locks),
        cmocka_unit_test(test_logins_are_swept),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests_name("server/lock_table", tests, NULL, NULL);
}
