#include "base/datetime.h"

#include <string.h>

#define SECONDS_A_DAY 86400U
#define END_OF_9999 253402300799ULL
/* Days from 0000-03-01 to 1970-01-01, and in a cycle of 400 years. */
#define DAYS_TO_1970 719468U
#define DAYS_A_CYCLE 146097U

static const char weekdays[][4] = { "Sun", "Mon", "Tue", "Wed",
                                    "Thu", "Fri", "Sat" };
static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

/* Years are counted from March, so that the day of a leap year is the last
 * one; 153 days are the five months from March on, whose lengths repeat.
 */
static void set_date(struct datetime *t, unsigned days_since_1970)
{
    unsigned days = days_since_1970 + DAYS_TO_1970;
    unsigned cycle = days / DAYS_A_CYCLE;
    unsigned in_cycle = days % DAYS_A_CYCLE;
    unsigned year = (in_cycle - in_cycle / 1460 + in_cycle / 36524 -
                     in_cycle / (DAYS_A_CYCLE - 1)) /
                    365;
    unsigned in_year = in_cycle - (365 * year + year / 4 - year / 100);
    unsigned month = (5 * in_year + 2) / 153; /* 0: March */

    t->day = in_year - (153 * month + 2) / 5 + 1;
    t->month = month < 10 ? month + 3 : month - 9;
    t->year = 400 * cycle + year + (t->month <= 2 ? 1 : 0);
    t->weekday = (days_since_1970 + 4) % 7; /* 1970-01-01: a Thursday */
}

struct datetime datetime_from_unix(uint64_t unix_seconds)
{
    struct datetime t;
    unsigned in_day;

    if (unix_seconds > END_OF_9999)
        unix_seconds = END_OF_9999;
    in_day = (unsigned)(unix_seconds % SECONDS_A_DAY);
    set_date(&t, (unsigned)(unix_seconds / SECONDS_A_DAY));
    t.hour = in_day / 3600;
    t.minute = in_day / 60 % 60;
    t.second = in_day % 60;
    return t;
}

/* |value| in |width| digits; returns what follows. */
static char *put(char *to, unsigned value, size_t width)
{
    for (size_t i = width; i-- > 0; value /= 10)
        to[i] = (char)('0' + value % 10);
    return to + width;
}

static char *put_text(char *to, const char *text)
{
    size_t length = strlen(text);

    memcpy(to, text, length);
    return to + length;
}

static char *put_time(char *to, const struct datetime *t)
{
    to = put(to, t->hour, 2);
    *to++ = ':';
    to = put(to, t->minute, 2);
    *to++ = ':';
    return put(to, t->second, 2);
}

void datetime_write_rfc3339(uint64_t unix_ms,
                            char out[DATETIME_RFC3339_LEN + 1])
{
    struct datetime t = datetime_from_unix(unix_ms / 1000);

    out = put(out, t.year, 4);
    *out++ = '-';
    out = put(out, t.month, 2);
    *out++ = '-';
    out = put(out, t.day, 2);
    *out++ = 'T';
    out = put_time(out, &t);
    *out++ = '.';
    out = put(out, (unsigned)(unix_ms % 1000), 3);
    *out++ = 'Z';
    *out = '\0';
}

void datetime_write_http(uint64_t unix_seconds, char out[DATETIME_HTTP_LEN + 1])
{
    struct datetime t = datetime_from_unix(unix_seconds);

    out = put_text(out, weekdays[t.weekday]);
    out = put_text(out, ", ");
    out = put(out, t.day, 2);
    *out++ = ' ';
    out = put_text(out, months[t.month - 1]);
    *out++ = ' ';
    out = put(out, t.year, 4);
    *out++ = ' ';
    out = put_time(out, &t);
    out = put_text(out, " GMT");
    *out = '\0';
}

void datetime_write_imap_date(uint64_t unix_seconds,
                              char out[DATETIME_IMAP_DATE_MAX + 1])
{
    struct datetime t = datetime_from_unix(unix_seconds);

    out = put(out, t.day, t.day < 10 ? 1 : 2);
    *out++ = '-';
    out = put_text(out, months[t.month - 1]);
    *out++ = '-';
    out = put(out, t.year, 4);
    *out = '\0';
}
