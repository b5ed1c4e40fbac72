/* server_name.h - one server of an upstream, as it is asked for.
 *
 * An upstream may be made of several, and which of them a connection was made to
 * is known when it is made: to the owner, who tells.
 *
 * Source: RFC 7628 §3.1: a token is presented to the server that it names.
 */
#ifndef POPINJAY_SESSION_SERVER_NAME_H
#define POPINJAY_SESSION_SERVER_NAME_H

#include <stdint.h>

struct server_name {
    const char *host; /* borrowed; that its certificate must carry */
    uint16_t port;
};

#endif
