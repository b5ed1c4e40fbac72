/* test_nonce.c - words that are new each time. */
#include "net/nonce.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_nonce(void **state)
{
    char one[NONCE_TEXT_SIZE];
    char other[NONCE_TEXT_SIZE];

    (void)state;
    assert_true(nonce_make(one));
    assert_true(nonce_make(other));
    assert_int_equal(strlen(one), 2 * NONCE_OCTETS);
    assert_int_equal(strspn(one, "0123456789abcdef"), 2 * NONCE_OCTETS);
    assert_string_not_equal(one, other);
}

int main(void)
{
    const struct CMUnitTest net_nonce[] = {
        cmocka_unit_test(test_nonce),
    };

    return cmocka_run_group_tests(net_nonce, NULL, NULL);
}
