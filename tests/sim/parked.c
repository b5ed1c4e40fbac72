/* Upstream connections that rest between the sessions of a world, and what
 * befalls them meanwhile. None may make a login fail: so what goes wrong with
 * one before it has selected the mailbox excuses nothing.
 */
#include <string.h>

#include "sim/cover.h"
#include "sim/heap.h"
#include "sim/session.h"

bool parked_is_on_trial(const struct session *s)
{
    return s->reusing && bridge_report(s->bridge)->upstream_reused == 0;
}

static void swap_servers(struct world *w)
{
    struct model_imap kept = w->server;

    w->server = w->resting;
    /* These are counted for the session. */
    w->server.bodies = kept.bodies;
    w->server.faults = kept.faults;
    w->resting = kept;
}

void parked_drop(struct world *w)
{
    if (w->has_resting)
        model_imap_close(&w->resting);
    w->has_resting = false;
}

void parked_befall(struct world *w)
{
    struct model_imap *m = &w->resting;

    if (!w->has_resting || !model_chance(m, w->traits.fault))
        return;
    switch (random_below(&w->random, 4)) {
    case 0:
        m->cut = true;
        break;
    case 1:
        m->silent = true;
        break;
    case 2:
        model_say(m, "* BYE idle\r\n");
        m->closing = true;
        break;
    case 3: /* half a response is all that comes */
        model_say(m, "* 4 EXI");
        m->cut = true;
        break;
    }
}

void parked_park(struct session *s, const struct imap_parked *parked)
{
    struct world *w = s->world;

    if (w->upstream_policy.upstream_reuse_ms == 0)
        session_fail(s, "PARK, and none may rest");
    if (s->upstream != UPSTREAM_UP || !w->server.authenticated)
        session_fail(s, "PARK of what is no session");
    if (bridge_upstream_output(s->bridge).len > 0 ||
        !model_imap_is_at_rest(&w->server))
        session_fail(s, "PARK while something is under way");
    if (s->asked_again)
        session_fail(s, "PARK under a token that was refused");
    if (parked->tag != w->server.last_tag)
        session_fail(s, "PARK with another tag");
    if (s->failed)
        return;
    parked_drop(w);
    swap_servers(w);
    w->has_resting = true;
    w->parked = *parked;
    s->upstream = UPSTREAM_NONE;
    s->upstream_seen = 0;
    s->reusing = false;
    cover(COVER_PARKED);
}

/* The owner compares: only the very same login gets it. */
static bool is_the_same(const struct world *w, const struct credentials *c)
{
    return buf_length(&c->identity) == 0 &&
           span_equals(buf_span(&c->user), span_from_string(w->traits.user)) &&
           span_equals(buf_span(&c->secret),
                       span_from_string(w->traits.token != NULL
                                            ? w->traits.token
                                            : w->traits.password));
}

static bool find(struct session *s, const struct credentials *c)
{
    struct world *w = s->world;

    if (!w->has_resting || !is_the_same(w, c))
        return false;
    /* Its time was over; or that it had closed was seen. */
    if (session_roll(s, 10) != 0 &&
        !(w->resting.cut && session_roll(s, 2) == 0))
        return true;
    parked_drop(w);
    return false;
}

void parked_reuse(struct session *s, const struct credentials *credentials)
{
    struct world *w = s->world;
    bool found = find(s, credentials);

    if (w->upstream_policy.upstream_reuse_ms == 0 ||
        s->upstream != UPSTREAM_NONE)
        session_fail(s, "REUSE at the wrong time");
    if (found) {
        swap_servers(w);
        w->has_resting = false;
        model_imap_take_up(&w->server);
        s->upstream = UPSTREAM_UP;
        s->upstream_seen = 0;
        s->reusing = s->was_taken_up = true;
        cover(COVER_TAKEN_UP);
    }
    heap_enter();
    bridge_reuse(s->bridge, found ? &w->parked : NULL, s->now);
    heap_leave();
}
