#include "server/settings.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/log.h"

#define PROBLEM_MAX 1024

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

static bool set_up_listeners(struct settings *s,
                             const struct settings_source *source, char *error,
                             size_t error_size)
{
    s->listeners = calloc(s->config->listener_count, sizeof(*s->listeners));
    if (s->listeners == NULL)
        return false;
    for (size_t i = 0; i < s->config->listener_count; i++) {
        struct settings_listener *l = &s->listeners[i];

        l->settings = s;
        l->config = &s->config->listeners[i];
        l->policy = config_policy(s->config, l->config, source->version);
        l->policy.readahead_budget = source->readahead;
        l->number =
            listener_names_take(source->listener_names, l->config->name);
        if (l->config->tls == TLS_MODE_NONE)
            continue;
        l->tls = listener_tls(l->config, s->tickets, error, error_size);
        if (l->tls == NULL)
            return false;
    }
    return true;
}

static bool set_up_upstream(struct settings *s, char *error, size_t error_size)
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

/* Takes |config| in any case. */
static struct settings *make(struct config *config,
                             const struct settings_source *source, char *error,
                             size_t error_size)
{
    struct settings *s = calloc(1, sizeof(*s));
    char problem[PROBLEM_MAX] = "no memory";

    if (s == NULL) {
        (void)snprintf(error, error_size, "%s", problem);
        config_free(config);
        return NULL;
    }
    atomic_init(&s->holders, 1);
    s->config = config;
    s->tickets = tls_tickets_new(config->tls_ticket_key_file,
                                 on_bad_ticket_keys, problem, sizeof(problem));
    if (s->tickets != NULL &&
        set_up_listeners(s, source, problem, sizeof(problem)) &&
        set_up_upstream(s, problem, sizeof(problem)))
        return s;
    config_locate(config, source->path, problem, error, error_size);
    settings_release(s);
    return NULL;
}

struct settings *settings_read(const struct settings_source *source,
                               char *error, size_t error_size)
{
    struct config *config = config_load(source->path, error, error_size);

    return config != NULL ? make(config, source, error, error_size) : NULL;
}

void settings_hold(struct settings *s)
{
    atomic_fetch_add(&s->holders, 1);
}

void settings_release(struct settings *s)
{
    unsigned before = s != NULL ? atomic_fetch_sub(&s->holders, 1) : 0;

    assert(s == NULL || before > 0);
    if (before != 1)
        return;
    for (size_t i = 0; s->listeners != NULL && i < s->config->listener_count;
         i++)
        tls_context_free(s->listeners[i].tls);
    tls_context_free(s->upstream_tls);
    tls_tickets_free(s->tickets);
    free(s->upstream_name);
    free(s->listeners);
    config_free(s->config);
    free(s);
}
