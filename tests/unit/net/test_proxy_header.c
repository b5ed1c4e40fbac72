/* test_proxy_header.c - what a balancer says of a client.
 *
 * Each header is read whole, with octets of the client behind it, and cut at
 * every octet, as it is received: by no more than proxy_header_room says.
 */
#include "net/proxy_header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/crc32c.h"
#include "base/limits.h"

#define HEADER_MAX (16 + 65535)

/* --- what is expected --- */

static enum proxy_header_status read_once(struct span octets,
                                          enum proxy_protocol taken,
                                          struct proxy_header *header)
{
    enum proxy_header_status status;
    void *copy = malloc(octets.len); /* nothing may be read beyond it */

    assert_true(copy != NULL || octets.len == 0);
    if (octets.len > 0)
        memcpy(copy, octets.data, octets.len);
    status = proxy_header_read(span_make(copy, octets.len), taken, header);
    free(copy);
    return status;
}

/* As it comes in: room by room, to the octet. */
static void check_received(struct span whole, enum proxy_protocol taken)
{
    struct proxy_header header;
    size_t have = 0;

    while (have < whole.len) {
        struct span so_far = span_make(whole.data, have);
        size_t room = proxy_header_room(so_far);

        assert_int_equal(read_once(so_far, taken, &header), PROXY_HEADER_MORE);
        assert_in_range(room, 1, whole.len - have);
        have += room;
    }
    assert_int_equal(read_once(whole, taken, &header), PROXY_HEADER_DONE);
}

static void check_header(struct span whole, enum proxy_protocol taken,
                         enum proxy_header_kind kind, const char *host,
                         uint16_t port)
{
    struct proxy_header header;
    struct address_text text;
    struct buf behind;

    for (size_t cut = 0; cut < whole.len; cut++)
        assert_int_equal(read_once(span_make(whole.data, cut), taken, &header),
                         PROXY_HEADER_MORE);
    check_received(whole, taken);
    buf_init(&behind, HEADER_MAX + 16);
    assert_true(buf_append(&behind, whole));
    assert_true(buf_append(&behind, SPAN_LITERAL("\r\nUSER u\r\n")));
    assert_int_equal(read_once(buf_span(&behind), taken, &header),
                     PROXY_HEADER_DONE);
    buf_fini(&behind);
    text = address_describe(&header.client);
    assert_int_equal(header.size, whole.len);
    assert_int_equal(header.kind, kind);
    assert_string_equal(text.host, host);
    assert_int_equal(text.port, port);
}

/* Whole, and at no cut is it anything but incomplete or refused. */
static void check_refused(struct span whole, enum proxy_header_status why)
{
    struct proxy_header header;

    assert_int_equal(read_once(whole, PROXY_PROTOCOL_ANY, &header), why);
    for (size_t cut = 0; cut < whole.len; cut++) {
        enum proxy_header_status status =
            read_once(span_make(whole.data, cut), PROXY_PROTOCOL_ANY, &header);

        assert_true(status == PROXY_HEADER_MORE || status == why);
    }
    assert_string_not_equal(proxy_header_problem(why), "");
}

/* --- version 1 --- */

static void check_line(const char *line, enum proxy_header_kind kind,
                       const char *host, uint16_t port)
{
    check_header(span_from_string(line), PROXY_PROTOCOL_ANY, kind, host, port);
    check_header(span_from_string(line), PROXY_PROTOCOL_V1, kind, host, port);
}

/* PP-3 */
static void test_v1_lines(void **state)
{
    (void)state;
    check_line("PROXY TCP4 192.0.2.7 198.51.100.1 56324 110\r\n",
               PROXY_HEADER_CLIENT, "192.0.2.7", 56324);
    check_line("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
               PROXY_HEADER_CLIENT, "255.255.255.255", 65535);
    check_line("PROXY TCP4 1.1.1.1 2.2.2.2 0 0\r\n", PROXY_HEADER_CLIENT,
               "1.1.1.1", 0);
    check_line("PROXY TCP6 2001:DB8::7 ::1 1 995\r\n", PROXY_HEADER_CLIENT,
               "2001:db8::7", 1);
    check_line("PROXY TCP6 ::ffff:192.0.2.7 ::ffff:192.0.2.1 1 995\r\n",
               PROXY_HEADER_CLIENT, "192.0.2.7", 1);
    check_line("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
               "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
               PROXY_HEADER_CLIENT, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
               65535);
}

/* PP-4 */
static void test_v1_unknown(void **state)
{
    (void)state;
    check_line("PROXY UNKNOWN\r\n", PROXY_HEADER_UNNAMED, "", 0);
    check_line("PROXY UNKNOWN \r\n", PROXY_HEADER_UNNAMED, "", 0);
    check_line("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
               "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
               PROXY_HEADER_UNNAMED, "", 0);
    check_line("PROXY UNKNOWN \n\r whatever\r\n", PROXY_HEADER_UNNAMED, "", 0);
}

/* PP-3 */
static void test_v1_mutations(void **state)
{
    static const char *const lines[] = {
        "PROXY TCP4  192.0.2.7 198.51.100.1 56324 110\r\n",
        "PROXY  TCP4 192.0.2.7 198.51.100.1 56324 110\r\n",
        "PROXY TCP4 192.0.2.7  198.51.100.1 56324 110\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 56324  110\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 56324 110 \r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 56324 110 1\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 56324\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 56324 \r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1\r\n",
        "PROXY TCP4\r\n",
        "PROXY \r\n",
        "PROXY TCP4 192.0.2.07 198.51.100.1 56324 110\r\n",
        "PROXY TCP4 192.0.2.256 198.51.100.1 56324 110\r\n",
        "PROXY TCP4 192.0.2 198.51.100.1 56324 110\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.01 56324 110\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 056324 110\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 56324 0110\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 65536 110\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 56324 65536\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 -1 110\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 +1 110\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 0x1 110\r\n",
        "PROXY TCP4 192.0.2.7\t198.51.100.1 56324 110\r\n",
        "PROXY TCP4 2001:db8::7 ::1 56324 110\r\n",
        "PROXY TCP4 192.0.2.7 ::1 56324 110\r\n",
        "PROXY TCP6 192.0.2.7 198.51.100.1 56324 110\r\n",
        "PROXY TCP6 ::1 198.51.100.1 56324 110\r\n",
        "PROXY TCP6 2001:db8:::7 ::1 56324 110\r\n",
        "PROXY TCP6 2001:db8::7::8 ::1 56324 110\r\n",
        "PROXY TCP6 12345::7 ::1 56324 110\r\n",
        "PROXY TCP6 [::1] ::1 56324 110\r\n",
        "PROXY TCP6 fe80::1%eth0 ::1 56324 110\r\n",
        "PROXY TCP5 192.0.2.7 198.51.100.1 56324 110\r\n",
        "PROXY tcp4 192.0.2.7 198.51.100.1 56324 110\r\n",
        "PROXY UDP4 192.0.2.7 198.51.100.1 56324 110\r\n",
        "PROXY UNKNOWNS\r\n",
        "PROXY unknown\r\n",
        /* a lone LF ends no line, and what follows is not a port */
        "PROXY TCP4 192.0.2.7 198.51.100.1 56324 110\nUSER u\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 56324 110\rUSER u\r\n",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(lines); i++)
        check_refused(span_from_string(lines[i]), PROXY_HEADER_ESYNTAX);
    check_refused(SPAN_LITERAL("PROXY TCP4 192.0.2.7\0 198.51.100.1 1 110\r\n"),
                  PROXY_HEADER_ESYNTAX);
}

/* PP-3: the CRLF stands within 107 octets. */
static void test_v1_length(void **state)
{
    char line[109] = "PROXY UNKNOWN ";

    (void)state;
    memset(line + 14, 'x', sizeof(line) - 15);
    memcpy(line + 105, "\r\n", 3);
    check_line(line, PROXY_HEADER_UNNAMED, "", 0);
    memcpy(line + 105, "x\r\n", 4);
    check_refused(span_from_string(line), PROXY_HEADER_ESYNTAX);
    memset(line + 105, 'x', 3);
    check_refused(span_make(line, 107), PROXY_HEADER_ESYNTAX);
}

static void test_no_header(void **state)
{
    static const unsigned char hello[] = { 0x16, 0x03, 0x01, 0x02, 0x00, 0x01 };

    (void)state;
    check_refused(SPAN_LITERAL("USER u\r\n"), PROXY_HEADER_EABSENT);
    check_refused(SPAN_LITERAL("PASS p\r\n"), PROXY_HEADER_EABSENT);
    check_refused(SPAN_LITERAL("proxy TCP4"), PROXY_HEADER_EABSENT);
    check_refused(SPAN_LITERAL("\r\n\r\n\r\n"), PROXY_HEADER_EABSENT);
    check_refused(SPAN_LITERAL("\n"), PROXY_HEADER_EABSENT);
    check_refused(span_make(hello, sizeof(hello)), PROXY_HEADER_EABSENT);
}

/* --- version 2 --- */

#define V4 12
#define V6 36
#define UNIX 216

static const unsigned char block_v4[V4] = { 192, 0, 2,    7, 198,  51,
                                            100, 1, 0xdc, 4, 0x03, 0xe3 };
static const unsigned char block_v6[V6] = {
    0x20, 1, 0xd, 0xb8, [15] = 7, [31] = 1, 0xdc, 4, 0x03, 0xe3
};

/* A header with |size| octets of block, of which |block| gives what it has. */
static void build(struct buf *out, unsigned command, unsigned family,
                  struct span block, size_t size)
{
    buf_clear(out);
    assert_true(buf_append(out, SPAN_LITERAL("\r\n\r\n\0\r\nQUIT\n")));
    assert_true(buf_append_octet(out, (unsigned char)command));
    assert_true(buf_append_octet(out, (unsigned char)family));
    assert_true(buf_append_octet(out, (unsigned char)(size >> 8)));
    assert_true(buf_append_octet(out, (unsigned char)(size & 0xff)));
    if (block.len > size)
        block.len = size;
    assert_true(buf_append(out, block));
    for (size_t i = block.len; i < size; i++)
        assert_true(buf_append_octet(out, 0));
}

static struct span block_of(unsigned family)
{
    if (family >> 4 == 1)
        return span_make(block_v4, V4);
    return family >> 4 == 2 ? span_make(block_v6, V6) : SPAN_LITERAL("");
}

static void test_v2_clients(void **state)
{
    struct buf h;

    (void)state;
    buf_init(&h, HEADER_MAX);
    build(&h, 0x21, 0x11, span_make(block_v4, V4), V4);
    check_header(buf_span(&h), PROXY_PROTOCOL_ANY, PROXY_HEADER_CLIENT,
                 "192.0.2.7", 56324);
    check_header(buf_span(&h), PROXY_PROTOCOL_V2, PROXY_HEADER_CLIENT,
                 "192.0.2.7", 56324);
    build(&h, 0x21, 0x21, span_make(block_v6, V6), V6);
    check_header(buf_span(&h), PROXY_PROTOCOL_ANY, PROXY_HEADER_CLIENT,
                 "2001:db8::7", 56324);
    buf_fini(&h);
}

static size_t size_of(unsigned family)
{
    static const size_t sizes[] = { 0, V4, V6, UNIX };

    return sizes[family >> 4];
}

static bool is_defined(unsigned family)
{
    return family == 0 || (family >> 4 >= 1 && family >> 4 <= 3 &&
                           ((family & 0xf) == 1 || (family & 0xf) == 2));
}

/* PP-5, PP-7: each nibble over its range. */
static void test_v2_nibbles(void **state)
{
    struct buf h;

    (void)state;
    buf_init(&h, HEADER_MAX);
    for (unsigned command = 0; command <= 0xff; command++) {
        build(&h, command, 0x11, span_make(block_v4, V4), V4);
        if (command == 0x20)
            check_header(buf_span(&h), PROXY_PROTOCOL_V2, PROXY_HEADER_LOCAL,
                         "", 0);
        else if (command != 0x21)
            check_refused(buf_span(&h), PROXY_HEADER_ESYNTAX);
    }
    for (unsigned family = 0; family <= 0xff; family++) {
        build(&h, 0x20, family, SPAN_LITERAL("xyz"), 3);
        check_header(buf_span(&h), PROXY_PROTOCOL_V2, PROXY_HEADER_LOCAL, "",
                     0);
        build(&h, 0x21, family, block_of(family), UNIX);
        if (!is_defined(family)) {
            check_refused(buf_span(&h), PROXY_HEADER_ESYNTAX);
            continue;
        }
        build(&h, 0x21, family, block_of(family), size_of(family));
        if (family == 0x11 || family == 0x21)
            check_header(buf_span(&h), PROXY_PROTOCOL_V2, PROXY_HEADER_CLIENT,
                         family == 0x11 ? "192.0.2.7" : "2001:db8::7", 56324);
        else
            check_header(buf_span(&h), PROXY_PROTOCOL_V2, PROXY_HEADER_UNNAMED,
                         "", 0);
    }
    buf_fini(&h);
}

/* What is behind the addresses is zeros: empty TLVs of three octets each. */
static void check_length(struct buf *h, unsigned family, size_t size)
{
    static const char *const hosts[] = { "192.0.2.7", "2001:db8::7", "" };
    const char *host = hosts[(family >> 4) - 1];

    build(h, 0x21, family, block_of(family), size);
    if (size < size_of(family) || (size - size_of(family)) % 3 != 0)
        check_refused(buf_span(h), PROXY_HEADER_ESYNTAX);
    else
        check_header(buf_span(h), PROXY_PROTOCOL_ANY,
                     host[0] == '\0' ? PROXY_HEADER_UNNAMED
                                     : PROXY_HEADER_CLIENT,
                     host, host[0] == '\0' ? 0 : 56324);
}

/* PP-6: the length governs, up to a cap. */
static void test_v2_lengths(void **state)
{
    static const size_t sizes[] = { 0, 11, 12, 35, 36, 39, 215, 216, 219 };
    struct buf h;

    (void)state;
    buf_init(&h, HEADER_MAX);
    for (size_t i = 0; i < ARRAY_LENGTH(sizes); i++) {
        check_length(&h, 0x11, sizes[i]);
        check_length(&h, 0x21, sizes[i]);
        check_length(&h, 0x31, sizes[i]);
        build(&h, 0x20, 0, SPAN_LITERAL(""), sizes[i]);
        check_header(buf_span(&h), PROXY_PROTOCOL_ANY, PROXY_HEADER_LOCAL, "",
                     0);
        build(&h, 0x21, 0, SPAN_LITERAL(""), sizes[i]);
        check_header(buf_span(&h), PROXY_PROTOCOL_ANY, PROXY_HEADER_UNNAMED, "",
                     0);
    }
    build(&h, 0x20, 0, SPAN_LITERAL(""), PROXY_HEADER_BLOCK_MAX);
    check_received(buf_span(&h), PROXY_PROTOCOL_ANY);
    build(&h, 0x20, 0, SPAN_LITERAL(""), PROXY_HEADER_BLOCK_MAX + 1);
    check_refused(buf_span(&h), PROXY_HEADER_ESYNTAX);
    build(&h, 0x21, 0x11, span_make(block_v4, V4), 65535);
    check_refused(buf_span(&h), PROXY_HEADER_ESYNTAX);
    buf_fini(&h);
}

/* --- TLVs --- */

/* A constant that stands in a table. */
#define TLVS(text)                                      \
    {                                                   \
        (const unsigned char *)(text), sizeof(text) - 1 \
    }

static void build_with_tlvs(struct buf *out, struct span tlvs)
{
    build(out, 0x21, 0x11, span_make(block_v4, V4), V4 + tlvs.len);
    buf_truncate(out, 16 + V4);
    assert_true(buf_append(out, tlvs));
}

/* PP-6 */
static void test_tlvs_are_passed_over(void **state)
{
    static const struct span good[] = {
        TLVS("\x04\0\0"),               /* nothing */
        TLVS("\x01\0\x04pop3"),         /* ALPN */
        TLVS("\x20\0\x05\x01\0\0\0\0"), /* of TLS */
        TLVS("\xea\0\x01\x01\x05\0\x02id"),
    };
    static const struct span bad[] = {
        TLVS("\x04"),
        TLVS("\x04\0"),
        TLVS("\x04\0\x01"),
        TLVS("\x01\0\x05pop3"),
        TLVS("\x01\xff\xffpop3"),
        TLVS("\x01\0\x03pop3"),
        TLVS("\x03\0\x03\0\0\0"), /* no checksum is so short */
        TLVS("\x03\0\0"),
    };
    struct buf h;

    (void)state;
    buf_init(&h, HEADER_MAX);
    for (size_t i = 0; i < ARRAY_LENGTH(good); i++) {
        build_with_tlvs(&h, good[i]);
        check_header(buf_span(&h), PROXY_PROTOCOL_V2, PROXY_HEADER_CLIENT,
                     "192.0.2.7", 56324);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        build_with_tlvs(&h, bad[i]);
        check_refused(buf_span(&h), PROXY_HEADER_ESYNTAX);
    }
    buf_fini(&h);
}

/* With |flip| added to the checksum at |at| of the header. */
static void sign(struct buf *h, size_t at, uint32_t flip)
{
    uint32_t crc = htonl(crc32c_add(0, buf_span(h)) ^ flip);

    memcpy(h->data + h->start + at, &crc, sizeof(crc));
}

/* PP-8: of the whole header, wherever it stands among the TLVs. */
static void test_checksum(void **state)
{
    const size_t at = 16 + V4 + 3;
    struct buf h;

    (void)state;
    buf_init(&h, HEADER_MAX);
    build_with_tlvs(&h, SPAN_LITERAL("\x03\0\x04\0\0\0\0\x05\0\x02id"));
    sign(&h, at, 0);
    check_header(buf_span(&h), PROXY_PROTOCOL_V2, PROXY_HEADER_CLIENT,
                 "192.0.2.7", 56324);
    for (unsigned bit = 0; bit < 32; bit++) {
        build_with_tlvs(&h, SPAN_LITERAL("\x03\0\x04\0\0\0\0\x05\0\x02id"));
        sign(&h, at, 1U << bit);
        check_refused(buf_span(&h), PROXY_HEADER_ECHECKSUM);
    }
    build_with_tlvs(&h, SPAN_LITERAL("\x03\0\x04\0\0\0\0\x03\0\x04\0\0\0\0"));
    sign(&h, at, 0);
    check_refused(buf_span(&h), PROXY_HEADER_ESYNTAX); /* two of them */
    buf_fini(&h);
}

/* PP-1: a version that was not asked for is none that is guessed. */
static void test_version_taken(void **state)
{
    struct proxy_header header;
    struct buf h;

    (void)state;
    buf_init(&h, HEADER_MAX);
    build(&h, 0x21, 0x11, span_make(block_v4, V4), V4);
    assert_int_equal(read_once(buf_span(&h), PROXY_PROTOCOL_V1, &header),
                     PROXY_HEADER_EVERSION);
    assert_int_equal(read_once(SPAN_LITERAL("PROXY UNKNOWN\r\n"),
                               PROXY_PROTOCOL_V2, &header),
                     PROXY_HEADER_EVERSION);
    assert_string_not_equal(proxy_header_problem(PROXY_HEADER_EVERSION), "");
    assert_string_equal(proxy_header_problem(PROXY_HEADER_DONE), "");
    buf_fini(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_v1_lines),
        cmocka_unit_test(test_v1_unknown),
        cmocka_unit_test(test_v1_mutations),
        cmocka_unit_test(test_v1_length),
        cmocka_unit_test(test_no_header),
        cmocka_unit_test(test_v2_clients),
        cmocka_unit_test(test_v2_nibbles),
        cmocka_unit_test(test_v2_lengths),
        cmocka_unit_test(test_tlvs_are_passed_over),
        cmocka_unit_test(test_checksum),
        cmocka_unit_test(test_version_taken),
    };

    return cmocka_run_group_tests_name("net/proxy_header", tests, NULL, NULL);
}
