/* snapshot.c - see snapshot.h. */
#include "session/snapshot.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

/* Stands in size[] for a size that does not fit; the table has the rest. */
#define SIZE_IN_TABLE UINT32_MAX

struct large_size {
    uint32_t index;
    uint64_t size_octets;
};

struct snapshot {
    atomic_uint_least32_t references;
    uint32_t count;
    uint32_t capacity;
    uint32_t large_count;
    uint32_t large_capacity;
    uint64_t total_octets;
    struct large_size *large; /* ascending by index; NULL: none */
    uint32_t *size;           /* capacity of them, behind the uids */
    uint32_t uid[];           /* ascending */
};

struct snapshot *snapshot_new(uint32_t count, uint32_t large_count)
{
    struct snapshot *s =
        malloc(sizeof(*s) + (size_t)count * 2 * sizeof(s->uid[0]));

    if (s == NULL)
        return NULL;
    atomic_init(&s->references, 1);
    s->count = 0;
    s->capacity = count;
    s->large_count = 0;
    s->large_capacity = large_count;
    s->total_octets = 0;
    s->large = NULL;
    s->size = s->uid + count;
    if (large_count == 0)
        return s;
    s->large = malloc(large_count * sizeof(*s->large));
    if (s->large == NULL) {
        free(s);
        return NULL;
    }
    return s;
}

bool snapshot_size_is_large(uint64_t size_octets)
{
    return size_octets >= SIZE_IN_TABLE;
}

void snapshot_append(struct snapshot *s, uint32_t uid, uint64_t size_octets)
{
    uint32_t index = s->count;

    assert(index < s->capacity && (index == 0 || s->uid[index - 1] < uid));
    s->count++;
    s->uid[index] = uid;
    s->total_octets += size_octets;
    if (!snapshot_size_is_large(size_octets)) {
        s->size[index] = (uint32_t)size_octets;
        return;
    }
    assert(s->large_count < s->large_capacity);
    s->size[index] = SIZE_IN_TABLE;
    s->large[s->large_count++] = (struct large_size){ index, size_octets };
}

/* --- sharing --- */

struct snapshot *snapshot_ref(struct snapshot *s)
{
    if (s != NULL)
        atomic_fetch_add_explicit(&s->references, 1, memory_order_relaxed);
    return s;
}

void snapshot_unref(struct snapshot *s)
{
    /* The last one frees what the others have read. */
    if (s == NULL ||
        atomic_fetch_sub_explicit(&s->references, 1, memory_order_acq_rel) > 1)
        return;
    free(s->large);
    free(s);
}

struct snapshot_halves snapshot_halves_share(const struct snapshot_halves *h)
{
    return (struct snapshot_halves){ snapshot_ref(h->listed),
                                     snapshot_ref(h->hidden) };
}

void snapshot_halves_drop(struct snapshot_halves *h)
{
    snapshot_unref(h->listed);
    snapshot_unref(h->hidden);
    *h = (struct snapshot_halves){ NULL, NULL };
}

/* Appends what stands at |*at|, which moves on. */
static void take_over(struct snapshot *s, const struct snapshot *from,
                      uint32_t *at)
{
    snapshot_append(s, from->uid[*at], snapshot_size_octets(from, *at));
    ++*at;
}

struct snapshot *snapshot_halves_join(const struct snapshot_halves *h)
{
    const struct snapshot *a = h->listed;
    const struct snapshot *b = h->hidden;
    uint32_t at_a = 0;
    uint32_t at_b = 0;
    struct snapshot *s;

    if (b->count == 0)
        return snapshot_ref(h->listed);
    s = snapshot_new(a->count + b->count, a->large_count + b->large_count);
    while (s != NULL && (at_a < a->count || at_b < b->count)) {
        if (at_b == b->count ||
            (at_a < a->count && a->uid[at_a] < b->uid[at_b]))
            take_over(s, a, &at_a);
        else
            take_over(s, b, &at_b);
    }
    return s;
}

/* --- reading --- */

uint32_t snapshot_count(const struct snapshot *s)
{
    return s->count;
}

uint32_t snapshot_uid(const struct snapshot *s, uint32_t index)
{
    assert(index < s->count);
    return s->uid[index];
}

static int compare_large(const void *key, const void *element)
{
    uint32_t index = *(const uint32_t *)key;
    const struct large_size *large = element;

    return (index > large->index) - (index < large->index);
}

uint64_t snapshot_size_octets(const struct snapshot *s, uint32_t index)
{
    const struct large_size *large;

    assert(index < s->count);
    if (s->size[index] != SIZE_IN_TABLE)
        return s->size[index];
    large = bsearch(&index, s->large, s->large_count, sizeof(*s->large),
                    compare_large);
    assert(large != NULL);
    return large->size_octets;
}

uint64_t snapshot_total_octets(const struct snapshot *s)
{
    return s->total_octets;
}

uint32_t snapshot_count_below(const struct snapshot *s, uint32_t uid)
{
    uint32_t low = 0;
    uint32_t high = s->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (s->uid[middle] < uid)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t snapshot_find(const struct snapshot *s, uint32_t uid)
{
    uint32_t index = snapshot_count_below(s, uid);

    return index < s->count && s->uid[index] == uid ? index : s->count;
}

size_t snapshot_memory_octets(const struct snapshot *s)
{
    return sizeof(*s) + (size_t)s->capacity * 2 * sizeof(s->uid[0]) +
           s->large_capacity * sizeof(*s->large);
}
