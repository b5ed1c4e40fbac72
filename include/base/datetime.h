/* datetime.h - seconds since 1970 as a date and time in UTC.
 *
 * By arithmetic on the proleptic Gregorian calendar, so that the pure layers
 * need no clock, no time zone and no locale. Leap seconds do not exist in
 * Unix time.
 */
#ifndef POPINJAY_BASE_DATETIME_H
#define POPINJAY_BASE_DATETIME_H

#include <stddef.h>
#include <stdint.h>

struct datetime {
    unsigned year;
    unsigned month; /* 1 to 12 */
    unsigned day;   /* 1 to 31 */
    unsigned hour;
    unsigned minute;
    unsigned second;
    unsigned weekday; /* 0: Sunday */
};

/* |unix_seconds| up to the end of the year 9999; later is taken as that end.
 */
struct datetime datetime_from_unix(uint64_t unix_seconds);

/* `2026-01-31T10:20:30.123Z`, RFC 3339 §5.6 */
#define DATETIME_RFC3339_LEN 24
void datetime_write_rfc3339(uint64_t unix_ms,
                            char out[DATETIME_RFC3339_LEN + 1]);

/* `Sat, 31 Jan 2026 10:20:30 GMT`, RFC 9110 §5.6.7 */
#define DATETIME_HTTP_LEN 29
void datetime_write_http(uint64_t unix_seconds,
                         char out[DATETIME_HTTP_LEN + 1]);

/* `31-Jan-2026`, `1-Feb-2026`, RFC 9051 §9 date */
#define DATETIME_IMAP_DATE_MAX 11
void datetime_write_imap_date(uint64_t unix_seconds,
                              char out[DATETIME_IMAP_DATE_MAX + 1]);

#endif
