/* test_upstream_srv.c - SRV-4: which name the certificate of a target must
 * carry. What is asked of the DNS is seen in tests/integration/test_srv.py.
 */
#include "server/upstream_srv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static char domain[] = "example.com";
static char first[] = "provider.example", second[] = "mail.other.example";
static char *trusted[] = { first, second };

static void test_names(void **state)
{
    static const struct {
        const char *host, *name;
    } cases[] = {
        { "example.com", "example.com" },
        { "imap.example.com", "imap.example.com" },
        { "a.b.EXAMPLE.com", "a.b.EXAMPLE.com" },
        { "notexample.com", "example.com" },
        { "example.com.evil.example", "example.com" },
        { "com", "example.com" },
        { "imap.provider.example", "imap.provider.example" },
        { "provider.example", "provider.example" },
        { "other.example", "example.com" },
        { "mail.other.example", "mail.other.example" },
        { "localhost", "example.com" },
    };
    const struct config_upstream upstream = { .srv = domain,
                                              .srv_domains = { trusted, 2 } };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
        assert_string_equal(upstream_srv_name(&upstream, cases[i].host),
                            cases[i].name);
}

/* What the operator says stands above all of that. */
static void test_server_name(void **state)
{
    const struct config_upstream upstream = { .srv = domain,
                                              .server_name = first };

    (void)state;
    assert_string_equal(upstream_srv_name(&upstream, "imap.example.com"),
                        first);
    assert_string_equal(upstream_srv_name(&upstream, "elsewhere"), first);
}

/* Addresses that are written down ask nobody. */
static void test_addresses(void **state)
{
    struct config_address address = { first, 993 };
    const struct config_upstream upstream = { .addresses = { &address, 1 } };
    const struct config config = { .upstream_count = 1 };
    struct upstream_servers *servers;
    bool may_pass = true;
    char error[64] = "";

    (void)state;
    servers = upstream_servers_find(&config, &upstream, &may_pass, error,
                                    sizeof(error));
    assert_non_null(servers);
    assert_false(may_pass);
    assert_int_equal(servers->count, 1);
    assert_string_equal(servers->at[0].name, first);
    upstream_servers_release(servers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_server_name),
        cmocka_unit_test(test_addresses),
    };

    return cmocka_run_group_tests_name("server/upstream_srv", tests, NULL,
                                       NULL);
}
