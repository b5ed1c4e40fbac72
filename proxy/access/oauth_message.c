#include "access/oauth_message.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access/wiping.h"
#include "base/base64.h"
#include "base/limits.h"

/* --- what is asked --- */

static bool is_plain(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

static void add_encoded(struct buf *form, const char *text)
{
    static const char digits[] = "0123456789ABCDEF";

    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        if (is_plain(c)) {
            buf_append_octet(form, c);
            continue;
        }
        buf_append_octet(form, '%');
        buf_append_octet(form, (unsigned char)digits[c >> 4]);
        buf_append_octet(form, (unsigned char)digits[c & 15]);
    }
}

void oauth_form_add(struct buf *form, const char *name, const char *value)
{
    if (buf_length(form) > 0)
        buf_append_octet(form, '&');
    add_encoded(form, name);
    buf_append_octet(form, '=');
    add_encoded(form, value);
}

void oauth_basic_add(struct buf *field, const char *client, const char *secret)
{
    struct buf pair;

    buf_init(&pair, field->max);
    add_encoded(&pair, client);
    buf_append_octet(&pair, ':');
    add_encoded(&pair, secret);
    buf_append_string(field, "Basic ");
    if (buf_failed(&pair) || !base64_encode(buf_span(&pair), field))
        field->failed = true;
    buf_fini(&pair);
}

bool oauth_challenge(const char *verifier, char challenge[OAUTH_CHALLENGE_SIZE])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned char padded[EVP_MAX_MD_SIZE];
    unsigned length = 0;

    if (EVP_Digest(verifier, strlen(verifier), digest, &length, EVP_sha256(),
                   NULL) != 1)
        return false;
    (void)EVP_EncodeBlock(padded, digest, (int)length);
    for (size_t i = 0; i < OAUTH_CHALLENGE_SIZE - 1; i++)
        challenge[i] = (char)(padded[i] == '+'   ? '-'
                              : padded[i] == '/' ? '_'
                                                 : padded[i]);
    challenge[OAUTH_CHALLENGE_SIZE - 1] = '\0';
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Up to the next & or #. */
static bool decode(const char *from, char *value, size_t size)
{
    size_t length = strcspn(from, "&# \r\n");
    size_t at = 0;

    for (size_t i = 0; i < length; i++) {
        char c = from[i] == '+' ? ' ' : from[i];

        if (c == '%' && i + 2 < length && hex_digit(from[i + 1]) >= 0 &&
            hex_digit(from[i + 2]) >= 0) {
            c = (char)(hex_digit(from[i + 1]) * 16 + hex_digit(from[i + 2]));
            i += 2;
        }
        if (at + 1 >= size || c == '\0')
            return false;
        value[at++] = c;
    }
    value[at] = '\0';
    return at > 0;
}

bool oauth_query_value(const char *address, const char *name, char *value,
                       size_t size)
{
    const char *at = strchr(address, '?');
    size_t length = strlen(name);

    while (at != NULL && *at != '\0') {
        at++;
        if (strncmp(at, name, length) == 0 && at[length] == '=')
            return decode(at + length + 1, value, size);
        at = strchr(at, '&');
    }
    return false;
}

/* --- what is answered --- */

const char *oauth_result_name(enum oauth_result result)
{
    static const char *const names[OAUTH_RESULT_COUNT] = {
        [OAUTH_OK] = "ok",
        [OAUTH_PENDING] = "authorization_pending",
        [OAUTH_SLOW_DOWN] = "slow_down",
        [OAUTH_EXPIRED] = "expired_token",
        [OAUTH_DENIED] = "access_denied",
        [OAUTH_INVALID_GRANT] = "invalid_grant",
        [OAUTH_INVALID_CLIENT] = "invalid_client",
        [OAUTH_UNAVAILABLE] = "unavailable",
        [OAUTH_GARBLED] = "garbled",
        [OAUTH_NO_MEMORY] = "no_memory",
    };

    return names[result];
}

/* RFC 6749 §5.2, RFC 8628 §3.5. What is not listed there is the client's or the
 * configuration's fault, and does not pass by itself.
 */
static const struct {
    const char *word;
    enum oauth_result result;
} errors[] = {
    { "authorization_pending", OAUTH_PENDING },
    { "slow_down", OAUTH_SLOW_DOWN },
    { "expired_token", OAUTH_EXPIRED },
    { "access_denied", OAUTH_DENIED },
    { "authorization_declined", OAUTH_DENIED }, /* Microsoft */
    { "invalid_grant", OAUTH_INVALID_GRANT },
    { "interaction_required", OAUTH_INVALID_GRANT }, /* OpenID Connect */
    { "consent_required", OAUTH_INVALID_GRANT },
    { "login_required", OAUTH_INVALID_GRANT },
    { "temporarily_unavailable", OAUTH_UNAVAILABLE },
    { "server_error", OAUTH_UNAVAILABLE },
};

static bool word_is_plain(const char *word)
{
    for (const char *c = word; *c != '\0'; c++)
        if (!is_plain((unsigned char)*c))
            return false;
    return word[0] != '\0';
}

/* Microsoft's number says more than its word. */
static void note_error(const json_t *object, const char *word,
                       struct oauth_error *error)
{
    const json_t *numbers = json_object_get(object, "error_codes");
    json_int_t number = json_integer_value(json_array_get(numbers, 0));

    if (!word_is_plain(word))
        return;
    if (number > 0)
        (void)snprintf(error->text, sizeof(error->text),
                       "%.60s AADSTS%" JSON_INTEGER_FORMAT, word, number);
    else
        (void)snprintf(error->text, sizeof(error->text), "%.60s", word);
}

static enum oauth_result judge_error(unsigned status, const json_t *object,
                                     struct oauth_error *error)
{
    const char *word = json_string_value(json_object_get(object, "error"));

    if (status == 429 || status >= 500) {
        (void)snprintf(error->text, sizeof(error->text), "status %u", status);
        return OAUTH_UNAVAILABLE;
    }
    if (word == NULL) {
        (void)snprintf(error->text, sizeof(error->text), "status %u", status);
        return OAUTH_GARBLED;
    }
    note_error(object, word, error);
    for (size_t i = 0; i < ARRAY_LENGTH(errors); i++)
        if (strcmp(word, errors[i].word) == 0)
            return errors[i].result;
    return OAUTH_INVALID_CLIENT;
}

/* It is sent on, in a line: RFC 6749 appendix A.12, VSCHAR but the blank. */
static char *copy_token(const char *text)
{
    size_t length = text != NULL ? strlen(text) : 0;

    if (length == 0 || length > OAUTH_TOKEN_MAX)
        return NULL;
    for (size_t i = 0; i < length; i++)
        if (text[i] <= ' ' || text[i] > '~')
            return NULL;
    return strdup(text);
}

/* A number, or, from those who take the RFC less seriously, one in a text. */
static uint64_t seconds_of(const json_t *value)
{
    const char *text = json_string_value(value);
    uint64_t seconds = 0;

    if (json_is_integer(value) && json_integer_value(value) > 0)
        seconds = (uint64_t)json_integer_value(value);
    else if (text != NULL &&
             !span_to_number(span_from_string(text), UINT32_MAX, &seconds))
        seconds = 0;
    return seconds < OAUTH_LIFETIME_MAX_S ? seconds : OAUTH_LIFETIME_MAX_S;
}

void oauth_token_fini(struct oauth_token *token)
{
    wiping_free_text(token->access);
    wiping_free_text(token->refresh);
    *token = (struct oauth_token){ .access = NULL };
}

/* RFC 6749 §7.1: one of a kind that we do not know must not be used. */
static bool is_bearer(const json_t *object)
{
    const char *kind = json_string_value(json_object_get(object, "token_type"));

    return kind == NULL ||
           span_equals_nocase(span_from_string(kind), SPAN_LITERAL("bearer"));
}

/* An empty refresh token is none. */
static enum oauth_result take_token(const json_t *object,
                                    struct oauth_token *token,
                                    struct oauth_error *error)
{
    const char *access =
        json_string_value(json_object_get(object, "access_token"));
    const char *refresh =
        json_string_value(json_object_get(object, "refresh_token"));
    bool is_renewed = refresh != NULL && refresh[0] != '\0';

    token->access = copy_token(access);
    if (is_renewed)
        token->refresh = copy_token(refresh);
    token->lifetime_s = seconds_of(json_object_get(object, "expires_in"));
    if (token->access != NULL && (!is_renewed || token->refresh != NULL) &&
        is_bearer(object))
        return OAUTH_OK;
    oauth_token_fini(token);
    (void)snprintf(error->text, sizeof(error->text),
                   "no bearer's token in the answer");
    return OAUTH_GARBLED;
}

static json_t *parse(struct span body)
{
    return json_loadb((const char *)body.data, body.len, 0, NULL);
}

enum oauth_result oauth_token_parse(unsigned status, struct span body,
                                    struct oauth_token *token,
                                    struct oauth_error *error)
{
    json_t *object = parse(body);
    /* Some write null where there is none. */
    bool is_error =
        status != 200 || json_is_string(json_object_get(object, "error"));
    enum oauth_result result;

    *token = (struct oauth_token){ .access = NULL };
    error->text[0] = '\0';
    result = is_error ? judge_error(status, object, error)
                      : take_token(object, token, error);
    json_decref(object);
    return result;
}

enum oauth_result oauth_printed_parse(struct span text,
                                      struct oauth_token *token)
{
    struct oauth_error error;
    char line[OAUTH_TOKEN_MAX + 1];

    *token = (struct oauth_token){ .access = NULL };
    while (text.len > 0 && text.data[text.len - 1] <= ' ')
        text.len--;
    if (text.len > 0 && text.data[0] == '{')
        return oauth_token_parse(200, text, token, &error);
    if (text.len > OAUTH_TOKEN_MAX || span_contains(text, '\0'))
        return OAUTH_GARBLED;
    memcpy(line, text.data, text.len);
    line[text.len] = '\0';
    token->access = copy_token(line);
    wipe(line, sizeof(line));
    return token->access != NULL ? OAUTH_OK : OAUTH_GARBLED;
}

/* --- devices, and metadata --- */

/* For people, on a terminal: nothing that moves its cursor. */
static char *copy_shown(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    size_t length = text != NULL ? strlen(text) : 0;

    if (length == 0 || length > OAUTH_ADDRESS_MAX)
        return NULL;
    for (size_t i = 0; i < length; i++)
        if (text[i] < ' ' || text[i] > '~')
            return NULL;
    return strdup(text);
}

void oauth_device_fini(struct oauth_device *device)
{
    wiping_free_text(device->device_code);
    free(device->user_code);
    free(device->address);
    free(device->address_complete);
    *device = (struct oauth_device){ .device_code = NULL };
}

#define DEVICE_INTERVAL_S 5 /* RFC 8628 §3.2: where it is not said */

static enum oauth_result take_device(const json_t *object,
                                     struct oauth_device *device)
{
    device->device_code =
        copy_token(json_string_value(json_object_get(object, "device_code")));
    device->user_code = copy_shown(object, "user_code");
    device->address = copy_shown(object, "verification_uri");
    if (device->address == NULL) /* Google's word */
        device->address = copy_shown(object, "verification_url");
    device->address_complete = copy_shown(object, "verification_uri_complete");
    device->lifetime_s = seconds_of(json_object_get(object, "expires_in"));
    device->interval_s = seconds_of(json_object_get(object, "interval"));
    if (device->interval_s == 0)
        device->interval_s = DEVICE_INTERVAL_S;
    if (device->device_code != NULL && device->user_code != NULL &&
        device->address != NULL && device->lifetime_s > 0)
        return OAUTH_OK;
    oauth_device_fini(device);
    return OAUTH_GARBLED;
}

enum oauth_result oauth_device_parse(unsigned status, struct span body,
                                     struct oauth_device *device,
                                     struct oauth_error *error)
{
    json_t *object = parse(body);
    enum oauth_result result;

    *device = (struct oauth_device){ .device_code = NULL };
    error->text[0] = '\0';
    result = status == 200 ? take_device(object, device)
                           : judge_error(status, object, error);
    json_decref(object);
    return result;
}

/* The end is all that servers and people differ in. */
static bool same_issuer(const char *a, const char *b)
{
    size_t length = strlen(a);
    size_t other = strlen(b);

    while (length > 0 && a[length - 1] == '/')
        length--;
    while (other > 0 && b[other - 1] == '/')
        other--;
    return length == other && memcmp(a, b, length) == 0;
}

enum oauth_result oauth_metadata_parse(unsigned status, struct span body,
                                       const char *issuer,
                                       char *endpoints[OAUTH_ENDPOINT_COUNT])
{
    static const char *const names[OAUTH_ENDPOINT_COUNT] = {
        [OAUTH_ENDPOINT_AUTHORIZATION] = "authorization_endpoint",
        [OAUTH_ENDPOINT_TOKEN] = "token_endpoint",
        [OAUTH_ENDPOINT_DEVICE] = "device_authorization_endpoint",
    };
    json_t *object = parse(body);
    const char *named = json_string_value(json_object_get(object, "issuer"));
    bool good = status == 200 && named != NULL && same_issuer(named, issuer);

    for (size_t i = 0; i < OAUTH_ENDPOINT_COUNT; i++)
        endpoints[i] = good ? copy_shown(object, names[i]) : NULL;
    json_decref(object);
    if (status == 429 || status >= 500)
        return OAUTH_UNAVAILABLE;
    return good && endpoints[OAUTH_ENDPOINT_TOKEN] != NULL ? OAUTH_OK
                                                           : OAUTH_GARBLED;
}
