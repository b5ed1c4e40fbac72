/* Logins upstream by a bearer's token: OAUTHBEARER, XOAUTH2; and tokens that the
 * server does not take.
 */
#include "support/session_harness.h"

#include "support/octets.h"

/* `n,a=rose,^Ahost=imap.example.org^Aport=993^Aauth=Bearer t0ken^A^A` */
#define OAUTHBEARER_MESSAGE                                    \
    "bixhPXJvc2UsAWhvc3Q9aW1hcC5leGFtcGxlLm9yZwFwb3J0PTk5MwFh" \
    "dXRoPUJlYXJlciB0MGtlbgEB"
/* The same with imap2.example.org and 1993. */
#define OAUTHBEARER_SECOND                                     \
    "bixhPXJvc2UsAWhvc3Q9aW1hcDIuZXhhbXBsZS5vcmcBcG9ydD0xOTkz" \
    "AWF1dGg9QmVhcmVyIHQwa2VuAQE="
/* `user=rose^Aauth=Bearer t0ken^A^A`, and with `fresh` */
#define XOAUTH2_MESSAGE "dXNlcj1yb3NlAWF1dGg9QmVhcmVyIHQwa2VuAQE="
#define XOAUTH2_FRESH "dXNlcj1yb3NlAWF1dGg9QmVhcmVyIGZyZXNoAQE="
/* `{"status":"401"}` */
#define ERROR_CHALLENGE "+ eyJzdGF0dXMiOiI0MDEifQ==\r\n"

static struct credentials token;

static void set_token(const char *secret)
{
    credentials_wipe(&token);
    assert_true(credentials_set_user(&token, SPAN_LITERAL("rose")));
    assert_true(
        credentials_set_secret(&token, SECRET_TOKEN, span_from_string(secret)));
}

/* The device gives a password of its own; upstream goes a token. */
static void begin_with_token(struct harness *h)
{
    set_token("t0ken");
    h->granted = &token;
    begin(h);
}

static void end_with_token(struct harness *h)
{
    credentials_wipe(&token);
    h->granted = NULL;
}

static void offer(struct harness *h, const char *capabilities)
{
    h->server.capabilities = capabilities;
    connect_upstream(h);
    client_says(h, "PASS p\r\n");
}

static void finish_login(struct harness *h)
{
    upstream_says(h, "# OK [CAPABILITY IMAP4rev1] in\r\n");
    assert_octets_string(h->wishes[0].user, "rose");
    expect_wish(h, BRIDGE_LOCK);
    outcome(h, BRIDGE_LOCKED);
    expect_upstream(h, "# SELECT INBOX\r\n");
    upstream_says(h, "* 0 EXISTS\r\n# OK\r\n");
    expect_ok(h);
    quit(h);
    end_with_token(h);
}

/* IAUTH-10: the host and the port are those that were asked. */
static void logs_in_by_oauthbearer(void **state)
{
    struct harness *h = *state;

    begin_with_token(h);
    offer(h, "IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=XOAUTH2 AUTH=OAUTHBEARER");
    expect_upstream(h,
                    "# AUTHENTICATE OAUTHBEARER " OAUTHBEARER_MESSAGE "\r\n");
    finish_login(h);
}

/* IAUTH-1: without SASL-IR behind the empty challenge. */
static void waits_for_the_challenge(void **state)
{
    struct harness *h = *state;

    begin_with_token(h);
    offer(h, "IMAP4rev1 AUTH=OAUTHBEARER");
    expect_upstream(h, "# AUTHENTICATE OAUTHBEARER\r\n");
    upstream_says(h, "+ \r\n");
    expect_upstream(h, OAUTHBEARER_MESSAGE "\r\n");
    finish_login(h);
}

/* IAUTH-11 */
static void logs_in_by_xoauth2(void **state)
{
    struct harness *h = *state;

    begin_with_token(h);
    offer(h, "IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=XOAUTH2");
    expect_upstream(h, "# AUTHENTICATE XOAUTH2 " XOAUTH2_MESSAGE "\r\n");
    finish_login(h);
}

/* A name with what has a meaning in the message: RFC 5801 §4. */
static void escapes_the_name(void **state)
{
    struct harness *h = *state;

    begin_with_token(h);
    assert_true(credentials_set_user(&token, SPAN_LITERAL("a=b,c")));
    h->reached = (struct server_name){ "h", 1 };
    offer(h, "IMAP4rev1 SASL-IR AUTH=OAUTHBEARER");
    /* `n,a=a=3Db=2Cc,^Ahost=h^Aport=1^Aauth=Bearer t0ken^A^A` */
    expect_upstream(h, "# AUTHENTICATE OAUTHBEARER "
                       "bixhPWE9M0RiPTJDYywBaG9zdD1oAXBvcnQ9MQFhdXRoPUJlYXJl"
                       "ciB0MGtlbgEB\r\n");
    upstream_says(h, "# BAD no\r\n");
    expect_upstream(h, "# LOGOUT\r\n");
    expect_error(h, "SYS/PERM");
    end_with_token(h);
}

/* DEC-19: a token is no password: it goes by neither PLAIN nor LOGIN. */
static void keeps_a_token_from_passwords_ways(void **state)
{
    static const char *const offers[] = { "IMAP4rev1 SASL-IR AUTH=PLAIN",
                                          "IMAP4rev1" };
    struct harness *h = *state;

    for (size_t i = 0; i < ARRAY_LENGTH(offers); i++) {
        begin_with_token(h);
        offer(h, offers[i]);
        expect_upstream(h, "# LOGOUT\r\n");
        expect_error(h, "SYS/PERM");
        expect_note(h, BRIDGE_NOTE_LOGIN_REFUSED, FAULT_UPSTREAM_NO_LOGIN);
        expect_silence(h);
        bridge_free(h->bridge);
        h->bridge = NULL;
        h->note_count = 0;
        h->tag_count = 0;
    }
    end_with_token(h);
}

/* A password goes by neither of the tokens' ways. */
static void keeps_a_password_from_tokens_ways(void **state)
{
    struct harness *h = *state;

    begin(h);
    offer(h, "IMAP4rev1 SASL-IR LOGINDISABLED AUTH=XOAUTH2 AUTH=OAUTHBEARER");
    expect_upstream(h, "# LOGOUT\r\n");
    expect_error(h, "SYS/PERM");
}

/* --- a token that is refused --- */

static const struct bridge_wish *text_note(const struct harness *h)
{
    for (unsigned i = 0; i < h->note_count; i++)
        if (h->notes[i].note == BRIDGE_NOTE_UPSTREAM_TEXT)
            return &h->notes[i];
    return NULL;
}

/* The owner is asked once more, and has a fresh one: the client notices nothing.
 */
static void tries_a_fresh_token(void **state)
{
    struct harness *h = *state;

    begin_with_token(h);
    offer(h, "IMAP4rev1 SASL-IR AUTH=XOAUTH2");
    expect_upstream(h, "# AUTHENTICATE XOAUTH2 " XOAUTH2_MESSAGE "\r\n");
    h->decides_late = true;
    upstream_says(h, ERROR_CHALLENGE);
    expect_upstream(h, "\r\n");
    assert_non_null(text_note(h));
    upstream_says(h, "# NO [AUTHENTICATIONFAILED] no\r\n");
    assert_true(h->wish_count == 1 && h->wishes[0].again);
    assert_octets_string(h->wishes[0].user, "u");
    expect_wish(h, BRIDGE_ASK_LOGIN);
    expect_silence(h);
    set_token("fresh");
    grant_login(h);
    expect_upstream(h, "# AUTHENTICATE XOAUTH2 " XOAUTH2_FRESH "\r\n");
    finish_login(h);
}

/* IAUTH-10: ^A answers the error. And once is once: then it is the client's. */
static void gives_up_on_the_second(void **state)
{
    struct harness *h = *state;

    begin_with_token(h);
    offer(h, "IMAP4rev1 SASL-IR AUTH=OAUTHBEARER");
    for (unsigned i = 0; i < 2; i++) {
        expect_upstream(h, "# AUTHENTICATE OAUTHBEARER " OAUTHBEARER_MESSAGE
                           "\r\n");
        upstream_says(h, ERROR_CHALLENGE);
        expect_upstream(h, "AQ==\r\n");
        upstream_says(h, "# NO no\r\n");
    }
    expect_upstream(h, "# LOGOUT\r\n");
    expect_error(h, "AUTH");
    expect_note(h, BRIDGE_NOTE_LOGIN_REFUSED, FAULT_TOKEN_REFUSED);
    upstream_says(h, "# OK out\r\n");
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    /* The next login is a new one, and may ask again. */
    client_says(h, "USER u\r\nPASS p\r\n");
    expect_ok(h);
    expect_wish(h, BRIDGE_CONNECT);
    outcome(h, BRIDGE_UPSTREAM_UP);
    upstream_says(h, "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] hi\r\n");
    expect_upstream(h, "# AUTHENTICATE XOAUTH2 " XOAUTH2_MESSAGE "\r\n");
    h->decides_late = true;
    upstream_says(h, "# NO no\r\n");
    assert_true(h->wish_count == 1 && h->wishes[0].again);
    expect_wish(h, BRIDGE_ASK_LOGIN);
    deny_login(h, FAULT_CREDENTIALS, 0);
    expect_upstream(h, "# LOGOUT\r\n");
    expect_error(h, "AUTH");
    end_with_token(h);
}

/* Other refusals say nothing of the token: they are what they are. */
static void asks_again_for_tokens_only(void **state)
{
    static const struct {
        const char *answer;
        const char *code;
    } cases[] = {
        { "# NO [UNAVAILABLE] later\r\n", "SYS/TEMP" },
        { "# NO [CONTACTADMIN] ask\r\n", "SYS/PERM" },
        { "# BAD what\r\n", "SYS/PERM" },
    };
    struct harness *h = *state;

    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        begin_with_token(h);
        offer(h, "IMAP4rev1 SASL-IR AUTH=XOAUTH2");
        expect_upstream(h, "# AUTHENTICATE XOAUTH2 " XOAUTH2_MESSAGE "\r\n");
        h->decides_late = true;
        upstream_says(h, cases[i].answer);
        expect_upstream(h, "# LOGOUT\r\n");
        expect_error(h, cases[i].code);
        h->decides_late = false;
        bridge_free(h->bridge);
        h->bridge = NULL;
        h->note_count = 0;
        h->tag_count = 0;
    }
    end_with_token(h);
}

/* The server has had enough while the owner looks for a fresh one: a new
 * connection is made for that.
 */
static void connects_anew_for_a_fresh_token(void **state)
{
    struct harness *h = *state;

    begin_with_token(h);
    offer(h, "IMAP4rev1 SASL-IR AUTH=XOAUTH2");
    expect_upstream(h, "# AUTHENTICATE XOAUTH2 " XOAUTH2_MESSAGE "\r\n");
    h->decides_late = true;
    upstream_says(h, "# NO no\r\n");
    expect_wish(h, BRIDGE_ASK_LOGIN);
    outcome(h, BRIDGE_UPSTREAM_CLOSED);
    expect_note(h, BRIDGE_NOTE_UPSTREAM_LOST, FAULT_UPSTREAM_GONE);
    expect_silence(h);
    set_token("fresh");
    grant_login(h);
    expect_wish(h, BRIDGE_CONNECT);
    outcome(h, BRIDGE_UPSTREAM_UP);
    upstream_says(h, "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] hi\r\n");
    expect_upstream(h, "# AUTHENTICATE XOAUTH2 " XOAUTH2_FRESH "\r\n");
    finish_login(h);
}

/* IAUTH-10: of an upstream that is made of several, each connection names the
 * server that it was made to.
 */
static void names_the_server_that_was_reached(void **state)
{
    static const char greeting[] =
        "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=OAUTHBEARER] hi\r\n";
    struct harness *h = *state;

    begin_with_token(h);
    offer(h, "IMAP4rev1 SASL-IR AUTH=OAUTHBEARER");
    expect_upstream(h,
                    "# AUTHENTICATE OAUTHBEARER " OAUTHBEARER_MESSAGE "\r\n");
    outcome(h, BRIDGE_UPSTREAM_CLOSED);
    expect_error(h, "SYS/TEMP");
    h->tag_count = 0;
    h->reached = (struct server_name){ "imap2.example.org", 1993 };
    client_says(h, "USER u\r\nPASS p\r\n");
    expect_ok(h);
    expect_wish(h, BRIDGE_CONNECT);
    outcome(h, BRIDGE_UPSTREAM_UP);
    upstream_says(h, greeting);
    expect_upstream(h, "# AUTHENTICATE OAUTHBEARER " OAUTHBEARER_SECOND "\r\n");
    finish_login(h);
}

/* A connection rests under the token that BRIDGE_REUSE named, and that was
 * refused: this one does not rest.
 */
static void does_not_park_under_a_refused_token(void **state)
{
    struct harness *h = *state;

    h->upstream_policy.upstream_reuse_ms = 90000;
    begin_with_token(h);
    client_says(h, "USER u\r\nPASS p\r\n");
    expect_ok(h);
    expect_wish(h, BRIDGE_REUSE);
    bridge_reuse(h->bridge, NULL, h->now_ms);
    client_takes(h, 0);
    expect_wish(h, BRIDGE_CONNECT);
    outcome(h, BRIDGE_UPSTREAM_UP);
    upstream_says(h, "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] hi\r\n");
    expect_upstream(h, "# AUTHENTICATE XOAUTH2 " XOAUTH2_MESSAGE "\r\n");
    set_token("fresh");
    upstream_says(h, "# NO no\r\n");
    expect_upstream(h, "# AUTHENTICATE XOAUTH2 " XOAUTH2_FRESH "\r\n");
    finish_login(h); /* quit() expects LOGOUT */
}

/* --- the connection that QUIT makes anew --- */

static void log_in_and_mark(struct harness *h)
{
    begin_with_token(h);
    offer(h, "IMAP4rev1 SASL-IR AUTH=XOAUTH2");
    expect_upstream(h, "# AUTHENTICATE XOAUTH2 " XOAUTH2_MESSAGE "\r\n");
    upstream_says(h, "# OK [CAPABILITY IMAP4rev1 UIDPLUS] in\r\n");
    expect_wish(h, BRIDGE_LOCK);
    outcome(h, BRIDGE_LOCKED);
    expect_upstream(h, "# SELECT INBOX\r\n");
    upstream_says(h, h->server.select);
    upstream_says(h, h->server.selected);
    expect_upstream(h, "# UID FETCH 1:* (UID FLAGS RFC822.SIZE)\r\n");
    upstream_says(h, h->server.listing);
    upstream_says(h, "# OK listed\r\n");
    expect_ok(h);
    client_says(h, "DELE 2\r\n");
    expect_ok(h);
    outcome(h, BRIDGE_UPSTREAM_CLOSED);
}

static void connect_anew(struct harness *h, const char *message)
{
    expect_wish(h, BRIDGE_CONNECT);
    outcome(h, BRIDGE_UPSTREAM_UP);
    upstream_says(h, "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] hi\r\n");
    expect_upstream(h, message);
}

/* The token has ended since the login, and its connection broke: QUIT's own does
 * not take it, and the owner is asked for another.
 */
static void quit_without_a_token(struct harness *h)
{
    log_in_and_mark(h);
    h->decides_late = true;
    client_says(h, "QUIT\r\n");
    connect_anew(h, "# AUTHENTICATE XOAUTH2 " XOAUTH2_MESSAGE "\r\n");
    upstream_says(h, ERROR_CHALLENGE);
    expect_upstream(h, "\r\n");
    expect_note(h, BRIDGE_NOTE_UPSTREAM_TEXT, FAULT_TOKEN_REFUSED);
    upstream_says(h, "# NO no\r\n");
    assert_true(h->wish_count == 1 && h->wishes[0].again);
    assert_int_equal(h->wishes[0].credentials->kind, SECRET_PROVEN);
    assert_octets_string(buf_span(&h->wishes[0].credentials->user), "u");
    assert_octets_string(h->wishes[0].refused, "t0ken");
    expect_wish(h, BRIDGE_ASK_LOGIN);
    expect_silence(h);
}

static void remove_marked(struct harness *h)
{
    upstream_says(h, "# OK [CAPABILITY IMAP4rev1 UIDPLUS] in\r\n");
    expect_upstream(h, "# SELECT INBOX\r\n");
    upstream_says(h, h->server.select);
    upstream_says(h, h->server.selected);
    expect_upstream(h, "# UID FETCH 20 (UID FLAGS)\r\n");
    upstream_says(h, "* 2 FETCH (UID 20 FLAGS ())\r\n# OK\r\n");
    expect_upstream(h, "# UID STORE 20 +FLAGS.SILENT (\\Deleted)\r\n");
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, "# UID EXPUNGE 20\r\n");
    upstream_says(h, "* 2 EXPUNGE\r\n# OK\r\n");
    expect_upstream(h, "# UID FETCH 20 (UID FLAGS)\r\n");
    upstream_says(h, "# OK\r\n");
    expect_logout(h);
    expect_ok(h);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_over(h, FAULT_NONE);
    end_with_token(h);
}

static void fail_to_remove(struct harness *h, enum fault fault)
{
    expect_logout(h);
    expect_error(h, "SYS/TEMP");
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_over(h, fault);
    end_with_token(h);
}

static void quits_with_a_fresh_token(void **state)
{
    struct harness *h = *state;

    quit_without_a_token(h);
    set_token("fresh");
    grant_login(h);
    expect_upstream(h, "# AUTHENTICATE XOAUTH2 " XOAUTH2_FRESH "\r\n");
    remove_marked(h);
}

/* The server has had enough meanwhile. */
static void connects_anew_to_quit(void **state)
{
    struct harness *h = *state;

    quit_without_a_token(h);
    outcome(h, BRIDGE_UPSTREAM_CLOSED);
    expect_note(h, BRIDGE_NOTE_UPSTREAM_LOST, FAULT_UPSTREAM_GONE);
    expect_silence(h);
    set_token("fresh");
    grant_login(h);
    connect_anew(h, "# AUTHENTICATE XOAUTH2 " XOAUTH2_FRESH "\r\n");
    remove_marked(h);
}

/* What QUIT began is carried out for a client that has gone, too. */
static void quits_for_a_client_that_has_gone(void **state)
{
    struct harness *h = *state;

    quit_without_a_token(h);
    outcome(h, BRIDGE_CLIENT_CLOSED);
    outcome(h, BRIDGE_UPSTREAM_CLOSED);
    assert_false(bridge_is_over(h->bridge));
    set_token("fresh");
    grant_login(h);
    connect_anew(h, "# AUTHENTICATE XOAUTH2 " XOAUTH2_FRESH "\r\n");
    outcome(h, BRIDGE_UPSTREAM_CLOSED);
    expect_wish(h, BRIDGE_UNLOCK);
    expect_over(h, FAULT_CLIENT_GONE);
    end_with_token(h);
}

/* Once is once. */
static void quits_with_one_fresh_token(void **state)
{
    struct harness *h = *state;

    quit_without_a_token(h);
    set_token("fresh");
    grant_login(h);
    expect_upstream(h, "# AUTHENTICATE XOAUTH2 " XOAUTH2_FRESH "\r\n");
    upstream_says(h, "# NO no\r\n");
    fail_to_remove(h, FAULT_NOT_REMOVED);
}

static void cannot_quit_without_a_token(void **state)
{
    struct harness *h = *state;

    quit_without_a_token(h);
    deny_login(h, FAULT_TOKEN_UNAVAILABLE, 0);
    fail_to_remove(h, FAULT_TOKEN_UNAVAILABLE);
}

/* QUIT has no [AUTH] to say: CAP-8. */
static void cannot_quit_until_somebody_agrees(void **state)
{
    struct harness *h = *state;

    quit_without_a_token(h);
    deny_login(h, FAULT_TOKEN_WITHHELD, 0);
    fail_to_remove(h, FAULT_NOT_REMOVED);
}

/* No longer than for the server; and the answer that comes then is too late. */
static void waits_for_a_token_in_vain(void **state)
{
    struct harness *h = *state;

    quit_without_a_token(h);
    time_passes(h, h->upstream_policy.upstream_timeout_ms - 1);
    expect_silence(h);
    time_passes(h, 1);
    set_token("fresh");
    grant_login(h);
    fail_to_remove(h, FAULT_TOKEN_UNAVAILABLE);
}

static void ends_while_it_waits_for_a_token(void **state)
{
    struct harness *h = *state;

    quit_without_a_token(h);
    outcome(h, BRIDGE_SHUT_DOWN);
    set_token("fresh");
    grant_login(h);
    fail_to_remove(h, FAULT_SHUTDOWN);
}

/* What DELE marked is in this user's mailbox on this server: nowhere else is
 * anything removed, whoever the token is of.
 */
static void quits_as_nobody_else(void **state)
{
    struct harness *h = *state;

    quit_without_a_token(h);
    set_token("fresh");
    assert_true(credentials_set_user(&token, SPAN_LITERAL("fern")));
    grant_login(h);
    fail_to_remove(h, FAULT_NOT_REMOVED);
}

static void quits_on_no_other_server(void **state)
{
    struct harness *h = *state;
    struct upstream_policy other;

    quit_without_a_token(h);
    set_token("fresh");
    other = h->upstream_policy;
    h->upstream_granted = &other;
    grant_login(h);
    fail_to_remove(h, FAULT_NOT_REMOVED);
}

/* A token that was renewed at the login may be so at QUIT, too. */
static void renews_at_login_and_at_quit(void **state)
{
    struct harness *h = *state;

    begin_with_token(h);
    offer(h, "IMAP4rev1 SASL-IR AUTH=XOAUTH2");
    expect_upstream(h, "# AUTHENTICATE XOAUTH2 " XOAUTH2_MESSAGE "\r\n");
    set_token("fresh");
    upstream_says(h, "# NO no\r\n");
    expect_upstream(h, "# AUTHENTICATE XOAUTH2 " XOAUTH2_FRESH "\r\n");
    upstream_says(h, "# OK [CAPABILITY IMAP4rev1 UIDPLUS] in\r\n");
    expect_wish(h, BRIDGE_LOCK);
    outcome(h, BRIDGE_LOCKED);
    expect_upstream(h, "# SELECT INBOX\r\n");
    upstream_says(h, h->server.select);
    upstream_says(h, h->server.selected);
    expect_upstream(h, "# UID FETCH 1:* (UID FLAGS RFC822.SIZE)\r\n");
    upstream_says(h, h->server.listing);
    upstream_says(h, "# OK listed\r\n");
    expect_ok(h);
    client_says(h, "DELE 2\r\n");
    expect_ok(h);
    outcome(h, BRIDGE_UPSTREAM_CLOSED);
    set_token("t0ken");
    client_says(h, "QUIT\r\n");
    connect_anew(h, "# AUTHENTICATE XOAUTH2 " XOAUTH2_FRESH "\r\n");
    upstream_says(h, "# NO no\r\n");
    expect_upstream(h, "# AUTHENTICATE XOAUTH2 " XOAUTH2_MESSAGE "\r\n");
    remove_marked(h);
}

/* IAUTH-3: a second challenge behind the error is none that we know. */
static void gives_up_a_strange_exchange(void **state)
{
    struct harness *h = *state;

    begin_with_token(h);
    offer(h, "IMAP4rev1 SASL-IR AUTH=XOAUTH2");
    expect_upstream(h, "# AUTHENTICATE XOAUTH2 " XOAUTH2_MESSAGE "\r\n");
    upstream_says(h, ERROR_CHALLENGE);
    expect_upstream(h, "\r\n");
    upstream_says(h, ERROR_CHALLENGE);
    expect_upstream(h, "*\r\n");
    upstream_says(h, "# BAD cancelled\r\n");
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_error(h, "SYS/TEMP");
    end_with_token(h);
}

/* --- what the log is told --- */

/* What |challenge| leaves in the log. */
static void expect_text(struct harness *h, const char *challenge,
                        const char *text)
{
    struct bridge_wish wish;
    bool seen = false;
    struct span in = span_from_string(challenge);

    begin_with_token(h);
    offer(h, "IMAP4rev1 SASL-IR AUTH=XOAUTH2");
    expect_upstream(h, "# AUTHENTICATE XOAUTH2 " XOAUTH2_MESSAGE "\r\n");
    bridge_upstream_input(h->bridge, in, h->now_ms);
    while (bridge_next_wish(h->bridge, &wish)) {
        if (wish.note != BRIDGE_NOTE_UPSTREAM_TEXT)
            continue;
        assert_int_equal(wish.fault, FAULT_TOKEN_REFUSED);
        assert_octets_string(wish.text, text);
        seen = true;
    }
    assert_true(seen);
    client_takes(h, 0);
    expect_upstream(h, "\r\n");
    bridge_free(h->bridge);
    h->bridge = NULL;
    h->tag_count = 0;
    end_with_token(h);
}

/* IAUTH-10, IAUTH-11: why, in the server's words; the token in none of them. */
static void says_why(void **state)
{
    struct harness *h = *state;

    expect_text(h, ERROR_CHALLENGE, "{\"status\":\"401\"}");
    expect_text(h, "+ not base64!\r\n", "not base64!");
    /* `bad t0ken here` */
    expect_text(h, "+ YmFkIHQwa2VuIGhlcmU=\r\n",
                "(not shown: it repeats the secret)");
    expect_text(h, "+ " XOAUTH2_MESSAGE "\r\n",
                "(not shown: it repeats the secret)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SESSION_TEST(logs_in_by_oauthbearer),
        SESSION_TEST(waits_for_the_challenge),
        SESSION_TEST(logs_in_by_xoauth2),
        SESSION_TEST(escapes_the_name),
        SESSION_TEST(keeps_a_token_from_passwords_ways),
        SESSION_TEST(keeps_a_password_from_tokens_ways),
        SESSION_TEST(tries_a_fresh_token),
        SESSION_TEST(gives_up_on_the_second),
        SESSION_TEST(asks_again_for_tokens_only),
        SESSION_TEST(connects_anew_for_a_fresh_token),
        SESSION_TEST(names_the_server_that_was_reached),
        SESSION_TEST(does_not_park_under_a_refused_token),
        SESSION_TEST(quits_with_a_fresh_token),
        SESSION_TEST(connects_anew_to_quit),
        SESSION_TEST(quits_for_a_client_that_has_gone),
        SESSION_TEST(quits_with_one_fresh_token),
        SESSION_TEST(cannot_quit_without_a_token),
        SESSION_TEST(cannot_quit_until_somebody_agrees),
        SESSION_TEST(waits_for_a_token_in_vain),
        SESSION_TEST(ends_while_it_waits_for_a_token),
        SESSION_TEST(quits_as_nobody_else),
        SESSION_TEST(quits_on_no_other_server),
        SESSION_TEST(renews_at_login_and_at_quit),
        SESSION_TEST(gives_up_a_strange_exchange),
        SESSION_TEST(says_why),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
