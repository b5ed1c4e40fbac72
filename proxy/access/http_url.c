#include "access/http_url.h"

#include <curl/curl.h>
#include <string.h>
#include <strings.h>

#include "base/span.h"
#include "net/network.h"

static bool is_this_machine(const char *host)
{
    static const char *const loopback[] = { "127.0.0.0/8", "::1" };
    struct span text = span_from_string(host);
    struct network asked, own;

    if (strcasecmp(host, "localhost") == 0)
        return true;
    if (text.len > 1 && text.data[0] == '[')
        text = span_make(text.data + 1, text.len - 2);
    if (!network_parse(text, &asked))
        return false;
    for (size_t i = 0; i < ARRAY_LENGTH(loopback); i++)
        if (network_parse(span_from_string(loopback[i]), &own) &&
            own.family == asked.family &&
            memcmp(own.address, asked.address, own.prefix / 8) == 0)
            return true;
    return false;
}

static const char *find_mistake(CURLU *parsed, const char *url,
                                bool allow_clear)
{
    const char *why = NULL;
    char *scheme = NULL;
    char *host = NULL;
    char *user = NULL;

    if (curl_url_set(parsed, CURLUPART_URL, url, 0) != CURLUE_OK ||
        curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        curl_url_get(parsed, CURLUPART_HOST, &host, 0) != CURLUE_OK)
        why = "is none, such as https://example.com/token";
    else if (curl_url_get(parsed, CURLUPART_USER, &user, 0) == CURLUE_OK)
        why = "must not hold a user name or a password";
    else if (strcmp(scheme, "http") == 0 && !allow_clear &&
             !is_this_machine(host))
        why = "must begin with https:// unless it leads to this machine";
    else if (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
        why = "must begin with https://";
    curl_free(user);
    curl_free(host);
    curl_free(scheme);
    return why;
}

bool http_url_is_permitted(const char *url, bool allow_clear, const char **why)
{
    CURLU *parsed = curl_url();
    const char *mistake = "cannot be read: no memory";

    if (parsed != NULL)
        mistake = find_mistake(parsed, url, allow_clear);
    curl_url_cleanup(parsed);
    if (why != NULL)
        *why = mistake;
    return mistake == NULL;
}
