/* imap_phases.h - from the greeting to the selected mailbox.
 *
 * Internal to the IMAP session: imap_session.c takes responses apart and
 * calls these two twins of a state: what we send on entering it, and what a
 * tagged response means in it.
 */
#ifndef POPINJAY_SESSION_IMAP_PHASES_H
#define POPINJAY_SESSION_IMAP_PHASES_H

#include "session/imap_session.h"

/* The only writer of s->state. Sends what the state begins with. */
void imap_phase_enter(struct imap_session *s, enum imap_state next);

/* For a command: its tagged response is awaited from here on. */
MUST_CHECK uint32_t imap_phase_next_tag(struct imap_session *s);

/* Nothing is known of the mailbox yet. */
void imap_phase_forget_mailbox(struct imap_session *s);

/* SELECT asks for CONDSTORE: what it then says of it counts. */
bool imap_phase_has_condstore(const struct imap_session *s);

/* The greeting. */
struct imap_session_event imap_phase_on_greeting(struct imap_session *s,
                                                 const struct imap_event *ev);

/* A tagged response before IMAP_SELECTED; |clean| says that nothing lies
 * behind it in what was read.
 */
struct imap_session_event imap_phase_on_tagged(struct imap_session *s,
                                               const struct imap_event *ev,
                                               bool clean);

/* `+` while a command waits for it. */
struct imap_session_event imap_phase_on_continue(struct imap_session *s,
                                                 const struct imap_event *ev);

/* The connection is of no more use. */
struct imap_session_event imap_phase_fail(struct imap_session *s,
                                          enum fault fault,
                                          const struct imap_event *ev);

#endif
