/* Answers BRIDGE_PROVE as a thread does that takes its time, or for which there
 * is no place; and tells the bridge of the channel that a proof is bound to.
 */
#include <stdio.h>

#include "sim/cover.h"
#include "sim/heap.h"
#include "sim/session.h"
#include "support/model_scram.h"

/* |tls|: the connection is protected by now. */
void prove_offer(struct session *s, bool tls)
{
    struct model_imap *server = &s->world->server;
    struct scram_channel channel = {
        .has_binding = tls && s->world->traits.can_bind,
    };

    snprintf(channel.nonce, sizeof(channel.nonce), "n%u-",
             (unsigned)session_roll(s, 1000000000));
    for (size_t i = 0; i < SCRAM_BINDING_SIZE; i++)
        channel.binding[i] = (unsigned char)session_roll(s, 256);
    server->channel = channel;
    heap_enter();
    bridge_offer_scram(s->bridge, &channel);
    heap_leave();
}

void prove_ask(struct session *s, const struct scram_work *work)
{
    if (s->proof_asked)
        session_fail(s, "PROVE, and it is not answered yet");
    if (s->upstream != UPSTREAM_UP)
        session_fail(s, "PROVE, and there is no connection");
    if (work->iterations < SCRAM_ITERATIONS_MIN ||
        work->iterations > SCRAM_ITERATIONS_MAX)
        session_fail(s, "PROVE, and it would take for ever");
    s->proof_asked = true;
    model_scram_prove(work, &s->proof);
    if (session_chance(s, s->world->denied))
        s->proof.fault = FAULT_VERIFY_BUSY;
    s->proof_at = s->now;
    if (session_chance(s, s->world->late))
        s->proof_at += session_roll(s, 3000);
}

void prove_answer(struct session *s)
{
    s->proof_asked = false;
    if (s->proof.fault != FAULT_NONE) {
        s->refusals++;
        s->refusal = MODEL_REFUSED_TEMP;
        s->excused = s->excused || s->judge.logged_in;
    }
    heap_enter();
    bridge_prove(s->bridge, &s->proof, s->now);
    heap_leave();
}

/* The connection has ended. */
void prove_forget(struct session *s)
{
    s->proof_asked = false;
}
