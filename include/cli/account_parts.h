/* account_parts.h - the inside of `popinjay account`, shared by account.c (what
 * is done with the file) and account_secrets.c (what is put into it).
 */
#ifndef POPINJAY_CLI_ACCOUNT_PARTS_H
#define POPINJAY_CLI_ACCOUNT_PARTS_H

#include "access/accounts.h"
#include "base/buf.h"
#include "cli/account_options.h"

/* What is to stand in the file, as text; empty: it is not touched. */
struct account_secrets {
    struct buf password; /* the device's, in clear; wiped */
    struct buf hash;
    struct buf scram;
    struct buf recoverable; /* sealed */
    struct buf secret;      /* sealed */
};

void account_secrets_init(struct account_secrets *s);
void account_secrets_fini(struct account_secrets *s);

/* Asks for what |options| make needful and hashes or seals it. |before| is the
 * account as it stands, NULL for a new one; |key| the octets of the key file.
 * False: why has been said.
 */
MUST_CHECK bool account_secrets_ask(struct account_secrets *s,
                                    const struct account_options *options,
                                    const struct account *before,
                                    struct span key);

#endif
