/* The maildrop: a snapshot that holds still, its listings and its marks. */
#include "support/session_harness.h"

#include <stdio.h>

#include "base/limits.h"

/* POP-12, POP-14, POP-16, POP-18, POP-27, DEC-12: marks take messages out of
 * every listing, RSET brings them back; the upstream hears nothing of it.
 */
static void marks_and_unmarks(void **state)
{
    struct harness *h = *state;

    begin(h);
    log_in(h);
    client_says(h, "DELE 2\r\nDELE 2\r\nSTAT\r\nLIST\r\nUIDL\r\nLIST 2\r\n"
                   "UIDL 2\r\nRETR 2\r\nTOP 2 0\r\nLIST 3\r\n");
    expect_ok(h);
    expect_error(h, NULL);
    expect_client(h, "+OK 2 305\r\n");
    expect_ok(h);
    expect_client(h, "1 5\r\n3 300\r\n.\r\n");
    expect_ok(h);
    expect_client(h, "1 77.10\r\n3 77.30\r\n.\r\n");
    expect_error(h, NULL);
    expect_error(h, NULL);
    expect_error(h, NULL);
    expect_error(h, NULL);
    expect_client(h, "+OK 3 300\r\n");
    client_says(h, "RSET\r\nSTAT\r\nUIDL 2\r\n");
    expect_ok(h);
    expect_client(h, "+OK 3 505\r\n");
    expect_client(h, "+OK 2 77.20\r\n");
    expect_silence(h);
    quit(h);
}

/* POP-14: numbers that are none. */
static void knows_its_numbers(void **state)
{
    struct harness *h = *state;

    begin(h);
    log_in(h);
    client_says(h, "LIST 0\r\nLIST 4\r\nUIDL 0\r\nDELE 4\r\nRETR 0\r\n"
                   "TOP 4 1\r\nLIST 99999999999999999999\r\n");
    for (unsigned i = 0; i < 7; i++)
        expect_error(h, NULL);
    expect_silence(h);
}

/* POP-12: totals beyond 32 bits. */
static void adds_up_in_64_bits(void **state)
{
    struct harness *h = *state;

    h->server.listing = "* 1 FETCH (UID 10 FLAGS () RFC822.SIZE 4294967295)\r\n"
                        "* 2 FETCH (UID 20 FLAGS () RFC822.SIZE 4294967296)\r\n"
                        "* 3 FETCH (UID 4294967295 FLAGS () RFC822.SIZE 1)\r\n";
    begin(h);
    log_in(h);
    client_says(h, "STAT\r\nLIST 2\r\nUIDL 3\r\n");
    expect_client(h, "+OK 3 8589934592\r\n");
    expect_client(h, "+OK 2 4294967296\r\n");
    expect_client(h, "+OK 3 77.4294967295\r\n");
}

/* DEC-1, IMAP-22, IMAP-23, IMAP-30: new mail, removed mail, warnings and
 * flags while the session goes on change nothing of what it shows.
 */
static void holds_still(void **state)
{
    struct harness *h = *state;

    begin(h);
    log_in(h);
    upstream_says(h, "* 4 EXISTS\r\n* 1 EXPUNGE\r\n* 1 RECENT\r\n"
                     "* NO the disk is nearly full\r\n* BAD what was that\r\n"
                     "* 2 FETCH (UID 30 FLAGS (\\Deleted))\r\n"
                     "* OK [UIDVALIDITY 77] as before\r\n");
    client_says(h, "STAT\r\nUIDL\r\n");
    expect_client(h, "+OK 3 505\r\n");
    expect_ok(h);
    expect_client(h, "1 77.10\r\n2 77.20\r\n3 77.30\r\n.\r\n");
    expect_silence(h);
    quit(h);
}

/* DEC-2: what another client flagged before is hidden, or shown by setting. */
static void hides_what_others_delete(void **state)
{
    struct harness *h = *state;

    h->server.listing = "* 1 FETCH (UID 10 FLAGS (\\DELETED) RFC822.SIZE 1)\r\n"
                        "* 2 FETCH (UID 20 FLAGS () RFC822.SIZE 2)\r\n";
    begin(h);
    log_in(h);
    client_says(h, "UIDL\r\n");
    expect_ok(h);
    expect_client(h, "1 77.20\r\n.\r\n");
    quit(h);
}

static void shows_what_others_delete(void **state)
{
    struct harness *h = *state;

    h->mailbox_policy.hide_deleted = false;
    h->server.listing = "* 1 FETCH (UID 10 FLAGS (\\Deleted) RFC822.SIZE 1)\r\n"
                        "* 2 FETCH (UID 20 FLAGS () RFC822.SIZE 2)\r\n";
    begin(h);
    log_in(h);
    client_says(h, "UIDL\r\n");
    expect_ok(h);
    expect_client(h, "1 77.10\r\n2 77.20\r\n.\r\n");
    quit(h);
}

/* DEC-12, IEXT-2, IMAP-15: without lasting UIDs there are no unique-ids. */
static void has_no_unique_ids(void **state)
{
    static const char *const selects[] = {
        "* 3 EXISTS\r\n",
        "* 3 EXISTS\r\n* OK [UIDVALIDITY 77]\r\n* NO [UIDNOTSTICKY] x\r\n",
    };
    struct harness *h = *state;

    for (size_t i = 0; i < ARRAY_LENGTH(selects); i++) {
        h->server.select = selects[i];
        begin(h);
        log_in(h);
        client_says(h, "UIDL\r\nUIDL 1\r\nLIST 1\r\n");
        expect_error(h, "SYS/PERM");
        expect_error(h, "SYS/PERM");
        expect_client(h, "+OK 1 5\r\n");
        expect_silence(h);
        bridge_free(h->bridge);
        h->bridge = NULL;
    }
}

/* DEC-15: after another UIDVALIDITY only QUIT is heard, and removes nothing.
 */
static void gives_up_a_changed_mailbox(void **state)
{
    struct harness *h = *state;

    begin(h);
    log_in(h);
    client_says(h, "DELE 1\r\n");
    expect_ok(h);
    upstream_says(h, "* OK [UIDVALIDITY 78] changed\r\n");
    client_says(h, "STAT\r\nDELE 2\r\nRETR 3\r\n");
    expect_error(h, "SYS/TEMP");
    expect_error(h, "SYS/TEMP");
    expect_error(h, "SYS/TEMP");
    client_says(h, "QUIT\r\n");
    expect_logout(h);
    expect_error(h, "SYS/TEMP");
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_over(h, FAULT_MAILBOX_CHANGED);
}

/* DEC-6: a mailbox that keeps no \Deleted says so at DELE. */
static void refuses_dele_at_once(void **state)
{
    static const struct {
        const char *select;
        const char *selected;
    } cases[] = {
        { "* 3 EXISTS\r\n* OK [UIDVALIDITY 77]\r\n",
          "# OK [READ-ONLY] in\r\n" },
        { "* 3 EXISTS\r\n* OK [UIDVALIDITY 77]\r\n"
          "* OK [PERMANENTFLAGS (\\Seen)] few\r\n",
          "# OK [READ-WRITE] in\r\n" },
    };
    struct harness *h = *state;

    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        h->server.select = cases[i].select;
        h->server.selected = cases[i].selected;
        begin(h);
        log_in(h);
        client_says(h, "DELE 1\r\nSTAT\r\n");
        expect_error(h, "SYS/PERM");
        expect_client(h, "+OK 3 505\r\n");
        quit(h);
        bridge_free(h->bridge);
        h->bridge = NULL;
    }
}

/* DEC-5: with `refuse`, DELE needs UIDPLUS. */
static void refuses_dele_without_uidplus(void **state)
{
    struct harness *h = *state;

    h->mailbox_policy.without_uidplus = REMOVAL_REFUSE;
    h->server.capabilities_inside = "IMAP4rev1";
    begin(h);
    log_in(h);
    client_says(h, "DELE 1\r\n");
    expect_error(h, "SYS/PERM");
    quit(h);
}

static void say_listing(struct harness *h, unsigned messages)
{
    struct buf text;

    buf_init(&text, 8 * 1024 * 1024);
    for (unsigned i = 1; i <= messages; i++) {
        buf_append_string(&text, "* ");
        buf_append_number(&text, i);
        buf_append_string(&text, " FETCH (UID ");
        buf_append_number(&text, i);
        buf_append_string(&text, " FLAGS () RFC822.SIZE 1234567)\r\n");
    }
    upstream_says_octets(h, buf_span(&text));
    buf_fini(&text);
}

/* POP-8, POP-13: a listing larger than the output is written as it is taken,
 * never more of it than the cap.
 */
static void lists_under_back_pressure(void **state)
{
    const unsigned messages = 12000;
    struct harness *h = *state;
    uint64_t lines = 0;

    begin(h);
    log_in_to_listing(h);
    say_listing(h, messages);
    upstream_says(h, "# OK\r\n");
    expect_ok(h);
    h->client_is_slow = true;
    client_says(h, "UIDL\r\nSTAT\r\n");
    assert_true(bridge_client_output(h->bridge).len >= CLIENT_OUTPUT_HIGH);
    while (bridge_client_output(h->bridge).len > 0)
        client_takes(h, 1000);
    assert_true(h->most_client_output <= CLIENT_OUTPUT_MAX);
    expect_ok(h);
    for (unsigned i = 1; i <= messages; i++) {
        char line[64];

        snprintf(line, sizeof(line), "%u 77.%u\r\n", i, i);
        expect_client(h, line);
        lines++;
    }
    assert_int_equal(lines, messages);
    expect_client(h, ".\r\n+OK 12000 14814804000\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SESSION_TEST(marks_and_unmarks),
        SESSION_TEST(knows_its_numbers),
        SESSION_TEST(adds_up_in_64_bits),
        SESSION_TEST(holds_still),
        SESSION_TEST(hides_what_others_delete),
        SESSION_TEST(shows_what_others_delete),
        SESSION_TEST(has_no_unique_ids),
        SESSION_TEST(gives_up_a_changed_mailbox),
        SESSION_TEST(refuses_dele_at_once),
        SESSION_TEST(refuses_dele_without_uidplus),
        SESSION_TEST(lists_under_back_pressure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
