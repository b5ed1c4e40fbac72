/* test_search.c - SEARCH and ESEARCH answers. */
#include "imap/response.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/imap_events.h"

/* IEXT-3 */
static void test_search(void **state)
{
    (void)state;
    imap_events_check_literal("* SEARCH\r\n* SEARCH \r\n",
                              "search end\nsearch end\n");
    imap_events_check_literal(
        "* SEARCH 2 84  4294967295\r\n",
        "search uids 2 2\nsearch uids 84 84\n"
        "search uids 4294967295 4294967295\nsearch end\n");
    imap_events_check_literal("* search 5 (MODSEQ 917162500)\r\n",
                              "search uids 5 5\nsearch end\n");
    imap_events_check_literal("* SEARCH 0\r\n", "error syntax\n");
    imap_events_check_literal("* SEARCH 4294967296\r\n", "error syntax\n");
    imap_events_check_literal("* SEARCH 1:3\r\n", "error syntax\n");
}

/* IEXT-3 */
static void test_esearch(void **state)
{
    (void)state;
    imap_events_check_literal(
        "* ESEARCH (TAG \"A1\") UID ALL 2,10:11\r\n",
        "search uids 2 2\nsearch uids 10 11\nsearch end\n");
    imap_events_check_literal("* esearch (tag {2}\r\nA1) uid all 7 count 1\r\n",
                              "search uids 7 7\nsearch end\n");
    imap_events_check_literal(
        "* ESEARCH (TAG \"A1\") UID MIN 1 MAX 30 COUNT 3 ALL 20:10,30 "
        "MODSEQ 5 X-LIST (1 (2)) X-S \"ALL\" X-P 1,2,3\r\n",
        "search uids 10 20\nsearch uids 30 30\nsearch end\n");
    imap_events_check_literal("* ESEARCH (TAG \"A1\") UID PARTIAL (1:10 4,5) "
                              "ALL 6\r\n",
                              "search uids 6 6\nsearch end\n");
    imap_events_check_literal("* ESEARCH UID ALL 1\r\n",
                              "search uids 1 1\nsearch end\n");
}

/* IEXT-3: ALL is absent when nothing matches. */
static void test_empty_esearch(void **state)
{
    (void)state;
    imap_events_check_literal(
        "* ESEARCH (TAG \"A1\") UID\r\n* ESEARCH\r\n"
        "* ESEARCH (TAG \"A1\") UID COUNT 0\r\n"
        "* ESEARCH (TAG \"A1\")\r\n",
        "search end\nsearch end\nsearch end\nsearch end\n");
}

/* IMAP-19: without UID the numbers are sequence numbers, and no answer. */
static void test_esearch_by_sequence(void **state)
{
    (void)state;
    imap_events_check_literal("* ESEARCH (TAG \"A1\") ALL 2,10:11\r\n",
                              "other\n");
}

static void test_broken_sets(void **state)
{
    static const char *const sets[] = {
        "0", "1:0", "0:1", "*", "1:*", "1:", ":1", "4294967296", "1:2:3", "x",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(sets); i++) {
        struct buf wire;

        buf_init(&wire, 256);
        buf_append_string(&wire, "* ESEARCH UID ALL ");
        buf_append_string(&wire, sets[i]);
        buf_append_string(&wire, "\r\n");
        imap_events_check(buf_span(&wire), SPAN_LITERAL("error syntax\n"));
        buf_fini(&wire);
    }
}

/* A set is one word by the grammar, of any length. */
static void test_long_set(void **state)
{
    struct buf wire;
    struct buf expected;

    (void)state;
    buf_init(&wire, 1024 * 1024);
    buf_init(&expected, 1024 * 1024);
    buf_append_string(&wire, "* ESEARCH (TAG \"A1\") UID ALL 1");
    buf_append_string(&expected, "search uids 1 1\n");
    for (unsigned uid = 3; uid < 20000; uid += 2) {
        buf_append_octet(&wire, ',');
        buf_append_number(&wire, uid);
        buf_append_string(&expected, "search uids ");
        buf_append_number(&expected, uid);
        buf_append_octet(&expected, ' ');
        buf_append_number(&expected, uid);
        buf_append_octet(&expected, '\n');
    }
    buf_append_string(&wire, "\r\n");
    buf_append_string(&expected, "search end\n");
    for (size_t piece = 0; piece < 3; piece++) {
        struct buf got;

        buf_init(&got, 1024 * 1024);
        imap_events_record(buf_span(&wire), piece, &got);
        assert_true(span_equals(buf_span(&got), buf_span(&expected)));
        buf_fini(&got);
    }
    buf_fini(&wire);
    buf_fini(&expected);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_search),
        cmocka_unit_test(test_esearch),
        cmocka_unit_test(test_empty_esearch),
        cmocka_unit_test(test_esearch_by_sequence),
        cmocka_unit_test(test_broken_sets),
        cmocka_unit_test(test_long_set),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
