/* An upstream connection rests after QUIT, and the next session goes on with
 * it: CONFORMANCE DEC-20, IMAP-31.
 */
#include "base/limits.h"
#include "support/numbered.h"
#include "support/parking.h"

#define STORE "# UID STORE 10 +FLAGS.SILENT (\\Deleted)\r\n"

/* DEC-20: a fresh SELECT each time, and tags that go on. */
static void goes_on_with_what_was_parked(void **state)
{
    struct harness *h = *state;

    take_up(h);
    outcome(h, BRIDGE_LOCKED);
    open_mailbox(h);
    assert_int_equal(bridge_report(h->bridge)->upstream_reused, 1);
    assert_int_equal(bridge_report(h->bridge)->logins_ok, 1);
    quit_and_park(h);
    /* The login, twice SELECT, and twice the listing. */
    assert_int_equal(parked.tag, 5);
}

/* What the server could do after the login it still can. */
static void knows_what_the_server_can(void **state)
{
    struct harness *h = *state;

    take_up(h);
    outcome(h, BRIDGE_LOCKED);
    open_mailbox(h);
    client_says(h, "DELE 1\r\nQUIT\r\n");
    expect_ok(h);
    expect_upstream(h, STORE);
    upstream_says(h, "# OK stored\r\n");
    expect_upstream(h, "# UID EXPUNGE 10\r\n");
    upstream_says(h, "# OK gone\r\n");
    expect_upstream(h, "# UID FETCH 10 (UID FLAGS)\r\n");
    expect_silence(h);
    upstream_says(h, "# OK none\r\n");
    expect_parked_end(h);
    assert_int_equal(bridge_report(h->bridge)->messages_deleted, 1);
}

/* What QUIT began is finished, and then it rests, whoever has gone. */
static void parks_without_a_client(void **state)
{
    struct harness *h = *state;

    log_in_anew(h);
    client_says(h, "DELE 1\r\nQUIT\r\n");
    expect_ok(h);
    expect_upstream(h, STORE);
    outcome(h, BRIDGE_CLIENT_CLOSED);
    upstream_says(h, "# OK stored\r\n");
    expect_upstream(h, "# UID EXPUNGE 10\r\n");
    upstream_says(h, "# OK gone\r\n");
    expect_upstream(h, "# UID FETCH 10 (UID FLAGS)\r\n");
    upstream_says(h, "# OK none\r\n");
    expect_park(h);
    expect_wish(h, BRIDGE_UNLOCK);
    expect_over(h, FAULT_CLIENT_GONE);
}

static void expect_goodbye(struct harness *h, bool ok, const char *code)
{
    expect_logout(h);
    harness_expect_reply(h, ok, code, __FILE__, __LINE__);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    assert_true(bridge_is_over(h->bridge));
}

/* A QUIT that failed leaves a mailbox that somebody should look at anew. */
static void says_logout_after_a_failure(void **state)
{
    struct harness *h = *state;

    log_in_anew(h);
    client_says(h, "DELE 1\r\nQUIT\r\n");
    expect_ok(h);
    expect_upstream(h, STORE);
    upstream_says(h, "# NO not now\r\n");
    expect_goodbye(h, false, "SYS/TEMP");
}

/* DEC-15: nothing that was known of the mailbox holds. */
static void says_logout_where_the_mailbox_changed(void **state)
{
    struct harness *h = *state;

    log_in_anew(h);
    upstream_says(h, "* OK [UIDVALIDITY 78] new\r\n");
    client_says(h, "QUIT\r\n");
    expect_goodbye(h, true, NULL);
}

/* Up to the SELECT of a mailbox that takes |ms| to open, and QUIT. */
static void select_takes(struct harness *h, uint64_t ms)
{
    begin_parking(h);
    give_password(h);
    answer_reuse(h, NULL);
    greet_and_log_in(h);
    upstream_says(h, "# OK [CAPABILITY IMAP4rev1 UIDPLUS] in\r\n");
    expect_wish(h, BRIDGE_LOCK);
    outcome(h, BRIDGE_LOCKED);
    time_passes(h, ms);
    open_mailbox(h);
}

/* The next session would not wait for that, and had better log in at once. */
static void says_logout_where_select_is_slow(void **state)
{
    struct harness *h = *state;

    select_takes(h, REUSE_TIMEOUT_MS + 1);
    client_says(h, "QUIT\r\n");
    expect_goodbye(h, true, NULL);
}

static void parks_where_select_is_just_fast_enough(void **state)
{
    struct harness *h = *state;

    select_takes(h, REUSE_TIMEOUT_MS);
    quit_and_park(h);
}

/* The next session would read the other half of the line. */
static void says_logout_within_a_response(void **state)
{
    struct harness *h = *state;

    log_in_anew(h);
    upstream_says(h, "* 4 EXI");
    client_says(h, "QUIT\r\n");
    expect_wish(h, BRIDGE_UNLOCK);
    expect_upstream(h, "# LOGOUT\r\n");
    upstream_says(h, "STS\r\n# OK out\r\n");
    expect_ok(h);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_over(h, FAULT_NONE);
}

/* IEXT-5: nobody waits for what it answers to ID, but the next session would
 * take that for garbage.
 */
static void says_logout_before_the_answer_to_id(void **state)
{
    struct harness *h = *state;

    h->upstream_policy.send_id = true;
    begin_parking(h);
    give_password(h);
    answer_reuse(h, NULL);
    greet_and_log_in(h);
    upstream_says(h, "# OK [CAPABILITY IMAP4rev1 ID] in\r\n");
    expect_upstream(h, "# ID (\"name\" \"popinjay\" \"version\" \"1.0\")\r\n");
    expect_wish(h, BRIDGE_LOCK);
    outcome(h, BRIDGE_LOCKED);
    expect_upstream(h, "# SELECT INBOX\r\n");
    swap_answers(h);
    upstream_says(h, h->server.select);
    upstream_says(h, h->server.selected);
    expect_upstream(h, LISTING);
    swap_answers(h);
    upstream_says(h, h->server.listing);
    upstream_says(h, "# OK listed\r\n");
    expect_ok(h);
    client_says(h, "QUIT\r\n");
    expect_wish(h, BRIDGE_UNLOCK);
    expect_upstream(h, "# LOGOUT\r\n");
    upstream_says(h, "# OK known\r\n# OK out\r\n");
    expect_ok(h);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_over(h, FAULT_NONE);
}

/* What lies behind the last answer is nobody's to read any more. */
static void never_drops_half_a_response(void **state)
{
    struct harness *h = *state;

    log_in_anew(h);
    client_says(h, "DELE 1\r\nQUIT\r\n");
    expect_ok(h);
    expect_upstream(h, STORE);
    upstream_says(h, "# OK stored\r\n");
    expect_upstream(h, "# UID EXPUNGE 10\r\n");
    upstream_says(h, "# OK gone\r\n");
    expect_upstream(h, "# UID FETCH 10 (UID FLAGS)\r\n");
    upstream_says(h, "# OK none\r\n* 4 EXI");
    if (h->octet_by_octet) {
        /* It comes when the connection rests: its owner's to keep. */
        expect_parked_end(h);
        buf_clear(&h->from_upstream);
        return;
    }
    expect_wish(h, BRIDGE_UNLOCK);
    expect_upstream(h, "# LOGOUT\r\n");
    expect_ok(h);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
}

/* POP-8: that somebody else has the maildrop is no fault of the connection. */
static void gives_back_what_it_cannot_use(void **state)
{
    struct harness *h = *state;

    take_up(h);
    outcome(h, BRIDGE_LOCK_BUSY);
    expect_park(h);
    expect_error(h, "IN-USE");
    expect_silence(h);
    client_says(h, "PASS p\r\n");
    expect_error(h, NULL);
    give_password(h);
    answer_reuse(h, &parked);
    expect_wish(h, BRIDGE_LOCK);
    outcome(h, BRIDGE_LOCK_TOO_SOON);
    expect_park(h);
    expect_error(h, "LOGIN-DELAY");
    assert_int_equal(parked.tag, 3);
}

/* One that was just made says LOGOUT, as ever. */
static void parks_no_login_without_a_session(void **state)
{
    struct harness *h = *state;

    begin_parking(h);
    give_password(h);
    answer_reuse(h, NULL);
    greet_and_log_in(h);
    upstream_says(h, "# OK [CAPABILITY IMAP4rev1 UIDPLUS] in\r\n");
    expect_wish(h, BRIDGE_LOCK);
    outcome(h, BRIDGE_LOCK_BUSY);
    expect_upstream(h, "# LOGOUT\r\n");
    expect_error(h, "IN-USE");
    expect_silence(h);
}

/* With upstream_reuse 0 all is as if there were no such thing. */
static void parks_nothing_unasked(void **state)
{
    struct harness *h = *state;

    begin(h);
    log_in(h); /* connects at USER */
    quit(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SESSION_TEST(goes_on_with_what_was_parked),
        SESSION_TEST(knows_what_the_server_can),
        SESSION_TEST(parks_without_a_client),
        SESSION_TEST(says_logout_after_a_failure),
        SESSION_TEST(says_logout_where_the_mailbox_changed),
        SESSION_TEST(says_logout_where_select_is_slow),
        SESSION_TEST(parks_where_select_is_just_fast_enough),
        SESSION_TEST(says_logout_within_a_response),
        SESSION_TEST(says_logout_before_the_answer_to_id),
        SESSION_TEST(never_drops_half_a_response),
        SESSION_TEST(gives_back_what_it_cannot_use),
        SESSION_TEST(parks_no_login_without_a_session),
        SESSION_TEST(parks_nothing_unasked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
