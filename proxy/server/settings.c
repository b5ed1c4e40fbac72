#include "server/settings.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access/route.h"
#include "pop3/sasl.h"
#include "server/log.h"
#include "server/settings_upstream.h"
#include "server/unique_id_file.h"

#define PROBLEM_MAX 1024

static void on_bad_ticket_keys(const char *problem)
{
    log_event(LOG_LEVEL_ERROR, "tls_ticket_keys_kept", problem);
}

/* --- the files --- */

/* The |i|th of them; NULL behind the last one. */
static const char *file_at(const struct settings *s, size_t i)
{
    const char *const others[] = { s->config->accounts_file,
                                   s->config->accounts_key_file };

    for (size_t l = 0; l < s->config->listener_count; l++) {
        const struct config_listener *listener = &s->config->listeners[l];
        size_t count = listener->certificates.count;

        if (i < count)
            return listener->certificates.at[i].text;
        if (i < 2 * count)
            return listener->private_keys.at[i - count].text;
        i -= 2 * count;
    }
    for (size_t u = 0; u < s->config->upstream_count; u++) {
        const char *ca_file = s->config->upstreams[u].ca_file;

        if (ca_file != NULL && i-- == 0)
            return ca_file;
    }
    for (size_t p = 0; p < s->config->policy_count; p++) {
        const char *map = s->config->policies[p].unique_id_map;

        if (map != NULL && i-- == 0)
            return map;
    }
    for (size_t o = 0; o < ARRAY_LENGTH(others); o++)
        if (others[o] != NULL && i-- == 0)
            return others[o];
    return NULL;
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

/* No connection before there is a login for it where it is the login that says
 * where to; nor where logins are counted, or whoever only says USER would use
 * them up.
 */
static const struct upstream_policy *early_upstream(
    const struct settings *s, const struct config_listener *listener)
{
    const struct config_upstream *sole = route_sole(s->config, listener->name);
    const struct settings_upstream *u;

    if (sole == NULL || sole->logins_per_second > 0 ||
        sole->max_connections > 0 || s->config->auth_http.url != NULL)
        return NULL;
    u = &s->upstreams[sole - s->config->upstreams];
    return u->servers->count == 1 ? &u->policy : NULL;
}

/* Only where an account can use them, or a service judges them. */
static void offer_proofs(const struct settings *s, struct settings_listener *l)
{
    const struct accounts *accounts = s->access->accounts;
    const char *name = l->config->name;

    if (accounts_any_scram(accounts, name))
        l->policy.mechanisms |= BIT(SASL_SCRAM_SHA_256);
    if (accounts_any_recoverable(accounts, name)) {
        l->policy.apop = true;
        l->policy.mechanisms |= BIT(SASL_CRAM_MD5);
    }
    if (s->config->auth_http.url != NULL && s->config->auth_http.apop)
        l->policy.apop = true;
    if (s->access->auth_http.cram_md5)
        l->policy.mechanisms |= BIT(SASL_CRAM_MD5);
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
        l->policy.early_upstream = early_upstream(s, l->config);
        l->policy.readahead_budget = s->source->readahead;
        offer_proofs(s, l);
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

/* Of a policy before it, which has the same file. */
static const struct unique_id_map *find_map(const struct settings *s,
                                            size_t policy)
{
    const struct config_policy *policies = s->config->policies;

    for (size_t i = 0; i < policy; i++)
        if (s->mailbox_policies[i].unique_id_map != NULL &&
            strcmp(policies[i].unique_id_map, policies[policy].unique_id_map) ==
                0)
            return s->mailbox_policies[i].unique_id_map;
    return NULL;
}

static bool read_map(struct settings *s, size_t policy, char *error,
                     size_t error_size)
{
    struct mailbox_policy *p = &s->mailbox_policies[policy];
    const char *path = s->config->policies[policy].unique_id_map;

    if (path == NULL)
        return true;
    p->unique_id_map = find_map(s, policy);
    if (p->unique_id_map != NULL)
        return true;
    s->unique_id_maps[policy] = unique_id_file_read(path, error, error_size);
    p->unique_id_map = s->unique_id_maps[policy];
    return p->unique_id_map != NULL;
}

static bool set_up_policies(struct settings *s, char *error, size_t error_size)
{
    size_t count = s->config->policy_count;

    s->mailbox_policies = calloc(count, sizeof(*s->mailbox_policies));
    s->unique_id_maps = calloc(count, sizeof(struct unique_id_map *));
    if (s->mailbox_policies == NULL || s->unique_id_maps == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        s->mailbox_policies[i] = config_mailbox_policy(&s->config->policies[i]);
        if (!read_map(s, i, error, error_size))
            return false;
    }
    return true;
}

const struct mailbox_policy *settings_mailbox_policy(
    const struct settings *s, const struct config_policy *policy)
{
    return &s->mailbox_policies[policy - s->config->policies];
}

/* --- upstreams --- */

const struct settings_upstream *settings_find_upstream(const struct settings *s,
                                                       const char *name)
{
    for (size_t i = 0; i < s->upstream_count; i++)
        if (strcmp(s->upstreams[i].config->name, name) == 0)
            return &s->upstreams[i];
    return NULL;
}

const struct settings_upstream *settings_upstream_of(
    const struct settings *s, const struct upstream_policy *policy)
{
    size_t i = 0;

    while (i < s->upstream_count && &s->upstreams[i].policy != policy)
        i++;
    assert(i < s->upstream_count);
    return &s->upstreams[i];
}

static bool set_up_upstreams(struct settings *s, const struct settings *before,
                             char *error, size_t error_size)
{
    const struct config *config = s->config;

    s->upstreams = calloc(config->upstream_count, sizeof(*s->upstreams));
    for (size_t i = 0; s->upstreams != NULL && i < config->upstream_count;
         i++) {
        const struct config_upstream *one = &config->upstreams[i];
        const struct settings_upstream *was =
            before != NULL ? settings_find_upstream(before, one->name) : NULL;

        s->upstream_count++;
        if (!settings_upstream_init(&s->upstreams[i], s, one, was, error,
                                    error_size))
            return false;
    }
    return s->upstreams != NULL;
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

static bool set_up_access(struct settings *s, char *error, size_t error_size)
{
    s->access = access_rules_read(s->config, error, error_size);
    return s->access != NULL;
}

static bool set_up_tokens(struct settings *s, char *error, size_t error_size)
{
    s->token_sources = token_sources_new(s->config, error, error_size);
    return s->token_sources != NULL;
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
    if (note_files(s) && set_up_policies(s, problem, sizeof(problem)) &&
        set_up_access(s, problem, sizeof(problem)) &&
        set_up_tokens(s, problem, sizeof(problem)) &&
        set_up_tickets(s, before, problem, sizeof(problem)) &&
        set_up_upstreams(s, before, problem, sizeof(problem)) &&
        set_up_listeners(s, problem, sizeof(problem)) && note_certificates(s))
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
    for (size_t i = 0; i < s->upstream_count; i++)
        settings_upstream_fini(&s->upstreams[i]);
    free(s->upstreams);
    tls_tickets_release(s->tickets);
    token_sources_release(s->token_sources);
    access_rules_free(s->access);
    free(s->stamps);
    free(s->certificates);
    free(s->listeners);
    for (size_t i = 0; s->unique_id_maps != NULL && i < s->config->policy_count;
         i++)
        unique_id_map_free(s->unique_id_maps[i]);
    free(s->unique_id_maps);
    free(s->mailbox_policies);
    config_free(s->config);
    free(s);
}
