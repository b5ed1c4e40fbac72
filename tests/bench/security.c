#include "bench/security.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "bench/options.h"

#define SUITES_TLS12 "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20"

static void must(bool fine)
{
    const char *reason = ERR_reason_error_string(ERR_peek_error());

    if (!fine)
        die(EXIT_FAILED, "TLS: %s", reason != NULL ? reason : "failed");
}

static SSL_CTX *context_new(const SSL_METHOD *method)
{
    SSL_CTX *context = SSL_CTX_new(method);

    must(context != NULL &&
         SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
         SSL_CTX_set_cipher_list(context, SUITES_TLS12) == 1);
    SSL_CTX_set_options(context,
                        SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    return context;
}

/* --- as a server --- */

void security_init_server(struct security *s, const char *certificate,
                          const char *private_key, bool resume)
{
    SSL_CTX *context = context_new(TLS_server_method());

    *s = (struct security){ .context = context, .resume = resume };
    if (SSL_CTX_use_certificate_chain_file(context, certificate) != 1)
        die(EXIT_USAGE, "%s: no certificate", certificate);
    if (SSL_CTX_use_PrivateKey_file(context, private_key, SSL_FILETYPE_PEM) !=
        1)
        die(EXIT_USAGE, "%s: not the key of %s", private_key, certificate);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    must(SSL_CTX_set_num_tickets(context, resume ? 1 : 0) == 1);
    if (!resume)
        SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
}

SSL *security_accept(struct security *s)
{
    SSL *ssl = SSL_new(s->context);

    must(ssl != NULL);
    SSL_set_accept_state(ssl);
    return ssl;
}

/* --- as a client --- */

/* In TLS 1.3 it comes behind the handshake. */
static int keep_session(SSL *ssl, SSL_SESSION *session)
{
    struct security *s = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

    if (!s->resume)
        return 0; /* not taken: OpenSSL frees it */
    SSL_SESSION_free(s->last);
    s->last = session;
    return 1;
}

void security_init_client(struct security *s, const char *ca_file, bool resume)
{
    SSL_CTX *context = context_new(TLS_client_method());

    *s = (struct security){ .context = context, .resume = resume };
    if (SSL_CTX_load_verify_file(context, ca_file) != 1)
        die(EXIT_USAGE, "%s: no certificates", ca_file);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT |
                                                SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_set_app_data(context, s);
    SSL_CTX_sess_set_new_cb(context, keep_session);
}

/* Addresses do not go into SNI: RFC 6066 §3. */
static void expect_name(SSL *ssl, const char *name)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    char *sni; /* OpenSSL's macro takes no const */

    if (X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1)
        return;
    ERR_clear_error();
    sni = strdup(name);
    must(sni != NULL && SSL_set1_host(ssl, name) == 1 &&
         SSL_set_tlsext_host_name(ssl, sni) == 1);
    free(sni);
}

/* A copy: OpenSSL marks what was resumed once in TLS 1.3 as used up, and others
 * may have the same session in hand.
 */
static void offer_session(SSL *ssl, const SSL_SESSION *last)
{
    SSL_SESSION *copy = SSL_SESSION_dup(last);

    must(copy != NULL && SSL_set_session(ssl, copy) == 1);
    SSL_SESSION_free(copy);
}

SSL *security_connect(struct security *s, const char *server_name)
{
    SSL *ssl = SSL_new(s->context);

    must(ssl != NULL);
    expect_name(ssl, server_name);
    if (s->last != NULL)
        offer_session(ssl, s->last);
    SSL_set_connect_state(ssl);
    return ssl;
}

void security_fini(struct security *s)
{
    SSL_SESSION_free(s->last);
    SSL_CTX_free(s->context);
}
