#include "server/service.h"

#include <stdio.h>
#include <stdlib.h>

#include "server/log.h"

static void on_bad_ticket_keys(const char *problem)
{
    log_event(LOG_LEVEL_ERROR, "tls_ticket_keys_kept", problem);
}

static struct tls_context *listener_tls(const struct config_listener *listener,
                                        struct tls_tickets *tickets,
                                        char *error, size_t error_size)
{
    size_t count = listener->certificates.count;
    struct tls_pair *pairs = calloc(count, sizeof(*pairs));
    struct tls_server_wish wish = { pairs, count, listener->tls_min_version,
                                    tickets };
    struct tls_context *context;

    if (pairs == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++)
        pairs[i] = (struct tls_pair){ listener->certificates.at[i].text,
                                      listener->private_keys.at[i].text };
    context = tls_context_new_server(&wish, error, error_size);
    free(pairs);
    return context;
}

static bool set_up_listeners(struct service *s, const char *version,
                             char *error, size_t error_size)
{
    for (size_t i = 0; i < s->config->listener_count; i++) {
        struct service_listener *l = &s->listeners[i];

        l->config = &s->config->listeners[i];
        l->policy = config_policy(s->config, l->config, version);
        l->policy.readahead_budget = &s->readahead;
        if (l->config->tls == TLS_MODE_NONE)
            continue;
        l->tls = listener_tls(l->config, s->tickets, error, error_size);
        if (l->tls == NULL)
            return false;
    }
    return true;
}

static bool set_up_upstream(struct service *s, char *error, size_t error_size)
{
    const struct config_upstream *upstream = &s->config->upstream;

    if (asprintf(&s->upstream_name, "%s:%u", upstream->server_name,
                 upstream->address.port) < 0) {
        s->upstream_name = NULL;
        return false;
    }
    if (upstream->tls == TLS_MODE_NONE)
        return true;
    s->upstream_tls =
        tls_context_new_client(upstream->ca_file, error, error_size);
    return s->upstream_tls != NULL;
}

static bool set_up_parking(struct service *s)
{
    const struct parked_limits limits = {
        .count = s->config->parked_connections,
        .rest_ms = s->config->upstream_reuse_ms,
        .age_ms = s->config->upstream_login_age_ms,
    };

    if (limits.rest_ms == 0)
        return true;
    s->parked = parked_table_new(&limits, &s->upstreams);
    return s->parked != NULL;
}

struct service *service_new(const struct config *config, const char *version,
                            char *error, size_t error_size)
{
    struct service *s = calloc(1, sizeof(*s));

    snprintf(error, error_size, "no memory");
    if (s == NULL)
        return NULL;
    s->config = config;
    atomic_init(&s->next_session, 1);
    octet_budget_init(&s->readahead, config->readahead_total_octets);
    s->listeners = calloc(config->listener_count, sizeof(*s->listeners));
    s->locks = lock_table_new(config->login_delay_ms);
    s->snapshots = snapshot_cache_new(config->snapshot_cache_octets);
    if (s->listeners == NULL || s->locks == NULL || s->snapshots == NULL) {
        service_free(s);
        return NULL;
    }
    s->tickets = tls_tickets_new(config->tls_ticket_key_file,
                                 on_bad_ticket_keys, error, error_size);
    if (s->tickets == NULL ||
        !set_up_listeners(s, version, error, error_size) ||
        !set_up_parking(s) || !set_up_upstream(s, error, error_size)) {
        service_free(s);
        return NULL;
    }
    return s;
}

void service_free(struct service *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; s->listeners != NULL && i < s->config->listener_count;
         i++)
        tls_context_free(s->listeners[i].tls);
    parked_table_free(s->parked);
    tls_context_free(s->upstream_tls);
    tls_tickets_free(s->tickets);
    lock_table_free(s->locks);
    snapshot_cache_free(s->snapshots);
    free(s->upstream_name);
    free(s->listeners);
    free(s);
}
