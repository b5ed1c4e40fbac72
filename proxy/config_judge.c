/* What the keys of proxy.conf mean as a whole. */
#include "config_loading.h"

#include <pwd.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "access/http_url.h"

static unsigned line_of(const struct config_key_lines *lines,
                        enum config_section section, const char *name)
{
    return lines->line[config_key_find(section, name) - config_keys];
}

bool config_address_equals(const struct config_address *a,
                           const struct config_address *b)
{
    return a->port == b->port && strcmp(a->host, b->host) == 0;
}

static void forget(struct config_listener *a, const char *name)
{
    config_key_free(config_key_find(CONFIG_LISTEN, name), a);
}

static bool judge_clear(struct config_loading *l, struct config_listener *a,
                        const struct config_key_lines *lines)
{
    forget(a, "certificate");
    forget(a, "private_key");
    if (!a->allow_plaintext_login && a->plaintext_from.count == 0)
        return config_wrong(l, line_of(lines, CONFIG_LISTEN, "tls"),
                            "[listen %s] tls: with none nobody can log in; add "
                            "allow_plaintext_login = yes if passwords may pass "
                            "in clear",
                            a->name);
    return true;
}

static bool judge_listener_tls(struct config_loading *l,
                               struct config_listener *a,
                               const struct config_key_lines *lines)
{
    size_t certificates = a->certificates.count;
    size_t keys = a->private_keys.count;

    if (certificates == 0)
        return config_wrong(l, a->line, "[listen %s] certificate: is missing",
                            a->name);
    if (keys == 0)
        return config_wrong(l, a->line, "[listen %s] private_key: is missing",
                            a->name);
    if (certificates > keys)
        return config_wrong(
            l, a->certificates.at[keys].line,
            "[listen %s] certificate: has no private_key; the first "
            "key belongs to the first certificate, and so on",
            a->name);
    if (keys > certificates)
        return config_wrong(
            l, a->private_keys.at[certificates].line,
            "[listen %s] private_key: has no certificate; the first "
            "key belongs to the first certificate, and so on",
            a->name);
    if (a->tls_min_version < TLS_VERSION_1_2 && a->allow_from.count == 0)
        return config_wrong(
            l, line_of(lines, CONFIG_LISTEN, "tls_min_version"),
            "[listen %s] tls_min_version: below 1.2 is only for "
            "devices whose networks stand in allow_from",
            a->name);
    return true;
}

/* Whoever may say where a client is can say that it is anywhere. */
static bool judge_proxy(struct config_loading *l, struct config_listener *a,
                        const struct config_key_lines *lines)
{
    bool is_on = a->proxy_protocol != PROXY_PROTOCOL_NO;

    if (is_on && a->proxy_from.count == 0)
        return config_wrong(l, line_of(lines, CONFIG_LISTEN, "proxy_protocol"),
                            "[listen %s] proxy_protocol: needs proxy_from, the "
                            "networks of the balancers that are believed",
                            a->name);
    if (!is_on && a->proxy_from.count > 0)
        return config_wrong(l, line_of(lines, CONFIG_LISTEN, "proxy_from"),
                            "[listen %s] proxy_from: means nothing without "
                            "proxy_protocol = v2, v1 or any",
                            a->name);
    return true;
}

/* One of the two would say nothing. */
static bool judge_plaintext(struct config_loading *l, struct config_listener *a,
                            const struct config_key_lines *lines)
{
    if (a->plaintext_from.count > 0 && a->allow_plaintext_login)
        return config_wrong(l, line_of(lines, CONFIG_LISTEN, "plaintext_from"),
                            "[listen %s] plaintext_from: means nothing with "
                            "allow_plaintext_login = yes, which is for clients "
                            "from everywhere",
                            a->name);
    if (a->plaintext_from.count > 0 && a->tls == TLS_MODE_IMPLICIT)
        return config_wrong(l, line_of(lines, CONFIG_LISTEN, "plaintext_from"),
                            "[listen %s] plaintext_from: means nothing with "
                            "tls = implicit",
                            a->name);
    return true;
}

static bool judge_listener(struct config_loading *l, size_t i)
{
    struct config *c = l->config;
    struct config_listener *a = &c->listeners[i];
    const struct config_key_lines *lines = &l->named_lines[CONFIG_LISTEN][i];

    if (a->address.host == NULL)
        return config_wrong(l, a->line, "[listen %s] address: is missing",
                            a->name);
    for (size_t j = 0; j < i; j++)
        if (config_address_equals(&c->listeners[j].address, &a->address))
            return config_wrong(l, line_of(lines, CONFIG_LISTEN, "address"),
                                "[listen %s] address: is that of [listen %s]",
                                a->name, c->listeners[j].name);
    if (!judge_proxy(l, a, lines) || !judge_plaintext(l, a, lines))
        return false;
    if (a->tls == TLS_MODE_NONE)
        return judge_clear(l, a, lines);
    return judge_listener_tls(l, a, lines);
}

static bool judge_unlisted(struct config_loading *l)
{
    struct config_auth_http *a = &l->config->auth_http;
    unsigned line = line_of(&l->lines, CONFIG_AUTH_HTTP, "unlisted_as");

    if (a->unlisted_name == NULL)
        return true;
    for (size_t i = 0; i < l->config->upstream_count; i++)
        if (strcmp(l->config->upstreams[i].name, a->unlisted_name) == 0)
            a->unlisted = &l->config->upstreams[i];
    if (a->unlisted == NULL)
        return config_wrong(l, line,
                            "[auth_http] unlisted_as: there is no [upstream "
                            "%s]",
                            a->unlisted_name);
    if (a->unlisted->tls == TLS_MODE_NONE)
        return config_wrong(l, line,
                            "[auth_http] unlisted_as: [upstream %s] has tls = "
                            "none, and passwords would go in clear to whatever "
                            "address the service names",
                            a->unlisted_name);
    return true;
}

static bool judge_auth_http(struct config_loading *l)
{
    struct config_auth_http *a = &l->config->auth_http;
    unsigned line = line_of(&l->lines, CONFIG_AUTH_HTTP, "url");
    const char *why;

    a->header_file_line = line_of(&l->lines, CONFIG_AUTH_HTTP, "header_file");
    if (!judge_unlisted(l))
        return false;
    if (a->url == NULL ||
        http_url_is_permitted(a->url, a->allow_insecure, &why))
        return true;
    if (!a->allow_insecure && http_url_is_permitted(a->url, true, NULL))
        return config_wrong(l, line,
                            "[auth_http] url: http sends passwords in clear to "
                            "another host; only allow_insecure = yes permits "
                            "that");
    return config_wrong(l, line, "[auth_http] url: the URL %s", why);
}

static bool judge_status(struct config_loading *l)
{
    struct config *c = l->config;

    c->has_status = l->section_line[CONFIG_STATUS] != 0;
    if (c->has_status && c->status.host == NULL)
        return config_wrong(l, l->section_line[CONFIG_STATUS],
                            "[status] address: is missing");
    for (size_t i = 0; c->has_status && i < c->listener_count; i++)
        if (config_address_equals(&c->listeners[i].address, &c->status))
            return config_wrong(l, line_of(&l->lines, CONFIG_STATUS, "address"),
                                "[status] address: is that of [listen %s]",
                                c->listeners[i].name);
    return true;
}

static bool judge_accounts(struct config_loading *l)
{
    struct config *c = l->config;

    c->accounts_file_line = line_of(&l->lines, CONFIG_ACCOUNTS, "file");
    c->accounts_key_file_line = line_of(&l->lines, CONFIG_ACCOUNTS, "key_file");
    if (c->accounts_only && c->accounts_file == NULL)
        return config_wrong(l, line_of(&l->lines, CONFIG_ACCOUNTS, "only"),
                            "[accounts] only: needs the file of those that may "
                            "log in");
    return true;
}

bool config_judge(struct config_loading *l)
{
    struct config *c = l->config;

    if (c->listener_count == 0)
        return config_wrong(l, 0, "there is no [listen NAME] section");
    for (size_t i = 0; i < c->listener_count; i++)
        if (!judge_listener(l, i))
            return false;
    if (!config_policies_judge(l) || !config_judge_upstreams(l) ||
        !config_judge_oauths(l) || !judge_auth_http(l) || !judge_accounts(l) ||
        !judge_status(l))
        return false;
    /* Only root can become somebody else; for others the key says nothing. */
    if (c->user != NULL && geteuid() == 0 && getpwnam(c->user) == NULL)
        return config_wrong(l, line_of(&l->lines, CONFIG_SERVER, "user"),
                            "[server] user: there is no user \"%s\"", c->user);
    c->tls_ticket_key_file_line =
        line_of(&l->lines, CONFIG_SERVER, "tls_ticket_key_file");
    if (c->workers == 0)
        c->workers = uv_available_parallelism();
    return true;
}
