/* oauth.h - `popinjay oauth`: who has agreed that mail may be read. */
#ifndef POPINJAY_CLI_OAUTH_H
#define POPINJAY_CLI_OAUTH_H

#include "base/attributes.h"

enum oauth_action {
    OAUTH_LOGIN,
    OAUTH_IMPORT,
    OAUTH_LIST,
    OAUTH_REMOVE,
    OAUTH_HELP,
    OAUTH_WRONG, /* what is wrong has been said */
};

struct oauth_options {
    enum oauth_action action;
    const char *config; /* the usual place where none was given */
    const char *name;   /* of the account; LIST: NULL */
    const char *source; /* NULL: as the account says */
};

/* |argv[0]| is `oauth`. Borrows. */
MUST_CHECK struct oauth_options oauth_options_parse(int argc, char **argv);

/* The exit code. */
MUST_CHECK int oauth_run(const struct oauth_options *options);

#endif
