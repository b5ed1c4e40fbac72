/* imap_login.h - by which mechanism a login goes upstream, and what is said.
 *
 * Internal to the IMAP session: imap_phases.c enters the states in which these
 * speak. One credential is tried once, by one mechanism, and never by a weaker
 * one when that is refused: CONFORMANCE DEC-19.
 *
 * Source: RFC 4616 §2; RFC 5802; RFC 4959 §3; RFC 7628 §3; RFC 9051 §6.2.2, §6.2.3;
 * XOAUTH2 as Google and Microsoft describe it; CONFORMANCE IAUTH.
 */
#ifndef POPINJAY_SESSION_IMAP_LOGIN_H
#define POPINJAY_SESSION_IMAP_LOGIN_H

#include "session/imap_session.h"

/* This connection has what binds a login to it, and that is wanted. */
bool imap_login_can_bind(const struct imap_session *s);

/* IMAP_AUTHENTICATE or IMAP_LOGIN was entered; |tag| is the command's. */
void imap_login_send(struct imap_session *s, uint32_t tag);

/* `+` in one of these states. */
struct imap_session_event imap_login_on_continue(struct imap_session *s,
                                                 const struct imap_event *ev);

/* AUTHENTICATE is given up, with `*`. Harmless twice. */
void imap_login_cancel(struct imap_session *s);

#endif
