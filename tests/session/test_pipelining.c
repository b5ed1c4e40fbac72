/* Pipelining: RETR behind RETR, fetched before the one before it is done. */
#include "support/numbered.h"

/* CAP-11: what is asked for already is fetched as it was asked for; DELE in
 * between is no hindrance, anything else is.
 */
static void fetches_what_was_asked_for(void **state)
{
    struct harness *h = *state;

    numbered_log_in(h, 9);
    says_retr(h, 1);
    expect_fetch(h, 1);
    expect_fetch(h, 2);
    client_says(h, "RETR 7\r\nDELE 7\r\nretr  3\nRETR 9\r\nNOOP\r\nRETR 4\r\n");
    expect_silence(h);
    says_message(h, 1);
    expect_message(h, 1);
    expect_fetch(h, 7);
    expect_silence(h);
    says_message(h, 2);
    expect_silence(h);
    says_message(h, 7);
    expect_message(h, 7);
    expect_ok(h);
    expect_upstream(h, "# UID FETCH 30,90 (UID BODY.PEEK[])\r\n");
    says_body(h, 3);
    expect_message(h, 3);
    says_message(h, 9);
    expect_message(h, 9);
    expect_ok(h);
    expect_fetch(h, 4);
    says_message(h, 4);
    expect_message(h, 4);
    expect_silence(h);
}

/* What is no RETR of a message here ends what is plain. */
static void fetches_no_further_than_is_plain(void **state)
{
    static const char *const lines[] = {
        "RETR 99\r\nRETR 4\r\n",  "RETR\r\nRETR 4\r\n",
        "RETR 4 5\r\nRETR 4\r\n", "RETR x\r\nRETR 4\r\n",
        "RETR 0\r\nRETR 4\r\n",   "XYZ\r\nRETR 4\r\n",
        "\r\nRETR 4\r\n",         "\nRETR 4\r\n",
    };
    struct harness *h = *state;

    for (size_t i = 0; i < ARRAY_LENGTH(lines); i++) {
        numbered_log_in(h, 9);
        says_retr(h, 1);
        expect_fetch(h, 1);
        expect_fetch(h, 2);
        client_says(h, "RETR 8\r\nRETR 3\r\n");
        client_says(h, lines[i]);
        says_message(h, 1);
        expect_message(h, 1);
        expect_fetch(h, 8);
        says_message(h, 2);
        expect_silence(h);
        says_message(h, 8);
        expect_fetch(h, 3);
        expect_message(h, 8);
        expect_silence(h);
        bridge_free(h->bridge);
        h->bridge = NULL;
        h->tag_count = 0;
    }
}

/* An octet that is asked for is not wasted: the first of them need not fit. */
static void fetches_large_ones_that_were_asked_for(void **state)
{
    struct harness *h = *state;

    numbered_log_in_within(h, 9, NUMBERED_OCTETS - 1);
    says_retr(h, 1);
    expect_fetch(h, 1);
    client_says(h, "RETR 2\r\nRETR 3\r\nRETR 4\r\n");
    says_message(h, 1);
    expect_fetch(h, 2);
    expect_fetch(h, 3);
    expect_message(h, 1);
    expect_silence(h);
    says_message(h, 2);
    expect_fetch(h, 4);
    expect_message(h, 2);
    expect_silence(h);
    says_message(h, 3);
    expect_message(h, 3);
    says_message(h, 4);
    expect_message(h, 4);
    assert_int_equal(octet_budget_taken(&h->budget), 0);
    quit(h);
}

/* A client with a window: as many as it asks for, and then as many as went in
 * order before, since it is going to ask for them.
 */
static void fetches_beyond_the_window(void **state)
{
    struct harness *h = *state;

    numbered_log_in(h, 20);
    says_retr(h, 1);
    expect_fetch(h, 1);
    expect_fetch(h, 2);
    client_says(h, "RETR 2\r\nRETR 3\r\n");
    says_message(h, 1);
    expect_message(h, 1);
    expect_fetches(h, 3, 4);
    says_message(h, 2);
    expect_message(h, 2);
    client_says(h, "RETR 4\r\nRETR 5\r\nRETR 6\r\n");
    expect_silence(h);
    says_body(h, 3);
    expect_message(h, 3);
    expect_fetches(h, 5, 8);
    says_message(h, 4);
    expect_message(h, 4);
    expect_silence(h);
}

/* Nothing is expected behind what is no RETR. */
static void fetches_no_more_before_quit(void **state)
{
    struct harness *h = *state;

    numbered_log_in(h, 9);
    says_retr(h, 1);
    expect_fetch(h, 1);
    expect_fetch(h, 2);
    client_says(h, "RETR 2\r\nRETR 3\r\nDELE 3\r\nNOOP\r\nQUIT\r\n");
    says_message(h, 1);
    expect_message(h, 1);
    says_message(h, 2);
    expect_fetch(h, 3);
    expect_message(h, 2);
    says_message(h, 3);
    expect_message(h, 3);
    expect_ok(h);
    expect_ok(h);
    expect_upstream(h, "# UID STORE 30 +FLAGS.SILENT (\\Deleted)\r\n");
}

/* One that cannot be had is refused in its place; the others are not lost. */
static void refuses_one_of_many(void **state)
{
    struct harness *h = *state;

    numbered_log_in(h, 9);
    says_retr(h, 1);
    expect_fetch(h, 1);
    expect_fetch(h, 2);
    client_says(h, "RETR 2\r\nRETR 3\r\nQUIT\r\n");
    says_message(h, 1);
    expect_message(h, 1);
    expect_fetch(h, 3);
    upstream_says(h, "# OK nothing\r\n");
    expect_fetch(h, 2);
    says_message(h, 3);
    expect_silence(h);
    upstream_says(h, "# OK nothing\r\n");
    expect_upstream(h, "# NOOP\r\n");
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, "# UID FETCH 20 (UID FLAGS)\r\n");
    upstream_says(h, "# OK\r\n");
    expect_error(h, NULL);
    expect_fetch(h, 3);
    expect_silence(h);
    says_message(h, 3);
    expect_message(h, 3);
    expect_logout(h);
    expect_ok(h);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_over(h, FAULT_NONE);
}

/* The same message once more, while it is on its way for the first time. */
static void fetches_what_was_asked_for_twice(void **state)
{
    struct harness *h = *state;

    numbered_log_in(h, 9);
    says_retr(h, 5);
    expect_fetch(h, 5);
    client_says(h, "RETR 1\r\nRETR 1\r\nRETR 2\r\nRETR 2\r\n");
    says_message(h, 5);
    expect_message(h, 5);
    expect_fetch(h, 1);
    says_message(h, 1);
    expect_fetches(h, 1, 2);
    expect_message(h, 1);
    says_body(h, 1);
    expect_message(h, 1);
    says_message(h, 2);
    expect_fetch(h, 2);
    expect_message(h, 2);
    says_message(h, 2);
    expect_message(h, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SESSION_TEST(fetches_what_was_asked_for),
        SESSION_TEST(fetches_no_further_than_is_plain),
        SESSION_TEST(fetches_large_ones_that_were_asked_for),
        SESSION_TEST(fetches_what_was_asked_for_twice),
        SESSION_TEST(fetches_beyond_the_window),
        SESSION_TEST(fetches_no_more_before_quit),
        SESSION_TEST(refuses_one_of_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
