/* secret_key.h - the octets of the file that secrets at rest are sealed with. */
#ifndef POPINJAY_ACCESS_SECRET_KEY_H
#define POPINJAY_ACCESS_SECRET_KEY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"
#include "base/buf.h"

/* The systemd credential that is the key where no file is named. */
#define SECRET_KEY_CREDENTIAL "accounts.key"

/* Appends the octets of |path|, SECRET_KEY_MIN to SECRET_KEY_MAX of them; NULL:
 * of the credential, or nothing where there is none. False: `FILE: what is
 * wrong` in |error|.
 */
MUST_CHECK bool secret_key_read(const char *path, struct buf *key, char *error,
                                size_t error_size);

#endif
