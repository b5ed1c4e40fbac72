#include "net/tls_context.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/tls.h"

/* RFC 9325 §4.2 and TLS-7: forward secrecy and AEAD. The suites of TLS 1.3 are
 * all of that kind; this list is for 1.2.
 */
#define SUITES_TLS12 "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20"
/* TLS-6: for devices that know nothing better. OpenSSL 3 allows the SHA-1 of
 * TLS 1.0 and 1.1 at level 0 only. Those that are good come first.
 */
#define SUITES_LOWERED                                            \
    SUITES_TLS12 ":HIGH:!aNULL:!eNULL:!RC4:!3DES:!DES:!RC2:!MD5:" \
                 "!EXPORT:!PSK:!SRP:@SECLEVEL=0"

/* IANA's registry of ALPN ids, length first as on the wire. */
static const unsigned char alpn_pop3[] = { 4, 'p', 'o', 'p', '3' };

static const char *openssl_reason(void)
{
    unsigned long code = ERR_peek_error();
    const char *reason;

    if (ERR_SYSTEM_ERROR(code))
        return strerror((int)ERR_GET_REASON(code));
    reason = ERR_reason_error_string(code);
    return reason != NULL ? reason : "not readable as PEM";
}

static void complain(char *error, size_t error_size, const char *file)
{
    snprintf(error, error_size, "%s: %s", file, openssl_reason());
    ERR_clear_error();
}

/* OpenSSL tells what one of its decoders thought of the file. That the key is
 * not the certificate's it tells only where both are of one kind.
 */
static const char *key_reason(void)
{
    unsigned long code = ERR_peek_error();

    if (ERR_SYSTEM_ERROR(code))
        return openssl_reason();
    if (ERR_GET_LIB(code) == ERR_LIB_X509 || ERR_GET_LIB(code) == ERR_LIB_SSL)
        return "does not belong to the certificate";
    return "no private key in PEM that is whole and without a pass phrase";
}

static void complain_of_key(char *error, size_t error_size, const char *file)
{
    snprintf(error, error_size, "%s: %s", file, key_reason());
    ERR_clear_error();
}

static int openssl_version(enum tls_version version)
{
    switch (version) {
    case TLS_VERSION_1_0:
        return TLS1_VERSION;
    case TLS_VERSION_1_1:
        return TLS1_1_VERSION;
    case TLS_VERSION_1_2:
        return TLS1_2_VERSION;
    case TLS_VERSION_1_3:
        break;
    }
    return TLS1_3_VERSION;
}

static SSL_CTX *ssl_new(const SSL_METHOD *method, enum tls_version min_version)
{
    bool lowered = min_version < TLS_VERSION_1_2;
    SSL_CTX *ssl;

    ERR_clear_error();
    ssl = SSL_CTX_new(method);
    if (ssl == NULL ||
        SSL_CTX_set_min_proto_version(ssl, openssl_version(min_version)) != 1 ||
        SSL_CTX_set_cipher_list(ssl, lowered ? SUITES_LOWERED : SUITES_TLS12) !=
            1 ||
        SSL_CTX_set_max_early_data(ssl, 0) != 1) {
        SSL_CTX_free(ssl);
        return NULL;
    }
    if (lowered) /* whoever knows better gets better */
        SSL_CTX_set_options(ssl, SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_options(ssl, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    /* Partial: one record a call. Moving: the caller's buffer may be another
     * one when it calls again. Release: an idle connection holds no buffers.
     */
    SSL_CTX_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    return ssl;
}

/* --- towards clients --- */

/* RFC 7301 §3.2: a client that lists protocols without ours is refused by the
 * alert no_application_protocol. One that lists none is not asked here.
 */
static int select_alpn(SSL *ssl, const unsigned char **out,
                       unsigned char *out_len, const unsigned char *in,
                       unsigned in_len, void *arg)
{
    unsigned char *selected;

    (void)ssl;
    (void)arg;
    if (SSL_select_next_proto(&selected, out_len, alpn_pop3, sizeof(alpn_pop3),
                              in, in_len) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = selected;
    return SSL_TLSEXT_ERR_OK;
}

/* Nobody is there to type one; OpenSSL would ask the terminal. */
static int no_pass_phrase(char *buf, int size, int writing, void *arg)
{
    (void)buf;
    (void)size;
    (void)writing;
    (void)arg;
    return 0;
}

static bool load_pair(SSL_CTX *ssl, const struct tls_pair *pair, char *error,
                      size_t error_size)
{
    SSL_CTX_set_default_passwd_cb(ssl, no_pass_phrase);
    if (SSL_CTX_use_certificate_chain_file(ssl, pair->certificate) != 1) {
        complain(error, error_size, pair->certificate);
        return false;
    }
    if (SSL_CTX_use_PrivateKey_file(ssl, pair->private_key, SSL_FILETYPE_PEM) ==
            1 &&
        SSL_CTX_check_private_key(ssl) == 1)
        return true;
    complain_of_key(error, error_size, pair->private_key);
    return false;
}

static SSL_CTX *ssl_new_server(const struct tls_pair *pair,
                               enum tls_version min_version, char *error,
                               size_t error_size)
{
    SSL_CTX *ssl = ssl_new(TLS_server_method(), min_version);

    if (ssl == NULL) {
        complain(error, error_size, pair->certificate);
        return NULL;
    }
    SSL_CTX_set_dh_auto(ssl, 1);
    SSL_CTX_set_alpn_select_cb(ssl, select_alpn, NULL);
    /* Tickets carry the session; nothing is remembered here. One a handshake
     * will do, since a resumed one brings the next.
     */
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(ssl, 1);
    if (load_pair(ssl, pair, error, error_size))
        return ssl;
    SSL_CTX_free(ssl);
    return NULL;
}

bool tls_certificate_covers(struct x509_st *certificate, const char *name)
{
    return certificate != NULL &&
           X509_check_host(certificate, name, 0,
                           X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1;
}

/* RFC 6066 §3. A name that no certificate covers is no reason to refuse: old
 * devices send an alias or an address, and the client judges the name anyway.
 */
static int select_certificate(SSL *ssl, int *alert, void *arg)
{
    const struct tls_context *context = arg;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

    (void)alert;
    if (name == NULL)
        return SSL_TLSEXT_ERR_NOACK;
    if (tls_certificate_covers(SSL_CTX_get0_certificate(context->ssl), name))
        return SSL_TLSEXT_ERR_OK;
    for (size_t i = 0; i < context->other_count; i++) {
        SSL_CTX *other = context->others[i];

        if (!tls_certificate_covers(SSL_CTX_get0_certificate(other), name))
            continue;
        return SSL_set_SSL_CTX(ssl, other) != NULL ? SSL_TLSEXT_ERR_OK
                                                   : SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    return SSL_TLSEXT_ERR_NOACK;
}

static bool load_others(struct tls_context *context,
                        const struct tls_server_wish *wish, char *error,
                        size_t error_size)
{
    context->others = calloc(wish->pair_count,
                             sizeof(struct ssl_ctx_st *)); /* one to spare */
    if (context->others == NULL) {
        snprintf(error, error_size, "no memory");
        return false;
    }
    for (size_t i = 1; i < wish->pair_count; i++) {
        SSL_CTX *other = ssl_new_server(&wish->pairs[i], wish->min_version,
                                        error, error_size);

        if (other == NULL)
            return false;
        context->others[context->other_count++] = other;
    }
    return true;
}

struct tls_context *tls_context_new_server(const struct tls_server_wish *wish,
                                           char *error, size_t error_size)
{
    struct tls_context *context = calloc(1, sizeof(*context));

    if (context == NULL) {
        snprintf(error, error_size, "no memory");
        return NULL;
    }
    context->ssl =
        ssl_new_server(&wish->pairs[0], wish->min_version, error, error_size);
    if (context->ssl == NULL ||
        !load_others(context, wish, error, error_size)) {
        tls_context_free(context);
        return NULL;
    }
    SSL_CTX_set_tlsext_servername_callback(context->ssl, select_certificate);
    SSL_CTX_set_tlsext_servername_arg(context->ssl, context);
    return context;
}

/* --- towards the upstream --- */

/* A session to offer next time: in TLS 1.3 it comes behind the handshake. The
 * certificate was verified when it was made, or there would be none.
 */
static int keep_session(SSL *ssl, SSL_SESSION *session)
{
    struct tls_resumption *r = SSL_get_app_data(ssl);

    if (r == NULL)
        return 0; /* not taken: OpenSSL frees it */
    SSL_SESSION_free(r->session);
    r->session = session;
    return 1;
}

static bool trust(SSL_CTX *ssl, const char *ca_file)
{
    return ca_file != NULL ? SSL_CTX_load_verify_file(ssl, ca_file) == 1
                           : SSL_CTX_set_default_verify_paths(ssl) == 1;
}

struct tls_context *tls_context_new_client(const char *ca_file, char *error,
                                           size_t error_size)
{
    struct tls_context *context = calloc(1, sizeof(*context));
    const char *store = ca_file != NULL ? ca_file : X509_get_default_cert_dir();

    if (context == NULL) {
        snprintf(error, error_size, "no memory");
        return NULL;
    }
    context->ssl = ssl_new(TLS_client_method(), TLS_VERSION_1_2);
    if (context->ssl == NULL || !trust(context->ssl, ca_file)) {
        complain(error, error_size, store);
        tls_context_free(context);
        return NULL;
    }
    SSL_CTX_set_verify(context->ssl, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_session_cache_mode(
        context->ssl, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context->ssl, keep_session);
    return context;
}

void tls_context_free(struct tls_context *context)
{
    if (context == NULL)
        return;
    for (size_t i = 0; i < context->other_count; i++)
        SSL_CTX_free(context->others[i]);
    free(context->others);
    SSL_CTX_free(context->ssl);
    free(context);
}
