/* What the keys of [oauth NAME] mean together. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "access/http_url.h"
#include "config_loading.h"

static unsigned line_of(const struct config_key_lines *lines, const char *name)
{
    return lines->line[config_key_find(CONFIG_OAUTH, name) - config_keys];
}

static const struct {
    const char *key;
    size_t offset;
} addresses[] = {
    { "issuer", offsetof(struct config_oauth, issuer) },
    { "authorization_endpoint",
      offsetof(struct config_oauth, authorization_endpoint) },
    { "token_endpoint", offsetof(struct config_oauth, token_endpoint) },
    { "device_endpoint", offsetof(struct config_oauth, device_endpoint) },
};

/* --- keys that are of no use --- */

#define BY(choice) (1U << (choice))
#define BY_ALL (~0U)
#define BY_ASKING (BY(OAUTH_REFRESH_TOKEN) | BY(OAUTH_CLIENT_CREDENTIALS))

/* With which grants and providers each is looked at. Google's way to agree is a
 * browser, Microsoft's a code; both are known without their issuer.
 */
static const struct {
    const char *key;
    unsigned grants;
    unsigned providers;
} uses[] = {
    { "provider", BY_ASKING, BY_ALL },
    { "client_id", BY_ASKING, BY_ALL },
    { "client_secret_file", BY_ASKING, BY_ALL },
    { "client_authentication", BY_ASKING, BY_ALL },
    { "tenant", BY_ASKING, BY(OAUTH_MICROSOFT) },
    { "scope", BY_ASKING, BY_ALL },
    { "issuer", BY_ASKING, BY(OAUTH_GENERIC) },
    { "authorization_endpoint", BY(OAUTH_REFRESH_TOKEN),
      BY(OAUTH_GENERIC) | BY(OAUTH_GMAIL) },
    { "token_endpoint", BY_ASKING, BY_ALL },
    { "device_endpoint", BY(OAUTH_REFRESH_TOKEN),
      BY(OAUTH_GENERIC) | BY(OAUTH_MICROSOFT) },
    { "ca_file", BY_ASKING, BY_ALL },
    { "request_timeout", BY_ASKING, BY_ALL },
    { "command", BY(OAUTH_COMMAND), BY_ALL },
};

/* A text that is empty, or what it is by default, is as good as none. */
static bool is_said(const struct config_oauth *o,
                    const struct config_key_lines *lines, const char *name)
{
    const struct config_key *key = config_key_find(CONFIG_OAUTH, name);
    const char *text;

    if (line_of(lines, name) == 0)
        return false;
    if (key->kind != CONFIG_TEXT && key->kind != CONFIG_FILE)
        return true;
    memcpy(&text, (const char *)o + key->offset, sizeof(text));
    return text != NULL && !config_same_text(text, key->default_text);
}

static const char *word_of(const char *name, unsigned choice)
{
    return config_key_find(CONFIG_OAUTH, name)->choices[choice];
}

static bool refuse_use(struct config_loading *l, const struct config_oauth *o,
                       unsigned line, const char *key, const char *with,
                       const char *what)
{
    return config_wrong(l, line,
                        "[oauth %s] %s: means nothing with %s = %s; one of "
                        "them has to go",
                        o->name, key, with, what);
}

static bool judge_uses(struct config_loading *l, const struct config_oauth *o,
                       const struct config_key_lines *lines)
{
    for (size_t i = 0; i < ARRAY_LENGTH(uses); i++) {
        const char *key = uses[i].key;
        unsigned line = line_of(lines, key);

        if (!is_said(o, lines, key))
            continue;
        if (!(uses[i].grants & BY(o->grant)))
            return refuse_use(l, o, line, key, "grant",
                              word_of("grant", o->grant));
        if (!(uses[i].providers & BY(o->provider)))
            return refuse_use(l, o, line, key, "provider",
                              word_of("provider", o->provider));
    }
    if (o->client_secret_file == NULL &&
        o->client_authentication != OAUTH_PROOF_FORM)
        return config_wrong(l, line_of(lines, "client_authentication"),
                            "[oauth %s] client_authentication: means nothing "
                            "without client_secret_file",
                            o->name);
    if (o->grant == OAUTH_CLIENT_CREDENTIALS && o->issuer != NULL &&
        o->token_endpoint != NULL)
        return config_wrong(l, line_of(lines, "issuer"),
                            "[oauth %s] issuer: means nothing beside "
                            "token_endpoint with grant = client_credentials; "
                            "take one of them out",
                            o->name);
    return true;
}

/* --- what they say --- */

/* What is sent there is secret. */
static bool judge_addresses(struct config_loading *l,
                            const struct config_oauth *o,
                            const struct config_key_lines *lines)
{
    for (size_t i = 0; i < ARRAY_LENGTH(addresses); i++) {
        const char *why;
        const char *url;

        memcpy(&url, (const char *)o + addresses[i].offset, sizeof(url));
        if (url != NULL && !http_url_is_permitted(url, false, &why))
            return config_wrong(l, line_of(lines, addresses[i].key),
                                "[oauth %s] %s: the URL %s", o->name,
                                addresses[i].key, why);
    }
    return true;
}

/* Better now than by the first device of the morning. */
static bool judge_program(struct config_loading *l,
                          const struct config_oauth *o, unsigned line)
{
    char *path = strndup(o->command, strcspn(o->command, " \t"));
    bool may_run = path != NULL && access(path, X_OK) == 0;
    bool good = may_run ||
                config_wrong(l, line, "[oauth %s] command: cannot run %s: %s",
                             o->name, path != NULL ? path : o->command,
                             strerror(path != NULL ? errno : ENOMEM));

    free(path);
    return good;
}

static bool judge_command(struct config_loading *l,
                          const struct config_oauth *o,
                          const struct config_key_lines *lines)
{
    unsigned line = line_of(lines, "command");

    if (o->grant != OAUTH_COMMAND)
        return true;
    if (o->command == NULL)
        return config_wrong(l, o->line, "[oauth %s] command: is missing",
                            o->name);
    if (o->command[0] != '/')
        return config_wrong(l, line,
                            "[oauth %s] command: must begin with the whole "
                            "path of a program, is \"%s\"",
                            o->name, o->command);
    return judge_program(l, o, line);
}

/* It becomes a part of addresses. */
static bool judge_tenant(struct config_loading *l, const struct config_oauth *o,
                         const struct config_key_lines *lines)
{
    const char *tenant = o->tenant != NULL ? o->tenant : "";
    size_t plain = strspn(tenant, "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.");

    if (o->provider != OAUTH_MICROSOFT || (plain > 0 && tenant[plain] == '\0'))
        return true;
    return config_wrong(l, line_of(lines, "tenant"),
                        "[oauth %s] tenant: must be the number or a domain of "
                        "the tenant, or organizations, consumers or common, "
                        "is \"%s\"",
                        o->name, tenant);
}

static bool judge_grant(struct config_loading *l, const struct config_oauth *o,
                        const struct config_key_lines *lines)
{
    unsigned line = line_of(lines, "grant");

    if (o->client_id == NULL)
        return config_wrong(l, o->line, "[oauth %s] client_id: is missing",
                            o->name);
    if (o->provider == OAUTH_GENERIC && o->issuer == NULL &&
        o->token_endpoint == NULL)
        return config_wrong(l, o->line,
                            "[oauth %s] issuer: is missing, and so is "
                            "token_endpoint: one of them says where tokens "
                            "are had",
                            o->name);
    if (o->grant != OAUTH_CLIENT_CREDENTIALS)
        return true;
    if (o->provider == OAUTH_GMAIL)
        return config_wrong(l, line,
                            "[oauth %s] grant: Google has no "
                            "client_credentials; use refresh_token or command",
                            o->name);
    if (o->client_secret_file == NULL)
        return config_wrong(l, line,
                            "[oauth %s] grant: client_credentials needs "
                            "client_secret_file",
                            o->name);
    if (o->provider == OAUTH_MICROSOFT &&
        (strcmp(o->tenant, "organizations") == 0 ||
         strcmp(o->tenant, "common") == 0 ||
         strcmp(o->tenant, "consumers") == 0))
        return config_wrong(l, line,
                            "[oauth %s] grant: client_credentials needs "
                            "tenant, the number or a domain of yours",
                            o->name);
    return true;
}

static bool set_scope(struct config_loading *l, struct config_oauth *o)
{
    const char *scope = oauth_provider_scope(o->provider, o->grant);

    if (o->scope != NULL || scope == NULL || o->grant == OAUTH_COMMAND)
        return true;
    o->scope = strdup(scope);
    return o->scope != NULL || config_wrong(l, 0, "out of memory");
}

static bool judge(struct config_loading *l, size_t i)
{
    struct config_oauth *o = &l->config->oauths[i];
    const struct config_key_lines *lines = &l->named_lines[CONFIG_OAUTH][i];

    o->client_secret_file_line = line_of(lines, "client_secret_file");
    if (line_of(lines, "provider") == 0 && o->grant != OAUTH_COMMAND)
        return config_wrong(l, o->line, "[oauth %s] provider: is missing",
                            o->name);
    return judge_uses(l, o, lines) && judge_command(l, o, lines) &&
           judge_addresses(l, o, lines) && judge_tenant(l, o, lines) &&
           (o->grant == OAUTH_COMMAND || judge_grant(l, o, lines)) &&
           set_scope(l, o);
}

bool config_judge_oauths(struct config_loading *l)
{
    for (size_t i = 0; i < l->config->oauth_count; i++)
        if (!judge(l, i))
            return false;
    return true;
}
