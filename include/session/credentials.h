/* credentials.h - a name, its secret and whom to act as, wiped when done with.
 *
 * What the client gave and what is used upstream are two values of this type.
 */
#ifndef POPINJAY_SESSION_CREDENTIALS_H
#define POPINJAY_SESSION_CREDENTIALS_H

#include <stdbool.h>

#include "base/attributes.h"
#include "base/buf.h"
#include "base/span.h"

/* What the secret is. */
enum secret_kind {
    SECRET_PASSWORD,
    SECRET_TOKEN,    /* a bearer's: XOAUTH2, OAUTHBEARER */
    SECRET_APOP,     /* APOP's digest; the timestamp is the greeting's */
    SECRET_CRAM_MD5, /* the same; the challenge is the owner's */
    SECRET_PROVEN,   /* none: an exchange with the owner has proven the user */
    SECRET_KIND_COUNT,
};

struct credentials {
    struct buf identity; /* SASL's authorization identity; empty: |user| */
    struct buf user;
    struct buf secret;
    enum secret_kind kind;
};

void credentials_init(struct credentials *c);

/* Wipes all; |c| is as after credentials_init. */
void credentials_wipe(struct credentials *c);

/* Copies; each part has passed sasl_part_is_valid, a token is up to TOKEN_MAX
 * octets without controls. False where there is no memory: |c| is then wiped.
 */
MUST_CHECK bool credentials_set_identity(struct credentials *c,
                                         struct span identity);
MUST_CHECK bool credentials_set_user(struct credentials *c, struct span user);
MUST_CHECK bool credentials_set_secret(struct credentials *c,
                                       enum secret_kind kind,
                                       struct span secret);
MUST_CHECK bool credentials_copy(struct credentials *to,
                                 const struct credentials *from);

/* Appends the message of SASL PLAIN in base64, as it goes upstream: RFC 4616 §2.
 * Failure sticks in |base64|.
 */
void credentials_write_plain(const struct credentials *c, struct buf *base64);

/* Appends |name| as it stands in SASL's lists of attributes: RFC 5801 §4, RFC 5802
 * §5.1. Failure sticks in |message|.
 */
void credentials_append_name(struct span name, struct buf *message);

/* Does |text| repeat the secret, as it is or as it is sent in base64? Of a token
 * its front will do. Also where that cannot be told for want of memory.
 */
bool credentials_occur_in(const struct credentials *c, struct span text);

/* |text|, or words that stand for it where it repeats them. */
struct span credentials_hide_in(const struct credentials *c, struct span text);

/* Whose maildrop it is: the identity, or else the user. */
struct span credentials_name(const struct credentials *c);

#endif
