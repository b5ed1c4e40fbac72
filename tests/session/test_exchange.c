/* What a client may log in with beside a password: a proof of a secret that the
 * owner keeps.
 */
#include "support/exchange.h"

#include "support/octets.h"

#define TIMESTAMP "<1896.697170952@pop3>"

/* --- exchanges --- */

static void answer_sasl(struct harness *h, enum sasl_status status,
                        const char *text)
{
    const struct sasl_step step = { .status = status,
                                    .text = span_from_string(text),
                                    .user = SPAN_LITERAL("u"),
                                    .fault = FAULT_CREDENTIALS };

    bridge_sasl(h->bridge, &step, h->now_ms);
    client_takes(h, 0);
}

static void expect_sasl(struct harness *h, enum sasl_mechanism mechanism,
                        bool begins, const char *response)
{
    assert_true(h->wish_count > 0);
    assert_int_equal(h->wishes[0].mechanism, mechanism);
    assert_int_equal(h->wishes[0].begins, begins);
    assert_int_equal(h->wishes[0].has_response, response != NULL);
    assert_octets_string(h->wishes[0].response,
                         response != NULL ? response : "");
    expect_wish(h, BRIDGE_SASL);
    expect_silence(h);
}

static void expect_proven(struct harness *h)
{
    assert_true(h->wish_count > 0);
    assert_int_equal(h->wishes[0].credentials->kind, SECRET_PROVEN);
    assert_octets_string(buf_span(&h->wishes[0].credentials->user), "u");
    expect_wish(h, BRIDGE_ASK_LOGIN);
    expect_silence(h);
}

/* SASL-14: RFC 2195: the server begins; its challenge is the owner's. */
static void carries_cram_md5(void **state)
{
    struct harness *h = *state;

    h->decides_late = true;
    begin_with(h, BIT(SASL_CRAM_MD5));
    client_says(h, "AUTH CRAM-MD5\r\n");
    expect_sasl(h, SASL_CRAM_MD5, true, NULL);
    answer_sasl(h, SASL_CHALLENGE, TIMESTAMP);
    expect_client(h, "+ PDE4OTYuNjk3MTcwOTUyQHBvcDM+\r\n");
    client_says(h, "dSBjNGM5MzM0Yg==\r\n");
    expect_sasl(h, SASL_CRAM_MD5, false, "u c4c9334b");
    answer_sasl(h, SASL_PROVEN, "");
    expect_proven(h);
    deny_login(h, FAULT_UPSTREAM_BUSY, 0);
    expect_error(h, "SYS/TEMP");
}

/* RFC 5034 §4: the server's last word has a challenge of its own, which the
 * client answers with an empty line.
 */
static void carries_scram(void **state)
{
    static const char *const begins[] = {
        "AUTH SCRAM-SHA-256\r\n", "AUTH SCRAM-SHA-256 biwsbj11LHI9YWJj\r\n"
    };
    struct harness *h = *state;

    h->decides_late = true;
    begin_with(h, BIT(SASL_SCRAM_SHA_256));
    for (size_t i = 0; i < ARRAY_LENGTH(begins); i++) {
        client_says(h, begins[i]);
        if (i == 0) {
            expect_client(h, "+ \r\n");
            client_says(h, "biwsbj11LHI9YWJj\r\n");
        }
        expect_sasl(h, SASL_SCRAM_SHA_256, true, "n,,n=u,r=abc");
        answer_sasl(h, SASL_CHALLENGE, "r=abcdef,s=QQ==,i=4096");
        expect_client(h, "+ cj1hYmNkZWYscz1RUT09LGk9NDA5Ng==\r\n");
        client_says(h, "Yz1iaXdzLHI9YWJjZGVmLHA9eA==\r\n");
        expect_sasl(h, SASL_SCRAM_SHA_256, false, "c=biws,r=abcdef,p=x");
        answer_sasl(h, SASL_PROVEN, "v=sig");
        expect_client(h, "+ dj1zaWc=\r\n");
        expect_silence(h);
        client_says(h, "\r\n");
        expect_proven(h);
        deny_login(h, FAULT_UPSTREAM_BUSY, 0);
        expect_error(h, "SYS/TEMP");
    }
}

/* Who does not believe the server says `*`, and is not logged in. */
static void heeds_a_client_that_does_not_believe(void **state)
{
    struct harness *h = *state;

    begin_with(h, BIT(SASL_SCRAM_SHA_256));
    client_says(h, "AUTH SCRAM-SHA-256 biwsbj11LHI9YWJj\r\n");
    expect_sasl(h, SASL_SCRAM_SHA_256, true, "n,,n=u,r=abc");
    answer_sasl(h, SASL_PROVEN, "v=sig");
    expect_client(h, "+ dj1zaWc=\r\n");
    client_says(h, "*\r\n");
    expect_error(h, NULL);
    client_says(h, "AUTH SCRAM-SHA-256 biwsbj11LHI9YWJj\r\n");
    expect_sasl(h, SASL_SCRAM_SHA_256, true, "n,,n=u,r=abc");
    answer_sasl(h, SASL_PROVEN, "v=sig");
    expect_client(h, "+ dj1zaWc=\r\n");
    client_says(h, "dj1zaWc=\r\n"); /* it has nothing more to say */
    expect_error(h, "AUTH");
}

/* A proof that is none is as wrong as a password, and as slow to be refused. */
static void refuses_a_wrong_proof(void **state)
{
    struct harness *h = *state;

    h->policy.auth_failure_delay_ms = 1000;
    begin_with(h, BIT(SASL_CRAM_MD5));
    client_says(h, "AUTH CRAM-MD5\r\n");
    expect_sasl(h, SASL_CRAM_MD5, true, NULL);
    answer_sasl(h, SASL_CHALLENGE, "x");
    expect_client(h, "+ eA==\r\n");
    client_says(h, "dSBjNGM5MzM0Yg==\r\n");
    expect_sasl(h, SASL_CRAM_MD5, false, "u c4c9334b");
    answer_sasl(h, SASL_FAILED, "");
    expect_silence(h);
    assert_octets_string(h->notes[0].user, "u");
    time_passes(h, 1000);
    expect_error(h, "AUTH");
    expect_note(h, BRIDGE_NOTE_LOGIN_REFUSED, FAULT_CREDENTIALS);
    /* SASL-2: CRAM-MD5 has no initial response. */
    client_says(h, "AUTH CRAM-MD5 dSBjNGM5MzM0Yg==\r\n");
    time_passes(h, 2000);
    expect_error(h, "AUTH");
}

/* The owner's word comes when the session has ended: it is passed over. */
static void ends_within_an_exchange(void **state)
{
    static const struct {
        enum bridge_outcome outcome;
        enum fault fault;
    } cases[] = {
        { BRIDGE_SHUT_DOWN, FAULT_SHUTDOWN },
        { BRIDGE_CLIENT_CLOSED, FAULT_CLIENT_GONE },
        { BRIDGE_SHED, FAULT_SHED },
    };
    struct harness *h = *state;

    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        begin_with(h, BIT(SASL_CRAM_MD5));
        client_says(h, "AUTH CRAM-MD5\r\n");
        expect_sasl(h, SASL_CRAM_MD5, true, NULL);
        outcome(h, cases[i].outcome);
        if (cases[i].outcome == BRIDGE_SHUT_DOWN) {
            expect_error(h, "SYS/TEMP");
            expect_wish(h, BRIDGE_CLOSE_CLIENT);
        } else if (cases[i].outcome == BRIDGE_SHED) {
            expect_wish(h, BRIDGE_ABORT_CLIENT);
        }
        answer_sasl(h, SASL_PROVEN, "");
        expect_over(h, cases[i].fault);
        bridge_free(h->bridge);
        h->bridge = NULL;
        h->note_count = 0;
    }
    begin(h);
}

/* --- APOP --- */

#define DIGEST "c4c9334bac560ecc979e58001b3e22fb"

/* POP-1: RFC 1939 §7: the timestamp offers it, and goes to the owner with it. */
static void takes_apop(void **state)
{
    struct harness *h = *state;

    h->timestamp = TIMESTAMP;
    h->decides_late = true;
    begin(h);
    client_says(h, "APOP mrose " DIGEST "\r\n");
    assert_true(h->wish_count == 1);
    assert_octets_string(h->wishes[0].timestamp, TIMESTAMP);
    assert_int_equal(h->wishes[0].credentials->kind, SECRET_APOP);
    assert_octets_string(buf_span(&h->wishes[0].credentials->user), "mrose");
    assert_octets_string(buf_span(&h->wishes[0].credentials->secret), DIGEST);
    expect_wish(h, BRIDGE_ASK_LOGIN);
    deny_login(h, FAULT_CREDENTIALS, 0);
    expect_error(h, "AUTH");
    client_says(h, "APOP mrose c4c9334b\r\nAPOP mrose\r\n");
    expect_error(h, "AUTH");
    expect_error(h, NULL);
}

/* What a client has proven is granted with what is used upstream. */
static void logs_in_by_apop(void **state)
{
    struct harness *h = *state;
    struct credentials used;

    credentials_init(&used);
    assert_true(credentials_set_user(&used, SPAN_LITERAL("u")));
    assert_true(
        credentials_set_secret(&used, SECRET_PASSWORD, SPAN_LITERAL("p")));
    h->granted = &used;
    h->timestamp = TIMESTAMP;
    begin(h);
    client_says(h, "APOP mrose " DIGEST "\r\n");
    greet(h, "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n");
    expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
    expect_login(h);
    credentials_wipe(&used);
}

/* What is no secret for an upstream goes to none. */
static void keeps_proofs_from_the_upstream(void **state)
{
    struct harness *h = *state;

    h->timestamp = TIMESTAMP;
    begin(h); /* grants what the client gave */
    client_says(h, "APOP mrose " DIGEST "\r\n");
    greet(h, "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n");
    expect_upstream(h, "# LOGOUT\r\n");
    expect_error(h, "SYS/PERM");
}

/* SASL-14: without a timestamp there is none; nor in clear, where no login is. */
static void refuses_apop_where_it_is_not_offered(void **state)
{
    struct harness *h = *state;

    begin(h);
    client_says(h, "APOP mrose " DIGEST "\r\n");
    expect_error(h, NULL);
    bridge_free(h->bridge);
    h->policy.client_tls = TLS_MODE_STARTTLS;
    h->timestamp = TIMESTAMP;
    begin(h);
    client_says(h, "APOP mrose " DIGEST "\r\n");
    expect_error(h, NULL);
    expect_silence(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SESSION_TEST(carries_cram_md5),
        SESSION_TEST(carries_scram),
        SESSION_TEST(heeds_a_client_that_does_not_believe),
        SESSION_TEST(refuses_a_wrong_proof),
        SESSION_TEST(ends_within_an_exchange),
        SESSION_TEST(takes_apop),
        SESSION_TEST(logs_in_by_apop),
        SESSION_TEST(keeps_proofs_from_the_upstream),
        SESSION_TEST(refuses_apop_where_it_is_not_offered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
