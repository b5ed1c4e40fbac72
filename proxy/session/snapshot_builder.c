/* snapshot_builder.c - see snapshot_builder.h. */
#include "session/snapshot_builder.h"

#include <assert.h>
#include <stdlib.h>

#include "base/limits.h"

/* Greater than any UID: there is no more. */
#define NO_UID UINT64_MAX

struct snapshot_row {
    uint32_t uid;
    uint32_t order; /* of arrival: what came later holds */
    uint64_t size_octets;
    bool has_size;
    bool has_flags;
    bool deleted;
};

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

void snapshot_facts_take(struct snapshot_facts *facts,
                         const struct imap_event *ev)
{
    if (ev->kind == IMAP_FETCH_SIZE) {
        facts->has_size = true;
        facts->size_octets = ev->number;
    } else if (ev->kind == IMAP_FETCH_FLAGS) {
        facts->has_flags = true;
        facts->deleted = ev->flags & BIT(IMAP_FLAG_DELETED);
    }
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

bool snapshot_builder_stays_within(const struct snapshot_builder *b,
                                   const struct snapshot_halves *base,
                                   uint32_t uid)
{
    uint32_t listed_end = snapshot_count(base->listed);
    uint32_t hidden_end = snapshot_count(base->hidden);

    for (size_t i = 0; i < b->count; i++)
        if (b->rows[i].uid < uid &&
            snapshot_find(base->listed, b->rows[i].uid) == listed_end &&
            snapshot_find(base->hidden, b->rows[i].uid) == hidden_end)
            return false;
    return true;
}

/* --- rows in their order --- */

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

/* The later word on the same message holds. */
static void correct(struct snapshot_row *row, const struct snapshot_row *later)
{
    if (later->has_size) {
        row->has_size = true;
        row->size_octets = later->size_octets;
    }
    if (later->has_flags) {
        row->has_flags = true;
        row->deleted = later->deleted;
    }
}

/* One row a UID, ascending. */
static void sort_and_merge(struct snapshot_builder *b)
{
    size_t kept = 0;

    if (is_sorted(b))
        return;
    qsort(b->rows, b->count, sizeof(*b->rows), compare_rows);
    for (size_t i = 1; i < b->count; i++) {
        if (b->rows[i].uid == b->rows[kept].uid)
            correct(&b->rows[kept], &b->rows[i]);
        else
            b->rows[++kept] = b->rows[i];
    }
    b->count = kept + 1;
}

/* --- the walk over what is known and what was told --- */

struct walk {
    const struct snapshot_builder *told;
    struct snapshot_halves known; /* borrowed; NULL: nothing is */
    size_t told_at;
    uint32_t listed_at;
    uint32_t hidden_at;
};

static struct walk walk_over(const struct snapshot_builder *told,
                             const struct snapshot_halves *base)
{
    struct walk w = { .told = told };

    if (base != NULL)
        w.known = *base;
    return w;
}

static uint64_t uid_at(const struct snapshot *s, uint32_t at)
{
    return s != NULL && at < snapshot_count(s) ? snapshot_uid(s, at) : NO_UID;
}

static struct snapshot_row known_row(const struct snapshot *s, uint32_t at,
                                     bool deleted)
{
    return (struct snapshot_row){
        .uid = snapshot_uid(s, at),
        .size_octets = snapshot_size_octets(s, at),
        .has_size = true,
        .has_flags = true,
        .deleted = deleted,
    };
}

/* The message with the next UID; false: there is none. */
static bool walk_on(struct walk *w, struct snapshot_row *row)
{
    const struct snapshot_builder *told = w->told;
    uint64_t listed = uid_at(w->known.listed, w->listed_at);
    uint64_t hidden = uid_at(w->known.hidden, w->hidden_at);
    uint64_t known = listed < hidden ? listed : hidden;
    uint64_t next =
        w->told_at < told->count ? told->rows[w->told_at].uid : NO_UID;

    if (known == NO_UID && next == NO_UID)
        return false;
    if (next < known) {
        *row = told->rows[w->told_at++];
        return true;
    }
    *row = listed < hidden ? known_row(w->known.listed, w->listed_at++, false)
                           : known_row(w->known.hidden, w->hidden_at++, true);
    if (next == known)
        correct(row, &told->rows[w->told_at++]);
    return true;
}

/* --- the result --- */

struct census {
    uint32_t count;
    uint32_t large_count;
};

/* Half 0 is listed, 1 is hidden. */
static enum snapshot_status count_halves(struct walk w, struct census census[2])
{
    struct snapshot_row row;

    while (walk_on(&w, &row)) {
        struct census *half = &census[row.deleted];

        if (!row.has_size)
            return SNAPSHOT_EINCOMPLETE;
        if (half->count == MAILDROP_MESSAGES_MAX)
            return SNAPSHOT_ETOOBIG;
        half->count++;
        half->large_count += snapshot_size_is_large(row.size_octets);
    }
    return SNAPSHOT_OK;
}

enum snapshot_status snapshot_builder_finish(struct snapshot_builder *b,
                                             const struct snapshot_halves *base,
                                             struct snapshot_halves *result)
{
    struct census census[2] = { { 0, 0 }, { 0, 0 } };
    struct snapshot_halves made;
    enum snapshot_status status;
    struct snapshot_row row;
    struct walk w;

    sort_and_merge(b);
    w = walk_over(b, base);
    status = count_halves(w, census);
    if (status != SNAPSHOT_OK)
        return status;
    made.listed = snapshot_new(census[0].count, census[0].large_count);
    made.hidden = snapshot_new(census[1].count, census[1].large_count);
    if (made.listed == NULL || made.hidden == NULL) {
        snapshot_halves_drop(&made);
        return SNAPSHOT_ENOMEM;
    }
    while (walk_on(&w, &row))
        snapshot_append(row.deleted ? made.hidden : made.listed, row.uid,
                        row.size_octets);
    snapshot_builder_fini(b);
    *result = made;
    return SNAPSHOT_OK;
}
