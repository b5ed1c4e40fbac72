/* A step of a login: with what is logged in upstream? */
#include "access/access_parts.h"

/* What the client gave. A token of its own that the upstream has refused is what
 * a wrong password is.
 */
static enum access_progress pass_through(struct access_request *r)
{
    if (r->question.again)
        return access_refuse(r, FAULT_CREDENTIALS, NULL);
    if (r->given.kind != SECRET_PASSWORD && r->given.kind != SECRET_TOKEN)
        return access_refuse(r, FAULT_CREDENTIALS, NULL);
    return credentials_set_secret(&r->used, r->given.kind,
                                  buf_span(&r->given.secret))
               ? ACCESS_NEXT
               : access_refuse(r, FAULT_NO_MEMORY, NULL);
}

static enum access_progress open_secret(struct access_request *r)
{
    const struct access_rules *rules = r->question.rules;
    const struct secret_lock lock =
        account_lock(r->account, SECRET_BOX_BY_KEY, buf_span(&rules->key),
                     ACCOUNT_SECRET_PURPOSE);
    enum secret_box_status status;
    enum access_progress progress = ACCESS_NEXT;
    struct buf secret;

    buf_init(&secret, SECRET_MAX);
    status =
        secret_box_open(&lock, span_from_string(r->account->secret), &secret);
    if (status != SECRET_BOX_OK)
        progress =
            access_refuse(r, FAULT_SECRET_SEALED, secret_box_problem(status));
    else if (!credentials_set_secret(&r->used, SECRET_PASSWORD,
                                     buf_span(&secret)))
        progress = access_refuse(r, FAULT_NO_MEMORY, NULL);
    buf_fini(&secret);
    return progress;
}

/* --- tokens --- */

static void cancel_token(struct access_request *r)
{
    token_wish_cancel(r->wish);
}

static enum access_progress take_token(struct access_request *r,
                                       enum token_outcome outcome,
                                       struct span token)
{
    switch (outcome) {
    case TOKEN_GIVEN:
        return credentials_set_secret(&r->used, SECRET_TOKEN, token)
                   ? ACCESS_NEXT
                   : access_refuse(r, FAULT_NO_MEMORY, NULL);
    case TOKEN_WITHHELD:
        return access_refuse(r, FAULT_TOKEN_WITHHELD, NULL);
    case TOKEN_UNAVAILABLE:
        break;
    }
    return access_refuse(r, FAULT_TOKEN_UNAVAILABLE, NULL);
}

static void on_token(void *request, enum token_outcome outcome,
                     struct span token)
{
    struct access_request *r = request;

    r->wish = NULL;
    access_go_on(r, take_token(r, outcome, token));
}

static enum access_progress ask_token(struct access_request *r)
{
    struct access *access = r->access;

    if (access->tokens == NULL)
        access->tokens = token_counter_new(access->shared.desk, access->loop);
    if (access->tokens != NULL)
        r->wish = token_counter_ask(access->tokens, r->account->oauth,
                                    r->account->name, buf_span(&r->refused),
                                    on_token, r);
    if (r->wish == NULL)
        return access_refuse(r, FAULT_NO_MEMORY, NULL);
    r->cancel = cancel_token;
    return ACCESS_LATER;
}

/* --- */

static bool set_identity(struct access_request *r)
{
    const struct account *a = r->account;
    struct span identity = buf_span(&r->given.identity);

    if (a != NULL && a->identity != NULL)
        identity = span_from_string(a->identity);
    return credentials_set_identity(&r->used, identity);
}

/* CONFORMANCE SASL-10. An account says itself whom it acts as; and a password
 * that the service told us may be one that opens every mailbox.
 */
static bool may_act(const struct access_request *r)
{
    return buf_length(&r->given.identity) == 0 ||
           (r->account == NULL && buf_length(&r->used.secret) == 0 &&
            r->answer.upstream->pass_identity);
}

/* A service may well say again what the client gave, and leave it to the mail
 * server to judge.
 */
static bool is_kept(const struct access_request *r)
{
    struct span told = buf_span(&r->used.secret);

    if (r->account != NULL)
        return r->account->secret != NULL;
    return told.len > 0 && !span_equals(told, buf_span(&r->given.secret));
}

enum access_progress access_step_secret(struct access_request *r)
{
    if (!may_act(r))
        return access_refuse(r, FAULT_IDENTITY, NULL);
    r->answer.secret_is_kept = is_kept(r);
    if (!set_identity(r))
        return access_refuse(r, FAULT_NO_MEMORY, NULL);
    /* The proof has opened it, or the service that was asked has told it. */
    if (buf_length(&r->used.secret) > 0)
        return ACCESS_NEXT;
    if (r->account != NULL && r->account->secret != NULL)
        return open_secret(r);
    if (r->account != NULL && r->account->oauth != NULL)
        return ask_token(r);
    return pass_through(r);
}
