#include "server/login_guard.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/limits.h"

/* uthash would end the process where it finds no memory. */
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(entry) ((entry)->refused = true)
#include <uthash.h>

/* Entries that one call looks at to drop them: more than it can add, so the
 * table shrinks again after a rush.
 */
#define SWEEPS_A_CALL (LOGIN_KEY_COUNT + 1)

struct entry {
    UT_hash_handle hh;
    bool refused;       /* set by uthash: not in the table */
    struct entry *next; /* utlist */
    struct entry *prev;
    enum login_key kind;
    unsigned char key[KEYED_DIGEST_SIZE];
    uint32_t pending;
    uint32_t before; /* wrong passwords in the window before */
    uint32_t now;    /* and in the one that began at began_ms */
    uint64_t began_ms;
    uint64_t window_ms;
    uint64_t blocked_ms; /* until then; 0: it is not */
    uint64_t pause_ms;   /* likewise */
};

struct login_guard {
    struct keyed_digest *digest;
    pthread_mutex_t mutex;
    struct entry *entries; /* uthash's head */
    struct entry *used;    /* all of them; not used for longest first */
};

struct login_guard *login_guard_new(void)
{
    struct login_guard *g = calloc(1, sizeof(*g));

    if (g == NULL)
        return NULL;
    g->digest = keyed_digest_new();
    if (g->digest != NULL && pthread_mutex_init(&g->mutex, NULL) == 0)
        return g;
    keyed_digest_free(g->digest);
    free(g);
    return NULL;
}

static void drop(struct login_guard *g, struct entry *e)
{
    HASH_DEL(g->entries, e);
    DL_DELETE(g->used, e);
    free(e);
}

void login_guard_free(struct login_guard *g)
{
    struct entry *e;
    struct entry *next;

    if (g == NULL)
        return;
    DL_FOREACH_SAFE (g->used, e, next)
        drop(g, e);
    pthread_mutex_destroy(&g->mutex);
    keyed_digest_free(g->digest);
    free(g);
}

/* --- whose --- */

bool login_attempt_make(const struct login_guard *g, struct span upstream,
                        struct span user, const struct network_key *client,
                        bool exempt, struct login_attempt *attempt)
{
    const struct span from = span_make(client->octets, sizeof(client->octets));
    const struct span login[] = { upstream, user, from };

    *attempt = (struct login_attempt){ .is_exempt = exempt };
    attempt->is_made =
        keyed_digest_make(g->digest, &from, 1,
                          attempt->keys[LOGIN_KEY_CLIENT]) &&
        keyed_digest_make(g->digest, login, 3,
                          attempt->keys[LOGIN_KEY_LOGIN]) &&
        keyed_digest_make(g->digest, login, 2, attempt->keys[LOGIN_KEY_USER]);
    return attempt->is_made;
}

/* --- the window --- */

/* So that |now_ms| lies in the window that is counted. */
static void roll(struct entry *e, uint64_t window_ms, uint64_t now_ms)
{
    uint64_t passed_ms = now_ms > e->began_ms ? now_ms - e->began_ms : 0;

    e->window_ms = window_ms;
    if (passed_ms < window_ms)
        return;
    e->before = passed_ms < 2 * window_ms ? e->now : 0;
    e->now = 0;
    e->began_ms = now_ms - passed_ms % window_ms;
}

/* What is left of the window before is rounded up. */
static uint64_t failures(struct entry *e, uint64_t window_ms, uint64_t now_ms)
{
    uint64_t passed_ms;

    roll(e, window_ms, now_ms);
    passed_ms = now_ms > e->began_ms ? now_ms - e->began_ms : 0;
    return e->now +
           (e->before * (window_ms - passed_ms) + window_ms - 1) / window_ms;
}

static void forgive(struct entry *e)
{
    e->before = 0;
    e->now = 0;
}

/* --- entries, with the mutex held --- */

static bool is_idle(const struct entry *e, uint64_t now_ms)
{
    return e->pending == 0 && e->blocked_ms <= now_ms &&
           e->pause_ms <= now_ms &&
           ((e->now == 0 && e->before == 0) ||
            now_ms >= e->began_ms + 2 * e->window_ms);
}

static void sweep(struct login_guard *g, uint64_t now_ms)
{
    for (int i = 0; i < SWEEPS_A_CALL && g->used != NULL; i++) {
        if (!is_idle(g->used, now_ms))
            return;
        drop(g, g->used);
    }
}

/* What is found is in use. */
static struct entry *find(struct login_guard *g,
                          const struct login_attempt *attempt,
                          enum login_key kind)
{
    struct entry *e = NULL;

    HASH_FIND(hh, g->entries, attempt->keys[kind], KEYED_DIGEST_SIZE, e);
    if (e == NULL)
        return NULL;
    DL_DELETE(g->used, e);
    DL_APPEND(g->used, e);
    return e;
}

/* False: the table is full of logins under way. */
static bool make_room(struct login_guard *g)
{
    struct entry *e;

    if (HASH_COUNT(g->entries) < LOGIN_GUARD_ENTRIES_MAX)
        return true;
    DL_FOREACH (g->used, e) {
        if (e->pending > 0)
            continue;
        drop(g, e);
        return true;
    }
    return false;
}

/* NULL: there is no memory, or no room. */
static struct entry *need(struct login_guard *g,
                          const struct login_attempt *attempt,
                          enum login_key kind, uint64_t now_ms)
{
    struct entry *e = find(g, attempt, kind);

    if (e != NULL)
        return e;
    e = make_room(g) ? calloc(1, sizeof(*e)) : NULL;
    if (e == NULL)
        return NULL;
    e->kind = kind;
    e->began_ms = now_ms;
    memcpy(e->key, attempt->keys[kind], KEYED_DIGEST_SIZE);
    HASH_ADD(hh, g->entries, key, KEYED_DIGEST_SIZE, e);
    if (e->refused) {
        free(e);
        return NULL;
    }
    DL_APPEND(g->used, e);
    return e;
}

static void drop_if_idle(struct login_guard *g, struct entry *e,
                         uint64_t now_ms)
{
    if (e != NULL && is_idle(e, now_ms))
        drop(g, e);
}

/* --- judging --- */

static bool is_counted(const struct login_limits *limits,
                       const struct login_attempt *attempt, enum login_key kind)
{
    if (kind == LOGIN_KEY_USER)
        return limits->block_user_everywhere;
    return !attempt->is_exempt;
}

static uint32_t most(const struct login_limits *limits, enum login_key kind)
{
    return kind == LOGIN_KEY_CLIENT ? limits->client_failures
                                    : limits->failures;
}

static enum login_verdict judge(struct login_guard *g,
                                const struct login_limits *limits,
                                const struct login_attempt *attempt,
                                uint64_t now_ms)
{
    for (enum login_key kind = 0; kind < LOGIN_KEY_COUNT; kind++) {
        struct entry *e = find(g, attempt, kind);
        bool counted = is_counted(limits, attempt, kind);
        uint32_t threshold = most(limits, kind);

        if (e == NULL || !counted || threshold == 0)
            continue;
        if (e->blocked_ms > now_ms)
            return LOGIN_BLOCKED;
        if (kind == LOGIN_KEY_LOGIN &&
            failures(e, limits->window_ms, now_ms) + e->pending >= threshold)
            return LOGIN_BLOCKED;
    }
    return LOGIN_ADMITTED;
}

/* Nobody knows whether an abandoned one was wrong: no user pays for it. */
static bool is_failure(enum login_result result, enum login_key kind)
{
    return result == LOGIN_WRONG ||
           (result == LOGIN_ABANDONED && kind == LOGIN_KEY_CLIENT);
}

/* True: it is refused from now on, and was not before. */
static bool count_failure(struct login_guard *g,
                          const struct login_limits *limits,
                          const struct login_attempt *attempt,
                          enum login_key kind, uint64_t now_ms)
{
    uint32_t threshold = most(limits, kind);
    struct entry *e;

    if (threshold == 0 || !is_counted(limits, attempt, kind))
        return false;
    e = need(g, attempt, kind, now_ms);
    if (e == NULL)
        return false;
    roll(e, limits->window_ms, now_ms);
    e->now++;
    if (failures(e, limits->window_ms, now_ms) < threshold)
        return false;
    forgive(e); /* the block stands for them */
    if (e->blocked_ms > now_ms)
        return false;
    e->blocked_ms = now_ms + limits->block_ms;
    return true;
}

/* A right password does not excuse the client's other tries: whoever has one
 * account would have as many as he likes.
 */
static void excuse(struct login_guard *g, const struct login_attempt *attempt,
                   uint64_t now_ms)
{
    for (enum login_key kind = LOGIN_KEY_LOGIN; kind < LOGIN_KEY_COUNT;
         kind++) {
        struct entry *e = find(g, attempt, kind);

        if (e == NULL)
            continue;
        forgive(e);
        drop_if_idle(g, e, now_ms);
    }
}

static void settle_pending(struct login_guard *g, struct login_attempt *attempt,
                           uint64_t now_ms)
{
    struct entry *e = find(g, attempt, LOGIN_KEY_LOGIN);

    attempt->is_pending = false;
    assert(e != NULL && e->pending > 0);
    e->pending--;
    drop_if_idle(g, e, now_ms);
}

/* --- */

enum login_verdict login_guard_begin(struct login_guard *g,
                                     const struct login_limits *limits,
                                     struct login_attempt *attempt,
                                     uint64_t now_ms)
{
    enum login_verdict verdict;
    struct entry *e;

    assert(attempt->is_made && !attempt->is_pending);
    pthread_mutex_lock(&g->mutex);
    sweep(g, now_ms);
    verdict = judge(g, limits, attempt, now_ms);
    if (verdict == LOGIN_ADMITTED) {
        e = need(g, attempt, LOGIN_KEY_LOGIN, now_ms);
        attempt->is_pending = e != NULL;
        if (e != NULL)
            e->pending++;
    }
    pthread_mutex_unlock(&g->mutex);
    return verdict;
}

void login_guard_end(struct login_guard *g, const struct login_limits *limits,
                     struct login_attempt *attempt, enum login_result result,
                     uint64_t now_ms, bool blocked[LOGIN_KEY_COUNT])
{
    memset(blocked, 0, LOGIN_KEY_COUNT * sizeof(blocked[0]));
    if (!attempt->is_pending)
        return;
    pthread_mutex_lock(&g->mutex);
    for (enum login_key kind = 0; kind < LOGIN_KEY_COUNT; kind++)
        blocked[kind] = is_failure(result, kind) &&
                        count_failure(g, limits, attempt, kind, now_ms);
    settle_pending(g, attempt, now_ms);
    if (result == LOGIN_RIGHT)
        excuse(g, attempt, now_ms);
    pthread_mutex_unlock(&g->mutex);
}

void login_guard_back_off(struct login_guard *g,
                          const struct login_attempt *attempt, bool proven,
                          uint64_t pause_ms, uint64_t now_ms)
{
    struct entry *e;

    if (!attempt->is_made)
        return;
    pthread_mutex_lock(&g->mutex);
    e = need(g, attempt, proven ? LOGIN_KEY_USER : LOGIN_KEY_LOGIN, now_ms);
    if (e != NULL && e->pause_ms < now_ms + pause_ms)
        e->pause_ms = now_ms + pause_ms;
    pthread_mutex_unlock(&g->mutex);
}

bool login_guard_is_backing_off(struct login_guard *g,
                                const struct login_attempt *attempt,
                                uint64_t now_ms)
{
    bool found = false;

    if (!attempt->is_made)
        return false;
    pthread_mutex_lock(&g->mutex);
    for (enum login_key kind = 0; kind < LOGIN_KEY_COUNT; kind++) {
        const struct entry *e = find(g, attempt, kind);

        found |= e != NULL && e->pause_ms > now_ms;
    }
    pthread_mutex_unlock(&g->mutex);
    return found;
}

struct login_guard_figures login_guard_figures(struct login_guard *g,
                                               uint64_t now_ms)
{
    struct login_guard_figures figures = { 0 };
    struct entry *e;

    pthread_mutex_lock(&g->mutex);
    figures.entries = HASH_COUNT(g->entries);
    DL_FOREACH (g->used, e) {
        figures.blocked[e->kind] += e->blocked_ms > now_ms;
        figures.backing_off += e->pause_ms > now_ms;
    }
    pthread_mutex_unlock(&g->mutex);
    return figures;
}
