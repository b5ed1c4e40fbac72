/* fuzz_proxy_header.c - what a balancer says of a client.
 *
 * Property: a header that is taken is one as far as it goes: what stands behind
 * it changes nothing, each proper prefix of it is incomplete, and received by
 * no more octets than proxy_header_room allows it ends where it ends. What is
 * refused is refused whatever follows.
 */
#include <string.h>

#include "base/limits.h"
#include "fuzz.h"
#include "net/proxy_header.h"

static enum proxy_header_status read_copy(struct span octets,
                                          enum proxy_protocol taken,
                                          struct proxy_header *header)
{
    struct span copy = fuzz_copy(octets);
    enum proxy_header_status status = proxy_header_read(copy, taken, header);

    fuzz_drop(copy);
    return status;
}

/* Returns how it ended, having seen no octet that is not of the header. */
static enum proxy_header_status receive(struct span wire,
                                        enum proxy_protocol taken, size_t *have)
{
    enum proxy_header_status status;
    struct proxy_header header;

    *have = 0;
    for (;;) {
        struct span so_far = span_make(wire.data, *have);
        size_t room;

        status = read_copy(so_far, taken, &header);
        if (status != PROXY_HEADER_MORE)
            return status;
        room = proxy_header_room(so_far);
        REQUIRE(room > 0 && *have + room <= 16 + PROXY_HEADER_BLOCK_MAX);
        if (room > wire.len - *have)
            return status;
        *have += room;
    }
}

static void check_taken(struct span wire, enum proxy_protocol taken,
                        const struct proxy_header *whole)
{
    struct proxy_header again;
    size_t have;

    REQUIRE(whole->size <= wire.len);
    REQUIRE(whole->size <= 16 + PROXY_HEADER_BLOCK_MAX);
    REQUIRE((whole->kind == PROXY_HEADER_CLIENT) ==
            (whole->client.any.sa_family != AF_UNSPEC));
    for (size_t cut = 0; cut < whole->size; cut++)
        REQUIRE(proxy_header_read(span_make(wire.data, cut), taken, &again) ==
                PROXY_HEADER_MORE);
    REQUIRE(read_copy(span_make(wire.data, whole->size), taken, &again) ==
            PROXY_HEADER_DONE);
    REQUIRE(again.kind == whole->kind && again.size == whole->size);
    REQUIRE(memcmp(&again.client, &whole->client, sizeof(again.client)) == 0);
    REQUIRE(receive(wire, taken, &have) == PROXY_HEADER_DONE);
    REQUIRE(have == whole->size);
}

static void check(struct span wire, enum proxy_protocol taken)
{
    struct proxy_header header;
    enum proxy_header_status status = read_copy(wire, taken, &header);
    enum proxy_header_status before = PROXY_HEADER_MORE;
    size_t have;

    switch (status) {
    case PROXY_HEADER_DONE:
        check_taken(wire, taken, &header);
        return;
    case PROXY_HEADER_MORE:
        REQUIRE(receive(wire, taken, &have) == PROXY_HEADER_MORE);
        return;
    case PROXY_HEADER_EABSENT:
    case PROXY_HEADER_EVERSION:
    case PROXY_HEADER_ESYNTAX:
    case PROXY_HEADER_ECHECKSUM:
        break;
    }
    for (size_t cut = 0; cut < wire.len; cut++) {
        enum proxy_header_status now =
            proxy_header_read(span_make(wire.data, cut), taken, &header);

        REQUIRE(now == status || (now == PROXY_HEADER_MORE && now == before));
        before = now;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum proxy_protocol takes[] = { PROXY_PROTOCOL_V1,
                                                 PROXY_PROTOCOL_V2,
                                                 PROXY_PROTOCOL_ANY };

    if (size > 8192) /* cut at each octet: the square of it */
        return 0;
    for (size_t i = 0; i < ARRAY_LENGTH(takes); i++)
        check(span_make(data, size), takes[i]);
    return 0;
}
