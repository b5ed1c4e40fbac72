#include "access/scram_job.h"

#include <gsasl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

struct scram_job {
    uv_work_t work;
    struct crypt_queue *queue;
    struct buf password;
    struct buf salt;
    struct buf message;
    uint32_t iterations;
    struct scram_proof proof;
    scram_job_done *done; /* NULL: nobody waits for it */
    void *data;
};

/* --- the queue --- */

static void leave(struct crypt_queue *queue, uint32_t rounds)
{
    atomic_fetch_sub(&queue->proofs, 1);
    atomic_fetch_sub(&queue->rounds, rounds);
}

static bool enter(struct crypt_queue *queue, uint32_t rounds)
{
    bool is_dear = rounds > SCRAM_ITERATIONS_DEAR;
    unsigned most = is_dear ? SCRAM_ROUNDS_DEAR_MAX : SCRAM_ROUNDS_MAX;
    unsigned before = atomic_fetch_add(&queue->rounds, rounds);

    atomic_fetch_add(&queue->proofs, 1);
    if (before <= most - rounds)
        return true;
    leave(queue, rounds);
    return false;
}

/* --- the proof: RFC 5802 §3 --- */

static bool hmac(const unsigned char *key, struct span message,
                 unsigned char *digest)
{
    return HMAC(EVP_sha256(), key, SCRAM_KEY_SIZE, message.data, message.len,
                digest, NULL) != NULL;
}

static bool hash(const unsigned char *octets, unsigned char *digest)
{
    return EVP_Digest(octets, SCRAM_KEY_SIZE, digest, NULL, EVP_sha256(),
                      NULL) == 1;
}

static bool sign(const unsigned char *salted, struct span message,
                 struct scram_proof *proof)
{
    unsigned char client[SCRAM_KEY_SIZE];
    unsigned char server[SCRAM_KEY_SIZE];
    unsigned char stored[SCRAM_KEY_SIZE];
    unsigned char signature[SCRAM_KEY_SIZE];
    bool done = hmac(salted, SPAN_LITERAL("Client Key"), client) &&
                hmac(salted, SPAN_LITERAL("Server Key"), server) &&
                hash(client, stored) && hmac(stored, message, signature) &&
                hmac(server, message, proof->server);

    for (size_t i = 0; i < SCRAM_KEY_SIZE; i++)
        proof->client[i] = client[i] ^ signature[i];
    wipe(client, sizeof(client));
    wipe(server, sizeof(server));
    wipe(stored, sizeof(stored));
    wipe(signature, sizeof(signature));
    return done;
}

static bool derive(const struct scram_work *work, struct span password,
                   struct scram_proof *proof)
{
    unsigned char salted[SCRAM_KEY_SIZE];
    bool done = PKCS5_PBKDF2_HMAC((const char *)password.data,
                                  (int)password.len, work->salt.data,
                                  (int)work->salt.len, (int)work->iterations,
                                  EVP_sha256(), sizeof(salted), salted) == 1 &&
                sign(salted, work->message, proof);

    wipe(salted, sizeof(salted));
    return done;
}

/* To which SASLprep does nothing: libgsasl then need not make copies of it. */
static bool is_prepared(struct span password)
{
    for (size_t i = 0; i < password.len; i++)
        if (password.data[i] < ' ' || password.data[i] > '~')
            return false;
    return true;
}

/* SASLprep, where the password is one that it takes. Others go as they are: they
 * cannot be meant in any other way, and servers that do not prepare take them.
 */
static bool derive_prepared(const struct scram_work *work,
                            struct scram_proof *proof)
{
    struct buf words; /* libgsasl wants a NUL behind them */
    char *prepared = NULL;
    bool done = false;

    buf_init(&words, SECRET_MAX + 1);
    (void)buf_append(&words, work->password);
    if (buf_append_octet(&words, '\0')) {
        int code = gsasl_saslprep((const char *)buf_span(&words).data,
                                  GSASL_ALLOW_UNASSIGNED, &prepared, NULL);

        if (code == GSASL_OK)
            done = derive(work, span_from_string(prepared), proof);
        else if (code != GSASL_MALLOC_ERROR)
            done = derive(work, work->password, proof);
    }
    if (prepared != NULL)
        wipe(prepared, strlen(prepared));
    gsasl_free(prepared);
    buf_fini(&words);
    return done;
}

void scram_job_prove(const struct scram_work *work, struct scram_proof *proof)
{
    bool done;

    *proof = (struct scram_proof){ .fault = FAULT_NO_MEMORY };
    if (is_prepared(work->password))
        done = derive(work, work->password, proof);
    else
        done = derive_prepared(work, proof);
    if (done)
        proof->fault = FAULT_NONE;
    ERR_clear_error();
}

/* --- on a thread --- */

static void on_work(uv_work_t *work)
{
    struct scram_job *j = work->data;
    const struct scram_work what = { .password = buf_span(&j->password),
                                     .salt = buf_span(&j->salt),
                                     .iterations = j->iterations,
                                     .message = buf_span(&j->message) };

    scram_job_prove(&what, &j->proof);
}

/* --- on the loop --- */

static void discard(struct scram_job *j)
{
    buf_fini(&j->password);
    buf_fini(&j->salt);
    buf_fini(&j->message);
    wipe(&j->proof, sizeof(j->proof));
    free(j);
}

static void on_worked(uv_work_t *work, int status)
{
    struct scram_job *j = work->data;

    (void)status; /* never cancelled: its memory is needed */
    leave(j->queue, j->iterations);
    if (j->done != NULL)
        j->done(j->data, &j->proof);
    discard(j);
}

static struct scram_job *make(struct crypt_queue *queue, uv_loop_t *loop,
                              const struct scram_work *work)
{
    struct scram_job *j = calloc(1, sizeof(*j));

    if (j == NULL)
        return NULL;
    j->queue = queue;
    j->work.data = j;
    j->iterations = work->iterations;
    buf_init(&j->password, SECRET_MAX);
    buf_init(&j->salt, SCRAM_SALT_MAX);
    buf_init(&j->message, UPSTREAM_OUTPUT_MAX);
    if (buf_append(&j->password, work->password) &&
        buf_append(&j->salt, work->salt) &&
        buf_append(&j->message, work->message) &&
        uv_queue_work(loop, &j->work, on_work, on_worked) == 0)
        return j;
    discard(j);
    return NULL;
}

struct scram_job *scram_job_start(struct crypt_queue *queue, uv_loop_t *loop,
                                  const struct scram_work *work,
                                  scram_job_done *done, void *data)
{
    struct scram_job *j;

    if (!enter(queue, work->iterations))
        return NULL;
    j = make(queue, loop, work);
    if (j == NULL) {
        leave(queue, work->iterations);
        return NULL;
    }
    j->done = done;
    j->data = data;
    return j;
}

void scram_job_cancel(struct scram_job *job)
{
    if (job != NULL)
        job->done = NULL;
}
