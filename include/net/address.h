/* address.h - a socket address as a value, and as people read it. */
#ifndef POPINJAY_NET_ADDRESS_H
#define POPINJAY_NET_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/attributes.h"
#include "base/span.h"

/* Of TCP over IPv4 or IPv6; of family AF_UNSPEC: unknown, or none. */
union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* Where a client is: as a balancer in front announced it, or else the other end
 * of its connection.
 */
struct origin {
    union address client;
    union address via; /* the balancer, or none */
    bool is_check;     /* no client's: the balancer has a look itself */
};

struct address_text {
    char host[64]; /* "192.0.2.1", "2001:db8::1"; "" where unknown */
    uint16_t port;
};

/* An IPv4 address mapped into IPv6 is shown as what it is. */
struct address_text address_describe(const union address *address);

/* "192.0.2.1", "2001:db8::1": numeric, without brackets, zone or port, which is
 * 0 then. False where it is no such text.
 */
MUST_CHECK bool address_parse(struct span text, union address *address);

/* Those that count as one where many come: an IPv4 address, or the /64 of an
 * IPv6 one, since that is what one customer has. |host| is of address_text.
 */
#define ADDRESS_GROUP_MAX 64
void address_group(const char *host, char group[ADDRESS_GROUP_MAX]);

/* The other end of |tcp|; unknown where it has gone. */
union address address_of_peer(const uv_tcp_t *tcp);

#endif
