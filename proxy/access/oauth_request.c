#include "access/oauth_request.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"

/* --- questions --- */

static bool proves_by_field(const struct token_source *source)
{
    return source->secret != NULL &&
           source->config->client_authentication == OAUTH_PROOF_BASIC;
}

void oauth_form_begin(struct buf *form, const struct token_source *source,
                      const char *grant_type)
{
    if (grant_type != NULL)
        oauth_form_add(form, "grant_type", grant_type);
    oauth_form_add(form, "client_id", source->config->client_id);
    if (source->secret != NULL && !proves_by_field(source))
        oauth_form_add(form, "client_secret", source->secret);
}

static const char *write_proof(const struct token_source *source,
                               struct buf *field)
{
    buf_append_string(field, "Authorization: ");
    oauth_basic_add(field, source->config->client_id, source->secret);
    buf_append_octet(field, '\0');
    return buf_failed(field) ? NULL : (const char *)buf_span(field).data;
}

#define JSON_WANTED "Accept: application/json"

static struct http_request begin_request(const struct token_source *source,
                                         const char *url)
{
    static const char *const fields[] = { JSON_WANTED };

    return (struct http_request){
        .url = url,
        .fields = fields,
        .field_count = ARRAY_LENGTH(fields),
        .ca_file = source->config->ca_file,
        .timeout_ms = source->config->request_timeout_ms,
        .answer_max = OAUTH_ANSWER_MAX,
    };
}

struct http_exchange *oauth_post(struct http_client *http,
                                 const struct token_source *source,
                                 const char *url, const struct buf *form,
                                 http_client_done *done, void *owner)
{
    struct http_request request = begin_request(source, url);
    struct http_exchange *exchange = NULL;
    const char *fields[] = { JSON_WANTED, NULL };
    struct buf proof;

    buf_init(&proof, HTTP_FIELD_MAX + 2 * OAUTH_SECRET_MAX);
    request.content_type = "application/x-www-form-urlencoded";
    request.body = buf_span(form);
    request.fields = fields;
    request.field_count = 1;
    if (proves_by_field(source))
        fields[request.field_count++] = write_proof(source, &proof);
    if (!buf_failed(form) && !buf_failed(&proof))
        exchange = http_client_send(http, &request, done, owner);
    buf_fini(&proof);
    return exchange;
}

/* --- answers --- */

/* Whether there is one; else |error| says why not. */
static bool is_answered(const struct http_answer *answer,
                        struct oauth_error *error)
{
    *error = (struct oauth_error){ .retry_after_s = answer->retry_after_s };
    if (answer->outcome == HTTP_ANSWERED)
        return true;
    (void)snprintf(error->text, sizeof(error->text), "%s", answer->failure);
    return false;
}

enum oauth_result oauth_answer_token(const struct http_answer *answer,
                                     struct oauth_token *token,
                                     struct oauth_error *error)
{
    *token = (struct oauth_token){ .access = NULL };
    return is_answered(answer, error)
               ? oauth_token_parse(answer->status, answer->body, token, error)
               : OAUTH_UNAVAILABLE;
}

enum oauth_result oauth_answer_device(const struct http_answer *answer,
                                      struct oauth_device *device,
                                      struct oauth_error *error)
{
    *device = (struct oauth_device){ .device_code = NULL };
    return is_answered(answer, error)
               ? oauth_device_parse(answer->status, answer->body, device, error)
               : OAUTH_UNAVAILABLE;
}

/* --- metadata --- */

struct oauth_discovery {
    struct http_client *http;
    const struct token_source *source;
    oauth_discovery_done *done;
    void *owner;
    enum oauth_metadata where;
    struct http_exchange *exchange;
};

static void on_metadata(void *owner, const struct http_answer *answer);

static bool look_at(struct oauth_discovery *d)
{
    struct http_request request;
    struct buf url;

    buf_init(&url, OAUTH_ADDRESS_MAX);
    oauth_metadata_url(d->source->config->issuer, d->where, &url);
    d->exchange = NULL;
    if (buf_append_octet(&url, '\0')) {
        request = begin_request(d->source, (const char *)buf_span(&url).data);
        d->exchange = http_client_send(d->http, &request, on_metadata, d);
    }
    buf_fini(&url);
    return d->exchange != NULL;
}

static void tell(struct oauth_discovery *d, enum oauth_result result,
                 const struct oauth_error *error,
                 char *endpoints[OAUTH_ENDPOINT_COUNT])
{
    d->done(d->owner, result, error, endpoints);
    free(d);
}

static void on_metadata(void *owner, const struct http_answer *answer)
{
    struct oauth_discovery *d = owner;
    char *endpoints[OAUTH_ENDPOINT_COUNT] = { NULL };
    struct oauth_error error = { .text = "" };
    enum oauth_result result = OAUTH_UNAVAILABLE;

    if (is_answered(answer, &error))
        result = oauth_metadata_parse(answer->status, answer->body,
                                      d->source->config->issuer, endpoints);
    if (result == OAUTH_GARBLED) {
        for (size_t i = 0; i < OAUTH_ENDPOINT_COUNT; i++) {
            free(endpoints[i]);
            endpoints[i] = NULL;
        }
        (void)snprintf(error.text, sizeof(error.text),
                       "no metadata under issuer, status %u", answer->status);
        if (++d->where < OAUTH_METADATA_COUNT) {
            if (look_at(d))
                return;
            result = OAUTH_NO_MEMORY;
        }
    }
    tell(d, result, &error, endpoints);
}

struct oauth_discovery *oauth_discovery_start(struct http_client *http,
                                              const struct token_source *source,
                                              oauth_discovery_done *done,
                                              void *owner)
{
    struct oauth_discovery *d = calloc(1, sizeof(*d));

    if (d == NULL)
        return NULL;
    d->http = http;
    d->source = source;
    d->done = done;
    d->owner = owner;
    if (look_at(d))
        return d;
    free(d);
    return NULL;
}
