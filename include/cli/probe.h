/* probe.h - `popinjay probe`: what the configured server is like, and what POP3
 * will become before it. Changes nothing there.
 */
#ifndef POPINJAY_CLI_PROBE_H
#define POPINJAY_CLI_PROBE_H

#include "base/attributes.h"
#include "config.h"
#include "session/credentials.h"

/* Prints what it finds at |upstream|, which is one of |config|. |credentials| NULL: nobody is logged in; else INBOX is
 * listed too. Takes the thread until it is done.
 *
 * The exit code: EXIT_SUCCESS, or EXIT_FAILURE where the server is of no use as
 * things are; why has been printed then.
 */
MUST_CHECK int probe_run(const struct config *config,
                         const struct config_upstream *upstream,
                         const char *version,
                         const struct credentials *credentials);

#endif
