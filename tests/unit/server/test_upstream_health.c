/* test_upstream_health.c - when it is failing, and what is remembered. */
#include "server/upstream_health.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MINUTE_MS UINT64_C(60000)
#define START_MS (1000 * MINUTE_MS)

static enum upstream_verdict verdict(struct upstream_health *h)
{
    return upstream_health_view(h, START_MS).verdict;
}

static void note(struct upstream_health *h, const char *failure)
{
    upstream_health_note(h, 0, failure, START_MS, 1700000000);
}

/* One failure is failing only where nothing else is known. */
static void test_never_reached(void **state)
{
    struct upstream_health h;

    (void)state;
    upstream_health_init(&h);
    assert_int_equal(verdict(&h), UPSTREAM_UNKNOWN);
    note(&h, "connection refused");
    assert_int_equal(verdict(&h), UPSTREAM_FAILING);
    note(&h, NULL);
    assert_int_equal(verdict(&h), UPSTREAM_REACHED);
    upstream_health_fini(&h);
}

static void test_twice_in_a_row(void **state)
{
    struct upstream_health h;

    (void)state;
    upstream_health_init(&h);
    note(&h, NULL);
    note(&h, "reset");
    assert_int_equal(verdict(&h), UPSTREAM_DOUBTFUL);
    note(&h, NULL);
    note(&h, "reset");
    assert_int_equal(verdict(&h), UPSTREAM_DOUBTFUL);
    note(&h, "reset");
    assert_int_equal(verdict(&h), UPSTREAM_FAILING);
    note(&h, "reset");
    assert_int_equal(verdict(&h), UPSTREAM_FAILING);
    note(&h, NULL);
    assert_int_equal(verdict(&h), UPSTREAM_REACHED);
    upstream_health_fini(&h);
}

static void test_what_is_remembered(void **state)
{
    struct upstream_health h;
    struct upstream_health_view v;
    char longer[2 * UPSTREAM_HEALTH_TEXT_MAX];

    (void)state;
    upstream_health_init(&h);
    v = upstream_health_view(&h, START_MS);
    assert_int_equal(v.success_unix_s + v.failure_unix_s + v.failure_ms, 0);
    assert_string_equal(v.failure, "");
    upstream_health_note(&h, 0, "first", START_MS, 100);
    upstream_health_note(&h, 0, NULL, START_MS + 1, 200);
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    upstream_health_note(&h, 0, longer, START_MS + 2, 300);
    v = upstream_health_view(&h, START_MS + 2);
    assert_int_equal(v.success_unix_s, 200);
    assert_int_equal(v.failure_unix_s, 300);
    assert_int_equal(v.failure_ms, START_MS + 2);
    assert_int_equal(v.successes, 1);
    assert_int_equal(v.failures, 2);
    assert_int_equal(strlen(v.failure), UPSTREAM_HEALTH_TEXT_MAX - 1);
    upstream_health_fini(&h);
}

static void test_lately(void **state)
{
    struct upstream_health h;
    struct upstream_health_view v;

    (void)state;
    upstream_health_init(&h);
    for (unsigned i = 0; i < 10; i++) {
        upstream_health_note(&h, 0, NULL, START_MS + i * MINUTE_MS, 1);
        upstream_health_note(&h, 0, "x", START_MS + i * MINUTE_MS, 1);
        upstream_health_note(&h, 0, "x", START_MS + i * MINUTE_MS, 1);
    }
    v = upstream_health_view(&h, START_MS + 9 * MINUTE_MS + 59999);
    assert_int_equal(v.recent_successes, UPSTREAM_HEALTH_MINUTES);
    assert_int_equal(v.recent_failures, 2 * UPSTREAM_HEALTH_MINUTES);
    v = upstream_health_view(&h, START_MS + 12 * MINUTE_MS);
    assert_int_equal(v.recent_failures, 2 * (UPSTREAM_HEALTH_MINUTES - 3));
    v = upstream_health_view(&h, START_MS + 100 * MINUTE_MS);
    assert_int_equal(v.recent_successes + v.recent_failures, 0);
    assert_int_equal(v.failures, 20);
    upstream_health_fini(&h);
}

static void test_another_upstream(void **state)
{
    struct upstream_health h;
    struct upstream_health_view v;

    (void)state;
    upstream_health_init(&h);
    note(&h, NULL);
    note(&h, "x");
    note(&h, "x");
    upstream_health_turn_to(&h, 1);
    v = upstream_health_view(&h, START_MS);
    assert_int_equal(v.verdict, UPSTREAM_UNKNOWN);
    assert_string_equal(v.failure, "");
    assert_int_equal(v.recent_failures + v.recent_successes, 0);
    note(&h, "z"); /* of who set out for the one before */
    note(&h, NULL);
    assert_int_equal(verdict(&h), UPSTREAM_UNKNOWN);
    upstream_health_note(&h, 1, "y", START_MS, 1);
    assert_int_equal(verdict(&h), UPSTREAM_FAILING);
    upstream_health_fini(&h);
}

static void test_names(void **state)
{
    (void)state;
    for (unsigned i = 0; i < UPSTREAM_VERDICT_COUNT; i++)
        assert_true(strlen(upstream_verdict_name((enum upstream_verdict)i)) >
                    0);
}

int main(void)
{
    const struct CMUnitTest upstream_health[] = {
        cmocka_unit_test(test_never_reached),
        cmocka_unit_test(test_twice_in_a_row),
        cmocka_unit_test(test_what_is_remembered),
        cmocka_unit_test(test_lately),
        cmocka_unit_test(test_another_upstream),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(upstream_health, NULL, NULL);
}
