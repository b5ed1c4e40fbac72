#include "net/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static const char mapped[] = "::ffff:"; /* RFC 4291 §2.5.5.2 */

struct address_text address_describe(const union address *address)
{
    struct address_text text = { "", 0 };
    size_t prefix = sizeof(mapped) - 1;

    if (uv_ip_name(&address->any, text.host, sizeof(text.host)) != 0)
        return (struct address_text){ "", 0 };
    text.port =
        ntohs(address->any.sa_family == AF_INET ? address->v4.sin_port
                                                : address->v6.sin6_port);
    if (strncmp(text.host, mapped, prefix) == 0)
        memmove(text.host, text.host + prefix, strlen(text.host + prefix) + 1);
    return text;
}

bool address_parse(struct span text, union address *address)
{
    char copy[INET6_ADDRSTRLEN];
    union address parsed = { .v6.sin6_family = AF_UNSPEC };
    bool v6 = span_contains(text, ':');

    if (text.len == 0 || text.len >= sizeof(copy) || span_contains(text, '\0'))
        return false;
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    parsed.any.sa_family = v6 ? AF_INET6 : AF_INET;
    if (inet_pton(parsed.any.sa_family, copy,
                  v6 ? (void *)&parsed.v6.sin6_addr
                     : (void *)&parsed.v4.sin_addr) != 1)
        return false;
    *address = parsed;
    return true;
}

void address_group(const char *host, char group[ADDRESS_GROUP_MAX])
{
    struct in6_addr v6;
    char network[INET6_ADDRSTRLEN];

    (void)snprintf(group, ADDRESS_GROUP_MAX, "%s", host);
    if (inet_pton(AF_INET6, host, &v6) != 1)
        return;
    memset(v6.s6_addr + 8, 0, 8);
    if (inet_ntop(AF_INET6, &v6, network, sizeof(network)) != NULL)
        (void)snprintf(group, ADDRESS_GROUP_MAX, "%s/64", network);
}

union address address_of_peer(const uv_tcp_t *tcp)
{
    union address peer = { .v6.sin6_family = AF_UNSPEC };
    int len = sizeof(peer);

    if (uv_tcp_getpeername(tcp, &peer.any, &len) != 0)
        peer.any.sa_family = AF_UNSPEC;
    return peer;
}
