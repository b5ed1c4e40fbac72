/* A connection that has rested is taken up: whatever has become of it, it never
 * makes a login fail (CONFORMANCE DEC-20).
 */
#include "support/parking.h"

#define SILENCE_MS 10000 /* of one that has rested */

static void take_up_to_select(struct harness *h)
{
    take_up(h);
    outcome(h, BRIDGE_LOCKED);
    expect_upstream(h, "# SELECT INBOX\r\n");
    expect_silence(h);
}

/* The connection that has rested is of no use: as if there had been none, but
 * that the lock is held already.
 */
static void expect_new_connection(struct harness *h, enum fault fault)
{
    expect_note(h, BRIDGE_NOTE_NOT_REUSED, fault);
    h->tag_count = 0;
    greet_and_log_in(h);
    upstream_says(h, "# OK [CAPABILITY IMAP4rev1 UIDPLUS] in\r\n");
    open_mailbox(h);
    assert_int_equal(bridge_report(h->bridge)->upstream_reused, 0);
    assert_int_equal(bridge_report(h->bridge)->upstream_failures, 0);
    quit_and_park(h);
}

static void does_without_one_that_closed(void **state)
{
    struct harness *h = *state;

    take_up_to_select(h);
    outcome(h, BRIDGE_UPSTREAM_CLOSED);
    expect_new_connection(h, FAULT_UPSTREAM_GONE);
}

static void does_without_one_that_says_bye(void **state)
{
    struct harness *h = *state;

    take_up_to_select(h);
    upstream_says(h, "* BYE idle for too long\r\n");
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_new_connection(h, FAULT_UPSTREAM_BYE);
}

static void does_without_one_that_refuses(void **state)
{
    struct harness *h = *state;

    take_up_to_select(h);
    upstream_says(h, "# NO no such user any more\r\n");
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_new_connection(h, FAULT_MAILBOX_BUSY);
}

static void does_without_one_that_does_not_understand(void **state)
{
    struct harness *h = *state;

    take_up_to_select(h);
    upstream_says(h, "# BAD what\r\n");
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_new_connection(h, FAULT_UPSTREAM_REJECTED);
}

static void does_without_one_that_is_garbled(void **state)
{
    struct harness *h = *state;

    take_up_to_select(h);
    upstream_says(h, "* 4 EXISTS\r\nA999 OK\r\n");
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_new_connection(h, FAULT_UPSTREAM_GARBLED);
}

/* It may be dead without a sign: nobody waits the whole upstream_timeout. */
static void does_without_one_that_is_silent(void **state)
{
    struct harness *h = *state;

    take_up_to_select(h);
    time_passes(h, SILENCE_MS - 1);
    expect_silence(h);
    time_passes(h, 1);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_new_connection(h, FAULT_UPSTREAM_SILENT);
}

/* Nor for one that talks of other things; and a quarter of a short limit. */
static void does_without_one_that_only_talks(void **state)
{
    struct harness *h = *state;

    h->upstream_policy.upstream_timeout_ms = 8000;
    take_up_to_select(h);
    time_passes(h, 1999);
    upstream_says(h, "* OK still here\r\n");
    expect_silence(h);
    time_passes(h, 1);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_new_connection(h, FAULT_UPSTREAM_SILENT);
}

/* Once it has answered SELECT, the usual limit holds. */
static void waits_as_ever_once_selected(void **state)
{
    struct harness *h = *state;

    take_up_to_select(h);
    upstream_says(h, h->server.select);
    upstream_says(h, h->server.selected);
    expect_upstream(h, LISTING);
    time_passes(h, 59999);
    expect_silence(h);
    time_passes(h, 1);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_wish(h, BRIDGE_UNLOCK);
    expect_error(h, "SYS/TEMP");
}

/* Lost while the lock is asked for: what is answered later is given back. */
static void does_without_one_lost_before_the_lock(void **state)
{
    struct harness *h = *state;

    take_up(h);
    outcome(h, BRIDGE_UPSTREAM_CLOSED);
    expect_wish(h, BRIDGE_CONNECT);
    outcome(h, BRIDGE_LOCKED);
    expect_wish(h, BRIDGE_UNLOCK);
    outcome(h, BRIDGE_UPSTREAM_UP);
    upstream_says(h, "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n");
    expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
    upstream_says(h, "# OK [CAPABILITY IMAP4rev1 UIDPLUS] in\r\n");
    expect_wish(h, BRIDGE_LOCK);
    outcome(h, BRIDGE_LOCKED);
    open_mailbox(h);
}

/* It is still unanswered when the new connection is logged in: one lock is
 * asked for once.
 */
static void asks_for_one_lock_at_a_time(void **state)
{
    struct harness *h = *state;

    take_up(h);
    outcome(h, BRIDGE_UPSTREAM_CLOSED);
    greet_and_log_in(h);
    upstream_says(h, "# OK [CAPABILITY IMAP4rev1 UIDPLUS] in\r\n");
    expect_silence(h);
    outcome(h, BRIDGE_LOCKED);
    open_mailbox(h);
}

/* A second loss is one like any other. */
static void tries_anew_only_once(void **state)
{
    struct harness *h = *state;

    take_up_to_select(h);
    outcome(h, BRIDGE_UPSTREAM_CLOSED);
    expect_wish(h, BRIDGE_CONNECT);
    outcome(h, BRIDGE_UPSTREAM_UNREACHABLE);
    expect_wish(h, BRIDGE_UNLOCK);
    expect_error(h, "SYS/TEMP");
    expect_silence(h);
    assert_int_equal(bridge_report(h->bridge)->upstream_failures, 1);
}

/* The password was changed meanwhile: the server has the last word. */
static void is_refused_on_the_new_connection(void **state)
{
    struct harness *h = *state;

    take_up_to_select(h);
    outcome(h, BRIDGE_UPSTREAM_CLOSED);
    h->tag_count = 0;
    greet_and_log_in(h);
    upstream_says(h, "# NO [AUTHENTICATIONFAILED] wrong\r\n");
    expect_wish(h, BRIDGE_UNLOCK);
    expect_upstream(h, "# LOGOUT\r\n");
    expect_error(h, "AUTH");
    expect_silence(h);
}

/* The client's time for a login does not begin anew. */
static void keeps_the_clients_time(void **state)
{
    struct harness *h = *state;

    h->policy.login_timeout_ms = 5000;
    take_up_to_select(h);
    time_passes(h, 5000);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_wish(h, BRIDGE_UNLOCK);
    expect_error(h, "SYS/TEMP");
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_over(h, FAULT_LOGIN_TIMEOUT);
}

static void is_gone_with_its_client(void **state)
{
    struct harness *h = *state;

    take_up_to_select(h);
    outcome(h, BRIDGE_CLIENT_CLOSED);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_wish(h, BRIDGE_UNLOCK);
    expect_over(h, FAULT_CLIENT_GONE);
}

static void tells_of_a_shut_down(void **state)
{
    struct harness *h = *state;

    take_up_to_select(h);
    outcome(h, BRIDGE_SHUT_DOWN);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_wish(h, BRIDGE_UNLOCK);
    expect_error(h, "SYS/TEMP");
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_over(h, FAULT_SHUTDOWN);
}

/* RFC 9051 §7.1, CLOSED: what comes before it is about the old view; here a
 * mailbox read-only, without lasting UIDs, of other messages.
 */
static void forgets_what_is_said_of_the_old_view(void **state)
{
    struct harness *h = *state;

    take_up_to_select(h);
    upstream_says(h, "* 1 FETCH (FLAGS (\\Deleted))\r\n"
                     "* 9 EXISTS\r\n* 3 EXPUNGE\r\n"
                     "* OK [UIDVALIDITY 5] old\r\n"
                     "* NO [UIDNOTSTICKY] old\r\n"
                     "* OK [READ-ONLY] old\r\n"
                     "* OK [PERMANENTFLAGS ()] old\r\n"
                     "* OK [CLOSED] now the new one\r\n");
    upstream_says(h, h->server.select);
    upstream_says(h, h->server.selected);
    expect_upstream(h, LISTING);
    upstream_says(h, h->server.listing);
    upstream_says(h, "# OK listed\r\n");
    expect_ok(h);
    client_says(h, "STAT\r\nUIDL 1\r\nDELE 1\r\n");
    expect_client(h, "+OK 3 505\r\n+OK 1 77.10\r\n");
    expect_ok(h);
}

/* Servers without QRESYNC or IMAP4rev2 say no CLOSED; and meanwhile the mailbox
 * was made anew.
 */
static void lists_what_is_there_now(void **state)
{
    struct harness *h = *state;

    take_up(h);
    upstream_says(h, "* 1 EXPUNGE\r\n");
    outcome(h, BRIDGE_LOCKED);
    expect_upstream(h, "# SELECT INBOX\r\n");
    upstream_says(h, "* 1 EXPUNGE\r\n* 1 EXPUNGE\r\n* 7 EXISTS\r\n"
                     "* 4 FETCH (FLAGS ())\r\n"
                     "* 1 EXISTS\r\n* OK [UIDVALIDITY 78] new\r\n"
                     "# OK [READ-WRITE] selected\r\n");
    expect_upstream(h, LISTING);
    upstream_says(h, "* 1 FETCH (UID 10 FLAGS () RFC822.SIZE 9)\r\n"
                     "# OK listed\r\n");
    expect_ok(h);
    client_says(h, "STAT\r\nUIDL 1\r\n");
    expect_client(h, "+OK 1 9\r\n+OK 1 78.10\r\n");
    quit_and_park(h);
}

/* DEC-6: without CLOSED nobody knows which view a `[READ-ONLY]` is about: the
 * one that answers SELECT decides (RFC 3501 §6.3.1).
 */
static void believes_the_answer_to_select(void **state)
{
    struct harness *h = *state;

    take_up_to_select(h);
    upstream_says(h, "* OK [READ-ONLY] old\r\n");
    upstream_says(h, h->server.select);
    upstream_says(h, "# OK [READ-WRITE] selected\r\n");
    expect_upstream(h, LISTING);
    upstream_says(h, h->server.listing);
    upstream_says(h, "# OK listed\r\n");
    expect_ok(h);
    client_says(h, "DELE 1\r\n");
    expect_ok(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SESSION_TEST(does_without_one_that_closed),
        SESSION_TEST(does_without_one_that_says_bye),
        SESSION_TEST(does_without_one_that_refuses),
        SESSION_TEST(does_without_one_that_does_not_understand),
        SESSION_TEST(does_without_one_that_is_garbled),
        SESSION_TEST(does_without_one_that_is_silent),
        SESSION_TEST(does_without_one_that_only_talks),
        SESSION_TEST(waits_as_ever_once_selected),
        SESSION_TEST(does_without_one_lost_before_the_lock),
        SESSION_TEST(asks_for_one_lock_at_a_time),
        SESSION_TEST(tries_anew_only_once),
        SESSION_TEST(is_refused_on_the_new_connection),
        SESSION_TEST(keeps_the_clients_time),
        SESSION_TEST(is_gone_with_its_client),
        SESSION_TEST(tells_of_a_shut_down),
        SESSION_TEST(forgets_what_is_said_of_the_old_view),
        SESSION_TEST(lists_what_is_there_now),
        SESSION_TEST(believes_the_answer_to_select),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
