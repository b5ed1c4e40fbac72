#include "net/address.h"

#include <arpa/inet.h>
#include <string.h>

static const char mapped[] = "::ffff:"; /* RFC 4291 §2.5.5.2 */

struct address_text address_describe(const struct sockaddr *address)
{
    struct address_text text = { "", 0 };
    size_t prefix = sizeof(mapped) - 1;
    const void *as_is = address;

    if (uv_ip_name(address, text.host, sizeof(text.host)) != 0)
        return (struct address_text){ "", 0 };
    if (address->sa_family == AF_INET)
        text.port = ntohs(((const struct sockaddr_in *)as_is)->sin_port);
    else
        text.port = ntohs(((const struct sockaddr_in6 *)as_is)->sin6_port);
    if (strncmp(text.host, mapped, prefix) == 0)
        memmove(text.host, text.host + prefix, strlen(text.host + prefix) + 1);
    return text;
}

struct address_text address_of_peer(const uv_tcp_t *tcp)
{
    struct sockaddr_storage peer = { .ss_family = AF_UNSPEC };
    int len = sizeof(peer);

    if (uv_tcp_getpeername(tcp, (struct sockaddr *)&peer, &len) != 0)
        return (struct address_text){ "", 0 };
    return address_describe((const struct sockaddr *)&peer);
}
