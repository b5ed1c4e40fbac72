/* test_unique_id.c - each format at its shortest, its longest, and as the
 * server that it comes from writes it.
 */
#include "session/unique_id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct unique_id_facts usual = { .uidvalidity = 1700000000,
                                              .uid = 12,
                                              .gmail_id = 0x17c0ffee };
static const struct unique_id_facts least = { .uidvalidity = 1,
                                              .uid = 1,
                                              .gmail_id = 1 };
static const struct unique_id_facts most = { .uidvalidity = UINT32_MAX,
                                             .uid = UINT32_MAX,
                                             .gmail_id = UINT64_MAX,
                                             .mailbox_mark = UINT32_MAX };

static void check(enum unique_id_format format,
                  const struct unique_id_facts *facts, const char *expected)
{
    struct unique_id id = unique_id_make(format, facts);

    assert_string_equal(id.text, expected);
}

/* DEC-12 */
static void test_formats(void **state)
{
    (void)state;
    check(UNIQUE_ID_POPINJAY, &usual, "1700000000.12");
    check(UNIQUE_ID_DOVECOT, &usual, "0000000c6553f100");
    check(UNIQUE_ID_CYRUS, &usual, "1700000000.12");
    check(UNIQUE_ID_COURIER, &usual, "UID12-1700000000");
    check(UNIQUE_ID_UW, &usual, "6553f1000000000c");
    check(UNIQUE_ID_UID, &usual, "12");
    check(UNIQUE_ID_GMAIL, &usual, "GmailId17c0ffee");
}

static void test_least(void **state)
{
    (void)state;
    check(UNIQUE_ID_POPINJAY, &least, "1.1");
    check(UNIQUE_ID_DOVECOT, &least, "0000000100000001");
    check(UNIQUE_ID_COURIER, &least, "UID1-1");
    check(UNIQUE_ID_UID, &least, "1");
    check(UNIQUE_ID_GMAIL, &least, "GmailId1");
}

/* POP-28: 1 to 70 characters, 0x21 to 0x7E. */
static void test_shape(void **state)
{
    (void)state;
    for (unsigned f = 0; f < UNIQUE_ID_FORMAT_COUNT; f++) {
        struct unique_id id = unique_id_make((enum unique_id_format)f, &most);
        size_t length = strlen(id.text);

        assert_in_range(length, 10, UNIQUE_ID_MAX);
        for (size_t i = 0; i < length; i++)
            assert_in_range(id.text[i], 0x21, 0x7e);
    }
}

/* Two messages that differ in a UID, a UIDVALIDITY (where the format has it) or
 * a mailbox have two unique-ids.
 */
static void test_differ(void **state)
{
    struct unique_id_facts other_uid = usual;
    struct unique_id_facts other_mailbox = usual;

    (void)state;
    other_uid.uid++;
    other_uid.gmail_id++;
    other_mailbox.mailbox_mark =
        unique_id_mailbox_mark(SPAN_LITERAL("Reports"));
    for (unsigned f = 0; f < UNIQUE_ID_FORMAT_COUNT; f++) {
        enum unique_id_format format = (enum unique_id_format)f;
        struct unique_id id = unique_id_make(format, &usual);

        assert_string_not_equal(id.text,
                                unique_id_make(format, &other_uid).text);
        assert_string_not_equal(id.text,
                                unique_id_make(format, &other_mailbox).text);
    }
}

/* The mark is the mailbox's for good: what devices have stored rests on it. */
static void test_marks(void **state)
{
    uint32_t mark = unique_id_mailbox_mark(SPAN_LITERAL("Reports"));
    struct unique_id_facts marked = usual;

    (void)state;
    assert_int_equal(unique_id_mailbox_mark(SPAN_LITERAL("INBOX")), 0);
    assert_int_equal(unique_id_mailbox_mark(SPAN_LITERAL("Inbox")), 0);
    assert_int_equal(mark, 0xe10ab7ab);
    assert_int_not_equal(mark, unique_id_mailbox_mark(SPAN_LITERAL("reports")));
    /* Its checksum is 0, as that of INBOX. */
    assert_int_equal(unique_id_mailbox_mark(SPAN_LITERAL("")), UINT32_MAX);
    marked.mailbox_mark = mark;
    check(UNIQUE_ID_UID, &marked, "12+e10ab7ab");
    check(UNIQUE_ID_POPINJAY, &marked, "1700000000.12+e10ab7ab");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats), cmocka_unit_test(test_least),
        cmocka_unit_test(test_shape),   cmocka_unit_test(test_differ),
        cmocka_unit_test(test_marks),
    };

    return cmocka_run_group_tests_name("session/unique_id", tests, NULL, NULL);
}
