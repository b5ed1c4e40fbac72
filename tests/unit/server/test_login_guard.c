/* test_login_guard.c - who may not try to log in just now. */
#include "server/login_guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "support/alloc_fail.h"

#define UPSTREAM SPAN_LITERAL("imap.example.com:993")
#define WINDOW_MS 10000
#define BLOCK_MS 60000

static const struct network_key here = { { 4, 192, 0, 2, 1 } };
static const struct network_key there = { { 4, 198, 51, 100, 7 } };

static struct login_limits limits = {
    .failures = 3,
    .client_failures = 5,
    .window_ms = WINDOW_MS,
    .block_ms = BLOCK_MS,
};

static struct login_attempt attempt_of(struct login_guard *g, const char *user,
                                       const struct network_key *client,
                                       bool exempt)
{
    struct login_attempt attempt;

    assert_true(login_attempt_make(g, UPSTREAM, span_from_string(user), client,
                                   exempt, &attempt));
    return attempt;
}

/* One whole try; LOGIN_ADMITTED where the server was asked. */
static enum login_verdict try(struct login_guard *g, const char *user,
                              const struct network_key *client,
                              enum login_result result, uint64_t now_ms)
{
    struct login_attempt attempt = attempt_of(g, user, client, false);
    enum login_verdict verdict =
        login_guard_begin(g, &limits, &attempt, now_ms);
    bool blocked[LOGIN_KEY_COUNT];

    login_guard_end(g, &limits, &attempt, result, now_ms, blocked);
    return verdict;
}

static void test_login_is_blocked_for_a_while(void **state)
{
    struct login_guard *g = login_guard_new();

    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(try(g, "mrose", &here, LOGIN_WRONG, 100),
                         LOGIN_ADMITTED);
    assert_int_equal(login_guard_figures(g, 100).blocked[LOGIN_KEY_LOGIN], 1);
    assert_int_equal(try(g, "mrose", &here, LOGIN_RIGHT, 101), LOGIN_BLOCKED);
    assert_int_equal(try(g, "mrose", &here, LOGIN_RIGHT, 99 + BLOCK_MS),
                     LOGIN_BLOCKED);
    assert_int_equal(try(g, "mrose", &here, LOGIN_RIGHT, 100 + BLOCK_MS),
                     LOGIN_ADMITTED);
    assert_int_equal(login_guard_figures(g, 100 + BLOCK_MS).entries, 0);
    login_guard_free(g);
    login_guard_free(NULL);
}

/* The owner elsewhere, and others at the same place, are not shut out. */
static void test_others_are_not_blocked(void **state)
{
    struct login_guard *g = login_guard_new();

    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(try(g, "mrose", &here, LOGIN_WRONG, 0),
                         LOGIN_ADMITTED);
    assert_int_equal(try(g, "mrose", &there, LOGIN_RIGHT, 0), LOGIN_ADMITTED);
    assert_int_equal(try(g, "other", &here, LOGIN_RIGHT, 0), LOGIN_ADMITTED);
    assert_int_equal(try(g, "mrose", &here, LOGIN_RIGHT, 0), LOGIN_BLOCKED);
    login_guard_free(g);
}

static void test_user_everywhere_if_told_so(void **state)
{
    struct login_guard *g = login_guard_new();

    (void)state;
    limits.block_user_everywhere = true;
    for (int i = 0; i < 3; i++)
        assert_int_equal(
            try(g, "mrose", i == 0 ? &there : &here, LOGIN_WRONG, 0),
            LOGIN_ADMITTED);
    assert_int_equal(try(g, "mrose", &there, LOGIN_RIGHT, 0), LOGIN_BLOCKED);
    assert_int_equal(login_guard_figures(g, 0).blocked[LOGIN_KEY_USER], 1);
    limits.block_user_everywhere = false;
    assert_int_equal(try(g, "mrose", &there, LOGIN_RIGHT, 0), LOGIN_ADMITTED);
    login_guard_free(g);
}

/* One wrong password for each of many users; a right one in between excuses
 * nothing.
 */
static void test_client_is_blocked(void **state)
{
    struct login_guard *g = login_guard_new();
    char user[16];

    (void)state;
    for (int i = 0; i < 5; i++) {
        snprintf(user, sizeof(user), "user%d", i);
        assert_int_equal(try(g, user, &here, LOGIN_WRONG, 0), LOGIN_ADMITTED);
        if (i < 4)
            assert_int_equal(try(g, "own", &here, LOGIN_RIGHT, 0),
                             LOGIN_ADMITTED);
    }
    assert_int_equal(login_guard_figures(g, 0).blocked[LOGIN_KEY_CLIENT], 1);
    assert_int_equal(try(g, "own", &here, LOGIN_RIGHT, 0), LOGIN_BLOCKED);
    assert_int_equal(try(g, "own", &there, LOGIN_RIGHT, 0), LOGIN_ADMITTED);
    login_guard_free(g);
}

static void test_exempt_clients(void **state)
{
    struct login_guard *g = login_guard_new();
    bool blocked[LOGIN_KEY_COUNT];

    (void)state;
    for (int i = 0; i < 20; i++) {
        struct login_attempt attempt = attempt_of(g, "mrose", &here, true);

        assert_int_equal(login_guard_begin(g, &limits, &attempt, 0),
                         LOGIN_ADMITTED);
        login_guard_end(g, &limits, &attempt,
                        i % 2 == 0 ? LOGIN_WRONG : LOGIN_ABANDONED, 0, blocked);
        assert_false(blocked[LOGIN_KEY_LOGIN]);
    }
    assert_int_equal(login_guard_figures(g, 0).entries, 0);
    login_guard_free(g);
}

/* Two at the end of one window and one early in the next are three; late in it
 * they are not.
 */
static void test_window_slides(void **state)
{
    struct login_guard *g = login_guard_new();

    (void)state;
    for (int i = 0; i < 2; i++) {
        (void)try(g, "early", &here, LOGIN_WRONG, WINDOW_MS - 1);
        (void)try(g, "late", &there, LOGIN_WRONG, 0);
    }
    (void)try(g, "early", &here, LOGIN_WRONG, 2 * WINDOW_MS);
    assert_int_equal(try(g, "early", &here, LOGIN_RIGHT, 2 * WINDOW_MS),
                     LOGIN_BLOCKED);
    (void)try(g, "late", &there, LOGIN_WRONG, 2 * WINDOW_MS);
    assert_int_equal(try(g, "late", &there, LOGIN_RIGHT, 2 * WINDOW_MS),
                     LOGIN_ADMITTED);
    login_guard_free(g);
}

static void test_right_password_forgives(void **state)
{
    struct login_guard *g = login_guard_new();

    (void)state;
    for (int i = 0; i < 4; i++) {
        (void)try(g, "mrose", &here, LOGIN_WRONG, 0);
        assert_int_equal(try(g, "mrose", &here, LOGIN_RIGHT, 0),
                         LOGIN_ADMITTED);
    }
    assert_int_equal(try(g, "mrose", &here, LOGIN_UNDECIDED, 0),
                     LOGIN_ADMITTED);
    login_guard_free(g);
}

/* Who left before the server's word is no guesser at one user, who is not shut
 * out; but a client that does so all the time is.
 */
static void test_abandoned_logins(void **state)
{
    struct login_guard *g = login_guard_new();

    (void)state;
    limits.block_user_everywhere = true;
    for (int i = 0; i < 4; i++)
        assert_int_equal(try(g, "mrose", &here, LOGIN_ABANDONED, 0),
                         LOGIN_ADMITTED);
    assert_int_equal(login_guard_figures(g, 0).entries, 1);
    assert_int_equal(try(g, "mrose", &here, LOGIN_RIGHT, 0), LOGIN_ADMITTED);
    assert_int_equal(try(g, "other", &here, LOGIN_WRONG, 0), LOGIN_ADMITTED);
    assert_int_equal(login_guard_figures(g, 0).blocked[LOGIN_KEY_CLIENT], 1);
    assert_int_equal(try(g, "mrose", &here, LOGIN_RIGHT, 0), LOGIN_BLOCKED);
    assert_int_equal(try(g, "mrose", &there, LOGIN_RIGHT, 0), LOGIN_ADMITTED);
    limits.block_user_everywhere = false;
    login_guard_free(g);
}

/* Of a server that is away nobody is made to pay. */
static void test_undecided_logins(void **state)
{
    struct login_guard *g = login_guard_new();

    (void)state;
    for (int i = 0; i < 20; i++)
        assert_int_equal(try(g, "mrose", &here, LOGIN_UNDECIDED, 0),
                         LOGIN_ADMITTED);
    assert_int_equal(login_guard_figures(g, 0).entries, 0);
    login_guard_free(g);
}

/* As many tries as may fail are under way at once, and no more. */
static void test_tries_at_once(void **state)
{
    struct login_guard *g = login_guard_new();
    struct login_attempt attempts[4];
    bool blocked[LOGIN_KEY_COUNT];

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        attempts[i] = attempt_of(g, "mrose", &here, false);
        assert_int_equal(login_guard_begin(g, &limits, &attempts[i], 0),
                         i < 3 ? LOGIN_ADMITTED : LOGIN_BLOCKED);
    }
    for (size_t i = 0; i < 4; i++) {
        login_guard_end(g, &limits, &attempts[i], LOGIN_WRONG, 0, blocked);
        assert_int_equal(blocked[LOGIN_KEY_LOGIN], i == 2);
    }
    login_guard_free(g);
}

static void test_pauses(void **state)
{
    struct login_guard *g = login_guard_new();
    struct login_attempt attempt = attempt_of(g, "mrose", &here, false);
    struct login_attempt elsewhere = attempt_of(g, "mrose", &there, false);
    struct login_attempt other = attempt_of(g, "other", &here, false);
    struct login_attempt none = { .is_made = false };

    (void)state;
    login_guard_back_off(g, &none, true, 5000, 0);
    login_guard_back_off(g, &attempt, false, 5000, 0);
    assert_false(login_guard_is_backing_off(g, &none, 0));
    assert_true(login_guard_is_backing_off(g, &attempt, 4999));
    assert_false(login_guard_is_backing_off(g, &elsewhere, 4999));
    assert_false(login_guard_is_backing_off(g, &attempt, 5000));
    login_guard_back_off(g, &attempt, true, 5000, 10000);
    login_guard_back_off(g, &attempt, true, 1000, 10000);
    assert_true(login_guard_is_backing_off(g, &elsewhere, 14999));
    assert_int_equal(login_guard_figures(g, 14999).backing_off, 1);
    assert_false(login_guard_is_backing_off(g, &other, 14999));
    assert_false(login_guard_is_backing_off(g, &elsewhere, 15000));
    /* Who may try is another question. */
    assert_int_equal(try(g, "mrose", &here, LOGIN_RIGHT, 14999),
                     LOGIN_ADMITTED);
    login_guard_free(g);
}

static void test_switched_off(void **state)
{
    const struct login_limits off = { .window_ms = WINDOW_MS };
    struct login_guard *g = login_guard_new();
    bool blocked[LOGIN_KEY_COUNT];

    (void)state;
    for (int i = 0; i < 50; i++) {
        struct login_attempt attempt = attempt_of(g, "mrose", &here, false);

        assert_int_equal(login_guard_begin(g, &off, &attempt, 0),
                         LOGIN_ADMITTED);
        login_guard_end(g, &off, &attempt, LOGIN_WRONG, 0, blocked);
    }
    assert_int_equal(login_guard_figures(g, 0).entries, 0);
    login_guard_free(g);
}

/* A flood of names fills the table and no more, and what is over makes room
 * by itself.
 */
static void test_table_is_bounded(void **state)
{
    struct login_guard *g = login_guard_new();
    size_t entries;
    char user[16];

    (void)state;
    limits.client_failures = 0;
    for (int i = 0; i < LOGIN_GUARD_ENTRIES_MAX + 500; i++) {
        snprintf(user, sizeof(user), "user%d", i);
        assert_int_equal(try(g, user, &here, LOGIN_WRONG, 0), LOGIN_ADMITTED);
    }
    assert_int_equal(login_guard_figures(g, 0).entries,
                     LOGIN_GUARD_ENTRIES_MAX);
    for (int i = 0; i < 1000; i++)
        (void)try(g, "mrose", &here, LOGIN_RIGHT, 3 * WINDOW_MS);
    entries = login_guard_figures(g, 0).entries;
    assert_true(entries < LOGIN_GUARD_ENTRIES_MAX - 2000);
    limits.client_failures = 5;
    login_guard_free(g);
}

/* Without memory nobody is shut out, and nothing is left pending. */
static void test_no_memory(void **state)
{
    struct login_guard *g;
    struct login_attempt attempt;
    bool blocked[LOGIN_KEY_COUNT];

    (void)state;
    alloc_fail_at(1);
    assert_null(login_guard_new());
    alloc_fail_at(0);
    for (unsigned long n = 1; n < 12; n++) {
        g = login_guard_new();
        attempt = attempt_of(g, "mrose", &here, false);
        alloc_fail_at(n);
        assert_int_equal(login_guard_begin(g, &limits, &attempt, 0),
                         LOGIN_ADMITTED);
        login_guard_end(g, &limits, &attempt, LOGIN_WRONG, 0, blocked);
        login_guard_back_off(g, &attempt, true, 1000, 0);
        alloc_fail_at(0);
        assert_false(attempt.is_pending);
        login_guard_free(g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_login_is_blocked_for_a_while),
        cmocka_unit_test(test_others_are_not_blocked),
        cmocka_unit_test(test_user_everywhere_if_told_so),
        cmocka_unit_test(test_client_is_blocked),
        cmocka_unit_test(test_exempt_clients),
        cmocka_unit_test(test_window_slides),
        cmocka_unit_test(test_right_password_forgives),
        cmocka_unit_test(test_abandoned_logins),
        cmocka_unit_test(test_undecided_logins),
        cmocka_unit_test(test_tries_at_once),
        cmocka_unit_test(test_pauses),
        cmocka_unit_test(test_switched_off),
        cmocka_unit_test(test_table_is_bounded),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
