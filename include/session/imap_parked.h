/* imap_parked.h - what is left of an IMAP session while its connection rests.
 *
 * The user is logged in, a mailbox is still selected, no command is under way and
 * no response half read: so this little is enough to go on. A small value.
 */
#ifndef POPINJAY_SESSION_IMAP_PARKED_H
#define POPINJAY_SESSION_IMAP_PARKED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "imap/capability.h"

struct imap_parked {
    struct imap_capabilities capabilities; /* of after the login */
    uint32_t tag;                          /* of the last command */
    bool condstore_refused;                /* as in imap_session.h */
};

/* The last words for a server that nobody goes on with: RFC 9051 §3.4. */
void imap_parked_write_logout(const struct imap_parked *parked,
                              struct buf *out);

#endif
