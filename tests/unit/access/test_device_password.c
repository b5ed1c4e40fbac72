/* test_device_password.c - passwords that are made up. */
#include "access/device_password.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/alloc_fail.h"

#define ROUNDS 2000

/* 16 characters, all of the alphabet in use, about as often each. */
static void test_characters(void **state)
{
    static const char alphabet[] = DEVICE_PASSWORD_ALPHABET;
    unsigned seen[256] = { 0 };
    const unsigned usual = ROUNDS * DEVICE_PASSWORD_LENGTH / 32;

    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        struct buf b;

        buf_init(&b, DEVICE_PASSWORD_LENGTH);
        assert_true(device_password_make(&b));
        assert_int_equal(buf_length(&b), DEVICE_PASSWORD_LENGTH);
        for (size_t n = 0; n < buf_length(&b); n++)
            seen[buf_span(&b).data[n]]++;
        buf_fini(&b);
    }
    for (unsigned i = 0; i < 256; i++) {
        if (i != 0 && strchr(alphabet, (int)i) != NULL)
            assert_in_range(seen[i], usual * 7 / 10, usual * 13 / 10);
        else
            assert_int_equal(seen[i], 0);
    }
    assert_null(strpbrk(alphabet, "01lo"));
}

static void test_no_memory(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, DEVICE_PASSWORD_LENGTH);
    alloc_fail_at(1);
    assert_false(device_password_make(&b));
    alloc_fail_at(0);
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_characters),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
