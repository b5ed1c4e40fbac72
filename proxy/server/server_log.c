/* The lines of log that tell of the server itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "server/log.h"
#include "server/server_parts.h"

char *server_address_text(const struct config_address *a)
{
    bool v6 = strchr(a->host, ':') != NULL;
    char *text = NULL;

    if (asprintf(&text, v6 ? "[%s]:%u" : "%s:%u", a->host, (unsigned)a->port) <
        0)
        return NULL;
    return text;
}

/* `pop3s=[::]:995 pop3=[::]:110` */
static void add_listeners(struct log_record *r, const struct config *config)
{
    struct buf listeners;

    buf_init(&listeners, LOG_VALUE_MAX);
    for (size_t i = 0; i < config->listener_count; i++) {
        char *at = server_address_text(&config->listeners[i].address);

        (void)buf_append_string(&listeners, i == 0 ? "" : " ");
        (void)buf_append_string(&listeners, config->listeners[i].name);
        (void)buf_append_octet(&listeners, '=');
        (void)buf_append_string(&listeners, at != NULL ? at : "");
        free(at);
    }
    log_record_add_text(r, "listeners", buf_span(&listeners));
    buf_fini(&listeners);
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
    log_record_add_string(&r, "upstream", s->upstream);
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
    log_record_add_string(&r, "upstream", s->upstream);
    add_lasting(&r, s);
    log_write(&r);
}
