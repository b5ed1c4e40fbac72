/* session.h - one simulated session: a client, a bridge, a server, and what
 * happens between them.
 *
 *   client.c  writes commands, legal and illegal
 *   access.c  answers what logins are asked for
 *   prove.c   answers what its proofs of a password are to be
 *   judge.c   reads the replies, and knows what each must be
 *   parked.c  keeps connections from one session to the next
 *   wire.c    owns the bridge as bridge.h asks, checks that side of it
 *   run.c     decides what happens next, and when
 *   world.c   a mailbox, its server, and the sessions on it
 */
#ifndef POPINJAY_TESTS_SIM_SESSION_H
#define POPINJAY_TESTS_SIM_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/octet_budget.h"
#include "session/bridge.h"
#include "session/policy.h"
#include "support/model_imap.h"
#include "support/model_mailbox.h"
#include "support/random.h"

#define OPS_MAX 256
#define FAILURE_MAX 512

/* What the client says. */
enum op_kind {
    OP_USER,
    OP_PASS,
    OP_AUTH_NOW,   /* AUTH PLAIN with its response */
    OP_AUTH_PLAIN, /* without: a SASL line follows */
    OP_AUTH_LOGIN, /* two SASL lines follow */
    OP_SASL,
    OP_CAPA,
    OP_STLS,
    OP_STAT,
    OP_LIST,
    OP_LIST_ONE,
    OP_UIDL,
    OP_UIDL_ONE,
    OP_RETR,
    OP_TOP,
    OP_DELE,
    OP_NOOP,
    OP_RSET,
    OP_QUIT,
    OP_ILLEGAL, /* must be refused in any state */
    OP_KIND_COUNT,
};

/* The credentials in it. */
enum op_login {
    LOGIN_RIGHT,
    LOGIN_WRONG,
    LOGIN_STRANGER,  /* the right ones, to act as somebody else */
    LOGIN_MALFORMED, /* not base64, cancelled, an empty response */
};

struct op {
    enum op_kind kind;
    enum op_login login;
    uint32_t number;
    uint32_t lines;
    uint64_t ends_at; /* octets of the client's stream up to its end */
};

/* How it all ends, if nothing else does. */
enum ending {
    ENDING_QUIT,
    ENDING_QUIT_AND_GO, /* does not wait for the answer */
    ENDING_DROP,
    ENDING_SILENCE,
    ENDING_SHUT_DOWN,
};

/* How octets are cut and how fast they are taken. */
enum cut_style {
    CUT_WHOLE,
    CUT_ANYWHERE,
    CUT_OCTETS,
};

struct world {
    struct random_source random;
    struct model_mailbox boxes[MODEL_BOXES_MAX]; /* INBOX, MODEL_SECOND */
    unsigned shown[MODEL_BOXES_MAX]; /* of these, in the maildrop's order */
    unsigned shown_count;
    struct model_traits traits;
    struct session_policy policy;
    struct upstream_policy upstream_policy;
    struct upstream_policy other_policy; /* the same, of another server */
    bool elsewhere;                      /* logins are granted there */
    unsigned late;                       /* permille of the grants */
    unsigned denied;                     /* permille */
    unsigned stale; /* permille of the tokens that are granted */
    struct mailbox_policy mailbox_policy;
    struct octet_budget readahead;
    struct model_imap server;
    uint64_t unix_s; /* the date, as granted */
    /* What its sessions keep for each other, of the box of that number. */
    struct known_mailbox known[MODEL_BOXES_MAX];
    struct model_imap resting; /* of the connection that is parked */
    struct imap_parked parked;
    bool has_resting;
    bool overloaded;
    unsigned disturb;   /* permille a step: other clients */
    unsigned drop;      /* permille a step: a connection breaks */
    unsigned lock_busy; /* permille */
    bool verbose;
};

/* A message of the maildrop as this session must see it. */
struct shown {
    const struct model_mailbox *box;
    uint32_t uidvalidity;
    bool in_second; /* MODEL_SECOND */
    size_t message; /* index in the mailbox */
    uint32_t uid;
    uint32_t size;
    bool marked;
    bool retr_failed; /* the last one; TOP does not make it good */
    bool top_failed;  /* the last one, and no RETR since */
    bool read;        /* RETR, whole */
    bool copied;      /* to the trash, in this session */
};

struct judge {
    struct op ops[OPS_MAX]; /* sent, not yet answered */
    unsigned head, count;
    struct buf reply; /* the one that is coming in */
    bool in_message;  /* its first line was +OK, more lines follow */
    bool at_line_start;
    size_t line_at; /* where in |reply| the open line begins */

    bool tls;
    bool user_given;
    bool logged_in;
    bool over; /* QUIT was answered */
    bool sasl; /* a challenge is open */
    unsigned sasl_lines;
    unsigned errors_in_row;
    unsigned logins_failed;
    unsigned refusals; /* of the model, already accounted for */
    uint64_t listings[KNOWN_VERDICT_COUNT]; /* before this login */

    unsigned messages;   /* RETR and TOP that were answered */
    struct shown *shown; /* the maildrop, by number - 1 */
    size_t shown_count, shown_capacity;
};

enum upstream {
    UPSTREAM_NONE,
    UPSTREAM_CONNECTING,
    UPSTREAM_UP,
    UPSTREAM_HANDSHAKE,
};

struct session {
    struct world *world;
    struct bridge *bridge;
    uint64_t now;
    uint64_t started;
    uint64_t last_event; /* octets moved, or an outcome */
    uint64_t last_client_event;
    char failure[FAILURE_MAX];
    bool failed;

    /* client.c */
    struct op plan[OPS_MAX];
    unsigned plan_at, plan_count;
    bool pipelined;
    bool lazy; /* takes nothing while there is anything else to do */
    enum ending ending;
    struct buf to_bridge;
    uint64_t client_written;
    uint64_t client_given;

    struct judge judge;

    /* wire.c */
    enum cut_style cut;
    bool client_open;
    bool client_handshake;
    uint64_t client_handshake_at;
    bool close_wished;
    bool taken_back;
    size_t client_seen; /* octets of the output that were judged */
    enum upstream upstream;
    uint64_t upstream_outcome_at;
    unsigned servers_left; /* beside the one that is tried */
    size_t upstream_seen;
    bool lock_held;
    const struct upstream_policy *granted; /* where to; NULL: nowhere yet */
    const struct upstream_policy *connected;
    /* What it was told, until it ends. */
    struct known_mailbox offered[MODEL_BOXES_MAX];
    bool reconnected;  /* at QUIT */
    bool reusing;      /* the connection has rested */
    bool was_taken_up; /* one was, in this session */
    unsigned refusals; /* logins that the model refused, all connections */
    enum model_refusal refusal; /* the last of them */
    /* access.c */
    bool login_asked;
    bool asked_again;
    bool asked_at_quit;
    const char *token; /* that was granted; NULL: none */
    struct credentials asked;
    uint64_t login_answer_at;
    unsigned refusals_asked; /* refusals, when it was asked */
    /* prove.c */
    bool proof_asked;
    struct scram_proof proof;
    uint64_t proof_at;
    uint64_t stuck_deadline;
    unsigned stuck;

    /* Why not everything may go well. */
    bool excused;   /* a fault, a drop, a time-out */
    bool disturbed; /* other clients did something */
    bool renumbered;
    bool shut_down;
    bool injected; /* octets behind STLS */
    bool in_use;   /* the lock, or SELECT, said so */
    bool too_soon; /* the lock said so */
    bool client_lost;
    uint64_t quit_at; /* where the QUIT in TRANSACTION ends; 0: none */
};

/* Says what is wrong; the first word counts. */
__attribute__((format(printf, 2, 3))) void session_fail(struct session *s,
                                                        const char *format,
                                                        ...);

__attribute__((format(printf, 2, 3))) void session_trace(struct session *s,
                                                         const char *format,
                                                         ...);
void session_trace_octets(struct session *s, const char *who,
                          struct span octets);

static inline uint64_t session_roll(struct session *s, uint64_t bound)
{
    return random_below(&s->world->random, bound);
}

static inline bool session_chance(struct session *s, unsigned permille)
{
    return permille > 0 && session_roll(s, 1000) < permille;
}

/* client.c */
void client_plan(struct session *s);
bool client_may_act(const struct session *s);
void client_act(struct session *s);

/* judge.c */
void judge_init(struct judge *j);
void judge_fini(struct judge *j);
void judge_expect(struct session *s, const struct op *op);
void judge_read(struct session *s, struct span octets);
/* A message of which nothing has left may be taken back, for an -ERR: what of
 * the output |out| has been read and still stands.
 */
size_t judge_take_back(struct session *s, struct span out);
void judge_event(struct session *s, const struct model_event *event);
/* A message is half written. */
bool judge_is_in_message(const struct judge *j);
/* The session ended, or is being ended: was there a reason? */
void judge_close(struct session *s);
/* judge_reply.c: a whole reply to the oldest command. */
void judge_reply(struct session *s, const struct op *op, struct span first,
                 struct span rest);
bool judge_is_multiline(const struct session *s, const struct op *op);
/* judge_login.c */
void judge_login_reply(struct session *s, const struct op *op, bool ok,
                       struct span code);

/* access.c: BRIDGE_ASK_LOGIN, its answer when that is due; the end. */
void access_ask(struct session *s, const struct bridge_wish *wish);
void access_answer(struct session *s);
bool access_takes_too_long(const struct session *s);
void access_end_token(struct session *s);
void access_forget(struct session *s);

/* prove.c: what binds a proof, before an outcome; BRIDGE_PROVE, its answer when
 * that is due; the connection's end.
 */
void prove_offer(struct session *s, bool tls);
void prove_ask(struct session *s, const struct scram_work *work);
void prove_answer(struct session *s);
void prove_forget(struct session *s);

/* wire.c */
void wire_open(struct session *s);
void wire_close(struct session *s);
void wire_observe(struct session *s);
void wire_drain_events(struct session *s);
/* What the server still does with what was written before the end: all of
 * it, or the part that had arrived.
 */
void wire_server_finish(struct session *s, bool all);
/* parked.c: BRIDGE_REUSE and BRIDGE_PARK. */
void parked_reuse(struct session *s, const struct credentials *credentials);
void parked_park(struct session *s, const struct imap_parked *parked);
/* What was taken up has not yet shown to be of use. */
bool parked_is_on_trial(const struct session *s);
/* Something happens to what rests; it ends. */
void parked_befall(struct world *w);
void parked_drop(struct world *w);
/* wire_input.c */
void wire_outcome(struct session *s, enum bridge_outcome outcome);
void wire_client_give(struct session *s);
void wire_client_take(struct session *s);
void wire_upstream_give(struct session *s);
void wire_upstream_take(struct session *s);
void wire_server_act(struct session *s);
void wire_upstream_lost(struct session *s);
void wire_client_lost(struct session *s);
void wire_connect_outcome(struct session *s);
void wire_access_answers(struct session *s);
void wire_prove(struct session *s);
void wire_handshake_outcome(struct session *s);
void wire_time(struct session *s);

/* run.c: false, and |failure| says why, when an invariant broke. */
bool session_run(struct session *s);

/* world.c */
/* One of those that are there, and the messages in all of them. */
struct model_mailbox *world_any_box(struct world *w);
size_t world_living(const struct world *w);
size_t world_messages(const struct world *w);

/* world.c: runs the sessions of the world of |seed| and adds them to
 * |sessions|. The |fail_at|-th allocation of the bridges fails; 0: none does.
 */
struct world_options {
    uint64_t seed;
    uint64_t fail_at;
    bool verbose;
};
bool world_run(const struct world_options *options, uint64_t *sessions,
               char failure[FAILURE_MAX]);

#endif
