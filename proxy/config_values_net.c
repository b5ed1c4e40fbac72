/* Hosts and addresses of proxy.conf. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/span.h"
#include "config.h"
#include "config_values.h"
#include "imap/mechanism.h"

static bool host_is_numeric(const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, host, address) == 1 ||
           inet_pton(AF_INET6, host, address) == 1;
}

static bool host_is_name(const char *host)
{
    size_t length = strlen(host);

    return length > 0 && length <= HOST_NAME_MAX_OCTETS && host[0] != '.' &&
           host[0] != '-' && strstr(host, "..") == NULL &&
           host[strspn(host, "abcdefghijklmnopqrstuvwxyz"
                             "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                             "0123456789-._")] == '\0';
}

bool config_set_host(void *to, const char *text, struct complaint c)
{
    if (text[0] != '\0' && !host_is_numeric(text) && !host_is_name(text))
        return config_complain(
            c,
            "must be a host name or an address without brackets, "
            "is \"%s\"",
            text);
    return config_set_text(to, text, c);
}

/* The host of `host:port` or `[host]:port` as a new string; |port| is where
 * its digits begin. NULL where the text has no such form.
 */
static char *split_address(const char *text, const char **port)
{
    const char *end;

    if (text[0] == '[') {
        end = strchr(++text, ']');
        if (end == NULL || end[1] != ':')
            return NULL;
        *port = end + 2;
    } else {
        end = strchr(text, ':');
        if (end == NULL)
            return NULL;
        *port = end + 1;
    }
    return strndup(text, (size_t)(end - text));
}

bool config_set_address(const struct config_key *key, void *to,
                        const char *text, struct complaint c)
{
    struct config_address *address = to;
    bool names = key->kind == CONFIG_ADDRESSES;
    const char *digits = "";
    char *host = split_address(text, &digits);
    bool bracketed = text[0] == '[';
    uint64_t port = 0;

    if (host == NULL ||
        !span_to_number(span_from_string(digits), UINT16_MAX, &port) ||
        port == 0 || bracketed != (strchr(host, ':') != NULL) ||
        !(host_is_numeric(host) ||
          (names && !bracketed && host_is_name(host)))) {
        free(host);
        return config_complain(c, "must be %s, is \"%s\"",
                               names ? "HOST:PORT, such as imap.example.com:993"
                                     : "a numeric ADDRESS:PORT, such as "
                                       "127.0.0.1:110 or [::]:995",
                               text);
    }
    free(address->host);
    address->host = host;
    address->port = (uint16_t)port;
    return true;
}

bool config_set_address_text(const struct config_key *key, void *to,
                             const char *text, struct complaint c)
{
    struct config_address address = { .host = NULL };
    bool is_one = text[0] == '\0' || config_set_address(key, &address, text, c);

    free(address.host);
    return is_one && config_set_text(to, text, c);
}

bool config_add_address(const struct config_key *key, void *to,
                        const char *text, struct complaint c)
{
    struct config_addresses *addresses = to;
    struct config_address one = { .host = NULL };
    struct config_address *more;

    if (!config_set_address(key, &one, text, c))
        return false;
    more = reallocarray(addresses->at, addresses->count + 1, sizeof(*more));
    if (more == NULL) {
        free(one.host);
        return config_complain(c, "out of memory");
    }
    addresses->at = more;
    more[addresses->count++] = one;
    return true;
}

bool config_add_mechanism(void *to, struct span text, struct complaint c)
{
    enum imap_mechanism m;

    if (!imap_mechanism_find(text, &m))
        return config_complain(c,
                               "must be names such as SCRAM-SHA-256-PLUS, "
                               "SCRAM-SHA-256, PLAIN, LOGIN, OAUTHBEARER, "
                               "XOAUTH2, has \"%.*s\"",
                               (int)text.len, (const char *)text.data);
    *(unsigned *)to |= BIT(m);
    return true;
}
