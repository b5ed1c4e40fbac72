#include "net/tls_context.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/tls_resumption.h"

#define HOST_NAME_MAX_SNI 255 /* RFC 1035 §3.1 */

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

static bool set_up_tickets(SSL_CTX *ssl, struct tls_tickets *tickets)
{
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    if (tickets != NULL)
        return tls_tickets_serve(tickets, ssl);
    SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET);
    return SSL_CTX_set_num_tickets(ssl, 0) == 1;
}

static SSL_CTX *ssl_new_server(const struct tls_pair *pair,
                               const struct tls_server_wish *wish, char *error,
                               size_t error_size)
{
    SSL_CTX *ssl = ssl_new(TLS_server_method(), wish->min_version);

    if (ssl == NULL || !set_up_tickets(ssl, wish->tickets)) {
        complain(error, error_size, pair->certificate);
        SSL_CTX_free(ssl);
        return NULL;
    }
    SSL_CTX_set_dh_auto(ssl, 1);
    /* What clients say has secrets in it, and OpenSSL gives the memory that it
     * was decrypted in back as it is.
     */
    SSL_CTX_set_options(ssl, SSL_OP_CLEANSE_PLAINTEXT);
    SSL_CTX_set_alpn_select_cb(ssl, select_alpn, NULL);
    if (load_pair(ssl, pair, error, error_size))
        return ssl;
    SSL_CTX_free(ssl);
    return NULL;
}

static bool covers(const SSL_CTX *ssl, const char *name)
{
    X509 *certificate = SSL_CTX_get0_certificate(ssl);

    return certificate != NULL &&
           X509_check_host(certificate, name, 0,
                           X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1;
}

/* RFC 6066 §3: a list (its length in two octets) of names (a kind, 0 for a host
 * name, and a length in two octets), of which there is one. False where there
 * is none; what is malformed OpenSSL refuses later.
 */
static bool asked_name(SSL *ssl, char name[HOST_NAME_MAX_SNI + 1])
{
    const unsigned char *at;
    size_t size;
    size_t length;

    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &at, &size) !=
            1 ||
        size < 5 || at[2] != TLSEXT_NAMETYPE_host_name)
        return false;
    length = (size_t)at[3] << 8 | at[4];
    if (length > size - 5 || length > HOST_NAME_MAX_SNI)
        return false;
    memcpy(name, at + 5, length);
    name[length] = '\0';
    return length > 0;
}

/* The one that covers the name; NULL: none. */
static SSL_CTX *choose(const struct tls_context *context, const char *name)
{
    if (covers(context->ssl, name))
        return context->ssl;
    for (size_t i = 0; i < context->other_count; i++)
        if (covers(context->others[i], name))
            return context->others[i];
    return NULL;
}

/* Sessions are resumed within their id context only: RFC 6066 §3 wants the same
 * name, and nobody who was shown one certificate, or held to one listener's
 * versions and suites, shall come in by what another listener gave. The
 * signature stands for all of the certificate.
 */
static bool bind_session(SSL *ssl, enum tls_version min_version,
                         const char *name)
{
    const ASN1_BIT_STRING *signature;
    unsigned char version = (unsigned char)min_version;
    unsigned char id[EVP_MAX_MD_SIZE];
    unsigned id_size;
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    bool done;

    X509_get0_signature(&signature, NULL, SSL_get_certificate(ssl));
    done = digest != NULL &&
           EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1 &&
           EVP_DigestUpdate(digest, &version, 1) == 1 &&
           EVP_DigestUpdate(digest, name, strlen(name) + 1) == 1 &&
           EVP_DigestUpdate(digest, ASN1_STRING_get0_data(signature),
                            (size_t)ASN1_STRING_length(signature)) == 1 &&
           EVP_DigestFinal_ex(digest, id, &id_size) == 1 &&
           SSL_set_session_id_context(ssl, id, id_size) == 1;
    EVP_MD_CTX_free(digest);
    return done;
}

/* Before OpenSSL looks whether there is a session to resume. A name that no
 * certificate covers is no reason to refuse: old devices send an alias or an
 * address, and the client judges the name anyway.
 */
static int on_hello(SSL *ssl, int *alert, void *arg)
{
    const struct tls_context *context = arg;
    bool *name_is_unmatched = SSL_get_app_data(ssl);
    char name[HOST_NAME_MAX_SNI + 1] = "";
    SSL_CTX *shown = context->ssl;

    if (asked_name(ssl, name)) {
        shown = choose(context, name);
        *name_is_unmatched = shown == NULL;
        if (shown == NULL)
            shown = context->ssl;
    }
    *alert = SSL_AD_INTERNAL_ERROR;
    return SSL_set_SSL_CTX(ssl, shown) != NULL &&
                   bind_session(ssl, context->min_version, name)
               ? SSL_CLIENT_HELLO_SUCCESS
               : SSL_CLIENT_HELLO_ERROR;
}

/* RFC 6066 §3: whether the name made a difference. */
static int acknowledge_name(SSL *ssl, int *alert, void *arg)
{
    const bool *name_is_unmatched = SSL_get_app_data(ssl);

    (void)alert;
    (void)arg;
    return *name_is_unmatched ||
                   SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) == NULL
               ? SSL_TLSEXT_ERR_NOACK
               : SSL_TLSEXT_ERR_OK;
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
        SSL_CTX *other =
            ssl_new_server(&wish->pairs[i], wish, error, error_size);

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
    context->min_version = wish->min_version;
    context->ssl = ssl_new_server(&wish->pairs[0], wish, error, error_size);
    if (context->ssl == NULL ||
        !load_others(context, wish, error, error_size)) {
        tls_context_free(context);
        return NULL;
    }
    SSL_CTX_set_client_hello_cb(context->ssl, on_hello, context);
    SSL_CTX_set_tlsext_servername_callback(context->ssl, acknowledge_name);
    return context;
}

/* --- towards the upstream --- */

/* OpenSSL reads the extensions of an authority when it is first asked for, and
 * keeps them in the certificate: here, once, instead of under the store's lock
 * in whichever loop is the first. One that is malformed fails where it is used.
 */
static void read_extensions(X509_STORE *store)
{
    const STACK_OF(X509_OBJECT) *all = X509_STORE_get0_objects(store);

    for (int i = 0; i < sk_X509_OBJECT_num(all); i++) {
        X509 *authority = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(all, i));

        if (authority != NULL) /* else it is a revocation list */
            (void)X509_check_purpose(authority, -1, 0);
    }
}

static bool trust(SSL_CTX *ssl, const char *ca_file)
{
    bool done = ca_file != NULL ? SSL_CTX_load_verify_file(ssl, ca_file) == 1
                                : SSL_CTX_set_default_verify_paths(ssl) == 1;

    read_extensions(SSL_CTX_get_cert_store(ssl));
    return done;
}

/* No two contexts have the same, nor one and another after its end: what was
 * proven to one is nothing to the next, which may have read other files.
 */
static uint64_t new_trust(void)
{
    static atomic_uint_least64_t made;

    return atomic_fetch_add(&made, 1);
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
    context->trust = new_trust();
    SSL_CTX_set_cert_verify_callback(context->ssl, tls_lease_on_verify,
                                     &context->trust);
    SSL_CTX_set_session_cache_mode(
        context->ssl, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context->ssl, tls_lease_on_session);
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
