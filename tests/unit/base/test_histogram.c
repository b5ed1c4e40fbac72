/* test_histogram.c - which class a time belongs to, and what is made of them.
 */
#include "base/histogram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_bounds_rise(void **state)
{
    (void)state;
    for (unsigned i = 1; i < HISTOGRAM_CLASSES - 1; i++)
        assert_true(histogram_bounds_ms[i - 1] < histogram_bounds_ms[i]);
}

/* A bound belongs to its class: `le` is less or equal. */
static void test_classes(void **state)
{
    (void)state;
    for (unsigned i = 0; i < HISTOGRAM_CLASSES - 1; i++) {
        struct histogram h = { .sum_ms = 0 };
        struct histogram_total total = { .sum_ms = 0 };

        histogram_observe(&h, histogram_bounds_ms[i]);
        histogram_observe(&h, histogram_bounds_ms[i] + UINT64_C(1));
        histogram_sum(&h, &total);
        assert_int_equal(total.count[i], 1);
        assert_int_equal(total.count[i + 1], 1);
        assert_true(total.sum_ms == 2 * (uint64_t)histogram_bounds_ms[i] + 1);
    }
}

static void test_far_beyond(void **state)
{
    struct histogram h = { .sum_ms = 0 };
    struct histogram_total total = { .sum_ms = 0 };

    (void)state;
    histogram_observe(&h, UINT64_C(1) << 40);
    histogram_sum(&h, &total);
    histogram_sum(&h, &total);
    assert_int_equal(total.count[HISTOGRAM_CLASSES - 1], 2);
    assert_true(total.sum_ms == UINT64_C(1) << 41);
}

static void test_percentile(void **state)
{
    struct histogram_total total = { .sum_ms = 0 };

    (void)state;
    assert_int_equal(histogram_percentile_ms(&total, 95), 0);
    total.count[3] = 94;
    total.count[5] = 1;
    total.count[9] = 5;
    assert_int_equal(histogram_percentile_ms(&total, 50),
                     histogram_bounds_ms[3]);
    assert_int_equal(histogram_percentile_ms(&total, 95),
                     histogram_bounds_ms[5]);
    assert_int_equal(histogram_percentile_ms(&total, 96),
                     histogram_bounds_ms[9]);
    total.count[HISTOGRAM_CLASSES - 1] = 1000;
    assert_int_equal(histogram_percentile_ms(&total, 99),
                     histogram_bounds_ms[HISTOGRAM_CLASSES - 2]);
}

int main(void)
{
    const struct CMUnitTest histogram[] = {
        cmocka_unit_test(test_bounds_rise),
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_far_beyond),
        cmocka_unit_test(test_percentile),
    };

    return cmocka_run_group_tests(histogram, NULL, NULL);
}
