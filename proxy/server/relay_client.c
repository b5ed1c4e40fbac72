/* The client's side of a relay. */
#include <stdio.h>

#include "base/limits.h"
#include "net/nonce.h"
#include "server/relay_parts.h"

static void let_go(struct relay *r)
{
    r->client = NULL;
    r->client_stage = RELAY_CLIENT_GONE;
    r->client_limit_ms = UINT64_MAX;
}

void relay_client_abort(struct relay *r)
{
    connection_abort(r->client);
    let_go(r);
}

/* The client has taken something, or may begin to. */
static void extend_limit(struct relay *r)
{
    r->client_limit_ms = relay_now(r) + CLOSE_TIMEOUT_MS;
}

/* What is left of the output goes first; see relay_client_settle. */
void relay_client_close(struct relay *r)
{
    if (r->client_stage == RELAY_CLIENT_GONE ||
        r->client_stage == RELAY_CLIENT_CLOSING)
        return;
    if (r->client_stage == RELAY_CLIENT_UPGRADING) {
        relay_client_abort(r); /* nothing can be said any more */
        return;
    }
    r->client_stage = RELAY_CLIENT_CLOSING;
    extend_limit(r);
}

/* --- its beginning --- */

/* For APOP, where the listener offers it: another one for each session, since it
 * is what keeps an old digest from being of use (RFC 1939 §7).
 */
static const char *make_timestamp(const struct relay *r, char *text,
                                  size_t size)
{
    char nonce[NONCE_TEXT_SIZE];

    if (!r->policy->apop || !nonce_make(nonce))
        return "";
    (void)snprintf(text, size, "<%s@pop3>", nonce);
    return text;
}

static void greet(struct relay *r)
{
    bool overloaded = r->ticket.verdict == ADMISSION_OVERLOADED;
    char text[APOP_TIMESTAMP_MAX];
    struct span timestamp =
        span_from_string(make_timestamp(r, text, sizeof(text)));

    r->bridge = bridge_new(r->policy, timestamp, overloaded, relay_now(r));
    if (r->bridge == NULL) {
        relay_client_abort(r);
        return;
    }
    bridge_set_counters(r->bridge, &r->host->counters);
    bridge_set_client_address(r->bridge,
                              span_from_string(r->client_leg.address.host));
    r->client_stage = RELAY_CLIENT_OPEN;
}

/* False: no memory. */
static bool start_tls(struct relay *r)
{
    struct tls *tls = tls_new_server(r->listener->tls);

    if (tls == NULL)
        return false;
    connection_start_tls(r->client, tls);
    return true;
}

void relay_client_begin(struct relay *r)
{
    if (r->listener->config->tls != TLS_MODE_IMPLICIT) {
        greet(r);
        return;
    }
    r->client_stage = RELAY_CLIENT_GREETING_TLS;
    if (!start_tls(r))
        relay_client_abort(r);
}

/* In a handshake it is the client that speaks first. */
void relay_client_stir(void *relay)
{
    struct relay *r = relay;

    r->has_spoken =
        r->has_spoken || r->client_stage == RELAY_CLIENT_GREETING_TLS;
    relay_pump(r);
}

/* --- TLS --- */

void relay_client_start_tls(struct relay *r)
{
    if (r->client_stage == RELAY_CLIENT_OPEN)
        r->client_stage = RELAY_CLIENT_TLS_WISHED;
}

static void give_up_tls(struct relay *r)
{
    connection_close(r->client); /* the alert is on its way */
    let_go(r);
    if (r->bridge != NULL)
        bridge_outcome(r->bridge, BRIDGE_CLIENT_TLS_FAILED, relay_now(r));
}

static bool begin_upgrade(struct relay *r)
{
    if (bridge_client_output(r->bridge).len > 0)
        return false;
    r->client_stage = RELAY_CLIENT_UPGRADING;
    if (!start_tls(r))
        give_up_tls(r);
    return true;
}

static const enum counter version_counters[] = {
    [TLS_VERSION_1_0] = COUNTER_CLIENT_TLS_1_0,
    [TLS_VERSION_1_1] = COUNTER_CLIENT_TLS_1_1,
    [TLS_VERSION_1_2] = COUNTER_CLIENT_TLS_1_2,
    [TLS_VERSION_1_3] = COUNTER_CLIENT_TLS_1_3,
};

static void note_tls(struct relay *r)
{
    const struct tls *tls = connection_tls(r->client);
    struct counters *c = &r->host->counters;

    relay_note_tls(&r->client_leg, r->client);
    counters_add(c,
                 tls_is_resumed(tls) ? COUNTER_CLIENT_TLS_RESUMED
                                     : COUNTER_CLIENT_TLS_NEW,
                 1);
    counters_add(c, version_counters[tls_version_of(tls)], 1);
    if (tls_version_of(tls) < TLS_VERSION_1_2)
        counters_add(c, COUNTER_SESSIONS_OLD_TLS, 1);
    if (tls_name_is_unmatched(tls))
        counters_add(c, COUNTER_SNI_UNMATCHED, 1);
}

/* On a port where TLS comes first, nobody was greeted before. */
static void tls_is_up(struct relay *r)
{
    note_tls(r);
    if (r->bridge == NULL) {
        greet(r);
        return;
    }
    r->client_stage = RELAY_CLIENT_OPEN;
    bridge_outcome(r->bridge, BRIDGE_CLIENT_TLS_UP, relay_now(r));
}

static bool notice_handshake(struct relay *r)
{
    switch (connection_state(r->client)) {
    case CONNECTION_HANDSHAKING:
        return false;
    case CONNECTION_OPEN:
        tls_is_up(r);
        break;
    case CONNECTION_UNTRUSTED:
    case CONNECTION_BROKEN:
        give_up_tls(r);
        break;
    }
    return true;
}

/* --- its end --- */

static void tell_closed(struct relay *r)
{
    relay_client_close(r);
    r->client_ended = false;
    bridge_outcome(r->bridge, BRIDGE_CLIENT_CLOSED, relay_now(r));
}

/* A client may send its last commands, say that it will send no more, and wait
 * for the answers. So its end is kept from the bridge while there are commands
 * not yet carried out or answers not yet sent. How long that may take is the
 * bridge's to say: its deadlines hold for this client as for any other.
 */
static bool is_end_due(const struct relay *r)
{
    return r->client_stage == RELAY_CLIENT_OPEN &&
           bridge_client_is_served(r->bridge);
}

static void settle_closing(struct relay *r)
{
    if (bridge_client_output(r->bridge).len == 0 ||
        connection_state(r->client) == CONNECTION_BROKEN) {
        connection_close(r->client);
        let_go(r);
    } else if (relay_now(r) >= r->client_limit_ms) {
        relay_client_abort(r);
    }
}

void relay_client_settle(struct relay *r)
{
    if (r->bridge == NULL || r->client_stage == RELAY_CLIENT_GONE)
        return;
    if (r->client_ended && is_end_due(r))
        tell_closed(r);
    if (bridge_is_over(r->bridge))
        relay_client_close(r);
    if (r->client_stage == RELAY_CLIENT_CLOSING)
        settle_closing(r);
    if (r->client_stage == RELAY_CLIENT_OPEN)
        connection_want(r->client, bridge_client_room(r->bridge));
    else if (r->client != NULL)
        connection_want(r->client, 0);
}

/* --- octets --- */

bool relay_client_notice(struct relay *r)
{
    switch (r->client_stage) {
    case RELAY_CLIENT_TLS_WISHED:
        return begin_upgrade(r);
    case RELAY_CLIENT_GREETING_TLS:
    case RELAY_CLIENT_UPGRADING:
        return notice_handshake(r);
    case RELAY_CLIENT_OPEN:
        break;
    case RELAY_CLIENT_CLOSING:
    case RELAY_CLIENT_GONE:
        return false;
    }
    if (connection_state(r->client) != CONNECTION_BROKEN)
        return false;
    tell_closed(r); /* no answer would reach it */
    return true;
}

/* Before a login they may hold a password. */
static void take_input(struct relay *r, struct span octets)
{
    enum bridge_phase phase = bridge_phase(r->bridge);

    bridge_client_input(r->bridge, octets, relay_now(r));
    if (phase == BRIDGE_AUTHORIZATION || phase == BRIDGE_LOGGING_IN)
        connection_space_forget(&r->host->space, octets);
}

bool relay_client_receive(struct relay *r)
{
    size_t room = bridge_client_room(r->bridge);
    struct span octets;

    if (r->client_stage != RELAY_CLIENT_OPEN || r->client_ended || room == 0)
        return false;
    switch (connection_read(r->client, room, &octets)) {
    case CONNECTION_OK:
        r->has_spoken = true;
        counters_add(&r->host->counters, COUNTER_CLIENT_OCTETS_IN, octets.len);
        relay_trace(r, TRACE_FROM_CLIENT, octets);
        take_input(r, octets);
        return true;
    case CONNECTION_MORE:
        return false;
    case CONNECTION_END:
        break;
    }
    r->client_ended = true;
    return true;
}

bool relay_client_send(struct relay *r)
{
    struct span output = bridge_client_output(r->bridge);
    size_t taken = output.len;

    if (taken == 0 || r->client_stage == RELAY_CLIENT_UPGRADING)
        return false;
    if (r->client != NULL)
        taken = connection_write(r->client, output);
    if (r->client_stage == RELAY_CLIENT_OPEN &&
        connection_state(r->client) == CONNECTION_BROKEN) {
        tell_closed(r); /* what was written last has not arrived */
        return true;
    }
    if (taken == 0)
        return false;
    r->sent += taken;
    relay_trace(r, TRACE_TO_CLIENT, span_take(&output, taken));
    counters_add(&r->host->counters, COUNTER_CLIENT_OCTETS_OUT, taken);
    bridge_client_taken(r->bridge, taken, relay_now(r));
    if (r->client_stage == RELAY_CLIENT_CLOSING)
        extend_limit(r);
    return true;
}
