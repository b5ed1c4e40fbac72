/* test_trace.c - what an operator sees of a session, and what he does not. */
#include "session/trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/limits.h"
#include "support/alloc_fail.h"
#include "support/octets.h"

struct turn {
    enum trace_wire wire;
    const char *octets;
};

#define C TRACE_FROM_CLIENT
#define S TRACE_TO_CLIENT
#define TO_U TRACE_TO_UPSTREAM
#define FROM_U TRACE_FROM_UPSTREAM

static void take(struct trace *t, enum trace_wire wire, struct span in,
                 struct buf *out)
{
    struct span line;

    while (trace_next(t, wire, &in, &line)) {
        (void)buf_append_string(out, trace_wire_name(wire));
        (void)buf_append_octet(out, ' ');
        (void)buf_append(out, line);
        (void)buf_append_octet(out, '\n');
    }
    assert_int_equal(in.len, 0);
}

/* As it comes, and octet by octet. */
static void check(const struct turn *turns, size_t count, const char *expected)
{
    for (unsigned cut = 0; cut < 2; cut++) {
        struct trace *t = trace_new();
        struct buf out;

        assert_non_null(t);
        buf_init(&out, 65536);
        for (size_t i = 0; i < count; i++) {
            struct span in = span_from_string(turns[i].octets);

            while (in.len > 0)
                take(t, turns[i].wire, span_take(&in, cut ? 1 : in.len), &out);
        }
        assert_octets(buf_span(&out), span_from_string(expected));
        buf_fini(&out);
        trace_free(t);
    }
}

#define CHECK(expected, ...)                                      \
    do {                                                          \
        static const struct turn turns[] = { __VA_ARGS__ };       \
                                                                  \
        check(turns, sizeof(turns) / sizeof(turns[0]), expected); \
    } while (0)

static void test_pop3_commands(void **state)
{
    (void)state;
    CHECK("C USER anna b\nC PASS (6 octets)\nC STAT\nC RETR 12\nC TOP 1 0\n"
          "C quit\n",
          { C, "USER anna b\r\nPASS secret\r\nSTAT\r\nRETR 12\nTOP 1 0\r\n"
               "quit\r\n" });
    CHECK("C PASS\nC PASS\nC PASS (1 octets)\n", { C, "PASS\r\nPASS \r\n" },
          { C, "PASS  \r\n" });
    /* What is no command, or no argument of one, may be a secret. */
    CHECK("C (6 octets)\nC APOP (14 octets)\nC APOP (3 octets)\nC NOOP (6 "
          "octets)\nC RETR (6 octets)\n"
          "C (0 octets)\n",
          { C, "secret\r\nAPOP anna c4c9334ba\r\nAPOP 1 2\r\nNOOP secret\r\n"
               "RETR secret\r\n\r\n" });
}

static void test_long_command(void **state)
{
    char line[TRACE_LINE_MAX + 200] = "USER ";
    struct turn turn = { C, line };
    char expected[32];

    (void)state;
    memset(line + 5, 'a', sizeof(line) - 7);
    line[sizeof(line) - 2] = '\n';
    (void)snprintf(expected, sizeof(expected), "C (%u octets)\n",
                   (unsigned)(sizeof(line) - 2));
    check(&turn, 1, expected);
}

static void test_auth(void **state)
{
    (void)state;
    CHECK("C AUTH PLAIN (12 octets)\nS +OK logged in\nC STAT\n",
          { C, "AUTH PLAIN AGFubmEAc2Vj\r\n" }, { S, "+OK logged in\r\n" },
          { C, "STAT\r\n" });
    CHECK("C AUTH PLAIN\nS + \nC (4 octets)\nC (8 octets)\n",
          { C, "AUTH PLAIN\r\n" }, { S, "+ \r\n" }, { C, "STAT\r\n" },
          { C, "c2VjcmV0\r\n" });
    CHECK("C AUTH xoauth2 (4 octets)\nC AUTH SCRAM-SHA-256\nS + \n"
          "C (8 octets)\n",
          { C, "AUTH xoauth2 AGFu\r\nAUTH SCRAM-SHA-256\r\n" }, { S, "+ \r\n" },
          { C, "c2VjcmV0\r\n" });
    /* Not waited for, and with two challenges. */
    CHECK("C AUTH login\nC (4 octets)\nS + VXNlcm5hbWU6\nC (4 octets)\n",
          { C, "AUTH login\r\nSTAT\r\n" }, { S, "+ VXNlcm5hbWU6\r\n" },
          { C, "QUIT\r\n" });
    CHECK("C AUTH\nC AUTH (7 octets)\n", { C, "AUTH\r\nAUTH secret!\r\n" });
}

static void test_messages(void **state)
{
    (void)state;
    CHECK("S +OK POP3 server ready\nC RETR 1\nS +OK message follows\n"
          "S (29 octets)\nS +OK goodbye\n",
          { S, "+OK POP3 server ready\r\n" }, { C, "RETR 1\r\n" },
          { S, "+OK message follows\r\n+OK secret\r\n..\r\n-ERR x\r\n\r\n"
               "a\r\n.\r\n+OK goodbye\r\n" });
    CHECK("S +OK 2 120\nS 1 60\nS 2 60\nS .\nS -ERR [SYS/TEMP] later\n",
          { S, "+OK 2 120\r\n1 60\r\n2 60\r\n.\r\n-ERR [SYS/TEMP] later\r\n" });
}

/* A long list is cut short, and the next line says by how much. */
static void test_long_list(void **state)
{
    struct trace *t = trace_new();
    struct buf out;
    struct buf in;

    (void)state;
    assert_non_null(t);
    buf_init(&in, 65536);
    buf_init(&out, 65536);
    for (unsigned i = 0; i < 1000; i++)
        (void)buf_append_string(&in, "* 1 FETCH (UID 7 FLAGS ())\r\n");
    take(t, FROM_U, buf_span(&in), &out);
    buf_clear(&in);
    assert_in_range(buf_length(&out), 1, 1000);
    buf_clear(&out);
    take(t, FROM_U, SPAN_LITERAL("A4 OK done\r\n"), &out);
    assert_octets(buf_span(&out),
                  SPAN_LITERAL("<U (984 more lines) A4 OK done\n"));
    buf_clear(&out);
    take(t, FROM_U, SPAN_LITERAL("* 1 FETCH (UID 7)\r\n"), &out);
    assert_octets(buf_span(&out), SPAN_LITERAL("<U * 1 FETCH (UID 7)\n"));
    buf_fini(&in);
    buf_fini(&out);
    trace_free(t);
}

static void test_imap_login(void **state)
{
    (void)state;
    CHECK("<U * OK [CAPABILITY IMAP4rev1 SASL-IR] ready\n"
          ">U A1 AUTHENTICATE PLAIN (12 octets)\n"
          "<U A1 NO [AUTHENTICATIONFAILED] (14 octets)\n"
          ">U A2 LOGOUT\n<U * BYE (7 octets)\n<U A2 OK (3 octets)\n",
          { FROM_U, "* OK [CAPABILITY IMAP4rev1 SASL-IR] ready\r\n" },
          { TO_U, "A1 AUTHENTICATE PLAIN AGFubmEAc2Vj\r\n" },
          { FROM_U, "A1 NO [AUTHENTICATIONFAILED] no secret here\r\n" },
          { TO_U, "A2 LOGOUT\r\n" },
          { FROM_U, "* BYE see you\r\nA2 OK bye\r\n" });
    CHECK(
        ">U A1 AUTHENTICATE PLAIN\n<U + (8 octets)\n>U (12 octets)\n"
        "<U * OK (13 octets)\n<U * CAPABILITY IMAP4rev1\n<U A1 OK (2 octets)\n"
        ">U A2 SELECT INBOX\n",
        { TO_U, "A1 AUTHENTICATE PLAIN\r\n" }, { FROM_U, "+ Y2hhbGw=\r\n" },
        { TO_U, "AGFubmEAc2Vj\r\n" },
        { FROM_U, "* OK anna's secret\r\n* CAPABILITY IMAP4rev1\r\n"
                  "A1 OK in\r\n" },
        { TO_U, "A2 SELECT INBOX\r\n" });
    CHECK(">U A1 LOGIN (15 octets)\n",
          { TO_U, "A1 LOGIN \"anna\" \"secret\"\r\n" });
    CHECK(">U A1 LOGIN (3 octets)\n<U +\n>U (8 octets)\n>U (9 octets)\n",
          { TO_U, "A1 LOGIN {4}\r\n" }, { FROM_U, "+\r\n" },
          { TO_U, "anna {9}\r\nA2 NOOP x\r\n" });
}

/* Refused, it is a secret still: wherever the server may say it. */
static void test_imap_refused_login(void **state)
{
    (void)state;
    CHECK(">U A1 LOGIN (15 octets)\n<U A1 NO\n<U (16 octets)\n"
          "<U (10 octets)\n<U * BYE [ALERT] (6 octets)\n"
          ">U A2 LOGIN (15 octets)\n<U A2 OK (2 octets)\n<U * OK hello\n"
          "<U * 1 EXISTS\n",
          { TO_U, "A1 LOGIN \"anna\" \"secret\"\r\n" },
          { FROM_U, "A1 NO\r\n* XSAID a secret\r\n* 1 secret\r\n"
                    "* BYE [ALERT] secret\r\n" },
          { TO_U, "A2 LOGIN \"anna\" \"secret\"\r\n" },
          { FROM_U, "A2 OK in\r\n* OK hello\r\n* 1 EXISTS\r\n" });
}

/* A server that answers before it has heard all does not lay bare the rest. */
static void test_imap_answers_early(void **state)
{
    (void)state;
    CHECK(">U A1 LOGIN (4 octets)\n<U A1 BAD (1 octets)\n>U (9 octets)\n"
          ">U (9 octets)\n>U A2 NOOP\n",
          { TO_U, "A1 LOGIN {4+}\r\n" }, { FROM_U, "A1 BAD x\r\n" },
          { TO_U, "anna {9+}\r\nA2 NOOP x\r\n" }, { TO_U, "A2 NOOP\r\n" });
}

static void test_imap_bodies(void **state)
{
    (void)state;
    CHECK("<U * 1 FETCH (UID 7 BODY[] {24}(24 octets) FLAGS ())\n<U A5 OK\n",
          { FROM_U, "* 1 FETCH (UID 7 BODY[] {24}\r\n"
                    "* OK secret\r\nA5 OK {9}\r\n FLAGS ())\r\nA5 OK\r\n" });
    CHECK("<U * 1 FETCH (BODY[] \"(11 octets)\" UID 7)\n",
          { FROM_U, "* 1 FETCH (BODY[] \"a\\\"b\\\\ {3}x\" UID 7)\r\n" });
    CHECK("<U * 1 FETCH (BODY[] {0}(0 octets))\n<U * 3 EXISTS\n",
          { FROM_U, "* 1 FETCH (BODY[] {0}\r\n)\r\n* 3 EXISTS\r\n" });
    /* Text is text: nothing follows it. */
    CHECK("<U * OK {25}\n<U A1 NO {25}\n<U * ID (\"name\" \"x\")\n"
          "<U (8 octets)\n",
          { FROM_U, "* OK {25}\r\nA1 NO {25}\r\n* ID (\"name\" \"x\")\r\n"
                    "No {99}!\r\n" });
}

static void test_restart(void **state)
{
    struct trace *t = trace_new();
    struct buf out;

    (void)state;
    assert_non_null(t);
    buf_init(&out, 1024);
    take(t, TO_U, SPAN_LITERAL("A1 LOGIN {4}\r\nann"), &out);
    take(t, FROM_U, SPAN_LITERAL("* 1 FETCH (BODY[] {2000}\r\nabc"), &out);
    buf_clear(&out);
    trace_restart_upstream(t);
    take(t, FROM_U, SPAN_LITERAL("* OK hello\r\n"), &out);
    take(t, TO_U, SPAN_LITERAL("A1 NOOP\r\n"), &out);
    assert_octets(buf_span(&out), SPAN_LITERAL("<U * OK hello\n>U A1 NOOP\n"));
    buf_fini(&out);
    trace_free(t);
}

static void test_no_memory(void **state)
{
    (void)state;
    alloc_fail_at(1);
    assert_null(trace_new());
    alloc_fail_at(0);
    trace_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pop3_commands),
        cmocka_unit_test(test_long_command),
        cmocka_unit_test(test_auth),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_long_list),
        cmocka_unit_test(test_imap_login),
        cmocka_unit_test(test_imap_refused_login),
        cmocka_unit_test(test_imap_answers_early),
        cmocka_unit_test(test_imap_bodies),
        cmocka_unit_test(test_restart),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests_name("session/trace", tests, NULL, NULL);
}
