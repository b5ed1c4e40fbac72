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
    struct upstream_policy policy;
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
    assert_true(imap_session_init(&p->imap, &p->policy,
                                  (struct server_name){ "h", 1 },
                                  (struct span){ NULL, 0 }));
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

/* RETR of |index|: the tag of what is under way, or 0. */
static uint32_t take(struct play *p, uint32_t index)
{
    return readahead_take(&p->ahead, p->maildrop, index);
}

/* How many messages are fetched. */
static unsigned fetch_expected(struct play *p)
{
    readahead_fetch(&p->ahead, &p->imap, p->maildrop, NULL, 0, true);
    return p->ahead.count;
}

static unsigned fetch_asked(struct play *p, const uint32_t *index,
                            unsigned count)
{
    readahead_fetch(&p->ahead, &p->imap, p->maildrop, index, count, false);
    return p->ahead.count;
}

static unsigned fetch_asked_one(struct play *p, uint32_t index)
{
    return fetch_asked(p, &index, 1);
}

/* The same for |count| messages, from |first| on. */
static unsigned fetch_asked_row(struct play *p, uint32_t first, unsigned count)
{
    uint32_t index[READAHEAD_MESSAGES_MAX];

    assert_true(count <= ARRAY_LENGTH(index));
    for (unsigned i = 0; i < count; i++)
        index[i] = first + i;
    return fetch_asked(p, index, count);
}

/* The tagged response to the batch comes; the answers had passed by. */
static void complete(struct play *p)
{
    uint32_t tag = p->ahead.tag;

    assert_true(tag != 0);
    assert_false(readahead_completed(&p->ahead, tag));
    p->imap.awaited = 0;
}

static void expect_sent(struct play *p, const char *commands)
{
    assert_true(
        span_equals(buf_span(&p->imap.out), span_from_string(commands)));
    buf_clear(&p->imap.out);
}

/* One more each time a batch is taken: what is fetched doubles. */
static void test_grows_with_the_order(void **state)
{
    struct play p;
    uint32_t index = 1;

    (void)state;
    set_up(&p, 100, 1);
    assert_int_equal(take(&p, 0), 0);
    for (unsigned batch = 1; batch <= 32; batch *= 2) {
        assert_int_equal(fetch_expected(&p), batch);
        for (unsigned i = 0; i < batch; i++) {
            assert_false(readahead_is_low(&p.ahead));
            assert_int_equal(take(&p, index++), p.ahead.tag);
        }
        assert_true(readahead_is_low(&p.ahead));
    }
    assert_int_equal(p.ahead.useful, 63);
    assert_int_equal(p.ahead.wasted, 0);
    tear_down(&p);
}

/* What is sent is one fetch of them all, and its tag is what is taken. */
static void test_sends_the_fetch(void **state)
{
    struct play p;

    (void)state;
    set_up(&p, 5, 1);
    assert_int_equal(fetch_expected(&p), 0); /* nothing is known */
    assert_false(readahead_is_under_way(&p.ahead));
    p.ahead.in_order = 2;
    p.ahead.next = 1;
    assert_int_equal(fetch_expected(&p), 2);
    expect_sent(&p, "A1 UID FETCH 20,30 (UID BODY.PEEK[])\r\n");
    assert_true(readahead_is_under_way(&p.ahead));
    assert_int_equal(take(&p, 1), 1);
    assert_false(readahead_has(&p.ahead, 1));
    assert_true(readahead_has(&p.ahead, 2));
    assert_int_equal(take(&p, 2), 1);
    assert_int_equal(fetch_expected(&p), 2);
    expect_sent(&p, "A2 UID FETCH 40,50 (UID BODY.PEEK[])\r\n");
    /* That of the first batch is still to come. */
    assert_false(readahead_completed(&p.ahead, 1));
    assert_int_equal(p.ahead.count, 2);
    assert_int_equal(take(&p, 3), 2);
    tear_down(&p);
}

static void test_expects_what_is_listed(void **state)
{
    struct play p;

    (void)state;
    set_up(&p, 5, 1);
    assert_int_equal(maildrop_mark_deleted(p.maildrop, 0), FAULT_NONE);
    assert_int_equal(maildrop_mark_deleted(p.maildrop, 2), FAULT_NONE);
    assert_int_equal(take(&p, 1), 0);
    assert_int_equal(p.ahead.in_order, 1);
    assert_int_equal(fetch_expected(&p), 1);
    expect_sent(&p, "A1 UID FETCH 40 (UID BODY.PEEK[])\r\n");
    /* Over the marked one: that is in order. */
    assert_true(take(&p, 3) != 0);
    assert_int_equal(p.ahead.in_order, 2);
    /* And there are no more than there are. */
    assert_int_equal(fetch_expected(&p), 1);
    expect_sent(&p, "A2 UID FETCH 50 (UID BODY.PEEK[])\r\n");
    assert_true(take(&p, 4) != 0);
    assert_int_equal(fetch_expected(&p), 0);
    tear_down(&p);
}

static void test_forgets_the_order(void **state)
{
    struct play p;

    (void)state;
    set_up(&p, 10, 1);
    assert_int_equal(take(&p, 5), 0);
    assert_int_equal(fetch_expected(&p), 0);
    assert_int_equal(take(&p, 6), 0);
    assert_int_equal(fetch_expected(&p), 1);
    readahead_lose_order(&p.ahead);
    /* Its answer still comes, but is of no use. */
    assert_true(readahead_is_under_way(&p.ahead));
    assert_false(readahead_is_low(&p.ahead));
    assert_false(readahead_has(&p.ahead, 7));
    assert_int_equal(take(&p, 7), 0);
    complete(&p);
    assert_int_equal(fetch_expected(&p), 0);
    assert_int_equal(take(&p, 8), 0);
    assert_int_equal(fetch_expected(&p), 1);
    tear_down(&p);
}

/* Answers come upwards: what stands before the one taken passes by first; and
 * all do, where one is taken that is not among them.
 */
static void test_loses_what_is_jumped_over(void **state)
{
    struct play p;

    (void)state;
    set_up(&p, 10, 1);
    assert_int_equal(fetch_asked_row(&p, 4, 4), 4);
    assert_int_equal(take(&p, 5), 1);
    assert_int_equal(p.ahead.count, 3);
    assert_int_equal(p.ahead.wasted, 1);
    readahead_pass(&p.ahead, 4);
    assert_int_equal(p.ahead.count, 2);
    assert_int_equal(p.ahead.wasted, 1);
    assert_int_equal(take(&p, 6), 1);
    assert_int_equal(take(&p, 4), 0);
    assert_int_equal(take(&p, 7), 0);
    assert_int_equal(p.ahead.count, 1);
    assert_true(readahead_has_others(&p.ahead, 1));
    assert_false(readahead_has_others(&p.ahead, 2));
    complete(&p);
    assert_false(readahead_has_others(&p.ahead, 1));
    tear_down(&p);
}

/* What has passed by is not there any more when its turn comes. */
static void test_loses_what_passes_by(void **state)
{
    struct play p;

    (void)state;
    set_up(&p, 10, 100);
    assert_int_equal(fetch_asked_row(&p, 0, 5), 5);
    assert_int_equal(octet_budget_taken(&p.budget), 400);
    readahead_pass(&p.ahead, 9);
    readahead_pass(&p.ahead, maildrop_count(p.maildrop));
    assert_int_equal(p.ahead.count, 5);
    readahead_pass(&p.ahead, 2);
    assert_int_equal(octet_budget_taken(&p.budget), 300);
    assert_int_equal(p.ahead.wasted, 1);
    assert_true(take(&p, 0) != 0);
    assert_true(take(&p, 1) != 0);
    assert_int_equal(take(&p, 2), 0);
    assert_int_equal(p.ahead.count, 2);
    tear_down(&p);
}

/* It may have been any of them; the order is known. */
static void test_loses_all_where_none_is_known(void **state)
{
    struct play p;

    (void)state;
    set_up(&p, 10, 1);
    assert_int_equal(fetch_asked_row(&p, 0, 3), 3);
    readahead_lose_all(&p.ahead);
    readahead_lose_all(&p.ahead);
    assert_int_equal(p.ahead.count, 3);
    assert_int_equal(p.ahead.wasted, 3);
    assert_int_equal(take(&p, 0), 0);
    assert_int_equal(p.ahead.in_order, 1);
    assert_true(readahead_is_under_way(&p.ahead));
    complete(&p);
    tear_down(&p);
}

/* Delivered before the tagged response: that is to come, and if it says NO, it
 * is about them, unless there is another that it may be about.
 */
static void test_notes_what_was_delivered(void **state)
{
    struct play p;

    (void)state;
    set_up(&p, 10, 1);
    assert_int_equal(fetch_asked_row(&p, 0, 2), 2);
    assert_int_equal(take(&p, 0), 1);
    readahead_note_delivered(&p.ahead, 1, 0);
    assert_int_equal(p.ahead.answer_uid, 0);
    assert_false(readahead_completed(&p.ahead, 1)); /* the second is missing */
    assert_int_equal(p.ahead.wasted, 1);
    assert_false(readahead_is_under_way(&p.ahead));

    assert_int_equal(fetch_asked_row(&p, 1, 2), 2);
    assert_int_equal(take(&p, 1), 2);
    readahead_note_delivered(&p.ahead, 2, 0);
    assert_int_equal(take(&p, 2), 2);
    /* The next batch begins. */
    assert_int_equal(fetch_asked_one(&p, 3), 1);
    readahead_note_delivered(&p.ahead, 2, 40);
    assert_int_equal(p.ahead.answer_uid, 40);
    assert_true(readahead_completed(&p.ahead, 2));
    assert_false(readahead_completed(&p.ahead, 2));
    assert_true(readahead_has(&p.ahead, 3));
    assert_int_equal(p.ahead.wasted, 1);

    /* Its only one is taken, and not yet delivered. */
    assert_int_equal(take(&p, 3), 3);
    assert_true(readahead_is_under_way(&p.ahead));
    assert_false(readahead_completed(&p.ahead, 3));
    assert_false(readahead_is_under_way(&p.ahead));
    tear_down(&p);
}

/* As many commands as can be under way, of all of which something was delivered:
 * each is known by its tag.
 */
static void test_delivered_of_many(void **state)
{
    struct play p;

    (void)state;
    set_up(&p, IMAP_PIPELINE_MAX, 1);
    for (uint32_t i = 0; i < IMAP_PIPELINE_MAX - 1; i++) {
        assert_int_equal(fetch_asked_one(&p, i), 1);
        assert_int_equal(take(&p, i), i + 1);
        readahead_note_delivered(&p.ahead, i + 1, 0);
    }
    assert_int_equal(fetch_asked_one(&p, 0), 0); /* no room */
    for (uint32_t i = 0; i < IMAP_PIPELINE_MAX - 1; i++) {
        assert_true(readahead_is_under_way(&p.ahead));
        assert_true(readahead_completed(&p.ahead, i + 1));
    }
    assert_false(readahead_is_under_way(&p.ahead));
    tear_down(&p);
}

static void test_ends_by_its_tag(void **state)
{
    struct play p;

    (void)state;
    set_up(&p, 10, 100);
    assert_int_equal(fetch_asked_row(&p, 0, 3), 3);
    readahead_lose_order(&p.ahead);
    assert_int_equal(p.ahead.wasted, 3);
    assert_false(readahead_completed(&p.ahead, p.ahead.tag + 1));
    assert_true(readahead_is_under_way(&p.ahead));
    complete(&p);
    assert_int_equal(p.ahead.wasted, 3);
    assert_false(readahead_is_under_way(&p.ahead));
    assert_true(readahead_is_low(&p.ahead));
    assert_int_equal(octet_budget_taken(&p.budget), 0);
    tear_down(&p);
}

/* Upwards, and no further: a set says nothing about another order. */
static void test_what_was_asked_for(void **state)
{
    static const uint32_t asked[] = { 4, 5, 8, 8, 9 };
    struct play p;

    (void)state;
    set_up(&p, 10, 1);
    assert_int_equal(fetch_asked(&p, asked, 0), 0);
    assert_int_equal(p.imap.tag, 0);
    assert_int_equal(fetch_asked(&p, asked, ARRAY_LENGTH(asked)), 3);
    expect_sent(&p, "A1 UID FETCH 50,60,90 (UID BODY.PEEK[])\r\n");
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(take(&p, asked[i]), 1);
    assert_int_equal(fetch_asked(&p, asked + 3, 2), 2);
    expect_sent(&p, "A2 UID FETCH 90,100 (UID BODY.PEEK[])\r\n");
    tear_down(&p);
}

/* Behind what was asked for, what will be: where that is in order, and up to as
 * many as were.
 */
static void test_what_is_asked_for_next(void **state)
{
    static const uint32_t row[] = { 3, 5 };
    static const uint32_t gap[] = { 3, 6 };
    struct play p;

    (void)state;
    set_up(&p, 20, 1);
    assert_int_equal(maildrop_mark_deleted(p.maildrop, 4), FAULT_NONE);
    assert_int_equal(maildrop_mark_deleted(p.maildrop, 6), FAULT_NONE);
    p.ahead.in_order = 4;
    p.ahead.next = 3;
    readahead_fetch(&p.ahead, &p.imap, p.maildrop, row, 2, true);
    expect_sent(&p, "A1 UID FETCH 40,60,80,90 (UID BODY.PEEK[])\r\n");
    complete(&p);
    p.ahead.in_order = 1;
    readahead_fetch(&p.ahead, &p.imap, p.maildrop, row, 2, true);
    expect_sent(&p, "A2 UID FETCH 40,60 (UID BODY.PEEK[])\r\n");
    complete(&p);
    p.ahead.in_order = 4;
    readahead_fetch(&p.ahead, &p.imap, p.maildrop, gap, 2, true);
    expect_sent(&p, "A3 UID FETCH 40,70 (UID BODY.PEEK[])\r\n");
    complete(&p);
    p.ahead.next = 2;
    readahead_fetch(&p.ahead, &p.imap, p.maildrop, row, 2, true);
    expect_sent(&p, "A4 UID FETCH 40,60 (UID BODY.PEEK[])\r\n");
    complete(&p);
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
    /* What is taken makes room, for the next batch. */
    assert_true(take(&p, 0) != 0);
    assert_int_equal(octet_budget_taken(&p.budget), 400);
    assert_true(take(&p, 1) != 0);
    assert_int_equal(fetch_expected(&p), 2);
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
    assert_int_equal(octet_budget_taken(&p.budget), 250);
    complete(&p);
    assert_int_equal(octet_budget_taken(&p.budget), 50);
    octet_budget_give(&p.budget, 50);
    /* Without one, the session's alone counts. */
    readahead_init(&p.ahead, SESSION_MAX, NULL);
    p.ahead.in_order = 20;
    assert_int_equal(fetch_expected(&p), 10);
    tear_down(&p);
}

/* The first that is wanted for certain need not fit. */
static void test_asked_for_and_large(void **state)
{
    struct play p;

    (void)state;
    set_up(&p, 10, SESSION_MAX + 1);
    p.ahead.in_order = 10;
    assert_int_equal(fetch_expected(&p), 0);
    assert_int_equal(fetch_asked_row(&p, 0, 2), 1);
    assert_int_equal(octet_budget_taken(&p.budget), 0);
    assert_true(take(&p, 0) != 0);
    assert_int_equal(fetch_asked_row(&p, 1, 2), 1);
    tear_down(&p);
}

/* What would be thrown away at a great cost is not read ahead at all. */
static void test_very_large(void **state)
{
    struct play p;

    (void)state;
    set_up(&p, 2, READAHEAD_MESSAGE_MAX);
    assert_int_equal(fetch_asked_one(&p, 0), 1);
    tear_down(&p);
    set_up(&p, 2, READAHEAD_MESSAGE_MAX + 1);
    p.ahead.max = UINT64_MAX;
    p.ahead.budget = NULL;
    p.ahead.in_order = 10;
    assert_int_equal(fetch_asked_one(&p, 0), 0);
    assert_int_equal(fetch_expected(&p), 0);
    assert_int_equal(p.imap.tag, 0);
    tear_down(&p);
}

/* What comes in vain is no more than what is of use, and so many more. */
static void test_waste(void **state)
{
    unsigned fetches = 0;
    struct play p;

    (void)state;
    set_up(&p, 10, 0);
    while (fetch_asked_one(&p, 1) > 0) {
        readahead_lose_order(&p.ahead);
        readahead_lose_order(&p.ahead); /* counts once */
        complete(&p);
        assert_true(++fetches < 1000);
    }
    assert_int_equal(fetches, READAHEAD_MESSAGES_MAX + 1);
    p.ahead.useful++;
    assert_int_equal(fetch_asked_one(&p, 2), 1);
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
    assert_int_equal(fetch_asked_one(&p, 0), 0);
    tear_down(&p);
}

/* READAHEAD_MESSAGES_MAX, of empty messages too. */
static void test_number(void **state)
{
    struct play p;

    (void)state;
    set_up(&p, 2 * READAHEAD_MESSAGES_MAX, 0);
    p.ahead.in_order = 1000;
    assert_int_equal(fetch_expected(&p), READAHEAD_MESSAGES_MAX);
    readahead_forget(&p.ahead);
    assert_int_equal(fetch_asked_row(&p, 0, READAHEAD_MESSAGES_MAX),
                     READAHEAD_MESSAGES_MAX);
    tear_down(&p);
}

/* A server that does not answer the first must not be asked without end; there
 * is always room for one more that is asked for.
 */
static void test_room_of_the_connection(void **state)
{
    struct play p;
    uint32_t index = 0;

    (void)state;
    set_up(&p, 2 * IMAP_PIPELINE_MAX, 0);
    assert_int_equal(imap_session_begin_fetch(&p.imap), 1);
    while (fetch_asked_one(&p, index) > 0) {
        assert_true(take(&p, index) != 0);
        assert_false(readahead_completed(&p.ahead, p.imap.tag));
        p.imap.awaited = UINT64_C(1) << (p.imap.tag - 1);
        index++;
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
        cmocka_unit_test(test_sends_the_fetch),
        cmocka_unit_test(test_expects_what_is_listed),
        cmocka_unit_test(test_forgets_the_order),
        cmocka_unit_test(test_loses_what_is_jumped_over),
        cmocka_unit_test(test_loses_what_passes_by),
        cmocka_unit_test(test_loses_all_where_none_is_known),
        cmocka_unit_test(test_notes_what_was_delivered),
        cmocka_unit_test(test_delivered_of_many),
        cmocka_unit_test(test_ends_by_its_tag),
        cmocka_unit_test(test_what_was_asked_for),
        cmocka_unit_test(test_what_is_asked_for_next),
        cmocka_unit_test(test_budget_of_the_session),
        cmocka_unit_test(test_budget_of_the_process),
        cmocka_unit_test(test_asked_for_and_large),
        cmocka_unit_test(test_very_large),
        cmocka_unit_test(test_waste),
        cmocka_unit_test(test_off),
        cmocka_unit_test(test_number),
        cmocka_unit_test(test_room_of_the_connection),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
