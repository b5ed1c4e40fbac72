/* test_oauth_message.c - what is asked of authorization servers, and what they
 * answer: the examples of the RFCs, and what else there is.
 */
#include "access/oauth_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "support/alloc_fail.h"

static void test_form(void **state)
{
    struct buf form;

    (void)state;
    buf_init(&form, 1024);
    oauth_form_add(&form, "grant_type", "refresh_token");
    oauth_form_add(&form, "scope", "https://mail.google.com/ a");
    oauth_form_add(&form, "x", "~+&=%\xc3\xa9");
    assert_int_equal(buf_append_octet(&form, '\0'), true);
    assert_string_equal((const char *)buf_span(&form).data,
                        "grant_type=refresh_token&"
                        "scope=https%3A%2F%2Fmail.google.com%2F%20a&"
                        "x=%7E%2B%26%3D%25%C3%A9");
    buf_fini(&form);
}

/* RFC 6749 §2.3.1, its example, and one with more to encode. */
static void test_basic(void **state)
{
    struct buf field;

    (void)state;
    buf_init(&field, 128);
    oauth_basic_add(&field, "s6BhdRkqt3", "gX1fBat3bV");
    assert_true(buf_append_octet(&field, '\0'));
    assert_string_equal((const char *)buf_span(&field).data,
                        "Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW");
    buf_fini(&field);
    buf_init(&field, 128);
    oauth_basic_add(&field, "a:b", "c d"); /* a%3Ab:c%20d */
    assert_true(buf_append_octet(&field, '\0'));
    assert_string_equal((const char *)buf_span(&field).data,
                        "Basic YSUzQWI6YyUyMGQ=");
    buf_fini(&field);
    buf_init(&field, 12);
    oauth_basic_add(&field, "client", "secret");
    assert_true(buf_failed(&field));
    buf_fini(&field);
}

/* RFC 7636 appendix B. */
static void test_challenge(void **state)
{
    char challenge[OAUTH_CHALLENGE_SIZE];

    (void)state;
    assert_true(oauth_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
                                challenge));
    assert_string_equal(challenge,
                        "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
}

static void test_query(void **state)
{
    static const char address[] =
        "http://127.0.0.1:1/?state=s%2F1&xcode=no&code=4%2F0AX-y_z&scope=a+b#f";
    char value[32];

    (void)state;
    assert_true(oauth_query_value(address, "code", value, sizeof(value)));
    assert_string_equal(value, "4/0AX-y_z");
    assert_true(oauth_query_value(address, "state", value, sizeof(value)));
    assert_string_equal(value, "s/1");
    assert_true(oauth_query_value(address, "scope", value, sizeof(value)));
    assert_string_equal(value, "a b");
    assert_false(oauth_query_value(address, "error", value, sizeof(value)));
    assert_false(oauth_query_value(address, "code", value, 9));
    assert_true(oauth_query_value(address, "code", value, 10));
    assert_false(oauth_query_value("code=1", "code", value, sizeof(value)));
    assert_false(oauth_query_value("?code=", "code", value, sizeof(value)));
    assert_false(oauth_query_value("?code=%00", "code", value, sizeof(value)));
    assert_false(oauth_query_value("?", "code", value, sizeof(value)));
}

static enum oauth_result parse(unsigned status, const char *body,
                               struct oauth_token *token,
                               struct oauth_error *error)
{
    return oauth_token_parse(status, span_from_string(body), token, error);
}

static void test_token(void **state)
{
    struct oauth_token token;
    struct oauth_error error;

    (void)state;
    /* RFC 6749 §5.1 */
    assert_int_equal(parse(200,
                           "{\"access_token\":\"2YotnFZFEjr1zCsicMWpAA\","
                           "\"token_type\":\"bEARER\",\"expires_in\":3600,"
                           "\"refresh_token\":\"tGzv3JOkF0XG5Qx2TlKWIA\","
                           "\"example_parameter\":\"example_value\"}",
                           &token, &error),
                     OAUTH_OK);
    assert_string_equal(token.access, "2YotnFZFEjr1zCsicMWpAA");
    assert_string_equal(token.refresh, "tGzv3JOkF0XG5Qx2TlKWIA");
    assert_int_equal(token.lifetime_s, 3600);
    oauth_token_fini(&token);
    assert_null(token.access);
    assert_int_equal(parse(200,
                           "{\"access_token\":\"a\",\"expires_in\":\"60\"}",
                           &token, &error),
                     OAUTH_OK);
    assert_null(token.refresh);
    assert_int_equal(token.lifetime_s, 60);
    oauth_token_fini(&token);
    assert_int_equal(parse(200, "{\"access_token\":\"a\",\"expires_in\":1e99}",
                           &token, &error),
                     OAUTH_OK);
    assert_int_equal(token.lifetime_s, 0);
    oauth_token_fini(&token);
    assert_int_equal(parse(200,
                           "{\"access_token\":\"a\","
                           "\"expires_in\":999999999999999}",
                           &token, &error),
                     OAUTH_OK);
    assert_int_equal(token.lifetime_s, OAUTH_LIFETIME_MAX_S);
    oauth_token_fini(&token);
}

/* As some servers have it that do not quite follow the RFC. */
static void test_odd_token(void **state)
{
    struct oauth_token token;
    struct oauth_error error;

    (void)state;
    assert_int_equal(parse(200,
                           "{\"access_token\":\"a\",\"refresh_token\":\"\"}",
                           &token, &error),
                     OAUTH_OK);
    assert_null(token.refresh);
    oauth_token_fini(&token);
    assert_int_equal(
        parse(200, "{\"access_token\":\"a\",\"error\":null}", &token, &error),
        OAUTH_OK);
    oauth_token_fini(&token);
    assert_int_equal(
        parse(200, "{\"error\":\"invalid_grant\"}", &token, &error),
        OAUTH_INVALID_GRANT);
    assert_string_equal(error.text, "invalid_grant");
    assert_int_equal(parse(200,
                           "{\"access_token\":\"a\",\"token_type\":\"mac\"}",
                           &token, &error),
                     OAUTH_GARBLED);
    assert_null(token.access);
    assert_string_equal(error.text, "no bearer's token in the answer");
    assert_int_equal(parse(302, "<html>", &token, &error), OAUTH_GARBLED);
    assert_string_equal(error.text, "status 302");
}

/* What must not get into a line that is sent to a server. */
static void test_bad_token(void **state)
{
    static const char *const bodies[] = {
        "",
        "[]",
        "null",
        "{}",
        "{\"access_token\":\"\"}",
        "{\"access_token\":7}",
        "{\"access_token\":\"a b\"}",
        "{\"access_token\":\"a\\r\\nb\"}",
        "{\"access_token\":\"a\\u0001b\"}",
        "{\"access_token\":\"\\u00e9\"}",
        "{\"access_token\":\"a\",\"refresh_token\":\"b\\n\"}",
        "{\"access_token\":\"a\"",
        "<html>",
    };
    struct oauth_token token;
    struct oauth_error error;
    static char big[OAUTH_TOKEN_MAX + 64];

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(bodies); i++) {
        assert_int_equal(parse(200, bodies[i], &token, &error), OAUTH_GARBLED);
        assert_null(token.access);
        assert_null(token.refresh);
    }
    memset(big, 'x', sizeof(big));
    memcpy(big, "{\"access_token\":\"", 17);
    memcpy(big + 17 + OAUTH_TOKEN_MAX + 1, "\"}", 3);
    assert_int_equal(parse(200, big, &token, &error), OAUTH_GARBLED);
    memcpy(big + 17 + OAUTH_TOKEN_MAX, "\"}", 3);
    assert_int_equal(parse(200, big, &token, &error), OAUTH_OK);
    oauth_token_fini(&token);
}

static void test_errors(void **state)
{
    static const struct {
        unsigned status;
        const char *body;
        enum oauth_result result;
        const char *text;
    } cases[] = {
        { 400, "{\"error\":\"invalid_grant\"}", OAUTH_INVALID_GRANT,
          "invalid_grant" },
        { 400, "{\"error\":\"authorization_pending\"}", OAUTH_PENDING,
          "authorization_pending" },
        { 400, "{\"error\":\"slow_down\"}", OAUTH_SLOW_DOWN, "slow_down" },
        { 400, "{\"error\":\"expired_token\"}", OAUTH_EXPIRED,
          "expired_token" },
        { 428, "{\"error\":\"access_denied\"}", OAUTH_DENIED, "access_denied" },
        { 401, "{\"error\":\"invalid_client\"}", OAUTH_INVALID_CLIENT,
          "invalid_client" },
        { 400, "{\"error\":\"invalid_scope\"}", OAUTH_INVALID_CLIENT,
          "invalid_scope" },
        { 400,
          "{\"error\":\"invalid_grant\",\"error_codes\":[700082,1],"
          "\"error_description\":\"the token pl4nted\"}",
          OAUTH_INVALID_GRANT, "invalid_grant AADSTS700082" },
        { 400, "{\"error\":\"pl4nted \\u001b[1m\"}", OAUTH_INVALID_CLIENT, "" },
        { 503, "{\"error\":\"invalid_grant\"}", OAUTH_UNAVAILABLE,
          "status 503" },
        { 429, "", OAUTH_UNAVAILABLE, "status 429" },
        { 400, "{\"error\":\"temporarily_unavailable\"}", OAUTH_UNAVAILABLE,
          "temporarily_unavailable" },
        { 404, "<html>", OAUTH_GARBLED, "status 404" },
        { 302, "", OAUTH_GARBLED, "status 302" },
    };
    struct oauth_token token;
    struct oauth_error error;

    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        assert_int_equal(parse(cases[i].status, cases[i].body, &token, &error),
                         cases[i].result);
        assert_string_equal(error.text, cases[i].text);
        assert_null(token.access);
    }
    for (unsigned i = 0; i < OAUTH_RESULT_COUNT; i++)
        assert_non_null(oauth_result_name((enum oauth_result)i));
}

static void test_printed(void **state)
{
    struct oauth_token token;

    (void)state;
    assert_int_equal(oauth_printed_parse(SPAN_LITERAL("ya29.abc\n"), &token),
                     OAUTH_OK);
    assert_string_equal(token.access, "ya29.abc");
    assert_int_equal(token.lifetime_s, 0);
    oauth_token_fini(&token);
    assert_int_equal(
        oauth_printed_parse(
            SPAN_LITERAL("{\"access_token\":\"b\",\"expires_in\":9}\n"),
            &token),
        OAUTH_OK);
    assert_string_equal(token.access, "b");
    assert_int_equal(token.lifetime_s, 9);
    oauth_token_fini(&token);
    assert_int_equal(oauth_printed_parse(SPAN_LITERAL("two\nlines\n"), &token),
                     OAUTH_GARBLED);
    assert_int_equal(oauth_printed_parse(SPAN_LITERAL(" \n"), &token),
                     OAUTH_GARBLED);
    assert_int_equal(oauth_printed_parse(SPAN_LITERAL("a\0b"), &token),
                     OAUTH_GARBLED);
}

/* RFC 8628 §3.2 */
#define DEVICE                                                        \
    "{\"device_code\":\"GmRhmhcxhwAzkoEqiMEg_DnyEysNkuNhszIySk9eS\"," \
    "\"user_code\":\"WDJB-MJHT\","                                    \
    "\"verification_uri\":\"https://example.com/device\","            \
    "\"verification_uri_complete\":"                                  \
    "\"https://example.com/device?user_code=WDJB-MJHT\","             \
    "\"expires_in\":1800,\"interval\":7}"

static void test_device(void **state)
{
    struct oauth_device device;
    struct oauth_error error;

    (void)state;
    assert_int_equal(
        oauth_device_parse(200, SPAN_LITERAL(DEVICE), &device, &error),
        OAUTH_OK);
    assert_string_equal(device.user_code, "WDJB-MJHT");
    assert_string_equal(device.address, "https://example.com/device");
    assert_string_equal(device.address_complete,
                        "https://example.com/device?user_code=WDJB-MJHT");
    assert_int_equal(device.lifetime_s, 1800);
    assert_int_equal(device.interval_s, 7);
    oauth_device_fini(&device);
    assert_int_equal(
        oauth_device_parse(200,
                           SPAN_LITERAL("{\"device_code\":\"a\","
                                        "\"user_code\":\"b\",\"expires_in\":1,"
                                        "\"verification_url\":\"https://c\"}"),
                           &device, &error),
        OAUTH_OK);
    assert_string_equal(device.address, "https://c");
    assert_null(device.address_complete);
    assert_int_equal(device.interval_s, 5);
    oauth_device_fini(&device);
    assert_int_equal(
        oauth_device_parse(200,
                           SPAN_LITERAL("{\"device_code\":\"a\","
                                        "\"user_code\":\"b\\u001b\","
                                        "\"expires_in\":1,"
                                        "\"verification_uri\":\"https://c\"}"),
                           &device, &error),
        OAUTH_GARBLED);
    assert_int_equal(
        oauth_device_parse(400, SPAN_LITERAL("{\"error\":\"invalid_scope\"}"),
                           &device, &error),
        OAUTH_INVALID_CLIENT);
    assert_string_equal(error.text, "invalid_scope");
}

static void test_metadata(void **state)
{
    static const char body[] = "{\"issuer\":\"https://a.example/\","
                               "\"token_endpoint\":\"https://a.example/t\","
                               "\"authorization_endpoint\":"
                               "\"https://a.example/a\"}";
    char *endpoints[OAUTH_ENDPOINT_COUNT];
    struct span text = span_from_string(body);

    (void)state;
    assert_int_equal(
        oauth_metadata_parse(200, text, "https://a.example", endpoints),
        OAUTH_OK);
    assert_string_equal(endpoints[OAUTH_ENDPOINT_TOKEN], "https://a.example/t");
    assert_string_equal(endpoints[OAUTH_ENDPOINT_AUTHORIZATION],
                        "https://a.example/a");
    assert_null(endpoints[OAUTH_ENDPOINT_DEVICE]);
    for (size_t i = 0; i < OAUTH_ENDPOINT_COUNT; i++)
        free(endpoints[i]);
    assert_int_equal(
        oauth_metadata_parse(200, text, "https://b.example", endpoints),
        OAUTH_GARBLED);
    assert_int_equal(
        oauth_metadata_parse(404, text, "https://a.example", endpoints),
        OAUTH_GARBLED);
    assert_int_equal(
        oauth_metadata_parse(502, text, "https://a.example", endpoints),
        OAUTH_UNAVAILABLE);
    for (size_t i = 0; i < OAUTH_ENDPOINT_COUNT; i++)
        assert_null(endpoints[i]);
}

static void test_no_memory(void **state)
{
    enum oauth_result result = OAUTH_GARBLED;
    struct oauth_device device;
    struct oauth_error error;

    (void)state;
    for (unsigned long n = 1; result != OAUTH_OK; n++) {
        alloc_fail_at(n);
        result = oauth_device_parse(200, SPAN_LITERAL(DEVICE), &device, &error);
        if (result == OAUTH_OK)
            oauth_device_fini(&device);
        else
            assert_null(device.user_code);
        if (alloc_fail_count() < n)
            assert_int_equal(result, OAUTH_OK);
        else
            result = OAUTH_GARBLED;
        alloc_fail_at(0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_basic),     cmocka_unit_test(test_form),
        cmocka_unit_test(test_challenge), cmocka_unit_test(test_query),
        cmocka_unit_test(test_token),     cmocka_unit_test(test_bad_token),
        cmocka_unit_test(test_errors),    cmocka_unit_test(test_printed),
        cmocka_unit_test(test_device),    cmocka_unit_test(test_metadata),
        cmocka_unit_test(test_odd_token), cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
