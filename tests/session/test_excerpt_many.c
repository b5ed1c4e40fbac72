/* What is asked for where a mailbox is too small to be cut to its window, or where
 * a window of a great one has a great many messages.
 */
#include "support/session_harness.h"

#include "base/limits.h"
#include "imap/uid_ranges.h"

#define ITEMS " (UID FLAGS RFC822.SIZE)\r\n"
#define ROW_10 "* 1 FETCH (UID 10 FLAGS () RFC822.SIZE 5)\r\n"
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

/* Not piece by piece where it is known before that there are too many. */
static void lists_all_where_too_much_is_named(void **state)
{
    struct harness *h = *state;
    struct buf answer;

    buf_init(&answer, SIZE_MAX);
    buf_append_string(&answer, "* SEARCH");
    for (uint32_t i = 1; i <= IMAP_UID_SPANS_MAX + 1; i++) {
        buf_append_octet(&answer, ' ');
        buf_append_number(&answer, 2 * i);
    }
    buf_append_string(&answer, "\r\n# OK\r\n");
    buf_append_octet(&answer, '\0');
    h->server.select = "* 20000 EXISTS\r\n* OK [UIDVALIDITY 77]\r\n";
    h->mailbox_policy.window.unread_only = true;
    log_in_to(h, "# UID SEARCH UNSEEN\r\n");
    upstream_says(h, (const char *)buf_span(&answer).data);
    buf_fini(&answer);
    expect_upstream(h, "# UID FETCH 1:*" ITEMS);
}

/* Gmail is not asked what it calls the rest of the mailbox. */
static void asks_gmail_for_what_it_shows(void **state)
{
    struct harness *h = *state;

    h->server.capabilities_inside = "IMAP4rev1 UIDPLUS X-GM-EXT-1";
    h->server.select = "* 5 EXISTS\r\n* OK [UIDVALIDITY 77]\r\n";
    h->mailbox_policy.unique_ids = UNIQUE_ID_GMAIL;
    h->mailbox_policy.window.unread_only = true;
    log_in_to(h, "# UID SEARCH UNSEEN\r\n");
    upstream_says(h, "* SEARCH 10 30\r\n# OK\r\n");
    expect_upstream(h, "# UID FETCH 10,30" ITEMS);
    upstream_says(h, ROW_10 ROW_30 "# OK\r\n");
    expect_upstream(h, "# UID FETCH 10,30 (UID X-GM-MSGID)\r\n");
    upstream_says(h, "* 3 FETCH (UID 30 X-GM-MSGID 31)\r\n"
                     "# OK [MESSAGELIMIT 1 30] x\r\n");
    expect_upstream(h, "# UID FETCH 10 (UID X-GM-MSGID)\r\n");
    upstream_says(h, "* 1 FETCH (UID 10 X-GM-MSGID 17)\r\n# OK\r\n");
    expect_ok(h);
    expect_note(h, BRIDGE_NOTE_LOGGED_IN, FAULT_NONE);
    client_says(h, "UIDL\r\n");
    expect_ok(h);
    expect_client(h, "1 GmailId11\r\n2 GmailId1f\r\n.\r\n");
    quit(h);
}

/* In several commands where one cannot name them all. */
static void asks_gmail_in_parts(void **state)
{
    const uint32_t count = IMAP_UID_RANGES_PICKED_MAX + 1;
    struct harness *h = *state;
    struct buf rows;
    struct buf ids;

    buf_init(&rows, SIZE_MAX);
    buf_init(&ids, SIZE_MAX);
    for (uint32_t i = 1; i <= count; i++) {
        buf_append_string(&rows, "* 1 FETCH (UID ");
        buf_append_number(&rows, 2 * i);
        buf_append_string(&rows, " FLAGS () RFC822.SIZE 5)\r\n");
        buf_append_string(&ids, "* 1 FETCH (UID ");
        buf_append_number(&ids, 2 * i);
        buf_append_string(&ids, " X-GM-MSGID 9)\r\n");
    }
    buf_append_string(&rows, "# OK\r\n");
    buf_append_octet(&rows, '\0');
    buf_append_octet(&ids, '\0');
    h->server.capabilities_inside = "IMAP4rev1 UIDPLUS X-GM-EXT-1";
    h->server.select = "* 500 EXISTS\r\n* OK [UIDVALIDITY 77]\r\n"
                       "* OK [UIDNEXT 1000]\r\n";
    h->mailbox_policy.unique_ids = UNIQUE_ID_GMAIL;
    h->mailbox_policy.window.newest = count;
    log_in_to(h, "# UID FETCH 918:*" ITEMS);
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, "# UID FETCH 590:917" ITEMS);
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, "# UID FETCH 1:589" ITEMS);
    upstream_says(h, (const char *)buf_span(&rows).data);
    expect_upstream(h, "# UID FETCH 4,6,8,10,12,14,16,18,20,22,24,26,28,30,32,"
                       "34,36,38,40,42,44,46,48,50,52,54,56,58,60,62,64,66,68,"
                       "70,72,74,76,78,80,82 (UID X-GM-MSGID)\r\n");
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, "# UID FETCH 2 (UID X-GM-MSGID)\r\n");
    upstream_says(h, (const char *)buf_span(&ids).data);
    upstream_says(h, "# OK\r\n");
    expect_ok(h);
    expect_note(h, BRIDGE_NOTE_LOGGED_IN, FAULT_NONE);
    quit(h);
    buf_fini(&rows);
    buf_fini(&ids);
}

static void restart(struct harness *h)
{
    bridge_free(h->bridge);
    h->bridge = NULL;
    h->tag_count = 0;
}

/* As great as the policy lets it be, or with nothing to leave out: listed. */
static void lists_small_mailboxes(void **state)
{
    struct harness *h = *state;

    h->mailbox_policy.list_whole_max = 3;
    h->mailbox_policy.window.newest = 1;
    begin(h);
    log_in(h);
    restart(h);
    h->mailbox_policy.list_whole_max = 0;
    h->mailbox_policy.window.newest = 3;
    begin(h);
    log_in(h);
    restart(h);
    h->mailbox_policy.window =
        (struct mailbox_window){ .max_message_octets = 10 };
    begin(h);
    log_in(h);
    quit(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SESSION_TEST(lists_all_where_too_much_is_named),
        SESSION_TEST(asks_gmail_for_what_it_shows),
        SESSION_TEST(asks_gmail_in_parts),
        SESSION_TEST(lists_small_mailboxes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
