/* uid_ranges.c - see uid_ranges.h. */
#include "imap/uid_ranges.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

bool imap_uid_ranges_init(struct imap_uid_ranges *r)
{
    *r = (struct imap_uid_ranges){ .is_settled = true };
    r->ranges = calloc(IMAP_UID_SPANS_MAX, sizeof(*r->ranges));
    return r->ranges != NULL;
}

void imap_uid_ranges_fini(struct imap_uid_ranges *r)
{
    free(r->ranges);
    *r = (struct imap_uid_ranges){ .is_settled = true };
}

static int compare(const void *left, const void *right)
{
    const struct imap_uid_range *a = left;
    const struct imap_uid_range *b = right;

    return (a->first > b->first) - (a->first < b->first);
}

/* |first| is within |to|, or next to it. */
static bool touches(const struct imap_uid_range *to, uint32_t first)
{
    return first >= to->first && first - 1 <= to->last;
}

void imap_uid_ranges_settle(struct imap_uid_ranges *r)
{
    uint32_t kept = 0;

    if (r->is_settled)
        return;
    qsort(r->ranges, r->count, sizeof(*r->ranges), compare);
    for (uint32_t i = 1; i < r->count; i++) {
        struct imap_uid_range *last = &r->ranges[kept];

        if (!touches(last, r->ranges[i].first))
            r->ranges[++kept] = r->ranges[i];
        else if (r->ranges[i].last > last->last)
            last->last = r->ranges[i].last;
    }
    r->count = kept + 1;
    r->is_settled = true;
}

/* Half of them at least are free afterwards: the highest ones are what may be
 * wanted of too many.
 */
static void make_room(struct imap_uid_ranges *r)
{
    const uint32_t kept = IMAP_UID_SPANS_MAX / 2;
    uint32_t dropped;

    imap_uid_ranges_settle(r);
    if (r->count <= kept)
        return;
    dropped = r->count - kept;
    r->forgotten = r->ranges[dropped - 1].last;
    memmove(r->ranges, r->ranges + dropped, kept * sizeof(*r->ranges));
    r->count = kept;
}

void imap_uid_ranges_add(struct imap_uid_ranges *r, uint32_t first,
                         uint32_t last)
{
    struct imap_uid_range *end;

    assert(first != 0 && first <= last);
    if (r->count == IMAP_UID_SPANS_MAX)
        make_room(r);
    if (last <= r->forgotten)
        return;
    if (first <= r->forgotten)
        first = r->forgotten + 1;
    end = r->count > 0 ? &r->ranges[r->count - 1] : NULL;
    if (end != NULL && touches(end, first)) {
        end->last = last > end->last ? last : end->last;
        return;
    }
    r->is_settled = r->is_settled && (end == NULL || first > end->last);
    r->ranges[r->count++] = (struct imap_uid_range){ first, last };
}

bool imap_uid_ranges_have(const struct imap_uid_ranges *r, uint32_t uid)
{
    uint32_t low = 0;
    uint32_t high = r->count;

    assert(r->is_settled);
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (r->ranges[middle].last < uid)
            low = middle + 1;
        else
            high = middle;
    }
    return low < r->count && r->ranges[low].first <= uid;
}

static uint64_t width_of(const struct imap_uid_range *range)
{
    return (uint64_t)range->last - range->first + 1;
}

uint64_t imap_uid_ranges_width(const struct imap_uid_ranges *r)
{
    uint64_t width = 0;

    assert(r->is_settled);
    for (uint32_t i = 0; i < r->count; i++)
        width += width_of(&r->ranges[i]);
    return width;
}

/* From the end of |picked| on; it is moved to the front when all are found. */
size_t imap_uid_ranges_pick(
    const struct imap_uid_ranges *r, uint64_t below, uint64_t width,
    struct imap_uid_range picked[IMAP_UID_RANGES_PICKED_MAX])
{
    size_t at = IMAP_UID_RANGES_PICKED_MAX;

    assert(r->is_settled);
    for (uint32_t i = r->count; i-- > 0 && at > 0 && width > 0;) {
        struct imap_uid_range range = r->ranges[i];

        if (range.first >= below)
            continue;
        if (range.last >= below)
            range.last = (uint32_t)(below - 1);
        if (width_of(&range) > width)
            range.first = (uint32_t)(range.last - width + 1);
        width -= width_of(&range);
        picked[--at] = range;
    }
    memmove(picked, picked + at,
            (IMAP_UID_RANGES_PICKED_MAX - at) * sizeof(*picked));
    return IMAP_UID_RANGES_PICKED_MAX - at;
}
