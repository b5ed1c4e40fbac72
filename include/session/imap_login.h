/* imap_login.h - by which mechanism a login goes upstream, and what is said.
 *
 * Internal to the IMAP session: imap_phases.c enters the states in which these
 * speak. One credential is tried once, by one mechanism, and never by a weaker
 * one when that is refused: CONFORMANCE DEC-19.
 *
 * Source: RFC 4616 §2; RFC 4959 §3; RFC 7628 §3; RFC 9051 §6.2.2, §6.2.3;
 * XOAUTH2 as Google and Microsoft describe it; CONFORMANCE IAUTH.
 */
#ifndef POPINJAY_SESSION_IMAP_LOGIN_H
#define POPINJAY_SESSION_IMAP_LOGIN_H

#include "base/attributes.h"
#include "base/buf.h"
#include "imap/capability.h"
#include "session/credentials.h"
#include "session/fault.h"
#include "session/imap_session.h"
#include "session/server_name.h"

/* FAULT_NONE, or why a server with these capabilities cannot be sent |c|.
 * |mechanism| is written in the first case only.
 */
MUST_CHECK enum fault imap_login_choose(const struct credentials *c,
                                        struct imap_capabilities capabilities,
                                        enum imap_mechanism *mechanism);

/* Appends the first message of the mechanism (not of IMAP_MECHANISM_NONE) in
 * base64. Failure sticks in |base64|.
 */
void imap_login_write_message(enum imap_mechanism mechanism,
                              const struct credentials *c,
                              const struct server_name *to, struct buf *base64);

/* IMAP_AUTHENTICATE or IMAP_LOGIN was entered; |tag| is the command's. */
void imap_login_send(struct imap_session *s, uint32_t tag);

/* `+` in one of these states. */
struct imap_session_event imap_login_on_continue(struct imap_session *s,
                                                 const struct imap_event *ev);

#endif
