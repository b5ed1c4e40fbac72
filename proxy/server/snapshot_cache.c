#include "server/snapshot_cache.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* uthash would end the process where it finds no memory. */
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(entry) ((entry)->refused = true)
#include <uthash.h>

/* What the hash table takes for one more, about. */
#define BUCKET_OCTETS 32

struct entry {
    UT_hash_handle hh;
    bool refused;       /* set by uthash: not in the table */
    struct entry *next; /* utlist: the least recently used one first */
    struct entry *prev;
    struct known_mailbox known;
    uint64_t octets;
    size_t key_size;
    unsigned char key[]; /* upstream, NUL, user, NUL, mailbox */
};

struct snapshot_cache {
    pthread_mutex_t mutex;
    /* Changed under the mutex, and looked at without it for being 0. */
    atomic_uint_least64_t budget_octets;
    uint64_t octets;
    struct entry *entries; /* uthash's head */
    struct entry *by_use;
};

struct snapshot_cache *snapshot_cache_new(uint64_t budget_octets)
{
    struct snapshot_cache *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return NULL;
    atomic_init(&c->budget_octets, budget_octets);
    if (pthread_mutex_init(&c->mutex, NULL) != 0) {
        free(c);
        return NULL;
    }
    return c;
}

static unsigned char *append(unsigned char *to, struct span s)
{
    if (s.len > 0)
        memcpy(to, s.data, s.len);
    return to + s.len + 1; /* behind a NUL */
}

/* None holds a NUL, so two mailboxes never have one key. */
static struct entry *make(const struct snapshot_key *key)
{
    size_t key_size =
        key->upstream.len + 1 + key->user.len + 1 + key->mailbox.len + 1;
    struct entry *e = calloc(1, sizeof(*e) + key_size);
    unsigned char *end;

    if (e == NULL)
        return NULL;
    e->key_size = key_size;
    end = append(e->key, key->upstream);
    end = append(end, key->user);
    (void)append(end, key->mailbox);
    return e;
}

static uint64_t octets_of(const struct entry *e)
{
    return sizeof(*e) + e->key_size + BUCKET_OCTETS +
           snapshot_memory_octets(e->known.messages.listed) +
           snapshot_memory_octets(e->known.messages.hidden);
}

static void free_all(struct entry *list)
{
    struct entry *e;
    struct entry *next;

    DL_FOREACH_SAFE (list, e, next) {
        known_mailbox_clear(&e->known);
        free(e);
    }
}

/* --- with the mutex held --- */

static struct entry *find(struct snapshot_cache *c, const struct entry *wanted)
{
    struct entry *found = NULL;

    HASH_FIND(hh, c->entries, wanted->key, wanted->key_size, found);
    return found;
}

/* To be freed once the mutex is not held any more. */
static void move_out(struct snapshot_cache *c, struct entry *e,
                     struct entry **out)
{
    HASH_DEL(c->entries, e);
    DL_DELETE(c->by_use, e);
    c->octets -= e->octets;
    DL_APPEND(*out, e);
}

static void make_room(struct snapshot_cache *c, struct entry **out)
{
    while (c->octets > c->budget_octets)
        move_out(c, c->by_use, out);
}

static void add(struct snapshot_cache *c, struct entry *e, struct entry **out)
{
    HASH_ADD(hh, c->entries, key[0], e->key_size, e);
    if (e->refused) {
        DL_APPEND(*out, e);
        return;
    }
    DL_APPEND(c->by_use, e);
    c->octets += e->octets;
    make_room(c, out);
}

/* --- */

void snapshot_cache_set_budget(struct snapshot_cache *c, uint64_t budget_octets)
{
    struct entry *out = NULL;

    pthread_mutex_lock(&c->mutex);
    c->budget_octets = budget_octets;
    make_room(c, &out);
    pthread_mutex_unlock(&c->mutex);
    free_all(out);
}

void snapshot_cache_free(struct snapshot_cache *c)
{
    struct entry *out = NULL;

    if (c == NULL)
        return;
    while (c->by_use != NULL)
        move_out(c, c->by_use, &out);
    assert(c->octets == 0);
    free_all(out);
    pthread_mutex_destroy(&c->mutex);
    free(c);
}

struct known_mailbox snapshot_cache_find(struct snapshot_cache *c,
                                         const struct snapshot_key *key)
{
    struct known_mailbox known = { .uidvalidity = 0 };
    struct entry *wanted;
    struct entry *found;

    if (c->budget_octets == 0)
        return known;
    wanted = make(key);
    if (wanted == NULL)
        return known;
    pthread_mutex_lock(&c->mutex);
    found = find(c, wanted);
    if (found != NULL) {
        DL_DELETE(c->by_use, found);
        DL_APPEND(c->by_use, found);
        known_mailbox_share(&known, &found->known);
    }
    pthread_mutex_unlock(&c->mutex);
    free(wanted);
    return known;
}

void snapshot_cache_put(struct snapshot_cache *c,
                        const struct snapshot_key *key,
                        const struct known_mailbox *known)
{
    struct entry *wanted = c->budget_octets > 0 ? make(key) : NULL;
    struct entry *out = NULL;
    struct entry *old;

    if (wanted == NULL)
        return;
    assert(!known_mailbox_is_empty(known));
    known_mailbox_share(&wanted->known, known);
    wanted->octets = octets_of(wanted);
    pthread_mutex_lock(&c->mutex);
    old = find(c, wanted);
    if (old != NULL)
        move_out(c, old, &out);
    /* One that is too great would only drive out all others. */
    if (wanted->octets <= c->budget_octets)
        add(c, wanted, &out);
    else
        DL_APPEND(out, wanted);
    pthread_mutex_unlock(&c->mutex);
    free_all(out);
}

struct snapshot_cache_fill snapshot_cache_fill(struct snapshot_cache *c)
{
    struct snapshot_cache_fill fill;

    pthread_mutex_lock(&c->mutex);
    fill.octets = c->octets;
    fill.mailboxes = HASH_COUNT(c->entries);
    pthread_mutex_unlock(&c->mutex);
    return fill;
}
