/* account.h - `popinjay account`: accounts.conf, seen and edited. */
#ifndef POPINJAY_CLI_ACCOUNT_H
#define POPINJAY_CLI_ACCOUNT_H

#include "base/attributes.h"
#include "cli/account_options.h"

/* The exit code. What was made up, and what there is, goes to standard output;
 * what is to be known about it to standard error.
 */
MUST_CHECK int account_run(const struct account_options *options);

#endif
