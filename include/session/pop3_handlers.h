/* pop3_handlers.h - the commands of a POP3 session, one function a verb.
 *
 * Internal to the session: pop3_session.c admits a command by its table and
 * calls the handler. A handler answers at once, or sets s->pending and
 * returns a request for the owner.
 */
#ifndef POPINJAY_SESSION_POP3_HANDLERS_H
#define POPINJAY_SESSION_POP3_HANDLERS_H

#include "session/pop3_session.h"

typedef struct pop3_request pop3_handler(struct pop3_session *s,
                                         const struct pop3_command *command);

/* pop3_login.c: AUTHORIZATION */
pop3_handler pop3_on_user;
pop3_handler pop3_on_pass;
pop3_handler pop3_on_apop;
pop3_handler pop3_on_stls;
pop3_handler pop3_on_capa;

/* No password in clear unless the listener says so: RFC 2595 §2.3. */
bool pop3_may_log_in(const struct pop3_session *s);
struct pop3_request pop3_refuse_clear(struct pop3_session *s,
                                      enum pop3_verb verb);

/* What the client gave is complete and well formed: the owner's turn. With a
 * |fault| it is refused without asking the upstream, since it cannot be right.
 */
struct pop3_request pop3_request_login(struct pop3_session *s,
                                       enum pop3_verb verb, enum fault fault);

/* pop3_sasl.c: AUTH, and the exchanges behind it */
pop3_handler pop3_on_auth;

/* The line that answers a challenge. */
bool pop3_is_in_sasl(const struct pop3_session *s);
struct pop3_request pop3_on_sasl_line(struct pop3_session *s, struct span line);

/* The mechanisms that this session may use: one BIT each. */
unsigned pop3_mechanisms(const struct pop3_session *s);

/* Begins to refuse a token, in two steps: CONFORMANCE SASL-13. */
void pop3_explain_refusal(struct pop3_session *s, enum fault fault);

/* pop3_transaction.c: TRANSACTION */
pop3_handler pop3_on_stat;
pop3_handler pop3_on_list;
pop3_handler pop3_on_uidl;
pop3_handler pop3_on_retr;
pop3_handler pop3_on_top;
pop3_handler pop3_on_dele;
pop3_handler pop3_on_noop;
pop3_handler pop3_on_rset;

/* Goes on with a LIST or UIDL whose lines did not all fit. */
void pop3_continue_listing(struct pop3_session *s);

/* A negative reply to what the client did wrong; counts towards
 * POP3_ERRORS_MAX.
 */
struct pop3_request pop3_reject(struct pop3_session *s, enum pop3_verb verb,
                                const char *text);

#endif
