/* From the greeting to the listing, before awkward servers. */
#include "support/session_harness.h"

#include "base/limits.h"

#define LIST_ALL "# UID FETCH 1:* (UID FLAGS RFC822.SIZE)\r\n"
#define ROWS                                          \
    "* 1 FETCH (UID 10 FLAGS () RFC822.SIZE 5)\r\n"   \
    "* 2 FETCH (UID 20 FLAGS () RFC822.SIZE 200)\r\n" \
    "* 3 FETCH (UID 30 FLAGS () RFC822.SIZE 300)\r\n"

static void restart(struct harness *h)
{
    bridge_free(h->bridge);
    h->bridge = NULL;
    h->tag_count = 0;
    buf_consume(&h->from_upstream, buf_length(&h->from_upstream));
}

/* --- before the login --- */

/* USER and PASS, and a connection on which the server has said |greeting|. */
static void connect_with(struct harness *h, const char *greeting)
{
    begin(h);
    client_says(h, "USER u\r\nPASS p\r\n");
    expect_ok(h);
    expect_wish(h, BRIDGE_CONNECT);
    outcome(h, BRIDGE_UPSTREAM_UP);
    upstream_says(h, greeting);
}

static void expect_no_use(struct harness *h, const char *code)
{
    expect_error(h, code);
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_silence(h); /* and no password was sent */
    restart(h);
}

/* MAP-9, IMAP-4: a greeting that is none: tagged, NO, or not IMAP at all. */
static void names_greetings_that_are_none(void **state)
{
    static const char *const greetings[] = {
        "* NO go away\r\n", "* BAD what\r\n", "A1 OK tagged\r\n",
        "+ go on\r\n",      "* 3 EXISTS\r\n", "HTTP/1.1 400 Bad Request\r\n",
    };
    struct harness *h = *state;

    for (size_t i = 0; i < ARRAY_LENGTH(greetings); i++) {
        connect_with(h, greetings[i]);
        expect_no_use(h, "SYS/TEMP");
    }
}

/* IMAP-6, MAP-10: it does not tell what it can, or can too little. */
static void names_refused_capabilities(void **state)
{
    static const char *const answers[] = {
        "# NO x\r\n",
        "# BAD x\r\n",
        "# OK and no list\r\n",
        "* CAPABILITY IMAP2 AUTH=PLAIN\r\n# OK\r\n",
    };
    struct harness *h = *state;

    for (size_t i = 0; i < ARRAY_LENGTH(answers); i++) {
        connect_with(h, "* OK hi\r\n");
        expect_upstream(h, "# CAPABILITY\r\n");
        upstream_says(h, answers[i]);
        expect_no_use(h, "SYS/PERM");
    }
}

/* MAP-10: STARTTLS is not there, is refused, or what the server can inside of
 * it is; no password leaves.
 */
static void names_refused_starttls(void **state)
{
    struct harness *h = *state;

    h->upstream_policy.tls = TLS_MODE_STARTTLS;
    connect_with(h, "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n");
    expect_no_use(h, "SYS/PERM");
    connect_with(h, "* OK [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n");
    expect_upstream(h, "# STARTTLS\r\n");
    upstream_says(h, "# NO x\r\n");
    expect_no_use(h, "SYS/PERM");
    connect_with(h, "* OK [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n");
    expect_upstream(h, "# STARTTLS\r\n");
    upstream_says(h, "# OK\r\n");
    expect_wish(h, BRIDGE_START_UPSTREAM_TLS);
    outcome(h, BRIDGE_UPSTREAM_TLS_UP);
    expect_upstream(h, "# CAPABILITY\r\n");
    upstream_says(h, "# NO x\r\n");
    expect_no_use(h, "SYS/PERM");
}

/* --- the login --- */

#define GREETING "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n"
#define GREETING_WITHOUT_IR "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n"

/* MAP-2, MAP-3, MAP-4, MAP-8, UTF-5: what is not about the password. */
static void names_refused_logins(void **state)
{
    static const struct {
        const char *answer;
        const char *code;
        enum fault fault;
    } cases[] = {
        { "# NO [OVERQUOTA] x\r\n", "SYS/TEMP", FAULT_UPSTREAM_BUSY },
        { "# NO [NOPERM] x\r\n", "SYS/PERM", FAULT_ACCOUNT },
        { "# NO [NONEXISTENT] x\r\n", "SYS/PERM", FAULT_ACCOUNT },
        { "# NO [CORRUPTION] x\r\n", "SYS/PERM", FAULT_ACCOUNT },
        { "# NO [CANNOT] x\r\n", "SYS/PERM", FAULT_UPSTREAM_NO_LOGIN },
        { "# NO [CLIENTBUG] x\r\n", "SYS/PERM", FAULT_UPSTREAM_REJECTED },
        { "# BAD [AUTHENTICATIONFAILED] x\r\n", "SYS/PERM",
          FAULT_UPSTREAM_REJECTED },
        { "# NO [CONTACTADMIN] Server Unavailable. 15\r\n", "SYS/TEMP",
          FAULT_UPSTREAM_GONE },
    };
    struct harness *h = *state;

    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        connect_with(h, GREETING);
        expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
        upstream_says(h, cases[i].answer);
        expect_error(h, cases[i].code);
        expect_upstream(h, "# LOGOUT\r\n");
        expect_note(h, BRIDGE_NOTE_LOGIN_REFUSED, cases[i].fault);
        restart(h);
        h->note_count = 0;
    }
}

/* MAP-8: BAD and CLIENTBUG are counted as our defect, each once. */
static void counts_rejected_logins(void **state)
{
    static const char *const answers[] = { "# BAD x\r\n",
                                           "# NO [CLIENTBUG] x\r\n" };
    struct harness *h = *state;

    for (size_t i = 0; i < ARRAY_LENGTH(answers); i++) {
        connect_with(h, GREETING);
        expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
        upstream_says(h, answers[i]);
        expect_error(h, "SYS/PERM");
        expect_upstream(h, "# LOGOUT\r\n");
        upstream_says(h, "* BYE\r\n# OK\r\n");
        expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
        assert_int_equal(bridge_report(h->bridge)->upstream_rejects, 1);
        restart(h);
    }
}

/* IAUTH-3: PLAIN knows one empty challenge; any other is answered with `*`,
 * once, and the connection is of no more use.
 */
static void gives_up_a_strange_exchange(void **state)
{
    static const char *const answers[] = { "# BAD given up\r\n", "# NO x\r\n",
                                           "# OK in all the same\r\n" };
    struct harness *h = *state;

    for (size_t i = 0; i < ARRAY_LENGTH(answers); i++) {
        connect_with(h, GREETING_WITHOUT_IR);
        expect_upstream(h, "# AUTHENTICATE PLAIN\r\n");
        upstream_says(h, "+ !not base64!\r\n");
        expect_upstream(h, "*\r\n");
        upstream_says(h, "+ !nor this!\r\n+ \r\n");
        expect_silence(h);
        upstream_says(h, answers[i]);
        expect_error(h, "SYS/TEMP");
        expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
        restart(h);
    }
}

/* IAUTH-3: ... nor is a second challenge answered with the password again. */
static void answers_one_challenge(void **state)
{
    struct harness *h = *state;

    connect_with(h, GREETING_WITHOUT_IR);
    expect_upstream(h, "# AUTHENTICATE PLAIN\r\n");
    upstream_says(h, "+   \r\n");
    expect_upstream(h, "AHUAcA==\r\n");
    upstream_says(h, "+ \r\n");
    expect_upstream(h, "*\r\n");
    restart(h);
    connect_with(h, GREETING);
    expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
    upstream_says(h, "+ \r\n");
    expect_upstream(h, "*\r\n");
}

/* A bare `+` where none is awaited is a known noise: the password is sent no
 * second time.
 */
static void ignores_a_needless_continuation(void **state)
{
    struct harness *h = *state;

    connect_with(h, "* OK [CAPABILITY IMAP4rev1] hi\r\n");
    expect_upstream(h, "# LOGIN \"u\" \"p\"\r\n");
    upstream_says(h, "+ what for\r\n");
    expect_silence(h);
    upstream_says(h, "# NO x\r\n");
    expect_error(h, "AUTH");
    expect_upstream(h, "# LOGOUT\r\n");
}

/* IAUTH-9: LOGIN cannot act as another, and AUTHENTICATE is not there. */
static void keeps_an_identity_from_login(void **state)
{
    struct harness *h = *state;

    h->passes_identities = true;
    begin(h);
    client_says(h, "AUTH PLAIN Ym9zcwB1AHA=\r\n"); /* boss, u, p */
    expect_wish(h, BRIDGE_CONNECT);
    outcome(h, BRIDGE_UPSTREAM_UP);
    upstream_says(h, "* OK [CAPABILITY IMAP4rev1] hi\r\n");
    expect_error(h, "SYS/PERM");
    expect_upstream(h, "# LOGOUT\r\n");
}

/* MAP-10, IMAP-6: behind the login the capabilities are asked for again, and
 * may be those of a server that is of no use.
 */
static void names_refused_capabilities_inside(void **state)
{
    static const char *const answers[] = {
        "# NO x\r\n",
        "* CAPABILITY IMAP4rev1 UTF8=ONLY\r\n# OK\r\n",
    };
    struct harness *h = *state;

    for (size_t i = 0; i < ARRAY_LENGTH(answers); i++) {
        connect_with(h, GREETING);
        expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcA==\r\n");
        upstream_says(h, "# OK in\r\n");
        expect_upstream(h, "# CAPABILITY\r\n");
        upstream_says(h, answers[i]);
        expect_no_use(h, "SYS/PERM");
    }
}

/* MAP-2, MAP-8: SELECT, and words that are known. */
static void names_refused_mailboxes(void **state)
{
    static const struct {
        const char *answer;
        const char *code;
    } cases[] = {
        { "# NO [CLIENTBUG] x\r\n", "SYS/PERM" },
        { "# NO [THROTTLED] x\r\n", "SYS/TEMP" },
        { "# BAD User is authenticated but not connected.\r\n", "SYS/TEMP" },
    };
    struct harness *h = *state;

    h->server.select = "* 3 EXISTS\r\n";
    h->server.listing = NULL;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        h->server.selected = cases[i].answer;
        begin(h);
        log_in_to_listing(h);
        expect_wish(h, BRIDGE_UNLOCK);
        expect_error(h, cases[i].code);
        expect_upstream(h, "# LOGOUT\r\n");
        restart(h);
    }
}

/* --- the listing --- */

static void expect_listed(struct harness *h, const char *stat)
{
    expect_ok(h);
    client_says(h, "STAT\r\n");
    expect_client(h, stat);
    quit(h);
    restart(h);
}

static void expect_refused(struct harness *h, const char *code,
                           enum fault fault)
{
    expect_wish(h, BRIDGE_UNLOCK);
    expect_error(h, code);
    expect_upstream(h, "# LOGOUT\r\n");
    expect_note(h, BRIDGE_NOTE_LOGIN_REFUSED, fault);
    restart(h);
    h->note_count = 0;
}

static void ask_again(struct harness *h, const char *first)
{
    begin(h);
    log_in_to_listing(h);
    upstream_says(h, first);
    expect_upstream(h, "# NOOP\r\n");
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, LIST_ALL);
}

/* IMAP-18, IEXT-13: an answer that cannot be the whole: a message without its
 * size or its UID, none at all, a limit that does not say what it left.
 */
static const char *const incomplete[] = {
    "* 1 FETCH (UID 10 FLAGS ())\r\n# OK\r\n",
    "* 2 FETCH (RFC822.SIZE 2)\r\n* 1 FETCH (UID 1 RFC822.SIZE 1)\r\n# OK\r\n",
    "# OK\r\n",
    "* 3 FETCH (UID 30 RFC822.SIZE 300)\r\n# OK [MESSAGELIMIT 1] x\r\n",
    "* 3 FETCH (UID 30 RFC822.SIZE 300)\r\n# OK [MESSAGELIMIT 1 0] x\r\n",
};

static void asks_once_more(void **state)
{
    struct harness *h = *state;

    for (size_t i = 0; i < ARRAY_LENGTH(incomplete); i++) {
        ask_again(h, incomplete[i]);
        upstream_says(h, ROWS "# OK\r\n");
        expect_listed(h, "+OK 3 505\r\n");
        ask_again(h, incomplete[i]);
        upstream_says(h, incomplete[i]);
        expect_refused(h, "SYS/TEMP", FAULT_MAILBOX_INCOMPLETE);
    }
}

/* IMAP-18: the NOOP says that they have gone meanwhile; and if it is refused,
 * the question stands.
 */
static void hears_what_the_noop_brings(void **state)
{
    struct harness *h = *state;

    begin(h);
    log_in_to_listing(h);
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, "# NOOP\r\n");
    upstream_says(h, "* 3 EXPUNGE\r\n* 2 EXPUNGE\r\n* 1 EXPUNGE\r\n# OK\r\n");
    expect_listed(h, "+OK 0 0\r\n");
    begin(h);
    log_in_to_listing(h);
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, "# NOOP\r\n");
    upstream_says(h, "# NO x\r\n");
    expect_upstream(h, LIST_ALL);
    upstream_says(h, ROWS "# OK\r\n");
    expect_listed(h, "+OK 3 505\r\n");
}

/* IEXT-13: down to the first message there is nothing left to ask for. */
static void goes_down_to_the_first(void **state)
{
    struct harness *h = *state;

    begin(h);
    log_in_to_listing(h);
    upstream_says(h, "* 3 FETCH (UID 30 RFC822.SIZE 300)\r\n"
                     "# OK [MESSAGELIMIT 1 30] x\r\n");
    expect_upstream(h, "# UID FETCH 1:29 (UID FLAGS RFC822.SIZE)\r\n");
    upstream_says(h, "* 2 FETCH (UID 20 RFC822.SIZE 200)\r\n"
                     "# OK [MESSAGELIMIT 1 20] x\r\n");
    expect_upstream(h, "# UID FETCH 1:19 (UID FLAGS RFC822.SIZE)\r\n");
    upstream_says(h, "* 1 FETCH (UID 1 RFC822.SIZE 5)\r\n"
                     "# OK [MESSAGELIMIT 1 1] x\r\n");
    expect_listed(h, "+OK 3 505\r\n");
}

/* IEXT-13: a limit that rises again gets nowhere: from the start, once. */
static void leaves_a_limit_that_rises(void **state)
{
    struct harness *h = *state;

    begin(h);
    log_in_to_listing(h);
    upstream_says(h, "# OK [MESSAGELIMIT 1 30] x\r\n");
    expect_upstream(h, "# UID FETCH 1:29 (UID FLAGS RFC822.SIZE)\r\n");
    upstream_says(h, "# OK [MESSAGELIMIT 1 30] x\r\n");
    expect_upstream(h, "# NOOP\r\n");
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, LIST_ALL);
    upstream_says(h, "# OK [MESSAGELIMIT 1 30] x\r\n");
    expect_upstream(h, "# UID FETCH 1:29 (UID FLAGS RFC822.SIZE)\r\n");
    upstream_says(h, "# OK [MESSAGELIMIT 1 30] x\r\n");
    expect_refused(h, "SYS/TEMP", FAULT_MAILBOX_INCOMPLETE);
}

/* MAP-8, MAP-9, DEC-15: the listing is refused; the mailbox is another one. */
static void names_refused_listings(void **state)
{
    static const struct {
        const char *answer;
        const char *code;
        enum fault fault;
    } cases[] = {
        { ROWS "# NO x\r\n", "SYS/TEMP", FAULT_UPSTREAM_BUSY },
        { ROWS "# BAD x\r\n", "SYS/PERM", FAULT_UPSTREAM_REJECTED },
        { "# BAD User is authenticated but not connected.\r\n", "SYS/TEMP",
          FAULT_UPSTREAM_NOT_CONNECTED },
        { ROWS "# OK [UIDVALIDITY 78] x\r\n", "SYS/TEMP",
          FAULT_MAILBOX_CHANGED },
        { "* OK [UIDVALIDITY 78] x\r\n" ROWS "# OK\r\n", "SYS/TEMP",
          FAULT_MAILBOX_CHANGED },
    };
    struct harness *h = *state;

    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        begin(h);
        log_in_to_listing(h);
        upstream_says(h, cases[i].answer);
        expect_refused(h, cases[i].code, cases[i].fault);
    }
}

/* A mailbox beyond the cap is refused for good, and not shown in part. */
static void refuses_too_large_a_mailbox(void **state)
{
    struct harness *h = *state;
    struct buf text;

    begin(h);
    log_in_to_listing(h);
    buf_init(&text, 64 * 1024 * 1024);
    for (unsigned i = 1; i <= MAILDROP_MESSAGES_MAX + 1; i++) {
        buf_append_string(&text, "* 1 FETCH (RFC822.SIZE 1 UID ");
        buf_append_number(&text, i);
        buf_append_string(&text, ")\r\n");
    }
    assert_false(buf_failed(&text));
    upstream_says_octets(h, buf_span(&text));
    buf_fini(&text);
    upstream_says(h, "# OK\r\n");
    expect_refused(h, "SYS/PERM", FAULT_MAILBOX_TOO_LARGE);
}

/* DEC-16: a listing that gets on may take longer than login_timeout. */
static void waits_for_a_long_listing(void **state)
{
    struct harness *h = *state;

    begin(h);
    log_in_to_listing(h);
    for (unsigned i = 0; i < 5; i++) {
        time_passes(h, h->upstream_policy.upstream_timeout_ms - 1);
        upstream_says(h, "* 1 FETCH (UID 10 RFC822.SIZE 5)\r\n");
        expect_silence(h);
    }
    upstream_says(h, ROWS "# OK\r\n");
    expect_listed(h, "+OK 3 505\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SESSION_TEST(names_greetings_that_are_none),
        SESSION_TEST(names_refused_capabilities),
        SESSION_TEST(names_refused_starttls),
        SESSION_TEST(names_refused_logins),
        SESSION_TEST(counts_rejected_logins),
        SESSION_TEST(gives_up_a_strange_exchange),
        SESSION_TEST(answers_one_challenge),
        SESSION_TEST(ignores_a_needless_continuation),
        SESSION_TEST(keeps_an_identity_from_login),
        SESSION_TEST(names_refused_capabilities_inside),
        SESSION_TEST(names_refused_mailboxes),
        SESSION_TEST(asks_once_more),
        SESSION_TEST(hears_what_the_noop_brings),
        SESSION_TEST(goes_down_to_the_first),
        SESSION_TEST(leaves_a_limit_that_rises),
        SESSION_TEST(names_refused_listings),
        /* Forty megabytes: whole only. */
        { "refuses_too_large_a_mailbox", refuses_too_large_a_mailbox,
          harness_setup, harness_teardown, &harness_whole },
        SESSION_TEST(waits_for_a_long_listing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
