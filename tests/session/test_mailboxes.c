/* Several mailboxes as one maildrop, and one that is not INBOX: each message is
 * read and removed in its own, and in no other.
 */
#include "support/session_harness.h"

#include <stdio.h>
#include <string.h>

#include "session/unique_id_map.h"

#define SELECTED_WORK                                \
    "* 2 EXISTS\r\n* OK [UIDVALIDITY 88] x\r\n"      \
    "* OK [PERMANENTFLAGS (\\Deleted \\Seen)] x\r\n" \
    "# OK [READ-WRITE] x\r\n"
#define LISTED_WORK                                  \
    "* 1 FETCH (UID 10 FLAGS () RFC822.SIZE 7)\r\n"  \
    "* 2 FETCH (UID 40 FLAGS () RFC822.SIZE 40)\r\n" \
    "# OK listed\r\n"

static struct mailbox_name names[] = { { "INBOX", "INBOX" },
                                       { "W\xc3\xb6rk", "W&APY-rk" } };

static void show_both(struct harness *h)
{
    h->mailbox_policy.mailboxes = (struct mailbox_list){ 2, names };
}

/* INBOX is listed: three messages, UIDs 10, 20, 30. */
static void list_first(struct harness *h)
{
    log_in_to_listing(h);
    upstream_says(h, h->server.listing);
    upstream_says(h, "# OK listed\r\n");
}

static void log_in_to_both(struct harness *h)
{
    show_both(h);
    begin(h);
    list_first(h);
    expect_upstream(h, "# SELECT \"W&APY-rk\"\r\n");
    upstream_says(h, SELECTED_WORK);
    expect_upstream(h, "# UID FETCH 1:* (UID FLAGS RFC822.SIZE)\r\n");
    expect_silence(h);
    upstream_says(h, LISTED_WORK);
    expect_ok(h);
    expect_note(h, BRIDGE_NOTE_LOGGED_IN, FAULT_NONE);
    expect_silence(h);
}

static void select_work(struct harness *h)
{
    expect_upstream(h, "# SELECT \"W&APY-rk\"\r\n");
    upstream_says(h, SELECTED_WORK);
}

static void select_inbox(struct harness *h)
{
    expect_upstream(h, "# SELECT INBOX\r\n");
    upstream_says(h, h->server.select);
    upstream_says(h, h->server.selected);
}

static void retrieve(struct harness *h, const char *command, const char *fetch,
                     const char *answer)
{
    client_says(h, command);
    expect_upstream(h, fetch);
    upstream_says(h, answer);
    expect_ok(h);
    expect_client(h, "seven\r\n.\r\n");
}

/* POP-12, POP-13, POP-27: numbers, sizes and unique-ids of all. */
static void lists_all(void **state)
{
    struct harness *h = *state;

    log_in_to_both(h);
    client_says(h, "STAT\r\nLIST\r\nUIDL\r\nUIDL 5\r\nLIST 4\r\nLIST 6\r\n");
    expect_client(h, "+OK 5 552\r\n");
    expect_ok(h);
    expect_client(h, "1 5\r\n2 200\r\n3 300\r\n4 7\r\n5 40\r\n.\r\n");
    expect_ok(h);
    expect_client(h, "1 77.10\r\n2 77.20\r\n3 77.30\r\n"
                     "4 88.10+6570b717\r\n5 88.40+6570b717\r\n.\r\n");
    expect_client(h, "+OK 5 88.40+6570b717\r\n+OK 4 7\r\n");
    expect_error(h, NULL);
    client_says(h, "QUIT\r\n");
    expect_upstream(h, "# LOGOUT\r\n");
    expect_wish(h, BRIDGE_UNLOCK);
    expect_ok(h);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
}

/* The same UID in another mailbox is another message. */
static void reads_each_where_it_is(void **state)
{
    struct harness *h = *state;

    log_in_to_both(h);
    h->mailbox_policy.mark_seen = false;
    retrieve(h, "RETR 4\r\n", "# UID FETCH 10 (UID BODY.PEEK[])\r\n",
             "* 1 FETCH (UID 10 BODY[] {7}\r\nseven\r\n)\r\n# OK x\r\n");
    client_says(h, "RETR 1\r\n");
    select_inbox(h);
    expect_upstream(h, "# UID FETCH 10 (UID BODY.PEEK[])\r\n");
    upstream_says(h, "* 1 FETCH (UID 10 BODY[] {5}\r\nhello)\r\n# OK x\r\n");
    expect_ok(h);
    expect_client(h, "hello\r\n.\r\n");
    expect_silence(h);
}

/* Each in its own, one behind the other; the answer when both are done. */
static void removes_each_where_it_is(void **state)
{
    struct harness *h = *state;

    log_in_to_both(h);
    client_says(h, "DELE 4\r\nDELE 2\r\n");
    expect_ok(h);
    expect_ok(h);
    client_says(h, "QUIT\r\n");
    select_inbox(h);
    expect_upstream(h, "# UID STORE 20 +FLAGS.SILENT (\\Deleted)\r\n");
    upstream_says(h, "# OK x\r\n");
    expect_upstream(h, "# UID EXPUNGE 20\r\n");
    upstream_says(h, "# OK x\r\n");
    expect_upstream(h, "# UID FETCH 20 (UID FLAGS)\r\n");
    upstream_says(h, "# OK x\r\n");
    select_work(h);
    expect_upstream(h, "# UID STORE 10 +FLAGS.SILENT (\\Deleted)\r\n");
    upstream_says(h, "# OK x\r\n");
    expect_upstream(h, "# UID EXPUNGE 10\r\n");
    upstream_says(h, "# OK x\r\n");
    expect_upstream(h, "# UID FETCH 10 (UID FLAGS)\r\n");
    expect_silence(h);
    upstream_says(h, "# OK x\r\n");
    expect_upstream(h, "# LOGOUT\r\n");
    expect_wish(h, BRIDGE_UNLOCK);
    expect_ok(h);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    assert_int_equal(bridge_report(h->bridge)->messages_deleted, 2);
}

static void expect_failed_quit(struct harness *h, const char *code)
{
    expect_upstream(h, "# LOGOUT\r\n");
    expect_wish(h, BRIDGE_UNLOCK);
    expect_error(h, code);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_silence(h);
}

static void expect_trouble(struct harness *h, const char *mailbox)
{
    struct span name = bridge_troubled_mailbox(h->bridge);

    assert_int_equal(name.len, strlen(mailbox));
    assert_memory_equal(name.data, mailbox, name.len);
}

/* What fails ends it there: the others stay, and the first one is told. */
static void stops_where_it_fails(void **state)
{
    struct harness *h = *state;

    log_in_to_both(h);
    client_says(h, "DELE 4\r\nDELE 2\r\nQUIT\r\n");
    expect_ok(h);
    expect_ok(h);
    select_inbox(h);
    expect_upstream(h, "# UID STORE 20 +FLAGS.SILENT (\\Deleted)\r\n");
    upstream_says(h, "# NO [NOPERM] x\r\n");
    expect_failed_quit(h, "SYS/PERM");
    expect_trouble(h, "INBOX");
}

/* DEC-15, DEC-7: not the mailbox that was listed. */
static void refuses_another_uidvalidity_at_quit(void **state)
{
    struct harness *h = *state;

    log_in_to_both(h);
    client_says(h, "DELE 1\r\nQUIT\r\n");
    expect_ok(h);
    expect_upstream(h, "# SELECT INBOX\r\n");
    upstream_says(h, "* 3 EXISTS\r\n* OK [UIDVALIDITY 78] x\r\n# OK x\r\n");
    expect_failed_quit(h, "SYS/TEMP");
    expect_trouble(h, "INBOX");
}

/* DEC-15: every command but QUIT fails from there on, and nothing is removed. */
static void refuses_another_uidvalidity(void **state)
{
    struct harness *h = *state;

    log_in_to_both(h);
    client_says(h, "DELE 4\r\nRETR 1\r\n");
    expect_ok(h);
    expect_upstream(h, "# SELECT INBOX\r\n");
    upstream_says(h, "* 3 EXISTS\r\n* OK [UIDVALIDITY 78] x\r\n# OK x\r\n");
    expect_error(h, "SYS/TEMP");
    client_says(h, "RETR 4\r\n");
    expect_error(h, "SYS/TEMP");
    client_says(h, "QUIT\r\n");
    expect_failed_quit(h, "SYS/TEMP");
}

/* One that cannot be had costs its own messages; the others are there, and with
 * none selected the connection is left alone.
 */
static void goes_on_without_one(void **state)
{
    struct harness *h = *state;

    log_in_to_both(h);
    client_says(h, "RETR 1\r\n");
    expect_upstream(h, "# SELECT INBOX\r\n");
    upstream_says(h, "# NO [INUSE] x\r\n");
    expect_error(h, "SYS/TEMP");
    expect_silence(h);
    time_passes(h, 500000);
    client_says(h, "DELE 1\r\nDELE 2\r\n"); /* it was not delivered */
    expect_error(h, "SYS/TEMP");
    expect_ok(h);
    expect_silence(h);
    client_says(h, "RETR 4\r\n");
    select_work(h);
    expect_upstream(h, "# UID FETCH 10 (UID BODY.PEEK[])\r\n");
    upstream_says(h,
                  "* 1 FETCH (UID 10 BODY[] {7}\r\nseven\r\n)\r\n# OK x\r\n");
    expect_ok(h);
    expect_client(h, "seven\r\n.\r\n");
}

/* DEC-6: DELE is refused where the mailbox is read-only, and nowhere else. */
static void deletes_where_it_may(void **state)
{
    struct harness *h = *state;

    show_both(h);
    begin(h);
    list_first(h);
    expect_upstream(h, "# SELECT \"W&APY-rk\"\r\n");
    upstream_says(h, "* 2 EXISTS\r\n* OK [UIDVALIDITY 88] x\r\n"
                     "# OK [READ-ONLY] x\r\n");
    expect_upstream(h, "# UID FETCH 1:* (UID FLAGS RFC822.SIZE)\r\n");
    upstream_says(h, LISTED_WORK);
    expect_ok(h);
    expect_note(h, BRIDGE_NOTE_NO_REMOVAL, FAULT_MAILBOX_READ_ONLY);
    client_says(h, "DELE 4\r\nDELE 1\r\n");
    expect_error(h, "SYS/PERM");
    expect_ok(h);
}

/* MAP-7: the login is refused; with no reason it is as if it were not there. */
static void refuses_a_missing_one(void **state)
{
    static const char *const answers[] = { "# NO [NONEXISTENT] x\r\n",
                                           "# NO no such mailbox\r\n" };
    struct harness *h = *state;

    for (size_t i = 0; i < ARRAY_LENGTH(answers); i++) {
        show_both(h);
        begin(h);
        list_first(h);
        expect_upstream(h, "# SELECT \"W&APY-rk\"\r\n");
        upstream_says(h, answers[i]);
        expect_upstream(h, "# LOGOUT\r\n");
        expect_wish(h, BRIDGE_UNLOCK);
        expect_note(h, BRIDGE_NOTE_LOGIN_REFUSED, FAULT_MAILBOX_REFUSED);
        expect_trouble(h, "W\xc3\xb6rk");
        time_passes(h, 0);
        expect_error(h, "SYS/PERM");
        expect_silence(h);
        bridge_free(h->bridge);
        h->bridge = NULL;
        h->tag_count = 0;
    }
}

/* A listing that gets on may take longer than login_timeout; then so may what
 * stands between it and the next one.
 */
static void waits_for_all_listings(void **state)
{
    struct harness *h = *state;

    show_both(h);
    begin(h);
    log_in_to_listing(h);
    for (unsigned i = 1; i <= 3; i++) {
        char line[80];

        time_passes(h, 55000);
        (void)snprintf(line, sizeof(line),
                       "* %u FETCH (UID %u FLAGS () RFC822.SIZE 5)\r\n", i,
                       10 * i);
        upstream_says(h, line);
    }
    time_passes(h, 55000);
    upstream_says(h, "# OK listed\r\n");
    expect_upstream(h, "# SELECT \"W&APY-rk\"\r\n");
    time_passes(h, 55000);
    expect_silence(h);
    upstream_says(h, SELECTED_WORK);
    expect_upstream(h, "# UID FETCH 1:* (UID FLAGS RFC822.SIZE)\r\n");
    upstream_says(h, LISTED_WORK);
    expect_ok(h);
    expect_note(h, BRIDGE_NOTE_LOGGED_IN, FAULT_NONE);
}

/* When it is selected again nobody could tell whether it is the same. */
static void refuses_without_uidvalidity(void **state)
{
    struct harness *h = *state;

    show_both(h);
    begin(h);
    list_first(h);
    expect_upstream(h, "# SELECT \"W&APY-rk\"\r\n");
    upstream_says(h, "* 0 EXISTS\r\n# OK x\r\n");
    expect_upstream(h, "# LOGOUT\r\n");
    expect_wish(h, BRIDGE_UNLOCK);
    expect_note(h, BRIDGE_NOTE_LOGIN_REFUSED, FAULT_NO_UNIQUE_IDS);
    time_passes(h, 0);
    expect_error(h, "SYS/PERM");
}

/* DEC-7: the connection is lost while the second one is being emptied. */
static void finishes_on_a_new_connection(void **state)
{
    struct harness *h = *state;

    log_in_to_both(h);
    client_says(h, "DELE 5\r\nDELE 2\r\nQUIT\r\n");
    expect_ok(h);
    expect_ok(h);
    select_inbox(h);
    expect_upstream(h, "# UID STORE 20 +FLAGS.SILENT (\\Deleted)\r\n");
    upstream_says(h, "# OK x\r\n");
    expect_upstream(h, "# UID EXPUNGE 20\r\n");
    upstream_says(h, "# OK x\r\n");
    expect_upstream(h, "# UID FETCH 20 (UID FLAGS)\r\n");
    upstream_says(h, "# OK x\r\n");
    expect_upstream(h, "# SELECT \"W&APY-rk\"\r\n");
    outcome(h, BRIDGE_UPSTREAM_CLOSED);
    expect_wish(h, BRIDGE_CONNECT);
    outcome(h, BRIDGE_UPSTREAM_UP);
    h->tag_count = 0;
    upstream_says(h, "* OK [CAPABILITY IMAP4rev1 SASL-IR UIDPLUS AUTH=PLAIN]"
                     " x\r\n");
    expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
    upstream_says(h, "# OK [CAPABILITY IMAP4rev1 UIDPLUS] x\r\n");
    select_work(h);
    expect_upstream(h, "# UID FETCH 40 (UID FLAGS)\r\n");
    upstream_says(h, "# OK x\r\n"); /* somebody was faster */
    expect_upstream(h, "# LOGOUT\r\n");
    expect_wish(h, BRIDGE_UNLOCK);
    expect_ok(h);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    assert_int_equal(bridge_report(h->bridge)->messages_deleted, 2);
}

/* --- unique-ids --- */

static void uidl(struct harness *h, const char *expected)
{
    client_says(h, "UIDL\r\n");
    expect_ok(h);
    expect_client(h, expected);
}

/* DEC-12: what was imported for this UIDVALIDITY, and by the format what was
 * not, told apart where that says what another one is called already.
 */
static void tells_imported_ids(void **state)
{
    static const char text[] = "user u\n"
                               "mailbox 77 INBOX\n"
                               "10 UID20-77\n"
                               "30 old\n"
                               "mailbox 1 W\xc3\xb6rk\n"
                               "10 elsewhere\n";
    struct harness *h = *state;
    struct unique_id_map_error error;
    struct unique_id_map *map =
        unique_id_map_new(span_from_string(text), &error);

    assert_non_null(map);
    h->mailbox_policy.unique_ids = UNIQUE_ID_COURIER;
    h->mailbox_policy.unique_id_map = map;
    log_in_to_both(h);
    expect_note(h, BRIDGE_NOTE_STALE_UNIQUE_IDS, FAULT_NONE);
    uidl(h, "1 UID20-77\r\n2 UID20-77~\r\n3 old\r\n"
            "4 UID10-88+6570b717\r\n5 UID40-88+6570b717\r\n.\r\n");
    unique_id_map_free(map);
}

#define GMAIL "IMAP4rev1 UIDPLUS X-GM-EXT-1"

static void tells_ids_of_gmail(void **state)
{
    struct harness *h = *state;

    h->server.capabilities_inside = GMAIL;
    h->mailbox_policy.unique_ids = UNIQUE_ID_GMAIL;
    begin(h);
    list_first(h);
    expect_upstream(h, "# UID FETCH 10:30 (UID X-GM-MSGID)\r\n");
    upstream_says(h, "* 2 FETCH (X-GM-MSGID 511 UID 20)\r\n"
                     "* 3 FETCH (UID 30 X-GM-MSGID 18446744073709551615)\r\n"
                     "* 4 FETCH (UID 40 X-GM-MSGID 1)\r\n"
                     "* 1 FETCH (FLAGS (\\Seen))\r\n");
    expect_silence(h);
    upstream_says(h, "* 1 FETCH (UID 10 X-GM-MSGID 16)\r\n# OK x\r\n");
    expect_ok(h);
    uidl(h,
         "1 GmailId10\r\n2 GmailId1ff\r\n3 GmailIdffffffffffffffff\r\n.\r\n");
}

/* IEXT-13: a server with a limit is asked for the rest. */
static void asks_gmail_for_the_rest(void **state)
{
    struct harness *h = *state;

    h->server.capabilities_inside = GMAIL;
    h->mailbox_policy.unique_ids = UNIQUE_ID_GMAIL;
    begin(h);
    list_first(h);
    expect_upstream(h, "# UID FETCH 10:30 (UID X-GM-MSGID)\r\n");
    upstream_says(h, "* 3 FETCH (UID 30 X-GM-MSGID 3)\r\n"
                     "# OK [MESSAGELIMIT 1 30] x\r\n");
    expect_upstream(h, "# UID FETCH 10:29 (UID X-GM-MSGID)\r\n");
    upstream_says(h, "* 1 FETCH (UID 10 X-GM-MSGID 1)\r\n"
                     "* 2 FETCH (UID 20 X-GM-MSGID 2)\r\n# OK x\r\n");
    expect_ok(h);
    uidl(h, "1 GmailId1\r\n2 GmailId2\r\n3 GmailId3\r\n.\r\n");
}

static void expect_refused(struct harness *h, enum fault fault,
                           const char *code)
{
    expect_upstream(h, "# LOGOUT\r\n");
    expect_wish(h, BRIDGE_UNLOCK);
    expect_note(h, BRIDGE_NOTE_LOGIN_REFUSED, fault);
    time_passes(h, 0);
    expect_error(h, code);
    expect_silence(h);
    bridge_free(h->bridge);
    h->bridge = NULL;
    h->tag_count = 0;
}

/* Never another form instead, which would make the device load all once more. */
static void refuses_without_ids_of_gmail(void **state)
{
    static const struct {
        const char *answer;
        enum fault fault;
    } cases[] = {
        { "# OK x\r\n", FAULT_MAILBOX_INCOMPLETE },
        { "* 1 FETCH (UID 10 X-GM-MSGID 0)\r\n* 2 FETCH (UID 20 X-GM-MSGID 1)"
          "\r\n* 3 FETCH (UID 30 X-GM-MSGID 2)\r\n# OK x\r\n",
          FAULT_MAILBOX_INCOMPLETE },
        { "# NO x\r\n", FAULT_UPSTREAM_BUSY },
        { "* OK [UIDVALIDITY 78] x\r\n# OK x\r\n", FAULT_MAILBOX_CHANGED },
    };
    struct harness *h = *state;

    h->mailbox_policy.unique_ids = UNIQUE_ID_GMAIL;
    begin(h);
    list_first(h);
    expect_refused(h, FAULT_NO_GMAIL_IDS, "SYS/PERM");
    h->server.capabilities_inside = GMAIL;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        begin(h);
        list_first(h);
        expect_upstream(h, "# UID FETCH 10:30 (UID X-GM-MSGID)\r\n");
        upstream_says(h, cases[i].answer);
        expect_refused(h, cases[i].fault, "SYS/TEMP");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SESSION_TEST(lists_all),
        SESSION_TEST(reads_each_where_it_is),
        SESSION_TEST(removes_each_where_it_is),
        SESSION_TEST(stops_where_it_fails),
        SESSION_TEST(refuses_another_uidvalidity_at_quit),
        SESSION_TEST(refuses_another_uidvalidity),
        SESSION_TEST(goes_on_without_one),
        SESSION_TEST(deletes_where_it_may),
        SESSION_TEST(refuses_a_missing_one),
        SESSION_TEST(waits_for_all_listings),
        SESSION_TEST(refuses_without_uidvalidity),
        SESSION_TEST(finishes_on_a_new_connection),
        SESSION_TEST(tells_imported_ids),
        SESSION_TEST(tells_ids_of_gmail),
        SESSION_TEST(asks_gmail_for_the_rest),
        SESSION_TEST(refuses_without_ids_of_gmail),
    };

    return cmocka_run_group_tests_name("mailboxes", tests, NULL, NULL);
}
