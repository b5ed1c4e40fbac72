/* test_reply.c - the exact octets of every kind of reply line. */
#include "pop3/reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "support/aborts.h"
#include "support/octets.h"

static struct buf out;

static int set_up(void **state)
{
    (void)state;
    buf_init(&out, 4096);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    buf_fini(&out);
    return 0;
}

/* POP-2: exactly +OK and -ERR. */
static void test_ok(void **state)
{
    (void)state;
    pop3_reply_ok(&out, "POP3 server ready");
    pop3_reply_ok(&out, "");
    assert_buf_string(&out, "+OK POP3 server ready\r\n+OK\r\n");
}

static void test_error(void **state)
{
    (void)state;
    pop3_reply_error(&out, POP3_STAT, POP3_CODE_NONE, "no");
    pop3_reply_error(&out, POP3_PASS, POP3_CODE_AUTH, "no");
    pop3_reply_error(&out, POP3_PASS, POP3_CODE_IN_USE, "no");
    pop3_reply_error(&out, POP3_AUTH, POP3_CODE_LOGIN_DELAY, "no");
    pop3_reply_error(&out, POP3_RETR, POP3_CODE_SYS_TEMP, "no");
    pop3_reply_error(&out, POP3_QUIT, POP3_CODE_SYS_PERM, "");
    assert_buf_string(&out, "-ERR no\r\n"
                            "-ERR [AUTH] no\r\n"
                            "-ERR [IN-USE] no\r\n"
                            "-ERR [LOGIN-DELAY] no\r\n"
                            "-ERR [SYS/TEMP] no\r\n"
                            "-ERR [SYS/PERM]\r\n");
}

/* CAP-9, CAP-10: which code may stand in the answer to which verb. */
static void test_codes_by_verb(void **state)
{
    (void)state;
    for (enum pop3_verb verb = 0; verb < POP3_VERB_COUNT; verb++) {
        bool login =
            verb == POP3_PASS || verb == POP3_AUTH || verb == POP3_APOP;
        bool system = verb != POP3_USER && verb != POP3_UNKNOWN;

        assert_true(pop3_code_is_allowed(verb, POP3_CODE_NONE));
        assert_int_equal(pop3_code_is_allowed(verb, POP3_CODE_AUTH), login);
        assert_int_equal(pop3_code_is_allowed(verb, POP3_CODE_IN_USE), login);
        assert_int_equal(pop3_code_is_allowed(verb, POP3_CODE_LOGIN_DELAY),
                         login);
        assert_int_equal(pop3_code_is_allowed(verb, POP3_CODE_SYS_TEMP),
                         system);
        assert_int_equal(pop3_code_is_allowed(verb, POP3_CODE_SYS_PERM),
                         system);
    }
}

/* Sizes are of 64 bits. */
static void test_numbers(void **state)
{
    (void)state;
    pop3_reply_numbers(&out, 0, 0);
    pop3_reply_numbers(&out, 10000000, UINT64_MAX);
    assert_buf_string(&out, "+OK 0 0\r\n"
                            "+OK 10000000 18446744073709551615\r\n");
}

static void test_listings(void **state)
{
    (void)state;
    pop3_write_scan_line(&out, 1, 0);
    pop3_write_scan_line(&out, UINT32_MAX, UINT64_MAX);
    pop3_write_unique_id(&out, "", 1, "7.9");
    pop3_write_unique_id(&out, "+OK ", 2, "!~");
    pop3_write_end(&out);
    assert_buf_string(&out, "1 0\r\n"
                            "4294967295 18446744073709551615\r\n"
                            "1 7.9\r\n"
                            "+OK 2 !~\r\n"
                            ".\r\n");
}

/* SASL-3, SASL-4 */
static void test_challenge(void **state)
{
    (void)state;
    pop3_reply_challenge(&out, (struct span){ NULL, 0 });
    pop3_reply_challenge(&out, SPAN_LITERAL("UGFzc3dvcmQ6"));
    assert_buf_string(&out, "+ \r\n+ UGFzc3dvcmQ6\r\n");
}

/* A text that makes the line |length| octets with its CRLF. */
static const char *text_for(size_t length, const char *before)
{
    static char text[POP3_REPLY_MAX + 2];
    size_t n = length - strlen(before) - strlen("\r\n");

    memset(text, 'x', n);
    text[n] = '\0';
    return text;
}

static void reply_too_long(void)
{
    pop3_reply_ok(&out, text_for(POP3_REPLY_MAX + 1, "+OK "));
}

static void error_too_long(void)
{
    pop3_reply_error(&out, POP3_PASS, POP3_CODE_AUTH,
                     text_for(POP3_REPLY_MAX + 1, "-ERR [AUTH] "));
}

/* POP-5: 512 octets with CRLF and not one more. */
static void test_longest(void **state)
{
    (void)state;
    assert_int_equal(POP3_REPLY_MAX, 512);
    pop3_reply_ok(&out, text_for(POP3_REPLY_MAX, "+OK "));
    assert_int_equal(buf_length(&out), 512);
    pop3_reply_error(&out, POP3_PASS, POP3_CODE_AUTH,
                     text_for(POP3_REPLY_MAX, "-ERR [AUTH] "));
    assert_int_equal(buf_length(&out), 1024);
    assert_aborts(reply_too_long);
    assert_aborts(error_too_long);
}

static void text_with_a_code(void)
{
    pop3_reply_error(&out, POP3_USER, POP3_CODE_NONE, "[AUTH] no");
}

static void text_with_a_line_end(void)
{
    pop3_reply_ok(&out, "a\r\n+OK b");
}

static void text_with_8_bits(void)
{
    pop3_reply_ok(&out, "\xC3\xA4");
}

static void code_for_user(void)
{
    pop3_reply_error(&out, POP3_USER, POP3_CODE_SYS_TEMP, "no");
}

static void code_beyond_login(void)
{
    pop3_reply_error(&out, POP3_RETR, POP3_CODE_AUTH, "no");
}

static void no_such_code(void)
{
    pop3_code_is_allowed(POP3_PASS, POP3_CODE_COUNT);
}

static void no_such_verb(void)
{
    pop3_code_is_allowed(POP3_VERB_COUNT, POP3_CODE_NONE);
}

/* CAP-7, CAP-9, CAP-10: what must not be said cannot be. */
static void test_mistakes_abort(void **state)
{
    (void)state;
    assert_aborts(text_with_a_code);
    assert_aborts(text_with_a_line_end);
    assert_aborts(text_with_8_bits);
    assert_aborts(code_for_user);
    assert_aborts(code_beyond_login);
    assert_aborts(no_such_code);
    assert_aborts(no_such_verb);
}

/* The line would be cut: the buffer says so. */
static void test_no_room(void **state)
{
    struct buf small;

    (void)state;
    buf_init(&small, 10);
    pop3_reply_ok(&small, "too much");
    assert_true(buf_failed(&small));
    buf_fini(&small);
}

int main(void)
{
#define TEST(function) \
    cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest pop3_reply[] = {
        TEST(test_ok),      TEST(test_error),          TEST(test_codes_by_verb),
        TEST(test_numbers), TEST(test_listings),       TEST(test_challenge),
        TEST(test_longest), TEST(test_mistakes_abort), TEST(test_no_room),
    };

    return cmocka_run_group_tests(pop3_reply, NULL, NULL);
}
