#include "server/lock_table.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* uthash would end the process where it finds no memory. */
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(lock) ((lock)->refused = true)
#include <uthash.h>

/* Entries that one call looks at to drop them. More than the one that a call
 * can add, so the table shrinks again after a rush.
 */
#define SWEEPS_A_CALL 2

struct maildrop_lock {
    UT_hash_handle hh;
    bool refused; /* set by uthash: not in the table */
    bool held;
    uint64_t taken_ms;
    uint64_t free_ms;           /* whoever took it waits until then */
    struct maildrop_lock *next; /* utlist, while it rests */
    struct maildrop_lock *prev;
    size_t key_size;
    unsigned char key[]; /* upstream, NUL, user */
};

struct lock_table {
    pthread_mutex_t mutex;
    struct maildrop_lock *locks; /* uthash's head */
    /* Released before their time is over, in the order of their release. Each
     * rests no longer than the delay that it was taken under, and is dropped no
     * later than those that follow it: so none outlives its release by more than
     * the longest of these.
     */
    struct maildrop_lock *resting;
};

struct lock_table *lock_table_new(void)
{
    struct lock_table *t = calloc(1, sizeof(*t));

    if (t == NULL)
        return NULL;
    if (pthread_mutex_init(&t->mutex, NULL) != 0) {
        free(t);
        return NULL;
    }
    return t;
}

/* A host name holds no NUL, so two maildrops never have one key. */
static struct maildrop_lock *make(struct span upstream, struct span user)
{
    size_t key_size = upstream.len + 1 + user.len;
    struct maildrop_lock *lock = calloc(1, sizeof(*lock) + key_size);

    if (lock == NULL)
        return NULL;
    lock->key_size = key_size;
    if (upstream.len > 0)
        memcpy(lock->key, upstream.data, upstream.len);
    if (user.len > 0)
        memcpy(lock->key + upstream.len + 1, user.data, user.len);
    return lock;
}

/* --- with the mutex held --- */

static void drop(struct lock_table *t, struct maildrop_lock *lock)
{
    HASH_DEL(t->locks, lock);
    free(lock);
}

static void wake(struct lock_table *t, struct maildrop_lock *lock)
{
    DL_DELETE(t->resting, lock);
}

static void sweep(struct lock_table *t, uint64_t now_ms)
{
    for (int i = 0; i < SWEEPS_A_CALL; i++) {
        struct maildrop_lock *oldest = t->resting;

        if (oldest == NULL || oldest->free_ms > now_ms)
            return;
        wake(t, oldest);
        drop(t, oldest);
    }
}

static void hold(struct maildrop_lock *lock, uint64_t delay_ms, uint64_t now_ms)
{
    lock->held = true;
    lock->taken_ms = now_ms;
    lock->free_ms = now_ms + delay_ms;
}

/* Takes over |wanted| where that is what becomes the lock. */
static enum lock_status take(struct lock_table *t, struct maildrop_lock *wanted,
                             uint64_t delay_ms, uint64_t now_ms,
                             struct maildrop_lock **lock)
{
    struct maildrop_lock *known = NULL;

    HASH_FIND(hh, t->locks, wanted->key, wanted->key_size, known);
    if (known == NULL) {
        HASH_ADD(hh, t->locks, key[0], wanted->key_size, wanted);
        if (wanted->refused)
            return LOCK_ENOMEMORY;
        known = wanted;
    } else if (known->held) {
        return LOCK_BUSY;
    } else if (now_ms < known->free_ms && now_ms < known->taken_ms + delay_ms) {
        return LOCK_TOO_SOON;
    } else {
        wake(t, known);
    }
    hold(known, delay_ms, now_ms);
    *lock = known;
    return LOCK_TAKEN;
}

/* --- */

void lock_table_free(struct lock_table *t)
{
    if (t == NULL)
        return;
    while (t->resting != NULL) {
        struct maildrop_lock *oldest = t->resting;

        wake(t, oldest);
        drop(t, oldest);
    }
    assert(t->locks == NULL);
    pthread_mutex_destroy(&t->mutex);
    free(t);
}

enum lock_status lock_table_take(struct lock_table *t, struct span upstream,
                                 struct span user, uint64_t delay_ms,
                                 uint64_t now_ms, struct maildrop_lock **lock)
{
    struct maildrop_lock *wanted = make(upstream, user);
    struct maildrop_lock *taken = NULL;
    enum lock_status status;

    if (wanted == NULL)
        return LOCK_ENOMEMORY;
    pthread_mutex_lock(&t->mutex);
    sweep(t, now_ms);
    status = take(t, wanted, delay_ms, now_ms, &taken);
    pthread_mutex_unlock(&t->mutex);
    if (taken != wanted)
        free(wanted);
    if (taken != NULL)
        *lock = taken;
    return status;
}

void lock_table_release(struct lock_table *t, struct maildrop_lock *lock,
                        uint64_t now_ms)
{
    if (lock == NULL)
        return;
    pthread_mutex_lock(&t->mutex);
    sweep(t, now_ms);
    assert(lock->held);
    lock->held = false;
    if (now_ms < lock->free_ms)
        DL_APPEND(t->resting, lock);
    else
        drop(t, lock);
    pthread_mutex_unlock(&t->mutex);
}

size_t lock_table_size(struct lock_table *t)
{
    size_t size;

    pthread_mutex_lock(&t->mutex);
    size = HASH_COUNT(t->locks);
    pthread_mutex_unlock(&t->mutex);
    return size;
}
