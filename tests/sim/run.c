/* What happens next: one of all the things that can. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/limits.h"
#include "sim/cover.h"
#include "sim/heap.h"
#include "sim/session.h"
#include "support/octets.h"

/* Asked for in vain, or by a client that goes before they come. */
#define BODIES_SPARE (2 * READAHEAD_MESSAGES_MAX + 4)
#define STEPS_MAX 2000000

enum action {
    ACT_CLIENT,
    ACT_CLIENT_GIVE,
    ACT_CLIENT_TAKE,
    ACT_UPSTREAM_TAKE,
    ACT_UPSTREAM_GIVE,
    ACT_SERVER,
    ACT_SERVER_CLOSES,
    ACT_CONNECTED,
    ACT_HANDSHAKE,
    ACT_ACCESS,
    ACT_PROVE,
    ACT_COUNT,
};

void session_fail(struct session *s, const char *format, ...)
{
    va_list arguments;

    if (s->failed)
        return;
    s->failed = true;
    va_start(arguments, format);
    vsnprintf(s->failure, sizeof(s->failure), format, arguments);
    va_end(arguments);
    session_trace(s, "FAILED: %s", s->failure);
}

void session_trace(struct session *s, const char *format, ...)
{
    va_list arguments;

    if (!s->world->verbose)
        return;
    printf("%8" PRIu64 " ", s->now - s->started);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
}

void session_trace_octets(struct session *s, const char *who,
                          struct span octets)
{
    struct buf text;
    struct span shown;

    if (!s->world->verbose)
        return;
    buf_init(&text, 8192);
    if (octets.len > 1000)
        octets.len = 1000;
    octets_escape(octets, &text);
    shown = buf_span(&text);
    session_trace(s, "%-2s %.*s", who, (int)shown.len,
                  shown.data == NULL ? "" : (const char *)shown.data);
    buf_fini(&text);
}

/* --- What can happen now --- */

static bool client_can_give(const struct session *s)
{
    return s->client_open && !s->client_handshake && !s->close_wished &&
           buf_length(&s->to_bridge) > 0;
}

static bool client_can_take(const struct session *s)
{
    return s->client_open && bridge_client_output(s->bridge).len > 0;
}

static unsigned list_client_actions(struct session *s, enum action *can)
{
    unsigned n = 0;

    if (client_may_act(s))
        can[n++] = ACT_CLIENT;
    if (client_can_give(s)) {
        if (bridge_client_room(s->bridge) > 0)
            can[n++] = ACT_CLIENT_GIVE;
        else
            cover(COVER_ROOM_CLOSED_CLIENT);
    }
    if (client_can_take(s) && !s->lazy)
        can[n++] = ACT_CLIENT_TAKE;
    if (s->client_handshake && s->client_handshake_at <= s->now)
        can[n++] = ACT_HANDSHAKE;
    if (s->login_asked && s->login_answer_at <= s->now)
        can[n++] = ACT_ACCESS;
    if (s->proof_asked && s->proof_at <= s->now)
        can[n++] = ACT_PROVE;
    return n;
}

static unsigned list_upstream_actions(struct session *s, enum action *can)
{
    const struct model_imap *m = &s->world->server;
    unsigned n = 0;

    if (s->upstream == UPSTREAM_CONNECTING && s->upstream_outcome_at <= s->now)
        can[n++] = ACT_CONNECTED;
    if (s->upstream == UPSTREAM_HANDSHAKE && s->upstream_outcome_at <= s->now)
        can[n++] = ACT_HANDSHAKE;
    if (s->upstream != UPSTREAM_UP)
        return n;
    if (bridge_upstream_output(s->bridge).len > 0)
        can[n++] = ACT_UPSTREAM_TAKE;
    if (model_imap_is_busy(m))
        can[n++] = ACT_SERVER;
    if (m->cut || (m->closing && buf_length(&m->out) == 0))
        can[n++] = ACT_SERVER_CLOSES;
    if (buf_length(&m->out) > 0) {
        if (bridge_upstream_room(s->bridge) > 0)
            can[n++] = ACT_UPSTREAM_GIVE;
        else
            cover(COVER_ROOM_CLOSED_UPSTREAM);
    }
    return n;
}

static void act(struct session *s, enum action action)
{
    switch (action) {
    case ACT_CLIENT:
        client_act(s);
        break;
    case ACT_CLIENT_GIVE:
        wire_client_give(s);
        break;
    case ACT_CLIENT_TAKE:
        wire_client_take(s);
        break;
    case ACT_UPSTREAM_TAKE:
        wire_upstream_take(s);
        break;
    case ACT_UPSTREAM_GIVE:
        wire_upstream_give(s);
        break;
    case ACT_SERVER:
        wire_server_act(s);
        break;
    case ACT_SERVER_CLOSES:
        wire_upstream_lost(s);
        break;
    case ACT_CONNECTED:
        wire_connect_outcome(s);
        break;
    case ACT_HANDSHAKE:
        wire_handshake_outcome(s);
        break;
    case ACT_ACCESS:
        wire_access_answers(s);
        break;
    case ACT_PROVE:
        wire_prove(s);
        break;
    case ACT_COUNT:
        break;
    }
}

/* --- What befalls --- */

/* Nothing else moves while a listing is given: then what it said is what the
 * session must show.
 */
static bool others_may_act(const struct session *s)
{
    return s->judge.logged_in || !s->world->server.selected ||
           s->upstream != UPSTREAM_UP;
}

static void shut_down(struct session *s)
{
    if (s->shut_down || bridge_is_over(s->bridge))
        return;
    s->shut_down = s->excused = true;
    s->world->server.frozen = true;
    cover(bridge_phase(s->bridge) == BRIDGE_UPDATE ? COVER_SHUT_DOWN_UPDATE
                                                   : COVER_SHUT_DOWN);
    wire_outcome(s, BRIDGE_SHUT_DOWN);
}

/* A mailbox of the maildrop that is not selected is made anew. */
static void renumber_other(struct session *s)
{
    struct world *w = s->world;
    struct model_mailbox *other = &w->boxes[1 - w->server.at];

    if (w->shown_count < 2 || !s->judge.logged_in ||
        s->upstream != UPSTREAM_UP || session_roll(s, 4) != 0)
        return;
    model_mailbox_renumber(other);
    s->renumbered = s->excused = true;
    cover(COVER_RENUMBERED_OTHER);
}

static void befall(struct session *s)
{
    struct world *w = s->world;

    if (session_chance(s, w->disturb) && others_may_act(s)) {
        model_mailbox_disturb(world_any_box(w));
        s->disturbed = true;
    }
    if (session_chance(s, w->disturb / 8) && others_may_act(s))
        renumber_other(s);
    if (session_chance(s, w->disturb / 8) && s->upstream == UPSTREAM_UP &&
        s->judge.logged_in && session_roll(s, 8) == 0) {
        model_imap_announce_change(&w->server);
        s->excused = true;
        cover(COVER_ANNOUNCED);
    }
    if (session_chance(s, w->drop) &&
        (bridge_phase(s->bridge) == BRIDGE_UPDATE || session_roll(s, 16) == 0))
        shut_down(s);
    if (session_chance(s, w->drop) && s->upstream == UPSTREAM_UP)
        wire_upstream_lost(s);
    if (session_chance(s, w->drop) && s->client_open && !s->close_wished &&
        session_roll(s, 4) == 0)
        wire_client_lost(s);
}

/* --- Time --- */

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t next_outcome(const struct session *s)
{
    uint64_t at = UINT64_MAX;

    if (s->upstream == UPSTREAM_CONNECTING || s->upstream == UPSTREAM_HANDSHAKE)
        at = earlier(at, s->upstream_outcome_at);
    if (s->login_asked)
        at = earlier(at, s->login_answer_at);
    if (s->proof_asked)
        at = earlier(at, s->proof_at);
    if (s->client_handshake)
        at = earlier(at, s->client_handshake_at);
    return at;
}

static void count_timeout(const struct session *s)
{
    if (s->close_wished || !s->client_open)
        return;
    if (!s->judge.logged_in &&
        s->now - s->started >= s->world->policy.login_timeout_ms)
        cover(COVER_TIMEOUT_LOGIN);
    else if (s->judge.count == 0 && s->now - s->last_client_event >=
                                        s->world->policy.session_timeout_ms)
        cover(COVER_TIMEOUT_SESSION);
    else if (s->judge.count > 0 && s->upstream == UPSTREAM_UP &&
             s->now - s->last_event >=
                 s->world->upstream_policy.upstream_timeout_ms)
        cover(COVER_TIMEOUT_UPSTREAM);
}

/* Nothing can happen before time goes on. */
static void wait(struct session *s)
{
    uint64_t deadline = bridge_deadline(s->bridge);
    uint64_t outcome = next_outcome(s);

    if (deadline == UINT64_MAX && outcome == UINT64_MAX) {
        session_fail(s, "nothing will ever happen");
        return;
    }
    if (deadline != UINT64_MAX &&
        deadline > s->now + s->world->policy.session_timeout_ms) {
        session_fail(s, "a deadline too far away");
        return;
    }
    if (outcome < deadline) {
        s->now = outcome > s->now ? outcome : s->now;
        return;
    }
    if (deadline > s->now)
        s->now = deadline;
    s->now += session_roll(s, 4) == 0 ? session_roll(s, 5) : 0;
    count_timeout(s);
    wire_time(s);
}

/* --- The end of the client's plan --- */

static void end_plan(struct session *s)
{
    bool said_all =
        s->plan_at >= s->plan_count && buf_length(&s->to_bridge) == 0;

    if (!said_all || !s->client_open || s->close_wished || s->client_handshake)
        return;
    switch (s->ending) {
    case ENDING_QUIT_AND_GO:
        if (s->judge.count > 0)
            cover(COVER_QUIT_CLIENT_GONE);
        wire_client_lost(s);
        break;
    case ENDING_DROP:
        if (session_roll(s, 4) == 0)
            wire_client_lost(s);
        break;
    case ENDING_SHUT_DOWN:
        if (session_roll(s, 4) == 0)
            shut_down(s);
        break;
    case ENDING_QUIT:
    case ENDING_SILENCE:
        break;
    }
}

static void step(struct session *s)
{
    enum action can[2 * ACT_COUNT];
    unsigned n;

    end_plan(s);
    befall(s);
    if (s->failed || bridge_is_over(s->bridge))
        return;
    n = list_client_actions(s, can);
    n += list_upstream_actions(s, can + n);
    /* A lazy client takes what there is when all else has stopped. */
    if (n == 0 && client_can_take(s))
        can[n++] = ACT_CLIENT_TAKE;
    if (n == 0) {
        wait(s);
        return;
    }
    act(s, can[session_roll(s, n)]);
    if (session_roll(s, 4) == 0)
        s->now += session_roll(s, 40);
    if (!s->failed && bridge_deadline(s->bridge) <= s->now)
        wire_time(s);
}

/* What was read ahead may have come in vain, but not again and again. A message
 * whose size was not told right is fetched twice anyhow.
 */
static void check_bodies(struct session *s)
{
    const struct model_imap *server = &s->world->server;

    if (s->disturbed || server->faults > 0 || s->world->traits.reorder > 0)
        return;
    if (server->bodies > 4 * s->judge.messages + BODIES_SPARE)
        session_fail(s, "%u bodies were fetched for %u messages",
                     server->bodies, s->judge.messages);
}

static bool is_shown(const struct judge *j, const struct model_mailbox *box,
                     size_t message)
{
    for (size_t i = 0; i < j->shown_count; i++)
        if (j->shown[i].box == box && j->shown[i].message == message)
            return true;
    return false;
}

/* Of what is hidden no octet is asked for. */
static void check_reads(struct session *s)
{
    const struct judge *j = &s->judge;

    for (unsigned b = 0; j->logged_in && b < MODEL_BOXES_MAX; b++) {
        const struct model_mailbox *box = &s->world->boxes[b];

        for (size_t i = 0; i < box->count; i++)
            if (box->messages[i].body_asked && !is_shown(j, box, i))
                session_fail(s, "a message was read that is not shown");
    }
}

static void check_end(struct session *s)
{
    check_bodies(s);
    check_reads(s);
    if (!s->client_lost && !s->close_wished)
        session_fail(s, "over, and the client was not closed");
    if (s->upstream != UPSTREAM_NONE)
        session_fail(s, "over, and the upstream was not closed");
    if (s->lock_held)
        session_fail(s, "over, and the lock is held");
}

bool session_run(struct session *s)
{
    unsigned steps = 0;

    s->world->server.bodies = 0;
    client_plan(s);
    wire_open(s);
    if (s->bridge == NULL) {
        if (!heap_has_failed())
            session_fail(s, "no bridge, and there was memory");
        return !s->failed;
    }
    while (!s->failed && !bridge_is_over(s->bridge)) {
        step(s);
        if (++steps > STEPS_MAX)
            session_fail(s, "the session does not end by itself");
    }
    if (!s->failed)
        check_end(s);
    wire_close(s);
    return !s->failed;
}
