/* A step of a login: is it an account, and may it come from there? */
#include "access/access_parts.h"

/* Both are there: accounts_judge. */
static void apply(struct access_request *r)
{
    const struct config *config = r->question.rules->config;
    const struct account *a = r->account;

    r->answer.account = a;
    if (a->upstream != NULL)
        r->answer.upstream = config_upstream_find(config, a->upstream);
    if (a->policy != NULL)
        r->answer.policy = config_policy_find(config, a->policy);
}

/* Unless the name says which; what it says itself was judged when it was read.
 */
static bool take_mailboxes(struct access_request *r)
{
    const char *list = r->account->mailboxes;

    if (list == NULL || r->answer.mailboxes != NULL)
        return true;
    if (mailbox_list_parse(&r->mailboxes, span_from_string(list)) != NULL)
        return false;
    r->answer.mailboxes = &r->mailboxes;
    return true;
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
    if (!take_mailboxes(r))
        return access_refuse(r, FAULT_NO_MEMORY, NULL);
    if (!account_admits(r->account, r->question.listener, &r->question.client))
        r->unwelcome = FAULT_ACCOUNT_PLACE;
    return ACCESS_NEXT;
}
