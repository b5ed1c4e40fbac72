/* status_server.h - the figures over HTTP/1.1.
 *
 *     /         a page for people      /healthz  200: the process is alive
 *     /status   JSON                   /readyz   200: it can serve; else 503
 *     /metrics  Prometheus             /status/sessions  JSON: to some only
 *
 * It runs on a loop of its own thread, so that it never delays a session, and
 * answers one request a connection at a time: the next one is read when the
 * last one's answer has gone. Caps and times: base/limits.h, HTTP_*. A client
 * beyond HTTP_CONNECTIONS_MAX waits until another has gone.
 *
 * Source: RFC 9110, RFC 9112; CONFORMANCE HTTP-1 to HTTP-16, MET-1.
 */
#ifndef POPINJAY_SERVER_STATUS_SERVER_H
#define POPINJAY_SERVER_STATUS_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "base/attributes.h"
#include "config.h"
#include "net/address.h"
#include "server/status_page.h"

struct status_server; /* opaque */

struct status_source {
    void (*figures)(void *data, struct status_figures *out);
    /* Whether whoever is at |address| may see the sessions. */
    bool (*may_list)(void *data, const union address *address);
    /* Asks for them: status_server_tell_sessions will follow. */
    void (*ask_sessions)(void *data);
    void *data;
};

/* Binds and listens on |address|; |alone| as for listener_bind. On failure the
 * result is NULL and one line stands in |error|: `[status] address: ADDRESS:
 * what is wrong`; |loop| must then be run once more, to close what was half open.
 */
MUST_CHECK struct status_server *status_server_new(
    uv_loop_t *loop, const struct config_address *address, bool alone,
    struct status_source source, char *error, size_t error_size);

/* To all who have asked. |json|: the page; empty: it is not to be had. NULL is
 * fine.
 */
void status_server_tell_sessions(struct status_server *s, struct span json);

/* Closes all connections; the memory is given back by the loop, once the last
 * handle has closed. NULL is fine.
 */
void status_server_close(struct status_server *s);

#endif
