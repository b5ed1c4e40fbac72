/* test_known_mailbox.c - DEC-1: a list is used again only where SELECT's answer
 * proves that it holds.
 */
#include "session/known_mailbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attributes.h"
#include "session/imap_session.h"

static struct snapshot *snapshot_of(uint32_t first, uint32_t count)
{
    struct snapshot *s = snapshot_new(count, 0);

    assert_non_null(s);
    for (uint32_t i = 0; i < count; i++)
        snapshot_append(s, first + i, 100);
    return s;
}

/* UIDs 1 to 8 listed, 9 and 10 hidden. */
static struct snapshot_halves ten_messages(void)
{
    return (struct snapshot_halves){ snapshot_of(1, 8), snapshot_of(9, 2) };
}

static const struct imap_mailbox selected = {
    .exists = 10,
    .exists_told = true,
    .uidvalidity = 77,
    .uids_last = true,
    .exists_at_select = 10,
    .uidnext = 21,
    .highestmodseq = 500,
};

static struct known_mailbox learned_from(const struct imap_mailbox *mailbox)
{
    struct snapshot_halves messages = ten_messages();
    struct known_mailbox k = { .uidvalidity = 0 };

    known_mailbox_learn(&k, mailbox, &messages);
    snapshot_halves_drop(&messages);
    return k;
}

static void expect(const struct imap_mailbox *mailbox,
                   enum known_verdict verdict)
{
    struct known_mailbox k = learned_from(&selected);

    assert_false(known_mailbox_is_empty(&k));
    assert_int_equal(known_mailbox_judge(&k, mailbox), verdict);
    known_mailbox_clear(&k);
    assert_int_equal(known_mailbox_judge(&k, mailbox), KNOWN_UNPROVEN);
}

static void test_fresh(void **state)
{
    struct imap_mailbox later = selected;

    (void)state;
    expect(&selected, KNOWN_FRESH);
    later.exists = 11; /* one that came after SELECT */
    expect(&later, KNOWN_FRESH);
}

/* Each of the four by one more and one less. */
static void test_one_differs(void **state)
{
    static const struct {
        int uidvalidity, uidnext, exists, modseq;
        enum known_verdict verdict;
    } cases[] = {
        { 1, 0, 0, 0, KNOWN_UNPROVEN },  { -1, 0, 0, 0, KNOWN_UNPROVEN },
        { 0, 1, 0, 0, KNOWN_UNPROVEN },  { 0, -1, 0, 0, KNOWN_UNPROVEN },
        { 0, 0, 1, 0, KNOWN_UNPROVEN },  { 0, 0, -1, 0, KNOWN_UNPROVEN },
        { 0, 0, 0, 1, KNOWN_OLDER },     { 0, 0, 0, -1, KNOWN_UNPROVEN },
        { 1, 0, 0, 1, KNOWN_UNPROVEN },  { 0, -1, 0, 1, KNOWN_UNPROVEN },
        { 0, 1, 0, 1, KNOWN_OLDER },     { 0, 1, 1, 1, KNOWN_OLDER },
        { 0, 1, 2, 1, KNOWN_UNPROVEN },  { 0, 0, 1, 1, KNOWN_UNPROVEN },
        { 0, 5, -1, 1, KNOWN_UNPROVEN }, { 0, 5, 5, 1, KNOWN_OLDER },
        { 0, 1, 1, 0, KNOWN_UNPROVEN },  { 0, 1, 1, -1, KNOWN_UNPROVEN },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct imap_mailbox m = selected;

        m.uidvalidity += (uint32_t)cases[i].uidvalidity;
        m.uidnext += (uint32_t)cases[i].uidnext;
        m.exists_at_select += (uint32_t)cases[i].exists;
        m.highestmodseq += (uint64_t)cases[i].modseq;
        expect(&m, cases[i].verdict);
    }
}

/* One of them was not told, or the UIDs do not last: not proven, and nothing
 * to be known for another time.
 */
static void test_one_is_missing(void **state)
{
    struct imap_mailbox cases[] = { selected, selected, selected,
                                    selected, selected, selected };

    (void)state;
    cases[0].uidvalidity = 0;
    cases[1].uidnext = 0;
    cases[2].exists_told = false;
    cases[3].highestmodseq = 0;
    cases[4].uids_last = false;
    cases[5].uidnext = 10; /* ten messages have more UIDs below it */
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct known_mailbox k = learned_from(&cases[i]);

        assert_true(known_mailbox_is_empty(&k));
        expect(&cases[i], KNOWN_UNPROVEN);
    }
}

/* Counted are those that were there at SELECT: below UIDNEXT. */
static void test_covered(void **state)
{
    struct snapshot_halves messages = ten_messages();
    struct imap_mailbox m = selected;

    (void)state;
    assert_true(known_mailbox_is_covered(&m, &messages));
    m.exists = 9;
    assert_true(known_mailbox_is_covered(&m, &messages));
    m.exists_at_select = 9;
    assert_false(known_mailbox_is_covered(&m, &messages));
    m.uidnext = 10; /* the tenth came afterwards */
    assert_true(known_mailbox_is_covered(&m, &messages));
    m.uidnext = 9;
    assert_false(known_mailbox_is_covered(&m, &messages));
    m.exists_at_select = 8;
    assert_true(known_mailbox_is_covered(&m, &messages));
    snapshot_halves_drop(&messages);
}

/* A list that is not as long as SELECT said is shown, and not kept. */
static void test_learns_what_is_whole(void **state)
{
    struct known_mailbox k;

    (void)state;
    for (int less = -1; less <= 1; less++) {
        struct imap_mailbox m = selected;

        m.exists_at_select += (uint32_t)less;
        k = learned_from(&m);
        assert_int_equal(known_mailbox_is_empty(&k), less != 0);
        known_mailbox_clear(&k);
    }
}

/* What came between SELECT and the list has the UIDs from UIDNEXT on. */
static void test_uidnext_is_behind_the_last(void **state)
{
    struct imap_mailbox m = selected;
    struct known_mailbox k = learned_from(&m);

    (void)state;
    assert_int_equal(k.uidvalidity, 77);
    assert_int_equal(k.uidnext, 21);
    assert_true(k.highestmodseq == 500);
    known_mailbox_clear(&k);
    m.uidnext = 10;
    m.exists_at_select = 9; /* the tenth came afterwards, and is hidden */
    k = learned_from(&m);
    assert_int_equal(k.uidnext, 11);
    known_mailbox_clear(&k);
    m.uidnext = 8;
    m.exists_at_select = 7;
    k = learned_from(&m);
    assert_int_equal(k.uidnext, 11);
    known_mailbox_clear(&k);
}

/* Behind the last UID of all there is none to begin with. */
static void test_last_uid_of_all(void **state)
{
    struct snapshot_halves messages = { snapshot_of(UINT32_MAX, 1),
                                        snapshot_of(1, 0) };
    struct known_mailbox k = { .uidvalidity = 0 };
    struct imap_mailbox m = selected;

    (void)state;
    m.exists_at_select = 0;
    known_mailbox_learn(&k, &m, &messages);
    assert_true(known_mailbox_is_empty(&k));
    snapshot_halves_drop(&messages);
}

/* Learning replaces, also by nothing. */
static void test_forgets(void **state)
{
    struct snapshot_halves messages = ten_messages();
    struct known_mailbox k = learned_from(&selected);
    struct imap_mailbox m = selected;

    (void)state;
    m.highestmodseq = 501;
    known_mailbox_learn(&k, &m, &messages);
    assert_true(k.highestmodseq == 501);
    m.highestmodseq = 0;
    known_mailbox_learn(&k, &m, &messages);
    assert_true(known_mailbox_is_empty(&k));
    snapshot_halves_drop(&messages);
}

/* After a removal: the rest, with which changes complete it. */
static void test_shrinks(void **state)
{
    struct known_mailbox k = learned_from(&selected);
    struct imap_mailbox m = selected;
    struct snapshot_halves left = { snapshot_of(1, 5), snapshot_of(9, 2) };
    struct snapshot_halves half = { NULL, snapshot_of(9, 2) };
    struct known_mailbox other;

    (void)state;
    known_mailbox_share(&other, &k);
    known_mailbox_shrink(&k, &left);
    assert_null(left.listed);
    m.exists_at_select = 7;
    assert_int_equal(known_mailbox_judge(&k, &m), KNOWN_FRESH);
    m.highestmodseq = 501;
    assert_int_equal(known_mailbox_judge(&k, &m), KNOWN_OLDER);
    assert_int_equal(known_mailbox_judge(&other, &m), KNOWN_UNPROVEN);
    known_mailbox_shrink(&k, &half);
    assert_true(known_mailbox_is_empty(&k));
    assert_null(half.hidden);
    assert_int_equal(known_mailbox_judge(&other, &selected), KNOWN_FRESH);
    known_mailbox_clear(&other);
}

/* An empty mailbox is known as well. */
static void test_empty_mailbox(void **state)
{
    struct snapshot_halves messages = { snapshot_of(1, 0), snapshot_of(1, 0) };
    struct known_mailbox k = { .uidvalidity = 0 };
    struct imap_mailbox m = selected;

    (void)state;
    m.exists_at_select = 0;
    m.uidnext = 1;
    known_mailbox_learn(&k, &m, &messages);
    assert_false(known_mailbox_is_empty(&k));
    assert_int_equal(known_mailbox_judge(&k, &m), KNOWN_FRESH);
    m.uidnext = 2;
    m.exists_at_select = 1;
    m.highestmodseq = 501;
    assert_int_equal(known_mailbox_judge(&k, &m), KNOWN_OLDER);
    known_mailbox_clear(&k);
    snapshot_halves_drop(&messages);
}

int main(void)
{
    const struct CMUnitTest session_known_mailbox[] = {
        cmocka_unit_test(test_fresh),
        cmocka_unit_test(test_one_differs),
        cmocka_unit_test(test_one_is_missing),
        cmocka_unit_test(test_covered),
        cmocka_unit_test(test_learns_what_is_whole),
        cmocka_unit_test(test_uidnext_is_behind_the_last),
        cmocka_unit_test(test_last_uid_of_all),
        cmocka_unit_test(test_forgets),
        cmocka_unit_test(test_shrinks),
        cmocka_unit_test(test_empty_mailbox),
    };

    return cmocka_run_group_tests(session_known_mailbox, NULL, NULL);
}
