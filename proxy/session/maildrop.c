/* maildrop.c - see maildrop.h. */
#include "session/maildrop.h"

#include <assert.h>
#include <stdlib.h>

enum mark {
    MARK_DELETED,
    MARK_DELIVERED, /* by RETR, whole */
    MARK_FAILED,    /* the last RETR failed */
    MARK_TOP_FAILED,
    MARK_REMOVED, /* no longer on the server */
    MARK_NAMED,   /* by the server: see maildrop_begin_search */
    MARK_COPIED,
};

struct maildrop {
    struct snapshot *snapshot;
    struct maildrop_traits traits;
    uint64_t listed_octets;
    uint32_t deleted_count;
    unsigned char marks[]; /* BIT(enum mark), one octet a message */
};

struct maildrop *maildrop_new(struct snapshot *snapshot,
                              const struct maildrop_traits *traits)
{
    struct maildrop *m = calloc(1, sizeof(*m) + snapshot_count(snapshot));

    if (m == NULL)
        return NULL;
    m->snapshot = snapshot_ref(snapshot);
    m->traits = *traits;
    m->listed_octets = snapshot_total_octets(snapshot);
    return m;
}

void maildrop_free(struct maildrop *m)
{
    if (m == NULL)
        return;
    snapshot_unref(m->snapshot);
    free(m);
}

uint32_t maildrop_uidvalidity(const struct maildrop *m)
{
    return m->traits.uidvalidity;
}

bool maildrop_has_unique_ids(const struct maildrop *m)
{
    return m->traits.has_unique_ids;
}

enum fault maildrop_removal_fault(const struct maildrop *m)
{
    return m->traits.removal_fault;
}

uint32_t maildrop_count(const struct maildrop *m)
{
    return snapshot_count(m->snapshot);
}

uint32_t maildrop_uid(const struct maildrop *m, uint32_t index)
{
    return snapshot_uid(m->snapshot, index);
}

uint64_t maildrop_size_octets(const struct maildrop *m, uint32_t index)
{
    return snapshot_size_octets(m->snapshot, index);
}

uint32_t maildrop_find(const struct maildrop *m, uint32_t uid)
{
    return snapshot_find(m->snapshot, uid);
}

uint64_t maildrop_listed_octets(const struct maildrop *m)
{
    return m->listed_octets;
}

uint32_t maildrop_deleted_count(const struct maildrop *m)
{
    return m->deleted_count;
}

static bool has_mark(const struct maildrop *m, uint32_t index, enum mark mark)
{
    assert(index < maildrop_count(m));
    return (m->marks[index] & BIT(mark)) != 0;
}

static void set_mark(struct maildrop *m, uint32_t index, enum mark mark)
{
    m->marks[index] = (unsigned char)(m->marks[index] | BIT(mark));
}

static void clear_mark(struct maildrop *m, uint32_t index, enum mark mark)
{
    m->marks[index] = (unsigned char)(m->marks[index] & ~BIT(mark));
}

bool maildrop_is_deleted(const struct maildrop *m, uint32_t index)
{
    return has_mark(m, index, MARK_DELETED);
}

enum fault maildrop_mark_deleted(struct maildrop *m, uint32_t index)
{
    assert(!maildrop_is_deleted(m, index));
    if (m->traits.removal_fault != FAULT_NONE)
        return m->traits.removal_fault;
    if (has_mark(m, index, MARK_FAILED) || has_mark(m, index, MARK_TOP_FAILED))
        return FAULT_MESSAGE_NOT_READ;
    set_mark(m, index, MARK_DELETED);
    m->deleted_count++;
    m->listed_octets -= maildrop_size_octets(m, index);
    return FAULT_NONE;
}

void maildrop_unmark_all(struct maildrop *m)
{
    for (uint32_t i = 0; i < maildrop_count(m) && m->deleted_count > 0; i++) {
        if (!maildrop_is_deleted(m, i))
            continue;
        clear_mark(m, i, MARK_DELETED);
        m->deleted_count--;
        m->listed_octets += maildrop_size_octets(m, i);
    }
}

void maildrop_note_read(struct maildrop *m, uint32_t index, bool whole)
{
    clear_mark(m, index, MARK_TOP_FAILED);
    if (!whole)
        return;
    clear_mark(m, index, MARK_FAILED);
    set_mark(m, index, MARK_DELIVERED);
}

void maildrop_note_failed(struct maildrop *m, uint32_t index, bool whole)
{
    set_mark(m, index, whole ? MARK_FAILED : MARK_TOP_FAILED);
}

bool maildrop_is_to_be_removed(const struct maildrop *m, uint32_t index)
{
    return has_mark(m, index, MARK_DELETED) &&
           !has_mark(m, index, MARK_REMOVED);
}

uint32_t maildrop_to_be_removed_count(const struct maildrop *m)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < maildrop_count(m); i++)
        count += maildrop_is_to_be_removed(m, i);
    return count;
}

void maildrop_begin_search(struct maildrop *m)
{
    for (uint32_t i = 0; i < maildrop_count(m); i++)
        clear_mark(m, i, MARK_NAMED);
}

bool maildrop_is_named(const struct maildrop *m, uint32_t index)
{
    return has_mark(m, index, MARK_NAMED);
}

bool maildrop_note_named(struct maildrop *m, uint32_t index)
{
    if (has_mark(m, index, MARK_NAMED))
        return false;
    set_mark(m, index, MARK_NAMED);
    return true;
}

void maildrop_note_all_removed(struct maildrop *m)
{
    for (uint32_t i = 0; i < maildrop_count(m); i++)
        set_mark(m, i, MARK_REMOVED);
}

void maildrop_note_found(struct maildrop *m, uint32_t index)
{
    clear_mark(m, index, MARK_REMOVED);
}

void maildrop_note_removed(struct maildrop *m, uint32_t index)
{
    set_mark(m, index, MARK_REMOVED);
}

bool maildrop_is_copied(const struct maildrop *m, uint32_t index)
{
    return has_mark(m, index, MARK_COPIED);
}

void maildrop_note_copied(struct maildrop *m, uint32_t index)
{
    set_mark(m, index, MARK_COPIED);
}

/* The message at |index| of |whole| is not marked. |*place| is where to look for
 * it, and moves on as |index| does.
 */
static bool is_left(const struct maildrop *m, const struct snapshot *whole,
                    uint32_t index, uint32_t *place)
{
    uint32_t uid = snapshot_uid(whole, index);

    while (*place < maildrop_count(m) && maildrop_uid(m, *place) < uid)
        ++*place;
    return *place == maildrop_count(m) || maildrop_uid(m, *place) != uid ||
           !maildrop_is_deleted(m, *place);
}

struct snapshot *maildrop_copy_left(const struct maildrop *m,
                                    const struct snapshot *whole)
{
    uint32_t count = 0;
    uint32_t large_count = 0;
    uint32_t place = 0;
    struct snapshot *left;

    for (uint32_t i = 0; i < snapshot_count(whole); i++) {
        if (!is_left(m, whole, i, &place))
            continue;
        count++;
        large_count += snapshot_size_is_large(snapshot_size_octets(whole, i));
    }
    left = snapshot_new(count, large_count);
    place = 0;
    for (uint32_t i = 0; left != NULL && i < snapshot_count(whole); i++)
        if (is_left(m, whole, i, &place))
            snapshot_append(left, snapshot_uid(whole, i),
                            snapshot_size_octets(whole, i));
    return left;
}

bool maildrop_is_delivered(const struct maildrop *m, uint32_t index)
{
    return has_mark(m, index, MARK_DELIVERED);
}
