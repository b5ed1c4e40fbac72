/* test_status.c - conditions, response codes and human text. */
#include "imap/response.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limits.h"
#include "support/imap_events.h"

/* IMAP-15: each code of SELECT, alone and in any order. */
static void test_select_codes(void **state)
{
    (void)state;
    imap_events_check_literal(
        "* OK [UIDNEXT 4392] Predicted\r\n"
        "* OK [UIDVALIDITY 3857529045] valid\r\n"
        "* OK [UIDVALIDITY 0] zero\r\n"
        "* OK [PERMANENTFLAGS (\\Deleted \\Seen \\*)] Limited\r\n"
        "* OK [PERMANENTFLAGS ()] none\r\n"
        "* NO [UIDNOTSTICKY] x\r\n"
        "A142 OK [READ-WRITE] SELECT completed\r\n"
        "A143 OK [read-only] x\r\n",
        "untagged OK UIDNEXT 4392 \"Predicted\"\n"
        "untagged OK UIDVALIDITY 3857529045 \"valid\"\n"
        "untagged OK UIDVALIDITY \"zero\"\n"
        "untagged OK PERMANENTFLAGS seen deleted any \"Limited\"\n"
        "untagged OK PERMANENTFLAGS \"none\"\n"
        "untagged NO UIDNOTSTICKY \"x\"\n"
        "tagged 142 OK READ-WRITE \"SELECT completed\"\n"
        "tagged 143 OK READ-ONLY \"x\"\n");
}

/* IMAP-6: a code may bring the capabilities. */
static void test_capability_code(void **state)
{
    (void)state;
    imap_events_check_literal(
        "A1 OK [CAPABILITY IMAP4rev2 X-FOO=BAR IDLE LITERAL- UTF8=ONLY] in\r\n",
        "tagged 1 OK CAPABILITY rev2 literal- utf8-only \"in\"\n");
}

/* IEXT-9, IEXT-13 */
static void test_numbers(void **state)
{
    (void)state;
    imap_events_check_literal(
        "* OK [HIGHESTMODSEQ 9223372036854775807] x\r\n* OK [NOMODSEQ] x\r\n",
        "untagged OK HIGHESTMODSEQ 9223372036854775807 \"x\"\n"
        "untagged OK NOMODSEQ \"x\"\n");
    imap_events_check_literal("A3 OK [MESSAGELIMIT 1000 23221] part\r\n"
                              "A4 NO [MESSAGELIMIT 1000] all\r\n"
                              "A5 OK [UIDNEXT 5 6 7] x\r\n",
                              "tagged 3 OK MESSAGELIMIT 1000 23221 \"part\"\n"
                              "tagged 4 NO MESSAGELIMIT 1000 \"all\"\n"
                              "tagged 5 OK UIDNEXT 5 \"x\"\n");
    imap_events_check_literal("* OK [UIDNEXT] x\r\n",
                              "untagged OK UIDNEXT \"x\"\n");
    imap_events_check_literal("* OK [UIDNEXT 4294967296] x\r\n",
                              "error syntax\n");
    imap_events_check_literal("* OK [UIDVALIDITY x] x\r\n", "error syntax\n");
    imap_events_check_literal("* OK [HIGHESTMODSEQ 9223372036854775808] x\r\n",
                              "error syntax\n");
}

/* More numbers than anyone counts. */
static void test_many_numbers(void **state)
{
    struct buf wire;

    (void)state;
    buf_init(&wire, 4096);
    buf_append_string(&wire, "A1 OK [MESSAGELIMIT");
    for (unsigned i = 1; i <= 600; i++) {
        buf_append_octet(&wire, ' ');
        buf_append_number(&wire, i);
    }
    buf_append_string(&wire, "] x\r\n");
    imap_events_check(buf_span(&wire),
                      SPAN_LITERAL("tagged 1 OK MESSAGELIMIT 1 2 \"x\"\n"));
    buf_fini(&wire);
}

/* IMAP-3: nested lists, strings, literals, brackets in strings. */
static void test_unknown_codes(void **state)
{
    (void)state;
    imap_events_check_literal("A1 NO [XYZ 1 (2)] no\r\n",
                              "tagged 1 NO UNKNOWN \"no\"\n");
    imap_events_check_literal(
        "A1 NO [BADCHARSET (\"a]\\\"\" {4}\r\n] )\n (b]c (d)))] no\r\n",
        "tagged 1 NO UNKNOWN \"no\"\n");
    imap_events_check_literal(
        "A1 OK [COPYUIDS 38505 304,319:320 3956:3958] x\r\n",
        "tagged 1 OK UNKNOWN \"x\"\n");
    imap_events_check_literal("A1 OK [] x\r\nA2 OK [\"ALERT\"] x\r\nA3 OK [(a)]"
                              "\r\nA4 OK [[x]] y\r\n",
                              "tagged 1 OK UNKNOWN \"x\"\n"
                              "tagged 2 OK UNKNOWN \"x\"\n"
                              "tagged 3 OK UNKNOWN \"\"\n"
                              "tagged 4 OK UNKNOWN \"] y\"\n");
    /* A quote or bracket that is never closed ends with its line. */
    imap_events_check_literal(
        "A1 NO [QUOTA 5\" disk] full\r\nA2 NO [LIMIT\r\n"
        "A3 NO [X (] y\r\nA4 NO [\r\n",
        "tagged 1 NO UNKNOWN \"\"\ntagged 2 NO LIMIT \"\"\n"
        "tagged 3 NO UNKNOWN \"\"\n"
        "tagged 4 NO UNKNOWN \"\"\n");
}

/* Gmail leaves the text out; others leave the blank out, or send two. */
static void test_code_without_text(void **state)
{
    (void)state;
    imap_events_check_literal("A1 OK [THROTTLED]\r\nA2 OK [THROTTLED] \r\n"
                              "A3 NO [ALERT]x\r\nA4 NO  [ALERT]   x\r\n"
                              "* OK[ALERT] x\r\n",
                              "tagged 1 OK THROTTLED \"\"\n"
                              "tagged 2 OK THROTTLED \"\"\n"
                              "tagged 3 NO ALERT \"x\"\n"
                              "tagged 4 NO ALERT \"x\"\n"
                              "untagged OK ALERT \"x\"\n");
}

/* Human text is never structure. */
static void test_text(void **state)
{
    (void)state;
    imap_events_check_literal(
        "A1 NO a \"b ({5} [c] \\\xE4 \xFF\r\n* 1 EXISTS\r\n",
        "tagged 1 NO \"a \"b ({5} [c] \\\\\\xE4 \\xFF\"\n"
        "exists 1\n");
    imap_events_check_literal("A1 OK [ALERT] [x] y\r\n",
                              "tagged 1 OK ALERT \"[x] y\"\n");
    imap_events_check_literal("A1 OK a\rb\r\r\nA2 OK \r\n* OK\r\n",
                              "tagged 1 OK \"a\\rb\\r\"\ntagged 2 OK \"\"\n"
                              "untagged OK \"\"\n");
}

/* IMAP-30: an untagged NO or BAD is a condition like any other. */
static void test_untagged_warnings(void **state)
{
    (void)state;
    imap_events_check_literal("* NO warn\r\n* BAD worse\r\nA1 OK fine\r\n",
                              "untagged NO \"warn\"\nuntagged BAD \"worse\"\n"
                              "tagged 1 OK \"fine\"\n");
}

/* Text too long is cut, however it comes and wherever a CR lies. */
static void test_long_text(void **state)
{
    (void)state;
    for (size_t extra = 0; extra < 4; extra++) {
        struct buf wire;
        struct buf expected;

        buf_init(&wire, 4096);
        buf_init(&expected, 4096);
        buf_append_string(&wire, "A1 OK ");
        buf_append_string(&expected, "tagged 1 OK \"");
        for (size_t i = 0; i < IMAP_TEXT_MAX - 1; i++) {
            buf_append_octet(&wire, 'x');
            buf_append_octet(&expected, 'x');
        }
        for (size_t i = 0; i < extra; i++)
            buf_append_octet(&wire, '\r');
        buf_append_string(&wire, "\r\n");
        buf_append_string(&expected, extra > 0 ? "\\r\"\n" : "\"\n");
        imap_events_check(buf_span(&wire), buf_span(&expected));
        buf_fini(&wire);
        buf_fini(&expected);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_select_codes),
        cmocka_unit_test(test_capability_code),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_many_numbers),
        cmocka_unit_test(test_unknown_codes),
        cmocka_unit_test(test_code_without_text),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_untagged_warnings),
        cmocka_unit_test(test_long_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
