/* probe_report.h - what `popinjay probe` says of a server, on standard output.
 *
 * What comes from the server is shown with all but printable ASCII as `?`.
 */
#ifndef POPINJAY_CLI_PROBE_REPORT_H
#define POPINJAY_CLI_PROBE_REPORT_H

#include <stdbool.h>

#include "base/span.h"
#include "config.h"
#include "imap/capability.h"
#include "net/connection.h"
#include "server/upstream_servers.h"
#include "session/imap_session.h"
#include "session/snapshot.h"

/* `  what        words` */
void probe_report_words(const char *what, struct span words);

/* The address, and TLS with its certificate where it is there. */
void probe_report_connection(const struct connection *c);

/* What the server can do, what POP3's commands become, and what is missing.
 *
 * at_login   what it said before the login, which the login goes by
 * now        what it says after it; the same where there was none
 * mechanism  by which logins go; NULL: by none
 * logged_in  it has told all; else it may say more after the login
 */
void probe_report_server(struct imap_capabilities at_login,
                         struct imap_capabilities now, const char *mechanism,
                         const struct config_policy *policy, bool logged_in);

/* One of those that the policy shows; |name| is how people see it. */
void probe_report_mailbox(const char *name, const struct imap_mailbox *mailbox,
                          const struct snapshot_halves *messages,
                          const struct snapshot *view);

/* All is said. */
void probe_report_end(void);

/* |server| of |u| is of no use: why, and what to do. */
void probe_report_failure(const struct config_upstream *u,
                          const struct upstream_server *server,
                          enum tls_mode tls, const char *failure,
                          bool is_untrusted);
void probe_report_fault(enum fault fault, struct span words);

#endif
