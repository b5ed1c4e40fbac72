/* access.h - whose login it is: with which upstream, by which rules and with
 * which secret it goes on, or why not.
 *
 * One question a login, one answer. What stands between them are steps, one
 * file each, in the order of access.c's table:
 *
 *   folder    does its name say which mailbox is meant? user+Folder
 *   account   is it a device's account, and may it come from there?
 *   proof     is it who it says it is? Without an account the upstream judges
 *   auth_http who is no account: what says the service that is asked?
 *   route     to which upstream, and by which name there?
 *   secret    with what it logs in there: sealed at rest, or as the client gave
 *
 * A step may take its time (a thread that hashes, a service that is asked); the
 * loop goes on meanwhile.
 *
 * Thread: that of the loop. One struct access for each.
 */
#ifndef POPINJAY_ACCESS_ACCESS_H
#define POPINJAY_ACCESS_ACCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "access/access_rules.h"
#include "access/crypt_job.h"
#include "access/proof.h"
#include "access/token_counter.h"
#include "base/attributes.h"
#include "base/counters.h"
#include "net/address.h"
#include "session/credentials.h"
#include "session/fault.h"

/* What all loops of the process have in common. */
struct access_shared {
    struct crypt_queue *crypt;
    struct token_desk *desk;
    const struct keyed_digest *decoys; /* of names that have no account */
};

/* What the steps of one loop have in common. */
struct access {
    uv_loop_t *loop;
    struct access_shared shared;
    struct counters *counters; /* of the loop */
    struct proof_maker proofs;
    struct http_client *http;     /* NULL: nobody was asked so far */
    struct token_counter *tokens; /* NULL: none was asked for so far */
};

/* All of them must outlive it. */
void access_init(struct access *access, uv_loop_t *loop,
                 const struct access_shared *shared, struct counters *counters);

/* No request is under way. The loop must run until what is closed is. */
void access_fini(struct access *access);

struct access_question {
    const struct access_rules *rules; /* outlive the answer */
    const char *listener;             /* the same */
    union address client;
    const char *tls_version; /* NULL: in clear; both outlive the answer */
    const char *tls_cipher;
    unsigned attempt; /* of this session, from 1 */
    bool again;       /* the same login: the upstream has refused the token */
    struct span refused; /* then: that token; copied */
    /* Of the greeting, for APOP, or CRAM-MD5's challenge; valid until the
     * question is asked.
     */
    struct span timestamp;
    const struct credentials *given; /* copied */
};

/* Valid until the callback returns, but for |account|, which is of the rules. */
struct access_answer {
    enum fault fault; /* FAULT_NONE: granted */
    uint64_t wait_ms; /* before the client is told; of a refusal */
    const char
        *problem; /* for the log, of a refusal; NULL: the fault says all */
    const struct account *account; /* NULL: there is none */
    enum secret_kind given_kind;   /* what the client gave */
    /* Also of a refusal, where it was known by then; else NULL. */
    const struct config_upstream *upstream;
    /* The rest: of a login that is granted. */
    /* Of |upstream|'s own, the only one to go to; NULL: any of them. */
    const struct config_address *server;
    /* Its server is none of |upstream|'s own but this; host NULL: it is. */
    struct config_address elsewhere;
    const struct config_policy *policy;
    const struct mailbox_list *mailboxes;  /* NULL: the policy's */
    const struct credentials *credentials; /* to be used there */
    bool secret_is_kept; /* an account's or the service's, not the client's */
};

typedef void access_answered(void *data, const struct access_answer *answer);

struct access_request; /* opaque */

/* |answered| is called once: before this returns NULL, or later, unless what it
 * returns is cancelled.
 */
MUST_CHECK struct access_request *access_ask(
    struct access *access, const struct access_question *question,
    access_answered *answered, void *data);

/* No answer comes. NULL is fine. */
void access_cancel(struct access_request *r);

#endif
