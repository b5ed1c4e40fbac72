/* test_fault.c - the table of what can go wrong, as clients, logs and metrics
 * see it; and what a session does when memory runs out, wherever that is.
 */
#include "session/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attributes.h"
#include "base/limits.h"
#include "pop3/sasl.h"
#include "session/bridge.h"
#include "support/alloc_fail.h"

/* Longer ones leave no room for the code and the frame around them. */
#define TEXT_MAX (POP3_REPLY_MAX - 64)

/* DEC-21: fixed ASCII that cannot be taken for a code of its own, and
 * names no part of the credentials as the wrong one.
 */
static void test_texts(void **state)
{
    (void)state;
    for (unsigned f = FAULT_NONE; f < FAULT_COUNT; f++) {
        const char *text = fault_pop3_text((enum fault)f);

        assert_non_null(text);
        assert_in_range(strlen(text), 1, TEXT_MAX);
        for (const char *c = text; *c != '\0'; c++)
            assert_true(*c >= ' ' && *c <= '~' && *c != '[' && *c != ']');
    }
    assert_string_equal(fault_pop3_text(FAULT_CREDENTIALS),
                        "wrong user name or password");
}

/* What is wrong with a login is not for the client to know: it hears the same of
 * each, and the bridge answers each as late (hold_refusal).
 */
static void test_wrong_logins(void **state)
{
    const enum fault one = FAULT_CREDENTIALS;

    (void)state;
    for (unsigned f = FAULT_NONE; f < FAULT_COUNT; f++) {
        const char *text = fault_pop3_text((enum fault)f);
        bool same = strcmp(text, fault_pop3_text(one)) == 0 &&
                    fault_pop3_code((enum fault)f) == fault_pop3_code(one);

        assert_int_equal(fault_is_wrong_login((enum fault)f), same);
    }
}

static bool is_word(const char *name)
{
    if (*name == '\0')
        return false;
    for (; *name != '\0'; name++)
        if ((*name < 'a' || *name > 'z') && *name != '_')
            return false;
    return true;
}

/* One short word each, which no other has: they are labels in the metrics. */
static void test_names(void **state)
{
    (void)state;
    for (unsigned f = FAULT_NONE; f < FAULT_COUNT; f++) {
        assert_true(is_word(fault_name((enum fault)f)));
        for (unsigned g = FAULT_NONE; g < f; g++)
            assert_string_not_equal(fault_name((enum fault)f),
                                    fault_name((enum fault)g));
    }
    assert_string_equal(fault_name(FAULT_CREDENTIALS), "credentials");
}

static bool has_code(enum fault fault, enum pop3_code code)
{
    return fault_pop3_code(fault) == code;
}

/* CAP-8, MAP-5, MAP-6: each of these codes says one thing, and no other fault
 * may use it: a device that hears [AUTH] asks its owner for a new password.
 */
static void test_codes_of_their_own(void **state)
{
    (void)state;
    for (unsigned i = FAULT_NONE; i < FAULT_COUNT; i++) {
        enum fault f = (enum fault)i;

        assert_int_equal(has_code(f, POP3_CODE_AUTH),
                         f == FAULT_CREDENTIALS || f == FAULT_IDENTITY ||
                             f == FAULT_TOKEN_REFUSED ||
                             f == FAULT_SECRET_REFUSED ||
                             f == FAULT_TOKEN_WITHHELD ||
                             f == FAULT_NO_ACCOUNT || f == FAULT_ACCOUNT_PLACE);
        assert_int_equal(has_code(f, POP3_CODE_IN_USE), f == FAULT_IN_USE);
        assert_int_equal(has_code(f, POP3_CODE_LOGIN_DELAY),
                         f == FAULT_LOGIN_DELAY);
    }
}

/* MAP-9, MAP-10, MAP-12: passing trouble and lasting trouble. */
static void test_system_codes(void **state)
{
    static const enum fault passing[] = {
        FAULT_OVERLOAD,           FAULT_SHUTDOWN,
        FAULT_UPSTREAM_GONE,      FAULT_UPSTREAM_UNREACHABLE,
        FAULT_UPSTREAM_BYE,       FAULT_UPSTREAM_SILENT,
        FAULT_UPSTREAM_BUSY,      FAULT_UPSTREAM_NOT_CONNECTED,
        FAULT_UPSTREAM_GARBLED,   FAULT_MAILBOX_BUSY,
        FAULT_MAILBOX_INCOMPLETE, FAULT_MAILBOX_CHANGED,
        FAULT_MESSAGE_UNREADABLE, FAULT_NOT_REMOVED,
        FAULT_MESSAGE_NOT_READ,   FAULT_NO_MEMORY,
    };
    static const enum fault lasting[] = {
        FAULT_ACCOUNT,           FAULT_UPSTREAM_UNTRUSTED,
        FAULT_UPSTREAM_MISFIT,   FAULT_UPSTREAM_NO_LOGIN,
        FAULT_UPSTREAM_REJECTED, FAULT_MAILBOX_REFUSED,
        FAULT_MAILBOX_TOO_LARGE, FAULT_MAILBOX_READ_ONLY,
        FAULT_NO_SAFE_REMOVAL,   FAULT_NO_UNIQUE_IDS,
        FAULT_REMOVAL_REFUSED,   FAULT_REMOVAL_GUARDED,
        FAULT_NO_TRASH,          FAULT_NO_KEYWORD,
        FAULT_NO_GMAIL_IDS,
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(passing); i++)
        assert_int_equal(fault_pop3_code(passing[i]), POP3_CODE_SYS_TEMP);
    for (size_t i = 0; i < ARRAY_LENGTH(lasting); i++)
        assert_int_equal(fault_pop3_code(lasting[i]), POP3_CODE_SYS_PERM);
    assert_int_equal(fault_pop3_code(FAULT_MESSAGE_GONE), POP3_CODE_NONE);
    assert_int_equal(fault_pop3_code(FAULT_NONE), POP3_CODE_NONE);
}

static void test_classes(void **state)
{
    static const struct {
        enum fault fault;
        enum fault_class class;
    } cases[] = {
        { FAULT_CLIENT_GONE, FAULT_CLASS_CLIENT },
        { FAULT_CLIENT_IDLE, FAULT_CLASS_TIMEOUT },
        { FAULT_LOGIN_TIMEOUT, FAULT_CLASS_TIMEOUT },
        { FAULT_UPSTREAM_SILENT, FAULT_CLASS_TIMEOUT },
        { FAULT_CREDENTIALS, FAULT_CLASS_REFUSED },
        { FAULT_TOKEN_REFUSED, FAULT_CLASS_REFUSED },
        { FAULT_IN_USE, FAULT_CLASS_REFUSED },
        { FAULT_OVERLOAD, FAULT_CLASS_RESOURCES },
        { FAULT_NO_MEMORY, FAULT_CLASS_RESOURCES },
        { FAULT_UPSTREAM_GONE, FAULT_CLASS_UPSTREAM },
        { FAULT_MESSAGE_GONE, FAULT_CLASS_UPSTREAM },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
        assert_int_equal(fault_class(cases[i].fault), cases[i].class);
    for (unsigned f = FAULT_NONE; f < FAULT_COUNT; f++)
        assert_int_equal(fault_class((enum fault)f) == FAULT_CLASS_NONE,
                         f == FAULT_NONE);
}

/* MAP-10: a person is called for what the operator can mend, and never for
 * what a client or a passing trouble brought about.
 */
static void test_alarms(void **state)
{
    (void)state;
    for (unsigned i = FAULT_NONE; i < FAULT_COUNT; i++) {
        enum fault f = (enum fault)i;
        bool expected =
            f == FAULT_UPSTREAM_UNTRUSTED || f == FAULT_UPSTREAM_UNPROVEN ||
            f == FAULT_UPSTREAM_MISFIT || f == FAULT_UPSTREAM_NO_LOGIN ||
            f == FAULT_UPSTREAM_REJECTED || f == FAULT_TOKEN_REFUSED ||
            f == FAULT_TOKEN_WITHHELD || f == FAULT_MAILBOX_TOO_LARGE ||
            f == FAULT_NO_MEMORY || f == FAULT_SECRET_SEALED ||
            f == FAULT_SECRET_REFUSED;

        assert_int_equal(fault_is_alarm(f), expected);
    }
}

/* --- no memory --- */

/* A session whose client says line by line what the play has, before a server
 * that holds the messages 10 and 20. It allocates nothing itself.
 */
struct play {
    const char *const *lines; /* said so far: up to the one before this */
    const char *greeting;
    struct bridge *bridge;
    char tag[256]; /* of AUTHENTICATE, while it waits for the response */
    char reply[1024];
    size_t reply_length;
    bool stored;   /* the server was told to flag a message */
    bool expunged; /* and to remove it */
    bool looked;   /* and was asked behind that what is left */
    bool ended;
};

static const struct {
    const char *begin;
    const char *untagged;
} answers[] = {
    { "CAPABILITY", "* CAPABILITY IMAP4rev1 UIDPLUS AUTH=PLAIN ID\r\n" },
    { "LOGIN", "" },
    { "ID", "* ID NIL\r\n" },
    { "SELECT", "* 2 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n" },
    { "UID FETCH 1:*", "* 1 FETCH (UID 10 RFC822.SIZE 5 FLAGS ())\r\n"
                       "* 2 FETCH (UID 20 RFC822.SIZE 4294967296)\r\n" },
    { "UID FETCH 10 (UID BODY.PEEK[])",
      "* 1 FETCH (UID 10 BODY[] {5}\r\nxyxyx)\r\n" },
    { "UID STORE 10 +FLAGS.SILENT (\\Deleted)", "" },
    { "UID EXPUNGE 10", "* 1 EXPUNGE\r\n" },
    { "UID FETCH 10 (UID FLAGS)", "" },
    { "LOGOUT", "* BYE\r\n" },
};

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static void upstream_says(struct play *p, const char *text)
{
    bridge_upstream_input(p->bridge, span_from_string(text), 0);
}

static void note_command(struct play *p, const char *command)
{
    p->stored = p->stored || begins(command, "UID STORE");
    p->expunged = p->expunged || begins(command, "UID EXPUNGE");
    p->looked = p->looked ||
                (p->expunged && begins(command, "UID FETCH 10 (UID FLAGS)"));
}

/* One line of the proxy's, without its end. */
static void serve_command(struct play *p, char *line)
{
    char *command = strchr(line, ' ');
    char said[512];

    if (p->tag[0] != '\0') { /* the response to the challenge */
        snprintf(said, sizeof(said), "%s OK in\r\n", p->tag);
        p->tag[0] = '\0';
        upstream_says(p, said);
        return;
    }
    assert_non_null(command);
    *command++ = '\0';
    note_command(p, command);
    if (strcmp(command, "AUTHENTICATE PLAIN") == 0) {
        snprintf(p->tag, sizeof(p->tag), "%s", line);
        upstream_says(p, "+ \r\n");
        return;
    }
    for (size_t i = 0; i < ARRAY_LENGTH(answers); i++) {
        if (!begins(command, answers[i].begin))
            continue;
        snprintf(said, sizeof(said), "%s%s OK\r\n", answers[i].untagged, line);
        upstream_says(p, said);
        return;
    }
    fail_msg("not expected: %s", command);
}

static bool serve_upstream(struct play *p)
{
    struct span out = bridge_upstream_output(p->bridge);
    size_t length = span_find(out, '\r');
    char line[256];

    if (length == out.len)
        return false;
    assert_true(length < sizeof(line));
    memcpy(line, out.data, length);
    line[length] = '\0';
    bridge_upstream_taken(p->bridge, length + 2, 0);
    serve_command(p, line);
    return true;
}

static const struct upstream_policy upstream_policy = {
    .tls = TLS_MODE_IMPLICIT,
    .send_id = true,
    .upstream_timeout_ms = 60000,
    .version = "1.0",
};
static const struct mailbox_policy mailbox_policy = { .hide_deleted = true };

static void grant(struct play *p, const struct credentials *given)
{
    const struct login_grant grant = { .upstream = &upstream_policy,
                                       .mailbox = &mailbox_policy,
                                       .credentials = given };

    bridge_grant_login(p->bridge, &grant, 0);
}

static bool serve_wishes(struct play *p)
{
    struct bridge_wish wish;
    bool any = false;

    while (bridge_next_wish(p->bridge, &wish)) {
        any = true;
        if (wish.kind == BRIDGE_ASK_LOGIN) {
            grant(p, wish.credentials);
        } else if (wish.kind == BRIDGE_CONNECT) {
            p->tag[0] = '\0';
            bridge_name_server(p->bridge, (struct server_name){ "h", 1 },
                               false);
            bridge_outcome(p->bridge, BRIDGE_UPSTREAM_UP, 0);
            upstream_says(p, p->greeting);
        } else if (wish.kind == BRIDGE_LOCK) {
            bridge_outcome(p->bridge, BRIDGE_LOCKED, 0);
        } else if (wish.kind == BRIDGE_CLOSE_CLIENT ||
                   wish.kind == BRIDGE_ABORT_CLIENT) {
            p->ended = true;
        }
    }
    return any;
}

static bool take_reply(struct play *p)
{
    struct span out = bridge_client_output(p->bridge);

    if (out.len == 0)
        return false;
    assert_true(p->reply_length + out.len < sizeof(p->reply));
    memcpy(p->reply + p->reply_length, out.data, out.len);
    p->reply_length += out.len;
    p->reply[p->reply_length] = '\0';
    bridge_client_taken(p->bridge, out.len, 0);
    return true;
}

static void settle(struct play *p)
{
    bool moved = true;

    while (moved) {
        moved = serve_wishes(p);
        moved = take_reply(p) || moved;
        moved = serve_upstream(p) || moved;
        if (!moved && bridge_deadline(p->bridge) == 0) {
            bridge_time(p->bridge, 0);
            moved = true;
        }
    }
}

/* DEC-14, POP-20: what was not delivered is not marked, nothing is flagged
 * before QUIT, and +OK to it means that all three steps were taken.
 */
static void judge_reply(const struct play *p, const char *line, bool delivered)
{
    bool quits = strstr(line, "QUIT\r\n") != NULL;

    if (strcmp(line, "RETR 1\r\n") == 0 && begins(p->reply, "+OK"))
        assert_int_equal(delivered, !p->ended);
    if (strcmp(line, "DELE 1\r\n") == 0 && begins(p->reply, "+OK"))
        assert_true(delivered);
    if (!quits)
        assert_false(p->stored);
    else if (delivered && strstr(p->reply, "+OK goodbye\r\n") != NULL)
        assert_true(p->stored && p->expunged && p->looked);
}

/* The play to its end; true: each line had its +OK, or `+`. */
static bool perform(struct play *p)
{
    bool all_well = true;
    bool delivered = false;

    settle(p);
    for (; *p->lines != NULL && !p->ended; p->lines++) {
        p->reply_length = 0;
        p->reply[0] = '\0';
        bridge_client_input(p->bridge, span_from_string(*p->lines), 0);
        settle(p);
        delivered = delivered || strstr(p->reply, "xyxyx\r\n.\r\n") != NULL;
        judge_reply(p, *p->lines, delivered);
        all_well = all_well && p->reply[0] == '+';
    }
    if (!p->ended)
        bridge_outcome(p->bridge, BRIDGE_SHUT_DOWN, 0);
    settle(p);
    bridge_outcome(p->bridge, BRIDGE_UPSTREAM_CLOSED, 0);
    settle(p);
    assert_true(bridge_is_over(p->bridge));
    assert_true(delivered || !p->stored);
    return all_well;
}

#define TO_THE_END "RETR 1\r\n", "DELE 1\r\n", "QUIT\r\n", NULL

/* Whichever allocation fails, in whichever way a client and a server get to
 * the mail: no mail is lost, nothing aborts, and nothing is left behind.
 */
static void test_no_memory(void **state)
{
    static const char *const by_pass[] = { "USER u\r\n", "PASS p\r\n",
                                           TO_THE_END };
    static const char *const by_plain[] = { "AUTH PLAIN AHUAcA==\r\n",
                                            TO_THE_END };
    static const char *const by_login[] = { "AUTH LOGIN\r\n", "dQ==\r\n",
                                            "cA==\r\n", TO_THE_END };
    static const char *const pipelined[] = {
        "USER u\r\nPASS p\r\nRETR 1\r\nDELE 1\r\nQUIT\r\n", NULL
    };
    static const char *const *const plays[] = { by_pass, by_plain, by_login,
                                                pipelined };
    static const char *const greetings[] = {
        "* OK hi\r\n",
        "* OK [CAPABILITY IMAP4rev1] hi\r\n",
        "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n",
    };
    const struct session_policy policy = {
        .client_tls = TLS_MODE_IMPLICIT,
        .mechanisms = SASL_PASSWORD_MECHANISMS,
        .early_upstream = &upstream_policy,
        .login_timeout_ms = 180000,
        .session_timeout_ms = 600000,
    };

    (void)state;
    for (size_t i = 0; i < 12; i++) {
        unsigned long failing = 0;
        bool reached = true;

        while (reached) {
            struct play p = { .lines = plays[i % 4],
                              .greeting = greetings[i / 4] };
            bool all_well = false;

            alloc_fail_at(++failing);
            p.bridge = bridge_new(&policy, SPAN_LITERAL(""), false, 0);
            if (p.bridge != NULL)
                all_well = perform(&p);
            bridge_free(p.bridge);
            reached = alloc_fail_count() >= failing;
            alloc_fail_at(0);
            if (!reached)
                assert_true(all_well);
        }
        assert_true(failing > 20);
    }
}

int main(void)
{
    const struct CMUnitTest session_fault[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_wrong_logins),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_codes_of_their_own),
        cmocka_unit_test(test_system_codes),
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_alarms),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(session_fault, NULL, NULL);
}
