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
static struct x509_pair red;  /* red.example and *.red.example */
static struct x509_pair blue; /* blue.example */

/* --- a handshake in memory --- */

struct client {
    const char *name; /* NULL: asks for none */
    int version;      /* the only one; 0: any */
    const char *suites;
    const char *alpn; /* length first; or NULL */
};

struct outcome {
    enum tls_status status; /* the server's */
    char version[16];
    char suite[64];
    char subject[64]; /* of the certificate that was shown */
    bool below_1_2;
    bool unmatched;
};

static struct tls_context *server_context(enum tls_version min_version)
{
    const struct tls_pair pairs[] = { { red.certificate, red.key },
                                      { blue.certificate, blue.key } };
    const struct tls_server_wish wish = { pairs, 2, min_version };
    char error[512] = "";
    struct tls_context *c = tls_context_new_server(&wish, error, sizeof(error));

    assert_string_equal(error, "");
    assert_non_null(c);
    return c;
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

        (void)SSL_do_handshake(client);
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
    o.below_1_2 = tls_is_below_1_2(server);
    o.unmatched = tls_name_is_unmatched(server);
    shown = SSL_get1_peer_certificate(client);
    if (shown != NULL)
        X509_NAME_get_text_by_NID(X509_get_subject_name(shown), NID_commonName,
                                  o.subject, sizeof(o.subject));
    X509_free(shown);
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
        struct client wish = { hosts[i], version, ALL_SUITES, NULL };
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
                           NULL };

    (void)state;
    assert_string_equal(meet(context, &wish).suite,
                        "ECDHE-ECDSA-AES128-GCM-SHA256");
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
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    authority = x509_make(folder, "authority",
                          (struct x509_wish){ .common_name = "Authority",
                                              .authority = true,
                                              .days_left = 30 });
    red = issue("red", "DNS:red.example,DNS:*.red.example");
    blue = issue("blue", "DNS:blue.example");
    return 0;
}

static int tear_down(void **state)
{
    char command[sizeof(folder) + 16];

    (void)state;
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
        cmocka_unit_test(test_suites),
    };

    return cmocka_run_group_tests_name("net/tls_context", tests, set_up,
                                       tear_down);
}
