/* test_upstream.c - what lasts of upstreams is found again by their names. */
#include "server/upstream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "support/alloc_fail.h"

static void test_names(void **state)
{
    struct upstreams all = { .count = 0 };
    struct upstream *first = upstreams_take(&all, "first");
    struct upstream *second = upstreams_take(&all, "second");

    (void)state;
    assert_non_null(first);
    assert_non_null(second);
    assert_ptr_not_equal(first, second);
    assert_ptr_equal(upstreams_take(&all, "first"), first);
    assert_int_equal(first->index, 0);
    assert_int_equal(second->index, 1);
    assert_string_equal(second->name, "second");
    upstreams_fini(&all);
}

static void test_numbers(void **state)
{
    struct upstreams all = { .count = 0 };
    unsigned before = 0; /* of a health that knows of none */

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        unsigned number = upstreams_new_number(&all);

        assert_true(number > before);
        before = number;
    }
}

static void test_counts(void **state)
{
    struct upstreams all = { .count = 0 };
    struct upstream *u = upstreams_take(&all, "u");

    (void)state;
    assert_non_null(u);
    upstream_count(u, UPSTREAM_REUSED, 2);
    upstream_count(u, UPSTREAM_REUSED, 0);
    upstream_count(u, UPSTREAM_REUSED, 3);
    assert_int_equal(atomic_load(&u->counts[UPSTREAM_REUSED]), 5);
    assert_int_equal(atomic_load(&u->counts[UPSTREAM_CONNECTS]), 0);
    upstreams_fini(&all);
}

/* Names that are not there any more keep their places. */
static void test_bounds(void **state)
{
    struct upstreams all = { .count = 0 };
    char name[16];

    (void)state;
    for (unsigned i = 0; i < UPSTREAM_NAMES_MAX; i++) {
        (void)snprintf(name, sizeof(name), "u%u", i);
        assert_non_null(upstreams_take(&all, name));
    }
    assert_null(upstreams_take(&all, "one more"));
    assert_non_null(upstreams_take(&all, "u7"));
    upstreams_fini(&all);
}

static void test_no_memory(void **state)
{
    struct upstreams all = { .count = 0 };
    struct upstream *u = NULL;

    (void)state;
    for (unsigned long n = 1; u == NULL; n++) {
        alloc_fail_at(n);
        u = upstreams_take(&all, "u");
        alloc_fail_at(0);
        assert_int_equal(all.count, u != NULL);
    }
    upstreams_fini(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),     cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_counts),    cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests_name("server/upstream", tests, NULL, NULL);
}
