/* token_source.h - the [oauth NAME] sections of one reading of the configuration,
 * with the secrets that they name.
 *
 * Immutable once read, and counted. Thread: any may hold and release.
 */
#ifndef POPINJAY_ACCESS_TOKEN_SOURCE_H
#define POPINJAY_ACCESS_TOKEN_SOURCE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "access/oauth_provider.h"
#include "access/token_record.h"
#include "base/attributes.h"
#include "config.h"

struct token_source {
    const struct config_oauth *config;
    char *secret; /* the client's; NULL: it has none */
    /* What needs not be asked for; NULL: to be found under the issuer, or there
     * is none.
     */
    char *endpoints[OAUTH_ENDPOINT_COUNT];
};

struct token_sources {
    atomic_uint holders;
    struct config *config; /* held */
    struct token_source *at;
    size_t count;
};

/* Holds |config| and reads the files that it names. The caller holds the result.
 * On failure it is NULL, and |error| says `THAT FILE: what is wrong`.
 */
MUST_CHECK struct token_sources *token_sources_new(struct config *config,
                                                   char *error,
                                                   size_t error_size);

/* NULL where there is none of that name. */
const struct token_source *token_sources_find(const struct token_sources *s,
                                              const char *name);

/* Whether what one has granted is for the other to show: the same provider, asked
 * for the same by the same client.
 */
bool token_source_equals(const struct token_source *a,
                         const struct token_source *b);

/* Who grants a refresh token by it, in a form to be kept beside that token: a
 * digest (SHA-256, hexadecimal) of the client's id, the issuer and the token
 * endpoint. These are narrower than token_source_equals: a refresh token outlives
 * another scope. False: no memory.
 */
MUST_CHECK bool token_source_mark(const struct token_source *source,
                                  char mark[TOKEN_MARK_SIZE]);

/* Whether one of them keeps tokens in the state directory. */
bool token_sources_are_kept(const struct token_sources *s);

void token_sources_hold(struct token_sources *s);

/* NULL is fine. */
void token_sources_release(struct token_sources *s);

#endif
