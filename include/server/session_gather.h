/* session_gather.h - the sessions of all workers, told to the main thread.
 *
 * Sessions are their workers' own, so each worker writes down its sessions when
 * it is asked and hands the list over; nobody looks into a session from another
 * thread. A worker that does not answer in time, or has ended, is left out.
 *
 * Thread: the main one, but for session_gather_put.
 */
#ifndef POPINJAY_SERVER_SESSION_GATHER_H
#define POPINJAY_SERVER_SESSION_GATHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/attributes.h"
#include "net/address.h"
#include "session/bridge.h"

#define SESSION_NAME_MAX 64
#define SESSION_USER_MAX 320

struct session_facts {
    uint64_t number; /* as in the log */
    char listener[SESSION_NAME_MAX];
    char upstream[SESSION_NAME_MAX]; /* "": not known yet */
    struct address_text client;
    enum bridge_phase phase;
    const char *tls; /* "TLSv1.3", a constant; NULL: none */
    uint64_t age_ms;
    uint64_t messages; /* retrieved */
    uint64_t octets;   /* of those */
    size_t user_length;
    unsigned char user[SESSION_USER_MAX]; /* any octets; cut */
};

struct session_gather; /* opaque */

/* |complete|: all workers answered, and none had more than it could tell.
 * |facts| is of the sessions that began first, and valid during the call.
 */
typedef void session_gather_done(void *owner, const struct session_facts *facts,
                                 size_t count, bool complete);

/* NULL where there is no memory. */
MUST_CHECK struct session_gather *session_gather_new(uv_loop_t *loop,
                                                     session_gather_done *done,
                                                     void *owner);

/* Its handles; the memory is given back by session_gather_free, when the loop
 * has closed them and no worker runs. NULL is fine for both.
 */
void session_gather_close(struct session_gather *g);
void session_gather_free(struct session_gather *g);

/* Begins to wait for |workers| lists, which are to be put as of the round that
 * is returned; |done| is called once, and never from here. 0: a round is under
 * way already, whose |done| will do.
 */
uint64_t session_gather_begin(struct session_gather *g, unsigned workers);

/* By a worker, for a round: takes |facts|, which may be NULL, was allocated with
 * malloc and holds |count|. |more|: it has sessions that are not among them.
 */
void session_gather_put(struct session_gather *g, uint64_t round,
                        struct session_facts *facts, size_t count, bool more);

#endif
