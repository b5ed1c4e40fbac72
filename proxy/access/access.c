#include <assert.h>
#include <stdlib.h>

#include "access/access_parts.h"
#include "access/http_client.h"
#include "base/limits.h"

/* In this order. */
static access_step *const steps[] = {
    access_step_folder,    access_step_account, access_step_proof,
    access_step_auth_http, access_step_route,   access_step_secret,
};

void access_init(struct access *access, uv_loop_t *loop,
                 const struct access_shared *shared, struct counters *counters)
{
    access->loop = loop;
    access->shared = *shared;
    access->proofs = (struct proof_maker){ .decoys = shared->decoys };
    access->counters = counters;
    access->http = NULL;
    access->tokens = NULL;
}

void access_fini(struct access *access)
{
    proof_maker_fini(&access->proofs);
    http_client_close(access->http);
    access->http = NULL;
    token_counter_close(access->tokens);
    access->tokens = NULL;
}

enum access_progress access_refuse(struct access_request *r, enum fault fault,
                                   const char *problem)
{
    r->answer.fault = fault;
    r->answer.problem = problem;
    return ACCESS_OVER;
}

static void discard(struct access_request *r)
{
    credentials_wipe(&r->given);
    credentials_wipe(&r->used);
    buf_fini(&r->refused);
    mailbox_list_fini(&r->mailboxes);
    free(r);
}

static struct access_request *make(struct access *access,
                                   const struct access_question *question)
{
    struct access_request *r = calloc(1, sizeof(*r));

    if (r == NULL)
        return NULL;
    r->access = access;
    r->question = *question;
    r->question.given = &r->given;
    r->answer.credentials = &r->used;
    r->answer.given_kind = question->given->kind;
    credentials_init(&r->given);
    credentials_init(&r->used);
    buf_init(&r->refused, TOKEN_MAX);
    if (credentials_copy(&r->given, question->given) &&
        (question->refused.len == 0 ||
         buf_append(&r->refused, question->refused)))
        return r;
    discard(r);
    return NULL;
}
/* Whether the request is over, and gone. */
static bool take_steps(struct access_request *r, enum access_progress progress)
{
    while (progress == ACCESS_NEXT && ++r->step < ARRAY_LENGTH(steps))
        progress = steps[r->step](r);
    if (progress == ACCESS_LATER)
        return false;
    r->answered(r->data, &r->answer);
    discard(r);
    return true;
}

struct access_request *access_ask(struct access *access,
                                  const struct access_question *question,
                                  access_answered *answered, void *data)
{
    const struct access_answer no_memory = { .fault = FAULT_NO_MEMORY };
    struct access_request *r = make(access, question);

    if (r == NULL) {
        answered(data, &no_memory);
        return NULL;
    }
    r->answered = answered;
    r->data = data;
    return take_steps(r, steps[0](r)) ? NULL : r;
}

void access_go_on(struct access_request *r, enum access_progress progress)
{
    r->cancel = NULL;
    (void)take_steps(r, progress);
}

void access_cancel(struct access_request *r)
{
    if (r == NULL)
        return;
    assert(r->cancel != NULL); /* or it would have been answered */
    r->cancel(r);
    discard(r);
}
