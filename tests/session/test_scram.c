/* Logins upstream by SCRAM-SHA-256, bound to the channel and not; and servers
 * that do not play it by the rules.
 */
#include "support/session_harness.h"

#include <string.h>

#include "base/base64.h"
#include "imap/mechanism.h"
#include "support/octets.h"

#define NONCE "fyko+d2lbbFgONRv9qkxdawL"
#define NONCES NONCE "3rfcNHYJY1ZVvWVs7j"
#define FIRST "r=" NONCES ",s=QSXCR+Q6sek8bf92,i=4096"
#define BARE "n=u,r=" NONCE

#define OFFER_SCRAM "IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=SCRAM-SHA-256"
#define OFFER_BOTH OFFER_SCRAM " AUTH=SCRAM-SHA-256-PLUS"

/* What the proofs of these tests are made of; a server would know better. */
#define CLIENT_OCTET 0x11
#define SERVER_OCTET 0x22

static struct scram_proof good_proof(void)
{
    struct scram_proof proof = { .fault = FAULT_NONE };

    memset(proof.client, CLIENT_OCTET, sizeof(proof.client));
    memset(proof.server, SERVER_OCTET, sizeof(proof.server));
    return proof;
}

static void append_key(struct buf *text, unsigned char octet)
{
    unsigned char key[SCRAM_KEY_SIZE];

    memset(key, octet, sizeof(key));
    assert_true(base64_encode(span_make(key, sizeof(key)), text));
}

/* |before|, and |text| in base64, and the end of the line. */
static void write_line(struct buf *line, const char *before, struct span text)
{
    buf_append_string(line, before);
    assert_true(base64_encode(text, line));
    buf_append_string(line, "\r\n");
    buf_append_octet(line, '\0');
}

static void say_octets(struct harness *h, struct span text)
{
    struct buf line;

    buf_init(&line, 4096);
    write_line(&line, "+ ", text);
    upstream_says(h, (const char *)buf_span(&line).data);
    buf_fini(&line);
}

static void say(struct harness *h, const char *text)
{
    say_octets(h, span_from_string(text));
}

static void expect_message(struct harness *h, const char *before,
                           struct span message)
{
    struct buf line;

    buf_init(&line, 4096);
    write_line(&line, before, message);
    expect_upstream(h, (const char *)buf_span(&line).data);
    buf_fini(&line);
}

static void begin_scram(struct harness *h, bool can_bind)
{
    h->channel.has_binding = can_bind;
    memcpy(h->channel.nonce, NONCE, sizeof(NONCE));
    memset(h->channel.binding, 0xcb, sizeof(h->channel.binding));
    begin(h);
}

/* PASS, with such a server. */
static void offer(struct harness *h, const char *capabilities)
{
    h->server.capabilities = capabilities;
    connect_upstream(h);
    client_says(h, "PASS p\r\n");
}

static void expect_begun(struct harness *h, const char *mechanism,
                         const char *message)
{
    struct buf before;

    buf_init(&before, 256);
    buf_append_string(&before, "# AUTHENTICATE ");
    buf_append_string(&before, mechanism);
    buf_append_string(&before, " ");
    buf_append_octet(&before, '\0');
    expect_message(h, (const char *)buf_span(&before).data,
                   span_from_string(message));
    buf_fini(&before);
}

/* The last message of ours; |channel| is `c=`, and what follows it. */
static void expect_proof(struct harness *h, const char *channel)
{
    struct buf message;

    buf_init(&message, 1024);
    buf_append_string(&message, channel);
    buf_append_string(&message, ",r=" NONCES ",p=");
    append_key(&message, CLIENT_OCTET);
    expect_message(h, "", buf_span(&message));
    buf_fini(&message);
}

static void give_proof(struct harness *h)
{
    struct scram_proof proof = good_proof();

    expect_wish(h, BRIDGE_PROVE);
    prove(h, &proof);
}

/* The server's last word. */
static void say_signature(struct harness *h, unsigned char octet)
{
    struct buf message;

    buf_init(&message, 1024);
    buf_append_string(&message, "v=");
    append_key(&message, octet);
    say_octets(h, buf_span(&message));
    buf_fini(&message);
}

/* All up to the proof, which the server has. */
static void prove_unbound(struct harness *h)
{
    begin_scram(h, false);
    offer(h, OFFER_SCRAM);
    expect_begun(h, "SCRAM-SHA-256", "n,," BARE);
    say(h, FIRST);
    give_proof(h);
    expect_proof(h, "c=biws");
}

static void finish_login(struct harness *h)
{
    say_signature(h, SERVER_OCTET);
    expect_upstream(h, "\r\n");
    upstream_says(h, "# OK [CAPABILITY IMAP4rev1] in\r\n");
    expect_wish(h, BRIDGE_LOCK);
    outcome(h, BRIDGE_LOCKED);
    expect_upstream(h, "# SELECT INBOX\r\n");
    upstream_says(h, "* 0 EXISTS\r\n# OK\r\n");
    expect_ok(h);
    quit(h);
}

static void expect_refused(struct harness *h, const char *code)
{
    expect_upstream(h, "# LOGOUT\r\n");
    expect_error(h, code);
}

/* --- the course of it --- */

static void logs_in(void **state)
{
    struct harness *h = *state;

    prove_unbound(h);
    finish_login(h);
    assert_string_equal(bridge_report(h->bridge)->mechanism, "SCRAM-SHA-256");
}

/* IAUTH-1: without SASL-IR behind the empty challenge. */
static void waits_for_the_challenge(void **state)
{
    struct harness *h = *state;

    begin_scram(h, false);
    offer(h, "IMAP4rev1 AUTH=SCRAM-SHA-256 AUTH=PLAIN");
    expect_upstream(h, "# AUTHENTICATE SCRAM-SHA-256\r\n");
    upstream_says(h, "+ \r\n");
    expect_message(h, "", SPAN_LITERAL("n,," BARE));
    say(h, FIRST);
    give_proof(h);
    expect_proof(h, "c=biws");
    finish_login(h);
}

/* What the proof is to be made of. */
static void asks_for_the_proof(void **state)
{
    struct harness *h = *state;
    struct scram_proof proof = good_proof();
    struct scram_work work;

    begin_scram(h, false);
    offer(h, OFFER_SCRAM);
    expect_begun(h, "SCRAM-SHA-256", "n,," BARE);
    say(h, FIRST);
    work = h->wishes[0].scram;
    expect_wish(h, BRIDGE_PROVE);
    assert_octets_string(work.password, "p");
    assert_int_equal(work.iterations, 4096);
    assert_int_equal(work.salt.len, 12);
    assert_octets_string(work.message, BARE "," FIRST ",c=biws,r=" NONCES);
    expect_silence(h);
    prove(h, &proof);
    expect_proof(h, "c=biws");
    finish_login(h);
}

/* --- IAUTH-8: the channel --- */

static void binds_to_the_channel(void **state)
{
    struct harness *h = *state;
    unsigned char input[16 + SCRAM_BINDING_SIZE];
    struct buf channel;

    begin_scram(h, true);
    offer(h, OFFER_BOTH);
    expect_begun(h, "SCRAM-SHA-256-PLUS", "p=tls-exporter,," BARE);
    say(h, FIRST);
    give_proof(h);
    memcpy(input, "p=tls-exporter,,", 16);
    memset(input + 16, 0xcb, SCRAM_BINDING_SIZE);
    buf_init(&channel, 256);
    buf_append_string(&channel, "c=");
    assert_true(base64_encode(span_make(input, sizeof(input)), &channel));
    buf_append_octet(&channel, '\0');
    expect_proof(h, (const char *)buf_span(&channel).data);
    buf_fini(&channel);
    finish_login(h);
}

static void says_that_it_could_bind(void **state)
{
    struct harness *h = *state;

    begin_scram(h, true);
    offer(h, OFFER_SCRAM);
    expect_begun(h, "SCRAM-SHA-256", "y,," BARE);
    say(h, FIRST);
    give_proof(h);
    expect_proof(h, "c=eSws");
    finish_login(h);
}

/* TLS 1.2, or none. */
static void says_that_it_cannot_bind(void **state)
{
    struct harness *h = *state;

    begin_scram(h, false);
    offer(h, OFFER_BOTH);
    expect_begun(h, "SCRAM-SHA-256", "n,," BARE);
    say(h, FIRST);
    give_proof(h);
    expect_proof(h, "c=biws");
    finish_login(h);
}

/* To say that we could, and the server could not, would be a lie. */
static void does_not_bind_where_it_may_not(void **state)
{
    struct harness *h = *state;

    h->upstream_policy.mechanisms = BIT(IMAP_MECHANISM_SCRAM);
    begin_scram(h, true);
    offer(h, OFFER_BOTH);
    expect_begun(h, "SCRAM-SHA-256", "n,," BARE);
    say(h, FIRST);
    give_proof(h);
    expect_proof(h, "c=biws");
    finish_login(h);
}

/* What was offered of the channel before TLS does not count behind it. */
static void binds_behind_starttls(void **state)
{
    struct harness *h = *state;

    h->upstream_policy.tls = TLS_MODE_STARTTLS;
    begin_scram(h, false);
    h->server.capabilities = "IMAP4rev1 STARTTLS LOGINDISABLED";
    connect_upstream(h);
    expect_upstream(h, "# STARTTLS\r\n");
    upstream_says(h, "# OK go\r\n");
    expect_wish(h, BRIDGE_START_UPSTREAM_TLS);
    h->channel.has_binding = true;
    outcome(h, BRIDGE_UPSTREAM_TLS_UP);
    expect_upstream(h, "# CAPABILITY\r\n");
    upstream_says(h, "* CAPABILITY " OFFER_BOTH "\r\n# OK\r\n");
    client_says(h, "PASS p\r\n");
    expect_begun(h, "SCRAM-SHA-256-PLUS", "p=tls-exporter,," BARE);
    upstream_says(h, "# NO [AUTHENTICATIONFAILED] no\r\n");
    expect_refused(h, "AUTH");
}

/* --- DEC-19: the choice --- */

/* A part is enough to see which it is. */
static void expect_choice(struct harness *h, const char *capabilities,
                          bool can_bind, const char *chosen)
{
    struct buf begin_of_line;

    begin_scram(h, can_bind);
    offer(h, capabilities);
    buf_init(&begin_of_line, 256);
    buf_append_string(&begin_of_line, "# ");
    buf_append_string(&begin_of_line, chosen);
    buf_append_octet(&begin_of_line, '\0');
    expect_upstream(h, (const char *)buf_span(&begin_of_line).data);
    buf_clear(&h->upstream);
    buf_fini(&begin_of_line);
    upstream_says(h, "# NO no\r\n");
    expect_refused(h, "AUTH"); /* and no second try by a weaker one */
    expect_silence(h);
    client_says(h, "QUIT\r\n");
    upstream_says(h, "* BYE\r\n# OK\r\n");
    expect_ok(h);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    bridge_free(h->bridge);
    h->bridge = NULL;
}

static void chooses_the_strongest(void **state)
{
    struct harness *h = *state;
    const char *both = OFFER_BOTH;

    expect_choice(h, both, true, "AUTHENTICATE SCRAM-SHA-256-PLUS ");
    expect_choice(h, both, false, "AUTHENTICATE SCRAM-SHA-256 ");
    expect_choice(h, "IMAP4rev1 AUTH=PLAIN AUTH=SCRAM-SHA-256-PLUS", false,
                  "AUTHENTICATE PLAIN");
    expect_choice(h, "IMAP4rev1 AUTH=SCRAM-SHA-1 AUTH=PLAIN", true,
                  "AUTHENTICATE PLAIN");
    h->upstream_policy.mechanisms = BIT(IMAP_MECHANISM_PLAIN);
    expect_choice(h, both, true, "AUTHENTICATE PLAIN");
    h->upstream_policy.mechanisms =
        BIT(IMAP_MECHANISM_PLAIN) | BIT(IMAP_MECHANISM_SCRAM_PLUS);
    expect_choice(h, both, true, "AUTHENTICATE SCRAM-SHA-256-PLUS ");
    expect_choice(h, both, false, "AUTHENTICATE PLAIN");
    h->upstream_policy.mechanisms = BIT(IMAP_MECHANISM_LOGIN);
    expect_choice(h, both, false, "LOGIN ");
}

static void expect_no_choice(struct harness *h)
{
    begin_scram(h, true);
    offer(h, OFFER_BOTH);
    expect_refused(h, "SYS/PERM");
    expect_note(h, BRIDGE_NOTE_LOGIN_REFUSED, FAULT_UPSTREAM_NO_LOGIN);
}

static void finds_nothing_that_it_may_use(void **state)
{
    struct harness *h = *state;

    h->upstream_policy.mechanisms = BIT(IMAP_MECHANISM_XOAUTH2);
    expect_no_choice(h);
}

/* --- IAUTH-5: the server's signature --- */

static void expect_unproven(struct harness *h)
{
    expect_refused(h, "SYS/PERM");
    expect_note(h, BRIDGE_NOTE_LOGIN_REFUSED, FAULT_UPSTREAM_UNPROVEN);
    assert_true(fault_is_alarm(FAULT_UPSTREAM_UNPROVEN));
    expect_silence(h);
}

static void refuses_a_wrong_signature(void **state)
{
    struct harness *h = *state;

    prove_unbound(h);
    say_signature(h, CLIENT_OCTET);
    expect_upstream(h, "*\r\n");
    upstream_says(h, "# OK [CAPABILITY IMAP4rev1] in\r\n");
    expect_unproven(h);
    expect_note(h, BRIDGE_NOTE_UPSTREAM_TEXT, FAULT_UPSTREAM_UNPROVEN);
}

static void refuses_a_missing_signature(void **state)
{
    struct harness *h = *state;

    prove_unbound(h);
    upstream_says(h, "# OK [CAPABILITY IMAP4rev1] in\r\n");
    expect_unproven(h);
}

static void refuses_a_login_without_a_proof(void **state)
{
    struct harness *h = *state;

    begin_scram(h, false);
    offer(h, OFFER_SCRAM);
    expect_begun(h, "SCRAM-SHA-256", "n,," BARE);
    upstream_says(h, "# OK [CAPABILITY IMAP4rev1] in\r\n");
    expect_unproven(h);
}

static void refuses_ok_behind_an_error(void **state)
{
    struct harness *h = *state;

    prove_unbound(h);
    say(h, "e=other-error");
    expect_upstream(h, "\r\n");
    upstream_says(h, "# OK [CAPABILITY IMAP4rev1] in\r\n");
    expect_unproven(h);
}

/* The server speaks on before it has the proof. */
static void passes_over_a_proof_that_comes_too_late(void **state)
{
    struct harness *h = *state;
    struct scram_proof proof = good_proof();

    begin_scram(h, false);
    offer(h, OFFER_SCRAM);
    expect_begun(h, "SCRAM-SHA-256", "n,," BARE);
    say(h, FIRST);
    expect_wish(h, BRIDGE_PROVE);
    upstream_says(h, "# OK [CAPABILITY IMAP4rev1] in\r\n");
    expect_unproven(h);
    prove(h, &proof);
    expect_silence(h);
}

/* All in one piece: nobody has to work for that. */
static void needs_no_proof_where_it_is_over(void **state)
{
    struct harness *h = *state;

    begin_scram(h, false);
    offer(h, OFFER_SCRAM);
    expect_begun(h, "SCRAM-SHA-256", "n,," BARE);
    h->octet_by_octet = false;
    upstream_says(h, "+ cj1meWtvK2QybGJiRmdPTlJ2OXFreGRhd0wzcmZjTkhZSlkxWlZ2"
                     "V1ZzN2oscz1RU1hDUitRNnNlazhiZjkyLGk9NDA5Ng==\r\n"
                     "# NO [AUTHENTICATIONFAILED] no\r\n");
    expect_refused(h, "AUTH");
    expect_silence(h);
}

/* --- what else goes wrong --- */

static void a_wrong_password_is_wrong(void **state)
{
    struct harness *h = *state;

    prove_unbound(h);
    upstream_says(h, "# NO [AUTHENTICATIONFAILED] no\r\n");
    expect_refused(h, "AUTH");
    expect_note(h, BRIDGE_NOTE_LOGIN_REFUSED, FAULT_CREDENTIALS);
}

static void expect_error_of(struct harness *h, const char *message,
                            const char *code, enum fault fault)
{
    prove_unbound(h);
    say(h, message);
    expect_upstream(h, "\r\n");
    upstream_says(h, "# NO [AUTHENTICATIONFAILED] no\r\n");
    expect_refused(h, code);
    expect_note(h, BRIDGE_NOTE_LOGIN_REFUSED, fault);
}

/* MAP-1 */
static void hears_that_the_proof_is_wrong(void **state)
{
    expect_error_of(*state, "e=invalid-proof", "AUTH", FAULT_CREDENTIALS);
}

/* Somebody in between has offered less than the server does. */
static void hears_that_the_offer_was_not_the_servers(void **state)
{
    expect_error_of(*state, "e=server-does-support-channel-binding", "SYS/PERM",
                    FAULT_UPSTREAM_UNPROVEN);
}

static void hears_that_the_server_is_busy(void **state)
{
    expect_error_of(*state, "e=no-resources", "SYS/TEMP", FAULT_UPSTREAM_BUSY);
}

/* A code that says more than wrong has the last word: MAP-2. */
static void an_outage_is_an_outage(void **state)
{
    struct harness *h = *state;

    prove_unbound(h);
    say(h, "e=other-error");
    expect_upstream(h, "\r\n");
    upstream_says(h, "# NO [UNAVAILABLE] later\r\n");
    expect_refused(h, "SYS/TEMP");
}

/* The password is right, and the account may not. */
static void is_refused_behind_its_signature(void **state)
{
    struct harness *h = *state;

    prove_unbound(h);
    say_signature(h, SERVER_OCTET);
    expect_upstream(h, "\r\n");
    upstream_says(h, "# NO [AUTHORIZATIONFAILED] no\r\n");
    expect_refused(h, "AUTH");
}

/* IAUTH-3: `*`, and what comes then does not matter. */
static void expect_given_up(struct harness *h, const char *message,
                            const char *code, enum fault fault)
{
    begin_scram(h, false);
    offer(h, OFFER_SCRAM);
    expect_begun(h, "SCRAM-SHA-256", "n,," BARE);
    upstream_says(h, message);
    expect_upstream(h, "*\r\n");
    expect_silence(h);
    upstream_says(h, "# BAD cancelled\r\n");
    expect_refused(h, code);
    expect_note(h, BRIDGE_NOTE_LOGIN_REFUSED, fault);
}

/* IAUTH-4: `r=Fyko...`, the case of one letter is another. */
static void gives_up_at_an_altered_nonce(void **state)
{
    expect_given_up(*state,
                    "+ cj1GeWtvK2QybGJiRmdPTlJ2OXFreGRhd0wzcmYscz1RU1hDLGk9"
                    "NDA5Ng==\r\n",
                    "SYS/PERM", FAULT_UPSTREAM_UNPROVEN);
}

static void gives_up_at_broken_base64(void **state)
{
    expect_given_up(*state, "+ cj1?\r\n", "SYS/TEMP", FAULT_UPSTREAM_GARBLED);
}

static void gives_up_at_an_empty_message(void **state)
{
    expect_given_up(*state, "+ \r\n", "SYS/TEMP", FAULT_UPSTREAM_GARBLED);
}

/* IAUTH-6: `m=x,` and the rest. */
static void gives_up_at_an_extension(void **state)
{
    struct harness *h = *state;

    begin_scram(h, false);
    offer(h, OFFER_SCRAM);
    expect_begun(h, "SCRAM-SHA-256", "n,," BARE);
    say(h, "m=x," FIRST);
    expect_upstream(h, "*\r\n");
    upstream_says(h, "# BAD cancelled\r\n");
    expect_refused(h, "SYS/PERM");
    expect_note(h, BRIDGE_NOTE_UPSTREAM_TEXT, FAULT_UPSTREAM_MISFIT);
}

/* IAUTH-7: nobody works for such a server. */
static void gives_up_at_too_many_iterations(void **state)
{
    struct harness *h = *state;

    begin_scram(h, false);
    offer(h, OFFER_SCRAM);
    expect_begun(h, "SCRAM-SHA-256", "n,," BARE);
    say(h, "r=" NONCES ",s=QSXCR+Q6sek8bf92,i=1000000000");
    expect_upstream(h, "*\r\n");
    expect_silence(h);
    upstream_says(h, "# BAD cancelled\r\n");
    expect_refused(h, "SYS/PERM");
}

/* A challenge while it is our turn, and one after the last. */
static void gives_up_at_a_challenge_too_many(void **state)
{
    struct harness *h = *state;
    struct scram_proof proof = good_proof();

    begin_scram(h, false);
    offer(h, OFFER_SCRAM);
    expect_begun(h, "SCRAM-SHA-256", "n,," BARE);
    say(h, FIRST);
    expect_wish(h, BRIDGE_PROVE);
    say(h, FIRST);
    expect_upstream(h, "*\r\n");
    prove(h, &proof);
    expect_silence(h);
    upstream_says(h, "# BAD cancelled\r\n");
    expect_refused(h, "SYS/TEMP");
}

static void gives_up_at_a_second_signature(void **state)
{
    struct harness *h = *state;

    prove_unbound(h);
    say_signature(h, SERVER_OCTET);
    expect_upstream(h, "\r\n");
    say_signature(h, SERVER_OCTET);
    expect_upstream(h, "*\r\n");
    upstream_says(h, "# OK in\r\n");
    expect_refused(h, "SYS/TEMP");
}

/* --- the owner --- */

static void is_too_busy_to_prove(void **state)
{
    struct harness *h = *state;
    struct scram_proof none = { .fault = FAULT_VERIFY_BUSY };

    begin_scram(h, false);
    offer(h, OFFER_SCRAM);
    expect_begun(h, "SCRAM-SHA-256", "n,," BARE);
    say(h, FIRST);
    expect_wish(h, BRIDGE_PROVE);
    prove(h, &none);
    expect_upstream(h, "*\r\n");
    upstream_says(h, "# BAD cancelled\r\n");
    expect_refused(h, "SYS/TEMP");
    expect_note(h, BRIDGE_NOTE_LOGIN_REFUSED, FAULT_VERIFY_BUSY);
}

/* Our time is not the server's: it is not silent while we think. */
static void takes_its_time_to_prove(void **state)
{
    struct harness *h = *state;

    begin_scram(h, false);
    offer(h, OFFER_SCRAM);
    expect_begun(h, "SCRAM-SHA-256", "n,," BARE);
    say(h, FIRST);
    time_passes(h, 100000);
    give_proof(h);
    expect_proof(h, "c=biws");
    time_passes(h, 59000);
    finish_login(h);
}

static void the_client_leaves_meanwhile(void **state)
{
    struct harness *h = *state;
    struct scram_proof proof = good_proof();

    begin_scram(h, false);
    offer(h, OFFER_SCRAM);
    expect_begun(h, "SCRAM-SHA-256", "n,," BARE);
    say(h, FIRST);
    expect_wish(h, BRIDGE_PROVE);
    outcome(h, BRIDGE_CLIENT_CLOSED);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    prove(h, &proof);
    expect_over(h, FAULT_CLIENT_GONE);
}

static void the_server_leaves_meanwhile(void **state)
{
    struct harness *h = *state;
    struct scram_proof proof = good_proof();

    begin_scram(h, false);
    offer(h, OFFER_SCRAM);
    expect_begun(h, "SCRAM-SHA-256", "n,," BARE);
    say(h, FIRST);
    expect_wish(h, BRIDGE_PROVE);
    outcome(h, BRIDGE_UPSTREAM_CLOSED);
    expect_error(h, "SYS/TEMP");
    prove(h, &proof);
    expect_silence(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SESSION_TEST(logs_in),
        SESSION_TEST(waits_for_the_challenge),
        SESSION_TEST(asks_for_the_proof),
        SESSION_TEST(binds_to_the_channel),
        SESSION_TEST(says_that_it_could_bind),
        SESSION_TEST(says_that_it_cannot_bind),
        SESSION_TEST(does_not_bind_where_it_may_not),
        SESSION_TEST(binds_behind_starttls),
        SESSION_TEST(chooses_the_strongest),
        SESSION_TEST(finds_nothing_that_it_may_use),
        SESSION_TEST(refuses_a_wrong_signature),
        SESSION_TEST(refuses_a_missing_signature),
        SESSION_TEST(refuses_a_login_without_a_proof),
        SESSION_TEST(refuses_ok_behind_an_error),
        SESSION_TEST(passes_over_a_proof_that_comes_too_late),
        SESSION_TEST(needs_no_proof_where_it_is_over),
        SESSION_TEST(a_wrong_password_is_wrong),
        SESSION_TEST(hears_that_the_proof_is_wrong),
        SESSION_TEST(hears_that_the_offer_was_not_the_servers),
        SESSION_TEST(hears_that_the_server_is_busy),
        SESSION_TEST(an_outage_is_an_outage),
        SESSION_TEST(is_refused_behind_its_signature),
        SESSION_TEST(gives_up_at_an_altered_nonce),
        SESSION_TEST(gives_up_at_broken_base64),
        SESSION_TEST(gives_up_at_an_empty_message),
        SESSION_TEST(gives_up_at_an_extension),
        SESSION_TEST(gives_up_at_too_many_iterations),
        SESSION_TEST(gives_up_at_a_challenge_too_many),
        SESSION_TEST(gives_up_at_a_second_signature),
        SESSION_TEST(is_too_busy_to_prove),
        SESSION_TEST(takes_its_time_to_prove),
        SESSION_TEST(the_client_leaves_meanwhile),
        SESSION_TEST(the_server_leaves_meanwhile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
