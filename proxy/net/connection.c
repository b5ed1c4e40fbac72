#include "net/connection_parts.h"

#include <assert.h>
#include <stdlib.h>

#include "base/limits.h"
#include "net/tcp.h"

/* Whoever cares for it goes on: its owner, or else closing. */
static void stir(struct connection *c)
{
    if (c->stir != NULL)
        c->stir(c->owner);
    else
        connection_finish(c);
}

static bool is_broken(const struct connection *c)
{
    return c->state == CONNECTION_BROKEN || c->state == CONNECTION_UNTRUSTED;
}

/* The first reason stands. */
static void break_off(struct connection *c, enum connection_state state,
                      const char *failure)
{
    if (is_broken(c))
        return;
    c->state = state;
    c->failure = failure;
    uv_timer_stop(&c->timer);
}

static void die(struct connection *c, const char *failure)
{
    c->dead = true;
    break_off(c, CONNECTION_BROKEN, failure);
}

static void notice_failure(struct connection *c)
{
    if (c->sender.failure != NULL)
        die(c, c->sender.failure);
}

/* --- making one --- */

static void on_drained(void *owner)
{
    struct connection *c = owner;

    if (c->destroyed)
        return;
    notice_failure(c);
    stir(c);
}

struct connection *connection_new(struct connection_space *space, uv_tcp_t *tcp,
                                  connection_stir *stir_owner, void *owner)
{
    struct connection *c = calloc(1, sizeof(*c));

    if (c == NULL) {
        tcp_discard(tcp);
        return NULL;
    }
    c->space = space;
    c->stir = stir_owner;
    c->owner = owner;
    c->state = CONNECTION_OPEN;
    c->tcp = tcp;
    c->tcp->data = c;
    uv_timer_init(space->loop, &c->timer);
    c->timer.data = c;
    c->open_handles = 2;
    buf_init(&c->kept, RECEIVE_MAX);
    sender_init(&c->sender, (uv_stream_t *)tcp, CONNECTION_UNSENT_MAX,
                on_drained, c);
    space->connections++;
    tcp_tune(tcp);
    return c;
}

/* --- sending --- */

void connection_send_sealed(struct connection *c)
{
    struct buf *sealed = &c->space->sealed;

    sender_send(&c->sender, buf_span(sealed));
    notice_failure(c);
    buf_consume(sealed, buf_length(sealed));
    if (buf_failed(sealed)) { /* a failure would stick to all connections */
        buf_fini(sealed);
        buf_init(sealed, CONNECTION_UNSENT_MAX);
    }
}

/* A record is of no use to the peer before all of it is there, and the few
 * segments that a connection sends at once after a rest (RFC 5681 §4.1) do not
 * hold a large one: so a burst begins with a record that fits one segment. What
 * fits a small record is no burst.
 */
static size_t next_record(struct connection *c, size_t len)
{
    uint64_t now_ms = uv_now(c->space->loop);
    bool rested = c->burst_ms == 0 || now_ms - c->burst_ms >= BURST_REST_MS;

    if (len <= BURST_FIRST_RECORD)
        return len;
    c->burst_ms = now_ms;
    return rested ? BURST_FIRST_RECORD : len;
}

/* Some records in one go; returns how many octets of |octets| they carry. */
static size_t seal(struct connection *c, struct span octets)
{
    struct buf *sealed = &c->space->sealed;
    struct span rest = octets;

    while (rest.len > 0 && octets.len - rest.len < SEND_CHUNK &&
           buf_room(sealed) >= TLS_SEALED_MAX) {
        size_t len = next_record(c, rest.len);
        struct span record = span_make(rest.data, len);

        if (tls_write(c->tls, &record, sealed) != TLS_OK) {
            break_off(c, CONNECTION_BROKEN, tls_failure(c->tls));
            break;
        }
        span_take(&rest, len - record.len);
    }
    connection_send_sealed(c);
    return octets.len - rest.len;
}

static size_t write_some(struct connection *c, struct span octets)
{
    if (c->tls != NULL)
        return seal(c, octets);
    if (octets.len > SEND_CHUNK)
        octets.len = SEND_CHUNK;
    sender_send(&c->sender, octets);
    notice_failure(c);
    return octets.len;
}

size_t connection_write(struct connection *c, struct span octets)
{
    size_t taken = 0;

    assert(c->stir != NULL && c->state != CONNECTION_HANDSHAKING);
    while (octets.len > 0 && !sender_is_busy(&c->sender) && !is_broken(c))
        taken += span_take(&octets, write_some(c, octets)).len;
    return is_broken(c) ? taken + octets.len : taken;
}

size_t connection_unsent(const struct connection *c)
{
    return sender_unsent(&c->sender);
}

/* --- receiving --- */

static void handshake(struct connection *c);

/* TLS: as much as there is, since what is left over can be kept. In clear no
 * more than is wanted, so that nothing is left over.
 */
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *whole)
{
    struct connection *c = handle->data;
    size_t size = RECEIVE_MAX;

    (void)suggested;
    if (c->tls == NULL && c->stir != NULL && c->wanted < size)
        size = c->wanted;
    *whole = uv_buf_init((char *)c->space->received, (unsigned)size);
}

/* What was kept is given back as soon as it is used up. */
static void consumed(struct connection *c)
{
    if (c->in.len == 0 && c->kept.data != NULL)
        buf_clear(&c->kept);
}

/* The buffer of the loop is another connection's when the callback is over. */
static void keep(struct connection *c)
{
    if (c->in.len == 0 || c->kept.data != NULL) /* or kept already */
        return;
    if (!buf_append(&c->kept, c->in))
        break_off(c, CONNECTION_BROKEN, "no memory");
    c->in = buf_span(&c->kept);
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *whole)
{
    struct connection *c = stream->data;

    if (got == 0)
        return;
    if (got < 0) {
        c->ended = true;
        if (got != UV_EOF)
            die(c, uv_strerror((int)got));
    } else if (c->stir != NULL) { /* else thrown away */
        assert(c->in.len == 0);
        consumed(c);
        c->in = span_make(whole->base, (size_t)got);
    }
    if (c->state == CONNECTION_HANDSHAKING)
        handshake(c);
    if (c->state != CONNECTION_HANDSHAKING)
        stir(c);
    keep(c);
    connection_adjust(c);
}

/* Receives while somebody would take it, or the handshake would. */
static bool should_receive(const struct connection *c)
{
    if (c->destroyed || c->ended || c->dead)
        return false;
    if (c->stir == NULL || c->state == CONNECTION_HANDSHAKING)
        return true;
    return c->state == CONNECTION_OPEN && c->wanted > 0 && c->in.len == 0 &&
           (c->tls == NULL || !tls_has_plain(c->tls));
}

void connection_adjust(struct connection *c)
{
    bool receive = should_receive(c);
    int status;

    if (c->destroyed || receive == c->receiving)
        return;
    c->receiving = receive;
    if (!receive) {
        uv_read_stop((uv_stream_t *)c->tcp);
        return;
    }
    status = uv_read_start((uv_stream_t *)c->tcp, on_alloc, on_read);
    if (status < 0) {
        c->receiving = false;
        c->ended = true;
        die(c, uv_strerror(status));
    }
}

void connection_want(struct connection *c, size_t room)
{
    c->wanted = room;
    connection_adjust(c);
}

static enum connection_status read_sealed(struct connection *c, size_t cap,
                                          struct span *octets)
{
    size_t got = 0;
    enum tls_status status =
        tls_read(c->tls, &c->in, c->space->plain,
                 cap < READ_CHUNK ? cap : READ_CHUNK, &got, &c->space->sealed);

    consumed(c);
    connection_send_sealed(c);
    if (status == TLS_OK) {
        *octets = span_make(c->space->plain, got);
        return CONNECTION_OK;
    }
    if (status == TLS_MORE)
        return CONNECTION_MORE;
    if (status == TLS_END)
        c->ended = true;
    else
        break_off(c, CONNECTION_BROKEN, tls_failure(c->tls));
    return CONNECTION_END;
}

static enum connection_status read_clear(struct connection *c, size_t cap,
                                         struct span *octets)
{
    if (c->in.len == 0)
        return CONNECTION_MORE;
    *octets = span_take(&c->in, cap < c->in.len ? cap : c->in.len);
    return CONNECTION_OK;
}

enum connection_status connection_read(struct connection *c, size_t cap,
                                       struct span *octets)
{
    enum connection_status status;

    assert(c->stir != NULL && cap > 0);
    consumed(c);
    if (c->state == CONNECTION_HANDSHAKING)
        return CONNECTION_MORE;
    if (c->state == CONNECTION_UNTRUSTED)
        return CONNECTION_END;
    if (c->tls != NULL)
        status = read_sealed(c, cap, octets);
    else
        status = read_clear(c, cap, octets);
    if (status == CONNECTION_MORE && (c->ended || is_broken(c)))
        return CONNECTION_END;
    return status;
}

/* --- TLS --- */

static void on_handshake_late(uv_timer_t *timer)
{
    struct connection *c = timer->data;

    break_off(c, CONNECTION_BROKEN, "the handshake took too long");
    stir(c);
}

static void handshake(struct connection *c)
{
    enum tls_status status = tls_handshake(c->tls, &c->in, &c->space->sealed);

    consumed(c);
    connection_send_sealed(c);
    switch (status) {
    case TLS_OK:
        if (!is_broken(c)) {
            c->state = CONNECTION_OPEN;
            uv_timer_stop(&c->timer);
        }
        return;
    case TLS_MORE:
        if (!c->ended)
            return;
        break;
    case TLS_END: /* what follows it is not taken, and may not wait here */
        break;
    case TLS_EUNTRUSTED:
        break_off(c, CONNECTION_UNTRUSTED, tls_failure(c->tls));
        return;
    case TLS_EFAILED:
    case TLS_EMEMORY:
        break_off(c, CONNECTION_BROKEN, tls_failure(c->tls));
        return;
    }
    break_off(c, CONNECTION_BROKEN, "ended within the handshake");
}

void connection_start_tls(struct connection *c, struct tls *tls)
{
    assert(c->tls == NULL && c->stir != NULL);
    c->tls = tls;
    if (is_broken(c))
        return;
    if (c->in.len > 0) {
        break_off(c, CONNECTION_BROKEN, "octets in clear where TLS begins");
        return;
    }
    c->state = CONNECTION_HANDSHAKING;
    uv_timer_start(&c->timer, on_handshake_late, TLS_HANDSHAKE_TIMEOUT_MS, 0);
    handshake(c); /* a client speaks first */
    connection_adjust(c);
}

/* --- facts --- */

enum connection_state connection_state(const struct connection *c)
{
    return c->state;
}

struct address_text connection_peer(const struct connection *c)
{
    union address peer = address_of_peer(c->tcp);

    return address_describe(&peer);
}

const struct tls *connection_tls(const struct connection *c)
{
    return c->tls;
}

const char *connection_failure(const struct connection *c)
{
    return c->failure;
}
