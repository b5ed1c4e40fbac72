/* DEC-1: what one session came to know of the mailbox, the next does not ask
 * for again where SELECT proves that it holds; whose it is, and what is kept.
 */
#include "support/reuse_plays.h"

/* --- nothing has changed --- */

static void asks_for_nothing_where_all_are_equal(void **state)
{
    struct harness *h = *state;

    first_session(h);
    for (unsigned i = 0; i < 3; i++) {
        select_and_say(h, FIRST);
        expect_counted(h, KNOWN_FRESH);
        expect_stat(h, FIRST_STAT);
        client_says(h, "UIDL\r\n");
        expect_client(h, "+OK listing follows\r\n"
                         "1 77.10\r\n2 77.20\r\n3 77.30\r\n.\r\n");
        quit(h);
        restart_session(h);
    }
}

/* In any order; and what follows SELECT does not matter any more. */
static void reads_select_in_any_order(void **state)
{
    struct harness *h = *state;

    first_session(h);
    select_and_say(h, "* OK [HIGHESTMODSEQ 100] x\r\n* OK [UIDNEXT 31] x\r\n"
                      "* OK [UIDVALIDITY 77] x\r\n* 4 EXISTS\r\n");
    upstream_says(h, "* 5 EXISTS\r\n* OK [HIGHESTMODSEQ 101] x\r\n"
                     "* OK [UIDNEXT 40] x\r\n");
    end_session(h, FIRST_STAT);
    select_and_say(h, FIRST);
    end_session(h, FIRST_STAT);
}

/* An empty mailbox is known as such. */
static void knows_an_empty_mailbox(void **state)
{
    static const char empty[] =
        "* 0 EXISTS\r\n* OK [UIDVALIDITY 77] x\r\n* OK [UIDNEXT 1] x\r\n"
        "* OK [HIGHESTMODSEQ 1] x\r\n";
    struct harness *h = *state;

    select_and_say(h, empty);
    expect_counted(h, KNOWN_UNPROVEN);
    end_session_kept(h, "+OK 0 0\r\n");
    select_and_say(h, empty);
    expect_counted(h, KNOWN_FRESH);
    end_session(h, "+OK 0 0\r\n");
    select_and_say(h, "* 1 EXISTS\r\n* OK [UIDVALIDITY 77] x\r\n"
                      "* OK [UIDNEXT 2] x\r\n* OK [HIGHESTMODSEQ 4] x\r\n");
    expect_upstream(h, NEW("1", "1")); /* and no flags to have changed */
    upstream_says(h, "* 1 FETCH (UID 1 FLAGS () RFC822.SIZE 9 MODSEQ (4))\r\n"
                     "# OK\r\n");
    end_session_kept(h, "+OK 1 9\r\n");
}

/* --- one of the four is another, or is not there --- */

static void lists_anew(struct harness *h, const char *untagged, bool kept)
{
    first_session(h);
    select_and_say(h, untagged);
    expect_upstream(h, LIST_ALL);
    expect_silence(h);
    upstream_says(h, FIRST_ROWS);
    expect_counted(h, KNOWN_UNPROVEN);
    if (kept)
        expect_wish(h, BRIDGE_KEEP_MAILBOX);
    end_session(h, FIRST_STAT);
}

#define SAID(exists, uidvalidity, uidnext, modseq) \
    exists uidvalidity uidnext "* OK [HIGHESTMODSEQ " modseq "] x\r\n"
static void lists_anew_where_one_differs(void **state)
{
    struct harness *h = *state;

    lists_anew(h, SAID(EXISTS, "* OK [UIDVALIDITY 78] x\r\n", UIDNEXT, "100"),
               true);
    lists_anew(h, SAID(EXISTS, UIDVALIDITY, "* OK [UIDNEXT 32] x\r\n", "100"),
               true);
    /* What is listed does not agree with EXISTS: not kept. */
    lists_anew(h, SAID("* 3 EXISTS\r\n", UIDVALIDITY, UIDNEXT, "100"), false);
    lists_anew(h, SAID("* 5 EXISTS\r\n", UIDVALIDITY, UIDNEXT, "100"), false);
    lists_anew(h, SAID("* 3 EXISTS\r\n", UIDVALIDITY, UIDNEXT, "101"), false);
    lists_anew(h, SAID(EXISTS, UIDVALIDITY, UIDNEXT, "99"), true);
    lists_anew(h, SAID(EXISTS, UIDVALIDITY, "* OK [UIDNEXT 30] x\r\n", "101"),
               false);
}

static void lists_anew_where_one_is_missing(void **state)
{
    struct harness *h = *state;

    lists_anew(h, SAID("", UIDVALIDITY, UIDNEXT, "100"), false);
    lists_anew(h, SAID(EXISTS, UIDVALIDITY, "", "100"), false);
    lists_anew(h, EXISTS UIDVALIDITY UIDNEXT, false);
    lists_anew(h, EXISTS UIDVALIDITY UIDNEXT "* OK [NOMODSEQ] x\r\n", false);
    lists_anew(h,
               SAID(EXISTS, UIDVALIDITY, UIDNEXT,
                    "100") "* NO [UIDNOTSTICKY] x\r\n* OK [NOMODSEQ] x\r\n",
               false);
}

static void lists_anew_without_uidvalidity(void **state)
{
    struct harness *h = *state;

    first_session(h);
    select_and_say(h, SAID(EXISTS, "", UIDNEXT, "100"));
    expect_upstream(h, LIST_ALL);
    upstream_says(h, FIRST_ROWS);
    expect_ok(h);
    quit(h);
}

/* RFC 7162 §3.2.11: what comes before CLOSED is of the mailbox before. */
static void begins_anew_behind_closed(void **state)
{
    struct harness *h = *state;

    first_session(h);
    select_and_say(h, FIRST "* OK [CLOSED] x\r\n" EXISTS UIDVALIDITY UIDNEXT);
    expect_upstream(h, LIST_ALL);
    upstream_says(h, FIRST_ROWS);
    end_session(h, FIRST_STAT);
    select_and_say(h, "* 9 EXISTS\r\n* OK [UIDVALIDITY 5] x\r\n"
                      "* OK [NOMODSEQ] x\r\n* OK [CLOSED] x\r\n" FIRST);
    end_session(h, FIRST_STAT);
}

/* --- what is kept --- */

/* A list that SELECT's EXISTS does not confirm is shown and not kept. */
static void keeps_no_list_in_doubt(void **state)
{
    struct harness *h = *state;

    select_and_say(h, LATER("5", "31", "100"));
    expect_upstream(h, LIST_ALL);
    upstream_says(h, FIRST_ROWS);
    end_session(h, FIRST_STAT);
    assert_true(known_mailbox_is_empty(&h->known));
}

static void marks_and_quits(struct harness *h)
{
    expect_stat(h, FIRST_STAT);
    client_says(h, "DELE 1\r\nDELE 3\r\n");
    expect_ok(h);
    expect_ok(h);
    client_says(h, "QUIT\r\n");
    expect_upstream(h, "# UID STORE 10,30 +FLAGS.SILENT (\\Deleted)\r\n");
}

/* What QUIT removed, and saw to be gone, the next session knows to be gone. */
static void keeps_what_a_removal_leaves(void **state)
{
    struct harness *h = *state;

    first_session(h);
    select_and_say(h, FIRST);
    marks_and_quits(h);
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, "# UID EXPUNGE 10,30\r\n");
    upstream_says(h, "* 4 EXPUNGE\r\n* 1 EXPUNGE\r\n# OK\r\n");
    expect_upstream(h, "# UID FETCH 10,30 (UID FLAGS)\r\n");
    upstream_says(h, "# OK\r\n");
    expect_wish(h, BRIDGE_KEEP_MAILBOX); /* before the lock is free */
    expect_logout(h);
    expect_ok(h);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_over(h, FAULT_NONE);
    restart_session(h);
    select_and_say(h, LATER("2", "31", "104"));
    expect_upstream(h, CHANGES("30", "100"));
    upstream_says(h, "# OK\r\n");
    end_session_kept(h, "+OK 1 200\r\n");
    select_and_say(h, LATER("2", "31", "104"));
    end_session(h, "+OK 1 200\r\n");
}

/* A removal that was refused leaves all that was known as it was. */
static void keeps_nothing_of_a_failed_removal(void **state)
{
    struct harness *h = *state;

    first_session(h);
    select_and_say(h, FIRST);
    marks_and_quits(h);
    upstream_says(h, "# NO x\r\n");
    expect_logout(h);
    expect_error(h, "SYS/TEMP");
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_over(h, FAULT_NOT_REMOVED);
    restart_session(h);
    select_and_say(h, FIRST);
    end_session(h, FIRST_STAT);
}

/* Flags do not count where nothing is hidden: all are listed, and known. */
static void knows_all_where_none_is_hidden(void **state)
{
    struct harness *h = *state;

    h->mailbox_policy.hide_deleted = false;
    select_and_say(h, FIRST);
    expect_upstream(h, LIST_ALL);
    upstream_says(h, FIRST_ROWS);
    end_session_kept(h, "+OK 4 755\r\n");
    select_and_say(h, FIRST);
    end_session(h, "+OK 4 755\r\n");
}

/* --- whose it is --- */

/* A login that fails behind the lock leaves nothing for that of another user
 * in the same session.
 */
static void never_shows_anothers_mailbox(void **state)
{
    struct harness *h = *state;

    first_session(h);
    log_in_to_select(h);
    upstream_says(h, "# NO x\r\n");
    expect_wish(h, BRIDGE_UNLOCK);
    expect_error(h, "SYS/TEMP");
    expect_upstream(h, "# LOGOUT\r\n");
    upstream_says(h, "* BYE\r\n# OK\r\n");
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    known_mailbox_clear(&h->known); /* of |v| nothing is known */
    client_says(h, "USER v\r\n");
    expect_ok(h);
    expect_wish(h, BRIDGE_CONNECT);
    outcome(h, BRIDGE_UPSTREAM_UP);
    upstream_says(h, "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] x\r\n");
    client_says(h, "PASS p\r\n");
    expect_upstream(h, "# AUTHENTICATE PLAIN AHYAcA==\r\n");
    upstream_says(h, "# OK [CAPABILITY IMAP4rev1 CONDSTORE] in\r\n");
    expect_wish(h, BRIDGE_LOCK);
    /* An owner that has nothing to offer may say so by saying nothing. */
    bridge_outcome(h->bridge, BRIDGE_LOCKED, h->now_ms);
    time_passes(h, 0);
    client_says(h, "");
    expect_upstream(h, SELECT);
    upstream_says(h, FIRST "# OK x\r\n");
    expect_upstream(h, LIST_ALL);
}

/* --- SELECT --- */

/* QRESYNC includes CONDSTORE (RFC 7162 §3.2.1); without either it is not said,
 * and a HIGHESTMODSEQ that was not asked for is no proof.
 */
static void says_condstore_where_offered(void **state)
{
    struct harness *h = *state;

    h->server.capabilities_inside = "IMAP4rev1 UIDPLUS ENABLE";
    h->server.select = FIRST;
    for (unsigned i = 0; i < 2; i++) {
        begin(h);
        log_in(h);
        quit(h);
        restart_session(h);
    }
    begin(h);
    connect_upstream(h);
    client_says(h, "PASS p\r\n");
    expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
    upstream_says(h, "# OK [CAPABILITY IMAP4rev1 QRESYNC] in\r\n");
    expect_wish(h, BRIDGE_LOCK);
    outcome(h, BRIDGE_LOCKED);
    expect_upstream(h, SELECT);
}

/* A server that offers it and cannot bear it is asked once more without. */
static void selects_plainly_behind_bad(void **state)
{
    struct harness *h = *state;

    first_session(h);
    for (unsigned i = 0; i < 2; i++) {
        log_in_to_select(h);
        upstream_says(h, "* 9 EXISTS\r\n# BAD what\r\n");
        expect_upstream(h, "# SELECT INBOX\r\n");
        expect_silence(h);
        upstream_says(h, FIRST "# OK [READ-WRITE] x\r\n");
        expect_upstream(h, LIST_ALL);
        upstream_says(h, FIRST_ROWS);
        assert_int_equal(bridge_report(h->bridge)->upstream_rejects, 0);
        end_session(h, FIRST_STAT);
    }
    log_in_to_select(h);
    upstream_says(h, "# BAD what\r\n");
    expect_upstream(h, "# SELECT INBOX\r\n");
    upstream_says(h, "# BAD what\r\n");
    expect_wish(h, BRIDGE_UNLOCK);
    expect_error(h, "SYS/PERM");
    expect_upstream(h, "# LOGOUT\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SESSION_TEST(asks_for_nothing_where_all_are_equal),
        SESSION_TEST(reads_select_in_any_order),
        SESSION_TEST(knows_an_empty_mailbox),
        SESSION_TEST(lists_anew_where_one_differs),
        SESSION_TEST(lists_anew_where_one_is_missing),
        SESSION_TEST(lists_anew_without_uidvalidity),
        SESSION_TEST(begins_anew_behind_closed),
        SESSION_TEST(keeps_no_list_in_doubt),
        SESSION_TEST(keeps_what_a_removal_leaves),
        SESSION_TEST(keeps_nothing_of_a_failed_removal),
        SESSION_TEST(knows_all_where_none_is_hidden),
        SESSION_TEST(never_shows_anothers_mailbox),
        SESSION_TEST(says_condstore_where_offered),
        SESSION_TEST(selects_plainly_behind_bad),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
