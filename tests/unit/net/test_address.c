/* test_address.c - addresses as people read them, and who counts as one. */
#include "net/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void check_group(const char *host, const char *expected)
{
    char group[ADDRESS_GROUP_MAX];

    address_group(host, group);
    assert_string_equal(group, expected);
}

static void test_group(void **state)
{
    (void)state;
    check_group("192.0.2.1", "192.0.2.1");
    check_group("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64");
    check_group("2001:db8::1", "2001:db8::/64");
    check_group("::1", "::/64");
    check_group("", "");
    check_group("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                "ffff:ffff:ffff:ffff::/64");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_group) };

    return cmocka_run_group_tests_name("net/address", tests, NULL, NULL);
}
