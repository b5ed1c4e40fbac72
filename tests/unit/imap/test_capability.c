/* test_capability.c - names to bits, and what rev2 implies. */
#include "imap/capability.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct imap_capabilities set_of(const char *const *names, size_t n)
{
    struct imap_capabilities set = { 0 };

    for (size_t i = 0; i < n; i++)
        imap_capabilities_add(&set, span_from_string(names[i]));
    return set;
}

/* IMAP-3 */
static void test_names(void **state)
{
    static const char *const names[IMAP_CAP_COUNT] = {
        "imap4rev1",
        "IMAP4REV2",
        "starttls",
        "LoginDisabled",
        "auth=plain",
        "auth=scram-sha-256",
        "auth=scram-sha-256-plus",
        "auth=oauthbearer",
        "auth=xoauth2",
        "sasl-ir",
        "literal+",
        "literal-",
        "uidplus",
        "id",
        "utf8=only",
        "condstore",
        "qresync",
        "move",
        "list-extended",
        "special-use",
        "esearch",
        "within",
        "x-gm-ext-1",
    };
    static const char *const unknown[] = {
        "",     "X", "IMAP4",   "AUTH=", "AUTH=PLAINX", "AUTH=SCRAM-SHA-1",
        "IDLE", "I", "LITERAL",
    };

    (void)state;
    for (unsigned i = 0; i < IMAP_CAP_COUNT; i++) {
        struct imap_capabilities set = set_of(names + i, 1);

        assert_int_equal(set.bits, BIT(i));
        assert_true(imap_capabilities_have(set, (enum imap_capability)i));
        assert_int_equal(set_of(names, i + 1).bits, BIT(i + 1) - 1);
    }
    assert_int_equal(set_of(unknown, ARRAY_LENGTH(unknown)).bits, 0);
}

/* IEXT-7: rev1 only, rev2 only, and both, which behaves as rev1. */
static void test_complete(void **state)
{
    struct imap_capabilities rev1 = { BIT(IMAP_CAP_IMAP4REV1) };
    struct imap_capabilities rev2 = { BIT(IMAP_CAP_IMAP4REV2) };
    struct imap_capabilities both = { rev1.bits | rev2.bits };

    (void)state;
    assert_int_equal(imap_capabilities_complete(rev1).bits, rev1.bits);
    assert_int_equal(imap_capabilities_complete(both).bits, both.bits);
    assert_int_equal(imap_capabilities_complete(rev2).bits,
                     rev2.bits | BIT(IMAP_CAP_SASL_IR) |
                         BIT(IMAP_CAP_LITERAL_MINUS) | BIT(IMAP_CAP_UIDPLUS) |
                         BIT(IMAP_CAP_MOVE) | BIT(IMAP_CAP_LIST_EXTENDED) |
                         BIT(IMAP_CAP_ESEARCH));
}

/* RFC 7162 §3.2.1: whoever offers QRESYNC has CONDSTORE. */
static void test_qresync(void **state)
{
    struct imap_capabilities qresync = { BIT(IMAP_CAP_QRESYNC) };
    struct imap_capabilities condstore = { BIT(IMAP_CAP_CONDSTORE) };

    (void)state;
    assert_int_equal(imap_capabilities_complete(qresync).bits,
                     qresync.bits | condstore.bits);
    assert_int_equal(imap_capabilities_complete(condstore).bits,
                     condstore.bits);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_complete),
        cmocka_unit_test(test_qresync),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
