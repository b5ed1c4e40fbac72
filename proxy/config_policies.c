/* What each [policy NAME] takes over from [policy], wherever that stands. */
#include <stdlib.h>
#include <string.h>

#include "config_loading.h"

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
