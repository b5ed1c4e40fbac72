/* tls_proof.h - a server's certificates, once verified, are not verified again
 * for a while.
 *
 * To verify a chain costs about as much as all the rest that a handshake asks
 * of a client's public-key arithmetic. Its outcome depends on what is shown,
 * whom we trust, the name that is asked for, and the time; on nothing else,
 * since neither CRLs nor OCSP are asked. A proof is found by a digest of the
 * first three, so it can only be found where the outcome would be the same; and
 * it covers the time in which each certificate of the verified chain is valid,
 * the one that we trust too, and no more than TLS_TRUST_MAX_S of it. A chain
 * that failed leaves no proof. Where a server is does not matter, as it does
 * not to the verification.
 *
 * That the server has the key to its certificate is proven in each handshake
 * as ever (RFC 8446 §4.4.3, RFC 5246 §7.4.3). So this trusts a server no
 * longer, and with less, than a session does that is resumed (RFC 8446 §4.6.1).
 *
 * Source: RFC 5280 §6.1; CONFORMANCE TLS-14 to TLS-16.
 * Bounds: TLS_PROOFS_MAX; the one that ends first makes room. No memory but the
 *         struct itself. Times are those of time(2).
 * Thread: one, that of the connections which use it.
 */
#ifndef POPINJAY_NET_TLS_PROOF_H
#define POPINJAY_NET_TLS_PROOF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/limits.h"

struct x509_store_ctx_st; /* OpenSSL's: a chain that is about to be verified */

/* SHA-256 of all that the outcome depends on, but the time. No secret. */
struct tls_proof_key {
    unsigned char digest[32];
};

struct tls_proof {
    struct tls_proof_key key;
    int64_t verified_s;
    int64_t from_s;  /* covers this second */
    int64_t until_s; /* and not this one; 0: no proof */
};

/* Empty where it is all zero. */
struct tls_proofs {
    struct tls_proof kept[TLS_PROOFS_MAX];
};

/* trust  tells those whom we trust from all others that we ever trusted
 *
 * False: a chain that asks for no name, or no memory; nothing can be proven.
 */
MUST_CHECK bool tls_proof_key_make(struct x509_store_ctx_st *chain,
                                   uint64_t trust, struct tls_proof_key *key);

/* NULL: none that covers |now_s|. Valid until the next tls_proofs_keep. */
MUST_CHECK const struct tls_proof *tls_proofs_find(
    const struct tls_proofs *p, const struct tls_proof_key *key, int64_t now_s);

/* |chain| was verified at |now_s|, and well. */
void tls_proofs_keep(struct tls_proofs *p, const struct tls_proof_key *key,
                     const struct x509_store_ctx_st *chain, int64_t now_s);

#endif
