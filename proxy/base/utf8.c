#include "base/utf8.h"

#include <stddef.h>

/* What a first octet promises. The second octet alone keeps out overlong
 * forms, surrogates and what lies above U+10FFFF; the others are 80-BF.
 */
struct lead {
    unsigned char first, last; /* these first octets */
    unsigned char length;      /* octets of the character */
    unsigned char low, high;   /* the second octet */
};

/* RFC 3629 §4, UTF8-2 to UTF8-4. */
static const struct lead leads[] = {
    { 0xC2, 0xDF, 2, 0x80, 0xBF }, { 0xE0, 0xE0, 3, 0xA0, 0xBF },
    { 0xE1, 0xEC, 3, 0x80, 0xBF }, { 0xED, 0xED, 3, 0x80, 0x9F },
    { 0xEE, 0xEF, 3, 0x80, 0xBF }, { 0xF0, 0xF0, 4, 0x90, 0xBF },
    { 0xF1, 0xF3, 4, 0x80, 0xBF }, { 0xF4, 0xF4, 4, 0x80, 0x8F },
};

static const struct lead *find_lead(unsigned char octet)
{
    for (size_t i = 0; i < ARRAY_LENGTH(leads); i++) {
        if (octet >= leads[i].first && octet <= leads[i].last)
            return &leads[i];
    }
    return NULL;
}

/* The length of the character of several octets that |s| begins with, or 0. */
static size_t character_length(struct span s)
{
    const struct lead *lead = find_lead(s.data[0]);

    if (lead == NULL || s.len < lead->length)
        return 0;
    if (s.data[1] < lead->low || s.data[1] > lead->high)
        return 0;
    for (size_t i = 2; i < lead->length; i++) {
        if (s.data[i] < 0x80 || s.data[i] > 0xBF)
            return 0;
    }
    return lead->length;
}

bool utf8_is_valid(struct span s)
{
    while (s.len > 0) {
        size_t length = s.data[0] < 0x80 ? 1 : character_length(s);

        if (length == 0)
            return false;
        span_take(&s, length);
    }
    return true;
}

bool utf8_is_ascii(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] >= 0x80)
            return false;
    }
    return true;
}
