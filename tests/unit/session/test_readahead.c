/* test_readahead.c - what is fetched before it is asked for, how far, and what
 * becomes of it.
 */
#include "session/readahead.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attributes.h"

#define SESSION_MAX 1000

/* A mailbox of |count| messages with UIDs 10, 20, 30, ... */
struct play {
    struct imap_session imap;
    struct session_policy policy;
    struct maildrop *maildrop;
    struct octet_budget budget;
    struct readahead ahead;
};

static struct maildrop *make_maildrop(unsigned count, uint64_t size)
{
    const struct maildrop_traits traits = { .uidvalidity = 7,
                                            .has_unique_ids = true };
    struct snapshot *snapshot =
        snapshot_new(count, snapshot_size_is_large(size) ? count : 0);
    struct maildrop *m;

    assert_non_null(snapshot);
    for (uint32_t n = 1; n <= count; n++)
        snapshot_append(snapshot, 10 * n, size);
    m = maildrop_new(snapshot, &traits);
    snapshot_unref(snapshot);
    assert_non_null(m);
    return m;
}

static void set_up(struct play *p, unsigned count, uint64_t size)
{
    *p = (struct play){ .maildrop = make_maildrop(count, size) };
    assert_true(
        imap_session_init(&p->imap, &p->policy, (struct span){ NULL, 0 }));
    p->imap.state = IMAP_SELECTED;
    octet_budget_init(&p->budget, 100 * SESSION_MAX);
    readahead_init(&p->ahead, SESSION_MAX, &p->budget);
}

static void tear_down(struct play *p)
{
    readahead_forget(&p->ahead);
    assert_int_equal(octet_budget_taken(&p->budget), 0);
    imap_session_fini(&p->imap);
    maildrop_free(p->maildrop);
}

static bool fetch(struct play *p, uint32_t index, bool expected)
{
    return readahead_fetch(&p->ahead, &p->imap, p->maildrop, index, expected);
}

/* RETR of |index|: the tag of what is under way, or 0. */
static uint32_t take(struct play *p, uint32_t index)
{
    return readahead_take(&p->ahead, p->maildrop, index);
}

static bool completed(struct play *p, uint32_t tag)
{
    struct readahead_message message;

    if (!readahead_completed(&p->ahead, tag, &message))
        return false;
    assert_int_equal(message.tag, tag);
    return true;
}

/* Fetches what is expected for as long as there is something. */
static unsigned fetch_expected(struct play *p)
{
    uint32_t index;
    unsigned count = 0;

    while (readahead_expected(&p->ahead, p->maildrop, &index) &&
           fetch(p, index, true))
        count++;
    return count;
}

static void expect_next(struct play *p, uint32_t expected)
{
    uint32_t index;

    assert_true(readahead_expected(&p->ahead, p->maildrop, &index));
    assert_int_equal(index, expected);
}

/* One more each time: what is under way grows with what went in order. */
static void test_grows_with_the_order(void **state)
{
    struct play p;

    (void)state;
    set_up(&p, 100, 1);
    assert_int_equal(take(&p, 0), 0);
    assert_int_equal(fetch_expected(&p), 1);
    for (uint32_t i = 1; i < 10; i++) {
        assert_true(take(&p, i) != 0);
        assert_int_equal(fetch_expected(&p), 2);
        assert_int_equal(p.ahead.count, i + 1);
    }
    tear_down(&p);
}

/* With |order| messages retrieved so far: it is time to fetch more when |batch|
 * of those under way are taken.
 */
static void check_batch(uint32_t order, uint64_t size, unsigned batch)
{
    struct play p;
    unsigned taken = 0;

    set_up(&p, 200, size);
    p.ahead.in_order = order;
    p.ahead.next = 1;
    assert_true(readahead_is_low(&p.ahead));
    assert_true(fetch_expected(&p) > 0);
    while (!readahead_is_low(&p.ahead)) {
        assert_true(take(&p, p.ahead.next) != 0);
        p.ahead.in_order = order;
        taken++;
    }
    assert_int_equal(taken, batch);
    tear_down(&p);
}

/* Few at any time, many in batches: of their number, or of octets. */
static void test_fetches_in_batches(void **state)
{
    (void)state;
    check_batch(1, 1, 0); /* always */
    check_batch(READAHEAD_BATCHES, 1, 1);
    check_batch(READAHEAD_MESSAGES_MAX, 1,
                READAHEAD_MESSAGES_MAX / READAHEAD_BATCHES);
    check_batch(READAHEAD_MESSAGES_MAX, SESSION_MAX / 20,
                20 / READAHEAD_BATCHES);
    check_batch(READAHEAD_MESSAGES_MAX, SESSION_MAX / 2, 1);
}

/* What is sent is the fetch of that message, and its tag is what is taken. */
static void test_sends_the_fetch(void **state)
{
    struct play p;

    (void)state;
    set_up(&p, 3, 1);
    assert_int_equal(take(&p, 0), 0);
    assert_true(fetch(&p, 1, true));
    assert_true(span_equals(buf_span(&p.imap.out),
                            SPAN_LITERAL("A1 UID FETCH 20 "
                                         "(UID BODY.PEEK[])\r\n")));
    assert_true(readahead_is_under_way(&p.ahead));
    assert_false(fetch(&p, 1, true)); /* it is on its way already */
    assert_int_equal(take(&p, 1), 1);
    assert_false(readahead_is_under_way(&p.ahead));
    tear_down(&p);
}

static void test_expects_what_is_listed(void **state)
{
    struct play p;
    uint32_t index;

    (void)state;
    set_up(&p, 5, 1);
    assert_int_equal(maildrop_mark_deleted(p.maildrop, 0), FAULT_NONE);
    expect_next(&p, 1);
    assert_int_equal(maildrop_mark_deleted(p.maildrop, 2), FAULT_NONE);
    assert_int_equal(take(&p, 1), 0);
    expect_next(&p, 3);
    assert_true(fetch(&p, 3, true));
    expect_next(&p, 4);
    /* Over the marked one: that is in order. */
    assert_true(take(&p, 3) != 0);
    assert_int_equal(p.ahead.in_order, 2);
    assert_int_equal(take(&p, 4), 0);
    assert_false(readahead_expected(&p.ahead, p.maildrop, &index));
    tear_down(&p);
}

static void test_forgets_the_order(void **state)
{
    struct play p;
    uint32_t index;

    (void)state;
    set_up(&p, 10, 1);
    assert_int_equal(take(&p, 5), 0);
    assert_int_equal(fetch_expected(&p), 0);
    assert_int_equal(take(&p, 6), 0);
    assert_int_equal(fetch_expected(&p), 1);
    readahead_lose_order(&p.ahead);
    assert_false(readahead_expected(&p.ahead, p.maildrop, &index));
    /* Its answer still comes, but is of no use. */
    assert_true(readahead_is_under_way(&p.ahead));
    assert_int_equal(take(&p, 7), 0);
    assert_int_equal(fetch_expected(&p), 0);
    assert_int_equal(take(&p, 8), 0);
    assert_true(readahead_is_under_way(&p.ahead));
    tear_down(&p);
}

/* Answers come as asked: what stands before the one taken passes by first; and
 * all do, where one is taken that is not among them.
 */
static void test_loses_what_is_jumped_over(void **state)
{
    struct play p;

    (void)state;
    set_up(&p, 10, 1);
    assert_int_equal(take(&p, 0), 0);
    assert_true(fetch(&p, 4, false));
    assert_true(fetch(&p, 5, false));
    assert_true(fetch(&p, 6, false));
    assert_true(fetch(&p, 7, false));
    assert_int_equal(take(&p, 5), 2);
    assert_int_equal(p.ahead.count, 3);
    assert_int_equal(take(&p, 6), 3);
    assert_int_equal(take(&p, 4), 0);
    assert_int_equal(take(&p, 7), 0);
    assert_int_equal(p.ahead.count, 2);
    tear_down(&p);
}

/* What has passed by is not there any more when its turn comes. */
static void test_loses_one_or_all(void **state)
{
    struct play p;

    (void)state;
    set_up(&p, 10, 1);
    for (uint32_t i = 0; i < 4; i++)
        assert_true(fetch(&p, i, false));
    readahead_lose(&p.ahead, 9);
    readahead_lose(&p.ahead, maildrop_count(p.maildrop));
    assert_true(fetch(&p, 4, false));
    readahead_lose(&p.ahead, 2);
    assert_true(take(&p, 0) != 0);
    assert_true(take(&p, 1) != 0);
    assert_int_equal(take(&p, 2), 0);
    readahead_lose_all(&p.ahead);
    assert_int_equal(take(&p, 3), 0);
    tear_down(&p);
}

/* Delivered before its tagged response: that is still to come, and is no waste.
 */
static void test_notes_what_was_delivered(void **state)
{
    struct readahead_message message;
    struct play p;
    uint32_t tag;

    (void)state;
    set_up(&p, 10, 1);
    assert_true(fetch(&p, 0, false));
    assert_true(fetch(&p, 1, false));
    tag = take(&p, 0);
    assert_true(readahead_has(&p.ahead, 1));
    assert_false(readahead_has(&p.ahead, 0));
    readahead_note_delivered(&p.ahead, tag, 0, 20);
    assert_int_equal(p.ahead.answer_uid, 20);
    assert_false(readahead_has(&p.ahead, 0));
    assert_true(readahead_completed(&p.ahead, tag, &message));
    assert_true(message.delivered);
    assert_int_equal(message.index, 0);
    assert_int_equal(p.ahead.wasted, 0);
    assert_true(readahead_completed(&p.ahead, tag + 1, &message));
    assert_false(message.delivered);
    assert_int_equal(p.ahead.answer_uid, 0);
    tear_down(&p);
}

/* READAHEAD_MESSAGES_MAX, all of them delivered before the first response. */
static void test_all_delivered(void **state)
{
    struct play p;
    uint32_t tag;

    (void)state;
    set_up(&p, 2 * READAHEAD_MESSAGES_MAX, 0);
    p.ahead.in_order = 2 * READAHEAD_MESSAGES_MAX;
    tag = imap_session_begin_fetch(&p.imap);
    p.ahead.next = 1;
    assert_int_equal(fetch_expected(&p), READAHEAD_MESSAGES_MAX);
    for (uint32_t i = 0; i < READAHEAD_MESSAGES_MAX; i++) {
        readahead_note_delivered(&p.ahead, tag, i, 10 * (i + 1));
        tag = take(&p, i + 1);
        assert_true(tag != 0);
        assert_int_equal(fetch_expected(&p), 0);
    }
    for (uint32_t i = 0; i < READAHEAD_MESSAGES_MAX; i++)
        assert_true(completed(&p, i + 1));
    assert_false(readahead_is_under_way(&p.ahead));
    tear_down(&p);
}

static void test_ends_by_its_tag(void **state)
{
    struct play p;
    uint32_t tag;

    (void)state;
    set_up(&p, 10, 100);
    assert_true(fetch(&p, 0, false));
    tag = p.imap.tag;
    assert_true(fetch(&p, 1, false));
    readahead_lose_order(&p.ahead);
    assert_false(completed(&p, tag + 2));
    assert_true(completed(&p, tag));
    assert_false(completed(&p, tag));
    assert_true(readahead_is_under_way(&p.ahead));
    assert_true(completed(&p, tag + 1));
    assert_false(readahead_is_under_way(&p.ahead));
    assert_int_equal(octet_budget_taken(&p.budget), 0);
    tear_down(&p);
}

static void fetch_asked(struct play *p, const uint32_t *index, unsigned count)
{
    readahead_fetch_asked(&p->ahead, &p->imap, p->maildrop, index, count);
}

static void expect_under_way(struct play *p, const uint32_t *index,
                             unsigned count)
{
    assert_int_equal(p->ahead.count, count);
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(p->ahead.at[i].index, index[i]);
}

/* In the order in which it was asked for, twice where it was asked for twice;
 * what is under way in that order is not fetched again.
 */
static void test_what_was_asked_for(void **state)
{
    static const uint32_t asked[] = { 4, 4, 2, 7, 2, 9 };
    static const uint32_t other[] = { 2, 9, 7, 1 };
    static const uint32_t all[] = { 4, 2, 7, 2, 9, 7, 1 };
    struct play p;

    (void)state;
    set_up(&p, 10, 1);
    fetch_asked(&p, asked, 3);
    expect_under_way(&p, asked, 3);
    fetch_asked(&p, asked, ARRAY_LENGTH(asked));
    expect_under_way(&p, asked, ARRAY_LENGTH(asked));
    assert_int_equal(take(&p, 4), 1);
    expect_under_way(&p, asked + 1, ARRAY_LENGTH(asked) - 1);
    fetch_asked(&p, other, ARRAY_LENGTH(other));
    expect_under_way(&p, all, ARRAY_LENGTH(all));
    tear_down(&p);
}

/* --- how much --- */

static void test_budget_of_the_session(void **state)
{
    struct play p;

    (void)state;
    set_up(&p, 10, 400);
    p.ahead.in_order = 10;
    assert_int_equal(fetch_expected(&p), 2);
    assert_int_equal(octet_budget_taken(&p.budget), 800);
    /* What is taken or has come makes room. */
    assert_true(take(&p, 0) != 0);
    p.ahead.in_order = 10;
    assert_int_equal(octet_budget_taken(&p.budget), 400);
    assert_int_equal(fetch_expected(&p), 1);
    tear_down(&p);
}

static void test_budget_of_the_process(void **state)
{
    struct play p;

    (void)state;
    set_up(&p, 10, 100);
    p.ahead.in_order = 10;
    octet_budget_init(&p.budget, 250);
    assert_true(octet_budget_take(&p.budget, 50)); /* by another session */
    assert_int_equal(fetch_expected(&p), 2);
    octet_budget_give(&p.budget, 50);
    assert_int_equal(fetch_expected(&p), 0);
    assert_int_equal(octet_budget_taken(&p.budget), 200);
    /* Without one, the session's alone counts. */
    readahead_forget(&p.ahead);
    readahead_init(&p.ahead, SESSION_MAX, NULL);
    p.ahead.in_order = 20;
    assert_int_equal(fetch_expected(&p), 10);
    tear_down(&p);
}

/* One that is wanted for certain need not fit, if no other is under way. */
static void test_asked_for_and_large(void **state)
{
    struct play p;

    (void)state;
    set_up(&p, 10, SESSION_MAX + 1);
    p.ahead.in_order = 10;
    assert_false(fetch(&p, 0, true));
    assert_true(fetch(&p, 0, false));
    assert_false(fetch(&p, 1, false));
    assert_int_equal(octet_budget_taken(&p.budget), 0);
    assert_true(take(&p, 0) != 0);
    assert_true(fetch(&p, 1, false));
    tear_down(&p);
}

/* Nothing goes before one that has to wait: it would be lost behind it. */
static void test_asked_for_behind_a_large_one(void **state)
{
    static const uint32_t asked[] = { 0, 1, 2 };
    struct play p;

    (void)state;
    set_up(&p, 3, SESSION_MAX / 2 + 1);
    p.ahead.in_order = 1;
    assert_true(fetch(&p, 0, true));
    fetch_asked(&p, asked, ARRAY_LENGTH(asked));
    expect_under_way(&p, asked, 1);
    assert_true(take(&p, 0) != 0);
    fetch_asked(&p, asked + 1, 2);
    expect_under_way(&p, asked + 1, 2);
    tear_down(&p);
}

/* What would be thrown away at a great cost is not read ahead at all. */
static void test_very_large(void **state)
{
    struct play p;

    (void)state;
    set_up(&p, 2, READAHEAD_MESSAGE_MAX);
    assert_true(fetch(&p, 0, false));
    tear_down(&p);
    set_up(&p, 2, READAHEAD_MESSAGE_MAX + 1);
    p.ahead.max = UINT64_MAX;
    p.ahead.budget = NULL;
    p.ahead.in_order = 10;
    assert_false(fetch(&p, 0, false));
    assert_false(fetch(&p, 0, true));
    tear_down(&p);
}

/* What comes in vain is no more than what is of use, and so many more. */
static void test_waste(void **state)
{
    unsigned fetches = 0;
    struct play p;

    (void)state;
    set_up(&p, 10, 0);
    while (fetch(&p, 1, false)) {
        readahead_lose(&p.ahead, 1);
        readahead_lose_order(&p.ahead); /* counts once */
        assert_true(completed(&p, p.imap.tag));
        p.imap.awaited = 0;
        assert_true(++fetches < 1000);
    }
    assert_int_equal(fetches, READAHEAD_MESSAGES_MAX + 1);
    p.ahead.useful++;
    assert_true(fetch(&p, 2, false));
    assert_true(take(&p, 2) != 0);
    assert_int_equal(p.ahead.useful, 2);
    tear_down(&p);
}

static void test_off(void **state)
{
    struct play p;

    (void)state;
    set_up(&p, 10, 0);
    p.ahead.max = 0;
    p.ahead.in_order = 10;
    assert_int_equal(fetch_expected(&p), 0);
    assert_false(fetch(&p, 0, false));
    tear_down(&p);
}

/* READAHEAD_MESSAGES_MAX, of empty messages too; and one more that is asked for
 * meanwhile has room on the connection.
 */
static void test_number(void **state)
{
    struct play p;

    (void)state;
    set_up(&p, 2 * READAHEAD_MESSAGES_MAX, 0);
    p.ahead.in_order = 1000;
    assert_int_equal(fetch_expected(&p), READAHEAD_MESSAGES_MAX);
    assert_false(fetch(&p, READAHEAD_MESSAGES_MAX, false));
    assert_true(imap_session_may_begin_fetch(&p.imap, 0));
    tear_down(&p);
}

/* A server that does not answer the first must not be asked without end. */
static void test_room_of_the_connection(void **state)
{
    struct play p;
    uint32_t index = 0;

    (void)state;
    set_up(&p, 2 * IMAP_PIPELINE_MAX, 0);
    p.ahead.useful = IMAP_PIPELINE_MAX; /* what follows is in vain */
    assert_int_equal(imap_session_begin_fetch(&p.imap), 1);
    while (fetch(&p, index, false)) {
        index++;
        assert_true(completed(&p, p.imap.tag));
        p.imap.awaited = UINT64_C(1) << (p.imap.tag - 1);
        assert_true(index < IMAP_PIPELINE_MAX);
    }
    assert_int_equal(index, IMAP_PIPELINE_MAX - 2);
    assert_true(imap_session_may_begin_fetch(&p.imap, 0));
    assert_int_equal(imap_session_oldest_tag(&p.imap), 1);
    tear_down(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grows_with_the_order),
        cmocka_unit_test(test_fetches_in_batches),
        cmocka_unit_test(test_sends_the_fetch),
        cmocka_unit_test(test_expects_what_is_listed),
        cmocka_unit_test(test_forgets_the_order),
        cmocka_unit_test(test_loses_what_is_jumped_over),
        cmocka_unit_test(test_loses_one_or_all),
        cmocka_unit_test(test_notes_what_was_delivered),
        cmocka_unit_test(test_all_delivered),
        cmocka_unit_test(test_ends_by_its_tag),
        cmocka_unit_test(test_what_was_asked_for),
        cmocka_unit_test(test_budget_of_the_session),
        cmocka_unit_test(test_budget_of_the_process),
        cmocka_unit_test(test_asked_for_and_large),
        cmocka_unit_test(test_asked_for_behind_a_large_one),
        cmocka_unit_test(test_very_large),
        cmocka_unit_test(test_waste),
        cmocka_unit_test(test_off),
        cmocka_unit_test(test_number),
        cmocka_unit_test(test_room_of_the_connection),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
