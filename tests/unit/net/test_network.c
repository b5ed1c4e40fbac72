/* test_network.c - who lies in which network. */
#include "net/network.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>

static struct sockaddr_storage address_of(const char *text)
{
    struct sockaddr_storage storage = { .ss_family = AF_UNSPEC };
    void *as_is = &storage;
    struct sockaddr_in *v4 = as_is;
    struct sockaddr_in6 *v6 = as_is;

    if (strchr(text, ':') == NULL) {
        v4->sin_family = AF_INET;
        assert_int_equal(inet_pton(AF_INET, text, &v4->sin_addr), 1);
    } else {
        v6->sin6_family = AF_INET6;
        assert_int_equal(inet_pton(AF_INET6, text, &v6->sin6_addr), 1);
    }
    return storage;
}

static bool holds(const char *network, const char *address)
{
    struct sockaddr_storage storage = address_of(address);
    struct network n;

    assert_true(network_parse(span_from_string(network), &n));
    return network_any_holds(&n, 1, (const struct sockaddr *)&storage);
}

static void test_bits(void **state)
{
    (void)state;
    assert_true(holds("192.0.2.0/24", "192.0.2.0"));
    assert_true(holds("192.0.2.0/24", "192.0.2.255"));
    assert_false(holds("192.0.2.0/24", "192.0.3.0"));
    assert_false(holds("192.0.2.0/24", "192.0.1.255"));
    assert_true(holds("192.0.2.128/25", "192.0.2.129"));
    assert_false(holds("192.0.2.128/25", "192.0.2.127"));
    assert_true(holds("10.0.0.0/9", "10.127.1.1"));
    assert_false(holds("10.0.0.0/9", "10.128.0.0"));
    assert_true(holds("192.0.2.7", "192.0.2.7"));
    assert_false(holds("192.0.2.7/32", "192.0.2.6"));
    assert_true(holds("0.0.0.0/0", "203.0.113.9"));
    assert_true(holds("2001:db8::/32", "2001:db8:ffff::1"));
    assert_false(holds("2001:db8::/32", "2001:db9::"));
    assert_true(holds("2001:db8:0:8000::/49", "2001:db8:0:ffff::"));
    assert_false(holds("2001:db8:0:8000::/49", "2001:db8:0:7fff::"));
    assert_true(holds("::1", "::1"));
    assert_false(holds("::1", "::2"));
}

/* Mapped clients are IPv4, and no family holds the other. */
static void test_families(void **state)
{
    (void)state;
    assert_true(holds("192.0.2.0/24", "::ffff:192.0.2.9"));
    assert_false(holds("192.0.2.0/24", "::ffff:192.0.3.9"));
    assert_false(holds("::/0", "192.0.2.9"));
    assert_false(holds("::/0", "::ffff:192.0.2.9"));
    assert_true(holds("::/0", "2001:db8::1"));
    assert_false(holds("0.0.0.0/0", "2001:db8::1"));
    assert_false(holds("0.0.0.0/0", "::1"));
}

static void test_several_and_none(void **state)
{
    struct sockaddr_storage client = address_of("192.0.2.9");
    struct sockaddr_storage unknown = { .ss_family = AF_UNSPEC };
    struct network n[2];

    (void)state;
    assert_true(network_parse(SPAN_LITERAL("2001:db8::/32"), &n[0]));
    assert_true(network_parse(SPAN_LITERAL("192.0.2.8/30"), &n[1]));
    assert_true(network_any_holds(n, 2, (const struct sockaddr *)&client));
    assert_false(network_any_holds(n, 1, (const struct sockaddr *)&client));
    assert_false(network_any_holds(NULL, 0, (const struct sockaddr *)&client));
    assert_false(network_any_holds(n, 2, (const struct sockaddr *)&unknown));
}

static bool is_one(const char *a, const char *b, unsigned v4, unsigned v6)
{
    struct sockaddr_storage first = address_of(a);
    struct sockaddr_storage second = address_of(b);
    struct network_key x =
        network_key_of((const struct sockaddr *)&first, v4, v6);
    struct network_key y =
        network_key_of((const struct sockaddr *)&second, v4, v6);

    return memcmp(&x, &y, sizeof(x)) == 0;
}

static void test_keys(void **state)
{
    struct sockaddr_storage unknown = { .ss_family = AF_UNSPEC };
    struct network_key none =
        network_key_of((const struct sockaddr *)&unknown, 32, 128);

    (void)state;
    assert_true(is_one("192.0.2.1", "192.0.2.1", 32, 64));
    assert_true(is_one("192.0.2.1", "::ffff:192.0.2.1", 32, 64));
    assert_false(is_one("192.0.2.1", "192.0.2.2", 32, 64));
    assert_true(is_one("192.0.2.1", "192.0.2.254", 24, 64));
    assert_true(is_one("2001:db8::1", "2001:db8::ffff:0:1", 32, 64));
    assert_false(is_one("2001:db8::1", "2001:db8:0:1::1", 32, 64));
    assert_true(is_one("2001:db8:0:100::", "2001:db8:0:1ff::", 32, 56));
    assert_false(is_one("2001:db8:0:100::", "2001:db8:0:200::", 32, 56));
    /* 192.0.2.1 has the octets of c000:201:: in front. */
    assert_false(is_one("192.0.2.1", "c000:201::", 32, 128));
    assert_int_equal(none.octets[0], 0);
}

static void test_no_networks(void **state)
{
    static const char *const texts[] = {
        "",
        "/",
        "/24",
        "lan",
        "192.0.2/24",
        "192.0.2.0/",
        "192.0.2.0/33",
        "192.0.2.0/-1",
        "192.0.2.0/24x",
        "192.0.2.0/24/8",
        "192.0.2.1/24", /* a host is no network */
        "192.0.2.0 /24",
        "2001:db8::/129",
        "2001:db8::1/64",
        "[::1]",
        "2001:0db8:0000:0000:0000:0000:0000:0000:0000:0000:0000/32",
    };
    struct network n;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++)
        if (network_parse(span_from_string(texts[i]), &n))
            fail_msg("%s passed", texts[i]);
    assert_false(network_parse(SPAN_LITERAL("::1\0"), &n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bits),
        cmocka_unit_test(test_families),
        cmocka_unit_test(test_several_and_none),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_no_networks),
    };

    return cmocka_run_group_tests_name("net/network", tests, NULL, NULL);
}
