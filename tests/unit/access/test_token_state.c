/* test_token_state.c - used, renewed, left alone, refused. */
#include "access/token_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limits.h"

#define START 1000000ULL
#define HOUR (3600 * 1000ULL)

static void test_life(void **state)
{
    struct token_state s = { .has_token = false };

    (void)state;
    assert_int_equal(token_state_judge(&s, START), TOKEN_OBTAIN);
    assert_false(token_state_is_due(&s, START));
    token_state_obtain(&s, 3600, START);
    assert_int_equal(token_state_judge(&s, START), TOKEN_USE);
    assert_false(token_state_is_due(&s, START + HOUR - 300001));
    assert_true(token_state_is_due(&s, START + HOUR - 300000));
    assert_int_equal(token_state_judge(&s, START + HOUR - 30001), TOKEN_USE);
    assert_int_equal(token_state_judge(&s, START + HOUR - 30000), TOKEN_OBTAIN);
    /* One of 10 s is renewed after 8, and used for 9. */
    token_state_obtain(&s, 10, START);
    assert_false(token_state_is_due(&s, START + 7999));
    assert_true(token_state_is_due(&s, START + 8000));
    assert_int_equal(token_state_judge(&s, START + 8999), TOKEN_USE);
    assert_int_equal(token_state_judge(&s, START + 9000), TOKEN_OBTAIN);
    token_state_obtain(&s, 0, START);
    assert_int_equal(
        token_state_judge(&s, START + TOKEN_LIFETIME_UNKNOWN_MS / 2),
        TOKEN_USE);
    assert_int_equal(token_state_judge(&s, START + TOKEN_LIFETIME_UNKNOWN_MS),
                     TOKEN_OBTAIN);
}

/* The server is dead: the token goes on until its end, and the server is asked
 * ever more seldom.
 */
static void test_failing(void **state)
{
    struct token_state s = { .has_token = false };
    uint64_t now = START + HOUR - 300000;

    (void)state;
    token_state_obtain(&s, 3600, START);
    token_state_fail(&s, OAUTH_UNAVAILABLE, now);
    assert_int_equal(token_state_judge(&s, now), TOKEN_USE);
    assert_false(token_state_is_due(&s, now + 999));
    assert_true(token_state_is_due(&s, now + 1000));
    token_state_fail(&s, OAUTH_UNAVAILABLE, now);
    assert_false(token_state_is_due(&s, now + 1999));
    for (int i = 0; i < 100; i++)
        token_state_fail(&s, OAUTH_UNAVAILABLE, now);
    assert_false(token_state_is_due(&s, now + TOKEN_RETRY_MAX_MS - 1));
    assert_true(token_state_is_due(&s, now + TOKEN_RETRY_MAX_MS));
    now = START + HOUR;
    token_state_fail(&s, OAUTH_UNAVAILABLE, now);
    assert_int_equal(token_state_judge(&s, now), TOKEN_HOLD);
    assert_int_equal(token_state_judge(&s, now + TOKEN_RETRY_MAX_MS),
                     TOKEN_OBTAIN);
    token_state_obtain(&s, 3600, now);
    assert_int_equal(s.failure, OAUTH_OK);
    token_state_fail(&s, OAUTH_UNAVAILABLE, now);
    assert_int_equal(s.retry_ms, now + TOKEN_RETRY_MIN_MS);
}

static void test_refused(void **state)
{
    static const enum oauth_result lasting[] = { OAUTH_INVALID_GRANT,
                                                 OAUTH_DENIED, OAUTH_EXPIRED };
    struct token_state s = { .has_token = false };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(lasting); i++) {
        token_state_obtain(&s, 3600, START);
        token_state_fail(&s, lasting[i], START);
        assert_int_equal(token_state_judge(&s, START), TOKEN_REFUSED);
        assert_int_equal(token_state_judge(&s, START + 100 * HOUR),
                         TOKEN_REFUSED);
        assert_false(token_state_is_due(&s, START + 100 * HOUR));
        token_state_forgive(&s);
        assert_int_equal(token_state_judge(&s, START), TOKEN_OBTAIN);
    }
    /* The configuration's fault: as long as can be, but not for ever. */
    s = (struct token_state){ .has_token = false };
    token_state_fail(&s, OAUTH_INVALID_CLIENT, START);
    assert_int_equal(token_state_judge(&s, START + TOKEN_RETRY_MAX_MS - 1),
                     TOKEN_HOLD);
    assert_int_equal(token_state_judge(&s, START + TOKEN_RETRY_MAX_MS),
                     TOKEN_OBTAIN);
}

static void test_rejected(void **state)
{
    struct token_state s = { .has_token = false };
    uint64_t now = START + TOKEN_REJECTED_MIN_MS;

    (void)state;
    token_state_obtain(&s, 3600, START);
    token_state_reject(&s, START);
    assert_int_equal(token_state_judge(&s, START), TOKEN_OBTAIN);
    token_state_obtain(&s, 3600, START);
    token_state_reject(&s, now - 1); /* the next would fare no better */
    assert_int_equal(token_state_judge(&s, now - 1), TOKEN_USE);
    token_state_reject(&s, now);
    assert_int_equal(token_state_judge(&s, now), TOKEN_OBTAIN);
    token_state_reject(&s, now); /* there is none */
    assert_int_equal(token_state_judge(&s, now), TOKEN_OBTAIN);
}

/* The server asks for a pause, and gets it, but not for ever. */
static void test_pause(void **state)
{
    struct token_state s = { .has_token = false };

    (void)state;
    token_state_fail(&s, OAUTH_UNAVAILABLE, START);
    token_state_pause(&s, 0, START);
    assert_int_equal(token_state_judge(&s, START + 1000), TOKEN_OBTAIN);
    token_state_pause(&s, 30, START);
    assert_int_equal(token_state_judge(&s, START + 29999), TOKEN_HOLD);
    assert_int_equal(token_state_judge(&s, START + 30000), TOKEN_OBTAIN);
    token_state_pause(&s, 1, START);
    assert_int_equal(token_state_judge(&s, START + 29999), TOKEN_HOLD);
    token_state_pause(&s, UINT64_MAX, START);
    assert_int_equal(token_state_judge(&s, START + TOKEN_PAUSE_MAX_MS - 1),
                     TOKEN_HOLD);
    assert_int_equal(token_state_judge(&s, START + TOKEN_PAUSE_MAX_MS),
                     TOKEN_OBTAIN);
}

static void test_hurry(void **state)
{
    struct token_state s = { .has_token = false };

    (void)state;
    token_state_obtain(&s, 3600, START);
    assert_false(token_state_is_due(&s, START));
    token_state_hurry(&s, START);
    assert_true(token_state_is_due(&s, START));
    assert_int_equal(token_state_judge(&s, START), TOKEN_USE);
    token_state_fail(&s, OAUTH_UNAVAILABLE, START);
    assert_false(token_state_is_due(&s, START + 999));
    assert_int_equal(token_state_judge(&s, START + HOUR - 30001), TOKEN_USE);
}

static void test_restart(void **state)
{
    (void)state;
    assert_int_equal(token_lifetime_left(1000, 3600, 1000), 3600 - 120);
    assert_int_equal(token_lifetime_left(1000, 3600, 2000), 2600 - 120);
    assert_int_equal(token_lifetime_left(1000, 3600, 4479), 1);
    assert_int_equal(token_lifetime_left(1000, 3600, 4480), 0);
    assert_int_equal(token_lifetime_left(1000, 3600, 999999), 0);
    assert_int_equal(token_lifetime_left(1000, 3600, 999), 0);
    assert_int_equal(token_lifetime_left(1000, 0, 1000), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life),    cmocka_unit_test(test_failing),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_rejected),
        cmocka_unit_test(test_pause),   cmocka_unit_test(test_hurry),
        cmocka_unit_test(test_restart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
