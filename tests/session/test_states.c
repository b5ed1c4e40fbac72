/* Which command is admitted when, what a line is, and what CAPA says. */
#include "support/session_harness.h"

#include "base/limits.h"

enum place {
    IN_CLEAR,  /* connected, before STLS */
    IN_START,  /* before USER */
    IN_USER,   /* USER was accepted */
    IN_INSIDE, /* logged in */
    PLACE_COUNT,
};

static void go_to(struct harness *h, enum place place)
{
    h->policy.client_tls =
        place == IN_CLEAR ? TLS_MODE_STARTTLS : TLS_MODE_IMPLICIT;
    begin(h);
    if (place == IN_USER)
        connect_upstream(h);
    if (place == IN_INSIDE)
        log_in(h);
}

static void leave(struct harness *h)
{
    bridge_free(h->bridge);
    h->bridge = NULL;
    h->tag_count = 0;
    h->wish_count = 0;
    buf_consume(&h->client, buf_length(&h->client));
    buf_consume(&h->upstream, buf_length(&h->upstream));
}

/* POP-7, POP-2, POP-16, POP-17, SASL-8, TLS-2, TLS-4, CAP-1: every command in
 * every state; SASL-14 and UTF-1, UTF-4: what is not offered at all.
 */
static void admits_by_state(void **state)
{
    static const struct {
        const char *line;
        const char *answer[PLACE_COUNT]; /* how it begins */
    } cases[] = {
        { "USER u\r\n", { "-ERR ", "+OK", "+OK", "-ERR " } },
        { "PASS p\r\n", { "-ERR ", "-ERR ", "", "-ERR " } },
        { "AUTH PLAIN\r\n", { "-ERR ", "+ \r\n", "+ \r\n", "-ERR " } },
        { "AUTH LOGIN\r\n", { "-ERR ", "+ V", "+ V", "-ERR " } },
        { "CAPA\r\n", { "+OK", "+OK", "+OK", "+OK" } },
        { "STLS\r\n", { "+OK", "-ERR ", "-ERR ", "-ERR " } },
        { "stat\r\n", { "-ERR ", "-ERR ", "-ERR ", "+OK 3 505\r\n" } },
        { "LIST\r\n", { "-ERR ", "-ERR ", "-ERR ", "+OK" } },
        { "LIST 2\r\n", { "-ERR ", "-ERR ", "-ERR ", "+OK 2 200\r\n" } },
        { "uIdL\r\n", { "-ERR ", "-ERR ", "-ERR ", "+OK" } },
        { "UIDL 3\r\n", { "-ERR ", "-ERR ", "-ERR ", "+OK 3 77.30\r\n" } },
        { "RETR 1\r\n", { "-ERR ", "-ERR ", "-ERR ", "" } },
        { "TOP 1 0\r\n", { "-ERR ", "-ERR ", "-ERR ", "" } },
        { "DELE 1\r\n", { "-ERR ", "-ERR ", "-ERR ", "+OK" } },
        { "NOOP\r\n", { "-ERR ", "-ERR ", "-ERR ", "+OK" } },
        { "RSET\r\n", { "-ERR ", "-ERR ", "-ERR ", "+OK" } },
        { "quit\r\n", { "+OK", "+OK", "+OK", "+OK" } },
        { "APOP u d\r\n", { "-ERR ", "-ERR ", "-ERR ", "-ERR " } },
        { "UTF8\r\n", { "-ERR ", "-ERR ", "-ERR ", "-ERR " } },
        { "LANG *\r\n", { "-ERR ", "-ERR ", "-ERR ", "-ERR " } },
        { "XYZ\r\n", { "-ERR ", "-ERR ", "-ERR ", "-ERR " } },
    };
    struct harness *h = *state;

    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        for (enum place place = 0; place < PLACE_COUNT; place++) {
            struct span out;
            struct span wanted = span_from_string(cases[i].answer[place]);

            go_to(h, place);
            client_says(h, cases[i].line);
            out = buf_span(&h->client);
            if (out.len > wanted.len && wanted.len > 0)
                out.len = wanted.len;
            if (!span_equals(out, wanted))
                print_error("place %d: %s", (int)place, cases[i].line);
            assert_true(span_equals(out, wanted));
            leave(h);
        }
    }
}

/* POP-30: PASS stands right behind USER or nowhere. */
static void wants_pass_behind_user(void **state)
{
    struct harness *h = *state;

    begin(h);
    connect_upstream(h);
    client_says(h, "NOOP\r\nPASS p\r\n");
    expect_error(h, NULL);
    expect_error(h, NULL);
    expect_silence(h);
    client_says(h, "USER u\r\nCAPA\r\n");
    expect_ok(h);
    expect_ok(h);
    expect_client(h, "TOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\n"
                     "PIPELINING\r\nUSER\r\nSASL PLAIN LOGIN\r\n.\r\n");
    client_says(h, "PASS p\r\n");
    expect_error(h, NULL);
    expect_silence(h);
}

/* DEC-24, POP-3, POP-4, POP-6: one reply each, and the next good line works. */
static void reads_lines_leniently(void **state)
{
    static const struct {
        const char *line;
        bool ok;
    } cases[] = {
        { "\r\n", false },
        { " \r\n", false },
        { " NOOP\r\n", false },
        { "NOOP\rNOOP\r\n", false },
        { "NO\x01P\r\n", false },
        { "NOOP\x7f\r\n", false },
        { "NOOP\n", true },
        { "NOOP   \r\n", true },
        { "LIST   1 \r\n", true },
        { "LIST 1 2\r\n", false },
        { "STAT 1\r\n", false },
        { "DELE\r\n", false },
        { "DELE 0\r\n", false },
        { "DELE 4\r\n", false },
        { "DELE -1\r\n", false },
        { "DELE 1x\r\n", false },
        { "DELE 4294967297\r\n", false },
        { "RETR\r\n", false },
        { "RETR 1 2\r\n", false },
        { "TOP 1\r\n", false },
        { "TOP 1 -1\r\n", false },
        { "TOP 1 2 3\r\n", false },
        { "UIDL 4\r\n", false },
        { "QUIT now\r\n", false },
        { "\xff\xfe\r\n", false },
    };
    struct harness *h = *state;

    begin(h);
    log_in(h);
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        client_says(h, cases[i].line);
        if (cases[i].ok)
            expect_ok(h);
        else
            expect_error(h, NULL);
        client_says(h, "NOOP\r\n");
        expect_client(h, "+OK\r\n");
    }
    client_says_octets(h, SPAN_LITERAL("NOOP\0\r\nNOOP\r\n"));
    expect_error(h, NULL);
    expect_ok(h);
    expect_silence(h);
}

static void say_line_of(struct harness *h, size_t octets)
{
    struct buf line;

    buf_init(&line, 100000);
    buf_append_string(&line, "USER ");
    while (buf_length(&line) < octets - 2)
        buf_append_octet(&line, 'u');
    buf_append_string(&line, "\r\n");
    client_says_octets(h, buf_span(&line));
    buf_fini(&line);
}

/* POP-4, DEC-24: 255 octets are a line, one more is one error; so are many
 * thousands, more than the input holds.
 */
static void limits_lines(void **state)
{
    struct harness *h = *state;

    begin(h);
    say_line_of(h, POP3_LINE_MAX);
    expect_ok(h);
    expect_wish(h, BRIDGE_CONNECT);
    say_line_of(h, POP3_LINE_MAX + 1);
    expect_error(h, NULL);
    say_line_of(h, 50000);
    expect_error(h, NULL);
    client_says(h, "USER u\r\n");
    expect_ok(h);
    expect_silence(h);
}

/* DEC-24: ten errors in a row, no fewer, end the connection. */
static void counts_errors(void **state)
{
    struct harness *h = *state;

    begin(h);
    for (unsigned i = 1; i < POP3_ERRORS_MAX; i++) {
        client_says(h, "XYZ\r\n");
        expect_error(h, NULL);
    }
    client_says(h, "CAPA\r\n");
    expect_ok(h);
    expect_client(h, "TOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\n"
                     "PIPELINING\r\nUSER\r\nSASL PLAIN LOGIN\r\n.\r\n");
    for (unsigned i = 0; i < POP3_ERRORS_MAX; i++) {
        client_says(h, "XYZ\r\n");
        expect_error(h, NULL);
    }
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_over(h, FAULT_TOO_MANY_ERRORS);
}

/* CAP-1, CAP-3, CAP-4, CAP-5, CAP-6, DEC-18, DEC-22, DEC-23: in clear where
 * STLS is offered, neither USER nor SASL; under TLS both, and STLS no more.
 * CAP-2: what was said before the login is said after it.
 */
static void lists_capabilities(void **state)
{
    struct harness *h = *state;

    h->policy.client_tls = TLS_MODE_STARTTLS;
    begin(h);
    client_says(h, "CAPA\r\n");
    expect_ok(h);
    expect_client(h, "TOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\n"
                     "PIPELINING\r\nSTLS\r\n.\r\n");
    client_says(h, "STLS\r\n");
    expect_ok(h);
    expect_wish(h, BRIDGE_START_CLIENT_TLS);
    outcome(h, BRIDGE_CLIENT_TLS_UP);
    client_says(h, "CAPA\r\n");
    expect_ok(h);
    expect_client(h, "TOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\n"
                     "PIPELINING\r\nUSER\r\nSASL PLAIN LOGIN\r\n.\r\n");
    log_in(h);
    client_says(h, "CAPA\r\n");
    expect_ok(h);
    expect_client(h, "TOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\n"
                     "PIPELINING\r\nUSER\r\nSASL PLAIN LOGIN\r\n.\r\n");
    quit(h);
}

/* CAP-13: the name, without its version, where the setting says so. */
static void names_itself(void **state)
{
    struct harness *h = *state;

    h->policy.show_implementation = true;
    begin(h);
    client_says(h, "CAPA\r\n");
    expect_ok(h);
    expect_client(h, "TOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\n"
                     "PIPELINING\r\nUSER\r\nSASL PLAIN LOGIN\r\n"
                     "IMPLEMENTATION popinjay\r\n.\r\n");
}

/* CAP-11: a whole session in one segment, answered in turn. */
static void serves_a_pipeline(void **state)
{
    struct harness *h = *state;

    begin(h);
    client_says(h, "USER u\r\nPASS p\r\nSTAT\r\nRETR 1\r\nDELE 1\r\nXYZ\r\n"
                   "LIST 1\r\nLIST\r\nRSET\r\nSTAT\r\nQUIT\r\nNOOP\r\n");
    expect_ok(h);
    expect_wish(h, BRIDGE_CONNECT);
    outcome(h, BRIDGE_UPSTREAM_UP);
    upstream_says(h, "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n");
    expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
    upstream_says(h, "# OK [CAPABILITY IMAP4rev1 UIDPLUS] in\r\n");
    expect_wish(h, BRIDGE_LOCK);
    outcome(h, BRIDGE_LOCKED);
    expect_upstream(h, "# SELECT INBOX\r\n");
    upstream_says(h, h->server.select);
    upstream_says(h, h->server.selected);
    expect_upstream(h, "# UID FETCH 1:* (UID FLAGS RFC822.SIZE)\r\n");
    upstream_says(h, h->server.listing);
    upstream_says(h, "# OK\r\n");
    expect_ok(h);
    expect_client(h, "+OK 3 505\r\n");
    expect_upstream(h, "# UID FETCH 10 (UID BODY.PEEK[])\r\n");
    upstream_says(h, "* 1 FETCH (UID 10 BODY[] {5}\r\na\r\n.b)\r\n# OK\r\n");
    expect_ok(h);
    expect_client(h, "a\r\n..b\r\n.\r\n");
    expect_ok(h);
    expect_error(h, NULL);
    expect_error(h, NULL);
    expect_ok(h);
    expect_client(h, "2 200\r\n3 300\r\n.\r\n");
    expect_ok(h);
    expect_client(h, "+OK 3 505\r\n");
    expect_logout(h);
    expect_ok(h);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_over(h, FAULT_NONE);
}

/* CAP-11: while a command waits for the upstream, a flood is held off. */
static void bounds_the_pipeline(void **state)
{
    struct harness *h = *state;

    begin(h);
    log_in(h);
    client_says(h, "RETR 1\r\n");
    expect_upstream(h, "# UID FETCH 10 (UID BODY.PEEK[])\r\n");
    for (unsigned i = 0; i < 3000; i++)
        client_says(h, "NOOP    \r\n");
    assert_int_equal(bridge_client_room(h->bridge), 0);
    assert_true(buf_length(&h->to_bridge) > 3000 * 10 - POP3_INPUT_MAX - 1);
    expect_silence(h);
    upstream_says(h, "* 1 FETCH (UID 10 BODY[] \"xyxyx\")\r\n# OK\r\n");
    expect_ok(h);
    expect_client(h, "xyxyx\r\n.\r\n");
    assert_int_equal(buf_length(&h->to_bridge), 0);
    buf_consume(&h->client, buf_length(&h->client));
}

/* CAP-11: answers that nobody takes hold off the commands behind them. */
static void bounds_the_answers(void **state)
{
    struct harness *h = *state;

    begin(h);
    log_in(h);
    h->client_is_slow = true;
    for (unsigned i = 0; i < 5000; i++)
        client_says(h, "CAPA\r\n");
    assert_in_range(h->most_client_output, CLIENT_OUTPUT_HIGH,
                    CLIENT_OUTPUT_HIGH + POP3_REPLY_MAX);
    assert_int_equal(bridge_client_room(h->bridge), 0);
    while (bridge_client_output(h->bridge).len > 0)
        client_takes(h, 10000);
    for (unsigned i = 0; i < 5000; i++) {
        expect_ok(h);
        expect_client(h, "TOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\n"
                         "PIPELINING\r\nUSER\r\nSASL PLAIN LOGIN\r\n.\r\n");
    }
    h->client_is_slow = false;
    quit(h);
}

#define CAPABILITIES                                  \
    "TOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\n" \
    "PIPELINING\r\nUSER\r\nSASL PLAIN LOGIN\r\n"

/* DEC-22, CAP-12: EXPIRE and LOGIN-DELAY only where the operator says so. */
static void announces_policies(void **state)
{
    struct harness *h = *state;

    h->policy.announced =
        (struct announcement){ .expire = "30", .login_delay_ms = 1500 };
    h->mailbox_policy.announced = h->policy.announced;
    begin(h);
    client_says(h, "CAPA\r\n");
    expect_ok(h);
    expect_client(h, CAPABILITIES "EXPIRE 30\r\nLOGIN-DELAY 2\r\n.\r\n");
    log_in(h);
    client_says(h, "CAPA\r\n");
    expect_ok(h);
    expect_client(h, CAPABILITIES "EXPIRE 30\r\nLOGIN-DELAY 2\r\n.\r\n");
}

/* CAP-12: where users differ, the worst of all before login, their own after
 * it. CAP-2: what was told is told again, though it is nothing.
 */
static void announces_what_varies(void **state)
{
    struct harness *h = *state;

    h->policy.announced = (struct announcement){ .expire = "7",
                                                 .expire_varies = true,
                                                 .login_delay_ms = 300000,
                                                 .login_delay_varies = true };
    h->mailbox_policy.announced.expire = "NEVER";
    begin(h);
    client_says(h, "CAPA\r\n");
    expect_ok(h);
    expect_client(h, CAPABILITIES
                  "EXPIRE 7 USER\r\nLOGIN-DELAY 300 USER\r\n.\r\n");
    log_in(h);
    client_says(h, "CAPA\r\n");
    expect_ok(h);
    expect_client(h, CAPABILITIES "EXPIRE NEVER\r\nLOGIN-DELAY 0\r\n.\r\n");
}

/* What not all have is told to those who have it, once they are known. */
static void announces_what_some_have(void **state)
{
    struct harness *h = *state;

    h->mailbox_policy.announced.expire = "30";
    begin(h);
    client_says(h, "CAPA\r\n");
    expect_ok(h);
    expect_client(h, CAPABILITIES ".\r\n");
    log_in(h);
    client_says(h, "CAPA\r\n");
    expect_ok(h);
    expect_client(h, CAPABILITIES "EXPIRE 30\r\n.\r\n");
}

/* A client that asks without end, and never logs in, is dismissed; one that has
 * logged in may ask for as long as it likes.
 */
static void dismisses_who_never_logs_in(void **state)
{
    struct harness *h = *state;

    begin(h);
    for (unsigned n = 0; n < POP3_EARLY_COMMANDS_MAX; n++) {
        client_says(h, "USER u\r\n");
        expect_ok(h);
        if (n == 0)
            expect_wish(h, BRIDGE_CONNECT);
    }
    client_says(h, "USER u\r\nUSER u\r\n");
    expect_error(h, NULL);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_over(h, FAULT_TOO_MANY_COMMANDS);
}

static void bears_with_who_has_logged_in(void **state)
{
    struct harness *h = *state;

    begin(h);
    log_in(h);
    for (unsigned n = 0; n < 2 * POP3_EARLY_COMMANDS_MAX; n++) {
        client_says(h, "NOOP\r\n");
        expect_ok(h);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SESSION_TEST(admits_by_state),
        SESSION_TEST(wants_pass_behind_user),
        SESSION_TEST(reads_lines_leniently),
        SESSION_TEST(limits_lines),
        SESSION_TEST(counts_errors),
        SESSION_TEST(lists_capabilities),
        SESSION_TEST(names_itself),
        SESSION_TEST(serves_a_pipeline),
        SESSION_TEST(bounds_the_pipeline),
        SESSION_TEST(bounds_the_answers),
        SESSION_TEST(announces_policies),
        SESSION_TEST(announces_what_varies),
        SESSION_TEST(announces_what_some_have),
        SESSION_TEST(dismisses_who_never_logs_in),
        SESSION_TEST(bears_with_who_has_logged_in),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
