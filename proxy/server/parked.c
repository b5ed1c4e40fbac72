#include "server/parked.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <utlist.h>

/* uthash would end the process where it finds no memory. */
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(entry) ((entry)->refused = true)
#include <uthash.h>

#define LOGOUT_MAX 64 /* tag, word, CRLF */

struct entry {
    UT_hash_handle hh;
    bool refused;       /* set by uthash: not in the table */
    struct entry *next; /* utlist: of the table, then of those that end */
    struct entry *prev;
    struct parked_claim claim;
    struct parked_connection connection;
    uint64_t due_ms; /* rests until then */
};

struct parked_table {
    struct keyed_digest *digest;
    pthread_mutex_t mutex;
    struct parked_limits limits;
    struct entry *entries; /* uthash's head, by claim.owner */
    struct entry *resting; /* longest first */
    bool closed;
};

struct parked_table *parked_table_new(const struct parked_limits *limits)
{
    struct parked_table *t = calloc(1, sizeof(*t));

    if (t == NULL)
        return NULL;
    t->limits = *limits;
    t->digest = keyed_digest_new();
    if (t->digest != NULL && pthread_mutex_init(&t->mutex, NULL) == 0)
        return t;
    keyed_digest_free(t->digest);
    free(t);
    return NULL;
}

void parked_table_free(struct parked_table *t)
{
    if (t == NULL)
        return;
    parked_close(t);
    pthread_mutex_destroy(&t->mutex);
    keyed_digest_free(t->digest);
    free(t);
}

/* --- whose --- */

bool parked_claim_make(const struct parked_table *t, struct span upstream,
                       const struct credentials *credentials, struct span told,
                       struct parked_claim *claim)
{
    const unsigned char kind = (unsigned char)credentials->kind;
    const struct span parts[] = { upstream,
                                  buf_span(&credentials->identity),
                                  buf_span(&credentials->user),
                                  buf_span(&credentials->secret),
                                  span_make(&kind, 1),
                                  told };

    return keyed_digest_make(t->digest, parts, 3, claim->owner) &&
           keyed_digest_make(t->digest, parts, ARRAY_LENGTH(parts),
                             claim->proof);
}

/* --- with the mutex held --- */

static struct entry *find(struct parked_table *t,
                          const struct parked_claim *claim)
{
    struct entry *e = NULL;

    HASH_FIND(hh, t->entries, claim->owner, sizeof(claim->owner), e);
    return e;
}

static void take_out(struct parked_table *t, struct entry *e)
{
    HASH_DEL(t->entries, e);
    DL_DELETE(t->resting, e);
}

/* What ends does so without the mutex: see end_all. */
static void give_up(struct parked_table *t, struct entry *e,
                    struct entry **ending)
{
    take_out(t, e);
    DL_APPEND(*ending, e);
}

/* |e| comes into the table, or to those that end. */
static void add(struct parked_table *t, struct entry *e, struct entry **ending)
{
    struct entry *before = find(t, &e->claim);

    if (before != NULL)
        give_up(t, before, ending);
    else if (HASH_COUNT(t->entries) >= t->limits.count)
        give_up(t, t->resting, ending);
    HASH_ADD(hh, t->entries, claim.owner, sizeof(e->claim.owner), e);
    if (e->refused)
        DL_APPEND(*ending, e);
    else
        DL_APPEND(t->resting, e);
}

static uint64_t due_ms(const struct parked_table *t,
                       const struct parked_connection *c, uint64_t now_ms)
{
    uint64_t rested_ms = now_ms + t->limits.rest_ms;
    uint64_t aged_ms = c->made_ms + t->limits.age_ms;

    return rested_ms < aged_ms ? rested_ms : aged_ms;
}

/* --- without it --- */

static void end(struct parked_connection *c)
{
    struct buf words;

    buf_init(&words, LOGOUT_MAX);
    imap_parked_write_logout(&c->imap, &words);
    detached_end(&c->link, buf_span(&words));
    buf_fini(&words);
    upstream_gate_leave(c->gate);
}

static void end_all(struct entry *ending)
{
    struct entry *e;
    struct entry *next;

    DL_FOREACH_SAFE (ending, e, next) {
        end(&e->connection);
        free(e);
    }
}

/* --- */

void parked_set_limits(struct parked_table *t,
                       const struct parked_limits *limits)
{
    uint32_t count = limits->rest_ms > 0 ? limits->count : 0;
    struct entry *ending = NULL;

    pthread_mutex_lock(&t->mutex);
    t->limits = *limits;
    while (HASH_COUNT(t->entries) > count)
        give_up(t, t->resting, &ending);
    pthread_mutex_unlock(&t->mutex);
    end_all(ending);
}

void parked_put(struct parked_table *t, const struct parked_claim *claim,
                struct parked_connection *c, uint64_t now_ms)
{
    struct entry *e = calloc(1, sizeof(*e));
    struct entry *ending = NULL;

    if (e == NULL) {
        end(c);
        return;
    }
    e->claim = *claim;
    e->connection = *c;
    pthread_mutex_lock(&t->mutex);
    e->due_ms = due_ms(t, c, now_ms);
    if (t->closed || e->due_ms <= now_ms)
        DL_APPEND(ending, e);
    else
        add(t, e, &ending);
    pthread_mutex_unlock(&t->mutex);
    end_all(ending);
}

bool parked_take(struct parked_table *t, const struct parked_claim *claim,
                 uint64_t now_ms, struct parked_connection *c)
{
    struct entry *e;
    bool found;

    pthread_mutex_lock(&t->mutex);
    e = find(t, claim);
    found = e != NULL && keyed_digest_equals(e->claim.proof, claim->proof);
    if (found)
        take_out(t, e);
    pthread_mutex_unlock(&t->mutex);
    if (!found)
        return false;
    found = now_ms < e->due_ms && detached_is_alive(&e->connection.link);
    if (found)
        *c = e->connection;
    else
        end(&e->connection);
    free(e);
    return found;
}

bool parked_evict(struct parked_table *t, const struct upstream_gate *gate)
{
    struct entry *ending = NULL;
    struct entry *e;
    bool found;

    pthread_mutex_lock(&t->mutex);
    DL_SEARCH_SCALAR(t->resting, e, connection.gate, gate);
    found = e != NULL;
    if (found)
        give_up(t, e, &ending);
    pthread_mutex_unlock(&t->mutex);
    end_all(ending);
    return found;
}

void parked_sweep(struct parked_table *t, uint64_t now_ms)
{
    struct entry *ending = NULL;
    struct entry *e;
    struct entry *next;

    pthread_mutex_lock(&t->mutex);
    DL_FOREACH_SAFE (t->resting, e, next)
        if (e->due_ms <= now_ms || !detached_is_alive(&e->connection.link))
            give_up(t, e, &ending);
    pthread_mutex_unlock(&t->mutex);
    end_all(ending);
}

void parked_clear(struct parked_table *t, const struct upstream_gate *gate)
{
    while (parked_evict(t, gate))
        continue;
}

void parked_close(struct parked_table *t)
{
    struct entry *ending = NULL;

    pthread_mutex_lock(&t->mutex);
    t->closed = true;
    while (t->resting != NULL)
        give_up(t, t->resting, &ending);
    pthread_mutex_unlock(&t->mutex);
    end_all(ending);
}

uint32_t parked_count(struct parked_table *t)
{
    uint32_t count;

    pthread_mutex_lock(&t->mutex);
    count = HASH_COUNT(t->entries);
    pthread_mutex_unlock(&t->mutex);
    return count;
}

uint32_t parked_count_of(struct parked_table *t,
                         const struct upstream_gate *gate)
{
    uint32_t count = 0;
    struct entry *e;

    pthread_mutex_lock(&t->mutex);
    DL_FOREACH (t->resting, e)
        count += e->connection.gate == gate;
    pthread_mutex_unlock(&t->mutex);
    return count;
}
