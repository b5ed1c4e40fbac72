#include "net/sender.h"

void sender_init(struct sender *s, uv_stream_t *stream, size_t max,
                 sender_drained *drained, void *owner)
{
    *s =
        (struct sender){ .stream = stream, .drained = drained, .owner = owner };
    buf_init(&s->flying, max);
    buf_init(&s->waiting, max);
}

void sender_fini(struct sender *s)
{
    buf_fini(&s->flying);
    buf_fini(&s->waiting);
}

/* The first reason stands. */
static void fail(struct sender *s, const char *failure)
{
    if (s->failure == NULL)
        s->failure = failure;
    buf_clear(&s->waiting);
}

static void take_off(struct sender *s);

static void on_written(uv_write_t *request, int status)
{
    struct sender *s = request->data;

    s->in_flight = false;
    buf_clear(&s->flying);
    if (status < 0)
        fail(s, uv_strerror(status));
    else if (buf_length(&s->waiting) > 0)
        take_off(s);
    if (!s->in_flight)
        s->drained(s->owner);
}

static uv_buf_t as_uv_buf(struct span octets)
{
    /* uv_buf_t knows no const; libuv only reads what it writes. */
    return uv_buf_init((char *)(uintptr_t)octets.data, (unsigned)octets.len);
}

static void take_off(struct sender *s)
{
    struct buf empty = s->flying;
    uv_buf_t all;
    int status;

    s->flying = s->waiting;
    s->waiting = empty;
    all = as_uv_buf(buf_span(&s->flying));
    s->request.data = s;
    status = uv_write(&s->request, s->stream, &all, 1, on_written);
    if (status < 0)
        fail(s, uv_strerror(status));
    else
        s->in_flight = true;
}

/* As much as the socket takes now. */
static void send_now(struct sender *s, struct span *octets)
{
    uv_buf_t all = as_uv_buf(*octets);
    int sent = uv_try_write(s->stream, &all, 1);

    if (sent >= 0)
        span_take(octets, (size_t)sent);
    else if (sent != UV_EAGAIN)
        fail(s, uv_strerror(sent));
}

void sender_send(struct sender *s, struct span octets)
{
    if (octets.len == 0 || s->failure != NULL)
        return;
    if (!s->in_flight)
        send_now(s, &octets);
    if (octets.len == 0 || s->failure != NULL)
        return;
    if (!buf_append(&s->waiting, octets))
        fail(s, "the peer does not take what is sent");
    else if (!s->in_flight)
        take_off(s);
}

bool sender_is_busy(const struct sender *s)
{
    return s->in_flight;
}

size_t sender_unsent(const struct sender *s)
{
    return buf_length(&s->flying) + buf_length(&s->waiting);
}
