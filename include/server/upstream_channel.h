/* upstream_channel.h - what a login by SCRAM needs of a connection. */
#ifndef POPINJAY_SERVER_UPSTREAM_CHANNEL_H
#define POPINJAY_SERVER_UPSTREAM_CHANNEL_H

#include "net/connection.h"
#include "session/scram.h"

/* |c| is open, and its handshake, if there is to be one, is done. Without
 * randomness there is no nonce.
 */
void upstream_channel_make(const struct connection *c,
                           struct scram_channel *channel);

#endif
