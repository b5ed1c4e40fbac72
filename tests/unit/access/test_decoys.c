/* test_decoys.c - names without an account look like those that have one, today
 * as tomorrow.
 */
#include "access/decoys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/base64.h"

#define KEY SPAN_LITERAL("0123456789abcdef0123456789abcdef")
#define NONE span_make(NULL, 0)
#define NAMES 200
#define TEXT_MAX 400

static char texts[DECOY_SHAPES_MAX + 2][TEXT_MAX];
static struct account table[DECOY_SHAPES_MAX + 2];
static struct accounts accounts = { .at = table };

static void encode(size_t length, char text[TEXT_MAX])
{
    unsigned char octets[SCRAM_SALT_MAX] = { 7 };
    struct buf coded;

    buf_init(&coded, TEXT_MAX - 1);
    assert_true(base64_encode(span_make(octets, length), &coded));
    memcpy(text, buf_span(&coded).data, buf_length(&coded));
    text[buf_length(&coded)] = '\0';
    buf_fini(&coded);
}

/* A further account, whose keys have that shape. */
static void add(unsigned iterations, size_t salt_length)
{
    char salt[TEXT_MAX], key[TEXT_MAX];
    char *text = texts[accounts.count];

    encode(salt_length, salt);
    encode(SCRAM_KEY_SIZE, key);
    (void)snprintf(text, TEXT_MAX, "SCRAM-SHA-256$%u:%.90s$%.50s:%.50s",
                   iterations, salt, key, key);
    table[accounts.count++].scram = text;
}

static int forget(void **state)
{
    (void)state;
    memset(table, 0, sizeof(table));
    accounts.count = 0;
    return 0;
}

/* Zeroed but for what was made, so that they can be compared whole. */
static struct scram_keys keys_of(const struct decoys *d,
                                 const struct keyed_digest *passing,
                                 const char *name)
{
    struct scram_keys keys;

    memset(&keys, 0, sizeof(keys));
    assert_true(decoys_make_scram(d, passing, span_from_string(name), &keys));
    return keys;
}

static bool is_same(const struct scram_keys *a, const struct scram_keys *b)
{
    return a->iterations == b->iterations && a->salt_length == b->salt_length &&
           memcmp(a->salt, b->salt, a->salt_length) == 0 &&
           memcmp(a->stored, b->stored, SCRAM_KEY_SIZE) == 0 &&
           memcmp(a->server, b->server, SCRAM_KEY_SIZE) == 0;
}

/* The keys of |name| with |key|, as a process that has just begun makes them. */
static struct scram_keys once(struct span key, const char *name)
{
    struct keyed_digest *passing = keyed_digest_new();
    struct scram_keys keys;
    struct decoys d;

    assert_non_null(passing);
    assert_true(decoys_init(&d, &accounts, key));
    keys = keys_of(&d, passing, name);
    decoys_fini(&d);
    keyed_digest_free(passing);
    return keys;
}

static void test_the_key_is_what_lasts(void **state)
{
    const struct span other = SPAN_LITERAL("fedcba9876543210");
    struct scram_keys first, again, another_name, another_key;

    (void)state;
    add(4096, 16);
    first = once(KEY, "nobody");
    again = once(KEY, "nobody");
    another_name = once(KEY, "somebody");
    another_key = once(other, "nobody");
    assert_true(is_same(&first, &again));
    assert_memory_not_equal(first.salt, another_name.salt, 16);
    assert_memory_not_equal(first.salt, another_key.salt, 16);
    assert_memory_not_equal(first.salt, first.stored, 16);
    assert_memory_not_equal(first.stored, first.server, SCRAM_KEY_SIZE);
}

static void test_without_a_key(void **state)
{
    struct keyed_digest *passing = keyed_digest_new();
    struct scram_keys first, again, restarted;
    struct decoys d;

    (void)state;
    assert_non_null(passing);
    add(4096, 16);
    assert_true(decoys_init(&d, &accounts, NONE));
    assert_null(d.lasting);
    first = keys_of(&d, passing, "nobody");
    decoys_fini(&d);
    assert_true(decoys_init(&d, &accounts, NONE)); /* a reload */
    again = keys_of(&d, passing, "nobody");
    decoys_fini(&d);
    restarted = once(NONE, "nobody");
    assert_true(is_same(&first, &again));
    assert_false(is_same(&first, &restarted));
    keyed_digest_free(passing);
}

static void test_shapes_are_those_of_accounts(void **state)
{
    struct scram_keys keys;

    (void)state;
    assert_int_equal(once(KEY, "nobody").iterations, 4096); /* no account */
    add(10000, 1);
    keys = once(KEY, "nobody");
    assert_int_equal(keys.iterations, 10000);
    assert_int_equal(keys.salt_length, 1);
    forget(NULL);
    add(4097, SCRAM_SALT_MAX);
    keys = once(KEY, "nobody");
    assert_int_equal(keys.iterations, 4097);
    assert_int_equal(keys.salt_length, SCRAM_SALT_MAX);
    assert_memory_not_equal(keys.salt, keys.salt + KEYED_DIGEST_SIZE,
                            KEYED_DIGEST_SIZE);
}

/* How many of the names have each number of iterations, 4096 and 8192. */
static void spread(struct scram_keys keys[NAMES], unsigned count[2])
{
    count[0] = count[1] = 0;
    for (unsigned i = 0; i < NAMES; i++) {
        char name[16];

        (void)snprintf(name, sizeof(name), "name%u", i);
        keys[i] = once(KEY, name);
        assert_true(keys[i].iterations == 4096 || keys[i].iterations == 8192);
        count[keys[i].iterations / 8192]++;
    }
}

/* Accounts that come and go do not change names that are none, but for those that
 * take a new shape.
 */
static void test_other_accounts(void **state)
{
    static struct scram_keys alone[NAMES], mixed[NAMES], more[NAMES];
    unsigned count[2];

    (void)state;
    add(4096, 16);
    spread(alone, count);
    assert_int_equal(count[0], NAMES);
    add(8192, 16);
    spread(mixed, count);
    assert_in_range(count[0], NAMES / 4, 3 * NAMES / 4);
    add(4096, 16);
    spread(more, count);
    for (unsigned i = 0; i < NAMES; i++) {
        assert_true(is_same(&mixed[i], &more[i]));
        if (mixed[i].iterations == 4096)
            assert_true(is_same(&mixed[i], &alone[i]));
    }
}

static void test_more_shapes_than_room(void **state)
{
    struct decoys d;

    (void)state;
    for (unsigned i = 0; i < DECOY_SHAPES_MAX + 2; i++)
        add(4096 + i, 16);
    assert_true(decoys_init(&d, &accounts, KEY));
    assert_int_equal(d.shape_count, DECOY_SHAPES_MAX);
    decoys_fini(&d);
}

static void test_whose_work_is_done(void **state)
{
    static char hash[] = "$y$j9T$x$y", sealed[] = "1k.x";
    struct decoys d;

    (void)state;
    assert_true(decoys_init(&d, NULL, NONE));
    assert_null(d.password);
    assert_null(d.recoverable);
    accounts.count = 3;
    table[1].password = hash;
    table[2].recoverable_password = sealed;
    assert_true(decoys_init(&d, &accounts, NONE));
    assert_ptr_equal(d.password, hash);
    assert_ptr_equal(d.recoverable, &table[2]);
    decoys_fini(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_the_key_is_what_lasts, forget),
        cmocka_unit_test_setup(test_without_a_key, forget),
        cmocka_unit_test_setup(test_shapes_are_those_of_accounts, forget),
        cmocka_unit_test_setup(test_other_accounts, forget),
        cmocka_unit_test_setup(test_more_shapes_than_room, forget),
        cmocka_unit_test_setup(test_whose_work_is_done, forget),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
