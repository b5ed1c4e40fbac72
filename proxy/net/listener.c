#include "net/listener.h"

#include <assert.h>
#include <errno.h>
#include <linux/filter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.h"
#include "net/tcp.h"

/* Connections that one turn of the loop accepts; others wait their turn. */
#define ACCEPTS_A_TURN 32

struct listener {
    int fd;
    uv_poll_t poll;
    uv_timer_t pause;
    listener_accepted *accepted;
    listener_paused *paused;
    listener_drained *drained; /* NULL: nobody is to be told */
    bool accepts_the_last;
    void *owner;
    unsigned open_handles;
    bool closed;
};

/* --- binding --- */

static void complain(char *error, size_t error_size, const char *host,
                     uint16_t port, int code)
{
    bool v6 = strchr(host, ':') != NULL;

    snprintf(error, error_size, "%s%s%s:%u: %s%s", v6 ? "[" : "", host,
             v6 ? "]" : "", port, uv_strerror(uv_translate_sys_error(code)),
             code == EACCES ? "; a port below 1024 takes CAP_NET_BIND_SERVICE, "
                              "or root until the user is changed"
                            : "");
}

static socklen_t parse_address(const char *host, uint16_t port,
                               struct sockaddr_storage *address)
{
    void *as_is = address;

    *address = (struct sockaddr_storage){ .ss_family = AF_UNSPEC };
    if (uv_ip4_addr(host, port, as_is) == 0)
        return sizeof(struct sockaddr_in);
    if (uv_ip6_addr(host, port, as_is) == 0)
        return sizeof(struct sockaddr_in6);
    return 0;
}

static bool set_option(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

/* A bound socket, or -1 with errno set. REUSEADDR: a restart need not wait for
 * connections in TIME_WAIT. REUSEPORT: one socket for each worker.
 */
static int bound_socket(const struct sockaddr_storage *address, socklen_t len,
                        bool shared)
{
    int fd = socket(address->ss_family,
                    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int code;

    if (fd < 0)
        return -1;
    if (set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) &&
        (!shared || set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1)) &&
        (address->ss_family != AF_INET6 ||
         set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0)) &&
        bind(fd, (const struct sockaddr *)address, len) == 0)
        return fd;
    code = errno;
    close(fd);
    errno = code;
    return -1;
}

/* A socket that does not share cannot be bound where another one listens. */
static bool is_free(const struct sockaddr_storage *address, socklen_t len)
{
    int fd = bound_socket(address, len, false);

    if (fd < 0)
        return false;
    close(fd);
    return true;
}

int listener_bind(const char *host, uint16_t port, bool alone, char *error,
                  size_t error_size)
{
    struct sockaddr_storage address;
    socklen_t len = parse_address(host, port, &address);
    int fd;

    if (len == 0) {
        complain(error, error_size, host, port, EINVAL);
        return -1;
    }
    if (alone && !is_free(&address, len)) {
        complain(error, error_size, host, port, errno);
        return -1;
    }
    fd = bound_socket(&address, len, true);
    if (fd < 0 || listen(fd, LISTEN_BACKLOG) != 0) {
        complain(error, error_size, host, port, errno);
        if (fd >= 0)
            close(fd);
        return -1;
    }
    return fd;
}

/* --- accepting --- */

static void on_ready(uv_poll_t *poll, int status, int events);

static void on_pause_over(uv_timer_t *timer)
{
    struct listener *l = timer->data;

    uv_poll_start(&l->poll, UV_READABLE, on_ready);
}

/* The connection that cannot be accepted would wake the loop again and again.
 */
static void rest(struct listener *l, const char *reason)
{
    uv_poll_stop(&l->poll);
    uv_timer_start(&l->pause, on_pause_over, ACCEPT_PAUSE_MS, 0);
    l->paused(l->owner, reason);
}

/* Returns 0 or libuv's code. Takes |fd| in any case. */
static int hand_over(struct listener *l, int fd)
{
    uv_tcp_t *tcp = malloc(sizeof(*tcp));
    int status = tcp != NULL ? uv_tcp_init(l->poll.loop, tcp) : UV_ENOMEM;

    if (status < 0) {
        free(tcp);
        close(fd);
        return status;
    }
    status = uv_tcp_open(tcp, fd);
    if (status < 0) {
        close(fd);
        tcp_discard(tcp);
        return status;
    }
    l->accepted(l->owner, tcp);
    return 0;
}

/* accept(2): these concern the connection that was to be accepted, which is
 * gone again.
 */
static bool is_about_the_peer(int code)
{
    switch (code) {
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
        return true;
    default:
        return false;
    }
}

/* Returns 0, also where the peer is to blame, or libuv's code. */
static int accept_one(struct listener *l)
{
    int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd >= 0)
        return hand_over(l, fd);
    return is_about_the_peer(errno) ? 0 : uv_translate_sys_error(errno);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct listener *l = poll->data;
    int failed = 0;

    (void)status; /* what is wrong, accept4 says better */
    (void)events;
    for (int i = 0; i < ACCEPTS_A_TURN && failed == 0 && !l->closed; i++)
        failed = accept_one(l);
    if (failed != 0 && failed != UV_EAGAIN)
        rest(l, uv_strerror(failed));
}

/* Right before the socket closes, so that none comes in between. It could go on
 * for ever where they come faster than they are accepted.
 */
static void accept_the_last(struct listener *l)
{
    int failed = 0;

    for (int i = 0; i < LISTEN_BACKLOG && failed == 0; i++)
        failed = accept_one(l);
}

static void on_closed(uv_handle_t *handle)
{
    struct listener *l = handle->data;

    assert(l->open_handles > 0);
    if (--l->open_handles > 0)
        return;
    if (l->accepts_the_last)
        accept_the_last(l);
    close(l->fd);
    if (l->drained != NULL)
        l->drained(l->owner);
    free(l);
}

struct listener *listener_new(uv_loop_t *loop, int fd,
                              listener_accepted *accepted,
                              listener_paused *paused, void *owner)
{
    struct listener *l = calloc(1, sizeof(*l));

    if (l == NULL || uv_poll_init(loop, &l->poll, fd) != 0) {
        free(l);
        close(fd);
        return NULL;
    }
    l->fd = fd;
    l->accepted = accepted;
    l->paused = paused;
    l->owner = owner;
    l->poll.data = l;
    uv_timer_init(loop, &l->pause);
    l->pause.data = l;
    l->open_handles = 2;
    uv_poll_start(&l->poll, UV_READABLE, on_ready);
    return l;
}

/* socket(7), SO_ATTACH_REUSEPORT_CBPF: what the program returns is the number of
 * a socket in the group; one that does not exist is as good as no program.
 */
void listener_divert(struct listener *l, unsigned index)
{
    struct sock_filter program[] = { BPF_STMT(BPF_RET | BPF_K, index) };
    const struct sock_fprog filter = { 1, program };

    (void)setsockopt(l->fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &filter,
                     sizeof(filter));
}

void listener_undivert(struct listener *l)
{
    (void)set_option(l->fd, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, 0);
}

void listener_close(struct listener *l)
{
    if (l == NULL || l->closed)
        return;
    l->closed = true;
    uv_close((uv_handle_t *)&l->poll, on_closed);
    uv_close((uv_handle_t *)&l->pause, on_closed);
}

void listener_drain(struct listener *l, bool leaves, listener_drained *drained)
{
    assert(!l->closed);
    l->accepts_the_last = !leaves;
    l->drained = drained;
    listener_close(l);
}
