/* test_log_repeats.c - what is written, what is counted, and that all is told. */
#include "base/log_repeats.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SHOWN 3
#define WINDOW_MS 1000

static struct log_repeats table; /* large */

static struct log_failure failure(const char *event, const char *reason,
                                  const char *peer)
{
    struct log_failure f = { event, reason, "client", "" };

    (void)snprintf(f.peer, sizeof(f.peer), "%s", peer);
    return f;
}

static bool admit(const char *event, const char *reason, const char *peer,
                  uint64_t now_ms)
{
    struct log_failure f = failure(event, reason, peer);

    return log_repeats_admit(&table, &f, LOG_LEVEL_INFO, now_ms);
}

static int set_up(void **state)
{
    (void)state;
    log_repeats_init(&table, SHOWN, WINDOW_MS);
    return 0;
}

static void check_none(uint64_t now_ms)
{
    struct log_summary s;

    assert_false(log_repeats_take(&table, now_ms, &s));
}

static void test_window(void **state)
{
    struct log_summary s;

    (void)state;
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(admit("end", "client_gone", "192.0.2.1", 5000 + i),
                         i < SHOWN);
    check_none(5999);
    assert_true(log_repeats_take(&table, 6000, &s));
    assert_int_equal(s.repeated, 10 - SHOWN);
    assert_string_equal(s.failure.event, "end");
    assert_string_equal(s.failure.reason, "client_gone");
    assert_string_equal(s.failure.peer, "192.0.2.1");
    assert_string_equal(s.failure.peer_key, "client");
    check_none(UINT64_MAX);
    assert_true(admit("end", "client_gone", "192.0.2.1", 6001));
}

/* A window in which all were written has nothing to tell, and is forgotten. */
static void test_few(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SHOWN; i++)
        assert_true(admit("end", "client_gone", "192.0.2.1", 0));
    check_none(WINDOW_MS);
    assert_int_equal(table.count, 0);
}

static void test_what_is_equal(void **state)
{
    struct log_failure f = failure("end", "a", "1");

    (void)state;
    for (unsigned i = 0; i < SHOWN; i++)
        assert_true(admit("end", "a", "1", 0));
    assert_false(admit("end", "a", "1", 0));
    assert_true(admit("end", "b", "1", 0));
    assert_true(admit("end", "a", "2", 0));
    assert_true(admit("other", "a", "1", 0));
    f.peer_key = "upstream";
    assert_true(log_repeats_admit(&table, &f, LOG_LEVEL_INFO, 0));
}

/* The gravest is not looked for: the level of the last one is told. */
static void test_level(void **state)
{
    struct log_failure f = failure("end", "a", "1");
    struct log_summary s;

    (void)state;
    for (unsigned i = 0; i <= SHOWN; i++)
        (void)!log_repeats_admit(&table, &f, LOG_LEVEL_WARNING, 0);
    assert_true(log_repeats_take(&table, UINT64_MAX, &s));
    assert_int_equal(s.level, LOG_LEVEL_WARNING);
}

static void test_all_are_written(void **state)
{
    (void)state;
    log_repeats_init(&table, 0, WINDOW_MS);
    for (unsigned i = 0; i < 10000; i++)
        assert_true(admit("end", "a", "1", 0));
    check_none(UINT64_MAX);
}

/* From more peers than there are places: none is forgotten, and the log does
 * not grow with their number.
 */
static void test_full(void **state)
{
    const uint64_t peers = 10 * LOG_REPEATS_MAX;
    uint64_t written = 0;
    uint64_t told = 0;
    unsigned summaries = 0;
    unsigned others = 0;
    struct log_summary s;
    char peer[32];

    (void)state;
    for (unsigned round = 0; round < 2 * SHOWN; round++) {
        for (uint64_t i = 0; i < peers; i++) {
            (void)snprintf(peer, sizeof(peer), "peer%u", (unsigned)i);
            written += admit("end", "a", peer, 0);
        }
    }
    while (log_repeats_take(&table, WINDOW_MS, &s)) {
        told += s.repeated;
        summaries++;
        others += strcmp(s.failure.peer, LOG_REPEATS_OTHERS) == 0;
    }
    assert_int_equal(written + told, 2 * SHOWN * peers);
    assert_int_equal(others, 1);
    assert_in_range(summaries, LOG_REPEATS_MAX / 2, LOG_REPEATS_MAX);
    assert_in_range(written, 1, SHOWN * LOG_REPEATS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_window, set_up),
        cmocka_unit_test_setup(test_few, set_up),
        cmocka_unit_test_setup(test_what_is_equal, set_up),
        cmocka_unit_test_setup(test_level, set_up),
        cmocka_unit_test_setup(test_all_are_written, set_up),
        cmocka_unit_test_setup(test_full, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
