/* endpoint.h - HOST:PORT, to listen at or to connect to.
 *
 * HOST is a numeric address or a name (the first address of it is taken); an
 * IPv6 address stands in brackets.
 */
#ifndef POPINJAY_TESTS_BENCH_ENDPOINT_H
#define POPINJAY_TESTS_BENCH_ENDPOINT_H

#include <stdbool.h>
#include <sys/socket.h>

#include "bench/loop.h"

#define ENDPOINT_HOST_MAX 256

struct endpoint {
    struct sockaddr_storage address;
    socklen_t len;
    char host[ENDPOINT_HOST_MAX]; /* as given, without brackets */
};

/* The value of the option |name|, or the process ends. */
struct endpoint endpoint_parse(const char *name, const char *text);

/* A listening socket that does not block. Several may share one address
 * (SO_REUSEPORT): where |at| says port 0 it is changed to what the kernel
 * chose, for the next one. Ends the process where it cannot.
 */
int endpoint_listen(struct endpoint *at);

/* `port N`, so that whoever has started us knows where, and when. */
void endpoint_announce(const struct endpoint *at);

/* The next one that has come, not blocking; -1: none now. */
int endpoint_accept(int listener);

/* A socket that is connected or about to be; -1 with errno. */
int endpoint_connect(const struct endpoint *to);

#endif
