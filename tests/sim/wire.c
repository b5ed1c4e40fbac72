/* Owns the bridge as bridge.h asks, and checks its side of the contract. */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "sim/cover.h"
#include "sim/heap.h"
#include "sim/session.h"

/* What one session may hold, whatever the messages: the two outputs, the
 * input, the parser's tokens, each at the worst moment of its growth; and
 * some for each message of the maildrop.
 */
#define HEAP_MAX (320 * 1024)
#define HEAP_PER_MESSAGE 128
void wire_open(struct session *s)
{
    heap_enter();
    s->bridge = bridge_new(&s->world->policy, SPAN_LITERAL(""),
                           s->world->overloaded, s->now);
    heap_leave();
    if (s->bridge == NULL)
        return;
    s->client_open = true;
    s->judge.tls = s->world->policy.client_tls == TLS_MODE_IMPLICIT;
    /* The greeting answers no command. */
    s->client_seen = bridge_client_output(s->bridge).len;
    wire_observe(s);
}

static void forget_offered(struct session *s)
{
    for (unsigned i = 0; i < MODEL_BOXES_MAX; i++)
        known_mailbox_clear(&s->offered[i]);
}

void wire_close(struct session *s)
{
    if (s->upstream != UPSTREAM_NONE)
        model_imap_close(&s->world->server);
    s->upstream = UPSTREAM_NONE;
    heap_enter();
    bridge_free(s->bridge);
    heap_leave();
    forget_offered(s);
    access_forget(s);
    if (!s->failed && heap_held() != 0)
        session_fail(s, "%zu octets leaked", heap_held());
}

/* --- What comes out --- */

static void observe_client(struct session *s)
{
    struct span out = bridge_client_output(s->bridge);

    if (out.len > CLIENT_OUTPUT_MAX)
        session_fail(s, "%zu octets wait for the client", out.len);
    s->client_seen = judge_take_back(s, out);
    /* Else only with ABORT_CLIENT, or when nobody is there to read them. */
    if (out.len < s->client_seen) {
        s->taken_back = true;
        s->client_seen = out.len;
    }
    if (s->failed || out.len == s->client_seen)
        return;
    (void)span_take(&out, s->client_seen);
    s->client_seen += out.len;
    judge_read(s, out);
}

static void observe_upstream(struct session *s)
{
    struct span out = bridge_upstream_output(s->bridge);

    if (out.len > UPSTREAM_OUTPUT_MAX)
        session_fail(s, "%zu octets wait for the upstream", out.len);
    if (s->upstream != UPSTREAM_UP || out.len <= s->upstream_seen)
        return;
    (void)span_take(&out, s->upstream_seen);
    s->upstream_seen += out.len;
    session_trace_octets(s, "U>", out);
    model_imap_produced(&s->world->server, out);
    if (s->world->server.violation != NULL)
        session_fail(s, "IMAP: %s", s->world->server.violation);
}

static void observe_memory(struct session *s)
{
    size_t most = HEAP_MAX + HEAP_PER_MESSAGE * world_messages(s->world);

    if (heap_held() > most)
        session_fail(s, "the bridge holds %zu octets", heap_held());
    if (bridge_client_room(s->bridge) > POP3_INPUT_MAX)
        session_fail(s, "the client's room is too large");
}

void wire_drain_events(struct session *s)
{
    struct model_imap *m = &s->world->server;
    struct model_event event;

    while (model_imap_next_event(m, &event))
        judge_event(s, &event);
    if (m->faults > 0 && !parked_is_on_trial(s))
        s->excused = true;
    if (m->in_use && !parked_is_on_trial(s))
        s->in_use = true;
    if (m->lied) {
        m->lied = false;
        s->excused = s->excused || s->judge.logged_in;
        cover(COVER_SCRAM_LIE);
    }
    if (m->logins_refused > 0) {
        s->refusals += m->logins_refused;
        s->refusal = m->refusal;
        m->logins_refused = 0;
    }
}

/* What the server still gets of what was written before the close. */
void wire_server_finish(struct session *s, bool all)
{
    struct model_imap *m = &s->world->server;
    size_t under_way = (size_t)(m->produced - m->arrived);

    if (s->upstream != UPSTREAM_UP)
        return;
    model_imap_arrived(m, all ? under_way : session_roll(s, under_way + 1));
    while (!s->failed && model_imap_act(m))
        wire_drain_events(s);
}

static void close_upstream(struct session *s)
{
    size_t left = bridge_upstream_output(s->bridge).len;

    if (s->upstream == UPSTREAM_NONE)
        session_fail(s, "CLOSE_UPSTREAM, and there is none");
    if (s->upstream == UPSTREAM_UP || s->upstream == UPSTREAM_HANDSHAKE) {
        wire_server_finish(s, session_roll(s, 2) == 0);
        model_imap_close(&s->world->server);
    }
    prove_forget(s);
    s->upstream = UPSTREAM_NONE;
    s->upstream_seen = 0;
    s->reusing = false;
    heap_enter();
    bridge_upstream_taken(s->bridge, left, s->now);
    heap_leave();
}

/* Before a grant only where the policy says so; then where the grant says. */
static void check_place(struct session *s, const struct upstream_policy *to)
{
    bool early = to == s->world->policy.early_upstream &&
                 to->upstream_reuse_ms == 0 && !s->judge.logged_in;

    if (!early && (to != s->granted || s->login_asked))
        session_fail(s, "CONNECT where no login was granted");
}

static void connect_upstream(struct session *s,
                             const struct upstream_policy *to)
{
    check_place(s, to);
    if (s->connected != NULL && s->connected != to)
        cover(COVER_LOGIN_ELSEWHERE);
    s->connected = to;
    if (s->upstream != UPSTREAM_NONE)
        session_fail(s, "CONNECT, and there is a connection");
    if (s->shut_down)
        session_fail(s, "CONNECT after the shut-down");
    s->upstream = UPSTREAM_CONNECTING;
    s->upstream_outcome_at = s->now + session_roll(s, 200);
    if (session_chance(s, s->world->traits.fault))
        s->upstream_outcome_at = s->now + session_roll(s, 30000);
    if (bridge_phase(s->bridge) != BRIDGE_UPDATE)
        return;
    if (!s->asked_at_quit)
        access_end_token(s);
    s->reconnected = true;
    cover(COVER_QUIT_RECONNECT);
}

/* The one before knows no secret, and had no part in the session. */
static void connect_next(struct session *s, const struct upstream_policy *to)
{
    if (s->servers_left-- == 0)
        session_fail(s, "CONNECT_NEXT, and there is no other server");
    if (s->world->server.logins > 0)
        session_fail(s, "CONNECT_NEXT after a login was tried");
    if (s->upstream != UPSTREAM_NONE)
        close_upstream(s);
    cover(COVER_NEXT_SERVER);
    connect_upstream(s, to);
}

static void start_client_tls(struct session *s)
{
    if (s->client_handshake || s->judge.tls || s->judge.logged_in)
        session_fail(s, "START_CLIENT_TLS at the wrong time");
    s->client_handshake = true;
    s->client_handshake_at = s->now + session_roll(s, 200);
}

static void start_upstream_tls(struct session *s)
{
    if (s->upstream != UPSTREAM_UP || s->world->server.trusted)
        session_fail(s, "START_UPSTREAM_TLS at the wrong time");
    s->upstream = UPSTREAM_HANDSHAKE;
    s->upstream_outcome_at = s->now + session_roll(s, 200);
    cover(COVER_UPSTREAM_STARTTLS);
}

static enum bridge_outcome lock_outcome(struct session *s)
{
    if (!session_chance(s, s->world->lock_busy))
        return BRIDGE_LOCKED;
    return session_roll(s, 2) == 0 ? BRIDGE_LOCK_BUSY : BRIDGE_LOCK_TOO_SOON;
}

static void offer_mailboxes(struct session *s)
{
    const struct world *w = s->world;

    if (bridge_mailbox_count(s->bridge) != w->shown_count)
        session_fail(s, "other mailboxes than the policy's");
    for (unsigned i = 0; i < w->shown_count; i++) {
        known_mailbox_share(&s->offered[i], &w->known[w->shown[i]]);
        bridge_offer_mailbox(s->bridge, i, &s->offered[i]);
    }
}

static void lock(struct session *s)
{
    enum bridge_outcome answer = lock_outcome(s);

    if (s->lock_held)
        session_fail(s, "LOCK, and it is held");
    if (!s->world->server.authenticated)
        session_fail(s, "LOCK before the server took the credentials");
    if (!s->reusing && s->connected != s->granted)
        session_fail(s, "logged in where no login was granted");
    s->lock_held = answer == BRIDGE_LOCKED;
    s->in_use = s->in_use || answer == BRIDGE_LOCK_BUSY;
    s->too_soon = s->too_soon || answer == BRIDGE_LOCK_TOO_SOON;
    forget_offered(s);
    if (answer == BRIDGE_LOCKED)
        offer_mailboxes(s);
    heap_enter();
    bridge_outcome(s->bridge, answer, s->now);
    heap_leave();
}

/* Memory of the world's own, so that a session is judged by what is its. */
static struct snapshot *copy_snapshot(const struct snapshot *from)
{
    struct snapshot *copy = snapshot_new(snapshot_count(from), 0);

    if (copy == NULL)
        abort();
    for (uint32_t i = 0; i < snapshot_count(from); i++)
        snapshot_append(copy, snapshot_uid(from, i),
                        snapshot_size_octets(from, i));
    return copy;
}

static void keep_mailbox(struct session *s, uint32_t mailbox)
{
    const struct known_mailbox *known =
        bridge_known_mailbox(s->bridge, mailbox);
    struct known_mailbox *kept = &s->world->known[s->world->shown[mailbox]];

    if (!s->lock_held)
        session_fail(s, "KEEP_MAILBOX without the lock");
    if (known_mailbox_is_empty(known)) {
        session_fail(s, "KEEP_MAILBOX, and nothing is known");
        return;
    }
    known_mailbox_clear(kept);
    *kept = *known;
    kept->messages.listed = copy_snapshot(known->messages.listed);
    kept->messages.hidden = copy_snapshot(known->messages.hidden);
    cover(COVER_KEPT);
    if (bridge_report(s->bridge)->messages_deleted > 0)
        cover(COVER_KEPT_AFTER_REMOVAL);
}

static void close_client(struct session *s, bool abort)
{
    if (s->close_wished)
        session_fail(s, "the client was closed twice");
    judge_close(s);
    if (judge_is_in_message(&s->judge)) {
        if (!abort)
            session_fail(s, "a message broken off looks finished");
        cover(COVER_RETR_ABORTED);
    }
    s->close_wished = true;
    if (abort)
        s->client_open = false;
}

static void serve(struct session *s, const struct bridge_wish *wish)
{
    switch (wish->kind) {
    case BRIDGE_START_CLIENT_TLS:
        start_client_tls(s);
        break;
    case BRIDGE_ASK_LOGIN:
        access_ask(s, wish);
        break;
    case BRIDGE_SASL:
        session_fail(s, "SASL by a mechanism that is not offered");
        break;
    case BRIDGE_REUSE:
        parked_reuse(s, wish->credentials);
        break;
    case BRIDGE_PARK:
        parked_park(s, wish->parked);
        break;
    case BRIDGE_CONNECT:
        s->servers_left = (unsigned)session_roll(s, 3);
        connect_upstream(s, wish->upstream);
        break;
    case BRIDGE_CONNECT_NEXT:
        connect_next(s, wish->upstream);
        break;
    case BRIDGE_START_UPSTREAM_TLS:
        start_upstream_tls(s);
        break;
    case BRIDGE_PROVE:
        prove_ask(s, &wish->scram);
        break;
    case BRIDGE_CLOSE_UPSTREAM:
        close_upstream(s);
        break;
    case BRIDGE_LOCK:
        lock(s);
        break;
    case BRIDGE_UNLOCK:
        if (!s->lock_held)
            session_fail(s, "UNLOCK, and it is not held");
        s->lock_held = false;
        break;
    case BRIDGE_KEEP_MAILBOX:
        keep_mailbox(s, wish->mailbox);
        break;
    case BRIDGE_CLOSE_CLIENT:
        close_client(s, false);
        break;
    case BRIDGE_ABORT_CLIENT:
        close_client(s, true);
        break;
    case BRIDGE_NOTE:
        break;
    case BRIDGE_WISH_KIND_COUNT:
        session_fail(s, "a wish that is none");
    }
    if (wish->kind != BRIDGE_NOTE)
        session_trace(s, "wish %d", (int)wish->kind);
}

void wire_observe(struct session *s)
{
    struct bridge_wish wish;

    do {
        if (heap_has_failed())
            s->excused = true;
        observe_client(s);
        observe_upstream(s);
        observe_memory(s);
        wire_drain_events(s);
        if (s->failed || !bridge_next_wish(s->bridge, &wish))
            break;
        serve(s, &wish);
    } while (!s->failed);
    if (s->taken_back && s->client_open)
        session_fail(s, "octets for the client were taken back");
}
