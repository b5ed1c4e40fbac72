#include "server/upstream_talk.h"

#include "base/limits.h"

static void fail(struct upstream_talk *t, const char *failure)
{
    t->failure = failure;
}

/* Behind STARTTLS there is nothing to send, and nothing may be sent. */
static void send_output(struct upstream_talk *t)
{
    if (buf_length(&t->imap.out) > 0)
        buf_consume(&t->imap.out,
                    connection_write(t->connection, buf_span(&t->imap.out)));
}

static void start_tls(struct upstream_talk *t)
{
    struct tls *tls =
        tls_new_client(t->to.tls, t->to.server->name,
                       t->to.upstream->alpn ? TLS_ALPN_IMAP : NULL, NULL, NULL);

    if (tls == NULL)
        fail(t, "no memory");
    else
        connection_start_tls(t->connection, tls);
}

/* --- octets --- */

/* False: the input is consumed. */
static bool take_event(struct upstream_talk *t, struct imap_session_event *ev)
{
    while (t->has_input) {
        *ev = imap_session_next(&t->imap, &t->input);
        if (ev->kind != IMAP_SESSION_MORE && ev->kind != IMAP_SESSION_START_TLS)
            return true;
        t->has_input = false;
        send_output(t);
        if (ev->kind == IMAP_SESSION_START_TLS)
            start_tls(t);
    }
    return false;
}

/* False: it is over, or there is nothing to be read yet. */
static bool is_open(struct upstream_talk *t)
{
    switch (connection_state(t->connection)) {
    case CONNECTION_HANDSHAKING:
        return false;
    case CONNECTION_OPEN:
        break;
    case CONNECTION_UNTRUSTED:
        t->is_untrusted = true;
        fail(t, connection_failure(t->connection));
        return false;
    case CONNECTION_BROKEN:
        fail(t, connection_failure(t->connection));
        return false;
    }
    if (t->imap.state == IMAP_HANDSHAKE) {
        imap_session_tls_up(&t->imap);
        send_output(t);
    }
    return true;
}

static enum connection_status receive(struct upstream_talk *t)
{
    enum connection_status status =
        connection_read(t->connection, READ_CHUNK, &t->input);

    t->has_input = status == CONNECTION_OK;
    if (status == CONNECTION_MORE)
        connection_want(t->connection, READ_CHUNK);
    return status;
}

enum upstream_talk_status upstream_talk_next(struct upstream_talk *t,
                                             struct imap_session_event *ev)
{
    while (t->failure == NULL && t->connection != NULL) {
        if (take_event(t, ev))
            return UPSTREAM_TALK_EVENT;
        if (t->failure != NULL || !is_open(t))
            break;
        switch (receive(t)) {
        case CONNECTION_OK:
            break;
        case CONNECTION_MORE:
            return UPSTREAM_TALK_MORE;
        case CONNECTION_END:
            *ev = (struct imap_session_event){ .kind = IMAP_SESSION_FAILED,
                                               .fault = FAULT_UPSTREAM_GONE };
            return UPSTREAM_TALK_EVENT;
        }
    }
    return t->failure != NULL ? UPSTREAM_TALK_FAILED : UPSTREAM_TALK_MORE;
}

/* --- its life --- */

static void on_dialed(void *owner, uv_tcp_t *tcp, const char *failure)
{
    struct upstream_talk *t = owner;

    t->dialer = NULL;
    if (tcp == NULL) {
        fail(t, failure);
    } else {
        t->connection = connection_new(t->space, tcp, t->stir, t->owner);
        t->has_imap = imap_session_init(&t->imap, t->to.policy,
                                        upstream_server_name(t->to.server),
                                        span_make(NULL, 0));
        if (t->connection == NULL || !t->has_imap)
            fail(t, "no memory");
        else if (t->to.policy->tls == TLS_MODE_IMPLICIT)
            start_tls(t);
    }
    t->stir(t->owner);
}

bool upstream_talk_start(struct upstream_talk *t,
                         const struct upstream_talk_to *to,
                         struct connection_space *space, connection_stir *stir,
                         void *owner)
{
    *t = (struct upstream_talk){
        .to = *to, .space = space, .stir = stir, .owner = owner
    };
    t->dialer = dialer_start(space->loop, to->server->host, to->server->port,
                             on_dialed, t);
    return t->dialer != NULL;
}

void upstream_talk_leave(struct upstream_talk *t)
{
    (void)imap_session_log_out(&t->imap);
    send_output(t);
}

void upstream_talk_close(struct upstream_talk *t)
{
    dialer_cancel(t->dialer);
    t->dialer = NULL;
    connection_close(t->connection);
    t->connection = NULL;
}

void upstream_talk_fini(struct upstream_talk *t)
{
    connection_abort(t->connection);
    t->connection = NULL;
    upstream_talk_close(t); /* the dialer */
    if (t->has_imap)
        imap_session_fini(&t->imap);
    t->has_imap = false;
}
