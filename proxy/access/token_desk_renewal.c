/* token_desk_renewal.c - the desk asks for one account's token, and takes what
 * comes of that.
 */
#include <stdlib.h>
#include <string.h>

#include "access/token_desk_parts.h"
#include "access/wiping.h"

/* --- what comes of a renewal --- */

struct desk_source *desk_known_source(struct token_desk *d, const char *name)
{
    for (size_t i = 0; i < d->known_count; i++)
        if (strcmp(d->known[i].name, name) == 0)
            return &d->known[i];
    return NULL;
}

static void gain(struct desk_entry *e, const struct token_gain *gain)
{
    char *access = strdup(gain->access);
    uint64_t now_ms = uv_now(e->desk->loop);

    if (access == NULL) {
        token_state_fail(&e->state, OAUTH_NO_MEMORY, now_ms);
        return;
    }
    wiping_free_text(e->access);
    e->access = access;
    e->is_wanted = e->wishes != NULL || gain->is_urgent;
    token_state_obtain(&e->state, gain->lifetime_s, now_ms);
    if (gain->is_urgent)
        token_state_hurry(&e->state, now_ms);
}

static void lose(struct desk_entry *e, const struct token_gain *gain)
{
    uint64_t now_ms = uv_now(e->desk->loop);

    e->stamp = gain->stamp;
    token_state_fail(&e->state, gain->result, now_ms);
    token_state_pause(&e->state, gain->error->retry_after_s, now_ms);
}

static void tell(struct desk_entry *e, const struct token_gain *gain)
{
    const struct token_state *s = &e->state;
    struct token_report report = {
        .source = e->source,
        .account = e->account,
        .result = gain->result,
        .error = gain->error->text,
        .is_kept = gain->is_kept,
        .lifetime_s = gain->lifetime_s,
    };

    if (gain->result != OAUTH_OK && !s->is_refused)
        report.retry_in_ms = s->retry_ms - uv_now(e->desk->loop);
    e->desk->tell(e->desk->owner, &report);
}

static void note(struct desk_source *known, const struct token_gain *result)
{
    if (!result->is_kept)
        known->tries[result->result]++;
    if (result->token_endpoint == NULL)
        return;
    free(known->token_endpoint);
    known->token_endpoint = strdup(result->token_endpoint);
}

/* What a section has granted that has come to mean another provider or client is
 * not for those who ask now.
 */
void desk_forget_if_other(struct desk_entry *e,
                          const struct token_sources *then,
                          const struct token_sources *now)
{
    const struct token_source *a = token_sources_find(then, e->source);
    const struct token_source *b = token_sources_find(now, e->source);

    if (a == NULL || b == NULL || !token_source_equals(a, b))
        token_state_forget(&e->state);
}

static void on_renewed(void *data, const struct token_gain *result)
{
    struct desk_entry *e = data;
    struct token_desk *d = e->desk;
    struct desk_source *known = desk_known_source(d, e->source);

    e->renewal = NULL;
    d->renewals--;
    if (known != NULL)
        note(known, result);
    if (result->result == OAUTH_OK)
        gain(e, result);
    else
        lose(e, result);
    desk_forget_if_other(e, e->held, d->sources);
    tell(e, result);
    token_sources_release(e->held);
    e->held = NULL;
    desk_answer_all(e);
    if (d->is_closing)
        desk_end_if_idle(d);
}

/* --- renewing --- */

bool desk_renew(struct desk_entry *e)
{
    struct token_desk *d = e->desk;
    const struct token_source *source =
        token_sources_find(d->sources, e->source);
    struct desk_source *known = desk_known_source(d, e->source);
    struct token_renewal_to to = {
        .loop = d->loop,
        .disk = &d->disk,
        .store = d->store,
        .commands = d->commands,
        .source = source,
        .owner = desk_owner_of(e),
        .unsaved = &e->unsaved,
        .but_not = e->access,
    };

    if (source == NULL || known == NULL)
        return false;
    if (d->http == NULL)
        d->http = http_client_new(d->loop);
    if (d->http == NULL)
        return false;
    to.http = d->http;
    to.token_endpoint = source->endpoints[OAUTH_ENDPOINT_TOKEN];
    if (to.token_endpoint == NULL)
        to.token_endpoint = known->token_endpoint;
    e->renewal = token_renewal_start(&to, on_renewed, e);
    if (e->renewal == NULL)
        return false;
    token_sources_hold(d->sources);
    e->held = d->sources;
    d->renewals++;
    return true;
}
