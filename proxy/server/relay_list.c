/* What a worker's sessions are doing, for those who may know. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/limits.h"
#include "server/relay_parts.h"

static void describe(const struct relay *r, struct session_facts *f)
{
    struct span user = buf_span(&r->user);

    *f = (struct session_facts){
        .number = r->number,
        .client = r->client_leg.address,
        .phase = r->phase,
        .tls = r->client_leg.tls_version,
        .age_ms = relay_now(r) - r->began_ms,
        .messages = r->counted.messages_retrieved,
        .octets = r->counted.octets_retrieved,
    };
    (void)snprintf(f->listener, sizeof(f->listener), "%s",
                   r->listener->config->name);
    if (r->to != NULL)
        (void)snprintf(f->upstream, sizeof(f->upstream), "%s",
                       r->to->config->name);
    f->user_length = user.len < SESSION_USER_MAX ? user.len : SESSION_USER_MAX;
    if (f->user_length > 0)
        memcpy(f->user, user.data, f->user_length);
}

void relay_list_all(const struct relay_host *host, struct session_gather *g,
                    uint64_t round)
{
    size_t most = atomic_load(&host->sessions);
    struct session_facts *facts;
    const struct relay *r;
    size_t count = 0;
    bool more = false;

    if (most > SESSIONS_LISTED_MAX)
        most = SESSIONS_LISTED_MAX;
    facts = calloc(most + 1, sizeof(*facts));
    DL_FOREACH (host->relays, r) {
        if (r->is_check)
            continue;
        more = facts == NULL || count == most;
        if (more)
            break;
        describe(r, &facts[count++]);
    }
    session_gather_put(g, round, facts, count, more);
}
