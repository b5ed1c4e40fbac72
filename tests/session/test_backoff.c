/* Pauses that a server asks for, answers that do not come, and the patience of
 * either side.
 */
#include "support/session_harness.h"

#include "base/limits.h"

#define THROTTLED(ms)                                         \
    "# BAD Request is throttled. Suggested Backoff Time: " ms \
    " milliseconds\r\n"
#define STORE(set) "# UID STORE " set " +FLAGS.SILENT (\\Deleted)\r\n"
#define EXPUNGE(set) "# UID EXPUNGE " set "\r\n"
#define LOOK_UP(set) "# UID FETCH " set " (UID FLAGS)\r\n"
#define LIST_ALL "# UID FETCH 1:* (UID FLAGS RFC822.SIZE)\r\n"
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

/* MAP-2: throttled for a second: silence until then, and what follows. */
static void throttle(struct harness *h)
{
    upstream_says(h, THROTTLED("1000"));
    time_passes(h, 999);
    expect_silence(h);
    time_passes(h, 1);
}

static void mark_and_quit(struct harness *h)
{
    client_says(h, "DELE 1\r\nDELE 3\r\n");
    expect_ok(h);
    expect_ok(h);
    client_says(h, "QUIT\r\n");
    expect_upstream(h, STORE("10,30"));
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
    restart(h);
}

/* --- pauses --- */

/* MAP-2: the listing, the NOOP in it, and the rest of it below a limit. */
static void lists_behind_a_pause(void **state)
{
    struct harness *h = *state;

    begin(h);
    log_in_to_listing(h);
    throttle(h);
    expect_upstream(h, LIST_ALL);
    upstream_says(h, h->server.listing);
    upstream_says(h, "# OK\r\n");
    expect_ok(h);
    restart(h);

    begin(h);
    log_in_to_listing(h);
    upstream_says(h, "# OK and nothing\r\n");
    expect_upstream(h, "# NOOP\r\n");
    throttle(h);
    expect_upstream(h, "# NOOP\r\n");
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, LIST_ALL);
    restart(h);

    begin(h);
    log_in_to_listing(h);
    upstream_says(h, "* 3 FETCH (UID 30 RFC822.SIZE 300)\r\n"
                     "# OK [MESSAGELIMIT 1 30] x\r\n");
    expect_upstream(h, "# UID FETCH 1:29 (UID FLAGS RFC822.SIZE)\r\n");
    throttle(h);
    expect_upstream(h, "# UID FETCH 1:29 (UID FLAGS RFC822.SIZE)\r\n");
    upstream_says(h, "* 2 FETCH (UID 20 RFC822.SIZE 200)\r\n# OK\r\n");
    expect_ok(h);
    client_says(h, "STAT\r\n");
    expect_client(h, "+OK 2 500\r\n");
}

/* MAP-2: once: the second word is the answer, and so is one too long. */
static void bears_one_pause(void **state)
{
    static const struct {
        bool before;
        const char *answer;
    } cases[] = {
        { true, THROTTLED("1000") },
        { false, THROTTLED("10001") },
        { false, THROTTLED("0") },
        { false, "# NO [THROTTLED] x\r\n" },
    };
    struct harness *h = *state;

    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        begin(h);
        log_in_to_listing(h);
        if (cases[i].before) {
            throttle(h);
            expect_upstream(h, LIST_ALL);
        }
        upstream_says(h, cases[i].answer);
        expect_wish(h, BRIDGE_UNLOCK);
        expect_error(h, "SYS/TEMP");
        expect_upstream(h, "# LOGOUT\r\n");
        expect_note(h, BRIDGE_NOTE_LOGIN_REFUSED, FAULT_UPSTREAM_BUSY);
        restart(h);
    }
}

/* DEC-4, MAP-2: each step of the removal is taken again behind the pause, and
 * in the same words.
 */
static void removes_behind_a_pause(void **state)
{
    struct harness *h = *state;

    for (unsigned step = 0; step < 3; step++) {
        begin(h);
        log_in(h);
        mark_and_quit(h);
        if (step == 0) {
            throttle(h);
            expect_upstream(h, STORE("10,30"));
        }
        upstream_says(h, "# OK\r\n");
        expect_upstream(h, EXPUNGE("10,30"));
        if (step == 1) {
            throttle(h);
            expect_upstream(h, EXPUNGE("10,30"));
        }
        upstream_says(h, "# OK\r\n");
        expect_upstream(h, LOOK_UP("10,30"));
        if (step == 2) {
            throttle(h);
            expect_upstream(h, LOOK_UP("10,30"));
        }
        upstream_says(h, "# OK\r\n");
        expect_end(h, NULL, FAULT_NONE);
    }
}

/* DEC-5: a pause before EXPUNGE leaves others time to flag: it is searched
 * again, and what the new answer says holds.
 */
static void searches_again_behind_a_pause(void **state)
{
    struct harness *h = *state;

    h->server.capabilities_inside = "IMAP4rev1";
    for (unsigned foreign = 0; foreign < 2; foreign++) {
        begin(h);
        log_in(h);
        mark_and_quit(h);
        upstream_says(h, "# OK\r\n");
        expect_upstream(h, "# UID SEARCH DELETED\r\n");
        upstream_says(h, "* SEARCH 10 30\r\n# OK\r\n");
        expect_upstream(h, "# EXPUNGE\r\n");
        throttle(h);
        expect_upstream(h, "# UID SEARCH DELETED\r\n");
        if (foreign == 1) {
            upstream_says(h, "* SEARCH 10 20 30\r\n# OK\r\n");
            expect_end(h, "SYS/PERM", FAULT_REMOVAL_GUARDED);
            continue;
        }
        upstream_says(h, "* SEARCH 10 30\r\n# OK\r\n");
        expect_upstream(h, "# EXPUNGE\r\n");
        upstream_says(h, "# OK\r\n");
        expect_upstream(h, LOOK_UP("10,30"));
        upstream_says(h, "# OK\r\n");
        expect_end(h, NULL, FAULT_NONE);
    }
}

/* DEC-10: a message that has begun to leave cannot be asked for again. */
static void does_not_pause_within_a_message(void **state)
{
    struct harness *h = *state;

    begin(h);
    log_in(h);
    client_says(h, "RETR 1\r\n");
    expect_upstream(h, RETRIEVE);
    upstream_says(h, "* 1 FETCH (UID 10 BODY[] {5}\r\nxyxy");
    expect_ok(h);
    expect_client(h, "xyxy");
    upstream_says(h, "x)\r\n" THROTTLED("1000"));
    expect_wish(h, BRIDGE_UNLOCK);
    expect_upstream(h, "# LOGOUT\r\n");
    expect_wish(h, BRIDGE_ABORT_CLIENT);
}

/* The upstream may be lost in the pause, and the client gone. */
static void loses_either_side_in_a_pause(void **state)
{
    struct harness *h = *state;

    begin(h);
    log_in_to_listing(h);
    upstream_says(h, THROTTLED("1000"));
    outcome(h, BRIDGE_UPSTREAM_CLOSED);
    expect_wish(h, BRIDGE_UNLOCK);
    expect_error(h, "SYS/TEMP");
    time_passes(h, 2000);
    expect_silence(h);
    restart(h);

    begin(h);
    log_in_to_listing(h);
    upstream_says(h, THROTTLED("1000"));
    outcome(h, BRIDGE_CLIENT_CLOSED);
    expect_logout(h);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    time_passes(h, 2000);
    expect_over(h, FAULT_CLIENT_GONE);
}

/* --- a keep-alive under way --- */

static void wait_for_keepalive(struct harness *h)
{
    begin(h);
    log_in(h);
    time_passes(h, UPSTREAM_KEEPALIVE_MS - 9 * 60 * 1000);
    client_says(h, "NOOP\r\n");
    expect_ok(h);
    time_passes(h, 9 * 60 * 1000);
    expect_upstream(h, "# NOOP\r\n");
}

/* MAP-9: lost while a command waits behind it: that one is answered. */
static void loses_the_upstream_behind_a_keepalive(void **state)
{
    struct harness *h = *state;

    wait_for_keepalive(h);
    client_says(h, "RETR 1\r\n");
    expect_silence(h);
    outcome(h, BRIDGE_UPSTREAM_CLOSED);
    expect_error(h, "SYS/TEMP");
    expect_wish(h, BRIDGE_UNLOCK);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_over(h, FAULT_UPSTREAM_GONE);
    restart(h);

    /* QUIT with nothing to do is +OK all the same ... */
    wait_for_keepalive(h);
    client_says(h, "QUIT\r\n");
    outcome(h, BRIDGE_UPSTREAM_CLOSED);
    expect_wish(h, BRIDGE_UNLOCK);
    expect_ok(h);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_over(h, FAULT_NONE);
}

/* DEC-7: ... and with something, on a new connection; where UIDs do not last,
 * not at all.
 */
static void quits_after_a_loss(void **state)
{
    struct harness *h = *state;

    begin(h);
    log_in(h);
    client_says(h, "DELE 1\r\n");
    expect_ok(h);
    outcome(h, BRIDGE_UPSTREAM_CLOSED);
    client_says(h, "QUIT\r\n");
    expect_wish(h, BRIDGE_CONNECT);
    outcome(h, BRIDGE_UPSTREAM_UNREACHABLE);
    expect_wish(h, BRIDGE_UNLOCK);
    expect_error(h, "SYS/TEMP");
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_over(h, FAULT_UPSTREAM_UNREACHABLE);
    restart(h);

    h->server.select = "* 3 EXISTS\r\n";
    begin(h);
    log_in(h);
    client_says(h, "DELE 1\r\n");
    expect_ok(h);
    outcome(h, BRIDGE_UPSTREAM_CLOSED);
    client_says(h, "QUIT\r\n");
    expect_wish(h, BRIDGE_UNLOCK);
    expect_error(h, "SYS/TEMP");
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_over(h, FAULT_UPSTREAM_GONE);
}

/* DEC-3: the upstream lost before QUIT, and only \Seen to set: +OK. */
static void does_not_connect_for_seen(void **state)
{
    struct harness *h = *state;

    h->mailbox_policy.mark_seen = true;
    begin(h);
    log_in(h);
    client_says(h, "RETR 1\r\n");
    expect_upstream(h, RETRIEVE);
    upstream_says(h, BODY "# OK\r\n");
    expect_ok(h);
    expect_client(h, "xyxyx\r\n.\r\n");
    outcome(h, BRIDGE_UPSTREAM_CLOSED);
    client_says(h, "QUIT\r\n");
    expect_wish(h, BRIDGE_UNLOCK);
    expect_ok(h);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_over(h, FAULT_NONE);
}

static void log_in_with_id(struct harness *h)
{
    h->upstream_policy.version = "1.0";
    h->server.capabilities_inside = "IMAP4rev1 ID";
    begin(h);
    bridge_set_client_address(h->bridge, SPAN_LITERAL("192.0.2.7"));
    connect_upstream(h);
    client_says(h, "PASS p\r\n");
    expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
    upstream_says(h, "# OK [CAPABILITY IMAP4rev1 ID] in\r\n");
    expect_wish(h, BRIDGE_LOCK);
}

/* IEXT-5: whose connection it is, where that is to be told. */
static void tells_the_clients_address(void **state)
{
    struct harness *h = *state;

    h->upstream_policy.forward_client_address = true;
    log_in_with_id(h);
    expect_upstream(h, "# ID (\"name\" \"popinjay\" \"version\" \"1.0\" "
                       "\"x-originating-ip\" \"192.0.2.7\")\r\n");
    restart(h);
    h->upstream_policy.forward_client_address = false;
    log_in_with_id(h);
    expect_upstream(h, "# ID (\"name\" \"popinjay\" \"version\" \"1.0\")\r\n");
    restart(h);
    h->upstream_policy.send_id = false;
    log_in_with_id(h);
    expect_silence(h);
}

/* IEXT-5: before the login, where a server that heeds the address wants it; the
 * password does not wait for the answer, and nothing is said twice.
 */
static void tells_the_address_before_the_login(void **state)
{
    struct harness *h = *state;

    h->upstream_policy.forward_client_address = true;
    h->upstream_policy.version = "1.0";
    begin(h);
    bridge_set_client_address(h->bridge, SPAN_LITERAL("192.0.2.7"));
    client_says(h, "USER u\r\n");
    expect_ok(h);
    expect_wish(h, BRIDGE_CONNECT);
    outcome(h, BRIDGE_UPSTREAM_UP);
    upstream_says(h,
                  "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR ID] hi\r\n");
    client_says(h, "PASS p\r\n");
    expect_upstream(h, "# ID (\"name\" \"popinjay\" \"version\" \"1.0\" "
                       "\"x-originating-ip\" \"192.0.2.7\")\r\n"
                       "# AUTHENTICATE PLAIN AHUAcA==\r\n");
    upstream_says(h, "* ID (\"name\" \"x\")\r\n# OK\r\n");
    expect_silence(h);
    upstream_says(h, "# OK [CAPABILITY IMAP4rev1 ID] in\r\n");
    expect_wish(h, BRIDGE_LOCK);
    expect_silence(h);
}

/* --- patience --- */

/* DEC-16: signs of life without progress are borne ten times as long. */
static void loses_patience_with_signs_of_life(void **state)
{
    struct harness *h = *state;
    const uint64_t step = h->upstream_policy.upstream_timeout_ms - 1000;
    uint64_t waited = 0;

    begin(h);
    log_in(h);
    client_says(h, "RETR 1\r\n");
    expect_upstream(h, RETRIEVE);
    while (waited + step <
           UPSTREAM_PATIENCE * h->upstream_policy.upstream_timeout_ms) {
        time_passes(h, step);
        waited += step;
        expect_silence(h);
        upstream_says(h, "* OK still searching\r\n");
    }
    time_passes(h, step);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_error(h, "SYS/TEMP");
    expect_wish(h, BRIDGE_UNLOCK);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_over(h, FAULT_UPSTREAM_SILENT);
}

/* DEC-16: the login's time is over while the client waits for our word, or for
 * one that is held back (POP-10): it has it.
 */
static void tells_who_waits_for_a_login(void **state)
{
    struct harness *h = *state;

    h->upstream_policy.upstream_timeout_ms = 2 * h->policy.login_timeout_ms;
    begin(h);
    connect_upstream(h);
    client_says(h, "PASS p\r\n");
    expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
    time_passes(h, h->policy.login_timeout_ms - 1);
    expect_silence(h);
    time_passes(h, 1);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_error(h, "SYS/TEMP");
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_over(h, FAULT_LOGIN_TIMEOUT);
    restart(h);

    h->policy.auth_failure_delay_ms = 2 * h->policy.login_timeout_ms;
    begin(h);
    connect_upstream(h);
    client_says(h, "PASS p\r\n");
    expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
    upstream_says(h, "# NO x\r\n");
    expect_upstream(h, "# LOGOUT\r\n");
    upstream_says(h, "# OK\r\n");
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    time_passes(h, h->policy.login_timeout_ms);
    expect_error(h, "AUTH");
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
}

/* DEC-13: a lock that comes when nobody wants it any more is given back. */
static void gives_back_a_late_lock(void **state)
{
    struct harness *h = *state;

    begin(h);
    connect_upstream(h);
    client_says(h, "PASS p\r\n");
    expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
    upstream_says(h, "# OK [CAPABILITY IMAP4rev1] in\r\n");
    expect_wish(h, BRIDGE_LOCK);
    outcome(h, BRIDGE_CLIENT_CLOSED);
    expect_upstream(h, "# LOGOUT\r\n");
    outcome(h, BRIDGE_LOCKED);
    expect_wish(h, BRIDGE_UNLOCK);
    upstream_says(h, "* BYE\r\n# OK\r\n");
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_over(h, FAULT_CLIENT_GONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SESSION_TEST(lists_behind_a_pause),
        SESSION_TEST(bears_one_pause),
        SESSION_TEST(removes_behind_a_pause),
        SESSION_TEST(searches_again_behind_a_pause),
        SESSION_TEST(does_not_pause_within_a_message),
        SESSION_TEST(loses_either_side_in_a_pause),
        SESSION_TEST(loses_the_upstream_behind_a_keepalive),
        SESSION_TEST(quits_after_a_loss),
        SESSION_TEST(does_not_connect_for_seen),
        SESSION_TEST(tells_the_clients_address),
        SESSION_TEST(tells_the_address_before_the_login),
        SESSION_TEST(loses_patience_with_signs_of_life),
        SESSION_TEST(tells_who_waits_for_a_login),
        SESSION_TEST(gives_back_a_late_lock),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
