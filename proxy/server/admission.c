#include "server/admission.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

/* uthash would end the process where it finds no memory. */
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(count) ((count)->refused = true)
#include <uthash.h>

struct admission_count {
    UT_hash_handle hh;
    bool refused; /* set by uthash: not in the table */
    uint32_t sessions;
    size_t key_size;
    unsigned char key[]; /* kind, name of a listener or octets of a network */
};

struct admission {
    pthread_mutex_t mutex;
    struct admission_count *counts; /* uthash's head */
    uint32_t sessions;
};

struct admission *admission_new(void)
{
    struct admission *a = calloc(1, sizeof(*a));

    if (a == NULL)
        return NULL;
    if (pthread_mutex_init(&a->mutex, NULL) != 0) {
        free(a);
        return NULL;
    }
    return a;
}

void admission_free(struct admission *a)
{
    if (a == NULL)
        return;
    assert(a->sessions == 0 && a->counts == NULL);
    pthread_mutex_destroy(&a->mutex);
    free(a);
}

/* --- counts, with the mutex held --- */

static struct admission_count *make(char kind, const void *name, size_t size)
{
    struct admission_count *count = calloc(1, sizeof(*count) + 1 + size);

    if (count == NULL)
        return NULL;
    count->key_size = 1 + size;
    count->key[0] = (unsigned char)kind;
    memcpy(count->key + 1, name, size);
    return count;
}

/* One more of them; NULL: no memory. */
static struct admission_count *join(struct admission *a, char kind,
                                    const void *name, size_t size)
{
    struct admission_count *wanted = make(kind, name, size);
    struct admission_count *count = NULL;

    if (wanted == NULL)
        return NULL;
    HASH_FIND(hh, a->counts, wanted->key, wanted->key_size, count);
    if (count == NULL) {
        HASH_ADD(hh, a->counts, key[0], wanted->key_size, wanted);
        if (!wanted->refused)
            count = wanted;
    }
    if (count != wanted)
        free(wanted);
    if (count != NULL)
        count->sessions++;
    return count;
}

static void part(struct admission *a, struct admission_count *count)
{
    if (count == NULL)
        return;
    assert(count->sessions > 0);
    if (--count->sessions > 0)
        return;
    HASH_DEL(a->counts, count);
    free(count);
}

static void give_back(struct admission *a, struct admission_ticket *ticket)
{
    part(a, ticket->listener);
    part(a, ticket->client);
    ticket->listener = NULL;
    ticket->client = NULL;
    a->sessions--;
}

/* --- judging --- */

static void judge_one(struct admission_ticket *ticket, uint32_t now,
                      uint32_t most, enum admission_limit limit)
{
    enum admission_verdict verdict = ADMISSION_WELCOME;

    if (most == 0 || now <= most)
        return;
    verdict = now > SESSIONS_HARD_FACTOR * (uint64_t)most
                  ? ADMISSION_CLOSED
                  : ADMISSION_OVERLOADED;
    if (verdict <= ticket->verdict)
        return;
    ticket->verdict = verdict;
    ticket->limit = limit;
}

/* The narrowest limit is named where several are reached. */
static void judge(const struct admission *a,
                  const struct admission_limits *limits,
                  struct admission_ticket *ticket)
{
    if (ticket->client != NULL)
        judge_one(ticket, ticket->client->sessions, limits->client,
                  ADMISSION_LIMIT_CLIENT);
    judge_one(ticket, ticket->listener->sessions, limits->listener,
              ADMISSION_LIMIT_LISTENER);
    judge_one(ticket, a->sessions, limits->sessions, ADMISSION_LIMIT_SESSIONS);
}

static void enter(struct admission *a, const struct admission_limits *limits,
                  const char *listener, const struct network_key *client,
                  struct admission_ticket *ticket)
{
    a->sessions++;
    ticket->listener = join(a, 'l', listener, strlen(listener));
    if (client != NULL)
        ticket->client = join(a, 'c', client->octets, sizeof(client->octets));
    if (ticket->listener == NULL || (client != NULL && ticket->client == NULL))
        ticket->verdict = ADMISSION_CLOSED;
    else
        judge(a, limits, ticket);
    if (ticket->verdict == ADMISSION_CLOSED)
        give_back(a, ticket);
}

void admission_enter(struct admission *a, const struct admission_limits *limits,
                     const char *listener, const struct network_key *client,
                     struct admission_ticket *ticket)
{
    *ticket = (struct admission_ticket){ .verdict = ADMISSION_WELCOME };
    pthread_mutex_lock(&a->mutex);
    enter(a, limits, listener, client, ticket);
    pthread_mutex_unlock(&a->mutex);
}

void admission_leave(struct admission *a, struct admission_ticket *ticket)
{
    if (ticket->listener == NULL)
        return;
    pthread_mutex_lock(&a->mutex);
    give_back(a, ticket);
    pthread_mutex_unlock(&a->mutex);
}

uint32_t admission_sessions(struct admission *a)
{
    uint32_t sessions;

    pthread_mutex_lock(&a->mutex);
    sessions = a->sessions;
    pthread_mutex_unlock(&a->mutex);
    return sessions;
}
