/* What goes into the bridge: octets, outcomes and time. */
#include "base/limits.h"
#include "sim/cover.h"
#include "sim/heap.h"
#include "sim/session.h"

/* A command or a connection that ends takes at most this much longer than the
 * upstream's time-out: a pause that a server asks for, failed logins, LOGOUT.
 */
#define PATIENCE_MS 60000

/* Octets to move now, of |n|. */
static size_t cut(struct session *s, size_t n)
{
    size_t most = n;

    if (s->cut == CUT_OCTETS && n < 3000)
        most = n < 3 ? n : 3;
    else if (s->cut == CUT_WHOLE && session_roll(s, 4) != 0)
        return n;
    return 1 + session_roll(s, most);
}

static void call_begin(struct session *s)
{
    (void)s;
    heap_enter();
}

static void call_end(struct session *s)
{
    heap_leave();
    wire_observe(s);
}

void wire_outcome(struct session *s, enum bridge_outcome outcome)
{
    session_trace(s, "outcome %d", (int)outcome);
    s->last_event = s->now;
    call_begin(s);
    bridge_outcome(s->bridge, outcome, s->now);
    call_end(s);
}

void wire_client_give(struct session *s)
{
    size_t n = buf_length(&s->to_bridge);
    size_t room = bridge_client_room(s->bridge);
    struct span in = buf_span(&s->to_bridge);

    n = cut(s, n < room ? n : room);
    in.len = n;
    s->client_given += n;
    s->last_event = s->last_client_event = s->now;
    call_begin(s);
    bridge_client_input(s->bridge, in, s->now);
    call_end(s);
    buf_consume(&s->to_bridge, n);
}

void wire_client_take(struct session *s)
{
    size_t n = cut(s, bridge_client_output(s->bridge).len);

    s->client_seen -= n;
    s->last_event = s->last_client_event = s->now;
    call_begin(s);
    bridge_client_taken(s->bridge, n, s->now);
    call_end(s);
}

void wire_upstream_take(struct session *s)
{
    size_t n = cut(s, bridge_upstream_output(s->bridge).len);

    s->upstream_seen -= n;
    s->last_event = s->now;
    model_imap_arrived(&s->world->server, n);
    call_begin(s);
    bridge_upstream_taken(s->bridge, n, s->now);
    call_end(s);
}

void wire_upstream_give(struct session *s)
{
    struct model_imap *m = &s->world->server;
    size_t room = bridge_upstream_room(s->bridge);
    size_t n = buf_length(&m->out);
    struct span in = buf_span(&m->out);

    if (n > READ_CHUNK)
        n = READ_CHUNK;
    n = cut(s, n < room ? n : room);
    in.len = n;
    s->last_event = s->now;
    session_trace_octets(s, "U<", in);
    /* What the bridge is given counts as read while it answers. */
    buf_consume(&m->out, n);
    call_begin(s);
    bridge_upstream_input(s->bridge, in, s->now);
    call_end(s);
}

void wire_server_act(struct session *s)
{
    model_imap_act(&s->world->server);
    wire_drain_events(s);
    if (s->world->server.violation != NULL)
        session_fail(s, "IMAP: %s", s->world->server.violation);
}

static void count_upstream_lost(const struct session *s)
{
    switch (bridge_phase(s->bridge)) {
    case BRIDGE_LOGGING_IN:
        cover(COVER_DROP_UPSTREAM_LOGGING_IN);
        break;
    case BRIDGE_TRANSACTION:
        cover(COVER_DROP_UPSTREAM_TRANSACTION);
        break;
    case BRIDGE_UPDATE:
        cover(COVER_DROP_UPSTREAM_UPDATE);
        break;
    case BRIDGE_AUTHORIZATION:
    case BRIDGE_CLOSING:
    case BRIDGE_PHASE_COUNT:
        break;
    }
}

/* While the owner is asked, it may be another connection that is needed. */
static bool is_dispensable(const struct session *s)
{
    return parked_is_on_trial(s) || s->login_asked;
}

void wire_upstream_lost(struct session *s)
{
    struct world *w = s->world;

    count_upstream_lost(s);
    if (s->upstream == UPSTREAM_UP)
        wire_server_finish(s, session_roll(s, 2) == 0);
    model_imap_close(&w->server);
    prove_forget(s);
    s->upstream = UPSTREAM_NONE;
    s->upstream_seen = 0;
    s->excused = s->excused || !is_dispensable(s);
    s->reusing = false;
    if (session_roll(s, 10) == 0) {
        model_mailbox_renumber(world_any_box(w));
        s->renumbered = true;
        cover(COVER_RENUMBERED);
    }
    wire_outcome(s, BRIDGE_UPSTREAM_CLOSED);
}

static void count_client_lost(const struct session *s)
{
    switch (bridge_phase(s->bridge)) {
    case BRIDGE_AUTHORIZATION:
        cover(COVER_DROP_CLIENT_BEFORE_LOGIN);
        break;
    case BRIDGE_LOGGING_IN:
        cover(COVER_DROP_CLIENT_LOGGING_IN);
        break;
    case BRIDGE_TRANSACTION:
        cover(COVER_DROP_CLIENT_TRANSACTION);
        break;
    case BRIDGE_UPDATE:
        cover(COVER_DROP_CLIENT_UPDATE);
        break;
    case BRIDGE_CLOSING:
    case BRIDGE_PHASE_COUNT:
        break;
    }
}

void wire_client_lost(struct session *s)
{
    count_client_lost(s);
    s->client_open = false;
    s->client_lost = true;
    wire_outcome(s, BRIDGE_CLIENT_CLOSED);
}

void wire_connect_outcome(struct session *s)
{
    struct world *w = s->world;
    bool tls = w->upstream_policy.tls != TLS_MODE_STARTTLS;

    if (session_chance(s, w->traits.fault)) {
        s->upstream = UPSTREAM_NONE;
        s->excused = s->excused || !s->login_asked;
        wire_outcome(s, session_roll(s, 2) == 0 ? BRIDGE_UPSTREAM_UNREACHABLE
                                                : BRIDGE_UPSTREAM_UNTRUSTED);
        return;
    }
    if (bridge_upstream_output(s->bridge).len > 0)
        session_fail(s, "octets for an upstream that is not there");
    model_imap_open(&w->server, &w->boxes[0], &w->traits, &w->random, tls);
    model_imap_add_box(&w->server, &w->boxes[1]);
    w->server.port = (uint16_t)(993 + session_roll(s, 3)); /* one of several */
    s->upstream = UPSTREAM_UP;
    s->upstream_seen = 0;
    prove_offer(s, w->upstream_policy.tls == TLS_MODE_IMPLICIT);
    bridge_name_server(
        s->bridge, (struct server_name){ "imap.example.org", w->server.port },
        s->servers_left > 0);
    wire_outcome(s, BRIDGE_UPSTREAM_UP);
}

static void upstream_handshake_outcome(struct session *s)
{
    if (session_chance(s, s->world->traits.fault)) {
        model_imap_close(&s->world->server);
        s->upstream = UPSTREAM_NONE;
        s->upstream_seen = 0;
        s->excused = true;
        wire_outcome(s, session_roll(s, 2) == 0 ? BRIDGE_UPSTREAM_UNTRUSTED
                                                : BRIDGE_UPSTREAM_CLOSED);
        return;
    }
    s->upstream = UPSTREAM_UP;
    model_imap_tls_up(&s->world->server);
    prove_offer(s, true);
    wire_outcome(s, BRIDGE_UPSTREAM_TLS_UP);
}

void wire_handshake_outcome(struct session *s)
{
    if (s->upstream == UPSTREAM_HANDSHAKE && s->upstream_outcome_at <= s->now) {
        upstream_handshake_outcome(s);
        return;
    }
    s->client_handshake = false;
    /* What was sent in clear is no handshake. */
    if (buf_length(&s->to_bridge) > 0 ||
        session_chance(s, s->world->traits.fault)) {
        s->client_open = false;
        s->client_lost = true;
        wire_outcome(s, BRIDGE_CLIENT_TLS_FAILED);
        return;
    }
    s->judge.tls = true;
    wire_outcome(s, BRIDGE_CLIENT_TLS_UP);
}

void wire_access_answers(struct session *s)
{
    s->last_event = s->now;
    access_answer(s);
    wire_observe(s);
}

void wire_prove(struct session *s)
{
    s->last_event = s->now;
    prove_answer(s);
    wire_observe(s);
}

static void check_progress(struct session *s, uint64_t before)
{
    const struct session_policy *policy = &s->world->policy;
    uint64_t silence_ms = s->world->upstream_policy.upstream_timeout_ms;
    uint64_t quiet = s->now - s->last_event;
    /* What is never answered, at its end, judge_close has judged. */
    bool asked = s->judge.count > 0 && !s->judge.over && s->client_open &&
                 !s->close_wished && buf_length(&s->to_bridge) == 0 &&
                 s->client_seen == 0 && !s->client_handshake;

    if (asked && quiet > silence_ms + PATIENCE_MS)
        session_fail(s, "a command without an answer in time");
    if (quiet > policy->session_timeout_ms + silence_ms + PATIENCE_MS)
        session_fail(s, "the session does not end");
    s->stuck = bridge_deadline(s->bridge) == before ? s->stuck + 1 : 0;
    if (s->stuck > 3)
        session_fail(s, "a deadline that has passed and stays");
}

void wire_time(struct session *s)
{
    uint64_t before = bridge_deadline(s->bridge);
    bool waiting = s->judge.count > 0;
    bool on_trial = parked_is_on_trial(s);

    s->excused = s->excused || access_takes_too_long(s);
    call_begin(s);
    bridge_time(s->bridge, s->now);
    call_end(s);
    if (s->failed || bridge_is_over(s->bridge))
        return;
    if (waiting && !on_trial &&
        s->now - s->last_event >= s->world->upstream_policy.upstream_timeout_ms)
        s->excused = true;
    check_progress(s, before);
}
