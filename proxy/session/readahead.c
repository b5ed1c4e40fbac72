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

/* Of |delivered|: all that are under way differ in it. */
static uint64_t bit_of_tag(uint32_t tag)
{
    return UINT64_C(1) << tag % IMAP_PIPELINE_MAX;
}

void readahead_forget(struct readahead *r)
{
    give_back(r, r->octets);
    r->tag = 0;
    r->count = 0;
    r->replaced = 0;
    r->delivered = 0;
    r->in_order = 0;
    r->answer_uid = 0;
}

static void remove_at(struct readahead *r, unsigned i)
{
    give_back(r, r->at[i].octets);
    r->count--;
    memmove(&r->at[i], &r->at[i + 1], (r->count - i) * sizeof(r->at[0]));
}

static void lose(struct readahead *r, struct readahead_message *m)
{
    r->wasted += !m->lost;
    m->lost = true;
}

void readahead_lose_all(struct readahead *r)
{
    for (unsigned i = 0; i < r->count; i++)
        lose(r, &r->at[i]);
}

/* The first message from |index| on that a client may still ask for. */
static uint32_t first_listed(const struct maildrop *m, uint32_t index)
{
    while (index < maildrop_count(m) && maildrop_is_deleted(m, index))
        index++;
    return index;
}

/* Where |index| is in the batch; its count: nowhere. */
static unsigned find(const struct readahead *r, uint32_t index)
{
    unsigned i = 0;

    while (i < r->count && r->at[i].index != index)
        i++;
    return i;
}

bool readahead_has(const struct readahead *r, uint32_t index)
{
    unsigned at = find(r, index);

    return at < r->count && !r->at[at].lost;
}

uint32_t readahead_take(struct readahead *r, const struct maildrop *maildrop,
                        uint32_t index)
{
    bool in_order = first_listed(maildrop, r->next) == index;
    bool found = readahead_has(r, index);
    unsigned at = found ? find(r, index) : r->count;

    /* Those before it come first, and nobody has asked for them. */
    for (unsigned i = 0; i < at; i++)
        lose(r, &r->at[i]);
    if (found)
        remove_at(r, at);
    r->useful += found;
    r->in_order = in_order ? r->in_order + 1 : 0;
    r->next = index + 1;
    return found ? r->tag : 0;
}

void readahead_note_missed(struct readahead *r)
{
    r->useful--;
    r->wasted++;
}

void readahead_lose_order(struct readahead *r)
{
    r->in_order = 0;
    r->next = UINT32_MAX;
    readahead_lose_all(r);
}

void readahead_change_mailbox(struct readahead *r)
{
    assert(!readahead_is_under_way(r));
    r->next = 0;
    r->answer_uid = 0;
}

bool readahead_is_low(const struct readahead *r)
{
    return r->count == 0;
}

/* --- a batch --- */

static bool may_fetch(const struct readahead *r,
                      const struct imap_session *imap)
{
    assert(readahead_is_low(r));
    /* Room is left for what is asked for meanwhile. */
    return r->max > 0 && imap_session_may_begin_fetch(imap, 1) &&
           r->wasted <= r->useful + READAHEAD_MESSAGES_MAX;
}

/* |octets| of it count; false: it has to wait for the next batch. */
static bool add(struct readahead *r, struct imap_uid_set *set,
                const struct maildrop *maildrop, uint32_t index,
                uint64_t octets)
{
    if (r->count == READAHEAD_MESSAGES_MAX ||
        maildrop_size_octets(maildrop, index) > READAHEAD_MESSAGE_MAX ||
        !take_octets(r, octets))
        return false;
    if (!imap_uid_set_add(set, maildrop_uid(maildrop, index))) {
        give_back(r, octets);
        return false;
    }
    r->at[r->count++] =
        (struct readahead_message){ .index = index,
                                    .octets = (uint32_t)octets };
    return true;
}

/* Those that are asked for, from the first on. Returns the index of the one that
 * is expected behind them; UINT32_MAX: nobody knows, or there is no room for it.
 */
static uint32_t add_asked(struct readahead *r, struct imap_uid_set *set,
                          const struct maildrop *maildrop,
                          const uint32_t *index, unsigned count)
{
    uint32_t expected = first_listed(maildrop, r->next);
    bool in_order = true;

    for (unsigned i = 0; i < count; i++) {
        /* The first need not fit into the budgets: it is wanted for certain, no
         * octet of it is wasted, and it does not wait in our memory.
         */
        uint64_t octets = i > 0 ? maildrop_size_octets(maildrop, index[i]) : 0;

        if ((i > 0 && index[i] <= index[i - 1]) ||
            !add(r, set, maildrop, index[i], octets))
            return UINT32_MAX;
        in_order = in_order && index[i] == expected;
        expected = first_listed(maildrop, index[i] + 1);
    }
    return in_order ? expected : UINT32_MAX;
}

void readahead_fetch(struct readahead *r, struct imap_session *imap,
                     const struct maildrop *maildrop, const uint32_t *asked,
                     unsigned count, bool goes_on)
{
    struct imap_uid_set set;
    uint32_t index;

    if (!may_fetch(r, imap))
        return;
    imap_uid_set_init(&set);
    index = add_asked(r, &set, maildrop, asked, count);
    while (goes_on && r->count < r->in_order &&
           index < maildrop_count(maildrop) &&
           add(r, &set, maildrop, index, maildrop_size_octets(maildrop, index)))
        index = first_listed(maildrop, index + 1);
    if (imap_uid_set_is_empty(&set))
        return;
    if (r->tag != 0)
        r->replaced |= bit_of_tag(r->tag);
    r->tag = imap_session_begin_fetch(imap);
    imap_write_fetch_bodies(&imap->out, r->tag, &set);
}

/* --- what comes of it --- */

bool readahead_has_others(const struct readahead *r, uint32_t tag)
{
    return r->tag == tag && r->count > 0;
}

void readahead_note_delivered(struct readahead *r, uint32_t tag,
                              uint32_t next_uid)
{
    r->delivered |= bit_of_tag(tag);
    r->answer_uid = next_uid;
}

bool readahead_completed(struct readahead *r, uint32_t tag)
{
    bool all_delivered = (r->delivered & bit_of_tag(tag)) != 0;

    r->delivered &= ~bit_of_tag(tag);
    r->replaced &= ~bit_of_tag(tag);
    if (r->tag != tag)
        return all_delivered;
    all_delivered = all_delivered && r->count == 0;
    readahead_lose_all(r);
    while (r->count > 0)
        remove_at(r, r->count - 1);
    r->tag = 0;
    return all_delivered;
}

void readahead_pass(struct readahead *r, uint32_t index)
{
    unsigned at = find(r, index);

    if (at == r->count)
        return;
    lose(r, &r->at[at]);
    remove_at(r, at);
}

bool readahead_is_under_way(const struct readahead *r)
{
    return r->tag != 0 || r->replaced != 0 || r->delivered != 0;
}
