/* QUIT: what is removed, and in which order. */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "support/session_harness.h"

/* The client marks 1 and 3, UIDs 10 and 30, and says QUIT. */
static void mark_and_quit(struct harness *h)
{
    client_says(h, "DELE 1\r\nDELE 3\r\n");
    expect_ok(h);
    expect_ok(h);
    expect_silence(h);
    client_says(h, "QUIT\r\n");
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
}

#define STORE(set) "# UID STORE " set " +FLAGS.SILENT (\\Deleted)\r\n"
#define LOOK_UP(set) "# UID FETCH " set " (UID FLAGS)\r\n"

/* DEC-4, POP-20: STORE, its OK, UID EXPUNGE, its OK, a look that nothing is
 * left, then LOGOUT and the answer; the lock is free before it (DEC-13).
 */
static void removes_what_is_marked(void **state)
{
    struct harness *h = *state;

    begin(h);
    log_in(h);
    mark_and_quit(h);
    expect_upstream(h, STORE("10,30"));
    expect_silence(h);
    upstream_says(h, "# OK stored\r\n");
    expect_upstream(h, "# UID EXPUNGE 10,30\r\n");
    expect_silence(h);
    upstream_says(h, "* 1 EXPUNGE\r\n* 2 EXPUNGE\r\n# OK gone\r\n");
    expect_upstream(h, LOOK_UP("10,30"));
    expect_silence(h);
    upstream_says(h, "# OK none\r\n");
    expect_end(h, NULL, FAULT_NONE);
    assert_int_equal(bridge_report(h->bridge)->messages_deleted, 2);
}

/* IMAP-28: UIDs that follow each other are joined, and no gap is bridged. */
static void joins_no_gap(void **state)
{
    struct harness *h = *state;

    h->server.listing = "* 1 FETCH (UID 5 FLAGS () RFC822.SIZE 1)\r\n"
                        "* 2 FETCH (UID 6 FLAGS () RFC822.SIZE 1)\r\n"
                        "* 3 FETCH (UID 8 FLAGS () RFC822.SIZE 1)\r\n"
                        "* 4 FETCH (UID 9 FLAGS () RFC822.SIZE 1)\r\n";
    begin(h);
    log_in(h);
    client_says(h, "DELE 4\r\nDELE 1\r\nDELE 2\r\nDELE 3\r\nQUIT\r\n");
    for (unsigned i = 0; i < 4; i++)
        expect_ok(h);
    expect_upstream(h, STORE("5:6,8:9"));
}

/* POP-21, POP-18: what RSET took back is not removed. */
static void removes_nothing_after_rset(void **state)
{
    struct harness *h = *state;

    begin(h);
    log_in(h);
    client_says(h, "DELE 1\r\nRSET\r\nDELE 2\r\nQUIT\r\n");
    expect_ok(h);
    expect_ok(h);
    expect_ok(h);
    expect_upstream(h, STORE("20"));
}

/* POP-22, DEC-3: an end that is not QUIT sends nothing but LOGOUT. */
static void changes_nothing_without_quit(void **state)
{
    static const enum bridge_outcome ends[] = { BRIDGE_CLIENT_CLOSED,
                                                BRIDGE_SHUT_DOWN };
    struct harness *h = *state;

    h->mailbox_policy.mark_seen = true;
    for (size_t i = 0; i < ARRAY_LENGTH(ends); i++) {
        begin(h);
        log_in(h);
        client_says(h, "RETR 1\r\n");
        expect_upstream(h, "# UID FETCH 10 (UID BODY.PEEK[])\r\n");
        upstream_says(h, "* 1 FETCH (UID 10 BODY[] \"xyxyx\")\r\n# OK\r\n");
        expect_ok(h);
        expect_client(h, "xyxyx\r\n.\r\n");
        client_says(h, "DELE 2\r\n");
        expect_ok(h);
        outcome(h, ends[i]);
        expect_logout(h);
        if (ends[i] == BRIDGE_SHUT_DOWN)
            expect_wish(h, BRIDGE_CLOSE_CLIENT);
        expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
        expect_over(h, ends[i] == BRIDGE_SHUT_DOWN ? FAULT_SHUTDOWN
                                                   : FAULT_CLIENT_GONE);
        bridge_free(h->bridge);
        h->bridge = NULL;
    }
}

/* POP-22: ... nor does the loss of the upstream. */
static void changes_nothing_without_upstream(void **state)
{
    struct harness *h = *state;

    begin(h);
    log_in(h);
    client_says(h, "DELE 2\r\n");
    expect_ok(h);
    outcome(h, BRIDGE_UPSTREAM_CLOSED);
    client_says(h, "STAT\r\n");
    expect_error(h, "SYS/TEMP");
    expect_wish(h, BRIDGE_UNLOCK);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_over(h, FAULT_UPSTREAM_GONE);
}

/* DEC-3: \Seen at QUIT, in one set, for what was delivered whole and is not
 * removed; BODY.PEEK until then; a refusal does not matter.
 */
static void flags_what_was_read(void **state)
{
    struct harness *h = *state;

    h->mailbox_policy.mark_seen = true;
    h->server.listing = "* 1 FETCH (UID 10 FLAGS () RFC822.SIZE 5)\r\n"
                        "* 2 FETCH (UID 20 FLAGS () RFC822.SIZE 1)\r\n";
    begin(h);
    log_in(h);
    client_says(h, "RETR 1\r\n");
    expect_upstream(h, "# UID FETCH 10 (UID BODY.PEEK[])\r\n");
    upstream_says(h, "* 1 FETCH (UID 10 BODY[] \"xyxyx\")\r\n# OK\r\n");
    expect_ok(h);
    expect_client(h, "xyxyx\r\n.\r\n");
    client_says(h, "TOP 2 0\r\n");
    expect_upstream(h, "# UID FETCH 20 (UID BODY.PEEK[]<0.65536>)\r\n");
    upstream_says(h, "* 2 FETCH (UID 20 BODY[]<0> \"x\")\r\n# OK\r\n");
    expect_ok(h);
    expect_client(h, "x\r\n.\r\n");
    client_says(h, "QUIT\r\n");
    expect_upstream(h, "# UID STORE 10 +FLAGS.SILENT (\\Seen)\r\n");
    upstream_says(h, "# NO no\r\n");
    expect_end(h, NULL, FAULT_NONE);
}

/* --- Without UIDPLUS --- */

static void quit_without_uidplus(struct harness *h)
{
    h->server.capabilities_inside = "IMAP4rev1";
    begin(h);
    log_in(h);
    mark_and_quit(h);
    expect_upstream(h, STORE("10,30"));
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, "# UID SEARCH DELETED\r\n");
}

/* DEC-5, IEXT-1, IEXT-3: only ours are flagged: EXPUNGE. */
static void expunges_where_only_ours_are_flagged(void **state)
{
    static const char *const answers[] = {
        "* SEARCH 30 10\r\n# OK\r\n",
        "* ESEARCH (TAG \"A5\") UID ALL 10,30\r\n# OK\r\n",
    };
    struct harness *h = *state;

    for (size_t i = 0; i < ARRAY_LENGTH(answers); i++) {
        quit_without_uidplus(h);
        upstream_says(h, answers[i]);
        expect_upstream(h, "# EXPUNGE\r\n");
        upstream_says(h, "* 1 EXPUNGE\r\n* 2 EXPUNGE\r\n# OK\r\n");
        expect_upstream(h, LOOK_UP("10,30"));
        upstream_says(h, "# OK\r\n");
        expect_end(h, NULL, FAULT_NONE);
        bridge_free(h->bridge);
        h->bridge = NULL;
    }
}

/* DEC-5: another's flag, or nobody knows: nothing is expunged. */
static void spares_what_others_flagged(void **state)
{
    static const char *const answers[] = {
        "* SEARCH 10 20 30\r\n# OK\r\n",
        "* SEARCH 10 11 30\r\n# OK\r\n",
        "* ESEARCH (TAG \"A5\") UID ALL 10:30\r\n# OK\r\n",
        "# NO cannot search\r\n",
        "# BAD what\r\n",
    };
    struct harness *h = *state;

    for (size_t i = 0; i < ARRAY_LENGTH(answers); i++) {
        quit_without_uidplus(h);
        upstream_says(h, answers[i]);
        expect_end(h, "SYS/PERM", FAULT_REMOVAL_GUARDED);
        bridge_free(h->bridge);
        h->bridge = NULL;
    }
}

/* --- Many --- */

static void list_scattered(struct harness *h, unsigned messages)
{
    struct buf text;

    buf_init(&text, 8 * 1024 * 1024);
    for (unsigned i = 1; i <= messages; i++) {
        buf_append_string(&text, "* 1 FETCH (FLAGS () UID ");
        buf_append_number(&text, 4000000000 + 2 * i);
        buf_append_string(&text, " RFC822.SIZE 1)\r\n");
    }
    log_in_to_listing(h);
    upstream_says_octets(h, buf_span(&text));
    upstream_says(h, "# OK\r\n");
    expect_ok(h);
    buf_fini(&text);
}

/* The command that was sent, its length checked; false: none was. */
static bool read_command(struct harness *h, char *line, size_t size)
{
    struct span sent = buf_span(&h->upstream);
    size_t end = span_find(sent, '\n');

    if (end == sent.len)
        return false;
    assert_true(end + 1 <= IMAP_COMMAND_MAX && end + 1 < size);
    memcpy(line, sent.data, end);
    line[end] = '\0';
    buf_consume(&h->upstream, end + 1);
    return true;
}

/* IMAP-29, IMAP-27: ten thousand scattered messages go in short commands, each
 * set stored and then expunged, and none holds a `*`.
 */
static void removes_many_in_chunks(void **state)
{
    const unsigned messages = 10000;
    struct harness *h = *state;
    char line[IMAP_COMMAND_MAX + 1];
    char answer[32];
    unsigned stores = 0;
    unsigned expunges = 0;

    begin(h);
    list_scattered(h, messages);
    for (unsigned i = 1; i <= messages; i++) {
        snprintf(line, sizeof(line), "DELE %u\r\n", i);
        client_says(h, line);
        expect_ok(h);
    }
    client_says(h, "QUIT\r\n");
    while (read_command(h, line, sizeof(line))) {
        bool store = strstr(line, " UID STORE ") != NULL;
        bool expunge = strstr(line, " UID EXPUNGE ") != NULL;

        if (strstr(line, " LOGOUT") != NULL)
            break;
        assert_null(strchr(line, '*'));
        stores += store;
        expunges += expunge;
        assert_true(stores == expunges || (store && stores == expunges + 1));
        snprintf(answer, sizeof(answer), "%.*s OK\r\n", (int)strcspn(line, " "),
                 line);
        upstream_says(h, answer);
    }
    assert_true(stores >= messages / 200);
    expect_wish(h, BRIDGE_UNLOCK);
    expect_ok(h);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
}

/* IEXT-13: a limit on how many are done at once: the rest is asked for. */
static void removes_below_the_limit(void **state)
{
    struct harness *h = *state;

    begin(h);
    log_in(h);
    mark_and_quit(h);
    expect_upstream(h, STORE("10,30"));
    upstream_says(h, "# OK [MESSAGELIMIT 1 30] some\r\n");
    expect_upstream(h, STORE("10"));
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, "# UID EXPUNGE 10,30\r\n");
    upstream_says(h, "# OK [MESSAGELIMIT 1 30] some\r\n");
    expect_upstream(h, "# UID EXPUNGE 10\r\n");
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, LOOK_UP("10,30"));
    upstream_says(h, "# OK\r\n");
    expect_end(h, NULL, FAULT_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SESSION_TEST(removes_what_is_marked),
        SESSION_TEST(joins_no_gap),
        SESSION_TEST(removes_nothing_after_rset),
        SESSION_TEST(changes_nothing_without_quit),
        SESSION_TEST(changes_nothing_without_upstream),
        SESSION_TEST(flags_what_was_read),
        SESSION_TEST(expunges_where_only_ours_are_flagged),
        SESSION_TEST(spares_what_others_flagged),
        SESSION_TEST(removes_many_in_chunks),
        SESSION_TEST(removes_below_the_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
