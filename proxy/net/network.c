#include "net/network.h"

#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

#include "net/address.h"

/* The bits of the octet |index| that lie within a prefix. */
static unsigned char mask(unsigned prefix, size_t index)
{
    size_t before = 8 * index;

    if (prefix >= before + 8)
        return 0xff;
    if (prefix <= before)
        return 0;
    return (unsigned char)(0xff << (8 - (prefix - before)));
}

static size_t address_size(sa_family_t family)
{
    return family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr);
}

/* --- parsing --- */

static bool parse_address(struct span text, struct network *n)
{
    union address address;

    if (!address_parse(text, &address))
        return false;
    n->family = address.any.sa_family;
    if (n->family == AF_INET)
        memcpy(n->address, &address.v4.sin_addr, sizeof(struct in_addr));
    else
        memcpy(n->address, &address.v6.sin6_addr, sizeof(struct in6_addr));
    return true;
}

static bool is_whole(const struct network *n)
{
    for (size_t i = 0; i < address_size(n->family); i++)
        if ((n->address[i] & ~mask(n->prefix, i)) != 0)
            return false;
    return true;
}

bool network_parse(struct span text, struct network *network)
{
    struct network n = { .family = AF_UNSPEC };
    struct span address = span_take(&text, span_find(text, '/'));
    uint64_t prefix;
    uint64_t most;

    if (!parse_address(address, &n))
        return false;
    most = 8 * address_size(n.family);
    prefix = most;
    if (text.len > 0) {
        (void)span_take(&text, 1);
        if (!span_to_number(text, most, &prefix))
            return false;
    }
    n.prefix = (unsigned)prefix;
    if (!is_whole(&n))
        return false;
    *network = n;
    return true;
}

/* --- asking --- */

static bool holds(const struct network *n, sa_family_t family,
                  const unsigned char *address)
{
    if (n->family != family)
        return false;
    for (size_t i = 0; i < address_size(family); i++)
        if (((n->address[i] ^ address[i]) & mask(n->prefix, i)) != 0)
            return false;
    return true;
}

/* The octets of |address|, of a mapped one those of IPv4; NULL: neither. */
static const unsigned char *octets_of(const struct sockaddr *address,
                                      sa_family_t *family)
{
    const void *as_is = address;
    const struct sockaddr_in *v4 = as_is;
    const struct sockaddr_in6 *v6 = as_is;

    *family = address->sa_family;
    if (*family == AF_INET)
        return (const unsigned char *)&v4->sin_addr;
    if (*family != AF_INET6)
        return NULL;
    if (!IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
        return v6->sin6_addr.s6_addr;
    *family = AF_INET;
    return v6->sin6_addr.s6_addr + 12;
}

bool network_any_holds(const struct network *networks, size_t count,
                       const struct sockaddr *address)
{
    sa_family_t family;
    const unsigned char *octets = octets_of(address, &family);

    for (size_t i = 0; octets != NULL && i < count; i++)
        if (holds(&networks[i], family, octets))
            return true;
    return false;
}

struct network_key network_key_of(const struct sockaddr *address,
                                  unsigned prefix_v4, unsigned prefix_v6)
{
    struct network_key key = { { 0 } };
    sa_family_t family;
    const unsigned char *octets = octets_of(address, &family);
    unsigned prefix = family == AF_INET ? prefix_v4 : prefix_v6;

    if (octets == NULL)
        return key;
    key.octets[0] = family == AF_INET ? 4 : 6;
    for (size_t i = 0; i < address_size(family); i++)
        key.octets[1 + i] = octets[i] & mask(prefix, i);
    return key;
}

bool network_key_equals(const struct network_key *a,
                        const struct network_key *b)
{
    return memcmp(a->octets, b->octets, sizeof(a->octets)) == 0;
}
