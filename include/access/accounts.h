/* accounts.h - accounts.conf, read: who a device is, by which proof, from
 * where, and as whom it reads mail.
 *
 * An INI file of sections [account NAME]; NAME is what the device calls itself,
 * octet for octet. Its keys are documented in deploy/docs/accounts.md, and the
 * table in proxy/access/accounts.c is their one source.
 *
 * Immutable once read. Thread: any.
 */
#ifndef POPINJAY_ACCESS_ACCOUNTS_H
#define POPINJAY_ACCESS_ACCOUNTS_H

#include <stdbool.h>
#include <stddef.h>

#include "access/scram_keys.h"
#include "access/secret_box.h"
#include "base/attributes.h"
#include "base/span.h"
#include "config.h"
#include "net/address.h"

/* What secrets of accounts.conf are sealed for. */
#define ACCOUNT_SECRET_PURPOSE "account-secret"
#define ACCOUNT_PASSWORD_PURPOSE "account-password"

struct account {
    char *name;
    unsigned line; /* where its section begins */

    /* How the device proves who it is; with none of them its password is that
     * of the upstream, and passes through.
     */
    char *password;             /* crypt(5) */
    char *scram;                /* scram_keys.h */
    char *recoverable_password; /* sealed: for APOP and CRAM-MD5 */

    struct config_networks networks; /* none: from everywhere */
    char *listeners;                 /* names; NULL: all */

    char *upstream;  /* NULL: by the rules for all */
    char *user;      /* there; NULL: the same name */
    char *identity;  /* whom to act as there; NULL: |user| */
    char *secret;    /* sealed; NULL: see |oauth| */
    char *oauth;     /* the source of its tokens */
    char *policy;    /* NULL: the upstream's */
    char *mailboxes; /* NULL: the policy's */
};

struct accounts {
    char *path;
    struct account *at; /* by name */
    size_t count;
};

/* Reads |path|; NULL: `FILE:LINE: what is wrong` stands in |error|. Whether what
 * it names is there, and its secrets open, is accounts_judge's business.
 */
MUST_CHECK struct accounts *accounts_read(const char *path, char *error,
                                          size_t error_size);

/* The octets of the key file, to open what was sealed with them; empty: there is
 * no key. False: `FILE:LINE: ...` in |error|.
 */
MUST_CHECK bool accounts_judge(const struct accounts *accounts,
                               const struct config *config, struct span key,
                               char *error, size_t error_size);

/* NULL is fine. */
void accounts_free(struct accounts *accounts);

/* NULL: there is none of that name. */
const struct account *accounts_find(const struct accounts *accounts,
                                    struct span name);

/* Whether a name is fit to be one. */
bool account_name_is_valid(struct span name);

/* Whether there is anything that a device could prove to us. */
bool account_has_proof(const struct account *account);

/* Whether it may come from there. */
bool account_admits(const struct account *account, const char *listener,
                    const union address *client);

/* Whether one of the accounts at |listener| can prove itself by SCRAM keys, or
 * by a password that can be recovered.
 */
bool accounts_any_scram(const struct accounts *accounts, const char *listener);
bool accounts_any_recoverable(const struct accounts *accounts,
                              const char *listener);

/* How many there are; and how many of them have a password that can be recovered. */
size_t accounts_count(const struct accounts *accounts);
size_t accounts_count_recoverable(const struct accounts *accounts);

/* With what the sealed secrets of |account| are locked; borrows. */
struct secret_lock account_lock(const struct account *account,
                                enum secret_box_kind kind, struct span octets,
                                const char *purpose);

#endif
