/* oauth_provider.h - whom tokens are asked of, and what is known of them without
 * asking.
 *
 * Source: the pages of Google ("Using OAuth 2.0 for desktop apps", "OAuth 2.0
 * mechanism") and Microsoft ("Authenticate an IMAP, POP or SMTP connection using
 * OAuth", "Microsoft identity platform endpoints"); RFC 8414 §3.1 (where the
 * metadata of others is).
 */
#ifndef POPINJAY_ACCESS_OAUTH_PROVIDER_H
#define POPINJAY_ACCESS_OAUTH_PROVIDER_H

#include <stdbool.h>

#include "base/attributes.h"
#include "base/buf.h"

enum oauth_provider {
    OAUTH_GENERIC,
    OAUTH_GMAIL,
    OAUTH_MICROSOFT,
};

/* How a token is come by. */
enum oauth_grant {
    OAUTH_REFRESH_TOKEN,      /* somebody has agreed once: RFC 6749 §6 */
    OAUTH_CLIENT_CREDENTIALS, /* the application's own: RFC 6749 §4.4 */
    OAUTH_COMMAND,            /* a program prints it */
};

/* How the client says who it is: RFC 6749 §2.3.1. */
enum oauth_client_proof {
    OAUTH_PROOF_FORM, /* client_secret_post: in the form, as all presets have it */
    OAUTH_PROOF_BASIC, /* client_secret_basic: in a field of HTTP */
};

/* How somebody agrees, where that takes somebody. */
enum oauth_consent {
    OAUTH_CONSENT_DEVICE,  /* types a code on some other device: RFC 8628 */
    OAUTH_CONSENT_BROWSER, /* and brings the address that the browser ends at:
                              RFC 6749 §4.1, RFC 7636, RFC 8252 */
};

enum oauth_endpoint {
    OAUTH_ENDPOINT_AUTHORIZATION,
    OAUTH_ENDPOINT_TOKEN,
    OAUTH_ENDPOINT_DEVICE,
    OAUTH_ENDPOINT_COUNT,
};

/* Appends the address that is known of |provider|; nothing where none is.
 * |tenant| is Microsoft's word for whose users may log in.
 */
void oauth_provider_endpoint(enum oauth_provider provider, const char *tenant,
                             enum oauth_endpoint endpoint, struct buf *url);

/* What mail over IMAP needs; NULL: nothing is known. */
const char *oauth_provider_scope(enum oauth_provider provider,
                                 enum oauth_grant grant);

/* The way for those who have an endpoint for devices (|has_device|). Google has
 * one, that does not give the scope of mail.
 */
enum oauth_consent oauth_provider_consent(enum oauth_provider provider,
                                          bool has_device);

/* Further parameters of the address that the browser is sent to, each begun
 * with &: without them Google gives no refresh token.
 */
const char *oauth_provider_consent_wishes(enum oauth_provider provider);

/* Where the metadata of |issuer| may be, to be tried in this order. */
enum oauth_metadata {
    OAUTH_METADATA_OPENID, /* OpenID Connect Discovery 1.0 §4 */
    OAUTH_METADATA_OAUTH,  /* RFC 8414 §3.1 */
    OAUTH_METADATA_COUNT,
};
void oauth_metadata_url(const char *issuer, enum oauth_metadata where,
                        struct buf *url);

#endif
