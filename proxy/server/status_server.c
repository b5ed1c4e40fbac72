#include "server/status_server.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <utlist.h>

#include "net/listener.h"
#include "server/http_request.h"
#include "server/status_answer.h"

#define READ_SIZE 4096
#define PROBLEM_MAX 256
#define BACKLOG 64
/* What a client may still send while its connection closes. */
#define LINGER_OCTETS_MAX (256 * 1024)

enum client_state {
    CLIENT_READING,   /* for a request, or a part of one has come */
    CLIENT_WAITING,   /* for the sessions; nothing is read meanwhile */
    CLIENT_WRITING,   /* an answer; the same */
    CLIENT_LINGERING, /* we are done; what comes is thrown away */
    CLIENT_CLOSING,   /* the handles close */
};

struct client {
    uv_tcp_t tcp;
    uv_timer_t timer;
    uv_write_t write;
    uv_shutdown_t shutdown;
    unsigned open_handles;
    struct status_server *server;
    struct client *prev, *next;

    enum client_state state;
    bool in_head;            /* the timer is that of a head */
    bool keep_alive;         /* once the answer at hand is written */
    enum http_method method; /* WAITING */
    unsigned requests;
    size_t lingered; /* octets */
    struct http_reader reader;
    struct span unread; /* in |in| */
    struct buf out;
    unsigned char in[READ_SIZE];
};

struct status_server {
    uv_tcp_t tcp;
    struct status_source source;
    struct client *clients;
    unsigned client_count;
    bool is_waiting; /* a connection was not accepted yet */
    bool is_closing;
    bool is_closed; /* the listening handle */
};

static void accept_one(struct status_server *s);
static void serve(struct client *c);

/* --- the end of things --- */

static void free_if_done(struct status_server *s)
{
    if (s->is_closed && s->client_count == 0)
        free(s);
}

static void on_client_closed(uv_handle_t *handle)
{
    struct client *c = handle->data;
    struct status_server *s = c->server;

    assert(c->open_handles > 0);
    if (--c->open_handles > 0)
        return;
    DL_DELETE(s->clients, c);
    s->client_count--;
    buf_fini(&c->out);
    free(c);
    if (s->is_waiting && !s->is_closing)
        accept_one(s);
    free_if_done(s);
}

static void client_close(struct client *c)
{
    if (c->state == CLIENT_CLOSING)
        return;
    c->state = CLIENT_CLOSING;
    uv_close((uv_handle_t *)&c->tcp, on_client_closed);
    uv_close((uv_handle_t *)&c->timer, on_client_closed);
}

/* --- answering --- */

static uint64_t unix_seconds(void)
{
    return (uint64_t)time(NULL);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf);

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct client *c = handle->data;

    (void)suggested;
    assert(c->unread.len == 0);
    *buf = uv_buf_init((char *)c->in, sizeof(c->in));
}

static void on_time(uv_timer_t *timer);

static void set_timer(struct client *c, uint64_t ms)
{
    (void)uv_timer_start(&c->timer, on_time, ms, 0);
}

/* Reading already is as good. */
static void start_reading(struct client *c)
{
    int result = uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);

    if (result != 0 && result != UV_EALREADY)
        client_close(c);
}

static void on_shutdown(uv_shutdown_t *request, int status)
{
    struct client *c = request->handle->data;

    if (status != 0)
        client_close(c);
}

/* The last answer is written. To close while octets of the client are unread
 * would reset the connection and could take that answer away from it: so our
 * half is closed, and what comes is read and dropped for a while.
 * RFC 9112 §9.6.
 */
static void linger(struct client *c)
{
    c->state = CLIENT_LINGERING;
    c->unread = (struct span){ NULL, 0 };
    set_timer(c, CLOSE_TIMEOUT_MS);
    if (uv_shutdown(&c->shutdown, (uv_stream_t *)&c->tcp, on_shutdown) != 0)
        client_close(c);
    else
        start_reading(c);
}

static void on_written(uv_write_t *request, int status)
{
    struct client *c = request->handle->data;

    if (c->state == CLIENT_CLOSING)
        return;
    if (status != 0) {
        client_close(c);
        return;
    }
    buf_clear(&c->out);
    if (!c->keep_alive) {
        linger(c);
        return;
    }
    c->state = CLIENT_READING;
    c->in_head = false;
    serve(c);
}

/* Sends what is in |out|; |good|: it could be put together. */
static void send_answer(struct client *c, bool good, bool keep_alive)
{
    struct span out = buf_span(&c->out);
    uv_buf_t buf;

    if (!good) {
        client_close(c);
        return;
    }
    buf = uv_buf_init((char *)c->out.data + c->out.start, (unsigned)out.len);
    c->state = CLIENT_WRITING;
    c->keep_alive = keep_alive;
    (void)uv_read_stop((uv_stream_t *)&c->tcp);
    set_timer(c, HTTP_IDLE_TIMEOUT_MS);
    if (uv_write(&c->write, (uv_stream_t *)&c->tcp, &buf, 1, on_written) != 0)
        client_close(c);
}

/* The list comes in a moment. */
static void await_sessions(struct client *c, enum http_method method,
                           bool keep_alive)
{
    const struct status_source *source = &c->server->source;
    const union address from = address_of_peer(&c->tcp);

    if (!source->may_list(source->data, &from)) {
        send_answer(c,
                    status_answer_write_sessions(method, span_make("", 0), true,
                                                 keep_alive, unix_seconds(),
                                                 &c->out),
                    keep_alive);
        return;
    }
    c->state = CLIENT_WAITING;
    c->method = method;
    c->keep_alive = keep_alive;
    (void)uv_read_stop((uv_stream_t *)&c->tcp);
    set_timer(c, HTTP_IDLE_TIMEOUT_MS);
    source->ask_sessions(source->data);
}

void status_server_tell_sessions(struct status_server *s, struct span json)
{
    struct client *c;
    struct client *next;

    if (s == NULL)
        return;
    DL_FOREACH_SAFE (s->clients, c, next)
        if (c->state == CLIENT_WAITING)
            send_answer(c,
                        json.len > 0 &&
                            status_answer_write_sessions(
                                c->method, json, false, c->keep_alive,
                                unix_seconds(), &c->out),
                        c->keep_alive);
}

static void answer(struct client *c, const struct http_request *request)
{
    struct status_figures figures = { .version = NULL };
    bool keep_alive;

    c->requests++;
    keep_alive = request->keep_alive && c->requests < HTTP_REQUESTS_MAX;
    if (status_answer_wants_sessions(request)) {
        await_sessions(c, request->method, keep_alive);
        return;
    }
    c->server->source.figures(c->server->source.data, &figures);
    send_answer(c,
                status_answer_write(request, &figures, keep_alive,
                                    unix_seconds(), &c->out),
                keep_alive);
}

static void answer_error(struct client *c, enum http_code code,
                         enum http_method method)
{
    send_answer(
        c, status_answer_write_error(code, method, unix_seconds(), &c->out),
        false);
}

/* --- reading --- */

/* Time runs from the first octet of a head, and is not renewed by others. */
static void await_more(struct client *c)
{
    bool in_head = http_reader_has_begun(&c->reader);

    if (in_head && !c->in_head)
        set_timer(c, HTTP_HEAD_TIMEOUT_MS);
    else if (!in_head)
        set_timer(c, HTTP_IDLE_TIMEOUT_MS);
    c->in_head = in_head;
    start_reading(c);
}

/* Answers the next request of what was read, or reads on. */
static void serve(struct client *c)
{
    struct http_request request;

    switch (http_request_next(&c->reader, &c->unread, &request)) {
    case HTTP_REQUEST_READY:
        answer(c, &request);
        break;
    case HTTP_REQUEST_MORE:
        await_more(c);
        break;
    case HTTP_REQUEST_BAD:
        answer_error(c, request.error, request.method);
        break;
    }
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct client *c = stream->data;

    if (n == 0)
        return;
    if (n < 0) {
        client_close(c);
        return;
    }
    if (c->state == CLIENT_LINGERING) {
        c->lingered += (size_t)n;
        if (c->lingered > LINGER_OCTETS_MAX)
            client_close(c);
        return;
    }
    c->unread = span_make(buf->base, (size_t)n);
    serve(c);
}

static void on_time(uv_timer_t *timer)
{
    struct client *c = timer->data;

    if (c->state == CLIENT_READING && c->in_head)
        answer_error(c, HTTP_TIMEOUT, HTTP_METHOD_UNKNOWN);
    else
        client_close(c);
}

/* --- connections --- */

static void accept_one(struct status_server *s)
{
    struct client *c;

    s->is_waiting = s->client_count >= HTTP_CONNECTIONS_MAX;
    if (s->is_waiting)
        return;
    c = calloc(1, sizeof(*c));
    if (c == NULL) {
        s->is_waiting = true; /* until a client goes */
        return;
    }
    c->server = s;
    buf_init(&c->out, STATUS_ANSWER_MAX);
    http_reader_init(&c->reader);
    (void)uv_tcp_init(s->tcp.loop, &c->tcp);
    (void)uv_timer_init(s->tcp.loop, &c->timer);
    c->tcp.data = c;
    c->timer.data = c;
    c->open_handles = 2;
    DL_APPEND(s->clients, c);
    s->client_count++;
    if (uv_accept((uv_stream_t *)&s->tcp, (uv_stream_t *)&c->tcp) != 0) {
        client_close(c);
        return;
    }
    (void)uv_tcp_nodelay(&c->tcp, 1);
    await_more(c);
}

static void on_connection(uv_stream_t *stream, int status)
{
    if (status == 0)
        accept_one(stream->data);
}

/* Takes |fd|. Returns 0 or libuv's code. */
static int listen_on(struct status_server *s, int fd)
{
    int result = uv_tcp_open(&s->tcp, fd);

    if (result != 0) {
        (void)close(fd);
        return result;
    }
    return uv_listen((uv_stream_t *)&s->tcp, BACKLOG, on_connection);
}

struct status_server *status_server_new(uv_loop_t *loop,
                                        const struct config_address *address,
                                        bool alone, struct status_source source,
                                        char *error, size_t error_size)
{
    struct status_server *s = calloc(1, sizeof(*s));
    char problem[PROBLEM_MAX] = "out of memory";
    int result;
    int fd = -1;

    if (s != NULL) {
        s->source = source;
        (void)uv_tcp_init(loop, &s->tcp);
        s->tcp.data = s;
        fd = listener_bind(address->host, address->port, alone, problem,
                           sizeof(problem));
    }
    if (fd >= 0) {
        result = listen_on(s, fd);
        if (result == 0)
            return s;
        (void)snprintf(problem, sizeof(problem), "%s", uv_strerror(result));
    }
    (void)snprintf(error, error_size, "[status] address: %s", problem);
    status_server_close(s);
    return NULL;
}

static void on_server_closed(uv_handle_t *handle)
{
    struct status_server *s = handle->data;

    s->is_closed = true;
    free_if_done(s);
}

void status_server_close(struct status_server *s)
{
    struct client *c;

    if (s == NULL || s->is_closing)
        return;
    s->is_closing = true;
    uv_close((uv_handle_t *)&s->tcp, on_server_closed);
    DL_FOREACH (s->clients, c)
        client_close(c);
}
