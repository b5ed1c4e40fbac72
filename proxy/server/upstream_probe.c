#include "server/upstream_probe.h"

#include <stdlib.h>

#include "base/limits.h"
#include "net/connection.h"
#include "net/dialer.h"
#include "session/imap_session.h"

struct upstream_probe {
    struct connection_space *space;
    struct settings *settings;
    upstream_probe_done *done;
    void *owner;
    uv_timer_t timer;
    struct dialer *dialer;
    struct connection *connection;
    struct imap_session imap;
    bool has_imap;
};

/* --- the end --- */

static void on_timer_closed(uv_handle_t *handle)
{
    struct upstream_probe *p = handle->data;

    settings_release(p->settings);
    free(p);
}

static void end(struct upstream_probe *p)
{
    dialer_cancel(p->dialer);
    if (p->has_imap)
        imap_session_fini(&p->imap);
    uv_close((uv_handle_t *)&p->timer, on_timer_closed);
}

void upstream_probe_cancel(struct upstream_probe *p)
{
    if (p == NULL)
        return;
    connection_abort(p->connection);
    end(p);
}

static void finish(struct upstream_probe *p, const char *failure)
{
    p->done(p->owner, failure);
    connection_close(p->connection); /* LOGOUT may be on its way */
    end(p);
}

static void on_time(uv_timer_t *timer)
{
    finish(timer->data, fault_pop3_text(FAULT_UPSTREAM_SILENT));
}

/* --- the talk --- */

/* Behind STARTTLS there is nothing to send, and nothing may be sent. */
static void send_output(struct upstream_probe *p)
{
    if (buf_length(&p->imap.out) > 0)
        buf_consume(&p->imap.out,
                    connection_write(p->connection, buf_span(&p->imap.out)));
}

/* False: no memory, and it is over. */
static bool start_tls(struct upstream_probe *p)
{
    const struct config_upstream *upstream = &p->settings->config->upstream;
    const struct address_text address = connection_peer(p->connection);
    struct tls *tls =
        tls_new_client(p->settings->upstream_tls, upstream->server_name,
                       upstream->alpn ? TLS_ALPN_IMAP : NULL, NULL, &address);

    if (tls == NULL) {
        finish(p, "no memory");
        return false;
    }
    connection_start_tls(p->connection, tls);
    return true;
}

/* False: it is over. */
static bool take_event(struct upstream_probe *p,
                       const struct imap_session_event *ev)
{
    switch (ev->kind) {
    case IMAP_SESSION_START_TLS:
        send_output(p);
        return start_tls(p);
    case IMAP_SESSION_READY:
        (void)imap_session_log_out(&p->imap);
        send_output(p);
        finish(p, NULL);
        return false;
    case IMAP_SESSION_FAILED:
        finish(p, fault_pop3_text(ev->fault));
        return false;
    case IMAP_SESSION_MORE:
    case IMAP_SESSION_LOGGED_IN:
    case IMAP_SESSION_SELECTED:
    case IMAP_SESSION_ITEM:
    case IMAP_SESSION_COMPLETED:
    case IMAP_SESSION_TEXT:
    case IMAP_SESSION_ID:
    case IMAP_SESSION_LOGGED_OUT:
        break;
    }
    return true;
}

/* False: it is over. */
static bool take(struct upstream_probe *p, struct span octets)
{
    struct imap_session_event ev;

    do {
        ev = imap_session_next(&p->imap, &octets);
        if (!take_event(p, &ev))
            return false;
    } while (ev.kind != IMAP_SESSION_MORE && ev.kind != IMAP_SESSION_START_TLS);
    send_output(p);
    return true;
}

/* False: it is over, or there is nothing to be read yet. */
static bool is_open(struct upstream_probe *p)
{
    switch (connection_state(p->connection)) {
    case CONNECTION_HANDSHAKING:
        return false;
    case CONNECTION_OPEN:
        break;
    case CONNECTION_UNTRUSTED:
    case CONNECTION_BROKEN:
        finish(p, connection_failure(p->connection));
        return false;
    }
    if (p->imap.state == IMAP_HANDSHAKE) {
        imap_session_tls_up(&p->imap);
        send_output(p);
    }
    return true;
}

static void on_stir(void *owner)
{
    struct upstream_probe *p = owner;
    struct span octets;

    while (is_open(p)) {
        switch (connection_read(p->connection, READ_CHUNK, &octets)) {
        case CONNECTION_OK:
            if (!take(p, octets))
                return;
            break;
        case CONNECTION_MORE:
            connection_want(p->connection, READ_CHUNK);
            return;
        case CONNECTION_END:
            finish(p, fault_pop3_text(FAULT_UPSTREAM_GONE));
            return;
        }
    }
}

/* --- the beginning --- */

static void on_dialed(void *owner, uv_tcp_t *tcp, const char *failure)
{
    struct upstream_probe *p = owner;
    const struct session_policy *policy = &p->settings->listeners[0].policy;

    p->dialer = NULL;
    if (tcp == NULL) {
        finish(p, failure);
        return;
    }
    p->connection = connection_new(p->space, tcp, on_stir, p);
    p->has_imap = p->connection != NULL &&
                  imap_session_init(&p->imap, policy, span_make("", 0));
    if (!p->has_imap)
        finish(p, "no memory");
    else if (policy->upstream_tls != TLS_MODE_IMPLICIT || start_tls(p))
        on_stir(p);
}

struct upstream_probe *upstream_probe_start(struct connection_space *space,
                                            struct settings *settings,
                                            upstream_probe_done *done,
                                            void *owner)
{
    const struct config_address *to = &settings->config->upstream.address;
    struct upstream_probe *p = calloc(1, sizeof(*p));

    if (p == NULL)
        return NULL;
    p->space = space;
    p->settings = settings;
    p->done = done;
    p->owner = owner;
    p->dialer = dialer_start(space->loop, to->host, to->port, on_dialed, p);
    if (p->dialer == NULL) {
        free(p);
        return NULL;
    }
    settings_hold(settings);
    (void)uv_timer_init(space->loop, &p->timer);
    p->timer.data = p;
    (void)uv_timer_start(&p->timer, on_time, UPSTREAM_PROBE_TIMEOUT_MS, 0);
    return p;
}
