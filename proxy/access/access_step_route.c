/* A step of a login: to which upstream, and who is it there? */
#include "access/access_parts.h"
#include "access/route.h"
#include "base/limits.h"
#include "pop3/sasl.h"

/* A name that the client's, or its account's, becomes there. */
static enum access_progress set_user(struct access_request *r)
{
    enum access_progress progress = ACCESS_NEXT;
    enum route_name status;
    struct buf name;

    buf_init(&name, SASL_PART_MAX);
    status =
        route_write_user(r->answer.upstream, buf_span(&r->given.user), &name);
    if (status == ROUTE_NAME_NO_MEMORY)
        progress = access_refuse(r, FAULT_NO_MEMORY, NULL);
    else if (status == ROUTE_NAME_TOO_LONG || status == ROUTE_NAME_NOBODY ||
             !sasl_part_is_valid(buf_span(&name)))
        progress = access_refuse(r, FAULT_CREDENTIALS,
                                 "user_template makes no name of this one, or "
                                 "one that is too long");
    else if (!credentials_set_user(&r->used, buf_span(&name)))
        progress = access_refuse(r, FAULT_NO_MEMORY, NULL);
    buf_fini(&name);
    return progress;
}

enum access_progress access_step_route(struct access_request *r)
{
    const struct account *a = r->account;

    if (r->answer.upstream == NULL)
        r->answer.upstream =
            route_choose(r->question.rules->config, r->question.listener,
                         buf_span(&r->given.user));
    if (r->answer.policy == NULL)
        r->answer.policy = r->answer.upstream->policy;
    if (access_judge_folder(r) != ACCESS_NEXT)
        return ACCESS_OVER;
    if (buf_length(&r->used.user) > 0) /* the service that was asked said it */
        return ACCESS_NEXT;
    if (a == NULL || a->user == NULL)
        return set_user(r);
    return credentials_set_user(&r->used, span_from_string(a->user))
               ? ACCESS_NEXT
               : access_refuse(r, FAULT_NO_MEMORY, NULL);
}
