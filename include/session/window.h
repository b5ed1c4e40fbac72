/* window.h - which messages of a mailbox a policy shows.
 *
 * All that is set must hold of a message; |newest| counts those of which it
 * does. All zero: every message is shown.
 */
#ifndef POPINJAY_SESSION_WINDOW_H
#define POPINJAY_SESSION_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

struct mailbox_window {
    uint32_t newest;             /* those with the highest UIDs; 0: all */
    uint32_t newer_than_days;    /* by INTERNALDATE; 0: of any age */
    uint64_t max_message_octets; /* 0: of any size */
    bool unread_only;            /* without \\Seen */
    const char *only_keyword;    /* with that flag; NULL: any */
};

#endif
