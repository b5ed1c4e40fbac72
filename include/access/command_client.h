/* command_client.h - has a runner (command_runner.h) run programs that print
 * tokens, from a loop.
 *
 * Thread: that of its loop. What was printed is wiped.
 */
#ifndef POPINJAY_ACCESS_COMMAND_CLIENT_H
#define POPINJAY_ACCESS_COMMAND_CLIENT_H

#include <uv.h>

#include "access/command_runner.h"
#include "base/attributes.h"
#include "base/span.h"

struct command_client; /* opaque */
struct command_call;   /* opaque: one program until it has ended */

/* |printed| is valid during the call, and empty but for COMMAND_PRINTED. */
typedef void command_call_done(void *owner, enum command_outcome outcome,
                               struct span printed);

/* Takes |fd| of command_runner_start in any case. NULL where there is no memory.
 */
MUST_CHECK struct command_client *command_client_new(uv_loop_t *loop, int fd);

/* The command of [oauth |source|], for |account|. |done| is called once, never
 * from within this call. NULL where there is no memory, the names are too long,
 * or the runner has gone.
 */
MUST_CHECK struct command_call *command_client_ask(struct command_client *c,
                                                   const char *source,
                                                   const char *account,
                                                   command_call_done *done,
                                                   void *owner);

/* |done| is not called any more; the program goes on. NULL is fine. */
void command_call_cancel(struct command_call *call);

/* The runner ends, and its programs with it. NULL is fine. */
void command_client_close(struct command_client *c);

#endif
