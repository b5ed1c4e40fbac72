/* test_tls_context.c - what a listener shows, to whom, and under which version.
 */
#include "net/tls_context.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/ssl.h>

#include "net/tls.h"
#include "support/x509.h"

#define CIPHER_MAX (1 << 20)
/* All that OpenSSL knows but what only certain keys are for. */
#define ALL_SUITES "ALL:COMPLEMENTOFALL:@SECLEVEL=0"

static char folder[] = "/tmp/popinjay-test-context-XXXXXX";
static struct x509_pair authority;
static struct x509_pair red;        /* red.example and *.red.example */
static struct x509_pair blue;       /* blue.example */
static struct tls_tickets *tickets; /* of all contexts */

/* --- a handshake in memory --- */

struct client {
    const char *name; /* NULL: asks for none */
    int version;      /* the only one; 0: any */
    const char *suites;
    const char *alpn;      /* length first; or NULL */
    SSL_SESSION **session; /* offered, and replaced by a new one; or NULL */
};

struct outcome {
    enum tls_status status; /* the server's */
    char version[16];
    char suite[64];
    char subject[64]; /* of the certificate that was shown */
    bool below_1_2;
    bool unmatched;
    bool resumed;
};

static struct tls_context *context_of(const struct tls_server_wish *wish)
{
    char error[512] = "";
    struct tls_context *c = tls_context_new_server(wish, error, sizeof(error));

    assert_string_equal(error, "");
    assert_non_null(c);
    return c;
}

static struct tls_context *server_context(enum tls_version min_version)
{
    const struct tls_pair pairs[] = { { red.certificate, red.key },
                                      { blue.certificate, blue.key } };
    const struct tls_server_wish wish = { pairs, 2, min_version, tickets };

    return context_of(&wish);
}

static unsigned tickets_seen;

static int count_ticket(SSL *ssl, SSL_SESSION *session)
{
    (void)ssl;
    (void)session;
    tickets_seen++;
    return 0;
}

/* The newest one, which the callback is not told of where TLS 1.2 resumes. */
static void keep_session(SSL *ssl, SSL_SESSION **kept)
{
    SSL_SESSION *newest = SSL_get1_session(ssl);

    SSL_SESSION_free(*kept);
    *kept = newest;
}

static SSL *client_new(const struct client *wish)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *ssl;

    assert_non_null(context);
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_min_proto_version(context, wish->version);
    SSL_CTX_set_max_proto_version(context, wish->version);
    if (wish->suites != NULL)
        assert_int_equal(SSL_CTX_set_cipher_list(context, wish->suites), 1);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT |
                                                SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, count_ticket);
    if (wish->alpn != NULL)
        SSL_CTX_set_alpn_protos(context, (const unsigned char *)wish->alpn,
                                (unsigned)strlen(wish->alpn));
    ssl = SSL_new(context);
    SSL_CTX_free(context);
    assert_non_null(ssl);
    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    if (wish->name != NULL)
        SSL_set_tlsext_host_name(ssl, strdupa(wish->name));
    SSL_set_connect_state(ssl);
    if (wish->session != NULL && *wish->session != NULL)
        assert_int_equal(SSL_set_session(ssl, *wish->session), 1);
    return ssl;
}

/* Carries octets until nothing moves. */
static enum tls_status shake(struct tls *server, SSL *client)
{
    enum tls_status status = TLS_MORE;
    unsigned char octets[16384];
    struct buf out;
    int n;

    buf_init(&out, CIPHER_MAX);
    do {
        struct span in;

        if (SSL_do_handshake(client) == 1)
            (void)SSL_peek(client, octets, 1); /* takes the ticket */
        n = BIO_read(SSL_get_wbio(client), octets, sizeof(octets));
        in = span_make(octets, n > 0 ? (size_t)n : 0);
        if (n > 0 && status == TLS_MORE)
            status = tls_handshake(server, &in, &out);
        BIO_write(SSL_get_rbio(client), buf_span(&out).data,
                  (int)buf_length(&out));
        buf_clear(&out);
    } while (n > 0);
    buf_fini(&out);
    return status;
}

static struct outcome meet(struct tls_context *context,
                           const struct client *wish)
{
    struct outcome o = { .status = TLS_MORE };
    struct tls *server = tls_new_server(context);
    SSL *client = client_new(wish);
    X509 *shown;

    assert_non_null(server);
    o.status = shake(server, client);
    snprintf(o.version, sizeof(o.version), "%s", tls_version_name(server));
    snprintf(o.suite, sizeof(o.suite), "%s", tls_cipher_name(server));
    o.below_1_2 = tls_version_of(server) < TLS_VERSION_1_2;
    o.unmatched = tls_name_is_unmatched(server);
    o.resumed = tls_is_resumed(server);
    assert_int_equal(SSL_session_reused(client), o.resumed);
    shown = SSL_get1_peer_certificate(client);
    if (shown != NULL)
        X509_NAME_get_text_by_NID(X509_get_subject_name(shown), NID_commonName,
                                  o.subject, sizeof(o.subject));
    X509_free(shown);
    if (wish->session != NULL)
        keep_session(client, wish->session);
    /* A cut must not spoil the session. */
    SSL_set_shutdown(client, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(client);
    tls_free(server);
    return o;
}

/* --- TLS-13: which certificate --- */

static void test_names_choose_certificates(void **state)
{
    static const struct {
        const char *name;
        const char *subject;
        bool unmatched;
    } rows[] = {
        { "red.example", "red", false },
        { "blue.example", "blue", false },
        { "BLUE.example", "blue", false },
        { "pop.red.example", "red", false },
        { "a.pop.red.example", "red", true },
        { "stranger.example", "red", true },
        { "192.0.2.1", "red", true }, /* not allowed, and done by devices */
        { NULL, "red", false },
    };
    static const int versions[] = { 0, TLS1_2_VERSION };
    struct tls_context *context = server_context(TLS_VERSION_1_2);

    (void)state;
    for (size_t i = 0; i < 2 * ARRAY_LENGTH(rows); i++) {
        struct client wish = { .name = rows[i / 2].name,
                               .version = versions[i % 2] };
        struct outcome o = meet(context, &wish);

        assert_int_equal(o.status, TLS_OK);
        assert_string_equal(o.subject, rows[i / 2].subject);
        assert_int_equal(o.unmatched, rows[i / 2].unmatched);
    }
    tls_context_free(context);
}

/* Only the certificate changes with the name. */
static void test_all_certificates_have_one_policy(void **state)
{
    struct tls_context *context = server_context(TLS_VERSION_1_2);
    struct client wish = { .name = "blue.example", .alpn = "\x04imap" };

    (void)state;
    assert_int_equal(meet(context, &wish).status, TLS_EFAILED);
    wish.alpn = "\x04pop3";
    assert_int_equal(meet(context, &wish).status, TLS_OK);
    wish.version = TLS1_2_VERSION;
    wish.suites = "ECDHE-ECDSA-AES128-SHA";
    assert_int_equal(meet(context, &wish).status, TLS_EFAILED);
    wish.version = TLS1_VERSION;
    assert_int_equal(meet(context, &wish).status, TLS_EFAILED);
    tls_context_free(context);
}

/* --- TLS-6: a listener that is lowered --- */

static void expect_version(enum tls_version min_version, int version,
                           const char *name)
{
    static const char *const hosts[] = { "red.example", "blue.example" };
    struct tls_context *context = server_context(min_version);

    for (size_t i = 0; i < ARRAY_LENGTH(hosts); i++) {
        struct client wish = { hosts[i], version, ALL_SUITES, NULL, NULL };
        struct outcome o = meet(context, &wish);

        if (name == NULL) {
            assert_int_equal(o.status, TLS_EFAILED);
            continue;
        }
        assert_int_equal(o.status, TLS_OK);
        assert_string_equal(o.version, name);
        assert_int_equal(o.below_1_2, strlen(name) == 5 || name[6] == '1');
    }
    tls_context_free(context);
}

static void test_versions(void **state)
{
    (void)state;
    expect_version(TLS_VERSION_1_0, TLS1_VERSION, "TLSv1");
    expect_version(TLS_VERSION_1_0, TLS1_1_VERSION, "TLSv1.1");
    expect_version(TLS_VERSION_1_0, TLS1_2_VERSION, "TLSv1.2");
    expect_version(TLS_VERSION_1_0, 0, "TLSv1.3");
    expect_version(TLS_VERSION_1_1, TLS1_VERSION, NULL);
    expect_version(TLS_VERSION_1_1, TLS1_1_VERSION, "TLSv1.1");
    expect_version(TLS_VERSION_1_2, TLS1_1_VERSION, NULL);
    expect_version(TLS_VERSION_1_2, TLS1_2_VERSION, "TLSv1.2");
    expect_version(TLS_VERSION_1_3, TLS1_2_VERSION, NULL);
    expect_version(TLS_VERSION_1_3, 0, "TLSv1.3");
}

/* A client that puts the weakest first gets the best of what it has. */
static void test_a_lowered_listener_prefers_the_best(void **state)
{
    struct tls_context *context = server_context(TLS_VERSION_1_0);
    struct client wish = { "red.example", TLS1_2_VERSION,
                           "AES128-SHA:ECDHE-ECDSA-AES128-SHA:"
                           "ECDHE-ECDSA-AES128-GCM-SHA256:@SECLEVEL=0",
                           NULL, NULL };

    (void)state;
    assert_string_equal(meet(context, &wish).suite,
                        "ECDHE-ECDSA-AES128-GCM-SHA256");
    tls_context_free(context);
}

/* --- what a ticket is good for --- */

static const int resumable[] = { TLS1_2_VERSION, 0 };

/* Whether the ticket that |to_get| got at |from| is taken at |to|. */
static bool resumes(struct tls_context *from, struct client to_get,
                    struct tls_context *to, struct client to_use)
{
    SSL_SESSION *session = NULL;
    struct outcome o;

    to_get.session = &session;
    to_use.session = &session;
    o = meet(from, &to_get);
    assert_int_equal(o.status, TLS_OK);
    assert_false(o.resumed);
    assert_non_null(session);
    o = meet(to, &to_use);
    assert_int_equal(o.status, TLS_OK);
    SSL_SESSION_free(session);
    return o.resumed;
}

/* RFC 6066 §3, TLS-13: only the same name; the stranger's is one as well. */
static void test_a_ticket_is_good_for_one_name(void **state)
{
    static const char *const names[] = { "red.example", "pop.red.example",
                                         "blue.example", "stranger.example",
                                         NULL };
    struct tls_context *context = server_context(TLS_VERSION_1_2);

    (void)state;
    for (size_t v = 0; v < ARRAY_LENGTH(resumable); v++)
        for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
            for (size_t j = 0; j < ARRAY_LENGTH(names); j++) {
                struct client get = { .name = names[i],
                                      .version = resumable[v] };
                struct client use = { .name = names[j],
                                      .version = resumable[v] };

                assert_int_equal(resumes(context, get, context, use), i == j);
            }
    tls_context_free(context);
}

/* The metric counts a stranger's name each time. */
static void test_a_strange_name_is_noticed_when_resumed(void **state)
{
    struct tls_context *context = server_context(TLS_VERSION_1_2);

    (void)state;
    for (size_t v = 0; v < ARRAY_LENGTH(resumable); v++) {
        SSL_SESSION *session = NULL;
        struct client wish = { .name = "stranger.example",
                               .version = resumable[v],
                               .session = &session };

        for (int round = 0; round < 3; round++) {
            struct outcome o = meet(context, &wish);

            assert_int_equal(o.resumed, round > 0);
            assert_true(o.unmatched);
        }
        SSL_SESSION_free(session);
    }
    tls_context_free(context);
}

/* All listeners share their keys, and yet. */
static void test_a_ticket_is_good_for_one_kind_of_listener(void **state)
{
    const struct tls_pair blue_pair = { blue.certificate, blue.key };
    const struct tls_server_wish only_blue = { &blue_pair, 1, TLS_VERSION_1_2,
                                               tickets };
    struct tls_context *usual = server_context(TLS_VERSION_1_2);
    struct tls_context *twin = server_context(TLS_VERSION_1_2);
    struct tls_context *lowered = server_context(TLS_VERSION_1_0);
    struct tls_context *shows_blue = context_of(&only_blue);

    (void)state;
    for (size_t v = 0; v < ARRAY_LENGTH(resumable); v++) {
        struct client to_red = { .name = "red.example",
                                 .version = resumable[v] };
        struct client to_blue = { .name = "blue.example",
                                  .version = resumable[v] };
        struct client nameless = { .version = resumable[v] };

        assert_true(resumes(usual, to_red, twin, to_red));
        assert_true(resumes(usual, to_blue, shows_blue, to_blue));
        assert_false(resumes(usual, to_red, shows_blue, to_red));
        assert_false(resumes(usual, nameless, shows_blue, nameless));
        assert_false(resumes(lowered, to_red, usual, to_red));
        assert_false(resumes(usual, to_red, lowered, to_red));
        assert_true(resumes(lowered, to_red, lowered, to_red));
    }
    tls_context_free(usual);
    tls_context_free(twin);
    tls_context_free(lowered);
    tls_context_free(shows_blue);
}

/* TLS-7: what only a lowered listener admits does not come in by a ticket. */
static void test_a_weak_suite_is_not_resumed_elsewhere(void **state)
{
    struct tls_context *usual = server_context(TLS_VERSION_1_2);
    struct tls_context *lowered = server_context(TLS_VERSION_1_0);
    struct client weak = { "red.example", TLS1_2_VERSION,
                           "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0", NULL, NULL };
    SSL_SESSION *session = NULL;

    (void)state;
    weak.session = &session;
    assert_string_equal(meet(lowered, &weak).suite, "ECDHE-ECDSA-AES128-SHA");
    assert_true(meet(lowered, &weak).resumed);
    assert_non_null(session);
    assert_int_equal(meet(usual, &weak).status, TLS_EFAILED);
    SSL_SESSION_free(session);
    tls_context_free(usual);
    tls_context_free(lowered);
}

static void test_old_versions_resume_too(void **state)
{
    struct tls_context *lowered = server_context(TLS_VERSION_1_0);
    struct client old = { .name = "red.example",
                          .version = TLS1_VERSION,
                          .suites = ALL_SUITES };

    (void)state;
    assert_true(resumes(lowered, old, lowered, old));
    tls_context_free(lowered);
}

static void name_of_ticket(const SSL_SESSION *session, unsigned char *name)
{
    const unsigned char *ticket;
    size_t size;

    SSL_SESSION_get0_ticket(session, &ticket, &size);
    assert_true(size > TLS_TICKET_KEY_NAME_SIZE);
    memcpy(name, ticket, TLS_TICKET_KEY_NAME_SIZE);
}

static uint64_t in_ms(uint64_t more)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + more;
}

/* The key changes: the ticket is still good, and another takes its place. */
static void test_tickets_outlive_a_change_of_keys(void **state)
{
    struct tls_context *context = server_context(TLS_VERSION_1_2);

    (void)state;
    for (size_t v = 0; v < ARRAY_LENGTH(resumable); v++) {
        unsigned char before[TLS_TICKET_KEY_NAME_SIZE];
        unsigned char after[TLS_TICKET_KEY_NAME_SIZE];
        SSL_SESSION *session = NULL;
        struct client wish = { .name = "red.example",
                               .version = resumable[v],
                               .session = &session };
        struct tls_ticket_key key;

        assert_false(meet(context, &wish).resumed);
        name_of_ticket(session, before);
        tls_tickets_sealing_key(
            tickets, in_ms((v + 1) * (TLS_TICKET_KEY_PERIOD_MS + 1000)), &key);
        assert_true(meet(context, &wish).resumed);
        name_of_ticket(session, after);
        assert_memory_equal(after, key.name, sizeof(after));
        assert_memory_not_equal(after, before, sizeof(after));
        assert_true(meet(context, &wish).resumed);
        SSL_SESSION_free(session);
    }
    tls_context_free(context);
}

/* RFC 8446 §C.4: one each time; a client of TLS 1.2 keeps the one it has. */
static void test_how_many_tickets(void **state)
{
    struct tls_context *context = server_context(TLS_VERSION_1_2);
    SSL_SESSION *session = NULL;
    SSL_SESSION *first;
    struct client old = { .name = "red.example",
                          .version = TLS1_2_VERSION,
                          .session = &first };
    struct client new = { .name = "red.example", .session = &session };

    (void)state;
    tickets_seen = 0;
    for (unsigned round = 1; round <= 3; round++) {
        assert_int_equal(meet(context, &new).resumed, round > 1);
        assert_int_equal(tickets_seen, round);
    }
    SSL_SESSION_free(session);
    session = NULL;
    first = NULL;
    (void)meet(context, &old);
    assert_true(SSL_SESSION_up_ref(first));
    session = first;
    assert_true(meet(context, &old).resumed);
    assert_ptr_equal(session, first);
    SSL_SESSION_free(session);
    SSL_SESSION_free(first);
    tls_context_free(context);
}

/* Every octet of a ticket counts, and a forged one costs a whole handshake. */
static void test_a_forged_ticket_is_not_resumed(void **state)
{
    struct tls_context *context = server_context(TLS_VERSION_1_2);
    SSL_SESSION *session = NULL;
    struct client wish = { .name = "red.example",
                           .version = TLS1_2_VERSION,
                           .session = &session };
    unsigned char *der = NULL;
    const unsigned char *ticket;
    unsigned char *at;
    size_t size;
    int length;

    (void)state;
    (void)meet(context, &wish);
    length = i2d_SSL_SESSION(session, &der);
    SSL_SESSION_get0_ticket(session, &ticket, &size);
    at = memmem(der, (size_t)length, ticket, size);
    assert_non_null(at);
    SSL_SESSION_free(session);
    for (size_t i = 0; i < size; i += 7) {
        const unsigned char *from = der;
        struct outcome o;

        at[i] ^= 1;
        session = d2i_SSL_SESSION(NULL, &from, length);
        assert_non_null(session);
        o = meet(context, &wish);
        assert_int_equal(o.status, TLS_OK);
        assert_false(o.resumed);
        SSL_SESSION_free(session);
        at[i] ^= 1;
    }
    OPENSSL_free(der);
    tls_context_free(context);
}

static void test_without_keys_nothing_is_resumed(void **state)
{
    const struct tls_pair pair = { red.certificate, red.key };
    const struct tls_server_wish wish = { &pair, 1, TLS_VERSION_1_2, NULL };
    struct tls_context *context = context_of(&wish);

    (void)state;
    for (size_t v = 0; v < ARRAY_LENGTH(resumable); v++) {
        SSL_SESSION *session = NULL;
        struct client client = { .name = "red.example",
                                 .version = resumable[v],
                                 .session = &session };

        for (int round = 0; round < 2; round++) {
            struct outcome o = meet(context, &client);

            assert_int_equal(o.status, TLS_OK);
            assert_false(o.resumed);
        }
        SSL_SESSION_free(session);
    }
    tls_context_free(context);
}

/* --- TLS-7: a scan of the suites --- */

static void for_each_suite(enum tls_version min_version,
                           void (*judge)(const SSL_CIPHER *))
{
    struct tls_context *context = server_context(min_version);
    STACK_OF(SSL_CIPHER) *suites = SSL_CTX_get_ciphers(context->ssl);

    assert_true(sk_SSL_CIPHER_num(suites) > 5);
    for (int i = 0; i < sk_SSL_CIPHER_num(suites); i++)
        judge(sk_SSL_CIPHER_value(suites, i));
    tls_context_free(context);
}

static void must_be_modern(const SSL_CIPHER *suite)
{
    int exchange = SSL_CIPHER_get_kx_nid(suite);

    if (!SSL_CIPHER_is_aead(suite) ||
        (exchange != NID_kx_any && exchange != NID_kx_ecdhe &&
         exchange != NID_kx_dhe))
        fail_msg("%s", SSL_CIPHER_get_name(suite));
}

static void must_not_be_broken(const SSL_CIPHER *suite)
{
    int cipher = SSL_CIPHER_get_cipher_nid(suite);
    int exchange = SSL_CIPHER_get_kx_nid(suite);
    bool good = SSL_CIPHER_get_bits(suite, NULL) >= 128 &&
                SSL_CIPHER_get_auth_nid(suite) != NID_auth_null &&
                cipher != NID_des_ede3_cbc && cipher != NID_rc4 &&
                exchange != NID_kx_psk && exchange != NID_kx_srp;

    if (!good)
        fail_msg("%s", SSL_CIPHER_get_name(suite));
}

static void test_suites(void **state)
{
    (void)state;
    for_each_suite(TLS_VERSION_1_2, must_be_modern);
    for_each_suite(TLS_VERSION_1_3, must_be_modern);
    for_each_suite(TLS_VERSION_1_0, must_not_be_broken);
    for_each_suite(TLS_VERSION_1_1, must_not_be_broken);
}

/* --- */

static struct x509_pair issue(const char *name, const char *alternative_names)
{
    return x509_make(folder, name,
                     (struct x509_wish){ .common_name = name,
                                         .alternative_names = alternative_names,
                                         .days_left = 30,
                                         .issuer = &authority });
}

static int set_up(void **state)
{
    char error[512];

    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    authority = x509_make(folder, "authority",
                          (struct x509_wish){ .common_name = "Authority",
                                              .authority = true,
                                              .days_left = 30 });
    red = issue("red", "DNS:red.example,DNS:*.red.example");
    blue = issue("blue", "DNS:blue.example");
    tickets = tls_tickets_new(NULL, NULL, error, sizeof(error));
    return tickets != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    char command[sizeof(folder) + 16];

    (void)state;
    tls_tickets_release(tickets);
    snprintf(command, sizeof(command), "rm -r %s", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_choose_certificates),
        cmocka_unit_test(test_all_certificates_have_one_policy),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_a_lowered_listener_prefers_the_best),
        cmocka_unit_test(test_a_ticket_is_good_for_one_name),
        cmocka_unit_test(test_a_strange_name_is_noticed_when_resumed),
        cmocka_unit_test(test_a_ticket_is_good_for_one_kind_of_listener),
        cmocka_unit_test(test_a_weak_suite_is_not_resumed_elsewhere),
        cmocka_unit_test(test_old_versions_resume_too),
        cmocka_unit_test(test_tickets_outlive_a_change_of_keys),
        cmocka_unit_test(test_how_many_tickets),
        cmocka_unit_test(test_a_forged_ticket_is_not_resumed),
        cmocka_unit_test(test_without_keys_nothing_is_resumed),
        cmocka_unit_test(test_suites),
    };

    return cmocka_run_group_tests_name("net/tls_context", tests, set_up,
                                       tear_down);
}
