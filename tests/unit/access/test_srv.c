/* test_srv.c - which of the records that a domain has are taken, and in which
 * order. That they are asked for is seen in tests/integration/test_srv.py.
 */
#include "access/srv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct srv_target target(const char *host, uint16_t priority,
                                uint16_t weight)
{
    struct srv_target t = { .port = 993,
                            .priority = priority,
                            .weight = weight };

    (void)snprintf(t.host, sizeof(t.host), "%s", host);
    return t;
}

static void add(struct srv_records *r, const char *host, uint16_t priority,
                uint16_t weight)
{
    const struct srv_target t = target(host, priority, weight);

    r->state = SRV_THERE;
    srv_records_add(r, &t);
}

/* SRV-2: by priority, then weight; however they come. */
static void test_order(void **state)
{
    static const char *const expected[] = { "a", "b", "c", "d", "e" };
    struct srv_records r = { .state = SRV_NONE };

    (void)state;
    add(&r, "e", 20, 100);
    add(&r, "b", 10, 5);
    add(&r, "d", 20, 200);
    add(&r, "a", 10, 50);
    add(&r, "c", 10, 5);
    assert_int_equal(r.count, 5);
    assert_string_equal(r.at[3].host, "d");
    assert_string_equal(r.at[4].host, "e");
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(r.at[i].host, expected[i]);
}

/* More than there is room for: the last ones go. */
static void test_too_many(void **state)
{
    struct srv_records r = { .state = SRV_NONE };
    char host[8];

    (void)state;
    for (uint16_t i = 40; i > 0; i--) {
        (void)snprintf(host, sizeof(host), "h%u", (unsigned)i);
        add(&r, host, i, 0);
    }
    add(&r, "late", 100, 0);
    assert_int_equal(r.count, UPSTREAM_SERVERS_MAX);
    for (size_t i = 0; i < r.count; i++)
        assert_int_equal(r.at[i].priority, i + 1);
}

static void test_hosts(void **state)
{
    static const char *const hosts[] = { "a", "imap.example.com", "_x.a-1.B" };
    static const char *const others[] = {
        "",    ".",    "a.",         ".a",       "a..b",    "a b",  "a\\.b",
        "a/b", "a\nb", "\xC3\xA4.b", "a\\032.b", "a,b:1.c", "a\"b", "a:1",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
        assert_true(srv_is_host(hosts[i]));
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_false(srv_is_host(others[i]));
}

/* SRV-1, SRV-2: zones with both, one and none. */
static void test_choose(void **state)
{
    static const struct {
        enum srv_state imaps, imap;
        int chosen; /* 0: neither */
        const char *problem;
    } cases[] = {
        { SRV_THERE, SRV_THERE, 1, "" },
        { SRV_THERE, SRV_NONE, 1, "" },
        { SRV_THERE, SRV_FAILED, 1, "" },
        { SRV_NONE, SRV_THERE, 2, "" },
        { SRV_ABSENT, SRV_THERE, 2, "" },
        { SRV_FAILED, SRV_THERE, 0,
          "the name server was asked for _imaps._tcp.d.example: why" },
        { SRV_NONE, SRV_FAILED, 0,
          "the name server was asked for _imap._tcp.d.example: why" },
        { SRV_NONE, SRV_NONE, 0,
          "there is neither _imaps._tcp.d.example nor _imap._tcp of it" },
        { SRV_ABSENT, SRV_NONE, 0,
          "d.example says that it has no IMAP server (a target of .)" },
        { SRV_NONE, SRV_ABSENT, 0,
          "d.example says that it has no IMAP server (a target of .)" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        const struct srv_records imaps = { .state = cases[i].imaps,
                                           .problem = "why" };
        const struct srv_records imap = { .state = cases[i].imap,
                                          .problem = "why" };
        const struct srv_records *both[] = { NULL, &imaps, &imap };
        enum tls_mode tls = TLS_MODE_NONE;
        char problem[128] = "";
        const struct srv_records *chosen = srv_choose(
            &imaps, &imap, "d.example", &tls, problem, sizeof(problem));

        assert_ptr_equal(chosen, both[cases[i].chosen]);
        assert_string_equal(problem, cases[i].problem);
        if (chosen != NULL)
            assert_int_equal(tls, cases[i].chosen == 1 ? TLS_MODE_IMPLICIT
                                                       : TLS_MODE_STARTTLS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_choose),
    };

    return cmocka_run_group_tests_name("access/srv", tests, NULL, NULL);
}
