/* What a client may log in with beside a password: a token that it has got by
 * itself.
 */
#include "support/exchange.h"

#include "base/base64.h"
#include "support/octets.h"

/* `user=rose^Aauth=Bearer t0ken^A^A` */
#define XOAUTH2_MESSAGE "dXNlcj1yb3NlAWF1dGg9QmVhcmVyIHQwa2VuAQE="
/* `n,a=rose,^Ahost=proxy.example^Aport=995^Aauth=Bearer t0ken^A^A` */
#define OAUTHBEARER_MESSAGE                                    \
    "bixhPXJvc2UsAWhvc3Q9cHJveHkuZXhhbXBsZQFwb3J0PTk5NQFhdXRo" \
    "PUJlYXJlciB0MGtlbgEB"
/* The same with imap.example.org and 993. */
#define OAUTHBEARER_UPSTREAM                                   \
    "bixhPXJvc2UsAWhvc3Q9aW1hcC5leGFtcGxlLm9yZwFwb3J0PTk5MwFh" \
    "dXRoPUJlYXJlciB0MGtlbgEB"
/* `{"status":"invalid_token"}` */
#define INVALID_TOKEN "+ eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIn0=\r\n"

/* IAUTH-10: what goes upstream names the upstream, whatever the client named. */
static void passes_a_token_on(void **state)
{
    struct harness *h = *state;

    begin_with(h, SASL_TOKEN_MECHANISMS);
    client_says(h, "AUTH OAUTHBEARER\r\n");
    expect_client(h, "+ \r\n");
    client_says(h, OAUTHBEARER_MESSAGE "\r\n");
    greet(h, "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=OAUTHBEARER] hi\r\n");
    expect_upstream(h,
                    "# AUTHENTICATE OAUTHBEARER " OAUTHBEARER_UPSTREAM "\r\n");
    expect_login(h);
}

/* By the way that the server has, whichever the client took. */
static void translates_between_the_ways(void **state)
{
    struct harness *h = *state;

    begin_with(h, SASL_TOKEN_MECHANISMS);
    client_says(h, "auth xoauth2 " XOAUTH2_MESSAGE "\r\n");
    greet(h, "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=OAUTHBEARER] hi\r\n");
    expect_upstream(h,
                    "# AUTHENTICATE OAUTHBEARER " OAUTHBEARER_UPSTREAM "\r\n");
    expect_login(h);
}

/* SASL-6: tokens are long. */
static void takes_a_long_token(void **state)
{
    struct harness *h = *state;
    struct buf message;
    struct buf line;

    begin_with(h, SASL_TOKEN_MECHANISMS);
    client_says(h, "AUTH XOAUTH2\r\n");
    expect_client(h, "+ \r\n");
    buf_init(&message, 20000);
    buf_init(&line, 20000);
    buf_append_string(&message, "user=rose\1auth=Bearer ");
    for (unsigned i = 0; i < 8192; i++)
        buf_append_octet(&message, (unsigned char)('a' + i % 26));
    buf_append_string(&message, "\1\1");
    assert_true(base64_encode(buf_span(&message), &line));
    buf_append_string(&line, "\r\n");
    client_says_octets(h, buf_span(&line));
    greet(h, "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] hi\r\n");
    expect_upstream(h, "# AUTHENTICATE XOAUTH2 ");
    buf_append_octet(&line, '\0');
    expect_upstream(h, (const char *)buf_span(&line).data);
    expect_login(h);
    buf_fini(&message);
    buf_fini(&line);
}

/* A token for which no server is asked. */
static void give_bad_token(struct harness *h)
{
    client_says(h, "AUTH XOAUTH2 " XOAUTH2_MESSAGE "\r\n");
    expect_wish(h, BRIDGE_ASK_LOGIN);
    deny_login(h, FAULT_CREDENTIALS, 0);
    expect_client(h, INVALID_TOKEN);
    expect_silence(h);
}

/* SASL-13: the client hears why in JSON, says something, and then it is refused;
 * which counts as one failure of three.
 */
static void refuses_a_token_in_two_steps(void **state)
{
    static const char *const answers[] = { "AQ==\r\n", "*\r\n", "\r\n" };
    struct harness *h = *state;

    h->decides_late = true;
    begin_with(h, SASL_TOKEN_MECHANISMS);
    for (size_t i = 0; i < ARRAY_LENGTH(answers); i++) {
        give_bad_token(h);
        client_says(h, answers[i]);
        expect_error(h, "AUTH");
    }
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_over(h, FAULT_TOO_MANY_LOGINS);
    assert_int_equal(bridge_report(h->bridge)->logins_failed, 3);
}

/* A line that cannot be read ends it just as well. */
static void refuses_it_after_any_line(void **state)
{
    struct harness *h = *state;
    struct buf line;

    h->decides_late = true;
    begin_with(h, SASL_TOKEN_MECHANISMS);
    give_bad_token(h);
    buf_init(&line, 40000);
    for (unsigned i = 0; i < 20000; i++)
        buf_append_octet(&line, 'A');
    buf_append_string(&line, "\r\n");
    client_says_octets(h, buf_span(&line));
    expect_error(h, "AUTH");
    give_bad_token(h);
    client_says_octets(h, SPAN_LITERAL("\1\2\r\n"));
    expect_error(h, "AUTH");
    client_says(h, "NOOP\r\n"); /* in AUTHORIZATION again */
    expect_error(h, NULL);
    buf_fini(&line);
}

/* What is not about the token is told at once. */
static void tells_other_refusals_at_once(void **state)
{
    struct harness *h = *state;

    h->decides_late = true;
    begin_with(h, SASL_TOKEN_MECHANISMS);
    client_says(h, "AUTH XOAUTH2 " XOAUTH2_MESSAGE "\r\n");
    expect_wish(h, BRIDGE_ASK_LOGIN);
    deny_login(h, FAULT_UPSTREAM_BUSY, 0);
    expect_error(h, "SYS/TEMP");
    expect_silence(h);
}

/* The server refuses it, and has it in its words that the client asked. */
static void refuses_what_the_server_refuses(void **state)
{
    struct harness *h = *state;

    begin_with(h, SASL_TOKEN_MECHANISMS);
    client_says(h, "AUTH XOAUTH2 " XOAUTH2_MESSAGE "\r\n");
    greet(h, "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] hi\r\n");
    expect_upstream(h, "# AUTHENTICATE XOAUTH2 " XOAUTH2_MESSAGE "\r\n");
    h->decides_late = true;
    upstream_says(h, "+ eyJzdGF0dXMiOiI0MDAifQ==\r\n");
    expect_upstream(h, "\r\n");
    upstream_says(h, "# NO no\r\n");
    expect_wish(h, BRIDGE_ASK_LOGIN);
    deny_login(h, FAULT_CREDENTIALS, 0); /* there is no other token */
    expect_upstream(h, "# LOGOUT\r\n");
    expect_client(h, INVALID_TOKEN);
    client_says(h, "AQ==\r\n");
    expect_error(h, "AUTH");
}

/* SASL-2, SASL-7: what is no such message. */
static void refuses_malformed_tokens(void **state)
{
    static const char *const lines[] = {
        "AUTH XOAUTH2 =\r\n",
        "AUTH XOAUTH2 dXNlcj0BYXV0aD1CZWFyZXIgdAEB\r\n",
        "AUTH OAUTHBEARER " XOAUTH2_MESSAGE "\r\n",
    };
    struct harness *h = *state;

    begin_with(h, SASL_TOKEN_MECHANISMS);
    for (size_t i = 0; i < ARRAY_LENGTH(lines); i++) {
        client_says(h, lines[i]);
        expect_error(h, "AUTH");
    }
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_over(h, FAULT_TOO_MANY_LOGINS);
}

/* SASL-12: not in clear, whatever a listener lets pass. */
static void keeps_tokens_under_tls(void **state)
{
    struct harness *h = *state;

    h->policy.client_tls = TLS_MODE_STARTTLS;
    h->policy.allow_plaintext_login = true;
    h->policy.early_upstream = NULL;
    begin_with(h, SASL_PASSWORD_MECHANISMS | SASL_TOKEN_MECHANISMS);
    client_says(h, "CAPA\r\n");
    expect_client(h, "+OK capability list follows\r\nTOP\r\nUIDL\r\n"
                     "RESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\nUSER\r\n"
                     "SASL PLAIN LOGIN\r\nSTLS\r\n.\r\n");
    client_says(h, "AUTH OAUTHBEARER\r\nAUTH XOAUTH2 " XOAUTH2_MESSAGE "\r\n");
    expect_error(h, NULL);
    expect_error(h, NULL);
    client_says(h, "STLS\r\n");
    expect_ok(h);
    expect_wish(h, BRIDGE_START_CLIENT_TLS);
    outcome(h, BRIDGE_CLIENT_TLS_UP);
    client_says(h, "CAPA\r\n");
    expect_client(h, "+OK capability list follows\r\nTOP\r\nUIDL\r\n"
                     "RESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\nUSER\r\n"
                     "SASL PLAIN LOGIN XOAUTH2 OAUTHBEARER\r\n.\r\n");
    client_says(h, "AUTH OAUTHBEARER\r\n");
    expect_client(h, "+ \r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SESSION_TEST(passes_a_token_on),
        SESSION_TEST(translates_between_the_ways),
        SESSION_TEST(takes_a_long_token),
        SESSION_TEST(refuses_a_token_in_two_steps),
        SESSION_TEST(refuses_it_after_any_line),
        SESSION_TEST(tells_other_refusals_at_once),
        SESSION_TEST(refuses_what_the_server_refuses),
        SESSION_TEST(refuses_malformed_tokens),
        SESSION_TEST(keeps_tokens_under_tls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
