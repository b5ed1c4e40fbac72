#include "access/token_source.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access/wiping.h"
#include "base/limits.h"
#include "net/secret_file.h"

/* All of the file but blanks and line ends behind it. */
static char *read_secret(const char *path, char *error, size_t error_size)
{
    struct buf text;
    char *secret = NULL;

    buf_init(&text, OAUTH_SECRET_MAX);
    if (secret_file_read(path, &text, error, error_size)) {
        struct span s = buf_span(&text);

        while (s.len > 0 && s.data[s.len - 1] <= ' ')
            s.len--;
        if (s.len == 0 || span_contains(s, '\0'))
            (void)snprintf(error, error_size, "%s: holds no secret", path);
        else if ((secret = strndup((const char *)s.data, s.len)) == NULL)
            (void)snprintf(error, error_size, "%s: no memory", path);
    }
    buf_fini(&text);
    return secret;
}

/* As it is configured, or as the provider is known to have it. */
static bool set_endpoint(struct token_source *source,
                         enum oauth_endpoint endpoint, const char *configured)
{
    const struct config_oauth *c = source->config;
    struct buf url;
    bool is_known;

    buf_init(&url, OAUTH_ADDRESS_MAX);
    if (configured != NULL)
        buf_append_string(&url, configured);
    else
        oauth_provider_endpoint(c->provider, c->tenant, endpoint, &url);
    is_known = buf_length(&url) > 0;
    if (is_known && buf_append_octet(&url, '\0'))
        source->endpoints[endpoint] = strdup((const char *)buf_span(&url).data);
    buf_fini(&url);
    return !is_known || source->endpoints[endpoint] != NULL;
}

static bool set_up(struct token_source *source, char *error, size_t error_size)
{
    const struct config_oauth *c = source->config;

    if (c->grant == OAUTH_COMMAND)
        return true;
    (void)snprintf(error, error_size, "no memory");
    if (!set_endpoint(source, OAUTH_ENDPOINT_AUTHORIZATION,
                      c->authorization_endpoint) ||
        !set_endpoint(source, OAUTH_ENDPOINT_TOKEN, c->token_endpoint) ||
        !set_endpoint(source, OAUTH_ENDPOINT_DEVICE, c->device_endpoint))
        return false;
    if (c->client_secret_file == NULL)
        return true;
    source->secret = read_secret(c->client_secret_file, error, error_size);
    return source->secret != NULL;
}

struct token_sources *token_sources_new(struct config *config, char *error,
                                        size_t error_size)
{
    struct token_sources *s = calloc(1, sizeof(*s));

    (void)snprintf(error, error_size, "no memory");
    if (s == NULL)
        return NULL;
    atomic_init(&s->holders, 1);
    config_hold(config);
    s->config = config;
    s->at = calloc(config->oauth_count + 1, sizeof(*s->at));
    for (bool good = s->at != NULL; good; s->count++) {
        if (s->count == config->oauth_count)
            return s;
        s->at[s->count].config = &config->oauths[s->count];
        good = set_up(&s->at[s->count], error, error_size);
    }
    token_sources_release(s);
    return NULL;
}

const struct token_source *token_sources_find(const struct token_sources *s,
                                              const char *name)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->at[i].config->name, name) == 0)
            return &s->at[i];
    return NULL;
}

bool token_source_equals(const struct token_source *a,
                         const struct token_source *b)
{
    const struct config_oauth *one = a->config;
    const struct config_oauth *other = b->config;

    return one->provider == other->provider && one->grant == other->grant &&
           config_same_text(one->issuer, other->issuer) &&
           config_same_text(one->client_id, other->client_id) &&
           config_same_text(one->scope, other->scope) &&
           config_same_text(one->command, other->command) &&
           config_same_text(a->endpoints[OAUTH_ENDPOINT_TOKEN],
                            b->endpoints[OAUTH_ENDPOINT_TOKEN]);
}

/* With its end, so that no other parts have the same octets. */
static bool add_part(EVP_MD_CTX *digest, const char *part)
{
    const char *text = part != NULL ? part : "";

    return EVP_DigestUpdate(digest, text, strlen(text) + 1) == 1;
}

bool token_source_mark(const struct token_source *source,
                       char mark[TOKEN_MARK_SIZE])
{
    const struct config_oauth *c = source->config;
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    unsigned char octets[(TOKEN_MARK_SIZE - 1) / 2];
    bool made = digest != NULL &&
                EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1 &&
                add_part(digest, c->client_id) && add_part(digest, c->issuer) &&
                add_part(digest, source->endpoints[OAUTH_ENDPOINT_TOKEN]) &&
                EVP_DigestFinal_ex(digest, octets, NULL) == 1;

    EVP_MD_CTX_free(digest);
    ERR_clear_error();
    for (size_t i = 0; made && i < sizeof(octets); i++)
        (void)snprintf(mark + 2 * i, 3, "%02x", octets[i]);
    return made;
}

bool token_sources_are_kept(const struct token_sources *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->at[i].config->grant == OAUTH_REFRESH_TOKEN)
            return true;
    return false;
}

void token_sources_hold(struct token_sources *s)
{
    atomic_fetch_add(&s->holders, 1);
}

void token_sources_release(struct token_sources *s)
{
    if (s == NULL || atomic_fetch_sub(&s->holders, 1) > 1)
        return;
    for (size_t i = 0; i < s->count; i++) {
        wiping_free_text(s->at[i].secret);
        for (size_t n = 0; n < OAUTH_ENDPOINT_COUNT; n++)
            free(s->at[i].endpoints[n]);
    }
    free(s->at);
    config_free(s->config);
    free(s);
}
