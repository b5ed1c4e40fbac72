/* test_mailbox_list.c - which mailboxes an operator or a login may name. */
#include "session/mailbox_list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/attributes.h"
#include "support/alloc_fail.h"
#include "support/octets.h"

static void check_list(const char *text, unsigned count,
                       const char *const *names)
{
    struct mailbox_list list;

    assert_null(mailbox_list_parse(&list, span_from_string(text)));
    assert_int_equal(mailbox_list_count(&list), count);
    for (unsigned i = 0; i < count; i++)
        assert_string_equal(mailbox_list_name(&list, i)->text, names[i]);
    mailbox_list_fini(&list);
    assert_int_equal(list.count, 0);
}

static void test_list(void **state)
{
    static const char *const inbox[] = { "INBOX" };
    static const char *const two[] = { "Sent mail", "INBOX" };
    static const char *const umlaut[] = { "Entw\xc3\xbcrfe" };

    (void)state;
    check_list("", 1, inbox);
    check_list("  ", 1, inbox);
    check_list("inbox", 1, inbox);
    check_list("Sent mail ,\tInbox", 2, two);
    check_list("Entw\xc3\xbcrfe", 1, umlaut);
}

static void test_bad_list(void **state)
{
    static const struct {
        const char *text;
        const char *wrong;
    } cases[] = {
        { ",", "has a name that is empty, too long, or not UTF-8" },
        { "INBOX,", "has a name that is empty, too long, or not UTF-8" },
        { "INBOX,,Reports",
          "has a name that is empty, too long, or not UTF-8" },
        { "a\x01", "has a name that is empty, too long, or not UTF-8" },
        { "INBOX, inbox", "names a mailbox twice" },
        { "Reports, INBOX, Reports", "names a mailbox twice" },
        /* Two names of one checksum. */
        { "Folder577105044, Folder841678834",
          "names two mailboxes whose unique-ids could be the same" },
        { "a,b,c,d,e,f,g,h,i", "names too many mailboxes" },
    };
    struct mailbox_list list;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        const char *wrong =
            mailbox_list_parse(&list, span_from_string(cases[i].text));

        assert_non_null(wrong);
        assert_string_equal(wrong, cases[i].wrong);
        assert_int_equal(list.count, 0);
    }
    alloc_fail_at(1);
    assert_string_equal(mailbox_list_parse(&list, SPAN_LITERAL("x")),
                        "out of memory");
    alloc_fail_at(0);
}

static void test_name(void **state)
{
    unsigned char longest[IMAP_MAILBOX_MAX + 1];
    struct mailbox_name name;

    (void)state;
    assert_true(mailbox_name_set(&name, SPAN_LITERAL("Entw\xc3\xbcrfe")));
    assert_string_equal(name.text, "Entw\xc3\xbcrfe");
    assert_string_equal(name.wire, "Entw&APw-rfe");
    assert_octets_string(
        mailbox_name_for(&name,
                         (struct imap_capabilities){ BIT(IMAP_CAP_IMAP4REV1) |
                                                     BIT(IMAP_CAP_IMAP4REV2) }),
        "Entw&APw-rfe");
    assert_octets_string(
        mailbox_name_for(&name,
                         (struct imap_capabilities){ BIT(IMAP_CAP_IMAP4REV2) }),
        "Entw\xc3\xbcrfe");
    assert_true(mailbox_name_set(&name, SPAN_LITERAL("iNbOx")));
    assert_string_equal(name.text, "INBOX");
    assert_string_equal(name.wire, "INBOX");
    memset(longest, 'x', sizeof(longest));
    assert_true(mailbox_name_set(&name, span_make(longest, IMAP_MAILBOX_MAX)));
    assert_false(
        mailbox_name_set(&name, span_make(longest, IMAP_MAILBOX_MAX + 1)));
    /* Short enough as it is, too long as it goes to the server. */
    memset(longest, '&', sizeof(longest));
    assert_false(mailbox_name_set(&name, span_make(longest, 128)));
    /* And where each character is escaped in a quoted string. */
    memset(longest, '"', sizeof(longest));
    assert_true(mailbox_name_set(&name, span_make(longest, 239)));
    assert_false(mailbox_name_set(&name, span_make(longest, 240)));
    assert_false(mailbox_name_set(&name, SPAN_LITERAL("")));
    assert_false(mailbox_name_set(&name, SPAN_LITERAL("a\r\nb")));
    assert_false(mailbox_name_set(&name, SPAN_LITERAL("\xfc")));
    alloc_fail_at(1);
    assert_false(mailbox_name_set(&name, SPAN_LITERAL("x")));
    alloc_fail_at(0);
}

static void test_one_and_copy(void **state)
{
    struct mailbox_list list;
    struct mailbox_list copy;

    (void)state;
    /* A comma in it is one of its own. */
    assert_null(mailbox_list_set(&list, SPAN_LITERAL("a, b")));
    assert_int_equal(mailbox_list_count(&list), 1);
    assert_string_equal(mailbox_list_name(&list, 0)->text, "a, b");
    assert_true(mailbox_list_copy(&copy, &list));
    mailbox_list_fini(&list);
    assert_string_equal(mailbox_list_name(&copy, 0)->text, "a, b");
    alloc_fail_at(1);
    assert_false(mailbox_list_copy(&list, &copy));
    alloc_fail_at(1);
    assert_string_equal(mailbox_list_set(&list, SPAN_LITERAL("x")),
                        "out of memory");
    alloc_fail_at(0);
    mailbox_list_fini(&copy);
    assert_true(mailbox_list_copy(&copy, &list));
    assert_string_equal(mailbox_list_name(&copy, 0)->text, "INBOX");
    assert_non_null(mailbox_list_set(&list, SPAN_LITERAL("")));
    mailbox_list_fini(&list);
}

static void check_split(const char *given, const char *before,
                        const char *folder, const char *after)
{
    struct plus_name name = plus_name_split(span_from_string(given));

    assert_octets_string(name.before, before);
    assert_octets_string(name.folder, folder);
    assert_octets_string(name.after, after);
}

static void test_plus_name(void **state)
{
    (void)state;
    check_split("alice+Reports", "alice", "Reports", "");
    check_split("alice+Reports@example.com", "alice", "Reports",
                "@example.com");
    check_split("alice@example.com+Reports", "alice@example.com", "Reports",
                "");
    check_split("alice+a+b/c", "alice", "a+b/c", "");
    check_split("alice", "alice", "", "");
    check_split("alice@example.com", "alice@example.com", "", "");
    /* No folder, or nobody to have it: a name as any other. */
    check_split("alice+", "alice+", "", "");
    check_split("alice+@example.com", "alice+@example.com", "", "");
    check_split("+Reports", "+Reports", "", "");
    check_split("", "", "", "");
}

static bool is_allowed(const char *folder, const char *allowed)
{
    return plus_name_is_allowed(span_from_string(folder),
                                span_from_string(allowed));
}

static void test_allowed(void **state)
{
    (void)state;
    assert_true(is_allowed("Reports", ""));
    assert_true(is_allowed("Reports", "Reports"));
    assert_true(is_allowed("Reports", "Sent, Reports"));
    assert_false(is_allowed("Reports", "Sent, Report"));
    assert_false(is_allowed("Reports", "Sent, Reports/*"));
    assert_true(is_allowed("Reports/2024", "Sent, Reports/*"));
    assert_true(is_allowed("Reports", "*"));
    assert_true(is_allowed("a/b/c", "a*c"));
    assert_false(is_allowed("a/b/c/d", "a*c"));
    assert_true(is_allowed("a/c/b/c", "a*b*c"));
    assert_false(is_allowed("reports", "Reports"));
    assert_true(is_allowed("inbox", "INBOX"));
    assert_false(is_allowed("Reports", ","));
}

/* Where mailboxes are files it would lead out of what is allowed. */
static void test_no_way_out(void **state)
{
    static const char *const out[] = { "..",  "../x",  "x/..",
                                       "/..", "./x",   "Reports/../Secret",
                                       ".",   "x/./y", "/etc/passwd",
                                       "x/",  "x//y",  "/" };
    static const char *const in[] = { "...", "..x", "x..", "INBOX..x", ".x/y" };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(out); i++) {
        assert_false(is_allowed(out[i], ""));
        assert_false(is_allowed(out[i], "*"));
    }
    for (size_t i = 0; i < ARRAY_LENGTH(in); i++)
        assert_true(is_allowed(in[i], ""));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_name),       cmocka_unit_test(test_list),
        cmocka_unit_test(test_bad_list),   cmocka_unit_test(test_plus_name),
        cmocka_unit_test(test_allowed),    cmocka_unit_test(test_one_and_copy),
        cmocka_unit_test(test_no_way_out),
    };

    return cmocka_run_group_tests_name("session/mailbox_list", tests, NULL,
                                       NULL);
}
