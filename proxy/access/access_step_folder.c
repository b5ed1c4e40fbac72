/* A step of a login: does its name say which mailbox is meant? */
#include "access/access_parts.h"
#include "access/route.h"
#include "base/limits.h"

static bool join(struct buf *name, const struct plus_name *parts)
{
    return buf_append(name, parts->before) && buf_append(name, parts->after);
}

/* That holds for |user|, as the steps behind this one find it. */
static const struct config_policy *policy_of(const struct access_request *r,
                                             struct span user)
{
    const struct access_rules *rules = r->question.rules;
    const struct account *a = accounts_find(rules->accounts, user);
    const struct config_upstream *upstream = NULL;

    if (a != NULL && a->policy != NULL)
        return config_policy_find(rules->config, a->policy);
    if (a != NULL && a->upstream != NULL)
        upstream = config_upstream_find(rules->config, a->upstream);
    if (upstream == NULL)
        upstream = route_choose(rules->config, r->question.listener, user);
    return upstream->policy;
}

static bool allows(const struct config_policy *policy, struct span folder)
{
    struct span allowed = { NULL, 0 };

    if (policy->folders_allowed != NULL)
        allowed = span_from_string(policy->folders_allowed);
    return policy->plus_folder && plus_name_is_allowed(folder, allowed);
}

static enum access_progress refuse(struct access_request *r)
{
    return access_refuse(r, FAULT_MAILBOX_REFUSED,
                         "the mailbox in its name is none that "
                         "folders_allowed has");
}

static enum access_progress take_folder(struct access_request *r,
                                        struct span user, struct span folder)
{
    const struct config_policy *policy = policy_of(r, user);

    if (!policy->plus_folder)
        return ACCESS_NEXT;
    if (mailbox_list_set(&r->mailboxes, folder) != NULL)
        return refuse(r);
    r->answer.mailboxes = &r->mailboxes;
    r->folder_named = true;
    return credentials_set_user(&r->given, user)
               ? ACCESS_NEXT
               : access_refuse(r, FAULT_NO_MEMORY, NULL);
}

/* Now that it is known who it is: what an account may open is not for all to
 * try. And the service that was asked may have sent it where another policy
 * holds.
 */
enum access_progress access_judge_folder(struct access_request *r)
{
    const struct mailbox_name *folder;

    if (!r->folder_named)
        return ACCESS_NEXT;
    folder = mailbox_list_name(&r->mailboxes, 0);
    return allows(r->answer.policy, span_from_string(folder->text))
               ? ACCESS_NEXT
               : refuse(r);
}

enum access_progress access_step_folder(struct access_request *r)
{
    struct plus_name parts = plus_name_split(buf_span(&r->given.user));
    const struct accounts *accounts = r->question.rules->accounts;
    enum access_progress progress;
    struct buf user;

    if (parts.folder.len == 0 ||
        accounts_find(accounts, buf_span(&r->given.user)) != NULL)
        return ACCESS_NEXT;
    buf_init(&user, SASL_PART_MAX);
    if (join(&user, &parts))
        progress = take_folder(r, buf_span(&user), parts.folder);
    else
        progress = access_refuse(r, FAULT_NO_MEMORY, NULL);
    buf_fini(&user);
    return progress;
}
