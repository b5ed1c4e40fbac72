/* A relay's logins: the bridge asks, access answers, now or later. */
#include <time.h>
#include <utlist.h>

#include "server/relay_parts.h"
#include "server/settings_upstream.h"

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

static struct span name_of(const struct account *account)
{
    return account != NULL ? span_from_string(account->name)
                           : (struct span){ NULL, 0 };
}

/* The one that the answer's server is an only server of: made when it is first
 * named. NULL: there is no memory.
 */
static const struct settings_upstream *make_unlisted(
    struct relay *r, const struct settings_upstream *like,
    const struct config_address *address)
{
    struct settings_upstream *u = settings_upstream_elsewhere(like, address);

    if (u != NULL)
        LL_PREPEND(r->unlisted, u);
    return u;
}

const struct settings_upstream *relay_upstream_of(
    const struct relay *r, const struct upstream_policy *policy)
{
    const struct settings_upstream *u;

    LL_FOREACH (r->unlisted, u)
        if (&u->policy == policy)
            return u;
    return settings_upstream_of(r->settings, policy);
}

void relay_access_forget(struct relay *r)
{
    while (r->unlisted != NULL) {
        struct settings_upstream *u = r->unlisted;

        LL_DELETE(r->unlisted, u);
        settings_upstream_elsewhere_free(u);
    }
}

/* Its servers are in the order of its addresses. */
static const struct upstream_server *sole_of(const struct settings_upstream *to,
                                             const struct access_answer *answer)
{
    if (answer->server == NULL || to->servers->count == 1)
        return NULL;
    return &to->servers->at[answer->server - answer->upstream->addresses.at];
}

static void grant(struct relay *r, const struct settings_upstream *to,
                  const struct access_answer *answer)
{
    struct span user = buf_span(&answer->credentials->user);
    const struct login_grant grant = {
        .upstream = &to->policy,
        .mailbox = settings_mailbox_policy(r->settings, answer->policy),
        .credentials = answer->credentials,
        .account = name_of(answer->account),
        .secret_is_kept = answer->secret_is_kept,
        .mailboxes = answer->mailboxes,
        .unix_s = (uint64_t)time(NULL),
    };

    r->spread = upstream_servers_hash(user);
    r->sole = sole_of(to, answer);
    bridge_grant_login(r->bridge, &grant, relay_now(r));
}

static void refuse(struct relay *r, const struct access_answer *answer)
{
    if (answer->fault == FAULT_VERIFY_BUSY)
        relay_reach_limit(r, LIMIT_VERIFICATIONS);
    if (answer->problem != NULL)
        relay_log_login_problem(
            r, answer->fault,
            answer->upstream != NULL ? answer->upstream->name : NULL,
            answer->problem);
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
    if (answer->elsewhere.host != NULL)
        to = make_unlisted(r, to, &answer->elsewhere);
    if (to == NULL) {
        deny(r, FAULT_NO_MEMORY, 0);
        return;
    }
    fault = relay_guard_begin_upstream(r, to->place,
                                       buf_span(&answer->credentials->user));
    if (fault == FAULT_NONE)
        grant(r, to, answer);
    else
        deny(r, fault, 0);
}

/* By what it is known who it is, should it be granted. */
static enum counter proof_by(const struct relay *r,
                             const struct access_answer *answer)
{
    enum secret_kind kind = answer->given_kind;

    if (answer->account == NULL || !account_has_proof(answer->account))
        return COUNTER_LOGINS_PASSED_ON;
    if (kind == SECRET_PROVEN)
        return r->proven_by;
    return kind == SECRET_APOP ? COUNTER_LOGINS_BY_APOP
                               : COUNTER_LOGINS_BY_PASSWORD;
}

/* Within the question, or later, in a turn of its own. */
static void on_answer(void *relay, const struct access_answer *answer)
{
    struct relay *r = relay;
    bool is_late = r->access != NULL;

    r->access = NULL;
    r->proven_by = proof_by(r, answer);
    serve(r, answer);
    if (is_late)
        relay_pump(r);
}

/* --- exchanges --- */

static void begin_proof(struct relay *r, enum sasl_mechanism mechanism)
{
    const struct proof_wish wish = { .rules = r->settings->access,
                                     .listener = r->listener->config->name,
                                     .client = r->client_address,
                                     .mechanism = mechanism };

    proof_free(r->proof);
    r->proof = proof_new(&r->host->access.proofs, &wish);
}

static void end_proof(struct relay *r)
{
    proof_free(r->proof);
    r->proof = NULL;
}

/* The end of an exchange is a login that is tried. Whoever may not try hears
 * nothing that tells him whether he was right: SCRAM's last word would. What is
 * claimed is asked about, as a password is.
 */
static void judge_end(struct relay *r, struct sasl_step *step)
{
    enum fault fault = FAULT_NONE;

    if (step->status != SASL_CHALLENGE && step->status != SASL_CLAIMED &&
        step->user.len > 0)
        fault = relay_guard_begin(r, step->user);
    if (fault != FAULT_NONE)
        *step = (struct sasl_step){ .status = SASL_FAILED,
                                    .user = step->user,
                                    .fault = fault };
}

void relay_access_sasl(struct relay *r, const struct bridge_wish *wish)
{
    struct sasl_step step = { .status = SASL_FAILED, .fault = FAULT_NO_MEMORY };

    if (wish->begins)
        begin_proof(r, wish->mechanism);
    if (r->proof != NULL)
        proof_step(r->proof, wish->response, &step);
    judge_end(r, &step);
    bridge_sasl(r->bridge, &step, relay_now(r));
    if (step.status == SASL_CHALLENGE || step.status == SASL_CLAIMED)
        return; /* its challenge is still needed */
    r->proven_by = wish->mechanism == SASL_CRAM_MD5 ? COUNTER_LOGINS_BY_CRAM_MD5
                                                    : COUNTER_LOGINS_BY_SCRAM;
    end_proof(r);
}

/* --- logins --- */

/* The guard has admitted a login that is asked about again, or was proven. */
static enum fault admit(struct relay *r, const struct access_question *question)
{
    if (question->again || question->given->kind == SECRET_PROVEN)
        return FAULT_NONE;
    return relay_guard_begin(r, buf_span(&question->given->user));
}

/* By which the client has made its digest. */
static struct span timestamp_of(const struct relay *r,
                                const struct bridge_wish *wish)
{
    if (wish->credentials->kind == SECRET_CRAM_MD5 && r->proof != NULL)
        return proof_challenge(r->proof);
    return wish->timestamp;
}

void relay_access_ask(struct relay *r, const struct bridge_wish *wish)
{
    const struct access_question question = {
        .rules = r->settings->access,
        .listener = r->listener->config->name,
        .client = r->client_address,
        .tls_version = r->client_leg.tls_version,
        .tls_cipher = r->client_leg.tls_cipher,
        .again = wish->again,
        .refused = wish->refused,
        .attempt = wish->again ? r->logins : ++r->logins,
        .timestamp = timestamp_of(r, wish),
        .given = wish->credentials,
    };
    enum fault fault = admit(r, &question);

    if (fault != FAULT_NONE)
        deny(r, fault, 0);
    else
        r->access = access_ask(&r->host->access, &question, on_answer, r);
    end_proof(r);
}

void relay_access_leave(struct relay *r)
{
    access_cancel(r->access);
    r->access = NULL;
    end_proof(r);
}
