/* test_crc32c.c - the checksum of Castagnoli: the examples of RFC 3720 §B.4. */
#include "base/crc32c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_known_checksums(void **state)
{
    unsigned char octets[32];

    (void)state;
    assert_int_equal(crc32c_add(0, SPAN_LITERAL("")), 0);
    assert_int_equal(crc32c_add(0, SPAN_LITERAL("123456789")), 0xe3069283);
    memset(octets, 0, sizeof(octets));
    assert_int_equal(crc32c_add(0, span_make(octets, 32)), 0x8a9136aa);
    memset(octets, 0xff, sizeof(octets));
    assert_int_equal(crc32c_add(0, span_make(octets, 32)), 0x62a8ab43);
    for (unsigned char i = 0; i < 32; i++)
        octets[i] = i;
    assert_int_equal(crc32c_add(0, span_make(octets, 32)), 0x46dd794e);
    for (unsigned char i = 0; i < 32; i++)
        octets[i] = 31 - i;
    assert_int_equal(crc32c_add(0, span_make(octets, 32)), 0x113fdb5c);
}

static void test_piece_by_piece(void **state)
{
    uint32_t crc = crc32c_add(0, SPAN_LITERAL("1234"));

    (void)state;
    crc = crc32c_add(crc, SPAN_LITERAL(""));
    assert_int_equal(crc32c_add(crc, SPAN_LITERAL("56789")), 0xe3069283);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_checksums),
        cmocka_unit_test(test_piece_by_piece),
    };

    return cmocka_run_group_tests_name("base/crc32c", tests, NULL, NULL);
}
