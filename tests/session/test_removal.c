/* QUIT before awkward servers: limits, odd answers, other clients' hands. */
#include "support/session_harness.h"

#define STORE(set) "# UID STORE " set " +FLAGS.SILENT (\\Deleted)\r\n"
#define EXPUNGE(set) "# UID EXPUNGE " set "\r\n"
#define LOOK_UP(set) "# UID FETCH " set " (UID FLAGS)\r\n"
#define LOOK_AT_ALL "# UID FETCH 1:* (UID FLAGS RFC822.SIZE)\r\n"
#define SEARCH "# UID SEARCH DELETED\r\n"

/* Logged in; the client has marked 1 and 3, UIDs 10 and 30, and said QUIT. */
static void mark_and_quit(struct harness *h)
{
    begin(h);
    log_in(h);
    client_says(h, "DELE 1\r\nDELE 3\r\n");
    expect_ok(h);
    expect_ok(h);
    expect_silence(h);
    client_says(h, "QUIT\r\n");
    expect_upstream(h, STORE("10,30"));
}

static void expunge(struct harness *h)
{
    mark_and_quit(h);
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, EXPUNGE("10,30"));
}

static void look_up(struct harness *h)
{
    expunge(h);
    upstream_says(h, "* 1 EXPUNGE\r\n* 2 EXPUNGE\r\n# OK\r\n");
    expect_upstream(h, LOOK_UP("10,30"));
}

static void search(struct harness *h)
{
    h->server.capabilities_inside = "IMAP4rev1";
    mark_and_quit(h);
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, SEARCH);
}

static void expect_end(struct harness *h, const char *code, enum fault fault)
{
    expect_logout(h);
    if (fault == FAULT_NONE)
        expect_ok(h);
    else
        expect_error(h, code);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_over(h, fault);
    bridge_free(h->bridge);
    h->bridge = NULL;
}

/* --- MESSAGELIMIT --- */

/* IEXT-13: an OK that names no lower UID than the one before, or none at all,
 * covers nobody knows what: never +OK.
 */
static void does_not_guess_what_a_limit_left(void **state)
{
    static const char *const answers[] = {
        "# OK [MESSAGELIMIT 1] x\r\n",
        "# OK [MESSAGELIMIT 1 0] x\r\n",
    };
    static void (*const steps[])(struct harness *) = { mark_and_quit, expunge,
                                                       look_up };
    struct harness *h = *state;

    for (size_t s = 0; s < ARRAY_LENGTH(steps); s++) {
        for (size_t i = 0; i < ARRAY_LENGTH(answers); i++) {
            steps[s](h);
            upstream_says(h, answers[i]);
            expect_end(h, "SYS/TEMP", FAULT_NOT_REMOVED);
        }
    }
}

static void asks_no_limit_twice(void **state)
{
    struct harness *h = *state;

    mark_and_quit(h);
    upstream_says(h, "# OK [MESSAGELIMIT 1 30] x\r\n");
    expect_upstream(h, STORE("10"));
    upstream_says(h, "# OK [MESSAGELIMIT 1 30] x\r\n");
    expect_end(h, "SYS/TEMP", FAULT_NOT_REMOVED);
}

/* IEXT-13: done down to a UID below all of ours: done. */
static void knows_when_a_limit_left_nothing(void **state)
{
    struct harness *h = *state;

    mark_and_quit(h);
    upstream_says(h, "# OK [MESSAGELIMIT 9 10] x\r\n");
    expect_upstream(h, EXPUNGE("10,30"));
    upstream_says(h, "# OK [MESSAGELIMIT 9 3] x\r\n");
    expect_upstream(h, LOOK_UP("10,30"));
    upstream_says(h, "# OK\r\n");
    expect_end(h, NULL, FAULT_NONE);
}

/* IEXT-13: what a look saw only in part is looked at in whole. */
static void looks_below_a_limit(void **state)
{
    struct harness *h = *state;

    look_up(h);
    upstream_says(h, "# OK [MESSAGELIMIT 1 30] x\r\n");
    expect_upstream(h, LOOK_UP("10"));
    upstream_says(h, "* 1 FETCH (UID 10 FLAGS ())\r\n# OK\r\n");
    expect_upstream(h, STORE("10"));
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, EXPUNGE("10"));
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, LOOK_UP("10,30"));
    upstream_says(h, "# OK\r\n");
    expect_end(h, NULL, FAULT_NONE);
}

/* IEXT-13, DEC-5: a search that saw a part says nothing of the others'. */
static void trusts_no_limited_search(void **state)
{
    struct harness *h = *state;

    search(h);
    upstream_says(h, "* SEARCH 10 30\r\n# OK [MESSAGELIMIT 5 9] x\r\n");
    expect_end(h, "SYS/PERM", FAULT_REMOVAL_GUARDED);
}

/* IEXT-13: what an EXPUNGE left is found, and goes in another round. */
static void finds_what_a_limited_expunge_left(void **state)
{
    struct harness *h = *state;

    search(h);
    upstream_says(h, "* SEARCH 10 30\r\n# OK\r\n");
    expect_upstream(h, "# EXPUNGE\r\n");
    upstream_says(h, "* 1 EXPUNGE\r\n# OK [MESSAGELIMIT 1 10] x\r\n");
    expect_upstream(h, LOOK_UP("10,30"));
    upstream_says(h, "* 2 FETCH (UID 30 FLAGS (\\Deleted))\r\n# OK\r\n");
    expect_upstream(h, STORE("30"));
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, SEARCH);
    /* 10 is ours, and known to be gone: it neither counts nor harms. */
    upstream_says(h, "* SEARCH 10 30\r\n# OK\r\n");
    expect_upstream(h, "# EXPUNGE\r\n");
    upstream_says(h, "* 2 EXPUNGE\r\n# OK\r\n");
    expect_upstream(h, LOOK_UP("10,30"));
    upstream_says(h, "# OK\r\n");
    expect_end(h, NULL, FAULT_NONE);
}

/* --- STORE --- */

/* MAP-12: some are gone already (RFC 2180 §4.2): which, and then the rest. */
static void stores_what_is_still_there(void **state)
{
    struct harness *h = *state;

    mark_and_quit(h);
    upstream_says(h, "# NO [EXPUNGEISSUED] some are gone\r\n");
    expect_upstream(h, LOOK_UP("10,30"));
    upstream_says(h, "* 1 FETCH (FLAGS () UID 10)\r\n# OK\r\n");
    expect_upstream(h, STORE("10"));
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, EXPUNGE("10"));
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, LOOK_UP("10,30"));
    upstream_says(h, "# OK\r\n");
    expect_end(h, NULL, FAULT_NONE);
}

static void finds_all_gone_already(void **state)
{
    struct harness *h = *state;

    mark_and_quit(h);
    upstream_says(h, "# NO [EXPUNGEISSUED] all are gone\r\n");
    expect_upstream(h, LOOK_UP("10,30"));
    upstream_says(h, "# OK\r\n");
    expect_end(h, NULL, FAULT_NONE);
}

/* The words have no end: two rounds that removed nothing are enough. */
static void gives_up_a_store_that_never_works(void **state)
{
    struct harness *h = *state;

    mark_and_quit(h);
    for (unsigned round = 1; round <= 2; round++) {
        upstream_says(h, "# NO [EXPUNGEISSUED] some are gone\r\n");
        expect_upstream(h, LOOK_UP("10,30"));
        upstream_says(h, "* 1 FETCH (UID 10)\r\n* 3 FETCH (UID 30)\r\n"
                         "# OK\r\n");
        if (round < 2)
            expect_upstream(h, STORE("10,30"));
    }
    expect_end(h, "SYS/TEMP", FAULT_NOT_REMOVED);
}

/* MAP-12: throttled, with no word how long: passing. DEC-15: a tagged OK may
 * be what says that the mailbox is another one.
 */
static void names_failures_of_the_store(void **state)
{
    struct harness *h = *state;

    mark_and_quit(h);
    upstream_says(h, "# NO [THROTTLED] x\r\n");
    expect_end(h, "SYS/TEMP", FAULT_UPSTREAM_BUSY);
    mark_and_quit(h);
    upstream_says(h, "# OK [UIDVALIDITY 78] x\r\n");
    expect_end(h, "SYS/TEMP", FAULT_MAILBOX_CHANGED);
}

/* --- the look-up --- */

/* A server that calls UIDs wrong which are gone (BAD): all it has are asked
 * for, and strangers among them are nothing.
 */
static void looks_at_all_where_uids_are_bad(void **state)
{
    struct harness *h = *state;

    look_up(h);
    upstream_says(h, "# BAD no such UID\r\n");
    expect_upstream(h, LOOK_AT_ALL);
    upstream_says(h, "* 1 FETCH (UID 20 FLAGS ())\r\n"
                     "* 2 FETCH (UID 31 FLAGS () RFC822.SIZE 1)\r\n# OK\r\n");
    expect_end(h, NULL, FAULT_NONE);

    expunge(h);
    upstream_says(h, "* 1 EXPUNGE\r\n# OK\r\n");
    expect_upstream(h, LOOK_UP("10,30"));
    upstream_says(h, "# BAD no such UID\r\n");
    expect_upstream(h, LOOK_AT_ALL);
    upstream_says(h, "* 1 FETCH (UID 20)\r\n* 2 FETCH (UID 30)\r\n# OK\r\n");
    expect_upstream(h, STORE("30"));
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, EXPUNGE("30"));
    upstream_says(h, "* 2 EXPUNGE\r\n# OK\r\n");
    expect_upstream(h, LOOK_UP("10,30"));
    upstream_says(h, "# BAD no such UID\r\n");
    expect_upstream(h, LOOK_AT_ALL);
    upstream_says(h, "* 1 FETCH (UID 20)\r\n# OK\r\n");
    expect_end(h, NULL, FAULT_NONE);
}

/* EXPUNGE has said that no message is left: nothing to look at. */
static void asks_nothing_of_an_empty_mailbox(void **state)
{
    struct harness *h = *state;

    expunge(h);
    upstream_says(h, "* 3 EXPUNGE\r\n* 2 EXPUNGE\r\n* 1 EXPUNGE\r\n# OK\r\n");
    expect_upstream(h, LOOK_UP("10,30"));
    upstream_says(h, "# BAD no such UID\r\n");
    expect_end(h, NULL, FAULT_NONE);
}

/* No answer that proves that they are gone: -ERR. */
static void names_failures_of_the_look(void **state)
{
    static const struct {
        const char *first;
        const char *second; /* to the look at all; NULL: none is taken */
        const char *code;
        enum fault fault;
    } cases[] = {
        { "# NO x\r\n", NULL, "SYS/TEMP", FAULT_NOT_REMOVED },
        { "# NO [NOPERM] x\r\n", NULL, "SYS/PERM", FAULT_REMOVAL_REFUSED },
        { "# BAD User is authenticated but not connected.\r\n", NULL,
          "SYS/TEMP", FAULT_UPSTREAM_NOT_CONNECTED },
        { "# BAD\r\n", "# OK and nothing\r\n", "SYS/TEMP", FAULT_NOT_REMOVED },
        { "# BAD\r\n", "# NO x\r\n", "SYS/TEMP", FAULT_NOT_REMOVED },
        { "# BAD\r\n", "# BAD x\r\n", "SYS/PERM", FAULT_UPSTREAM_REJECTED },
        { "# BAD\r\n", "* 1 FETCH (UID 20)\r\n# OK [MESSAGELIMIT 1 20] x\r\n",
          "SYS/TEMP", FAULT_NOT_REMOVED },
    };
    struct harness *h = *state;

    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        look_up(h);
        upstream_says(h, cases[i].first);
        if (cases[i].second != NULL) {
            expect_upstream(h, LOOK_AT_ALL);
            upstream_says(h, cases[i].second);
        }
        expect_end(h, cases[i].code, cases[i].fault);
    }
}

/* DEC-7: on a new connection that did not tell EXISTS, BAD leaves nothing to go
 * by.
 */
static void asks_nothing_of_an_unknown_mailbox(void **state)
{
    struct harness *h = *state;

    mark_and_quit(h);
    outcome(h, BRIDGE_UPSTREAM_CLOSED);
    h->tag_count = 0;
    expect_wish(h, BRIDGE_CONNECT);
    outcome(h, BRIDGE_UPSTREAM_UP);
    upstream_says(h, "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n");
    expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
    upstream_says(h, "# OK [CAPABILITY IMAP4rev1 UIDPLUS] in\r\n");
    expect_upstream(h, "# SELECT INBOX\r\n");
    upstream_says(h, "* OK [UIDVALIDITY 77] x\r\n# OK in\r\n");
    expect_upstream(h, LOOK_UP("10,30"));
    upstream_says(h, "# BAD no such UID\r\n");
    expect_end(h, "SYS/TEMP", FAULT_NOT_REMOVED);
}

/* --- the guard --- */

/* DEC-5: nobody can say now whose flags there are: passing, where the server
 * says that it is.
 */
static void names_a_search_refused_for_now(void **state)
{
    static const struct {
        const char *answer;
        const char *code;
        enum fault fault;
    } cases[] = {
        { "# NO [UNAVAILABLE] x\r\n", "SYS/TEMP", FAULT_NOT_REMOVED },
        { "# NO [LIMIT] x\r\n", "SYS/TEMP", FAULT_NOT_REMOVED },
        { "# NO [INUSE] x\r\n", "SYS/TEMP", FAULT_NOT_REMOVED },
        { "# NO [SERVERBUG] x\r\n", "SYS/TEMP", FAULT_NOT_REMOVED },
        { "# NO [THROTTLED] x\r\n", "SYS/TEMP", FAULT_NOT_REMOVED },
        { "# NO [NOPERM] x\r\n", "SYS/PERM", FAULT_REMOVAL_GUARDED },
    };
    struct harness *h = *state;

    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        search(h);
        upstream_says(h, cases[i].answer);
        expect_end(h, cases[i].code, cases[i].fault);
    }
}

/* DEC-5: ranges, repeated UIDs, several answers: only ours, and all of ours. */
static void counts_each_of_ours_once(void **state)
{
    static const char *const answers[] = {
        "* SEARCH 30 10 10\r\n# OK\r\n",
        "* SEARCH 10\r\n* SEARCH 30\r\n# OK\r\n",
        "* ESEARCH (TAG \"A5\") UID ALL 30,10:10\r\n# OK\r\n",
    };
    struct harness *h = *state;

    for (size_t i = 0; i < ARRAY_LENGTH(answers); i++) {
        search(h);
        upstream_says(h, answers[i]);
        expect_upstream(h, "# EXPUNGE\r\n");
        upstream_says(h, "# OK\r\n");
        expect_upstream(h, LOOK_UP("10,30"));
        upstream_says(h, "# OK\r\n");
        expect_end(h, NULL, FAULT_NONE);
    }
}

/* DEC-5: an answer that lacks ours may lack others' too: a look, another
 * round, and then the end without EXPUNGE.
 */
static void trusts_no_search_without_ours(void **state)
{
    static const char *const answers[] = {
        "# OK\r\n",
        "* SEARCH\r\n# OK\r\n",
        "* SEARCH 10\r\n# OK\r\n",
        "* SEARCH 30 30\r\n# OK\r\n",
    };
    struct harness *h = *state;

    for (size_t i = 0; i < ARRAY_LENGTH(answers); i++) {
        search(h);
        upstream_says(h, answers[i]);
        expect_upstream(h, LOOK_UP("10,30"));
        upstream_says(h, "* 1 FETCH (UID 10)\r\n* 3 FETCH (UID 30)\r\n"
                         "# OK\r\n");
        expect_upstream(h, STORE("10,30"));
        upstream_says(h, "# OK\r\n");
        expect_upstream(h, SEARCH);
        upstream_says(h, answers[i]);
        expect_upstream(h, LOOK_UP("10,30"));
        upstream_says(h, "* 1 FETCH (UID 10)\r\n* 3 FETCH (UID 30)\r\n"
                         "# OK\r\n");
        expect_end(h, "SYS/PERM", FAULT_REMOVAL_GUARDED);
    }
}

/* --- \Seen --- */

static void read_and_quit(struct harness *h)
{
    h->mailbox_policy.mark_seen = true;
    begin(h);
    log_in(h);
    client_says(h, "RETR 1\r\n");
    expect_upstream(h, "# UID FETCH 10 (UID BODY.PEEK[])\r\n");
    upstream_says(h, "* 1 FETCH (UID 10 BODY[] \"xyxyx\")\r\n# OK\r\n");
    expect_ok(h);
    expect_client(h, "xyxyx\r\n.\r\n");
    client_says(h, "DELE 3\r\n");
    expect_ok(h);
    client_says(h, "QUIT\r\n");
    expect_upstream(h, STORE("30"));
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, EXPUNGE("30"));
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, LOOK_UP("30"));
    upstream_says(h, "# OK\r\n");
}

/* DEC-3: behind the removal, and whatever comes of it, QUIT is +OK. */
static void flags_as_well_as_it_can(void **state)
{
    static const char *const answers[] = {
        "# OK\r\n",
        "# NO x\r\n",
        "# BAD x\r\n",
        "# NO [EXPUNGEISSUED] x\r\n",
        "# OK [MESSAGELIMIT 1] x\r\n",
    };
    struct harness *h = *state;

    for (size_t i = 0; i < ARRAY_LENGTH(answers); i++) {
        read_and_quit(h);
        expect_upstream(h, "# UID STORE 10 +FLAGS.SILENT (\\Seen)\r\n");
        upstream_says(h, answers[i]);
        expect_end(h, NULL, FAULT_NONE);
    }
}

/* DEC-3, DEC-7: lost while flagging: what was marked is gone, and that is what
 * +OK says; no new connection is made for the rest.
 */
static void says_ok_when_lost_while_flagging(void **state)
{
    struct harness *h = *state;

    read_and_quit(h);
    expect_upstream(h, "# UID STORE 10 +FLAGS.SILENT (\\Seen)\r\n");
    outcome(h, BRIDGE_UPSTREAM_CLOSED);
    expect_wish(h, BRIDGE_UNLOCK);
    expect_ok(h);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_over(h, FAULT_NONE);
}

/* DEC-3: where \Seen does not last it is not set. */
static void flags_nothing_that_does_not_last(void **state)
{
    struct harness *h = *state;

    h->server.select = "* 3 EXISTS\r\n* OK [UIDVALIDITY 77]\r\n"
                       "* OK [PERMANENTFLAGS (\\Deleted)] few\r\n";
    read_and_quit(h);
    expect_end(h, NULL, FAULT_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SESSION_TEST(does_not_guess_what_a_limit_left),
        SESSION_TEST(asks_no_limit_twice),
        SESSION_TEST(knows_when_a_limit_left_nothing),
        SESSION_TEST(looks_below_a_limit),
        SESSION_TEST(trusts_no_limited_search),
        SESSION_TEST(finds_what_a_limited_expunge_left),
        SESSION_TEST(stores_what_is_still_there),
        SESSION_TEST(finds_all_gone_already),
        SESSION_TEST(gives_up_a_store_that_never_works),
        SESSION_TEST(names_failures_of_the_store),
        SESSION_TEST(looks_at_all_where_uids_are_bad),
        SESSION_TEST(asks_nothing_of_an_empty_mailbox),
        SESSION_TEST(names_failures_of_the_look),
        SESSION_TEST(asks_nothing_of_an_unknown_mailbox),
        SESSION_TEST(names_a_search_refused_for_now),
        SESSION_TEST(counts_each_of_ours_once),
        SESSION_TEST(trusts_no_search_without_ours),
        SESSION_TEST(flags_as_well_as_it_can),
        SESSION_TEST(says_ok_when_lost_while_flagging),
        SESSION_TEST(flags_nothing_that_does_not_last),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
