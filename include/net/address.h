/* address.h - a socket address as people read it. */
#ifndef POPINJAY_NET_ADDRESS_H
#define POPINJAY_NET_ADDRESS_H

#include <stdint.h>
#include <uv.h>

struct address_text {
    char host[64]; /* "192.0.2.1", "2001:db8::1"; "" where unknown */
    uint16_t port;
};

/* An IPv4 address mapped into IPv6 is shown as what it is. */
struct address_text address_describe(const struct sockaddr *address);

/* The other end of |tcp|. */
struct address_text address_of_peer(const uv_tcp_t *tcp);

#endif
