/* The first step of a login: is it an account, and may it come from there? */
#include <string.h>

#include "access/access_parts.h"

/* Both are there: accounts_judge. */
static const struct config_upstream *upstream_of(const struct config *config,
                                                 const char *name)
{
    size_t i = 0;

    while (strcmp(config->upstreams[i].name, name) != 0)
        i++;
    return &config->upstreams[i];
}

static const struct config_policy *policy_of(const struct config *config,
                                             const char *name)
{
    size_t i = 0;

    while (strcmp(config->policies[i].name, name) != 0)
        i++;
    return &config->policies[i];
}

static void apply(struct access_request *r)
{
    const struct config *config = r->question.rules->config;
    const struct account *a = r->account;

    r->answer.account = a;
    r->answer.mailboxes = a->mailboxes;
    if (a->upstream != NULL)
        r->answer.upstream = upstream_of(config, a->upstream);
    if (a->policy != NULL)
        r->answer.policy = policy_of(config, a->policy);
}

/* Who may not come is told so by the next step: that takes as long, and says as
 * much, as a wrong password.
 */
enum access_progress access_step_account(struct access_request *r)
{
    const struct access_rules *rules = r->question.rules;

    r->account = accounts_find(rules->accounts, buf_span(&r->given.user));
    if (r->account == NULL) {
        if (rules->config->accounts_only)
            r->unwelcome = FAULT_NO_ACCOUNT;
        return ACCESS_NEXT;
    }
    apply(r);
    if (!account_admits(r->account, r->question.listener, &r->question.client))
        r->unwelcome = FAULT_ACCOUNT_PLACE;
    return ACCESS_NEXT;
}
