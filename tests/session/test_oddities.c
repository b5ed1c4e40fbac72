/* Messages in odd pieces, and what nobody asked for. */
#include "support/session_harness.h"

#include "base/limits.h"

#define THROTTLED(ms)                                         \
    "# BAD Request is throttled. Suggested Backoff Time: " ms \
    " milliseconds\r\n"
#define EXPUNGE(set) "# UID EXPUNGE " set "\r\n"
#define LOOK_UP(set) "# UID FETCH " set " (UID FLAGS)\r\n"
#define LIST_ALL "# UID FETCH 1:* (UID FLAGS RFC822.SIZE)\r\n"
#define RETRIEVE "# UID FETCH 10 (UID BODY.PEEK[])\r\n"
#define WINDOW(origin) "# UID FETCH 10 (UID BODY.PEEK[]<" origin ".65536>)\r\n"
#define BODY "* 1 FETCH (UID 10 BODY[] \"xyxyx\")\r\n"

static void restart(struct harness *h)
{
    bridge_free(h->bridge);
    h->bridge = NULL;
    h->tag_count = 0;
    h->note_count = 0;
    buf_consume(&h->from_upstream, buf_length(&h->from_upstream));
}

/* MAP-2: throttled for a second: silence until then, and what follows. */
static void throttle(struct harness *h)
{
    upstream_says(h, THROTTLED("1000"));
    time_passes(h, 999);
    expect_silence(h);
    time_passes(h, 1);
}

/* --- messages in odd pieces --- */

static void log_in_with_size(struct harness *h, const char *listing)
{
    h->server.listing = listing;
    begin(h);
    log_in(h);
}

/* IMAP-26, DEC-14: no window, or not the one that was asked for. */
static void refuses_odd_windows(void **state)
{
    static const char *const answers[] = {
        "* 1 FETCH (UID 10 BODY[]<0> NIL)\r\n# OK\r\n",
        "* 1 FETCH (UID 10 BODY[] \"xyxyx\")\r\n# OK\r\n",
        "* 1 FETCH (UID 10 BODY[]<1> \"xyxyx\")\r\n# OK\r\n",
        "* 1 FETCH (UID 10 BODY[TEXT]<0> \"xyxyx\")\r\n# OK\r\n",
    };
    struct harness *h = *state;

    begin(h);
    log_in(h);
    for (size_t i = 0; i < ARRAY_LENGTH(answers); i++) {
        client_says(h, "TOP 1 0\r\n");
        expect_upstream(h, WINDOW("0"));
        upstream_says(h, answers[i]);
        expect_upstream(h, "# NOOP\r\n");
        upstream_says(h, "# OK\r\n");
        expect_upstream(h, LOOK_UP("10"));
        upstream_says(h, "* 1 FETCH (UID 10 FLAGS ())\r\n# OK\r\n");
        expect_error(h, "SYS/TEMP");
    }
    client_says(h, "RETR 1\r\n");
    expect_upstream(h, RETRIEVE);
    upstream_says(h, "* 1 FETCH (UID 10 BODY[]<0> \"xyxyx\")\r\n# NO x\r\n");
    expect_upstream(h, "# NOOP\r\n");
}

/* DEC-11: a message that ends with its window: the next is empty, NIL or none.
 */
static void ends_with_the_window(void **state)
{
    static const char *const answers[] = {
        "* 1 FETCH (UID 10 BODY[]<65536> NIL)\r\n# OK\r\n",
        "* 1 FETCH (UID 10 BODY[]<65536> \"\")\r\n# OK\r\n",
        "# OK\r\n",
    };
    struct harness *h = *state;
    struct buf text;

    buf_init(&text, 2 * TOP_WINDOW);
    buf_append_string(&text, "* 1 FETCH (UID 10 BODY[]<0> {65536}\r\n");
    for (unsigned i = 0; i < TOP_WINDOW; i++)
        buf_append_octet(&text, 'h');
    buf_append_string(&text, ")\r\n");
    log_in_with_size(h, "* 1 FETCH (UID 10 RFC822.SIZE 65536)\r\n");
    for (size_t i = 0; i < ARRAY_LENGTH(answers); i++) {
        client_says(h, "TOP 1 0\r\n");
        expect_upstream(h, WINDOW("0"));
        upstream_says_octets(h, buf_span(&text));
        upstream_says(h, "# OK\r\n");
        expect_upstream(h, WINDOW("65536"));
        upstream_says(h, answers[i]);
        expect_ok(h);
        buf_consume(&h->client, TOP_WINDOW);
        expect_client(h, "\r\n.\r\n");
    }
    buf_fini(&text);
}

/* PROVIDER_QUIRKS: a short message that is not of its size may be a server's
 * note that it is gone: looked up, and only then passed on.
 */
static void looks_before_a_suspect_message(void **state)
{
    static const char note[] = "* 1 FETCH (UID 10 BODY[] \"it is gone\")\r\n"
                               "# OK\r\n";
    struct harness *h = *state;

    begin(h);
    log_in(h);
    for (unsigned there = 0; there < 2; there++) {
        client_says(h, "RETR 1\r\n");
        expect_upstream(h, RETRIEVE);
        upstream_says(h, note);
        expect_upstream(h, "# NOOP\r\n");
        expect_silence(h);
        upstream_says(h, "# OK\r\n");
        expect_upstream(h, LOOK_UP("10"));
        if (there == 0) {
            upstream_says(h, "* 1 FETCH (UID 11 FLAGS ())\r\n# OK\r\n");
            expect_error(h, NULL);
            continue;
        }
        upstream_says(h, "* 1 FETCH (UID 10 FLAGS ())\r\n# OK\r\n");
        expect_upstream(h, RETRIEVE);
        upstream_says(h, note);
        expect_ok(h);
        expect_client(h, "it is gone\r\n.\r\n");
    }
    assert_int_equal(bridge_report(h->bridge)->size_mismatches, 1);
}

/* MAP-11: nor can it be looked up: [SYS/TEMP]. IMAP-20: a body of nobody's. */
static void names_failures_around_a_message(void **state)
{
    struct harness *h = *state;

    begin(h);
    log_in(h);
    client_says(h, "RETR 1\r\n");
    expect_upstream(h, RETRIEVE);
    upstream_says(h, "# NO x\r\n");
    expect_upstream(h, "# NOOP\r\n");
    upstream_says(h, "# NO x\r\n");
    expect_upstream(h, LOOK_UP("10"));
    throttle(h);
    expect_upstream(h, LOOK_UP("10"));
    upstream_says(h, "# NO x\r\n");
    expect_error(h, "SYS/TEMP");

    client_says(h, "RETR 1\r\n");
    expect_upstream(h, RETRIEVE);
    h->client_is_slow = true;
    upstream_says(h, "* 1 FETCH (BODY[] \"xyxyx\")\r\n# OK\r\n");
    h->client_is_slow = false;
    client_takes(h, SIZE_MAX);
    expect_error(h, "SYS/TEMP");
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_wish(h, BRIDGE_UNLOCK);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_over(h, FAULT_UPSTREAM_GARBLED);
}

/* DEC-15: the tagged OK says that the mailbox is another one: the body may be
 * another's, and is taken back.
 */
static void takes_back_a_changed_message(void **state)
{
    struct harness *h = *state;

    begin(h);
    log_in(h);
    client_says(h, "RETR 1\r\n");
    expect_upstream(h, RETRIEVE);
    h->client_is_slow = true;
    upstream_says(h, BODY "# OK [UIDVALIDITY 78] x\r\n");
    h->client_is_slow = false;
    client_takes(h, SIZE_MAX);
    expect_error(h, "SYS/TEMP");
    client_says(h, "RETR 1\r\n");
    expect_error(h, "SYS/TEMP");
    expect_silence(h);
}

/* --- what nobody asked for --- */

/* IMAP-8: facts about a mailbox before one is selected are none. */
static void ignores_facts_before_select(void **state)
{
    struct harness *h = *state;

    begin(h);
    connect_upstream(h);
    client_says(h, "PASS p\r\n");
    expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
    upstream_says(h, "* 9 EXISTS\r\n* 1 EXPUNGE\r\n* OK [UIDVALIDITY 5] x\r\n"
                     "* OK [READ-ONLY] x\r\n* NO [UIDNOTSTICKY] x\r\n"
                     "* OK [PERMANENTFLAGS ()] x\r\n"
                     "* 1 FETCH (UID 1 RFC822.SIZE 1 FLAGS ())\r\n");
    upstream_says(h, "# OK [CAPABILITY IMAP4rev1 UIDPLUS] in\r\n");
    expect_wish(h, BRIDGE_LOCK);
    outcome(h, BRIDGE_LOCKED);
    expect_upstream(h, "# SELECT INBOX\r\n");
    upstream_says(h, "* 1 EXISTS\r\n* OK [UIDVALIDITY 77] x\r\n# OK\r\n");
    expect_upstream(h, LIST_ALL);
    upstream_says(h, "* 1 FETCH (UID 10 RFC822.SIZE 5)\r\n# OK\r\n");
    expect_ok(h);
    client_says(h, "UIDL 1\r\nSTAT\r\nDELE 1\r\n");
    expect_client(h, "+OK 1 77.10\r\n+OK 1 5\r\n");
    expect_ok(h);
}

/* MAP-9: an answer to nothing, or to something else, is not to be read. */
static void ends_with_strange_answers(void **state)
{
    struct harness *h = *state;

    begin(h);
    log_in(h);
    upstream_says(h, "A99 OK what\r\n");
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    client_says(h, "USER u\r\n"); /* CAP-10: no code may stand here */
    expect_error(h, NULL);
    expect_wish(h, BRIDGE_UNLOCK);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_over(h, FAULT_UPSTREAM_GARBLED);
    restart(h);

    begin(h);
    log_in(h);
    client_says(h, "RETR 1\r\n");
    expect_upstream(h, RETRIEVE);
    upstream_says(h, "A9999 OK\r\n");
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_error(h, "SYS/TEMP");
    expect_wish(h, BRIDGE_UNLOCK);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_over(h, FAULT_UPSTREAM_GARBLED);
}

/* Lines that are no response are borne up to a number. */
static void bears_some_noise(void **state)
{
    struct harness *h = *state;

    begin(h);
    log_in(h);
    for (unsigned i = 0; i < IMAP_NOISE_LINES_MAX; i++)
        upstream_says(h, "[noise] of a kind\r\n");
    client_says(h, "STAT\r\n");
    expect_client(h, "+OK 3 505\r\n");
    upstream_says(h, "[noise] of a kind\r\n");
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    client_says(h, "STAT\r\n");
    expect_error(h, "SYS/TEMP");
    expect_wish(h, BRIDGE_UNLOCK);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_over(h, FAULT_UPSTREAM_GARBLED);
}

/* Nor may a server talk for ever of what was not asked. */
static void bears_some_talk(void **state)
{
    const size_t once = 1024 * 1024;
    struct harness *h = *state;
    struct buf talk;

    buf_init(&talk, once + 64);
    while (buf_length(&talk) < once)
        buf_append_string(&talk, "* XTALK (of nothing)\r\n");
    begin(h);
    log_in(h);
    client_says(h, "RETR 1\r\n");
    expect_upstream(h, RETRIEVE);
    for (size_t said = 0; said < IMAP_UNASKED_MAX - once; said += once)
        upstream_says_octets(h, buf_span(&talk));
    expect_silence(h);
    upstream_says_octets(h, buf_span(&talk));
    upstream_says_octets(h, buf_span(&talk));
    buf_fini(&talk);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_error(h, "SYS/TEMP");
    expect_wish(h, BRIDGE_UNLOCK);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SESSION_TEST(refuses_odd_windows),
        SESSION_TEST(ends_with_the_window),
        SESSION_TEST(looks_before_a_suspect_message),
        SESSION_TEST(names_failures_around_a_message),
        SESSION_TEST(takes_back_a_changed_message),
        SESSION_TEST(ignores_facts_before_select),
        SESSION_TEST(ends_with_strange_answers),
        SESSION_TEST(bears_some_noise),
        /* Sixty-four megabytes: whole only. */
        { "bears_some_talk", bears_some_talk, harness_setup, harness_teardown,
          &harness_whole },
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
