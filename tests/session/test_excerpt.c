/* What is asked for where a window is shown of a mailbox too great to be listed
 * for that. Such is the one of three messages here: UIDs 10, 20 and 30.
 */
#include "support/session_harness.h"

#include "base/limits.h"

#define WITH_ESEARCH "IMAP4rev1 UIDPLUS ESEARCH"
#define ITEMS " (UID FLAGS RFC822.SIZE)\r\n"
#define ROW_10 "* 1 FETCH (UID 10 FLAGS () RFC822.SIZE 5)\r\n"
#define ROW_20 "* 2 FETCH (UID 20 FLAGS () RFC822.SIZE 200)\r\n"
#define ROW_30 "* 3 FETCH (UID 30 FLAGS () RFC822.SIZE 300)\r\n"

/* The first command behind SELECT is |command|. */
static void log_in_to(struct harness *h, const char *command)
{
    h->mailbox_policy.list_whole_max = 2;
    h->server.listing = NULL;
    begin(h);
    log_in_to_listing(h);
    expect_upstream(h, command);
    expect_silence(h);
}

static void restart(struct harness *h)
{
    bridge_free(h->bridge);
    h->bridge = NULL;
    h->tag_count = 0;
}

static void expect_shown(struct harness *h, uint32_t hidden,
                         const char *unique_ids)
{
    expect_ok(h);
    expect_note(h, BRIDGE_NOTE_LOGGED_IN, FAULT_NONE);
    expect_silence(h);
    assert_int_equal(bridge_report(h->bridge)->excerpts, 1);
    assert_int_equal(bridge_report(h->bridge)->messages_hidden, hidden);
    client_says(h, "UIDL\r\n");
    expect_ok(h);
    expect_client(h, unique_ids);
}

static void is_refused(struct harness *h, const char *code)
{
    expect_wish(h, BRIDGE_UNLOCK);
    expect_upstream(h, "# LOGOUT\r\n");
    expect_error(h, code);
    restart(h);
}

/* --- newest --- */

/* From UIDNEXT down, four times as far each time, until there are enough. */
static void looks_for_the_newest_backwards(void **state)
{
    struct harness *h = *state;

    h->mailbox_policy.window.newest = 2;
    log_in_to(h, "# UID FETCH 27:*" ITEMS);
    upstream_says(h, ROW_30 "# OK\r\n");
    expect_upstream(h, "# UID FETCH 11:26" ITEMS);
    upstream_says(h, ROW_20 "# OK\r\n");
    expect_shown(h, 1, "1 77.20\r\n2 77.30\r\n.\r\n");
    quit(h);
}

/* What others have flagged \Deleted, or is too large, does not count. */
static void counts_only_what_it_shows(void **state)
{
    struct harness *h = *state;

    h->mailbox_policy.window.newest = 1;
    h->mailbox_policy.window.max_message_octets = 250;
    log_in_to(h, "# UID FETCH 29:*" ITEMS);
    upstream_says(h, ROW_30 "# OK\r\n");
    expect_upstream(h, "# UID FETCH 21:28" ITEMS);
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, "# UID FETCH 1:20" ITEMS);
    upstream_says(h, "* 2 FETCH (UID 20 FLAGS (\\Deleted) RFC822.SIZE 200)\r\n"
                     "* 1 FETCH (UID 10 RFC822.SIZE 5)\r\n"
                     "* 1 FETCH (UID 10 FLAGS ())\r\n# OK\r\n");
    expect_shown(h, 2, "1 77.10\r\n.\r\n");
    quit(h);
}

/* RFC 3501 leaves UIDNEXT to the server: its highest UID is asked for. */
static void finds_the_last_without_uidnext(void **state)
{
    struct harness *h = *state;

    h->server.select = "* 3 EXISTS\r\n* OK [UIDVALIDITY 77]\r\n";
    h->mailbox_policy.window.newest = 1;
    log_in_to(h, "# UID FETCH 4294967295:*" ITEMS);
    upstream_says(h, ROW_30 "# OK\r\n");
    expect_upstream(h, "# UID FETCH 29:*" ITEMS);
    upstream_says(h, ROW_30 "# OK\r\n");
    expect_shown(h, 2, "1 77.30\r\n.\r\n");
    quit(h);
}

/* A message whose flags are told unasked is not of the view. One that came
 * meanwhile is, since it is at the end.
 */
static void takes_only_what_it_asked_for(void **state)
{
    struct harness *h = *state;

    h->mailbox_policy.window.newest = 2;
    log_in_to(h, "# UID FETCH 27:*" ITEMS);
    upstream_says(h,
                  "* 4 EXISTS\r\n* 1 FETCH (UID 10 FLAGS (\\Seen))\r\n" ROW_30
                  "* 4 FETCH (UID 31 FLAGS () RFC822.SIZE 9)\r\n# OK\r\n");
    expect_shown(h, 2, "1 77.30\r\n2 77.31\r\n.\r\n");
    quit(h);
}

/* A server that tells UIDNEXT wrongly: the newest are shown all the same. */
static void does_not_trust_uidnext(void **state)
{
    struct harness *h = *state;

    h->server.select = "* 3 EXISTS\r\n* OK [UIDVALIDITY 77]\r\n"
                       "* OK [UIDNEXT 12]\r\n";
    h->mailbox_policy.window.newest = 1;
    log_in_to(h, "# UID FETCH 10:*" ITEMS);
    upstream_says(h, ROW_10 ROW_20 ROW_30 "# OK\r\n");
    expect_shown(h, 2, "1 77.30\r\n.\r\n");
    quit(h);
}

/* --- flags and dates --- */

/* What the search names is listed, and nothing else. */
static void lists_what_is_named(void **state)
{
    static const char *const answers[] = {
        "* ESEARCH (TAG \"A5\") UID ALL 10,30\r\n# OK\r\n",
        "* SEARCH 30 10\r\n# OK\r\n",
    };
    struct harness *h = *state;

    h->server.capabilities_inside = WITH_ESEARCH;
    h->server.select = "* 5 EXISTS\r\n* OK [UIDVALIDITY 77]\r\n";
    h->mailbox_policy.window.unread_only = true;
    for (size_t i = 0; i < ARRAY_LENGTH(answers); i++) {
        log_in_to(h, "# UID SEARCH RETURN (ALL) UNSEEN\r\n");
        upstream_says(h, answers[i]);
        expect_upstream(h, "# UID FETCH 10,30" ITEMS);
        upstream_says(h, ROW_10 ROW_20 ROW_30 "# OK\r\n");
        expect_shown(h, 3, "1 77.10\r\n2 77.30\r\n.\r\n");
        restart(h);
    }
}

static void lists_nothing_where_nothing_is_named(void **state)
{
    struct harness *h = *state;

    h->mailbox_policy.window.unread_only = true;
    log_in_to(h, "# UID SEARCH UNSEEN\r\n");
    upstream_says(h, "* SEARCH\r\n# OK\r\n");
    expect_shown(h, 3, ".\r\n");
    quit(h);
}

/* The newest of those that are named, from the last one down. */
static void lists_the_newest_of_what_is_named(void **state)
{
    struct harness *h = *state;

    h->mailbox_policy.window.newest = 1;
    h->mailbox_policy.window.unread_only = true;
    log_in_to(h, "# UID SEARCH UNSEEN\r\n");
    upstream_says(h, "* SEARCH 10 20 30\r\n# OK\r\n");
    expect_upstream(h, "# UID FETCH 20,30" ITEMS);
    upstream_says(h, ROW_20 ROW_30 "# OK\r\n");
    expect_shown(h, 2, "1 77.30\r\n.\r\n");
    quit(h);
}

/* Most of a mailbox is listed as all of it is: that can be kept. */
static void lists_all_where_most_is_named(void **state)
{
    struct harness *h = *state;

    h->mailbox_policy.window.unread_only = true;
    log_in_to(h, "# UID SEARCH UNSEEN\r\n");
    upstream_says(h, "* SEARCH 10 20\r\n# OK\r\n");
    expect_upstream(h, "# UID FETCH 1:*" ITEMS);
    upstream_says(h, ROW_10 ROW_20 ROW_30 "# OK\r\n");
    expect_upstream(h, "# UID SEARCH UNSEEN\r\n");
    upstream_says(h, "* SEARCH 10 20\r\n# OK\r\n");
    expect_ok(h);
    expect_note(h, BRIDGE_NOTE_LOGGED_IN, FAULT_NONE);
    assert_int_equal(bridge_report(h->bridge)->excerpts, 0);
    assert_int_equal(bridge_report(h->bridge)->messages_hidden, 1);
    quit(h);
}

/* --- what may go wrong --- */

/* The mailbox is listed after all where what the server says does not add up. */
static void lists_all_where_it_does_not_add_up(void **state)
{
    static const char *const answers[] = {
        "* 3 FETCH (UID 30 FLAGS ())\r\n# OK\r\n", /* no size */
        "* 3 FETCH (FLAGS () RFC822.SIZE 300)\r\n# OK\r\n",
        "# OK [MESSAGELIMIT 1 28]\r\n",
    };
    struct harness *h = *state;

    h->mailbox_policy.window.newest = 1;
    for (size_t i = 0; i < ARRAY_LENGTH(answers); i++) {
        log_in_to(h, "# UID FETCH 29:*" ITEMS);
        upstream_says(h, answers[i]);
        expect_upstream(h, "# UID FETCH 1:*" ITEMS);
        upstream_says(h, ROW_10 ROW_20 ROW_30 "# OK\r\n");
        expect_ok(h);
        expect_note(h, BRIDGE_NOTE_LOGGED_IN, FAULT_NONE);
        client_says(h, "STAT\r\n");
        expect_client(h, "+OK 1 300\r\n");
        restart(h);
    }
}

/* Three messages, and none of them is found. */
static void lists_all_where_nothing_is_found(void **state)
{
    struct harness *h = *state;

    h->mailbox_policy.window.newest = 2;
    log_in_to(h, "# UID FETCH 27:*" ITEMS);
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, "# UID FETCH 11:26" ITEMS);
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, "# UID FETCH 1:10" ITEMS);
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, "# UID FETCH 1:*" ITEMS);
}

static void names_refusals(void **state)
{
    static const struct {
        const char *answer;
        const char *code;
    } cases[] = {
        { "# NO not now\r\n", "SYS/TEMP" },
        { "* OK [UIDVALIDITY 78] new\r\n# OK\r\n", "SYS/TEMP" },
    };
    struct harness *h = *state;

    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        h->mailbox_policy.window =
            (struct mailbox_window){ .unread_only = true };
        log_in_to(h, "# UID SEARCH UNSEEN\r\n");
        upstream_says(h, cases[i].answer);
        is_refused(h, cases[i].code);
        h->mailbox_policy.window = (struct mailbox_window){ .newest = 1 };
        log_in_to(h, "# UID FETCH 29:*" ITEMS);
        upstream_says(h, cases[i].answer);
        is_refused(h, cases[i].code);
    }
}

/* IEXT-13: what the limit left is asked for below, and is of the same view. */
static void goes_on_below_a_limit(void **state)
{
    struct harness *h = *state;

    h->server.select = "* 5 EXISTS\r\n* OK [UIDVALIDITY 77]\r\n";
    h->mailbox_policy.window.unread_only = true;
    log_in_to(h, "# UID SEARCH UNSEEN\r\n");
    upstream_says(h, "* SEARCH 10 30\r\n# OK\r\n");
    expect_upstream(h, "# UID FETCH 10,30" ITEMS);
    upstream_says(h, "* 1 FETCH (UID 10 FLAGS (\\Seen))\r\n" ROW_30
                     "# OK [MESSAGELIMIT 1 30] some\r\n");
    expect_upstream(h, "# UID FETCH 10" ITEMS);
    upstream_says(h, ROW_10 "# OK\r\n");
    expect_shown(h, 3, "1 77.10\r\n2 77.30\r\n.\r\n");
    quit(h);
}

/* Each command can be sent again: Exchange's way to ask for a pause. */
static void asks_again_behind_a_pause(void **state)
{
    static const char *const steps[][2] = {
        { "# UID FETCH 4294967295:*" ITEMS, ROW_30 "# OK\r\n" },
        { "# UID FETCH 29:*" ITEMS, "# OK\r\n" },
        { "# UID FETCH 21:28" ITEMS, "# OK\r\n" },
        { "# UID FETCH 1:20" ITEMS, ROW_20 "# OK\r\n" },
    };
    struct harness *h = *state;

    h->server.select = "* 3 EXISTS\r\n* OK [UIDVALIDITY 77]\r\n";
    h->mailbox_policy.window.newest = 1;
    log_in_to(h, steps[0][0]);
    for (size_t i = 0; i < ARRAY_LENGTH(steps); i++) {
        if (i > 0)
            expect_upstream(h, steps[i][0]);
        upstream_says(h, "# NO Request is throttled. Suggested Backoff Time: "
                         "500 milliseconds\r\n");
        expect_silence(h);
        time_passes(h, 500);
        expect_upstream(h, steps[i][0]);
        upstream_says(h, steps[i][1]);
    }
    expect_shown(h, 2, "1 77.20\r\n.\r\n");
    quit(h);
}

/* --- what is known of the mailbox --- */

#define CONDSTORE_MAILBOX                     \
    "* 3 EXISTS\r\n* OK [UIDVALIDITY 77]\r\n" \
    "* OK [UIDNEXT 31]\r\n* OK [HIGHESTMODSEQ 5]\r\n"

/* What follows |mailbox|, the answer to SELECT, is for the caller. */
static void select_anew(struct harness *h, const char *mailbox)
{
    h->mailbox_policy.list_whole_max = 2;
    begin(h);
    connect_upstream(h);
    client_says(h, "PASS p\r\n");
    expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
    upstream_says(h, "# OK [CAPABILITY IMAP4rev1 UIDPLUS CONDSTORE] in\r\n");
    expect_wish(h, BRIDGE_LOCK);
    outcome(h, BRIDGE_LOCKED);
    expect_upstream(h, "# SELECT INBOX (CONDSTORE)\r\n");
    upstream_says(h, mailbox);
    upstream_says(h, "# OK in\r\n");
}

/* The newest one is asked for, and kept. */
static void learn_newest(struct harness *h)
{
    known_mailbox_clear(&h->known);
    h->mailbox_policy.window.newest = 1;
    select_anew(h, CONDSTORE_MAILBOX);
    expect_upstream(h, "# UID FETCH 29:*" ITEMS);
    upstream_says(h, ROW_30 "# OK\r\n");
    expect_wish(h, BRIDGE_KEEP_MAILBOX);
    expect_shown(h, 2, "1 77.30\r\n.\r\n");
}

/* Nothing is asked for where nothing has changed. */
static void knows_the_window(void **state)
{
    struct harness *h = *state;

    learn_newest(h);
    restart(h);
    select_anew(h, CONDSTORE_MAILBOX);
    expect_ok(h);
    expect_note(h, BRIDGE_NOTE_LOGGED_IN, FAULT_NONE);
    expect_silence(h);
    assert_int_equal(bridge_report(h->bridge)->excerpts, 0);
    assert_int_equal(bridge_report(h->bridge)->listings[KNOWN_FRESH], 1);
    assert_int_equal(bridge_report(h->bridge)->messages_hidden, 2);
    client_says(h, "STAT\r\n");
    expect_client(h, "+OK 1 300\r\n");
    quit(h);
}

/* It is no mailbox, no other window, and nothing once anything has changed. */
static void asks_anew_for_anything_else(void **state)
{
    static const char *const changed[] = {
        "* 4 EXISTS\r\n* OK [UIDVALIDITY 77]\r\n* OK [UIDNEXT 31]\r\n"
        "* OK [HIGHESTMODSEQ 5]\r\n",
        "* 3 EXISTS\r\n* OK [UIDVALIDITY 78]\r\n* OK [UIDNEXT 31]\r\n"
        "* OK [HIGHESTMODSEQ 5]\r\n",
        "* 3 EXISTS\r\n* OK [UIDVALIDITY 77]\r\n* OK [UIDNEXT 31]\r\n"
        "* OK [HIGHESTMODSEQ 6]\r\n",
        "* 3 EXISTS\r\n* OK [UIDVALIDITY 77]\r\n* OK [UIDNEXT 31]\r\n",
    };
    struct harness *h = *state;

    for (size_t i = 0; i < ARRAY_LENGTH(changed); i++) {
        learn_newest(h);
        restart(h);
        select_anew(h, changed[i]);
        expect_upstream(h, "# UID FETCH 29:*" ITEMS);
        restart(h);
    }
    learn_newest(h);
    restart(h);
    h->mailbox_policy.window.max_message_octets = 200;
    select_anew(h, CONDSTORE_MAILBOX);
    expect_upstream(h, "# UID FETCH 29:*" ITEMS);
    restart(h);
    h->mailbox_policy.hide_deleted = false;
    h->mailbox_policy.window.max_message_octets = 0;
    select_anew(h, CONDSTORE_MAILBOX);
    expect_upstream(h, "# UID FETCH 29:*" ITEMS);
    restart(h);
    h->mailbox_policy.window.newest = 0;
    select_anew(h, CONDSTORE_MAILBOX);
    expect_upstream(h, "# UID FETCH 1:*" ITEMS);
}

/* What it removes opens the window for another one. */
static void knows_nothing_after_a_removal(void **state)
{
    struct harness *h = *state;

    learn_newest(h);
    client_says(h, "DELE 1\r\nQUIT\r\n");
    expect_ok(h);
    expect_upstream(h, "# UID STORE 30 +FLAGS.SILENT (\\Deleted)\r\n");
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, "# UID EXPUNGE 30\r\n");
    upstream_says(h, "* 3 EXPUNGE\r\n# OK\r\n");
    expect_upstream(h, "# UID FETCH 30 (UID FLAGS)\r\n");
    upstream_says(h, "# OK\r\n");
    expect_logout(h);
    expect_ok(h);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_over(h, FAULT_NONE);
    restart(h);
    select_anew(h, "* 2 EXISTS\r\n* OK [UIDVALIDITY 77]\r\n"
                   "* OK [UIDNEXT 31]\r\n* OK [HIGHESTMODSEQ 5]\r\n");
    expect_upstream(h, "# UID FETCH 1:*" ITEMS);
}

/* The whole mailbox is known, and nothing has changed: nothing of it is listed,
 * whatever the window.
 */
static void uses_a_known_mailbox(void **state)
{
    struct harness *h = *state;

    select_anew(h, CONDSTORE_MAILBOX);
    expect_upstream(h, "# UID FETCH 1:*" ITEMS);
    upstream_says(h, ROW_10 ROW_20 ROW_30 "# OK\r\n");
    expect_wish(h, BRIDGE_KEEP_MAILBOX);
    expect_ok(h);
    expect_note(h, BRIDGE_NOTE_LOGGED_IN, FAULT_NONE);
    restart(h);
    h->mailbox_policy.window.newest = 1;
    select_anew(h, CONDSTORE_MAILBOX);
    expect_ok(h);
    expect_note(h, BRIDGE_NOTE_LOGGED_IN, FAULT_NONE);
    client_says(h, "STAT\r\n");
    expect_client(h, "+OK 1 300\r\n");
    restart(h);
    h->mailbox_policy.window = (struct mailbox_window){ .unread_only = true };
    select_anew(h, CONDSTORE_MAILBOX);
    expect_upstream(h, "# UID SEARCH UNSEEN\r\n");
    upstream_says(h, "* SEARCH 20\r\n# OK\r\n");
    expect_ok(h);
    expect_note(h, BRIDGE_NOTE_LOGGED_IN, FAULT_NONE);
    client_says(h, "STAT\r\n");
    expect_client(h, "+OK 1 200\r\n");
    assert_int_equal(bridge_report(h->bridge)->excerpts, 0);
    quit(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SESSION_TEST(looks_for_the_newest_backwards),
        SESSION_TEST(counts_only_what_it_shows),
        SESSION_TEST(finds_the_last_without_uidnext),
        SESSION_TEST(takes_only_what_it_asked_for),
        SESSION_TEST(does_not_trust_uidnext),
        SESSION_TEST(lists_what_is_named),
        SESSION_TEST(lists_nothing_where_nothing_is_named),
        SESSION_TEST(lists_the_newest_of_what_is_named),
        SESSION_TEST(lists_all_where_most_is_named),
        SESSION_TEST(lists_all_where_it_does_not_add_up),
        SESSION_TEST(lists_all_where_nothing_is_found),
        SESSION_TEST(names_refusals),
        SESSION_TEST(goes_on_below_a_limit),
        SESSION_TEST(asks_again_behind_a_pause),
        SESSION_TEST(knows_the_window),
        SESSION_TEST(asks_anew_for_anything_else),
        SESSION_TEST(knows_nothing_after_a_removal),
        SESSION_TEST(uses_a_known_mailbox),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
