/* worker.h - one thread, one event loop, its own listening sockets.
 *
 * Workers share nothing but the service and the settings. All calls below are
 * for one other thread, the main one; the order is
 *
 *     worker_new
 *     worker_obey          what it is to serve: before it starts, and any time
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
#include "server/session_gather.h"
#include "server/settings.h"
#include "server/sockets.h"

struct worker;        /* opaque */
struct worker_orders; /* opaque */

/* One of so many |workers|. NULL where there is no memory. */
MUST_CHECK struct worker *worker_new(struct service *service, unsigned workers);

/* Orders to serve |settings|, which they hold: at the sockets that are those of
 * worker number |index| among |sockets|, and at those that it has already where
 * there is none. They are made apart from being given, so that a reload fails
 * before any worker has heard of it. NULL where there is no memory.
 */
MUST_CHECK struct worker_orders *worker_orders_new(struct settings *settings,
                                                   struct sockets *sockets,
                                                   unsigned index);

/* Orders that were not given. NULL is fine. */
void worker_orders_free(struct worker_orders *o);

/* Takes |o|. Sockets that are not named any more are closed, after what they
 * hold was accepted; sessions go on by the settings that they began with.
 */
void worker_obey(struct worker *w, struct worker_orders *o);

/* Starts the thread. When it has ended, uv_async_send is called on |ended|,
 * once; it may be NULL. False: there is no thread to be had.
 * SIGPIPE must be ignored by the process; the thread blocks all signals.
 */
MUST_CHECK bool worker_start(struct worker *w, uv_async_t *ended);

/* False: there are orders that it has not carried out, or sockets that it has not
 * closed yet.
 */
bool worker_is_settled(const struct worker *w);

/* A sign of life: whether the loop has taken a turn since worker_ask. */
void worker_ask(struct worker *w);
bool worker_answers(const struct worker *w);

/* Another process listens beside this one, and takes its place. What begins to
 * connect from here on is that one's; what has begun is accepted for a while.
 * Then as worker_stop_listening. |before| is how many sockets of this process
 * listen at each address.
 */
void worker_hand_over(struct worker *w, unsigned before);

/* The process whose place this one took does not accept any more: all sockets
 * of this one get connections.
 */
void worker_take_over(struct worker *w);

/* Has it put its sessions, for |round|; the same |g| each time. */
void worker_list_sessions(struct worker *w, struct session_gather *g,
                          uint64_t round);

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

/* Connections of balancers that wait for their PROXY header. */
uint32_t worker_headers_awaited(const struct worker *w);

/* Sessions alive. */
uint32_t worker_sessions(const struct worker *w);

#endif
