/* maildrops.c - see maildrops.h. */
#include "session/maildrops.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

bool maildrops_add(struct maildrops *m, const struct maildrop_part *part)
{
    struct maildrop_part *parts =
        realloc(m->parts, (m->count + 1) * sizeof(*parts));

    if (parts == NULL)
        return false;
    m->parts = parts;
    m->parts[m->count++] = *part;
    return true;
}

void maildrop_part_fini(struct maildrop_part *part)
{
    maildrop_free(part->maildrop);
    free(part->unique_ids.gmail_ids);
}

void maildrops_fini(struct maildrops *m)
{
    for (unsigned i = 0; i < m->count; i++)
        maildrop_part_fini(&m->parts[i]);
    free(m->parts);
    *m = (struct maildrops){ .parts = NULL };
}

struct maildrops maildrops_take(struct maildrops *m)
{
    struct maildrops taken = *m;

    *m = (struct maildrops){ .parts = NULL };
    return taken;
}

struct maildrop_place maildrops_place(const struct maildrops *m, uint32_t index)
{
    struct maildrop_place place = { .index = index };
    uint32_t count;

    for (; place.part < m->count; place.part++) {
        count = maildrop_count(m->parts[place.part].maildrop);
        if (place.index < count)
            return place;
        place.index -= count;
    }
    assert(false); /* an index of these */
    return place;
}

uint32_t maildrops_count(const struct maildrops *m)
{
    uint32_t count = 0;

    for (unsigned i = 0; i < m->count; i++)
        count += maildrop_count(m->parts[i].maildrop);
    return count;
}

uint32_t maildrops_listed_count(const struct maildrops *m)
{
    return maildrops_count(m) - maildrops_deleted_count(m);
}

uint64_t maildrops_listed_octets(const struct maildrops *m)
{
    uint64_t octets = 0;

    for (unsigned i = 0; i < m->count; i++)
        octets += maildrop_listed_octets(m->parts[i].maildrop);
    return octets;
}

uint32_t maildrops_deleted_count(const struct maildrops *m)
{
    uint32_t count = 0;

    for (unsigned i = 0; i < m->count; i++)
        count += maildrop_deleted_count(m->parts[i].maildrop);
    return count;
}

bool maildrops_have_unique_ids(const struct maildrops *m)
{
    for (unsigned i = 0; i < m->count; i++)
        if (!maildrop_has_unique_ids(m->parts[i].maildrop))
            return false;
    return true;
}

enum fault maildrops_removal_fault(const struct maildrops *m)
{
    enum fault fault = FAULT_NONE;

    for (unsigned i = 0; i < m->count && fault == FAULT_NONE; i++)
        fault = maildrop_removal_fault(m->parts[i].maildrop);
    return fault;
}

uint64_t maildrops_size_octets(const struct maildrops *m, uint32_t index)
{
    struct maildrop_place place = maildrops_place(m, index);

    return maildrop_size_octets(m->parts[place.part].maildrop, place.index);
}

bool maildrops_is_deleted(const struct maildrops *m, uint32_t index)
{
    struct maildrop_place place = maildrops_place(m, index);

    return maildrop_is_deleted(m->parts[place.part].maildrop, place.index);
}

enum fault maildrops_mark_deleted(struct maildrops *m, uint32_t index)
{
    struct maildrop_place place = maildrops_place(m, index);

    return maildrop_mark_deleted(m->parts[place.part].maildrop, place.index);
}

void maildrops_unmark_all(struct maildrops *m)
{
    for (unsigned i = 0; i < m->count; i++)
        maildrop_unmark_all(m->parts[i].maildrop);
}

/* --- unique-ids --- */

/* What the format makes may be what the old server called another message: it
 * is told apart by as many `~` as it takes.
 */
static struct unique_id tell_apart(const struct unique_id_user *user,
                                   struct unique_id id)
{
    size_t length = strlen(id.text);

    while (unique_id_user_has(user, id.text) && length < UNIQUE_ID_MAX) {
        id.text[length++] = '~';
        id.text[length] = '\0';
    }
    return id;
}

struct unique_id maildrops_unique_id(const struct maildrops *m, uint32_t index)
{
    struct maildrop_place place = maildrops_place(m, index);
    const struct maildrop *maildrop = m->parts[place.part].maildrop;
    const struct unique_id_rule *rule = &m->parts[place.part].unique_ids;
    uint32_t uid = maildrop_uid(maildrop, place.index);
    struct unique_id_facts facts = {
        .uidvalidity = maildrop_uidvalidity(maildrop),
        .uid = uid,
        .mailbox_mark = rule->mailbox_mark,
    };
    const char *imported =
        rule->list != NULL ? unique_id_list_get(rule->list, uid) : NULL;
    struct unique_id id;

    if (imported != NULL) {
        memcpy(id.text, imported, strlen(imported) + 1);
        return id;
    }
    if (rule->gmail_ids != NULL)
        facts.gmail_id = rule->gmail_ids[place.index];
    id = unique_id_make(rule->format, &facts);
    return rule->user != NULL ? tell_apart(rule->user, id) : id;
}
