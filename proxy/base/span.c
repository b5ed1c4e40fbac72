#include "base/span.h"

#include <assert.h>
#include <string.h>

struct span span_make(const void *data, size_t len)
{
    assert(data != NULL || len == 0);
    return (struct span){ data, len };
}

struct span span_from_string(const char *text)
{
    return span_make(text, strlen(text));
}

bool span_equals(struct span a, struct span b)
{
    if (a.len != b.len)
        return false;
    return a.len == 0 || memcmp(a.data, b.data, a.len) == 0;
}

/* tolower would ask the locale, and a Turkish one says that I is not i. */
static unsigned char lower(unsigned char octet)
{
    if (octet >= 'A' && octet <= 'Z')
        return (unsigned char)(octet - 'A' + 'a');
    return octet;
}

bool span_equals_nocase(struct span a, struct span b)
{
    return a.len == b.len && span_starts_with_nocase(a, b);
}

bool span_starts_with_nocase(struct span s, struct span prefix)
{
    if (s.len < prefix.len)
        return false;
    for (size_t i = 0; i < prefix.len; i++) {
        if (lower(s.data[i]) != lower(prefix.data[i]))
            return false;
    }
    return true;
}

struct span span_take(struct span *s, size_t n)
{
    struct span front = { s->data, n };

    assert(n <= s->len);
    if (n > 0) { /* the data may be NULL otherwise */
        s->data += n;
        s->len -= n;
    }
    return front;
}

size_t span_find(struct span s, unsigned char octet)
{
    const unsigned char *found;

    if (s.len == 0)
        return 0;
    found = memchr(s.data, octet, s.len);
    return found == NULL ? s.len : (size_t)(found - s.data);
}

bool span_contains(struct span s, unsigned char octet)
{
    return span_find(s, octet) < s.len;
}

bool span_to_number(struct span s, uint64_t max, uint64_t *value)
{
    uint64_t number = 0;

    if (s.len == 0)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        unsigned digit = (unsigned)s.data[i] - '0';

        if (digit > 9)
            return false;
        if (number > max / 10 || digit > max - number * 10)
            return false;
        number = number * 10 + digit;
    }
    *value = number;
    return true;
}
