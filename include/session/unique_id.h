/* unique_id.h - what UIDL calls a message.
 *
 * Each format is a pure function of what the IMAP server says of a message, so
 * the same message has the same unique-id in every session, on every machine,
 * with no state of our own. The others than UNIQUE_ID_POPINJAY are those of
 * POP3 servers that people move away from: where the store keeps its
 * UIDVALIDITY and UIDs, a device finds what it knows.
 *
 *   popinjay  1700000000.12         UIDVALIDITY.UID
 *   dovecot   0000000c6553f100      UID, UIDVALIDITY: eight hexadecimal digits
 *                                   each; pop3_uidl_format = %08Xu%08Xv
 *   cyrus     1700000000.12         uidl_format: cyrus
 *   courier   UID12-1700000000      pop3d of Courier
 *   uw        6553f1000000000c      UIDVALIDITY, UID: ipop3d of UW
 *   uid       12                    Cyrus to 2.1.3, uidl_format: uidonly
 *   gmail     GmailId17c0ffee       X-GM-MSGID, as pop.gmail.com has it
 *
 * A message of another mailbox than INBOX bears that mailbox's mark behind it
 * (`12+89abcdef`), so unique-ids differ where mailboxes are merged, in whatever
 * order they are.
 * Source: RFC 1939 §7; CONFORMANCE DEC-12, POP-27, POP-28.
 */
#ifndef POPINJAY_SESSION_UNIQUE_ID_H
#define POPINJAY_SESSION_UNIQUE_ID_H

#include <stdint.h>

#include "base/limits.h"
#include "base/span.h"

enum unique_id_format {
    UNIQUE_ID_POPINJAY,
    UNIQUE_ID_DOVECOT,
    UNIQUE_ID_CYRUS,
    UNIQUE_ID_COURIER,
    UNIQUE_ID_UW,
    UNIQUE_ID_UID,
    UNIQUE_ID_GMAIL,
    UNIQUE_ID_FORMAT_COUNT,
};

struct unique_id_facts {
    uint32_t uidvalidity;
    uint32_t uid;
    uint64_t gmail_id;     /* UNIQUE_ID_GMAIL: X-GM-MSGID */
    uint32_t mailbox_mark; /* 0: INBOX */
};

/* 1 to UNIQUE_ID_MAX characters from 0x21 to 0x7E, and a NUL. */
struct unique_id {
    char text[UNIQUE_ID_MAX + 1];
};

struct unique_id unique_id_make(enum unique_id_format format,
                                const struct unique_id_facts *facts);

/* Of a mailbox by its name, in UTF-8: never 0, but for INBOX. */
uint32_t unique_id_mailbox_mark(struct span mailbox);

#endif
