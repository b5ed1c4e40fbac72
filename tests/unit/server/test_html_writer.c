/* test_html_writer.c - numbers as people read them, and nothing unescaped. */
#include "server/html_writer.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define GAP "\xe2\x80\xaf"

static void check(void (*write)(struct buf *, uint64_t), uint64_t value,
                  const char *expected)
{
    struct buf out;

    buf_init(&out, 256);
    write(&out, value);
    assert_int_equal(buf_length(&out), strlen(expected));
    assert_memory_equal(buf_span(&out).data, expected, strlen(expected));
    buf_fini(&out);
}

static void test_numbers(void **state)
{
    (void)state;
    check(html_number, 0, "0");
    check(html_number, 999, "999");
    check(html_number, 1000, "1" GAP "000");
    check(html_number, 1020304, "1" GAP "020" GAP "304");
    check(html_number, UINT64_MAX,
          "18" GAP "446" GAP "744" GAP "073" GAP "709" GAP "551" GAP "615");
}

static void test_units(void **state)
{
    (void)state;
    check(html_octets, 999, "999 octets");
    check(html_octets, 1000, "1 kB");
    check(html_octets, 1460, "1.4 kB");
    check(html_octets, 5000000000, "5 GB");
    check(html_octets, UINT64_C(7100000000000000), "7100 TB");
    check(html_duration, 0, "0 s");
    check(html_duration, 59, "59 s");
    check(html_duration, 60, "1 min");
    check(html_duration, 7199, "1 h");
    check(html_duration, 86400, "1 d");
    check(html_latency, 999, "999 ms");
    check(html_latency, 1000, "1 s");
    check(html_latency, 2500, "2.5 s");
    check(html_date, 1769854830, "2026-01-31");
}

static void test_escapes(void **state)
{
    static const char expected[] = "&lt;a b=&quot;c&quot;&gt;&amp;d";
    struct buf out;

    (void)state;
    buf_init(&out, 256);
    html_escaped(&out, "<a b=\"c\">&d");
    assert_int_equal(buf_length(&out), strlen(expected));
    assert_memory_equal(buf_span(&out).data, expected, strlen(expected));
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest html_writer[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_units),
        cmocka_unit_test(test_escapes),
    };

    return cmocka_run_group_tests(html_writer, NULL, NULL);
}
