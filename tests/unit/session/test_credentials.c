/* test_credentials.c - what a client logs in with, and that it is wiped. */
#include "session/credentials.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/base64.h"
#include "base/limits.h"
#include "support/alloc_fail.h"
#include "support/octets.h"

#define SECRET "hunter2-parrot"

static void fill(struct credentials *c)
{
    credentials_init(c);
    assert_true(credentials_set_identity(c, SPAN_LITERAL("boss")));
    assert_true(credentials_set_user(c, SPAN_LITERAL("user")));
    assert_true(
        credentials_set_secret(c, SECRET_PASSWORD, SPAN_LITERAL(SECRET)));
}

static void assert_empty(const struct credentials *c)
{
    assert_int_equal(buf_length(&c->identity), 0);
    assert_int_equal(buf_length(&c->user), 0);
    assert_int_equal(buf_length(&c->secret), 0);
}

static void test_parts(void **state)
{
    struct credentials c;

    (void)state;
    fill(&c);
    assert_buf_string(&c.identity, "boss");
    assert_buf_string(&c.user, "user");
    assert_buf_string(&c.secret, SECRET);
    assert_true(
        credentials_set_secret(&c, SECRET_PASSWORD, SPAN_LITERAL("other")));
    assert_buf_string(&c.secret, "other");
    assert_buf_string(&c.user, "user");
    credentials_wipe(&c);
}

/* The maildrop is the identity's where there is one, else the user's. */
static void test_name(void **state)
{
    struct credentials c;

    (void)state;
    fill(&c);
    assert_octets_string(credentials_name(&c), "boss");
    assert_true(credentials_set_identity(&c, SPAN_LITERAL("")));
    assert_octets_string(credentials_name(&c), "user");
    credentials_wipe(&c);
    assert_octets_string(credentials_name(&c), "");
}

/* What does not fit is no login: nothing of it stays. */
static void test_too_long(void **state)
{
    unsigned char octets[SASL_PART_MAX + 1];
    struct credentials c;

    (void)state;
    memset(octets, 'a', sizeof(octets));
    fill(&c);
    assert_true(credentials_set_user(&c, span_make(octets, SASL_PART_MAX)));
    assert_false(
        credentials_set_user(&c, span_make(octets, SASL_PART_MAX + 1)));
    assert_empty(&c);
    assert_true(credentials_set_user(&c, SPAN_LITERAL("again")));
    credentials_wipe(&c);
}

static void test_copy(void **state)
{
    struct credentials from;
    struct credentials to;

    (void)state;
    fill(&from);
    credentials_init(&to);
    assert_true(credentials_set_user(&to, SPAN_LITERAL("a longer name")));
    assert_true(credentials_copy(&to, &from));
    credentials_wipe(&from);
    assert_buf_string(&to.identity, "boss");
    assert_buf_string(&to.user, "user");
    assert_buf_string(&to.secret, SECRET);
    credentials_wipe(&to);
    assert_empty(&to);
}

/* A copy for which memory runs out half way is none, and can be made anew. */
static void test_no_memory(void **state)
{
    struct credentials from;
    bool copied = false;
    unsigned long failing = 0;

    (void)state;
    fill(&from);
    while (!copied) {
        struct credentials to;

        credentials_init(&to);
        alloc_fail_at(++failing);
        copied = credentials_copy(&to, &from);
        alloc_fail_at(0);
        if (!copied) {
            assert_empty(&to);
            assert_true(credentials_copy(&to, &from));
        }
        assert_buf_string(&to.secret, SECRET);
        credentials_wipe(&to);
        assert_true(failing < 100);
    }
    assert_true(failing > 3);
    assert_buf_string(&from.secret, SECRET);
    credentials_wipe(&from);
}

static unsigned freed;
static bool secret_seen;

static void look_for_secret(const unsigned char *memory, size_t size)
{
    const size_t length = sizeof("parrot") - 1;

    freed++;
    for (size_t i = 0; i + length <= size; i++)
        if (memcmp(memory + i, "parrot", length) == 0)
            secret_seen = true;
}

/* Secrets are kept no longer than they are needed: memory is
 * given back only when it holds none of them.
 */
static void test_wiping(void **state)
{
    struct credentials from;
    struct credentials to;

    (void)state;
    fill(&from);
    credentials_init(&to);
    freed = 0;
    secret_seen = false;
    alloc_watch_free(look_for_secret);
    assert_true(credentials_copy(&to, &from));
    assert_true(
        credentials_set_secret(&to, SECRET_PASSWORD, SPAN_LITERAL("x")));
    credentials_wipe(&from);
    credentials_wipe(&to);
    alloc_watch_free(NULL);
    assert_true(freed >= 6);
    assert_false(secret_seen);
}

static bool occurs(const char *text)
{
    struct credentials c;
    bool found;

    credentials_init(&c);
    assert_true(credentials_set_user(&c, SPAN_LITERAL("anna")));
    assert_true(
        credentials_set_secret(&c, SECRET_PASSWORD, SPAN_LITERAL("parrot7")));
    found = credentials_occur_in(&c, span_from_string(text));
    credentials_wipe(&c);
    return found;
}

/* A server may repeat what it was sent: as it was, or as it was encoded, whole
 * or cut.
 */
static void test_repeated(void **state)
{
    struct credentials empty;

    (void)state;
    assert_true(occurs("parrot7"));
    assert_true(occurs("LOGIN anna \"parrot7\" failed"));
    assert_true(occurs("bad: A1 AUTHENTICATE PLAIN AGFubmEAcGFycm90Nw=="));
    assert_true(occurs("AGFubmEAcGFycm90"));
    assert_false(occurs(""));
    assert_false(occurs("parrot"));
    assert_false(occurs("anna may not log in"));
    credentials_init(&empty);
    assert_false(credentials_occur_in(&empty, SPAN_LITERAL("anything")));
    credentials_wipe(&empty);
}

static void test_repeated_is_hidden(void **state)
{
    struct credentials c;
    struct span said;

    (void)state;
    fill(&c);
    said = SPAN_LITERAL("not today");
    assert_ptr_equal(credentials_hide_in(&c, said).data, said.data);
    said = credentials_hide_in(&c, buf_span(&c.secret));
    assert_false(credentials_occur_in(&c, said));
    assert_true(said.len > 0);
    credentials_wipe(&c);
}

/* A token may be repeated within what it was sent in, at any place of a group
 * of three octets, and without its end.
 */
static void test_token_is_hidden(void **state)
{
    static const char *const around[] = { "", "a", "ab", "abc", "user=a\1" };
    static const char secret[] = "ya29.A0ARrdaM-parrot-0123456789-abcdef";
    struct credentials c;
    struct buf message;
    struct buf base64;

    (void)state;
    credentials_init(&c);
    assert_true(
        credentials_set_secret(&c, SECRET_TOKEN, span_from_string(secret)));
    assert_true(credentials_occur_in(&c, span_from_string(secret)));
    assert_true(credentials_occur_in(&c, SPAN_LITERAL("x ya29.A0ARrdaM-pa")));
    assert_false(credentials_occur_in(&c, SPAN_LITERAL("x ya29.A0ARrda")));
    buf_init(&message, 1000);
    buf_init(&base64, 1000);
    for (size_t i = 0; i < ARRAY_LENGTH(around); i++) {
        struct span cut;

        buf_clear(&message);
        buf_clear(&base64);
        buf_append_string(&message, around[i]);
        buf_append_string(&message, secret);
        assert_true(base64_encode(buf_span(&message), &base64));
        assert_true(credentials_occur_in(&c, buf_span(&base64)));
        cut = buf_span(&base64);
        cut.len = 32;
        assert_true(credentials_occur_in(&c, cut));
    }
    assert_false(credentials_occur_in(&c, SPAN_LITERAL("eyJzdGF0dXMiOiI0")));
    alloc_fail_at(1);
    assert_true(credentials_occur_in(&c, SPAN_LITERAL("harmless")));
    alloc_fail_at(0);
    buf_fini(&message);
    buf_fini(&base64);
    credentials_wipe(&c);
}

static void test_repeated_without_memory(void **state)
{
    struct credentials c;

    (void)state;
    fill(&c);
    alloc_fail_at(1);
    assert_true(credentials_occur_in(&c, SPAN_LITERAL("harmless")));
    alloc_fail_at(0);
    credentials_wipe(&c);
}

int main(void)
{
    const struct CMUnitTest session_credentials[] = {
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_name),
        cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_copy),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_wiping),
        cmocka_unit_test(test_repeated),
        cmocka_unit_test(test_repeated_is_hidden),
        cmocka_unit_test(test_token_is_hidden),
        cmocka_unit_test(test_repeated_without_memory),
    };

    return cmocka_run_group_tests(session_credentials, NULL, NULL);
}
