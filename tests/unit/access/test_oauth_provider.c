/* test_oauth_provider.c - the addresses that are known, and those to be tried. */
#include "access/oauth_provider.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void check_text(struct buf *b, const char *expected)
{
    struct span text = buf_span(b);

    assert_int_equal(text.len, strlen(expected));
    assert_memory_equal(text.data, expected, text.len);
    buf_fini(b);
}

static void check_endpoint(enum oauth_provider provider,
                           enum oauth_endpoint endpoint, const char *expected)
{
    struct buf url;

    buf_init(&url, 1024);
    oauth_provider_endpoint(provider, "example.com", endpoint, &url);
    check_text(&url, expected);
}

static void test_endpoints(void **state)
{
    (void)state;
    check_endpoint(OAUTH_GENERIC, OAUTH_ENDPOINT_TOKEN, "");
    check_endpoint(OAUTH_GMAIL, OAUTH_ENDPOINT_TOKEN,
                   "https://oauth2.googleapis.com/token");
    check_endpoint(OAUTH_GMAIL, OAUTH_ENDPOINT_AUTHORIZATION,
                   "https://accounts.google.com/o/oauth2/v2/auth");
    /* It would not give the scope of mail. */
    check_endpoint(OAUTH_GMAIL, OAUTH_ENDPOINT_DEVICE, "");
    check_endpoint(
        OAUTH_MICROSOFT, OAUTH_ENDPOINT_TOKEN,
        "https://login.microsoftonline.com/example.com/oauth2/v2.0/token");
    check_endpoint(
        OAUTH_MICROSOFT, OAUTH_ENDPOINT_DEVICE,
        "https://login.microsoftonline.com/example.com/oauth2/v2.0/devicecode");
}

static void test_consent(void **state)
{
    (void)state;
    assert_int_equal(oauth_provider_consent(OAUTH_GENERIC, true),
                     OAUTH_CONSENT_DEVICE);
    assert_int_equal(oauth_provider_consent(OAUTH_GENERIC, false),
                     OAUTH_CONSENT_BROWSER);
    assert_int_equal(oauth_provider_consent(OAUTH_GMAIL, true),
                     OAUTH_CONSENT_BROWSER);
    assert_int_equal(oauth_provider_consent(OAUTH_MICROSOFT, true),
                     OAUTH_CONSENT_DEVICE);
    assert_string_equal(oauth_provider_consent_wishes(OAUTH_GENERIC), "");
    assert_non_null(strstr(oauth_provider_consent_wishes(OAUTH_GMAIL),
                           "&access_type=offline"));
}

static void check_metadata(const char *issuer, const char *openid,
                           const char *oauth)
{
    struct buf url;

    buf_init(&url, 1024);
    oauth_metadata_url(issuer, OAUTH_METADATA_OPENID, &url);
    check_text(&url, openid);
    buf_init(&url, 1024);
    oauth_metadata_url(issuer, OAUTH_METADATA_OAUTH, &url);
    check_text(&url, oauth);
}

/* The examples of RFC 8414 §3.1. */
static void test_metadata(void **state)
{
    (void)state;
    check_metadata(
        "https://example.com",
        "https://example.com/.well-known/openid-configuration",
        "https://example.com/.well-known/oauth-authorization-server");
    check_metadata(
        "https://example.com/",
        "https://example.com/.well-known/openid-configuration",
        "https://example.com/.well-known/oauth-authorization-server");
    check_metadata(
        "https://example.com/issuer1/",
        "https://example.com/issuer1/.well-known/openid-configuration",
        "https://example.com/.well-known/oauth-authorization-server/issuer1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_endpoints),
        cmocka_unit_test(test_consent),
        cmocka_unit_test(test_metadata),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
