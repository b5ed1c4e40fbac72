/* network.h - networks of addresses, as in `allow_from`.
 *
 * Source: RFC 4632 §3.1, RFC 4291 §2.3 (ADDRESS/PREFIX). The two families are
 * apart: ::/0 holds no IPv4 address, also not one that is mapped into IPv6,
 * as those of IPv4 clients are on a socket that serves both.
 */
#ifndef POPINJAY_NET_NETWORK_H
#define POPINJAY_NET_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "base/attributes.h"
#include "base/span.h"

struct network {
    sa_family_t family; /* AF_INET, AF_INET6 */
    unsigned prefix;    /* bits */
    unsigned char address[16];
};

/* "192.0.2.0/24", "2001:db8::/32"; without a prefix one address is meant.
 * False where it is no such text, and where bits are set behind the prefix:
 * whoever wrote that meant something else.
 */
MUST_CHECK bool network_parse(struct span text, struct network *network);

/* Whether one of |count| networks holds |address|. */
bool network_any_holds(const struct network *networks, size_t count,
                       const struct sockaddr *address);

/* A network as octets: equal for all clients within it, and only for them. */
#define NETWORK_KEY_SIZE 17
struct network_key {
    unsigned char octets[NETWORK_KEY_SIZE]; /* family, address */
};

bool network_key_equals(const struct network_key *a,
                        const struct network_key *b);

/* The network of so many bits that |address| lies in; those without an address
 * are one network.
 */
struct network_key network_key_of(const struct sockaddr *address,
                                  unsigned prefix_v4, unsigned prefix_v6);

#endif
