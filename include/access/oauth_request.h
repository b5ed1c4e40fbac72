/* oauth_request.h - questions to authorization servers, and what is made of their
 * answers.
 */
#ifndef POPINJAY_ACCESS_OAUTH_REQUEST_H
#define POPINJAY_ACCESS_OAUTH_REQUEST_H

#include "access/http_client.h"
#include "access/oauth_message.h"
#include "access/token_source.h"
#include "base/attributes.h"

#define OAUTH_FORM_MAX HTTP_REQUEST_BODY_MAX

/* Begins a form of a question of |grant_type|, or of none where that is NULL:
 * with who the client of |source| is. RFC 6749 §2.3.1: its secret in the form,
 * which all providers take.
 */
void oauth_form_begin(struct buf *form, const struct token_source *source,
                      const char *grant_type);

/* Posts |form|. NULL where there is no memory, or |url| must not be asked. */
MUST_CHECK struct http_exchange *oauth_post(struct http_client *http,
                                            const struct token_source *source,
                                            const char *url,
                                            const struct buf *form,
                                            http_client_done *done,
                                            void *owner);

/* As the functions of oauth_message.h, of any |answer|. */
MUST_CHECK enum oauth_result oauth_answer_token(
    const struct http_answer *answer, struct oauth_token *token,
    struct oauth_error *error);
MUST_CHECK enum oauth_result oauth_answer_device(
    const struct http_answer *answer, struct oauth_device *device,
    struct oauth_error *error);

/* --- metadata --- */

struct oauth_discovery; /* opaque */

/* What the issuer says its endpoints are, which are the callee's to free with
 * OAUTH_OK, and NULL otherwise.
 */
typedef void oauth_discovery_done(void *owner, enum oauth_result result,
                                  const struct oauth_error *error,
                                  char *endpoints[OAUTH_ENDPOINT_COUNT]);

/* Of a source that has an issuer. |done| is called once, never from within this
 * call. NULL where there is no memory.
 */
MUST_CHECK struct oauth_discovery *oauth_discovery_start(
    struct http_client *http, const struct token_source *source,
    oauth_discovery_done *done, void *owner);

#endif
