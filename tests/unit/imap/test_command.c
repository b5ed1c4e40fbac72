/* test_command.c - the exact octets of each command. */
#include "imap/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limits.h"
#include "support/aborts.h"
#include "support/octets.h"

#define NO_CAPS ((struct imap_capabilities){ 0 })
#define PLUS ((struct imap_capabilities){ BIT(IMAP_CAP_LITERAL_PLUS) })
#define MINUS ((struct imap_capabilities){ BIT(IMAP_CAP_LITERAL_MINUS) })

/* Runs |write| on |out| and compares all that was written. */
#define CHECK(expected, write)               \
    do {                                     \
        struct buf out;                      \
        buf_init(&out, UPSTREAM_OUTPUT_MAX); \
        write;                               \
        assert_false(buf_failed(&out));      \
        assert_buf_string(&out, expected);   \
        buf_fini(&out);                      \
    } while (0)

/* IMAP-1: counter tags, single spaces. */
static void test_simple(void **state)
{
    (void)state;
    CHECK("A1 CAPABILITY\r\n", imap_write_simple(&out, 1, "CAPABILITY"));
    CHECK("A4294967295 LOGOUT\r\n",
          imap_write_simple(&out, UINT32_MAX, "LOGOUT"));
    CHECK("A3 UID SEARCH DELETED\r\n", imap_write_search_deleted(&out, 3));
}

/* IMAP-14: quoted, and nothing in the name can end the line. */
static void test_select(void **state)
{
    static const struct imap_uid_range ranges[] = { { 3, 9 }, { 11, 11 } };

    (void)state;
    CHECK("A4 SELECT INBOX\r\n",
          imap_write_select(&out, 4, SPAN_LITERAL("INBOX"), false, false,
                            NO_CAPS));
    CHECK(
        "A4 EXAMINE INBOX (CONDSTORE)\r\n",
        imap_write_select(&out, 4, SPAN_LITERAL("INBOX"), true, true, NO_CAPS));
    CHECK("A5 SELECT \"Sent mail/\\\"2024\\\\\" (CONDSTORE)\r\n",
          imap_write_select(&out, 5, SPAN_LITERAL("Sent mail/\"2024\\"), false,
                            true, NO_CAPS));
    CHECK("A6 EXAMINE \"Entw&APw-rfe\"\r\n",
          imap_write_select(&out, 6, SPAN_LITERAL("Entw&APw-rfe"), true, false,
                            NO_CAPS));
    /* As IMAP4rev2 has it. */
    CHECK("A6 SELECT {9+}\r\nEntw\xc3\xbcrfe\r\n",
          imap_write_select(&out, 6, SPAN_LITERAL("Entw\xc3\xbcrfe"), false,
                            false, MINUS));
    CHECK("A7 UID FETCH 3:9,11 (UID X-GM-MSGID)\r\n",
          imap_write_fetch_gmail_ids(&out, 7, ranges, 2));
}

static void select_a_line_end(void)
{
    struct buf out;

    buf_init(&out, UPSTREAM_OUTPUT_MAX);
    imap_write_select(&out, 1, SPAN_LITERAL("x\r\nA2 DELETE INBOX"), false,
                      false, MINUS);
}

static void test_search(void **state)
{
    (void)state;
    CHECK("A1 UID SEARCH ALL\r\n",
          imap_write_search(&out, 1, &(struct imap_search){ .since = NULL }));
    CHECK("A2 UID SEARCH UNSEEN\r\n",
          imap_write_search(&out, 2, &(struct imap_search){ .unseen = true }));
    CHECK("A2 UID SEARCH YOUNGER 604800\r\n",
          imap_write_search(&out, 2,
                            &(struct imap_search){ .younger_s = 604800 }));
    CHECK("A3 UID SEARCH RETURN (ALL) SINCE 1-Feb-2026 UNSEEN KEYWORD $Scan "
          "UNKEYWORD Done UID 1:4294967295\r\n",
          imap_write_search(&out, 3,
                            &(struct imap_search){
                                .wants_set = true,
                                .since = "1-Feb-2026",
                                .unseen = true,
                                .keyword = SPAN_LITERAL("$Scan"),
                                .not_keyword = SPAN_LITERAL("Done"),
                                .last_uid = UINT32_MAX,
                            }));
}

static void test_authenticate(void **state)
{
    struct span token = SPAN_LITERAL("AGEAYg==");
    struct span empty = SPAN_LITERAL("");

    (void)state;
    CHECK("A1 AUTHENTICATE PLAIN\r\n",
          imap_write_authenticate(&out, 1, "PLAIN", NULL));
    CHECK("A1 AUTHENTICATE PLAIN AGEAYg==\r\n",
          imap_write_authenticate(&out, 1, "PLAIN", &token));
    CHECK("A1 AUTHENTICATE PLAIN =\r\n",
          imap_write_authenticate(&out, 1, "PLAIN", &empty));
    CHECK("A1 AUTHENTICATE XOAUTH2 AGEAYg==\r\n",
          imap_write_authenticate(&out, 1, "XOAUTH2", &token));
    CHECK("AGEAYg==\r\n", imap_write_response(&out, token));
    CHECK("\r\n", imap_write_response(&out, empty));
}

/* IMAP-18, IMAP-24, IMAP-26: UID commands with BODY.PEEK only. */
static void test_fetch(void **state)
{
    (void)state;
    CHECK("A1 UID FETCH 1:* (UID FLAGS RFC822.SIZE)\r\n",
          imap_write_fetch_listing(&out, 1, 1, 0));
    CHECK("A1 UID FETCH 5:4294967295 (UID FLAGS RFC822.SIZE)\r\n",
          imap_write_fetch_listing(&out, 1, 5, UINT32_MAX));
    CHECK("A1 UID FETCH 1:9 (UID FLAGS RFC822.SIZE) (CHANGEDSINCE 1)\r\n",
          imap_write_fetch_changes(&out, 1, 9, 1));
    CHECK("A1 UID FETCH 1:4294967295 (UID FLAGS RFC822.SIZE) "
          "(CHANGEDSINCE 9223372036854775807)\r\n",
          imap_write_fetch_changes(&out, 1, UINT32_MAX, INT64_MAX));
    CHECK("A2 UID FETCH 7 (UID BODY.PEEK[]<0.65536>)\r\n",
          imap_write_fetch_window(&out, 2, 7, 0, 65536));
    CHECK("A2 UID FETCH 7 (UID BODY.PEEK[]<9223372036854775807.1>)\r\n",
          imap_write_fetch_window(&out, 2, 7, INT64_MAX, 1));
}

/* IMAP-27, IEXT-1 */
static void test_sets(void **state)
{
    struct imap_uid_set set;

    (void)state;
    imap_uid_set_init(&set);
    assert_true(imap_uid_set_add(&set, 4));
    assert_true(imap_uid_set_add(&set, 5));
    assert_true(imap_uid_set_add(&set, 9));
    CHECK("A1 UID FETCH 4:5,9 (UID FLAGS)\r\n",
          imap_write_fetch_flags(&out, 1, &set));
    CHECK("A1 UID FETCH 4:5,9 (UID BODY.PEEK[])\r\n",
          imap_write_fetch_bodies(&out, 1, &set));
    CHECK("A1 UID STORE 4:5,9 +FLAGS.SILENT (\\Deleted)\r\n",
          imap_write_store(&out, 1, &set, "\\Deleted"));
    CHECK("A1 UID EXPUNGE 4:5,9\r\n", imap_write_uid_expunge(&out, 1, &set));
}

/* DEC-25 */
static void test_trash(void **state)
{
    struct imap_capabilities extended = { BIT(IMAP_CAP_LIST_EXTENDED) };
    struct imap_capabilities special = { extended.bits |
                                         BIT(IMAP_CAP_SPECIAL_USE) };
    struct span gmail = SPAN_LITERAL("[Gmail]/Trash");
    struct span odd = SPAN_LITERAL("a\"b \\c");
    struct span eight_bit = SPAN_LITERAL("M\xc3\xbcll");
    struct imap_uid_set set;

    (void)state;
    imap_uid_set_init(&set);
    assert_true(imap_uid_set_add(&set, 4));
    assert_true(imap_uid_set_add(&set, 7));
    CHECK("A1 UID COPY 4,7 \"[Gmail]/Trash\"\r\n",
          imap_write_copy(&out, 1, &set, gmail, NO_CAPS));
    CHECK("A1 UID MOVE 4,7 \"a\\\"b \\\\c\"\r\n",
          imap_write_move(&out, 1, &set, odd, NO_CAPS));
    CHECK("A1 UID MOVE 4,7 {5+}\r\nM\xc3\xbcll\r\n",
          imap_write_move(&out, 1, &set, eight_bit, MINUS));
    CHECK("A1 LIST \"\" \"[Gmail]/Trash\"\r\n",
          imap_write_list(&out, 1, gmail, NO_CAPS));
    CHECK("A1 LIST \"\" \"*\"\r\n", imap_write_list_special(&out, 1, NO_CAPS));
    CHECK("A1 LIST \"\" \"*\"\r\n", imap_write_list_special(&out, 1, extended));
    CHECK("A1 LIST (SPECIAL-USE) \"\" \"*\"\r\n",
          imap_write_list_special(&out, 1, special));
}

/* IMAP-14: what would have to wait for a `+`, or never could be sent. */
static void test_writable_mailboxes(void **state)
{
    static unsigned char octets[IMAP_MAILBOX_MAX + 1];
    struct span longest = span_make(octets, IMAP_MAILBOX_MAX);
    struct span longer = span_make(octets, sizeof(octets));

    (void)state;
    for (size_t i = 0; i < sizeof(octets); i++)
        octets[i] = 'n';
    assert_true(imap_mailbox_is_writable(longest, NO_CAPS));
    assert_false(imap_mailbox_is_writable(longer, NO_CAPS));
    assert_false(imap_mailbox_is_writable(SPAN_LITERAL(""), NO_CAPS));
    assert_false(imap_mailbox_is_writable(SPAN_LITERAL("a\r"), PLUS));
    assert_false(imap_mailbox_is_writable(SPAN_LITERAL("\xc3\xbc"), NO_CAPS));
    assert_true(imap_mailbox_is_writable(SPAN_LITERAL("\xc3\xbc"), MINUS));
}

/* IMAP-29: the longest name beside a full set. */
static void test_longest_copy(void **state)
{
    static unsigned char octets[IMAP_MAILBOX_MAX];
    struct span name = span_make(octets, sizeof(octets));
    struct imap_uid_set set;
    uint32_t uid = 4000000000U;
    struct buf out;

    (void)state;
    for (size_t i = 0; i < sizeof(octets); i++)
        octets[i] = i < 220 ? '"' : 'n';
    imap_uid_set_init_beside(&set, imap_mailbox_length(name));
    while (imap_uid_set_add(&set, uid))
        uid += 2;
    buf_init(&out, UPSTREAM_OUTPUT_MAX);
    imap_write_copy(&out, UINT32_MAX, &set, name, NO_CAPS);
    assert_true(buf_length(&out) > 900);
    assert_true(buf_length(&out) <= IMAP_COMMAND_MAX);
    buf_fini(&out);
}

/* IMAP-29: the fullest set under the longest tag. */
static void test_longest_line(void **state)
{
    struct imap_uid_set set;
    uint32_t uid = 4000000000U;
    struct buf out;

    (void)state;
    imap_uid_set_init(&set);
    while (imap_uid_set_add(&set, uid))
        uid += 2;
    buf_init(&out, UPSTREAM_OUTPUT_MAX);
    imap_write_store(&out, UINT32_MAX, &set, "\\Deleted");
    assert_true(buf_length(&out) > 900);
    assert_true(buf_length(&out) <= IMAP_COMMAND_MAX);
    buf_clear(&out);
    imap_write_fetch_bodies(&out, UINT32_MAX, &set);
    assert_true(buf_length(&out) > 900);
    assert_true(buf_length(&out) <= IMAP_COMMAND_MAX);
    buf_fini(&out);
}

/* IEXT-5: never empty, well quoted. */
static void test_id(void **state)
{
    struct span none = { NULL, 0 };

    (void)state;
    CHECK("A2 ID (\"name\" \"popinjay\" \"version\" \"1.0\")\r\n",
          imap_write_id(&out, 2, "1.0", none));
    CHECK("A2 ID (\"name\" \"popinjay\" \"version\" \"a\\\"\\\\\")\r\n",
          imap_write_id(&out, 2, "a\"\\", none));
    CHECK("A2 ID (\"name\" \"popinjay\" \"version\" \"1\" "
          "\"x-originating-ip\" \"192.0.2.7\")\r\n",
          imap_write_id(&out, 2, "1", SPAN_LITERAL("192.0.2.7")));
}

static enum imap_string_form form_of(const char *text,
                                     struct imap_capabilities caps)
{
    return imap_string_form(span_from_string(text), caps);
}

/* IMAP-14 */
static void test_string_form(void **state)
{
    static const char *const quoted[] = {
        "", "a", "a b", "{5}", "%", "*", "\"", "\\", "(x)", "\x01\x7F~",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(quoted); i++)
        assert_int_equal(form_of(quoted[i], NO_CAPS), IMAP_STRING_QUOTED);
    assert_int_equal(form_of("\xC3\xA4", NO_CAPS), IMAP_STRING_LITERAL_WAIT);
    assert_int_equal(form_of("a\rb", PLUS), IMAP_STRING_REFUSED);
    assert_int_equal(form_of("a\nb", NO_CAPS), IMAP_STRING_REFUSED);
    assert_int_equal(form_of("\xC3\xA4\r", MINUS), IMAP_STRING_REFUSED);
    assert_int_equal(imap_string_form(SPAN_LITERAL("a\0b"), PLUS),
                     IMAP_STRING_REFUSED);
}

/* IEXT-4: four capability sets, on both sides of 4096 octets. */
static void test_literal_without_waiting(void **state)
{
    static unsigned char octets[IMAP_LITERAL_MINUS_MAX + 1];
    struct span fits = span_make(octets, IMAP_LITERAL_MINUS_MAX);
    struct span longer = span_make(octets, IMAP_LITERAL_MINUS_MAX + 1);
    struct imap_capabilities both = { PLUS.bits | MINUS.bits };

    (void)state;
    for (size_t i = 0; i < sizeof(octets); i++)
        octets[i] = 'x';
    assert_int_equal(imap_string_form(fits, NO_CAPS), IMAP_STRING_LITERAL_WAIT);
    assert_int_equal(imap_string_form(fits, MINUS), IMAP_STRING_LITERAL_NOW);
    assert_int_equal(imap_string_form(longer, MINUS), IMAP_STRING_LITERAL_WAIT);
    assert_int_equal(imap_string_form(longer, PLUS), IMAP_STRING_LITERAL_NOW);
    assert_int_equal(imap_string_form(longer, both), IMAP_STRING_LITERAL_NOW);
}

/* Writes LOGIN to its end, a `|` where a plus is awaited. */
static void check_login(const char *user, const char *password,
                        struct imap_capabilities caps, const char *expected)
{
    struct span u = span_from_string(user);
    struct span p = span_from_string(password);
    unsigned piece = 0;
    struct buf out;

    buf_init(&out, UPSTREAM_OUTPUT_MAX);
    while (imap_write_login(&out, 1, piece, u, p, caps)) {
        buf_append_octet(&out, '|');
        piece++;
        assert_true(piece <= 2);
    }
    assert_buf_string(&out, expected);
    buf_fini(&out);
}

/* IMAP-13, IMAP-14, IEXT-4: quoted, literals that wait or not, mixed. */
static void test_login(void **state)
{
    (void)state;
    check_login("joe", "secret", NO_CAPS, "A1 LOGIN \"joe\" \"secret\"\r\n");
    check_login("", "", NO_CAPS, "A1 LOGIN \"\" \"\"\r\n");
    check_login("a\"b\\", "{5} %*", NO_CAPS,
                "A1 LOGIN \"a\\\"b\\\\\" \"{5} %*\"\r\n");
    check_login("j\xC3\xB6", "p\xC3\xA4", NO_CAPS,
                "A1 LOGIN {3}\r\n|j\xC3\xB6 {3}\r\n|p\xC3\xA4\r\n");
    check_login("joe", "p\xC3\xA4", NO_CAPS,
                "A1 LOGIN \"joe\" {3}\r\n|p\xC3\xA4\r\n");
    check_login("j\xC3\xB6", "pw", NO_CAPS,
                "A1 LOGIN {3}\r\n|j\xC3\xB6 \"pw\"\r\n");
    check_login("j\xC3\xB6", "p\xC3\xA4", PLUS,
                "A1 LOGIN {3+}\r\nj\xC3\xB6 {3+}\r\np\xC3\xA4\r\n");
    check_login("j\xC3\xB6", "pw", MINUS,
                "A1 LOGIN {3+}\r\nj\xC3\xB6 \"pw\"\r\n");
}

/* LITERAL- for the short one, a plus for the long one. */
static void test_login_mixed(void **state)
{
    static char password[IMAP_LITERAL_MINUS_MAX + 2];
    struct buf expected;

    (void)state;
    for (size_t i = 0; i < sizeof(password) - 1; i++)
        password[i] = 'x';
    buf_init(&expected, UPSTREAM_OUTPUT_MAX);
    buf_append_string(&expected, "A1 LOGIN {2+}\r\n\xC3\xB6 {4097}\r\n|");
    buf_append_string(&expected, password);
    buf_append(&expected, SPAN_LITERAL("\r\n\0"));
    check_login("\xC3\xB6", password, MINUS,
                (const char *)buf_span(&expected).data);
    buf_fini(&expected);
}

/* Two strings that escape to twice their length: the line stays short. */
static void test_login_line_is_short(void **state)
{
    static unsigned char quotes[SASL_PART_MAX];
    struct span s = span_make(quotes, sizeof(quotes));
    struct buf out;

    (void)state;
    for (size_t i = 0; i < sizeof(quotes); i++)
        quotes[i] = '"';
    assert_int_equal(imap_string_form(s, NO_CAPS), IMAP_STRING_LITERAL_WAIT);
    s.len = 239;
    assert_int_equal(imap_string_form(s, NO_CAPS), IMAP_STRING_QUOTED);
    buf_init(&out, UPSTREAM_OUTPUT_MAX);
    assert_false(imap_write_login(&out, UINT32_MAX, 0, s, s, NO_CAPS));
    assert_true(buf_length(&out) <= IMAP_COMMAND_MAX);
    buf_fini(&out);
}

static void login_with_a_line_end(void)
{
    struct buf out;

    buf_init(&out, UPSTREAM_OUTPUT_MAX);
    (void)imap_write_login(&out, 1, 0, SPAN_LITERAL("joe"),
                           SPAN_LITERAL("x\r\nA2 DELETE INBOX"), NO_CAPS);
}

/* SASL-9, DEC-24: what could end the line never goes out. */
static void test_refused(void **state)
{
    (void)state;
    assert_aborts(login_with_a_line_end);
    assert_aborts(select_a_line_end);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_simple),
        cmocka_unit_test(test_select),
        cmocka_unit_test(test_search),
        cmocka_unit_test(test_authenticate),
        cmocka_unit_test(test_fetch),
        cmocka_unit_test(test_sets),
        cmocka_unit_test(test_trash),
        cmocka_unit_test(test_writable_mailboxes),
        cmocka_unit_test(test_longest_copy),
        cmocka_unit_test(test_longest_line),
        cmocka_unit_test(test_id),
        cmocka_unit_test(test_string_form),
        cmocka_unit_test(test_literal_without_waiting),
        cmocka_unit_test(test_login),
        cmocka_unit_test(test_login_mixed),
        cmocka_unit_test(test_login_line_is_short),
        cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
