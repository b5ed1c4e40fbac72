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

/* --- the files --- */

/* The |i|th of them; NULL behind the last one. */
static const char *file_at(const struct settings *s, size_t i)
{
    for (size_t l = 0; l < s->config->listener_count; l++) {
        const struct config_listener *listener = &s->config->listeners[l];
        size_t count = listener->certificates.count;

        if (i < count)
            return listener->certificates.at[i].text;
        if (i < 2 * count)
            return listener->private_keys.at[i - count].text;
        i -= 2 * count;
    }
    return i == 0 ? s->config->upstreams->ca_file : NULL;
}

/* Before they are read: what changes meanwhile is then seen to have. */
static bool note_files(struct settings *s)
{
    size_t count = 0;

    while (file_at(s, count) != NULL)
        count++;
    s->stamps = calloc(count + 1, sizeof(*s->stamps));
    for (size_t i = 0; s->stamps != NULL && i < count; i++)
        s->stamps[i] = file_stamp_of(file_at(s, i));
    return s->stamps != NULL;
}

bool settings_are_stale(const struct settings *s)
{
    for (size_t i = 0; file_at(s, i) != NULL; i++) {
        struct file_stamp now = file_stamp_of(file_at(s, i));

        if (!file_stamp_equals(&now, &s->stamps[i]))
            return true;
    }
    return false;
}

/* --- listeners --- */

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

/* No connection before there is a login for it where logins are counted, or
 * whoever only says USER would use them up.
 */
static const struct upstream_policy *early_upstream(const struct settings *s)
{
    const struct config_upstream *upstream = s->config->upstreams;

    return upstream->logins_per_second == 0 && upstream->max_connections == 0
               ? &s->upstream_policy
               : NULL;
}

static bool set_up_listeners(struct settings *s, char *error, size_t error_size)
{
    s->listeners = calloc(s->config->listener_count, sizeof(*s->listeners));
    if (s->listeners == NULL)
        return false;
    for (size_t i = 0; i < s->config->listener_count; i++) {
        struct settings_listener *l = &s->listeners[i];

        l->settings = s;
        l->config = &s->config->listeners[i];
        l->policy = config_policy(s->config, l->config);
        l->policy.early_upstream = early_upstream(s);
        l->policy.readahead_budget = s->source->readahead;
        l->policy_in_clear = l->policy;
        l->policy_in_clear.allow_plaintext_login = true;
        l->number =
            listener_names_take(s->source->listener_names, l->config->name);
        if (l->config->tls == TLS_MODE_NONE)
            continue;
        l->tls = listener_tls(l->config, s->tickets, error, error_size);
        if (l->tls == NULL)
            return false;
    }
    return true;
}

/* Random keys live on; those of a file are read, and judged, anew. */
static bool set_up_tickets(struct settings *s, const struct settings *before,
                           char *error, size_t error_size)
{
    const char *file = s->config->tls_ticket_key_file;

    if (file == NULL && before != NULL &&
        before->config->tls_ticket_key_file == NULL) {
        s->tickets = before->tickets;
        tls_tickets_hold(s->tickets);
        return true;
    }
    s->tickets = tls_tickets_new(file, on_bad_ticket_keys, error, error_size);
    return s->tickets != NULL;
}

/* --- mailboxes --- */

static bool set_up_policies(struct settings *s)
{
    size_t count = s->config->policy_count;

    s->mailbox_policies = calloc(count, sizeof(*s->mailbox_policies));
    for (size_t i = 0; s->mailbox_policies != NULL && i < count; i++)
        s->mailbox_policies[i] = config_mailbox_policy(&s->config->policies[i]);
    return s->mailbox_policies != NULL;
}

const struct mailbox_policy *settings_mailbox_policy(
    const struct settings *s, const struct config_policy *policy)
{
    return &s->mailbox_policies[policy - s->config->policies];
}

/* --- the upstream --- */

static struct file_stamp authorities(const struct settings *s)
{
    size_t i = 0;

    while (file_at(s, i) != s->config->upstreams->ca_file)
        i++;
    return s->stamps[i];
}

static bool same_upstream(const struct settings *s,
                          const struct settings *before)
{
    const struct config_upstream *a = s->config->upstreams;
    const struct config_upstream *b = before->config->upstreams;
    struct file_stamp ours = authorities(s);
    struct file_stamp theirs = authorities(before);

    return config_same_text(a->address.host, b->address.host) &&
           a->address.port == b->address.port && a->tls == b->tls &&
           config_same_text(a->server_name, b->server_name) &&
           config_same_text(a->ca_file, b->ca_file) &&
           file_stamp_equals(&ours, &theirs);
}

static bool name_upstream(struct settings *s, const struct settings *before)
{
    const struct config_upstream *upstream = s->config->upstreams;

    s->upstream_number = before != NULL ? before->upstream_number : 0;
    if (before != NULL && !same_upstream(s, before))
        s->upstream_number++;
    if (asprintf(&s->upstream_name, "%s:%u", upstream->server_name,
                 upstream->address.port) < 0) {
        s->upstream_name = NULL;
        return false;
    }
    if (asprintf(&s->upstream_key, "%s#%u", s->upstream_name,
                 s->upstream_number) < 0) {
        s->upstream_key = NULL;
        return false;
    }
    return true;
}

static bool set_up_upstream(struct settings *s, char *error, size_t error_size)
{
    const struct config_upstream *upstream = s->config->upstreams;

    s->upstream_policy =
        config_upstream_policy(s->config, upstream, s->source->version);
    if (upstream->tls == TLS_MODE_NONE)
        return true;
    s->upstream_tls =
        tls_context_new_client(upstream->ca_file, error, error_size);
    return s->upstream_tls != NULL;
}

/* --- */

/* For those who watch. */
static bool note_certificates(struct settings *s)
{
    size_t count = 1; /* no array of none */

    for (size_t i = 0; i < s->config->listener_count; i++)
        if (s->listeners[i].tls != NULL)
            count += tls_context_certificates(s->listeners[i].tls);
    s->certificates = calloc(count, sizeof(*s->certificates));
    if (s->certificates == NULL)
        return false;
    for (size_t i = 0; i < s->config->listener_count; i++) {
        const struct settings_listener *l = &s->listeners[i];

        count = l->tls != NULL ? tls_context_certificates(l->tls) : 0;
        for (size_t n = 0; n < count; n++) {
            s->certificates[s->certificate_count++] =
                (struct settings_certificate){
                    l->config->name,
                    (unsigned)n + 1,
                    tls_context_certificate(l->tls, n),
                };
        }
    }
    return true;
}

/* Takes |config| in any case. */
static struct settings *make(struct config *config,
                             const struct settings_source *source,
                             const struct settings *before, char *error,
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
    s->source = source;
    s->config = config;
    if (note_files(s) && name_upstream(s, before) && set_up_policies(s) &&
        set_up_tickets(s, before, problem, sizeof(problem)) &&
        set_up_listeners(s, problem, sizeof(problem)) && note_certificates(s) &&
        set_up_upstream(s, problem, sizeof(problem)))
        return s;
    config_locate(config, source->path, problem, error, error_size);
    settings_release(s);
    return NULL;
}

struct settings *settings_read(const struct settings_source *source,
                               const struct settings *before, char *error,
                               size_t error_size)
{
    struct config *config = config_load(source->path, error, error_size);

    return config != NULL ? make(config, source, before, error, error_size)
                          : NULL;
}

struct settings *settings_renew(const struct settings *before, char *error,
                                size_t error_size)
{
    config_hold(before->config);
    return make(before->config, before->source, before, error, error_size);
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
    tls_tickets_release(s->tickets);
    free(s->stamps);
    free(s->upstream_key);
    free(s->upstream_name);
    free(s->certificates);
    free(s->listeners);
    free(s->mailbox_policies);
    config_free(s->config);
    free(s);
}
