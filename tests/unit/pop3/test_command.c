/* test_command.c - a line, its verb and its words. */
#include "pop3/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/aborts.h"
#include "support/octets.h"

static struct pop3_command parse(const char *line)
{
    struct pop3_command command;

    pop3_command_parse(span_from_string(line), &command);
    return command;
}

/* POP-2: the keyword in any case. */
static void test_verbs(void **state)
{
    (void)state;
    for (enum pop3_verb verb = 0; verb < POP3_UNKNOWN; verb++)
        assert_int_equal(parse(pop3_verb_name(verb)).verb, verb);
    assert_int_equal(parse("uIdL").verb, POP3_UIDL);
    assert_int_equal(parse("quit").verb, POP3_QUIT);
    assert_int_equal(parse("tOp 1 2").verb, POP3_TOP);
    assert_int_equal(parse("apop x y").verb, POP3_APOP);
}

/* POP-6: also what is not offered, and what is only nearly a keyword. */
static void test_unknown(void **state)
{
    static const char *const lines[] = {
        "",       " ",    "XYZ",   "RPOP x y",       "UTF8",  "LANG",
        "LANG *", "QUI",  "QUITT", "UNKNOWN",        " STAT", "STAT\t",
        "TO",     "TOPP", "-",     "GET / HTTP/1.1",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(lines); i++) {
        struct pop3_command command = parse(lines[i]);

        assert_int_equal(command.verb, POP3_UNKNOWN);
        assert_true(pop3_command_has_arguments(&command));
    }
}

static void test_words(void **state)
{
    struct pop3_command command = parse("TOP 1 20");

    (void)state;
    assert_int_equal(command.arguments, 2);
    assert_octets_string(command.argument[0], "1");
    assert_octets_string(command.argument[1], "20");
    assert_octets_string(command.rest, "1 20");

    command = parse("AUTH PLAIN AAA= b c");
    assert_int_equal(command.arguments, 4);
    assert_octets_string(command.argument[0], "PLAIN");
    assert_octets_string(command.argument[1], "AAA=");

    command = parse("STAT");
    assert_int_equal(command.arguments, 0);
    assert_null(command.rest.data);
}

/* POP-3: repeated and trailing spaces are dropped. */
static void test_spaces(void **state)
{
    struct pop3_command command = parse("LIST   1 ");

    (void)state;
    assert_int_equal(command.verb, POP3_LIST);
    assert_int_equal(command.arguments, 1);
    assert_octets_string(command.argument[0], "1");
    assert_true(pop3_command_has_arguments(&command));

    command = parse("STAT  ");
    assert_int_equal(command.arguments, 0);
    assert_true(pop3_command_has_arguments(&command));

    command = parse("TOP  1   2  ");
    assert_int_equal(command.arguments, 2);
    assert_octets_string(command.argument[1], "2");

    command = parse("USER  John Q. Public ");
    assert_octets_string(command.rest, "John Q. Public");
}

/* POP-30: a password is all behind the one space. */
static void test_password(void **state)
{
    struct pop3_command command = parse("PASS  two  words ");

    (void)state;
    assert_octets_string(command.rest, " two  words ");
    assert_true(pop3_command_has_arguments(&command));

    command = parse("pass x");
    assert_octets_string(command.rest, "x");

    command = parse("PASS ");
    assert_octets_string(command.rest, "");
    assert_true(pop3_command_has_arguments(&command));

    command = parse("PASS");
    assert_false(pop3_command_has_arguments(&command));
}

/* POP-3, POP-6: how many words each verb takes. */
static void test_number_of_arguments(void **state)
{
    static const char *const right[] = {
        "USER a", "USER a b c d", "AUTH PLAIN", "AUTH PLAIN =", "CAPA",
        "STLS",   "STAT",         "LIST",       "LIST 1",       "RETR 1",
        "DELE 1", "NOOP",         "RSET",       "TOP 1 0",      "UIDL",
        "UIDL 1", "QUIT",
    };
    static const char *const wrong[] = {
        "USER",   "USER ",     "AUTH",     "AUTH a b c", "CAPA x",
        "STLS x", "STAT 1",    "LIST 1 2", "RETR",       "RETR 1 2",
        "DELE",   "DELE 1 2",  "NOOP x",   "RSET x",     "TOP",
        "TOP 1",  "TOP 1 2 3", "UIDL 1 2", "QUIT x",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(right); i++) {
        struct pop3_command command = parse(right[i]);

        assert_true(pop3_command_has_arguments(&command));
    }
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        struct pop3_command command = parse(wrong[i]);

        assert_int_not_equal(command.verb, POP3_UNKNOWN);
        assert_false(pop3_command_has_arguments(&command));
    }
}

static void test_message_number(void **state)
{
    static const char *const wrong[] = {
        "",
        "0",
        "00",
        "-1",
        "+1",
        "1x",
        "x",
        "1,2",
        "*",
        "4294967296",
        "99999999999999999999",
    };
    uint32_t number = 77;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++)
        assert_false(
            pop3_argument_message(span_from_string(wrong[i]), &number));
    assert_int_equal(number, 77);
    assert_true(pop3_argument_message(SPAN_LITERAL("1"), &number));
    assert_int_equal(number, 1);
    assert_true(pop3_argument_message(SPAN_LITERAL("007"), &number));
    assert_int_equal(number, 7);
    assert_true(pop3_argument_message(SPAN_LITERAL("4294967295"), &number));
    assert_int_equal(number, UINT32_MAX);
}

/* From 0 on; too many to count are all of them. */
static void test_line_count(void **state)
{
    uint32_t lines = 77;

    (void)state;
    assert_false(pop3_argument_lines(SPAN_LITERAL(""), &lines));
    assert_false(pop3_argument_lines(SPAN_LITERAL("-1"), &lines));
    assert_false(pop3_argument_lines(SPAN_LITERAL("9999999999999x"), &lines));
    assert_false(pop3_argument_lines(SPAN_LITERAL("1:"), &lines));
    assert_int_equal(lines, 77);
    assert_true(pop3_argument_lines(SPAN_LITERAL("0"), &lines));
    assert_int_equal(lines, 0);
    assert_true(pop3_argument_lines(SPAN_LITERAL("4294967295"), &lines));
    assert_int_equal(lines, UINT32_MAX);
    assert_true(pop3_argument_lines(SPAN_LITERAL("4294967296"), &lines));
    assert_int_equal(lines, UINT32_MAX);
    assert_true(
        pop3_argument_lines(SPAN_LITERAL("99999999999999999999999"), &lines));
    assert_int_equal(lines, UINT32_MAX);
}

static void name_of_no_verb(void)
{
    pop3_verb_name(POP3_VERB_COUNT);
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(pop3_verb_name(POP3_UNKNOWN), "UNKNOWN");
    assert_string_equal(pop3_verb_name(POP3_RETR), "RETR");
    assert_aborts(name_of_no_verb);
}

int main(void)
{
    const struct CMUnitTest pop3_command[] = {
        cmocka_unit_test(test_verbs),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_spaces),
        cmocka_unit_test(test_password),
        cmocka_unit_test(test_number_of_arguments),
        cmocka_unit_test(test_message_number),
        cmocka_unit_test(test_line_count),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(pop3_command, NULL, NULL);
}
