/* test_route.c - which upstream a login goes to, and by which name. */
#include "access/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/alloc_fail.h"
#include "support/octets.h"

static char first[] = "first", corp[] = "corp", school[] = "school";
static char whole[] = "%u", twice[] = "%u%u";
static struct config_upstream upstreams[] = {
    { .name = first, .user_template = whole },
    { .name = corp, .user_template = whole },
    { .name = school, .user_template = whole },
};
static const struct config config = { .upstreams = upstreams,
                                      .upstream_count = 3 };

static int set_up(void **state)
{
    static char corp_1[] = "corp.example", corp_2[] = "xn--bcher-kva.example";
    static char school_1[] = "school.example";
    static char door_1[] = "pop3s", door_2[] = "legacy";
    static char *corps[] = { corp_1, corp_2 };
    static char *schools[] = { school_1 };
    static char *doors[] = { door_1, door_2 };

    (void)state;
    upstreams[1].domains = (struct config_words){ corps, 2 };
    upstreams[2].domains = (struct config_words){ schools, 1 };
    upstreams[2].listeners = (struct config_words){ doors, 2 };
    return 0;
}

static const char *chosen(const char *listener, const char *user)
{
    return route_choose(&config, listener, span_from_string(user))->name;
}

static void test_choose(void **state)
{
    static const struct {
        const char *listener, *user, *expected;
    } cases[] = {
        { "pop3", "anna", "first" },
        { "pop3", "", "first" },
        { "pop3", "@", "first" },
        { "pop3", "anna@", "first" },
        { "pop3", "anna@elsewhere.example", "first" },
        { "pop3", "anna@corp.example", "corp" },
        { "pop3", "anna@CORP.Example", "corp" },
        { "pop3", "anna@xn--bcher-kva.example", "corp" },
        { "pop3", "a@corp.example@school.example", "school" },
        { "pop3", "anna@corp.example.", "corp" },
        { "pop3", "anna@corp.example..", "first" },
        { "pop3", "anna@.", "first" },
        { "pop3", "anna@a.corp.example", "first" },
        { "pop3", "corp.example", "first" },
        { "pop3", "@corp.example", "corp" },
        /* The domain stands above the listener. */
        { "pop3s", "anna@corp.example", "corp" },
        { "pop3s", "anna", "school" },
        { "legacy", "anna@elsewhere.example", "school" },
        { "POP3S", "anna", "first" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
        assert_string_equal(chosen(cases[i].listener, cases[i].user),
                            cases[i].expected);
}

/* Names decide as soon as another upstream has a domain. */
static void test_sole(void **state)
{
    const struct config one = { .upstreams = upstreams, .upstream_count = 1 };
    struct config_words domains = upstreams[1].domains;

    (void)state;
    assert_ptr_equal(route_sole(&one, "pop3"), &upstreams[0]);
    assert_null(route_sole(&config, "pop3"));
    assert_null(route_sole(&config, "pop3s"));
    upstreams[1].domains.count = 0;
    assert_ptr_equal(route_sole(&config, "pop3s"), &upstreams[2]);
    assert_null(route_sole(&config, "pop3"));
    upstreams[1].domains = domains;
}

static void check_name(const char *user_template, enum route_case wanted,
                       const char *user, const char *expected)
{
    char copy[32];
    struct config_upstream u = { .user_template = copy, .user_case = wanted };
    struct buf name;

    (void)snprintf(copy, sizeof(copy), "%s", user_template);
    buf_init(&name, 256);
    assert_int_equal(route_write_user(&u, span_from_string(user), &name),
                     ROUTE_NAME_WRITTEN);
    assert_octets(buf_span(&name), span_from_string(expected));
    buf_fini(&name);
}

static void test_names(void **state)
{
    (void)state;
    check_name("%u", ROUTE_CASE_KEEP, "Anna@A.Example", "Anna@A.Example");
    check_name("%u", ROUTE_CASE_LOWER, "Anna@A.Example", "anna@a.example");
    check_name("%u", ROUTE_CASE_LOWER, "\xC3\x84nna", "\xC3\x84nna");
    check_name("%n", ROUTE_CASE_KEEP, "anna@a.example", "anna");
    check_name("%n", ROUTE_CASE_KEEP, "anna", "anna");
    check_name("%n", ROUTE_CASE_KEEP, "a@b@c", "a@b");
    check_name("%n@corp.example", ROUTE_CASE_KEEP, "anna", "anna@corp.example");
    check_name("%n@corp.example", ROUTE_CASE_KEEP, "anna@old.example",
               "anna@corp.example");
    check_name("%d/%n", ROUTE_CASE_KEEP, "anna@a.example", "a.example/anna");
    check_name("%d/%n", ROUTE_CASE_KEEP, "anna", "/anna");
    check_name("100%%%u%%u", ROUTE_CASE_KEEP, "a", "100%a%u");
    check_name("X-%u", ROUTE_CASE_LOWER, "A", "x-a");
}

/* Of somebody, not of the domain as a whole. */
static void test_nobody(void **state)
{
    static char templates[][16] = { "%n", "%n@corp.example", "%d/%n" };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(templates); i++) {
        struct config_upstream u = { .user_template = templates[i] };
        struct buf name;

        buf_init(&name, 256);
        assert_int_equal(
            route_write_user(&u, SPAN_LITERAL("@a.example"), &name),
            ROUTE_NAME_NOBODY);
        buf_fini(&name);
    }
}

/* Two reasons for no name: it is the user's doing, or ours. */
static void test_no_room(void **state)
{
    struct config_upstream u = { .user_template = twice };
    struct buf name;

    (void)state;
    buf_init(&name, 7);
    assert_int_equal(route_write_user(&u, span_from_string("anna"), &name),
                     ROUTE_NAME_TOO_LONG);
    buf_fini(&name);
    buf_init(&name, 8);
    assert_int_equal(route_write_user(&u, span_from_string("anna"), &name),
                     ROUTE_NAME_WRITTEN);
    buf_fini(&name);
    buf_init(&name, 8);
    alloc_fail_at(1);
    assert_int_equal(route_write_user(&u, span_from_string("anna"), &name),
                     ROUTE_NAME_NO_MEMORY);
    alloc_fail_at(0);
    buf_fini(&name);
}

/* SRV-5: the name template of an upstream. */
static void test_templates(void **state)
{
    static const char *const good[] = { "%u", "%n", "%n@x", "%d%n", "%%%u" };
    static const char *const bad[] = { "",  "anna", "%d",   "%%",
                                       "%", "%u%",  "%x%u", "%U" };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(good); i++)
        assert_null(route_template_problem(good[i]));
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
        assert_non_null(route_template_problem(bad[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_choose),  cmocka_unit_test(test_sole),
        cmocka_unit_test(test_names),   cmocka_unit_test(test_nobody),
        cmocka_unit_test(test_no_room), cmocka_unit_test(test_templates),
    };

    return cmocka_run_group_tests_name("access/route", tests, set_up, NULL);
}
