/* tls_context.h - what the TLS connections of one kind have in common.
 *
 * A context is made once, is then immutable, and may be used by all threads.
 *
 * Source: RFC 8314 §4, §5; RFC 9325 §3, §4; RFC 7301 §3.2; RFC 9525 §6;
 *         CONFORMANCE TLS-6, TLS-7, TLS-10 to TLS-17.
 * Both kinds: TLS 1.2 or newer, suites with forward secrecy and AEAD only
 * (unless a listener is lowered), no compression, no renegotiation, no early
 * data.
 */
#ifndef POPINJAY_NET_TLS_CONTEXT_H
#define POPINJAY_NET_TLS_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "net/tls_tickets.h"

enum tls_version {
    TLS_VERSION_1_0,
    TLS_VERSION_1_1,
    TLS_VERSION_1_2,
    TLS_VERSION_1_3,
};

struct tls_context {
    struct ssl_ctx_st *ssl;     /* OpenSSL's; tls.c makes connections of it */
    struct ssl_ctx_st **others; /* with the certificates behind the first */
    size_t other_count;
    enum tls_version min_version;
    uint64_t trust; /* towards servers: no other context's, ever */
};

struct tls_pair {
    const char *certificate; /* path of the chain, PEM, own one first */
    const char *private_key; /* path, PEM, without a pass phrase */
};

/* What a listener shows. Where several certificates are given, the first one
 * that covers the name that the client asks for (SNI) is shown; else, and to
 * those that ask for none, the first: TLS-13.
 *
 * A version below 1.2 brings the suites of its time along, without those that
 * are broken outright (anonymous, NULL, RC4, 3DES, export): TLS-6.
 */
struct tls_server_wish {
    const struct tls_pair *pairs;
    size_t pair_count; /* 1 at least */
    enum tls_version min_version;
    struct tls_tickets *tickets; /* NULL: no session is resumed */
};

/* Towards POP3 clients: never asks for their certificate; ALPN is `pop3` or
 * not used; sessions are resumed by stateless tickets. A ticket is good where a
 * whole handshake would have shown the same certificate, to a client that asks
 * for the same name, under the same lowest version; so all listeners may share
 * their keys.
 *
 * On failure the result is NULL and one line `FILE: what is wrong` stands in
 * |error|; so for the other.
 */
MUST_CHECK struct tls_context *tls_context_new_server(
    const struct tls_server_wish *wish, char *error, size_t error_size);

/* Towards the IMAP server, whose certificate is verified always.
 *
 * ca_file  path of trusted certificates, PEM; NULL: the system's store
 */
MUST_CHECK struct tls_context *tls_context_new_client(const char *ca_file,
                                                      char *error,
                                                      size_t error_size);

/* After its last connection. NULL is fine. */
void tls_context_free(struct tls_context *context);

#endif
