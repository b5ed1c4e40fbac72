/* test_buf.c - the bounded queue: its positions, its bound, what it wipes. */
#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/aborts.h"
#include "support/alloc_fail.h"
#include "support/octets.h"
#include "support/random.h"

#define SECRET "correct horse battery"

/* How many blocks were freed, and how many with the secret in them. */
static unsigned freed;
static unsigned leaked;

static void look_for_secret(const unsigned char *memory, size_t size)
{
    freed++;
    if (memmem(memory, size, SECRET, strlen(SECRET)) != NULL)
        leaked++;
}

static void watch(void)
{
    freed = 0;
    leaked = 0;
    alloc_watch_free(look_for_secret);
}

static void append_many(struct buf *b, char octet, size_t n)
{
    while (n-- > 0)
        buf_append_octet(b, (unsigned char)octet);
}

static void test_new_owns_nothing(void **state)
{
    struct buf b;

    (void)state;
    alloc_fail_at(0);
    buf_init(&b, 100);
    assert_null(b.data);
    assert_int_equal(buf_length(&b), 0);
    assert_int_equal(buf_room(&b), 100);
    assert_false(buf_failed(&b));
    assert_int_equal(buf_span(&b).len, 0);
    assert_true(buf_append(&b, (struct span){ NULL, 0 }));
    assert_true(buf_append_string(&b, ""));
    buf_release(&b);
    buf_clear(&b);
    buf_fini(&b);
    assert_int_equal(alloc_fail_count(), 0);
}

static void test_queue(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 1000);
    assert_true(buf_append(&b, SPAN_LITERAL("a\0b")));
    assert_true(buf_append_octet(&b, 0xFF));
    assert_true(buf_append_string(&b, "cd"));
    assert_octets(buf_span(&b), SPAN_LITERAL("a\0b\xFF"
                                             "cd"));
    assert_int_equal(buf_room(&b), 994);
    buf_consume(&b, 4);
    assert_buf_string(&b, "cd");
    assert_int_equal(b.start, 4);
    buf_consume(&b, 2);
    assert_int_equal(b.start, 0);
    assert_int_equal(b.end, 0);
    assert_int_equal(buf_room(&b), 1000);
    buf_fini(&b);
}

static void test_numbers(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 1000);
    assert_true(buf_append_number(&b, 0));
    assert_true(buf_append_octet(&b, ' '));
    assert_true(buf_append_number(&b, 1024));
    assert_true(buf_append_octet(&b, ' '));
    assert_true(buf_append_number(&b, UINT64_MAX));
    assert_buf_string(&b, "0 1024 18446744073709551615");
    buf_fini(&b);
}

static void test_reserve_and_commit(void **state)
{
    struct buf b;
    unsigned char *to;

    (void)state;
    buf_init(&b, 1000);
    to = buf_reserve(&b, 600);
    assert_non_null(to);
    assert_int_equal(buf_length(&b), 0);
    memset(to, 'x', 600);
    buf_commit(&b, 3);
    assert_buf_string(&b, "xxx");
    assert_ptr_equal(buf_reserve(&b, 0), to + 3);
    assert_null(buf_reserve(&b, 998));
    assert_true(buf_failed(&b));
    buf_fini(&b);
}

static void test_capacity_doubles_up_to_the_bound(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 3000);
    append_many(&b, 'x', 1);
    assert_int_equal(b.capacity, 512);
    append_many(&b, 'x', 511);
    assert_int_equal(b.capacity, 512);
    append_many(&b, 'x', 1);
    assert_int_equal(b.capacity, 1024);
    assert_non_null(buf_reserve(&b, 1500));
    assert_int_equal(b.capacity, 2048);
    append_many(&b, 'x', 3000 - 513);
    assert_int_equal(b.capacity, 3000);
    assert_int_equal(buf_length(&b), 3000);
    assert_false(buf_failed(&b));
    buf_fini(&b);

    buf_init(&b, 100);
    append_many(&b, 'x', 100);
    assert_int_equal(b.capacity, 100);
    assert_false(buf_failed(&b));
    buf_fini(&b);

    /* No doubling past what size_t counts. */
    buf_init(&b, SIZE_MAX);
    alloc_fail_at(1);
    assert_null(buf_reserve(&b, SIZE_MAX));
    assert_int_equal(alloc_fail_count(), 1);
    assert_true(buf_failed(&b));
    alloc_fail_at(0);
    buf_fini(&b);
}

static void test_prepared_memory_is_one_allocation(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 3000);
    append_many(&b, 'x', 10);
    alloc_fail_at(0);
    buf_prepare(&b, 3000);
    append_many(&b, 'x', 2990);
    buf_prepare(&b, 100); /* is there */
    assert_int_equal(alloc_fail_count(), 1);
    assert_int_equal(b.capacity, 3000);
    assert_int_equal(buf_length(&b), 3000);
    assert_false(buf_failed(&b));
    buf_fini(&b);

    buf_init(&b, 3000);
    alloc_fail_at(1);
    buf_prepare(&b, 1000);
    assert_true(buf_failed(&b));
    buf_prepare(&b, 1000); /* failure sticks */
    assert_int_equal(alloc_fail_count(), 1);
    alloc_fail_at(0);
    buf_fini(&b);
}

static void test_moves_down_before_it_grows(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 4096);
    append_many(&b, 'x', 200);
    append_many(&b, 'y', 300);
    buf_consume(&b, 200);
    assert_non_null(buf_reserve(&b, 212));
    assert_int_equal(b.capacity, 512);
    assert_int_equal(b.start, 0);
    assert_int_equal(b.end, 300);
    assert_int_equal(b.data[0], 'y');
    assert_int_equal(b.data[299], 'y');
    /* What it left behind is gone. */
    for (size_t i = 300; i < 500; i++)
        assert_int_equal(b.data[i], 0);
    assert_non_null(buf_reserve(&b, 213));
    assert_int_equal(b.capacity, 1024);
    buf_fini(&b);
}

static void test_failure_sticks(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 10);
    assert_true(buf_append_string(&b, "12345678"));
    assert_false(buf_append_string(&b, "9ab"));
    assert_true(buf_failed(&b));
    assert_buf_string(&b, "12345678");
    assert_false(buf_append_octet(&b, 'x'));
    assert_false(buf_append_number(&b, 1));
    assert_false(buf_append_string(&b, ""));
    assert_null(buf_reserve(&b, 1));
    assert_buf_string(&b, "12345678");
    buf_consume(&b, 8);
    buf_clear(&b);
    assert_true(buf_failed(&b));
    buf_fini(&b);
}

static void test_memory_is_given_back(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 100);
    buf_append_string(&b, "ab");
    buf_release(&b);
    assert_buf_string(&b, "ab");
    buf_consume(&b, 2);
    assert_non_null(b.data);
    buf_release(&b);
    assert_null(b.data);
    assert_true(buf_append_string(&b, "cd"));
    buf_clear(&b);
    assert_null(b.data);
    assert_int_equal(buf_length(&b), 0);
    assert_true(buf_append_string(&b, "ef"));
    assert_buf_string(&b, "ef");
    buf_fini(&b);
    assert_null(b.data);
}

static void test_watcher_sees_a_secret(void **state)
{
    char *copy = malloc(100);

    (void)state;
    assert_non_null(copy);
    memcpy(copy, SECRET, sizeof(SECRET));
    watch();
    free(copy);
    alloc_watch_free(NULL);
    assert_int_equal(freed, 1);
    assert_int_equal(leaked, 1);
}

static void test_wiped_before_it_is_freed(void **state)
{
    struct buf b;

    (void)state;
    watch();
    buf_init(&b, 4096);
    buf_append_string(&b, SECRET);
    append_many(&b, 'x', 512); /* grows */
    assert_int_equal(freed, 1);
    buf_clear(&b);
    assert_int_equal(freed, 2);
    buf_append_string(&b, SECRET);
    buf_consume(&b, strlen(SECRET));
    buf_release(&b);
    assert_int_equal(freed, 3);
    buf_append_string(&b, SECRET "12345");
    buf_consume(&b, strlen(SECRET)); /* before start */
    buf_fini(&b);
    assert_int_equal(freed, 4);
    buf_init(&b, 4096);
    memcpy(buf_reserve(&b, 100), SECRET, sizeof(SECRET)); /* no commit */
    buf_fini(&b);
    alloc_watch_free(NULL);
    assert_int_equal(freed, 5);
    assert_int_equal(leaked, 0);
}

static void test_wipe(void **state)
{
    char text[] = "secret";

    (void)state;
    wipe(NULL, 0);
    wipe(text + 1, 3);
    assert_memory_equal(text, "s\0\0\0et", 7);
}

/* The i-th allocation fails: the buffer says so and keeps what it has. */
static void test_out_of_memory(void **state)
{
    struct buf b;

    (void)state;
    for (unsigned long n = 1; n <= 3; n++) {
        buf_init(&b, 2048);
        alloc_fail_at(n);
        append_many(&b, 'x', 2048);
        assert_int_equal(alloc_fail_count(), n);
        assert_true(buf_failed(&b));
        assert_int_equal(buf_length(&b), n == 1 ? 0 : 256U << (n - 1));
        alloc_fail_at(0);
        assert_false(buf_append_octet(&b, 'x'));
        buf_fini(&b);
    }
}

static void consume_too_much(void)
{
    struct buf b;

    buf_init(&b, 10);
    buf_append_octet(&b, 'x');
    buf_consume(&b, 2);
}

static void commit_too_much(void)
{
    struct buf b;

    buf_init(&b, 10);
    buf_append_octet(&b, 'x');
    buf_commit(&b, 10);
}

static void prepare_too_much(void)
{
    struct buf b;

    buf_init(&b, 10);
    buf_prepare(&b, 11);
}

static void test_mistakes_abort(void **state)
{
    (void)state;
    assert_aborts(prepare_too_much);
    assert_aborts(consume_too_much);
    assert_aborts(commit_too_much);
}

/* Against a counter: octet number i is i modulo 251, so any that is lost,
 * doubled or moved shows.
 */
static void test_any_order_of_use(void **state)
{
    struct random_source r;
    struct buf b;
    size_t written = 0;
    size_t read = 0;

    (void)state;
    random_init(&r, 1);
    buf_init(&b, 5000);
    for (int step = 0; step < 20000; step++) {
        size_t n = random_below(&r, 700);

        if (random_below(&r, 2) == 0) {
            n = n < buf_room(&b) ? n : buf_room(&b);
            for (; n > 0; n--)
                assert_true(
                    buf_append_octet(&b, (unsigned char)(written++ % 251)));
        } else {
            n = n < buf_length(&b) ? n : buf_length(&b);
            for (size_t i = 0; i < n; i++)
                assert_int_equal(buf_span(&b).data[i], read++ % 251);
            buf_consume(&b, n);
        }
        if (random_below(&r, 50) == 0)
            buf_release(&b);
        assert_int_equal(buf_length(&b), written - read);
        assert_true(b.start <= b.end && b.end <= b.touched &&
                    b.touched <= b.capacity && b.capacity <= b.max);
    }
    assert_true(read > 1000000);
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest buf[] = {
        cmocka_unit_test(test_new_owns_nothing),
        cmocka_unit_test(test_queue),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_reserve_and_commit),
        cmocka_unit_test(test_capacity_doubles_up_to_the_bound),
        cmocka_unit_test(test_prepared_memory_is_one_allocation),
        cmocka_unit_test(test_moves_down_before_it_grows),
        cmocka_unit_test(test_failure_sticks),
        cmocka_unit_test(test_memory_is_given_back),
        cmocka_unit_test(test_watcher_sees_a_secret),
        cmocka_unit_test(test_wiped_before_it_is_freed),
        cmocka_unit_test(test_wipe),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_mistakes_abort),
        cmocka_unit_test(test_any_order_of_use),
    };

    return cmocka_run_group_tests(buf, NULL, NULL);
}
