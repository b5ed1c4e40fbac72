/* access_rules.h - what one reading of the configuration says about logins, with
 * what it is made of: accounts, the key that their secrets are sealed with.
 *
 * Immutable; as long as the configuration.  Thread: any.
 */
#ifndef POPINJAY_ACCESS_ACCESS_RULES_H
#define POPINJAY_ACCESS_ACCESS_RULES_H

#include <stddef.h>

#include "access/accounts.h"
#include "access/auth_http.h"
#include "access/decoys.h"
#include "base/attributes.h"
#include "base/buf.h"
#include "config.h"

struct access_rules {
    const struct config *config;
    struct accounts *accounts;        /* NULL: there is no file of them */
    struct buf key;                   /* empty: none */
    struct decoys decoys;             /* where there is no account */
    struct auth_http_rules auth_http; /* url NULL: no service is asked */
};

/* Reads what |config| names. NULL: `FILE:LINE: what is wrong` in |error|. */
MUST_CHECK struct access_rules *access_rules_read(const struct config *config,
                                                  char *error,
                                                  size_t error_size);

/* NULL is fine. */
void access_rules_free(struct access_rules *rules);

#endif
