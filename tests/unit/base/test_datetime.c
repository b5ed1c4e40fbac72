/* test_datetime.c - held against the C library's calendar. */
#include "base/datetime.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static void check(uint64_t seconds)
{
    struct datetime t = datetime_from_unix(seconds);
    time_t clock = (time_t)seconds;
    struct tm tm;

    assert_non_null(gmtime_r(&clock, &tm));
    assert_int_equal(t.year, tm.tm_year + 1900);
    assert_int_equal(t.month, tm.tm_mon + 1);
    assert_int_equal(t.day, tm.tm_mday);
    assert_int_equal(t.hour, tm.tm_hour);
    assert_int_equal(t.minute, tm.tm_min);
    assert_int_equal(t.second, tm.tm_sec);
    assert_int_equal(t.weekday, tm.tm_wday);
}

/* A step of a day and some seconds meets every day and many times of day. */
static void test_every_day(void **state)
{
    (void)state;
    for (uint64_t s = 0; s < UINT64_C(253402300800); s += 86399)
        check(s);
    check(UINT64_C(253402300799));
    check(951782400);  /* 2000-02-29 */
    check(4107542399); /* 2100-02-28, not a leap year */
}

static void test_beyond(void **state)
{
    struct datetime t = datetime_from_unix(UINT64_MAX);

    (void)state;
    assert_int_equal(t.year, 9999);
    assert_int_equal(t.second, 59);
}

static void test_text(void **state)
{
    char rfc3339[DATETIME_RFC3339_LEN + 1];
    char http[DATETIME_HTTP_LEN + 1];
    char date[DATETIME_IMAP_DATE_MAX + 1];

    (void)state;
    datetime_write_rfc3339(UINT64_C(1769854830123), rfc3339);
    assert_string_equal(rfc3339, "2026-01-31T10:20:30.123Z");
    datetime_write_rfc3339(7, rfc3339);
    assert_string_equal(rfc3339, "1970-01-01T00:00:00.007Z");
    datetime_write_http(1769854830, http);
    assert_string_equal(http, "Sat, 31 Jan 2026 10:20:30 GMT");
    datetime_write_http(784111777, http); /* the example of RFC 9110 */
    assert_string_equal(http, "Sun, 06 Nov 1994 08:49:37 GMT");
    datetime_write_imap_date(1769854830, date);
    assert_string_equal(date, "31-Jan-2026");
    datetime_write_imap_date(0, date);
    assert_string_equal(date, "1-Jan-1970");
}

int main(void)
{
    const struct CMUnitTest datetime[] = {
        cmocka_unit_test(test_every_day),
        cmocka_unit_test(test_beyond),
        cmocka_unit_test(test_text),
    };

    return cmocka_run_group_tests(datetime, NULL, NULL);
}
