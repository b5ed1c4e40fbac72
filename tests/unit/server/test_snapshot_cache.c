/* test_snapshot_cache.c - what is known of a mailbox lasts from one session to
 * the next, under a budget, and is nobody else's.
 */
#include "server/snapshot_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <pthread.h>

#include "support/alloc_fail.h"

#define UPSTREAM SPAN_LITERAL("imap.example.com:993")
#define MUCH (64 * 1024 * 1024)
#define THREADS 4
#define ROUNDS 20000

/* |count| messages; |mark| tells one mailbox from another. */
static struct known_mailbox mailbox(uint64_t mark, uint32_t count)
{
    struct known_mailbox k = {
        .uidvalidity = 1,
        .uidnext = count + 1,
        .highestmodseq = mark,
        .messages = { snapshot_new(count, 0), snapshot_new(0, 0) },
    };

    assert_non_null(k.messages.listed);
    assert_non_null(k.messages.hidden);
    for (uint32_t uid = 1; uid <= count; uid++)
        snapshot_append(k.messages.listed, uid, mark);
    return k;
}

static struct snapshot_key inbox_of(struct span user)
{
    return (struct snapshot_key){ UPSTREAM, user, SPAN_LITERAL("INBOX") };
}

static void put(struct snapshot_cache *c, struct span user, uint64_t mark,
                uint32_t count)
{
    const struct snapshot_key key = inbox_of(user);
    struct known_mailbox k = mailbox(mark, count);

    snapshot_cache_put(c, &key, &k);
    known_mailbox_clear(&k);
}

/* The mark of what is found; 0: nothing. */
static uint64_t find_by(struct snapshot_cache *c, struct snapshot_key key)
{
    struct known_mailbox k = snapshot_cache_find(c, &key);
    uint64_t mark = k.highestmodseq;

    assert_int_equal(known_mailbox_is_empty(&k), mark == 0);
    if (mark > 0 && snapshot_count(k.messages.listed) > 0)
        assert_true(snapshot_size_octets(k.messages.listed, 0) == mark);
    known_mailbox_clear(&k);
    return mark;
}

static uint64_t find(struct snapshot_cache *c, struct span user)
{
    return find_by(c, inbox_of(user));
}

static struct snapshot_cache *make(uint64_t budget)
{
    struct snapshot_cache *c = snapshot_cache_new(budget);

    assert_non_null(c);
    return c;
}

static void test_remembers(void **state)
{
    struct snapshot_cache *c = make(MUCH);

    (void)state;
    assert_int_equal(find(c, SPAN_LITERAL("mrose")), 0);
    put(c, SPAN_LITERAL("mrose"), 7, 100);
    assert_int_equal(find(c, SPAN_LITERAL("mrose")), 7);
    put(c, SPAN_LITERAL("mrose"), 8, 50);
    assert_int_equal(find(c, SPAN_LITERAL("mrose")), 8);
    assert_int_equal(snapshot_cache_fill(c).mailboxes, 1);
    snapshot_cache_free(c);
    snapshot_cache_free(NULL);
}

/* With less memory the oldest go at once, with none all. */
static void test_another_budget(void **state)
{
    struct snapshot_cache *c = make(0);
    uint64_t one;

    (void)state;
    put(c, SPAN_LITERAL("mrose"), 7, 100);
    assert_int_equal(find(c, SPAN_LITERAL("mrose")), 0);
    snapshot_cache_set_budget(c, MUCH);
    put(c, SPAN_LITERAL("mrose"), 7, 100);
    one = snapshot_cache_fill(c).octets;
    put(c, SPAN_LITERAL("emily"), 8, 100);
    snapshot_cache_set_budget(c, one);
    assert_int_equal(find(c, SPAN_LITERAL("mrose")), 0);
    assert_int_equal(find(c, SPAN_LITERAL("emily")), 8);
    snapshot_cache_set_budget(c, 0);
    assert_int_equal(find(c, SPAN_LITERAL("emily")), 0);
    assert_int_equal(snapshot_cache_fill(c).octets, 0);
    snapshot_cache_free(c);
}

/* Names are octets: no case, no NUL, no other upstream's name is the same. */
static void test_never_anothers(void **state)
{
    struct snapshot_cache *c = make(MUCH);

    (void)state;
    put(c, SPAN_LITERAL("mrose"), 7, 1);
    assert_int_equal(find(c, SPAN_LITERAL("Mrose")), 0);
    assert_int_equal(find(c, SPAN_LITERAL("mros")), 0);
    assert_int_equal(find(c, SPAN_LITERAL("mrose\0")), 0);
    assert_int_equal(find(c, SPAN_LITERAL("")), 0);
    assert_int_equal(
        find_by(c, (struct snapshot_key){ SPAN_LITERAL("imap.example.com:143"),
                                          SPAN_LITERAL("mrose"),
                                          SPAN_LITERAL("INBOX") }),
        0);
    assert_int_equal(find_by(c,
                             (struct snapshot_key){
                                 SPAN_LITERAL("imap.example.com:993\0mrose"),
                                 SPAN_LITERAL(""), SPAN_LITERAL("INBOX") }),
                     0);
    assert_int_equal(
        find_by(c, (struct snapshot_key){ UPSTREAM, SPAN_LITERAL("mrose"),
                                          SPAN_LITERAL("Sent") }),
        0);
    assert_int_equal(find(c, SPAN_LITERAL("mrose")), 7);
    snapshot_cache_free(c);
}

/* What was found is whole as long as it is held, whatever the cache does. */
static void test_found_is_shared(void **state)
{
    const struct snapshot_key key = inbox_of(SPAN_LITERAL("mrose"));
    struct snapshot_cache *c = make(MUCH);
    struct known_mailbox k;

    (void)state;
    put(c, SPAN_LITERAL("mrose"), 7, 1000);
    k = snapshot_cache_find(c, &key);
    put(c, SPAN_LITERAL("mrose"), 8, 10);
    snapshot_cache_free(c);
    assert_int_equal(snapshot_count(k.messages.listed), 1000);
    assert_int_equal(snapshot_uid(k.messages.listed, 999), 1000);
    known_mailbox_clear(&k);
}

/* The octets that one mailbox of |count| messages takes. */
static uint64_t cost(uint32_t count)
{
    struct snapshot_cache *c = make(MUCH);
    uint64_t octets;

    put(c, SPAN_LITERAL("user1"), 1, count);
    octets = snapshot_cache_fill(c).octets;
    snapshot_cache_free(c);
    assert_true(octets >= 8 * (uint64_t)count);
    assert_true(octets <= 8 * (uint64_t)count + 512);
    return octets;
}

/* Found or put, it was used: what was not goes first. */
static void test_least_recently_used_goes(void **state)
{
    struct snapshot_cache *c = make(3 * cost(1000));

    (void)state;
    put(c, SPAN_LITERAL("user1"), 1, 1000);
    put(c, SPAN_LITERAL("user2"), 2, 1000);
    put(c, SPAN_LITERAL("user3"), 3, 1000);
    assert_int_equal(snapshot_cache_fill(c).mailboxes, 3);
    assert_int_equal(find(c, SPAN_LITERAL("user1")), 1);
    put(c, SPAN_LITERAL("user4"), 4, 1000);
    assert_int_equal(snapshot_cache_fill(c).mailboxes, 3);
    assert_int_equal(find(c, SPAN_LITERAL("user2")), 0);
    put(c, SPAN_LITERAL("user3"), 33, 1000);
    put(c, SPAN_LITERAL("user5"), 5, 1000);
    assert_int_equal(find(c, SPAN_LITERAL("user1")), 0);
    assert_int_equal(find(c, SPAN_LITERAL("user3")), 33);
    assert_int_equal(find(c, SPAN_LITERAL("user4")), 4);
    assert_int_equal(find(c, SPAN_LITERAL("user5")), 5);
    snapshot_cache_free(c);
}

/* A large one takes the place of several; one over the budget of none, and
 * what was known of it is not known any more.
 */
static void test_budget(void **state)
{
    const uint64_t budget = 3 * cost(1000);
    struct snapshot_cache *c = make(budget);

    (void)state;
    put(c, SPAN_LITERAL("user1"), 1, 1000);
    put(c, SPAN_LITERAL("user2"), 2, 1000);
    put(c, SPAN_LITERAL("user3"), 3, 1000);
    put(c, SPAN_LITERAL("user4"), 4, 2000);
    assert_true(snapshot_cache_fill(c).octets <= budget);
    assert_int_equal(find(c, SPAN_LITERAL("user1")), 0);
    assert_int_equal(find(c, SPAN_LITERAL("user2")), 0);
    assert_int_equal(find(c, SPAN_LITERAL("user3")), 3);
    assert_int_equal(find(c, SPAN_LITERAL("user4")), 4);
    put(c, SPAN_LITERAL("user3"), 9, 10000);
    assert_int_equal(find(c, SPAN_LITERAL("user3")), 0);
    assert_int_equal(find(c, SPAN_LITERAL("user4")), 4);
    assert_int_equal(snapshot_cache_fill(c).octets, cost(2000));
    snapshot_cache_free(c);
}

static void test_no_budget(void **state)
{
    struct snapshot_cache *c = make(0);

    (void)state;
    put(c, SPAN_LITERAL("mrose"), 7, 1);
    assert_int_equal(find(c, SPAN_LITERAL("mrose")), 0);
    assert_int_equal(snapshot_cache_fill(c).mailboxes, 0);
    snapshot_cache_free(c);
}

/* Without memory nothing is known; nothing else is wrong. */
static void test_no_memory(void **state)
{
    const struct snapshot_key key = inbox_of(SPAN_LITERAL("mrose"));
    struct known_mailbox k = mailbox(7, 10);
    bool kept = false;

    (void)state;
    alloc_fail_at(1);
    assert_null(snapshot_cache_new(1));
    for (unsigned long failing = 1; !kept; failing++) {
        struct snapshot_cache *c;

        alloc_fail_at(0);
        c = make(MUCH);
        alloc_fail_at(failing);
        snapshot_cache_put(c, &key, &k);
        alloc_fail_at(0);
        kept = find(c, SPAN_LITERAL("mrose")) == 7;
        assert_int_equal(snapshot_cache_fill(c).mailboxes, kept);
        alloc_fail_at(1);
        assert_int_equal(find(c, SPAN_LITERAL("mrose")), 0);
        alloc_fail_at(0);
        snapshot_cache_free(c);
        assert_true(failing < 10);
    }
    known_mailbox_clear(&k);
}

struct worker {
    struct snapshot_cache *cache;
    bool good;
};

/* Whatever is found belongs to the user that was asked for. */
static void *use(void *argument)
{
    struct worker *w = argument;
    char name[16];

    w->good = true;
    for (uint32_t i = 0; i < ROUNDS && w->good; i++) {
        uint64_t mark = 1 + i % 7;
        uint64_t found;

        (void)snprintf(name, sizeof(name), "user%u", (unsigned)mark);
        if (i % 3 == 0)
            put(w->cache, span_from_string(name), mark, 20);
        found = find(w->cache, span_from_string(name));
        w->good = found == 0 || found == mark;
    }
    return NULL;
}

static void test_threads(void **state)
{
    struct snapshot_cache *c = make(4 * cost(20));
    struct worker workers[THREADS];
    pthread_t threads[THREADS];

    (void)state;
    for (size_t i = 0; i < THREADS; i++) {
        workers[i].cache = c;
        assert_int_equal(pthread_create(&threads[i], NULL, use, &workers[i]),
                         0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_true(workers[i].good);
    }
    assert_int_equal(snapshot_cache_fill(c).mailboxes, 4);
    snapshot_cache_free(c);
}

int main(void)
{
    const struct CMUnitTest server_snapshot_cache[] = {
        cmocka_unit_test(test_remembers),
        cmocka_unit_test(test_another_budget),
        cmocka_unit_test(test_never_anothers),
        cmocka_unit_test(test_found_is_shared),
        cmocka_unit_test(test_least_recently_used_goes),
        cmocka_unit_test(test_budget),
        cmocka_unit_test(test_no_budget),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_threads),
    };

    return cmocka_run_group_tests(server_snapshot_cache, NULL, NULL);
}
