/* DELE moves mail to the trash: on_delete = trash. */
#include "session/bridge_state.h"
#include "support/quit_plays.h"

#define LIST_ALL "# LIST \"\" \"*\"\r\n"
#define LIST_SPECIAL "# LIST (SPECIAL-USE) \"\" \"*\"\r\n"
#define TRASH_LISTED                           \
    "* LIST (\\Sent) \"/\" Sent\r\n"           \
    "* LIST (\\Trash) \"/\" \"Bin (old)\"\r\n" \
    "* LIST (\\Trash) \"/\" \"another\"\r\n"   \
    "# OK listed\r\n"
#define MOVE(set) "# UID MOVE " set " \"Bin (old)\"\r\n"
#define COPY(set) "# UID COPY " set " \"Bin (old)\"\r\n"
#define STORE(set) "# UID STORE " set " +FLAGS.SILENT (\\Deleted)\r\n"
#define EXPUNGE(set) "# UID EXPUNGE " set "\r\n"
#define LOOK_UP(set) "# UID FETCH " set " (UID FLAGS)\r\n"
#define SEARCH "# UID SEARCH DELETED\r\n"
#define SELECTED "* 3 EXISTS\r\n* OK [UIDVALIDITY 77] x\r\n# OK in\r\n"

static void use_trash(struct harness *h, const char *capabilities)
{
    h->mailbox_policy.on_delete = ON_DELETE_TRASH;
    h->server.capabilities_inside = capabilities;
    h->server.list = LIST_ALL;
    h->server.listed = TRASH_LISTED;
}

/* Logged in; the client has marked 1 and 3, UIDs 10 and 30, and said QUIT. */
static void mark_and_quit(struct harness *h, const char *capabilities)
{
    use_trash(h, capabilities);
    mark_two_and_quit(h);
}

static void move(struct harness *h)
{
    mark_and_quit(h, "IMAP4rev1 UIDPLUS MOVE");
    expect_upstream(h, MOVE("10,30"));
}

static void copy(struct harness *h)
{
    mark_and_quit(h, "IMAP4rev1 UIDPLUS");
    expect_upstream(h, COPY("10,30"));
}

static void expect_moved(struct harness *h, uint64_t count)
{
    assert_int_equal(bridge_report(h->bridge)->messages_moved, count);
    assert_int_equal(bridge_report(h->bridge)->messages_deleted, 0);
}

/* DEC-25, IEXT-8: moved by one command, and looked up behind it. */
static void moves(void **state)
{
    struct harness *h = *state;

    move(h);
    upstream_says(h, "* OK [COPYUID 5 10,30 1:2] moved\r\n* 1 EXPUNGE\r\n"
                     "* 2 EXPUNGE\r\n# OK done\r\n");
    expect_upstream(h, LOOK_UP("10,30"));
    upstream_says(h, "# OK\r\n");
    expect_end(h, NULL, FAULT_NONE);
    expect_moved(h, 2);
}

/* IEXT-8: what a MOVE left is moved again, and then it is enough. */
static void tries_a_partial_move_once_more(void **state)
{
    struct harness *h = *state;

    move(h);
    upstream_says(h, "* 1 EXPUNGE\r\n# OK done\r\n");
    expect_upstream(h, LOOK_UP("10,30"));
    upstream_says(h, "* 2 FETCH (UID 30 FLAGS ())\r\n# OK\r\n");
    expect_upstream(h, MOVE("30"));
    upstream_says(h, "# OK done\r\n");
    expect_upstream(h, LOOK_UP("10,30"));
    upstream_says(h, "* 2 FETCH (UID 30 FLAGS ())\r\n# OK\r\n");
    expect_upstream(h, MOVE("30"));
    upstream_says(h, "# OK done\r\n");
    expect_upstream(h, LOOK_UP("10,30"));
    upstream_says(h, "* 2 FETCH (UID 30 FLAGS ())\r\n# OK\r\n");
    finish(h, "SYS/TEMP", FAULT_NOT_REMOVED);
}

/* MAP-12, IEXT-8: a NO of either, whatever was done before it, is -ERR. */
static void names_refused_moves(void **state)
{
    static const struct {
        const char *answer;
        const char *code;
        enum fault fault;
    } cases[] = {
        { "# NO x\r\n", "SYS/TEMP", FAULT_NOT_REMOVED },
        { "* 1 EXPUNGE\r\n# NO [SERVERBUG] x\r\n", "SYS/TEMP",
          FAULT_NOT_REMOVED },
        { "# NO [NOPERM] x\r\n", "SYS/PERM", FAULT_REMOVAL_REFUSED },
        { "# NO [TRYCREATE] x\r\n", "SYS/PERM", FAULT_NO_TRASH },
        { "# NO [OVERQUOTA] x\r\n", "SYS/TEMP", FAULT_NOT_REMOVED },
    };
    struct harness *h = *state;

    for (size_t i = 0; i < 2 * ARRAY_LENGTH(cases); i++) {
        size_t c = i / 2;

        if (i % 2 == 0)
            move(h);
        else
            copy(h);
        upstream_says(h, cases[c].answer);
        finish(h, cases[c].code, cases[c].fault);
    }
}

/* DEC-25, DEC-4: without MOVE, copied first and only then removed. */
static void copies_before_it_removes(void **state)
{
    struct harness *h = *state;

    copy(h);
    upstream_says(h, "# OK [COPYUID 5 10,30 1:2] copied\r\n");
    expect_upstream(h, STORE("10,30"));
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, EXPUNGE("10,30"));
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, LOOK_UP("10,30"));
    upstream_says(h, "# OK\r\n");
    expect_end(h, NULL, FAULT_NONE);
    expect_moved(h, 2);
}

/* The OK is enough where the server names no copies (RFC 9051 §6.4.7). */
static void takes_an_ok_without_copyuid(void **state)
{
    struct harness *h = *state;

    copy(h);
    upstream_says(h, "# OK copied\r\n");
    expect_upstream(h, STORE("10,30"));
    upstream_says(h, "# NO x\r\n");
    finish(h, "SYS/TEMP", FAULT_NOT_REMOVED);
}

/* DEC-25: of what COPYUID does not name no copy is known: it stays. */
static void removes_nothing_that_was_not_copied(void **state)
{
    struct harness *h = *state;

    copy(h);
    upstream_says(h, "# OK [COPYUID 5 30 1] copied\r\n");
    expect_upstream(h, STORE("30"));
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, EXPUNGE("30"));
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, LOOK_UP("10,30"));
    upstream_says(h, "* 1 FETCH (UID 10 FLAGS ())\r\n# OK\r\n");
    expect_upstream(h, COPY("10"));
    upstream_says(h, "# OK [COPYUID 5 99 2] copied\r\n");
    expect_upstream(h, LOOK_UP("10,30"));
    upstream_says(h, "* 1 FETCH (UID 10 FLAGS ())\r\n# OK\r\n");
    expect_upstream(h, COPY("10"));
    upstream_says(h, "# OK [COPYUID 5 99 2] copied\r\n");
    expect_upstream(h, LOOK_UP("10,30"));
    upstream_says(h, "* 1 FETCH (UID 10 FLAGS ())\r\n# OK\r\n");
    finish(h, "SYS/TEMP", FAULT_NOT_REMOVED);
}

/* DEC-5, DEC-25: EXPUNGE takes what is flagged, whoever did it. One of ours
 * that has not been copied is foreign to it.
 */
static void guards_what_was_not_copied(void **state)
{
    struct harness *h = *state;

    mark_and_quit(h, "IMAP4rev1");
    expect_upstream(h, COPY("10,30"));
    upstream_says(h, "# OK [COPYUID 5 30 1] copied\r\n");
    expect_upstream(h, STORE("30"));
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, SEARCH);
    upstream_says(h, "* SEARCH 10 30\r\n# OK\r\n");
    finish(h, "SYS/PERM", FAULT_REMOVAL_GUARDED);

    mark_and_quit(h, "IMAP4rev1");
    expect_upstream(h, COPY("10,30"));
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, STORE("10,30"));
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, SEARCH);
    upstream_says(h, "* SEARCH 10 30\r\n# OK\r\n");
    expect_upstream(h, "# EXPUNGE\r\n");
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, LOOK_UP("10,30"));
    upstream_says(h, "# OK\r\n");
    finish(h, NULL, FAULT_NONE);
}

/* A server that offers MOVE and does not know it. */
static void copies_where_move_is_bad(void **state)
{
    struct harness *h = *state;

    move(h);
    upstream_says(h, "# BAD what?\r\n");
    expect_upstream(h, COPY("10,30"));
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, STORE("10,30"));
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, EXPUNGE("10,30"));
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, LOOK_UP("10,30"));
    upstream_says(h, "# OK\r\n");
    finish(h, NULL, FAULT_NONE);

    h->mailbox_policy.without_uidplus = REMOVAL_REFUSE;
    mark_and_quit(h, "IMAP4rev1 MOVE");
    expect_upstream(h, MOVE("10,30"));
    upstream_says(h, "# BAD what?\r\n");
    finish(h, "SYS/PERM", FAULT_NO_SAFE_REMOVAL);
}

/* --- MESSAGELIMIT --- */

/* RFC 9738 §3: a COPY of too many is refused whole; so many at a time. */
static void copies_in_smaller_chunks(void **state)
{
    struct harness *h = *state;

    copy(h);
    upstream_says(h, "# NO [MESSAGELIMIT 1] too many\r\n");
    expect_upstream(h, COPY("10"));
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, COPY("30"));
    upstream_says(h, "# NO [MESSAGELIMIT 1] too many\r\n");
    finish(h, "SYS/TEMP", FAULT_NOT_REMOVED);
}

/* IEXT-13: an OK for the highest UIDs confirms no copy of the others. */
static void copies_the_rest(void **state)
{
    struct harness *h = *state;

    copy(h);
    upstream_says(h, "# OK [MESSAGELIMIT 1 30] some\r\n");
    expect_upstream(h, COPY("10"));
    upstream_says(h, "# OK [MESSAGELIMIT 1] some\r\n");
    finish(h, "SYS/TEMP", FAULT_NOT_REMOVED);

    move(h);
    upstream_says(h, "# OK [MESSAGELIMIT 1 30] some\r\n");
    expect_upstream(h, MOVE("10"));
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, LOOK_UP("10,30"));
    upstream_says(h, "# OK\r\n");
    finish(h, NULL, FAULT_NONE);
}

/* --- DEC-7 --- */

static void select_again(struct harness *h)
{
    h->tag_count = 0;
    expect_wish(h, BRIDGE_CONNECT);
    outcome(h, BRIDGE_UPSTREAM_UP);
    upstream_says(h, "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n");
    expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
    upstream_says(h, "# OK [CAPABILITY IMAP4rev1 UIDPLUS MOVE] in\r\n");
    expect_upstream(h, "# SELECT INBOX\r\n");
    upstream_says(h, SELECTED);
}

static void reconnect(struct harness *h)
{
    select_again(h);
    expect_upstream(h, LOOK_UP("10,30"));
}

/* PROVIDER_QUIRKS, Gmail: MOVE to the trash breaks the connection. */
static void copies_after_a_move_that_broke(void **state)
{
    struct harness *h = *state;

    move(h);
    outcome(h, BRIDGE_UPSTREAM_CLOSED);
    reconnect(h);
    upstream_says(h, "* 1 FETCH (UID 10 FLAGS ())\r\n# OK\r\n");
    expect_upstream(h, COPY("10"));
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, STORE("10"));
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, EXPUNGE("10"));
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, LOOK_UP("10,30"));
    upstream_says(h, "# OK\r\n");
    finish(h, NULL, FAULT_NONE);
}

/* No copy is made twice of which one is known. */
static void remembers_copies_over_a_loss(void **state)
{
    struct harness *h = *state;

    copy(h);
    upstream_says(h, "# OK [COPYUID 5 30 1]\r\n");
    expect_upstream(h, STORE("30"));
    outcome(h, BRIDGE_UPSTREAM_CLOSED);
    reconnect(h);
    upstream_says(h, "* 1 FETCH (UID 10 FLAGS ())\r\n"
                     "* 2 FETCH (UID 30 FLAGS (\\Deleted))\r\n# OK\r\n");
    expect_upstream(h, COPY("10"));
    upstream_says(h, "# OK [COPYUID 5 10 2]\r\n");
    expect_upstream(h, STORE("10,30"));
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, EXPUNGE("10,30"));
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, LOOK_UP("10,30"));
    upstream_says(h, "# OK\r\n");
    finish(h, NULL, FAULT_NONE);
}

/* The name went as a literal, and the new connection takes none at once. */
static void names_no_mailbox_that_must_wait(void **state)
{
    struct harness *h = *state;

    use_trash(h, "IMAP4rev1 UIDPLUS LITERAL+");
    h->server.listed = "* LIST (\\Trash) \"/\" \"M\xc3\xbcll\"\r\n# OK\r\n";
    begin(h);
    log_in(h);
    client_says(h, "DELE 1\r\n");
    expect_ok(h);
    client_says(h, "QUIT\r\n");
    expect_upstream(h, "# UID COPY 10 {5+}\r\nM\xc3\xbcll\r\n");
    outcome(h, BRIDGE_UPSTREAM_CLOSED);
    select_again(h);
    finish(h, "SYS/PERM", FAULT_NO_TRASH);
}

/* --- where it is --- */

static void list_and_refuse(struct harness *h)
{
    begin(h);
    log_in(h);
    expect_note(h, BRIDGE_NOTE_NO_REMOVAL, FAULT_NO_TRASH);
    client_says(h, "DELE 1\r\n");
    expect_error(h, "SYS/PERM");
    quit(h);
    bridge_free(h->bridge);
    h->bridge = NULL;
}

/* DEC-25: nowhere to go: DELE says so at once. */
static void refuses_without_a_trash(void **state)
{
    static const char *const answers[] = {
        "# OK none\r\n",
        "# NO not now\r\n",
        "* LIST () \"/\" Trash\r\n# OK not marked\r\n",
        "* LIST (\\Trash \\Noselect) \"/\" Trash\r\n# OK no mailbox\r\n",
        /* it would have to wait for a `+` */
        "* LIST (\\Trash) \"/\" \"M\xc3\xbcll\"\r\n# OK\r\n",
    };
    struct harness *h = *state;

    use_trash(h, "IMAP4rev1 UIDPLUS MOVE");
    for (size_t i = 0; i < ARRAY_LENGTH(answers); i++) {
        h->server.listed = answers[i];
        list_and_refuse(h);
    }
}

/* By name, in UTF-8: as the server's revision has names. */
static void asks_for_a_name(void **state)
{
    struct harness *h = *state;

    use_trash(h, "IMAP4rev1 MOVE");
    h->mailbox_policy.trash_mailbox = "M\xc3\xbcll";
    h->server.list = "# LIST \"\" \"M&APw-ll\"\r\n";
    h->server.listed = "* LIST () \"/\" M&APw-ll\r\n# OK\r\n";
    begin(h);
    log_in(h);
    client_says(h, "DELE 1\r\n");
    expect_ok(h);
    client_says(h, "QUIT\r\n");
    expect_upstream(h, "# UID MOVE 10 \"M&APw-ll\"\r\n");
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, LOOK_UP("10"));
    upstream_says(h, "# OK\r\n");
    finish(h, NULL, FAULT_NONE);

    h->server.capabilities = "IMAP4rev2 AUTH=PLAIN";
    h->server.capabilities_inside = "IMAP4rev2";
    h->server.list = "# LIST \"\" {5+}\r\nM\xc3\xbcll\r\n";
    h->server.listed = "# OK no such mailbox\r\n";
    list_and_refuse(h);
}

/* RFC 6154 §2: only the marked ones, where that can be asked; and all, where
 * the server does not take it though it says so.
 */
static void asks_for_special_use(void **state)
{
    struct harness *h = *state;

    use_trash(h, "IMAP4rev1 UIDPLUS MOVE LIST-EXTENDED SPECIAL-USE");
    h->server.list = LIST_SPECIAL;
    h->server.listed = "# OK none\r\n";
    list_and_refuse(h);

    h->server.listed = "# BAD what?\r\n";
    h->server.listing = NULL;
    begin(h);
    log_in_to_listing(h);
    expect_upstream(h, LIST_ALL);
    upstream_says(h, TRASH_LISTED);
    expect_upstream(h, "# UID FETCH 1:* (UID FLAGS RFC822.SIZE)\r\n");
    upstream_says(h, "# NO x\r\n");
    expect_logout(h);
    time_passes(h, 1);
    expect_error(h, "SYS/TEMP");
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
}

/* What lies in the trash is not moved there. */
static void refuses_within_the_trash(void **state)
{
    struct harness *h = *state;

    use_trash(h, "IMAP4rev1 UIDPLUS MOVE");
    h->server.listed = "* LIST (\\Trash) \"/\" INBOX\r\n# OK\r\n";
    list_and_refuse(h);
}

/* A server that cannot remove safely can move. */
static void may_move_without_uidplus(void **state)
{
    struct harness *h = *state;

    h->mailbox_policy.without_uidplus = REMOVAL_REFUSE;
    mark_and_quit(h, "IMAP4rev1 MOVE");
    expect_upstream(h, MOVE("10,30"));
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, LOOK_UP("10,30"));
    upstream_says(h, "# OK\r\n");
    finish(h, NULL, FAULT_NONE);
}

int main(void)
{
    struct CMUnitTest tests[] = {
        SESSION_TEST(moves),
        SESSION_TEST(tries_a_partial_move_once_more),
        SESSION_TEST(names_refused_moves),
        SESSION_TEST(copies_before_it_removes),
        SESSION_TEST(takes_an_ok_without_copyuid),
        SESSION_TEST(removes_nothing_that_was_not_copied),
        SESSION_TEST(guards_what_was_not_copied),
        SESSION_TEST(copies_where_move_is_bad),
        SESSION_TEST(copies_in_smaller_chunks),
        SESSION_TEST(copies_the_rest),
        SESSION_TEST(copies_after_a_move_that_broke),
        SESSION_TEST(remembers_copies_over_a_loss),
        SESSION_TEST(names_no_mailbox_that_must_wait),
        SESSION_TEST(refuses_without_a_trash),
        SESSION_TEST(asks_for_a_name),
        SESSION_TEST(asks_for_special_use),
        SESSION_TEST(refuses_within_the_trash),
        SESSION_TEST(may_move_without_uidplus),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
