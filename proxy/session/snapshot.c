/* snapshot.c - see snapshot.h. */
#include "session/snapshot.h"

#include <assert.h>
#include <stdlib.h>

#include "base/limits.h"

/* Stands in size[] for a size that does not fit; the table has the rest. */
#define SIZE_IN_TABLE UINT32_MAX

struct large_size {
    uint32_t index;
    uint64_t size_octets;
};

struct snapshot {
    uint32_t count;
    uint32_t large_count;
    struct large_size *large; /* ascending by index; NULL: none */
    uint32_t *size;           /* count of them, behind the uids */
    uint32_t uid[];           /* ascending */
};

struct snapshot_row {
    uint32_t uid;
    uint32_t order; /* of arrival: what came later holds */
    uint64_t size_octets;
    bool has_size;
    bool has_flags;
    bool deleted;
};

void snapshot_free(struct snapshot *s)
{
    if (s == NULL)
        return;
    free(s->large);
    free(s);
}

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

static int compare_uid(const void *key, const void *element)
{
    uint32_t a = *(const uint32_t *)key;
    uint32_t b = *(const uint32_t *)element;

    return (a > b) - (a < b);
}

uint32_t snapshot_find(const struct snapshot *s, uint32_t uid)
{
    const uint32_t *found =
        bsearch(&uid, s->uid, s->count, sizeof(uid), compare_uid);

    return found == NULL ? s->count : (uint32_t)(found - s->uid);
}

void snapshot_builder_init(struct snapshot_builder *b)
{
    *b = (struct snapshot_builder){ NULL, 0, 0 };
}

void snapshot_builder_fini(struct snapshot_builder *b)
{
    free(b->rows);
    snapshot_builder_init(b);
}

static enum snapshot_status grow(struct snapshot_builder *b)
{
    /* Twice, since a server may split each answer once. */
    const size_t limit = 2 * (size_t)MAILDROP_MESSAGES_MAX;
    size_t capacity = b->capacity == 0 ? 64 : 2 * b->capacity;
    struct snapshot_row *rows;

    if (b->capacity >= limit)
        return SNAPSHOT_ETOOBIG;
    rows = realloc(b->rows, capacity * sizeof(*rows));
    if (rows == NULL)
        return SNAPSHOT_ENOMEM;
    b->rows = rows;
    b->capacity = capacity;
    return SNAPSHOT_OK;
}

enum snapshot_status snapshot_builder_add(struct snapshot_builder *b,
                                          uint32_t uid,
                                          const struct snapshot_facts *facts)
{
    enum snapshot_status status;

    assert(uid != 0);
    if (b->count == b->capacity) {
        status = grow(b);
        if (status != SNAPSHOT_OK)
            return status;
    }
    b->rows[b->count] = (struct snapshot_row){
        .uid = uid,
        .order = (uint32_t)b->count,
        .size_octets = facts->size_octets,
        .has_size = facts->has_size,
        .has_flags = facts->has_flags,
        .deleted = facts->deleted,
    };
    b->count++;
    return SNAPSHOT_OK;
}

static int compare_rows(const void *left, const void *right)
{
    const struct snapshot_row *a = left;
    const struct snapshot_row *b = right;

    if (a->uid != b->uid)
        return a->uid < b->uid ? -1 : 1;
    return (a->order > b->order) - (a->order < b->order);
}

static bool is_sorted(const struct snapshot_builder *b)
{
    for (size_t i = 1; i < b->count; i++)
        if (b->rows[i - 1].uid >= b->rows[i].uid)
            return false;
    return true;
}

/* One row a UID, ascending; the later word holds. */
static void sort_and_merge(struct snapshot_builder *b)
{
    size_t kept = 0;

    if (is_sorted(b))
        return;
    qsort(b->rows, b->count, sizeof(*b->rows), compare_rows);
    for (size_t i = 1; i < b->count; i++) {
        struct snapshot_row *last = &b->rows[kept];
        const struct snapshot_row *row = &b->rows[i];

        if (row->uid != last->uid) {
            b->rows[++kept] = *row;
            continue;
        }
        if (row->has_size) {
            last->has_size = true;
            last->size_octets = row->size_octets;
        }
        if (row->has_flags) {
            last->has_flags = true;
            last->deleted = row->deleted;
        }
    }
    b->count = kept + 1;
}

bool snapshot_builder_is_complete(struct snapshot_builder *b)
{
    sort_and_merge(b);
    for (size_t i = 0; i < b->count; i++)
        if (!b->rows[i].has_size)
            return false;
    return true;
}

static struct snapshot *allocate(uint32_t count, uint32_t large_count)
{
    struct snapshot *s =
        malloc(sizeof(*s) + (size_t)count * 2 * sizeof(s->uid[0]));

    if (s == NULL)
        return NULL;
    s->count = 0;
    s->large_count = 0;
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

static void append(struct snapshot *s, const struct snapshot_row *row)
{
    uint32_t index = s->count++;

    s->uid[index] = row->uid;
    if (row->size_octets < SIZE_IN_TABLE) {
        s->size[index] = (uint32_t)row->size_octets;
        return;
    }
    s->size[index] = SIZE_IN_TABLE;
    s->large[s->large_count++] = (struct large_size){ index, row->size_octets };
}

enum snapshot_status snapshot_builder_finish(struct snapshot_builder *b,
                                             bool hide_deleted,
                                             struct snapshot **snapshot)
{
    uint32_t count = 0;
    uint32_t large_count = 0;
    struct snapshot *s;

    if (!snapshot_builder_is_complete(b))
        return SNAPSHOT_EINCOMPLETE;
    for (size_t i = 0; i < b->count; i++) {
        if (hide_deleted && b->rows[i].deleted)
            continue;
        large_count += b->rows[i].size_octets >= SIZE_IN_TABLE;
        count++;
    }
    if (count > MAILDROP_MESSAGES_MAX)
        return SNAPSHOT_ETOOBIG;
    s = allocate(count, large_count);
    if (s == NULL)
        return SNAPSHOT_ENOMEM;
    for (size_t i = 0; i < b->count; i++)
        if (!hide_deleted || !b->rows[i].deleted)
            append(s, &b->rows[i]);
    snapshot_builder_fini(b);
    *snapshot = s;
    return SNAPSHOT_OK;
}
