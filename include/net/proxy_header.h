/* proxy_header.h - what a balancer says of a client before the client's own
 * octets: the header of the PROXY protocol.
 *
 * Source: proxy-protocol.txt of haproxy, §2.1 (version 1, a line of text), §2.2
 *         (version 2, binary); CONFORMANCE PP-3 to PP-8.
 * Memory: none allocated; pure. The owner keeps what has come so far and
 *         has it read anew when there is more:
 *
 *     while (proxy_header_read(so_far) == PROXY_HEADER_MORE)
 *         receive proxy_header_room(so_far) octets at most
 *
 * so that nothing is received that stands behind the header.
 */
#ifndef POPINJAY_NET_PROXY_HEADER_H
#define POPINJAY_NET_PROXY_HEADER_H

#include <stddef.h>

#include "base/attributes.h"
#include "base/span.h"
#include "net/address.h"

/* The versions that a listener takes. */
enum proxy_protocol {
    PROXY_PROTOCOL_NO,
    PROXY_PROTOCOL_V1,
    PROXY_PROTOCOL_V2,
    PROXY_PROTOCOL_ANY,
};

enum proxy_header_status {
    PROXY_HEADER_DONE,
    PROXY_HEADER_MORE,           /* a proper prefix of a header */
    PROXY_HEADER_EABSENT = -1,   /* no PROXY header at all */
    PROXY_HEADER_EVERSION = -2,  /* one of a version that is not taken */
    PROXY_HEADER_ESYNTAX = -3,   /* one that breaks the rules */
    PROXY_HEADER_ECHECKSUM = -4, /* its CRC32C is wrong */
};

enum proxy_header_kind {
    PROXY_HEADER_CLIENT,  /* says where a client is */
    PROXY_HEADER_UNNAMED, /* a client without an address of TCP: UNKNOWN, UNSPEC,
                             unix, datagram */
    PROXY_HEADER_LOCAL,   /* no client: the balancer's own, such as a check */
};

struct proxy_header {
    enum proxy_header_kind kind;
    union address client; /* PROXY_HEADER_CLIENT, else unknown */
    size_t size;          /* octets, all of it */
};

/* Reads the header at the front of |octets|, all that has come so far; |header|
 * is written only with PROXY_HEADER_DONE.
 *
 * Of version 2, TLVs are measured and passed over; a checksum is verified. What
 * stands in a block that says nothing of a client (LOCAL, UNSPEC) is not looked
 * at.
 */
MUST_CHECK enum proxy_header_status proxy_header_read(
    struct span octets, enum proxy_protocol taken, struct proxy_header *header);

/* How many more octets surely belong to the header that |octets| are a proper
 * prefix of: 1 at least.
 */
size_t proxy_header_room(struct span octets);

/* What is wrong, for the log; never NULL. */
const char *proxy_header_problem(enum proxy_header_status status);

#endif
