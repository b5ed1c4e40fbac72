#include "server/sockets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/listener.h"

#define PROBLEM_MAX 256

struct sockets {
    size_t listeners;
    size_t count;
    struct socket_of at[]; /* of the first worker, then of the next */
};

static struct sockets *make(size_t workers, size_t listeners)
{
    size_t count = workers * listeners;
    struct sockets *s = malloc(sizeof(*s) + count * sizeof(s->at[0]));

    if (s == NULL)
        return NULL;
    s->listeners = listeners;
    s->count = count;
    for (size_t i = 0; i < count; i++)
        s->at[i] = (struct socket_of){ -1, false };
    return s;
}

static bool has_address(const struct settings *settings,
                        const struct config_address *address)
{
    for (size_t i = 0; settings != NULL && i < settings->config->listener_count;
         i++)
        if (config_address_equals(&settings->config->listeners[i].address,
                                  address))
            return true;
    return false;
}

/* Ours at [::] and one at 0.0.0.0 are in each other's way, but no strangers. */
static bool has_port(const struct settings *settings, unsigned port)
{
    for (size_t i = 0; settings != NULL && i < settings->config->listener_count;
         i++)
        if (settings->config->listeners[i].address.port == port)
            return true;
    return false;
}

static bool open_one(struct sockets *s, const struct settings *settings,
                     size_t listener, bool alone, char *error,
                     size_t error_size)
{
    const struct config_listener *config =
        &settings->config->listeners[listener];
    char problem[PROBLEM_MAX];

    for (size_t i = listener; i < s->count; i += s->listeners) {
        s->at[i] = (struct socket_of){
            listener_bind(config->address.host, config->address.port,
                          alone && i == listener, problem, sizeof(problem)),
            false
        };
        if (s->at[i].fd >= 0)
            continue;
        (void)snprintf(error, error_size, "%s:%u: [listen %s] address: %s",
                       settings->source->path, config->line, config->name,
                       problem);
        return false;
    }
    return true;
}

/* False: there is none. A worker for which no descriptor is left has the others
 * accept for it.
 */
static bool inherit_one(struct sockets *s, const struct settings *settings,
                        size_t listener, struct inherited *inherited)
{
    for (size_t i = listener; i < s->count; i += s->listeners)
        s->at[i] = (struct socket_of){
            inherited_duplicate(inherited, settings->config, listener), true
        };
    return s->at[listener].fd >= 0;
}

struct sockets *sockets_open(const struct settings *settings,
                             const struct settings *before,
                             struct inherited *inherited, unsigned workers,
                             bool alone, char *error, size_t error_size)
{
    const struct config *config = settings->config;
    struct sockets *s = make(workers, config->listener_count);

    (void)snprintf(error, error_size, "no memory");
    for (size_t i = 0; s != NULL && i < config->listener_count; i++) {
        const struct config_address *address = &config->listeners[i].address;

        if (has_address(before, address) ||
            inherit_one(s, settings, i, inherited) ||
            open_one(s, settings, i, alone && !has_port(before, address->port),
                     error, error_size))
            continue;
        sockets_free(s);
        return NULL;
    }
    return s;
}

void sockets_free(struct sockets *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->count; i++)
        if (s->at[i].fd >= 0)
            (void)close(s->at[i].fd);
    free(s);
}

struct socket_of sockets_take(struct sockets *s, unsigned worker,
                              size_t listener)
{
    struct socket_of *at = &s->at[worker * s->listeners + listener];
    struct socket_of taken = *at;

    at->fd = -1;
    return taken;
}
