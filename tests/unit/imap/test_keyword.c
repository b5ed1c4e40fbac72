/* test_keyword.c - keywords of our own making. */
#include "imap/keyword.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_valid(void **state)
{
    static const char *const valid[] = { "$Kept", "x", "a@b.c", "[" };
    static const char *const invalid[] = { "",         "\\Seen", "a b",
                                           "a]",       "a*",     "a%u",
                                           "\xc3\xa9", "(",      "a\x7f" };
    char text[IMAP_KEYWORD_MAX + 1];

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(valid); i++)
        assert_true(imap_keyword_is_valid(span_from_string(valid[i])));
    for (size_t i = 0; i < ARRAY_LENGTH(invalid); i++)
        assert_false(imap_keyword_is_valid(span_from_string(invalid[i])));
    memset(text, 'k', sizeof(text));
    assert_true(imap_keyword_is_valid(span_make(text, IMAP_KEYWORD_MAX)));
    assert_false(imap_keyword_is_valid(span_make(text, sizeof(text))));
}

static void test_patterns(void **state)
{
    static const char *const valid[] = { "$Kept", "$Kept-%u", "%u", "%u.x" };
    static const char *const invalid[] = {
        "",
        "%",
        "%n",
        "%u%u",
        "a b%u",
        "%u\\",
        "0123456789012345678901234567890123456789%u"
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(valid); i++)
        assert_true(imap_keyword_pattern_is_valid(valid[i]));
    for (size_t i = 0; i < ARRAY_LENGTH(invalid); i++)
        assert_false(imap_keyword_pattern_is_valid(invalid[i]));
}

static void check(const char *pattern, const char *name, const char *expected)
{
    char keyword[IMAP_KEYWORD_MAX + 1];

    imap_keyword_expand(pattern, span_from_string(name), keyword);
    assert_string_equal(keyword, expected);
    assert_true(imap_keyword_is_valid(span_from_string(keyword)));
}

static void test_expand(void **state)
{
    (void)state;
    check("$Kept", "anyone", "$Kept");
    check("$Kept-%u", "scanner@example.org", "$Kept-scanner@example.org");
    check("$Kept-%u.x", "Scanner", "$Kept-scanner.x");
    check("$K-%u", "a b*=]", "$K-a=20b=2a=3d=5d");
    check("$K-%u", "\xc3\xa9", "$K-=c3=a9");
    check("$K-%u", "", "$K-");
}

/* No longer than a server takes, and still another for another. */
static void test_long_names(void **state)
{
    char one[IMAP_KEYWORD_MAX + 1];
    char other[IMAP_KEYWORD_MAX + 1];
    char name[300];

    (void)state;
    memset(name, 'n', sizeof(name));
    for (size_t len = 1; len < sizeof(name); len++) {
        imap_keyword_expand("$Kept-%u!", span_make(name, len), one);
        name[len - 1] = 'm';
        imap_keyword_expand("$Kept-%u!", span_make(name, len), other);
        name[len - 1] = 'n';
        assert_true(imap_keyword_is_valid(span_from_string(one)));
        assert_true(imap_keyword_is_valid(span_from_string(other)));
        assert_string_not_equal(one, other);
        assert_int_equal(one[strlen(one) - 1], '!');
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid),
        cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_expand),
        cmocka_unit_test(test_long_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
