#include "server/inherited.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/span.h"
#include "net/address.h"

#define FIRST_FD 3 /* SD_LISTEN_FDS_START */
#define COUNT_MAX 256

/* --- the environment --- */

/* Up to |max|, else 0. */
static uint64_t number(const char *text, uint64_t max)
{
    uint64_t value = 0;

    if (text != NULL && !span_to_number(span_from_string(text), max, &value))
        return 0;
    return value;
}

static bool is_ours(void)
{
    return number(getenv("LISTEN_PID"), INT32_MAX) == (uint64_t)getpid();
}

/* The |i|th of the names, with colons between them; to be freed. */
static char *name_of(size_t i)
{
    const char *names = getenv("LISTEN_FDNAMES");

    for (; names != NULL && i > 0; i--) {
        names = strchr(names, ':');
        if (names != NULL)
            names++;
    }
    return names != NULL ? strndup(names, strcspn(names, ":")) : strdup("");
}

/* --- sockets --- */

static int option(int fd, int which)
{
    int value = -1;
    socklen_t size = sizeof(value);

    return getsockopt(fd, SOL_SOCKET, which, &value, &size) == 0 ? value : -1;
}

static bool listens(int fd)
{
    int domain = option(fd, SO_DOMAIN);

    return (domain == AF_INET || domain == AF_INET6) &&
           option(fd, SO_TYPE) == SOCK_STREAM && option(fd, SO_ACCEPTCONN) == 1;
}

static bool take(struct inherited *in, size_t i, char *error, size_t error_size)
{
    struct inherited_socket *s = &in->at[i];
    int fd = FIRST_FD + (int)i;

    s->name = name_of(i);
    if (s->name == NULL)
        return false;
    (void)snprintf(error, error_size,
                   "LISTEN_FDS: descriptor %d (%s) is no TCP socket that "
                   "listens; its unit needs ListenStream= and Accept=no",
                   fd, s->name);
    if (!listens(fd) || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 ||
        fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
        return false;
    s->fd = fd;
    return true;
}

bool inherited_init(struct inherited *in, char *error, size_t error_size)
{
    size_t count = 0;
    bool good = true;

    *in = (struct inherited){ .count = 0 };
    if (is_ours())
        count = (size_t)number(getenv("LISTEN_FDS"), COUNT_MAX);
    if (count > 0) {
        (void)snprintf(error, error_size, "no memory");
        in->at = calloc(count, sizeof(*in->at));
        good = in->at != NULL;
    }
    while (good && in->count < count) {
        in->at[in->count].fd = -1;
        good = take(in, in->count++, error, error_size);
    }
    (void)unsetenv("LISTEN_PID");
    (void)unsetenv("LISTEN_FDS");
    (void)unsetenv("LISTEN_FDNAMES");
    return good;
}

void inherited_fini(struct inherited *in)
{
    for (size_t i = 0; i < in->count; i++) {
        if (in->at[i].fd >= 0)
            (void)close(in->at[i].fd);
        free(in->at[i].name);
    }
    free(in->at);
    *in = (struct inherited){ .count = 0 };
}

/* --- whose --- */

static union address address_of(int fd)
{
    union address at = { .any.sa_family = AF_UNSPEC };
    socklen_t size = sizeof(at);

    if (getsockname(fd, &at.any, &size) != 0)
        at.any.sa_family = AF_UNSPEC;
    return at;
}

static bool is_bound_to(int fd, const struct config_address *address)
{
    union address at = address_of(fd);
    union address wanted = { .any.sa_family = AF_UNSPEC };

    if (uv_ip4_addr(address->host, address->port, &wanted.v4) == 0)
        return at.any.sa_family == AF_INET &&
               at.v4.sin_port == wanted.v4.sin_port &&
               at.v4.sin_addr.s_addr == wanted.v4.sin_addr.s_addr;
    return uv_ip6_addr(address->host, address->port, &wanted.v6) == 0 &&
           at.any.sa_family == AF_INET6 &&
           at.v6.sin6_port == wanted.v6.sin6_port &&
           memcmp(&at.v6.sin6_addr, &wanted.v6.sin6_addr,
                  sizeof(at.v6.sin6_addr)) == 0;
}

static bool is_a_listeners(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->listener_count; i++)
        if (strcmp(config->listeners[i].name, name) == 0)
            return true;
    return false;
}

static bool belongs(const struct inherited_socket *s,
                    const struct config *config,
                    const struct config_listener *listener)
{
    if (is_a_listeners(config, s->name))
        return strcmp(s->name, listener->name) == 0;
    return is_bound_to(s->fd, &listener->address);
}

int inherited_duplicate(struct inherited *in, const struct config *config,
                        size_t listener)
{
    for (size_t i = 0; i < in->count; i++) {
        if (!belongs(&in->at[i], config, &config->listeners[listener]))
            continue;
        in->at[i].used = true;
        return fcntl(in->at[i].fd, F_DUPFD_CLOEXEC, 0);
    }
    return -1;
}

static void complain(const struct inherited_socket *s, char *error,
                     size_t error_size)
{
    union address at = address_of(s->fd);
    struct address_text text = address_describe(&at);

    (void)snprintf(error, error_size,
                   "LISTEN_FDS: the socket (%s) at %s port %u is that of no "
                   "[listen NAME]; give one its address or name, or take it "
                   "out of the unit",
                   s->name, text.host, (unsigned)text.port);
}

bool inherited_all_used(const struct inherited *in, char *error,
                        size_t error_size)
{
    for (size_t i = 0; i < in->count; i++) {
        if (in->at[i].used)
            continue;
        complain(&in->at[i], error, error_size);
        return false;
    }
    return true;
}
