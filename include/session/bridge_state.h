/* bridge_state.h - the inside of a bridge.
 *
 * Internal: bridge.c takes octets, outcomes and time in; bridge_wishes.c hands
 * wishes out; bridge_client.c serves what the POP3 session asks for;
 * bridge_link.c has the upstream connection, from the wish to connect to its
 * end; bridge_upstream.c what is said over it; bridge_mailboxes.c what is learned
 * of each mailbox at login;
 * bridge_task.c what is done with one meanwhile; bridge_update.c QUIT;
 * bridge_deadlines.c says how long all that may take.
 */
#ifndef POPINJAY_SESSION_BRIDGE_STATE_H
#define POPINJAY_SESSION_BRIDGE_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"
#include "session/bridge.h"
#include "session/credentials.h"
#include "session/excerpt.h"
#include "session/gmail_ids.h"
#include "session/imap_session.h"
#include "session/known_mailbox.h"
#include "session/listing.h"
#include "session/mailbox_list.h"
#include "session/pop3_session.h"
#include "session/readahead.h"
#include "session/removal.h"
#include "session/retrieval.h"
#include "session/trash.h"
#include "session/viewing.h"

enum bridge_client {
    BRIDGE_CLIENT_OPEN,
    BRIDGE_CLIENT_HANDSHAKE, /* STLS: no octets in clear any more */
    BRIDGE_CLIENT_ENDED,
};

enum bridge_link {
    BRIDGE_LINK_NONE,
    BRIDGE_LINK_CONNECTING, /* also while a parked one is looked for */
    BRIDGE_LINK_HANDSHAKE,  /* STARTTLS */
    BRIDGE_LINK_UP,
    BRIDGE_LINK_LEAVING, /* LOGOUT is sent, nobody waits for its answer */
};

/* Who has the selected mailbox. */
enum bridge_task {
    BRIDGE_TASK_NONE,
    BRIDGE_TASK_TRASH,  /* before the listing: where is it? */
    BRIDGE_TASK_SELECT, /* another one, after login */
    BRIDGE_TASK_LISTING,
    BRIDGE_TASK_VIEWING,
    BRIDGE_TASK_EXCERPT,   /* in the place of the two */
    BRIDGE_TASK_GMAIL_IDS, /* of what is viewed */
    BRIDGE_TASK_RETRIEVAL,
    BRIDGE_TASK_REMOVAL,
    BRIDGE_TASK_KEEPALIVE,
    BRIDGE_TASK_DRAIN, /* what was read ahead in vain */
};

#define BRIDGE_WISHES_MAX 16

/* A wish until it is taken: the rest is added then. */
struct bridge_queued_wish {
    enum bridge_wish_kind kind;
    enum bridge_note note;
    enum fault fault;
};

/* One of those that make the maildrop. */
struct bridge_mailbox {
    const struct mailbox_name *name;
    struct known_mailbox known; /* offered, then learned */
};

/* None of them is selected. */
#define BRIDGE_NO_MAILBOX UINT32_MAX

struct bridge {
    const struct session_policy *policy;
    /* Of the connection that there is, or is to be; NULL while neither is. */
    const struct upstream_policy *upstream_policy;
    struct server_name server;    /* told of the connection that is coming up */
    struct scram_channel channel; /* the same */
    const struct mailbox_policy *mailbox_policy; /* from the grant on */
    uint64_t granted_s;                          /* then; Unix time */
    bool ids_are_stale;        /* BRIDGE_NOTE_STALE_UNIQUE_IDS is due */
    struct counters *counters; /* or NULL */
    struct pop3_session pop3;
    struct imap_session imap;    /* while link is not NONE, CONNECTING */
    struct credentials upstream; /* used upstream, from login to the end */
    struct buf client_address;   /* for the server's ID; may be empty */
    struct buf login_name;       /* for notes and the lock */
    struct buf trash;            /* what the server calls it; may be empty */
    char keyword[IMAP_KEYWORD_MAX + 1]; /* on_delete = keep, or empty */
    struct mailbox_list own;            /* of this login; empty: the policy's */
    /* From the grant of a login on, in order; the maildrop at |i| is made of the
     * one at |i|.
     */
    struct bridge_mailbox *mailboxes;
    uint32_t mailbox_count;
    uint32_t selected;          /* of them; or is being selected */
    uint32_t updating;          /* at QUIT: those before it are done */
    uint32_t keep;              /* BRIDGE_KEEP_MAILBOX: one bit each */
    struct maildrops maildrops; /* of those that are listed, before login */
    enum bridge_phase phase;
    enum bridge_client client;
    enum bridge_link link;
    enum bridge_task task;
    union {
        struct trash trash;
        struct listing listing;
        struct viewing viewing;
        struct excerpt excerpt;
        struct gmail_ids gmail_ids;
        struct retrieval retrieval;
        struct removal removal;
    } work;
    size_t shown; /* octets of pop3.out that may leave: see settle() */
    struct readahead ahead;
    struct buf early;            /* of the server: comes before it is wanted */
    struct pop3_request request; /* MESSAGE, QUIT: not yet begun */
    bool overloaded;
    bool login_asked;    /* BRIDGE_ASK_LOGIN, and not yet answered */
    bool asked_again;    /* the same, of a token that was refused */
    bool asked_at_quit;  /* the same, by the connection that QUIT has made */
    bool secret_is_kept; /* of the login that was granted */
    bool sasl_asked;     /* BRIDGE_SASL, and not yet answered */
    bool sasl_begins;
    bool lock_wished; /* and not yet answered */
    bool locked;
    bool queued;    /* CONNECTING, and the server is not asked yet */
    bool another;   /* server is there, should this one not greet us */
    bool elsewhere; /* CONNECTING: to that one */
    bool greeted;   /* by the server: it may be logged in to */
    bool reused; /* the connection has rested, and not yet selected a mailbox */
    bool selects_slowly;       /* that connection, too much so to rest */
    struct imap_parked parked; /* for BRIDGE_PARK */
    bool reconnected;          /* at QUIT, once; look up first: DEC-7 */
    bool size_differed;        /* told once a session */
    uint64_t message_octets;   /* of the last one that went to the client */
    enum fault refusal;        /* of a login, held back for a while */
    unsigned backoffs;         /* for this command */

    uint64_t now_ms;
    uint64_t login_deadline_ms;
    uint64_t client_seen_ms;   /* last sign of life */
    uint64_t upstream_seen_ms; /* anything at all */
    uint64_t progress_ms;      /* something that was of use */
    uint64_t select_ms;        /* SELECT was sent */
    uint64_t resume_at_ms;     /* task: after a pause; UINT64_MAX: none */
    uint64_t refuse_at_ms;     /* login: UINT64_MAX: none */
    uint64_t login_began_ms;
    uint64_t stage_began_ms; /* one at a time; UINT64_MAX: none is timed */

    struct bridge_queued_wish wishes[BRIDGE_WISHES_MAX];
    unsigned wish_first;
    unsigned wish_count;
    unsigned char text[IMAP_TEXT_MAX]; /* of the one BRIDGE_NOTE with text */
    size_t text_length;
    bool text_queued;
    unsigned text_wish; /* its place, where it is queued */
    struct bridge_report report;
};

/* --- bridge_wishes.c --- */

void bridge_wish(struct bridge *b, enum bridge_wish_kind kind);
void bridge_note(struct bridge *b, enum bridge_note note, enum fault fault);
void bridge_note_text(struct bridge *b, enum bridge_note note, struct span text,
                      enum fault fault);
void bridge_wish_next(struct bridge *b, enum fault fault);

/* --- bridge.c --- */

/* A stage begins; it has ended well, and is timed once. */
void bridge_begin_stage(struct bridge *b);
void bridge_end_stage(struct bridge *b, enum counter_stage stage);

/* The client's side ends: what is written goes out, then it closes. */
void bridge_end_client(struct bridge *b, enum fault fault);
/* At once, with nothing more written. */
void bridge_abort_client(struct bridge *b, enum fault fault);

/* --- bridge_deadlines.c --- */

/* For SELECT on a connection that has rested. */
uint64_t bridge_reuse_patience(const struct bridge *b);

/* Those that have passed, at now_ms. */
void bridge_meet_deadlines(struct bridge *b);

/* --- bridge_client.c --- */

/* Serves requests for as long as the POP3 session has any. */
void bridge_serve_client(struct bridge *b);

void bridge_refuse_login(struct bridge *b, enum fault fault);
/* All mailboxes are listed. */
void bridge_accept_login(struct bridge *b);
/* The answers to BRIDGE_ASK_LOGIN, which was asked. */
void bridge_login_granted(struct bridge *b, const struct login_grant *grant);
void bridge_ask_login_again(struct bridge *b);
void bridge_take_sasl_step(struct bridge *b, const struct sasl_step *step);
void bridge_login_denied(struct bridge *b, enum fault fault, uint64_t wait_ms);
/* BRIDGE_SHUT_DOWN. */
void bridge_shut_down(struct bridge *b);
/* The refusal that was held back is due. */
void bridge_tell_refusal(struct bridge *b);

/* --- bridge_link.c --- */

/* An answer is due from now on. */
void bridge_await_upstream(struct bridge *b);

/* There is a connection, or one is on its way. */
void bridge_connect(struct bridge *b);

/* The same for QUIT, whose connection was lost: once a session (DEC-7). */
void bridge_reconnect(struct bridge *b);

/* Credentials are at hand. Is a connection parked that they opened? */
void bridge_ask_for_parked(struct bridge *b);
/* There is: it is taken up. */
void bridge_take_up(struct bridge *b, const struct imap_parked *parked);

/* The lock of the maildrop is asked for, once; it is given back. */
void bridge_wish_lock(struct bridge *b);
void bridge_unlock(struct bridge *b);

/* LOGOUT where it can be said, else just closed; frees the lock. */
void bridge_leave_upstream(struct bridge *b);

/* The same for one that is in order: it is parked where it may be. */
void bridge_park_upstream(struct bridge *b);

/* There is none any more; one that is |still_open| is to be closed. */
void bridge_forget_upstream(struct bridge *b, bool still_open);

void bridge_upstream_up(struct bridge *b);
void bridge_upstream_lost(struct bridge *b, enum fault fault, bool still_open);

/* BRIDGE_PROVE is to be answered. */
bool bridge_is_proving(const struct bridge *b);

/* An answer is due: silence counts. */
bool bridge_upstream_is_awaited(const struct bridge *b);

/* --- bridge_upstream.c --- */

/* Credentials are sent as soon as the server is ready. */
void bridge_try_login(struct bridge *b);

/* On a connection that is logged in, with nothing under way. */
void bridge_select(struct bridge *b, uint32_t mailbox);

/* Takes octets off |in| for as long as they are wanted. */
void bridge_take_upstream(struct bridge *b, struct span *in);
void bridge_lock_answered(struct bridge *b, enum bridge_outcome answer);

/* --- bridge_mailboxes.c --- */

/* Those that are granted; of a login that was not, or is no more. */
enum fault bridge_name_mailboxes(struct bridge *b,
                                 const struct login_grant *grant);
void bridge_forget_mailboxes(struct bridge *b);

/* BRIDGE_KEEP_MAILBOX, where something is known of it. One wish is queued for
 * however many there are: true where the one taken is the last.
 */
void bridge_keep_mailbox(struct bridge *b, uint32_t mailbox);
bool bridge_take_kept(struct bridge *b, uint32_t *mailbox);

/* The listing of the mailbox selected, what must be known before it, and what
 * follows it: one task after the other until the login is accepted or refused.
 */
void bridge_start_listing(struct bridge *b);
void bridge_run_listing(struct bridge *b, const struct imap_session_event *ev);
void bridge_resume_listing(struct bridge *b);

/* --- bridge_update.c --- */

/* Why DELE cannot be carried out in the mailbox selected; FAULT_NONE: it can.
 */
enum fault bridge_removal_fault(const struct bridge *b);

/* QUIT. */
void bridge_start_quit(struct bridge *b);
void bridge_finish_quit(struct bridge *b, enum fault fault);

/* What it is to change in the mailbox |updating|, and those behind it. */
void bridge_update(struct bridge *b);
/* That one is done; or it is selected; or cannot be changed. */
void bridge_update_next(struct bridge *b);
void bridge_update_selected(struct bridge *b);
void bridge_give_up_update(struct bridge *b, enum fault fault);
void bridge_run_removal(struct bridge *b, const struct imap_session_event *ev);
/* The new connection does not take the token of the one before: it may have
 * ended since. False: it was asked for another already, in vain.
 */
MUST_CHECK bool bridge_ask_update_token(struct bridge *b);
/* The answer to that; or bridge_finish_quit. */
void bridge_update_granted(struct bridge *b, const struct login_grant *grant);
/* The connection is lost; |settled|: when it was, bridge_is_settled. */
void bridge_lose_update(struct bridge *b, enum fault fault, bool settled);

/* What DELE marked is gone from all of them: only flags may be missing. */
bool bridge_is_settled(const struct bridge *b);
/* The mailbox that is selected once more is the one that was listed. */
bool bridge_is_same_mailbox(const struct bridge *b);

/* --- bridge_task.c --- */

/* The task that has the mailbox from here on. */
void bridge_begin_task(struct bridge *b, enum bridge_task task);

/* Another mailbox, for the message that is asked for. */
void bridge_start_select(struct bridge *b);
void bridge_start_message(struct bridge *b);
void bridge_start_keepalive(struct bridge *b);
void bridge_start_drain(struct bridge *b);

/* What the server sends next was read ahead, and nobody has asked for it. */
bool bridge_waits_for_client(const struct bridge *b);

/* IMAP_SESSION_ITEM and IMAP_SESSION_COMPLETED are the task's. */
void bridge_run_task(struct bridge *b, const struct imap_session_event *ev);

/* The pause that the server asked for is over. */
void bridge_resume_task(struct bridge *b);
void bridge_forget_task(struct bridge *b);

/* The maildrop of the mailbox that is selected: after login. */
struct maildrop *bridge_maildrop(const struct bridge *b);

#endif
