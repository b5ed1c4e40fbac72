/* oauth_login.h - has a person agree, on a device or in a browser, and waits for
 * what comes of it.
 *
 * Source: RFC 8628 (a code that is typed elsewhere); RFC 6749 §4.1 with RFC 7636
 * and RFC 8252 §7.3 (an address that a browser ends at, brought back by hand,
 * since the browser is mostly on another machine).
 */
#ifndef POPINJAY_CLI_OAUTH_LOGIN_H
#define POPINJAY_CLI_OAUTH_LOGIN_H

#include <stdbool.h>

#include "access/oauth_message.h"
#include "access/token_source.h"
#include "base/attributes.h"

/* What to do is said on standard output. False: why has been said. */
MUST_CHECK bool oauth_login_run(const struct token_source *source,
                                struct oauth_token *token);

#endif
