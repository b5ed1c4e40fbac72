/* upstream_talk.h - a connection to the upstream for one that only looks: dials,
 * secures it, and carries octets between it and an IMAP session.
 *
 * Pull: it calls its owner only to say that something has stirred, and never
 * from within a function below. The owner then takes event after event, until
 * UPSTREAM_TALK_MORE, and does with |imap| what the events ask for; what that
 * writes is sent with the next upstream_talk_next.
 *
 * Thread: that of its loop. Memory: the owner's; it stays where it is from
 * upstream_talk_start to upstream_talk_fini.
 */
#ifndef POPINJAY_SERVER_UPSTREAM_TALK_H
#define POPINJAY_SERVER_UPSTREAM_TALK_H

#include <stdbool.h>

#include "base/attributes.h"
#include "base/span.h"
#include "config.h"
#include "net/connection.h"
#include "net/dialer.h"
#include "net/tls_context.h"
#include "server/upstream_servers.h"
#include "session/imap_session.h"
#include "session/policy.h"

/* Whom it talks to, and how; what is pointed at outlives the talk. */
struct upstream_talk_to {
    const struct config_upstream *upstream;
    const struct upstream_server *server; /* of those that it is made of */
    const struct upstream_policy *policy;
    struct tls_context *tls; /* not looked at without TLS */
};

struct upstream_talk {
    struct upstream_talk_to to;
    struct connection_space *space;
    connection_stir *stir;
    void *owner;
    struct dialer *dialer;         /* NULL: done, or cancelled */
    struct connection *connection; /* NULL: not yet, or closed */
    struct imap_session imap;
    bool has_imap;
    bool has_input;
    struct span input;
    bool is_untrusted;   /* with |failure|: it is the certificate */
    const char *failure; /* a constant text; NULL: none so far */
};

enum upstream_talk_status {
    UPSTREAM_TALK_EVENT,
    UPSTREAM_TALK_MORE,   /* nothing now */
    UPSTREAM_TALK_FAILED, /* no connection: see |failure|; for good */
};

/* False where there is no memory: it is as after upstream_talk_fini. */
MUST_CHECK bool upstream_talk_start(struct upstream_talk *t,
                                    const struct upstream_talk_to *to,
                                    struct connection_space *space,
                                    connection_stir *stir, void *owner);

/* |ev| is written with UPSTREAM_TALK_EVENT only, and valid until the next call;
 * never IMAP_SESSION_MORE and IMAP_SESSION_START_TLS, which are seen to here.
 * A connection that the server has ended is IMAP_SESSION_FAILED with
 * FAULT_UPSTREAM_GONE. After a failure, close.
 */
MUST_CHECK enum upstream_talk_status upstream_talk_next(
    struct upstream_talk *t, struct imap_session_event *ev);

/* LOGOUT, whose answer nobody waits for: then close. */
void upstream_talk_leave(struct upstream_talk *t);

/* It stirs no more, and has only UPSTREAM_TALK_MORE; what is unsent is still
 * sent. |imap| stays. Harmless twice.
 */
void upstream_talk_close(struct upstream_talk *t);

/* Also without upstream_talk_close: what is unsent is then lost. Harmless
 * twice.
 */
void upstream_talk_fini(struct upstream_talk *t);

#endif
