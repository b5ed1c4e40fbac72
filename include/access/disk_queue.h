/* disk_queue.h - work that waits for the disk, off the event loop: a disk may be
 * slow, and fsync is meant to be.
 *
 * Bounds: DISK_JOBS_MAX at a time; those behind wait in their order. They share
 * libuv's few threads with the lookups of names and the hashing of passwords,
 * which a disk that hangs must not stop.
 *
 * Memory: a job is a part of what it is about, and lives until it is done.
 * Thread: that of the loop, but for what is run.
 */
#ifndef POPINJAY_ACCESS_DISK_QUEUE_H
#define POPINJAY_ACCESS_DISK_QUEUE_H

#include <uv.h>

struct disk_job;

typedef void disk_job_step(struct disk_job *job);

struct disk_queue {
    uv_loop_t *loop;
    struct disk_job *waiting; /* utlist */
    unsigned running;
};

struct disk_job {
    uv_work_t work;
    struct disk_queue *queue;
    struct disk_job *next; /* utlist */
    struct disk_job *prev;
    disk_job_step *run;  /* on a thread */
    disk_job_step *done; /* on the loop: the job may be added again, or freed */
};

void disk_queue_init(struct disk_queue *queue, uv_loop_t *loop);

/* Calls |run|, then |done|, neither from within this call. The loop does not end
 * before.
 */
void disk_queue_add(struct disk_queue *queue, struct disk_job *job,
                    disk_job_step *run, disk_job_step *done);

#endif
