#include "access/token_renewal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "access/token_state.h"
#include "access/wiping.h"
#include "base/limits.h"

struct token_renewal {
    struct token_renewal_to to;
    token_renewal_done *done;
    void *data;
    uv_timer_t timer;
    unsigned lock_tries;
    bool has_lock;
    char *token_endpoint; /* NULL: not known yet */
    bool has_discovered;
    struct token_record record;
    char mark[TOKEN_MARK_SIZE];     /* of the source */
    struct http_exchange *exchange; /* NULL: none is under way; and so on */
    struct oauth_discovery *discovery;
    struct command_call *call;
};

/* --- the end --- */

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void unlock(struct token_renewal *r)
{
    if (r->has_lock)
        token_store_unlock(r->to.store, &r->to.owner);
    r->has_lock = false;
}

static void end(struct token_renewal *r)
{
    unlock(r);
    token_record_fini(&r->record);
    free(r->token_endpoint);
    uv_close((uv_handle_t *)&r->timer, on_closed);
}

void token_renewal_cancel(struct token_renewal *r)
{
    if (r == NULL)
        return;
    http_exchange_cancel(r->exchange);
    oauth_discovery_cancel(r->discovery);
    command_call_cancel(r->call);
    end(r);
}

/* Whoever is told may give up the store. */
static void finish(struct token_renewal *r, struct token_gain gain)
{
    if (r->has_discovered)
        gain.token_endpoint = r->token_endpoint;
    unlock(r);
    r->done(r->data, &gain);
    end(r);
}

static void fail(struct token_renewal *r, enum oauth_result result,
                 const char *text)
{
    struct oauth_error error;

    (void)snprintf(error.text, sizeof(error.text), "%s", text);
    finish(r, (struct token_gain){ .result = result, .error = &error });
}

static void succeed(struct token_renewal *r, const char *access,
                    uint64_t lifetime_s, bool is_kept)
{
    static const struct oauth_error none = { "" };

    finish(r, (struct token_gain){ .result = OAUTH_OK,
                                   .error = &none,
                                   .access = access,
                                   .lifetime_s = lifetime_s,
                                   .is_kept = is_kept });
}

/* --- the answer --- */

/* The refresh token of the answer, or the one that still holds: RFC 6749 §6. */
static bool save(struct token_renewal *r, struct oauth_token *token)
{
    struct token_record fresh = {
        .refresh = token->refresh != NULL ? token->refresh : r->record.refresh,
        .access = token->access,
        .obtained_s = (uint64_t)time(NULL),
        .lifetime_s = token->lifetime_s,
    };

    memcpy(fresh.granted_by, r->mark, sizeof(fresh.granted_by));
    if (token_store_save(r->to.store, &r->to.owner, &fresh) == TOKEN_STORE_OK)
        return true;
    token_record_fini(r->to.unsaved);
    *r->to.unsaved = fresh;
    if (token->refresh == NULL)
        r->record.refresh = NULL;
    token->refresh = NULL;
    token->access = NULL;
    return false;
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

static void on_token(void *owner, const struct http_answer *answer)
{
    struct token_renewal *r = owner;
    struct oauth_token token;
    struct oauth_error error;
    enum oauth_result result = oauth_answer_token(answer, &token, &error);

    r->exchange = NULL;
    if (result != OAUTH_OK)
        finish(r, (struct token_gain){ .result = judge(r, result),
                                       .error = &error });
    else if (r->to.source->config->grant == OAUTH_REFRESH_TOKEN &&
             !save(r, &token))
        fail(r, OAUTH_UNAVAILABLE, "the new token cannot be written");
    else
        succeed(r, token.access, token.lifetime_s, false);
    oauth_token_fini(&token);
}

/* --- the question --- */

static void ask(struct token_renewal *r, const char *endpoint)
{
    const struct config_oauth *c = r->to.source->config;
    bool by_refresh = c->grant == OAUTH_REFRESH_TOKEN;
    struct buf form;

    if (!http_url_is_permitted(endpoint, false, NULL)) {
        fail(r, OAUTH_GARBLED, "the token endpoint has no https address");
        return;
    }
    buf_init(&form, OAUTH_FORM_MAX);
    oauth_form_begin(&form, r->to.source,
                     by_refresh ? "refresh_token" : "client_credentials");
    if (by_refresh)
        oauth_form_add(&form, "refresh_token", r->record.refresh);
    else if (c->scope != NULL)
        oauth_form_add(&form, "scope", c->scope);
    r->exchange =
        oauth_post(r->to.http, r->to.source, endpoint, &form, on_token, r);
    buf_fini(&form);
    if (r->exchange == NULL)
        fail(r, OAUTH_NO_MEMORY, "no memory");
}

static void on_discovered(void *owner, enum oauth_result result,
                          const struct oauth_error *error,
                          char *endpoints[OAUTH_ENDPOINT_COUNT])
{
    struct token_renewal *r = owner;

    r->discovery = NULL;
    if (result != OAUTH_OK) {
        finish(r, (struct token_gain){ .result = result, .error = error });
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
    if (r->token_endpoint != NULL) {
        ask(r, r->token_endpoint);
        return;
    }
    r->discovery =
        oauth_discovery_start(r->to.http, r->to.source, on_discovered, r);
    if (r->discovery == NULL)
        fail(r, OAUTH_NO_MEMORY, "no memory");
}

/* --- what is kept --- */

/* What could not be written before is what the server knows. */
static bool save_unsaved(struct token_renewal *r)
{
    struct token_record *unsaved = r->to.unsaved;

    if (unsaved->access == NULL)
        return true;
    if (token_store_save(r->to.store, &r->to.owner, unsaved) != TOKEN_STORE_OK)
        return false;
    token_record_fini(unsaved);
    return true;
}

static bool is_still_good(const struct token_renewal *r)
{
    const struct token_record *k = &r->record;

    if (k->access == NULL ||
        (r->to.but_not != NULL && strcmp(r->to.but_not, k->access) == 0))
        return false;
    return token_lifetime_left(k->obtained_s, k->lifetime_s,
                               (uint64_t)time(NULL)) > 0;
}

static void look_at_record(struct token_renewal *r)
{
    const struct token_record *k = &r->record;

    if (!save_unsaved(r)) {
        fail(r, OAUTH_UNAVAILABLE, "the new token cannot be written");
        return;
    }
    switch (token_store_load(r->to.store, &r->to.owner, &r->record)) {
    case TOKEN_STORE_OK:
        break;
    case TOKEN_STORE_NONE:
        fail(r, OAUTH_INVALID_GRANT, "nobody has agreed yet");
        return;
    case TOKEN_STORE_EKEY:
        fail(r, OAUTH_INVALID_GRANT, "the file does not open with this key");
        return;
    case TOKEN_STORE_EFAILED:
        fail(r, OAUTH_UNAVAILABLE, "the file cannot be read");
        return;
    }
    if (strcmp(k->granted_by, r->mark) != 0)
        /* It is not theirs to see: the section has come to mean another. */
        fail(r, OAUTH_INVALID_GRANT, "another provider or client granted it");
    else if (is_still_good(r))
        succeed(r, k->access,
                token_lifetime_left(k->obtained_s, k->lifetime_s,
                                    (uint64_t)time(NULL)),
                true);
    else if (k->refresh == NULL)
        fail(r, OAUTH_INVALID_GRANT, "there is no refresh token");
    else
        find_endpoint(r);
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
    r->has_lock = token_store_try_lock(r->to.store, &r->to.owner);
    if (r->has_lock)
        look_at_record(r);
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
    struct oauth_token token;

    r->call = NULL;
    if (outcome != COMMAND_PRINTED) {
        fail(r, OAUTH_UNAVAILABLE, command_outcome_text(outcome));
        return;
    }
    if (oauth_printed_parse(printed, &token) != OAUTH_OK) {
        fail(r, OAUTH_GARBLED, "the command printed no token");
        return;
    }
    succeed(r, token.access, token.lifetime_s, false);
    oauth_token_fini(&token);
}

static void run_command(struct token_renewal *r)
{
    if (r->to.commands != NULL)
        r->call = command_client_ask(r->to.commands, r->to.owner.source,
                                     r->to.owner.account, on_printed, r);
    if (r->call == NULL)
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
