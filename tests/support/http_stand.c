#include "support/http_stand.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

struct http_visitor {
    bool is_here;
    uv_tcp_t tcp;
    struct http_stand *stand;
    uv_write_t write;
    char text[HTTP_STAND_REQUEST_MAX];
    size_t length;
};

static void free_if_empty(struct http_stand *s)
{
    for (size_t i = 0; i < HTTP_STAND_VISITORS_MAX; i++)
        if (s->visitors[i].is_here)
            return;
    if (s->is_closed)
        free(s->visitors);
}

/* It wipes what it was told, so that a test may look for what others leave. */
static void on_closed(uv_handle_t *handle)
{
    struct http_visitor *v = handle->data;

    wipe(v->text, sizeof(v->text));
    v->length = 0;
    v->is_here = false;
    free_if_empty(v->stand);
}

static void hang_up(struct http_visitor *v)
{
    if (!uv_is_closing((uv_handle_t *)&v->tcp))
        uv_close((uv_handle_t *)&v->tcp, on_closed);
}

static void on_written(uv_write_t *write, int status)
{
    (void)status;
    hang_up(write->data);
}

/* Head and body; 0: not all is there. */
static size_t whole(const char *text)
{
    const char *end = strstr(text, "\r\n\r\n");
    const char *field = strstr(text, "Content-Length: ");
    size_t head = end != NULL ? (size_t)(end - text) + 4 : 0;
    size_t body = 0;

    if (end == NULL)
        return 0;
    if (field != NULL && field < end)
        body = strtoul(field + 16, NULL, 10);
    return strlen(text) >= head + body ? head + body : 0;
}

static void answer(struct http_visitor *v)
{
    struct http_stand *s = v->stand;
    unsigned last = s->answer_count - 1;
    const char *text = s->answers[s->requests < last ? s->requests : last];
    union {
        const char *from;
        char *to;
    } no_const = { text };
    uv_buf_t octets;

    (void)snprintf(s->request, sizeof(s->request), "%s", v->text);
    s->requests++;
    if (text == NULL)
        return;
    octets = uv_buf_init(no_const.to, (unsigned)strlen(text));
    v->write.data = v;
    if (uv_write(&v->write, (uv_stream_t *)&v->tcp, &octets, 1, on_written) !=
        0)
        abort();
}

static void give_room(uv_handle_t *handle, size_t size, uv_buf_t *room)
{
    struct http_visitor *v = handle->data;

    (void)size;
    *room = uv_buf_init(v->text + v->length,
                        (unsigned)(sizeof(v->text) - 1 - v->length));
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *room)
{
    struct http_visitor *v = stream->data;

    (void)room;
    if (count < 0) {
        hang_up(v);
        return;
    }
    v->length += (size_t)count;
    v->text[v->length] = '\0';
    if (whole(v->text) != 0)
        answer(v);
}

static void on_visitor(uv_stream_t *listening, int status)
{
    struct http_stand *s = listening->data;
    struct http_visitor *v = s->visitors;

    while (v->is_here)
        if (++v == s->visitors + HTTP_STAND_VISITORS_MAX)
            abort();
    v->is_here = true;
    if (status != 0 || uv_tcp_init(s->loop, &v->tcp) != 0)
        abort();
    v->stand = s;
    v->tcp.data = v;
    if (uv_accept(listening, (uv_stream_t *)&v->tcp) != 0 ||
        uv_read_start((uv_stream_t *)&v->tcp, give_room, on_read) != 0)
        abort();
}

void http_stand_open(struct http_stand *s, uv_loop_t *loop)
{
    struct sockaddr_in name;
    int length = sizeof(name);

    memset(s, 0, sizeof(*s));
    s->loop = loop;
    s->visitors = calloc(HTTP_STAND_VISITORS_MAX, sizeof(*s->visitors));
    if (s->visitors == NULL)
        abort();
    if (uv_ip4_addr("127.0.0.1", 0, &name) != 0 ||
        uv_tcp_init(loop, &s->listening) != 0 ||
        uv_tcp_bind(&s->listening, (struct sockaddr *)&name, 0) != 0 ||
        uv_listen((uv_stream_t *)&s->listening, 8, on_visitor) != 0 ||
        uv_tcp_getsockname(&s->listening, (struct sockaddr *)&name, &length) !=
            0)
        abort();
    s->listening.data = s;
    s->port = ntohs(name.sin_port);
    (void)snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%u", s->port);
}

static void on_stand_closed(uv_handle_t *handle)
{
    struct http_stand *s = handle->data;

    for (size_t i = 0; i < HTTP_STAND_VISITORS_MAX; i++)
        if (s->visitors[i].is_here)
            hang_up(&s->visitors[i]);
    s->is_closed = true;
    free_if_empty(s);
}

void http_stand_close(struct http_stand *s)
{
    uv_close((uv_handle_t *)&s->listening, on_stand_closed);
}
