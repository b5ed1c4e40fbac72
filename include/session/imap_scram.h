/* imap_scram.h - an exchange of SCRAM-SHA-256 as the IMAP session drives it.
 *
 * Internal to the IMAP session: imap_login.c sends the first message and hands
 * all challenges of such a login on to here.
 */
#ifndef POPINJAY_SESSION_IMAP_SCRAM_H
#define POPINJAY_SESSION_IMAP_SCRAM_H

#include "session/imap_session.h"

/* Appends the first message. False: no memory. */
MUST_CHECK bool imap_scram_begin(struct imap_session *s, struct buf *message);

/* What the server says behind it. */
struct imap_session_event imap_scram_on_challenge(struct imap_session *s,
                                                  const struct imap_event *ev);

/* The tagged response is |fault| by itself, FAULT_NONE for OK: what it is by what
 * came before it. The exchange is over.
 */
enum fault imap_scram_end(struct imap_session *s, enum fault fault);

#endif
