#include "access/token_renewal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "access/http_url.h"
#include "access/token_state.h"
#include "access/wiping.h"
#include "base/limits.h"

/* What the record that is kept is good for. */
enum look {
    LOOK_AT_NOTHING, /* there is no record: OAUTH_REFRESH_TOKEN has one */
    LOOK_USE,
    LOOK_ASK,
    LOOK_UNSAVED,
    LOOK_NONE,
    LOOK_KEY,
    LOOK_UNREADABLE,
    LOOK_FOREIGN, /* it is not theirs to see: the section means another by now */
    LOOK_NO_REFRESH,
    LOOK_NO_MEMORY,
};

struct token_renewal {
    struct token_renewal_to to;
    token_renewal_done *done;
    void *data;
    uv_timer_t timer;
    struct disk_job job; /* one at a time; then the rest is the thread's */
    unsigned lock_tries;
    bool has_lock;
    char *token_endpoint; /* NULL: not known yet */
    bool has_discovered;
    char mark[TOKEN_MARK_SIZE]; /* of the source */

    /* What is kept. */
    struct file_stamp stamp;
    struct token_record record;
    struct token_digest digest;
    enum look look;
    uint64_t left_s;      /* of its access token: LOOK_USE */
    bool has_lost_answer; /* of the question before */

    /* What was answered. */
    struct oauth_token token;
    enum oauth_result result;
    struct oauth_error error;
    enum token_store_status saved;
};

static const struct oauth_error no_error = { .text = "" };
static const struct oauth_error no_memory = { .text = "no memory" };
static const struct oauth_error no_https = {
    .text = "the token endpoint has no https address"
};

/* --- the end --- */

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

/* Whoever is told may give up the store. */
static void finish(struct token_renewal *r, struct token_gain gain)
{
    if (r->has_discovered)
        gain.token_endpoint = r->token_endpoint;
    gain.stamp = r->stamp;
    if (r->has_lock)
        token_store_unlock(r->to.store, &r->to.owner);
    r->done(r->data, &gain);
    token_record_fini(&r->record);
    oauth_token_fini(&r->token);
    free(r->token_endpoint);
    uv_close((uv_handle_t *)&r->timer, on_closed);
}

static void tell_failure(struct token_renewal *r)
{
    finish(r, (struct token_gain){ .result = r->result, .error = &r->error });
}

static void fail(struct token_renewal *r, enum oauth_result result,
                 const char *text)
{
    r->result = result;
    r->error = (struct oauth_error){ .text = "" };
    (void)snprintf(r->error.text, sizeof(r->error.text), "%s", text);
    tell_failure(r);
}

static void succeed(struct token_renewal *r)
{
    finish(r, (struct token_gain){ .result = OAUTH_OK,
                                   .error = &no_error,
                                   .access = r->token.access,
                                   .lifetime_s = r->token.lifetime_s });
}

static void succeed_with_kept(struct token_renewal *r)
{
    finish(r, (struct token_gain){ .result = OAUTH_OK,
                                   .error = &no_error,
                                   .access = r->record.access,
                                   .lifetime_s = r->left_s,
                                   .is_kept = true,
                                   .is_urgent = r->has_lost_answer });
}

/* --- the answer --- */

static struct token_renewal *renewal_of(struct disk_job *job)
{
    return (struct token_renewal *)((char *)job -
                                    offsetof(struct token_renewal, job));
}

/* The refresh token of the answer, or the one that still holds: RFC 6749 §6. */
static struct token_record fresh_record(const struct token_renewal *r)
{
    struct token_record fresh = {
        .refresh =
            r->token.refresh != NULL ? r->token.refresh : r->record.refresh,
        .access = r->token.access,
        .obtained_s = (uint64_t)time(NULL),
        .lifetime_s = r->token.lifetime_s,
    };

    memcpy(fresh.granted_by, r->mark, sizeof(fresh.granted_by));
    return fresh;
}

static void save(struct disk_job *job)
{
    struct token_renewal *r = renewal_of(job);
    struct token_record fresh = fresh_record(r);

    r->saved =
        token_store_replace(r->to.store, &r->to.owner, &r->digest, &fresh);
}

/* It takes all that the record is made of. */
static void keep_unsaved(struct token_renewal *r)
{
    token_record_fini(&r->to.unsaved->record);
    r->to.unsaved->record = fresh_record(r);
    r->to.unsaved->from = r->digest;
    if (r->token.refresh == NULL)
        r->record.refresh = NULL;
    r->token = (struct oauth_token){ .access = NULL };
}

static void on_saved(struct disk_job *job)
{
    struct token_renewal *r = renewal_of(job);

    if (r->saved == TOKEN_STORE_OK) {
        succeed(r);
    } else if (r->saved == TOKEN_STORE_ECHANGED) {
        /* In spite of the lock: a backup that was brought back. */
        fail(r, OAUTH_UNAVAILABLE, "another token was kept meanwhile");
    } else {
        keep_unsaved(r);
        fail(r, OAUTH_UNAVAILABLE, "the new token cannot be written");
    }
}

static void end_question(struct disk_job *job)
{
    struct token_renewal *r = renewal_of(job);

    token_store_end_question(r->to.store, &r->to.owner);
}

static void on_question_ended(struct disk_job *job)
{
    tell_failure(renewal_of(job));
}

/* The server was not asked, or has said no: nothing was replaced. The note of a
 * question before this one, whose answer was lost, stays.
 */
static void fail_for_sure(struct token_renewal *r)
{
    if (r->look == LOOK_ASK && !r->has_lost_answer)
        disk_queue_add(r->to.disk, &r->job, end_question, on_question_ended);
    else
        tell_failure(r);
}

/* Nobody can agree to what an application does by itself: whatever is refused
 * there is for the operator to mend, and is tried again.
 */
static enum oauth_result judge(const struct token_renewal *r,
                               enum oauth_result result)
{
    bool by_person = r->to.source->config->grant == OAUTH_REFRESH_TOKEN;
    bool is_refusal = result == OAUTH_INVALID_GRANT || result == OAUTH_DENIED ||
                      result == OAUTH_EXPIRED;

    return is_refusal && !by_person ? OAUTH_INVALID_CLIENT : result;
}

/* What has used up the refresh token is told to whoever has to agree anew. */
static void add_cause(struct token_renewal *r)
{
    size_t length = strlen(r->error.text);

    if (r->has_lost_answer && r->result == OAUTH_INVALID_GRANT)
        (void)snprintf(r->error.text + length, sizeof(r->error.text) - length,
                       ", after an answer that was lost");
}

static void on_token(void *owner, const struct http_answer *answer)
{
    struct token_renewal *r = owner;
    bool by_refresh = r->to.source->config->grant == OAUTH_REFRESH_TOKEN;

    r->result = judge(r, oauth_answer_token(answer, &r->token, &r->error));
    add_cause(r);
    if (r->result == OAUTH_OK && by_refresh)
        disk_queue_add(r->to.disk, &r->job, save, on_saved);
    else if (r->result == OAUTH_OK)
        succeed(r);
    else if (answer->outcome == HTTP_ANSWERED)
        fail_for_sure(r);
    else
        tell_failure(r);
}

/* --- the question --- */

static void fail_to_ask(struct token_renewal *r, enum oauth_result result,
                        const struct oauth_error *error)
{
    r->result = result;
    r->error = *error;
    fail_for_sure(r);
}

static void ask(struct token_renewal *r, const char *endpoint)
{
    const struct config_oauth *c = r->to.source->config;
    bool by_refresh = c->grant == OAUTH_REFRESH_TOKEN;
    struct buf form;
    bool is_asked;

    if (!http_url_is_permitted(endpoint, false, NULL)) {
        fail_to_ask(r, OAUTH_GARBLED, &no_https);
        return;
    }
    buf_init(&form, OAUTH_FORM_MAX);
    oauth_form_begin(&form, r->to.source,
                     by_refresh ? "refresh_token" : "client_credentials");
    if (by_refresh)
        oauth_form_add(&form, "refresh_token", r->record.refresh);
    else if (c->scope != NULL)
        oauth_form_add(&form, "scope", c->scope);
    is_asked = oauth_post(r->to.http, r->to.source, endpoint, &form, on_token,
                          r) != NULL;
    buf_fini(&form);
    if (!is_asked)
        fail_to_ask(r, OAUTH_NO_MEMORY, &no_memory);
}

static void on_discovered(void *owner, enum oauth_result result,
                          const struct oauth_error *error,
                          char *endpoints[OAUTH_ENDPOINT_COUNT])
{
    struct token_renewal *r = owner;

    if (result != OAUTH_OK) {
        fail_to_ask(r, result, error);
        return;
    }
    r->token_endpoint = endpoints[OAUTH_ENDPOINT_TOKEN];
    r->has_discovered = true;
    free(endpoints[OAUTH_ENDPOINT_AUTHORIZATION]);
    free(endpoints[OAUTH_ENDPOINT_DEVICE]);
    ask(r, r->token_endpoint);
}

static void find_endpoint(struct token_renewal *r)
{
    if (r->token_endpoint != NULL)
        ask(r, r->token_endpoint);
    else if (oauth_discovery_start(r->to.http, r->to.source, on_discovered,
                                   r) == NULL)
        fail_to_ask(r, OAUTH_NO_MEMORY, &no_memory);
}

/* --- what is kept --- */

/* What could not be written before is what the server knows, unless somebody has
 * agreed anew since.
 */
static bool save_unsaved(const struct token_renewal *r)
{
    struct token_unsaved *u = r->to.unsaved;
    enum token_store_status status;

    if (u->record.access == NULL)
        return true;
    status =
        token_store_replace(r->to.store, &r->to.owner, &u->from, &u->record);
    if (status != TOKEN_STORE_OK && status != TOKEN_STORE_ECHANGED)
        return false;
    token_record_fini(&u->record);
    return true;
}

static bool is_still_good(struct token_renewal *r)
{
    const struct token_record *k = &r->record;

    if (k->access == NULL ||
        (r->to.but_not != NULL && strcmp(r->to.but_not, k->access) == 0))
        return false;
    r->left_s =
        token_lifetime_left(k->obtained_s, k->lifetime_s, (uint64_t)time(NULL));
    return r->left_s > 0;
}

static enum look judge_record(struct token_renewal *r)
{
    if (strcmp(r->record.granted_by, r->mark) != 0)
        return LOOK_FOREIGN;
    r->has_lost_answer = token_store_has_question(r->to.store, &r->to.owner);
    if (is_still_good(r))
        return LOOK_USE;
    if (r->record.refresh == NULL)
        return LOOK_NO_REFRESH;
    return token_record_digest(&r->record, &r->digest) ? LOOK_ASK
                                                       : LOOK_NO_MEMORY;
}

static enum look look_at_record(struct token_renewal *r)
{
    if (!save_unsaved(r))
        return LOOK_UNSAVED;
    r->stamp = token_store_stamp(r->to.store, &r->to.owner);
    switch (token_store_load(r->to.store, &r->to.owner, &r->record)) {
    case TOKEN_STORE_OK:
        return judge_record(r);
    case TOKEN_STORE_NONE:
        return LOOK_NONE;
    case TOKEN_STORE_EKEY:
        return LOOK_KEY;
    case TOKEN_STORE_EFAILED:
    case TOKEN_STORE_ECHANGED:
        break;
    }
    return LOOK_UNREADABLE;
}

static void look(struct disk_job *job)
{
    struct token_renewal *r = renewal_of(job);

    r->look = look_at_record(r);
    if (r->look == LOOK_ASK)
        token_store_note_question(r->to.store, &r->to.owner);
}

static void on_looked(struct disk_job *job)
{
    struct token_renewal *r = renewal_of(job);

    switch (r->look) {
    case LOOK_USE:
        succeed_with_kept(r);
        break;
    case LOOK_ASK:
        find_endpoint(r);
        break;
    case LOOK_UNSAVED:
        fail(r, OAUTH_UNAVAILABLE, "the new token cannot be written");
        break;
    case LOOK_NONE:
        fail(r, OAUTH_INVALID_GRANT, "nobody has agreed yet");
        break;
    case LOOK_KEY:
        fail(r, OAUTH_INVALID_GRANT, "the file does not open with this key");
        break;
    case LOOK_UNREADABLE:
        fail(r, OAUTH_UNAVAILABLE, "the file cannot be read");
        break;
    case LOOK_FOREIGN:
        fail(r, OAUTH_INVALID_GRANT, "another provider or client granted it");
        break;
    case LOOK_NO_REFRESH:
        fail(r, OAUTH_INVALID_GRANT, "there is no refresh token");
        break;
    case LOOK_NO_MEMORY:
        fail(r, OAUTH_NO_MEMORY, "no memory");
        break;
    case LOOK_AT_NOTHING:
        break;
    }
}

static void take_lock(uv_timer_t *timer)
{
    struct token_renewal *r = timer->data;

    if (r->to.store == NULL) {
        fail(r, OAUTH_UNAVAILABLE,
             "no tokens are kept since the start: a restart is needed, or see "
             "tokens_not_kept");
        return;
    }
    if (!token_source_mark(r->to.source, r->mark)) {
        fail(r, OAUTH_NO_MEMORY, "no memory");
        return;
    }
    r->stamp = token_store_stamp(r->to.store, &r->to.owner);
    r->has_lock = token_store_try_lock(r->to.store, &r->to.owner);
    if (r->has_lock)
        disk_queue_add(r->to.disk, &r->job, look, on_looked);
    else if (++r->lock_tries < TOKEN_LOCK_TRIES)
        (void)uv_timer_start(timer, take_lock, TOKEN_LOCK_RETRY_MS, 0);
    else
        fail(r, OAUTH_UNAVAILABLE, "another process has the lock");
}

/* --- commands --- */

static void on_printed(void *owner, enum command_outcome outcome,
                       struct span printed)
{
    struct token_renewal *r = owner;

    if (outcome != COMMAND_PRINTED)
        fail(r, OAUTH_UNAVAILABLE, command_outcome_text(outcome));
    else if (oauth_printed_parse(printed, &r->token) != OAUTH_OK)
        fail(r, OAUTH_GARBLED, "the command printed no token");
    else
        succeed(r);
}

static void run_command(struct token_renewal *r)
{
    if (r->to.commands == NULL ||
        command_client_ask(r->to.commands, r->to.owner.source,
                           r->to.owner.account, on_printed, r) == NULL)
        fail(r, OAUTH_UNAVAILABLE, command_outcome_text(COMMAND_GONE));
}

/* --- the beginning --- */

static void begin(uv_timer_t *timer)
{
    struct token_renewal *r = timer->data;

    switch (r->to.source->config->grant) {
    case OAUTH_REFRESH_TOKEN:
        take_lock(timer);
        break;
    case OAUTH_CLIENT_CREDENTIALS:
        find_endpoint(r);
        break;
    case OAUTH_COMMAND:
        run_command(r);
        break;
    }
}

struct token_renewal *token_renewal_start(const struct token_renewal_to *to,
                                          token_renewal_done *done, void *data)
{
    struct token_renewal *r = calloc(1, sizeof(*r));

    if (r == NULL)
        return NULL;
    r->to = *to;
    r->done = done;
    r->data = data;
    if (to->token_endpoint != NULL) {
        r->token_endpoint = strdup(to->token_endpoint);
        if (r->token_endpoint == NULL) {
            free(r);
            return NULL;
        }
    }
    (void)uv_timer_init(to->loop, &r->timer);
    r->timer.data = r;
    (void)uv_timer_start(&r->timer, begin, 0, 0);
    return r;
}
