#include "server/service.h"

#include <stdlib.h>

struct service *service_new(void)
{
    struct service *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return NULL;
    atomic_init(&s->next_session, 1);
    upstream_health_init(&s->health);
    octet_budget_init(&s->readahead, 0);
    s->locks = lock_table_new(0);
    s->snapshots = snapshot_cache_new(0);
    s->admission = admission_new();
    s->guard = login_guard_new();
    s->gate = upstream_gate_new();
    if (s->gate != NULL)
        s->parked =
            parked_table_new(&(struct parked_limits){ .count = 0 }, s->gate);
    if (s->locks != NULL && s->snapshots != NULL && s->parked != NULL &&
        s->admission != NULL && s->guard != NULL)
        return s;
    service_free(s);
    return NULL;
}

void service_limit(struct service *s, const struct config *config)
{
    const struct parked_limits parked = {
        .count = config->parked_connections,
        .rest_ms = config->upstream_reuse_ms,
        .age_ms = config->upstream_login_age_ms,
    };
    const struct upstream_gate_limits gate = {
        .connections = config->upstreams->max_connections,
        .logins_per_second = config->upstreams->logins_per_second,
        .burst = config->upstreams->login_burst,
        .queue_length = config->upstreams->queue_length,
        .queue_timeout_ms = config->upstreams->queue_timeout_ms,
    };

    octet_budget_set_max(&s->readahead, config->readahead_total_octets);
    lock_table_set_delay(s->locks, config->upstreams->policy->login_delay_ms);
    snapshot_cache_set_budget(s->snapshots, config->snapshot_cache_octets);
    parked_set_limits(s->parked, &parked);
    upstream_gate_set_limits(s->gate, &gate);
}

void service_forget_upstream(struct service *s, unsigned upstream)
{
    parked_clear(s->parked);
    upstream_health_forget(&s->health, upstream);
}

void service_free(struct service *s)
{
    if (s == NULL)
        return;
    parked_table_free(s->parked);
    upstream_gate_free(s->gate);
    login_guard_free(s->guard);
    admission_free(s->admission);
    lock_table_free(s->locks);
    snapshot_cache_free(s->snapshots);
    listener_names_fini(&s->listener_names);
    upstream_health_fini(&s->health);
    free(s);
}
