/* test_mailbox_name.c - modified UTF-7. */
#include "imap/mailbox_name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limits.h"
#include "support/octets.h"

static void check(const char *name, const char *expected)
{
    struct buf out;

    buf_init(&out, IMAP_MAILBOX_MAX);
    assert_true(imap_mailbox_name_encode(&out, span_from_string(name)));
    assert_buf_string(&out, expected);
    buf_fini(&out);
}

/* RFC 3501 §5.1.3: its own example, and one of each length of character. */
static void test_encode(void **state)
{
    (void)state;
    check("", "");
    check("INBOX.Trash", "INBOX.Trash");
    check("a&b", "a&-b");
    check("~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/"
          "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e",
          "~peter/mail/&U,BTFw-/&ZeVnLIqe-");
    check("Gel\xc3\xb6scht", "Gel&APY-scht");
    check("\xc3\xa9&\xc3\xa9", "&AOk-&-&AOk-");
    check("\xc3\xa9\xc3\xa9\xc3\xa9", "&AOkA6QDp-");
    check("\xf0\x9f\x97\x91", "&2D3d0Q-");
    check("\xc3\xa9-", "&AOk--");
}

static void test_refused(void **state)
{
    static const char *const names[] = { "\xff", "\xc3", "a\nb", "\x7f",
                                         "\xed\xa0\x80" };
    struct buf out;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        buf_init(&out, IMAP_MAILBOX_MAX);
        assert_false(
            imap_mailbox_name_encode(&out, span_from_string(names[i])));
        buf_fini(&out);
    }
    buf_init(&out, 3);
    assert_false(imap_mailbox_name_encode(&out, SPAN_LITERAL("abcd")));
    buf_fini(&out);
}

static void test_inbox(void **state)
{
    (void)state;
    assert_true(imap_mailbox_name_is_inbox(SPAN_LITERAL("INBOX")));
    assert_true(imap_mailbox_name_is_inbox(SPAN_LITERAL("inbox")));
    assert_false(imap_mailbox_name_is_inbox(SPAN_LITERAL("INBOX.Sent")));
    assert_false(imap_mailbox_name_is_inbox(SPAN_LITERAL("")));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encode),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_inbox),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
