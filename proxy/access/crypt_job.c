#include "access/crypt_job.h"

#include <crypt.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

#define PREFIX "$y$" /* yescrypt, at its usual cost */

struct crypt_job {
    uv_work_t work;
    struct crypt_queue *queue;
    struct buf password; /* with a NUL behind it */
    struct buf hash;     /* likewise */
    struct buf sealed;
    struct buf name; /* of the lock */
    const char *purpose;
    bool is_decoy;
    struct crypt_result result;
    crypt_done *done; /* NULL: nobody waits for it */
    void *data;
};

static void leave(struct crypt_queue *queue)
{
    atomic_fetch_sub(&queue->jobs, 1);
}

static bool enter(struct crypt_queue *queue)
{
    if (atomic_fetch_add(&queue->jobs, 1) < CRYPT_JOBS_MAX)
        return true;
    leave(queue);
    return false;
}

static const char *text_of(const struct buf *b)
{
    return (const char *)buf_span(b).data;
}

/* crypt's scratch pad is too large for a stack, and full of the password. */
static enum crypt_verdict verify(const char *password, const char *hash)
{
    struct crypt_data *pad = calloc(1, sizeof(*pad));
    enum crypt_verdict verdict = CRYPT_WRONG;
    const char *made;

    if (pad == NULL)
        return CRYPT_FAILED;
    made = crypt_rn(password, hash, pad, (int)sizeof(*pad));
    if (made == NULL && errno == ENOMEM)
        verdict = CRYPT_FAILED;
    else if (made != NULL && strlen(made) == strlen(hash) &&
             CRYPTO_memcmp(made, hash, strlen(hash)) == 0)
        verdict = CRYPT_RIGHT;
    wipe(pad, sizeof(*pad));
    free(pad);
    return verdict;
}

/* --- on a thread --- */

static void open_sealed(struct crypt_job *j)
{
    struct span password = buf_span(&j->password);
    struct secret_lock lock = { .kind = SECRET_BOX_BY_PASSWORD,
                                .purpose = j->purpose,
                                .name = buf_span(&j->name) };

    password.len--; /* the NUL */
    lock.octets = password;
    j->result.opened =
        secret_box_open(&lock, buf_span(&j->sealed), &j->result.secret);
}

static void on_work(uv_work_t *work)
{
    struct crypt_job *j = work->data;

    j->result.verdict = verify(text_of(&j->password), text_of(&j->hash));
    if (j->is_decoy && j->result.verdict == CRYPT_RIGHT)
        j->result.verdict = CRYPT_WRONG;
    if (j->result.verdict == CRYPT_RIGHT && buf_length(&j->sealed) > 0)
        open_sealed(j);
}

/* --- on the loop --- */

static void discard(struct crypt_job *j)
{
    buf_fini(&j->password);
    buf_fini(&j->hash);
    buf_fini(&j->sealed);
    buf_fini(&j->name);
    buf_fini(&j->result.secret);
    free(j);
}

static void on_worked(uv_work_t *work, int status)
{
    struct crypt_job *j = work->data;

    (void)status; /* never cancelled: it is short, and its memory is needed */
    leave(j->queue);
    if (j->done != NULL)
        j->done(j->data, &j->result);
    discard(j);
}

static bool fill(struct crypt_job *j, const struct crypt_work *work)
{
    buf_init(&j->password, SASL_PART_MAX + 1);
    buf_init(&j->hash, CRYPT_OUTPUT_SIZE);
    buf_init(&j->sealed, 2 * SECRET_MAX);
    buf_init(&j->name, ACCOUNT_NAME_MAX);
    buf_init(&j->result.secret, SECRET_MAX);
    (void)buf_append(&j->password, work->password);
    (void)buf_append_string(&j->hash, work->hash);
    j->purpose = work->lock.purpose;
    j->is_decoy = work->is_decoy;
    return buf_append_octet(&j->password, '\0') &&
           buf_append_octet(&j->hash, '\0') &&
           (work->sealed.len == 0 || buf_append(&j->sealed, work->sealed)) &&
           (work->lock.name.len == 0 || buf_append(&j->name, work->lock.name));
}

static struct crypt_job *make(struct crypt_queue *queue, uv_loop_t *loop,
                              const struct crypt_work *work)
{
    struct crypt_job *j = calloc(1, sizeof(*j));

    if (j == NULL)
        return NULL;
    j->queue = queue;
    j->work.data = j;
    if (fill(j, work) && uv_queue_work(loop, &j->work, on_work, on_worked) == 0)
        return j;
    discard(j);
    return NULL;
}

struct crypt_job *crypt_job_start(struct crypt_queue *queue, uv_loop_t *loop,
                                  const struct crypt_work *work,
                                  crypt_done *done, void *data)
{
    struct crypt_job *j;

    if (!enter(queue))
        return NULL;
    j = make(queue, loop, work);
    if (j == NULL) {
        leave(queue);
        return NULL;
    }
    j->done = done;
    j->data = data;
    return j;
}

void crypt_job_cancel(struct crypt_job *job)
{
    job->done = NULL;
}

/* --- at once --- */

enum crypt_verdict crypt_judge(struct span password, const char *hash)
{
    enum crypt_verdict verdict = CRYPT_FAILED;
    struct buf words;

    buf_init(&words, SASL_PART_MAX + 1);
    (void)buf_append(&words, password);
    if (buf_append_octet(&words, '\0'))
        verdict = verify(text_of(&words), hash);
    buf_fini(&words);
    return verdict;
}

bool crypt_hash(struct span password, struct buf *hash)
{
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];
    struct crypt_data *pad = calloc(1, sizeof(*pad));
    const char *made = NULL;
    struct buf words;
    bool done;

    buf_init(&words, SASL_PART_MAX + 1);
    (void)buf_append(&words, password);
    if (pad != NULL && buf_append_octet(&words, '\0') &&
        crypt_gensalt_rn(PREFIX, 0, NULL, 0, setting, sizeof(setting)) != NULL)
        made = crypt_rn(text_of(&words), setting, pad, (int)sizeof(*pad));
    done = made != NULL && buf_append_string(hash, made);
    buf_fini(&words);
    if (pad != NULL)
        wipe(pad, sizeof(*pad));
    free(pad);
    return done;
}
