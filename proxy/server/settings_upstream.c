#include "server/settings_upstream.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/log.h"
#include "server/upstream_srv.h"

/* --- which server it is --- */

static void log_kept(const struct config_upstream *config, const char *problem)
{
    struct log_record r;

    log_begin(&r, LOG_LEVEL_WARNING, "srv_kept");
    log_record_add_string(&r, "upstream", config->name);
    log_record_add_string(&r, "text", problem);
    log_write(&r);
}

/* CONFORMANCE SRV-3: what was found holds until the configuration is read anew,
 * and on where it is not found then.
 */
static struct upstream_servers *find_servers(
    const struct settings *settings, const struct config_upstream *own,
    const struct settings_upstream *before, char *error, size_t error_size)
{
    struct upstream_servers *servers = NULL;

    if (own->srv == NULL || before == NULL || before->config != own)
        servers = upstream_servers_find(
            settings->config, own, &settings->source->upstreams->unanswered,
            error, error_size);
    if (servers != NULL || before == NULL || own->srv == NULL ||
        !config_same_text(own->srv, before->config->srv))
        return servers;
    if (before->config != own)
        log_kept(own, error);
    upstream_servers_hold(before->servers);
    return before->servers;
}

/* Where it is, how it is spoken to, and who is trusted to be it. */
static bool is_same(const struct settings_upstream *u,
                    const struct settings_upstream *before)
{
    return upstream_servers_equal(u->servers, before->servers) &&
           config_same_text(u->config->ca_file, before->config->ca_file) &&
           file_stamp_equals(&u->authorities, &before->authorities);
}

/* What is known of the servers is kept where they are the same. */
static void identify(struct settings_upstream *u, struct upstreams *all,
                     const struct settings_upstream *before)
{
    if (before == NULL || !is_same(u, before)) {
        u->number = upstreams_new_number(all);
        return;
    }
    u->number = before->number;
    upstream_servers_release(u->servers);
    u->servers = before->servers;
    upstream_servers_hold(u->servers);
}

static bool print(char **text, const char *format, ...) PRINTF_LIKE(2, 3);

static bool print(char **text, const char *format, ...)
{
    va_list args;
    int length;

    va_start(args, format);
    length = vasprintf(text, format, args);
    va_end(args);
    if (length < 0)
        *text = NULL;
    return length >= 0;
}

/* All of them, with commas between. */
static char *write_address(const struct upstream_servers *servers)
{
    char *text = strdup(servers->at[0].text);

    for (size_t i = 1; text != NULL && i < servers->count; i++) {
        char *before = text;

        (void)print(&text, "%s,%s", before, servers->at[i].text);
        free(before);
    }
    return text;
}

static bool name(struct settings_upstream *u)
{
    const struct upstream_server *first = &u->servers->at[0];

    u->address = write_address(u->servers);
    return u->address != NULL &&
           print(&u->place, "%s:%u", first->name, (unsigned)first->port) &&
           print(&u->key, "%s#%u", u->place, u->number);
}

/* --- */

bool settings_upstream_init(struct settings_upstream *u,
                            const struct settings *settings,
                            const struct config_upstream *config,
                            const struct settings_upstream *before, char *error,
                            size_t error_size)
{
    struct upstreams *all = settings->source->upstreams;

    u->config = config;
    u->policy = config_upstream_policy(settings->config, config,
                                       settings->source->version);
    u->lasting = upstreams_take(all, config->name);
    if (u->lasting == NULL) {
        (void)snprintf(error, error_size,
                       "[upstream %s]: no place for another name; a restart "
                       "forgets those that are not used any more",
                       config->name);
        return false;
    }
    if (config->ca_file != NULL)
        u->authorities = file_stamp_of(config->ca_file);
    u->servers = find_servers(settings, config, before, error, error_size);
    if (u->servers == NULL)
        return false;
    u->policy.tls = u->servers->tls;
    u->policy.index = u->lasting->index;
    identify(u, all, before);
    if (!name(u))
        return false;
    if (u->servers->tls == TLS_MODE_NONE)
        return true;
    u->tls = tls_context_new_client(config->ca_file, error, error_size);
    return u->tls != NULL;
}

void settings_upstream_fini(struct settings_upstream *u)
{
    tls_context_free(u->tls);
    upstream_servers_release(u->servers);
    free(u->address);
    free(u->place);
    free(u->key);
}

/* --- elsewhere --- */

static struct upstream_servers *only_server(
    const struct settings_upstream *of, const struct config_address *address)
{
    const struct upstream_server server = { .host = address->host,
                                            .port = address->port,
                                            .name = of->servers->at[0].name };
    struct upstream_servers *servers =
        upstream_servers_new_empty(of->servers->tls);

    if (servers != NULL && upstream_servers_add(servers, &server))
        return servers;
    upstream_servers_release(servers);
    return NULL;
}

struct settings_upstream *settings_upstream_elsewhere(
    const struct settings_upstream *of, const struct config_address *address)
{
    struct settings_upstream *u = calloc(1, sizeof(*u));

    if (u == NULL)
        return NULL;
    *u = *of;
    u->is_unlisted = true;
    u->next = NULL;
    u->place = NULL;
    u->key = NULL;
    u->address = config_address_text(address);
    u->servers = only_server(of, address);
    if (u->address != NULL && u->servers != NULL &&
        print(&u->place, "%s@%s", u->servers->at[0].name, u->address) &&
        print(&u->key, "%s#%u", u->place, u->number))
        return u;
    settings_upstream_elsewhere_free(u);
    return NULL;
}

void settings_upstream_elsewhere_free(struct settings_upstream *u)
{
    if (u == NULL)
        return;
    u->tls = NULL; /* of the other one */
    settings_upstream_fini(u);
    free(u);
}
