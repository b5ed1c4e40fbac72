/* A step of a login: is the device who it says it is? Whoever is no
 * account is judged by the upstream.
 */
#include "access/access_parts.h"
#include "access/proof_digests.h"

/* Where nobody is to be let in, the password is hashed all the same: how long it
 * takes does not tell who has an account.
 */
static bool is_decoy(const struct access_request *r)
{
    return r->unwelcome != FAULT_NONE || r->account->password == NULL;
}

static enum access_progress judge(struct access_request *r,
                                  struct crypt_result *result)
{
    if (r->unwelcome != FAULT_NONE)
        return access_refuse(r, r->unwelcome, NULL);
    if (result->verdict != CRYPT_RIGHT)
        return access_refuse(r,
                             result->verdict == CRYPT_FAILED
                                 ? FAULT_NO_MEMORY
                                 : FAULT_CREDENTIALS,
                             NULL);
    if (buf_length(&result->secret) > 0 &&
        !credentials_set_secret(&r->used, SECRET_PASSWORD,
                                buf_span(&result->secret)))
        return access_refuse(r, FAULT_NO_MEMORY, NULL);
    if (result->opened != SECRET_BOX_OK)
        return access_refuse(r, FAULT_SECRET_SEALED,
                             secret_box_problem(result->opened));
    return ACCESS_NEXT;
}

static void on_hashed(void *data, struct crypt_result *result)
{
    struct access_request *r = data;

    counters_add_time(r->access->counters, COUNTER_STAGE_VERIFY,
                      uv_now(r->access->loop) - r->job_began_ms);
    access_go_on(r, judge(r, result));
}

static void stop_hashing(struct access_request *r)
{
    crypt_job_cancel(r->job);
}

static bool is_sealed_by_password(const struct account *a)
{
    enum secret_box_kind kind;

    return a->secret != NULL &&
           secret_box_kind_of(span_from_string(a->secret), &kind) &&
           kind == SECRET_BOX_BY_PASSWORD;
}

static enum access_progress hash(struct access_request *r)
{
    const struct account *a = r->account;
    struct crypt_work work = { .password = buf_span(&r->given.secret),
                               .hash = r->question.rules->decoys.password,
                               .is_decoy = is_decoy(r) };

    if (!work.is_decoy) {
        work.hash = a->password;
        if (is_sealed_by_password(a)) {
            work.sealed = span_from_string(a->secret);
            work.lock = account_lock(a, SECRET_BOX_BY_PASSWORD, work.password,
                                     ACCOUNT_SECRET_PURPOSE);
        }
    }
    if (work.hash == NULL) /* no account has a password */
        return judge(r, &(struct crypt_result){ .verdict = CRYPT_WRONG });
    r->job = crypt_job_start(r->access->shared.crypt, r->access->loop, &work,
                             on_hashed, r);
    if (r->job == NULL)
        return access_refuse(r, FAULT_VERIFY_BUSY, NULL);
    r->job_began_ms = uv_now(r->access->loop);
    r->cancel = stop_hashing;
    return ACCESS_LATER;
}

/* At once, while the greeting's words are there. Of somebody who is not to be let
 * in, or has no such password, another one is opened.
 */
static enum proof_verdict judge_apop(const struct access_request *r)
{
    const struct access_rules *rules = r->question.rules;
    bool is_open = r->unwelcome == FAULT_NONE;
    enum proof_verdict verdict = PROOF_WRONG;
    struct buf password;

    buf_init(&password, SECRET_MAX);
    if (proof_open_password(rules, is_open ? r->account : NULL, &password) ==
        SECRET_BOX_OK)
        verdict = proof_judge_apop(r->question.timestamp, buf_span(&password),
                                   buf_span(&r->given.secret));
    buf_fini(&password);
    return verdict;
}

enum access_progress access_step_proof(struct access_request *r)
{
    bool is_open = r->unwelcome == FAULT_NONE;

    if (is_open && (r->account == NULL || !account_has_proof(r->account)))
        return ACCESS_NEXT;
    switch (r->given.kind) {
    case SECRET_PASSWORD:
        return hash(r);
    case SECRET_PROVEN:
        if (is_open)
            return ACCESS_NEXT;
        break;
    case SECRET_APOP:
        if (judge_apop(r) == PROOF_RIGHT)
            return ACCESS_NEXT;
        break;
    case SECRET_TOKEN:
    case SECRET_CRAM_MD5: /* of an account it was proven, or not */
    case SECRET_KIND_COUNT:
        break;
    }
    return access_refuse(r, is_open ? FAULT_CREDENTIALS : r->unwelcome, NULL);
}
