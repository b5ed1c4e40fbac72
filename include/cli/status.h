/* status.h - `popinjay status`: what a running popinjay says of itself. */
#ifndef POPINJAY_CLI_STATUS_H
#define POPINJAY_CLI_STATUS_H

#include <stdint.h>

#include "base/attributes.h"

/* Asks the status server at |host|, a name or an address without brackets, and
 * prints a table. The exit code: EXIT_SUCCESS where it serves, EXIT_FAILURE
 * where it does not, or is not to be reached.
 */
MUST_CHECK int status_run(const char *host, uint16_t port);

#endif
