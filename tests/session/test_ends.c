/* Told to end in the middle of it, connected anew at QUIT, and what the owner
 * of a session sees of it.
 */
#include "support/session_harness.h"

#define STORE(set) "# UID STORE " set " +FLAGS.SILENT (\\Deleted)\r\n"
#define EXPUNGE(set) "# UID EXPUNGE " set "\r\n"
#define LOOK_UP(set) "# UID FETCH " set " (UID FLAGS)\r\n"
#define RETRIEVE "# UID FETCH 10 (UID BODY.PEEK[])\r\n"
#define BODY "* 1 FETCH (UID 10 BODY[] \"xyxyx\")\r\n"

static void restart(struct harness *h)
{
    bridge_free(h->bridge);
    h->bridge = NULL;
    h->tag_count = 0;
    h->note_count = 0;
    buf_consume(&h->from_upstream, buf_length(&h->from_upstream));
}

static void mark_and_quit(struct harness *h)
{
    client_says(h, "DELE 1\r\nDELE 3\r\n");
    expect_ok(h);
    expect_ok(h);
    client_says(h, "QUIT\r\n");
    expect_upstream(h, STORE("10,30"));
}

/* --- told to end --- */

/* Who waits for an answer has one before the end; who does not, none. */
static void shuts_down_in_each_phase(void **state)
{
    struct harness *h = *state;

    begin(h); /* before USER */
    outcome(h, BRIDGE_SHUT_DOWN);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_over(h, FAULT_SHUTDOWN);
    restart(h);

    begin(h); /* while the server judges the password */
    connect_upstream(h);
    client_says(h, "PASS p\r\n");
    expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
    outcome(h, BRIDGE_SHUT_DOWN);
    expect_error(h, "SYS/TEMP");
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_over(h, FAULT_SHUTDOWN);
    restart(h);

    begin(h); /* while the listing is on its way */
    log_in_to_listing(h);
    outcome(h, BRIDGE_SHUT_DOWN);
    expect_error(h, "SYS/TEMP");
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_wish(h, BRIDGE_UNLOCK);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_over(h, FAULT_SHUTDOWN);
}

/* POP-10: a refusal held back is told then, and remains what it is. */
static void tells_a_refusal_at_the_end(void **state)
{
    struct harness *h = *state;

    h->policy.auth_failure_delay_ms = 1000;
    begin(h);
    connect_upstream(h);
    client_says(h, "PASS p\r\n");
    expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
    upstream_says(h, "# NO x\r\n");
    expect_upstream(h, "# LOGOUT\r\n");
    expect_silence(h);
    outcome(h, BRIDGE_SHUT_DOWN);
    expect_error(h, "AUTH");
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
}

/* DEC-10: RETR is answered as long as its +OK has not left, else cut off. */
static void shuts_down_within_a_message(void **state)
{
    struct harness *h = *state;

    for (unsigned begun = 0; begun < 2; begun++) {
        begin(h);
        log_in(h);
        client_says(h, "RETR 1\r\n");
        expect_upstream(h, RETRIEVE);
        if (begun == 1) {
            upstream_says(h, "* 1 FETCH (UID 10 BODY[] {5}\r\nxyx");
            expect_ok(h);
            expect_client(h, "xyx");
        }
        outcome(h, BRIDGE_SHUT_DOWN);
        if (begun == 0)
            expect_error(h, "SYS/TEMP");
        expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
        expect_wish(h, BRIDGE_UNLOCK);
        expect_wish(h, begun == 1 ? BRIDGE_ABORT_CLIENT : BRIDGE_CLOSE_CLIENT);
        expect_over(h, FAULT_SHUTDOWN);
        restart(h);
    }
}

/* DEC-7, POP-22: the client gone while QUIT is carried out, then told to end:
 * nothing more is sent, and the lock is free.
 */
static void shuts_down_behind_a_client_that_left(void **state)
{
    struct harness *h = *state;

    begin(h);
    log_in(h);
    mark_and_quit(h);
    outcome(h, BRIDGE_CLIENT_CLOSED);
    expect_silence(h);
    outcome(h, BRIDGE_SHUT_DOWN);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_wish(h, BRIDGE_UNLOCK);
    expect_silence(h);
    assert_true(bridge_is_over(h->bridge));
}

/* DEC-3, DEC-7, DEC-15: what was marked is gone, and only flags are being set:
 * whatever ends that, QUIT is +OK.
 */
static void says_ok_once_all_is_gone(void **state)
{
    struct harness *h = *state;

    h->mailbox_policy.mark_seen = true;
    for (unsigned changed = 0; changed < 2; changed++) {
        begin(h);
        log_in(h);
        client_says(h, "RETR 1\r\n");
        expect_upstream(h, RETRIEVE);
        upstream_says(h, BODY "# OK\r\n");
        expect_ok(h);
        expect_client(h, "xyxyx\r\n.\r\n");
        client_says(h, "DELE 3\r\nQUIT\r\n");
        expect_ok(h);
        expect_upstream(h, STORE("30"));
        upstream_says(h, "# OK\r\n");
        expect_upstream(h, EXPUNGE("30"));
        upstream_says(h, "# OK\r\n");
        expect_upstream(h, LOOK_UP("30"));
        upstream_says(h, "# OK\r\n");
        expect_upstream(h, "# UID STORE 10 +FLAGS.SILENT (\\Seen)\r\n");
        if (changed == 1)
            upstream_says(h, "* OK [UIDVALIDITY 78] x\r\n");
        else
            outcome(h, BRIDGE_SHUT_DOWN);
        expect_ok(h);
        expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
        expect_wish(h, BRIDGE_UNLOCK);
        expect_wish(h, BRIDGE_CLOSE_CLIENT);
        expect_silence(h);
        restart(h);
    }
}

/* --- the new connection at QUIT --- */

/* DEC-7, MAP-12: it is of no use, or the mailbox is: -ERR, and nothing is sent.
 */
static void names_useless_reconnections(void **state)
{
    static const struct {
        const char *greeting;
        const char *select; /* NULL: it does not come to it */
        const char *code;
    } cases[] = {
        { "* OK [CAPABILITY IMAP4rev1 LOGINDISABLED] hi\r\n", NULL,
          "SYS/PERM" },
        { "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n",
          "# NO [INUSE] x\r\n", "SYS/TEMP" },
        { "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n",
          "* OK [UIDVALIDITY 77] x\r\n# OK [READ-ONLY] x\r\n", "SYS/PERM" },
        { "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n",
          "* OK [UIDVALIDITY 77] x\r\n* NO [UIDNOTSTICKY] x\r\n# OK\r\n",
          "SYS/TEMP" },
    };
    struct harness *h = *state;

    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        begin(h);
        log_in(h);
        mark_and_quit(h);
        outcome(h, BRIDGE_UPSTREAM_CLOSED);
        h->tag_count = 0;
        expect_wish(h, BRIDGE_CONNECT);
        outcome(h, BRIDGE_UPSTREAM_UP);
        upstream_says(h, cases[i].greeting);
        if (cases[i].select != NULL) {
            expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
            upstream_says(h, "# OK [CAPABILITY IMAP4rev1 UIDPLUS] in\r\n");
            expect_upstream(h, "# SELECT INBOX\r\n");
            upstream_says(h, cases[i].select);
        }
        expect_wish(h, BRIDGE_UNLOCK);
        expect_upstream(h, "# LOGOUT\r\n");
        expect_error(h, cases[i].code);
        expect_wish(h, BRIDGE_CLOSE_CLIENT);
        expect_silence(h);
        restart(h);
    }
}

/* --- the owner's view --- */

static void expect_phase(struct harness *h, const char *name)
{
    assert_string_equal(bridge_phase_name(bridge_phase(h->bridge)), name);
}

/* A client that waits for nothing is one that a drain may end. */
static void knows_whom_it_serves(void **state)
{
    struct harness *h = *state;

    begin(h);
    assert_true(bridge_client_is_served(h->bridge));
    expect_phase(h, "authorization");
    connect_upstream(h);
    client_says(h, "PASS p\r\n");
    expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
    assert_false(bridge_client_is_served(h->bridge));
    expect_phase(h, "logging_in");
    restart(h);

    begin(h);
    log_in(h);
    expect_phase(h, "transaction");
    assert_true(bridge_client_is_served(h->bridge));
    client_says(h, "RETR 1\r\n");
    expect_upstream(h, RETRIEVE);
    assert_false(bridge_client_is_served(h->bridge));
    h->client_is_slow = true;
    upstream_says(h, BODY "# OK\r\n");
    assert_false(bridge_client_is_served(h->bridge));
    h->client_is_slow = false;
    client_takes(h, SIZE_MAX);
    expect_ok(h);
    expect_client(h, "xyxyx\r\n.\r\n");
    assert_true(bridge_client_is_served(h->bridge));
    mark_and_quit(h);
    expect_phase(h, "update");
    outcome(h, BRIDGE_CLIENT_CLOSED);
    assert_false(bridge_client_is_served(h->bridge));
}

/* POP-10: whoever leaves while the server judges a password has tried one; who
 * leaves before or after, or whose server leaves, has not.
 */
static void tells_who_leaves_unjudged(void **state)
{
    struct harness *h = *state;

    begin(h);
    connect_upstream(h);
    outcome(h, BRIDGE_CLIENT_CLOSED);
    assert_false(bridge_report(h->bridge)->left_unjudged);
    expect_upstream(h, "# LOGOUT\r\n");
    restart(h);

    begin(h);
    connect_upstream(h);
    client_says(h, "PASS p\r\n");
    expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
    outcome(h, BRIDGE_CLIENT_CLOSED);
    assert_true(bridge_report(h->bridge)->left_unjudged);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_over(h, FAULT_CLIENT_GONE);
    restart(h);

    begin(h);
    connect_upstream(h);
    client_says(h, "PASS p\r\n");
    expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
    outcome(h, BRIDGE_UPSTREAM_CLOSED);
    expect_error(h, "SYS/TEMP");
    outcome(h, BRIDGE_CLIENT_CLOSED);
    assert_false(bridge_report(h->bridge)->left_unjudged);
    expect_over(h, FAULT_CLIENT_GONE);
    restart(h);

    begin(h);
    log_in_to_listing(h);
    outcome(h, BRIDGE_CLIENT_CLOSED);
    assert_false(bridge_report(h->bridge)->left_unjudged);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_wish(h, BRIDGE_UNLOCK);
    expect_over(h, FAULT_CLIENT_GONE);
}

/* Octets and outcomes that come too late change nothing. */
static void ignores_what_comes_too_late(void **state)
{
    struct harness *h = *state;

    begin(h);
    outcome(h, BRIDGE_CLIENT_TLS_UP);
    expect_silence(h);
    client_says(h, "QUIT\r\n");
    expect_ok(h);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_phase(h, "closing");
    assert_int_equal(bridge_client_room(h->bridge), 0);
    bridge_client_input(h->bridge, SPAN_LITERAL("USER u\r\n"), h->now_ms);
    outcome(h, BRIDGE_CLIENT_CLOSED);
    outcome(h, BRIDGE_UPSTREAM_CLOSED);
    expect_over(h, FAULT_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SESSION_TEST(shuts_down_in_each_phase),
        SESSION_TEST(tells_a_refusal_at_the_end),
        SESSION_TEST(shuts_down_within_a_message),
        SESSION_TEST(shuts_down_behind_a_client_that_left),
        SESSION_TEST(says_ok_once_all_is_gone),
        SESSION_TEST(names_useless_reconnections),
        SESSION_TEST(knows_whom_it_serves),
        SESSION_TEST(tells_who_leaves_unjudged),
        SESSION_TEST(ignores_what_comes_too_late),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
