/* test_counters.c - what is counted where, and that reading needs no pause. */
#include "base/counters.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/aborts.h"

static void test_sum(void **state)
{
    struct counters a = { .value = { 0 } };
    struct counters b = { .value = { 0 } };
    struct counters_total total = { .value = { 0 } };

    (void)state;
    counters_add(&a, COUNTER_OCTETS_RETRIEVED, UINT64_C(5000000000));
    counters_add(&a, COUNTER_OCTETS_RETRIEVED, 1);
    counters_add(&b, COUNTER_OCTETS_RETRIEVED, UINT64_C(5000000000));
    counters_add(&b, COUNTER_MESSAGES_DELETED, 2);
    counters_sum(&a, &total);
    counters_sum(&b, &total);
    assert_true(total.value[COUNTER_OCTETS_RETRIEVED] == UINT64_C(10000000001));
    assert_int_equal(total.value[COUNTER_MESSAGES_DELETED], 2);
    assert_int_equal(total.value[COUNTER_LOGINS_OK], 0);
}

static void test_session(void **state)
{
    struct counters c = { .value = { 0 } };
    struct counters_total total = { .value = { 0 } };

    (void)state;
    counters_session_begin(&c, 1, 0);
    counters_session_begin(&c, 1, 0);
    counters_session_move(&c, 1, 0, 2);
    counters_add_login_failure(&c, 7);
    counters_add_login_failure(&c, COUNTERS_FAULTS - 1);
    counters_session_end(&c, 1, 2, 0);
    counters_sum(&c, &total);
    assert_int_equal(total.value[COUNTER_SESSIONS], 2);
    assert_int_equal(total.sessions[0], 0);
    assert_int_equal(total.sessions[1], 2);
    assert_int_equal(total.sessions_in_phase[1][0], 1);
    assert_int_equal(counters_in_phase(&total, 0), 1);
    assert_int_equal(counters_in_phase(&total, 2), 0);
    assert_int_equal(total.session_ends[0], 1);
    assert_int_equal(total.value[COUNTER_LOGINS_FAILED], 2);
    assert_int_equal(total.login_failures[7], 1);
    assert_int_equal(total.login_failures[COUNTERS_FAULTS - 1], 1);
}

static void test_commands_and_times(void **state)
{
    struct counters c = { .value = { 0 } };
    struct counters_total total = { .value = { 0 } };

    (void)state;
    counters_add_command(&c, 3, true);
    counters_add_command(&c, 3, true);
    counters_add_command(&c, COUNTERS_VERBS - 1, false);
    counters_add_command(NULL, 3, true);
    counters_add_time(&c, COUNTER_STAGE_VERIFY, 1200);
    counters_add_time(NULL, COUNTER_STAGE_VERIFY, 1200);
    counters_sum(&c, &total);
    assert_int_equal(total.commands_ok[3], 2);
    assert_int_equal(total.commands_failed[3], 0);
    assert_int_equal(total.commands_failed[COUNTERS_VERBS - 1], 1);
    assert_int_equal(total.stage[COUNTER_STAGE_VERIFY].sum_ms, 1200);
    assert_int_equal(total.stage[COUNTER_STAGE_AUTH_HTTP].sum_ms, 0);
}

static uint64_t time_of(const struct counters *c, unsigned upstream,
                        enum counter_stage stage)
{
    struct histogram_total total[COUNTER_UPSTREAM_STAGES] = { { .sum_ms = 0 } };

    counters_sum_upstream(c, upstream, total);
    return total[stage].sum_ms;
}

/* Each upstream has its own, and all of them are in the sum. */
static void test_times_of_upstreams(void **state)
{
    struct counters c = { .value = { 0 } };
    struct counters_total total = { .value = { 0 } };
    const unsigned last = COUNTERS_UPSTREAMS - 1;

    (void)state;
    counters_add_upstream_time(NULL, 0, COUNTER_STAGE_LOGIN, 1);
    counters_add_upstream_time(&c, 1, COUNTER_STAGE_LOGIN, 20);
    assert_int_equal(time_of(&c, last, COUNTER_STAGE_LOGIN), 0);
    counters_add_upstream_time(&c, last, COUNTER_STAGE_LOGIN, 300);
    counters_add_upstream_time(&c, 1, COUNTER_STAGE_CLIENT_LOGIN, 4000);
    assert_int_equal(time_of(&c, 0, COUNTER_STAGE_LOGIN), 0);
    assert_int_equal(time_of(&c, 1, COUNTER_STAGE_LOGIN), 20);
    assert_int_equal(time_of(&c, last, COUNTER_STAGE_LOGIN), 300);
    assert_int_equal(time_of(&c, 1, COUNTER_STAGE_CLIENT_LOGIN), 4000);
    counters_sum(&c, &total);
    assert_int_equal(total.stage[COUNTER_STAGE_LOGIN].sum_ms, 320);
    assert_int_equal(total.stage[COUNTER_STAGE_CLIENT_LOGIN].sum_ms, 4000);
}

static void end_in_an_empty_phase(void)
{
    struct counters c = { .value = { 0 } };

    counters_session_begin(&c, 1, 0);
    counters_session_end(&c, 1, 1, 0);
}

static void count_an_unknown_fault(void)
{
    struct counters c = { .value = { 0 } };

    counters_add_login_failure(&c, COUNTERS_FAULTS);
}

static void time_another_stage(void)
{
    struct counters c = { .value = { 0 } };

    counters_add_upstream_time(&c, 0, COUNTER_STAGE_VERIFY, 1);
}

static void time_an_unknown_upstream(void)
{
    struct counters c = { .value = { 0 } };

    counters_add_upstream_time(&c, COUNTERS_UPSTREAMS, COUNTER_STAGE_LOGIN, 1);
}

static void test_mistakes(void **state)
{
    (void)state;
    assert_aborts(time_another_stage);
    assert_aborts(time_an_unknown_upstream);
    assert_aborts(end_in_an_empty_phase);
    assert_aborts(count_an_unknown_fault);
}

#define ROUNDS 200000

static void *count_up(void *data)
{
    struct counters *c = data;

    for (unsigned i = 0; i < ROUNDS; i++) {
        counters_session_begin(c, 1, 0);
        counters_session_move(c, 1, 0, 1);
        counters_session_end(c, 1, 1, 0);
    }
    return NULL;
}

static void test_read_meanwhile(void **state)
{
    struct counters c = { .value = { 0 } };
    pthread_t writer;
    uint64_t last = 0;

    (void)state;
    assert_int_equal(pthread_create(&writer, NULL, count_up, &c), 0);
    while (last < ROUNDS) {
        struct counters_total total = { .value = { 0 } };

        counters_sum(&c, &total);
        assert_true(total.value[COUNTER_SESSIONS] >= last);
        assert_true(counters_in_phase(&total, 0) <= 1);
        assert_true(counters_in_phase(&total, 1) <= 1);
        last = total.value[COUNTER_SESSIONS];
    }
    assert_int_equal(pthread_join(writer, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest counters[] = {
        cmocka_unit_test(test_sum),
        cmocka_unit_test(test_session),
        cmocka_unit_test(test_commands_and_times),
        cmocka_unit_test(test_times_of_upstreams),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_read_meanwhile),
    };

    return cmocka_run_group_tests(counters, NULL, NULL);
}
