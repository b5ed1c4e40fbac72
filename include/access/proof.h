/* proof.h - devices that prove a password without saying it: one exchange by
 * CRAM-MD5 or SCRAM-SHA-256, and the digest of APOP.
 *
 * The mechanisms are libgsasl's; here is what they ask for: the keys that an
 * account holds, and, for a name that has none, others that are made up, so that
 * the exchange takes the same course and fails at its end.
 *
 * Source: RFC 2195; RFC 5802, RFC 7677; RFC 1939 §7.
 * Thread: that of the loop.
 */
#ifndef POPINJAY_ACCESS_PROOF_H
#define POPINJAY_ACCESS_PROOF_H

#include <stdbool.h>

#include "access/access_rules.h"
#include "base/attributes.h"
#include "base/span.h"
#include "net/address.h"
#include "net/keyed_digest.h"
#include "pop3/sasl.h"
#include "session/sasl_step.h"

/* libgsasl, made ready when first used. Zeroed is not ready. */
struct proof_maker {
    void *library;                     /* Gsasl * */
    const struct keyed_digest *decoys; /* the same for all loops */
};

void proof_maker_fini(struct proof_maker *maker);

struct proof_wish {
    const struct access_rules *rules; /* outlive the proof */
    const char *listener;             /* the same */
    union address client;
    enum sasl_mechanism mechanism; /* CRAM_MD5 or SCRAM_SHA_256 */
};

struct proof; /* opaque */

/* NULL where there is no memory. */
MUST_CHECK struct proof *proof_new(struct proof_maker *maker,
                                   const struct proof_wish *wish);

/* NULL is fine. */
void proof_free(struct proof *p);

/* Takes one response of the client, the empty one where the server begins. What
 * |step| borrows is good until the next call. After anything but a challenge
 * there is none.
 */
void proof_step(struct proof *p, struct span response, struct sasl_step *step);

/* Whether |digest|, 32 hexadecimal digits, is that of |timestamp| and
 * |password|.
 */
MUST_CHECK bool proof_is_apop(struct span timestamp, struct span password,
                              struct span digest);

#endif
