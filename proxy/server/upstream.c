#include "server/upstream.h"

#include <stdlib.h>
#include <string.h>

static void release(struct upstream *u)
{
    if (u == NULL)
        return;
    upstream_gate_free(u->gate);
    upstream_health_fini(&u->health);
    free(u->name);
    free(u);
}

static struct upstream *make(const char *name, unsigned index)
{
    struct upstream *u = calloc(1, sizeof(*u));

    if (u == NULL)
        return NULL;
    upstream_health_init(&u->health);
    u->index = index;
    u->name = strdup(name);
    u->gate = upstream_gate_new();
    if (u->name != NULL && u->gate != NULL)
        return u;
    release(u);
    return NULL;
}

void upstream_count(struct upstream *u, enum upstream_count what, uint64_t n)
{
    if (n > 0)
        atomic_fetch_add_explicit(&u->counts[what], n, memory_order_relaxed);
}

void upstream_count_login_failure(struct upstream *u, enum fault fault)
{
    upstream_count(u, UPSTREAM_LOGINS_FAILED, 1);
    atomic_fetch_add_explicit(&u->login_failures[fault], 1,
                              memory_order_relaxed);
}

void upstreams_fini(struct upstreams *all)
{
    for (unsigned i = 0; i < all->count; i++)
        release(all->at[i]);
    all->count = 0;
}

struct upstream *upstreams_take(struct upstreams *all, const char *name)
{
    struct upstream *u;

    for (unsigned i = 0; i < all->count; i++)
        if (strcmp(all->at[i]->name, name) == 0)
            return all->at[i];
    u = all->count < UPSTREAM_NAMES_MAX ? make(name, all->count) : NULL;
    if (u != NULL)
        all->at[all->count++] = u;
    return u;
}

unsigned upstreams_new_number(struct upstreams *all)
{
    return ++all->last_number;
}
