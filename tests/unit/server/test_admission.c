/* test_admission.c - how many sessions, of whom. */
#include "server/admission.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/attributes.h"
#include "base/limits.h"
#include "support/alloc_fail.h"

static const struct network_key here = { { 4, 192, 0, 2, 1 } };
static const struct network_key there = { { 4, 192, 0, 2, 2 } };

static enum admission_verdict come(struct admission *a,
                                   const struct admission_limits *limits,
                                   const char *listener,
                                   const struct network_key *client,
                                   struct admission_ticket *ticket)
{
    admission_enter(a, limits, listener, client, ticket);
    return ticket->verdict;
}

/* MAP-12: welcome up to the limit, then refused at the login, then closed. */
static void test_limit_of_all(void **state)
{
    const struct admission_limits limits = { .sessions = 2 };
    struct admission_ticket tickets[2 * SESSIONS_HARD_FACTOR + 1];
    struct admission *a = admission_new();

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(tickets); i++) {
        enum admission_verdict expected = i < 2 ? ADMISSION_WELCOME
                                          : i < 2 * SESSIONS_HARD_FACTOR
                                              ? ADMISSION_OVERLOADED
                                              : ADMISSION_CLOSED;

        assert_int_equal(come(a, &limits, "pop3s", &here, &tickets[i]),
                         expected);
        assert_int_equal(tickets[i].limit, i < 2 ? ADMISSION_LIMIT_NONE
                                                 : ADMISSION_LIMIT_SESSIONS);
    }
    assert_int_equal(admission_sessions(a), 2 * SESSIONS_HARD_FACTOR);
    for (size_t i = 0; i < ARRAY_LENGTH(tickets); i++) {
        admission_leave(a, &tickets[i]);
        admission_leave(a, &tickets[i]);
    }
    assert_int_equal(admission_sessions(a), 0);
    assert_int_equal(come(a, &limits, "pop3s", &here, &tickets[0]),
                     ADMISSION_WELCOME);
    admission_leave(a, &tickets[0]);
    admission_free(a);
    admission_free(NULL);
}

/* One listener's crowd, or one client's, is not another's. */
static void test_limits_apart(void **state)
{
    const struct admission_limits limits = { .listener = 2, .client = 1 };
    struct admission_ticket t[5];
    struct admission *a = admission_new();

    (void)state;
    assert_int_equal(come(a, &limits, "pop3s", &here, &t[0]),
                     ADMISSION_WELCOME);
    assert_int_equal(come(a, &limits, "pop3s", &here, &t[1]),
                     ADMISSION_OVERLOADED);
    assert_int_equal(t[1].limit, ADMISSION_LIMIT_CLIENT);
    assert_int_equal(come(a, &limits, "pop3s", &there, &t[2]),
                     ADMISSION_OVERLOADED);
    assert_int_equal(t[2].limit, ADMISSION_LIMIT_LISTENER);
    assert_int_equal(come(a, &limits, "pop3", &there, &t[3]),
                     ADMISSION_OVERLOADED);
    assert_int_equal(t[3].limit, ADMISSION_LIMIT_CLIENT);
    /* The hard limit of a client is its own too. */
    assert_int_equal(come(a, &limits, "pop3", &here, &t[4]), ADMISSION_CLOSED);
    assert_int_equal(t[4].limit, ADMISSION_LIMIT_CLIENT);
    for (size_t i = 0; i < ARRAY_LENGTH(t); i++)
        admission_leave(a, &t[i]);
    admission_free(a);
}

static void test_client_without_limit(void **state)
{
    const struct admission_limits limits = { .client = 1 };
    struct admission_ticket t[8];
    struct admission *a = admission_new();

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(t); i++)
        assert_int_equal(come(a, &limits, "pop3s", NULL, &t[i]),
                         ADMISSION_WELCOME);
    for (size_t i = 0; i < ARRAY_LENGTH(t); i++)
        admission_leave(a, &t[i]);
    admission_free(a);
}

/* Whichever allocation fails: closed, and nothing stays counted. */
static void test_no_memory(void **state)
{
    const struct admission_limits limits = { .sessions = 1 };
    struct admission_ticket ticket;
    struct admission *a;
    unsigned long n = 0;

    (void)state;
    alloc_fail_at(1);
    assert_null(admission_new());
    do {
        alloc_fail_at(0);
        a = admission_new();
        alloc_fail_at(++n);
        admission_enter(a, &limits, "pop3s", &here, &ticket);
        if (ticket.verdict == ADMISSION_CLOSED)
            assert_int_equal(admission_sessions(a), 0);
        alloc_fail_at(0);
        admission_leave(a, &ticket);
        admission_free(a);
    } while (ticket.verdict == ADMISSION_CLOSED);
    assert_true(n > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limit_of_all),
        cmocka_unit_test(test_limits_apart),
        cmocka_unit_test(test_client_without_limit),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
