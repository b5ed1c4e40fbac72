/* route.h - to which upstream a login goes, and by which name it is known there.
 *
 * Pure. What an account or an authentication service says of a login stands
 * above what is decided here: see access.h. The rules are keys of [upstream
 * NAME], in this order:
 *
 *   domains        the domain of the name that the client gave
 *   listeners      where the client came in
 *   (no key)       the first upstream of the file
 *
 * A name's domain is what follows its last `@`. Domains are compared without
 * regard to case, in ASCII.
 */
#ifndef POPINJAY_ACCESS_ROUTE_H
#define POPINJAY_ACCESS_ROUTE_H

#include <stdbool.h>

#include "base/attributes.h"
#include "base/buf.h"
#include "base/span.h"
#include "config.h"

/* Never NULL. */
const struct config_upstream *route_choose(const struct config *config,
                                           const char *listener,
                                           struct span user);

/* Where all logins at |listener| go, whoever it is; NULL: the name decides. */
const struct config_upstream *route_sole(const struct config *config,
                                         const char *listener);

/* Appends the name that |user| has at |upstream|: its user_template, with
 * %u the whole name, %n what stands before the last `@`, %d what follows it
 * (nothing where there is none), %% a percent sign; then in small letters, ASCII
 * ones, where user_case says so. False where |name| is or becomes failed.
 */
MUST_CHECK bool route_write_user(const struct config_upstream *upstream,
                                 struct span user, struct buf *name);

/* NULL: it is one. Else why it is none, a constant text. */
const char *route_template_problem(const char *user_template);

#endif
