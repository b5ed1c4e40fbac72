/* QUIT that fails half way: when the answer is +OK, and when not. */
#include "support/session_harness.h"

/* The client marks 1 and 3, UIDs 10 and 30, and says QUIT. */
static void mark_and_quit(struct harness *h)
{
    client_says(h, "DELE 1\r\nDELE 3\r\n");
    expect_ok(h);
    expect_ok(h);
    expect_silence(h);
    client_says(h, "QUIT\r\n");
}

static void expect_end(struct harness *h, const char *code, enum fault fault)
{
    expect_logout(h);
    if (fault == FAULT_NONE)
        expect_ok(h);
    else
        expect_error(h, code);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_over(h, fault);
}

/* A new connection at QUIT, up to the look at what is still there. */
static void reconnect(struct harness *h, const char *select)
{
    h->tag_count = 0;
    expect_wish(h, BRIDGE_CONNECT);
    outcome(h, BRIDGE_UPSTREAM_UP);
    upstream_says(h, "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n");
    expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
    upstream_says(h, "# OK [CAPABILITY IMAP4rev1 UIDPLUS] in\r\n");
    expect_upstream(h, "# SELECT INBOX\r\n");
    upstream_says(h, select);
}

#define SELECTED "* 3 EXISTS\r\n* OK [UIDVALIDITY 77] x\r\n# OK in\r\n"
#define STORE(set) "# UID STORE " set " +FLAGS.SILENT (\\Deleted)\r\n"
#define LOOK_UP(set) "# UID FETCH " set " (UID FLAGS)\r\n"

/* MAP-12, MAP-8, POP-20, POP-23: NO at either step, and the code of each. */
static void names_refused_removals(void **state)
{
    static const struct {
        const char *answer;
        const char *code;
        enum fault fault;
    } cases[] = {
        { "# NO x\r\n", "SYS/TEMP", FAULT_NOT_REMOVED },
        { "# NO [SERVERBUG] x\r\n", "SYS/TEMP", FAULT_NOT_REMOVED },
        { "# NO [NOPERM] x\r\n", "SYS/PERM", FAULT_REMOVAL_REFUSED },
        { "# NO [CANNOT] x\r\n", "SYS/PERM", FAULT_REMOVAL_REFUSED },
        { "# NO [NONEXISTENT] x\r\n", "SYS/PERM", FAULT_REMOVAL_REFUSED },
        { "# BAD x\r\n", "SYS/PERM", FAULT_UPSTREAM_REJECTED },
    };
    struct harness *h = *state;

    for (size_t i = 0; i < 2 * ARRAY_LENGTH(cases); i++) {
        size_t c = i / 2;

        begin(h);
        log_in(h);
        mark_and_quit(h);
        expect_upstream(h, STORE("10,30"));
        if (i % 2 == 1) {
            upstream_says(h, "# OK\r\n");
            expect_upstream(h, "# UID EXPUNGE 10,30\r\n");
        }
        upstream_says(h, cases[c].answer);
        expect_end(h, cases[c].code, cases[c].fault);
        bridge_free(h->bridge);
        h->bridge = NULL;
    }
}

/* DEC-7: lost behind the STORE: a new connection, a look at what is left, and
 * the rest is finished.
 */
static void finishes_after_a_loss(void **state)
{
    struct harness *h = *state;

    begin(h);
    log_in(h);
    mark_and_quit(h);
    expect_upstream(h, STORE("10,30"));
    outcome(h, BRIDGE_UPSTREAM_CLOSED);
    reconnect(h, SELECTED);
    expect_upstream(h, LOOK_UP("10,30"));
    upstream_says(h, "* 2 FETCH (UID 30 FLAGS (\\Deleted))\r\n# OK\r\n");
    expect_upstream(h, STORE("30"));
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, "# UID EXPUNGE 30\r\n");
    upstream_says(h, "* 2 EXPUNGE\r\n# OK\r\n");
    expect_upstream(h, LOOK_UP("10,30"));
    upstream_says(h, "# OK\r\n");
    expect_end(h, NULL, FAULT_NONE);
}

/* DEC-7: lost behind the UID EXPUNGE, which was carried out. */
static void finds_all_gone_after_a_loss(void **state)
{
    struct harness *h = *state;

    begin(h);
    log_in(h);
    mark_and_quit(h);
    expect_upstream(h, STORE("10,30"));
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, "# UID EXPUNGE 10,30\r\n");
    outcome(h, BRIDGE_UPSTREAM_CLOSED);
    reconnect(h, SELECTED);
    expect_upstream(h, LOOK_UP("10,30"));
    upstream_says(h, "# OK none\r\n");
    expect_end(h, NULL, FAULT_NONE);
}

/* DEC-7: once, not twice. */
static void gives_up_after_two_losses(void **state)
{
    struct harness *h = *state;

    begin(h);
    log_in(h);
    mark_and_quit(h);
    expect_upstream(h, STORE("10,30"));
    outcome(h, BRIDGE_UPSTREAM_CLOSED);
    reconnect(h, SELECTED);
    expect_upstream(h, LOOK_UP("10,30"));
    outcome(h, BRIDGE_UPSTREAM_CLOSED);
    expect_wish(h, BRIDGE_UNLOCK);
    expect_error(h, "SYS/TEMP");
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_over(h, FAULT_UPSTREAM_GONE);
}

/* DEC-7, POP-22: told to end in the middle of it: nothing more is changed, and
 * the client hears that not all was done.
 */
static void stops_when_shut_down(void **state)
{
    struct harness *h = *state;

    begin(h);
    log_in(h);
    mark_and_quit(h);
    expect_upstream(h, STORE("10,30"));
    outcome(h, BRIDGE_SHUT_DOWN);
    expect_error(h, "SYS/TEMP");
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_wish(h, BRIDGE_UNLOCK);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_over(h, FAULT_SHUTDOWN);
}

/* DEC-7: on the new connection the UIDs mean other messages: hands off. */
static void gives_up_a_renumbered_mailbox(void **state)
{
    struct harness *h = *state;

    begin(h);
    log_in(h);
    mark_and_quit(h);
    expect_upstream(h, STORE("10,30"));
    outcome(h, BRIDGE_UPSTREAM_CLOSED);
    reconnect(h, "* 3 EXISTS\r\n* OK [UIDVALIDITY 78] x\r\n# OK in\r\n");
    expect_end(h, "SYS/TEMP", FAULT_MAILBOX_CHANGED);
}

/* CAP-9: the new connection is refused: not a word of credentials at QUIT. */
static void names_a_refused_reconnection(void **state)
{
    struct harness *h = *state;

    begin(h);
    log_in(h);
    mark_and_quit(h);
    expect_upstream(h, STORE("10,30"));
    outcome(h, BRIDGE_UPSTREAM_CLOSED);
    h->tag_count = 0;
    expect_wish(h, BRIDGE_CONNECT);
    outcome(h, BRIDGE_UPSTREAM_UP);
    upstream_says(h, "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n");
    expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
    upstream_says(h, "# NO [AUTHENTICATIONFAILED] no\r\n");
    expect_wish(h, BRIDGE_UNLOCK);
    expect_upstream(h, "# LOGOUT\r\n");
    expect_error(h, "SYS/TEMP");
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
}

/* POP-23: a server that says nothing: -ERR within its time-out. */
static void does_not_wait_for_ever(void **state)
{
    struct harness *h = *state;

    begin(h);
    log_in(h);
    mark_and_quit(h);
    expect_upstream(h, STORE("10,30"));
    time_passes(h, h->upstream_policy.upstream_timeout_ms - 1);
    expect_silence(h);
    time_passes(h, 1);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_wish(h, BRIDGE_UNLOCK);
    expect_error(h, "SYS/TEMP");
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_over(h, FAULT_UPSTREAM_SILENT);
}

/* DEC-4: another client takes the flag off each time: tried until two rounds
 * have removed nothing, then the truth is told.
 */
static void looks_before_it_says_ok(void **state)
{
    struct harness *h = *state;

    begin(h);
    log_in(h);
    mark_and_quit(h);
    expect_upstream(h, STORE("10,30"));
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, "# UID EXPUNGE 10,30\r\n");
    upstream_says(h, "* 1 EXPUNGE\r\n# OK\r\n");
    for (unsigned round = 1; round <= 2; round++) {
        expect_upstream(h, LOOK_UP("10,30"));
        upstream_says(h, "* 2 FETCH (UID 30 FLAGS ())\r\n# OK\r\n");
        expect_upstream(h, STORE("30"));
        upstream_says(h, "# OK\r\n");
        expect_upstream(h, "# UID EXPUNGE 30\r\n");
        upstream_says(h, "# OK\r\n");
    }
    expect_upstream(h, LOOK_UP("10,30"));
    upstream_says(h, "* 2 FETCH (UID 30 FLAGS ())\r\n# OK\r\n");
    expect_end(h, "SYS/TEMP", FAULT_NOT_REMOVED);
}

/* The client is gone before the answer: what QUIT began is finished. */
static void finishes_for_a_client_that_left(void **state)
{
    struct harness *h = *state;

    begin(h);
    log_in(h);
    mark_and_quit(h);
    expect_upstream(h, STORE("10,30"));
    outcome(h, BRIDGE_CLIENT_CLOSED);
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, "# UID EXPUNGE 10,30\r\n");
    upstream_says(h, "* 1 EXPUNGE\r\n* 2 EXPUNGE\r\n# OK\r\n");
    expect_upstream(h, LOOK_UP("10,30"));
    upstream_says(h, "# OK\r\n");
    expect_logout(h);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    assert_true(bridge_is_over(h->bridge));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SESSION_TEST(names_refused_removals),
        SESSION_TEST(finishes_after_a_loss),
        SESSION_TEST(finds_all_gone_after_a_loss),
        SESSION_TEST(gives_up_after_two_losses),
        SESSION_TEST(stops_when_shut_down),
        SESSION_TEST(gives_up_a_renumbered_mailbox),
        SESSION_TEST(names_a_refused_reconnection),
        SESSION_TEST(does_not_wait_for_ever),
        SESSION_TEST(looks_before_it_says_ok),
        SESSION_TEST(finishes_for_a_client_that_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
