#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* Where there is no memory for one more, that is no end of the process. */
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(entry) ((entry)->is_left_out = true)
#include "access/token_desk_parts.h"
#include "access/wiping.h"
#include "base/limits.h"

/* --- the end --- */

struct token_owner desk_owner_of(const struct desk_entry *e)
{
    return (struct token_owner){ e->source, e->account };
}

static void free_entry(struct desk_entry *e)
{
    assert(e->renewal == NULL);
    token_record_fini(&e->unsaved.record);
    wiping_free_text(e->access);
    free(e->key);
    free(e->source);
    free(e->account);
    free(e);
}

static void free_known(struct desk_source *known, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(known[i].token_endpoint);
        free(known[i].name);
    }
    free(known);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct token_desk *d = handle->data;

    if (--d->open_handles > 0)
        return;
    pthread_mutex_destroy(&d->mutex);
    free(d);
}

/* The last chance of what the disk did not take so far. There is nobody any more
 * who would have to wait for it.
 */
static void save_unsaved(struct desk_entry *e)
{
    const struct token_owner owner = desk_owner_of(e);
    const struct token_report lost = {
        .source = e->source,
        .account = e->account,
        .result = OAUTH_UNAVAILABLE,
        .error = "the new token could not be written before the end",
    };
    struct token_store *store = e->desk->store;
    enum token_store_status status = TOKEN_STORE_EFAILED;

    if (e->unsaved.record.access == NULL)
        return;
    if (token_store_try_lock(store, &owner)) {
        status = token_store_replace(store, &owner, &e->unsaved.from,
                                     &e->unsaved.record);
        token_store_unlock(store, &owner);
    }
    if (status != TOKEN_STORE_OK && status != TOKEN_STORE_ECHANGED)
        e->desk->tell(e->desk->owner, &lost);
}

/* Whoever waits for an answer that may hold the one refresh token that is good
 * from now on waits until it is there.
 */
void desk_end_if_idle(struct token_desk *d)
{
    struct desk_entry *e;
    struct desk_entry *next;

    if (d->renewals > 0)
        return;
    HASH_ITER (hh, d->entries, e, next) {
        save_unsaved(e);
        HASH_DEL(d->entries, e);
        free_entry(e);
    }
    http_client_close(d->http);
    command_client_close(d->commands);
    token_store_free(d->store);
    free_known(d->known, d->known_count);
    token_sources_release(d->sources);
    uv_close((uv_handle_t *)&d->timer, on_handle_closed);
    uv_close((uv_handle_t *)&d->arrivals, on_handle_closed);
}

/* --- what was wished for --- */

static void answer(struct token_wish *w, const struct desk_entry *e,
                   enum token_verdict verdict)
{
    w->outcome = verdict == TOKEN_USE       ? TOKEN_GIVEN
                 : verdict == TOKEN_REFUSED ? TOKEN_WITHHELD
                                            : TOKEN_UNAVAILABLE;
    if (w->outcome == TOKEN_GIVEN && !buf_append_string(&w->token, e->access))
        w->outcome = TOKEN_UNAVAILABLE;
    token_wish_send_back(w);
}

void desk_answer_all(struct desk_entry *e)
{
    enum token_verdict verdict =
        token_state_judge(&e->state, uv_now(e->desk->loop));
    struct token_wish *w;

    while ((w = e->wishes) != NULL) {
        DL_DELETE(e->wishes, w);
        answer(w, e, verdict);
    }
}

/* --- when tokens are renewed --- */

static struct file_stamp stamp_of(const struct desk_entry *e)
{
    const struct token_owner owner = desk_owner_of(e);

    if (e->desk->store == NULL)
        return (struct file_stamp){ .inode = 0 };
    return token_store_stamp(e->desk->store, &owner);
}

/* Somebody may have agreed meanwhile: `popinjay oauth login`. */
static void look_for_news(struct desk_entry *e)
{
    struct file_stamp stamp;

    if (e->state.failures == 0 || e->renewal != NULL)
        return;
    stamp = stamp_of(e);
    if (!file_stamp_equals(&stamp, &e->stamp))
        token_state_forgive(&e->state);
}

static void on_time(uv_timer_t *timer)
{
    struct token_desk *d = timer->data;
    uint64_t now_ms = uv_now(d->loop);
    struct desk_entry *e;
    struct desk_entry *next;

    HASH_ITER (hh, d->entries, e, next) {
        if (d->renewals >= TOKEN_RENEWALS_AHEAD_MAX)
            return;
        if (e->is_wanted && e->renewal == NULL &&
            token_state_is_due(&e->state, now_ms))
            (void)desk_renew(e);
    }
}

/* --- accounts --- */

static struct desk_entry *new_entry(struct token_desk *d, const char *key,
                                    const char *source, const char *account)
{
    struct desk_entry *e = calloc(1, sizeof(*e));

    if (e == NULL)
        return NULL;
    e->desk = d;
    e->key = strdup(key);
    e->source = strdup(source);
    e->account = strdup(account);
    if (e->key == NULL || e->source == NULL || e->account == NULL ||
        HASH_COUNT(d->entries) >= TOKEN_ACCOUNTS_MAX) {
        free_entry(e);
        return NULL;
    }
    HASH_ADD_KEYPTR(hh, d->entries, e->key, strlen(e->key), e);
    if (e->is_left_out) {
        free_entry(e);
        return NULL;
    }
    if (!uv_is_active((uv_handle_t *)&d->timer))
        (void)uv_timer_start(&d->timer, on_time, TOKEN_TICK_MS, TOKEN_TICK_MS);
    return e;
}

/* An application's token is for all of its mailboxes. */
static struct desk_entry *find_entry(struct token_desk *d, const char *name,
                                     const char *account)
{
    const struct token_source *source = token_sources_find(d->sources, name);
    struct desk_entry *e = NULL;
    char *key;

    if (source == NULL)
        return NULL;
    if (source->config->grant == OAUTH_CLIENT_CREDENTIALS)
        account = "";
    if (asprintf(&key, "%s:%s", name, account) < 0)
        return NULL;
    HASH_FIND_STR(d->entries, key, e);
    if (e == NULL)
        e = new_entry(d, key, name, account);
    free(key);
    return e;
}

/* A session may have held its token for long: what is given by now is another
 * one, that nobody has refused.
 */
static bool is_refused(const struct desk_entry *e, const struct token_wish *w)
{
    return e->access != NULL && buf_length(&w->refused) > 0 &&
           span_equals(buf_span(&w->refused), span_from_string(e->access));
}

static void serve(struct token_desk *d, struct token_wish *w)
{
    uint64_t now_ms = uv_now(d->loop);
    struct desk_entry *e = find_entry(d, w->source, w->account);

    if (e == NULL) {
        answer(w, NULL, TOKEN_HOLD);
        return;
    }
    e->is_wanted = true;
    if (is_refused(e, w))
        token_state_reject(&e->state, now_ms);
    look_for_news(e);
    if (token_state_judge(&e->state, now_ms) != TOKEN_OBTAIN) {
        answer(w, e, token_state_judge(&e->state, now_ms));
    } else if (e->renewal != NULL || desk_renew(e)) {
        DL_APPEND(e->wishes, w);
    } else {
        answer(w, e, TOKEN_HOLD);
    }
}

static void on_arrivals(uv_async_t *arrivals)
{
    struct token_desk *d = arrivals->data;
    struct token_wish *all;
    struct token_wish *w;

    pthread_mutex_lock(&d->mutex);
    all = d->inbox;
    d->inbox = NULL;
    pthread_mutex_unlock(&d->mutex);
    while ((w = all) != NULL) {
        DL_DELETE(all, w);
        serve(d, w);
    }
}

void token_desk_take_wish(struct token_desk *d, struct token_wish *w)
{
    pthread_mutex_lock(&d->mutex);
    DL_APPEND(d->inbox, w);
    pthread_mutex_unlock(&d->mutex);
    uv_async_send(&d->arrivals);
}

/* --- its life --- */

struct token_desk *token_desk_new(uv_loop_t *loop, token_desk_tell *tell_owner,
                                  void *owner)
{
    struct token_desk *d = calloc(1, sizeof(*d));

    if (d == NULL || pthread_mutex_init(&d->mutex, NULL) != 0) {
        free(d);
        return NULL;
    }
    if (uv_async_init(loop, &d->arrivals, on_arrivals) != 0) {
        pthread_mutex_destroy(&d->mutex);
        free(d);
        return NULL;
    }
    (void)uv_timer_init(loop, &d->timer);
    d->arrivals.data = d;
    d->timer.data = d;
    d->open_handles = 2;
    d->loop = loop;
    disk_queue_init(&d->disk, loop);
    d->tell = tell_owner;
    d->owner = owner;
    return d;
}

/* The process before has ended while it waited for an answer: the sooner it is
 * asked again, the likelier is the old refresh token still taken.
 */
static void ask_once_more(void *desk, const struct token_owner *whose)
{
    struct token_desk *d = desk;
    struct desk_entry *e;

    if (d->renewals >= TOKEN_RENEWALS_AHEAD_MAX ||
        !token_store_has_question(d->store, whose))
        return;
    e = find_entry(d, whose->source, whose->account);
    if (e != NULL && e->renewal == NULL)
        (void)desk_renew(e);
}

void token_desk_keep(struct token_desk *d, struct token_store *store)
{
    d->store = store;
    if (store != NULL && d->sources != NULL)
        (void)!token_store_list(store, ask_once_more, d);
}

bool token_desk_can_keep(const struct token_desk *d)
{
    return d->store != NULL;
}

bool token_desk_keeps_by(const struct token_desk *d, struct span key)
{
    return d->store == NULL || token_store_has_key(d->store, key);
}

void token_desk_command(struct token_desk *d, struct command_client *commands)
{
    d->commands = commands;
}

/* What was counted goes on; endpoints are discovered anew. */
static struct desk_source *make_known(struct token_desk *d,
                                      const struct token_sources *sources)
{
    struct desk_source *known = calloc(sources->count + 1, sizeof(*known));

    for (size_t i = 0; known != NULL && i < sources->count; i++) {
        const char *name = sources->at[i].config->name;
        const struct desk_source *before = desk_known_source(d, name);

        known[i].name = strdup(name);
        if (known[i].name == NULL) {
            free_known(known, i);
            return NULL;
        }
        if (before != NULL)
            memcpy(known[i].tries, before->tries, sizeof(before->tries));
    }
    return known;
}

bool token_desk_adopt(struct token_desk *d, struct token_sources *sources)
{
    struct desk_source *known = make_known(d, sources);
    struct desk_entry *e;

    if (known == NULL)
        return false;
    free_known(d->known, d->known_count);
    d->known = known;
    d->known_count = sources->count;
    for (e = d->entries; e != NULL; e = e->hh.next)
        desk_forget_if_other(e, d->sources, sources);
    token_sources_hold(sources);
    token_sources_release(d->sources);
    d->sources = sources;
    /* What is under way goes on as it began: its answer may hold the one
     * refresh token that is good from now on.
     */
    for (e = d->entries; e != NULL; e = e->hh.next)
        token_state_forgive(&e->state);
    return true;
}

void token_desk_close(struct token_desk *d)
{
    struct desk_entry *e;
    struct token_wish *w;

    if (d == NULL)
        return;
    on_arrivals(&d->arrivals); /* none is left behind */
    d->is_closing = true;
    (void)uv_timer_stop(&d->timer);
    for (e = d->entries; e != NULL; e = e->hh.next) {
        while ((w = e->wishes) != NULL) {
            DL_DELETE(e->wishes, w);
            answer(w, e, TOKEN_HOLD);
        }
    }
    desk_end_if_idle(d);
}
