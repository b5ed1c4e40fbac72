/* test_scram_keys.c - what is kept of a password for SCRAM. */
#include "access/scram_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/alloc_fail.h"
#include "support/octets.h"

#define KEY_64 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define TEXT_MAX 512

static void test_parse(void **state)
{
    struct scram_keys keys;

    (void)state;
    assert_true(scram_keys_parse(
        SPAN_LITERAL("SCRAM-SHA-256$4096:c2FsdA==$" KEY_64 ":" KEY_64), &keys));
    assert_int_equal(keys.iterations, 4096);
    assert_int_equal(keys.salt_length, 4);
    assert_memory_equal(keys.salt, "salt", 4);
    for (unsigned i = 0; i < SCRAM_KEY_SIZE; i++) {
        assert_int_equal(keys.stored[i], i);
        assert_int_equal(keys.server[i], i);
    }
}

static void test_no_keys(void **state)
{
    static const char *const texts[] = {
        "",
        "SCRAM-SHA-256",
        "SCRAM-SHA-256$4096",
        "SCRAM-SHA-1$4096:c2FsdA==$" KEY_64 ":" KEY_64,
        "SCRAM-SHA-256$4095:c2FsdA==$" KEY_64 ":" KEY_64,
        "SCRAM-SHA-256$1000001:c2FsdA==$" KEY_64 ":" KEY_64,
        "SCRAM-SHA-256$x:c2FsdA==$" KEY_64 ":" KEY_64,
        "SCRAM-SHA-256$4096:$" KEY_64 ":" KEY_64,
        "SCRAM-SHA-256$4096:c2FsdA==$c2FsdA==:" KEY_64,
        "SCRAM-SHA-256$4096:c2FsdA==$" KEY_64 ":c2FsdA==",
        "SCRAM-SHA-256$4096:c2FsdA==$" KEY_64 ":" KEY_64 "AAAA",
        "SCRAM-SHA-256$4096:c2FsdA==$" KEY_64,
    };
    struct scram_keys keys;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++)
        assert_false(scram_keys_parse(span_from_string(texts[i]), &keys));
}

/* Each with a salt of its own; what is written can be read. */
static void test_write(void **state)
{
    struct scram_keys one, other;
    struct buf first, second;

    (void)state;
    buf_init(&first, TEXT_MAX);
    buf_init(&second, TEXT_MAX);
    assert_true(scram_keys_write(SPAN_LITERAL("pencil"), &first));
    assert_true(scram_keys_write(SPAN_LITERAL("pencil"), &second));
    assert_true(scram_keys_parse(buf_span(&first), &one));
    assert_true(scram_keys_parse(buf_span(&second), &other));
    assert_memory_not_equal(one.salt, other.salt, one.salt_length);
    assert_memory_not_equal(one.stored, other.stored, SCRAM_KEY_SIZE);
    assert_memory_not_equal(one.stored, one.server, SCRAM_KEY_SIZE);
    buf_fini(&first);
    buf_fini(&second);
}

static void test_no_memory(void **state)
{
    struct buf text;
    unsigned long n = 0;
    bool done;

    (void)state;
    do {
        buf_init(&text, TEXT_MAX);
        alloc_fail_at(++n);
        done = scram_keys_write(SPAN_LITERAL("pencil"), &text);
        alloc_fail_at(0);
        buf_fini(&text);
    } while (!done);
    assert_true(n > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_no_keys),
        cmocka_unit_test(test_write),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
