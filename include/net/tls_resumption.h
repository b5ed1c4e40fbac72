/* tls_resumption.h - sessions with servers, kept to be resumed, and what was
 * proven of those servers.
 *
 * A session belongs to the server that made it: hosts behind one name are
 * different machines, and a server at one address may have many names. So what
 * is kept is found by the address that was really connected, the name that was
 * verified, and the context, that is, whom we trust.
 *
 * Of one server several sessions are kept. TLS 1.3 wants each to be used once
 * (RFC 8446 §C.4), so the newest is given out and not given out again; of the
 * last one, though, copies are given out, because a second use costs less than
 * a whole handshake when many connections are made at the same time.
 *
 * Resuming verifies no certificate, and brings new sessions to resume. So each
 * knows when the certificate behind it was verified, and is of no use
 * TLS_TRUST_MAX_S later: RFC 8446 §4.6.1.
 *
 * Bounds: TLS_PEERS_MAX and TLS_PEER_SESSIONS_MAX. Times are those of time(2),
 *         by which OpenSSL dates its sessions.
 * Thread: one, that of the connections which use it.
 */
#ifndef POPINJAY_NET_TLS_RESUMPTION_H
#define POPINJAY_NET_TLS_RESUMPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "net/address.h"
#include "net/tls_proof.h"

struct ssl_st; /* OpenSSL's; so are the next three */
struct ssl_ctx_st;
struct ssl_session_st;
struct x509_store_ctx_st;

struct x509_st;
struct tls_peer; /* opaque: a server's place */

/* Empty where it is all zero. */
struct tls_resumption {
    struct tls_peer *peers; /* most recently asked for first */
    size_t count;
    struct tls_proofs proofs;
};

/* After the last connection that uses it. */
void tls_resumption_fini(struct tls_resumption *r);

/* The place of that server, which stays until it is released as often as it
 * was held. NULL: the address is not known, there is no memory, or connections
 * hold all the places; then nothing is resumed.
 */
MUST_CHECK struct tls_peer *tls_resumption_hold(
    struct tls_resumption *r, struct ssl_ctx_st *context,
    const char *server_name, const struct address_text *address);
void tls_peer_release(struct tls_peer *p);

/* A session to offer, which the caller frees, or NULL. |verified_s| is when the
 * certificate behind it was verified.
 */
MUST_CHECK struct ssl_session_st *tls_peer_take(struct tls_peer *p,
                                                int64_t now_s,
                                                int64_t *verified_s);

/* Takes |session|; the oldest makes room. */
void tls_peer_put(struct tls_peer *p, struct ssl_session_st *session,
                  int64_t verified_s);

/* The server would have none of them. */
void tls_peer_forget(struct tls_peer *p);

/* --- one connection's use of it --- */

/* Nothing where it is all zero. */
struct tls_lease {
    struct tls_peer *peer;
    struct tls_proofs *proofs;
    bool offered;       /* a session that was kept, and not yet taken up */
    bool proven;        /* by an earlier handshake: not verified in this one */
    int64_t verified_s; /* the certificate behind this connection */
    struct x509_st *refused; /* one that was not trusted; NULL: none */
};

/* Takes |peer|, and offers one of its sessions on |ssl|, whose app data is
 * |lease| from here on. Both |peer| and |proofs| may be NULL.
 */
void tls_lease_begin(struct tls_lease *lease, struct tls_peer *peer,
                     struct tls_proofs *proofs, struct ssl_st *ssl,
                     int64_t now_s);

/* Keeps what the server gives: the callback of SSL_CTX_sess_set_new_cb. */
int tls_lease_on_session(struct ssl_st *ssl, struct ssl_session_st *session);

/* Verifies the server's certificates, unless they are proven: the callback of
 * SSL_CTX_set_cert_verify_callback, whose argument is the uint64_t that
 * tls_proof_key_make wants. 1: they are good; 0: they are not.
 */
int tls_lease_on_verify(struct x509_store_ctx_st *chain, void *trust);

/* failed  the handshake did; the sessions may be why, so they are not offered
 *         again
 */
void tls_lease_end(struct tls_lease *lease, bool failed);

#endif
