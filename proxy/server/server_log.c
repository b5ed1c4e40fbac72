/* The lines of log that tell of the server itself. */
#include <stdlib.h>
#include <string.h>

#include "access/token_desk.h"
#include "base/buf.h"
#include "base/limits.h"
#include "server/log.h"
#include "server/server_parts.h"

/* `pop3s=[::]:995 pop3=[::]:110` */
static void add_listeners(struct log_record *r, const struct config *config)
{
    struct buf listeners;

    buf_init(&listeners, LOG_VALUE_MAX);
    for (size_t i = 0; i < config->listener_count; i++) {
        char *at = config_address_text(&config->listeners[i].address);

        (void)buf_append_string(&listeners, i == 0 ? "" : " ");
        (void)buf_append_string(&listeners, config->listeners[i].name);
        (void)buf_append_octet(&listeners, '=');
        (void)buf_append_string(&listeners, at != NULL ? at : "");
        free(at);
    }
    log_record_add_text(r, "listeners", buf_span(&listeners));
    buf_fini(&listeners);
}

/* `default=imap.example.com:993` */
static void add_upstreams(struct log_record *r, const struct settings *settings)
{
    struct buf upstreams;

    buf_init(&upstreams, LOG_VALUE_MAX);
    for (size_t i = 0; i < settings->upstream_count; i++) {
        const struct settings_upstream *u = &settings->upstreams[i];

        (void)buf_append_string(&upstreams, i == 0 ? "" : " ");
        (void)buf_append_string(&upstreams, u->config->name);
        (void)buf_append_octet(&upstreams, '=');
        (void)buf_append_string(&upstreams, u->address);
    }
    log_record_add_text(r, "upstreams", buf_span(&upstreams));
    buf_fini(&upstreams);
}

/* Only where there is a file of them. */
static void add_accounts(struct log_record *r, const struct settings *settings)
{
    if (settings->access->accounts != NULL)
        log_record_add_number(r, "accounts", settings->access->accounts->count);
}

void server_log_ready(const struct server *s)
{
    const struct config *config = s->settings->config;
    struct log_record r;

    if (!log_wants(LOG_LEVEL_INFO))
        return;
    log_begin(&r, LOG_LEVEL_INFO, "ready");
    log_record_add_string(&r, "version", s->version);
    log_record_add_number(&r, "workers", s->workers);
    add_listeners(&r, config);
    add_upstreams(&r, s->settings);
    add_accounts(&r, s->settings);
    log_write(&r);
}

static uint32_t sessions_now(const struct server *s)
{
    uint32_t sessions = 0;

    for (unsigned i = 0; i < s->workers; i++)
        sessions += worker_sessions(s->members[i].worker);
    return sessions;
}

void server_log_sessions(const struct server *s, const char *event)
{
    struct log_record r;

    log_begin(&r, LOG_LEVEL_INFO, event);
    log_record_add_number(&r, "sessions", sessions_now(s));
    log_write(&r);
}

/* --- a reload --- */

/* What is done once, at the start, goes on as it was done. */
static void add_process_keys(struct buf *keys, const struct config *then,
                             const struct config *now)
{
    if (then->workers != now->workers)
        buf_append_string(keys, " workers");
    if (!config_same_text(then->user, now->user))
        buf_append_string(keys, " user");
    if (then->seccomp != now->seccomp)
        buf_append_string(keys, " seccomp");
    if (!config_same_text(then->state_directory, now->state_directory))
        buf_append_string(keys, " state_directory");
}

/* The process that runs commands knows those of the start. */
static bool is_new_command(const struct config *then,
                           const struct config_oauth *now)
{
    if (now->command == NULL)
        return false;
    for (size_t i = 0; i < then->oauth_count; i++)
        if (strcmp(then->oauths[i].name, now->name) == 0)
            return !config_same_text(then->oauths[i].command, now->command);
    return true;
}

static void add_oauth_key(struct buf *keys, const struct config_oauth *oauth,
                          const char *key)
{
    buf_append_string(keys, " oauth.");
    buf_append_string(keys, oauth->name);
    buf_append_octet(keys, '.');
    buf_append_string(keys, key);
}

/* Where tokens are written is opened to writing at the start, or not at all. */
static void add_oauth_keys(struct buf *keys, const struct server *s)
{
    const struct config *now = s->settings->config;
    bool keeps_none =
        now->accounts_file != NULL && !token_desk_can_keep(s->service->tokens);

    for (size_t i = 0; i < now->oauth_count; i++) {
        const struct config_oauth *oauth = &now->oauths[i];

        if (keeps_none && oauth->grant == OAUTH_REFRESH_TOKEN)
            add_oauth_key(keys, oauth, "grant");
        if (is_new_command(s->begun_by, oauth))
            add_oauth_key(keys, oauth, "command");
    }
}

/* Tokens stay sealed with the key of the start, which may be another one in a
 * file of the same name.
 */
static void add_accounts_keys(struct buf *keys, const struct server *s)
{
    const struct settings *now = s->settings;

    if (now->access->accounts != NULL &&
        token_sources_are_kept(now->token_sources) &&
        !token_desk_keeps_by(s->service->tokens, buf_span(&now->access->key)))
        buf_append_string(keys, " accounts.key_file");
}

static void add_lasting(struct log_record *r, const struct server *s)
{
    struct buf keys;
    struct span text;

    buf_init(&keys, LOG_VALUE_MAX);
    add_process_keys(&keys, s->begun_by, s->settings->config);
    add_accounts_keys(&keys, s);
    add_oauth_keys(&keys, s);
    text = buf_span(&keys);
    if (text.len > 0) {
        (void)span_take(&text, 1); /* the blank before the first */
        log_record_add_text(r, "needs_restart", text);
    }
    buf_fini(&keys);
}

void server_log_reloaded(const struct server *s)
{
    struct log_record r;

    if (!log_wants(LOG_LEVEL_INFO))
        return;
    log_begin(&r, LOG_LEVEL_INFO, "reloaded");
    add_listeners(&r, s->settings->config);
    add_upstreams(&r, s->settings);
    add_accounts(&r, s->settings);
    add_lasting(&r, s);
    log_write(&r);
}
