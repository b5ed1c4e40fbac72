#include "access/command_client.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "base/buf.h"

struct command_call {
    struct command_call *next; /* utlist */
    struct command_call *prev;
    struct command_client *client;
    uint64_t number;
    command_call_done *done;
    void *owner;
};

struct command_client {
    uv_poll_t poll;
    int fd;
    uint64_t next_number;
    struct command_call *calls;
    struct command_answer answer;
    bool is_gone; /* the runner */
};

static void tell(struct command_call *call, enum command_outcome outcome,
                 struct span printed)
{
    DL_DELETE(call->client->calls, call);
    call->done(call->owner, outcome, printed);
    free(call);
}

/* Whoever is told may ask again, and is refused. */
static void lose_runner(struct command_client *c)
{
    c->is_gone = true;
    (void)uv_poll_stop(&c->poll);
    while (c->calls != NULL)
        tell(c->calls, COMMAND_GONE, span_make(NULL, 0));
}

static void take_answer(struct command_client *c)
{
    const struct command_answer *a = &c->answer;
    struct command_call *call;

    DL_SEARCH_SCALAR(c->calls, call, number, a->number);
    if (call != NULL)
        tell(call, (enum command_outcome)a->outcome,
             span_make(a->printed, a->length));
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct command_client *c = poll->data;
    const size_t head = offsetof(struct command_answer, printed);
    ssize_t count = recv(c->fd, &c->answer, sizeof(c->answer), MSG_DONTWAIT);

    (void)events;
    if (count < 0 && status == 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (count < (ssize_t)head || (size_t)count != head + c->answer.length ||
        c->answer.outcome > COMMAND_GONE)
        lose_runner(c);
    else
        take_answer(c);
    wipe(&c->answer, sizeof(c->answer));
}

struct command_client *command_client_new(uv_loop_t *loop, int fd)
{
    struct command_client *c = calloc(1, sizeof(*c));

    if (c == NULL || uv_poll_init_socket(loop, &c->poll, fd) != 0) {
        (void)close(fd);
        free(c);
        return NULL;
    }
    c->fd = fd;
    c->poll.data = c;
    (void)uv_poll_start(&c->poll, UV_READABLE, on_poll);
    uv_unref((uv_handle_t *)&c->poll);
    return c;
}

struct command_call *command_client_ask(struct command_client *c,
                                        const char *source, const char *account,
                                        command_call_done *done, void *owner)
{
    struct command_question q = { .number = ++c->next_number };
    struct command_call *call;

    if (c->is_gone ||
        snprintf(q.source, sizeof(q.source), "%s", source) >=
            (int)sizeof(q.source) ||
        snprintf(q.account, sizeof(q.account), "%s", account) >=
            (int)sizeof(q.account))
        return NULL;
    call = calloc(1, sizeof(*call));
    if (call == NULL)
        return NULL;
    if (send(c->fd, &q, sizeof(q), MSG_DONTWAIT | MSG_NOSIGNAL) !=
        (ssize_t)sizeof(q)) {
        free(call);
        return NULL;
    }
    call->client = c;
    call->number = q.number;
    call->done = done;
    call->owner = owner;
    DL_APPEND(c->calls, call);
    return call;
}

void command_call_cancel(struct command_call *call)
{
    if (call == NULL)
        return;
    DL_DELETE(call->client->calls, call);
    free(call);
}

static void on_closed(uv_handle_t *handle)
{
    struct command_client *c = handle->data;

    (void)close(c->fd);
    free(c);
}

void command_client_close(struct command_client *c)
{
    if (c == NULL)
        return;
    while (c->calls != NULL)
        command_call_cancel(c->calls);
    uv_close((uv_handle_t *)&c->poll, on_closed);
}
