/* prompt.h - a password from whoever sits at the terminal, or from standard
 * input where that is none.
 */
#ifndef POPINJAY_CLI_PROMPT_H
#define POPINJAY_CLI_PROMPT_H

#include <stdbool.h>

#include "base/attributes.h"
#include "base/buf.h"

/* One line without its end, appended to |password|, which wipes. A terminal is
 * asked, and shows nothing of what is typed. False: there was none, or it is
 * longer than |password| may hold.
 */
MUST_CHECK bool prompt_password(const char *question, struct buf *password);

#endif
