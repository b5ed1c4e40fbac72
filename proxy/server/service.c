#include "server/service.h"

#include <stdlib.h>

struct service *service_new(void)
{
    struct service *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return NULL;
    atomic_init(&s->next_session, 1);
    octet_budget_init(&s->readahead, 0);
    s->locks = lock_table_new();
    s->snapshots = snapshot_cache_new(0);
    s->admission = admission_new();
    s->guard = login_guard_new();
    s->decoys = keyed_digest_new();
    s->parked = parked_table_new(&(struct parked_limits){ .count = 0 });
    if (s->locks != NULL && s->snapshots != NULL && s->parked != NULL &&
        s->admission != NULL && s->guard != NULL && s->decoys != NULL)
        return s;
    service_free(s);
    return NULL;
}

static void limit_upstream(const struct config_upstream *config,
                           struct upstream *upstream)
{
    const struct upstream_gate_limits limits = {
        .connections = config->max_connections,
        .logins_per_second = config->logins_per_second,
        .burst = config->login_burst,
        .queue_length = config->queue_length,
        .queue_timeout_ms = config->queue_timeout_ms,
    };

    upstream_gate_set_limits(upstream->gate, &limits);
}

/* Also what has gone and come back is another one. */
static void change_upstreams(struct service *s, const struct settings *now,
                             const struct settings *before)
{
    for (size_t i = 0; before != NULL && i < before->upstream_count; i++) {
        const struct settings_upstream *was = &before->upstreams[i];
        const struct settings_upstream *is =
            settings_find_upstream(now, was->config->name);

        if (is == NULL || is->number != was->number)
            parked_clear(s->parked, was->lasting->gate);
    }
    for (size_t i = 0; i < now->upstream_count; i++) {
        const struct settings_upstream *u = &now->upstreams[i];

        limit_upstream(u->config, u->lasting);
        upstream_health_turn_to(&u->lasting->health, u->number);
    }
}

void service_adopt(struct service *s, const struct settings *now,
                   const struct settings *before)
{
    const struct config *config = now->config;
    const struct parked_limits parked = {
        .count = config->parked_connections,
        .rest_ms = config->upstream_reuse_ms,
        .age_ms = config->upstream_login_age_ms,
    };

    octet_budget_set_max(&s->readahead, config->readahead_total_octets);
    snapshot_cache_set_budget(s->snapshots, config->snapshot_cache_octets);
    parked_set_limits(s->parked, &parked);
    change_upstreams(s, now, before);
}

void service_free(struct service *s)
{
    if (s == NULL)
        return;
    parked_table_free(s->parked);
    upstreams_fini(&s->upstreams);
    login_guard_free(s->guard);
    keyed_digest_free(s->decoys);
    admission_free(s->admission);
    lock_table_free(s->locks);
    snapshot_cache_free(s->snapshots);
    listener_names_fini(&s->listener_names);
    free(s);
}
