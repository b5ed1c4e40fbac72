/* scram_job.h - SCRAM's proof that we know a password, off the event loop: the
 * server says how much work it is, up to about half a second.
 *
 * Source: RFC 5802 §3, RFC 7677; RFC 4013 (SASLprep), by libgsasl.
 * Bounds: SCRAM_ROUNDS_MAX under way or waiting, all workers together; the places
 *         of crypt_job.h are not touched.
 */
#ifndef POPINJAY_ACCESS_SCRAM_JOB_H
#define POPINJAY_ACCESS_SCRAM_JOB_H

#include <uv.h>

#include "access/crypt_job.h"
#include "base/attributes.h"
#include "session/scram.h"

/* Valid until it returns, and wiped then. */
typedef void scram_job_done(void *data, const struct scram_proof *proof);

struct scram_job; /* opaque */

/* |work| is copied. NULL: no place, or no memory. */
MUST_CHECK struct scram_job *scram_job_start(struct crypt_queue *queue,
                                             uv_loop_t *loop,
                                             const struct scram_work *work,
                                             scram_job_done *done, void *data);

/* |done| is not called. The loop lives until the work has ended. NULL is fine. */
void scram_job_cancel(struct scram_job *job);

/* The same at once, on this thread. */
void scram_job_prove(const struct scram_work *work, struct scram_proof *proof);

#endif
