/* keyed_digest.h - a digest that stands for secrets, and tells nothing of them
 * to whoever lacks the key.
 *
 * Source: HMAC-SHA-256, RFC 2104, under a key that is random, made at start
 * and known to nobody else; or derived from a secret by HKDF-SHA-256, RFC 5869.
 * Thread: any number at a time, once it is made.
 */
#ifndef POPINJAY_NET_KEYED_DIGEST_H
#define POPINJAY_NET_KEYED_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"
#include "base/span.h"

#define KEYED_DIGEST_SIZE 32

struct keyed_digest; /* opaque: the key */

/* NULL where there is no memory or no randomness. */
MUST_CHECK struct keyed_digest *keyed_digest_new(void);

/* Its digests are those of every process that has |secret|, for the purpose that
 * |label| says. NULL where there is no memory.
 */
MUST_CHECK struct keyed_digest *keyed_digest_derive(struct span secret,
                                                    const char *label);

/* NULL is fine. */
void keyed_digest_free(struct keyed_digest *k);

/* Of all |parts|, each with its length before it, so that no other parts have
 * the same octets. |digest| has KEYED_DIGEST_SIZE. False: no memory.
 */
MUST_CHECK bool keyed_digest_make(const struct keyed_digest *k,
                                  const struct span *parts, size_t count,
                                  unsigned char *digest);

/* In a time that says nothing about where they differ. */
bool keyed_digest_equals(const unsigned char *a, const unsigned char *b);

#endif
