/* Every wait has an end: the clock of a session. */
#include "support/session_harness.h"

#include "base/limits.h"

#define MINUTE ((uint64_t)60 * 1000)

/* Time goes on, and the upstream answers the NOOPs that come meanwhile;
 * returns how many they were.
 */
static unsigned time_passes_with_noops(struct harness *h, uint64_t ms)
{
    unsigned noops = 0;

    for (; ms > 0; ms -= ms < 1000 ? ms : 1000) {
        time_passes(h, ms < 1000 ? ms : 1000);
        if (buf_length(&h->upstream) == 0)
            continue;
        expect_upstream(h, "# NOOP\r\n");
        upstream_says(h, "# OK\r\n");
        noops++;
    }
    return noops;
}

/* DEC-16: the whole way to a login has one limit, whatever is said on it;
 * POP-25: it ends without a word.
 */
static void ends_a_knocker(void **state)
{
    struct harness *h = *state;

    begin(h);
    time_passes(h, 2 * MINUTE);
    client_says(h, "NOOP\r\n");
    expect_error(h, NULL);
    time_passes(h, MINUTE - 1);
    expect_silence(h);
    time_passes(h, 1);
    expect_wish(h, BRIDGE_ABORT_CLIENT);
    expect_over(h, FAULT_LOGIN_TIMEOUT);
}

/* DEC-16: also behind USER, with an upstream connection. */
static void ends_one_who_named_itself(void **state)
{
    struct harness *h = *state;

    begin(h);
    connect_upstream(h);
    time_passes(h, 3 * MINUTE);
    expect_upstream(h, "# LOGOUT\r\n");
    expect_wish(h, BRIDGE_ABORT_CLIENT);
    time_passes(h, LOGOUT_TIMEOUT_MS);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_over(h, FAULT_LOGIN_TIMEOUT);
}

/* POP-24, POP-25, POP-22: ten minutes of silence, reset by any command, even
 * one that is none; then the end, silently and without UPDATE.
 */
static void ends_an_idle_session(void **state)
{
    struct harness *h = *state;

    begin(h);
    log_in(h);
    client_says(h, "DELE 1\r\n");
    expect_ok(h);
    time_passes(h, 10 * MINUTE - 1);
    client_says(h, "XYZ\r\n");
    expect_error(h, NULL);
    (void)time_passes_with_noops(h, 10 * MINUTE - 1);
    expect_silence(h);
    time_passes(h, 1);
    expect_logout(h);
    expect_wish(h, BRIDGE_ABORT_CLIENT);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_over(h, FAULT_CLIENT_IDLE);
}

/* DEC-16, POP-17: a client that says NOOP every nine minutes stays for an hour
 * and more, and so does the upstream, by NOOPs of ours.
 */
static void keeps_both_sides_alive(void **state)
{
    struct harness *h = *state;
    unsigned noops = 0;

    begin(h);
    log_in(h);
    for (unsigned i = 0; i < 10; i++) {
        noops += time_passes_with_noops(h, 9 * MINUTE);
        client_says(h, "NOOP\r\n");
        expect_ok(h);
        expect_silence(h);
    }
    assert_in_range(noops, 3, 6);
    quit(h);
}

/* The keep-alive is under way when a command comes: it waits its turn. */
static void retrieves_behind_a_keepalive(void **state)
{
    struct harness *h = *state;

    begin(h);
    log_in(h);
    time_passes(h, 9 * MINUTE);
    client_says(h, "NOOP\r\n");
    expect_ok(h);
    time_passes(h, 6 * MINUTE);
    expect_upstream(h, "# NOOP\r\n");
    client_says(h, "RETR 1\r\nQUIT\r\n");
    expect_silence(h);
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, "# UID FETCH 10 (UID BODY.PEEK[])\r\n");
    upstream_says(h, "* 1 FETCH (UID 10 BODY[] \"xyxyx\")\r\n# OK\r\n");
    expect_ok(h);
    expect_client(h, "xyxyx\r\n.\r\n");
    expect_logout(h);
    expect_ok(h);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_over(h, FAULT_NONE);
}

/* MAP-9: silence in a command is -ERR within upstream_timeout; progress, even
 * a line about it, begins the time anew.
 */
static void ends_a_silent_upstream(void **state)
{
    struct harness *h = *state;

    begin(h);
    log_in(h);
    client_says(h, "RETR 1\r\n");
    expect_upstream(h, "# UID FETCH 10 (UID BODY.PEEK[])\r\n");
    time_passes(h, MINUTE - 1);
    upstream_says(h, "* OK Searched 97%\r\n");
    time_passes(h, MINUTE - 1);
    expect_silence(h);
    time_passes(h, 1);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_error(h, "SYS/TEMP");
    expect_wish(h, BRIDGE_UNLOCK);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_over(h, FAULT_UPSTREAM_SILENT);
}

/* DEC-10: silence within a body: cut off. */
static void ends_a_silent_body(void **state)
{
    struct harness *h = *state;

    begin(h);
    log_in(h);
    client_says(h, "RETR 1\r\n");
    expect_upstream(h, "# UID FETCH 10 (UID BODY.PEEK[])\r\n");
    upstream_says(h, "* 1 FETCH (UID 10 BODY[] {5}\r\nxy");
    expect_ok(h);
    expect_client(h, "xy");
    time_passes(h, MINUTE);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_wish(h, BRIDGE_UNLOCK);
    expect_wish(h, BRIDGE_ABORT_CLIENT);
    expect_over(h, FAULT_UPSTREAM_SILENT);
}

/* A client that does not read is idle too: the session ends. */
static void ends_a_client_that_does_not_read(void **state)
{
    struct harness *h = *state;

    begin(h);
    log_in(h);
    h->client_is_slow = true;
    client_says(h, "CAPA\r\n");
    time_passes(h, 10 * MINUTE - 1);
    expect_silence(h);
    time_passes(h, 1);
    expect_logout(h);
    expect_wish(h, BRIDGE_ABORT_CLIENT);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_over(h, FAULT_CLIENT_IDLE);
}

/* IMAP-31: LOGOUT waits five seconds for its answer, not longer; the client
 * has its own by then.
 */
static void limits_logout(void **state)
{
    struct harness *h = *state;

    begin(h);
    log_in(h);
    client_says(h, "QUIT\r\n");
    expect_wish(h, BRIDGE_UNLOCK);
    expect_upstream(h, "# LOGOUT\r\n");
    expect_ok(h);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    time_passes(h, LOGOUT_TIMEOUT_MS - 1);
    expect_silence(h);
    time_passes(h, 1);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_over(h, FAULT_NONE);
}

/* MAP-2: a server that throttles and names a short wait is obeyed, once; a
 * long one is [SYS/TEMP].
 */
static void obeys_a_short_pause(void **state)
{
    static const char throttled[] =
        "# BAD Request is throttled. Suggested Backoff Time: 5000 "
        "milliseconds\r\n";
    struct harness *h = *state;

    begin(h);
    log_in(h);
    client_says(h, "RETR 1\r\n");
    expect_upstream(h, "# UID FETCH 10 (UID BODY.PEEK[])\r\n");
    upstream_says(h, throttled);
    time_passes(h, 4999);
    expect_silence(h);
    time_passes(h, 1);
    expect_upstream(h, "# UID FETCH 10 (UID BODY.PEEK[])\r\n");
    upstream_says(h, throttled);
    expect_error(h, "SYS/TEMP");
    client_says(h, "RETR 1\r\n");
    expect_upstream(h, "# UID FETCH 10 (UID BODY.PEEK[])\r\n");
    upstream_says(h, "# BAD Request is throttled. Suggested Backoff Time: "
                     "299499 milliseconds\r\n");
    expect_error(h, "SYS/TEMP");
    expect_silence(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SESSION_TEST(ends_a_knocker),
        SESSION_TEST(ends_one_who_named_itself),
        SESSION_TEST(ends_an_idle_session),
        SESSION_TEST(keeps_both_sides_alive),
        SESSION_TEST(retrieves_behind_a_keepalive),
        SESSION_TEST(ends_a_silent_upstream),
        SESSION_TEST(ends_a_silent_body),
        SESSION_TEST(ends_a_client_that_does_not_read),
        SESSION_TEST(limits_logout),
        SESSION_TEST(obeys_a_short_pause),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
