/* How a connection closes, and when its memory goes. */
#include <assert.h>
#include <stdlib.h>

#include "base/limits.h"
#include "net/connection_parts.h"

static void on_closed(uv_handle_t *handle)
{
    struct connection *c = handle->data;

    assert(c->open_handles > 0);
    if (--c->open_handles > 0)
        return;
    tls_free(c->tls);
    buf_fini(&c->kept);
    sender_fini(&c->sender);
    c->space->connections--;
    free(c->tcp);
    free(c);
}

void connection_destroy(struct connection *c)
{
    c->stir = NULL;
    if (c->destroyed)
        return;
    c->destroyed = true;
    uv_close((uv_handle_t *)c->tcp, on_closed);
    uv_close((uv_handle_t *)&c->timer, on_closed);
}

static void on_finished(uv_shutdown_t *request, int status)
{
    struct connection *c = request->data;

    if (status < 0 || c->ended)
        connection_destroy(c);
}

void connection_finish(struct connection *c)
{
    if (c->destroyed || (sender_is_busy(&c->sender) && !c->dead))
        return;
    if (c->ended || c->dead) {
        connection_destroy(c);
        return;
    }
    if (c->finished)
        return;
    c->finished = true;
    c->shutdown_request.data = c;
    if (uv_shutdown(&c->shutdown_request, (uv_stream_t *)c->tcp, on_finished) !=
        0)
        connection_destroy(c);
}

static void on_closing_late(uv_timer_t *timer)
{
    struct connection *c = timer->data;
    size_t left = uv_stream_get_write_queue_size((uv_stream_t *)c->tcp);

    if (left == 0 || left >= c->unsent_before) {
        connection_destroy(c);
        return;
    }
    c->unsent_before = left;
    uv_timer_again(timer);
}

void connection_close(struct connection *c)
{
    if (c == NULL)
        return;
    if (c->state == CONNECTION_HANDSHAKING) {
        connection_abort(c);
        return;
    }
    c->stir = NULL;
    if (c->tls != NULL) {
        tls_close_notify(c->tls, &c->space->sealed);
        connection_send_sealed(c);
    }
    c->in = (struct span){ NULL, 0 };
    buf_clear(&c->kept);
    c->unsent_before = uv_stream_get_write_queue_size((uv_stream_t *)c->tcp);
    uv_timer_start(&c->timer, on_closing_late, CLOSE_TIMEOUT_MS,
                   CLOSE_TIMEOUT_MS);
    connection_finish(c);
    connection_adjust(c);
}

void connection_abort(struct connection *c)
{
    if (c != NULL)
        connection_destroy(c);
}
