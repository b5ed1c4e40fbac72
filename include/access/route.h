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
 * regard to case, in ASCII, and a dot at the end says no more than without.
 */
#ifndef POPINJAY_ACCESS_ROUTE_H
#define POPINJAY_ACCESS_ROUTE_H

#include <stdbool.h>

#include "base/attributes.h"
#include "base/buf.h"
#include "base/span.h"
#include "config.h"

enum route_name {
    ROUTE_NAME_WRITTEN,
    ROUTE_NAME_NOBODY,   /* %n stands for nothing: the name begins with its @ */
    ROUTE_NAME_TOO_LONG, /* for the buffer */
    ROUTE_NAME_NO_MEMORY,
};

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
 * ones, where user_case says so. Where it is not written whole, |name| holds
 * its beginning, or has failed.
 */
MUST_CHECK enum route_name route_write_user(
    const struct config_upstream *upstream, struct span user, struct buf *name);

/* NULL: it is one. Else why it is none, a constant text. */
const char *route_template_problem(const char *user_template);

#endif
