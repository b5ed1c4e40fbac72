/* test_tls_resumption.c - which session is offered to whom, and how often. */
#include "net/tls_resumption.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/ssl.h>

#include "base/limits.h"
#include "support/alloc_fail.h"

#define NOW 1750000000
#define LASTS 7200

static SSL_CTX *context;
static SSL_CTX *other_context;
static const struct address_text usual = { "192.0.2.1", 993 };

/* Lasts LASTS seconds from |made_s| on; told from others by |id|, not 0. */
static SSL_SESSION *session(unsigned char id, int64_t made_s)
{
    SSL_SESSION *s = SSL_SESSION_new();

    assert_non_null(s);
    assert_int_equal(SSL_SESSION_set1_id(s, &id, 1), 1);
    SSL_SESSION_set_time(s, (long)made_s);
    SSL_SESSION_set_timeout(s, LASTS);
    return s;
}

static struct tls_peer *hold(struct tls_resumption *r, const char *name,
                             const struct address_text *address)
{
    struct tls_peer *p = tls_resumption_hold(r, context, name, address);

    assert_non_null(p);
    return p;
}

/* Its id; 0: there is none. */
static int take(struct tls_peer *p, int64_t now_s)
{
    int64_t verified_s = 0;
    SSL_SESSION *s = tls_peer_take(p, now_s, &verified_s);
    unsigned length;
    int id;

    if (s == NULL)
        return 0;
    assert_int_equal(verified_s, NOW);
    id = SSL_SESSION_get_id(s, &length)[0];
    /* As OpenSSL does with one that it has used. */
    SSL_CTX_remove_session(context, s);
    assert_false(SSL_SESSION_is_resumable(s));
    SSL_SESSION_free(s);
    return id;
}

/* --- sessions --- */

/* RFC 8446 §C.4: each once, but for the last. */
static void test_the_newest_goes_first_and_the_last_stays(void **state)
{
    struct tls_resumption r = { .peers = NULL };
    struct tls_peer *p = hold(&r, "imap.example.com", &usual);

    (void)state;
    assert_int_equal(take(p, NOW), 0);
    for (unsigned char id = 1; id <= 3; id++)
        tls_peer_put(p, session(id, NOW), NOW);
    assert_int_equal(take(p, NOW), 3);
    assert_int_equal(take(p, NOW), 2);
    for (int i = 0; i < 50; i++)
        assert_int_equal(take(p, NOW), 1);
    tls_peer_put(p, session(4, NOW), NOW);
    assert_int_equal(take(p, NOW), 4);
    assert_int_equal(take(p, NOW), 1);
    tls_peer_forget(p);
    assert_int_equal(take(p, NOW), 0);
    tls_peer_release(p);
    tls_resumption_fini(&r);
}

static void test_the_oldest_makes_room(void **state)
{
    struct tls_resumption r = { .peers = NULL };
    struct tls_peer *p = hold(&r, "imap.example.com", &usual);
    unsigned char last = TLS_PEER_SESSIONS_MAX + 2;

    (void)state;
    for (unsigned char id = 1; id <= last; id++)
        tls_peer_put(p, session(id, NOW), NOW);
    for (unsigned char id = last; id >= 3; id--)
        assert_int_equal(take(p, NOW), id);
    assert_int_equal(take(p, NOW), 3);
    tls_peer_release(p);
    tls_resumption_fini(&r);
}

static void test_sessions_expire(void **state)
{
    struct tls_resumption r = { .peers = NULL };
    struct tls_peer *p = hold(&r, "imap.example.com", &usual);

    (void)state;
    tls_peer_put(p, session(1, NOW - LASTS + 10), NOW);
    assert_int_equal(take(p, NOW + 9), 1);
    assert_int_equal(take(p, NOW + 10), 0);
    assert_int_equal(take(p, NOW), 0); /* it is gone */
    tls_peer_release(p);
    tls_resumption_fini(&r);
}

/* RFC 8446 §4.6.1: however new it is, its certificate was verified then. */
static void test_trust_expires(void **state)
{
    struct tls_resumption r = { .peers = NULL };
    struct tls_peer *p = hold(&r, "imap.example.com", &usual);

    (void)state;
    tls_peer_put(p, session(1, NOW + TLS_TRUST_MAX_S - 1), NOW);
    assert_int_equal(take(p, NOW + TLS_TRUST_MAX_S - 1), 1);
    assert_int_equal(take(p, NOW + TLS_TRUST_MAX_S), 0);
    tls_peer_release(p);
    tls_resumption_fini(&r);
}

static void test_an_expired_one_hides_none_that_is_good(void **state)
{
    struct tls_resumption r = { .peers = NULL };
    struct tls_peer *p = hold(&r, "imap.example.com", &usual);

    (void)state;
    tls_peer_put(p, session(1, NOW - LASTS), NOW);
    tls_peer_put(p, session(2, NOW), NOW);
    tls_peer_put(p, session(3, NOW - LASTS), NOW);
    tls_peer_put(p, session(4, NOW), NOW);
    tls_peer_put(p, session(5, NOW - LASTS), NOW);
    assert_int_equal(take(p, NOW), 4);
    assert_int_equal(take(p, NOW), 2);
    assert_int_equal(take(p, NOW), 2);
    tls_peer_release(p);
    tls_resumption_fini(&r);
}

/* --- places --- */

static void test_servers_are_told_apart(void **state)
{
    const struct address_text others[] = { { "192.0.2.2", 993 },
                                           { "192.0.2.1", 143 },
                                           { "2001:db8::1", 993 } };
    struct tls_resumption r = { .peers = NULL };
    struct tls_peer *p = hold(&r, "imap.example.com", &usual);
    struct tls_peer *other;

    (void)state;
    tls_peer_put(p, session(1, NOW), NOW);
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++) {
        other = hold(&r, "imap.example.com", &others[i]);
        assert_int_equal(take(other, NOW), 0);
        tls_peer_release(other);
    }
    other = hold(&r, "mail.example.com", &usual);
    assert_int_equal(take(other, NOW), 0);
    tls_peer_release(other);
    other = tls_resumption_hold(&r, other_context, "imap.example.com", &usual);
    assert_non_null(other);
    assert_int_equal(take(other, NOW), 0);
    tls_peer_release(other);
    tls_peer_release(p);

    p = hold(&r, "imap.example.com", &usual);
    assert_int_equal(take(p, NOW), 1);
    tls_peer_release(p);
    tls_resumption_fini(&r);
    assert_int_equal(r.count, 0);
}

static void test_who_is_not_known_has_no_place(void **state)
{
    const struct address_text nowhere = { "", 0 };
    struct tls_resumption r = { .peers = NULL };

    (void)state;
    assert_null(tls_resumption_hold(&r, context, "a.example", &nowhere));
    tls_resumption_fini(&r);
}

static struct tls_peer *hold_nth(struct tls_resumption *r, int n)
{
    struct address_text address = { "", 993 };

    snprintf(address.host, sizeof(address.host), "192.0.2.%d", n);
    return tls_resumption_hold(r, context, "imap.example.com", &address);
}

static void test_who_was_asked_for_longest_ago_makes_room(void **state)
{
    struct tls_resumption r = { .peers = NULL };
    struct tls_peer *p;

    (void)state;
    for (int i = 0; i < TLS_PEERS_MAX; i++) {
        p = hold_nth(&r, i);
        tls_peer_put(p, session(1, NOW), NOW);
        tls_peer_release(p);
    }
    tls_peer_release(hold_nth(&r, 0)); /* so that 1 is the oldest */
    tls_peer_release(hold_nth(&r, 200));
    assert_int_equal(r.count, TLS_PEERS_MAX);
    p = hold_nth(&r, 0);
    assert_int_equal(take(p, NOW), 1);
    tls_peer_release(p);
    p = hold_nth(&r, 2);
    assert_int_equal(take(p, NOW), 1);
    tls_peer_release(p);
    p = hold_nth(&r, 1);
    assert_int_equal(take(p, NOW), 0);
    tls_peer_release(p);
    tls_resumption_fini(&r);
}

static void test_a_place_that_is_held_stays(void **state)
{
    struct tls_resumption r = { .peers = NULL };
    struct tls_peer *held[TLS_PEERS_MAX];

    (void)state;
    for (int i = 0; i < TLS_PEERS_MAX; i++)
        held[i] = hold_nth(&r, i);
    assert_null(hold_nth(&r, 200));
    assert_ptr_equal(hold_nth(&r, 7), held[7]); /* twice now */
    tls_peer_release(held[7]);
    assert_null(hold_nth(&r, 200));
    tls_peer_release(held[7]);
    held[7] = hold_nth(&r, 200);
    assert_non_null(held[7]);
    for (int i = 0; i < TLS_PEERS_MAX; i++)
        tls_peer_release(held[i]);
    tls_resumption_fini(&r);
}

static void test_no_memory(void **state)
{
    struct tls_resumption r = { .peers = NULL };
    struct tls_peer *p;

    (void)state;
    for (unsigned long n = 1;; n++) {
        alloc_fail_at(n);
        p = tls_resumption_hold(&r, context, "imap.example.com", &usual);
        if (alloc_fail_count() < n) {
            assert_true(n > 1);
            break;
        }
        assert_null(p);
        assert_int_equal(r.count, 0);
    }
    alloc_fail_at(0);
    assert_non_null(p);
    tls_peer_release(p);
    tls_resumption_fini(&r);
}

static int set_up(void **state)
{
    (void)state;
    context = SSL_CTX_new(TLS_client_method());
    other_context = SSL_CTX_new(TLS_client_method());
    return context != NULL && other_context != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    SSL_CTX_free(context);
    SSL_CTX_free(other_context);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_newest_goes_first_and_the_last_stays),
        cmocka_unit_test(test_the_oldest_makes_room),
        cmocka_unit_test(test_sessions_expire),
        cmocka_unit_test(test_trust_expires),
        cmocka_unit_test(test_an_expired_one_hides_none_that_is_good),
        cmocka_unit_test(test_servers_are_told_apart),
        cmocka_unit_test(test_who_is_not_known_has_no_place),
        cmocka_unit_test(test_who_was_asked_for_longest_ago_makes_room),
        cmocka_unit_test(test_a_place_that_is_held_stays),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests_name("net/tls_resumption", tests, set_up,
                                       tear_down);
}
