/* Who gets a session, and which of those that have not logged in must go. */
#include <utlist.h>

#include "base/limits.h"
#include "net/network.h"
#include "net/tcp.h"
#include "server/log.h"
#include "server/relay_parts.h"

static const enum limit limits[] = {
    [ADMISSION_LIMIT_NONE] = LIMIT_COUNT,
    [ADMISSION_LIMIT_SESSIONS] = LIMIT_SESSIONS,
    [ADMISSION_LIMIT_LISTENER] = LIMIT_LISTENER_SESSIONS,
    [ADMISSION_LIMIT_CLIENT] = LIMIT_CLIENT_SESSIONS,
};

struct network_key relay_network(const struct config *config,
                                 const union address *client)
{
    return network_key_of(&client->any, config->client_prefix_v4,
                          config->client_prefix_v6);
}

bool relay_is_exempt(const struct config *config, const struct origin *origin)
{
    return origin->is_check || network_any_holds(config->exempt_networks.at,
                                                 config->exempt_networks.count,
                                                 &origin->client.any);
}

static void reach_limit(struct relay_host *host,
                        const struct settings_listener *listener,
                        const struct origin *origin, enum limit limit)
{
    struct address_text client = address_describe(&origin->client);

    relay_log_limit(host, limit, listener->config->name, &client);
}

/* --- before login --- */

void relay_early_join(struct relay *r)
{
    r->is_early = true;
    DL_APPEND2(r->host->early, r, early_prev, early_next);
    r->host->early_count++;
}

void relay_early_leave(struct relay *r)
{
    if (!r->is_early)
        return;
    r->is_early = false;
    DL_DELETE2(r->host->early, r, early_prev, early_next);
    r->host->early_count--;
}

/* Those whose password is with the server are not far from a login. */
static bool may_be_shed(const struct relay *r, uint64_t older_ms)
{
    return r->phase == BRIDGE_AUTHORIZATION &&
           relay_now(r) - r->began_ms >= older_ms;
}

/* Of those that have been there for longest without logging in: where a quarter
 * of them are the newcomer's own, he makes room for himself; else the first of
 * all. So a client that fills the place drives out none but itself, and one
 * with a few connections is not the worse for having more than one. NULL:
 * nobody.
 */
static struct relay *find_oldest(struct relay_host *host,
                                 const struct network_key *network,
                                 uint64_t older_ms, bool mute)
{
    struct relay *oldest = NULL;
    struct relay *own = NULL;
    unsigned found = 0;
    unsigned owns = 0;
    unsigned looked = 0;

    for (struct relay *r = host->early; r != NULL && looked < SHED_LOOK_MAX;
         r = r->early_next, looked++) {
        if (!may_be_shed(r, older_ms) || (mute && r->has_spoken))
            continue;
        found++;
        if (oldest == NULL)
            oldest = r;
        if (!network_key_equals(&r->network, network))
            continue;
        owns++;
        if (own == NULL)
            own = r;
    }
    return own != NULL && 4 * owns >= found ? own : oldest;
}

/* Those first who have not said a word: a flood need not say any, and would
 * push out those who are in the middle of their handshake.
 */
static struct relay *whom_to_shed(struct relay_host *host,
                                  const struct network_key *network,
                                  uint64_t older_ms)
{
    struct relay *r = find_oldest(host, network, older_ms, true);

    return r != NULL ? r : find_oldest(host, network, older_ms, false);
}

static bool shed_one(struct relay_host *host, const struct network_key *network,
                     uint64_t older_ms)
{
    struct relay *r = whom_to_shed(host, network, older_ms);

    if (r == NULL)
        return false;
    relay_early_leave(r);
    r->shed = true;
    if (r->bridge != NULL)
        bridge_outcome(r->bridge, BRIDGE_SHED, relay_now(r));
    else
        relay_client_abort(r);
    relay_pump(r);
    return true;
}

/* Each worker has its share: the kernel spreads connections evenly. */
static uint32_t early_share(const struct relay_host *host,
                            const struct config *config)
{
    return (config->max_unauthenticated + host->workers - 1) / host->workers;
}

/* False: they are too many, and all of them are about to log in. */
static bool make_early_room(struct relay_host *host,
                            const struct settings_listener *listener,
                            const struct origin *origin,
                            const struct network_key *network)
{
    if (host->early_count < early_share(host, listener->settings->config))
        return true;
    reach_limit(host, listener, origin, LIMIT_UNAUTHENTICATED);
    return shed_one(host, network, 0);
}

/* --- the door --- */

static struct admission_limits limits_at(
    const struct settings_listener *listener)
{
    return (struct admission_limits){
        .sessions = listener->settings->config->max_sessions,
        .listener = listener->config->max_sessions,
        .client = listener->settings->config->max_sessions_per_client,
    };
}

static void take_ticket(struct relay_host *host,
                        const struct settings_listener *listener,
                        const struct origin *origin,
                        const struct network_key *network,
                        struct admission_ticket *ticket)
{
    const struct admission_limits most = limits_at(listener);
    bool exempt = relay_is_exempt(listener->settings->config, origin);
    struct admission *admission = host->service->admission;

    admission_enter(admission, &most, listener->config->name,
                    exempt ? NULL : network, ticket);
    if (ticket->limit == ADMISSION_LIMIT_NONE)
        return;
    reach_limit(host, listener, origin, limits[ticket->limit]);
    /* Whoever only knocks does not keep others out. */
    if (ticket->limit != ADMISSION_LIMIT_SESSIONS ||
        !shed_one(host, network, SHED_GRACE_MS))
        return;
    admission_leave(admission, ticket);
    admission_enter(admission, &most, listener->config->name,
                    exempt ? NULL : network, ticket);
}

void relay_admit(struct relay_host *host,
                 const struct settings_listener *listener, uv_tcp_t *tcp,
                 const struct origin *origin)
{
    struct network_key network =
        relay_network(listener->settings->config, &origin->client);
    struct admission_ticket ticket;

    take_ticket(host, listener, origin, &network, &ticket);
    if (ticket.verdict != ADMISSION_CLOSED &&
        make_early_room(host, listener, origin, &network)) {
        relay_start(host, listener, tcp, origin, &ticket);
        return;
    }
    admission_leave(host->service->admission, &ticket);
    tcp_discard(tcp);
}
