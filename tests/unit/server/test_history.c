/* test_history.c - minutes, and the hour that they make up. */
#include "server/history.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MINUTE_MS UINT64_C(60000)

static struct history h;
static struct counters_total totals;

static int set_up(void **state)
{
    (void)state;
    h = (struct history){ .last = 0 };
    totals = (struct counters_total){ .value = { 0 } };
    return 0;
}

static void test_nothing_yet(void **state)
{
    (void)state;
    assert_null(history_minute(&h, 0));
    assert_int_equal(history_hour(&h).sessions, 0);
}

/* The most sessions, and what was counted between the samples. */
static void test_a_minute(void **state)
{
    (void)state;
    totals.value[COUNTER_LOGINS_OK] = 5;
    history_sample(&h, 10, 3, &totals);
    totals.value[COUNTER_LOGINS_OK] = 7;
    totals.login_failures[2] = 4;
    history_sample(&h, 5010, 9, &totals);
    history_sample(&h, 59999, 1, &totals);
    assert_int_equal(history_minute(&h, 0)->sessions, 9);
    assert_int_equal(history_minute(&h, 0)->value[COUNTER_LOGINS_OK], 7);
    assert_int_equal(history_minute(&h, 0)->login_failures[2], 4);
    assert_null(history_minute(&h, 1));
}

static void test_minutes(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        totals.value[COUNTER_SESSIONS] += i;
        history_sample(&h, i * MINUTE_MS, i, &totals);
    }
    for (unsigned ago = 0; ago < HISTORY_MINUTES; ago++) {
        assert_int_equal(history_minute(&h, ago)->sessions, 99 - ago);
        assert_int_equal(history_minute(&h, ago)->value[COUNTER_SESSIONS],
                         99 - ago);
    }
    assert_int_equal(history_hour(&h).sessions, 99);
    assert_int_equal(history_hour(&h).value[COUNTER_SESSIONS],
                     (40 + 99) * 60 / 2);
}

/* A machine that slept: the minutes between are empty, the old ones gone. */
static void test_a_gap(void **state)
{
    (void)state;
    totals.value[COUNTER_SESSIONS] = 1;
    history_sample(&h, 0, 8, &totals);
    totals.value[COUNTER_SESSIONS] = 3;
    history_sample(&h, 3 * MINUTE_MS, 4, &totals);
    assert_int_equal(history_minute(&h, 0)->value[COUNTER_SESSIONS], 2);
    assert_int_equal(history_minute(&h, 1)->sessions, 0);
    assert_int_equal(history_minute(&h, 3)->sessions, 8);
    assert_null(history_minute(&h, 4));
    history_sample(&h, 500 * MINUTE_MS, 1, &totals);
    assert_int_equal(history_hour(&h).sessions, 1);
    assert_int_equal(history_hour(&h).value[COUNTER_SESSIONS], 0);
    assert_non_null(history_minute(&h, HISTORY_MINUTES - 1));
}

int main(void)
{
    const struct CMUnitTest history[] = {
        cmocka_unit_test_setup(test_nothing_yet, set_up),
        cmocka_unit_test_setup(test_a_minute, set_up),
        cmocka_unit_test_setup(test_minutes, set_up),
        cmocka_unit_test_setup(test_a_gap, set_up),
    };

    return cmocka_run_group_tests(history, NULL, NULL);
}
