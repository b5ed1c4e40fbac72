#include "net/detached.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/connection_parts.h"
#include "net/tcp.h"

/* --- out of a loop --- */

static bool is_at_rest(const struct connection *c)
{
    return c->state == CONNECTION_OPEN && c->stir != NULL && !c->ended &&
           c->in.len == 0 && !sender_is_busy(&c->sender) &&
           (c->tls == NULL || !tls_has_plain(c->tls));
}

/* A second descriptor of the socket, because libuv closes its own. */
static int duplicate(const struct connection *c)
{
    uv_os_fd_t fd;

    if (uv_fileno((const uv_handle_t *)c->tcp, &fd) != 0)
        return -1;
    return fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

bool connection_detach(struct connection *c, struct detached *d)
{
    int fd = is_at_rest(c) ? duplicate(c) : -1;

    if (fd < 0)
        return false;
    *d = (struct detached){ fd, c->tls };
    if (c->tls != NULL)
        tls_release_resumption(c->tls);
    c->tls = NULL;
    connection_destroy(c);
    return true;
}

/* --- and into another --- */

static void discard(struct detached *d)
{
    tls_free(d->tls);
    close(d->fd);
}

/* NULL: |fd| is still the caller's. */
static uv_tcp_t *open_tcp(uv_loop_t *loop, int fd)
{
    uv_tcp_t *tcp = malloc(sizeof(*tcp));

    if (tcp == NULL)
        return NULL;
    if (uv_tcp_init(loop, tcp) != 0) {
        free(tcp);
        return NULL;
    }
    if (uv_tcp_open(tcp, fd) == 0)
        return tcp;
    tcp_discard(tcp);
    return NULL;
}

struct connection *connection_attach(struct connection_space *space,
                                     struct detached *d, connection_stir *stir,
                                     void *owner)
{
    uv_tcp_t *tcp = open_tcp(space->loop, d->fd);
    struct connection *c;

    if (tcp == NULL) {
        discard(d);
        return NULL;
    }
    c = connection_new(space, tcp, stir, owner);
    if (c == NULL)
        tls_free(d->tls);
    else
        c->tls = d->tls;
    return c;
}

/* --- meanwhile --- */

bool detached_is_alive(const struct detached *d)
{
    struct pollfd look = { .fd = d->fd, .events = POLLRDHUP };

    return poll(&look, 1, 0) == 0;
}

static void say(const struct detached *d, struct span octets)
{
    if (octets.len > 0)
        (void)!send(d->fd, octets.data, octets.len,
                    MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* The words and close_notify, sealed. */
static void say_sealed(const struct detached *d, struct span words)
{
    struct buf sealed;

    buf_init(&sealed, 2 * TLS_SEALED_MAX);
    if (words.len == 0 || tls_write(d->tls, &words, &sealed) == TLS_OK)
        tls_close_notify(d->tls, &sealed);
    say(d, buf_span(&sealed));
    buf_fini(&sealed);
}

void detached_end(struct detached *d, struct span last_words)
{
    if (d->tls != NULL)
        say_sealed(d, last_words);
    else
        say(d, last_words);
    discard(d);
}
