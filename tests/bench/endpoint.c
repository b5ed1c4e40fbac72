#include "bench/endpoint.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/options.h"

#define BACKLOG 4096

/* Replies are small and waited for: Nagle would cost 40 ms each. */
static void tune(int fd)
{
    int on = 1;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static const struct sockaddr *as_sockaddr(const struct endpoint *e)
{
    const void *as_is = &e->address;

    return as_is;
}

/* --- the option --- */

static void look_up(struct endpoint *e, const char *name, const char *port)
{
    static const struct addrinfo hints = { .ai_family = AF_UNSPEC,
                                           .ai_socktype = SOCK_STREAM };
    struct addrinfo *found;
    int status = getaddrinfo(e->host, port, &hints, &found);

    if (status != 0)
        die(EXIT_USAGE, "--%s: %s: %s", name, e->host, gai_strerror(status));
    memcpy(&e->address, found->ai_addr, found->ai_addrlen);
    e->len = found->ai_addrlen;
    freeaddrinfo(found);
}

struct endpoint endpoint_parse(const char *name, const char *text)
{
    struct endpoint e = { .len = 0 };
    const char *colon = strrchr(text, ':');
    size_t len = colon != NULL ? (size_t)(colon - text) : 0;

    if (colon == NULL || len == 0 || len >= sizeof(e.host))
        die(EXIT_USAGE, "--%s: %s is not HOST:PORT", name, text);
    (void)option_number(name, colon + 1, 0, UINT16_MAX);
    if (text[0] == '[' && text[len - 1] == ']') {
        text++;
        len -= 2;
    }
    memcpy(e.host, text, len);
    look_up(&e, name, colon + 1);
    return e;
}

/* --- listening --- */

int endpoint_listen(struct endpoint *at)
{
    void *as_is = &at->address;
    int on = 1;
    int fd = socket(at->address.ss_family,
                    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0 ||
        bind(fd, as_is, at->len) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, as_is, &at->len) != 0)
        die(EXIT_FAILED, "--listen %s: %s", at->host, strerror(errno));
    return fd;
}

void endpoint_announce(const struct endpoint *at)
{
    const void *as_is = &at->address;
    in_port_t port;

    if (at->address.ss_family == AF_INET6)
        port = ((const struct sockaddr_in6 *)as_is)->sin6_port;
    else
        port = ((const struct sockaddr_in *)as_is)->sin_port;
    (void)printf("port %u\n", ntohs(port));
    (void)fflush(stdout);
}

int endpoint_accept(int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd >= 0)
        tune(fd);
    return fd;
}

/* --- connecting --- */

int endpoint_connect(const struct endpoint *to)
{
    int fd = socket(to->address.ss_family,
                    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int code;

    if (fd < 0)
        return -1;
    tune(fd);
    if (connect(fd, as_sockaddr(to), to->len) == 0 || errno == EINPROGRESS)
        return fd;
    code = errno;
    close(fd);
    errno = code;
    return -1;
}
