/* The upstream's side of a relay. */
#include <assert.h>

#include "base/limits.h"
#include "server/relay_parts.h"
#include "server/upstream_notes.h"

static void tell(struct relay *r, enum bridge_outcome outcome)
{
    bridge_outcome(r->bridge, outcome, relay_now(r));
}

/* Of the server at hand: it was reached (NULL), or was not. */
static void note_server(struct relay *r, const char *failure)
{
    if (r->server != NULL)
        upstream_note_server(r->to, r->server, failure, relay_now(r));
}

/* It keeps its place in the upstream's budget. */
static void drop(struct relay *r)
{
    relay_scram_leave(r);
    r->upstream = NULL;
    r->dialer = NULL;
    r->upstream_stage = RELAY_UPSTREAM_NONE;
}

static void let_go(struct relay *r)
{
    if (r->upstream_stage == RELAY_UPSTREAM_QUEUED)
        relay_queue_leave(r);
    drop(r);
    if (r->upstream_counted)
        upstream_gate_leave(r->to->lasting->gate);
    r->upstream_counted = false;
}

static void dial_next(struct relay *r);

static bool has_another(const struct relay *r)
{
    return r->tried < r->server_count;
}

static void note_failure(struct relay *r, const char *failure, bool untrusted)
{
    relay_log_upstream_failure(r, failure, untrusted);
    note_server(r, failure);
}

/* A connection that the bridge knew of has ended: it may ask for the next server,
 * where it has not logged in.
 */
static void lose(struct relay *r, enum bridge_outcome outcome)
{
    connection_close(r->upstream); /* an alert may be on its way */
    drop(r);
    tell(r, outcome);
    if (!bridge_goes_elsewhere(r->bridge))
        let_go(r);
}

/* It did not come up, or not under TLS: another server may. */
static void give_up(struct relay *r, const char *failure, bool untrusted,
                    enum bridge_outcome outcome)
{
    if (untrusted)
        outcome = BRIDGE_UPSTREAM_UNTRUSTED;
    note_failure(r, failure, untrusted);
    if (!has_another(r))
        relay_note_health(r, failure);
    if (r->upstream_stage == RELAY_UPSTREAM_UPGRADING) {
        lose(r, outcome);
        return;
    }
    connection_close(r->upstream);
    if (has_another(r)) {
        r->upstream = NULL;
        tell(r, BRIDGE_UPSTREAM_BEGUN); /* which has its time, too */
        dial_next(r);
        return;
    }
    let_go(r);
    tell(r, outcome);
}

/* What the bridge has found out itself is told here, of a connection that there
 * still is; the rest was when it ended.
 */
void relay_upstream_connect_next(struct relay *r, enum fault fault)
{
    assert(has_another(r));
    if (r->upstream != NULL) {
        note_failure(r, fault_pop3_text(fault),
                     fault == FAULT_UPSTREAM_UNTRUSTED);
        connection_close(r->upstream);
        drop(r);
    }
    dial_next(r);
}

/* --- coming up --- */

/* False: no memory. */
static bool start_tls(struct relay *r)
{
    const struct config_upstream *upstream = r->to->config;
    const struct address_text address = connection_peer(r->upstream);
    struct tls *tls = tls_new_client(r->to->tls, r->server->name,
                                     upstream->alpn ? TLS_ALPN_IMAP : NULL,
                                     &r->host->upstream_session, &address);

    if (tls == NULL)
        return false;
    connection_start_tls(r->upstream, tls);
    return true;
}

static void note_leg(struct relay *r)
{
    r->upstream_leg.address = connection_peer(r->upstream);
    relay_note_tls(&r->upstream_leg, r->upstream);
}

static void add_time(struct relay *r, enum counter_stage stage)
{
    counters_add_upstream_time(&r->host->counters, r->to->policy.index, stage,
                               relay_now(r) - r->stage_began_ms);
}

static void count_handshake(struct relay *r)
{
    const struct tls *tls = connection_tls(r->upstream);
    struct counters *c = &r->host->counters;

    if (tls == NULL)
        return;
    upstream_note_certificate(r->to, r->server, tls);
    counters_add(c,
                 tls_is_resumed(tls) ? COUNTER_UPSTREAM_TLS_RESUMED
                                     : COUNTER_UPSTREAM_TLS_NEW,
                 1);
    counters_add(c, COUNTER_UPSTREAM_TLS_PROVEN, tls_is_proven_before(tls));
    counters_add(c,
                 tls_version_of(tls) == TLS_VERSION_1_3
                     ? COUNTER_UPSTREAM_TLS_1_3
                     : COUNTER_UPSTREAM_TLS_1_2,
                 1);
    add_time(r, COUNTER_STAGE_TLS);
}

/* Before STARTTLS it is not up yet, as far as the figures go. */
static void come_up(struct relay *r, enum bridge_outcome outcome)
{
    r->upstream_stage = RELAY_UPSTREAM_OPEN;
    note_leg(r);
    relay_trace_upstream_begins(r);
    count_handshake(r);
    if (outcome == BRIDGE_UPSTREAM_TLS_UP ||
        r->to->policy.tls != TLS_MODE_STARTTLS) {
        counters_add(&r->host->counters, COUNTER_UPSTREAM_CONNECTS, 1);
        upstream_count(r->to->lasting, UPSTREAM_CONNECTS, 1);
    }
    relay_scram_offer(r);
    if (outcome == BRIDGE_UPSTREAM_UP)
        bridge_name_server(r->bridge, upstream_server_name(r->server),
                           has_another(r));
    tell(r, outcome);
}

static void secure(struct relay *r)
{
    r->upstream_stage = RELAY_UPSTREAM_SECURING;
    r->stage_began_ms = relay_now(r);
    if (!start_tls(r))
        give_up(r, "no memory", false, BRIDGE_UPSTREAM_UNREACHABLE);
}

static void on_dialed(void *owner, uv_tcp_t *tcp, const char *failure)
{
    struct relay *r = owner;

    r->dialer = NULL;
    if (tcp != NULL) {
        add_time(r, COUNTER_STAGE_CONNECT);
        failure = "no memory";
        r->upstream = connection_new(&r->host->space, tcp, relay_pump, r);
    }
    if (r->upstream == NULL)
        give_up(r, failure, false, BRIDGE_UPSTREAM_UNREACHABLE);
    else if (r->to->policy.tls == TLS_MODE_IMPLICIT)
        secure(r);
    else
        come_up(r, BRIDGE_UPSTREAM_UP);
    relay_pump(r);
}

static void dial_next(struct relay *r)
{
    r->server = &r->to->servers->at[r->servers[r->tried++]];
    r->upstream_stage = RELAY_UPSTREAM_DIALING;
    r->stage_began_ms = relay_now(r);
    r->dialer = dialer_start(r->host->space.loop, r->server->host,
                             r->server->port, on_dialed, r);
    if (r->dialer == NULL)
        give_up(r, "no memory", false, BRIDGE_UPSTREAM_UNREACHABLE);
}

/* Whether it may be any of them, or just one, is known from the grant on. */
static void rank(struct relay *r)
{
    struct upstream_servers *servers = r->to->servers;

    r->tried = 0;
    r->server_count = 1;
    if (r->sole != NULL) {
        r->servers[0] = (uint8_t)(r->sole - servers->at);
        return;
    }
    r->server_count = servers->count;
    upstream_servers_rank(servers, r->spread, relay_now(r), r->servers);
}

static void dial(struct relay *r)
{
    rank(r);
    r->upstream_counted = true;
    r->upstream_made_ms = relay_now(r);
    dial_next(r);
}

/* Which says nothing about the server. */
static void find_full(struct relay *r, bool is_late)
{
    static const char *const texts[UPSTREAM_BUDGET_COUNT][2] = {
        [UPSTREAM_BUDGET_CONNECTIONS] = { "max_connections are in use, and the "
                                          "queue is full",
                                          "max_connections are in use, and "
                                          "queue_timeout is over" },
        [UPSTREAM_BUDGET_LOGINS] = { "logins_per_second are spent, and the "
                                     "queue is full",
                                     "logins_per_second are spent, and "
                                     "queue_timeout is over" },
    };

    r->upstream_stage = RELAY_UPSTREAM_NONE;
    relay_reach_limit(r, LIMIT_UPSTREAM_QUEUE);
    relay_log_upstream_failure(r, texts[r->pass.spent][is_late], false);
    tell(r, BRIDGE_UPSTREAM_FULL);
}

void relay_upstream_admit(struct relay *r, enum upstream_gate_status status)
{
    switch (status) {
    case UPSTREAM_GATE_OPEN:
        if (r->upstream_stage == RELAY_UPSTREAM_QUEUED)
            tell(r, BRIDGE_UPSTREAM_BEGUN);
        dial(r);
        break;
    case UPSTREAM_GATE_WAIT:
        r->upstream_stage = RELAY_UPSTREAM_QUEUED;
        tell(r, BRIDGE_UPSTREAM_QUEUED);
        break;
    case UPSTREAM_GATE_FULL:
        find_full(r, false);
        break;
    case UPSTREAM_GATE_LATE:
        find_full(r, true);
        break;
    }
}

void relay_upstream_connect(struct relay *r)
{
    assert(r->upstream_stage == RELAY_UPSTREAM_NONE);
    r->server = NULL;
    relay_upstream_admit(r, relay_queue_enter(r));
}

void relay_upstream_start_tls(struct relay *r)
{
    if (r->upstream_stage != RELAY_UPSTREAM_OPEN)
        return; /* it was lost meanwhile, and the bridge will hear of that */
    (void)relay_upstream_send(r);
    r->upstream_stage = RELAY_UPSTREAM_UPGRADING;
    r->stage_began_ms = relay_now(r);
    if (!start_tls(r))
        give_up(r, "no memory", false, BRIDGE_UPSTREAM_CLOSED);
}

/* Of the handshake, as a part of connecting or behind STARTTLS. */
bool relay_upstream_notice(struct relay *r)
{
    bool upgrading = r->upstream_stage == RELAY_UPSTREAM_UPGRADING;

    if (!upgrading && r->upstream_stage != RELAY_UPSTREAM_SECURING)
        return false;
    switch (connection_state(r->upstream)) {
    case CONNECTION_HANDSHAKING:
        return false;
    case CONNECTION_OPEN:
        come_up(r, upgrading ? BRIDGE_UPSTREAM_TLS_UP : BRIDGE_UPSTREAM_UP);
        return true;
    case CONNECTION_UNTRUSTED:
    case CONNECTION_BROKEN:
        break;
    }
    give_up(r, connection_failure(r->upstream),
            connection_state(r->upstream) == CONNECTION_UNTRUSTED,
            upgrading ? BRIDGE_UPSTREAM_CLOSED : BRIDGE_UPSTREAM_UNREACHABLE);
    return true;
}

/* --- from one session to the next --- */

/* What is told of the client (ID) holds for one connection, and must be true
 * for whoever takes it up.
 */
static struct span told_of_client(const struct relay *r)
{
    if (!r->to->policy.forward_client_address)
        return (struct span){ NULL, 0 };
    return span_from_string(r->client_leg.address.host);
}

/* Where it must be one server, one that rests at another is of no use. */
static bool make_claim(struct relay *r, const struct credentials *credentials)
{
    struct buf place;
    bool made;

    buf_init(&place, UPSTREAM_PLACE_MAX);
    buf_append_string(&place, r->to->key);
    if (r->sole != NULL) {
        buf_append_octet(&place, ' ');
        buf_append_string(&place, r->sole->text);
    }
    made = !buf_failed(&place) &&
           parked_claim_make(r->host->service->parked, buf_span(&place),
                             credentials, told_of_client(r), &r->claim);
    buf_fini(&place);
    return made;
}

static bool take_parked(struct relay *r, const struct credentials *credentials,
                        struct parked_connection *parked)
{
    r->has_claim = make_claim(r, credentials);
    return r->has_claim && parked_take(r->host->service->parked, &r->claim,
                                       relay_now(r), parked);
}

void relay_upstream_reuse(struct relay *r,
                          const struct credentials *credentials)
{
    struct parked_connection parked;

    assert(r->upstream_stage == RELAY_UPSTREAM_NONE);
    r->server = NULL;
    if (!take_parked(r, credentials, &parked)) {
        bridge_reuse(r->bridge, NULL, relay_now(r));
        return;
    }
    r->upstream_counted = true;
    r->upstream =
        connection_attach(&r->host->space, &parked.link, relay_pump, r);
    if (r->upstream == NULL) {
        let_go(r);
        bridge_reuse(r->bridge, NULL, relay_now(r));
        return;
    }
    r->upstream_stage = RELAY_UPSTREAM_OPEN;
    r->upstream_made_ms = parked.made_ms;
    note_leg(r);
    relay_trace_upstream_begins(r);
    bridge_reuse(r->bridge, &parked.imap, relay_now(r));
}

static void say_logout(struct relay *r, const struct imap_parked *parked)
{
    struct buf words;

    buf_init(&words, UPSTREAM_OUTPUT_MAX);
    imap_parked_write_logout(parked, &words);
    (void)connection_write(r->upstream, buf_span(&words));
    buf_fini(&words);
}

void relay_upstream_park(struct relay *r, const struct imap_parked *imap)
{
    struct parked_connection parked = { .imap = *imap,
                                        .made_ms = r->upstream_made_ms,
                                        .gate = r->to->lasting->gate };

    if (r->upstream_stage != RELAY_UPSTREAM_OPEN)
        return;
    if (r->has_claim && connection_detach(r->upstream, &parked.link)) {
        r->upstream_counted = false; /* it goes on to be */
        parked_put(r->host->service->parked, &r->claim, &parked, relay_now(r));
    } else {
        say_logout(r, imap);
        connection_close(r->upstream);
    }
    let_go(r);
}

/* --- octets --- */

bool relay_upstream_receive(struct relay *r)
{
    size_t room = bridge_upstream_room(r->bridge);
    struct span octets;

    if (r->upstream_stage != RELAY_UPSTREAM_OPEN || room == 0)
        return false;
    switch (connection_read(r->upstream, room, &octets)) {
    case CONNECTION_OK:
        counters_add(&r->host->counters, COUNTER_UPSTREAM_OCTETS_IN,
                     octets.len);
        relay_trace(r, TRACE_FROM_UPSTREAM, octets);
        bridge_upstream_input(r->bridge, octets, relay_now(r));
        return true;
    case CONNECTION_MORE:
        return false;
    case CONNECTION_END:
        break;
    }
    lose(r, BRIDGE_UPSTREAM_CLOSED);
    if (bridge_goes_elsewhere(r->bridge))
        note_failure(r, fault_pop3_text(FAULT_UPSTREAM_GONE), false);
    return true;
}

bool relay_upstream_send(struct relay *r)
{
    struct span output = bridge_upstream_output(r->bridge);
    size_t taken;

    if (r->upstream_stage != RELAY_UPSTREAM_OPEN || output.len == 0)
        return false;
    taken = connection_write(r->upstream, output);
    if (taken == 0)
        return false;
    relay_trace(r, TRACE_TO_UPSTREAM, span_take(&output, taken));
    counters_add(&r->host->counters, COUNTER_UPSTREAM_OCTETS_OUT, taken);
    bridge_upstream_taken(r->bridge, taken, relay_now(r));
    return true;
}

void relay_upstream_settle(struct relay *r)
{
    if (r->upstream_stage == RELAY_UPSTREAM_OPEN)
        connection_want(r->upstream, bridge_upstream_room(r->bridge));
}

/* What is left (LOGOUT, mostly) is sent as far as it goes now: to wait for a
 * server that reads nothing would keep the next connection waiting too.
 */
void relay_upstream_close(struct relay *r)
{
    if (r->bridge == NULL)
        return;
    (void)relay_upstream_send(r);
    dialer_cancel(r->dialer);
    connection_close(r->upstream);
    let_go(r);
}
