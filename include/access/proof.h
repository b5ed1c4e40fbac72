/* proof.h - devices that prove a password without saying it: one exchange by
 * CRAM-MD5 or SCRAM-SHA-256.
 *
 * The mechanisms are libgsasl's; here is what they ask for: the keys that an
 * account holds, and, for a name that has none, others that are made up
 * (decoys.h). The digest of CRAM-MD5 is compared here, too: libgsasl would keep
 * the password in memory that it gives back.
 *
 * Whoever has no account may be somebody whom a service knows ([auth_http]
 * cram_md5): what he has made of CRAM-MD5's challenge is for that to judge.
 *
 * Source: RFC 2195; RFC 5802, RFC 7677.
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
    const struct keyed_digest *decoys; /* decoys.h: passing */
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
 * |step| borrows is good until the next call, and as long as |response| is. After
 * anything but a challenge there is none.
 */
void proof_step(struct proof *p, struct span response, struct sasl_step *step);

/* After SASL_CLAIMED: what the client has answered to. Valid as |p| is. */
struct span proof_challenge(const struct proof *p);

/* Appends the recoverable password of |account|. Where that is NULL or has none,
 * another one is opened and forgotten, which takes as long: EWRONG.
 */
MUST_CHECK enum secret_box_status proof_open_password(
    const struct access_rules *rules, const struct account *account,
    struct buf *password);

#endif
