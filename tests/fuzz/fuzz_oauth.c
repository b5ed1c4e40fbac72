/* fuzz_oauth.c - whatever an authorization server answers, a command prints, or
 * a person brings back from a browser.
 *
 * Property: a token that is taken is visible letters, no longer than its cap; of
 * what is refused nothing is left; words that are shown to people are plain.
 * What is put into a form reads back as it was.
 */
#include <stdlib.h>
#include <string.h>

#include "access/oauth_message.h"
#include "base/limits.h"
#include "fuzz.h"

static bool is_visible(const char *text, size_t most)
{
    size_t length = strlen(text);

    for (size_t i = 0; i < length; i++)
        if (text[i] <= ' ' || text[i] > '~')
            return false;
    return length > 0 && length <= most;
}

static bool is_shown(const char *text)
{
    for (; *text != '\0'; text++)
        if (*text < ' ' || *text > '~')
            return false;
    return true;
}

static void check_result(enum oauth_result result,
                         const struct oauth_token *token)
{
    if (result == OAUTH_OK) {
        REQUIRE(is_visible(token->access, OAUTH_TOKEN_MAX));
        REQUIRE(token->refresh == NULL ||
                is_visible(token->refresh, OAUTH_TOKEN_MAX));
        REQUIRE(token->lifetime_s <= OAUTH_LIFETIME_MAX_S);
    } else {
        REQUIRE(token->access == NULL && token->refresh == NULL);
    }
}

static void check_token(unsigned status, struct span body)
{
    struct span copy = fuzz_copy(body);
    struct oauth_token token;
    struct oauth_error error;
    enum oauth_result result = oauth_token_parse(status, copy, &token, &error);

    REQUIRE((result == OAUTH_OK) <= (status == 200));
    REQUIRE(strlen(error.text) < OAUTH_ERROR_MAX && is_shown(error.text));
    check_result(result, &token);
    oauth_token_fini(&token);
    result = oauth_printed_parse(copy, &token);
    check_result(result, &token);
    oauth_token_fini(&token);
    fuzz_drop(copy);
}

static void check_device(unsigned status, struct span body)
{
    struct span copy = fuzz_copy(body);
    struct oauth_device device;
    struct oauth_error error;

    if (oauth_device_parse(status, copy, &device, &error) == OAUTH_OK) {
        REQUIRE(is_visible(device.device_code, OAUTH_TOKEN_MAX));
        REQUIRE(is_shown(device.user_code) && is_shown(device.address));
        REQUIRE(device.lifetime_s > 0 && device.interval_s > 0);
    } else {
        REQUIRE(device.device_code == NULL && device.user_code == NULL);
    }
    oauth_device_fini(&device);
    fuzz_drop(copy);
}

static void check_metadata(unsigned status, struct span body)
{
    struct span copy = fuzz_copy(body);
    char *endpoints[OAUTH_ENDPOINT_COUNT];
    bool good = oauth_metadata_parse(status, copy, "https://a.example",
                                     endpoints) == OAUTH_OK;

    REQUIRE(!good || endpoints[OAUTH_ENDPOINT_TOKEN] != NULL);
    for (size_t i = 0; i < OAUTH_ENDPOINT_COUNT; i++) {
        REQUIRE(endpoints[i] == NULL || is_shown(endpoints[i]));
        free(endpoints[i]);
    }
    fuzz_drop(copy);
}

/* As it is, in any address; and as what a form makes of it. */
static void check_query(struct span in)
{
    char *text = strndup((const char *)in.data, in.len);
    char value[OAUTH_ADDRESS_MAX];
    struct buf address;

    REQUIRE(text != NULL);
    if (oauth_query_value(text, "code", value, sizeof(value)))
        REQUIRE(value[0] != '\0' && strlen(value) < sizeof(value));
    buf_init(&address, FUZZ_TRACE_MAX);
    oauth_form_add(&address, "state", text);
    oauth_form_add(&address, "code", text);
    if (text[0] != '\0' && strlen(text) < sizeof(value)) {
        struct buf whole;

        buf_init(&whole, FUZZ_TRACE_MAX);
        REQUIRE(buf_append_string(&whole, "http://127.0.0.1/?") &&
                buf_append(&whole, buf_span(&address)) &&
                buf_append_octet(&whole, '\0'));
        REQUIRE(oauth_query_value((const char *)buf_span(&whole).data, "code",
                                  value, sizeof(value)));
        REQUIRE(strcmp(value, text) == 0);
        buf_fini(&whole);
    }
    buf_fini(&address);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const unsigned statuses[] = { 200, 400, 401, 404, 429, 503 };
    struct span in = span_make(data, size);
    unsigned status = statuses[fuzz_take_octet(&in) % ARRAY_LENGTH(statuses)];

    check_token(status, in);
    check_device(status, in);
    check_metadata(status, in);
    check_query(in);
    return 0;
}
