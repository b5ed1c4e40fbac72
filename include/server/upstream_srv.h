/* upstream_srv.h - the servers of an upstream, found as its section says: by
 * address, or by the SRV records of a domain (access/srv.h).
 *
 * A target outside of the domain is what anybody who can forge the DNS would
 * name. So it is taken for what it says only where it is in one of srv_domains;
 * else its certificate must be that of the domain (CONFORMANCE SRV-4).
 */
#ifndef POPINJAY_SERVER_UPSTREAM_SRV_H
#define POPINJAY_SERVER_UPSTREAM_SRV_H

#include "config.h"
#include "server/upstream_servers.h"

/* Waits for the DNS where it is to be asked. NULL: `DOMAIN: ...` in |error|, for
 * config_locate, or nothing where there is no memory. |may_pass|: the DNS did not
 * answer, and may another time.
 */
MUST_CHECK struct upstream_servers *upstream_servers_find(
    const struct config *config, const struct config_upstream *upstream,
    bool *may_pass, char *error, size_t error_size);

/* The name that the certificate of |host|, a target of |upstream|, must carry. */
const char *upstream_srv_name(const struct config_upstream *upstream,
                              const char *host);

#endif
