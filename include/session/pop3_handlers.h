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
pop3_handler pop3_on_auth;
pop3_handler pop3_on_stls;
pop3_handler pop3_on_capa;

/* The line that answers a SASL challenge. */
struct pop3_request pop3_on_sasl_line(struct pop3_session *s, struct span line);

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
