/* What a worker accepts from, and what becomes of it. */
#include <stdlib.h>
#include <unistd.h>
#include <utlist.h>

#include "base/limits.h"
#include "net/address.h"
#include "net/network.h"
#include "net/tcp.h"
#include "server/log.h"
#include "server/worker_parts.h"

/* --- accepting --- */

/* Whoever is gone already, and so has no address any more, is not allowed. */
static bool is_allowed(const struct settings_listener *l,
                       const struct origin *origin)
{
    const struct config_networks *allowed = &l->config->allow_from;

    return allowed->count == 0 ||
           network_any_holds(allowed->at, allowed->count, &origin->client.any);
}

static void turn_away(struct worker *w, const struct settings_listener *l,
                      uv_tcp_t *tcp, const struct origin *origin)
{
    enum log_level level = origin->is_check ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;
    struct address_text from = address_describe(&origin->client);
    char group[ADDRESS_GROUP_MAX];
    struct log_record record;

    counters_add(&w->host.counters, COUNTER_CLIENTS_NOT_ALLOWED, 1);
    tcp_discard(tcp);
    if (!log_wants(level))
        return;
    log_begin(&record, level, "client_not_allowed");
    log_record_add_string(&record, "listener", l->config->name);
    log_record_add_string(&record, "client", from.host);
    log_record_add_number(&record, "port", from.port);
    address_group(from.host, group);
    log_write_failure(&record, "", "client", group);
}

/* Where it is known who comes. */
void worker_admit(void *worker, const struct settings_listener *l,
                  uv_tcp_t *tcp, const struct origin *origin)
{
    struct worker *w = worker;

    if (is_allowed(l, origin))
        relay_admit(&w->host, l, tcp, origin);
    else
        turn_away(w, l, tcp, origin);
}

static void on_accepted(void *owner, uv_tcp_t *tcp)
{
    const struct worker_listener *l = owner;
    struct origin origin = { .is_check = false };

    if (l->worker->aborted) { /* every session was told to end */
        tcp_discard(tcp);
        return;
    }
    if (l->settings->config->proxy_protocol != PROXY_PROTOCOL_NO) {
        proxy_gate_enter(&l->worker->gate, l->settings, tcp);
        return;
    }
    origin.client = address_of_peer(tcp);
    worker_admit(l->worker, l->settings, tcp, &origin);
}

static void on_paused(void *owner, const char *reason)
{
    struct worker_listener *l = owner;
    struct log_record record;

    if (!log_wants(LOG_LEVEL_ERROR))
        return;
    log_begin(&record, LOG_LEVEL_ERROR, "accept_paused");
    log_record_add_string(&record, "listener", l->settings->config->name);
    log_record_add_string(&record, "text", reason);
    log_write_failure(&record, "", "listener", l->settings->config->name);
}

/* --- sockets --- */

/* The settings that it goes by now may be others than those before. */
static void go_by(struct worker_listener *l,
                  const struct settings_listener *settings)
{
    if (settings != NULL)
        settings_hold(settings->settings);
    if (l->settings != NULL)
        settings_release(l->settings->settings);
    l->settings = settings;
}

static void free_listener(void *listener)
{
    struct worker_listener *l = listener;

    atomic_fetch_sub(&l->worker->unsettled, 1);
    go_by(l, NULL);
    free(l);
}

static void log_lost(const struct settings_listener *settings)
{
    struct log_record record;

    log_begin(&record, LOG_LEVEL_ERROR, "listener_lost");
    log_record_add_string(&record, "listener", settings->config->name);
    log_record_add_string(&record, "text", "no memory; restart to serve it");
    log_write(&record);
}

/* Takes |socket|. */
static void serve(struct worker *w, const struct settings_listener *settings,
                  struct socket_of socket)
{
    struct worker_listener *l = calloc(1, sizeof(*l));

    if (l == NULL)
        close(socket.fd);
    else
        l->listener =
            listener_new(&w->loop, socket.fd, on_accepted, on_paused, l);
    if (l == NULL || l->listener == NULL) {
        log_lost(settings);
        free(l);
        return;
    }
    l->worker = w;
    l->inherited = socket.inherited;
    go_by(l, settings);
    DL_APPEND(w->listeners, l);
}

static void drain(struct worker *w, struct worker_listener *l)
{
    DL_DELETE(w->listeners, l);
    atomic_fetch_add(&w->unsettled, 1);
    listener_drain(l->listener, l->inherited, free_listener);
}

/* --- orders --- */

/* NULL: |settings| has no listener at that address any more. */
static const struct settings_listener *at_address_of(
    const struct settings *settings, const struct worker_listener *l)
{
    for (size_t i = 0; i < settings->config->listener_count; i++)
        if (config_address_equals(&settings->listeners[i].config->address,
                                  &l->settings->config->address))
            return &settings->listeners[i];
    return NULL;
}

static void obey(struct worker *w, struct worker_orders *o)
{
    struct worker_listener *l;
    struct worker_listener *next;

    DL_FOREACH_SAFE (w->listeners, l, next) {
        const struct settings_listener *now = at_address_of(o->settings, l);

        if (now != NULL)
            go_by(l, now);
        else
            drain(w, l);
    }
    for (size_t i = 0; i < o->count; i++) {
        if (o->sockets[i].fd >= 0)
            serve(w, &o->settings->listeners[i], o->sockets[i]);
        o->sockets[i].fd = -1;
    }
    settings_release(w->settings);
    w->settings = o->settings;
    o->settings = NULL;
}

static struct worker_orders *next_orders(struct worker *w)
{
    struct worker_orders *o;

    pthread_mutex_lock(&w->mutex);
    o = w->orders;
    if (o != NULL)
        LL_DELETE(w->orders, o);
    pthread_mutex_unlock(&w->mutex);
    return o;
}

void worker_obey_all(struct worker *w)
{
    struct worker_orders *o;

    while ((o = next_orders(w)) != NULL) {
        if (!w->stopped)
            obey(w, o);
        worker_orders_free(o);
        atomic_fetch_sub(&w->unsettled, 1);
    }
}

struct worker_orders *worker_orders_new(struct settings *settings,
                                        struct sockets *sockets, unsigned index)
{
    size_t count = settings->config->listener_count;
    struct worker_orders *o =
        calloc(1, sizeof(*o) + count * sizeof(o->sockets[0]));

    if (o == NULL)
        return NULL;
    settings_hold(settings);
    o->settings = settings;
    o->count = count;
    for (size_t i = 0; i < count; i++)
        o->sockets[i] = sockets_take(sockets, index, i);
    return o;
}

void worker_orders_free(struct worker_orders *o)
{
    if (o == NULL)
        return;
    for (size_t i = 0; i < o->count; i++)
        if (o->sockets[i].fd >= 0)
            close(o->sockets[i].fd);
    settings_release(o->settings);
    free(o);
}

void worker_obey(struct worker *w, struct worker_orders *o)
{
    atomic_fetch_add(&w->unsettled, 1);
    pthread_mutex_lock(&w->mutex);
    LL_APPEND(w->orders, o);
    pthread_mutex_unlock(&w->mutex);
    uv_async_send(&w->commands);
}

/* --- the end --- */

/* What the loop would still wait for, the handle of the commands, does not count.
 */
void worker_close_sockets(struct worker *w)
{
    if (w->stopped)
        return;
    w->stopped = true;
    (void)uv_timer_stop(&w->handover);
    while (w->listeners != NULL)
        drain(w, w->listeners);
    uv_unref((uv_handle_t *)&w->commands);
}

static void on_handed_over(uv_timer_t *timer)
{
    worker_close_sockets(timer->data);
}

void worker_divert(struct worker *w, unsigned before)
{
    struct worker_listener *l;

    DL_FOREACH (w->listeners, l)
        if (!l->inherited)
            listener_divert(l->listener, before);
    (void)uv_timer_start(&w->handover, on_handed_over, HANDOVER_MS, 0);
}

void worker_undivert(struct worker *w)
{
    struct worker_listener *l;

    DL_FOREACH (w->listeners, l)
        listener_undivert(l->listener);
}
