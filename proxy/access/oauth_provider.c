#include "access/oauth_provider.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

/* %: the tenant. */
static const struct preset {
    const char *endpoints[OAUTH_ENDPOINT_COUNT];
    const char *scope_of_people;
    const char *scope_of_applications;
    enum oauth_consent consent;
    const char *wishes;
} presets[] = {
    [OAUTH_GENERIC] = {
        .consent = OAUTH_CONSENT_DEVICE,
        .wishes = "",
    },
    [OAUTH_GMAIL] = {
        .endpoints = {
            [OAUTH_ENDPOINT_AUTHORIZATION] =
                "https://accounts.google.com/o/oauth2/v2/auth",
            [OAUTH_ENDPOINT_TOKEN] = "https://oauth2.googleapis.com/token",
        },
        .scope_of_people = "https://mail.google.com/",
        .consent = OAUTH_CONSENT_BROWSER,
        .wishes = "&access_type=offline&prompt=consent",
    },
    [OAUTH_MICROSOFT] = {
        .endpoints = {
            [OAUTH_ENDPOINT_AUTHORIZATION] =
                "https://login.microsoftonline.com/%/oauth2/v2.0/authorize",
            [OAUTH_ENDPOINT_TOKEN] =
                "https://login.microsoftonline.com/%/oauth2/v2.0/token",
            [OAUTH_ENDPOINT_DEVICE] =
                "https://login.microsoftonline.com/%/oauth2/v2.0/devicecode",
        },
        .scope_of_people =
            "https://outlook.office.com/IMAP.AccessAsUser.All offline_access",
        .scope_of_applications = "https://outlook.office365.com/.default",
        .consent = OAUTH_CONSENT_DEVICE,
        .wishes = "",
    },
};

void oauth_provider_endpoint(enum oauth_provider provider, const char *tenant,
                             enum oauth_endpoint endpoint, struct buf *url)
{
    const char *text = presets[provider].endpoints[endpoint];
    size_t before;

    if (text == NULL)
        return;
    before = strcspn(text, "%");
    buf_append(url, span_make(text, before));
    if (text[before] != '%')
        return;
    assert(tenant != NULL);
    buf_append_string(url, tenant);
    buf_append_string(url, text + before + 1);
}

const char *oauth_provider_scope(enum oauth_provider provider,
                                 enum oauth_grant grant)
{
    return grant == OAUTH_CLIENT_CREDENTIALS
               ? presets[provider].scope_of_applications
               : presets[provider].scope_of_people;
}

enum oauth_consent oauth_provider_consent(enum oauth_provider provider,
                                          bool has_device)
{
    return has_device ? presets[provider].consent : OAUTH_CONSENT_BROWSER;
}

const char *oauth_provider_consent_wishes(enum oauth_provider provider)
{
    return presets[provider].wishes;
}

/* OpenID appends to the issuer's path, RFC 8414 puts in before it. */
void oauth_metadata_url(const char *issuer, enum oauth_metadata where,
                        struct buf *url)
{
    const char *scheme = strstr(issuer, "://");
    const char *host = scheme != NULL ? scheme + 3 : issuer;
    size_t length = strlen(issuer);
    size_t origin = (size_t)(host - issuer) + strcspn(host, "/");

    while (length > origin && issuer[length - 1] == '/')
        length--;
    if (where == OAUTH_METADATA_OPENID) {
        buf_append(url, span_make(issuer, length));
        buf_append_string(url, "/.well-known/openid-configuration");
        return;
    }
    buf_append(url, span_make(issuer, origin));
    buf_append_string(url, "/.well-known/oauth-authorization-server");
    buf_append(url, span_make(issuer + origin, length - origin));
}
