/* test_snapshot_builder.c - rows of a listing, as servers send them, become
 * the messages of a maildrop.
 */
#include "session/snapshot_builder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limits.h"
#include "support/alloc_fail.h"

static const struct snapshot_facts no_facts = { .has_size = false };

static void add(struct snapshot_builder *b, uint32_t uid, uint64_t size_octets)
{
    const struct snapshot_facts facts = { .has_size = true,
                                          .size_octets = size_octets };

    assert_int_equal(snapshot_builder_add(b, uid, &facts), SNAPSHOT_OK);
}

static void add_flags(struct snapshot_builder *b, uint32_t uid, bool deleted)
{
    const struct snapshot_facts facts = { .has_flags = true,
                                          .deleted = deleted };

    assert_int_equal(snapshot_builder_add(b, uid, &facts), SNAPSHOT_OK);
}

static struct snapshot_halves finish_over(struct snapshot_builder *b,
                                          const struct snapshot_halves *base)
{
    struct snapshot_halves h = { NULL, NULL };

    assert_int_equal(snapshot_builder_finish(b, base, &h), SNAPSHOT_OK);
    assert_non_null(h.listed);
    assert_non_null(h.hidden);
    assert_int_equal(b->count, 0);
    return h;
}

/* What is listed. */
static struct snapshot *finish(struct snapshot_builder *b)
{
    struct snapshot_halves h = { NULL, NULL };

    assert_int_equal(snapshot_builder_finish(b, NULL, &h), SNAPSHOT_OK);
    assert_non_null(h.listed);
    snapshot_unref(h.hidden);
    return h.listed;
}

static void test_nothing(void **state)
{
    struct snapshot_builder b;
    struct snapshot *s;

    (void)state;
    snapshot_builder_init(&b);
    s = finish(&b);
    assert_int_equal(snapshot_count(s), 0);
    assert_int_equal(snapshot_find(s, 1), 0);
    snapshot_unref(s);
    snapshot_unref(NULL);
    snapshot_builder_fini(&b);
}

/* DEC-1: ascending by UID, whatever the order they came in. */
static void test_order(void **state)
{
    static const uint32_t uids[] = { 7, 4294967295, 1, 300, 299, 2 };
    static const uint32_t sorted[] = { 1, 2, 7, 299, 300, 4294967295 };
    struct snapshot_builder b;
    struct snapshot *s;

    (void)state;
    snapshot_builder_init(&b);
    for (size_t i = 0; i < ARRAY_LENGTH(uids); i++)
        add(&b, uids[i], 10 * (uint64_t)uids[i]);
    s = finish(&b);
    assert_int_equal(snapshot_count(s), ARRAY_LENGTH(sorted));
    for (uint32_t i = 0; i < ARRAY_LENGTH(sorted); i++) {
        assert_int_equal(snapshot_uid(s, i), sorted[i]);
        assert_int_equal(snapshot_size_octets(s, i), 10 * (uint64_t)sorted[i]);
        assert_int_equal(snapshot_find(s, sorted[i]), i);
    }
    assert_int_equal(snapshot_find(s, 3), snapshot_count(s));
    assert_int_equal(snapshot_find(s, 4294967294), snapshot_count(s));
    snapshot_unref(s);
}

/* IMAP-18: split, repeated and contradicted; the later word holds. */
static void test_merge(void **state)
{
    struct snapshot_builder b;
    struct snapshot *s;

    (void)state;
    snapshot_builder_init(&b);
    add_flags(&b, 5, true);
    add(&b, 4, 40);
    add(&b, 5, 50);
    assert_int_equal(snapshot_builder_add(&b, 5, &no_facts), SNAPSHOT_OK);
    add(&b, 3, 30);
    add_flags(&b, 3, true);
    add_flags(&b, 3, false);
    add(&b, 4, 44);
    s = finish(&b);
    assert_int_equal(snapshot_count(s), 2);
    assert_int_equal(snapshot_uid(s, 0), 3);
    assert_int_equal(snapshot_size_octets(s, 0), 30);
    assert_int_equal(snapshot_uid(s, 1), 4);
    assert_int_equal(snapshot_size_octets(s, 1), 44);
    snapshot_unref(s);
}

/* DEC-2: apart, whether a policy shows them or not. */
static void test_deleted(void **state)
{
    struct snapshot_builder b;
    struct snapshot_halves h;

    (void)state;
    snapshot_builder_init(&b);
    add(&b, 1, 10);
    add(&b, 2, UINT64_MAX);
    add_flags(&b, 2, true);
    add(&b, 3, 30);
    h = finish_over(&b, NULL);
    assert_int_equal(snapshot_count(h.listed), 2);
    assert_int_equal(snapshot_find(h.listed, 2), 2);
    assert_int_equal(snapshot_size_octets(h.listed, 1), 30);
    assert_int_equal(snapshot_count(h.hidden), 1);
    assert_int_equal(snapshot_uid(h.hidden, 0), 2);
    snapshot_halves_drop(&h);
}

/* DEC-8: sizes of 64 bits, on both sides of what fits into 32. */
static void test_large_sizes(void **state)
{
    static const uint64_t sizes[] = {
        0,          UINT32_MAX - 1, UINT32_MAX, (uint64_t)UINT32_MAX + 1, 1,
        UINT64_MAX, UINT32_MAX,     12,         UINT64_MAX - 1,
    };
    struct snapshot_builder b;
    struct snapshot *s;

    (void)state;
    snapshot_builder_init(&b);
    for (uint32_t i = 0; i < ARRAY_LENGTH(sizes); i++)
        add(&b, i + 1, sizes[i]);
    s = finish(&b);
    for (uint32_t i = 0; i < ARRAY_LENGTH(sizes); i++)
        assert_true(snapshot_size_octets(s, i) == sizes[i]);
    snapshot_unref(s);
}

/* IMAP-18: without a size there is no snapshot, and what is there is kept for
 * the size that may yet come.
 */
static void test_incomplete(void **state)
{
    struct snapshot_builder b;
    struct snapshot_halves none = { NULL, NULL };
    struct snapshot *s;

    (void)state;
    snapshot_builder_init(&b);
    add(&b, 2, 20);
    add_flags(&b, 1, false);
    assert_int_equal(snapshot_builder_finish(&b, NULL, &none),
                     SNAPSHOT_EINCOMPLETE);
    assert_null(none.listed);
    assert_null(none.hidden);
    add(&b, 1, 10);
    s = finish(&b);
    assert_int_equal(snapshot_count(s), 2);
    snapshot_unref(s);
}

static void add_many(struct snapshot_builder *b, uint32_t count)
{
    for (uint32_t uid = 1; uid <= count; uid++)
        add(b, uid, 1);
}

/* The cap is on what is shown: one more, and hidden, is still admitted. */
static void test_too_many(void **state)
{
    struct snapshot_halves none = { NULL, NULL };
    struct snapshot_builder b;
    struct snapshot *s;

    (void)state;
    snapshot_builder_init(&b);
    add_many(&b, MAILDROP_MESSAGES_MAX + 1);
    assert_int_equal(snapshot_builder_finish(&b, NULL, &none),
                     SNAPSHOT_ETOOBIG);
    assert_null(none.listed);
    add_flags(&b, 17, true);
    s = finish(&b);
    assert_int_equal(snapshot_count(s), MAILDROP_MESSAGES_MAX);
    assert_int_equal(snapshot_uid(s, MAILDROP_MESSAGES_MAX - 1),
                     MAILDROP_MESSAGES_MAX + 1);
    snapshot_unref(s);
}

/* --- laid over what is known --- */

/* UIDs 10, 30 and 50 listed, 20 and 40 hidden; sizes as the UIDs. */
static struct snapshot_halves base(void)
{
    struct snapshot_builder b;

    snapshot_builder_init(&b);
    for (uint32_t uid = 10; uid <= 50; uid += 10) {
        add(&b, uid, uid);
        add_flags(&b, uid, uid % 20 == 0);
    }
    return finish_over(&b, NULL);
}

static void expect(const struct snapshot *s, const uint32_t *uids,
                   uint32_t count)
{
    assert_int_equal(snapshot_count(s), count);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(snapshot_uid(s, i), uids[i]);
        assert_int_equal(snapshot_size_octets(s, i), uids[i]);
    }
}
#define EXPECT(s, ...)                           \
    expect(s, (const uint32_t[]){ __VA_ARGS__ }, \
           ARRAY_LENGTH(((const uint32_t[]){ __VA_ARGS__ })))

/* DEC-1: no change, and the base is left as it is. */
static void test_over_base_nothing(void **state)
{
    struct snapshot_halves known = base();
    struct snapshot_builder b;
    struct snapshot_halves h;

    (void)state;
    snapshot_builder_init(&b);
    h = finish_over(&b, &known);
    EXPECT(h.listed, 10, 30, 50);
    EXPECT(h.hidden, 20, 40);
    snapshot_halves_drop(&known);
    EXPECT(h.listed, 10, 30, 50);
    snapshot_halves_drop(&h);
    assert_null(h.listed);
}

/* DEC-1: new messages, in between as well, and flags that changed; an answer
 * without a size says nothing of the size, one without flags nothing of them.
 */
static void test_over_base_changes(void **state)
{
    static const uint64_t large = (uint64_t)1 << 40;
    struct snapshot_halves known = base();
    struct snapshot_builder b;
    struct snapshot_halves h;

    (void)state;
    snapshot_builder_init(&b);
    add(&b, 60, large);
    add_flags(&b, 10, true);
    add_flags(&b, 40, false);
    add(&b, 20, 20);
    add(&b, 5, 5);
    add(&b, 25, 25);
    add_flags(&b, 25, true);
    h = finish_over(&b, &known);
    assert_int_equal(snapshot_count(h.listed), 5);
    assert_true(snapshot_size_octets(h.listed, 4) == large);
    assert_int_equal(snapshot_find(h.listed, 5), 0);
    assert_int_equal(snapshot_find(h.listed, 30), 1);
    assert_int_equal(snapshot_find(h.listed, 40), 2);
    assert_int_equal(snapshot_find(h.listed, 50), 3);
    EXPECT(h.hidden, 10, 20, 25);
    snapshot_halves_drop(&h);
    EXPECT(known.listed, 10, 30, 50);
    snapshot_halves_drop(&known);
}

/* A new message without a size is incomplete, also over a base. */
static void test_over_base_incomplete(void **state)
{
    struct snapshot_halves known = base();
    struct snapshot_halves none = { NULL, NULL };
    struct snapshot_builder b;

    (void)state;
    snapshot_builder_init(&b);
    add_flags(&b, 60, false);
    assert_int_equal(snapshot_builder_finish(&b, &known, &none),
                     SNAPSHOT_EINCOMPLETE);
    snapshot_builder_fini(&b);
    snapshot_halves_drop(&known);
}

/* DEC-1: a UID that should have been known, and is in neither half. */
static void test_strangers(void **state)
{
    struct snapshot_halves known = base();
    struct snapshot_builder b;

    (void)state;
    snapshot_builder_init(&b);
    assert_true(snapshot_builder_stays_within(&b, &known, 51));
    for (uint32_t uid = 10; uid <= 51; uid += uid == 50 ? 1 : 10)
        add(&b, uid, 1);
    assert_true(snapshot_builder_stays_within(&b, &known, 51));
    assert_false(snapshot_builder_stays_within(&b, &known, 52));
    add(&b, 49, 1);
    assert_true(snapshot_builder_stays_within(&b, &known, 49));
    assert_false(snapshot_builder_stays_within(&b, &known, 50));
    snapshot_builder_fini(&b);
    snapshot_halves_drop(&known);
}

/* Rows have a cap too, so that repeating one for ever fills no memory. */
static void test_endless_rows(void **state)
{
    const struct snapshot_facts facts = { .has_size = true, .size_octets = 1 };
    const size_t most = 4 * (size_t)MAILDROP_MESSAGES_MAX;
    enum snapshot_status status = SNAPSHOT_OK;
    struct snapshot_builder b;
    size_t rows = 0;

    (void)state;
    snapshot_builder_init(&b);
    while (status == SNAPSHOT_OK && rows < most) {
        status = snapshot_builder_add(&b, 9, &facts);
        rows++;
    }
    assert_int_equal(status, SNAPSHOT_ETOOBIG);
    assert_true(rows > 2 * (size_t)MAILDROP_MESSAGES_MAX);
    snapshot_builder_fini(&b);
}

static enum snapshot_status build(struct snapshot_builder *b,
                                  struct snapshot_halves *h)
{
    const struct snapshot_facts facts = { .has_size = true,
                                          .size_octets = UINT64_MAX };

    for (uint32_t uid = 1; uid <= 200; uid++) {
        enum snapshot_status status = snapshot_builder_add(b, uid, &facts);

        if (status != SNAPSHOT_OK)
            return status;
    }
    return snapshot_builder_finish(b, NULL, h);
}

/* Whichever allocation fails: ENOMEM, and nothing is lost or left behind. */
static void test_no_memory(void **state)
{
    enum snapshot_status status = SNAPSHOT_ENOMEM;
    unsigned long failing = 0;

    (void)state;
    while (status != SNAPSHOT_OK) {
        struct snapshot_builder b;
        struct snapshot_halves h = { NULL, NULL };
        size_t rows;

        snapshot_builder_init(&b);
        alloc_fail_at(++failing);
        status = build(&b, &h);
        alloc_fail_at(0);
        rows = b.count;
        if (status == SNAPSHOT_OK) {
            assert_int_equal(rows, 0);
            assert_int_equal(snapshot_count(h.listed), 200);
        } else {
            assert_int_equal(status, SNAPSHOT_ENOMEM);
            assert_null(h.listed);
            assert_null(h.hidden);
            assert_true(rows == 0 || rows == 64 || rows == 128 || rows == 200);
        }
        snapshot_halves_drop(&h);
        snapshot_builder_fini(&b);
        assert_true(failing < 100);
    }
    /* Three of rows, a snapshot and its table, the other one; and none. */
    assert_int_equal(failing, 7);
}

int main(void)
{
    const struct CMUnitTest session_snapshot_builder[] = {
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_merge),
        cmocka_unit_test(test_deleted),
        cmocka_unit_test(test_large_sizes),
        cmocka_unit_test(test_incomplete),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_endless_rows),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_over_base_nothing),
        cmocka_unit_test(test_over_base_changes),
        cmocka_unit_test(test_over_base_incomplete),
        cmocka_unit_test(test_strangers),
    };

    return cmocka_run_group_tests(session_snapshot_builder, NULL, NULL);
}
