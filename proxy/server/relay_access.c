/* A relay's logins: the bridge asks, access answers, now or later. */
#include <time.h>

#include "server/relay_parts.h"

static void deny(struct relay *r, enum fault fault, uint64_t wait_ms)
{
    bridge_deny_login(r->bridge, fault, wait_ms, relay_now(r));
}

/* Both lists are in the order of the file. */
static const struct settings_upstream *upstream_of(
    const struct settings *settings, const struct config_upstream *upstream)
{
    return &settings->upstreams[upstream - settings->config->upstreams];
}

static void grant(struct relay *r, const struct settings_upstream *to,
                  const struct access_answer *answer)
{
    struct span user = buf_span(&answer->credentials->user);
    const struct login_grant grant = {
        .upstream = &to->policy,
        .mailbox = settings_mailbox_policy(r->settings, answer->policy),
        .credentials = answer->credentials,
        .mailboxes = answer->mailboxes,
        .unix_s = (uint64_t)time(NULL),
    };

    r->spread = upstream_servers_hash(user);
    bridge_grant_login(r->bridge, &grant, relay_now(r));
}

static void refuse(struct relay *r, const struct access_answer *answer)
{
    if (answer->fault == FAULT_VERIFY_BUSY)
        relay_reach_limit(r, LIMIT_VERIFICATIONS);
    if (answer->problem != NULL)
        relay_log_login_problem(r, answer->fault, answer->problem);
    deny(r, answer->fault, answer->wait_ms);
}

static void serve(struct relay *r, const struct access_answer *answer)
{
    const struct settings_upstream *to;
    enum fault fault;

    r->account = answer->account;
    if (answer->fault != FAULT_NONE) {
        refuse(r, answer);
        return;
    }
    to = upstream_of(r->settings, answer->upstream);
    fault = relay_guard_begin_upstream(r, to->place,
                                       buf_span(&answer->credentials->user));
    if (fault == FAULT_NONE)
        grant(r, to, answer);
    else
        deny(r, fault, 0);
}

/* Within the question, or later, in a turn of its own. */
static void on_answer(void *relay, const struct access_answer *answer)
{
    struct relay *r = relay;
    bool is_late = r->access != NULL;

    r->access = NULL;
    serve(r, answer);
    if (is_late)
        relay_pump(r);
}

/* Nobody has keys stored for such an exchange. */
void relay_access_sasl(struct relay *r, const struct bridge_wish *wish)
{
    const struct sasl_step failed = { .status = SASL_FAILED,
                                      .fault = FAULT_CREDENTIALS };

    (void)wish;
    bridge_sasl(r->bridge, &failed, relay_now(r));
}

/* The guard has admitted a login that is asked about again. */
void relay_access_ask(struct relay *r, const struct bridge_wish *wish)
{
    const struct access_question question = {
        .rules = r->settings->access,
        .listener = r->listener->config->name,
        .client = r->client_address,
        .tls_version = r->client_leg.tls_version,
        .tls_cipher = r->client_leg.tls_cipher,
        .again = wish->again,
        .attempt = wish->again ? r->logins : ++r->logins,
        .timestamp = wish->timestamp,
        .given = wish->credentials,
    };
    enum fault fault = FAULT_NONE;

    if (!wish->again)
        fault = relay_guard_begin(r, buf_span(&question.given->user));
    if (fault != FAULT_NONE)
        deny(r, fault, 0);
    else
        r->access = access_ask(&r->host->access, &question, on_answer, r);
}

void relay_access_leave(struct relay *r)
{
    access_cancel(r->access);
    r->access = NULL;
}
