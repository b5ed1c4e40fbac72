/* DELE means a flag: on_delete = seen, on_delete = keep. */
#include <stdio.h>

#include "session/bridge_state.h"
#include "support/quit_plays.h"

#define SEEN(set) "# UID STORE " set " +FLAGS.SILENT (\\Seen)\r\n"
#define KEPT(set) "# UID STORE " set " +FLAGS.SILENT ($Kept-u)\r\n"
#define LOOK_UP(set) "# UID FETCH " set " (UID FLAGS)\r\n"

static void use(struct harness *h, enum on_delete on_delete)
{
    h->mailbox_policy.on_delete = on_delete;
    h->mailbox_policy.keep_keyword = "$Kept-%u";
    h->server.search = on_delete == ON_DELETE_KEEP
                           ? "# UID SEARCH UNKEYWORD $Kept-u\r\n"
                           : NULL;
    h->server.found = "* SEARCH 10 20 30\r\n";
}

static void mark_and_quit(struct harness *h, enum on_delete on_delete)
{
    use(h, on_delete);
    mark_two_and_quit(h);
    if (on_delete == ON_DELETE_KEEP)
        expect_upstream(h, KEPT("10,30"));
    else
        expect_upstream(h, SEEN("10,30"));
}

/* Stored, and looked up; what is gone needs no flag. */
static void flags_as_seen(void **state)
{
    struct harness *h = *state;

    mark_and_quit(h, ON_DELETE_SEEN);
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, LOOK_UP("10,30"));
    upstream_says(h, "* 3 FETCH (FLAGS (\\Flagged \\Seen) UID 30)\r\n# OK\r\n");
    expect_end(h, NULL, FAULT_NONE);
    assert_int_equal(bridge_report(h->bridge)->messages_flagged, 2);
    assert_int_equal(bridge_report(h->bridge)->messages_deleted, 0);
}

static void keeps_under_a_keyword(void **state)
{
    struct harness *h = *state;

    mark_and_quit(h, ON_DELETE_KEEP);
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, LOOK_UP("10,30"));
    upstream_says(h, "* 1 FETCH (UID 10 FLAGS (x $kept-U))\r\n"
                     "* 3 FETCH (UID 30 FLAGS ($Kept-u))\r\n# OK\r\n");
    expect_end(h, NULL, FAULT_NONE);
    assert_int_equal(bridge_report(h->bridge)->messages_kept, 2);
}

/* Whatever order the answers come in, and however often. */
static void takes_flags_in_pieces(void **state)
{
    static const char *const answers[] = {
        "* 1 FETCH (UID 10)\r\n* 1 FETCH (UID 10 FLAGS ($Kept-u))\r\n",
        "* 1 FETCH (UID 10 FLAGS ($Kept-u))\r\n* 1 FETCH (UID 10)\r\n",
        "* 1 FETCH (UID 10 FLAGS ())\r\n* 1 FETCH (UID 10 FLAGS ($Kept-u))\r\n",
        "* 1 FETCH (FLAGS ())\r\n* 1 FETCH (UID 10 FLAGS ($Kept-u))\r\n",
    };
    struct harness *h = *state;

    for (size_t i = 0; i < ARRAY_LENGTH(answers); i++) {
        mark_and_quit(h, ON_DELETE_KEEP);
        upstream_says(h, "# OK\r\n");
        expect_upstream(h, LOOK_UP("10,30"));
        upstream_says(h, answers[i]);
        upstream_says(h, "# OK\r\n");
        finish(h, NULL, FAULT_NONE);
    }
}

/* What was kept before is not shown, though it is still there. */
static void hides_what_was_kept(void **state)
{
    struct harness *h = *state;

    use(h, ON_DELETE_KEEP);
    h->server.found = "* SEARCH 20\r\n";
    begin(h);
    log_in(h);
    client_says(h, "STAT\r\nUIDL\r\n");
    expect_client(h, "+OK 1 200\r\n");
    expect_ok(h);
    expect_client(h, "1 77.20\r\n.\r\n");
    assert_int_equal(bridge_report(h->bridge)->messages_hidden, 2);
    quit(h);
}

/* An OK that stores nothing is no success, and never an EXPUNGE. */
static void gives_up_where_no_flag_stays(void **state)
{
    struct harness *h = *state;

    mark_and_quit(h, ON_DELETE_KEEP);
    for (unsigned round = 0; round < 2; round++) {
        upstream_says(h, "# OK\r\n");
        expect_upstream(h, LOOK_UP("10,30"));
        upstream_says(h, "* 1 FETCH (UID 10 FLAGS ($Kept-u))\r\n"
                         "* 3 FETCH (UID 30 FLAGS (\\Seen))\r\n# OK\r\n");
        expect_upstream(h, KEPT("30"));
    }
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, LOOK_UP("10,30"));
    upstream_says(h, "* 3 FETCH (UID 30 FLAGS (\\Seen))\r\n# OK\r\n");
    expect_end(h, "SYS/PERM", FAULT_NO_KEYWORD);
}

static void names_refused_flags(void **state)
{
    static const struct {
        const char *answer;
        const char *code;
        enum fault fault;
    } cases[] = {
        { "# NO x\r\n", "SYS/TEMP", FAULT_NOT_REMOVED },
        { "# NO [CANNOT] x\r\n", "SYS/PERM", FAULT_REMOVAL_REFUSED },
        { "# NO [LIMIT] too many keywords\r\n", "SYS/TEMP", FAULT_NOT_REMOVED },
        { "# BAD x\r\n", "SYS/PERM", FAULT_UPSTREAM_REJECTED },
    };
    struct harness *h = *state;

    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        mark_and_quit(h, ON_DELETE_KEEP);
        upstream_says(h, cases[i].answer);
        finish(h, cases[i].code, cases[i].fault);
    }
}

/* DEC-6: DELE is refused at once where its flag cannot be kept. */
static void refuses_flags_that_do_not_last(void **state)
{
    static const struct {
        enum on_delete on_delete;
        const char *flags;
        enum fault fault;
    } cases[] = {
        { ON_DELETE_KEEP, "(\\Deleted \\Seen)", FAULT_NO_KEYWORD },
        { ON_DELETE_KEEP, "(\\Seen $Kept-x)", FAULT_NO_KEYWORD },
        { ON_DELETE_SEEN, "(\\Deleted \\*)", FAULT_MAILBOX_READ_ONLY },
        { ON_DELETE_KEEP, "($Kept-u)", FAULT_NONE },
        { ON_DELETE_KEEP, "(\\*)", FAULT_NONE },
        { ON_DELETE_SEEN, "(\\Seen)", FAULT_NONE },
    };
    struct harness *h = *state;
    char select[200];

    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        use(h, cases[i].on_delete);
        if (cases[i].fault == FAULT_NO_KEYWORD)
            h->server.search = NULL;
        snprintf(select, sizeof(select),
                 "* 3 EXISTS\r\n* OK [UIDVALIDITY 77] x\r\n"
                 "* OK [PERMANENTFLAGS %s] x\r\n",
                 cases[i].flags);
        h->server.select = select;
        begin(h);
        log_in(h);
        client_says(h, "DELE 1\r\n");
        if (cases[i].fault == FAULT_NONE) {
            expect_ok(h);
            client_says(h, "RSET\r\n");
            expect_ok(h);
        } else {
            expect_note(h, BRIDGE_NOTE_NO_REMOVAL, cases[i].fault);
            expect_error(h, "SYS/PERM");
        }
        quit(h);
        end(h);
    }
}

static void log_in_with(struct harness *h, const char *select, bool searches)
{
    use(h, ON_DELETE_KEEP);
    h->server.select = select;
    h->server.selected = "# OK [READ-ONLY] selected\r\n";
    h->server.found = "* SEARCH 10 30\r\n";
    if (!searches)
        h->server.search = NULL;
    begin(h);
    log_in(h);
    client_says(h, "STAT\r\n");
    expect_client(h, searches ? "+OK 2 305\r\n" : "+OK 3 505\r\n");
    quit(h);
    end(h);
}

/* What is hidden stays so where nothing can be changed; and a server that has
 * never heard of the keyword is not asked for it.
 */
static void hides_where_it_cannot_mark(void **state)
{
    struct harness *h = *state;

    log_in_with(h,
                "* 3 EXISTS\r\n* FLAGS (\\Seen $kept-u)\r\n"
                "* OK [UIDVALIDITY 77] x\r\n* OK [PERMANENTFLAGS ()] x\r\n",
                true);
    log_in_with(h,
                "* 3 EXISTS\r\n* FLAGS (\\Seen $other)\r\n"
                "* OK [UIDVALIDITY 77] x\r\n* OK [PERMANENTFLAGS ()] x\r\n",
                false);
}

/* DEC-3: what is kept was delivered, and is noted as read. */
static void notes_what_is_kept_as_read(void **state)
{
    struct harness *h = *state;

    h->mailbox_policy.mark_seen = true;
    use(h, ON_DELETE_KEEP);
    begin(h);
    log_in(h);
    client_says(h, "RETR 1\r\n");
    expect_upstream(h, "# UID FETCH 10 (UID BODY.PEEK[])\r\n");
    upstream_says(h, "* 1 FETCH (UID 10 BODY[] {5}\r\nab\r\n\n)\r\n# OK\r\n");
    expect_client(h, "+OK message follows\r\nab\r\n\r\n.\r\n");
    client_says(h, "DELE 1\r\nQUIT\r\n");
    expect_ok(h);
    expect_upstream(h, KEPT("10"));
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, LOOK_UP("10"));
    upstream_says(h, "* 1 FETCH (UID 10 FLAGS ($Kept-u))\r\n# OK\r\n");
    expect_upstream(h, SEEN("10"));
    upstream_says(h, "# NO not now\r\n");
    expect_end(h, NULL, FAULT_NONE);
}

/* DEC-7: lost behind the STORE: what has the flag is done. */
static void looks_up_after_a_loss(void **state)
{
    struct harness *h = *state;

    mark_and_quit(h, ON_DELETE_KEEP);
    outcome(h, BRIDGE_UPSTREAM_CLOSED);
    h->tag_count = 0;
    expect_wish(h, BRIDGE_CONNECT);
    outcome(h, BRIDGE_UPSTREAM_UP);
    upstream_says(h, "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n");
    expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
    upstream_says(h, "# OK [CAPABILITY IMAP4rev1 UIDPLUS] in\r\n");
    expect_upstream(h, "# SELECT INBOX\r\n");
    upstream_says(h, "* 3 EXISTS\r\n* OK [UIDVALIDITY 77] x\r\n# OK in\r\n");
    expect_upstream(h, LOOK_UP("10,30"));
    upstream_says(h, "* 1 FETCH (UID 10 FLAGS ($Kept-u))\r\n"
                     "* 3 FETCH (UID 30 FLAGS ())\r\n# OK\r\n");
    expect_upstream(h, KEPT("30"));
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, LOOK_UP("10,30"));
    upstream_says(h, "* 1 FETCH (UID 10 FLAGS ($Kept-u))\r\n"
                     "* 3 FETCH (UID 30 FLAGS ($Kept-u))\r\n# OK\r\n");
    expect_end(h, NULL, FAULT_NONE);
}

int main(void)
{
    struct CMUnitTest tests[] = {
        SESSION_TEST(flags_as_seen),
        SESSION_TEST(keeps_under_a_keyword),
        SESSION_TEST(takes_flags_in_pieces),
        SESSION_TEST(hides_what_was_kept),
        SESSION_TEST(gives_up_where_no_flag_stays),
        SESSION_TEST(names_refused_flags),
        SESSION_TEST(refuses_flags_that_do_not_last),
        SESSION_TEST(hides_where_it_cannot_mark),
        SESSION_TEST(notes_what_is_kept_as_read),
        SESSION_TEST(looks_up_after_a_loss),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
