/* server.h - all of the serving: workers, status server, signals, the end.
 *
 *     server_new    binds all ports: needs privileges
 *     server_run    starts the threads and returns when the last has ended
 *     server_free
 *
 * SIGTERM and SIGINT: for drain_delay all goes on but /readyz; then there are
 * no new sessions, those there are may end by themselves for drain_timeout, and
 * are then closed, and nothing is changed by that. Each further signal goes one
 * step on: to the end of the delay, to the end of the process. SIGUSR2: another
 * process is there, and it drains; that is none of those steps.
 */
#ifndef POPINJAY_SERVER_SERVER_H
#define POPINJAY_SERVER_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/attributes.h"
#include "server/service.h"
#include "server/settings.h"

struct server; /* opaque */

/* |replaces|, if not 0, is the process that listens at the same addresses and is
 * told, once this one serves, to hand over. The service and |version| must
 * outlive the server, which holds the settings. On failure the result is NULL
 * and one line stands in |error|.
 */
MUST_CHECK struct server *server_new(struct settings *settings,
                                     struct service *service,
                                     const char *version, pid_t replaces,
                                     char *error, size_t error_size);

/* As whoever serves, and before there is less that it may do: the folder of
 * tokens, and the process that runs commands. The result is the folder that it
 * must be able to write to, or NULL. What fails is told the log: logins that take
 * tokens are refused, others go on.
 */
const char *server_prepare_tokens(struct server *s);

/* False, and |error| set, where a thread could not be started. */
MUST_CHECK bool server_run(struct server *s, char *error, size_t error_size);

void server_free(struct server *s);

#endif
