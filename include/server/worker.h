/* worker.h - one thread, one event loop, its own listening sockets.
 *
 * Workers share nothing but the service and the settings. All calls below are for one other
 * thread, the main one; the order is
 *
 *     worker_new           binds; the only part that needs privileges
 *     worker_start         the thread runs and accepts
 *     worker_stop_listening, worker_abort   in this order, if at all
 *     worker_join          waits until the last session has ended
 *     worker_free
 */
#ifndef POPINJAY_SERVER_WORKER_H
#define POPINJAY_SERVER_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/attributes.h"
#include "base/counters.h"
#include "server/service.h"
#include "server/settings.h"

struct worker; /* opaque */

/* Binds each listener of |settings|, which it holds. The first worker (|index| 0) also
 * sees to it that nobody else listens there: with SO_REUSEPORT a second
 * process of the same user would silently share the connections.
 *
 * On failure the result is NULL and one line stands in |error|:
 * `ADDRESS: what is wrong`.
 */
MUST_CHECK struct worker *worker_new(struct service *service,
                                     struct settings *settings, unsigned index,
                                     char *error, size_t error_size);

/* Starts the thread. When it has ended, uv_async_send is called on |ended|,
 * once; it may be NULL. False: there is no thread to be had.
 * SIGPIPE must be ignored by the process; the thread blocks all signals.
 */
MUST_CHECK bool worker_start(struct worker *w, uv_async_t *ended);

/* Draining: no new sessions; the thread ends after the last one. */
void worker_stop_listening(struct worker *w);

/* The drain is over: every session ends now, and changes nothing. The thread
 * ends when they have taken their leave: LOGOUT_TIMEOUT_MS and twice
 * CLOSE_TIMEOUT_MS at most, a name lookup under way aside.
 */
void worker_abort(struct worker *w);

void worker_join(struct worker *w);

/* NULL is fine, and so is a worker that was never started. */
void worker_free(struct worker *w);

/* Facts for the status server, true a moment ago. */

const struct counters *worker_counters(const struct worker *w);

/* Sessions alive. */
uint32_t worker_sessions(const struct worker *w);

#endif
