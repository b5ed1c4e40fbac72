/* secret_box.h - a secret at rest: sealed with a key, so that whoever has only
 * the file that it stands in has nothing.
 *
 * A sealed secret is text without blanks, the version of its form first:
 *
 *   1k.BASE64   by the octets of a key file
 *   1p.BASE64   by a password, which somebody types and nobody stores
 *
 * and in base64 a salt (16 octets), a nonce (12), the secret encrypted, a tag
 * (16). The cipher is AES-256-GCM; its key is derived from the octets and the
 * salt by HKDF-SHA-256, from a password by scrypt (32 MB, some 80 ms). What
 * the secret is for and whose it is are authenticated with it: a secret that
 * was copied from one account to another does not open.
 *
 * Source: NIST SP 800-38D (GCM), RFC 5869 (HKDF), RFC 7914 (scrypt).
 * Memory: what it derives is wiped.  Thread: any.
 */
#ifndef POPINJAY_ACCESS_SECRET_BOX_H
#define POPINJAY_ACCESS_SECRET_BOX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"
#include "base/buf.h"
#include "base/span.h"

enum secret_box_kind {
    SECRET_BOX_BY_KEY,
    SECRET_BOX_BY_PASSWORD,
};

/* With what it is locked; borrows. */
struct secret_lock {
    enum secret_box_kind kind;
    struct span octets;  /* of the key file, or the password */
    const char *purpose; /* "account-secret" */
    struct span name;    /* whose */
};

enum secret_box_status {
    SECRET_BOX_OK = 0,
    SECRET_BOX_EFORM = -1,  /* no sealed secret, or of a later version */
    SECRET_BOX_EWRONG = -2, /* another key or password, another purpose or name,
                               or it was changed: nobody can tell which */
    SECRET_BOX_EFAILED = -3, /* no memory, no randomness, over the cap */
};

/* For people: `is damaged, or ...`. */
const char *secret_box_problem(enum secret_box_status status);

/* Appends |secret|, SECRET_MAX octets at most, sealed. */
MUST_CHECK enum secret_box_status secret_box_seal(
    const struct secret_lock *lock, struct span secret, struct buf *sealed);

/* Appends the secret. */
MUST_CHECK enum secret_box_status secret_box_open(
    const struct secret_lock *lock, struct span sealed, struct buf *secret);

/* How |sealed| is locked. False: it is no sealed secret. */
MUST_CHECK bool secret_box_kind_of(struct span sealed,
                                   enum secret_box_kind *kind);

#endif
