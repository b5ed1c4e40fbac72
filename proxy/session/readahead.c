/* readahead.c - see readahead.h. */
#include "session/readahead.h"

#include <assert.h>
#include <string.h>

#include "imap/command.h"

void readahead_init(struct readahead *r, uint64_t max,
                    struct octet_budget *budget)
{
    *r = (struct readahead){ .max = max, .budget = budget };
}

static void give_back(struct readahead *r, uint64_t octets)
{
    r->octets -= octets;
    if (r->budget != NULL)
        octet_budget_give(r->budget, octets);
}

static bool take_octets(struct readahead *r, uint64_t octets)
{
    if (octets > r->max || r->octets > r->max - octets)
        return false;
    if (r->budget != NULL && !octet_budget_take(r->budget, octets))
        return false;
    r->octets += octets;
    return true;
}

void readahead_forget(struct readahead *r)
{
    give_back(r, r->octets);
    r->count = 0;
    r->in_order = 0;
    r->answer_uid = 0;
}

static void remove_at(struct readahead *r, unsigned i)
{
    give_back(r, r->at[i].octets);
    r->count--;
    memmove(&r->at[i], &r->at[i + 1], (r->count - i) * sizeof(r->at[0]));
    if (r->count == 0)
        r->answer_uid = 0;
}

static void lose(struct readahead *r, struct readahead_message *m)
{
    r->wasted += !m->lost;
    m->lost = true;
}

/* The first message from |index| on that a client may still ask for. */
static uint32_t first_listed(const struct maildrop *m, uint32_t index)
{
    while (index < maildrop_count(m) && maildrop_is_deleted(m, index))
        index++;
    return index;
}

static bool find(const struct readahead *r, uint32_t index, unsigned *at)
{
    for (unsigned i = 0; i < r->count; i++) {
        if (r->at[i].index == index && !r->at[i].lost) {
            *at = i;
            return true;
        }
    }
    return false;
}

uint32_t readahead_take(struct readahead *r, const struct maildrop *maildrop,
                        uint32_t index)
{
    bool in_order = first_listed(maildrop, r->next) == index;
    unsigned at = r->count;
    bool found = find(r, index, &at);
    uint32_t tag = found ? r->at[at].tag : 0;

    /* Those before it come first, and nobody has asked for them. */
    for (unsigned i = 0; i < at; i++)
        lose(r, &r->at[i]);
    if (found)
        remove_at(r, at);
    r->useful += found;
    r->in_order = in_order ? r->in_order + 1 : 0;
    r->next = index + 1;
    return tag;
}

void readahead_lose_order(struct readahead *r)
{
    r->in_order = 0;
    r->next = UINT32_MAX;
    readahead_lose_all(r);
}

bool readahead_expected(const struct readahead *r,
                        const struct maildrop *maildrop, uint32_t *index)
{
    uint32_t behind = r->next;

    for (unsigned i = 0; i < r->count; i++)
        if (!r->at[i].lost && r->at[i].index >= behind)
            behind = r->at[i].index + 1;
    *index = first_listed(maildrop, behind);
    return *index < maildrop_count(maildrop);
}

/* Messages that may be expected at one time. */
static unsigned message_limit(const struct readahead *r)
{
    return r->in_order < READAHEAD_MESSAGES_MAX ? r->in_order
                                                : READAHEAD_MESSAGES_MAX;
}

bool readahead_is_low(const struct readahead *r)
{
    unsigned limit = message_limit(r);

    return r->count <= limit - limit / READAHEAD_BATCHES &&
           r->octets <= r->max - r->max / READAHEAD_BATCHES;
}

/* One that is wanted for certain need not fit into the budgets: no octet of it
 * is wasted, and it does not wait in our memory.
 */
static bool admit(struct readahead *r, uint64_t *octets, bool expected)
{
    unsigned limit = expected ? message_limit(r) : READAHEAD_MESSAGES_MAX;

    if (r->max == 0 || r->count >= limit || *octets > READAHEAD_MESSAGE_MAX ||
        r->wasted > r->useful + READAHEAD_MESSAGES_MAX)
        return false;
    if (!expected && r->count == 0)
        *octets = 0;
    return take_octets(r, *octets);
}

bool readahead_fetch(struct readahead *r, struct imap_session *imap,
                     const struct maildrop *maildrop, uint32_t index,
                     bool expected)
{
    uint64_t octets = maildrop_size_octets(maildrop, index);
    uint32_t tag;
    unsigned at;

    /* Room is left for what is asked for meanwhile. */
    if (!imap_session_may_begin_fetch(imap, 1) ||
        (expected && find(r, index, &at)) || !admit(r, &octets, expected))
        return false;
    tag = imap_session_begin_fetch(imap);
    imap_write_fetch_body(&imap->out, tag, maildrop_uid(maildrop, index));
    r->at[r->count++] = (struct readahead_message){
        .tag = tag, .index = index, .octets = (uint32_t)octets
    };
    return true;
}

void readahead_fetch_asked(struct readahead *r, struct imap_session *imap,
                           const struct maildrop *maildrop,
                           const uint32_t *index, unsigned count)
{
    unsigned behind = 0;

    for (unsigned i = 0; i < count; i++) {
        while (behind < r->count &&
               (r->at[behind].lost || r->at[behind].index != index[i]))
            behind++;
        if (behind == r->count &&
            !readahead_fetch(r, imap, maildrop, index[i], false))
            return;
        behind++;
    }
}

bool readahead_has(const struct readahead *r, uint32_t index)
{
    unsigned at;

    return find(r, index, &at);
}

void readahead_note_delivered(struct readahead *r, uint32_t tag, uint32_t index,
                              uint32_t next_uid)
{
    assert(r->count < ARRAY_LENGTH(r->at));
    r->answer_uid = next_uid;
    r->at[r->count++] = (struct readahead_message){
        .tag = tag, .index = index, .lost = true, .delivered = true
    };
}

bool readahead_completed(struct readahead *r, uint32_t tag,
                         struct readahead_message *message)
{
    for (unsigned i = 0; i < r->count; i++) {
        if (r->at[i].tag == tag) {
            *message = r->at[i];
            lose(r, &r->at[i]); /* if nobody has asked for it until now */
            remove_at(r, i);
            return true;
        }
    }
    return false;
}

void readahead_lose(struct readahead *r, uint32_t index)
{
    unsigned at;

    if (find(r, index, &at))
        lose(r, &r->at[at]);
}

void readahead_lose_all(struct readahead *r)
{
    for (unsigned i = 0; i < r->count; i++)
        lose(r, &r->at[i]);
}

bool readahead_is_under_way(const struct readahead *r)
{
    return r->count > 0;
}
