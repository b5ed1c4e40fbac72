/* A server that cannot be logged in to gives way to the next one of its upstream,
 * within the same login, for as long as it has heard no secret.
 */
#include "base/limits.h"
#include "support/session_harness.h"

#define GREETING "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n"

/* Up to the connection that PASS waits for. */
static void give_password(struct harness *h)
{
    h->another = true;
    begin(h);
    client_says(h, "USER u\r\nPASS p\r\n");
    expect_ok(h);
    expect_wish(h, BRIDGE_CONNECT);
    outcome(h, BRIDGE_UPSTREAM_UP);
}

static void expect_next(struct harness *h)
{
    expect_wish(h, BRIDGE_CONNECT_NEXT);
    assert_true(bridge_goes_elsewhere(h->bridge));
    expect_silence(h);
}

/* The next one is as good as any. */
static void log_in_there(struct harness *h)
{
    outcome(h, BRIDGE_UPSTREAM_UP);
    assert_false(bridge_goes_elsewhere(h->bridge));
    upstream_says(h, GREETING);
    expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
    assert_int_equal(bridge_report(h->bridge)->upstream_failures, 0);
    assert_int_equal(bridge_report(h->bridge)->greetings_failed, 0);
    assert_int_equal(bridge_report(h->bridge)->greetings, 1);
}

static void leaves_bad_greetings(void **state)
{
    static const char *const greetings[] = {
        "* BYE too busy\r\n",
        "* NO not now\r\n",
        "* BAD what\r\n",
        "220 smtp.example.org ESMTP\r\n",
        "* PREAUTH [CAPABILITY IMAP4rev1] hi\r\n",
        "* OK [CAPABILITY IMAP2 AUTH=PLAIN] hi\r\n",
    };
    struct harness *h = *state;

    for (size_t i = 0; i < ARRAY_LENGTH(greetings); i++) {
        give_password(h);
        upstream_says(h, greetings[i]);
        expect_next(h);
        log_in_there(h);
        bridge_free(h->bridge);
        h->bridge = NULL;
        h->tag_count = 0;
    }
}

static void leaves_one_that_closes(void **state)
{
    struct harness *h = *state;

    give_password(h);
    outcome(h, BRIDGE_UPSTREAM_CLOSED);
    expect_next(h);
    log_in_there(h);
}

/* Also one that goes on to say nothing of use. */
static void leaves_one_without_capabilities(void **state)
{
    struct harness *h = *state;

    give_password(h);
    upstream_says(h, "* OK hi\r\n");
    expect_upstream(h, "# CAPABILITY\r\n");
    upstream_says(h, "# BAD no\r\n");
    expect_next(h);
    log_in_there(h);
}

/* The next one has its own time, until that of the login is over. */
static void leaves_a_silent_one(void **state)
{
    struct harness *h = *state;
    uint64_t silence_ms = h->upstream_policy.upstream_timeout_ms;

    give_password(h);
    time_passes(h, silence_ms - 1);
    expect_silence(h);
    time_passes(h, 1);
    expect_next(h);
    time_passes(h, silence_ms - 1);
    expect_silence(h);
    log_in_there(h);
}

static void the_login_has_its_end(void **state)
{
    struct harness *h = *state;

    give_password(h);
    time_passes(h, h->upstream_policy.upstream_timeout_ms);
    expect_next(h);
    h->upstream_policy.upstream_timeout_ms = h->policy.login_timeout_ms;
    time_passes(h, h->policy.login_timeout_ms);
    expect_error(h, "SYS/TEMP");
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_over(h, FAULT_LOGIN_TIMEOUT);
}

/* The last one's fault is told. */
static void says_what_the_last_one_said(void **state)
{
    struct harness *h = *state;

    give_password(h);
    upstream_says(h, "* BYE too busy\r\n");
    expect_next(h);
    h->another = false;
    outcome(h, BRIDGE_UPSTREAM_UP);
    upstream_says(h, "* PREAUTH [CAPABILITY IMAP4rev1] hi\r\n");
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_error(h, "SYS/PERM");
    expect_silence(h);
    assert_int_equal(bridge_report(h->bridge)->greetings_failed, 1);
    assert_int_equal(bridge_report(h->bridge)->upstream_failures, 1);
}

static void the_last_one_is_not_reached(void **state)
{
    struct harness *h = *state;

    give_password(h);
    outcome(h, BRIDGE_UPSTREAM_CLOSED);
    expect_next(h);
    outcome(h, BRIDGE_UPSTREAM_UNREACHABLE);
    assert_false(bridge_goes_elsewhere(h->bridge));
    expect_error(h, "SYS/TEMP");
    expect_silence(h);
}

/* While nobody has logged in, between USER and PASS. */
static void leaves_one_meanwhile(void **state)
{
    struct harness *h = *state;

    h->another = true;
    begin(h);
    client_says(h, "USER u\r\n");
    expect_ok(h);
    expect_wish(h, BRIDGE_CONNECT);
    outcome(h, BRIDGE_UPSTREAM_UP);
    upstream_says(h, "* BYE too busy\r\n");
    expect_next(h);
    client_says(h, "PASS p\r\n");
    expect_silence(h);
    log_in_there(h);
}

/* Who has heard a password has the last word on it. */
static void stays_with_one_that_heard_the_password(void **state)
{
    struct harness *h = *state;

    give_password(h);
    upstream_says(h, GREETING);
    expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
    outcome(h, BRIDGE_UPSTREAM_CLOSED);
    expect_error(h, "SYS/TEMP");
    h->tag_count = 0;
    client_says(h, "PASS p\r\n");
    expect_error(h, NULL);
    client_says(h, "USER u\r\nPASS p\r\n");
    expect_ok(h);
    expect_wish(h, BRIDGE_CONNECT);
    outcome(h, BRIDGE_UPSTREAM_UP);
    upstream_says(h, GREETING);
    expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
    upstream_says(h, "* BYE too busy\r\n");
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_error(h, "SYS/TEMP");
    expect_silence(h);
}

/* Nobody is there to log in. */
static void the_client_has_gone(void **state)
{
    struct harness *h = *state;

    give_password(h);
    outcome(h, BRIDGE_CLIENT_CLOSED);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_over(h, FAULT_CLIENT_GONE);
}

/* Behind STARTTLS too: an attack on one server is none on the next. */
static void leaves_one_at_starttls(void **state)
{
    static const enum bridge_outcome failures[] = {
        BRIDGE_UPSTREAM_UNTRUSTED,
        BRIDGE_UPSTREAM_CLOSED,
    };
    struct harness *h = *state;

    h->upstream_policy.tls = TLS_MODE_STARTTLS;
    for (size_t i = 0; i < ARRAY_LENGTH(failures); i++) {
        give_password(h);
        upstream_says(h, "* OK [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n");
        expect_upstream(h, "# STARTTLS\r\n");
        upstream_says(h, "# OK go on\r\n");
        expect_wish(h, BRIDGE_START_UPSTREAM_TLS);
        outcome(h, failures[i]);
        expect_next(h);
        outcome(h, BRIDGE_UPSTREAM_UP);
        upstream_says(h, "* OK [CAPABILITY IMAP4rev1] hi\r\n");
        expect_next(h); /* without STARTTLS it is of no use either */
        bridge_free(h->bridge);
        h->bridge = NULL;
        h->tag_count = 0;
    }
}

/* What QUIT has to do is done by whichever server there is. */
static void leaves_one_at_quit(void **state)
{
    struct harness *h = *state;

    h->another = true;
    begin(h);
    log_in(h);
    client_says(h, "DELE 1\r\n");
    expect_ok(h);
    outcome(h, BRIDGE_UPSTREAM_CLOSED);
    client_says(h, "QUIT\r\n");
    expect_wish(h, BRIDGE_CONNECT);
    outcome(h, BRIDGE_UPSTREAM_UP);
    h->tag_count = 0;
    upstream_says(h, "* BYE too busy\r\n");
    expect_next(h);
    outcome(h, BRIDGE_UPSTREAM_UP);
    upstream_says(h, GREETING);
    expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
    h->another = false;
    outcome(h, BRIDGE_UPSTREAM_CLOSED);
    expect_error(h, "SYS/TEMP");
    expect_wish(h, BRIDGE_UNLOCK);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_over(h, FAULT_UPSTREAM_GONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SESSION_TEST(leaves_bad_greetings),
        SESSION_TEST(leaves_one_that_closes),
        SESSION_TEST(leaves_one_without_capabilities),
        SESSION_TEST(leaves_a_silent_one),
        SESSION_TEST(the_login_has_its_end),
        SESSION_TEST(says_what_the_last_one_said),
        SESSION_TEST(the_last_one_is_not_reached),
        SESSION_TEST(leaves_one_meanwhile),
        SESSION_TEST(stays_with_one_that_heard_the_password),
        SESSION_TEST(the_client_has_gone),
        SESSION_TEST(leaves_one_at_starttls),
        SESSION_TEST(leaves_one_at_quit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
