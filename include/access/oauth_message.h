/* oauth_message.h - what is asked of an authorization server, and what its
 * answers mean. Pure but for memory.
 *
 * Source: RFC 6749 §4.1, §4.4, §5, §6, appendix B (forms); RFC 7636 (PKCE);
 * RFC 8628 §3; RFC 8414 §2, OpenID Connect Discovery 1.0 §3 (metadata).
 * Memory: secrets are wiped before they are freed. Texts from a server that are
 * shown to people hold nothing but letters, digits and _.
 */
#ifndef POPINJAY_ACCESS_OAUTH_MESSAGE_H
#define POPINJAY_ACCESS_OAUTH_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "access/oauth_provider.h"
#include "base/attributes.h"
#include "base/buf.h"
#include "base/span.h"

/* --- what is asked --- */

/* Appends NAME=VALUE, behind an & where something stands already. */
void oauth_form_add(struct buf *form, const char *name, const char *value);

/* Appends what stands behind `Authorization: `; RFC 6749 §2.3.1 has both encoded
 * as in a form before they are put together.
 */
void oauth_basic_add(struct buf *field, const char *client, const char *secret);

/* S256 of RFC 7636 §4.2: of |verifier|, in base64url without padding. */
#define OAUTH_CHALLENGE_SIZE 44
MUST_CHECK bool oauth_challenge(const char *verifier,
                                char challenge[OAUTH_CHALLENGE_SIZE]);

/* The value of |name| in the query of |address|, which a person may have copied
 * from a browser, decoded. False: there is none, or it does not fit.
 */
MUST_CHECK bool oauth_query_value(const char *address, const char *name,
                                  char *value, size_t size);

/* --- what is answered --- */

enum oauth_result {
    OAUTH_OK,
    OAUTH_PENDING,        /* nobody has agreed yet: RFC 8628 §3.5 */
    OAUTH_SLOW_DOWN,      /* the same, and it was asked too often */
    OAUTH_EXPIRED,        /* nobody has agreed in time */
    OAUTH_DENIED,         /* somebody has refused */
    OAUTH_INVALID_GRANT,  /* revoked, expired, or of another client */
    OAUTH_INVALID_CLIENT, /* the client, or what it asks for, is refused */
    OAUTH_UNAVAILABLE,    /* the server's trouble, which passes */
    OAUTH_GARBLED,        /* no answer as of RFC 6749 */
    OAUTH_NO_MEMORY,
    OAUTH_RESULT_COUNT,
};

/* "ok", "invalid_grant": for logs and figures. */
const char *oauth_result_name(enum oauth_result result);

/* The server's own words for an error: "invalid_grant AADSTS700082". */
#define OAUTH_ERROR_MAX 100
struct oauth_error {
    char text[OAUTH_ERROR_MAX]; /* "" where it has none */
    uint64_t retry_after_s;     /* it asks for a pause; 0: it does not */
};

struct oauth_token {
    char *access;
    char *refresh;       /* NULL: none, or the one before still holds */
    uint64_t lifetime_s; /* 0: the server does not say */
};

/* What the token endpoint answered, with |status|. |token| is set with OAUTH_OK
 * only, and then to be given to oauth_token_fini.
 */
MUST_CHECK enum oauth_result oauth_token_parse(unsigned status,
                                               struct span body,
                                               struct oauth_token *token,
                                               struct oauth_error *error);

/* What a command printed: the same JSON, or the access token alone. */
MUST_CHECK enum oauth_result oauth_printed_parse(struct span text,
                                                 struct oauth_token *token);

void oauth_token_fini(struct oauth_token *token);

/* RFC 8628 §3.2 */
struct oauth_device {
    char *device_code;
    char *user_code;
    char *address;          /* where it is typed */
    char *address_complete; /* with the code in it; may be NULL */
    uint64_t lifetime_s;
    uint64_t interval_s;
};

MUST_CHECK enum oauth_result oauth_device_parse(unsigned status,
                                                struct span body,
                                                struct oauth_device *device,
                                                struct oauth_error *error);
void oauth_device_fini(struct oauth_device *device);

/* The metadata of |issuer|, which they must name: RFC 8414 §3.3. An endpoint
 * that they lack is NULL; the caller frees them.
 */
MUST_CHECK enum oauth_result oauth_metadata_parse(
    unsigned status, struct span body, const char *issuer,
    char *endpoints[OAUTH_ENDPOINT_COUNT]);

#endif
