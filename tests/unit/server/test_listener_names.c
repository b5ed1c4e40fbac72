/* test_listener_names.c - numbers that last, and what is beyond them. */
#include "server/listener_names.h"

#include <stdio.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_numbers_last(void **state)
{
    struct listener_names names = { .count = 0 };

    (void)state;
    assert_int_equal(listener_names_take(&names, "pop3s"), 0);
    assert_int_equal(listener_names_take(&names, "pop3"), 1);
    assert_int_equal(listener_names_take(&names, "pop3s"), 0);
    assert_string_equal(listener_names_find(&names, 1), "pop3");
    assert_null(listener_names_find(&names, 2));
    assert_null(listener_names_find(&names, LISTENER_NAMES_OTHER));
    listener_names_fini(&names);
    assert_null(listener_names_find(&names, 0));
}

static void test_no_place(void **state)
{
    struct listener_names names = { .count = 0 };
    char name[16];

    (void)state;
    for (unsigned i = 0; i < COUNTERS_LISTENERS + 2; i++) {
        (void)snprintf(name, sizeof(name), "l%u", i);
        assert_int_equal(listener_names_take(&names, name),
                         i < LISTENER_NAMES_OTHER ? i : LISTENER_NAMES_OTHER);
    }
    assert_int_equal(listener_names_take(&names, "l3"), 3);
    assert_string_equal(listener_names_find(&names, LISTENER_NAMES_OTHER),
                        "other");
    listener_names_fini(&names);
}

int main(void)
{
    const struct CMUnitTest listener_names[] = {
        cmocka_unit_test(test_numbers_last),
        cmocka_unit_test(test_no_place),
    };

    return cmocka_run_group_tests(listener_names, NULL, NULL);
}
