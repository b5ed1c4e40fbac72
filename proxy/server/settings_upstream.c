#include "server/settings_upstream.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* --- which server it is --- */

static bool is_same(const struct settings_upstream *u,
                    const struct settings_upstream *before)
{
    const struct config_upstream *a = u->config;
    const struct config_upstream *b = before->config;

    return config_address_equals(&a->address, &b->address) &&
           a->tls == b->tls &&
           config_same_text(a->server_name, b->server_name) &&
           config_same_text(a->ca_file, b->ca_file) &&
           file_stamp_equals(&u->authorities, &before->authorities);
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

static bool name(struct settings_upstream *u)
{
    const struct config_upstream *config = u->config;

    u->address = config_address_text(&config->address);
    return u->address != NULL &&
           print(&u->place, "%s:%u", config->server_name,
                 (unsigned)config->address.port) &&
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
    u->number = before != NULL && is_same(u, before)
                    ? before->number
                    : upstreams_new_number(all);
    if (!name(u))
        return false;
    if (config->tls == TLS_MODE_NONE)
        return true;
    u->tls = tls_context_new_client(config->ca_file, error, error_size);
    return u->tls != NULL;
}

void settings_upstream_fini(struct settings_upstream *u)
{
    tls_context_free(u->tls);
    free(u->address);
    free(u->place);
    free(u->key);
}
