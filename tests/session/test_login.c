/* Logins: from the greeting to the maildrop. */
#include "support/session_harness.h"

/* POP-1: the greeting; POP-29, POP-19: no upstream connection before USER, and
 * nothing about the name is sent before the password.
 */
static void greets_and_waits(void **state)
{
    struct harness *h = *state;

    begin(h);
    expect_silence(h);
    client_says(h, "NOOP\r\n");
    expect_error(h, NULL);
    expect_silence(h);
    connect_upstream(h);
    expect_silence(h);
    client_says(h, "QUIT\r\n");
    expect_ok(h);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_upstream(h, "# LOGOUT\r\n");
    upstream_says(h, "* BYE bye\r\n# OK out\r\n");
    assert_int_equal(h->note_count, 0); /* BYE says nothing new here */
    expect_wish(h, BRIDGE_CLOSE_UPSTREAM);
    expect_over(h, FAULT_NONE);
}

/* POP-19: QUIT of one who only knocked. */
static void quits_before_user(void **state)
{
    struct harness *h = *state;

    begin(h);
    client_says(h, "QUIT\r\n");
    expect_ok(h);
    expect_wish(h, BRIDGE_CLOSE_CLIENT);
    expect_over(h, FAULT_NONE);
}

/* DEC-1, IAUTH-1: the whole way with SASL-IR, capabilities told unasked
 * (IMAP-6).
 */
static void logs_in(void **state)
{
    struct harness *h = *state;

    begin(h);
    log_in(h);
    client_says(h, "STAT\r\n");
    expect_client(h, "+OK 3 505\r\n");
    quit(h);
}

/* IAUTH-1: no initial response without SASL-IR; IMAP-6: what the server does
 * not tell is asked for, and again after the login; IEXT-5: ID is sent where
 * it is offered, nobody waits for its answer, and its refusal is nothing.
 */
static void logs_in_step_by_step(void **state)
{
    struct harness *h = *state;

    begin(h);
    client_says(h, "USER u\r\n");
    expect_ok(h);
    expect_wish(h, BRIDGE_CONNECT);
    outcome(h, BRIDGE_UPSTREAM_UP);
    upstream_says(h, "* OK hi\r\n");
    expect_upstream(h, "# CAPABILITY\r\n");
    client_says(h, "PASS p\r\n");
    expect_silence(h);
    upstream_says(h, "* CAPABILITY IMAP4rev1 AUTH=PLAIN X-A=1\r\n# OK\r\n");
    expect_upstream(h, "# AUTHENTICATE PLAIN\r\n");
    upstream_says(h, "+ \r\n");
    expect_upstream(h, "AHUAcA==\r\n");
    upstream_says(h, "# OK in\r\n");
    expect_upstream(h, "# CAPABILITY\r\n");
    upstream_says(h, "* CAPABILITY IMAP4rev1 ID\r\n# OK\r\n");
    expect_upstream(h, "# ID (\"name\" \"popinjay\" \"version\" \"1.0\")\r\n");
    expect_wish(h, BRIDGE_LOCK);
    outcome(h, BRIDGE_LOCKED);
    expect_upstream(h, "# SELECT INBOX\r\n");
    upstream_says(h, "# BAD we dislike it\r\n");
    expect_note(h, BRIDGE_NOTE_UPSTREAM_TEXT, FAULT_NONE);
    upstream_says(h, "* 0 EXISTS\r\n* OK [UIDVALIDITY 1]\r\n# OK\r\n");
    /* IMAP-17: in an empty mailbox there is nothing that `1:*` could name. */
    expect_ok(h);
    expect_silence(h);
    client_says(h, "LIST\r\n");
    expect_ok(h);
    expect_client(h, ".\r\n"); /* POP-13 */
    quit(h);
}

/* Before a server that only knows LOGIN, with those capabilities. */
static void connect_for_login(struct harness *h, const char *greeting,
                              const char *user, const char *password)
{
    begin(h);
    client_says(h, user);
    expect_ok(h);
    expect_wish(h, BRIDGE_CONNECT);
    outcome(h, BRIDGE_UPSTREAM_UP);
    upstream_says(h, greeting);
    client_says(h, password);
}

static void finish_login(struct harness *h)
{
    upstream_says(h, "# OK [CAPABILITY IMAP4rev1] in\r\n");
    expect_wish(h, BRIDGE_LOCK);
    outcome(h, BRIDGE_LOCKED);
    expect_upstream(h, "# SELECT INBOX\r\n");
    upstream_says(h, "* 0 EXISTS\r\n# OK\r\n");
    expect_ok(h);
    quit(h);
}

/* IMAP-14: quoted, with its escapes; POP-30: every space of the password. */
static void logs_in_quoted(void **state)
{
    struct harness *h = *state;

    connect_for_login(h, "* OK [CAPABILITY IMAP4rev1] hi\r\n",
                      "USER a \"b\\c%\r\n", "PASS  {5} x \r\n");
    expect_upstream(h, "# LOGIN \"a \\\"b\\\\c%\" \" {5} x \"\r\n");
    finish_login(h);
}

/* UTF-3: a password beyond ASCII goes by AUTHENTICATE, never by LOGIN. */
static void refuses_utf8_by_login(void **state)
{
    struct harness *h = *state;

    connect_for_login(h, "* OK [CAPABILITY IMAP4rev1] hi\r\n", "USER u\r\n",
                      "PASS p\xc3\xa9\r\n");
    expect_error(h, "SYS/PERM");
    expect_upstream(h, "# LOGOUT\r\n");
}

static void sends_utf8_by_authenticate(void **state)
{
    struct harness *h = *state;

    begin(h);
    connect_upstream(h);
    client_says(h, "PASS p\xc3\xa9\r\n");
    expect_upstream(h, "# AUTHENTICATE PLAIN AHUAcMOp\r\n");
}

/* UTF-3: Latin-1 is refused, and nothing is sent. */
static void refuses_latin1(void **state)
{
    struct harness *h = *state;

    begin(h);
    connect_upstream(h);
    client_says(h, "PASS p\xe9\r\n");
    expect_error(h, "AUTH");
    expect_silence(h);
}

/* IMAP-18, IMAP-2: a listing in any order, in pieces, with strangers between;
 * POP-11: numbers go by UID.
 */
static void takes_any_listing(void **state)
{
    struct harness *h = *state;

    h->server.listing =
        "* 3 FETCH (RFC822.SIZE 300 UID 30)\r\n"
        "* XFOO ({3}\r\na)b) \"q\\\"\" (a (b NIL))\r\n"
        "* 1 FETCH (FLAGS () X (1 {2}\r\n)) \"y\") UID 10 RFC822.SIZE 1)\r\n"
        "* 9 FETCH (FLAGS (\\Seen))\r\n"
        "* 2 FETCH (UID 20)\r\n"
        "* OK Searched 97%\r\n"
        "* 2 FETCH (MODSEQ (1) RFC822.SIZE 200 UID 20)\r\n"
        "* 1 FETCH (UID 10 RFC822.SIZE 100)\r\n";
    begin(h);
    log_in(h);
    client_says(h, "LIST\r\nUIDL\r\n");
    expect_ok(h);
    expect_client(h, "1 100\r\n2 200\r\n3 300\r\n.\r\n");
    expect_ok(h);
    expect_client(h, "1 77.10\r\n2 77.20\r\n3 77.30\r\n.\r\n");
    quit(h);
}

/* IMAP-18: a size is missing: NOOP, asked once more, then [SYS/TEMP]. */
static void asks_once_more_for_sizes(void **state)
{
    struct harness *h = *state;

    h->server.listing = "* 1 FETCH (UID 10)\r\n";
    begin(h);
    log_in_to_listing(h);
    upstream_says(h, h->server.listing);
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, "# NOOP\r\n");
    upstream_says(h, "# OK\r\n");
    expect_upstream(h, "# UID FETCH 1:* (UID FLAGS RFC822.SIZE)\r\n");
    upstream_says(h, h->server.listing);
    upstream_says(h, "# OK\r\n");
    expect_wish(h, BRIDGE_UNLOCK);
    expect_error(h, "SYS/TEMP");
    expect_upstream(h, "# LOGOUT\r\n");
}

/* IEXT-13: a server that does only so many at once is asked for the rest. */
static void goes_on_below_the_limit(void **state)
{
    struct harness *h = *state;

    begin(h);
    log_in_to_listing(h);
    upstream_says(h, "* 3 FETCH (UID 30 RFC822.SIZE 300)\r\n"
                     "# OK [MESSAGELIMIT 1 30] some\r\n");
    expect_upstream(h, "# UID FETCH 1:29 (UID FLAGS RFC822.SIZE)\r\n");
    upstream_says(h, "* 2 FETCH (UID 20 RFC822.SIZE 200)\r\n# OK done\r\n");
    expect_ok(h);
    client_says(h, "STAT\r\n");
    expect_client(h, "+OK 2 500\r\n");
    quit(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SESSION_TEST(greets_and_waits),
        SESSION_TEST(quits_before_user),
        SESSION_TEST(logs_in),
        SESSION_TEST(logs_in_step_by_step),
        SESSION_TEST(logs_in_quoted),
        SESSION_TEST(refuses_utf8_by_login),
        SESSION_TEST(sends_utf8_by_authenticate),
        SESSION_TEST(refuses_latin1),
        SESSION_TEST(takes_any_listing),
        SESSION_TEST(asks_once_more_for_sizes),
        SESSION_TEST(goes_on_below_the_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
