#include "server/relay.h"

#include <stdlib.h>
#include <time.h>
#include <utlist.h>

#include "base/limits.h"
#include "net/network.h"
#include "net/tcp.h"
#include "server/relay_parts.h"
#include "server/upstream_notes.h"

/* Octets for the client. What one turn receives is bounded, what answers it is
 * not: a client that asks for one long list after another, and reads as fast as
 * they are written, must not keep the loop from the others.
 */
#define SENT_MAX_A_TURN (1024 * 1024)
/* The same for one that has not logged in: nobody needs more. */
#define SENT_EARLY_A_TURN 16384

uint64_t relay_now(const struct relay *r)
{
    return uv_now(r->host->space.loop);
}

void relay_note_health(struct relay *r, const char *failure)
{
    if (r->to->is_unlisted || (failure != NULL && r->sole != NULL))
        return; /* it says nothing of those that are listed, or of the others */
    upstream_health_note(&r->to->lasting->health, r->to->number, failure,
                         relay_now(r), (uint64_t)time(NULL));
}

/* --- the maildrop --- */

/* No memory for the lock is as good as a lock that is not to be had. */
static enum bridge_outcome lock_outcome(enum lock_status status)
{
    switch (status) {
    case LOCK_TAKEN:
        return BRIDGE_LOCKED;
    case LOCK_TOO_SOON:
        return BRIDGE_LOCK_TOO_SOON;
    case LOCK_BUSY:
    case LOCK_ENOMEMORY:
        break;
    }
    return BRIDGE_LOCK_BUSY;
}

static struct snapshot_key snapshot_key(const struct relay *r, struct span user,
                                        uint32_t mailbox)
{
    return (struct snapshot_key){
        .upstream = span_from_string(r->to->key),
        .user = user,
        .mailbox = bridge_mailbox_name(r->bridge, mailbox),
    };
}

static void offer_mailboxes(struct relay *r, struct span user)
{
    struct snapshot_cache *cache = r->host->service->snapshots;

    for (uint32_t i = 0; i < bridge_mailbox_count(r->bridge); i++) {
        struct snapshot_key key = snapshot_key(r, user, i);
        struct known_mailbox known = snapshot_cache_find(cache, &key);

        bridge_offer_mailbox(r->bridge, i, &known);
        known_mailbox_clear(&known);
    }
}

static void keep_mailbox(struct relay *r, struct span user, uint32_t mailbox)
{
    struct snapshot_key key = snapshot_key(r, user, mailbox);

    snapshot_cache_put(r->host->service->snapshots, &key,
                       bridge_known_mailbox(r->bridge, mailbox));
}

static void release_lock(struct relay *r)
{
    lock_table_release(r->host->service->locks, r->lock);
    r->lock = NULL;
}

/* Alone, and not too soon after the last time. */
static enum lock_status lock_maildrop(struct relay *r,
                                      const struct bridge_wish *wish)
{
    struct lock_table *locks = r->host->service->locks;
    struct span place = span_from_string(r->to->place);
    enum lock_status status =
        lock_table_take(locks, place, wish->user, &r->lock);

    if (status != LOCK_TAKEN)
        return status;
    status = lock_table_note_login(locks, place, wish->login,
                                   wish->login_delay_ms, relay_now(r));
    if (status != LOCK_TAKEN)
        release_lock(r);
    return status;
}

static void take_lock(struct relay *r, const struct bridge_wish *wish)
{
    enum lock_status status = lock_maildrop(r, wish);

    if (status == LOCK_TAKEN)
        offer_mailboxes(r, wish->user);
    bridge_outcome(r->bridge, lock_outcome(status), relay_now(r));
}

/* --- counting --- */

static const enum counter listing_counters[KNOWN_VERDICT_COUNT] = {
    [KNOWN_UNPROVEN] = COUNTER_LISTINGS_FULL,
    [KNOWN_OLDER] = COUNTER_LISTINGS_UPDATED,
    [KNOWN_FRESH] = COUNTER_LISTINGS_FRESH,
};

/* Of the server at hand, and so of its upstream. */
static void note_greeting(struct relay *r, const char *failure)
{
    relay_note_health(r, failure);
    if (r->server != NULL)
        upstream_note_server(r->to, r->server, failure, relay_now(r));
}

/* What concerns the upstream that it is about, of several. */
static void count_upstream(struct relay *r, const struct bridge_report *now)
{
    struct upstream *lasting = r->to->lasting;
    const struct bridge_report *then = &r->counted;

    upstream_count(lasting, UPSTREAM_LOGINS_OK,
                   now->logins_ok - then->logins_ok);
    if (now->logins_failed > then->logins_failed)
        upstream_count_login_failure(lasting, now->last_login_fault);
    upstream_count(lasting, UPSTREAM_FAILURES,
                   now->upstream_failures - then->upstream_failures);
    upstream_count(lasting, UPSTREAM_REUSED,
                   now->upstream_reused - then->upstream_reused);
    if (now->greetings_failed > then->greetings_failed)
        note_greeting(r, fault_pop3_text(now->last_greeting_fault));
    if (now->greetings > then->greetings)
        note_greeting(r, NULL);
}

/* What DELE marked and the policy did not remove. */
static void count_spared(struct counters *c, const struct bridge_report *now,
                         const struct bridge_report *then)
{
    counters_add(c, COUNTER_MESSAGES_MOVED,
                 now->messages_moved - then->messages_moved);
    counters_add(c, COUNTER_MESSAGES_FLAGGED,
                 now->messages_flagged - then->messages_flagged);
    counters_add(c, COUNTER_MESSAGES_KEPT,
                 now->messages_kept - then->messages_kept);
}

static void count(struct relay *r)
{
    struct counters *c = &r->host->counters;
    const struct bridge_report *now = bridge_report(r->bridge);
    struct bridge_report *then = &r->counted;
    enum bridge_phase phase = bridge_phase(r->bridge);

    counters_add(c, COUNTER_LOGINS_OK, now->logins_ok - then->logins_ok);
    counters_add(c, r->proven_by, now->logins_ok - then->logins_ok);
    if (now->logins_ok > then->logins_ok)
        counters_add(c, COUNTER_MESSAGES_HIDDEN, now->messages_hidden);
    for (uint64_t n = then->logins_failed; n < now->logins_failed; n++)
        counters_add_login_failure(c, now->last_login_fault);
    counters_add(c, COUNTER_MESSAGES_RETRIEVED,
                 now->messages_retrieved - then->messages_retrieved);
    counters_add(c, COUNTER_OCTETS_RETRIEVED,
                 now->octets_retrieved - then->octets_retrieved);
    counters_add(c, COUNTER_MESSAGES_DELETED,
                 now->messages_deleted - then->messages_deleted);
    count_spared(c, now, then);
    counters_add(c, COUNTER_UPSTREAM_FAILURES,
                 now->upstream_failures - then->upstream_failures);
    if (r->to != NULL)
        count_upstream(r, now);
    counters_add(c, COUNTER_UPSTREAM_REUSED,
                 now->upstream_reused - then->upstream_reused);
    counters_add(c, COUNTER_UPSTREAM_REJECTS,
                 now->upstream_rejects - then->upstream_rejects);
    counters_add(c, COUNTER_SIZE_MISMATCHES,
                 now->size_mismatches - then->size_mismatches);
    counters_add(c, COUNTER_READAHEAD_USED,
                 now->readahead_used - then->readahead_used);
    counters_add(c, COUNTER_READAHEAD_WASTED,
                 now->readahead_wasted - then->readahead_wasted);
    for (unsigned i = 0; i < KNOWN_VERDICT_COUNT; i++)
        counters_add(c, listing_counters[i],
                     now->listings[i] - then->listings[i]);
    counters_add(c, COUNTER_LISTINGS_WINDOW, now->excerpts - then->excerpts);
    if (now->throttled > then->throttled)
        relay_guard_throttled(r, now);
    *then = *now;
    if (phase != r->phase && !r->is_check)
        counters_session_move(c, r->listener->number, r->phase, phase);
    if (phase == BRIDGE_TRANSACTION)
        relay_early_leave(r);
    r->phase = phase;
}

/* --- the end of it --- */

static void on_timer_closed(uv_handle_t *handle)
{
    struct relay *r = handle->data;

    settings_release(r->settings);
    buf_fini(&r->user);
    free(r);
}

/* The connections let go of the relay here and may outlive it a little. */
static void end(struct relay *r, enum fault why)
{
    struct relay_host *host = r->host;

    if (r->bridge != NULL)
        count(r);
    relay_log_end(r, why);
    if (!r->is_check)
        counters_session_end(&host->counters, r->listener->number, r->phase,
                             why);
    relay_upstream_close(r);
    connection_close(r->client);
    release_lock(r);
    relay_guard_leave(r); /* where it is not known yet */
    relay_access_leave(r);
    relay_early_leave(r);
    bridge_free(r->bridge);
    relay_access_forget(r);
    relay_trace_end(r);
    DL_DELETE(host->relays, r);
    atomic_fetch_sub(&host->sessions, 1);
    admission_leave(host->service->admission, &r->ticket);
    uv_close((uv_handle_t *)&r->timer, on_timer_closed);
}

/* --- the pump --- */

static void serve(struct relay *r, const struct bridge_wish *wish)
{
    switch (wish->kind) {
    case BRIDGE_START_CLIENT_TLS:
        relay_client_start_tls(r);
        break;
    case BRIDGE_ASK_LOGIN:
        relay_access_ask(r, wish);
        break;
    case BRIDGE_SASL:
        relay_access_sasl(r, wish);
        break;
    case BRIDGE_REUSE:
        r->to = relay_upstream_of(r, wish->upstream);
        relay_upstream_reuse(r, wish->credentials);
        break;
    case BRIDGE_CONNECT:
        r->to = relay_upstream_of(r, wish->upstream);
        relay_upstream_connect(r);
        break;
    case BRIDGE_CONNECT_NEXT:
        relay_upstream_connect_next(r, wish->fault);
        break;
    case BRIDGE_START_UPSTREAM_TLS:
        relay_upstream_start_tls(r);
        break;
    case BRIDGE_PROVE:
        relay_scram_prove(r, &wish->scram);
        break;
    case BRIDGE_CLOSE_UPSTREAM:
        relay_upstream_close(r);
        break;
    case BRIDGE_PARK:
        relay_upstream_park(r, wish->parked);
        break;
    case BRIDGE_LOCK:
        take_lock(r, wish);
        break;
    case BRIDGE_UNLOCK:
        release_lock(r);
        break;
    case BRIDGE_KEEP_MAILBOX:
        keep_mailbox(r, wish->user, wish->mailbox);
        break;
    case BRIDGE_CLOSE_CLIENT:
        relay_client_close(r);
        break;
    case BRIDGE_ABORT_CLIENT:
        relay_client_abort(r);
        break;
    case BRIDGE_NOTE:
        relay_log_note(r, wish);
        relay_guard_note(r, wish);
        break;
    case BRIDGE_WISH_KIND_COUNT:
        break;
    }
}

static void serve_wishes(struct relay *r)
{
    struct bridge_wish wish;

    while (r->bridge != NULL && bridge_next_wish(r->bridge, &wish))
        serve(r, &wish);
}

/* Takes in whatever there is before anything is sent, so that what belongs
 * together leaves together: a status line and the first octets of its message,
 * a row of pipelined replies. It is counted before it is sent, so that whoever
 * has seen a reply sees it in the figures too. Whatever the bridge has heard of,
 * its wishes are served before it hears of anything else, in this turn or the
 * next.
 */
static bool move(struct relay *r)
{
    bool moved = relay_client_notice(r);

    serve_wishes(r);
    moved |= relay_upstream_notice(r);
    serve_wishes(r);
    if (r->bridge == NULL)
        return moved;
    moved |= relay_client_receive(r);
    serve_wishes(r);
    moved |= relay_upstream_receive(r);
    serve_wishes(r);
    if (moved)
        return true;
    count(r);
    moved |= relay_client_send(r);
    serve_wishes(r);
    moved |= relay_upstream_send(r);
    return moved;
}

static void on_time(uv_timer_t *timer)
{
    struct relay *r = timer->data;

    r->timer_ms = UINT64_MAX;
    bridge_time(r->bridge, relay_now(r));
    relay_pump(r);
}

static void set_timer(struct relay *r, bool more)
{
    uint64_t due_ms = bridge_deadline(r->bridge);
    uint64_t now_ms = relay_now(r);

    if (r->client_limit_ms < due_ms)
        due_ms = r->client_limit_ms;
    if (more) /* in the next turn: a timer of 0 ms could belong to this one */
        due_ms = now_ms + 1;
    if (due_ms == r->timer_ms)
        return;
    r->timer_ms = due_ms;
    if (due_ms == UINT64_MAX)
        uv_timer_stop(&r->timer);
    else
        uv_timer_start(&r->timer, on_time,
                       due_ms > now_ms ? due_ms - now_ms : 0, 0);
}

static bool is_over(const struct relay *r)
{
    if (r->bridge == NULL)
        return r->client_stage == RELAY_CLIENT_GONE;
    return bridge_is_over(r->bridge) && r->client_stage == RELAY_CLIENT_GONE;
}

static enum fault end_reason(const struct relay *r)
{
    if (r->bridge != NULL)
        return bridge_report(r->bridge)->end;
    return r->shed ? FAULT_SHED : FAULT_CLIENT_TLS;
}

void relay_pump(void *relay)
{
    struct relay *r = relay;
    size_t most = r->is_early ? SENT_EARLY_A_TURN : SENT_MAX_A_TURN;
    bool moved;

    r->sent = 0;
    serve_wishes(r);
    do {
        do
            moved = move(r);
        while (moved && r->sent < most);
        relay_client_settle(r);
        serve_wishes(r);
        moved = move(r);
    } while (moved && r->sent < most);
    relay_upstream_settle(r);
    if (is_over(r))
        end(r, end_reason(r));
    else if (r->bridge != NULL)
        set_timer(r, moved);
}

/* --- the begin of it --- */

/* TLS-6: what is lowered for some networks holds for their clients only. */
static const struct session_policy *policy_for(
    const struct settings_listener *listener, const union address *client)
{
    const struct config_networks *in_clear = &listener->config->plaintext_from;

    return network_any_holds(in_clear->at, in_clear->count, &client->any)
               ? &listener->policy_in_clear
               : &listener->policy;
}

/* The number tells sessions of one process apart, across its workers. */
static struct relay *make(struct relay_host *host,
                          const struct settings_listener *listener,
                          const struct origin *origin)
{
    struct relay *r = calloc(1, sizeof(*r));

    if (r == NULL)
        return NULL;
    r->host = host;
    r->listener = listener;
    r->settings = listener->settings;
    r->policy = policy_for(listener, &origin->client);
    r->network = relay_network(r->settings->config, &origin->client);
    r->is_exempt = relay_is_exempt(r->settings->config, origin);
    r->client_address = origin->client;
    r->client_leg.address = address_describe(&origin->client);
    r->via = address_describe(&origin->via);
    r->client_limit_ms = UINT64_MAX;
    r->timer_ms = UINT64_MAX;
    r->number = atomic_fetch_add(&host->service->next_session, 1);
    r->began_ms = relay_now(r);
    buf_init(&r->user, RELAY_USER_MAX);
    return r;
}

void relay_start(struct relay_host *host,
                 const struct settings_listener *listener, uv_tcp_t *tcp,
                 const struct origin *origin,
                 const struct admission_ticket *ticket)
{
    struct relay *r = make(host, listener, origin);
    struct admission_ticket unused = *ticket;

    if (r == NULL)
        tcp_discard(tcp);
    else
        r->client = connection_new(&host->space, tcp, relay_client_stir, r);
    if (r == NULL || r->client == NULL) {
        admission_leave(host->service->admission, &unused);
        free(r);
        return;
    }
    r->ticket = *ticket;
    settings_hold(r->settings);
    uv_timer_init(host->space.loop, &r->timer);
    r->timer.data = r;
    DL_APPEND(host->relays, r);
    atomic_fetch_add(&host->sessions, 1);
    relay_early_join(r);
    r->phase = BRIDGE_AUTHORIZATION;
    r->is_check = origin->is_check;
    if (!r->is_check)
        counters_session_begin(&host->counters, listener->number, r->phase);
    relay_trace_begin(r, origin);
    relay_client_begin(r);
    relay_pump(r);
}

void relay_shut_down_all(struct relay_host *host)
{
    struct relay *r;
    struct relay *next;

    DL_FOREACH_SAFE (host->relays, r, next) {
        if (r->bridge != NULL)
            bridge_outcome(r->bridge, BRIDGE_SHUT_DOWN, relay_now(r));
        else
            relay_client_abort(r);
        relay_pump(r);
    }
}
