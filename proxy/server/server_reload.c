/* What the server serves by, at its start and whenever it is read anew. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "server/log.h"
#include "server/server_parts.h"
#include "server/warnings.h"

#define ERROR_MAX 2048

/* --- all that a change takes --- */

struct change {
    struct settings *settings;
    struct worker_orders **orders; /* one for each worker */
    struct status_server *status;  /* NULL: none, or the one that there is */
    bool keeps_status;
};

/* What was applied is not here any more. */
static void change_fini(struct server *s, struct change *c)
{
    for (unsigned i = 0; c->orders != NULL && i < s->workers; i++)
        worker_orders_free(c->orders[i]);
    free(c->orders);
    status_server_close(c->status);
}

/* Whether who is in the way is a stranger, rather than the process that this one
 * replaces, or a socket of ours that has yet to close.
 */
static bool is_alone(const struct server *s)
{
    if (s->replaces != 0)
        return false;
    for (unsigned i = 0; i < s->workers; i++)
        if (!worker_is_settled(s->members[i].worker))
            return false;
    return true;
}

static bool prepare_orders(struct server *s, struct change *c, char *error,
                           size_t error_size)
{
    struct sockets *sockets =
        sockets_open(c->settings, s->settings, &s->inherited, s->workers,
                     is_alone(s), error, error_size);
    bool made = sockets != NULL;

    for (unsigned i = 0; made && i < s->workers; i++) {
        c->orders[i] = worker_orders_new(c->settings, sockets, i);
        made = c->orders[i] != NULL;
    }
    sockets_free(sockets);
    return made;
}

static bool same_status(const struct config *a, const struct config *b)
{
    if (!a->has_status || !b->has_status)
        return a->has_status == b->has_status;
    return config_address_equals(&a->status, &b->status);
}

static bool prepare_status(struct server *s, struct change *c, char *error,
                           size_t error_size)
{
    const struct config *config = c->settings->config;

    c->keeps_status =
        s->settings != NULL && same_status(config, s->settings->config);
    if (c->keeps_status || !config->has_status)
        return true;
    c->status = status_server_new(&s->loop, &config->status, s->replaces == 0,
                                  s->source, error, error_size);
    return c->status != NULL;
}

/* The last thing that can fail, since it is done when it has not. At the start
 * the log is open already.
 */
static bool open_log(const struct server *s, const struct change *c,
                     char *error, size_t error_size)
{
    char problem[ERROR_MAX / 2];

    if (s->settings == NULL ||
        log_open(&c->settings->config->log, problem, sizeof(problem)))
        return true;
    (void)snprintf(error, error_size, "%s: [server] log_to: %s",
                   c->settings->source->path, problem);
    return false;
}

static bool prepare(struct server *s, struct change *c, char *error,
                    size_t error_size)
{
    (void)snprintf(error, error_size, "no memory");
    c->orders = calloc(s->workers, sizeof(struct worker_orders *));
    return c->orders != NULL && prepare_orders(s, c, error, error_size) &&
           prepare_status(s, c, error, error_size) &&
           open_log(s, c, error, error_size) &&
           server_renew_tokens(s, c->settings);
}

/* Cannot fail. */
static void apply(struct server *s, struct change *c)
{
    warnings_log(c->settings);
    service_adopt(s->service, c->settings, s->settings);
    for (unsigned i = 0; i < s->workers; i++) {
        worker_obey(s->members[i].worker, c->orders[i]);
        c->orders[i] = NULL;
    }
    if (!c->keeps_status) {
        struct status_server *status = s->status;

        s->status = c->status;
        c->status = status;
    }
    settings_hold(c->settings);
    settings_release(s->settings);
    s->settings = c->settings;
    s->adopted_seconds = (uint64_t)time(NULL);
    server_watch_certificates(s);
}

bool server_adopt(struct server *s, struct settings *fresh, char *error,
                  size_t error_size)
{
    struct change c = { .settings = fresh };
    bool prepared = prepare(s, &c, error, error_size);

    if (prepared)
        apply(s, &c);
    change_fini(s, &c);
    return prepared;
}

/* --- a reload --- */

void server_reload(struct server *s)
{
    char error[ERROR_MAX] = "the process is about to end";
    struct settings *fresh = NULL;

    notify_reloading(&s->notify);
    if (s->state == SERVER_SERVING)
        fresh = settings_read(s->settings->source, s->settings, error,
                              sizeof(error));
    s->reload_failed =
        fresh == NULL || !server_adopt(s, fresh, error, sizeof(error));
    if (s->reload_failed) {
        log_event(LOG_LEVEL_ERROR, "reload_refused", error);
        notify_send(&s->notify, "READY=1\nSTATUS=reload refused: %s", error);
    } else {
        server_log_reloaded(s);
        notify_send(&s->notify, "READY=1\nSTATUS=serving");
    }
    settings_release(fresh);
}
