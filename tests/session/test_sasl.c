/* SASL on the client's side. */
#include "support/session_harness.h"

static void finish_login(struct harness *h)
{
    upstream_says(h, "# OK [CAPABILITY IMAP4rev1] in\r\n");
    expect_wish(h, BRIDGE_LOCK);
    outcome(h, BRIDGE_LOCKED);
    expect_upstream(h, "# SELECT INBOX\r\n");
    upstream_says(h, "* 0 EXISTS\r\n# OK\r\n");
    expect_ok(h);
    quit(h);
}

/* SASL-1, SASL-3: AUTH PLAIN with and without initial response; the empty
 * challenge is a plus sign and one space.
 */
static void takes_auth_plain(void **state)
{
    struct harness *h = *state;

    begin(h);
    client_says(h, "AUTH PLAIN\r\n");
    expect_client(h, "+ \r\n");
    expect_wish(h, BRIDGE_CONNECT);
    outcome(h, BRIDGE_UPSTREAM_UP);
    upstream_says(h, "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n");
    client_says(h, "AHUAcA==\r\n");
    expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
    finish_login(h);
}

static void takes_auth_plain_at_once(void **state)
{
    struct harness *h = *state;

    begin(h);
    client_says(h, "auth plain dQB1AHA=\r\n"); /* SASL-10: to act as oneself */
    expect_wish(h, BRIDGE_CONNECT);
    outcome(h, BRIDGE_UPSTREAM_UP);
    upstream_says(h, "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n");
    expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
    finish_login(h);
}

/* SASL-4: the prompts of LOGIN are base64 too. */
static void takes_auth_login(void **state)
{
    struct harness *h = *state;

    begin(h);
    client_says(h, "AUTH LOGIN\r\n");
    expect_client(h, "+ VXNlcm5hbWU6\r\n");
    expect_wish(h, BRIDGE_CONNECT);
    client_says(h, "dQ==\r\n");
    expect_client(h, "+ UGFzc3dvcmQ6\r\n");
    client_says(h, "cA==\r\n");
    outcome(h, BRIDGE_UPSTREAM_UP);
    upstream_says(h, "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n");
    expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
    finish_login(h);
}

/* SASL-2, SASL-5, SASL-7, SASL-9, SASL-10, SASL-14: what is refused, and the
 * state is then as if AUTH had not been sent.
 */
static void refuses_bad_sasl(void **state)
{
    static const struct {
        const char *line;
        const char *code;
    } cases[] = {
        { "AUTH\r\n", NULL },
        { "AUTH FOO\r\n", NULL },
        { "AUTH CRAM-MD5\r\n", NULL },
        { "APOP u 0123456789abcdef\r\n", NULL },
    };
    static const struct {
        const char *line;
        const char *code;
    } responses[] = {
        { "*\r\n", NULL },       { "=AAA\r\n", NULL },
        { "AAA=BBB\r\n", NULL }, { "AHUA cA==\r\n", NULL },
        { "\r\n", "AUTH" },      { "AHUA\r\n", "AUTH" }, /* no password */
        { "dXA=\r\n", "AUTH" },                          /* no NUL */
    };
    struct harness *h = *state;

    begin(h);
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        client_says(h, cases[i].line);
        expect_error(h, cases[i].code);
    }
    expect_silence(h);
    client_says(h, "NOOP\r\nUSER u\r\n");
    expect_error(h, NULL);
    expect_ok(h);
    expect_wish(h, BRIDGE_CONNECT);
    for (size_t i = 0; i < 4; i++) {
        client_says(h, "AUTH PLAIN\r\n");
        expect_client(h, "+ \r\n");
        client_says(h, responses[i].line);
        expect_error(h, responses[i].code);
    }
    client_says(h, "CAPA x\r\nUSER u\r\n"); /* resets the errors in a row */
    expect_error(h, NULL);
    expect_ok(h);
    for (size_t i = 4; i < 6; i++) {
        client_says(h, "AUTH PLAIN\r\n");
        expect_client(h, "+ \r\n");
        client_says(h, responses[i].line);
        expect_error(h, responses[i].code);
    }
    expect_silence(h);
}

/* SASL-2: `=` is an empty response; SASL-10: nobody acts as another. */
static void refuses_empty_and_stranger(void **state)
{
    struct harness *h = *state;

    begin(h);
    client_says(h, "AUTH PLAIN =\r\n");
    expect_error(h, "AUTH");
    client_says(h, "AUTH PLAIN Ym9zcwB1AHA=\r\n");
    expect_error(h, "AUTH");
    expect_silence(h);
}

/* SASL-10: where the upstream is set up for it, the identity is passed on, and
 * it is that one's maildrop.
 */
static void passes_identities_on(void **state)
{
    struct harness *h = *state;

    h->passes_identities = true;
    begin(h);
    client_says(h, "AUTH PLAIN Ym9zcwB1AHA=\r\n");
    expect_wish(h, BRIDGE_CONNECT);
    outcome(h, BRIDGE_UPSTREAM_UP);
    upstream_says(h, "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n");
    expect_upstream(h, "# AUTHENTICATE PLAIN Ym9zcwB1AHA=\r\n");
    upstream_says(h, "# OK [CAPABILITY IMAP4rev1] in\r\n");
    assert_int_equal(h->wishes[0].user.len, 4);
    expect_wish(h, BRIDGE_LOCK);
}

/* SASL-6: a long response is read, a longer one is one error. */
static void limits_sasl_lines(void **state)
{
    struct harness *h = *state;
    struct buf line;

    begin(h);
    client_says(h, "AUTH PLAIN\r\n");
    expect_client(h, "+ \r\n");
    expect_wish(h, BRIDGE_CONNECT);
    buf_init(&line, 65536);
    for (unsigned i = 0; i < 8000; i++)
        buf_append_octet(&line, 'A');
    buf_append_string(&line, "\r\n");
    client_says_octets(h, buf_span(&line));
    expect_error(h, "AUTH"); /* base64, but three parts it has not */
    client_says(h, "AUTH PLAIN\r\n");
    expect_client(h, "+ \r\n");
    buf_consume(&line, 8002);
    for (unsigned i = 0; i < 20000; i++)
        buf_append_octet(&line, 'A');
    buf_append_string(&line, "\r\nCAPA x\r\n");
    client_says_octets(h, buf_span(&line));
    expect_error(h, NULL);
    expect_error(h, NULL);
    expect_silence(h);
    buf_fini(&line);
}

static void step_on(struct harness *h, const struct sasl_step *step)
{
    bridge_sasl(h->bridge, step, h->now_ms);
    client_takes(h, 0);
}

/* SASL-14: what CRAM-MD5 was answered by somebody whom a service is to judge: a
 * login as any other, that is asked about with the digest, and cannot be used
 * upstream as it is.
 */
static void asks_about_a_claim(void **state)
{
    static const struct {
        const char *user;
        const char *digest;
        bool is_asked;
    } claims[] = {
        { "u", "c4c9334b", true },
        { "", "c4c9334b", false },
        { "u", "c4c9\r\n", false },
    };
    struct harness *h = *state;

    h->decides_late = true;
    h->policy.mechanisms = BIT(SASL_CRAM_MD5);
    begin(h);
    for (size_t i = 0; i < ARRAY_LENGTH(claims); i++) {
        const struct sasl_step challenge = { .status = SASL_CHALLENGE,
                                             .text = SPAN_LITERAL("<1@x>") };
        const struct sasl_step claim = {
            .status = SASL_CLAIMED,
            .user = span_from_string(claims[i].user),
            .digest = span_from_string(claims[i].digest)
        };

        client_says(h, "AUTH CRAM-MD5\r\n");
        expect_wish(h, BRIDGE_SASL);
        step_on(h, &challenge);
        expect_client(h, "+ PDFAeD4=\r\n");
        client_says(h, "dSBjNGM5MzM0Yg==\r\n");
        expect_wish(h, BRIDGE_SASL);
        step_on(h, &claim);
        if (claims[i].is_asked) {
            assert_int_equal(h->wishes[0].credentials->kind, SECRET_CRAM_MD5);
            expect_wish(h, BRIDGE_ASK_LOGIN);
            grant_login(h);
            expect_wish(h, BRIDGE_CONNECT);
            outcome(h, BRIDGE_UPSTREAM_UP);
            upstream_says(h, "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n");
            expect_error(h, "SYS/PERM");
            expect_upstream(h, "# LOGOUT\r\n");
            outcome(h, BRIDGE_UPSTREAM_CLOSED);
            h->tag_count = 0;
        } else {
            expect_error(h, "AUTH");
        }
    }
    expect_wish(h, BRIDGE_CLOSE_CLIENT); /* three times */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SESSION_TEST(takes_auth_plain),
        SESSION_TEST(takes_auth_plain_at_once),
        SESSION_TEST(takes_auth_login),
        SESSION_TEST(refuses_bad_sasl),
        SESSION_TEST(refuses_empty_and_stranger),
        SESSION_TEST(passes_identities_on),
        SESSION_TEST(limits_sasl_lines),
        SESSION_TEST(asks_about_a_claim),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
