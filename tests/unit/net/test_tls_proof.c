/* test_tls_proof.c - when a server's certificates need not be verified again,
 * and above all when they must be.
 */
#include "net/tls_proof.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "net/tls.h"
#include "support/x509.h"

#define NAME "imap.example.com"
#define OTHER_NAME "mail.example.com"
#define OUTPUT_MAX (1 << 16)
#define TRUST 1

static char folder[] = "/tmp/popinjay-test-tls-proof-XXXXXX";
static struct x509_pair authority;
static struct x509_pair usual;  /* has both names */
static struct x509_pair twin;   /* the same with another key */
static struct x509_pair middle; /* an authority below the other */
static struct x509_pair behind; /* issued by that */
static const struct address_text server_address = { "192.0.2.1", 993 };

static struct x509_pair issue(const char *file, const struct x509_pair *issuer)
{
    return x509_make(
        folder, file,
        (struct x509_wish){ .common_name = NAME,
                            .alternative_names = "DNS:" NAME ",DNS:" OTHER_NAME,
                            .days_left = 30,
                            .issuer = issuer });
}

static struct x509_pair issue_authority(const char *name, int days_left,
                                        const struct x509_pair *issuer)
{
    return x509_make(folder, name,
                     (struct x509_wish){ .common_name = name,
                                         .authority = true,
                                         .days_left = days_left,
                                         .issuer = issuer });
}

/* --- chains --- */

static X509 *load(const struct x509_pair *pair)
{
    FILE *file = fopen(pair->certificate, "r");
    X509 *certificate;

    assert_non_null(file);
    certificate = PEM_read_X509(file, NULL, NULL, NULL);
    assert_non_null(certificate);
    fclose(file);
    return certificate;
}

static int64_t seconds(const ASN1_TIME *at)
{
    struct tm parts;

    assert_int_equal(ASN1_TIME_to_tm(at, &parts), 1);
    return timegm(&parts);
}

static int64_t begin_of(const struct x509_pair *pair)
{
    X509 *certificate = load(pair);
    int64_t at_s = seconds(X509_get0_notBefore(certificate));

    X509_free(certificate);
    return at_s;
}

static int64_t end_of(const struct x509_pair *pair)
{
    X509 *certificate = load(pair);
    int64_t at_s = seconds(X509_get0_notAfter(certificate));

    X509_free(certificate);
    return at_s;
}

struct chain {
    X509_STORE *store;
    STACK_OF(X509) * shown;
    X509_STORE_CTX *context;
};

/* What a server shows: |own| and, unless they are NULL, what comes behind it. */
static void show(struct chain *c, const struct x509_pair *trusted,
                 const struct x509_pair *own, const struct x509_pair *second,
                 const struct x509_pair *third)
{
    c->store = X509_STORE_new();
    c->shown = sk_X509_new_null();
    c->context = X509_STORE_CTX_new();
    assert_int_equal(X509_STORE_load_file(c->store, trusted->certificate), 1);
    sk_X509_push(c->shown, load(own));
    if (second != NULL)
        sk_X509_push(c->shown, load(second));
    if (third != NULL)
        sk_X509_push(c->shown, load(third));
    assert_int_equal(X509_STORE_CTX_init(c->context, c->store,
                                         sk_X509_value(c->shown, 0), c->shown),
                     1);
}

static void put_away(struct chain *c)
{
    X509_STORE_CTX_free(c->context);
    sk_X509_pop_free(c->shown, X509_free);
    X509_STORE_free(c->store);
}

static void ask_for_host(struct chain *c, const char *name)
{
    assert_int_equal(X509_VERIFY_PARAM_set1_host(
                         X509_STORE_CTX_get0_param(c->context), name, 0),
                     1);
}

/* Of a server with that chain, asked for NAME; puts it away. */
static struct tls_proof_key key_of(struct chain *c, uint64_t trust)
{
    struct tls_proof_key key;

    ask_for_host(c, NAME);
    assert_true(tls_proof_key_make(c->context, trust, &key));
    put_away(c);
    return key;
}

static struct tls_proof_key key_of_host(const char *name)
{
    struct tls_proof_key key;
    struct chain c;

    show(&c, &authority, &usual, NULL, NULL);
    ask_for_host(&c, name);
    assert_true(tls_proof_key_make(c.context, TRUST, &key));
    put_away(&c);
    return key;
}

static struct tls_proof_key key_of_two_hosts(void)
{
    struct tls_proof_key key;
    struct chain c;

    show(&c, &authority, &usual, NULL, NULL);
    ask_for_host(&c, NAME);
    assert_int_equal(X509_VERIFY_PARAM_add1_host(
                         X509_STORE_CTX_get0_param(c.context), OTHER_NAME, 0),
                     1);
    assert_true(tls_proof_key_make(c.context, TRUST, &key));
    put_away(&c);
    return key;
}

static struct tls_proof_key key_of_address(const char *address)
{
    struct tls_proof_key key;
    struct chain c;

    show(&c, &authority, &usual, NULL, NULL);
    assert_int_equal(X509_VERIFY_PARAM_set1_ip_asc(
                         X509_STORE_CTX_get0_param(c.context), address),
                     1);
    assert_true(tls_proof_key_make(c.context, TRUST, &key));
    put_away(&c);
    return key;
}

static struct tls_proof_key key_of_chain(uint64_t trust,
                                         const struct x509_pair *own,
                                         const struct x509_pair *second,
                                         const struct x509_pair *third)
{
    struct chain c;

    show(&c, &authority, own, second, third);
    return key_of(&c, trust);
}

/* --- the key --- */

static void test_all_that_matters_is_in_the_key(void **state)
{
    const struct tls_proof_key keys[] = {
        key_of_chain(TRUST, &usual, NULL, NULL),
        key_of_chain(TRUST + 1, &usual, NULL, NULL),
        key_of_chain(TRUST, &twin, NULL, NULL),
        key_of_chain(TRUST, &usual, &middle, NULL),
        key_of_chain(TRUST, &usual, &twin, NULL),
        key_of_chain(TRUST, &usual, &middle, &twin),
        key_of_chain(TRUST, &usual, &twin, &middle),
        key_of_chain(TRUST, &middle, &usual, NULL),
        key_of_host(OTHER_NAME),
        key_of_host("192.0.2.1"),
        key_of_two_hosts(),
        key_of_address("192.0.2.1"),
        key_of_address("192.0.2.2"),
    };
    const struct tls_proof_key again =
        key_of_chain(TRUST, &usual, &middle, &twin);
    size_t count = sizeof(keys) / sizeof(keys[0]);

    (void)state;
    assert_memory_equal(&keys[5], &again, sizeof(again));
    for (size_t i = 0; i < count; i++)
        for (size_t j = i + 1; j < count; j++)
            assert_memory_not_equal(&keys[i], &keys[j], sizeof(keys[i]));
}

static void test_who_asks_for_no_name_proves_nothing(void **state)
{
    struct tls_proof_key key;
    struct chain c;

    (void)state;
    show(&c, &authority, &usual, NULL, NULL);
    assert_false(tls_proof_key_make(c.context, TRUST, &key));
    put_away(&c);
}

/* --- the time --- */

/* Verifies it, and keeps the proof as if it were |now_s|. */
static struct tls_proof_key prove(struct tls_proofs *p,
                                  const struct x509_pair *trusted,
                                  const struct x509_pair *own, int64_t now_s)
{
    struct tls_proof_key key;
    struct chain c;

    show(&c, trusted, own, NULL, NULL);
    ask_for_host(&c, NAME);
    assert_true(tls_proof_key_make(c.context, TRUST, &key));
    assert_int_equal(X509_verify_cert(c.context), 1);
    tls_proofs_keep(p, &key, c.context, now_s);
    put_away(&c);
    return key;
}

static void test_it_holds_for_a_while(void **state)
{
    struct tls_proofs p = { 0 };
    int64_t now_s = time(NULL);
    struct tls_proof_key key = prove(&p, &authority, &usual, now_s);
    struct tls_proof_key other = key_of_host(OTHER_NAME);

    (void)state;
    assert_non_null(tls_proofs_find(&p, &key, now_s));
    assert_int_equal(tls_proofs_find(&p, &key, now_s)->verified_s, now_s);
    assert_non_null(tls_proofs_find(&p, &key, now_s + TLS_TRUST_MAX_S - 1));
    assert_null(tls_proofs_find(&p, &key, now_s + TLS_TRUST_MAX_S));
    assert_null(tls_proofs_find(&p, &key, now_s - 1)); /* the clock was set */
    assert_null(tls_proofs_find(&p, &other, now_s));
}

static void test_it_ends_with_the_first_certificate(void **state)
{
    struct x509_pair old = issue_authority("old", 1, NULL);
    struct x509_pair below = issue("below", &old);
    int64_t end_s = end_of(&usual);
    struct tls_proofs p = { 0 };
    struct tls_proof_key key = prove(&p, &authority, &usual, end_s - 60);

    (void)state;
    assert_non_null(tls_proofs_find(&p, &key, end_s - 1));
    assert_null(tls_proofs_find(&p, &key, end_s));
    end_s = end_of(&old); /* which is not shown, but trusted */
    key = prove(&p, &old, &below, end_s - 60);
    assert_non_null(tls_proofs_find(&p, &key, end_s - 1));
    assert_null(tls_proofs_find(&p, &key, end_s));
    key = prove(&p, &old, &below, end_s);
    assert_null(tls_proofs_find(&p, &key, end_s));
}

static void test_it_does_not_begin_before_a_certificate(void **state)
{
    int64_t begin_s = begin_of(&usual);
    struct tls_proofs p = { 0 };
    struct tls_proof_key key = prove(&p, &authority, &usual, begin_s - 60);

    (void)state;
    assert_null(tls_proofs_find(&p, &key, begin_s - 1));
    assert_non_null(tls_proofs_find(&p, &key, begin_s));
}

/* Each with its own trust, so that the certificates can be the same. */
static struct tls_proof_key keep_one(struct tls_proofs *p, uint64_t trust,
                                     int64_t now_s)
{
    struct tls_proof_key key;
    struct chain c;

    show(&c, &authority, &usual, NULL, NULL);
    ask_for_host(&c, NAME);
    assert_true(tls_proof_key_make(c.context, trust, &key));
    assert_int_equal(X509_verify_cert(c.context), 1);
    tls_proofs_keep(p, &key, c.context, now_s);
    put_away(&c);
    return key;
}

static void test_what_ends_first_makes_room(void **state)
{
    struct tls_proof_key keys[TLS_PROOFS_MAX + 1];
    int64_t now_s = time(NULL);
    struct tls_proofs p = { 0 };

    (void)state;
    for (size_t i = 0; i < TLS_PROOFS_MAX; i++)
        keys[i] = keep_one(&p, i, now_s + (i == 3 ? 0 : 1));
    (void)keep_one(&p, 5, now_s + 1); /* has a place already */
    for (size_t i = 0; i < TLS_PROOFS_MAX; i++)
        assert_non_null(tls_proofs_find(&p, &keys[i], now_s + 1));
    keys[TLS_PROOFS_MAX] = keep_one(&p, TLS_PROOFS_MAX, now_s);
    for (size_t i = 0; i <= TLS_PROOFS_MAX; i++)
        assert_int_equal(tls_proofs_find(&p, &keys[i], now_s + 1) == NULL,
                         i == 3);
}

/* --- handshakes --- */

static unsigned verified; /* certificates looked at */

static int count_verified(int fine, X509_STORE_CTX *store)
{
    (void)store;
    verified++;
    return fine;
}

static struct tls_context *client_context(void)
{
    char error[512] = "";
    struct tls_context *c =
        tls_context_new_client(authority.certificate, error, sizeof(error));

    assert_string_equal(error, "");
    SSL_CTX_set_verify(c->ssl, SSL_VERIFY_PEER, count_verified);
    return c;
}

static struct tls_context *server_context(const struct x509_pair *pair,
                                          struct tls_tickets *tickets)
{
    struct tls_pair shown = { pair->certificate, pair->key };
    struct tls_server_wish wish = { &shown, 1, TLS_VERSION_1_2, tickets };
    char error[512] = "";
    struct tls_context *c = tls_context_new_server(&wish, error, sizeof(error));

    assert_string_equal(error, "");
    return c;
}

struct meeting {
    enum tls_status status; /* the client's verdict */
    bool verified;          /* certificates were looked at */
    bool proven;
};

static void step(struct tls *to, struct buf *from, struct buf *out,
                 enum tls_status *status)
{
    struct span in = buf_span(from);

    if (*status == TLS_MORE)
        *status = tls_handshake(to, &in, out);
    buf_clear(from);
}

static enum tls_status shake_hands(struct tls *client, struct tls *server)
{
    enum tls_status here = TLS_MORE;
    enum tls_status there = TLS_MORE;
    struct buf to_server;
    struct buf to_client;
    struct span in;
    unsigned char octet;
    size_t got;

    buf_init(&to_server, OUTPUT_MAX);
    buf_init(&to_client, OUTPUT_MAX);
    for (int i = 0; i < 4; i++) {
        step(client, &to_client, &to_server, &here);
        if (i == 3 || here < TLS_OK)
            break;
        step(server, &to_server, &to_client, &there);
        in = buf_span(&to_client); /* tickets come behind it */
        if (here == TLS_OK && in.len > 0)
            (void)!tls_read(client, &in, &octet, 1, &got, &to_server);
    }
    buf_fini(&to_server);
    buf_fini(&to_client);
    return here;
}

static struct meeting meet_with(struct tls_context *context,
                                struct tls_resumption *r, const char *name,
                                const struct x509_pair *pair,
                                struct tls_tickets *tickets)
{
    struct tls_context *shown = server_context(pair, tickets);
    struct tls *server = tls_new_server(shown);
    struct tls *client =
        tls_new_client(context, name, NULL, r, &server_address);
    struct meeting m;

    verified = 0;
    m.status = shake_hands(client, server);
    m.verified = verified > 0;
    m.proven = tls_is_proven_before(client);
    tls_free(client);
    tls_free(server);
    tls_context_free(shown);
    return m;
}

static void expect_verified(struct tls_context *context,
                            struct tls_resumption *r, const char *name,
                            const struct x509_pair *pair,
                            enum tls_status status)
{
    struct meeting m = meet_with(context, r, name, pair, NULL);

    assert_int_equal(m.status, status);
    assert_true(m.verified);
    assert_false(m.proven);
}

static void expect_proven(struct tls_context *context, struct tls_resumption *r,
                          const char *name, const struct x509_pair *pair)
{
    struct meeting m = meet_with(context, r, name, pair, NULL);

    assert_int_equal(m.status, TLS_OK);
    assert_false(m.verified);
    assert_true(m.proven);
}

static void test_a_server_is_verified_once(void **state)
{
    struct tls_resumption r = { .peers = NULL };
    struct tls_context *context = client_context();

    (void)state;
    expect_verified(context, &r, NAME, &usual, TLS_OK);
    expect_proven(context, &r, NAME, &usual);
    expect_proven(context, &r, NAME, &usual);
    for (size_t i = 0; i < TLS_PROOFS_MAX; i++)
        if (r.proofs.kept[i].until_s != 0)
            r.proofs.kept[i].until_s = time(NULL); /* its end has come */
    expect_verified(context, &r, NAME, &usual, TLS_OK);
    expect_proven(context, &r, NAME, &usual);
    expect_verified(context, NULL, NAME, &usual, TLS_OK);
    tls_resumption_fini(&r);
    tls_context_free(context);
}

/* The certificate alone does not do: TLS-14, TLS-16. */
static void test_another_name_is_verified(void **state)
{
    struct tls_resumption r = { .peers = NULL };
    struct tls_context *context = client_context();

    (void)state;
    expect_verified(context, &r, NAME, &usual, TLS_OK);
    expect_verified(context, &r, "elsewhere.example", &usual, TLS_EUNTRUSTED);
    expect_verified(context, &r, "192.0.2.1", &usual, TLS_EUNTRUSTED);
    expect_verified(context, &r, OTHER_NAME, &usual, TLS_OK);
    expect_proven(context, &r, OTHER_NAME, &usual);
    expect_proven(context, &r, NAME, &usual);
    tls_resumption_fini(&r);
    tls_context_free(context);
}

static void append_file(const char *to, const char *from)
{
    char command[2 * PATH_MAX + 16];

    (void)snprintf(command, sizeof(command), "cat %s >>%s", from, to);
    assert_int_equal(system(command), 0);
}

static void test_other_certificates_are_verified(void **state)
{
    struct tls_resumption r = { .peers = NULL };
    struct tls_context *context = client_context();

    (void)state;
    expect_verified(context, &r, NAME, &usual, TLS_OK);
    expect_verified(context, &r, NAME, &twin, TLS_OK);
    expect_proven(context, &r, NAME, &usual);
    expect_proven(context, &r, NAME, &twin);
    /* The same, but without what leads from it to whom we trust ... */
    expect_verified(context, &r, NAME, &behind, TLS_EUNTRUSTED);
    append_file(behind.certificate, middle.certificate);
    expect_verified(context, &r, NAME, &behind, TLS_OK);
    expect_proven(context, &r, NAME, &behind);
    /* ... or with more than that. */
    append_file(behind.certificate, authority.certificate);
    expect_verified(context, &r, NAME, &behind, TLS_OK);
    tls_resumption_fini(&r);
    tls_context_free(context);
}

/* Who stands in for a proven server proves nothing, however often. */
static void test_a_failure_is_not_remembered(void **state)
{
    struct x509_pair unknown = issue_authority("unknown", 30, NULL);
    struct x509_pair stranger = issue("stranger", &unknown);
    struct tls_resumption r = { .peers = NULL };
    struct tls_context *context = client_context();

    (void)state;
    for (int i = 0; i < 3; i++)
        expect_verified(context, &r, NAME, &stranger, TLS_EUNTRUSTED);
    for (size_t i = 0; i < TLS_PROOFS_MAX; i++)
        assert_int_equal(r.proofs.kept[i].until_s, 0);
    expect_verified(context, &r, NAME, &usual, TLS_OK);
    expect_verified(context, &r, NAME, &stranger, TLS_EUNTRUSTED);
    expect_proven(context, &r, NAME, &usual);
    tls_resumption_fini(&r);
    tls_context_free(context);
}

/* As after a reload, whatever the file holds by then. */
static void test_another_context_begins_anew(void **state)
{
    struct tls_resumption r = { .peers = NULL };
    struct tls_context *context;

    (void)state;
    for (int i = 0; i < 3; i++) { /* also at an address that was freed */
        context = client_context();
        expect_verified(context, &r, NAME, &usual, TLS_OK);
        expect_proven(context, &r, NAME, &usual);
        tls_context_free(context);
    }
    tls_resumption_fini(&r);
}

/* Else one proof would be good for two times TLS_TRUST_MAX_S. */
static void test_a_session_is_as_old_as_its_proof(void **state)
{
    char error[512] = "";
    struct tls_tickets *tickets =
        tls_tickets_new(NULL, NULL, error, sizeof(error));
    struct tls_resumption r = { .peers = NULL };
    struct tls_context *context = client_context();
    int64_t then_s = time(NULL) - 100;
    int64_t verified_s = 0;
    struct tls_peer *place;

    (void)state;
    assert_non_null(tickets);
    expect_verified(context, &r, NAME, &usual, TLS_OK);
    for (size_t i = 0; i < TLS_PROOFS_MAX; i++)
        r.proofs.kept[i].verified_s = then_s;
    assert_true(meet_with(context, &r, NAME, &usual, tickets).proven);
    place = tls_resumption_hold(&r, context->ssl, NAME, &server_address);
    assert_non_null(place);
    SSL_SESSION_free(tls_peer_take(place, time(NULL), &verified_s));
    assert_int_equal(verified_s, then_s);
    tls_peer_release(place);
    tls_resumption_fini(&r);
    tls_context_free(context);
    tls_tickets_release(tickets);
}

static int set_up(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    authority = issue_authority("authority", 60, NULL);
    usual = issue("usual", &authority);
    twin = issue("twin", &authority);
    middle = issue_authority("middle", 60, &authority);
    behind = issue("behind", &middle);
    return 0;
}

static int tear_down(void **state)
{
    char command[sizeof(folder) + 8];

    (void)state;
    (void)snprintf(command, sizeof(command), "rm -r %s", folder);
    return system(command);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_that_matters_is_in_the_key),
        cmocka_unit_test(test_who_asks_for_no_name_proves_nothing),
        cmocka_unit_test(test_it_holds_for_a_while),
        cmocka_unit_test(test_it_ends_with_the_first_certificate),
        cmocka_unit_test(test_it_does_not_begin_before_a_certificate),
        cmocka_unit_test(test_what_ends_first_makes_room),
        cmocka_unit_test(test_a_server_is_verified_once),
        cmocka_unit_test(test_another_name_is_verified),
        cmocka_unit_test(test_other_certificates_are_verified),
        cmocka_unit_test(test_a_failure_is_not_remembered),
        cmocka_unit_test(test_another_context_begins_anew),
        cmocka_unit_test(test_a_session_is_as_old_as_its_proof),
    };

    return cmocka_run_group_tests_name("net/tls_proof", tests, set_up,
                                       tear_down);
}
