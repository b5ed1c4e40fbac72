#include "server/upstream_channel.h"

#include "net/nonce.h"

_Static_assert(SCRAM_NONCE_SIZE == NONCE_TEXT_SIZE &&
                   SCRAM_BINDING_SIZE == TLS_BINDING_SIZE,
               "scram.h");

void upstream_channel_make(const struct connection *c,
                           struct scram_channel *channel)
{
    const struct tls *tls = connection_tls(c);

    *channel = (struct scram_channel){ .nonce = "" };
    if (nonce_make(channel->nonce) && tls != NULL)
        channel->has_binding = tls_channel_binding(tls, channel->binding);
}
