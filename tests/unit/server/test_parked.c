/* test_parked.c - who gets a connection that rests, and when it ends.
 *
 * Each is one half of a pair of sockets; at the other is heard whether it said
 * LOGOUT, and that it closed.
 */
#include "server/parked.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <uv.h>

#define UPSTREAM SPAN_LITERAL("imap.example.com:993")
#define NOBODY ((struct span){ NULL, 0 })
#define REST_MS 90000
#define AGE_MS 900000
#define THREADS 4
#define ROUNDS 2000

static struct upstream_gate *gate;

static int open_gate(void **state)
{
    (void)state;
    gate = upstream_gate_new();
    return gate != NULL ? 0 : -1;
}

static int close_gate(void **state)
{
    (void)state;
    upstream_gate_free(gate);
    return 0;
}

static void count_in(void)
{
    struct upstream_pass pass = { 0 };

    assert_int_equal(upstream_gate_enter(gate, &pass, 0), UPSTREAM_GATE_OPEN);
}

static struct parked_table *make(uint32_t count)
{
    const struct parked_limits limits = { count, REST_MS, AGE_MS };
    struct parked_table *t = parked_table_new(&limits);

    assert_non_null(t);
    assert_int_equal(upstream_gate_connections(gate), 0);
    return t;
}

/* All that it held has ended, and is out of the budget. */
static void drop(struct parked_table *t)
{
    parked_table_free(t);
    assert_int_equal(upstream_gate_connections(gate), 0);
}

static struct parked_claim claim_by(const struct parked_table *t,
                                    struct span upstream,
                                    const char *const name[2],
                                    enum secret_kind kind, const char *secret,
                                    struct span told)
{
    struct credentials c;
    struct parked_claim claim;

    credentials_init(&c);
    assert_true(credentials_set_identity(&c, span_from_string(name[0])));
    assert_true(credentials_set_user(&c, span_from_string(name[1])));
    assert_true(credentials_set_secret(&c, kind, span_from_string(secret)));
    assert_true(parked_claim_make(t, upstream, &c, told, &claim));
    credentials_wipe(&c);
    return claim;
}

static struct parked_claim claim_as(const struct parked_table *t,
                                    struct span upstream, const char *identity,
                                    const char *user, const char *password,
                                    struct span told)
{
    const char *const name[] = { identity, user };

    return claim_by(t, upstream, name, SECRET_PASSWORD, password, told);
}

/* The same word, as a bearer's token. */
static struct parked_claim claim_of_bearer(const struct parked_table *t,
                                           const char *user, const char *token)
{
    const char *const name[] = { "", user };

    return claim_by(t, UPSTREAM, name, SECRET_TOKEN, token, NOBODY);
}

static struct parked_claim claim_of(const struct parked_table *t,
                                    const char *user, const char *password)
{
    return claim_as(t, UPSTREAM, "", user, password, NOBODY);
}

/* Parks one half of a pair; returns the other. */
static int park_made(struct parked_table *t, const struct parked_claim *claim,
                     uint64_t made_ms, uint64_t now_ms)
{
    struct parked_connection c = { .imap = { .tag = 7 },
                                   .made_ms = made_ms,
                                   .gate = gate };
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    c.link = (struct detached){ fds[0], NULL };
    count_in();
    parked_put(t, claim, &c, now_ms);
    return fds[1];
}

static int park(struct parked_table *t, const struct parked_claim *claim,
                uint64_t now_ms)
{
    return park_made(t, claim, now_ms, now_ms);
}

static bool rests(int peer)
{
    char octet;

    return recv(peer, &octet, 1, MSG_DONTWAIT) < 0;
}

/* IMAP-31 */
static void expect_logout(int peer)
{
    char said[64] = "";

    assert_int_equal(recv(peer, said, sizeof(said) - 1, MSG_DONTWAIT), 11);
    assert_string_equal(said, "A8 LOGOUT\r\n");
    assert_int_equal(recv(peer, said, 1, MSG_DONTWAIT), 0);
    close(peer);
}

static void end(struct parked_connection *c)
{
    detached_end(&c->link, NOBODY);
    upstream_gate_leave(gate);
}

static void expect_taken(struct parked_table *t,
                         const struct parked_claim *claim, uint64_t now_ms)
{
    struct parked_connection c;

    assert_true(parked_take(t, claim, now_ms, &c));
    assert_int_equal(c.imap.tag, 7);
    end(&c);
}

static void expect_none(struct parked_table *t,
                        const struct parked_claim *claim, uint64_t now_ms)
{
    struct parked_connection c;

    assert_false(parked_take(t, claim, now_ms, &c));
}

/* DEC-20: the same server, names, password, and what was told; once. */
static void test_the_same_login(void **state)
{
    struct parked_table *t = make(10);
    struct parked_claim claim = claim_of(t, "u", "p");
    struct parked_claim again = claim_of(t, "u", "p");
    int peer = park(t, &claim, 0);

    (void)state;
    assert_int_equal(parked_count(t), 1);
    expect_taken(t, &again, 1);
    assert_int_equal(parked_count(t), 0);
    expect_none(t, &again, 1);
    close(peer);
    drop(t);
}

/* DEC-20: nobody else gets it, and it stays as it was: whose password is wrong
 * does not even end it.
 */
static void test_other_logins(void **state)
{
    struct parked_table *t = make(10);
    struct parked_claim claim = claim_of(t, "u", "p");
    struct parked_claim others[] = {
        claim_of(t, "u", "q"),
        claim_of(t, "u", ""),
        claim_of(t, "v", "p"),
        claim_of(t, "U", "p"),
        claim_of_bearer(t, "u", "p"),
        claim_as(t, SPAN_LITERAL("imap.example.com:143"), "", "u", "p", NOBODY),
        claim_as(t, UPSTREAM, "v", "u", "p", NOBODY),
        claim_as(t, UPSTREAM, "u", "u", "p", NOBODY),
        claim_as(t, UPSTREAM, "", "u", "p", SPAN_LITERAL("192.0.2.1")),
    };
    int peer = park(t, &claim, 0);

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++)
        expect_none(t, &others[i], 1);
    assert_true(rests(peer));
    expect_taken(t, &claim, 1);
    close(peer);
    drop(t);
}

/* Another process, or this one after a restart, cannot tell who is who. */
static void test_digests_are_of_one_table(void **state)
{
    struct parked_table *t = make(10);
    struct parked_table *other = make(10);
    struct parked_claim a = claim_of(t, "u", "p");
    struct parked_claim b = claim_of(other, "u", "p");

    (void)state;
    assert_memory_not_equal(a.owner, b.owner, sizeof(a.owner));
    assert_memory_not_equal(a.proof, b.proof, sizeof(a.proof));
    assert_memory_not_equal(a.owner, a.proof, sizeof(a.owner));
    drop(t);
    drop(other);
}

/* One a user: the password was changed, or two sessions followed each other. */
static void test_the_newer_stays(void **state)
{
    struct parked_table *t = make(10);
    struct parked_claim before = claim_of(t, "u", "old");
    struct parked_claim after = claim_of(t, "u", "new");
    int first = park(t, &before, 0);
    int second = park(t, &after, 1);
    int third;

    (void)state;
    expect_logout(first);
    third = park(t, &after, 2);
    expect_logout(second);
    assert_int_equal(parked_count(t), 1);
    expect_none(t, &before, 3);
    expect_taken(t, &after, 3);
    close(third);
    drop(t);
}

static void test_a_full_table(void **state)
{
    struct parked_table *t = make(2);
    struct parked_claim a = claim_of(t, "a", "p");
    struct parked_claim b = claim_of(t, "b", "p");
    struct parked_claim c = claim_of(t, "c", "p");
    int peers[] = { park(t, &a, 0), park(t, &b, 1), -1 };

    (void)state;
    peers[2] = park(t, &c, 2); /* the one that rests longest makes room */
    expect_logout(peers[0]);
    assert_int_equal(parked_count(t), 2);
    expect_none(t, &a, 3);
    expect_taken(t, &b, 3);
    expect_taken(t, &c, 3);
    close(peers[1]);
    close(peers[2]);
    drop(t);
}

/* Of two upstreams each has its own places. */
static void test_two_upstreams(void **state)
{
    struct parked_table *t = make(10);
    struct parked_claim a = claim_of(t, "a", "p");
    struct parked_claim b = claim_of(t, "b", "p");
    struct parked_claim c = claim_of(t, "c", "p");
    struct upstream_gate *own = gate;
    struct upstream_gate *other = upstream_gate_new();
    int first = park(t, &a, 0);
    int second = park(t, &b, 1);
    int third;

    (void)state;
    assert_non_null(other);
    gate = other;
    third = park(t, &c, 2);
    gate = own;
    assert_int_equal(parked_count_of(t, own), 2);
    assert_int_equal(parked_count_of(t, other), 1);
    assert_true(parked_evict(t, other));
    expect_logout(third);
    assert_int_equal(upstream_gate_connections(other), 0);
    assert_false(parked_evict(t, other));
    assert_int_equal(upstream_gate_connections(own), 2);
    parked_clear(t, own);
    expect_logout(first);
    expect_logout(second);
    assert_int_equal(parked_count(t), 0);
    upstream_gate_free(other);
    drop(t);
}

/* The place is needed elsewhere. */
static void test_eviction(void **state)
{
    struct parked_table *t = make(10);
    struct parked_claim a = claim_of(t, "a", "p");
    struct parked_claim b = claim_of(t, "b", "p");
    int first = park(t, &a, 0);
    int second = park(t, &b, 1);

    (void)state;
    assert_int_equal(upstream_gate_connections(gate), 2);
    assert_true(parked_evict(t, gate));
    expect_logout(first);
    assert_int_equal(upstream_gate_connections(gate), 1);
    assert_true(parked_evict(t, gate));
    expect_logout(second);
    assert_false(parked_evict(t, gate));
    drop(t);
}

static void test_its_time(void **state)
{
    struct parked_table *t = make(10);
    struct parked_claim a = claim_of(t, "a", "p");
    struct parked_claim b = claim_of(t, "b", "p");
    int first = park(t, &a, 1000);
    int second = park(t, &b, 1001);

    (void)state;
    parked_sweep(t, 1000 + REST_MS - 1);
    assert_true(rests(first));
    parked_sweep(t, 1000 + REST_MS);
    expect_logout(first);
    assert_true(rests(second));
    expect_none(t, &b, 1001 + REST_MS); /* before a sweep came by */
    expect_logout(second);
    first = park(t, &a, 1000);
    expect_taken(t, &a, 1000 + REST_MS - 1);
    close(first);
    drop(t);
}

/* However often it is taken up: a password that was changed at the server is
 * good here until then, and no longer.
 */
static void test_its_age(void **state)
{
    struct parked_table *t = make(10);
    struct parked_claim claim = claim_of(t, "u", "p");
    uint64_t last_ms = 1000 + AGE_MS;
    int peer = park_made(t, &claim, 1000, last_ms - 10);

    (void)state;
    parked_sweep(t, last_ms - 1);
    assert_true(rests(peer));
    expect_none(t, &claim, last_ms);
    expect_logout(peer);
    expect_logout(park_made(t, &claim, 1000, last_ms));
    expect_logout(park_made(t, &claim, 1000, last_ms + 1));
    drop(t);
}

static void test_a_server_that_closed(void **state)
{
    struct parked_table *t = make(10);
    struct parked_claim a = claim_of(t, "a", "p");
    struct parked_claim b = claim_of(t, "b", "p");
    struct parked_claim c = claim_of(t, "c", "p");
    int peers[] = { park(t, &a, 0), park(t, &b, 0), park(t, &c, 0) };

    (void)state;
    close(peers[0]);
    expect_none(t, &a, 1); /* nobody has swept yet */
    assert_int_equal(send(peers[1], "* BYE\r\n", 7, 0), 7);
    shutdown(peers[1], SHUT_WR);
    assert_int_equal(parked_count(t), 2);
    parked_sweep(t, 1);
    assert_int_equal(parked_count(t), 1);
    assert_int_equal(upstream_gate_connections(gate), 1);
    expect_taken(t, &c, 2);
    close(peers[1]);
    close(peers[2]);
    drop(t);
}

/* At the end of the process: all say goodbye, and those that come late too. */
static void test_closing(void **state)
{
    struct parked_table *t = make(10);
    struct parked_claim a = claim_of(t, "a", "p");
    struct parked_claim b = claim_of(t, "b", "p");
    int first = park(t, &a, 0);
    int second = park(t, &b, 0);

    (void)state;
    parked_close(t);
    expect_logout(first);
    expect_logout(second);
    expect_logout(park(t, &a, 1));
    expect_none(t, &a, 1);
    drop(t);
}

/* Those that are too many end, that which rests longest first. */
static void test_other_limits(void **state)
{
    struct parked_limits limits = { 1, REST_MS, AGE_MS };
    struct parked_table *t = make(10);
    struct parked_claim a = claim_of(t, "a", "p");
    struct parked_claim b = claim_of(t, "b", "p");
    int first = park(t, &a, 0);
    int second = park(t, &b, 0);

    (void)state;
    parked_set_limits(t, &limits);
    expect_logout(first);
    assert_true(rests(second));
    limits.rest_ms = 0;
    parked_set_limits(t, &limits);
    expect_logout(second);
    expect_logout(park(t, &a, 0));
    limits.rest_ms = REST_MS;
    parked_set_limits(t, &limits);
    close(park(t, &a, 0));
    assert_int_equal(parked_count(t), 1);
    drop(t);
}

static void test_freeing_ends_all(void **state)
{
    struct parked_table *t = make(10);
    struct parked_claim claim = claim_of(t, "u", "p");
    int peer = park(t, &claim, 0);

    (void)state;
    drop(t);
    expect_logout(peer);
    parked_table_free(NULL);
}

/* --- threads --- */

struct job {
    struct parked_table *table;
    struct parked_claim claims[3];
    unsigned number;
    unsigned taken;
    unsigned evicted;
};

static void park_and_take(struct job *job, unsigned round)
{
    struct parked_claim *claim = &job->claims[round % 3];
    struct parked_connection c;
    int peer = park(job->table, claim, round);

    if (parked_take(job->table, claim, round, &c)) {
        job->taken++;
        end(&c);
    }
    close(peer);
}

static void run(void *arg)
{
    struct job *job = arg;

    for (unsigned i = 0; i < ROUNDS; i++) {
        park_and_take(job, i);
        if (i % 16 == job->number)
            parked_sweep(job->table, i);
        if (i % 64 == job->number)
            job->evicted += parked_evict(job->table, gate);
    }
}

/* Many workers, the same users: each connection has one owner at a time, and
 * every one that was counted is counted off.
 */
static void test_threads(void **state)
{
    struct parked_table *t = make(2);
    uv_thread_t threads[THREADS];
    struct job jobs[THREADS];
    unsigned taken = 0;

    (void)state;
    for (unsigned i = 0; i < THREADS; i++) {
        jobs[i] = (struct job){ .table = t, .number = i };
        jobs[i].claims[0] = claim_of(t, "a", "p");
        jobs[i].claims[1] = claim_of(t, "b", "p");
        jobs[i].claims[2] = claim_of(t, "b", i % 2 == 0 ? "p" : "q");
        assert_int_equal(uv_thread_create(&threads[i], run, &jobs[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        uv_thread_join(&threads[i]);
        taken += jobs[i].taken;
    }
    assert_true(taken > 0);
    assert_int_equal(upstream_gate_connections(gate), parked_count(t));
    drop(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_login),
        cmocka_unit_test(test_other_logins),
        cmocka_unit_test(test_digests_are_of_one_table),
        cmocka_unit_test(test_the_newer_stays),
        cmocka_unit_test(test_a_full_table),
        cmocka_unit_test(test_eviction),
        cmocka_unit_test(test_two_upstreams),
        cmocka_unit_test(test_its_time),
        cmocka_unit_test(test_its_age),
        cmocka_unit_test(test_a_server_that_closed),
        cmocka_unit_test(test_closing),
        cmocka_unit_test(test_other_limits),
        cmocka_unit_test(test_freeing_ends_all),
        cmocka_unit_test(test_threads),
    };

    return cmocka_run_group_tests_name("server/parked", tests, open_gate,
                                       close_gate);
}
