/* test_quirks.c - words of servers that mean something else than they say. */
#include "session/quirks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attributes.h"

#define THROTTLED "Request is throttled. "
#define BACKOFF "Suggested Backoff Time: "

static bool find(enum imap_condition condition, enum imap_code code,
                 const char *text, struct quirk *quirk)
{
    *quirk = (struct quirk){ FAULT_COUNT, UINT64_MAX };
    return quirk_find(condition, code, span_from_string(text), quirk);
}

/* MAP-2: the words wherever they stand, in any case, with NO and with BAD. */
static void test_words(void **state)
{
    static const struct {
        const char *text;
        enum fault fault;
    } cases[] = {
        { "Too many simultaneous connections. (Failure)", FAULT_UPSTREAM_BUSY },
        { "[x] TOO MANY SIMULTANEOUS CONNECTIONS", FAULT_UPSTREAM_BUSY },
        { "User is authenticated but not connected.",
          FAULT_UPSTREAM_NOT_CONNECTED },
        { "user IS authenticated BUT not connected",
          FAULT_UPSTREAM_NOT_CONNECTED },
        { "request is throttled", FAULT_UPSTREAM_BUSY },
        { "Web login required: https://example.com/", FAULT_UPSTREAM_BUSY },
        { "Server Unavailable. 15", FAULT_UPSTREAM_GONE },
        { "bad protocol / cancel", FAULT_UPSTREAM_NO_LOGIN },
    };
    struct quirk quirk;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        assert_true(find(IMAP_NO, IMAP_CODE_NONE, cases[i].text, &quirk));
        assert_int_equal(quirk.fault, cases[i].fault);
        assert_int_equal(quirk.backoff_ms, 0);
        assert_true(find(IMAP_BAD, IMAP_CODE_ALERT, cases[i].text, &quirk));
        assert_int_equal(quirk.fault, cases[i].fault);
    }
}

/* MAP-1: other words are nobody's, nor are the known ones cut short. */
static void test_other_words(void **state)
{
    static const char *const texts[] = {
        "",
        "no",
        "Too many simultaneous connection",
        "Too many  simultaneous connections",
        "Server Unavailabl",
        "erver Unavailable",
        BACKOFF "5000 milliseconds",
    };
    struct quirk quirk;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++)
        assert_false(find(IMAP_NO, IMAP_CODE_NONE, texts[i], &quirk));
}

/* What succeeds is no quirk, whatever it says: a name may hold such words. */
static void test_other_conditions(void **state)
{
    static const enum imap_condition conditions[] = { IMAP_OK, IMAP_BYE,
                                                      IMAP_PREAUTH };
    struct quirk quirk;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(conditions); i++)
        assert_false(find(conditions[i], IMAP_CODE_THROTTLED,
                          "Server Unavailable", &quirk));
}

/* MAP-2: the code THROTTLED without any words that are known. */
static void test_code(void **state)
{
    struct quirk quirk;

    (void)state;
    assert_true(find(IMAP_NO, IMAP_CODE_THROTTLED, "slow down", &quirk));
    assert_int_equal(quirk.fault, FAULT_UPSTREAM_BUSY);
    assert_int_equal(quirk.backoff_ms, 0);
    assert_true(find(IMAP_BAD, IMAP_CODE_THROTTLED, "", &quirk));
}

/* The pause that is asked for; 0 where it is no number, or none to bear. */
static void test_backoff(void **state)
{
    static const struct {
        const char *text;
        uint64_t backoff_ms;
    } cases[] = {
        { THROTTLED BACKOFF "5000 milliseconds", 5000 },
        { THROTTLED BACKOFF "299499", 299499 },
        { THROTTLED "SUGGESTED BACKOFF TIME: 1 ms", 1 },
        { BACKOFF "12. " THROTTLED, 12 },
        { THROTTLED BACKOFF "0", 0 },
        { THROTTLED BACKOFF "4294967295", UINT32_MAX },
        { THROTTLED BACKOFF "4294967296", 0 },
        { THROTTLED BACKOFF "99999999999999999999999", 0 },
        { THROTTLED BACKOFF "-5", 0 },
        { THROTTLED BACKOFF ":", 0 },
        { THROTTLED BACKOFF "soon", 0 },
        { THROTTLED BACKOFF, 0 },
        { THROTTLED "Suggested Backoff Time:", 0 },
        { THROTTLED, 0 },
    };
    struct quirk quirk;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        assert_true(find(IMAP_BAD, IMAP_CODE_NONE, cases[i].text, &quirk));
        assert_int_equal(quirk.fault, FAULT_UPSTREAM_BUSY);
        assert_int_equal(quirk.backoff_ms, cases[i].backoff_ms);
    }
}

/* The text borrows from a buffer: not an octet behind it counts. */
static void test_end_of_text(void **state)
{
    const struct span all = SPAN_LITERAL(THROTTLED BACKOFF "1234");
    struct quirk quirk = { FAULT_NONE, 0 };

    (void)state;
    assert_true(quirk_find(IMAP_NO, IMAP_CODE_NONE,
                           span_make(all.data, all.len - 2), &quirk));
    assert_int_equal(quirk.backoff_ms, 12);
}

/* MAP-2: who asks for a pause, and for how long; an outage does not. */
static void test_throttling(void **state)
{
    static const struct {
        enum imap_condition condition;
        enum imap_code code;
        const char *text;
        uint64_t pause_ms; /* UINT64_MAX: it does not ask */
    } cases[] = {
        { IMAP_OK, IMAP_CODE_THROTTLED, "done", 0 },
        { IMAP_NO, IMAP_CODE_THROTTLED, "", 0 },
        { IMAP_NO, IMAP_CODE_LIMIT, "rate limit hit", 0 },
        { IMAP_OK, IMAP_CODE_LIMIT, "done", UINT64_MAX },
        { IMAP_BAD, IMAP_CODE_NONE, THROTTLED BACKOFF "5000 milliseconds",
          5000 },
        { IMAP_NO, IMAP_CODE_ALERT, "Too many simultaneous connections.", 0 },
        { IMAP_BYE, IMAP_CODE_NONE, "Too many simultaneous connections.", 0 },
        { IMAP_OK, IMAP_CODE_NONE, "Too many simultaneous connections.",
          UINT64_MAX },
        { IMAP_NO, IMAP_CODE_UNAVAILABLE, "later", UINT64_MAX },
        { IMAP_NO, IMAP_CODE_INUSE, "later", UINT64_MAX },
        { IMAP_NO, IMAP_CODE_AUTHENTICATIONFAILED, "no", UINT64_MAX },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        uint64_t pause_ms = UINT64_MAX;
        bool asks =
            quirk_is_throttling(cases[i].condition, cases[i].code,
                                span_from_string(cases[i].text), &pause_ms);

        assert_int_equal(asks, cases[i].pause_ms != UINT64_MAX);
        assert_int_equal(pause_ms, cases[i].pause_ms);
    }
}

int main(void)
{
    const struct CMUnitTest session_quirks[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_other_words),
        cmocka_unit_test(test_other_conditions),
        cmocka_unit_test(test_code),
        cmocka_unit_test(test_throttling),
        cmocka_unit_test(test_backoff),
        cmocka_unit_test(test_end_of_text),
    };

    return cmocka_run_group_tests(session_quirks, NULL, NULL);
}
