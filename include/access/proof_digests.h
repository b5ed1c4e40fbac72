/* proof_digests.h - a password proven by a digest of it and of words that the
 * server has chosen.
 *
 * Source: RFC 1939 §7 (APOP); RFC 2195 §2 (CRAM-MD5).
 * Memory: what is computed is wiped.  Thread: any.
 */
#ifndef POPINJAY_ACCESS_PROOF_DIGESTS_H
#define POPINJAY_ACCESS_PROOF_DIGESTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"
#include "base/span.h"

#define PROOF_DIGEST_SIZE ((size_t)32) /* MD5 in hexadecimal digits */

enum proof_verdict {
    PROOF_RIGHT,
    PROOF_WRONG,
    PROOF_FAILED, /* no memory */
};

/* Whether |digest| is that of APOP. */
MUST_CHECK enum proof_verdict proof_judge_apop(struct span timestamp,
                                               struct span password,
                                               struct span digest);

/* Whether |digest| is that of CRAM-MD5. */
MUST_CHECK enum proof_verdict proof_judge_cram_md5(struct span challenge,
                                                   struct span password,
                                                   struct span digest);

#endif
