/* test_session_gather.c - lists of several threads become one. */
#include "server/session_gather.h"

#include <pthread.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limits.h"
#include "support/alloc_fail.h"

static uv_loop_t loop;
static struct session_gather *gather;
static unsigned calls;
static size_t told;
static bool told_complete;
static uint64_t first, last;

static void on_done(void *owner, const struct session_facts *facts,
                    size_t count, bool complete)
{
    (void)owner;
    calls++;
    told = count;
    told_complete = complete;
    first = count > 0 ? facts[0].number : 0;
    last = count > 0 ? facts[count - 1].number : 0;
    uv_stop(&loop);
}

static int set_up(void **state)
{
    (void)state;
    calls = 0;
    assert_int_equal(uv_loop_init(&loop), 0);
    gather = session_gather_new(&loop, on_done, NULL);
    assert_non_null(gather);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    session_gather_close(gather);
    session_gather_close(gather);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    session_gather_free(gather);
    return 0;
}

static void put(uint64_t round, uint64_t from, size_t count, bool more)
{
    struct session_facts *facts = calloc(count + 1, sizeof(*facts));

    assert_non_null(facts);
    for (size_t i = 0; i < count; i++)
        facts[i].number = from + i;
    session_gather_put(gather, round, facts, count, more);
}

static void run_until_done(void)
{
    while (calls == 0)
        (void)uv_run(&loop, UV_RUN_DEFAULT);
}

static void *put_in_thread(void *round)
{
    put(*(const uint64_t *)round, 10, 3, false);
    return NULL;
}

static void test_several_threads(void **state)
{
    pthread_t threads[4];
    uint64_t round = session_gather_begin(gather, 4);

    (void)state;
    assert_true(round != 0);
    assert_int_equal(session_gather_begin(gather, 4), 0);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(
            pthread_create(&threads[i], NULL, put_in_thread, &round), 0);
    run_until_done();
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(told, 12);
    assert_true(told_complete);
    assert_int_equal(first, 10);
    assert_int_equal(last, 12);
}

static void test_order_and_most(void **state)
{
    uint64_t round = session_gather_begin(gather, 2);

    (void)state;
    put(round, 5000, SESSIONS_LISTED_MAX, false);
    put(round, 1, 10, false);
    run_until_done();
    assert_int_equal(told, SESSIONS_LISTED_MAX);
    assert_false(told_complete);
    assert_int_equal(first, 1);
    assert_int_equal(last, 5000 + SESSIONS_LISTED_MAX - 11);
}

static void test_not_all_told(void **state)
{
    (void)state;
    put(session_gather_begin(gather, 1), 1, 1, true);
    run_until_done();
    assert_int_equal(told, 1);
    assert_false(told_complete);
}

/* One does not answer, and then does: to the next round that is nothing. */
static void test_a_worker_that_is_late(void **state)
{
    uint64_t round = session_gather_begin(gather, 2);
    uint64_t next;

    (void)state;
    put(round, 1, 1, false);
    run_until_done();
    assert_int_equal(told, 1);
    assert_false(told_complete);
    put(round, 2, 1, false);
    calls = 0;
    next = session_gather_begin(gather, 1);
    assert_true(next != 0 && next != round);
    put(round, 2, 1, false);
    put(next, 3, 2, false);
    run_until_done();
    assert_int_equal(told, 2);
    assert_true(told_complete);
    assert_int_equal(first, 3);
}

static void test_no_worker(void **state)
{
    (void)state;
    assert_true(session_gather_begin(gather, 0) != 0);
    run_until_done();
    assert_int_equal(told, 0);
    assert_true(told_complete);
}

/* A list that finds no memory is left out, and that is said. */
static void test_no_memory(void **state)
{
    uint64_t round = session_gather_begin(gather, 2);
    struct session_facts *facts = calloc(2, sizeof(*facts));

    (void)state;
    assert_non_null(facts);
    put(round, 1, 1, false);
    alloc_fail_at(1);
    session_gather_put(gather, round, facts, 2, false);
    alloc_fail_at(0);
    run_until_done();
    assert_int_equal(told, 1);
    assert_false(told_complete);
}

int main(void)
{
    const struct CMUnitTest session_gather[] = {
        cmocka_unit_test_setup_teardown(test_several_threads, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_order_and_most, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_not_all_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_worker_that_is_late, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_no_worker, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_memory, set_up, tear_down),
    };

    return cmocka_run_group_tests(session_gather, NULL, NULL);
}
