/* upstream_probe.h - one look at a server, without a user.
 *
 * Connects as a session would, TLS and all, waits for the greeting and what the
 * server can do, and says LOGOUT. It looks where no session may come: at the
 * start, and while the upstream is failing and nobody is sent here for that.
 * What it found is in upstream_health.h.
 *
 * Thread: that of its loop. Memory: it frees itself, after |done| or after
 * upstream_probe_cancel; the space may go when its connections have.
 */
#ifndef POPINJAY_SERVER_UPSTREAM_PROBE_H
#define POPINJAY_SERVER_UPSTREAM_PROBE_H

#include "base/attributes.h"
#include "net/connection_space.h"
#include "server/settings.h"

struct upstream_probe; /* opaque */

/* Called once, and never from within upstream_probe_start. |failure| as for
 * upstream_health_note, valid during the call.
 */
typedef void upstream_probe_done(void *owner, const char *failure);

/* Holds |settings|, whose |upstream| it is, meanwhile. |server| is one of
 * its servers. NULL where there is no memory. */
MUST_CHECK struct upstream_probe *upstream_probe_start(
    struct connection_space *space, struct settings *settings,
    const struct settings_upstream *upstream,
    const struct upstream_server *server, upstream_probe_done *done,
    void *owner);

/* Before it is done: it will not call. NULL is fine. */
void upstream_probe_cancel(struct upstream_probe *p);

#endif
