/* sasl.h - the PLAIN message.
 *
 * Source: RFC 4616 §2; CONFORMANCE SASL-9.
 */
#ifndef POPINJAY_POP3_SASL_H
#define POPINJAY_POP3_SASL_H

#include <stdbool.h>

#include "base/attributes.h"
#include "base/span.h"

struct sasl_plain {
    struct span authzid; /* who to act as; empty: the same */
    struct span authcid; /* whose password it is */
    struct span password;
};

/* Splits the decoded message; the parts borrow from it. False unless it has
 * exactly two NULs and sasl_part_is_valid holds for name and password, and for
 * the identity to act as where that is not empty. |plain| is written either
 * way, but means something only then.
 */
MUST_CHECK bool sasl_plain_parse(struct span message, struct sasl_plain *plain);

/* 1 to SASL_PART_MAX octets of UTF-8 without NUL, CR and LF: what may reach
 * the upstream as a name or a password, whichever command brought it.
 */
bool sasl_part_is_valid(struct span part);

#endif
