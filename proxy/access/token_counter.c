#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "access/token_desk_parts.h"
#include "base/limits.h"

/* Where answers arrive. It lives as long as the counter, and as any wish that is
 * on its way to it.
 */
struct mailbox {
    atomic_uint holders;
    pthread_mutex_t mutex; /* of all below */
    struct token_wish *answered;
    uv_async_t *arrivals; /* NULL: the counter is closed */
};

struct token_counter {
    struct token_desk *desk;
    struct mailbox *mailbox;
    uv_async_t arrivals;
    unsigned awaited; /* wishes that were not cancelled */
};

/* --- wishes --- */

static void release_mailbox(struct mailbox *m)
{
    if (atomic_fetch_sub(&m->holders, 1) > 1)
        return;
    assert(m->answered == NULL);
    pthread_mutex_destroy(&m->mutex);
    free(m);
}

static void free_wish(struct token_wish *w)
{
    release_mailbox(w->mailbox);
    buf_fini(&w->token);
    buf_fini(&w->refused);
    free(w->source);
    free(w->account);
    free(w);
}

void token_wish_send_back(struct token_wish *w)
{
    struct mailbox *m = w->mailbox;
    bool is_taken;

    pthread_mutex_lock(&m->mutex);
    is_taken = m->arrivals != NULL;
    if (is_taken) {
        DL_APPEND(m->answered, w);
        uv_async_send(m->arrivals);
    }
    pthread_mutex_unlock(&m->mutex);
    if (!is_taken)
        free_wish(w);
}

/* --- the counter's thread --- */

static struct token_wish *take_answered(struct mailbox *m)
{
    struct token_wish *all;

    pthread_mutex_lock(&m->mutex);
    all = m->answered;
    m->answered = NULL;
    pthread_mutex_unlock(&m->mutex);
    return all;
}

/* The loop need not stay for wishes that nobody waits for. */
static void count_awaited(struct token_counter *c, int more)
{
    c->awaited = (unsigned)((int)c->awaited + more);
    if (c->awaited > 0)
        uv_ref((uv_handle_t *)&c->arrivals);
    else
        uv_unref((uv_handle_t *)&c->arrivals);
}

static void on_arrivals(uv_async_t *arrivals)
{
    struct token_counter *c = arrivals->data;
    struct token_wish *all = take_answered(c->mailbox);
    struct token_wish *w;

    while ((w = all) != NULL) {
        DL_DELETE(all, w);
        if (w->given != NULL) {
            count_awaited(c, -1);
            w->given(w->owner, w->outcome, buf_span(&w->token));
        }
        free_wish(w);
    }
}

struct token_wish *token_counter_ask(struct token_counter *c,
                                     const char *source, const char *account,
                                     struct span refused, token_given *given,
                                     void *owner)
{
    struct token_wish *w = calloc(1, sizeof(*w));

    if (w == NULL)
        return NULL;
    atomic_fetch_add(&c->mailbox->holders, 1);
    w->mailbox = c->mailbox;
    buf_init(&w->token, OAUTH_TOKEN_MAX);
    w->source = strdup(source);
    w->account = strdup(account);
    buf_init(&w->refused, TOKEN_MAX);
    if (w->source == NULL || w->account == NULL ||
        (refused.len > 0 && !buf_append(&w->refused, refused))) {
        free_wish(w);
        return NULL;
    }
    w->given = given;
    w->owner = owner;
    count_awaited(c, 1);
    token_desk_take_wish(c->desk, w);
    return w;
}

/* It is somewhere between the threads, or among those that on_arrivals is about
 * to tell: whoever finds it frees it.
 */
void token_wish_cancel(struct token_wish *w)
{
    struct token_counter *c;

    if (w == NULL)
        return;
    c = w->mailbox->arrivals->data;
    assert(w->given != NULL);
    w->given = NULL;
    count_awaited(c, -1);
}

struct token_counter *token_counter_new(struct token_desk *desk,
                                        uv_loop_t *loop)
{
    struct token_counter *c = calloc(1, sizeof(*c));
    struct mailbox *m = calloc(1, sizeof(*m));

    if (c == NULL || m == NULL || pthread_mutex_init(&m->mutex, NULL) != 0) {
        free(c);
        free(m);
        return NULL;
    }
    if (uv_async_init(loop, &c->arrivals, on_arrivals) != 0) {
        pthread_mutex_destroy(&m->mutex);
        free(c);
        free(m);
        return NULL;
    }
    uv_unref((uv_handle_t *)&c->arrivals);
    atomic_init(&m->holders, 1);
    m->arrivals = &c->arrivals;
    c->arrivals.data = c;
    c->mailbox = m;
    c->desk = desk;
    return c;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void token_counter_close(struct token_counter *c)
{
    struct token_wish *all;
    struct token_wish *w;

    if (c == NULL)
        return;
    assert(c->awaited == 0);
    pthread_mutex_lock(&c->mailbox->mutex);
    c->mailbox->arrivals = NULL;
    pthread_mutex_unlock(&c->mailbox->mutex);
    all = take_answered(c->mailbox);
    while ((w = all) != NULL) {
        DL_DELETE(all, w);
        free_wish(w);
    }
    release_mailbox(c->mailbox);
    uv_close((uv_handle_t *)&c->arrivals, on_closed);
}
