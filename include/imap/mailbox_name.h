/* mailbox_name.h - a mailbox's name as a person writes it, and as it goes over
 * the wire of an IMAP4rev1 server: modified UTF-7.
 *
 * Source: RFC 3501 §5.1.3; RFC 9051 Appendix A.1.
 */
#ifndef POPINJAY_IMAP_MAILBOX_NAME_H
#define POPINJAY_IMAP_MAILBOX_NAME_H

#include <stdbool.h>

#include "base/attributes.h"
#include "base/buf.h"
#include "base/span.h"

/* INBOX, in any case. */
bool imap_mailbox_name_is_inbox(struct span name);

/* Appends |name|, which is UTF-8, in modified UTF-7. False where it is not
 * UTF-8, holds a control character, or |out| has failed.
 */
MUST_CHECK bool imap_mailbox_name_encode(struct buf *out, struct span name);

#endif
