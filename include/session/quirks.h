/* quirks.h - the one place where the human text of a server is looked at.
 *
 * Some providers say in words what a response code should say. Each row of
 * the table stands for a row of PROVIDER_QUIRKS.md; everything else is judged
 * by condition and code alone (CONFORMANCE MAP-2, MAP-8).
 */
#ifndef POPINJAY_SESSION_QUIRKS_H
#define POPINJAY_SESSION_QUIRKS_H

#include <stdbool.h>
#include <stdint.h>

#include "imap/code.h"
#include "imap/response.h"
#include "session/fault.h"

struct quirk {
    enum fault fault;
    uint64_t backoff_ms; /* the server names a wait; 0: it does not */
};

/* For NO and BAD, and for lines that are no response at all (|condition|
 * IMAP_BAD, |code| IMAP_CODE_NONE). False: nothing known.
 */
bool quirk_find(enum imap_condition condition, enum imap_code code,
                struct span text, struct quirk *quirk);

/* Whether the server asks for a pause, for |pause_ms| (0: it does not say). Any
 * response may say so: Gmail's does in a tagged OK that is one otherwise.
 */
bool quirk_is_throttling(enum imap_condition condition, enum imap_code code,
                         struct span text, uint64_t *pause_ms);

#endif
