/* sasl.h - the mechanisms by their names, and the messages of those that bring a
 * secret: PLAIN and the bearer's tokens.
 *
 * Source: RFC 4616 §2; RFC 7628 §3.1; XOAUTH2 as Google and Microsoft describe
 * it; CONFORMANCE SASL-9, SASL-12.
 */
#ifndef POPINJAY_POP3_SASL_H
#define POPINJAY_POP3_SASL_H

#include <stdbool.h>

#include "base/attributes.h"
#include "base/limits.h"
#include "base/span.h"

enum sasl_mechanism {
    SASL_PLAIN,
    SASL_LOGIN, /* obsolete, and spoken by many */
    SASL_CRAM_MD5,
    SASL_SCRAM_SHA_256,
    SASL_XOAUTH2,
    SASL_OAUTHBEARER,
    SASL_MECHANISM_COUNT,
};

/* The ways of a password, which need nothing but TLS. */
#define SASL_PASSWORD_MECHANISMS (BIT(SASL_PLAIN) | BIT(SASL_LOGIN))
/* The ways of a token: never in clear (RFC 7628 §5). */
#define SASL_TOKEN_MECHANISMS (BIT(SASL_XOAUTH2) | BIT(SASL_OAUTHBEARER))

/* "PLAIN" */
const char *sasl_mechanism_name(enum sasl_mechanism mechanism);

/* In any case; SASL_MECHANISM_COUNT: no such mechanism. */
enum sasl_mechanism sasl_mechanism_find(struct span name);

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

struct sasl_bearer {
    unsigned char user[SASL_PART_MAX];
    size_t user_length;
    struct span token; /* borrows from the message */
};

/* Takes the decoded message of SASL_XOAUTH2 or SASL_OAUTHBEARER apart. False
 * unless it names a user for whom sasl_part_is_valid holds, and a token that
 * has 1 to TOKEN_MAX octets, all of them visible ASCII. Which host and port
 * the client had in mind does not matter: CONFORMANCE IAUTH-10.
 */
MUST_CHECK bool sasl_bearer_parse(enum sasl_mechanism mechanism,
                                  struct span message,
                                  struct sasl_bearer *bearer);

/* 1 to SASL_PART_MAX octets of UTF-8 without NUL, CR and LF: what may reach
 * the upstream as a name or a password, whichever command brought it.
 */
bool sasl_part_is_valid(struct span part);

#endif
