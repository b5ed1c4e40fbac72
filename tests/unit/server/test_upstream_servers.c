/* test_upstream_servers.c - who goes to which server, and what puts one aside. */
#include "server/upstream_servers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/alloc_fail.h"

#define USERS 3000
#define NOW_MS UINT64_C(1000000)

static char host_a[] = "a.example", host_b[] = "b.example", host_c[] = "c";
static char name[] = "imap.example";
static struct config_address addresses[] = { { host_a, 993 },
                                             { host_b, 993 },
                                             { host_c, 1993 } };

static struct upstream_servers *make(size_t count)
{
    const struct config_upstream config = { .addresses = { addresses, count } };
    struct upstream_servers *s = upstream_servers_new(&config);

    assert_non_null(s);
    return s;
}

static uint64_t user(unsigned number)
{
    char text[32];

    (void)snprintf(text, sizeof(text), "user%u@example.com", number);
    return upstream_servers_hash(span_from_string(text));
}

static size_t first_of(struct upstream_servers *s, uint64_t hash,
                       uint64_t now_ms)
{
    uint8_t order[UPSTREAM_SERVERS_MAX];

    upstream_servers_rank(s, hash, now_ms, order);
    return order[0];
}

/* Each server has its own. */
static void test_certificates(void **state)
{
    struct upstream_servers *s = make(2);

    (void)state;
    assert_int_equal(upstream_servers_view(s, 1, 0).certificate_end_s, 0);
    upstream_servers_note_certificate(s, &s->at[1], 1700000000);
    assert_int_equal(upstream_servers_view(s, 0, 0).certificate_end_s, 0);
    assert_int_equal(upstream_servers_view(s, 1, 0).certificate_end_s,
                     1700000000);
    upstream_servers_release(s);
}

static void test_list(void **state)
{
    struct config_upstream config = { .addresses = { addresses, 3 },
                                      .server_name = name };
    struct upstream_servers *named = upstream_servers_new(&config);
    struct upstream_servers *own = make(3);
    struct upstream_servers *two = make(2);

    (void)state;
    assert_non_null(named);
    assert_string_equal(own->at[1].name, "b.example");
    assert_string_equal(own->at[2].text, "c:1993");
    assert_string_equal(named->at[1].name, "imap.example");
    assert_false(upstream_servers_equal(named, own));
    assert_false(upstream_servers_equal(two, own));
    assert_true(upstream_servers_equal(own, own));
    upstream_servers_hold(two);
    upstream_servers_release(two);
    assert_int_equal(two->count, 2);
    upstream_servers_release(two);
    upstream_servers_release(own);
    upstream_servers_release(named);
    upstream_servers_release(NULL);
}

/* Each has its third, and each order has all of them. */
static void test_spread(void **state)
{
    struct upstream_servers *s = make(3);
    unsigned has[3] = { 0 };

    (void)state;
    for (unsigned i = 0; i < USERS; i++) {
        uint8_t order[UPSTREAM_SERVERS_MAX];

        upstream_servers_rank(s, user(i), NOW_MS, order);
        assert_int_equal((1 << order[0]) | (1 << order[1]) | (1 << order[2]),
                         7);
        has[order[0]]++;
    }
    for (unsigned i = 0; i < 3; i++)
        assert_in_range(has[i], USERS / 3 - USERS / 20, USERS / 3 + USERS / 20);
    upstream_servers_release(s);
}

/* Those of the one that is aside spread; nobody else's server changes. */
static void test_users_stay(void **state)
{
    struct upstream_servers *s = make(3);
    unsigned moved[3] = { 0 };

    (void)state;
    for (unsigned i = 0; i < USERS; i++) {
        size_t before = first_of(s, user(i), NOW_MS);
        size_t now;

        assert_int_equal(first_of(s, user(i), NOW_MS + 99), before);
        (void)upstream_servers_note(s, &s->at[1], "gone", NOW_MS);
        now = first_of(s, user(i), NOW_MS + 1);
        assert_true(before == 1 ? now != 1 : now == before);
        moved[now] += before == 1;
        (void)upstream_servers_note(s, &s->at[1], NULL, NOW_MS);
        assert_int_equal(first_of(s, user(i), NOW_MS), before);
    }
    assert_in_range(moved[0], USERS / 6 - USERS / 20, USERS / 6 + USERS / 20);
    assert_in_range(moved[2], USERS / 6 - USERS / 20, USERS / 6 + USERS / 20);
    upstream_servers_release(s);
}

/* RFC 2782: priority first, then a share by weight; 0 hardly ever. */
static void test_priority_and_weight(void **state)
{
    static const struct {
        uint16_t priority, weight;
    } records[] = { { 20, 100 }, { 10, 1 }, { 10, 3 }, { 10, 0 } };
    struct upstream_servers *s = upstream_servers_new_empty(TLS_MODE_STARTTLS);
    unsigned has[4] = { 0 };

    (void)state;
    assert_non_null(s);
    for (size_t i = 0; i < ARRAY_LENGTH(records); i++) {
        const struct upstream_server server = {
            .host = host_a,
            .port = (uint16_t)(i + 1),
            .name = host_a,
            .priority = records[i].priority,
            .weight = records[i].weight,
        };

        assert_true(upstream_servers_add(s, &server));
    }
    for (unsigned i = 0; i < USERS; i++) {
        uint8_t order[UPSTREAM_SERVERS_MAX];

        upstream_servers_rank(s, user(i), NOW_MS, order);
        has[order[0]]++;
        assert_int_equal(order[3], 0);
    }
    assert_int_equal(has[0] + has[3], 0);
    assert_in_range(has[1], USERS / 4 - USERS / 20, USERS / 4 + USERS / 20);
    upstream_servers_release(s);
}

static uint64_t aside_ms(struct upstream_servers *s, size_t i, uint64_t now_ms)
{
    return upstream_servers_view(s, i, now_ms).aside_ms;
}

/* A while that grows to five minutes; one success, and it is short again. */
static void test_aside(void **state)
{
    struct upstream_servers *s = make(2);
    uint64_t now_ms = NOW_MS;
    uint64_t expected_ms = 5000;

    (void)state;
    for (unsigned i = 0; i < 9; i++) {
        assert_true(upstream_servers_note(s, &s->at[0], "refused", now_ms));
        assert_int_equal(aside_ms(s, 0, now_ms), expected_ms);
        /* Of others who were on their way: no news. */
        assert_false(upstream_servers_note(s, &s->at[0], "late", now_ms + 1));
        assert_int_equal(aside_ms(s, 0, now_ms), expected_ms);
        now_ms += expected_ms;
        assert_int_equal(aside_ms(s, 0, now_ms), 0);
        expected_ms = expected_ms < 150000 ? 2 * expected_ms : 300000;
    }
    assert_false(upstream_servers_all_aside(s, now_ms));
    assert_true(upstream_servers_note(s, &s->at[0], NULL, now_ms));
    assert_false(upstream_servers_note(s, &s->at[0], NULL, now_ms));
    assert_true(upstream_servers_note(s, &s->at[0], "refused", now_ms));
    assert_int_equal(aside_ms(s, 0, now_ms), 5000);
    assert_int_equal(upstream_servers_view(s, 0, now_ms).successes, 2);
    assert_int_equal(upstream_servers_view(s, 0, now_ms).failures, 19);
    assert_string_equal(upstream_servers_view(s, 0, now_ms).failure, "refused");
    assert_true(upstream_servers_note(s, &s->at[1], "refused", now_ms + 1));
    assert_true(upstream_servers_all_aside(s, now_ms + 1));
    /* Still tried, the one whose time ends first before the other. */
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(first_of(s, user(i), now_ms + 1), 0);
    upstream_servers_release(s);
}

static void test_bounds(void **state)
{
    struct upstream_servers *s = make(3);
    const struct upstream_server one = s->at[0];

    (void)state;
    while (s->count < UPSTREAM_SERVERS_MAX)
        assert_true(upstream_servers_add(s, &one));
    assert_false(upstream_servers_add(s, &one));
    upstream_servers_release(s);
}

static void test_no_memory(void **state)
{
    const struct config_upstream config = { .addresses = { addresses, 2 } };
    struct upstream_servers *s = NULL;

    (void)state;
    for (unsigned long n = 1; s == NULL; n++) {
        alloc_fail_at(n);
        s = upstream_servers_new(&config);
        alloc_fail_at(0);
    }
    assert_int_equal(s->count, 2);
    upstream_servers_release(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_certificates),
        cmocka_unit_test(test_spread),
        cmocka_unit_test(test_users_stay),
        cmocka_unit_test(test_priority_and_weight),
        cmocka_unit_test(test_aside),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests_name("server/upstream_servers", tests, NULL,
                                       NULL);
}
