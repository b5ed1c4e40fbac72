/* owner.h - the owner of a bridge, as strict as bridge.h lets it be.
 *
 * It does for the bridge what server/relay.c does, without sockets: serves its
 * wishes, takes its output, reports outcomes. And it holds the bridge to its
 * side of the contract: rooms and caps, wishes in an order that makes sense,
 * a lock that is freed, an end that comes.
 */
#ifndef POPINJAY_TESTS_FUZZ_OWNER_H
#define POPINJAY_TESTS_FUZZ_OWNER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/octet_budget.h"
#include "session/bridge.h"
#include "wire.h"

enum owner_client {
    OWNER_CLIENT_OPEN,
    OWNER_CLIENT_HANDSHAKE,
    OWNER_CLIENT_LEAVING, /* what is left is written */
    OWNER_CLIENT_CLOSED,
};

enum owner_upstream {
    OWNER_UPSTREAM_NONE,
    OWNER_UPSTREAM_CONNECTING,
    OWNER_UPSTREAM_OPEN,
    OWNER_UPSTREAM_HANDSHAKE,
};

enum owner_lock {
    OWNER_LOCK_FREE,
    OWNER_LOCK_ASKED,
    OWNER_LOCK_HELD,
};

struct owner {
    struct session_policy policy;
    struct upstream_policy upstream_policy;
    struct mailbox_policy mailbox_policy;
    struct octet_budget budget;
    struct bridge *bridge;
    struct wire wire;
    uint64_t now_ms;
    bool slow;    /* outputs are taken, and logins answered, only where the
                     input says so */
    bool blocked; /* logins that are asked for may not be tried */
    bool eager;   /* what is wished for succeeds at once */
    enum owner_client client;
    bool client_tls;
    enum owner_upstream upstream;
    bool another; /* server is there */
    struct buf
        on_the_way; /* the server's octets that the bridge did not take */
    bool has_parked;
    struct imap_parked parked;
    bool login_asked; /* and answered later, where the owner is slow */
    bool asked_again;
    struct credentials asked;
    enum owner_lock lock;
    struct known_mailbox known; /* of an earlier session: owner.c */
    uint64_t messages_deleted;  /* as the report said last */
    bool over;
};

/* |flags| choose the policy and how the owner behaves: see owner.c. */
void owner_init(struct owner *o, unsigned policy_flags, unsigned owner_flags);
void owner_fini(struct owner *o);

/* Octets of a peer. What the bridge has no room for is lost, of the client's;
 * the server's wait.
 */
void owner_client_says(struct owner *o, struct span s);
void owner_server_says(struct owner *o, struct span s);

/* Outputs: at most |n| octets go out. */
void owner_client_takes(struct owner *o, size_t n);
void owner_server_takes(struct owner *o, size_t n);

/* What is pending succeeds; or fails, in a manner that |how| chooses. */
void owner_succeed(struct owner *o);
void owner_fail(struct owner *o, unsigned how);

void owner_close_client(struct owner *o);
void owner_close_upstream(struct owner *o);
void owner_shut_down(struct owner *o);

void owner_wait(struct owner *o, uint64_t ms);
/* Until the bridge's next deadline; false: there is none. */
bool owner_wait_for_deadline(struct owner *o);

/* No more comes from anybody, in a manner that |how| chooses; the bridge must
 * come to its end.
 */
void owner_end(struct owner *o, unsigned how);

#endif
