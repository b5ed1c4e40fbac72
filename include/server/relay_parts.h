/* relay_parts.h - the inside of a relay, shared by its source files only:
 * relay.c (the pump), relay_client.c, relay_upstream.c, relay_log.c;
 * relay_door.c (who gets a session), relay_access.c (whose login it is),
 * relay_guard.c (who has tried too often),
 * relay_queue.c (who waits for the upstream), relay_scram.c (proofs of a
 * password for it).
 */
#ifndef POPINJAY_SERVER_RELAY_PARTS_H
#define POPINJAY_SERVER_RELAY_PARTS_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "access/access.h"
#include "base/buf.h"
#include "net/address.h"
#include "net/connection.h"
#include "net/dialer.h"
#include "net/network.h"
#include "server/admission.h"
#include "server/limit.h"
#include "server/lock_table.h"
#include "server/log.h"
#include "server/login_guard.h"
#include "server/relay.h"
#include "server/upstream_gate.h"
#include "session/bridge.h"
#include "session/trace.h"

/* A name for the log is cut here. */
#define RELAY_USER_MAX 320

enum relay_client_stage {
    RELAY_CLIENT_GREETING_TLS, /* implicit TLS: there is no bridge yet */
    RELAY_CLIENT_OPEN,
    RELAY_CLIENT_TLS_WISHED, /* STLS: the output in clear goes first */
    RELAY_CLIENT_UPGRADING,
    RELAY_CLIENT_CLOSING, /* the output goes first */
    RELAY_CLIENT_GONE,
};

enum relay_upstream_stage {
    RELAY_UPSTREAM_NONE,
    RELAY_UPSTREAM_QUEUED, /* at the gate */
    RELAY_UPSTREAM_DIALING,
    RELAY_UPSTREAM_SECURING,  /* implicit TLS, a part of connecting */
    RELAY_UPSTREAM_UPGRADING, /* STARTTLS */
    RELAY_UPSTREAM_OPEN,
};

/* How a connection was protected, for the log: it outlives the connection. */
struct relay_leg {
    struct address_text address; /* the client's own, whoever announced it */
    const char *tls_version;     /* NULL: in clear */
    const char *tls_cipher;
};

struct relay {
    struct relay_host *host;
    const struct settings_listener *listener;
    struct settings *settings; /* those of |listener|: held */
    struct relay *next;        /* utlist */
    struct relay *prev;

    struct admission_ticket ticket;
    struct network_key network; /* of the client */
    bool is_exempt;             /* from the limits of one client */
    bool is_early;              /* in the host's list; utlist */
    bool shed;
    struct relay *early_next;
    struct relay *early_prev;
    struct login_attempt attempt; /* the last one, as the client says */
    struct login_attempt upstream_attempt; /* and as whom it goes on */
    struct access_request *access;         /* under way; or NULL */
    struct proof *proof;                   /* the same */
    enum counter proven_by;                /* of the last login */
    const struct account *account;         /* of the last login; or NULL */
    unsigned logins;                       /* that were asked about */

    const struct session_policy *policy;
    struct settings_upstream *unlisted; /* made for its logins; utlist */
    /* That the bridge asked to be connected with last; NULL: none yet. */
    const struct settings_upstream *to;
    struct bridge *bridge;        /* NULL until the client may be greeted */
    enum bridge_phase phase;      /* as the gauges know it */
    struct bridge_report counted; /* as the counters know it */
    struct maildrop_lock *lock;

    struct connection *client; /* NULL: GONE */
    enum relay_client_stage client_stage;
    bool has_spoken;          /* the client has sent something */
    bool client_ended;        /* it will send no more; the bridge knows not */
    size_t sent;              /* to it, in this turn of the pump */
    uint64_t client_limit_ms; /* CLOSING: the output has until then to go */

    uint64_t spread; /* upstream_servers_hash of who is logged in there */
    const struct upstream_server *sole;    /* that it may go to; NULL: to any */
    uint8_t servers[UPSTREAM_SERVERS_MAX]; /* in the order of trying them */
    size_t server_count;                   /* of them */
    size_t tried;                          /* the same */
    const struct upstream_server *server;  /* that it is connected with, or to
                                              be; NULL: it is not known */
    struct dialer *dialer;                 /* DIALING */
    struct connection *upstream;           /* SECURING, UPGRADING, OPEN */
    enum relay_upstream_stage upstream_stage;
    struct scram_job *proving; /* of a login there; NULL: none is */
    struct upstream_pass pass; /* QUEUED */
    struct relay *queue_next;  /* the same; utlist */
    struct relay *queue_prev;
    bool upstream_counted;     /* in the service's budget */
    uint64_t upstream_made_ms; /* when it was begun to be made */
    uint64_t stage_began_ms;   /* of coming up, for the figures */
    struct parked_claim claim; /* of the credentials that are used */
    bool has_claim;

    uv_timer_t timer;
    uint64_t timer_ms; /* when it is due; UINT64_MAX: it is not */
    bool is_check;     /* a balancer's, and no session in the figures */

    /* for the log */
    uint64_t number;
    uint64_t began_ms;
    union address client_address;
    struct relay_leg client_leg;
    struct address_text via; /* the balancer in front; "": none */
    struct relay_leg upstream_leg;
    struct buf user;
    struct trace *trace; /* NULL: none is kept */
    bool trace_is_shown;
};

uint64_t relay_now(const struct relay *r);

/* Of which |policy| is. */
const struct settings_upstream *relay_upstream_of(
    const struct relay *r, const struct upstream_policy *policy);

/* The upstream was reached (NULL), or was not. */
void relay_note_health(struct relay *r, const char *failure);

/* Something has happened: serves all that follows from it. May end the relay,
 * which must not be touched afterwards.
 */
void relay_pump(void *relay);

/* --- relay_client.c --- */

/* Something has happened to its connection. */
void relay_client_stir(void *relay);

/* Greets the client, or begins the handshake that comes first. */
void relay_client_begin(struct relay *r);

/* Each returns true where something has moved. */
bool relay_client_notice(struct relay *r);
bool relay_client_receive(struct relay *r);
bool relay_client_send(struct relay *r);

/* Tells the bridge of an end that had to wait, closes what may be closed. */
void relay_client_settle(struct relay *r);

/* Wishes. */
void relay_client_start_tls(struct relay *r);
void relay_client_close(struct relay *r);
void relay_client_abort(struct relay *r);

/* --- relay_upstream.c --- */

bool relay_upstream_notice(struct relay *r);
bool relay_upstream_receive(struct relay *r);
bool relay_upstream_send(struct relay *r);
void relay_upstream_settle(struct relay *r);

void relay_upstream_reuse(struct relay *r,
                          const struct credentials *credentials);
void relay_upstream_park(struct relay *r, const struct imap_parked *parked);
void relay_upstream_connect(struct relay *r);
void relay_upstream_connect_next(struct relay *r, enum fault fault);
void relay_upstream_start_tls(struct relay *r);
void relay_upstream_close(struct relay *r);

/* It was waited for, and may be connected to or not. */
void relay_upstream_admit(struct relay *r, enum upstream_gate_status status);

/* --- relay_scram.c --- */

/* Of the connection that is there, before the bridge hears that it is up. */
void relay_scram_offer(struct relay *r);

/* BRIDGE_PROVE: is answered now or later; not where the connection ends. */
void relay_scram_prove(struct relay *r, const struct scram_work *work);
void relay_scram_leave(struct relay *r);

/* --- relay_door.c --- */

/* Whose client it is, as far as limits go. */
struct network_key relay_network(const struct config *config,
                                 const union address *client);
bool relay_is_exempt(const struct config *config, const struct origin *origin);

/* A relay that has not logged in; leaving twice is harmless. */
void relay_early_join(struct relay *r);
void relay_early_leave(struct relay *r);

/* --- relay_access.c --- */

/* BRIDGE_SASL: is answered now. BRIDGE_ASK_LOGIN: is answered now or later. */
void relay_access_sasl(struct relay *r, const struct bridge_wish *wish);
void relay_access_ask(struct relay *r, const struct bridge_wish *wish);
void relay_access_leave(struct relay *r);

/* The bridge has gone, and needs no upstreams any more. */
void relay_access_forget(struct relay *r);

/* --- relay_guard.c --- */

/* May who calls itself |user| try? And the user that it is upstream? FAULT_NONE,
 * or why not.
 */
enum fault relay_guard_begin(struct relay *r, struct span user);
enum fault relay_guard_begin_upstream(struct relay *r, const char *place,
                                      struct span user);

/* What came of it; the relay ends, and it may not be known yet; what the server
 * says of too many.
 */
void relay_guard_note(struct relay *r, const struct bridge_wish *wish);
void relay_guard_leave(struct relay *r);
void relay_guard_throttled(struct relay *r, const struct bridge_report *report);

/* --- relay_queue.c --- */

/* UPSTREAM_GATE_WAIT: relay_upstream_admit is called later, unless the relay
 * leaves.
 */
MUST_CHECK enum upstream_gate_status relay_queue_enter(struct relay *r);
void relay_queue_leave(struct relay *r);

/* --- relay_trace.c --- */

void relay_trace_begin(struct relay *r, const struct origin *origin);
void relay_trace_user(struct relay *r, struct span user);
void relay_trace_logged_in(struct relay *r);
void relay_trace_end(struct relay *r);

/* Octets that have come, or have gone. */
void relay_trace(struct relay *r, enum trace_wire wire, struct span octets);
void relay_trace_upstream_begins(struct relay *r);

/* --- relay_log.c --- */

/* With the fields that all lines of a session have. */
void relay_log_begin(const struct relay *r, struct log_record *record,
                     enum log_level level, const char *event);

/* Counted, and now and then logged. */
void relay_log_limit(struct relay_host *host, enum limit limit,
                     const char *listener, const struct address_text *client);
void relay_reach_limit(struct relay *r, enum limit limit);

void relay_log_blocked(struct relay *r, const char *event);
void relay_log_throttled(struct relay *r, uint64_t pause_ms);

/* Why a login is refused, where the fault does not say all. |upstream|: where it
 * was to go; NULL: that was not known yet.
 */
void relay_log_login_problem(const struct relay *r, enum fault fault,
                             const char *upstream, const char *problem);
void relay_log_note(struct relay *r, const struct bridge_wish *wish);
void relay_log_upstream_failure(struct relay *r, const char *failure,
                                bool untrusted);
void relay_log_end(struct relay *r, enum fault end);

/* What protects |c|. */
void relay_note_tls(struct relay_leg *leg, const struct connection *c);

#endif
