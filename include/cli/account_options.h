/* account_options.h - what follows `popinjay account` on the command line. */
#ifndef POPINJAY_CLI_ACCOUNT_OPTIONS_H
#define POPINJAY_CLI_ACCOUNT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"

enum account_action {
    ACCOUNT_ADD,
    ACCOUNT_LIST,
    ACCOUNT_REMOVE,
    ACCOUNT_PASSWD,
    ACCOUNT_HELP,
    ACCOUNT_WRONG, /* what is wrong has been said */
};

/* Keys of accounts.conf that an option of the same name sets. */
enum account_setting {
    ACCOUNT_SET_UPSTREAM,
    ACCOUNT_SET_USER,
    ACCOUNT_SET_IDENTITY,
    ACCOUNT_SET_NETWORKS,
    ACCOUNT_SET_LISTENERS,
    ACCOUNT_SET_POLICY,
    ACCOUNT_SET_MAILBOXES,
    ACCOUNT_SET_OAUTH,
    ACCOUNT_SET_COUNT,
};

struct account_options {
    enum account_action action;
    const char *config;                   /* NULL: at the usual place */
    const char *name;                     /* of the account */
    const char *value[ACCOUNT_SET_COUNT]; /* NULL: not given */
    bool generates;                       /* the device's password is made up */
    bool scram;                           /* keys for SCRAM-SHA-256 as well */
    bool recoverable;                     /* for APOP and CRAM-MD5 as well */
    bool passes_through;                  /* no password of its own */
    bool seals_by_password; /* the device's, rather than with the key file */
    bool secret;            /* PASSWD: the upstream's, not the device's */
};

const char *account_setting_key(enum account_setting setting);

/* |argv[0]| is `account`. Borrows. */
MUST_CHECK struct account_options account_options_parse(int argc, char **argv);

extern const char account_options_usage[];

#endif
