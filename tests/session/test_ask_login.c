/* The owner is asked before the upstream hears of a login; and what a server
 * says that wants fewer of them.
 */
#include "support/session_harness.h"

#include "base/limits.h"

static void ask(struct harness *h, const char *login)
{
    client_says(h, login);
    expect_ok(h);
    expect_wish(h, BRIDGE_ASK_LOGIN);
    expect_silence(h);
}

static void begin_asking(struct harness *h, uint64_t reuse_ms)
{
    h->decides_late = true;
    h->upstream_policy.upstream_reuse_ms = reuse_ms;
    h->policy.auth_failure_delay_ms = 1000;
    begin(h);
}

/* Nothing is said to the server, not even to connect, before the answer. */
static void waits_for_the_answer(void **state)
{
    struct harness *h = *state;

    begin_asking(h, 90000);
    ask(h, "USER u\r\nPASS p\r\n");
    grant_login(h);
    expect_wish(h, BRIDGE_REUSE);
}

/* A connection that was made at USER, too, hears nothing. */
static void holds_back_on_a_warm_connection(void **state)
{
    struct harness *h = *state;

    begin_asking(h, 0);
    connect_upstream(h);
    client_says(h, "PASS p\r\n");
    expect_wish(h, BRIDGE_ASK_LOGIN);
    upstream_says(h, "* OK still here\r\n");
    expect_silence(h);
    grant_login(h);
    expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
}

/* Connections are counted: none is made for who only gives a name. */
static void connects_late(void **state)
{
    struct harness *h = *state;

    h->policy.early_upstream = NULL;
    begin(h);
    client_says(h, "USER u\r\n");
    expect_ok(h);
    expect_silence(h);
    client_says(h, "PASS p\r\n");
    expect_wish(h, BRIDGE_CONNECT);
}

/* What was made at USER is to another server than the one of the grant: it hears
 * nothing of the login.
 */
static void goes_where_the_grant_says(void **state)
{
    static const struct upstream_policy other = { .tls = TLS_MODE_IMPLICIT,
                                                  .upstream_timeout_ms = 5000,
                                                  .version = "1" };
    struct harness *h = *state;

    begin_asking(h, 0);
    connect_upstream(h);
    client_says(h, "PASS p\r\n");
    expect_wish(h, BRIDGE_ASK_LOGIN);
    h->upstream_granted = &other;
    grant_login(h);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    assert_ptr_equal(h->wishes[0].upstream, &other);
    expect_wish(h, BRIDGE_CONNECT);
    outcome(h, BRIDGE_UPSTREAM_UP);
    upstream_says(h, "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n");
    expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
    time_passes(h, 5000);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_error(h, "SYS/TEMP");
    expect_note(h, BRIDGE_NOTE_LOGIN_REFUSED, FAULT_UPSTREAM_SILENT);
}

/* The same connection breaks, or cannot be made: it may not be the one that is
 * needed, and so refuses nobody.
 */
static void outlives_the_warm_connection(void **state)
{
    static const enum bridge_outcome losses[] = { BRIDGE_UPSTREAM_CLOSED,
                                                  BRIDGE_UPSTREAM_UNREACHABLE };
    struct harness *h = *state;

    for (size_t i = 0; i < ARRAY_LENGTH(losses); i++) {
        begin_asking(h, 0);
        client_says(h, "USER u\r\n");
        expect_ok(h);
        expect_wish(h, BRIDGE_CONNECT);
        if (losses[i] == BRIDGE_UPSTREAM_CLOSED)
            outcome(h, BRIDGE_UPSTREAM_UP);
        client_says(h, "PASS p\r\n");
        expect_wish(h, BRIDGE_ASK_LOGIN);
        outcome(h, losses[i]);
        expect_silence(h);
        grant_login(h);
        expect_wish(h, BRIDGE_CONNECT);
        bridge_free(h->bridge);
        h->bridge = NULL;
        h->note_count = 0;
    }
}

/* MAP-1: what the server refuses is not the client's word, so the fault is not
 * the client's, and there is nothing to slow down.
 */
static void tells_whose_password_is_wrong(void **state)
{
    static const struct {
        bool is_kept;
        enum fault fault;
    } cases[] = { { false, FAULT_CREDENTIALS },
                  { true, FAULT_SECRET_REFUSED } };
    struct harness *h = *state;

    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        h->secret_is_kept = cases[i].is_kept;
        begin_asking(h, 0);
        connect_upstream(h);
        client_says(h, "PASS p\r\n");
        expect_wish(h, BRIDGE_ASK_LOGIN);
        grant_login(h);
        expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
        upstream_says(h, "# NO [AUTHENTICATIONFAILED] no\r\n");
        expect_upstream(h, "# LOGOUT\r\n");
        expect_note(h, BRIDGE_NOTE_LOGIN_REFUSED, cases[i].fault);
        if (!cases[i].is_kept)
            time_passes(h, h->policy.auth_failure_delay_ms);
        expect_error(h, "AUTH");
        bridge_free(h->bridge);
        h->bridge = NULL;
        h->note_count = 0;
        h->tag_count = 0;
    }
}

/* login_timeout holds for the owner too; its answer is late then. */
static void refuses_in_the_end(void **state)
{
    struct harness *h = *state;

    begin_asking(h, 0);
    h->policy.early_upstream = NULL;
    client_says(h, "USER u\r\nPASS p\r\n");
    expect_ok(h);
    expect_wish(h, BRIDGE_ASK_LOGIN);
    time_passes(h, h->policy.login_timeout_ms);
    expect_error(h, "SYS/TEMP");
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    grant_login(h);
    deny_login(h, FAULT_CREDENTIALS, 0);
    expect_over(h, FAULT_LOGIN_TIMEOUT);
}

/* The client goes, and the answer comes. */
static void forgets_a_client_that_went(void **state)
{
    struct harness *h = *state;

    begin_asking(h, 90000);
    ask(h, "USER u\r\nPASS p\r\n");
    outcome(h, BRIDGE_CLIENT_CLOSED);
    grant_login(h);
    expect_over(h, FAULT_CLIENT_GONE);
}

/* POP-10: nor does the time tell whether there is such an account. */
static void refuses_what_is_wrong_at_one_time(void **state)
{
    static const enum fault faults[] = { FAULT_CREDENTIALS, FAULT_NO_ACCOUNT,
                                         FAULT_ACCOUNT_PLACE };
    struct harness *h = *state;

    begin_asking(h, 90000);
    for (size_t i = 0; i < ARRAY_LENGTH(faults); i++) {
        uint64_t judged_ms = 70 * i; /* how long that takes says nothing */

        ask(h, "USER u\r\nPASS p\r\n");
        time_passes(h, judged_ms);
        deny_login(h, faults[i], 0);
        time_passes(h, (i + 1) * 1000 - judged_ms - 1);
        expect_silence(h);
        time_passes(h, 1);
        expect_error(h, "AUTH");
        expect_note(h, BRIDGE_NOTE_LOGIN_REFUSED, faults[i]);
    }
    expect_wish(h, BRIDGE_CLOSE_CLIENT); /* POP-10: that was the third */
}

/* CAP-8, MAP-2: no [AUTH], since nobody has judged the password; and no sooner
 * than a wrong one is answered.
 */
static void refuses_what_is_blocked(void **state)
{
    static const struct {
        enum fault fault;
        uint64_t wait_ms;
        uint64_t delay_ms;
    } cases[] = {
        { FAULT_LOGIN_BLOCKED, 0, 1000 },
        { FAULT_LOGIN_BLOCKED, 700, 1000 },
        { FAULT_LOGIN_BLOCKED, 3000, 3000 },
        { FAULT_UPSTREAM_BACKOFF, 0, 0 },
        { FAULT_UPSTREAM_BACKOFF, 500, 500 },
    };
    struct harness *h = *state;

    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        begin_asking(h, 90000);
        ask(h, "USER u\r\nPASS p\r\n");
        deny_login(h, cases[i].fault, cases[i].wait_ms);
        if (cases[i].delay_ms > 0) {
            time_passes(h, cases[i].delay_ms - 1);
            expect_silence(h);
        }
        time_passes(h, 1);
        expect_error(h, "SYS/TEMP");
        expect_note(h, BRIDGE_NOTE_LOGIN_REFUSED, cases[i].fault);
        /* The next try is asked for anew. */
        ask(h, "USER u\r\nPASS p\r\n");
        grant_login(h);
        expect_wish(h, BRIDGE_REUSE);
        bridge_free(h->bridge);
        h->bridge = NULL;
        h->note_count = 0;
    }
}

/* Asked, and gone before the answer: it is no answer any more. */
static void forgets_a_question(void **state)
{
    struct harness *h = *state;

    begin_asking(h, 90000);
    ask(h, "USER u\r\nPASS p\r\n");
    outcome(h, BRIDGE_SHUT_DOWN);
    expect_error(h, "SYS/TEMP");
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    grant_login(h);
    expect_over(h, FAULT_SHUTDOWN);
}

/* What cannot be right is not asked for. */
static void asks_for_well_formed_logins_only(void **state)
{
    struct harness *h = *state;

    begin_asking(h, 90000);
    client_says(h, "AUTH PLAIN =\r\n");
    time_passes(h, 1000);
    expect_error(h, "AUTH");
}

/* The budget of connections is spent: that is no fault of the server's. */
static void names_a_spent_budget(void **state)
{
    struct harness *h = *state;

    begin(h);
    client_says(h, "USER u\r\nPASS p\r\n");
    expect_ok(h);
    expect_wish(h, BRIDGE_CONNECT);
    outcome(h, BRIDGE_UPSTREAM_FULL);
    time_passes(h, 1);
    expect_error(h, "SYS/TEMP");
    expect_note(h, BRIDGE_NOTE_LOGIN_REFUSED, FAULT_UPSTREAM_FULL);
}

/* Waiting for a place is no silence of the server's: that begins when it is
 * asked.
 */
static void waits_in_the_queue_and_then_for_the_server(void **state)
{
    struct harness *h = *state;

    begin(h);
    client_says(h, "USER u\r\nPASS p\r\n");
    expect_ok(h);
    expect_wish(h, BRIDGE_CONNECT);
    outcome(h, BRIDGE_UPSTREAM_QUEUED);
    time_passes(h, h->upstream_policy.upstream_timeout_ms + 1000);
    expect_silence(h);
    assert_int_equal(bridge_report(h->bridge)->greetings_failed, 0);
    outcome(h, BRIDGE_UPSTREAM_BEGUN);
    time_passes(h, h->upstream_policy.upstream_timeout_ms - 1);
    expect_silence(h);
    time_passes(h, 1);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    time_passes(h, 1);
    expect_error(h, "SYS/TEMP");
    assert_int_equal(bridge_report(h->bridge)->greetings_failed, 1);
}

/* Not logged in, and its place is needed: silently, as at a timeout. */
static void is_shed(void **state)
{
    struct harness *h = *state;

    begin(h);
    outcome(h, BRIDGE_SHED);
    expect_wish(h, BRIDGE_ABORT_CLIENT);
    expect_over(h, FAULT_SHED);
}

/* --- a server that wants fewer logins --- */

static void expect_throttled(struct harness *h, uint64_t times, uint64_t ms,
                             bool proven)
{
    const struct bridge_report *report = bridge_report(h->bridge);

    assert_int_equal(report->throttled, times);
    if (times == 0)
        return;
    assert_int_equal(report->throttle_ms, ms);
    assert_int_equal(report->throttle_proven, proven);
}

/* MAP-2: refused at the login: it may be anybody who tries. */
static void reports_throttling_at_login(void **state)
{
    struct harness *h = *state;

    begin(h);
    connect_upstream(h);
    client_says(h, "PASS p\r\n");
    expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
    expect_throttled(h, 0, 0, false);
    upstream_says(h, "# NO [LIMIT] Suggested Backoff Time: 7000 ms\r\n");
    expect_upstream(h, "# LOGOUT\r\n");
    expect_error(h, "SYS/TEMP");
    expect_throttled(h, 1, 7000, false);
}

/* In an OK: the password was right. */
static void reports_throttling_in_an_ok(void **state)
{
    struct harness *h = *state;

    begin(h);
    connect_upstream(h);
    client_says(h, "PASS p\r\n");
    expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
    upstream_says(h, "# OK [THROTTLED] in you come\r\n");
    expect_upstream(h, "# CAPABILITY\r\n");
    expect_throttled(h, 1, 0, true);
}

static void reports_throttling_at_select(void **state)
{
    struct harness *h = *state;

    begin(h);
    connect_upstream(h);
    client_says(h, "PASS p\r\n");
    expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
    upstream_says(h, "# OK [CAPABILITY IMAP4rev1] in\r\n");
    expect_wish(h, BRIDGE_LOCK);
    outcome(h, BRIDGE_LOCKED);
    expect_upstream(h, "# SELECT INBOX\r\n");
    upstream_says(h, "# BAD Request is throttled. Suggested Backoff Time: "
                     "90000 milliseconds\r\n");
    expect_wish(h, BRIDGE_UNLOCK);
    expect_upstream(h, "# LOGOUT\r\n");
    expect_error(h, "SYS/TEMP");
    expect_throttled(h, 1, 90000, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SESSION_TEST(waits_for_the_answer),
        SESSION_TEST(holds_back_on_a_warm_connection),
        SESSION_TEST(connects_late),
        SESSION_TEST(goes_where_the_grant_says),
        SESSION_TEST(outlives_the_warm_connection),
        SESSION_TEST(tells_whose_password_is_wrong),
        SESSION_TEST(refuses_in_the_end),
        SESSION_TEST(forgets_a_client_that_went),
        SESSION_TEST(refuses_what_is_wrong_at_one_time),
        SESSION_TEST(refuses_what_is_blocked),
        SESSION_TEST(forgets_a_question),
        SESSION_TEST(asks_for_well_formed_logins_only),
        SESSION_TEST(names_a_spent_budget),
        SESSION_TEST(waits_in_the_queue_and_then_for_the_server),
        SESSION_TEST(is_shed),
        SESSION_TEST(reports_throttling_at_login),
        SESSION_TEST(reports_throttling_in_an_ok),
        SESSION_TEST(reports_throttling_at_select),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
