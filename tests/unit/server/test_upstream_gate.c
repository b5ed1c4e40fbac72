/* test_upstream_gate.c - who gets a connection to the upstream, and when. */
#include "server/upstream_gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#define OPEN UPSTREAM_GATE_OPEN
#define WAIT UPSTREAM_GATE_WAIT
#define THREADS 4
#define ROUNDS 5000

static struct upstream_gate *make(uint32_t connections, uint32_t rate,
                                  uint32_t burst, uint32_t queue)
{
    const struct upstream_gate_limits limits = { connections, rate, burst,
                                                 queue, 1000 };
    struct upstream_gate *g = upstream_gate_new();

    assert_non_null(g);
    upstream_gate_set_limits(g, &limits);
    return g;
}

static void test_without_limits(void **state)
{
    struct upstream_gate *g = upstream_gate_new();
    struct upstream_pass pass = { 0 };

    (void)state;
    for (int i = 0; i < 1000; i++)
        assert_int_equal(upstream_gate_enter(g, &pass, 5), OPEN);
    assert_int_equal(upstream_gate_connections(g), 1000);
    assert_false(upstream_gate_lacks_room(g));
    for (int i = 0; i < 1000; i++)
        upstream_gate_leave(g);
    upstream_gate_free(g);
    upstream_gate_free(NULL);
}

/* First come, first served; a newcomer does not pass those who wait. */
static void test_queue_in_order(void **state)
{
    struct upstream_gate *g = make(1, 0, 1, 3);
    struct upstream_pass p[4] = { { 0 } };

    (void)state;
    assert_int_equal(upstream_gate_enter(g, &p[0], 0), OPEN);
    assert_true(upstream_gate_lacks_room(g));
    assert_int_equal(upstream_gate_enter(g, &p[1], 0), WAIT);
    assert_int_equal(upstream_gate_enter(g, &p[2], 0), WAIT);
    assert_int_equal(upstream_gate_queue_length(g), 2);
    upstream_gate_leave(g);
    assert_int_equal(upstream_gate_enter(g, &p[3], 10), WAIT);
    assert_int_equal(upstream_gate_poll(g, &p[2], 10), WAIT);
    assert_int_equal(upstream_gate_poll(g, &p[1], 10), OPEN);
    assert_int_equal(upstream_gate_connections(g), 1);
    upstream_gate_leave(g);
    assert_int_equal(upstream_gate_poll(g, &p[3], 20), WAIT);
    assert_int_equal(upstream_gate_poll(g, &p[2], 20), OPEN);
    upstream_gate_leave(g);
    assert_int_equal(upstream_gate_poll(g, &p[3], 30), OPEN);
    upstream_gate_leave(g);
    assert_int_equal(upstream_gate_connections(g), 0);
    upstream_gate_free(g);
}

static void test_queue_is_bounded(void **state)
{
    struct upstream_gate *g = make(1, 0, 1, 1);
    struct upstream_pass p[3] = { { 0 } };

    (void)state;
    assert_int_equal(upstream_gate_enter(g, &p[0], 0), OPEN);
    assert_int_equal(upstream_gate_enter(g, &p[1], 0), WAIT);
    assert_int_equal(upstream_gate_enter(g, &p[2], 0), UPSTREAM_GATE_FULL);
    assert_int_equal(upstream_gate_poll(g, &p[1], 999), WAIT);
    assert_int_equal(upstream_gate_poll(g, &p[1], 1000), UPSTREAM_GATE_LATE);
    assert_int_equal(upstream_gate_queue_length(g), 0);
    /* Its place is free again. */
    assert_int_equal(upstream_gate_enter(g, &p[2], 1000), WAIT);
    upstream_gate_withdraw(g, &p[2]);
    upstream_gate_withdraw(g, &p[2]);
    assert_int_equal(upstream_gate_queue_length(g), 0);
    upstream_gate_leave(g);
    upstream_gate_free(g);
}

/* Whoever is late is passed over, and costs nobody a turn. */
static void test_late_ones_are_passed_over(void **state)
{
    struct upstream_gate *g = make(1, 0, 1, 3);
    struct upstream_pass p[3] = { { 0 } };

    (void)state;
    assert_int_equal(upstream_gate_enter(g, &p[0], 0), OPEN);
    assert_int_equal(upstream_gate_enter(g, &p[1], 0), WAIT);
    assert_int_equal(upstream_gate_enter(g, &p[2], 500), WAIT);
    upstream_gate_leave(g);
    assert_int_equal(upstream_gate_poll(g, &p[2], 1200), OPEN);
    assert_int_equal(upstream_gate_poll(g, &p[1], 1200), UPSTREAM_GATE_LATE);
    upstream_gate_leave(g);
    upstream_gate_free(g);
}

/* Granted by another's question, and gone before it asked itself. */
static void test_withdrawn_grant_is_given_back(void **state)
{
    struct upstream_gate *g = make(1, 0, 1, 3);
    struct upstream_pass p[3] = { { 0 } };

    (void)state;
    assert_int_equal(upstream_gate_enter(g, &p[0], 0), OPEN);
    assert_int_equal(upstream_gate_enter(g, &p[1], 0), WAIT);
    assert_int_equal(upstream_gate_enter(g, &p[2], 0), WAIT);
    upstream_gate_leave(g);
    assert_int_equal(upstream_gate_poll(g, &p[2], 1), WAIT);
    assert_int_equal(upstream_gate_connections(g), 1);
    upstream_gate_withdraw(g, &p[1]);
    assert_int_equal(upstream_gate_connections(g), 0);
    assert_int_equal(upstream_gate_poll(g, &p[2], 2), OPEN);
    upstream_gate_leave(g);
    upstream_gate_free(g);
}

/* A storm of 200 at once, 50 a second and 5 at once: never more than the burst
 * and what the time that has passed allows, and not much less.
 */
static void test_rate(void **state)
{
    enum { STORM = 200 };
    static struct upstream_pass p[STORM];
    const struct upstream_gate_limits limits = { 0, 50, 5, STORM, 60000 };
    struct upstream_gate *g = upstream_gate_new();
    uint32_t served = 0;
    uint64_t now = 777;

    (void)state;
    upstream_gate_set_limits(g, &limits);
    for (size_t i = 0; i < STORM; i++)
        served += upstream_gate_enter(g, &p[i], now) == OPEN;
    assert_int_equal(served, 5);
    while (served < STORM) {
        now += 20;
        for (size_t i = 0; i < STORM; i++)
            if (p[i].state != UPSTREAM_PASS_NONE)
                served += upstream_gate_poll(g, &p[i], now) == OPEN;
        assert_int_equal(served, 5 + (now - 777) / 20);
    }
    assert_int_equal(upstream_gate_connections(g), STORM);
    upstream_gate_free(g);
}

/* Which of the two budgets it was, for those who find the queue full and for
 * those who have waited in vain.
 */
static void test_what_was_spent(void **state)
{
    struct upstream_gate *g = make(2, 1, 1, 1);
    struct upstream_pass p[3] = { { 0 } };

    (void)state;
    assert_int_equal(upstream_gate_enter(g, &p[0], 5000), OPEN);
    assert_int_equal(upstream_gate_enter(g, &p[1], 5000), WAIT);
    assert_int_equal(upstream_gate_enter(g, &p[2], 5000), UPSTREAM_GATE_FULL);
    assert_int_equal(p[2].spent, UPSTREAM_BUDGET_LOGINS);
    assert_int_equal(upstream_gate_poll(g, &p[1], 5999), WAIT);
    assert_int_equal(p[1].spent, UPSTREAM_BUDGET_LOGINS);
    assert_int_equal(upstream_gate_poll(g, &p[1], 6000), UPSTREAM_GATE_LATE);
    assert_int_equal(p[1].spent, UPSTREAM_BUDGET_LOGINS);
    assert_int_equal(upstream_gate_enter(g, &p[1], 6000), OPEN);
    assert_int_equal(upstream_gate_enter(g, &p[2], 9000), WAIT);
    assert_int_equal(upstream_gate_poll(g, &p[2], 10000), UPSTREAM_GATE_LATE);
    assert_int_equal(p[2].spent, UPSTREAM_BUDGET_CONNECTIONS);
    upstream_gate_leave(g);
    upstream_gate_leave(g);
    upstream_gate_free(g);
}

static void test_new_limits_hold_for_those_who_wait(void **state)
{
    const struct upstream_gate_limits more = { 2, 0, 1, 1, 1000 };
    struct upstream_gate *g = make(1, 0, 1, 1);
    struct upstream_pass p[2] = { { 0 } };

    (void)state;
    assert_int_equal(upstream_gate_enter(g, &p[0], 0), OPEN);
    assert_int_equal(upstream_gate_enter(g, &p[1], 0), WAIT);
    upstream_gate_set_limits(g, &more);
    assert_int_equal(upstream_gate_poll(g, &p[1], 1), OPEN);
    upstream_gate_free(g);
}

/* --- threads --- */

struct crowd {
    struct upstream_gate *gate;
    atomic_int inside;
    atomic_int too_many;
};

static void *crowd_in(void *data)
{
    struct crowd *crowd = data;

    for (int i = 0; i < ROUNDS; i++) {
        struct upstream_pass pass = { 0 };
        enum upstream_gate_status status =
            upstream_gate_enter(crowd->gate, &pass, 0);

        while (status == WAIT)
            status = upstream_gate_poll(crowd->gate, &pass, 0);
        if (status != OPEN)
            continue;
        if (atomic_fetch_add(&crowd->inside, 1) >= 2)
            atomic_fetch_add(&crowd->too_many, 1);
        atomic_fetch_sub(&crowd->inside, 1);
        upstream_gate_leave(crowd->gate);
    }
    return NULL;
}

static void test_threads(void **state)
{
    struct crowd crowd = { .gate = make(2, 0, 1, THREADS) };
    pthread_t threads[THREADS];

    (void)state;
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, crowd_in, &crowd),
                         0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(crowd.too_many, 0);
    assert_int_equal(upstream_gate_connections(crowd.gate), 0);
    upstream_gate_free(crowd.gate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_limits),
        cmocka_unit_test(test_queue_in_order),
        cmocka_unit_test(test_queue_is_bounded),
        cmocka_unit_test(test_late_ones_are_passed_over),
        cmocka_unit_test(test_withdrawn_grant_is_given_back),
        cmocka_unit_test(test_rate),
        cmocka_unit_test(test_what_was_spent),
        cmocka_unit_test(test_new_limits_hold_for_those_who_wait),
        cmocka_unit_test(test_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
