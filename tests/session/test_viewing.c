/* What a window shows of a mailbox, and that nothing else is touched. */
#include "support/session_harness.h"

#include "base/limits.h"

#define CAPABILITIES "IMAP4rev1 UIDPLUS CONDSTORE"
#define WITH_ESEARCH "IMAP4rev1 UIDPLUS ESEARCH"

/* The search is awaited: three messages of 5, 200 and 300 octets are listed, with
 * UIDs 10, 20 and 30.
 */
static void log_in_to_search(struct harness *h, const char *search)
{
    begin(h);
    log_in_to_listing(h);
    upstream_says(h, h->server.listing);
    upstream_says(h, "# OK listed\r\n");
    expect_upstream(h, search);
    expect_silence(h);
}

static void answer(struct harness *h, const char *answer)
{
    upstream_says(h, answer);
    expect_ok(h);
    expect_note(h, BRIDGE_NOTE_LOGGED_IN, FAULT_NONE);
    expect_silence(h);
}

static void restart(struct harness *h)
{
    bridge_free(h->bridge);
    h->bridge = NULL;
    h->tag_count = 0;
}

static void expect_hidden(struct harness *h, uint32_t hidden)
{
    assert_int_equal(bridge_report(h->bridge)->messages_hidden, hidden);
}

/* No command more where sizes and UIDs decide. */
static void asks_nothing_of_sizes(void **state)
{
    struct harness *h = *state;

    h->mailbox_policy.window.newest = 1;
    h->mailbox_policy.window.max_message_octets = 200;
    begin(h);
    log_in(h);
    expect_hidden(h, 2);
    client_says(h, "STAT\r\nUIDL\r\nLIST 1\r\nLIST 2\r\n");
    expect_client(h, "+OK 1 200\r\n");
    expect_ok(h);
    expect_client(h, "1 77.20\r\n.\r\n+OK 1 200\r\n");
    expect_error(h, NULL);
    quit(h);
}

/* One search for all, by the date that the owner told: what is younger than
 * thirty days anywhere on earth is shown.
 */
static void searches_once_for_all(void **state)
{
    struct harness *h = *state;

    h->mailbox_policy.window = (struct mailbox_window){
        .newest = 2,
        .newer_than_days = 30,
        .unread_only = true,
        .only_keyword = "$Scan",
    };
    log_in_to_search(h,
                     "# UID SEARCH SINCE 30-Jan-2026 UNSEEN KEYWORD $Scan\r\n");
    answer(h, "* SEARCH 30 10\r\n# OK found\r\n");
    expect_hidden(h, 1);
    client_says(h, "STAT\r\nUIDL\r\n");
    expect_client(h, "+OK 2 305\r\n");
    expect_ok(h);
    expect_client(h, "1 77.10\r\n2 77.30\r\n.\r\n");
    quit(h);
}

/* To the second where the server can; by the calendar where it then cannot. */
static void searches_by_second(void **state)
{
    struct harness *h = *state;

    h->server.capabilities_inside = "IMAP4rev1 UIDPLUS WITHIN";
    h->mailbox_policy.window.newer_than_days = 30;
    log_in_to_search(h, "# UID SEARCH YOUNGER 2592000\r\n");
    answer(h, "* SEARCH 30\r\n# OK found\r\n");
    expect_hidden(h, 2);
    restart(h);
    log_in_to_search(h, "# UID SEARCH YOUNGER 2592000\r\n");
    upstream_says(h, "# BAD what\r\n");
    expect_upstream(h, "# UID SEARCH SINCE 30-Jan-2026\r\n");
    answer(h, "* SEARCH 20 30\r\n# OK found\r\n");
    expect_hidden(h, 1);
    quit(h);
}

/* IEXT-3: as a set where the server has that, and nothing named is no ALL. */
static void asks_for_a_set(void **state)
{
    static const struct {
        const char *answer;
        const char *stat;
    } cases[] = {
        { "* ESEARCH (TAG \"A5\") UID ALL 10:29\r\n# OK\r\n", "+OK 2 205\r\n" },
        { "* ESEARCH (TAG \"A5\") UID ALL 30,10\r\n# OK\r\n", "+OK 2 305\r\n" },
        { "* ESEARCH (TAG \"A5\") UID\r\n# OK\r\n", "+OK 0 0\r\n" },
        { "* SEARCH 10\r\n# OK\r\n", "+OK 1 5\r\n" },
        { "* SEARCH\r\n# OK\r\n", "+OK 0 0\r\n" },
    };
    struct harness *h = *state;

    h->server.capabilities_inside = WITH_ESEARCH;
    h->mailbox_policy.window.unread_only = true;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        log_in_to_search(h, "# UID SEARCH RETURN (ALL) UNSEEN\r\n");
        answer(h, cases[i].answer);
        client_says(h, "STAT\r\n");
        expect_client(h, cases[i].stat);
        restart(h);
    }
}

/* Refused, unanswered, or of sequence numbers: asked as RFC 3501 has it. */
static void asks_plainly_where_sets_fail(void **state)
{
    static const char *const answers[] = {
        "# BAD what\r\n",
        "# NO not now\r\n",
        "# OK and nothing\r\n",
        "* ESEARCH (TAG \"A5\") ALL 1:2\r\n# OK\r\n",
    };
    struct harness *h = *state;

    h->server.capabilities_inside = WITH_ESEARCH;
    h->mailbox_policy.window.unread_only = true;
    for (size_t i = 0; i < ARRAY_LENGTH(answers); i++) {
        log_in_to_search(h, "# UID SEARCH RETURN (ALL) UNSEEN\r\n");
        upstream_says(h, answers[i]);
        expect_upstream(h, "# UID SEARCH UNSEEN\r\n");
        answer(h, "* SEARCH 30\r\n# OK\r\n");
        client_says(h, "STAT\r\n");
        expect_client(h, "+OK 1 300\r\n");
        restart(h);
    }
}

/* Some servers say nothing where they have found nothing. */
static void takes_no_answer_for_nothing(void **state)
{
    struct harness *h = *state;

    h->mailbox_policy.window.unread_only = true;
    log_in_to_search(h, "# UID SEARCH UNSEEN\r\n");
    answer(h, "# OK found\r\n");
    client_says(h, "STAT\r\n");
    expect_client(h, "+OK 0 0\r\n");
    quit(h);
}

/* Neither all nor nothing is shown where the search fails. */
static void refuses_login_without_search(void **state)
{
    static const struct {
        const char *answer;
        const char *code;
    } cases[] = {
        { "# BAD what\r\n", "SYS/PERM" },
        { "# NO not now\r\n", "SYS/TEMP" },
        { "* OK [UIDVALIDITY 78] new\r\n* SEARCH 10\r\n# OK\r\n", "SYS/TEMP" },
        { "# OK [MESSAGELIMIT 2] x\r\n", "SYS/TEMP" },
    };
    struct harness *h = *state;

    h->mailbox_policy.window.unread_only = true;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        log_in_to_search(h, "# UID SEARCH UNSEEN\r\n");
        upstream_says(h, cases[i].answer);
        expect_wish(h, BRIDGE_UNLOCK);
        expect_upstream(h, "# LOGOUT\r\n");
        expect_error(h, cases[i].code);
        restart(h);
    }
}

/* One that names the same again and again is not listened to. */
static void gives_up_endless_answers(void **state)
{
    struct harness *h = *state;

    h->mailbox_policy.window.unread_only = true;
    log_in_to_search(h, "# UID SEARCH UNSEEN\r\n");
    upstream_says(h, "* SEARCH 10 20 30 10 20 30 10");
    upstream_says(h, " 20");
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_wish(h, BRIDGE_UNLOCK);
    expect_error(h, "SYS/TEMP");
}

/* IEXT-13: what the server's limit left is asked for below. */
static void goes_on_below_a_limit(void **state)
{
    struct harness *h = *state;

    h->mailbox_policy.window.unread_only = true;
    log_in_to_search(h, "# UID SEARCH UNSEEN\r\n");
    upstream_says(h, "* SEARCH 30\r\n# OK [MESSAGELIMIT 1 30] some\r\n");
    expect_upstream(h, "# UID SEARCH UNSEEN UID 1:29\r\n");
    answer(h, "* SEARCH 10\r\n# OK [MESSAGELIMIT 2 1] all\r\n");
    client_says(h, "STAT\r\n");
    expect_client(h, "+OK 2 305\r\n");
    quit(h);
}

/* Exchange's way to ask for a pause: the same is asked again. */
static void searches_again_behind_a_pause(void **state)
{
    struct harness *h = *state;

    h->mailbox_policy.window.unread_only = true;
    log_in_to_search(h, "# UID SEARCH UNSEEN\r\n");
    upstream_says(h, "# NO Request is throttled. Suggested Backoff Time: 500 "
                     "milliseconds\r\n");
    expect_silence(h);
    time_passes(h, 500);
    expect_upstream(h, "# UID SEARCH UNSEEN\r\n");
    answer(h, "* SEARCH 10\r\n# OK\r\n");
    quit(h);
}

/* Only what is shown is retrieved, flagged and removed, by its own UID. */
static void touches_only_what_it_shows(void **state)
{
    struct harness *h = *state;

    h->mailbox_policy.mark_seen = true;
    h->mailbox_policy.window.unread_only = true;
    log_in_to_search(h, "# UID SEARCH UNSEEN\r\n");
    answer(h, "* SEARCH 10 30\r\n# OK\r\n");
    client_says(h, "RETR 1\r\n");
    expect_upstream(h, "# UID FETCH 10 (UID BODY.PEEK[])\r\n");
    upstream_says(h, "* 1 FETCH (UID 10 BODY[] {5}\r\nhi!\r\n)\r\n# OK\r\n");
    expect_ok(h);
    expect_client(h, "hi!\r\n.\r\n");
    client_says(h, "DELE 2\r\nQUIT\r\n");
    expect_ok(h);
    expect_upstream(h, "# UID STORE 30 +FLAGS.SILENT (\\Deleted)\r\n");
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, "# UID EXPUNGE 30\r\n");
    upstream_says(h, "* 3 EXPUNGE\r\n# OK\r\n");
    expect_upstream(h, "# UID FETCH 30 (UID FLAGS)\r\n");
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, "# UID STORE 10 +FLAGS.SILENT (\\Seen)\r\n");
    upstream_says(h, "# OK\r\n");
    expect_logout(h);
    expect_ok(h);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_over(h, FAULT_NONE);
}

/* DEC-5: one that is hidden and that another client has flagged stops the
 * EXPUNGE as any other would.
 */
static void guards_what_it_hides(void **state)
{
    struct harness *h = *state;

    h->server.capabilities_inside = "IMAP4rev1";
    h->mailbox_policy.window.newest = 1;
    begin(h);
    log_in(h);
    client_says(h, "DELE 1\r\nQUIT\r\n");
    expect_ok(h);
    expect_upstream(h, "# UID STORE 30 +FLAGS.SILENT (\\Deleted)\r\n");
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, "# UID SEARCH DELETED\r\n");
    upstream_says(h, "* SEARCH 10 30\r\n# OK\r\n");
    expect_logout(h);
    expect_error(h, "SYS/PERM");
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_over(h, FAULT_REMOVAL_GUARDED);
}

#define KNOWN_MAILBOX                         \
    "* 3 EXISTS\r\n* OK [UIDVALIDITY 77]\r\n" \
    "* OK [UIDNEXT 31]\r\n* OK [HIGHESTMODSEQ 5]\r\n"

/* DEC-1: what is kept for the next session is the mailbox and no view, so that
 * another policy finds all of it; a list that is fresh is searched anew.
 */
static void keeps_the_whole_mailbox(void **state)
{
    struct harness *h = *state;

    h->server.capabilities_inside = CAPABILITIES;
    h->server.select = KNOWN_MAILBOX;
    h->mailbox_policy.window.unread_only = true;
    begin(h);
    connect_upstream(h);
    client_says(h, "PASS p\r\n");
    expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
    upstream_says(h, "# OK [CAPABILITY " CAPABILITIES "] in\r\n");
    expect_wish(h, BRIDGE_LOCK);
    outcome(h, BRIDGE_LOCKED);
    expect_upstream(h, "# SELECT INBOX (CONDSTORE)\r\n");
    upstream_says(h, KNOWN_MAILBOX "# OK in\r\n");
    expect_upstream(h, "# UID FETCH 1:* (UID FLAGS RFC822.SIZE)\r\n");
    upstream_says(h, "* 1 FETCH (UID 10 FLAGS () RFC822.SIZE 5)\r\n"
                     "* 2 FETCH (UID 20 FLAGS (\\Deleted) RFC822.SIZE 200)\r\n"
                     "* 3 FETCH (UID 30 FLAGS () RFC822.SIZE 300)\r\n"
                     "# OK listed\r\n");
    expect_wish(h, BRIDGE_KEEP_MAILBOX);
    expect_upstream(h, "# UID SEARCH UNSEEN\r\n");
    answer(h, "* SEARCH 20\r\n# OK\r\n");
    expect_hidden(h, 2);
    quit(h);
    restart(h);

    /* Another policy shows all, those that others have flagged as well. */
    h->mailbox_policy.window.unread_only = false;
    h->mailbox_policy.hide_deleted = false;
    begin(h);
    connect_upstream(h);
    client_says(h, "PASS p\r\n");
    expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
    upstream_says(h, "# OK [CAPABILITY " CAPABILITIES "] in\r\n");
    expect_wish(h, BRIDGE_LOCK);
    outcome(h, BRIDGE_LOCKED);
    expect_upstream(h, "# SELECT INBOX (CONDSTORE)\r\n");
    answer(h, KNOWN_MAILBOX "# OK in\r\n");
    expect_hidden(h, 0);
    client_says(h, "STAT\r\n");
    expect_client(h, "+OK 3 505\r\n");
    client_says(h, "DELE 2\r\nQUIT\r\n");
    expect_ok(h);
    expect_upstream(h, "# UID STORE 20 +FLAGS.SILENT (\\Deleted)\r\n");
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, "# UID EXPUNGE 20\r\n");
    upstream_says(h, "* 2 EXPUNGE\r\n# OK\r\n");
    expect_upstream(h, "# UID FETCH 20 (UID FLAGS)\r\n");
    upstream_says(h, "# OK\r\n");
    expect_wish(h, BRIDGE_KEEP_MAILBOX);
    expect_logout(h);
    expect_ok(h);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    assert_int_equal(known_mailbox_count(&h->known), 2);
    assert_int_equal(snapshot_count(h->known.messages.hidden), 0);
}

/* There is nothing to search in an empty mailbox. */
static void asks_nothing_of_an_empty_mailbox(void **state)
{
    struct harness *h = *state;

    h->server.select = "* 0 EXISTS\r\n* OK [UIDVALIDITY 77]\r\n";
    h->server.listing = NULL;
    h->mailbox_policy.window.unread_only = true;
    begin(h);
    log_in(h);
    quit(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SESSION_TEST(asks_nothing_of_sizes),
        SESSION_TEST(searches_once_for_all),
        SESSION_TEST(searches_by_second),
        SESSION_TEST(asks_for_a_set),
        SESSION_TEST(asks_plainly_where_sets_fail),
        SESSION_TEST(takes_no_answer_for_nothing),
        SESSION_TEST(refuses_login_without_search),
        SESSION_TEST(gives_up_endless_answers),
        SESSION_TEST(goes_on_below_a_limit),
        SESSION_TEST(searches_again_behind_a_pause),
        SESSION_TEST(touches_only_what_it_shows),
        SESSION_TEST(guards_what_it_hides),
        SESSION_TEST(keeps_the_whole_mailbox),
        SESSION_TEST(asks_nothing_of_an_empty_mailbox),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
