/* test_octet_budget.c - all or nothing, and never more than there is. */
#include "base/octet_budget.h"

#include <pthread.h>
#include <stdatomic.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/aborts.h"

static void test_all_or_nothing(void **state)
{
    struct octet_budget b;

    (void)state;
    octet_budget_init(&b, 100);
    assert_true(octet_budget_take(&b, 0));
    assert_true(octet_budget_take(&b, 60));
    assert_false(octet_budget_take(&b, 41));
    assert_int_equal(octet_budget_taken(&b), 60);
    assert_true(octet_budget_take(&b, 40));
    assert_false(octet_budget_take(&b, 1));
    assert_true(octet_budget_take(&b, 0));
    octet_budget_give(&b, 30);
    assert_false(octet_budget_take(&b, 31));
    assert_true(octet_budget_take(&b, 30));
    octet_budget_give(&b, 100);
    assert_int_equal(octet_budget_taken(&b), 0);
}

/* No sum wraps around. */
static void test_ends_of_the_range(void **state)
{
    struct octet_budget b;

    (void)state;
    octet_budget_init(&b, 0);
    assert_true(octet_budget_take(&b, 0));
    assert_false(octet_budget_take(&b, 1));
    assert_false(octet_budget_take(&b, UINT64_MAX));
    octet_budget_init(&b, 100);
    assert_true(octet_budget_take(&b, 1));
    assert_false(octet_budget_take(&b, UINT64_MAX));
    octet_budget_init(&b, UINT64_MAX);
    assert_true(octet_budget_take(&b, UINT64_MAX));
    assert_false(octet_budget_take(&b, 1));
}

static void give_too_much(void)
{
    struct octet_budget b;

    octet_budget_init(&b, 100);
    if (octet_budget_take(&b, 5))
        octet_budget_give(&b, 6);
}

static void test_mistakes(void **state)
{
    (void)state;
    assert_aborts(give_too_much);
}

/* --- threads --- */

#define THREADS 4
#define TURNS 100000
#define SHARE 10
#define PLACES 3 /* fewer than threads: they are in each other's way */

struct crowd {
    struct octet_budget budget;
    atomic_uint inside;
    atomic_uint too_many;
    atomic_uint let_in;
};

static void *come_and_go(void *arg)
{
    struct crowd *crowd = arg;

    for (unsigned i = 0; i < TURNS; i++) {
        if (!octet_budget_take(&crowd->budget, SHARE))
            continue;
        atomic_fetch_add(&crowd->let_in, 1);
        if (atomic_fetch_add(&crowd->inside, 1) >= PLACES)
            atomic_fetch_add(&crowd->too_many, 1);
        atomic_fetch_sub(&crowd->inside, 1);
        octet_budget_give(&crowd->budget, SHARE);
    }
    return NULL;
}

/* Each octet is taken by one thread only, and none is lost. */
static void test_threads(void **state)
{
    struct crowd crowd;
    pthread_t threads[THREADS];

    (void)state;
    atomic_init(&crowd.inside, 0);
    atomic_init(&crowd.too_many, 0);
    atomic_init(&crowd.let_in, 0);
    octet_budget_init(&crowd.budget, PLACES * SHARE + SHARE - 1);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, &crowd),
                         0);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_true(atomic_load(&crowd.let_in) >= TURNS);
    assert_int_equal(atomic_load(&crowd.too_many), 0);
    assert_int_equal(octet_budget_taken(&crowd.budget), 0);
}

/* Less than is taken: nobody gets any until enough came back. */
static void test_another_maximum(void **state)
{
    struct octet_budget b;

    (void)state;
    octet_budget_init(&b, 100);
    assert_true(octet_budget_take(&b, 80));
    octet_budget_set_max(&b, 50);
    assert_false(octet_budget_take(&b, 1));
    octet_budget_give(&b, 40);
    assert_true(octet_budget_take(&b, 10));
    assert_false(octet_budget_take(&b, 1));
    octet_budget_set_max(&b, 51);
    assert_true(octet_budget_take(&b, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_or_nothing),
        cmocka_unit_test(test_ends_of_the_range),
        cmocka_unit_test(test_another_maximum),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
