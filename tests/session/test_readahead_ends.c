/* Read-ahead, and what goes wrong: messages that cannot be had, answers in
 * another order, and connections that end while it waits.
 */
#include "base/limits.h"
#include "support/numbered.h"

#define NOOP "# NOOP\r\n"
#define LOOK_UP(uid) "# UID FETCH " uid " (UID FLAGS)\r\n"
#define THROTTLED                                               \
    "# BAD Request is throttled. Suggested Backoff Time: 1000 " \
    "milliseconds\r\n"

/* RETR 3, which is fetched together with 4. */
static void come_to_third_of(struct harness *h, unsigned count)
{
    numbered_log_in(h, count);
    retrieve_first(h);
    says_retr(h, 2);
    expect_fetches(h, 3, 4);
    says_message(h, 2);
    expect_message(h, 2);
    says_retr(h, 3);
    expect_silence(h);
}

static void come_to_third(struct harness *h)
{
    come_to_third_of(h, 9);
}

/* It has not come with the batch, and is asked for alone. */
static void miss_third(struct harness *h, const char *answer)
{
    upstream_says(h, answer);
    expect_fetch(h, 3);
    expect_silence(h);
}

static void look_for_third(struct harness *h, bool there)
{
    expect_upstream(h, NOOP);
    expect_silence(h);
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, LOOK_UP("30"));
    upstream_says(h, there ? "* 3 FETCH (UID 30 FLAGS ())\r\n# OK\r\n"
                           : "# OK\r\n");
}

/* The session goes on, and reads ahead. */
static void go_on_with_fourth(struct harness *h)
{
    says_retr(h, 4);
    expect_fetch(h, 4);
    expect_fetches(h, 5, 8);
    says_message(h, 4);
    expect_message(h, 4);
    says_retr(h, 5);
    says_body(h, 5);
    expect_message(h, 5);
}

/* --- messages that cannot be had --- */

/* DEC-14, MAP-11: it is asked for alone, then looked up before it is refused. */
static void names_what_cannot_be_read(void **state)
{
    static const char *const answers[] = {
        "# NO cannot\r\n",
        "# OK nothing\r\n",
        "* 3 FETCH (UID 30 BODY[] NIL)\r\n# OK\r\n",
        "* 3 FETCH (UID 30 BODY[] \"\")\r\n# OK\r\n",
        "* 3 FETCH (UID 30 BODY[]<0> \"m0003\")\r\n# OK\r\n",
    };
    struct harness *h = *state;

    for (size_t i = 0; i < 2 * ARRAY_LENGTH(answers); i++) {
        bool there = i % 2 == 0;

        come_to_third(h);
        miss_third(h, answers[i / 2]);
        upstream_says(h, answers[i / 2]);
        look_for_third(h, there);
        expect_error(h, there ? "SYS/TEMP" : NULL);
        client_says(h, "DELE 3\r\n");
        expect_error(h, "SYS/TEMP");
        go_on_with_fourth(h);
        bridge_free(h->bridge);
        h->bridge = NULL;
        h->tag_count = 0;
    }
}

/* MAP-11: it was the fault of another. */
static void blames_none_for_another(void **state)
{
    static const char *const answers[] = {
        "# NO some cannot\r\n",
        "# BAD one is broken\r\n",
        "# OK nothing\r\n",
    };
    struct harness *h = *state;

    for (size_t i = 0; i < ARRAY_LENGTH(answers); i++) {
        come_to_third(h);
        miss_third(h, answers[i]);
        says_message(h, 3);
        expect_fetches(h, 4, 6);
        expect_message(h, 3);
        client_says(h, "DELE 3\r\n");
        expect_ok(h);
        bridge_free(h->bridge);
        h->bridge = NULL;
        h->tag_count = 0;
    }
}

/* DEC-14: a body of another size is taken when the message is known to be
 * there; it comes with the fetch behind the look.
 */
static void looks_after_a_suspect_size(void **state)
{
    struct harness *h = *state;

    come_to_third(h);
    upstream_says(h, "* 3 FETCH (UID 30 BODY[] \"gone!!\")\r\n");
    expect_silence(h);
    says_message(h, 4);
    look_for_third(h, true);
    expect_fetch(h, 3);
    expect_silence(h);
    upstream_says(h, "* 3 FETCH (UID 30 BODY[] \"abc\")\r\n# OK\r\n");
    expect_fetches(h, 4, 6);
    expect_ok(h);
    expect_client(h, "abc\r\n.\r\n");
    assert_int_equal(bridge_report(h->bridge)->size_mismatches, 1);
}

/* MAP-8: alone it is plain what BAD means. */
static void counts_bad(void **state)
{
    struct harness *h = *state;

    come_to_third(h);
    miss_third(h, "# BAD what\r\n");
    upstream_says(h, "# BAD what\r\n");
    expect_error(h, "SYS/PERM");
    go_on_with_fourth(h);
}

/* MAP-2: asked to wait, the client hears of nothing but the time it takes. */
static void waits_where_it_is_throttled(void **state)
{
    struct harness *h = *state;

    come_to_third(h);
    upstream_says(h, THROTTLED);
    time_passes(h, 999);
    expect_silence(h);
    time_passes(h, 1);
    expect_fetch(h, 3);
    expect_silence(h);
    says_message(h, 3);
    expect_fetches(h, 4, 6);
    expect_message(h, 3);
}

/* MAP-2: a server that throttles each batch is soon asked for no more than the
 * client wants.
 */
static void asks_less_where_it_is_throttled(void **state)
{
    struct harness *h = *state;
    int in_vain = -1; /* the second was of use */

    come_to_third_of(h, 60);
    for (unsigned n = 3; n <= 20; n++) {
        bool stopped = in_vain > READAHEAD_MESSAGES_MAX;

        if (n > 3)
            says_retr(h, n);
        if (stopped)
            expect_fetch(h, n);
        upstream_says(h, THROTTLED);
        h->note_count = 0;
        time_passes(h, 1000);
        expect_fetch(h, n);
        expect_silence(h);
        in_vain += stopped ? 0 : (int)n - 1;
        says_message(h, n);
        if (in_vain <= READAHEAD_MESSAGES_MAX)
            expect_fetches(h, n + 1, 2 * n);
        expect_message(h, n);
        expect_silence(h);
    }
    assert_true(in_vain > READAHEAD_MESSAGES_MAX);
}

/* The NO to one that nobody has asked for yet is forgotten; the message is
 * asked for again when there is reason to, and then the client hears of it.
 */
static void forgets_what_failed_unasked(void **state)
{
    struct harness *h = *state;

    numbered_log_in(h, 9);
    says_retr(h, 1);
    expect_fetch(h, 1);
    expect_fetch(h, 2);
    swap_answers(h);
    upstream_says(h, "# NO cannot\r\n");
    expect_silence(h);
    says_message(h, 1);
    expect_fetch(h, 2);
    expect_message(h, 1);
    says_retr(h, 2);
    expect_fetches(h, 3, 4);
    upstream_says(h, "# NO cannot\r\n");
    expect_fetch(h, 2);
    says_body(h, 3);
    says_message(h, 4);
    upstream_says(h, "# NO cannot\r\n");
    expect_upstream(h, NOOP);
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, LOOK_UP("20"));
    upstream_says(h, "* 2 FETCH (UID 20 FLAGS ())\r\n# OK\r\n");
    expect_error(h, "SYS/TEMP");
}

/* --- another order --- */

/* IMAP-20, IMAP-24: the second is answered first; passed by, it is fetched
 * anew.
 */
static void takes_answers_in_another_order(void **state)
{
    struct harness *h = *state;

    numbered_log_in(h, 9);
    says_retr(h, 1);
    expect_fetch(h, 1);
    expect_fetch(h, 2);
    swap_answers(h);
    says_message(h, 2);
    expect_silence(h);
    assert_int_equal(octet_budget_taken(&h->budget), 0);
    says_message(h, 1);
    expect_fetch(h, 2);
    expect_message(h, 1);
    says_retr(h, 2);
    expect_fetches(h, 3, 4);
    says_message(h, 2);
    expect_message(h, 2);
}

/* The same within a batch: those passed by are fetched with what follows. */
static void takes_a_batch_in_another_order(void **state)
{
    struct harness *h = *state;

    come_to_third(h);
    says_body(h, 4);
    expect_silence(h);
    says_message(h, 3);
    expect_fetches(h, 4, 6);
    expect_message(h, 3);
    says_retr(h, 4);
    says_body(h, 4);
    expect_message(h, 4);
}

/* What was read ahead comes before its turn and passes by, so that it is asked
 * for again; QUIT waits for the first of the two commands too.
 */
static void quits_behind_a_batch_that_passed_by(void **state)
{
    struct harness *h = *state;

    numbered_log_in(h, 9);
    client_says(h, "RETR 1\r\nRETR 2\r\nDELE 2\r\nQUIT\r\n");
    expect_fetch(h, 1);
    expect_fetch(h, 2);
    says_body(h, 2);
    says_message(h, 1);
    expect_message(h, 1);
    expect_fetch(h, 2);
    swap_answers(h);
    says_message(h, 2);
    expect_message(h, 2);
    expect_ok(h);
    expect_silence(h);
    upstream_says(h, "# OK at last\r\n");
    expect_upstream(h, "# UID STORE 20 +FLAGS.SILENT (\\Deleted)\r\n");
}

/* --- Dovecot: all bodies, then all tagged responses --- */

#define BODY_OF(n) "* " #n " FETCH (UID " #n "0 BODY[] \"m000" #n "\")\r\n"

/* A message is done when the next one begins; none is fetched twice. */
static void takes_the_tagged_responses_late(void **state)
{
    struct harness *h = *state;

    numbered_log_in(h, 6);
    says_retr(h, 1);
    expect_fetch(h, 1);
    expect_fetch(h, 2);
    upstream_says(h, BODY_OF(1) BODY_OF(2) "# OK\r\n# OK\r\n");
    expect_message(h, 1);
    assert_waits(h);
    says_retr(h, 2);
    expect_fetches(h, 3, 4);
    expect_message(h, 2);
    client_says(h, "RETR 3\r\nRETR 4\r\n");
    upstream_says(h, BODY_OF(3) BODY_OF(4));
    expect_message(h, 3);
    expect_fetches(h, 5, 6);
    expect_silence(h); /* nothing comes behind it */
    upstream_says(h, BODY_OF(5) BODY_OF(6) "# OK\r\n");
    expect_message(h, 4);
    client_says(h, "RETR 5\r\nRETR 6\r\n");
    expect_message(h, 5);
    expect_silence(h);
    upstream_says(h, "# OK\r\n");
    expect_message(h, 6);
    assert_all_taken(h);
    quit(h);
}

/* The client leaves the order: the bodies of those passed over come before, and
 * their tagged responses behind.
 */
static void jumps_before_the_tagged_responses(void **state)
{
    struct harness *h = *state;

    come_to_third(h);
    upstream_says(h, BODY_OF(3) BODY_OF(4));
    expect_message(h, 3);
    says_retr(h, 8);
    expect_fetch(h, 8);
    upstream_says(h, BODY_OF(8) "# OK\r\n");
    expect_silence(h);
    upstream_says(h, "# OK\r\n");
    expect_message(h, 8);
    quit(h);
}

/* QUIT, and the client closing, between the bodies. */
static void leaves_before_the_tagged_responses(void **state)
{
    struct harness *h = *state;

    numbered_log_in(h, 9);
    says_retr(h, 1);
    expect_fetch(h, 1);
    expect_fetch(h, 2);
    upstream_says(h, BODY_OF(1) BODY_OF(2));
    expect_message(h, 1);
    client_says(h, "QUIT\r\n");
    upstream_says(h, "# OK\r\n");
    expect_silence(h);
    upstream_says(h, "# OK\r\n");
    expect_logout(h);
    expect_ok(h);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_over(h, FAULT_NONE);
}

/* Twice the same: the second is no second body of the first. */
static void takes_both_of_the_same(void **state)
{
    struct harness *h = *state;

    numbered_log_in(h, 9);
    says_retr(h, 5);
    expect_fetch(h, 5);
    client_says(h, "RETR 2\r\nRETR 2\r\nRETR 3\r\n");
    says_message(h, 5);
    expect_message(h, 5);
    expect_fetch(h, 2);
    upstream_says(h, BODY_OF(2));
    expect_fetches(h, 2, 3);
    upstream_says(h, BODY_OF(2) BODY_OF(3) "# OK\r\n# OK\r\n");
    expect_message(h, 2);
    expect_message(h, 2);
    expect_fetch(h, 4);
    expect_message(h, 3);
}

/* DEC-14: NO behind the next body. The client has the message for good, and may
 * have marked it: nothing is removed in this session.
 */
static void removes_nothing_after_a_late_no(void **state)
{
    struct harness *h = *state;

    numbered_log_in(h, 9);
    says_retr(h, 1);
    expect_fetch(h, 1);
    expect_fetch(h, 2);
    upstream_says(h, BODY_OF(1) BODY_OF(2) "# NO after all\r\n# OK\r\n");
    expect_message(h, 1);
    client_says(h, "DELE 1\r\nQUIT\r\n");
    expect_ok(h);
    expect_logout(h);
    expect_error(h, "SYS/TEMP");
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_over(h, FAULT_MESSAGE_UNREADABLE);
}

/* The same, and the client goes on: it is told with the next command. */
static void ends_after_a_late_no(void **state)
{
    struct harness *h = *state;

    numbered_log_in(h, 9);
    says_retr(h, 1);
    expect_fetch(h, 1);
    expect_fetch(h, 2);
    upstream_says(h, BODY_OF(1) BODY_OF(2) "# NO after all\r\n# OK\r\n");
    expect_message(h, 1);
    says_retr(h, 2);
    expect_fetches(h, 3, 4);
    expect_message(h, 2);
    client_says(h, "DELE 1\r\n");
    expect_error(h, "SYS/TEMP");
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_wish(h, BRIDGE_UNLOCK);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_over(h, FAULT_MESSAGE_UNREADABLE);
}

/* DEC-14: the same of a batch, where each message of it has come. */
static void removes_nothing_after_a_late_no_to_all(void **state)
{
    struct harness *h = *state;

    come_to_third(h);
    client_says(h, "DELE 1\r\nRETR 4\r\n");
    says_body(h, 3);
    expect_message(h, 3);
    expect_ok(h);
    upstream_says(h, BODY_OF(4));
    expect_fetches(h, 5, 8);
    upstream_says(h, BODY_OF(5) "# NO after all\r\n");
    expect_message(h, 4);
    client_says(h, "QUIT\r\n");
    upstream_says(h, BODY_OF(6) "# OK\r\n");
    expect_logout(h);
    expect_error(h, "SYS/TEMP");
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_over(h, FAULT_MESSAGE_UNREADABLE);
}

/* The NO is about the one that is missing: the other is as good as any. */
static void trusts_what_came_before_a_no(void **state)
{
    struct harness *h = *state;

    come_to_third(h);
    says_body(h, 3);
    expect_message(h, 3);
    upstream_says(h, "# NO Some messages could not be FETCHed\r\n");
    says_retr(h, 4);
    expect_fetches(h, 5, 8);
    expect_fetch(h, 4);
    upstream_says(h, "# OK nothing\r\n# NO cannot\r\n");
    expect_upstream(h, NOOP);
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, LOOK_UP("40"));
    upstream_says(h, "* 4 FETCH (UID 40 FLAGS ())\r\n# OK\r\n");
    expect_error(h, "SYS/TEMP");
    client_says(h, "DELE 3\r\nQUIT\r\n");
    expect_ok(h);
    expect_upstream(h, "# UID STORE 30 +FLAGS.SILENT (\\Deleted)\r\n");
}

/* IMAP-20: the UID behind the body, and right. Of one that comes with a batch
 * nobody knows what it is until it has passed by: it is fetched alone.
 */
static void takes_the_uid_behind_the_body(void **state)
{
    struct harness *h = *state;

    numbered_log_in(h, 9);
    says_retr(h, 1);
    expect_fetch(h, 1);
    expect_fetch(h, 2);
    upstream_says(h, "* 1 FETCH (BODY[] \"m0001\" UID 10)\r\n# OK\r\n"
                     "* 2 FETCH (BODY[] {5}\r\nm0002 UID 20)\r\n# OK\r\n");
    expect_message(h, 1);
    says_retr(h, 2);
    expect_fetches(h, 3, 4);
    expect_fetch(h, 2);
    upstream_says(h, "* 3 FETCH (BODY[] \"m0003\" UID 30)\r\n"
                     "* 4 FETCH (BODY[] \"m0004\" UID 40)\r\n# OK\r\n");
    expect_silence(h);
    upstream_says(h, "* 2 FETCH (BODY[] {5}\r\nm0002 UID 20)\r\n# OK\r\n");
    expect_fetches(h, 3, 4);
    expect_message(h, 2);
    /* Those before the one that is asked for now are not taken for it. */
    says_retr(h, 7);
    expect_fetch(h, 7);
    upstream_says(h, "* 3 FETCH (BODY[] \"m0003\" UID 30)\r\n"
                     "* 4 FETCH (BODY[] \"m0004\" UID 40)\r\n# OK\r\n");
    expect_silence(h);
    upstream_says(h, "* 7 FETCH (BODY[] \"m0007\" UID 70)\r\n# OK\r\n");
    expect_message(h, 7);
}

/* IMAP-20, DEC-10: behind the body, and wrong: two bodies in swapped order. */
static void refuses_the_wrong_body(void **state)
{
    struct harness *h = *state;

    numbered_log_in(h, 9);
    says_retr(h, 1);
    expect_fetch(h, 1);
    expect_fetch(h, 2);
    upstream_says(h, "* 2 FETCH (BODY[] {5}\r\nm0002 UID 20)\r\n");
    if (h->octet_by_octet) {
        expect_ok(h);
        expect_client(h, "m000"); /* its last octet waits for the end */
    } else {
        expect_error(h, "SYS/TEMP");
    }
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_wish(h, BRIDGE_UNLOCK);
    expect_wish(h,
                h->octet_by_octet ? BRIDGE_ABORT_CLIENT : BRIDGE_CLOSE_CLIENT);
    expect_over(h, FAULT_UPSTREAM_GARBLED);
}

/* --- ends --- */

/* DEC-10: what waited is lost with the connection; the next command says so. */
static void loses_the_upstream_while_it_waits(void **state)
{
    struct harness *h = *state;

    numbered_log_in(h, 9);
    says_retr(h, 1);
    expect_fetch(h, 1);
    expect_fetch(h, 2);
    upstream_says(h, "* 1 FETCH (UID 10 BODY[] \"m0001\")\r\n# OK\r\n"
                     "* 2 FETCH (UID 20 BODY[] \"m0002\")\r\n# OK\r\n");
    expect_message(h, 1);
    outcome(h, BRIDGE_UPSTREAM_CLOSED);
    expect_note(h, BRIDGE_NOTE_UPSTREAM_LOST, FAULT_UPSTREAM_GONE);
    expect_silence(h);
    assert_int_equal(octet_budget_taken(&h->budget), 0);
    says_retr(h, 2);
    expect_error(h, "SYS/TEMP");
    expect_wish(h, BRIDGE_UNLOCK);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
}

/* DEC-10: within a message that was read ahead the client is cut off. */
static void loses_the_upstream_within_a_body(void **state)
{
    struct harness *h = *state;

    numbered_log_in(h, 9);
    retrieve_first(h);
    says_retr(h, 2);
    upstream_says(h, "* 2 FETCH (UID 20 BODY[] {5}\r\nm0");
    expect_fetches(h, 3, 4);
    expect_ok(h);
    expect_client(h, "m0");
    outcome(h, BRIDGE_UPSTREAM_CLOSED);
    expect_wish(h, BRIDGE_UNLOCK);
    expect_wish(h, BRIDGE_ABORT_CLIENT);
    expect_over(h, FAULT_UPSTREAM_GONE);
}

/* MAP-9: BYE is not heard while it waits, and then it is. */
static void hears_bye_late(void **state)
{
    struct harness *h = *state;

    numbered_log_in(h, 9);
    retrieve_first(h);
    upstream_says(h, "* BYE idle\r\n");
    expect_silence(h);
    says_retr(h, 2);
    expect_fetches(h, 3, 4);
    expect_error(h, "SYS/TEMP");
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_wish(h, BRIDGE_UNLOCK);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_over(h, FAULT_UPSTREAM_BYE);
}

/* DEC-15: so it is with UIDVALIDITY; the UID may be another message's now. */
static void notices_a_changed_mailbox(void **state)
{
    struct harness *h = *state;

    numbered_log_in(h, 9);
    retrieve_first(h);
    upstream_says(h, "* OK [UIDVALIDITY 78] new\r\n");
    expect_silence(h);
    says_retr(h, 2);
    expect_fetches(h, 3, 4);
    says_message(h, 2);
    expect_error(h, "SYS/TEMP");
    client_says(h, "DELE 1\r\n");
    expect_error(h, "SYS/TEMP");
    client_says(h, "QUIT\r\n");
    says_body(h, 3);
    expect_silence(h);
    says_message(h, 4);
    expect_logout(h);
    expect_ok(h);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
}

/* POP-22: the client ends, or we do; LOGOUT cannot be said meanwhile. */
static void ends_while_it_waits(void **state)
{
    struct harness *h = *state;

    numbered_log_in(h, 9);
    retrieve_first(h);
    outcome(h, BRIDGE_CLIENT_CLOSED);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_wish(h, BRIDGE_UNLOCK);
    expect_over(h, FAULT_CLIENT_GONE);
    assert_int_equal(octet_budget_taken(&h->budget), 0);
}

static void shuts_down_while_it_waits(void **state)
{
    struct harness *h = *state;

    numbered_log_in(h, 9);
    retrieve_first(h);
    outcome(h, BRIDGE_SHUT_DOWN);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_wish(h, BRIDGE_UNLOCK);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_over(h, FAULT_SHUTDOWN);
    assert_int_equal(octet_budget_taken(&h->budget), 0);
}

/* POP-25: a client that says nothing more; what was read ahead is long gone. */
static void ends_an_idle_session(void **state)
{
    struct harness *h = *state;

    numbered_log_in(h, 9);
    retrieve_first(h);
    says_message(h, 2);
    time_passes(h, h->policy.session_timeout_ms);
    expect_logout(h);
    expect_wish(h, BRIDGE_ABORT_CLIENT);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_over(h, FAULT_CLIENT_IDLE);
}

/* --- QUIT waits for what was read ahead --- */

static void quit_behind_it(struct harness *h, bool has_marks)
{
    numbered_log_in(h, 9);
    retrieve_first(h);
    if (has_marks) {
        client_says(h, "DELE 1\r\n");
        expect_ok(h);
    }
    client_says(h, "QUIT\r\n");
    expect_silence(h);
}

/* DEC-7: the connection lost meanwhile is made anew where there are marks. */
static void quits_over_a_new_connection(void **state)
{
    struct harness *h = *state;

    quit_behind_it(h, true);
    outcome(h, BRIDGE_UPSTREAM_CLOSED);
    h->tag_count = 0;
    expect_wish(h, BRIDGE_CONNECT);
    outcome(h, BRIDGE_UPSTREAM_UP);
    upstream_says(h, "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] x\r\n");
    expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
    upstream_says(h, "# OK [CAPABILITY IMAP4rev1 UIDPLUS] in\r\n");
    expect_upstream(h, "# SELECT INBOX\r\n");
    upstream_says(h, h->server.select);
    upstream_says(h, h->server.selected);
    expect_upstream(h, LOOK_UP("10"));
    upstream_says(h, "# OK\r\n");
    expect_logout(h);
    expect_ok(h);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_over(h, FAULT_NONE);
}

/* Nothing was to be done: it is done. DEC-16: nor is a server that is silent
 * waited for without end.
 */
static void quits_without_the_connection(void **state)
{
    struct harness *h = *state;

    quit_behind_it(h, false);
    time_passes(h, h->upstream_policy.upstream_timeout_ms - 1);
    expect_silence(h);
    time_passes(h, 1);
    expect_note(h, BRIDGE_NOTE_UPSTREAM_LOST, FAULT_UPSTREAM_SILENT);
    expect_ok(h);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_wish(h, BRIDGE_UNLOCK);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_over(h, FAULT_NONE);
}

static void shuts_down_before_quit(void **state)
{
    struct harness *h = *state;

    quit_behind_it(h, true);
    outcome(h, BRIDGE_SHUT_DOWN);
    expect_error(h, "SYS/TEMP");
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_wish(h, BRIDGE_UNLOCK);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_over(h, FAULT_SHUTDOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SESSION_TEST(names_what_cannot_be_read),
        SESSION_TEST(blames_none_for_another),
        SESSION_TEST(looks_after_a_suspect_size),
        SESSION_TEST(counts_bad),
        SESSION_TEST(waits_where_it_is_throttled),
        SESSION_TEST(asks_less_where_it_is_throttled),
        SESSION_TEST(forgets_what_failed_unasked),
        SESSION_TEST(takes_answers_in_another_order),
        SESSION_TEST(takes_a_batch_in_another_order),
        SESSION_TEST(quits_behind_a_batch_that_passed_by),
        SESSION_TEST(takes_the_tagged_responses_late),
        SESSION_TEST(jumps_before_the_tagged_responses),
        SESSION_TEST(leaves_before_the_tagged_responses),
        SESSION_TEST(takes_both_of_the_same),
        SESSION_TEST(removes_nothing_after_a_late_no),
        SESSION_TEST(ends_after_a_late_no),
        SESSION_TEST(removes_nothing_after_a_late_no_to_all),
        SESSION_TEST(trusts_what_came_before_a_no),
        SESSION_TEST(takes_the_uid_behind_the_body),
        SESSION_TEST(refuses_the_wrong_body),
        SESSION_TEST(loses_the_upstream_while_it_waits),
        SESSION_TEST(loses_the_upstream_within_a_body),
        SESSION_TEST(hears_bye_late),
        SESSION_TEST(notices_a_changed_mailbox),
        SESSION_TEST(ends_while_it_waits),
        SESSION_TEST(shuts_down_while_it_waits),
        SESSION_TEST(ends_an_idle_session),
        SESSION_TEST(quits_over_a_new_connection),
        SESSION_TEST(quits_without_the_connection),
        SESSION_TEST(shuts_down_before_quit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
