/* imap_session.h - the client side of one IMAP connection.
 *
 * Takes a connection from its greeting to the selected mailbox, then carries
 * commands for whoever uses the mailbox (listing.h, retrieval.h, removal.h):
 * one at a time, but for bodies, of which several may be on their way. Pull:
 * octets in, then one event at a time until IMAP_SESSION_MORE. Pure: no time,
 * no sockets.
 *
 * Source: RFC 9051 §3, §6, §7; RFC 3501; RFC 4959; RFC 2971; RFC 7162;
 * CONFORMANCE IMAP, IAUTH, IEXT-9, MAP; general rules 6 and 8 of
 * PROVIDER_QUIRKS.md.
 */
#ifndef POPINJAY_SESSION_IMAP_SESSION_H
#define POPINJAY_SESSION_IMAP_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/buf.h"
#include "base/span.h"
#include "imap/capability.h"
#include "imap/mechanism.h"
#include "imap/response.h"
#include "session/credentials.h"
#include "session/fault.h"
#include "session/imap_parked.h"
#include "session/policy.h"
#include "session/scram.h"
#include "session/server_name.h"

enum imap_state {
    IMAP_GREETING,         /* the server speaks first */
    IMAP_CAPABILITY_FIRST, /* asked, because the greeting did not say */
    IMAP_STARTTLS,
    IMAP_HANDSHAKE,         /* the owner's turn: imap_session_tls_up */
    IMAP_CAPABILITY_TLS,    /* what was said in clear does not count */
    IMAP_NOT_AUTHENTICATED, /* the owner's turn: imap_session_log_in */
    IMAP_AUTHENTICATE,
    IMAP_LOGIN,
    IMAP_CAPABILITY_LOGIN, /* asked, because the tagged OK did not say */
    IMAP_AUTHENTICATED,    /* the owner's turn: imap_session_select */
    IMAP_SELECT,
    IMAP_SELECTED, /* the owner's turn: imap_session_begin */
    IMAP_LOGOUT,
    IMAP_DEAD,
    IMAP_STATE_COUNT,
};

/* Where an exchange of SCRAM stands. */
enum imap_scram_stage {
    IMAP_SCRAM_BEGUN,   /* our first message is sent */
    IMAP_SCRAM_PROVING, /* the owner's turn: imap_session_prove */
    IMAP_SCRAM_PROVEN,  /* our last is sent */
    IMAP_SCRAM_TOLD,    /* and the server's has come */
};

struct imap_mailbox {
    uint32_t exists;
    bool exists_told;
    uint32_t uidvalidity; /* 0: the server named none */
    bool uids_last;       /* no UIDNOTSTICKY */
    bool read_only;
    bool keeps_deleted; /* \Deleted can be set for good */
    bool keeps_seen;
    bool keeps_keyword; /* that of imap_session_watch */
    bool knows_keyword; /* a message may have it */
    bool changed;       /* a new UIDVALIDITY while selected: DEC-15 */
    bool expunged;      /* messages, while selected */

    /* As it was selected: for DEC-1. */
    uint32_t exists_at_select;
    uint32_t uidnext;       /* 0: the server named none */
    uint64_t highestmodseq; /* 0: none, or NOMODSEQ */
};

struct imap_session {
    const struct upstream_policy *policy;
    struct server_name server; /* none behind imap_session_take_up */
    struct span mailbox_name;  /* of the last SELECT */
    bool examine_only;         /* it was EXAMINE */
    enum imap_state state;
    struct span client_address; /* for ID */
    struct imap_parser *parser;
    struct buf out;
    struct imap_capabilities capabilities;
    struct imap_mailbox mailbox;
    struct credentials credentials; /* while logging in */
    uint32_t tag;                   /* of the last command */
    uint64_t awaited; /* bit i: the tagged response to |tag| - i is to come */
    uint32_t id_tag;  /* of ID, whose answer nobody waits for; 0: none */
    bool id_said;
    enum imap_mechanism mechanism;
    /* The owner's, for the one login that it is good for; NULL: there is none,
     * and no SCRAM.
     */
    const struct scram_channel *channel;
    struct scram *scram; /* the exchange under way; or NULL */
    enum imap_scram_stage scram_stage;
    enum fault scram_fault; /* what its end means; NONE: the server is proven */
    struct buf challenge;   /* AUTHENTICATE: what the server has said */
    bool responded;         /* AUTHENTICATE: the response is sent */
    bool error_told;        /* AUTHENTICATE: and why it is wrong was heard */
    bool cancelled;         /* AUTHENTICATE: given up with `*` */
    bool collecting;        /* capabilities come in an untagged response */
    bool condstore_refused; /* SELECT with (CONDSTORE) was answered BAD */
    bool login_goes_on;     /* LOGIN: a piece waits for `+` */
    unsigned login_piece;   /* LOGIN: sent so far */
    unsigned noise_lines;
    bool input_is_left; /* behind the event handed out last */
    bool progressed;
    bool throttled; /* and not yet taken */
    bool throttled_inside;
    uint64_t throttle_ms;
    uint64_t unasked_octets; /* since the last progress */
    uint64_t rejects;        /* BAD and CLIENTBUG seen: MAP-8 */
};

enum imap_session_event_kind {
    IMAP_SESSION_MORE,      /* the input is consumed */
    IMAP_SESSION_START_TLS, /* start the handshake */
    IMAP_SESSION_READY,     /* imap_session_log_in may be called */
    IMAP_SESSION_PROVE,     /* imap_session_prove is to be called */
    IMAP_SESSION_LOGGED_IN, /* imap_session_select may be called */
    IMAP_SESSION_SELECTED,  /* mailbox is filled in */
    IMAP_SESSION_ITEM,      /* item: data of the mailbox */
    IMAP_SESSION_COMPLETED, /* the tagged response item.tag of a command */
    IMAP_SESSION_TEXT,      /* item->text is for the log */
    IMAP_SESSION_ID,        /* item->text is what the server says it is */
    IMAP_SESSION_LOGGED_OUT,
    IMAP_SESSION_FAILED, /* fault: this login or mailbox is not to be had;
                                item: the response that said so, if one did */
};

struct imap_session_event {
    enum imap_session_event_kind kind;
    enum fault fault;       /* FAILED; COMPLETED: FAULT_NONE for OK */
    bool noteworthy;        /* item->text is for the log, whatever the kind */
    uint64_t backoff_ms;    /* COMPLETED: the server asks for a pause */
    struct imap_event item; /* ITEM; COMPLETED, TEXT: the response */
};

/* A new connection to |server|: with implicit TLS, the handshake is done.
 * |policy| and what |server| and |client_address| borrow from must outlive it.
 * False where there is no memory.
 */
MUST_CHECK bool imap_session_init(struct imap_session *s,
                                  const struct upstream_policy *policy,
                                  struct server_name server,
                                  struct span client_address);
void imap_session_fini(struct imap_session *s);

/* No command under way, no response half read, nothing unsent, and the mailbox
 * the one that was selected: the connection may rest.
 */
bool imap_session_is_at_rest(const struct imap_session *s);
struct imap_parked imap_session_park(const struct imap_session *s);

/* As imap_session_init, for a connection that has rested: in IMAP_AUTHENTICATED,
 * whatever mailbox the server may still have selected. What it says of that
 * one comes before its answers to the next SELECT (RFC 9051 §7.1, CLOSED).
 */
MUST_CHECK bool imap_session_take_up(struct imap_session *s,
                                     const struct upstream_policy *policy,
                                     struct span client_address,
                                     const struct imap_parked *parked);

/* Takes at most one event off |in|; call until IMAP_SESSION_MORE. After
 * START_TLS and FAILED nothing may be left to take: the rest of |in| is
 * dropped.
 */
struct imap_session_event imap_session_next(struct imap_session *s,
                                            struct span *in);

void imap_session_tls_up(struct imap_session *s);

/* In IMAP_NOT_AUTHENTICATED. FAULT_NONE, or why these credentials cannot be
 * sent here at all: nothing was written then. They are copied, and wiped once
 * the server has judged them.
 */
MUST_CHECK enum fault imap_session_log_in(
    struct imap_session *s, const struct credentials *credentials);

/* In the same state: by which mechanism that would be. |mechanism| is written
 * with FAULT_NONE only.
 */
MUST_CHECK enum fault imap_session_choose(const struct imap_session *s,
                                          const struct credentials *credentials,
                                          enum imap_mechanism *mechanism);

/* Between IMAP_SESSION_PROVE and imap_session_prove, unless the server ends it
 * first: the work that the proof is made of, which is not to be done on a loop
 * (SCRAM_ITERATIONS_MAX), and what came of it.
 */
bool imap_session_is_proving(const struct imap_session *s);
struct scram_work imap_session_scram_work(const struct imap_session *s);
void imap_session_prove(struct imap_session *s,
                        const struct scram_proof *proof);

/* Before imap_session_select: is |keyword|, an empty one aside, told with the
 * flags of messages, and kept? It must outlive the session.
 */
void imap_session_watch(struct imap_session *s, const char *keyword);

/* In IMAP_AUTHENTICATED, or IMAP_SELECTED with no command under way: another
 * mailbox then takes the place of that one, or where it is refused, none does.
 * |mailbox| is as for imap_write_select, and must hold still until the answer.
 */
void imap_session_select(struct imap_session *s, struct span mailbox,
                         bool read_only);

/* In IMAP_SELECTED, with no command under way: the tag for a new one, which
 * the caller then writes to |out| whole.
 */
MUST_CHECK uint32_t imap_session_begin(struct imap_session *s);

/* The same for `UID FETCH ... BODY.PEEK`, which may be sent while others of its
 * kind are under way, since it has no side effects and no sequence numbers
 * (RFC 9051 §5.5): from the oldest of them on, IMAP_PIPELINE_MAX can be. With
 * |spare| more to come?
 */
bool imap_session_may_begin_fetch(const struct imap_session *s, unsigned spare);
MUST_CHECK uint32_t imap_session_begin_fetch(struct imap_session *s);

/* Tagged responses are to come: to any command, to this one. */
bool imap_session_is_awaiting(const struct imap_session *s);
bool imap_session_awaits(const struct imap_session *s, uint32_t tag);

/* The first command without its tagged response; 0: there is none. */
uint32_t imap_session_oldest_tag(const struct imap_session *s);

/* What came was of use: the count of unasked octets starts anew. Taken: was
 * there progress since the last time?
 */
void imap_session_note_progress(struct imap_session *s);
bool imap_session_take_progress(struct imap_session *s);

/* The server has asked us to slow down since the last time: for |pause_ms| (0:
 * it did not say), and |inside|, when it had taken the password. Written only
 * where true.
 */
bool imap_session_take_throttling(struct imap_session *s, uint64_t *pause_ms,
                                  bool *inside);

/* Says goodbye; from any state. True: an answer will come. */
bool imap_session_log_out(struct imap_session *s);

bool imap_session_has_uidplus(const struct imap_session *s);
bool imap_session_can_move(const struct imap_session *s);

#endif
