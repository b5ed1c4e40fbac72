#include "net/tls.h"

#include <arpa/inet.h>
#include <assert.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ALPN_ID_MAX 255       /* RFC 7301 §3.1 */
#define HOST_NAME_MAX_DNS 255 /* RFC 1035 §3.1 */
#define RECORD_PLAIN_MAX 16384

struct tls {
    SSL *ssl;
    const char *alpn;      /* offered as a client, or NULL */
    struct span *in;       /* during a call only: what was received */
    struct buf *out;       /* during a call only: what is to be sent */
    enum tls_status stuck; /* the error that happened, or TLS_OK */
    const char *failure;
    struct tls_lease lease; /* as a client */
    bool name_is_unmatched; /* as a server: CONFORMANCE TLS-13 */
};

/* --- OpenSSL's view of the caller's buffers: a BIO --- */

/* An empty span is "not yet", never an end: how a TCP connection ended is not
 * for OpenSSL to know, because every protocol above marks its own ends.
 */
static int bio_read(BIO *bio, char *to, size_t cap, size_t *got)
{
    struct tls *t = BIO_get_data(bio);
    struct span front;

    BIO_clear_retry_flags(bio);
    if (t->in == NULL || t->in->len == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    front = span_take(t->in, cap < t->in->len ? cap : t->in->len);
    memcpy(to, front.data, front.len);
    *got = front.len;
    return 1;
}

static int bio_write(BIO *bio, const char *from, size_t len, size_t *written)
{
    struct tls *t = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    if (t->out == NULL || !buf_append(t->out, span_make(from, len)))
        return 0;
    *written = len;
    return 1;
}

static long bio_ctrl(BIO *bio, int what, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return what == BIO_CTRL_FLUSH ? 1 : 0;
}

static BIO_METHOD *bio_method;

static void make_bio_method(void)
{
    BIO_METHOD *method = BIO_meth_new(
        BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "octets of a connection");

    if (method == NULL)
        return;
    if (BIO_meth_set_read_ex(method, bio_read) != 1 ||
        BIO_meth_set_write_ex(method, bio_write) != 1 ||
        BIO_meth_set_ctrl(method, bio_ctrl) != 1) {
        BIO_meth_free(method);
        return;
    }
    bio_method = method;
}

static BIO *bio_new(struct tls *t)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    BIO *bio;

    pthread_once(&once, make_bio_method);
    if (bio_method == NULL)
        return NULL;
    bio = BIO_new(bio_method);
    if (bio == NULL)
        return NULL;
    BIO_set_data(bio, t);
    BIO_set_init(bio, 1);
    return bio;
}

/* --- making one --- */

static struct tls *tls_new(struct tls_context *context)
{
    struct tls *t = calloc(1, sizeof(*t));
    BIO *bio;

    if (t == NULL)
        return NULL;
    ERR_clear_error();
    t->ssl = SSL_new(context->ssl);
    bio = bio_new(t);
    if (t->ssl == NULL || bio == NULL) {
        BIO_free(bio);
        tls_free(t);
        return NULL;
    }
    SSL_set_bio(t->ssl, bio, bio);
    return t;
}

struct tls *tls_new_server(struct tls_context *context)
{
    struct tls *t = tls_new(context);

    if (t == NULL)
        return NULL;
    SSL_set_app_data(t->ssl, &t->name_is_unmatched); /* tls_context.c's */
    SSL_set_accept_state(t->ssl);
    return t;
}

static bool is_ip_literal(const char *name)
{
    unsigned char address[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, name, address) == 1 ||
           inet_pton(AF_INET6, name, address) == 1;
}

/* RFC 9525 §6.3, §6.4; RFC 6066 §3 (no addresses in SNI). To OpenSSL a name
 * with a leading dot means all hosts below it, and no name means any host.
 */
static bool expect_name(struct tls *t, const char *name)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(t->ssl);
    size_t len = strlen(name);
    char sni[HOST_NAME_MAX_DNS + 1]; /* OpenSSL's macro takes no const */

    if (len == 0 || len >= sizeof(sni) || name[0] == '.')
        return false;
    memcpy(sni, name, len + 1);
    X509_VERIFY_PARAM_set_hostflags(param,
                                    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                        X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    if (is_ip_literal(name))
        return X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1;
    return X509_VERIFY_PARAM_set1_host(param, name, 0) == 1 &&
           SSL_set_tlsext_host_name(t->ssl, sni) == 1;
}

static bool offer_alpn(struct tls *t, const char *alpn)
{
    unsigned char list[1 + ALPN_ID_MAX];
    size_t len = strlen(alpn);

    assert(len > 0 && len <= ALPN_ID_MAX);
    list[0] = (unsigned char)len;
    memcpy(list + 1, alpn, len);
    t->alpn = alpn;
    return SSL_set_alpn_protos(t->ssl, list, (unsigned)(1 + len)) == 0;
}

struct tls *tls_new_client(struct tls_context *context, const char *server_name,
                           const char *alpn, struct tls_resumption *resumption,
                           const struct address_text *address)
{
    struct tls *t = tls_new(context);
    struct tls_peer *peer = NULL;
    struct tls_proofs *proofs = NULL;

    if (t == NULL)
        return NULL;
    if (!expect_name(t, server_name) ||
        (alpn != NULL && !offer_alpn(t, alpn))) {
        tls_free(t);
        return NULL;
    }
    if (resumption != NULL) {
        peer =
            tls_resumption_hold(resumption, context->ssl, server_name, address);
        proofs = &resumption->proofs;
    }
    tls_lease_begin(&t->lease, peer, proofs, t->ssl, time(NULL));
    SSL_set_connect_state(t->ssl);
    return t;
}

void tls_free(struct tls *t)
{
    if (t == NULL)
        return;
    /* That a connection was cut is no reason to distrust its session, as it was
     * before RFC 4346 (§7.2.1): OpenSSL is told that all ended well.
     */
    if (t->ssl != NULL && t->stuck == TLS_OK)
        SSL_set_shutdown(t->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    tls_lease_end(&t->lease,
                  t->stuck != TLS_OK && !SSL_is_init_finished(t->ssl));
    SSL_free(t->ssl);
    ERR_clear_error();
    free(t);
}

void tls_release_resumption(struct tls *t)
{
    tls_lease_end(&t->lease, false);
}

/* --- octets --- */

/* To look whether there is one is a hundred times cheaper than to clear. */
static void clear_errors(void)
{
    if (ERR_peek_error() != 0)
        ERR_clear_error();
}

static void enter(struct tls *t, struct span *in, struct buf *out)
{
    clear_errors();
    t->in = in;
    t->out = out;
}

static enum tls_status fail(struct tls *t, enum tls_status status,
                            const char *failure)
{
    t->stuck = status;
    t->failure = failure != NULL ? failure : "TLS failed";
    return status;
}

/* What stopped OpenSSL; |result| is that of its call, 0 or below. */
static enum tls_status judge(struct tls *t, int result)
{
    long verdict = SSL_get_verify_result(t->ssl);
    int error = SSL_get_error(t->ssl, result);

    if (error == SSL_ERROR_WANT_READ)
        return TLS_MORE;
    if (error == SSL_ERROR_ZERO_RETURN)
        return TLS_END;
    if (t->out != NULL && buf_failed(t->out))
        return fail(t, TLS_EMEMORY, "no memory for what is to be sent");
    if (!SSL_is_server(t->ssl) && verdict != X509_V_OK)
        return fail(t, TLS_EUNTRUSTED, X509_verify_cert_error_string(verdict));
    return fail(t, TLS_EFAILED, ERR_reason_error_string(ERR_peek_error()));
}

static enum tls_status leave(struct tls *t, enum tls_status status)
{
    t->in = NULL;
    t->out = NULL;
    clear_errors();
    return status;
}

/* RFC 7301 §3.1: the server answers with one of the ids that were offered, or
 * with none; whoever answers otherwise is not the server that we meant.
 */
static enum tls_status check_alpn(struct tls *t)
{
    const unsigned char *id;
    unsigned len;

    SSL_get0_alpn_selected(t->ssl, &id, &len);
    if (len == 0 || SSL_is_server(t->ssl))
        return TLS_OK;
    if (t->alpn != NULL &&
        span_equals(span_make(id, len), span_from_string(t->alpn)))
        return TLS_OK;
    return fail(t, TLS_EFAILED, "another application protocol was selected");
}

enum tls_status tls_handshake(struct tls *t, struct span *in, struct buf *out)
{
    int result;

    if (t->stuck != TLS_OK)
        return t->stuck;
    enter(t, in, out);
    result = SSL_do_handshake(t->ssl);
    if (result == 1)
        return leave(t, check_alpn(t));
    return leave(t, judge(t, result));
}

enum tls_status tls_read(struct tls *t, struct span *in, unsigned char *plain,
                         size_t cap, size_t *got, struct buf *out)
{
    int result;

    assert(cap > 0);
    if (t->stuck != TLS_OK)
        return t->stuck;
    enter(t, in, out);
    result = SSL_read_ex(t->ssl, plain, cap, got);
    if (result == 1)
        return leave(t, TLS_OK);
    return leave(t, judge(t, result));
}

bool tls_has_plain(const struct tls *t)
{
    return SSL_pending(t->ssl) > 0;
}

enum tls_status tls_write(struct tls *t, struct span *plain, struct buf *out)
{
    size_t len = plain->len < RECORD_PLAIN_MAX ? plain->len : RECORD_PLAIN_MAX;
    size_t written = 0;
    int result;

    assert(len > 0);
    if (t->stuck != TLS_OK)
        return t->stuck;
    enter(t, NULL, out);
    result = SSL_write_ex(t->ssl, plain->data, len, &written);
    if (result == 1) {
        span_take(plain, written);
        return leave(t, TLS_OK);
    }
    if (judge(t, result) == TLS_MORE) /* only a renegotiation would want it */
        return leave(t, fail(t, TLS_EFAILED, "reads while it should write"));
    return leave(t, t->stuck);
}

void tls_close_notify(struct tls *t, struct buf *out)
{
    if (t->stuck != TLS_OK || !SSL_is_init_finished(t->ssl) ||
        (SSL_get_shutdown(t->ssl) & SSL_SENT_SHUTDOWN) != 0)
        return;
    enter(t, NULL, out);
    (void)SSL_shutdown(t->ssl); /* 0: the peer's own has not come yet */
    (void)leave(t, TLS_OK);
}

/* --- facts --- */

const char *tls_failure(const struct tls *t)
{
    return t->failure;
}

const char *tls_version_name(const struct tls *t)
{
    return SSL_get_version(t->ssl);
}

const char *tls_cipher_name(const struct tls *t)
{
    return SSL_get_cipher_name(t->ssl);
}

const struct x509_st *tls_server_certificate(const struct tls *t)
{
    if (t->lease.refused != NULL)
        return t->lease.refused;
    return SSL_get0_peer_certificate(t->ssl);
}

bool tls_is_resumed(const struct tls *t)
{
    return SSL_session_reused(t->ssl) == 1;
}

bool tls_is_proven_before(const struct tls *t)
{
    return t->lease.proven;
}

enum tls_version tls_version_of(const struct tls *t)
{
    switch (SSL_version(t->ssl)) {
    case TLS1_VERSION:
        return TLS_VERSION_1_0;
    case TLS1_1_VERSION:
        return TLS_VERSION_1_1;
    case TLS1_2_VERSION:
        return TLS_VERSION_1_2;
    default:
        return TLS_VERSION_1_3;
    }
}

bool tls_channel_binding(const struct tls *t,
                         unsigned char binding[TLS_BINDING_SIZE])
{
    static const char label[] = "EXPORTER-Channel-Binding";
    bool done;

    if (tls_version_of(t) != TLS_VERSION_1_3)
        return false;
    ERR_clear_error();
    done = SSL_export_keying_material(t->ssl, binding, TLS_BINDING_SIZE, label,
                                      sizeof(label) - 1, NULL, 0, 0) == 1;
    ERR_clear_error();
    return done;
}

bool tls_name_is_unmatched(const struct tls *t)
{
    return t->name_is_unmatched;
}
