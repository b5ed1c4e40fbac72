/* What each [policy NAME] takes over from [policy], wherever that stands, and what
 * is said of all of them together.
 */
#include <stdlib.h>
#include <string.h>

#include "base/span.h"
#include "config_loading.h"
#include "config_sections.h"

/* As text: a key is stored again by what stores it, whatever its kind. */
bool config_policies_note(struct config_loading *l,
                          const struct config_key *key, const char *text)
{
    struct config_said *said;
    char *copy = strdup(text);

    said = reallocarray(l->said, l->said_count + 1, sizeof(*said));
    if (said != NULL)
        l->said = said;
    if (said == NULL || copy == NULL) {
        free(copy);
        return false;
    }
    said[l->said_count++] = (struct config_said){ key, copy };
    return true;
}

void config_policies_forget(struct config_loading *l)
{
    for (size_t i = 0; i < l->said_count; i++)
        free(l->said[i].text);
    free(l->said);
    l->said = NULL;
    l->said_count = 0;
}

static bool inherit(struct config_loading *l, size_t i)
{
    struct config_policy *policy = &l->config->policies[i];
    const struct config_key_lines *own = &l->named_lines[CONFIG_POLICY][i];

    for (size_t s = 0; s < l->said_count; s++) {
        const struct config_key *key = l->said[s].key;

        if (key->section != CONFIG_POLICY || own->line[key - config_keys] != 0)
            continue;
        if (!config_key_set(key, policy, l->said[s].text, l->why,
                            sizeof(l->why)))
            return false;
    }
    return true;
}

bool config_policies_inherit(struct config_loading *l)
{
    if (config_policy_find(l->config, NULL) == NULL &&
        config_add_named(l, CONFIG_POLICY, CONFIG_POLICY_DEFAULT, 0) == NULL)
        return config_wrong(l, 0, "out of memory");
    for (size_t i = 0; i < l->config->policy_count; i++)
        if (strcmp(l->config->policies[i].name, CONFIG_POLICY_DEFAULT) != 0 &&
            !inherit(l, i))
            return false;
    return true;
}

const struct config_policy *config_policy_find(const struct config *config,
                                               const char *name)
{
    if (name == NULL)
        name = CONFIG_POLICY_DEFAULT;
    for (size_t i = 0; i < config->policy_count; i++)
        if (strcmp(config->policies[i].name, name) == 0)
            return &config->policies[i];
    return NULL;
}

/* --- what is said of all --- */

/* Whether a user may come to be under it: a name is there to be used, [policy]
 * is used where an upstream names none.
 */
static bool is_used(const struct config *config,
                    const struct config_policy *policy)
{
    bool used = strcmp(policy->name, CONFIG_POLICY_DEFAULT) != 0;

    for (size_t i = 0; i < config->upstream_count; i++)
        used = used || config->upstreams[i].policy == policy;
    return used;
}

/* NEVER is longer than any number of days. */
static uint64_t retention_days(const char *expire)
{
    uint64_t days;

    return span_to_number(span_from_string(expire), UINT32_MAX, &days)
               ? days
               : UINT64_MAX;
}

/* Of nothing that one of them does not say anything is said (RFC 2449 §6.7). */
static void join_expire(struct announcement *all, const char *expire)
{
    if (config_same_text(all->expire, expire))
        return;
    if (all->expire == NULL || expire == NULL) {
        all->expire = NULL;
        all->expire_varies = false;
        return;
    }
    all->expire_varies = true;
    if (retention_days(expire) < retention_days(all->expire))
        all->expire = expire;
}

static void join_login_delay(struct announcement *all, uint64_t delay_ms)
{
    if (all->login_delay_ms == delay_ms)
        return;
    all->login_delay_varies = true;
    if (delay_ms > all->login_delay_ms)
        all->login_delay_ms = delay_ms;
}

struct announcement config_announcement(const struct config *config)
{
    struct announcement all = { .expire = NULL };
    bool any = false;

    for (size_t i = 0; i < config->policy_count; i++) {
        const struct config_policy *policy = &config->policies[i];

        if (!is_used(config, policy))
            continue;
        if (!any) {
            all.expire = policy->expire;
            all.login_delay_ms = policy->login_delay_ms;
        }
        any = true;
        join_expire(&all, policy->expire);
        join_login_delay(&all, policy->login_delay_ms);
    }
    return all;
}

/* --- what cannot be --- */

/* Mail that is no longer shown is gone for whoever goes by EXPIRE. */
static bool judge_expire(struct config_loading *l, size_t i)
{
    const struct config_policy *policy = &l->config->policies[i];
    char title[CONFIG_TITLE_MAX];

    if (policy->expire == NULL || policy->newer_than_days == 0 ||
        retention_days(policy->expire) <= policy->newer_than_days)
        return true;
    return config_wrong(l, policy->line,
                        "%s expire: tells that mail stays for longer than "
                        "newer_than shows it; %u is the most",
                        config_title(CONFIG_POLICY, policy->name, title),
                        policy->newer_than_days);
}

bool config_policies_judge(struct config_loading *l)
{
    for (size_t i = 0; i < l->config->policy_count; i++)
        if (!judge_expire(l, i))
            return false;
    return true;
}
