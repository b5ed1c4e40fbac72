#include "access/access_rules.h"

#include <stdio.h>
#include <stdlib.h>

#include "access/secret_key.h"
#include "base/limits.h"

static bool read_auth_http(struct access_rules *rules, char *error,
                           size_t error_size)
{
    const struct config_auth_http *config = &rules->config->auth_http;

    rules->auth_http = (struct auth_http_rules){
        .url = config->url,
        .ca_file = config->ca_file,
        .timeout_ms = config->timeout_ms,
        .allow_insecure = config->allow_insecure,
        .cram_md5 = config->url != NULL && config->cram_md5,
    };
    return auth_http_rules_init(&rules->auth_http, config->header_file, error,
                                error_size);
}

static bool read_all(struct access_rules *rules, char *error, size_t error_size)
{
    const struct config *config = rules->config;

    if (!read_auth_http(rules, error, error_size))
        return false;
    if (!secret_key_read(config->accounts_key_file, &rules->key, error,
                         error_size))
        return false;
    if (config->accounts_file == NULL)
        return true;
    rules->accounts = accounts_read(config->accounts_file, error, error_size);
    if (rules->accounts == NULL ||
        !accounts_judge(rules->accounts, config, buf_span(&rules->key), error,
                        error_size))
        return false;
    if (decoys_init(&rules->decoys, rules->accounts, buf_span(&rules->key)))
        return true;
    (void)snprintf(error, error_size, "no memory");
    return false;
}

struct access_rules *access_rules_read(const struct config *config, char *error,
                                       size_t error_size)
{
    struct access_rules *rules = calloc(1, sizeof(*rules));

    if (rules == NULL) {
        (void)snprintf(error, error_size, "no memory");
        return NULL;
    }
    rules->config = config;
    buf_init(&rules->key, SECRET_KEY_MAX);
    if (read_all(rules, error, error_size))
        return rules;
    access_rules_free(rules);
    return NULL;
}

void access_rules_free(struct access_rules *rules)
{
    if (rules == NULL)
        return;
    decoys_fini(&rules->decoys);
    accounts_free(rules->accounts);
    auth_http_rules_fini(&rules->auth_http);
    buf_fini(&rules->key);
    free(rules);
}
