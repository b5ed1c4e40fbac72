/* RETR and TOP: octets from the server to the client, and what goes wrong. */
#include "support/session_harness.h"

#include <stdio.h>

#include "base/limits.h"

/* A maildrop of one message of so many octets, as the server tells it. */
static void log_in_with(struct harness *h, size_t octets)
{
    static char listing[128];

    snprintf(listing, sizeof(listing),
             "* 1 FETCH (UID 10 FLAGS () RFC822.SIZE %zu)\r\n", octets);
    h->server.listing = listing;
    begin(h);
    log_in(h);
}

/* For initializers, where SPAN_LITERAL is no constant. */
#define BODY(text)                                      \
    {                                                   \
        (const unsigned char *)(text), sizeof(text) - 1 \
    }

#define expect_fetch(h) \
    expect_upstream(h, "# UID FETCH 10 (UID BODY.PEEK[])\r\n")

static void says_retr(struct harness *h)
{
    client_says(h, "RETR 1\r\n");
    expect_fetch(h);
    expect_silence(h);
}

static void says_literal(struct harness *h, struct span body)
{
    struct buf text;

    buf_init(&text, body.len + 256);
    buf_append_string(&text, "* 1 FETCH (UID 10 BODY[] {");
    buf_append_number(&text, body.len);
    buf_append_string(&text, "}\r\n");
    buf_append(&text, body);
    buf_append_string(&text, ")\r\n");
    upstream_says_octets(h, buf_span(&text));
    buf_fini(&text);
}

/* DEC-9, POP-8, POP-15: line ends and dots; NUL and bare CR as they are. */
static void transforms_messages(void **state)
{
    static const struct {
        struct span body;
        const char *lines;
    } cases[] = {
        { BODY("a\r\n\r\nb\r\n"), "a\r\n\r\nb\r\n.\r\n" },
        { BODY(".\r\n..\r\n.x\r\n"), "..\r\n...\r\n..x\r\n.\r\n" },
        { BODY("a\n.\r\nb"), "a\r\n..\r\nb\r\n.\r\n" },
        { BODY("a\r.\r\nb\r"), "a\r.\r\nb\r\r\n.\r\n" },
        { BODY("x"), "x\r\n.\r\n" },
        { BODY(""), ".\r\n" },
    };
    struct harness *h = *state;

    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        log_in_with(h, cases[i].body.len);
        says_retr(h);
        says_literal(h, cases[i].body);
        upstream_says(h, "# OK\r\n");
        expect_ok(h);
        expect_client(h, cases[i].lines);
        quit(h);
        bridge_free(h->bridge);
        h->bridge = NULL;
    }
}

/* IMAP-12, IMAP-20, IMAP-21, IMAP-2: quoted; the UID behind the body; flags
 * of others, strangers and progress between.
 */
static void takes_any_shape(void **state)
{
    static const char *const answers[] = {
        "* 1 FETCH (UID 10 BODY[] \"xyxyx\")\r\n",
        "* 9 FETCH (BODY[] {5}\r\nxyxyx UID 10)\r\n",
        "* 3 FETCH (FLAGS (\\Seen))\r\n* 4 FETCH (UID 44 FLAGS ())\r\n"
        "* 1 FETCH (FLAGS () BODY[] \"xyxyx\" MODSEQ (4) UID 10)\r\n",
        "* OK Searched 97%\r\n* 4 EXISTS\r\n* 2 EXPUNGE\r\n"
        "* XFOO {3}\r\n)\"( x\r\n"
        "* 1 FETCH (X-SNIPPET (FUZZY {2}\r\n]]) UID 10 BODY[] \"xyxyx\")\r\n",
        "*  1 FETCH (UID 10 BODY[] {5}\r\nxyxyx BODY[TEXT] NIL)\r\n",
    };
    struct harness *h = *state;

    log_in_with(h, 5);
    for (size_t i = 0; i < ARRAY_LENGTH(answers); i++) {
        says_retr(h);
        upstream_says(h, answers[i]);
        upstream_says(h, "# OK\r\n");
        expect_ok(h);
        expect_client(h, "xyxyx\r\n.\r\n");
        expect_silence(h);
    }
    quit(h);
}

/* DEC-14, MAP-11, IMAP-25: no body comes. NOOP, a look whether it is there:
 * gone is a plain -ERR, else [SYS/TEMP]; the session goes on, and DELE is
 * refused until the message has been read.
 */
static void names_missing_bodies(void **state)
{
    static const char *const answers[] = {
        "# OK but nothing\r\n",
        "* 1 FETCH (UID 10 BODY[] NIL)\r\n# OK nil\r\n",
        "* 1 FETCH (UID 10 BODY[] \"\")\r\n# OK empty\r\n",
        "* 1 FETCH (UID 10 BODY[] {0}\r\n)\r\n# OK empty\r\n",
        "# NO Some messages could not be FETCHed\r\n",
        "* 1 FETCH (UID 11 BODY[] \"xyxyx\")\r\n# OK another one\r\n",
    };
    struct harness *h = *state;

    log_in_with(h, 5);
    for (size_t i = 0; i < ARRAY_LENGTH(answers); i++) {
        says_retr(h);
        upstream_says(h, answers[i]);
        expect_upstream(h, "# NOOP\r\n");
        upstream_says(h, "# OK\r\n");
        expect_upstream(h, "# UID FETCH 10 (UID FLAGS)\r\n");
        if (i % 2 == 0) {
            upstream_says(h, "# OK none\r\n");
            expect_error(h, NULL);
        } else {
            upstream_says(h, "* 1 FETCH (UID 10 FLAGS ())\r\n# OK\r\n");
            expect_error(h, "SYS/TEMP");
        }
        client_says(h, "DELE 1\r\n");
        expect_error(h, "SYS/TEMP");
        client_says(h, "STAT\r\n");
        expect_client(h, "+OK 1 5\r\n");
    }
    says_retr(h);
    upstream_says(h, "* 1 FETCH (UID 10 BODY[] \"xyxyx\")\r\n# OK\r\n");
    expect_ok(h);
    expect_client(h, "xyxyx\r\n.\r\n");
    client_says(h, "DELE 1\r\n");
    expect_ok(h);
}

/* MAP-8: BAD is our defect, and counted. */
static void counts_bad(void **state)
{
    struct harness *h = *state;

    log_in_with(h, 5);
    says_retr(h);
    upstream_says(h, "# BAD what\r\n");
    expect_error(h, "SYS/PERM");
    expect_silence(h);
    client_says(h, "NOOP\r\n");
    expect_ok(h);
}

/* DEC-10: before the literal a loss is -ERR and the end ... */
static void loses_the_upstream_before_the_body(void **state)
{
    struct harness *h = *state;

    log_in_with(h, 5);
    says_retr(h);
    outcome(h, BRIDGE_UPSTREAM_CLOSED);
    expect_error(h, "SYS/TEMP");
    expect_wish(h, BRIDGE_UNLOCK);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_over(h, FAULT_UPSTREAM_GONE);
}

/* ... within it the client is cut off: no final dot, and nothing is lost. */
static void loses_the_upstream_within_the_body(void **state)
{
    struct harness *h = *state;

    log_in_with(h, 5);
    client_says(h, "DELE 1\r\nRSET\r\n");
    expect_ok(h);
    expect_ok(h);
    says_retr(h);
    upstream_says(h, "* 1 FETCH (UID 10 BODY[] {5}\r\nxyx");
    expect_ok(h);
    expect_client(h, "xyx");
    outcome(h, BRIDGE_UPSTREAM_CLOSED);
    expect_wish(h, BRIDGE_UNLOCK);
    expect_wish(h, BRIDGE_ABORT_CLIENT);
    expect_over(h, FAULT_UPSTREAM_GONE);
}

/* MAP-9: BYE within a body ends as a loss does. */
static void hears_bye_within_the_command(void **state)
{
    struct harness *h = *state;

    log_in_with(h, 5);
    says_retr(h);
    upstream_says(h, "* BYE going down\r\n");
    expect_error(h, "SYS/TEMP");
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_wish(h, BRIDGE_UNLOCK);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_over(h, FAULT_UPSTREAM_BYE);
}

/* IMAP-20: the UID behind the body is another's: never completed. Of a message
 * that has begun to leave the rest is cut off; one that has not is taken back.
 */
static void refuses_the_wrong_body(void **state)
{
    struct harness *h = *state;

    log_in_with(h, 5);
    says_retr(h);
    upstream_says(h, "* 1 FETCH (BODY[] {5}\r\nxyxyx UID 11)\r\n# OK\r\n");
    if (h->octet_by_octet) {
        expect_ok(h);
        expect_client(h, "xyxy");
    } else {
        expect_error(h, "SYS/TEMP");
    }
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_wish(h, BRIDGE_UNLOCK);
    expect_wish(h,
                h->octet_by_octet ? BRIDGE_ABORT_CLIENT : BRIDGE_CLOSE_CLIENT);
    expect_over(h, FAULT_UPSTREAM_GARBLED);
}

/* PROVIDER_QUIRKS: NO behind the data: what has not left is taken back, the
 * session goes on, and DELE is refused.
 */
static void takes_back_what_was_refused(void **state)
{
    struct harness *h = *state;

    log_in_with(h, 5);
    says_retr(h);
    h->client_is_slow = true;
    upstream_says(h, "* 1 FETCH (UID 10 BODY[] {5}\r\nxyxyx)\r\n"
                     "# NO after all\r\n");
    h->client_is_slow = false;
    client_says(h, "DELE 1\r\n");
    expect_error(h, "SYS/TEMP");
    expect_error(h, "SYS/TEMP");
    expect_silence(h);
}

/* DEC-8: sizes that differ are delivered as they are, and counted. */
static void counts_wrong_sizes(void **state)
{
    const size_t octets = SUSPECT_MESSAGE_MAX + 100;
    struct harness *h = *state;
    struct buf body;

    buf_init(&body, octets);
    while (buf_length(&body) < octets)
        buf_append_octet(&body, 'a');
    log_in_with(h, octets + 10);
    says_retr(h);
    says_literal(h, buf_span(&body));
    upstream_says(h, "# OK\r\n");
    expect_ok(h);
    assert_int_equal(buf_length(&h->client), octets + 5);
    buf_consume(&h->client, octets);
    expect_client(h, "\r\n.\r\n");
    assert_int_equal(bridge_report(h->bridge)->size_mismatches, 1);
    expect_note(h, BRIDGE_NOTE_SIZE_MISMATCH, FAULT_NONE);
    buf_fini(&body);
}

/* DEC-17: a client that takes little stops the reading of the upstream; the
 * output never passes its cap, and what arrives in the end is whole.
 */
static void reads_no_faster_than_the_client(void **state)
{
    const size_t octets = 1024 * 1024;
    struct harness *h = *state;
    struct buf body;
    bool stopped = false;

    buf_init(&body, octets);
    while (buf_length(&body) + 2 <= octets)
        buf_append_string(&body, ".\n"); /* each line doubles */
    log_in_with(h, octets);
    says_retr(h);
    h->client_is_slow = true;
    says_literal(h, buf_span(&body));
    upstream_says(h, "# OK\r\n");
    while (bridge_client_output(h->bridge).len > 0) {
        stopped = stopped || bridge_upstream_room(h->bridge) == 0;
        client_takes(h, 1460);
    }
    assert_true(stopped);
    assert_true(h->most_client_output <= CLIENT_OUTPUT_MAX);
    expect_ok(h);
    for (size_t i = 0; i < octets / 2; i++)
        expect_client(h, "..\r\n");
    expect_client(h, ".\r\n");
    h->client_is_slow = false;
    quit(h);
    buf_fini(&body);
}

/* While the client is behind, it is not the upstream that is silent. */
static void waits_for_a_slow_client(void **state)
{
    const size_t octets = 4 * CLIENT_OUTPUT_HIGH;
    struct harness *h = *state;
    struct buf body;

    buf_init(&body, octets);
    while (buf_length(&body) < octets)
        buf_append_octet(&body, 'a');
    log_in_with(h, octets);
    says_retr(h);
    h->client_is_slow = true;
    says_literal(h, buf_span(&body));
    upstream_says(h, "# OK\r\n");
    time_passes(h, 2 * h->upstream_policy.upstream_timeout_ms);
    expect_silence(h);
    while (bridge_client_output(h->bridge).len > 0)
        client_takes(h, SIZE_MAX);
    expect_ok(h);
    buf_consume(&h->client, octets);
    expect_client(h, "\r\n.\r\n");
    buf_fini(&body);
}

/* --- TOP --- */

/* POP-26, DEC-11: the header, the blank line, and so many lines. */
static void gives_the_top(void **state)
{
    static const struct {
        const char *command;
        const char *lines;
    } cases[] = {
        { "TOP 1 0\r\n", "H: x\r\n\r\n.\r\n" },
        { "TOP 1 1\r\n", "H: x\r\n\r\n..a\r\n.\r\n" },
        { "TOP 1 2\r\n", "H: x\r\n\r\n..a\r\nb\r\n.\r\n" },
        { "TOP 1 99999999999\r\n", "H: x\r\n\r\n..a\r\nb\r\n.\r\n" },
    };
    struct harness *h = *state;

    log_in_with(h, 13);
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        client_says(h, cases[i].command);
        expect_upstream(h, "# UID FETCH 10 (UID BODY.PEEK[]<0.65536>)\r\n");
        upstream_says(h, "* 1 FETCH (UID 10 BODY[]<0> {13}\r\n"
                         "H: x\r\n\r\n.a\nb\n)\r\n# OK\r\n");
        expect_ok(h);
        expect_client(h, cases[i].lines);
    }
    quit(h);
}

static void says_window(struct harness *h, unsigned origin, struct span part)
{
    struct buf text;

    buf_init(&text, part.len + 256);
    buf_append_string(&text, "* 1 FETCH (UID 10 BODY[]<");
    buf_append_number(&text, origin);
    buf_append_string(&text, "> {");
    buf_append_number(&text, part.len);
    buf_append_string(&text, "}\r\n");
    buf_append(&text, part);
    buf_append_string(&text, ")\r\n");
    upstream_says_octets(h, buf_span(&text));
    buf_fini(&text);
}

/* DEC-11, IMAP-26: a header longer than a window, the blank line cut by it;
 * the next offset is what was received; a short window is the end.
 */
static void gives_the_top_in_windows(void **state)
{
    struct harness *h = *state;
    struct buf window;

    buf_init(&window, TOP_WINDOW);
    while (buf_length(&window) < TOP_WINDOW - 3)
        buf_append_octet(&window, 'h');
    buf_append_string(&window, "\r\n\r");
    log_in_with(h, 100000);
    client_says(h, "TOP 1 1\r\n");
    expect_upstream(h, "# UID FETCH 10 (UID BODY.PEEK[]<0.65536>)\r\n");
    says_window(h, 0, buf_span(&window));
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, "# UID FETCH 10 (UID BODY.PEEK[]<65536.65536>)\r\n");
    says_window(h, TOP_WINDOW, SPAN_LITERAL("\nline\r\nmore\r\n"));
    upstream_says(h, "# OK\r\n");
    expect_ok(h);
    buf_consume(&h->client, TOP_WINDOW - 3);
    expect_client(h, "\r\n\r\nline\r\n.\r\n");
    quit(h);
    buf_fini(&window);
}

/* DEC-11: what is asked for was in the first window: no second. */
static void stops_at_the_last_line(void **state)
{
    struct harness *h = *state;
    struct buf window;

    buf_init(&window, TOP_WINDOW);
    buf_append_string(&window, "H: x\r\n\r\none\r\n");
    while (buf_length(&window) < TOP_WINDOW)
        buf_append_octet(&window, 'b');
    log_in_with(h, 100000);
    client_says(h, "TOP 1 1\r\n");
    expect_upstream(h, "# UID FETCH 10 (UID BODY.PEEK[]<0.65536>)\r\n");
    says_window(h, 0, buf_span(&window));
    upstream_says(h, "# OK\r\n");
    expect_ok(h);
    expect_client(h, "H: x\r\n\r\none\r\n.\r\n");
    expect_silence(h);
    quit(h);
    buf_fini(&window);
}

/* IMAP-26: the origin is checked. */
static void refuses_the_wrong_window(void **state)
{
    struct harness *h = *state;

    log_in_with(h, 100);
    client_says(h, "TOP 1 1\r\n");
    expect_upstream(h, "# UID FETCH 10 (UID BODY.PEEK[]<0.65536>)\r\n");
    says_window(h, 7, SPAN_LITERAL("x"));
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, "# NOOP\r\n");
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, "# UID FETCH 10 (UID FLAGS)\r\n");
    upstream_says(h, "* 1 FETCH (UID 10 FLAGS ())\r\n# OK\r\n");
    expect_error(h, "SYS/TEMP");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SESSION_TEST(transforms_messages),
        SESSION_TEST(takes_any_shape),
        SESSION_TEST(names_missing_bodies),
        SESSION_TEST(counts_bad),
        SESSION_TEST(loses_the_upstream_before_the_body),
        SESSION_TEST(loses_the_upstream_within_the_body),
        SESSION_TEST(hears_bye_within_the_command),
        SESSION_TEST(refuses_the_wrong_body),
        SESSION_TEST(takes_back_what_was_refused),
        SESSION_TEST(counts_wrong_sizes),
        SESSION_TEST(reads_no_faster_than_the_client),
        SESSION_TEST(waits_for_a_slow_client),
        SESSION_TEST(gives_the_top),
        SESSION_TEST(gives_the_top_in_windows),
        SESSION_TEST(stops_at_the_last_line),
        SESSION_TEST(refuses_the_wrong_window),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
