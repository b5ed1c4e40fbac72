/* srv.h - the IMAP servers that a mail domain names in the DNS.
 *
 * Source: RFC 6186 §3.2, §3.4 (_imaps._tcp and _imap._tcp), RFC 8314 §5.1
 * (TLS from the first octet on is preferred), RFC 2782 (SRV); CONFORMANCE SRV-1
 * to SRV-3.
 *
 * Who asks waits: SRV_TIMEOUT_MS at most for a question, and there may be two. That is for
 * the start and for a reload, and for no loop that serves sessions.
 */
#ifndef POPINJAY_ACCESS_SRV_H
#define POPINJAY_ACCESS_SRV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/limits.h"
#include "session/policy.h"

struct srv_target {
    char host[HOST_NAME_MAX_OCTETS + 1]; /* without a dot at its end */
    uint16_t port;
    uint16_t priority;
    uint16_t weight;
};

/* The records of one name. */
struct srv_records {
    enum srv_state {
        SRV_NONE,   /* there is no such name, or it has no such record */
        SRV_ABSENT, /* its only target is `.`: there is no such service */
        SRV_THERE,
        SRV_FAILED, /* no answer, or one that cannot be read: |problem| */
    } state;
    const char *problem; /* a constant text */
    struct srv_target at[UPSTREAM_SERVERS_MAX];
    size_t count; /* the first ones by priority, then by weight */
};

/* Whether |host|, as the DNS gave it, is a host's name: letters, digits, hyphens
 * and underscores between dots. Anything else could look like a name that it is
 * not.
 */
MUST_CHECK bool srv_is_host(const char *host);

/* Adds |target| where it belongs; the last one goes where there are too many. */
void srv_records_add(struct srv_records *records,
                     const struct srv_target *target);

/* Which of the two holds, and so how TLS begins. NULL: neither does, and why
 * stands in |problem|.
 */
MUST_CHECK const struct srv_records *srv_choose(
    const struct srv_records *imaps, const struct srv_records *imap,
    const char *domain, enum tls_mode *tls, char *problem, size_t problem_size);

/* Asks for `SERVICE._tcp.DOMAIN`. |resolver| is ADDRESS:PORT of a name server;
 * NULL: those of the system.
 */
void srv_ask(const char *service, const char *domain, const char *resolver,
             struct srv_records *records);

#endif
