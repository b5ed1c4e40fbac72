#include "server/upstream_srv.h"

#include <stdio.h>
#include <string.h>

#include "access/srv.h"

#define PROBLEM_MAX 512

static bool is_in(const char *host, const char *domain)
{
    struct span tail = span_from_string(host);
    size_t length = strlen(domain);

    if (tail.len > length) {
        if (host[tail.len - length - 1] != '.')
            return false;
        (void)span_take(&tail, tail.len - length);
    }
    return span_equals_nocase(tail, span_from_string(domain));
}

const char *upstream_srv_name(const struct config_upstream *upstream,
                              const char *host)
{
    const struct config_words *trusted = &upstream->srv_domains;

    if (upstream->server_name != NULL)
        return upstream->server_name;
    if (is_in(host, upstream->srv))
        return host;
    for (size_t i = 0; i < trusted->count; i++)
        if (is_in(host, trusted->at[i]))
            return host;
    return upstream->srv;
}

static bool add_all(struct upstream_servers *servers,
                    const struct config_upstream *upstream,
                    const struct srv_records *records)
{
    for (size_t i = 0; i < records->count; i++) {
        const struct srv_target *target = &records->at[i];
        const struct upstream_server server = {
            .host = (char *)(uintptr_t)target->host, /* copied */
            .port = target->port,
            .name =
                (char *)(uintptr_t)upstream_srv_name(upstream, target->host),
            .priority = target->priority,
            .weight = target->weight,
        };

        if (!upstream_servers_add(servers, &server))
            return false;
    }
    return true;
}

struct upstream_servers *upstream_servers_find(
    const struct config *config, const struct config_upstream *upstream,
    bool *may_pass, char *error, size_t error_size)
{
    struct srv_records imaps;
    struct srv_records imap = { .state = SRV_NONE };
    const struct srv_records *chosen;
    struct upstream_servers *servers;
    char problem[PROBLEM_MAX];
    enum tls_mode tls;

    *may_pass = false;
    if (upstream->srv == NULL)
        return upstream_servers_new(upstream);
    srv_ask("_imaps", upstream->srv, config->resolver, &imaps);
    if (imaps.state == SRV_NONE || imaps.state == SRV_ABSENT)
        srv_ask("_imap", upstream->srv, config->resolver, &imap);
    chosen = srv_choose(&imaps, &imap, upstream->srv, &tls, problem,
                        sizeof(problem));
    if (chosen == NULL) {
        *may_pass = imaps.state == SRV_FAILED || imap.state == SRV_FAILED;
        (void)snprintf(error, error_size, "%s: %s", upstream->srv, problem);
        return NULL;
    }
    servers = upstream_servers_new_empty(tls);
    if (servers == NULL || add_all(servers, upstream, chosen))
        return servers;
    upstream_servers_release(servers);
    return NULL;
}
