#include "server/upstream_servers.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERVER_ASIDE_MIN_MS 5000
#define SERVER_ASIDE_MAX_MS (5 * 60 * 1000)

/* --- the list --- */

struct server_name upstream_server_name(const struct upstream_server *server)
{
    return (struct server_name){ server->name, server->port };
}

struct upstream_servers *upstream_servers_new_empty(enum tls_mode tls)
{
    struct upstream_servers *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return NULL;
    atomic_init(&s->holders, 1);
    (void)pthread_mutex_init(&s->mutex, NULL);
    s->tls = tls;
    return s;
}

bool upstream_servers_add(struct upstream_servers *s,
                          const struct upstream_server *server)
{
    const struct config_address address = { server->host, server->port };
    struct upstream_server *own;

    if (s->count == UPSTREAM_SERVERS_MAX)
        return false;
    own = &s->at[s->count++];
    *own = *server;
    own->host = strdup(server->host);
    own->name = strdup(server->name);
    own->text = config_address_text(&address);
    return own->host != NULL && own->name != NULL && own->text != NULL;
}

struct upstream_servers *upstream_servers_new(
    const struct config_upstream *config)
{
    struct upstream_servers *s = upstream_servers_new_empty(config->tls);

    for (size_t i = 0; s != NULL && i < config->addresses.count; i++) {
        const struct config_address *address = &config->addresses.at[i];
        const struct upstream_server server = {
            .host = address->host,
            .port = address->port,
            .name = config->server_name != NULL ? config->server_name
                                                : address->host,
            .weight = 1,
        };

        if (!upstream_servers_add(s, &server)) {
            upstream_servers_release(s);
            return NULL;
        }
    }
    return s;
}

void upstream_servers_hold(struct upstream_servers *s)
{
    atomic_fetch_add(&s->holders, 1);
}

void upstream_servers_release(struct upstream_servers *s)
{
    if (s == NULL || atomic_fetch_sub(&s->holders, 1) > 1)
        return;
    for (size_t i = 0; i < s->count; i++) {
        free(s->at[i].host);
        free(s->at[i].name);
        free(s->at[i].text);
    }
    (void)pthread_mutex_destroy(&s->mutex);
    free(s);
}

bool upstream_servers_equal(const struct upstream_servers *a,
                            const struct upstream_servers *b)
{
    if (a->count != b->count || a->tls != b->tls)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->at[i].text, b->at[i].text) != 0 ||
            strcmp(a->at[i].name, b->at[i].name) != 0 ||
            a->at[i].priority != b->at[i].priority ||
            a->at[i].weight != b->at[i].weight)
            return false;
    return true;
}

/* --- whose is which --- */

/* FNV-1a, 64 bits. */
static uint64_t hash_more(uint64_t hash, struct span octets)
{
    for (size_t i = 0; i < octets.len; i++) {
        hash ^= octets.data[i];
        hash *= UINT64_C(0x100000001b3);
    }
    return hash;
}

uint64_t upstream_servers_hash(struct span user)
{
    return hash_more(UINT64_C(0xcbf29ce484222325), user);
}

/* FNV's high bits hardly know the last octets: the finalizer of MurmurHash3. */
static uint64_t mix(uint64_t hash)
{
    hash ^= hash >> 33;
    hash *= UINT64_C(0xff51afd7ed558ccd);
    hash ^= hash >> 33;
    hash *= UINT64_C(0xc4ceb9fe1a85ec53);
    return hash ^ hash >> 33;
}

/* The greatest has the user: of servers with the weights w each has w / (sum of
 * w) of all users where the score is w / -ln(h), h even between 0 and 1. One of
 * weight 0 comes behind all others (RFC 2782: a very small chance).
 */
static double score(const struct upstream_server *server, uint64_t user)
{
    uint64_t hash = mix(hash_more(user, span_from_string(server->text)));
    double even = ((double)(hash >> 12) + 0.5) / 0x1p52;

    return (server->weight + 0x1p-20) / -log(even);
}

/* What they are compared by: the least comes first. */
struct place {
    uint64_t aside_until_ms; /* 0: it is not */
    uint16_t priority;
    double score;
};

static bool is_before(const struct place *a, const struct place *b)
{
    if (a->aside_until_ms != b->aside_until_ms)
        return a->aside_until_ms < b->aside_until_ms;
    if (a->priority != b->priority)
        return a->priority < b->priority;
    return a->score > b->score;
}

void upstream_servers_rank(struct upstream_servers *s, uint64_t hash,
                           uint64_t now_ms, uint8_t order[UPSTREAM_SERVERS_MAX])
{
    struct place places[UPSTREAM_SERVERS_MAX];

    (void)pthread_mutex_lock(&s->mutex);
    for (size_t i = 0; i < s->count; i++) {
        uint64_t until_ms = s->states[i].aside_until_ms;
        size_t at = i;

        places[i] = (struct place){ until_ms > now_ms ? until_ms : 0,
                                    s->at[i].priority, score(&s->at[i], hash) };
        for (; at > 0 && is_before(&places[i], &places[order[at - 1]]); at--)
            order[at] = order[at - 1];
        order[at] = (uint8_t)i;
    }
    (void)pthread_mutex_unlock(&s->mutex);
}

/* --- health --- */

/* With the mutex held. Those who set out before it was put aside, and fail now,
 * say nothing new.
 */
static bool put_aside(struct upstream_server_state *state, uint64_t now_ms)
{
    if (state->aside_until_ms > now_ms)
        return false;
    state->aside_ms *= 2;
    if (state->aside_ms < SERVER_ASIDE_MIN_MS)
        state->aside_ms = SERVER_ASIDE_MIN_MS;
    if (state->aside_ms > SERVER_ASIDE_MAX_MS)
        state->aside_ms = SERVER_ASIDE_MAX_MS;
    state->aside_until_ms = now_ms + state->aside_ms;
    return true;
}

bool upstream_servers_note(struct upstream_servers *s,
                           const struct upstream_server *server,
                           const char *failure, uint64_t now_ms)
{
    struct upstream_server_state *state = &s->states[server - s->at];
    bool changed;

    (void)pthread_mutex_lock(&s->mutex);
    if (failure != NULL) {
        state->failures++;
        (void)snprintf(state->failure, sizeof(state->failure), "%s", failure);
        changed = put_aside(state, now_ms);
    } else {
        state->successes++;
        changed = state->aside_until_ms > 0;
        state->aside_until_ms = 0;
        state->aside_ms = 0;
    }
    (void)pthread_mutex_unlock(&s->mutex);
    return changed;
}

void upstream_servers_note_certificate(struct upstream_servers *s,
                                       const struct upstream_server *server,
                                       int64_t end_s)
{
    (void)pthread_mutex_lock(&s->mutex);
    s->states[server - s->at].certificate_end_s = end_s;
    (void)pthread_mutex_unlock(&s->mutex);
}

bool upstream_servers_all_aside(struct upstream_servers *s, uint64_t now_ms)
{
    bool all = true;

    (void)pthread_mutex_lock(&s->mutex);
    for (size_t i = 0; i < s->count; i++)
        all = all && s->states[i].aside_until_ms > now_ms;
    (void)pthread_mutex_unlock(&s->mutex);
    return all;
}

struct upstream_server_view upstream_servers_view(struct upstream_servers *s,
                                                  size_t server,
                                                  uint64_t now_ms)
{
    const struct upstream_server_state *state = &s->states[server];
    struct upstream_server_view view = { .text = s->at[server].text };

    (void)pthread_mutex_lock(&s->mutex);
    view.successes = state->successes;
    view.failures = state->failures;
    if (state->aside_until_ms > now_ms)
        view.aside_ms = state->aside_until_ms - now_ms;
    memcpy(view.failure, state->failure, sizeof(view.failure));
    view.certificate_end_s = state->certificate_end_s;
    (void)pthread_mutex_unlock(&s->mutex);
    return view;
}
