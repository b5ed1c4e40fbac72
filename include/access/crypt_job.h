/* crypt_job.h - a device's password against its hash, off the event loop: to
 * judge one takes tens of milliseconds, and is meant to.
 *
 * Source: crypt(5), yescrypt for what we hash ourselves.
 * Bounds: CRYPT_JOBS_MAX under way or waiting, all workers together, since they
 * share libuv's few threads with the lookups of names, and with scram_job.h.
 */
#ifndef POPINJAY_ACCESS_CRYPT_JOB_H
#define POPINJAY_ACCESS_CRYPT_JOB_H

#include <stdatomic.h>
#include <stdbool.h>
#include <uv.h>

#include "access/secret_box.h"
#include "base/attributes.h"
#include "base/buf.h"
#include "base/span.h"

/* What is under way, or waiting, of the process. Zeroed is empty. A server that
 * makes proofs dear takes no places from passwords.
 */
struct crypt_queue {
    atomic_uint jobs;   /* passwords that are judged */
    atomic_uint proofs; /* of SCRAM that are made: scram_job.h */
    atomic_uint rounds; /* that those take, all together */
};

struct crypt_work {
    struct span password;
    const char *hash; /* crypt(5) */
    bool is_decoy;    /* the work is done, and the answer is no */
    /* A secret that the password opens where it is right; empty: none. */
    struct span sealed;
    struct secret_lock lock; /* but for its octets, which are the password */
};

enum crypt_verdict {
    CRYPT_RIGHT,
    CRYPT_WRONG,
    CRYPT_FAILED, /* no memory to tell */
};

struct crypt_result {
    enum crypt_verdict verdict;
    enum secret_box_status opened;
    struct buf secret; /* the sealed one; wiped when the callback returns */
};

typedef void crypt_done(void *data, struct crypt_result *result);

struct crypt_job; /* opaque */

/* |work| is copied. NULL: no place, or no memory. */
MUST_CHECK struct crypt_job *crypt_job_start(struct crypt_queue *queue,
                                             uv_loop_t *loop,
                                             const struct crypt_work *work,
                                             crypt_done *done, void *data);

/* |done| is not called. The loop lives until the work has ended. */
void crypt_job_cancel(struct crypt_job *job);

/* The same at once, on this thread. */
MUST_CHECK enum crypt_verdict crypt_judge(struct span password,
                                          const char *hash);

/* A new hash of |password|. False: no randomness, or no memory. */
MUST_CHECK bool crypt_hash(struct span password, struct buf *hash);

#endif
