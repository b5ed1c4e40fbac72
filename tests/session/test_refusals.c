/* Logins that fail: what each failure is called. */
#include "support/session_harness.h"

#include "base/limits.h"

/* Before a server that only knows LOGIN, with those capabilities. */
static void connect_for_login(struct harness *h, const char *greeting,
                              const char *user, const char *password)
{
    begin(h);
    client_says(h, user);
    expect_ok(h);
    expect_wish(h, BRIDGE_CONNECT);
    outcome(h, BRIDGE_UPSTREAM_UP);
    upstream_says(h, greeting);
    client_says(h, password);
}

static void expect_refused(struct harness *h, const char *answer,
                           const char *code)
{
    begin(h);
    connect_upstream(h);
    client_says(h, "PASS p\r\n");
    expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
    upstream_says(h, answer);
    expect_error(h, code);
    expect_upstream(h, "# LOGOUT\r\n");
    upstream_says(h, "* BYE\r\n# OK\r\n");
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_silence(h);
    bridge_free(h->bridge);
    h->bridge = NULL;
}

/* MAP-1, MAP-2, MAP-3, MAP-4, MAP-8, CAP-8, DEC-21: each answer to the login
 * has its one code, and the server's words are not passed on.
 */
static void names_refusals(void **state)
{
    static const struct {
        const char *answer;
        const char *code;
    } cases[] = {
        { "# NO\r\n", "AUTH" },
        { "# NO no\r\n", "AUTH" },
        { "# NO [AUTHENTICATIONFAILED] \033[31m no\r\n", "AUTH" },
        { "# NO [AUTHORIZATIONFAILED] no\r\n", "AUTH" },
        { "# NO [EXPIRED] no\r\n", "AUTH" },
        { "# NO [XYZ 1 (2)] no\r\n", "AUTH" },
        { "# NO [UNAVAILABLE] later\r\n", "SYS/TEMP" },
        { "# NO [LIMIT] later\r\n", "SYS/TEMP" },
        { "# NO [INUSE] later\r\n", "SYS/TEMP" },
        { "# NO [SERVERBUG] later\r\n", "SYS/TEMP" },
        { "# NO [THROTTLED] later\r\n", "SYS/TEMP" },
        { "# NO [ALERT] Too many simultaneous connections. (Failure)\r\n",
          "SYS/TEMP" },
        { "# NO [CONTACTADMIN] ask\r\n", "SYS/PERM" },
        { "# NO [PRIVACYREQUIRED] no\r\n", "SYS/PERM" },
        { "# BAD what\r\n", "SYS/PERM" },
        { "# BAD User is authenticated but not connected.\r\n", "SYS/TEMP" },
    };
    struct harness *h = *state;

    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
        expect_refused(h, cases[i].answer, cases[i].code);
}

/* POP-10: after a refusal the client may try again, three times in all. */
static void allows_three_tries(void **state)
{
    struct harness *h = *state;

    begin(h);
    for (unsigned i = 0; i < POP3_LOGIN_TRIES_MAX; i++) {
        connect_upstream(h);
        client_says(h, "PASS p\r\n");
        expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
        upstream_says(h, "# NO no\r\n");
        expect_error(h, "AUTH");
        if (i + 1 == POP3_LOGIN_TRIES_MAX)
            expect_wish(h, BRIDGE_CLOSE_CLIENT);
        expect_upstream(h, "# LOGOUT\r\n");
        upstream_says(h, "* BYE\r\n# OK\r\n");
        expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    }
    expect_over(h, FAULT_TOO_MANY_LOGINS);
}

/* POP-10: with a delay that grows. */
static void delays_refusals(void **state)
{
    struct harness *h = *state;

    h->policy.auth_failure_delay_ms = 1000;
    begin(h);
    for (unsigned i = 1; i < POP3_LOGIN_TRIES_MAX; i++) {
        connect_upstream(h);
        client_says(h, "PASS p\r\n");
        expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
        upstream_says(h, "# NO no\r\n");
        expect_upstream(h, "# LOGOUT\r\n");
        upstream_says(h, "* BYE\r\n# OK\r\n");
        expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
        time_passes(h, i * 1000 - 1);
        expect_silence(h);
        time_passes(h, 1);
        expect_error(h, "AUTH");
    }
}

/* DEC-13, MAP-6: the lock is asked for behind the password, and is busy. */
static void finds_the_lock_busy(void **state)
{
    struct harness *h = *state;

    begin(h);
    connect_upstream(h);
    client_says(h, "PASS p\r\n");
    expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
    expect_silence(h);
    upstream_says(h, "# OK [CAPABILITY IMAP4rev1] in\r\n");
    expect_wish(h, BRIDGE_LOCK);
    expect_silence(h);
    outcome(h, BRIDGE_LOCK_BUSY);
    expect_error(h, "IN-USE");
    expect_upstream(h, "# LOGOUT\r\n");
}

/* MAP-5, CAP-12: too soon after the last login; told only once the server has
 * accepted the password.
 */
static void refuses_what_is_too_soon(void **state)
{
    struct harness *h = *state;

    begin(h);
    connect_upstream(h);
    client_says(h, "PASS p\r\n");
    expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
    expect_silence(h);
    upstream_says(h, "# OK [CAPABILITY IMAP4rev1] in\r\n");
    expect_wish(h, BRIDGE_LOCK);
    outcome(h, BRIDGE_LOCK_TOO_SOON);
    expect_error(h, "LOGIN-DELAY");
    expect_upstream(h, "# LOGOUT\r\n");
}

/* MAP-6, MAP-7, POP-9, IMAP-16: SELECT is refused; the lock is given back
 * before the client is told.
 */
static void names_refusals_of_the_mailbox(void **state)
{
    static const struct {
        const char *answer;
        const char *code;
    } cases[] = {
        { "# NO [INUSE] x\r\n", "IN-USE" },
        { "# NO [NONEXISTENT] x\r\n", "SYS/PERM" },
        { "# NO [NOPERM] x\r\n", "SYS/PERM" },
        { "# NO [CANNOT] x\r\n", "SYS/PERM" },
        { "# NO [CORRUPTION] x\r\n", "SYS/PERM" },
        { "# NO [SERVERBUG] x\r\n", "SYS/TEMP" },
        { "# NO [UNAVAILABLE] x\r\n", "SYS/TEMP" },
        { "# NO x\r\n", "SYS/TEMP" },
        { "# BAD x\r\n", "SYS/PERM" },
    };
    struct harness *h = *state;

    h->server.select = "";
    h->server.listing = NULL;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        h->server.selected = cases[i].answer;
        begin(h);
        log_in_to_listing(h);
        expect_wish(h, BRIDGE_UNLOCK);
        expect_error(h, cases[i].code);
        expect_upstream(h, "# LOGOUT\r\n");
        h->tag_count = 0;
        bridge_free(h->bridge);
        h->bridge = NULL;
    }
}

/* MAP-4, IMAP-9, IAUTH-9: LOGINDISABLED, and nothing else to log in with. */
static void keeps_the_password(void **state)
{
    struct harness *h = *state;

    connect_for_login(h, "* OK [CAPABILITY IMAP4rev1 LOGINDISABLED] hi\r\n",
                      "USER u\r\n", "PASS p\r\n");
    expect_error(h, "SYS/PERM");
    expect_upstream(h, "# LOGOUT\r\n");
}

/* MAP-9, MAP-10, IMAP-4, IMAP-5, DEC-20, DEC-23: the upstream is no use. */
static void names_useless_upstreams(void **state)
{
    static const struct {
        const char *greeting;
        const char *code;
    } cases[] = {
        { "* PREAUTH [CAPABILITY IMAP4rev1] hi\r\n", "SYS/PERM" },
        { "* BYE too busy\r\n", "SYS/TEMP" },
        { "* OK [CAPABILITY IMAP2 AUTH=PLAIN] hi\r\n", "SYS/PERM" },
        { "* OK [CAPABILITY IMAP4rev1 UTF8=ONLY AUTH=PLAIN] hi\r\n",
          "SYS/PERM" },
        { "220 smtp.example.org ESMTP\r\n", "SYS/TEMP" },
    };
    struct harness *h = *state;

    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        begin(h);
        client_says(h, "USER u\r\nPASS p\r\n");
        expect_ok(h);
        expect_wish(h, BRIDGE_CONNECT);
        outcome(h, BRIDGE_UPSTREAM_UP);
        upstream_says(h, cases[i].greeting);
        expect_error(h, cases[i].code);
        expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
        expect_silence(h); /* and no password was sent */
        bridge_free(h->bridge);
        h->bridge = NULL;
        buf_consume(&h->from_upstream, buf_length(&h->from_upstream));
    }
}

/* MAP-9, MAP-10: it cannot be reached, or is not who it should be. */
static void names_failed_connections(void **state)
{
    struct harness *h = *state;

    begin(h);
    client_says(h, "USER u\r\nPASS p\r\n");
    expect_ok(h);
    expect_wish(h, BRIDGE_CONNECT);
    outcome(h, BRIDGE_UPSTREAM_UNREACHABLE);
    expect_error(h, "SYS/TEMP");
    client_says(h, "USER u\r\nPASS p\r\n");
    expect_ok(h);
    expect_wish(h, BRIDGE_CONNECT);
    outcome(h, BRIDGE_UPSTREAM_UNTRUSTED);
    expect_error(h, "SYS/PERM");
    expect_note(h, BRIDGE_NOTE_LOGIN_REFUSED, FAULT_UPSTREAM_UNTRUSTED);
    expect_silence(h);
}

/* MAP-9: lost while the login is under way; silent: within upstream_timeout. */
static void names_lost_connections(void **state)
{
    struct harness *h = *state;

    begin(h);
    connect_upstream(h);
    client_says(h, "PASS p\r\n");
    expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
    outcome(h, BRIDGE_UPSTREAM_CLOSED);
    expect_error(h, "SYS/TEMP");
    h->tag_count = 0;
    /* After a failure USER alone makes no connection. */
    client_says(h, "USER u\r\n");
    expect_ok(h);
    expect_silence(h);
    client_says(h, "PASS p\r\n");
    expect_wish(h, BRIDGE_CONNECT);
    outcome(h, BRIDGE_UPSTREAM_UP);
    upstream_says(h, "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n");
    expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
    time_passes(h, h->upstream_policy.upstream_timeout_ms - 1);
    expect_silence(h);
    time_passes(h, 1);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_error(h, "SYS/TEMP");
    expect_silence(h);
}

/* MAP-9: a connection lost between USER and PASS is made anew. */
static void connects_again_for_pass(void **state)
{
    struct harness *h = *state;

    begin(h);
    connect_upstream(h);
    outcome(h, BRIDGE_UPSTREAM_CLOSED);
    expect_silence(h);
    client_says(h, "PASS p\r\n");
    expect_wish(h, BRIDGE_CONNECT);
    outcome(h, BRIDGE_UPSTREAM_UP);
    upstream_says(h, "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n");
    expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
}

/* MAP-12: beyond max_sessions one is greeted, and the login refused. */
static void refuses_when_overloaded(void **state)
{
    struct harness *h = *state;

    h->overloaded = true;
    begin(h);
    client_says(h, "USER u\r\nPASS p\r\n");
    expect_ok(h);
    expect_error(h, "SYS/TEMP");
    expect_silence(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SESSION_TEST(names_refusals),
        SESSION_TEST(allows_three_tries),
        SESSION_TEST(delays_refusals),
        SESSION_TEST(finds_the_lock_busy),
        SESSION_TEST(names_refusals_of_the_mailbox),
        SESSION_TEST(keeps_the_password),
        SESSION_TEST(names_useless_upstreams),
        SESSION_TEST(names_failed_connections),
        SESSION_TEST(names_lost_connections),
        SESSION_TEST(connects_again_for_pass),
        SESSION_TEST(refuses_when_overloaded),
        SESSION_TEST(refuses_what_is_too_soon),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
