#include "access/disk_queue.h"

#include <assert.h>
#include <utlist.h>

#include "base/limits.h"

void disk_queue_init(struct disk_queue *queue, uv_loop_t *loop)
{
    *queue = (struct disk_queue){ .loop = loop };
}

static void start_waiting(struct disk_queue *queue);

static void on_work(uv_work_t *work)
{
    struct disk_job *job = work->data;

    job->run(job);
}

/* Never cancelled: |status| is always 0. */
static void on_worked(uv_work_t *work, int status)
{
    struct disk_job *job = work->data;
    struct disk_queue *queue = job->queue;

    assert(status == 0);
    queue->running--;
    start_waiting(queue);
    job->done(job);
}

static void start_waiting(struct disk_queue *queue)
{
    while (queue->waiting != NULL && queue->running < DISK_JOBS_MAX) {
        struct disk_job *job = queue->waiting;
        int failed;

        DL_DELETE(queue->waiting, job);
        queue->running++;
        job->work.data = job;
        failed = uv_queue_work(queue->loop, &job->work, on_work, on_worked);
        assert(!failed); /* of nothing but a lack of |run| */
        (void)failed;
    }
}

void disk_queue_add(struct disk_queue *queue, struct disk_job *job,
                    disk_job_step *run, disk_job_step *done)
{
    job->queue = queue;
    job->run = run;
    job->done = done;
    DL_APPEND(queue->waiting, job);
    start_waiting(queue);
}
