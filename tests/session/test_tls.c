/* STLS and STARTTLS: what must not pass from clear text into TLS. */
#include "support/session_harness.h"

/* TLS-2: no second greeting, the state stays; TLS-3: what was said before is
 * forgotten, USER first of all; STLS but once.
 */
static void upgrades_the_client(void **state)
{
    struct harness *h = *state;

    h->policy.client_tls = TLS_MODE_STARTTLS;
    h->policy.allow_plaintext_login = true;
    begin(h);
    client_says(h, "USER u\r\n");
    expect_ok(h);
    expect_wish(h, BRIDGE_CONNECT);
    client_says(h, "STLS\r\n");
    expect_ok(h);
    expect_wish(h, BRIDGE_START_CLIENT_TLS);
    outcome(h, BRIDGE_CLIENT_TLS_UP);
    expect_silence(h);
    client_says(h, "PASS p\r\n");
    expect_error(h, NULL);
    client_says(h, "STLS\r\n");
    expect_error(h, NULL);
    expect_silence(h);
}

/* TLS-3: octets behind STLS are an injection: never an answer to them. In one
 * segment not even STLS is answered.
 */
static void refuses_injection_by_the_client(void **state)
{
    struct harness *h = *state;

    h->policy.client_tls = TLS_MODE_STARTTLS;
    begin(h);
    bridge_client_input(h->bridge, SPAN_LITERAL("STLS\r\nUSER x\r\n"),
                        h->now_ms);
    client_says(h, "");
    expect_wish(h, BRIDGE_ABORT_CLIENT);
    expect_over(h, FAULT_CLEAR_BEFORE_TLS);
}

/* TLS-4, TLS-5: no login in clear; the refusal does not ask the upstream. */
static void refuses_clear_logins(void **state)
{
    struct harness *h = *state;

    h->policy.client_tls = TLS_MODE_STARTTLS;
    begin(h);
    client_says(h, "USER u\r\nPASS p\r\nAUTH PLAIN AHUAcA==\r\nAUTH LOGIN\r\n");
    expect_error(h, NULL);
    expect_error(h, NULL);
    expect_error(h, NULL);
    expect_error(h, NULL);
    expect_silence(h);
}

/* TLS-4: unless the listener says so. */
static void allows_clear_logins(void **state)
{
    struct harness *h = *state;

    h->policy.client_tls = TLS_MODE_NONE;
    h->policy.allow_plaintext_login = true;
    begin(h);
    log_in(h);
    quit(h);
}

/* The client's handshake fails. */
static void ends_with_the_handshake(void **state)
{
    struct harness *h = *state;

    h->policy.client_tls = TLS_MODE_STARTTLS;
    begin(h);
    client_says(h, "STLS\r\n");
    expect_ok(h);
    expect_wish(h, BRIDGE_START_CLIENT_TLS);
    outcome(h, BRIDGE_CLIENT_TLS_FAILED);
    expect_over(h, FAULT_CLIENT_TLS);
}

static void connect_in_clear(struct harness *h)
{
    h->upstream_policy.tls = TLS_MODE_STARTTLS;
    begin(h);
    client_says(h, "USER u\r\nPASS p\r\n");
    expect_ok(h);
    expect_wish(h, BRIDGE_CONNECT);
    outcome(h, BRIDGE_UPSTREAM_UP);
}

/* TLS-18, IMAP-6, IMAP-7: STARTTLS first; the capabilities of before count no
 * more, and nothing is sent before the handshake is done.
 */
static void upgrades_the_upstream(void **state)
{
    struct harness *h = *state;

    connect_in_clear(h);
    upstream_says(h, "* OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN "
                     "SASL-IR] hi\r\n");
    expect_upstream(h, "# STARTTLS\r\n");
    upstream_says(h, "# OK begin\r\n");
    expect_wish(h, BRIDGE_START_UPSTREAM_TLS);
    expect_silence(h);
    outcome(h, BRIDGE_UPSTREAM_TLS_UP);
    expect_upstream(h, "# CAPABILITY\r\n");
    upstream_says(h, "* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n# OK\r\n");
    expect_upstream(h, "# AUTHENTICATE PLAIN\r\n");
}

/* TLS-18: stripped from the list, or refused: no password. */
static void insists_on_starttls(void **state)
{
    static const char *const answers[] = { "# NO not now\r\n",
                                           "# BAD what\r\n" };
    struct harness *h = *state;

    connect_in_clear(h);
    upstream_says(h, "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hi\r\n");
    expect_error(h, "SYS/PERM");
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_silence(h);
    for (size_t i = 0; i < 2; i++) {
        client_says(h, "USER u\r\nPASS p\r\n");
        expect_ok(h);
        expect_wish(h, BRIDGE_CONNECT);
        outcome(h, BRIDGE_UPSTREAM_UP);
        upstream_says(h, "* OK [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n");
        expect_upstream(h, "# STARTTLS\r\n");
        upstream_says(h, answers[i]);
        if (i == 1)
            break;
        expect_error(h, "SYS/PERM");
        expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
        expect_silence(h);
    }
    expect_error(h, "SYS/PERM");
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_wish(h, BRIDGE_CLOSE_CLIENT); /* the third login that failed */
    expect_over(h, FAULT_TOO_MANY_LOGINS);
}

/* IMAP-7: octets behind the tagged OK, in one segment. */
static void refuses_injection_by_the_upstream(void **state)
{
    struct harness *h = *state;

    connect_in_clear(h);
    upstream_says(h, "* OK [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n");
    expect_upstream(h, "# STARTTLS\r\n");
    bridge_upstream_input(
        h->bridge,
        SPAN_LITERAL("A1 OK begin\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n"),
        h->now_ms);
    upstream_says(h, "");
    expect_error(h, "SYS/PERM");
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_silence(h);
}

/* MAP-10: the certificate is wrong, behind STARTTLS. */
static void refuses_strangers_behind_starttls(void **state)
{
    struct harness *h = *state;

    connect_in_clear(h);
    upstream_says(h, "* OK [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n");
    expect_upstream(h, "# STARTTLS\r\n");
    upstream_says(h, "# OK begin\r\n");
    expect_wish(h, BRIDGE_START_UPSTREAM_TLS);
    outcome(h, BRIDGE_UPSTREAM_UNTRUSTED);
    expect_error(h, "SYS/PERM");
    expect_silence(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SESSION_TEST(upgrades_the_client),
        SESSION_TEST(refuses_injection_by_the_client),
        SESSION_TEST(refuses_clear_logins),
        SESSION_TEST(allows_clear_logins),
        SESSION_TEST(ends_with_the_handshake),
        SESSION_TEST(upgrades_the_upstream),
        SESSION_TEST(insists_on_starttls),
        SESSION_TEST(refuses_injection_by_the_upstream),
        SESSION_TEST(refuses_strangers_behind_starttls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
