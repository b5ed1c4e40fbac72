/* The lines of log that tell of the server itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

#define LASTING_MAX 64

/* What is done once, at the start, goes on as it was done. */
static void add_lasting(struct log_record *r, const struct server *s)
{
    const struct config *then = s->begun_by;
    const struct config *now = s->settings->config;

    char keys[LASTING_MAX];

    (void)snprintf(keys, sizeof(keys), "%s%s%s%s",
                   then->workers != now->workers ? " workers" : "",
                   config_same_text(then->user, now->user) ? "" : " user",
                   then->seccomp != now->seccomp ? " seccomp" : "",
                   config_same_text(then->state_directory, now->state_directory)
                       ? ""
                       : " state_directory");
    if (keys[0] != '\0')
        log_record_add_string(r, "needs_restart", keys + 1);
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
