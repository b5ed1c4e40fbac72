#include "server/upstream_probe.h"

#include <stdlib.h>

#include "base/limits.h"
#include "server/upstream_notes.h"
#include "server/upstream_talk.h"

struct upstream_probe {
    struct settings *settings;
    const struct settings_upstream *upstream; /* of those */
    upstream_probe_done *done;
    void *owner;
    uv_timer_t timer;
    struct upstream_talk talk;
};

/* --- the end --- */

static void on_timer_closed(uv_handle_t *handle)
{
    struct upstream_probe *p = handle->data;

    settings_release(p->settings);
    free(p);
}

static void end(struct upstream_probe *p)
{
    upstream_talk_fini(&p->talk);
    uv_close((uv_handle_t *)&p->timer, on_timer_closed);
}

void upstream_probe_cancel(struct upstream_probe *p)
{
    if (p != NULL)
        end(p);
}

static void finish(struct upstream_probe *p, const char *failure)
{
    p->done(p->owner, failure);
    upstream_talk_close(&p->talk); /* LOGOUT may be on its way */
    end(p);
}

static void on_time(uv_timer_t *timer)
{
    finish(timer->data, fault_pop3_text(FAULT_UPSTREAM_SILENT));
}

/* --- the talk --- */

/* False: it is over. */
static bool take_event(struct upstream_probe *p,
                       const struct imap_session_event *ev)
{
    switch (ev->kind) {
    case IMAP_SESSION_READY:
        upstream_note_certificate(p->upstream, p->talk.to.server,
                                  connection_tls(p->talk.connection));
        upstream_talk_leave(&p->talk);
        finish(p, NULL);
        return false;
    case IMAP_SESSION_FAILED:
        finish(p, fault_pop3_text(ev->fault));
        return false;
    case IMAP_SESSION_MORE:
    case IMAP_SESSION_START_TLS:
    case IMAP_SESSION_PROVE:
    case IMAP_SESSION_LOGGED_IN:
    case IMAP_SESSION_SELECTED:
    case IMAP_SESSION_ITEM:
    case IMAP_SESSION_COMPLETED:
    case IMAP_SESSION_TEXT:
    case IMAP_SESSION_ID:
    case IMAP_SESSION_LOGGED_OUT:
        break;
    }
    return true;
}

static void on_stir(void *owner)
{
    struct upstream_probe *p = owner;
    struct imap_session_event ev;

    for (;;) {
        switch (upstream_talk_next(&p->talk, &ev)) {
        case UPSTREAM_TALK_EVENT:
            if (!take_event(p, &ev))
                return;
            break;
        case UPSTREAM_TALK_MORE:
            return;
        case UPSTREAM_TALK_FAILED:
            finish(p, p->talk.failure);
            return;
        }
    }
}

/* --- the beginning --- */

struct upstream_probe *upstream_probe_start(
    struct connection_space *space, struct settings *settings,
    const struct settings_upstream *upstream,
    const struct upstream_server *server, upstream_probe_done *done,
    void *owner)
{
    const struct upstream_talk_to to = {
        .upstream = upstream->config,
        .server = server,
        .policy = &upstream->policy,
        .tls = upstream->tls,
    };
    struct upstream_probe *p = calloc(1, sizeof(*p));

    if (p == NULL)
        return NULL;
    p->settings = settings;
    p->upstream = upstream;
    p->done = done;
    p->owner = owner;
    if (!upstream_talk_start(&p->talk, &to, space, on_stir, p)) {
        free(p);
        return NULL;
    }
    settings_hold(settings);
    (void)uv_timer_init(space->loop, &p->timer);
    p->timer.data = p;
    (void)uv_timer_start(&p->timer, on_time, UPSTREAM_PROBE_TIMEOUT_MS, 0);
    return p;
}
