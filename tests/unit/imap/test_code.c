/* test_code.c - response codes and their names. */
#include "imap/code.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/imap_names.h"

static void test_every_name(void **state)
{
    (void)state;
    for (int i = IMAP_CODE_UNKNOWN + 1; i < IMAP_CODE_COUNT; i++) {
        const char *name = imap_code_name((enum imap_code)i);

        assert_non_null(name);
        assert_int_equal(imap_code_from_name(span_from_string(name)), i);
    }
    assert_string_equal(imap_code_name(IMAP_CODE_NONE), "");
    assert_string_equal(imap_code_name(IMAP_CODE_READ_ONLY), "READ-ONLY");
}

/* IMAP-3 */
static void test_unknown(void **state)
{
    static const char *const names[] = {
        "", "X", "ALERTS", "ALER", "UNKNOWN", "APPENDUID", "UIDNEXT ",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
        assert_int_equal(imap_code_from_name(span_from_string(names[i])),
                         IMAP_CODE_UNKNOWN);
}

static void test_any_case(void **state)
{
    (void)state;
    assert_int_equal(imap_code_from_name(SPAN_LITERAL("uidValidity")),
                     IMAP_CODE_UIDVALIDITY);
    assert_int_equal(imap_code_from_name(SPAN_LITERAL("throttled")),
                     IMAP_CODE_THROTTLED);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_name),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_any_case),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
