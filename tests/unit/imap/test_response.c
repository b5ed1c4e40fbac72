/* test_response.c - how lines begin: greetings, counts, noise. */
#include "imap/response.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limits.h"
#include "support/imap_events.h"
#include "support/imap_names.h"

/* IMAP-4: OK, PREAUTH and BYE, and what is no greeting. */
static void test_greetings(void **state)
{
    (void)state;
    imap_events_check_literal("* OK ready\r\n", "untagged OK \"ready\"\n");
    imap_events_check_literal("* PREAUTH hello you\r\n",
                              "untagged PREAUTH \"hello you\"\n");
    imap_events_check_literal("* BYE overloaded\r\n",
                              "untagged BYE \"overloaded\"\n");
    imap_events_check_literal("+OK POP3 here\r\n", "noise \"+OK POP3 here\"\n");
    imap_events_check_literal("220 smtp ESMTP\r\n",
                              "noise \"220 smtp ESMTP\"\n");
    imap_events_check_literal("HTTP/1.1 400 Bad\r\n\r\n",
                              "noise \"HTTP/1.1 400 Bad\"\nnoise \"\"\n");
}

/* IMAP-1: only our own tags, as we write them, end a command. */
static void test_tags(void **state)
{
    (void)state;
    imap_events_check_literal(
        "A1 OK done\r\nA4294967295 NO no\r\nA23 bad x\r\n",
        "tagged 1 OK \"done\"\n"
        "tagged 4294967295 NO \"no\"\n"
        "tagged 23 BAD \"x\"\n");
    imap_events_check_literal("A1 OK\r\nA2  NO  \r\n",
                              "tagged 1 OK \"\"\ntagged 2 NO \"\"\n");
    imap_events_check_literal(
        "X1 OK hi\r\na1 OK hi\r\nA0 OK hi\r\nA01 OK hi\r\n",
        "noise \"X1 OK hi\"\nnoise \"a1 OK hi\"\n"
        "noise \"A0 OK hi\"\nnoise \"A01 OK hi\"\n");
    imap_events_check_literal(
        "A4294967296 OK x\r\nA OK x\r\nA1OK x\r\nA-1 OK\r\n",
        "noise \"A4294967296 OK x\"\nnoise \"A OK x\"\n"
        "noise \"A1OK x\"\nnoise \"A-1 OK\"\n");
    imap_events_check_literal("A1 BYE x\r\nA1 PREAUTH x\r\nA1 OKAY x\r\nA1\r\n",
                              "noise \"A1 BYE x\"\nnoise \"A1 PREAUTH x\"\n"
                              "noise \"A1 OKAY x\"\nnoise \"A1\"\n");
    imap_events_check_literal("A1                                   OK x\r\n",
                              "noise \"A1                                   "
                              "OK x\"\n");
}

/* IMAP-13: all behind the plus and one blank; a bare plus is one too. */
static void test_continue(void **state)
{
    (void)state;
    imap_events_check_literal("+ go ahead\r\n", "continue \"go ahead\"\n");
    imap_events_check_literal("+ \r\n", "continue \"\"\n");
    imap_events_check_literal("+\r\n", "continue \"\"\n");
    imap_events_check_literal("+\n", "continue \"\"\n");
    imap_events_check_literal("+  [x] {5}\r\n", "continue \" [x] {5}\"\n");
}

/* IMAP-23: sizes and removals; other numbers are of no use. */
static void test_counts(void **state)
{
    (void)state;
    imap_events_check_literal(
        "* 23 EXISTS\r\n* 0 exists\r\n"
        "* 4294967295 EXPUNGE\r\n* 2 RECENT\r\n",
        "exists 23\nexists 0\nexpunge 4294967295\nother\n");
    imap_events_check_literal("* 4294967296 EXISTS\r\n", "error syntax\n");
    imap_events_check_literal("* 99999999999999999999 X\r\n", "error syntax\n");
    imap_events_check_literal("* 1x EXISTS\r\n", "error syntax\n");
    imap_events_check_literal("* 5\r\n* 5 (a)\r\n", "other\nother\n");
    /* DavMail's blanks. */
    imap_events_check_literal("*  522 EXISTS\r\n*   1   EXPUNGE \r\n",
                              "exists 522\nexpunge 1\n");
}

/* IMAP-6, IMAP-3: unknown names are nothing. */
static void test_capability(void **state)
{
    (void)state;
    imap_events_check_literal(
        "* CAPABILITY IMAP4rev1 X-FOO=BAR AUTH=PLAIN AUTH=XOAUTH2 SASL-IR "
        "LITERAL+ UIDPLUS ID\r\n",
        "capability rev1 plain xoauth2 sasl-ir literal+ uidplus id\n");
    imap_events_check_literal("* capability\r\n* Capability  imap4REV2 \r\n",
                              "capability\ncapability rev2\n");
    imap_events_check_literal("* CAPABILITY (IMAP4rev1) \"ID\" {2}\r\nID\r\n",
                              "capability rev1\n");
}

/* IMAP-15 */
static void test_flags(void **state)
{
    (void)state;
    imap_events_check_literal("* FLAGS (\\Answered \\Seen \\DELETED $X)\r\n",
                              "flags seen deleted\n");
    imap_events_check_literal("* FLAGS ()\r\n* FLAGS\r\n", "flags\nflags\n");
}

/* IMAP-2, IEXT-9, IEXT-14: whatever it is, it is passed over by its structure,
 * and what follows is read.
 */
static void test_unknown_is_skipped(void **state)
{
    static const char *const lines[] = {
        "* XFOO\r\n",
        "* XFOO ({3}\r\nA1 (a \"b)\\\"\" NIL) [x] ~{2}\r\n))\r\n",
        "* XFOO {0}\r\n\r\n",
        "* XFOO {0}\r\n{000012}\r\n* 1 EXISTS\r\n \"\"\r\n",
        "* LSUB (\\NoInferiors) \"/\" \"a\\\\b\"\r\n",
        "* LIST () \"\\\" INBOX\r\n", /* a string never closed */
        "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n",
        "* STATUS x (MESSAGES 3)\r\n",
        "* VANISHED (EARLIER) 41,43:116\r\n",
        "* ENABLED CONDSTORE\r\n",
        "* ) ( a\r\n",
        "* XFOO a ~b ~\r\n",
        "* \"x\" \"\\a\\\r\n",
        "* \"tab\tand \x01 and \xff\r\n",
        "* \"x\\\n",
        "* ,x ,,\r\n",
        "* $X ~\r\n",
        "* \r\n",
        "*  \n",
        "* FETCH (UID 1)\r\n",
        "* 1 FETCH\r\n",
        "* 1 FETCH NIL\r\n",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(lines); i++) {
        struct buf b;

        buf_init(&b, 256);
        buf_append_string(&b, lines[i]);
        buf_append_string(&b, "* 7 EXISTS\r\n");
        imap_events_check(buf_span(&b), SPAN_LITERAL("other\nexists 7\n"));
        buf_fini(&b);
    }
}

/* IEXT-5: kept as it came, well formed or not, and cut where it is long. */
static void test_id(void **state)
{
    struct buf in;
    struct buf expected;

    (void)state;
    imap_events_check_literal(
        "* ID (\"name\" \"x\" \"a\" NIL)\r\n* 7 EXISTS\r\n",
        "id \"(\"name\" \"x\" \"a\" NIL)\"\n"
        "exists 7\n");
    imap_events_check_literal("* id NIL \n* ID\r\n* ID \r\n",
                              "id \"NIL\"\nid \"\"\nid \"\"\n");
    imap_events_check_literal("* ID (\"never closed\r\n* 7 EXISTS\r\n",
                              "id \"(\"never closed\"\nexists 7\n");
    /* What follows a literal is its own octets, not another response. */
    imap_events_check_literal("* ID (\"a\" {11}\r\n* 1 EXISTS\n)\r\n",
                              "id \"(\"a\" {11}\\r\\n* 1 EXISTS\\n)\"\n");
    buf_init(&in, 8 * IMAP_TEXT_MAX);
    buf_init(&expected, 8 * IMAP_TEXT_MAX);
    buf_append_string(&in, "* ID (");
    buf_append_string(&expected, "id \"(");
    for (size_t i = 1; i < IMAP_TEXT_MAX + 100; i++) {
        buf_append_octet(&in, 'a');
        if (i < IMAP_TEXT_MAX - 1) /* and the blank before it, and itself */
            buf_append_octet(&expected, 'a');
    }
    buf_append_string(&in, ")\r\n* 7 EXISTS\r\n");
    buf_append_string(&expected, "\"\nexists 7\n");
    imap_events_check(buf_span(&in), buf_span(&expected));
    buf_fini(&in);
    buf_fini(&expected);
}

/* Exchange drops `OK`; a line without a tag is no response at all. */
static void test_noise(void **state)
{
    (void)state;
    imap_events_check_literal("Server Unavailable.\r\n* 1 EXISTS\r\n",
                              "noise \"Server Unavailable.\"\nexists 1\n");
    imap_events_check_literal("* [ALERT] hello\r\n* [X] {5}\r\n* [X\r\n",
                              "other ALERT\nother UNKNOWN\nother UNKNOWN\n");
    imap_events_check_literal("[X] hello {5}\r\n", "noise \"[X] hello {5}\"\n");
    imap_events_check_literal("*\r\n*OK\r\n**\r\n+x\r\n++\r\n",
                              "noise \"*\"\nnoise \"*OK\"\nnoise \"**\"\n"
                              "noise \"+x\"\nnoise \"++\"\n");
    imap_events_check_literal("\r\n\n x\r\n\ra\rb\r\r\n",
                              "noise \"\"\nnoise \"\"\nnoise \" x\"\n"
                              "noise \"\\ra\\rb\\r\"\n");
}

/* Between responses only: within one it is an octet like any other. */
static void test_nul_padding(void **state)
{
    (void)state;
    imap_events_check_literal("\0\0* 1 EXISTS\r\n\0\0\0A1 OK a\0b\r\n\0",
                              "exists 1\ntagged 1 OK \"a\\x00b\"\n");
}

static void test_line_ends(void **state)
{
    (void)state;
    imap_events_check_literal("* 1 EXISTS\nA1 OK x\n* FLAGS (\\Seen)\n+ x\n",
                              "exists 1\ntagged 1 OK \"x\"\nflags seen\n"
                              "continue \"x\"\n");
    imap_events_check_literal("* XFOO {2}\nab c\n* 2 EXISTS\n",
                              "other\nexists 2\n");
    imap_events_check_literal("* 1 EXISTS\rx\r\n", "error syntax\n");
}

/* What one response said is not there in the next. */
static void test_events_are_new(void **state)
{
    (void)state;
    imap_events_check_literal(
        "* NO [PERMANENTFLAGS (\\Seen)] x\r\n* FLAGS ()\r\n* OK y\r\n"
        "* CAPABILITY ID\r\n* CAPABILITY\r\n* 5 EXISTS\r\n* OK [UIDNEXT] z\r\n"
        "* 1 FETCH (FLAGS (\\Seen) BODY[]<5> NIL BODY[1] NIL FLAGS ())\r\n",
        "untagged NO PERMANENTFLAGS seen \"x\"\nflags\nuntagged OK \"y\"\n"
        "capability id\ncapability\nexists 5\nuntagged OK UIDNEXT \"z\"\n"
        "fetch 1\nfetch flags seen\nbody whole <5> nil\nbody nil\n"
        "fetch flags\nfetch end\n");
}

static void test_unfinished(void **state)
{
    (void)state;
    imap_events_check_literal("", "");
    imap_events_check_literal("* 1 EXI", "unfinished\n");
    imap_events_check_literal("A1 OK x\r", "unfinished\n");
    imap_events_check_literal("* X {5}\r\nabcd", "unfinished\n");
}

static void test_kind_names(void **state)
{
    (void)state;
    for (enum imap_event_kind k = 0; k < IMAP_EVENT_KIND_COUNT; k++) {
        assert_non_null(imap_event_kind_name(k));
        for (enum imap_event_kind j = 0; j < k; j++)
            assert_string_not_equal(imap_event_kind_name(j),
                                    imap_event_kind_name(k));
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_greetings),
        cmocka_unit_test(test_tags),
        cmocka_unit_test(test_continue),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_capability),
        cmocka_unit_test(test_flags),
        cmocka_unit_test(test_unknown_is_skipped),
        cmocka_unit_test(test_id),
        cmocka_unit_test(test_noise),
        cmocka_unit_test(test_nul_padding),
        cmocka_unit_test(test_line_ends),
        cmocka_unit_test(test_events_are_new),
        cmocka_unit_test(test_unfinished),
        cmocka_unit_test(test_kind_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
