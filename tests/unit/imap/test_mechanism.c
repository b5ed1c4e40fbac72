/* mechanism.c: the names, both ways. */
#include "imap/mechanism.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_names(void **state)
{
    (void)state;
    for (unsigned i = 0; i < IMAP_MECHANISM_COUNT; i++) {
        const char *name = imap_mechanism_name((enum imap_mechanism)i);
        enum imap_mechanism found = IMAP_MECHANISM_COUNT;

        assert_true(imap_mechanism_find(span_from_string(name), &found));
        assert_int_equal(found, i);
    }
}

static void test_any_case(void **state)
{
    enum imap_mechanism found;

    (void)state;
    assert_true(
        imap_mechanism_find(SPAN_LITERAL("scram-Sha-256-plus"), &found));
    assert_int_equal(found, IMAP_MECHANISM_SCRAM_PLUS);
}

static void test_others_are_none(void **state)
{
    static const char *const others[] = { "",       "PLAI",
                                          "PLAINX", "SCRAM-SHA-1",
                                          "SCRAM",  "AUTH=PLAIN" };
    enum imap_mechanism found;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++)
        assert_false(imap_mechanism_find(span_from_string(others[i]), &found));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_any_case),
        cmocka_unit_test(test_others_are_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
