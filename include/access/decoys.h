/* decoys.h - what is made up for names that have no account, so that an exchange
 * takes the course that it would take with one, and fails at its end.
 *
 * Whoever asks for a name twice is told the same twice; where the key file
 * is the same, by every process and after every start. Otherwise a name could be
 * told to have an account by what does not change.
 *
 * Immutable once made.  Thread: any.
 */
#ifndef POPINJAY_ACCESS_DECOYS_H
#define POPINJAY_ACCESS_DECOYS_H

#include "access/accounts.h"
#include "access/scram_keys.h"
#include "base/attributes.h"
#include "base/limits.h"
#include "base/span.h"
#include "net/keyed_digest.h"

/* What everybody is shown of somebody's SCRAM keys, beside the salt itself. */
struct decoy_shape {
    unsigned iterations;
    size_t salt_length;
};

struct decoys {
    struct keyed_digest *lasting; /* NULL: there is no key to derive it from */
    /* Those of the accounts, each once. */
    struct decoy_shape shapes[DECOY_SHAPES_MAX];
    size_t shape_count;
    /* Of any account, so that the work is the same where there is none; NULL: no
     * account has one. Passwords are all hashed as `popinjay account` does it,
     * unless somebody took pains to have it otherwise.
     */
    const char *password;              /* crypt(5) */
    const struct account *recoverable; /* has a recoverable_password */
};

/* |accounts|, which may be NULL, outlive it. |key| is that of the key file, or
 * empty. False: no memory.
 */
MUST_CHECK bool decoys_init(struct decoys *d, const struct accounts *accounts,
                            struct span key);

/* Zeroed is fine. */
void decoys_fini(struct decoys *d);

/* Made up for |name|; out of |passing|, which lasts as long as the process, where
 * nothing that lasts longer is there. False: no memory.
 */
MUST_CHECK bool decoys_make_scram(const struct decoys *d,
                                  const struct keyed_digest *passing,
                                  struct span name, struct scram_keys *keys);

#endif
