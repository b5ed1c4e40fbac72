/* A relay's logins upstream by SCRAM: the channel that they are bound to, and the
 * proof of the password.
 */
#include "access/scram_job.h"
#include "server/relay_parts.h"
#include "server/upstream_channel.h"

void relay_scram_offer(struct relay *r)
{
    struct scram_channel channel;

    upstream_channel_make(r->upstream, &channel);
    bridge_offer_scram(r->bridge, &channel);
    wipe(&channel, sizeof(channel));
}

static void on_proven(void *relay, const struct scram_proof *proof)
{
    struct relay *r = relay;

    r->proving = NULL;
    bridge_prove(r->bridge, proof, relay_now(r));
    relay_pump(r);
}

void relay_scram_prove(struct relay *r, const struct scram_work *work)
{
    const struct scram_proof none = { .fault = FAULT_VERIFY_BUSY };
    struct relay_host *host = r->host;

    if (r->upstream_stage != RELAY_UPSTREAM_OPEN)
        return; /* it was lost meanwhile, and the bridge will hear of that */
    r->proving = scram_job_start(host->access.shared.crypt, host->space.loop,
                                 work, on_proven, r);
    if (r->proving != NULL)
        return;
    relay_reach_limit(r, LIMIT_VERIFICATIONS);
    bridge_prove(r->bridge, &none, relay_now(r));
}

void relay_scram_leave(struct relay *r)
{
    scram_job_cancel(r->proving);
    r->proving = NULL;
}
