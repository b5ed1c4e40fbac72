/* test_list.c - LIST: names in every shape, and what a mailbox is for. */
#include "imap/response.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limits.h"
#include "support/imap_events.h"

/* DEC-25, RFC 6154 */
static void test_attributes(void **state)
{
    (void)state;
    imap_events_check_literal(
        "* LIST (\\HasNoChildren \\Trash) \"/\" \"[Gmail]/Trash\"\r\n"
        "* list (\\trash \\NOSELECT) NIL Bin\r\n"
        "* LIST (\\NonExistent) \".\" INBOX.Trash\r\n"
        "* LIST () \"/\" INBOX\r\n",
        "list trash \"[Gmail]/Trash\"\nlist closed trash \"Bin\"\n"
        "list closed \"INBOX.Trash\"\nlist \"INBOX\"\n");
}

/* IMAP-12, RFC 9051 §9: an astring, with brackets where it is an atom. */
static void test_names(void **state)
{
    (void)state;
    imap_events_check_literal(
        "* LIST (\\Trash) \"/\" [Gmail]/Trash\r\n"
        "* LIST () \"/\" {5}\r\na\"b c\r\n"
        "* LIST () \"\\\\\" \"a\\\"b\\\\c\"\r\n"
        "* LIST () \"/\" \"&AMk-t&AOk-\" (\"CHILDINFO\" (\"X\"))\r\n"
        "* LIST () \"/\" \"\"\r\n"
        "* LIST () \"/\" {0}\r\n\r\n",
        "list trash \"[Gmail]/Trash\"\nlist \"a\"b c\"\n"
        "list \"a\"b\\\\c\"\nlist \"&AMk-t&AOk-\"\nlist \"\"\nlist \"\"\n");
}

static void test_broken(void **state)
{
    (void)state;
    imap_events_check_literal(
        "* LIST\r\n* LIST ()\r\n* LIST () \"/\"\r\n* LIST \"/\" a\r\n"
        "* LIST (\\Trash\r\n* OK\r\n",
        "other\nother\nother\nother\nother\nuntagged OK \"\"\n");
}

/* Longer than what we could name in a command: as if it were not there. */
static void test_long_names(void **state)
{
    struct buf wire;
    struct buf expected;

    (void)state;
    for (size_t extra = 0; extra < 2; extra++) {
        buf_init(&wire, 1024);
        buf_init(&expected, 1024);
        buf_append_string(&wire, "* LIST () \"/\" \"");
        for (size_t i = 0; i < IMAP_MAILBOX_MAX + extra; i++)
            buf_append_octet(&wire, 'n');
        buf_append_string(&wire, "\"\r\n");
        buf_append_string(&expected, extra == 0 ? "list \"" : "other\n");
        for (size_t i = 0; extra == 0 && i < IMAP_MAILBOX_MAX; i++)
            buf_append_octet(&expected, 'n');
        if (extra == 0)
            buf_append_string(&expected, "\"\n");
        imap_events_check(buf_span(&wire), buf_span(&expected));
        buf_fini(&wire);
        buf_fini(&expected);
    }
}

/* RFC 4315 §3: which were copied; tagged for COPY, mostly not for MOVE. */
static void test_copyuid(void **state)
{
    (void)state;
    imap_events_check_literal(
        "A7 OK [COPYUID 38505 304,320:319 3956:3958] Done\r\n"
        "* OK [COPYUID 1 7 9]\r\n"
        "A8 OK [copyuid 1 5:6 1:2 x,y] z\r\n",
        "copied uids 304 304\ncopied uids 319 320\n"
        "tagged 7 OK COPYUID \"Done\"\n"
        "copied uids 7 7\nuntagged OK COPYUID \"\"\n"
        "copied uids 5 6\ntagged 8 OK COPYUID \"z\"\n");
    imap_events_check_literal("A7 OK [COPYUID] x\r\nA8 OK [COPYUID 1] x\r\n",
                              "tagged 7 OK COPYUID \"x\"\n"
                              "tagged 8 OK COPYUID \"x\"\n");
    imap_events_check_literal("A7 OK [COPYUID 1 x,1:*,7 2] x\r\n",
                              "copied uids 7 7\ntagged 7 OK COPYUID \"x\"\n");
}

static void test_watched_keyword(void **state)
{
    (void)state;
    imap_events_check_literal("* 1 FETCH (FLAGS ($watched \\Seen))\r\n"
                              "* OK [PERMANENTFLAGS ($WATCHED \\*)] x\r\n"
                              "* 2 FETCH (FLAGS ($Watched2 Watched))\r\n",
                              "fetch 1\nfetch flags seen watched\nfetch end\n"
                              "untagged OK PERMANENTFLAGS watched any \"x\"\n"
                              "fetch 2\nfetch flags\nfetch end\n");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attributes),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_broken),
        cmocka_unit_test(test_long_names),
        cmocka_unit_test(test_copyuid),
        cmocka_unit_test(test_watched_keyword),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
