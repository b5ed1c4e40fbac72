#include "net/proxy_header.h"

#include <string.h>

#include "base/crc32c.h"
#include "base/limits.h"

/* §2.1: the line with its CRLF. */
#define V1_MAX 107
/* The shortest is "PROXY UNKNOWN" with its CRLF; shorter than any of version 2,
 * too, so that as much can be received while the version is not known.
 */
#define V1_MIN 15
/* §2.2: the signature, command and version, family, and the length of what
 * follows.
 */
#define V2_FIXED 16

#define TLV_HEAD 3      /* §2.2.6: type, and a length in two octets */
#define TLV_CRC32C 0x03 /* §2.2.3 */
#define TLV_CRC32C_SIZE 4

static const struct span v1_mark = { (const unsigned char *)"PROXY ", 6 };
static const struct span v2_mark = {
    (const unsigned char *)"\r\n\r\n\0\r\nQUIT\n", 12
};

/* As far as both go. */
static bool agree(struct span octets, struct span mark)
{
    size_t len = octets.len < mark.len ? octets.len : mark.len;

    return len == 0 || memcmp(octets.data, mark.data, len) == 0;
}

/* --- version 1 --- */

static bool parse_port(struct span text, in_port_t *port)
{
    uint64_t number;

    if (!span_to_number(text, UINT16_MAX, &number) ||
        (text.len > 1 && text.data[0] == '0'))
        return false;
    *port = htons((uint16_t)number);
    return true;
}

/* One field and the blank behind it. */
static struct span take_field(struct span *line)
{
    struct span field = span_take(line, span_find(*line, ' '));

    if (line->len > 0)
        (void)span_take(line, 1);
    return field;
}

/* Both ends, of which the client's is wanted; nothing may be left. */
static bool parse_ends(struct span line, sa_family_t family,
                       union address *client)
{
    union address proxy;
    struct span ends[] = { take_field(&line), take_field(&line) };
    struct span client_port = take_field(&line);
    in_port_t port;
    in_port_t proxy_port;

    if (!address_parse(ends[0], client) || !address_parse(ends[1], &proxy) ||
        client->any.sa_family != family || proxy.any.sa_family != family ||
        !parse_port(client_port, &port) || !parse_port(line, &proxy_port))
        return false;
    if (family == AF_INET)
        client->v4.sin_port = port;
    else
        client->v6.sin6_port = port;
    return true;
}

static enum proxy_header_status read_v1(struct span octets,
                                        struct proxy_header *header)
{
    size_t within = octets.len < V1_MAX ? octets.len : V1_MAX;
    const unsigned char *end = memmem(octets.data, within, "\r\n", 2);
    union address client = { .v6.sin6_family = AF_UNSPEC };
    struct span line;
    struct span family;

    if (end == NULL)
        return octets.len < V1_MAX ? PROXY_HEADER_MORE : PROXY_HEADER_ESYNTAX;
    line = span_make(octets.data, (size_t)(end - octets.data));
    (void)span_take(&line, v1_mark.len);
    family = take_field(&line);
    if (span_equals(family, SPAN_LITERAL("UNKNOWN"))) /* the rest is ignored */
        header->kind = PROXY_HEADER_UNNAMED;
    else if ((span_equals(family, SPAN_LITERAL("TCP4")) &&
              parse_ends(line, AF_INET, &client)) ||
             (span_equals(family, SPAN_LITERAL("TCP6")) &&
              parse_ends(line, AF_INET6, &client)))
        header->kind = PROXY_HEADER_CLIENT;
    else
        return PROXY_HEADER_ESYNTAX;
    header->client = client;
    header->size = (size_t)(end - octets.data) + 2;
    return PROXY_HEADER_DONE;
}

/* --- version 2 --- */

/* §2.2: families and protocols, and the octets of both ends' addresses. */
static const struct v2_family {
    unsigned char code;
    sa_family_t family; /* of the client; AF_UNSPEC: none that is of use here */
    size_t size;
} v2_families[] = {
    { 0x00, AF_UNSPEC, 0 },   /* unspecified */
    { 0x11, AF_INET, 12 },    /* TCP */
    { 0x12, AF_UNSPEC, 12 },  /* UDP */
    { 0x21, AF_INET6, 36 },   /* TCP over IPv6 */
    { 0x22, AF_UNSPEC, 36 },  /* UDP over IPv6 */
    { 0x31, AF_UNSPEC, 216 }, /* a unix stream */
    { 0x32, AF_UNSPEC, 216 }, /* unix datagrams */
};

static const struct v2_family *find_family(unsigned char code)
{
    for (size_t i = 0; i < ARRAY_LENGTH(v2_families); i++)
        if (v2_families[i].code == code)
            return &v2_families[i];
    return NULL;
}

static size_t number_of_two(const unsigned char *octets)
{
    return (size_t)octets[0] << 8 | octets[1];
}

/* §2.2.3: that of the whole header, in which the checksum itself is zero. */
static bool is_checksum(struct span header, struct span value)
{
    static const unsigned char zeros[TLV_CRC32C_SIZE];
    struct span rest = header;
    struct span before = span_take(&rest, (size_t)(value.data - header.data));
    uint32_t claimed = (uint32_t)(number_of_two(value.data) << 16 |
                                  number_of_two(value.data + 2));
    uint32_t crc = crc32c_add(0, before);

    (void)span_take(&rest, value.len);
    crc = crc32c_add(crc, span_make(zeros, sizeof(zeros)));
    return crc32c_add(crc, rest) == claimed;
}

/* PP-6, PP-8: they fill what is left to the octet; of checksums there is one at
 * most, as only one can be zero while it is made.
 */
static enum proxy_header_status judge_tlvs(struct span header, struct span tlvs)
{
    struct span checksum = { NULL, 0 };

    while (tlvs.len > 0) {
        unsigned char type = tlvs.data[0];
        size_t size = tlvs.len < TLV_HEAD ? 0 : number_of_two(tlvs.data + 1);

        if (tlvs.len < TLV_HEAD || size > tlvs.len - TLV_HEAD)
            return PROXY_HEADER_ESYNTAX;
        (void)span_take(&tlvs, TLV_HEAD);
        if (type == TLV_CRC32C) {
            if (size != TLV_CRC32C_SIZE || checksum.len > 0)
                return PROXY_HEADER_ESYNTAX;
            checksum = span_make(tlvs.data, size);
        }
        (void)span_take(&tlvs, size);
    }
    return checksum.len == 0 || is_checksum(header, checksum)
               ? PROXY_HEADER_DONE
               : PROXY_HEADER_ECHECKSUM;
}

/* Addresses of client and proxy, then their ports. */
static union address v2_client(sa_family_t family, const unsigned char *block)
{
    union address client = { .v6.sin6_family = family };

    if (family == AF_INET) {
        memcpy(&client.v4.sin_addr, block, 4);
        memcpy(&client.v4.sin_port, block + 8, 2);
    } else if (family == AF_INET6) {
        memcpy(&client.v6.sin6_addr, block, 16);
        memcpy(&client.v6.sin6_port, block + 32, 2);
    }
    return client;
}

static enum proxy_header_status read_announced(struct span whole,
                                               const struct v2_family *family,
                                               struct proxy_header *header)
{
    struct span block = whole;
    struct span addresses;
    enum proxy_header_status status;

    (void)span_take(&block, V2_FIXED);
    addresses = span_take(&block, family->size);
    status = family->size > 0 ? judge_tlvs(whole, block) : PROXY_HEADER_DONE;
    if (status != PROXY_HEADER_DONE)
        return status;
    header->kind = family->family == AF_UNSPEC ? PROXY_HEADER_UNNAMED
                                               : PROXY_HEADER_CLIENT;
    header->client = v2_client(family->family, addresses.data);
    header->size = whole.len;
    return PROXY_HEADER_DONE;
}

static enum proxy_header_status read_v2(struct span octets,
                                        struct proxy_header *header)
{
    unsigned char command;
    const struct v2_family *family;
    size_t size;

    if (octets.len < V2_FIXED)
        return PROXY_HEADER_MORE;
    command = octets.data[12];
    family = find_family(octets.data[13]);
    size = number_of_two(octets.data + 14);
    if ((command != 0x20 && command != 0x21) || size > PROXY_HEADER_BLOCK_MAX)
        return PROXY_HEADER_ESYNTAX;
    if (command == 0x21 && (family == NULL || size < family->size))
        return PROXY_HEADER_ESYNTAX;
    if (octets.len - V2_FIXED < size)
        return PROXY_HEADER_MORE;
    if (command == 0x21)
        return read_announced(span_make(octets.data, V2_FIXED + size), family,
                              header);
    *header = (struct proxy_header){ .kind = PROXY_HEADER_LOCAL,
                                     .client.v6.sin6_family = AF_UNSPEC,
                                     .size = V2_FIXED + size };
    return PROXY_HEADER_DONE;
}

/* --- both --- */

enum proxy_header_status proxy_header_read(struct span octets,
                                           enum proxy_protocol taken,
                                           struct proxy_header *header)
{
    bool is_v1 = agree(octets, v1_mark);

    if (!is_v1 && !agree(octets, v2_mark))
        return PROXY_HEADER_EABSENT;
    if (octets.len < (is_v1 ? v1_mark.len : v2_mark.len))
        return PROXY_HEADER_MORE;
    if (taken != PROXY_PROTOCOL_ANY &&
        taken != (is_v1 ? PROXY_PROTOCOL_V1 : PROXY_PROTOCOL_V2))
        return PROXY_HEADER_EVERSION;
    return is_v1 ? read_v1(octets, header) : read_v2(octets, header);
}

size_t proxy_header_room(struct span octets)
{
    if (octets.len < V1_MIN)
        return V1_MIN - octets.len;
    if (octets.data[0] == v1_mark.data[0])
        return octets.data[octets.len - 1] == '\r' ? 1 : 2;
    if (octets.len < V2_FIXED)
        return V2_FIXED - octets.len;
    return V2_FIXED + number_of_two(octets.data + 14) - octets.len;
}

const char *proxy_header_problem(enum proxy_header_status status)
{
    switch (status) {
    case PROXY_HEADER_DONE:
    case PROXY_HEADER_MORE:
        break;
    case PROXY_HEADER_EABSENT:
        return "no PROXY header";
    case PROXY_HEADER_EVERSION:
        return "a PROXY header of a version that proxy_protocol does not name";
    case PROXY_HEADER_ESYNTAX:
        return "a malformed PROXY header";
    case PROXY_HEADER_ECHECKSUM:
        return "a PROXY header with a wrong checksum";
    }
    return "";
}
