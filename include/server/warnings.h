/* warnings.h - the loud ones: what an operator has allowed, and should be
 * reminded of whenever the configuration is read.
 */
#ifndef POPINJAY_SERVER_WARNINGS_H
#define POPINJAY_SERVER_WARNINGS_H

#include "server/settings.h"

/* To the log. Also where the process may not open as many files as the limits
 * of the configuration ask for.
 */
void warnings_log(const struct settings *settings);

#endif
