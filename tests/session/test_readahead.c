/* Read-ahead: what is on its way before the client asks for it, and what
 * becomes of it where the client asks for something else.
 */
#include <string.h>

#include "base/limits.h"
#include "support/numbered.h"

static void expect_end(struct harness *h)
{
    expect_logout(h);
    expect_ok(h);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_over(h, FAULT_NONE);
}

/* --- in order --- */

/* RETR of the messages up to |to|, of |count|: in batches, each of which is
 * fetched when the last message of the one before is asked for, and as large as
 * what was retrieved in order.
 */
static void retrieve_in_order(struct harness *h, unsigned to, unsigned count)
{
    unsigned fetched = 2;

    retrieve_first(h);
    for (unsigned n = 2; n <= to; n++) {
        unsigned more = n < READAHEAD_MESSAGES_MAX ? n : READAHEAD_MESSAGES_MAX;

        assert_waits(h);
        says_retr(h, n);
        if (n < fetched) {
            expect_silence(h);
            says_body(h, n);
        } else {
            if (n + more > count)
                more = count - n;
            if (more > 0)
                expect_fetches(h, n + 1, n + more);
            expect_silence(h);
            fetched += more;
            says_message(h, n);
        }
        expect_message(h, n);
        expect_silence(h);
    }
}

/* IMAP-24: as many as were retrieved, and never one that is not there. */
static void fetches_more_each_time(void **state)
{
    struct harness *h = *state;

    numbered_log_in(h, 12);
    retrieve_in_order(h, 12, 12);
    assert_true(bridge_upstream_room(h->bridge) > 0);
    quit(h);
}

/* What came early waits for its RETR: nothing of it is read, or kept but for
 * what came with the message before it; the server is not awaited meanwhile.
 */
static void lets_the_octets_wait(void **state)
{
    struct harness *h = *state;

    numbered_log_in(h, 4);
    says_retr(h, 1);
    expect_fetch(h, 1);
    expect_fetch(h, 2);
    upstream_says(h, "* 1 FETCH (UID 10 BODY[] \"m0001\")\r\n# OK\r\n"
                     "* 2 FETCH (UID 20 BODY[] \"m0002\")\r\n# OK\r\n");
    expect_message(h, 1);
    expect_silence(h);
    assert_waits(h);
    client_says(h, "STAT\r\n");
    expect_client(h, "+OK 4 20\r\n");
    assert_waits(h);
    says_retr(h, 2);
    expect_fetches(h, 3, 4);
    expect_message(h, 2);
    says_retr(h, 3);
    says_body(h, 3);
    says_retr(h, 4);
    says_message(h, 4);
    expect_message(h, 3);
    expect_message(h, 4);
    quit(h);
}

/* READAHEAD_MESSAGES_MAX, and no more. */
static void keeps_to_its_number(void **state)
{
    const unsigned count = 2 * READAHEAD_MESSAGES_MAX;
    struct harness *h = *state;

    numbered_log_in(h, NUMBERED_MAX);
    retrieve_in_order(h, count, NUMBERED_MAX);
    outcome(h, BRIDGE_CLIENT_CLOSED);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_wish(h, BRIDGE_UNLOCK);
    expect_over(h, FAULT_CLIENT_GONE);
}

static void keeps_to_its_octets(void **state)
{
    struct harness *h = *state;

    numbered_log_in_within(h, 9, 2 * NUMBERED_OCTETS + 1);
    retrieve_first(h);
    says_retr(h, 2);
    expect_fetches(h, 3, 4);
    says_message(h, 2);
    expect_message(h, 2);
    says_retr(h, 3);
    says_body(h, 3);
    expect_message(h, 3);
    /* A third would go with the order, but not with the octets. */
    says_retr(h, 4);
    expect_fetches(h, 5, 6);
    says_message(h, 4);
    expect_message(h, 4);
    assert_int_equal(octet_budget_taken(&h->budget), 2 * NUMBERED_OCTETS);
}

/* The octets of all sessions: what others have is not to be had. */
static void keeps_to_the_octets_of_all(void **state)
{
    struct harness *h = *state;

    octet_budget_init(&h->budget, 2 * NUMBERED_OCTETS);
    assert_true(octet_budget_take(&h->budget, NUMBERED_OCTETS));
    numbered_log_in(h, 9);
    retrieve_first(h);
    assert_int_equal(octet_budget_taken(&h->budget), 2 * NUMBERED_OCTETS);
    says_retr(h, 2);
    expect_fetch(h, 3);
    says_message(h, 2);
    expect_message(h, 2);
    octet_budget_give(&h->budget, NUMBERED_OCTETS);
    says_retr(h, 3);
    expect_fetches(h, 4, 5);
    says_message(h, 3);
    expect_message(h, 3);
}

static void can_be_turned_off(void **state)
{
    struct harness *h = *state;

    numbered_log_in_within(h, 3, 0);
    says_retr(h, 1);
    client_says(h, "RETR 2\r\nRETR 3\r\n");
    for (unsigned n = 1; n <= 3; n++) {
        expect_fetch(h, n);
        expect_silence(h);
        says_message(h, n);
        expect_message(h, n);
    }
    quit(h);
}

/* --- not in order --- */

/* TOP: nobody knows what follows; it is read at once all the same. */
static void loses_the_order_at_top(void **state)
{
    struct harness *h = *state;

    numbered_log_in(h, 9);
    retrieve_first(h);
    client_says(h, "TOP 2 0\r\n");
    expect_upstream(h, "# UID FETCH 20 (UID BODY.PEEK[]<0.65536>)\r\n");
    expect_silence(h);
    says_message(h, 2); /* as a whole: that is not what TOP asked for */
    expect_silence(h);
    upstream_says(h, "* 2 FETCH (UID 20 BODY[]<0> \"m0002\")\r\n# OK\r\n");
    expect_message(h, 2);
    says_retr(h, 2);
    expect_fetch(h, 2);
    expect_silence(h);
    says_message(h, 2);
    expect_message(h, 2);
    says_retr(h, 3);
    expect_fetch(h, 3);
    expect_fetch(h, 4);
    says_message(h, 3);
    expect_message(h, 3);
}

/* A message out of order: what was on its way passes by before it. */
static void loses_the_order_at_a_jump(void **state)
{
    struct harness *h = *state;

    numbered_log_in(h, 9);
    retrieve_first(h);
    says_retr(h, 5);
    expect_fetch(h, 5);
    expect_silence(h);
    says_message(h, 2);
    expect_silence(h);
    says_message(h, 5);
    expect_message(h, 5);
    /* All was answered: the server is heard. */
    assert_true(bridge_upstream_room(h->bridge) > 0);
    says_retr(h, 6);
    expect_fetch(h, 6);
    expect_fetch(h, 7);
    says_message(h, 6);
    expect_message(h, 6);
    /* The same once more is out of order too. */
    says_retr(h, 6);
    expect_fetch(h, 6);
    says_message(h, 7);
    says_message(h, 6);
    expect_message(h, 6);
    quit(h);
}

/* Further ahead than the next: those between have passed by. */
static void jumps_among_what_is_on_its_way(void **state)
{
    struct harness *h = *state;

    numbered_log_in(h, 9);
    retrieve_first(h);
    says_retr(h, 2);
    expect_fetches(h, 3, 4);
    says_message(h, 2);
    expect_message(h, 2);
    says_retr(h, 4);
    expect_silence(h);
    says_body(h, 3);
    expect_silence(h);
    says_message(h, 4);
    expect_message(h, 4);
    says_retr(h, 3);
    expect_fetch(h, 3);
    says_message(h, 3);
    expect_message(h, 3);
    quit(h);
}

/* --- marks --- */

static void passes_over_what_is_deleted(void **state)
{
    struct harness *h = *state;

    numbered_log_in(h, 6);
    client_says(h, "DELE 2\r\nDELE 4\r\n");
    expect_ok(h);
    expect_ok(h);
    says_retr(h, 1);
    expect_fetch(h, 1);
    expect_fetch(h, 3);
    says_message(h, 1);
    expect_message(h, 1);
    says_retr(h, 3);
    expect_fetches(h, 5, 6);
    says_message(h, 3);
    expect_message(h, 3);
}

/* DELE of a message that is on its way: what comes of it is nobody's. */
static void deletes_what_is_on_its_way(void **state)
{
    struct harness *h = *state;

    numbered_log_in(h, 4);
    retrieve_first(h);
    client_says(h, "DELE 2\r\nRETR 2\r\n");
    expect_ok(h);
    expect_error(h, NULL);
    assert_waits(h);
    says_retr(h, 3);
    expect_fetch(h, 3);
    says_message(h, 2);
    expect_silence(h);
    says_message(h, 3);
    expect_fetch(h, 4);
    expect_message(h, 3);
    client_says(h, "QUIT\r\n");
    says_message(h, 4);
    expect_upstream(h, "# UID STORE 20 +FLAGS.SILENT (\\Deleted)\r\n");
}

/* RSET: a message that was passed over is the next one again. The one that was
 * fetched in its place passes by before it, and is fetched anew.
 */
static void finds_what_rset_brings_back(void **state)
{
    struct harness *h = *state;

    numbered_log_in(h, 5);
    client_says(h, "DELE 2\r\n");
    expect_ok(h);
    says_retr(h, 1);
    expect_fetch(h, 1);
    expect_fetch(h, 3);
    says_message(h, 1);
    expect_message(h, 1);
    client_says(h, "RSET\r\n");
    expect_ok(h);
    says_retr(h, 2);
    expect_fetch(h, 2);
    says_message(h, 3);
    expect_silence(h);
    says_message(h, 2);
    expect_fetches(h, 3, 4);
    expect_message(h, 2);
    says_retr(h, 3);
    says_body(h, 3);
    expect_message(h, 3);
}

/* --- in vain --- */

/* DEC-4: QUIT waits until what was read ahead has come and gone: what follows
 * runs alone (IMAP-24).
 */
static void quits_behind_it(void **state)
{
    struct harness *h = *state;

    numbered_log_in(h, 4);
    retrieve_first(h);
    client_says(h, "DELE 1\r\nQUIT\r\n");
    expect_ok(h);
    expect_silence(h);
    says_message(h, 2);
    expect_upstream(h, "# UID STORE 10 +FLAGS.SILENT (\\Deleted)\r\n");
    expect_silence(h);
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, "# UID EXPUNGE 10\r\n");
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, "# UID FETCH 10 (UID FLAGS)\r\n");
    upstream_says(h, "# OK\r\n");
    expect_end(h);
}

/* DEC-3: what nobody asked for has not been seen. */
static void marks_nothing_as_seen(void **state)
{
    struct harness *h = *state;

    h->mailbox_policy.mark_seen = true;
    numbered_log_in(h, 4);
    retrieve_first(h);
    says_message(h, 2);
    client_says(h, "QUIT\r\n");
    expect_upstream(h, "# UID STORE 10 +FLAGS.SILENT (\\Seen)\r\n");
    upstream_says(h, "# OK\r\n");
    expect_end(h);
}

/* Ten seconds without a word: it is read off, and fetched anew when the client
 * asks for it at last.
 */
static void waits_for_a_while(void **state)
{
    struct harness *h = *state;

    numbered_log_in(h, 9);
    retrieve_first(h);
    says_message(h, 2);
    time_passes(h, READAHEAD_PATIENCE_MS - 1);
    client_says(h, "NOOP\r\n");
    expect_ok(h);
    time_passes(h, READAHEAD_PATIENCE_MS - 1);
    expect_silence(h);
    assert_waits(h);
    time_passes(h, 1);
    expect_silence(h);
    assert_all_taken(h);
    assert_int_equal(octet_budget_taken(&h->budget), 0);
    says_retr(h, 2);
    expect_fetch(h, 2);
    expect_silence(h);
    says_message(h, 2);
    expect_message(h, 2);
    says_retr(h, 3);
    expect_fetch(h, 3);
    expect_fetch(h, 4);
}

#define LARGE_OCTETS 40000

/* RETR 1 is answered with a large message; 2 is on its way. Returns its lines. */
static const char *retrieve_large(struct harness *h)
{
    static char lines[LARGE_OCTETS + sizeof("\r\n.\r\n")];

    says_retr(h, 1);
    expect_fetch(h, 1);
    expect_fetch(h, 2);
    memset(lines, 'x', LARGE_OCTETS);
    lines[LARGE_OCTETS] = '\0';
    upstream_says(h, "* 1 FETCH (UID 10 BODY[] {40000}\r\n");
    upstream_says(h, lines);
    upstream_says(h, ")\r\n# OK\r\n");
    assert_waits(h);
    memcpy(lines + LARGE_OCTETS, "\r\n.\r\n", sizeof("\r\n.\r\n"));
    return lines;
}

/* A large message takes the client its time, wherever its octets are. */
static void waits_longer_behind_a_large_one(void **state)
{
    struct harness *h = *state;
    const char *lines;

    numbered_log_in(h, 9);
    lines = retrieve_large(h);
    expect_ok(h);
    expect_client(h, lines);
    time_passes(h, READAHEAD_PATIENCE_MS +
                       LARGE_OCTETS / READAHEAD_CLIENT_RATE - 1);
    assert_waits(h);
    time_passes(h, 1);
    assert_int_not_equal(bridge_upstream_room(h->bridge), 0);
}

/* One that has not taken it cannot ask for the next. */
static void waits_while_the_client_is_behind(void **state)
{
    struct harness *h = *state;
    const char *lines;

    numbered_log_in(h, 9);
    h->client_is_slow = true;
    lines = retrieve_large(h);
    time_passes(h, READAHEAD_WAIT_MAX_MS - 1);
    assert_waits(h);
    time_passes(h, 1);
    assert_int_not_equal(bridge_upstream_room(h->bridge), 0);
    h->client_is_slow = false;
    client_takes(h, SIZE_MAX);
    expect_ok(h);
    expect_client(h, lines);
}

/* DEC-16: one that only says that it is there is not waited for without end: to
 * the server, whose octets nobody takes, we are the one that does nothing.
 */
static void waits_no_longer_for_a_busy_client(void **state)
{
    struct harness *h = *state;
    uint64_t step_ms = READAHEAD_PATIENCE_MS / 2;

    numbered_log_in(h, 9);
    retrieve_first(h);
    says_message(h, 2);
    for (uint64_t ms = step_ms; ms < READAHEAD_WAIT_MAX_MS; ms += step_ms) {
        time_passes(h, step_ms);
        assert_waits(h);
        client_says(h, "NOOP\r\n");
        expect_ok(h);
    }
    time_passes(h, step_ms);
    expect_silence(h);
    assert_all_taken(h);
    assert_int_equal(octet_budget_taken(&h->budget), 0);
}

/* A RETR that comes while it is read off waits for the end of that. */
static void retrieves_behind_it(void **state)
{
    struct harness *h = *state;

    numbered_log_in(h, 9);
    retrieve_first(h);
    time_passes(h, READAHEAD_PATIENCE_MS);
    says_retr(h, 2);
    expect_silence(h);
    says_message(h, 2);
    expect_fetch(h, 2);
    expect_silence(h);
    says_message(h, 2);
    expect_message(h, 2);
    quit(h);
}

/* DEC-16: the connection that was drained is kept alive as any other is. */
static void keeps_the_connection_alive(void **state)
{
    struct harness *h = *state;

    h->policy.session_timeout_ms = 2 * UPSTREAM_KEEPALIVE_MS;
    numbered_log_in(h, 9);
    retrieve_first(h);
    time_passes(h, READAHEAD_PATIENCE_MS);
    says_message(h, 2);
    time_passes(h, UPSTREAM_KEEPALIVE_MS - 1);
    expect_silence(h);
    time_passes(h, 1);
    expect_upstream(h, "# NOOP\r\n");
    upstream_says(h, "# OK\r\n");
    quit(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SESSION_TEST(fetches_more_each_time),
        SESSION_TEST(lets_the_octets_wait),
        SESSION_TEST(keeps_to_its_number),
        SESSION_TEST(keeps_to_its_octets),
        SESSION_TEST(keeps_to_the_octets_of_all),
        SESSION_TEST(can_be_turned_off),
        SESSION_TEST(loses_the_order_at_top),
        SESSION_TEST(loses_the_order_at_a_jump),
        SESSION_TEST(jumps_among_what_is_on_its_way),
        SESSION_TEST(passes_over_what_is_deleted),
        SESSION_TEST(deletes_what_is_on_its_way),
        SESSION_TEST(finds_what_rset_brings_back),
        SESSION_TEST(quits_behind_it),
        SESSION_TEST(marks_nothing_as_seen),
        SESSION_TEST(waits_for_a_while),
        SESSION_TEST(waits_longer_behind_a_large_one),
        SESSION_TEST(waits_while_the_client_is_behind),
        SESSION_TEST(waits_no_longer_for_a_busy_client),
        SESSION_TEST(retrieves_behind_it),
        SESSION_TEST(keeps_the_connection_alive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
