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

/* A lock that is held, or a login that was: each has a table of its own. */
struct maildrop_lock {
    UT_hash_handle hh;
    bool refused;               /* set by uthash: not in the table */
    uint64_t taken_ms;          /* a login: when, */
    uint64_t forgotten_ms;      /* and until when it counts */
    struct maildrop_lock *next; /* utlist, of a login */
    struct maildrop_lock *prev;
    size_t key_size;
    unsigned char key[]; /* upstream, NUL, user */
};

struct lock_table {
    pthread_mutex_t mutex;
    struct maildrop_lock *locks;  /* uthash's head */
    struct maildrop_lock *logins; /* the same */
    /* In the order of their logins. Each counts for no longer than the delay
     * that it was under, and is dropped no later than those that follow it: so
     * none outlives the longest of these.
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

static void forget(struct lock_table *t, struct maildrop_lock *login)
{
    DL_DELETE(t->resting, login);
    HASH_DELETE(hh, t->logins, login);
    free(login);
}

static void sweep(struct lock_table *t, uint64_t now_ms)
{
    for (int i = 0; i < SWEEPS_A_CALL; i++) {
        if (t->resting == NULL || t->resting->forgotten_ms > now_ms)
            return;
        forget(t, t->resting);
    }
}

static enum lock_status take(struct lock_table *t, struct maildrop_lock *wanted)
{
    struct maildrop_lock *known = NULL;

    HASH_FIND(hh, t->locks, wanted->key, wanted->key_size, known);
    if (known != NULL)
        return LOCK_BUSY;
    HASH_ADD(hh, t->locks, key[0], wanted->key_size, wanted);
    return wanted->refused ? LOCK_ENOMEMORY : LOCK_TAKEN;
}

static enum lock_status note(struct lock_table *t, struct maildrop_lock *login,
                             uint64_t delay_ms, uint64_t now_ms)
{
    struct maildrop_lock *known = NULL;

    HASH_FIND(hh, t->logins, login->key, login->key_size, known);
    if (known != NULL && now_ms < known->taken_ms + delay_ms)
        return LOCK_TOO_SOON;
    if (known != NULL)
        forget(t, known);
    HASH_ADD(hh, t->logins, key[0], login->key_size, login);
    if (login->refused)
        return LOCK_ENOMEMORY;
    login->taken_ms = now_ms;
    login->forgotten_ms = now_ms + delay_ms;
    DL_APPEND(t->resting, login);
    return LOCK_TAKEN;
}

/* --- */

void lock_table_free(struct lock_table *t)
{
    if (t == NULL)
        return;
    while (t->resting != NULL)
        forget(t, t->resting);
    assert(t->locks == NULL && t->logins == NULL);
    pthread_mutex_destroy(&t->mutex);
    free(t);
}

enum lock_status lock_table_take(struct lock_table *t, struct span upstream,
                                 struct span user, struct maildrop_lock **lock)
{
    struct maildrop_lock *wanted = make(upstream, user);
    enum lock_status status;

    if (wanted == NULL)
        return LOCK_ENOMEMORY;
    pthread_mutex_lock(&t->mutex);
    status = take(t, wanted);
    pthread_mutex_unlock(&t->mutex);
    if (status == LOCK_TAKEN)
        *lock = wanted;
    else
        free(wanted);
    return status;
}

void lock_table_release(struct lock_table *t, struct maildrop_lock *lock)
{
    if (lock == NULL)
        return;
    pthread_mutex_lock(&t->mutex);
    HASH_DELETE(hh, t->locks, lock);
    pthread_mutex_unlock(&t->mutex);
    free(lock);
}

enum lock_status lock_table_note_login(struct lock_table *t,
                                       struct span upstream, struct span name,
                                       uint64_t delay_ms, uint64_t now_ms)
{
    struct maildrop_lock *login;
    enum lock_status status;

    if (delay_ms == 0)
        return LOCK_TAKEN;
    login = make(upstream, name);
    if (login == NULL)
        return LOCK_ENOMEMORY;
    pthread_mutex_lock(&t->mutex);
    sweep(t, now_ms);
    status = note(t, login, delay_ms, now_ms);
    pthread_mutex_unlock(&t->mutex);
    if (status != LOCK_TAKEN)
        free(login);
    return status;
}

size_t lock_table_size(struct lock_table *t)
{
    size_t size;

    pthread_mutex_lock(&t->mutex);
    size = HASH_COUNT(t->locks) + HASH_COUNT(t->logins);
    pthread_mutex_unlock(&t->mutex);
    return size;
}
