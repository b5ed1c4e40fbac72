/* uid_set.c - the text is complete at any time: its last range is written
 * anew when it grows.
 */
#include "imap/uid_set.h"

#include <assert.h>
#include <string.h>

/* Two numbers of ten digits, a colon and a comma. */
#define RANGE_MAX 22

void imap_uid_set_init_beside(struct imap_uid_set *set, size_t taken)
{
    assert(taken < IMAP_UID_SET_MAX);
    *set = (struct imap_uid_set){ .max = IMAP_UID_SET_MAX - taken };
}

void imap_uid_set_init(struct imap_uid_set *set)
{
    imap_uid_set_init_beside(set, 0);
}

static size_t write_number(char *out, uint32_t value)
{
    char digits[10];
    size_t n = 0;

    do {
        digits[n++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    for (size_t i = 0; i < n; i++)
        out[i] = digits[n - 1 - i];
    return n;
}

static size_t write_range(char *out, uint32_t first, uint32_t last)
{
    size_t n = write_number(out, first);

    if (last == first)
        return n;
    out[n++] = ':';
    return n + write_number(out + n, last);
}

bool imap_uid_set_add(struct imap_uid_set *set, uint32_t uid)
{
    char text[RANGE_MAX];
    bool grows = set->ranges > 0 && uid - 1 == set->last;
    uint32_t first = grows ? set->first : uid;
    size_t keep = set->len;
    size_t n = 0;

    assert(uid > set->last);
    if (grows)
        keep -= write_range(text, set->first, set->last);
    else if (set->ranges > 0)
        text[n++] = ',';
    n += write_range(text + n, first, uid);

    if (keep + n > set->max || (!grows && set->ranges == IMAP_UID_RANGES_MAX))
        return false;
    memcpy(set->text + keep, text, n);
    set->len = keep + n;
    set->first = first;
    set->last = uid;
    set->ranges += grows ? 0 : 1;
    return true;
}

bool imap_uid_set_is_empty(const struct imap_uid_set *set)
{
    return set->ranges == 0;
}

struct span imap_uid_set_text(const struct imap_uid_set *set)
{
    return span_make(set->text, set->len);
}
