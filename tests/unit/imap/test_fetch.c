/* test_fetch.c - FETCH items as servers really send them. */
#include "imap/response.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/imap_events.h"

/* The events of `* 1 FETCH (items)` between its begin and its end. */
#define check_items(items, expected)                       \
    imap_events_check_literal("* 1 FETCH (" items ")\r\n", \
                              "fetch 1\n" expected "fetch end\n")
#define check_error(items, expected)                       \
    imap_events_check_literal("* 1 FETCH (" items ")\r\n", \
                              "fetch 1\n" expected "error syntax\n")

/* IMAP-18, IMAP-20, IMAP-21: any order, split, alone, mixed with others. */
static void test_listing(void **state)
{
    (void)state;
    check_items("UID 7 FLAGS (\\Seen) RFC822.SIZE 4294967296",
                "fetch uid 7\nfetch flags seen\nfetch size 4294967296\n");
    check_items("RFC822.SIZE 0 FLAGS () UID 4294967295",
                "fetch size 0\nfetch flags\nfetch uid 4294967295\n");
    check_items("rfc822.Size 9223372036854775807 uid 1",
                "fetch size 9223372036854775807\nfetch uid 1\n");
    imap_events_check_literal(
        "* 3 FETCH (FLAGS (\\seen))\r\n* 4 EXPUNGE\r\n* 3 FETCH (UID 9)\r\n",
        "fetch 3\nfetch flags seen\nfetch end\nexpunge 4\n"
        "fetch 3\nfetch uid 9\nfetch end\n");
    check_items("", "");
    check_items("  UID  5   FLAGS  ( \\Deleted )  ",
                "fetch uid 5\nfetch flags deleted\n");
    imap_events_check_literal("* 1 FETCH (UID 5) junk\r\n",
                              "fetch 1\nfetch uid 5\nfetch end\n");
}

/* IMAP-19: the sequence number is not looked at; Courier sends 0. */
static void test_zeros(void **state)
{
    (void)state;
    imap_events_check_literal("* 0 FETCH (UID 0 RFC822.SIZE 1)\r\n",
                              "fetch 0\nfetch size 1\nfetch end\n");
    imap_events_check_literal("* 4294967296 FETCH (UID 1)\r\n",
                              "error syntax\n");
}

static void test_flags(void **state)
{
    (void)state;
    check_items(
        "FLAGS (\\Seen \\Deleted \\Recent $Junk a[b]c NonJunk \"x\" ())",
        "fetch flags seen deleted\n");
    check_items("FLAGS (Seen Deleted)", "fetch flags\n");
    check_error("FLAGS NIL", "");
    check_error("FLAGS \\Seen", "");
    imap_events_check_literal("* 1 FETCH (FLAGS)\r\n",
                              "fetch 1\nerror syntax\n");
}

static void test_gmail_id(void **state)
{
    (void)state;
    check_items("X-GM-MSGID 1278455344230334865 UID 7",
                "fetch gmail id 1278455344230334865\nfetch uid 7\n");
    check_items("uid 7 x-gm-msgid 18446744073709551615",
                "fetch uid 7\nfetch gmail id 18446744073709551615\n");
    check_error("X-GM-MSGID 18446744073709551616", "");
    check_error("X-GM-MSGID NIL", "");
    check_error("X-GM-MSGID (1)", "");
}

/* Yandex prints a size as its C library likes to. */
static void test_sizes(void **state)
{
    (void)state;
    check_items("RFC822.SIZE 9.3736e+06", "fetch size 9373600\n");
    check_items("RFC822.SIZE 1E3", "fetch size 1000\n");
    check_items("RFC822.SIZE 12.50e1", "fetch size 125\n");
    check_items("RFC822.SIZE 12.00", "fetch size 12\n");
    check_items("RFC822.SIZE 0e99999999999", "fetch size 0\n");
    check_items("RFC822.SIZE 0.0", "fetch size 0\n");
    check_error("RFC822.SIZE 1.5", "");
    check_error("RFC822.SIZE 1e-3", "");
    check_error("RFC822.SIZE 1e19", "");
    check_error("RFC822.SIZE 1e", "");
    check_error("RFC822.SIZE 1e99999999999999999999", "");
    check_error("RFC822.SIZE 1.99999999999999999999", "");
    check_error("RFC822.SIZE .5", "");
    check_error("RFC822.SIZE 5x", "");
    check_error("RFC822.SIZE -1", "");
    check_error("RFC822.SIZE 9223372036854775808", "");
    check_error("RFC822.SIZE \"5\"", "");
    check_error("UID 4294967296", "");
    check_error("UID 9.3736e+06", "");
    check_error("UID (5)", "");
    check_error("UID", "");
}

/* IMAP-12: literal, quoted, NIL; NIL is not the empty string. */
static void test_body_shapes(void **state)
{
    (void)state;
    check_items("UID 7 BODY[] {5}\r\na\r\n)\\",
                "fetch uid 7\nbody whole 5\nbody data \"a\\r\\n)\\\\\"\n"
                "body end\n");
    check_items("BODY[] {0}\r\n UID 7",
                "body whole 0\nbody end\nfetch uid 7\n");
    check_items("BODY[] \"a \\\"b\\\\ \xC3\xA4\" UID 7",
                "body whole 8\nbody data \"a \"b\\\\ \\xC3\\xA4\"\nbody end\n"
                "fetch uid 7\n");
    check_items("BODY[] \"\"", "body whole 0\nbody end\n");
    check_items("BODY[] NIL UID 7", "body whole nil\nfetch uid 7\n");
    check_items("body[] nil", "body whole nil\n");
    check_items("BODY[]{2}\r\nab",
                "body whole 2\nbody data \"ab\"\nbody end\n");
    check_items("BODY[]\"x\"", "body whole 1\nbody data \"x\"\nbody end\n");
    check_error("BODY[] x", "");
    check_error("BODY[] (x)", "");
    check_error("BODY[]", "");
    check_error("BODY[] [x]", "");
    check_error("BODY[] ]", "");
}

/* IMAP-20: UID behind the body; two bodies in one stream. */
static void test_uid_follows_body(void **state)
{
    (void)state;
    imap_events_check_literal(
        "* 2 FETCH (BODY[] {3}\r\nabc UID 9)\r\n"
        "* 1 FETCH (BODY[] {3}\r\ndef UID 7)\r\nA5 OK done\r\n",
        "fetch 2\nbody whole 3\nbody data \"abc\"\nbody end\nfetch uid 9\n"
        "fetch end\n"
        "fetch 1\nbody whole 3\nbody data \"def\"\nbody end\nfetch uid 7\n"
        "fetch end\ntagged 5 OK \"done\"\n");
}

/* IMAP-26: where a partial answer begins. */
static void test_origin(void **state)
{
    (void)state;
    check_items("BODY[]<0> {2}\r\nab",
                "body whole <0> 2\nbody data \"ab\"\nbody end\n");
    check_items("BODY[]<9223372036854775807> \"\"",
                "body whole <9223372036854775807> 0\nbody end\n");
    check_items("BODY[]<65536> NIL", "body whole <65536> nil\n");
    check_error("BODY[]<9223372036854775808> NIL", "");
    check_error("BODY[]<> NIL", "");
    check_error("BODY[]<-1> NIL", "");
    check_error("BODY[]<1><2> NIL", "");
    check_error("BODY[]<1 NIL", "");
    check_error("BODY[]x NIL", "");
    check_error("BODY[]xx NIL", "");
    check_error("BODY[]<1x NIL", "");
    check_error("BODY[]<0>", "");
}

/* A section is not the message; RFC822 is none that we ask for. */
static void test_sections(void **state)
{
    (void)state;
    check_items("BODY[HEADER] {2}\r\nab UID 1",
                "body 2\nbody data \"ab\"\nbody end\nfetch uid 1\n");
    check_items(
        "BODY[HEADER.FIELDS (SUBJECT \"x]\" a]b {1}\r\n])]<0> NIL UID 1",
        "body <0> nil\nfetch uid 1\n");
    check_items("BODY[1.2.MIME] \"\"", "body 0\nbody end\n");
    check_items(
        "RFC822 {2}\r\n)) RFC822.HEADER NIL RFC822.TEXT \"UID 9\" UID 1",
        "fetch uid 1\n");
    imap_events_check_literal("* 1 FETCH (BODY[HEADER\r\n",
                              "fetch 1\nerror syntax\n");
    check_error("BODY[HEADER)] {2}\r\nab", "");
}

/* IMAP-2, IEXT-9, IEXT-14: items that nobody asked for, of every shape. */
static void test_unknown_items(void **state)
{
    static const char *const items[] = {
        "MODSEQ (917162500)",
        "MODSEQ ()",
        "INTERNALDATE \"17-Jul-1996 02:44:25 -0700\"",
        "BODY (\"TEXT\" \"PLAIN\" (\"A\" {2}\r\n)( NIL) 1 ((2)))",
        "BODYSTRUCTURE ((\"a\")(\"b\") \"mixed\")",
        "ENVELOPE (NIL \"\\\"UID 9\\\"\" ((NIL NIL \"x\" \"y\")))",
        "BINARY[1] ~{3}\r\nU D",
        "BINARY[1]<0> {3}\r\nU D",
        "BINARY[] NIL",
        "BINARY.SIZE[1] 5",
        "X-GM-THRID 1278455344230334865",
        "X-GM-LABELS (\\Inbox \"a\" [Gmail]/x)",
        "X-LABEL [Gmail]/x",
        "X-LABEL a[b]c",
        "X-LABEL ]",
        "EMAILID (M6d99ac3275bb4e)",
        "X-FLAGS ()",
        "X-LITERAL {9}\r\n UID 9999",
        "X-TILDE ~a",
        "SAVEDATE NIL",
        "PREVIEW \"\\x\"",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(items); i++) {
        struct buf wire;

        buf_init(&wire, 1024);
        buf_append_string(&wire, "* 1 FETCH (");
        buf_append_string(&wire, items[i]);
        buf_append_string(&wire, " UID 7 ");
        buf_append_string(&wire, items[i]);
        buf_append_string(&wire, ")\r\n* 1 EXISTS\r\n");
        imap_events_check(buf_span(&wire),
                          SPAN_LITERAL("fetch 1\nfetch uid 7\n"
                                       "fetch end\nexists 1\n"));
        buf_fini(&wire);
    }
    check_items("UID 7 X-NOTHING", "fetch uid 7\n");
}

/* IMAP-10 */
static void test_literal_sizes(void **state)
{
    (void)state;
    imap_events_check_literal("* 1 FETCH (BODY[] {4294967296}\r\nabc",
                              "fetch 1\nbody whole 4294967296\n"
                              "body data \"abc\"\nunfinished\n");
    imap_events_check_literal("* 1 FETCH (BODY[] {9223372036854775807}\r\n",
                              "fetch 1\nbody whole 9223372036854775807\n"
                              "unfinished\n");
    check_items("BODY[] {0003}\r\nabc",
                "body whole 3\nbody data \"abc\"\nbody end\n");
    check_error("BODY[] {9223372036854775808}\r\n", "");
    check_error("BODY[] {18446744073709551616}\r\n", "");
    check_error("BODY[] {-1}\r\n", "");
    check_error("BODY[] {+5}\r\nhello", "");
    check_error("BODY[] {5+}\r\nhello", "");
    check_error("BODY[] {5 }\r\nhello", "");
    check_error("BODY[] { 5}\r\nhello", "");
    check_error("BODY[] {}\r\nhello", "");
    check_error("BODY[] {0x5}\r\nhello", "");
    check_error("BODY[] {5} \r\nhello", "");
    check_error("BODY[] {5}hello", "");
    check_error("BODY[] {5}\r\rhello", "");
    /* And where it is only passed over. */
    check_error("X-FOO {5+}\r\nhello", "");
    check_error("X-FOO {9223372036854775808}\r\n", "");
    /* IEXT-14: a literal8 answers BINARY only. */
    check_error("BODY[] ~{5}\r\nhello", "");
}

/* IMAP-11: two escapes, no line end, any 8-bit octet. */
static void test_quoted(void **state)
{
    (void)state;
    check_items("BODY[] \"\\\"\\\\\"",
                "body whole 2\nbody data \"\"\\\\\"\nbody end\n");
    check_items("BODY[] \"{5} (\xFF\x80\t\"",
                "body whole 8\nbody data \"{5} (\\xFF\\x80\\x09\"\nbody end\n");
    check_error("BODY[] \"\\n\"", "");
    check_error("BODY[] \"a\\ \"", "");
    check_error("BODY[] \"a\rb\"", "");
    check_error("BODY[] \"a\nb\"", "");
    check_error("BODY[] \"\\\r\n\"", "");
}

static void test_broken(void **state)
{
    (void)state;
    imap_events_check_literal("* 1 FETCH (UID 5\r\n",
                              "fetch 1\nfetch uid 5\nerror syntax\n");
    check_error("UID 5 \"x\" 3", "fetch uid 5\n");
    check_error("(UID 5)", "");
    imap_events_check_literal("* 1 FETCH (X\r\n", "fetch 1\nerror syntax\n");
    imap_events_check_literal("* 1 FETCH (FLAGS (\\Seen\r\n",
                              "fetch 1\nerror syntax\n");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_listing),
        cmocka_unit_test(test_zeros),
        cmocka_unit_test(test_flags),
        cmocka_unit_test(test_gmail_id),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_body_shapes),
        cmocka_unit_test(test_uid_follows_body),
        cmocka_unit_test(test_origin),
        cmocka_unit_test(test_sections),
        cmocka_unit_test(test_unknown_items),
        cmocka_unit_test(test_literal_sizes),
        cmocka_unit_test(test_quoted),
        cmocka_unit_test(test_broken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
