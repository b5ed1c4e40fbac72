/* test_tls.c - two ends talk in memory, with every cut of the ciphertext. */
#include "net/tls.h"

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

#include "base/limits.h"
#include "support/x509.h"

#define CIPHER_MAX (1 << 20)
#define WHOLE CIPHER_MAX

static char folder[] = "/tmp/popinjay-test-tls-XXXXXX";
static struct x509_pair authority;
static struct x509_pair stranger; /* an authority that nobody trusts */
static struct x509_pair usual;    /* imap.example.com */
static struct tls_tickets *tickets;
static const struct address_text server_address = { "192.0.2.1", 993 };

/* --- two ends --- */

struct end {
    struct tls *tls;
    struct buf out;
    enum tls_status status;
};

struct talk {
    struct tls_context *server_context;
    struct tls_context *client_context;
    struct end server;
    struct end client;
};

static struct tls_context *server_context(const struct x509_pair *pair)
{
    struct tls_pair shown = { pair->certificate, pair->key };
    struct tls_server_wish wish = { &shown, 1, TLS_VERSION_1_2, tickets };
    char error[512] = "";
    struct tls_context *c = tls_context_new_server(&wish, error, sizeof(error));

    assert_string_equal(error, "");
    assert_non_null(c);
    return c;
}

static struct tls_context *client_context(const struct x509_pair *trusted)
{
    char error[512] = "";
    struct tls_context *c =
        tls_context_new_client(trusted->certificate, error, sizeof(error));

    assert_string_equal(error, "");
    assert_non_null(c);
    return c;
}

static void prepare(struct talk *t, const struct x509_pair *pair)
{
    *t = (struct talk){ 0 };
    t->server_context = server_context(pair);
    t->client_context = client_context(&authority);
    buf_init(&t->server.out, CIPHER_MAX);
    buf_init(&t->client.out, CIPHER_MAX);
}

static void connect_as(struct talk *t, const char *name, const char *alpn,
                       struct tls_resumption *resumption)
{
    tls_free(t->server.tls);
    tls_free(t->client.tls);
    buf_clear(&t->server.out);
    buf_clear(&t->client.out);
    t->server.tls = tls_new_server(t->server_context);
    t->client.tls = tls_new_client(t->client_context, name, alpn, resumption,
                                   &server_address);
    assert_non_null(t->server.tls);
    assert_non_null(t->client.tls);
    t->server.status = TLS_MORE;
    t->client.status = TLS_MORE;
}

static void finish(struct talk *t)
{
    tls_free(t->server.tls);
    tls_free(t->client.tls);
    buf_fini(&t->server.out);
    buf_fini(&t->client.out);
    tls_context_free(t->server_context);
    tls_context_free(t->client_context);
}

/* |cut| octets at a time from one end to the handshake of the other. */
static bool carry(struct end *from, struct end *to, size_t cut)
{
    bool moved = false;

    while (to->status == TLS_MORE && buf_length(&from->out) > 0) {
        struct span front = buf_span(&from->out);
        size_t before;

        if (front.len > cut)
            front.len = cut;
        before = front.len;
        to->status = tls_handshake(to->tls, &front, &to->out);
        if (to->status == TLS_MORE)
            assert_int_equal(front.len, 0);
        buf_consume(&from->out, before - front.len);
        moved = true;
    }
    return moved;
}

static void shake(struct talk *t, size_t cut)
{
    struct span nothing = { NULL, 0 };
    bool moved = true;

    t->client.status = tls_handshake(t->client.tls, &nothing, &t->client.out);
    while (moved) {
        moved = carry(&t->client, &t->server, cut);
        moved |= carry(&t->server, &t->client, cut);
    }
}

/* The client's verdict on a server with that certificate under that name. */
static enum tls_status verdict(const struct x509_pair *pair, const char *name)
{
    struct talk t;
    enum tls_status status;

    prepare(&t, pair);
    connect_as(&t, name, NULL, NULL);
    shake(&t, WHOLE);
    status = t.client.status;
    if (status == TLS_EUNTRUSTED)
        assert_non_null(tls_failure(t.client.tls));
    finish(&t);
    return status;
}

static void send_all(struct end *from, const unsigned char *data, size_t len)
{
    struct span plain = span_make(data, len);

    while (plain.len > 0)
        assert_int_equal(tls_write(from->tls, &plain, &from->out), TLS_OK);
}

/* Reads all that |from| has for |to|, |cut| octets of ciphertext and |cap| of
 * plaintext at a time. Returns the status that is not TLS_OK.
 */
static enum tls_status receive(struct end *from, struct end *to, size_t cut,
                               size_t cap, struct buf *plain)
{
    unsigned char part[16384];
    enum tls_status status = TLS_MORE;

    while (buf_length(&from->out) > 0 && status >= TLS_OK) {
        struct span front = buf_span(&from->out);
        size_t before = front.len < cut ? front.len : cut;
        size_t got = 0;

        front.len = before;
        status = tls_read(to->tls, &front, part, cap, &got, &to->out);
        buf_consume(&from->out, before - front.len);
        if (status == TLS_OK)
            assert_true(buf_append(plain, span_make(part, got)));
        if (status == TLS_MORE)
            assert_int_equal(front.len, 0);
        if (status == TLS_END)
            return status;
    }
    while (tls_has_plain(to->tls)) {
        struct span none = { NULL, 0 };
        size_t got = 0;

        assert_int_equal(tls_read(to->tls, &none, part, cap, &got, &to->out),
                         TLS_OK);
        assert_true(buf_append(plain, span_make(part, got)));
    }
    return status;
}

/* --- octets --- */

static void exchange(size_t cut, size_t cap)
{
    static unsigned char mail[100000];
    struct talk t;
    struct buf plain;

    for (size_t i = 0; i < sizeof(mail); i++)
        mail[i] = (unsigned char)(i * 7 + i / 251);
    buf_init(&plain, CIPHER_MAX);
    prepare(&t, &usual);
    connect_as(&t, "imap.example.com", NULL, NULL);
    shake(&t, cut);
    assert_int_equal(t.server.status, TLS_OK);
    assert_int_equal(t.client.status, TLS_OK);
    assert_string_equal(tls_version_name(t.client.tls), "TLSv1.3");
    assert_string_equal(tls_cipher_name(t.client.tls),
                        tls_cipher_name(t.server.tls));

    send_all(&t.server, mail, sizeof(mail));
    (void)receive(&t.server, &t.client, cut, cap, &plain);
    assert_int_equal(buf_length(&plain), sizeof(mail));
    assert_memory_equal(buf_span(&plain).data, mail, sizeof(mail));

    buf_clear(&plain);
    send_all(&t.client, (const unsigned char *)"QUIT\r\n", 6);
    (void)receive(&t.client, &t.server, cut, cap, &plain);
    assert_true(span_equals(buf_span(&plain), SPAN_LITERAL("QUIT\r\n")));
    buf_fini(&plain);
    finish(&t);
}

static void test_exchange_at_any_cut(void **state)
{
    static const size_t cuts[] = { 1, 2, 5, 6, 1000, 16384, 16406, WHOLE };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cuts); i++)
        exchange(cuts[i], 16384);
    exchange(WHOLE, 1);
    exchange(WHOLE, 4000);
}

/* TLS-8 */
static void test_close_notify(void **state)
{
    struct talk t;
    struct buf plain;

    (void)state;
    buf_init(&plain, CIPHER_MAX);
    prepare(&t, &usual);
    connect_as(&t, "imap.example.com", NULL, NULL);
    tls_close_notify(t.server.tls, &t.server.out); /* too early: nothing */
    assert_int_equal(buf_length(&t.server.out), 0);
    shake(&t, WHOLE);
    send_all(&t.server, (const unsigned char *)"+OK\r\n", 5);
    tls_close_notify(t.server.tls, &t.server.out);
    tls_close_notify(t.server.tls, &t.server.out); /* once is enough */
    assert_int_equal(receive(&t.server, &t.client, WHOLE, 100, &plain),
                     TLS_END);
    assert_true(span_equals(buf_span(&plain), SPAN_LITERAL("+OK\r\n")));
    assert_int_equal(buf_length(&t.server.out), 0);
    assert_null(tls_failure(t.client.tls));
    buf_fini(&plain);
    finish(&t);
}

/* TLS-1: whoever speaks plain text where TLS is due gets no plain text. */
static void test_plain_text_is_no_handshake(void **state)
{
    struct talk t;
    struct span line = SPAN_LITERAL("USER mrose\r\nPASS secret\r\n");

    (void)state;
    prepare(&t, &usual);
    connect_as(&t, "imap.example.com", NULL, NULL);
    assert_int_equal(tls_handshake(t.server.tls, &line, &t.server.out),
                     TLS_EFAILED);
    assert_non_null(tls_failure(t.server.tls));
    assert_int_equal(tls_handshake(t.server.tls, &line, &t.server.out),
                     TLS_EFAILED); /* sticks */
    finish(&t);
}

static void test_broken_record_sticks(void **state)
{
    struct talk t;
    struct buf plain;

    (void)state;
    buf_init(&plain, CIPHER_MAX);
    prepare(&t, &usual);
    connect_as(&t, "imap.example.com", NULL, NULL);
    shake(&t, WHOLE);
    (void)receive(&t.server, &t.client, WHOLE, 100, &plain); /* the ticket */
    send_all(&t.server, (const unsigned char *)"+OK\r\n", 5);
    t.server.out.data[t.server.out.start + 7] ^= 1;
    assert_int_equal(receive(&t.server, &t.client, WHOLE, 100, &plain),
                     TLS_EFAILED);
    assert_int_equal(buf_length(&plain), 0);
    assert_true(buf_length(&t.client.out) > 0); /* an alert */
    buf_fini(&plain);
    finish(&t);
}

/* --- names and trust --- */

static struct x509_pair issue(const char *file, const char *common_name,
                              const char *names)
{
    return x509_make(folder, file,
                     (struct x509_wish){ .common_name = common_name,
                                         .alternative_names = names,
                                         .days_left = 30,
                                         .issuer = &authority });
}

/* TLS-14 */
static void test_only_trusted_certificates_of_the_host_pass(void **state)
{
    struct x509_pair expired = x509_make(
        folder, "expired",
        (struct x509_wish){ .common_name = "imap.example.com",
                            .alternative_names = "DNS:imap.example.com",
                            .days_left = -1,
                            .issuer = &authority });
    struct x509_pair self_signed = x509_make(
        folder, "self",
        (struct x509_wish){ .common_name = "imap.example.com",
                            .alternative_names = "DNS:imap.example.com",
                            .days_left = 30 });
    struct x509_pair unknown = x509_make(
        folder, "unknown",
        (struct x509_wish){ .common_name = "imap.example.com",
                            .alternative_names = "DNS:imap.example.com",
                            .days_left = 30,
                            .issuer = &stranger });

    (void)state;
    assert_int_equal(verdict(&usual, "imap.example.com"), TLS_OK);
    assert_int_equal(verdict(&usual, "IMAP.Example.COM"), TLS_OK);
    assert_int_equal(verdict(&usual, "pop.example.com"), TLS_EUNTRUSTED);
    assert_int_equal(verdict(&usual, "example.com"), TLS_EUNTRUSTED);
    assert_int_equal(verdict(&expired, "imap.example.com"), TLS_EUNTRUSTED);
    assert_int_equal(verdict(&self_signed, "imap.example.com"), TLS_EUNTRUSTED);
    assert_int_equal(verdict(&unknown, "imap.example.com"), TLS_EUNTRUSTED);
}

/* TLS-16 */
static void test_wildcards_and_kinds_of_names(void **state)
{
    struct x509_pair wild = issue("wild", "wild", "DNS:*.a.example");
    struct x509_pair partial = issue("partial", "partial", "DNS:f*.a.example");
    struct x509_pair cn_only = issue("cn", "b.a.example", NULL);
    struct x509_pair uri =
        issue("uri", "b.a.example", "URI:imap://b.a.example");
    struct x509_pair address =
        issue("ip", "ip", "IP:192.0.2.1,IP:2001:db8::1,DNS:192.0.2.9");

    (void)state;
    assert_int_equal(verdict(&wild, "b.a.example"), TLS_OK);
    assert_int_equal(verdict(&wild, "B.A.EXAMPLE"), TLS_OK);
    assert_int_equal(verdict(&wild, "a.example"), TLS_EUNTRUSTED);
    assert_int_equal(verdict(&wild, "c.b.a.example"), TLS_EUNTRUSTED);
    assert_int_equal(verdict(&partial, "foo.a.example"), TLS_EUNTRUSTED);
    assert_int_equal(verdict(&cn_only, "b.a.example"), TLS_EUNTRUSTED);
    assert_int_equal(verdict(&uri, "b.a.example"), TLS_EUNTRUSTED);
    assert_int_equal(verdict(&address, "192.0.2.1"), TLS_OK);
    assert_int_equal(verdict(&address, "2001:db8::1"), TLS_OK);
    assert_int_equal(verdict(&address, "2001:db8:0:0::1"), TLS_OK);
    assert_int_equal(verdict(&address, "192.0.2.2"), TLS_EUNTRUSTED);
    assert_int_equal(verdict(&address, "192.0.2.9"), TLS_EUNTRUSTED);
}

static void test_a_name_is_needed(void **state)
{
    struct talk t;

    (void)state;
    prepare(&t, &usual);
    assert_null(tls_new_client(t.client_context, "", NULL, NULL, NULL));
    assert_null(
        tls_new_client(t.client_context, ".example.com", NULL, NULL, NULL));
    finish(&t);
}

static char asked_name[256];

static int note_name(SSL *ssl, int *alert, void *arg)
{
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

    (void)alert;
    (void)arg;
    snprintf(asked_name, sizeof(asked_name), "%s", name != NULL ? name : "");
    return SSL_TLSEXT_ERR_OK;
}

/* TLS-13, the upstream's side of it */
static void test_sni_is_the_host_and_never_an_address(void **state)
{
    struct talk t;

    (void)state;
    prepare(&t, &usual);
    SSL_CTX_set_tlsext_servername_callback(t.server_context->ssl, note_name);
    connect_as(&t, "imap.example.com", NULL, NULL);
    shake(&t, WHOLE);
    assert_string_equal(asked_name, "imap.example.com");
    connect_as(&t, "192.0.2.1", NULL, NULL);
    shake(&t, WHOLE);
    assert_string_equal(asked_name, "");
    finish(&t);
}

/* --- what is negotiated --- */

static enum tls_status server_verdict_on_alpn(const char *alpn)
{
    struct talk t;
    enum tls_status status;

    prepare(&t, &usual);
    connect_as(&t, "imap.example.com", NULL, NULL);
    if (alpn != NULL) {
        /* A list of several, which our own client would not offer. */
        tls_free(t.client.tls);
        SSL_CTX_set_alpn_protos(t.client_context->ssl,
                                (const unsigned char *)alpn,
                                (unsigned)strlen(alpn));
        t.client.tls = tls_new_client(t.client_context, "imap.example.com",
                                      NULL, NULL, NULL);
    }
    shake(&t, WHOLE);
    status = t.server.status;
    if (status == TLS_EFAILED)
        assert_string_equal(tls_failure(t.client.tls),
                            "tlsv1 alert no application protocol");
    finish(&t);
    return status;
}

/* TLS-11 */
static void test_server_alpn_is_pop3_or_none(void **state)
{
    (void)state;
    assert_int_equal(server_verdict_on_alpn(NULL), TLS_OK);
    assert_int_equal(server_verdict_on_alpn("\x04pop3"), TLS_OK);
    assert_int_equal(server_verdict_on_alpn("\x08http/1.1\x04pop3"), TLS_OK);
    assert_int_equal(server_verdict_on_alpn("\x08http/1.1"), TLS_EFAILED);
    assert_int_equal(server_verdict_on_alpn("\x04imap"), TLS_EFAILED);
}

static const char *selected_alpn;

static int select_given(SSL *ssl, const unsigned char **out,
                        unsigned char *out_len, const unsigned char *in,
                        unsigned in_len, void *arg)
{
    (void)ssl;
    (void)in;
    (void)in_len;
    (void)arg;
    if (selected_alpn == NULL)
        return SSL_TLSEXT_ERR_NOACK;
    *out = (const unsigned char *)selected_alpn;
    *out_len = (unsigned char)strlen(selected_alpn);
    return SSL_TLSEXT_ERR_OK;
}

static enum tls_status client_verdict_on_alpn(const char *selected)
{
    struct talk t;
    enum tls_status status;

    selected_alpn = selected;
    prepare(&t, &usual);
    SSL_CTX_set_alpn_select_cb(t.server_context->ssl, select_given, NULL);
    connect_as(&t, "imap.example.com", "imap", NULL);
    shake(&t, WHOLE);
    status = t.client.status;
    finish(&t);
    return status;
}

/* TLS-12 */
static void test_client_alpn_is_imap_or_none(void **state)
{
    (void)state;
    assert_int_equal(client_verdict_on_alpn("imap"), TLS_OK);
    assert_int_equal(client_verdict_on_alpn(NULL), TLS_OK);
    assert_int_equal(client_verdict_on_alpn("http/1.1"), TLS_EFAILED);
}

static void allow_suites(struct tls_context *context, const char *suites)
{
    SSL_CTX_set_security_level(context->ssl, 0);
    assert_int_equal(SSL_CTX_set_cipher_list(context->ssl, suites), 1);
}

/* An end that would do what nobody should any more. */
static void loosen(struct tls_context *context, int version, const char *suites)
{
    allow_suites(context, suites);
    assert_int_equal(SSL_CTX_set_min_proto_version(context->ssl, version), 1);
    assert_int_equal(SSL_CTX_set_max_proto_version(context->ssl, version), 1);
}

/* Refused where one end is loose, and, to show that nothing else is wrong,
 * accepted where both are.
 */
static void expect_refusal(bool loose_server, int version, const char *suites,
                           bool loose_suites)
{
    struct talk t;

    prepare(&t, &usual);
    if (loose_suites) {
        allow_suites(t.server_context, suites);
        allow_suites(t.client_context, suites);
    }
    loosen(loose_server ? t.server_context : t.client_context, version, suites);
    connect_as(&t, "imap.example.com", NULL, NULL);
    shake(&t, WHOLE);
    assert_int_not_equal(t.server.status, TLS_OK);
    assert_int_equal(t.client.status, TLS_EFAILED);

    loosen(loose_server ? t.client_context : t.server_context, version, suites);
    connect_as(&t, "imap.example.com", NULL, NULL);
    shake(&t, WHOLE);
    assert_int_equal(t.server.status, TLS_OK);
    assert_int_equal(t.client.status, TLS_OK);
    finish(&t);
}

/* TLS-6: by the version alone, since all the suites of the other end would do.
 */
static void test_old_versions_are_refused_by_both_sides(void **state)
{
    static const int versions[] = { TLS1_VERSION, TLS1_1_VERSION };

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(versions); i++) {
        for (int loose_server = 0; loose_server < 2; loose_server++)
            expect_refusal(loose_server, versions[i], "ALL:@SECLEVEL=0", true);
    }
}

/* TLS-7 */
static void test_suites_without_aead_are_refused_by_both_sides(void **state)
{
    struct talk t;

    (void)state;
    for (int loose_server = 0; loose_server < 2; loose_server++)
        expect_refusal(loose_server, TLS1_2_VERSION,
                       "ECDHE-ECDSA-AES256-SHA384:ECDHE-ECDSA-AES128-SHA",
                       false);
    prepare(&t, &usual);
    loosen(t.client_context, TLS1_2_VERSION, "ALL");
    connect_as(&t, "imap.example.com", NULL, NULL);
    shake(&t, 1);
    assert_int_equal(t.client.status, TLS_OK);
    assert_string_equal(tls_version_name(t.server.tls), "TLSv1.2");
    assert_non_null(strstr(tls_cipher_name(t.server.tls), "ECDHE"));
    finish(&t);
}

static int times_asked;

static int note_request(SSL *ssl, X509 **certificate, EVP_PKEY **key)
{
    (void)ssl;
    (void)certificate;
    (void)key;
    times_asked++;
    return 0;
}

/* TLS-10 */
static void test_no_client_certificate_is_asked_for(void **state)
{
    struct talk t;

    (void)state;
    times_asked = 0;
    prepare(&t, &usual);
    SSL_CTX_set_client_cert_cb(t.client_context->ssl, note_request);
    connect_as(&t, "imap.example.com", NULL, NULL);
    shake(&t, WHOLE);
    assert_int_equal(t.client.status, TLS_OK);
    assert_int_equal(times_asked, 0);
    /* It would have been noticed: */
    SSL_CTX_set_verify(t.server_context->ssl, SSL_VERIFY_PEER, NULL);
    connect_as(&t, "imap.example.com", NULL, NULL);
    shake(&t, WHOLE);
    assert_int_equal(times_asked, 1);
    finish(&t);
}

/* --- resuming --- */

/* A handshake, and what the server sends behind it. */
static void meet(struct talk *t, struct tls_resumption *r)
{
    struct buf plain;

    buf_init(&plain, CIPHER_MAX);
    connect_as(t, "imap.example.com", NULL, r);
    shake(t, WHOLE);
    assert_int_equal(t->client.status, TLS_OK);
    assert_int_equal(t->server.status, TLS_OK);
    assert_int_equal(tls_is_resumed(t->client.tls),
                     tls_is_resumed(t->server.tls));
    (void)receive(&t->server, &t->client, WHOLE, 100, &plain);
    buf_fini(&plain);
}

static struct tls_peer *place(struct talk *t, struct tls_resumption *r)
{
    struct tls_peer *p = tls_resumption_hold(
        r, t->client_context->ssl, "imap.example.com", &server_address);

    assert_non_null(p);
    tls_peer_release(p);
    return p;
}

/* TLS-17: what is resumed allows no early data. */
static void resume_without_early_data(int version)
{
    struct tls_resumption r = { .peers = NULL };
    struct talk t;

    prepare(&t, &usual);
    SSL_CTX_set_max_proto_version(t.client_context->ssl, version);
    for (int round = 0; round < 3; round++) {
        int64_t verified_s;
        SSL_SESSION *session;

        meet(&t, &r);
        assert_int_equal(tls_is_resumed(t.client.tls), round > 0);
        session = tls_peer_take(place(&t, &r), time(NULL), &verified_s);
        assert_non_null(session);
        assert_int_equal(SSL_SESSION_get_max_early_data(session), 0);
        assert_int_equal(SSL_SESSION_get_ticket_lifetime_hint(session),
                         TLS_TICKET_LIFETIME_MS / 1000);
        tls_peer_put(place(&t, &r), session, verified_s);
        tls_close_notify(t.client.tls, &t.client.out);
    }
    finish(&t);
    tls_resumption_fini(&r);
}

static void test_sessions_are_resumed_without_early_data(void **state)
{
    (void)state;
    resume_without_early_data(TLS1_2_VERSION);
    resume_without_early_data(TLS1_3_VERSION);
}

/* One ticket, and more connections than that before the next one comes. */
/* IAUTH-8: the same at both ends, another each time, resumed or not; none before
 * TLS 1.3.
 */
static void test_channel_binding(void **state)
{
    struct tls_resumption r = { .peers = NULL };
    unsigned char last[TLS_BINDING_SIZE] = { 0 };
    unsigned char here[TLS_BINDING_SIZE];
    unsigned char there[TLS_BINDING_SIZE];
    struct talk t;

    (void)state;
    prepare(&t, &usual);
    for (int round = 0; round < 3; round++) {
        meet(&t, &r);
        assert_int_equal(tls_is_resumed(t.client.tls), round > 0);
        assert_true(tls_channel_binding(t.client.tls, here));
        assert_true(tls_channel_binding(t.server.tls, there));
        assert_memory_equal(here, there, sizeof(here));
        assert_memory_not_equal(here, last, sizeof(here));
        memcpy(last, here, sizeof(last));
    }
    finish(&t);
    tls_resumption_fini(&r);

    prepare(&t, &usual);
    SSL_CTX_set_max_proto_version(t.client_context->ssl, TLS1_2_VERSION);
    connect_as(&t, "imap.example.com", NULL, NULL);
    shake(&t, WHOLE);
    assert_int_equal(t.client.status, TLS_OK);
    assert_false(tls_channel_binding(t.client.tls, here));
    finish(&t);
}

static void test_many_resume_at_the_same_time(void **state)
{
    struct tls_resumption r = { .peers = NULL };
    struct talk t;
    struct talk others[5];

    (void)state;
    prepare(&t, &usual);
    meet(&t, &r);
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++) {
        others[i] = (struct talk){ .server_context = t.server_context,
                                   .client_context = t.client_context };
        buf_init(&others[i].server.out, CIPHER_MAX);
        buf_init(&others[i].client.out, CIPHER_MAX);
        connect_as(&others[i], "imap.example.com", NULL, &r);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++) {
        shake(&others[i], WHOLE);
        assert_true(tls_is_resumed(others[i].client.tls));
        tls_free(others[i].server.tls);
        tls_free(others[i].client.tls);
        buf_fini(&others[i].server.out);
        buf_fini(&others[i].client.out);
    }
    finish(&t);
    tls_resumption_fini(&r);
}

/* What a resumed handshake brings was verified when the first one was. */
static void test_a_resumed_session_is_trusted_no_longer(void **state)
{
    struct tls_resumption r = { .peers = NULL };
    struct talk t;
    int64_t then = time(NULL) - 1000;
    int64_t verified_s;
    SSL_SESSION *session;

    (void)state;
    prepare(&t, &usual);
    meet(&t, &r);
    session = tls_peer_take(place(&t, &r), time(NULL), &verified_s);
    assert_in_range(verified_s, then + 1000, time(NULL));
    tls_peer_forget(place(&t, &r));
    tls_peer_put(place(&t, &r), session, then);
    meet(&t, &r);
    assert_true(tls_is_resumed(t.client.tls));
    assert_null(
        tls_peer_take(place(&t, &r), then + TLS_TRUST_MAX_S, &verified_s));
    meet(&t, &r);
    assert_false(tls_is_resumed(t.client.tls));
    session = tls_peer_take(place(&t, &r), then + TLS_TRUST_MAX_S, &verified_s);
    assert_non_null(session);
    assert_in_range(verified_s, then + 1000, time(NULL));
    SSL_SESSION_free(session);
    finish(&t);
    tls_resumption_fini(&r);
}

static void change_ticket_keys(struct talk *t)
{
    char error[512];
    struct tls_tickets *mine = tickets;

    tickets = tls_tickets_new(NULL, NULL, error, sizeof(error));
    assert_non_null(tickets);
    tls_free(t->server.tls);
    t->server.tls = NULL;
    tls_context_free(t->server_context);
    t->server_context = server_context(&usual);
    tls_tickets_release(mine);
}

/* What it does not know any more is not offered to it a second time. */
static void test_a_server_that_lost_its_key_is_met_anew(void **state)
{
    struct tls_resumption r = { .peers = NULL };
    struct talk t;
    int64_t verified_s;

    (void)state;
    prepare(&t, &usual);
    meet(&t, &r);
    for (int i = 0; i < 3; i++)
        tls_peer_put(place(&t, &r),
                     tls_peer_take(place(&t, &r), time(NULL), &verified_s),
                     verified_s);
    change_ticket_keys(&t);
    meet(&t, &r);
    assert_false(tls_is_resumed(t.client.tls));
    /* One that is left is copied, of two or more the first would be gone. */
    for (int i = 0; i < 2; i++) {
        SSL_SESSION *session =
            tls_peer_take(place(&t, &r), time(NULL), &verified_s);

        SSL_SESSION_free(session);
        meet(&t, &r);
        assert_true(tls_is_resumed(t.client.tls));
    }
    finish(&t);
    tls_resumption_fini(&r);
}

static void test_a_session_that_breaks_the_handshake_is_dropped(void **state)
{
    struct span garbage = SPAN_LITERAL("* BYE I cannot resume\r\n");
    struct span nothing = { NULL, 0 };
    struct tls_resumption r = { .peers = NULL };
    struct talk t;

    (void)state;
    prepare(&t, &usual);
    meet(&t, &r);
    connect_as(&t, "imap.example.com", NULL, &r);
    assert_int_equal(tls_handshake(t.client.tls, &nothing, &t.client.out),
                     TLS_MORE);
    assert_int_equal(tls_handshake(t.client.tls, &garbage, &t.client.out),
                     TLS_EFAILED);
    meet(&t, &r);
    assert_false(tls_is_resumed(t.client.tls));
    meet(&t, &r);
    assert_true(tls_is_resumed(t.client.tls));
    finish(&t);
    tls_resumption_fini(&r);
}

/* No close_notify was sent nor received, and a handshake was given up. */
static void test_a_cut_connection_is_resumed(void **state)
{
    struct span nothing = { NULL, 0 };
    struct tls_resumption r = { .peers = NULL };
    struct talk t;

    (void)state;
    prepare(&t, &usual);
    meet(&t, &r);
    connect_as(&t, "imap.example.com", NULL, &r);
    assert_int_equal(tls_handshake(t.client.tls, &nothing, &t.client.out),
                     TLS_MORE);
    meet(&t, &r);
    assert_true(tls_is_resumed(t.client.tls));
    finish(&t);
    tls_resumption_fini(&r);
}

static void test_another_name_or_address_is_met_anew(void **state)
{
    const struct address_text elsewhere = { "192.0.2.2", 993 };
    struct tls_resumption r = { .peers = NULL };
    struct talk t;

    (void)state;
    prepare(&t, &usual);
    meet(&t, &r);
    connect_as(&t, "192.0.2.1", NULL, &r);
    shake(&t, WHOLE);
    assert_false(tls_is_resumed(t.client.tls));

    connect_as(&t, "imap.example.com", NULL, NULL);
    tls_free(t.client.tls);
    t.client.tls = tls_new_client(t.client_context, "imap.example.com", NULL,
                                  &r, &elsewhere);
    assert_non_null(t.client.tls);
    shake(&t, WHOLE);
    assert_false(tls_is_resumed(t.client.tls));
    meet(&t, &r);
    assert_true(tls_is_resumed(t.client.tls));
    finish(&t);
    tls_resumption_fini(&r);
}

/* --- files --- */

static void expect_no_server(const char *certificate, const char *key,
                             const char *complaint_on)
{
    const struct tls_pair pairs[] = { { usual.certificate, usual.key },
                                      { certificate, key } };
    struct tls_server_wish wish = { pairs, 2, TLS_VERSION_1_2, tickets };
    char error[512] = "";

    assert_null(tls_context_new_server(&wish, error, sizeof(error)));
    wish = (struct tls_server_wish){ pairs + 1, 1, TLS_VERSION_1_2, tickets };
    assert_null(tls_context_new_server(&wish, error, sizeof(error)));
    assert_int_equal(strncmp(error, complaint_on, strlen(complaint_on)), 0);
    assert_true(strlen(error) > strlen(complaint_on) + 2);
}

static void test_unusable_files_are_named(void **state)
{
    struct x509_pair other = issue("other", "other", NULL);
    char error[512] = "";

    (void)state;
    expect_no_server("/nowhere.pem", usual.key, "/nowhere.pem: ");
    expect_no_server(usual.certificate, "/nowhere.key", "/nowhere.key: ");
    expect_no_server(usual.key, usual.key, usual.key);
    expect_no_server(usual.certificate, other.key, other.key);
    assert_null(tls_context_new_client("/no-ca.pem", error, sizeof(error)));
    assert_string_equal(error, "/no-ca.pem: No such file or directory");
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
    stranger = x509_make(folder, "stranger",
                         (struct x509_wish){ .common_name = "Stranger",
                                             .authority = true,
                                             .days_left = 30 });
    usual =
        issue("usual", "imap.example.com", "DNS:imap.example.com,IP:192.0.2.1");
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
        cmocka_unit_test(test_exchange_at_any_cut),
        cmocka_unit_test(test_close_notify),
        cmocka_unit_test(test_plain_text_is_no_handshake),
        cmocka_unit_test(test_broken_record_sticks),
        cmocka_unit_test(test_only_trusted_certificates_of_the_host_pass),
        cmocka_unit_test(test_wildcards_and_kinds_of_names),
        cmocka_unit_test(test_a_name_is_needed),
        cmocka_unit_test(test_sni_is_the_host_and_never_an_address),
        cmocka_unit_test(test_server_alpn_is_pop3_or_none),
        cmocka_unit_test(test_client_alpn_is_imap_or_none),
        cmocka_unit_test(test_old_versions_are_refused_by_both_sides),
        cmocka_unit_test(test_suites_without_aead_are_refused_by_both_sides),
        cmocka_unit_test(test_no_client_certificate_is_asked_for),
        cmocka_unit_test(test_sessions_are_resumed_without_early_data),
        cmocka_unit_test(test_channel_binding),
        cmocka_unit_test(test_many_resume_at_the_same_time),
        cmocka_unit_test(test_a_resumed_session_is_trusted_no_longer),
        cmocka_unit_test(test_a_server_that_lost_its_key_is_met_anew),
        cmocka_unit_test(test_a_session_that_breaks_the_handshake_is_dropped),
        cmocka_unit_test(test_a_cut_connection_is_resumed),
        cmocka_unit_test(test_another_name_or_address_is_met_anew),
        cmocka_unit_test(test_unusable_files_are_named),
    };

    return cmocka_run_group_tests_name("net/tls", tests, set_up, tear_down);
}
