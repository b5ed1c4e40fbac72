/* watcher.h - what the server does for those who watch it, while nobody asks:
 * it samples its figures for the history, and asks an upstream itself while
 * that is not known to answer.
 *
 * Why it asks: where /readyz says 503 no client is sent here any more, so no
 * session would ever show that the upstream has come back.
 *
 * Thread: that of its loop, the main one.
 */
#ifndef POPINJAY_SERVER_WATCHER_H
#define POPINJAY_SERVER_WATCHER_H

#include <stdbool.h>
#include <uv.h>

#include "base/attributes.h"
#include "server/history.h"
#include "server/service.h"
#include "server/settings.h"
#include "server/upstream_health.h"

struct watcher; /* opaque */

struct watcher_source {
    struct service *service;
    struct settings *const *settings; /* those of the day */
    void (*sum)(const void *data, struct counters_total *totals);
    const void *data;
};

/* Nothing happens before watcher_start. NULL where there is no memory. */
MUST_CHECK struct watcher *watcher_new(uv_loop_t *loop,
                                       const struct watcher_source *source);
void watcher_start(struct watcher *w);

/* Draining: no upstream is asked any more. */
void watcher_rest(struct watcher *w);

/* Closes its handles; the memory is given back by watcher_free, once the loop
 * has closed them. NULL is fine for both.
 */
void watcher_close(struct watcher *w);
void watcher_free(struct watcher *w);

const struct history *watcher_history(const struct watcher *w);

/* Can mail be served, as far as upstreams are concerned? One of several is enough:
 * where the others fail, all instances of this proxy are likely to find them
 * failing, and to send clients elsewhere would help none of them.
 */
enum watcher_readiness {
    WATCHER_READY,   /* one of them was reached, or nobody is to ask */
    WATCHER_UNKNOWN, /* none yet, and the watcher is about to ask */
    WATCHER_FAILING, /* all of them */
};
enum watcher_readiness watcher_readiness(const struct watcher *w);

#endif
