/* DEC-1: what is known of the mailbox is completed by what has changed since,
 * and given up where that is not all.
 */
#include "support/reuse_plays.h"

/* --- changes --- */

/* New mail, and flags that others changed: only they are asked for. */
static void asks_for_changes(void **state)
{
    struct harness *h = *state;

    first_session(h);
    select_and_say(h, LATER("6", "51", "9223372036854775807"));
    expect_upstream(h, NEW("31", "50"));
    expect_silence(h);
    upstream_says(h, "* 5 FETCH (UID 40 FLAGS () RFC822.SIZE 400)\r\n"
                     "* 6 FETCH (UID 50 RFC822.SIZE 500 FLAGS (\\Deleted))\r\n"
                     "# OK\r\n");
    expect_upstream(h, CHANGES("30", "100"));
    expect_silence(h);
    upstream_says(h,
                  "* 2 FETCH (UID 20 FLAGS (\\Deleted) RFC822.SIZE 200)\r\n"
                  "* 3 FETCH (FLAGS () RFC822.SIZE 250 UID 25 MODSEQ (101))\r\n"
                  "# OK\r\n");
    expect_counted(h, KNOWN_OLDER);
    end_session_kept(h, "+OK 4 955\r\n");
    /* That is now what is known: 10, 25, 30, 40; hidden 20, 50. */
    select_and_say(h, LATER("6", "51", "9223372036854775807"));
    expect_counted(h, KNOWN_FRESH);
    expect_stat(h, "+OK 4 955\r\n");
    client_says(h, "UIDL\r\n");
    expect_client(h, "+OK listing follows\r\n"
                     "1 77.10\r\n2 77.25\r\n3 77.30\r\n4 77.40\r\n.\r\n");
    quit(h);
}

/* HIGHESTMODSEQ rose, and nothing that we look at has changed. */
static void takes_an_empty_answer(void **state)
{
    struct harness *h = *state;

    first_session(h);
    select_and_say(h, LATER("4", "31", "200"));
    expect_upstream(h, CHANGES("30", "100"));
    upstream_says(h, "# OK\r\n");
    end_session_kept(h, FIRST_STAT);
    select_and_say(h, LATER("4", "31", "200"));
    end_session(h, FIRST_STAT);
}

/* What comes between SELECT and the answer is shown, and does not disturb the
 * count.
 */
static void bears_mail_that_comes_meanwhile(void **state)
{
    struct harness *h = *state;

    first_session(h);
    select_and_say(h, LATER("5", "41", "200"));
    expect_upstream(h, NEW("31", "40"));
    upstream_says(h, "* 5 FETCH (UID 40 FLAGS () RFC822.SIZE 400)\r\n"
                     "* 6 EXISTS\r\n# OK\r\n");
    expect_upstream(h, CHANGES("30", "100"));
    upstream_says(h, "* 6 FETCH (UID 41 FLAGS () RFC822.SIZE 410)\r\n# OK\r\n");
    end_session_kept(h, "+OK 5 1315\r\n");
    select_and_say(h, LATER("6", "42", "201"));
    expect_upstream(h, CHANGES("41", "200"));
    upstream_says(h, "* 6 FETCH (UID 41 FLAGS () RFC822.SIZE 410)\r\n# OK\r\n");
    end_session_kept(h, "+OK 5 1315\r\n");
}

/* --- changes that are not all --- */

/* One new message is asked for, and flags unless |flags| is NULL; then all, in
 * the same session.
 */
static void gives_up(struct harness *h, const char *exists, const char *new,
                     const char *flags)
{
    first_session(h);
    select_and_say(h, exists);
    expect_upstream(h, NEW("31", "40"));
    upstream_says(h, new);
    if (flags != NULL) {
        expect_upstream(h, CHANGES("30", "100"));
        upstream_says(h, flags);
    }
    expect_upstream(h, LIST_ALL);
    expect_silence(h);
}

/* Expunged elsewhere, with new mail that makes up for it in EXISTS. */
static void lists_anew_behind_an_expunge(void **state)
{
    struct harness *h = *state;

    gives_up(h, LATER("4", "41", "200"),
             "* 4 FETCH (UID 40 FLAGS () RFC822.SIZE 400)\r\n# OK\r\n",
             "# OK\r\n");
    upstream_says(h, "* 1 FETCH (UID 20 FLAGS () RFC822.SIZE 200)\r\n"
                     "* 2 FETCH (UID 25 FLAGS (\\Deleted) RFC822.SIZE 1)\r\n"
                     "* 3 FETCH (UID 30 FLAGS () RFC822.SIZE 300)\r\n"
                     "* 4 FETCH (UID 40 FLAGS () RFC822.SIZE 400)\r\n"
                     "# OK\r\n");
    expect_counted(h, KNOWN_UNPROVEN);
    end_session_kept(h, "+OK 3 900\r\n");
    select_and_say(h, LATER("4", "41", "200"));
    end_session(h, "+OK 3 900\r\n");
}

/* The same, and so much is expunged while the changes are told that as many are
 * left as are known and new: 10 is gone and stands for 50, which is gone too.
 */
static void lists_anew_where_expunges_make_up(void **state)
{
    struct harness *h = *state;

    first_session(h);
    select_and_say(h, LATER("5", "51", "200"));
    expect_upstream(h, NEW("31", "50"));
    upstream_says(h, "* 5 EXPUNGE\r\n"
                     "* 4 FETCH (UID 40 FLAGS () RFC822.SIZE 400)\r\n# OK\r\n");
    expect_upstream(h, CHANGES("30", "100"));
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, LIST_ALL);
    upstream_says(h, "* 1 FETCH (UID 20 FLAGS () RFC822.SIZE 200)\r\n"
                     "* 2 FETCH (UID 25 FLAGS (\\Deleted) RFC822.SIZE 1)\r\n"
                     "* 3 FETCH (UID 30 FLAGS () RFC822.SIZE 300)\r\n"
                     "* 4 FETCH (UID 40 FLAGS () RFC822.SIZE 400)\r\n"
                     "# OK\r\n");
    expect_counted(h, KNOWN_UNPROVEN);
    end_session(h, "+OK 3 900\r\n");
}

#define ONE_NEW "* 5 FETCH (UID 40 FLAGS () RFC822.SIZE 1)\r\n"

static void lists_anew_where_changes_do_not_fit(void **state)
{
    static const struct {
        const char *new;
        const char *flags;
    } answers[] = {
        /* The new one was not told, or without size, or UID. */
        { "# OK\r\n", "# OK\r\n" },
        { "* 5 FETCH (UID 40 FLAGS ())\r\n# OK\r\n", "# OK\r\n" },
        { ONE_NEW "* 5 FETCH (RFC822.SIZE 400)\r\n# OK\r\n", "# OK\r\n" },
        /* One that should be known. */
        { ONE_NEW "# OK\r\n",
          "* 2 FETCH (UID 15 FLAGS () RFC822.SIZE 1)\r\n# OK\r\n" },
        { "* 2 FETCH (UID 15 FLAGS () RFC822.SIZE 1)\r\n# OK\r\n", "# OK\r\n" },
        /* Refused, or done in part. */
        { "# NO x\r\n", NULL },
        { "# BAD x\r\n", NULL },
        { ONE_NEW "# OK [MESSAGELIMIT 1 40] x\r\n", NULL },
        { ONE_NEW "# OK\r\n", "# NO x\r\n" },
        { ONE_NEW "# OK\r\n", "# BAD x\r\n" },
        { ONE_NEW "# OK\r\n", "# OK [MESSAGELIMIT 1 30] x\r\n" },
    };
    struct harness *h = *state;

    for (size_t i = 0; i < ARRAY_LENGTH(answers); i++) {
        gives_up(h, LATER("5", "41", "200"), answers[i].new, answers[i].flags);
        upstream_says(h, ONE_NEW);
        upstream_says(h, FIRST_ROWS);
        expect_counted(h, KNOWN_UNPROVEN);
        end_session_kept(h, "+OK 4 506\r\n");
    }
}

/* DEC-15: nothing more is asked of a mailbox that became another one. */
static void gives_up_a_mailbox_that_changes(void **state)
{
    struct harness *h = *state;

    first_session(h);
    select_and_say(h, LATER("5", "41", "200"));
    expect_upstream(h, NEW("31", "40"));
    upstream_says(h, "* OK [UIDVALIDITY 78] x\r\n# OK\r\n");
    expect_wish(h, BRIDGE_UNLOCK);
    expect_error(h, "SYS/TEMP");
    expect_upstream(h, "# LOGOUT\r\n");
}

/* A pause that the server asks for: the same command again. */
static void asks_for_changes_again_after_a_pause(void **state)
{
    struct harness *h = *state;

    first_session(h);
    select_and_say(h, LATER("4", "31", "200"));
    expect_upstream(h, CHANGES("30", "100"));
    upstream_says(h, "# BAD Request is throttled. Suggested Backoff Time: 1000 "
                     "milliseconds\r\n");
    expect_silence(h);
    time_passes(h, 1000);
    expect_upstream(h, CHANGES("30", "100"));
    upstream_says(h, "* 4 FETCH (UID 30 FLAGS (\\Deleted))\r\n# OK\r\n");
    end_session_kept(h, "+OK 2 205\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SESSION_TEST(asks_for_changes),
        SESSION_TEST(takes_an_empty_answer),
        SESSION_TEST(bears_mail_that_comes_meanwhile),
        SESSION_TEST(lists_anew_behind_an_expunge),
        SESSION_TEST(lists_anew_where_expunges_make_up),
        SESSION_TEST(lists_anew_where_changes_do_not_fit),
        SESSION_TEST(gives_up_a_mailbox_that_changes),
        SESSION_TEST(asks_for_changes_again_after_a_pause),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
