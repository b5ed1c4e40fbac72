/* pop3_session.h - the server side of one POP3 session.
 *
 * Reads commands, answers those that the maildrop can answer, and hands the
 * others to its owner one at a time: pop3_session_next returns a request, the
 * owner answers it with the function named beside it, and until then no
 * further command is read. Pure: no time, no sockets.
 *
 * Source: RFC 1939; RFC 2449; RFC 2595 §4; RFC 5034; CONFORMANCE POP, CAP,
 * SASL.
 */
#ifndef POPINJAY_SESSION_POP3_SESSION_H
#define POPINJAY_SESSION_POP3_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/buf.h"
#include "base/counters.h"
#include "pop3/command.h"
#include "pop3/line.h"
#include "pop3/sasl.h"
#include "session/credentials.h"
#include "session/fault.h"
#include "session/maildrops.h"
#include "session/policy.h"
#include "session/sasl_step.h"

enum pop3_state {
    POP3_AUTHORIZATION,
    POP3_USER_GIVEN, /* the next command may be PASS */
    POP3_SASL_FIRST, /* the next line is the first of |mechanism| */
    POP3_SASL_LOGIN_PASSWORD,
    POP3_SASL_STEP,    /* it answers the owner's challenge */
    POP3_SASL_PROVEN,  /* it says that the owner's last word was heard */
    POP3_SASL_REFUSED, /* the same of why a token is refused: SASL-13 */
    POP3_TRANSACTION,
    POP3_UPDATE,  /* QUIT is with the owner */
    POP3_CLOSING, /* no command is read any more */
    POP3_STATE_COUNT,
};

enum pop3_request_kind {
    POP3_REQUEST_NONE, /* nothing until there is more input or more room */
    /* No answer is due to these three: */
    POP3_REQUEST_WARM_UP, /* a login will follow: connect upstream */
    POP3_REQUEST_STLS,    /* start TLS, then pop3_session_tls_up */
    POP3_REQUEST_CLOSE,   /* |fault| says why */
    /* pop3_session_take_step: s->response, to the owner's exchange by
     * s->mechanism; |begins|: a new one, which the server speaks first in
     * where s->has_response is false. */
    POP3_REQUEST_SASL,
    /* pop3_session_accept_login or pop3_session_refuse_login; with a |fault|
     * it cannot be right, and is to be refused with that. */
    POP3_REQUEST_LOGIN,
    /* pop3_session_open_message, octets into |out|, then
     * pop3_session_close_message; or pop3_session_refuse_message */
    POP3_REQUEST_MESSAGE,
    /* pop3_session_finish */
    POP3_REQUEST_QUIT,
};

struct pop3_request {
    enum pop3_request_kind kind;
    uint32_t index; /* MESSAGE */
    bool top;       /* MESSAGE: only |lines| lines of the body */
    uint32_t lines;
    enum fault fault; /* CLOSE, LOGIN */
    bool begins;      /* SASL */
};

enum pop3_listing {
    POP3_LISTING_NONE,
    POP3_LISTING_SIZES,      /* LIST */
    POP3_LISTING_UNIQUE_IDS, /* UIDL */
};

struct pop3_session {
    const struct session_policy *policy;
    struct counters *counters; /* of commands; or NULL */
    enum pop3_state state;
    struct buf in;  /* commands that wait for their turn */
    struct buf out; /* replies, and the octets of messages */
    struct pop3_line_reader reader;
    struct credentials given;
    struct buf timestamp;          /* of the greeting; empty: no APOP */
    enum sasl_mechanism mechanism; /* of the exchange under way */
    struct buf response;           /* of the client to the owner's exchange */
    bool has_response;
    enum fault refusal;         /* POP3_SASL_REFUSED: what it ends with */
    struct maildrops maildrops; /* empty before login */
    const struct announcement *announced; /* in CAPA */
    enum pop3_verb pending;    /* with the owner; POP3_UNKNOWN: none */
    enum pop3_listing listing; /* being written */
    uint32_t listing_index;    /* its next message */
    bool message_open;         /* its `+OK` is written, its end is not */
    bool message_left;         /* a part of it has left |out| */
    size_t message_start;      /* octets of |out| before it */
    enum fault broken;         /* every command but QUIT fails with it */
    bool broken_closes;        /* and the session ends after that answer */
    bool tls;
    unsigned errors_in_row;
    unsigned early_commands; /* before login */
    unsigned logins_failed;
    enum fault close_fault;
    bool close_told;
};

/* Behind +OK, before a message and nowhere else: trace.c goes by it. */
#define POP3_MESSAGE_FOLLOWS "message follows"

/* Writes the greeting, with |timestamp| for APOP (`<...>`; empty: without): it is
 * copied. Failure sticks in |out|.
 */
void pop3_session_init(struct pop3_session *s,
                       const struct session_policy *policy,
                       struct span timestamp);
void pop3_session_fini(struct pop3_session *s);

/* Serves what waits until something is for the owner. */
struct pop3_request pop3_session_next(struct pop3_session *s);

/* The handshake is done: all that came before is forgotten (RFC 2595 §4). */
void pop3_session_tls_up(struct pop3_session *s);

/* The owner's word in an exchange: what is to be done next. */
struct pop3_request pop3_session_take_step(struct pop3_session *s,
                                           const struct sasl_step *step);

/* |maildrops| is the session's from here on, and empty then; |announced| must
 * outlive it.
 */
void pop3_session_accept_login(struct pop3_session *s,
                               struct maildrops *maildrops,
                               const struct announcement *announced);
void pop3_session_refuse_login(struct pop3_session *s, enum fault fault);

void pop3_session_open_message(struct pop3_session *s);
void pop3_session_close_message(struct pop3_session *s);
/* Where the message is open, what |out| has of it is taken back: no part may
 * have left.
 */
void pop3_session_refuse_message(struct pop3_session *s, enum fault fault);

/* The owner took |n| octets off the front of |out|. */
void pop3_session_taken(struct pop3_session *s, size_t n);

/* |fault| FAULT_NONE: all that was marked is gone. */
void pop3_session_finish(struct pop3_session *s, enum fault fault);

/* From now on every command but QUIT fails with |fault|; if |closes|, the
 * session ends with that answer. The pending command is the owner's business.
 */
void pop3_session_break(struct pop3_session *s, enum fault fault, bool closes);

/* No further command is read; POP3_REQUEST_CLOSE follows. */
void pop3_session_close(struct pop3_session *s, enum fault fault);

/* The messages that the commands which wait for their turn are going to
 * retrieve, as far as that is plain: up to |max| of them, in their order.
 * Returns how many. |is_all|: nothing else waits behind them.
 */
unsigned pop3_session_waiting_retrievals(const struct pop3_session *s,
                                         uint32_t *index, unsigned max,
                                         bool *is_all);

bool pop3_session_is_logged_in(const struct pop3_session *s);

#endif
